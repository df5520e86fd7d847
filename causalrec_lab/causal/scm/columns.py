"""Columns that can carry a structural causal model: checked, and told apart as discrete or continuous."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.graph.notation import nearest

__all__ = ["MISSING", "checked", "kind_of"]

LEVELS = 20  # a numeric column with more values than this is continuous
MISSING = ("refuse", "drop", "em")
KINDS = ("auto", "discrete", "gaussian")


def checked(
    frame: pd.DataFrame, graph: CausalGraph, missing: str = "refuse", states: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Give the graph's columns, rows with missing values treated as asked.

    Parameters
    ----------
    frame, graph
        Data with a column a node.
    missing
        "refuse": an error; "drop": rows that show everything; "em": left in for expectation and maximisation.
    states
        States that were declared; such a column may be constant.

    Raises
    ------
    ValueError
        If a node has no column, a column is constant, holds infinite or (unless asked otherwise) missing values, or
        rows are too few.
    """
    if missing not in MISSING:
        raise ValueError(f"missing={missing!r}; {nearest(missing, MISSING)}")
    for name in states or {}:
        if name not in graph.nodes:
            raise ValueError(f"states: {name!r} is no node of the model; {nearest(name, graph.nodes)}")
    if twice := [n for n in graph.observed if (frame.columns == n).sum() > 1]:
        raise ValueError(f"the frame has two columns {twice[0]!r}; drop or rename one")
    for node in graph.observed:
        if node not in frame.columns:
            raise ValueError(f"node {node!r} has no column; {nearest(node, frame.columns)}")
    data = frame[list(graph.observed)]
    if missing == "drop":
        data = data.dropna()
    for node in graph.observed:
        _refuse_column(data[node], node, len(graph.parents(node)), missing, node in (states or {}))
    return data


def kind_of(frame: pd.DataFrame, nodes: Iterable[str], kind: str = "auto") -> str:
    """Say whether the model is "discrete" or "gaussian".

    Raises
    ------
    ValueError
        If kinds are mixed, or columns do not fit the kind that was asked for.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}; {nearest(kind, KINDS)}")
    wide = {n: _continuous(frame[n]) for n in nodes}
    if kind == "gaussian":
        if words := [n for n in wide if not pd.api.types.is_numeric_dtype(frame[n])]:
            raise ValueError(f"column {words[0]!r} holds no numbers; a linear-Gaussian model needs them")
        return kind
    if kind == "discrete":
        if first := next((n for n in wide if wide[n]), None):
            raise ValueError(f"column {first!r} is continuous; cut it into bins first (pandas.qcut) or kind='gaussian'")
        return kind
    if len(set(wide.values())) == 2:
        split = [", ".join(n for n in wide if wide[n] == side) for side in (True, False)]
        raise ValueError(
            f"columns {split[0]} are continuous, {split[1]} discrete; cut the former into bins (pandas.qcut), or give "
            "kind='gaussian' to treat all as numbers with linear effects"
        )
    return "gaussian" if any(wide.values()) else "discrete"


def _refuse_column(column: pd.Series, node: str, causes: int, missing: str, declared: bool) -> None:
    if (gaps := int(column.isna().sum())) and missing == "refuse":
        raise ValueError(
            f"column {node!r} has {gaps} missing values of {len(column)}; give missing='em' if they are missing at "
            "random, missing='drop' to keep complete rows only, or impute them first"
        )
    if gaps == len(column):
        raise ValueError(f"column {node!r} holds no value at all; leave the node out or declare it latent")
    if pd.api.types.is_float_dtype(column) and (wrong := np.isinf(column.to_numpy(float, na_value=np.nan))).any():
        raise ValueError(
            f"column {node!r} has {int(wrong.sum())} infinite values of {len(column)}, first at row "
            f"{column.index[int(wrong.argmax())]!r}; replace or drop them first"
        )
    if column.nunique() < 2 and not declared:
        raise ValueError(
            f"column {node!r} is constant: it can have no effect here; leave the node out, or declare all its states "
            "with states={…}"
        )
    if len(column) <= causes + 1:
        raise ValueError(f"{len(column)} rows are too few to estimate the mechanism of {node!r}")


def _continuous(column: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return False
    values = column.dropna()
    return values.nunique() > LEVELS or bool((values % 1 != 0).any())
