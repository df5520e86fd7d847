"""From a table and an estimator's arguments to checked arrays: `Sample`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.columns import (
    Floats,
    Integers,
    as_list,
    check_columns,
    codes_of,
    covariate_matrix,
    finite,
    nearest,
    numbers,
    refuse,
)
from causalrec_lab.causal.effects.few import cluster_notes, few_notes, rare_notes
from causalrec_lab.causal.effects.nuisances.scale import FLOAT32, standardised

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = [
    "ESTIMANDS",
    "Embeddings",
    "Floats",
    "Integers",
    "Sample",
    "embedding_matrix",
    "nearest",
    "read_sample",
]

Embeddings = npt.NDArray[Any] | Sequence[npt.NDArray[Any]]
ESTIMANDS = ("ATE", "ATT", "ATO")


@dataclass(frozen=True)
class Sample:
    """Arrays of one estimation problem, all of n rows and finite.

    Parameters
    ----------
    outcome, treatment
        (n,) outcome in its own unit, less its mean unless it is 0 or 1 (effects are differences: a shift changes
        none, and a large one would only cost digits); treatment 0 or 1.
    covariates
        (n, p) numeric covariates, categories as indicator columns.
    names
        The p column names.
    embeddings
        (n, d) standardised embeddings side by side; d = 0 where none were given.
    weights
        (n,) sampling weights with mean 1.
    clusters
        Integer codes of each cluster column (none, one or two).
    groups
        Integer codes of each column that folds must not split.
    propensity
        (n,) known P(treated = 1), or None.
    cluster_names
        Columns of the clusters.
    """

    outcome: Floats
    treatment: Floats
    covariates: Floats
    names: tuple[str, ...]
    embeddings: Floats
    weights: Floats
    clusters: tuple[Integers, ...]
    groups: tuple[Integers, ...]
    propensity: Floats | None
    cluster_names: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.outcome)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of an estimate must know about the sample."""
        clusters = cluster_notes(self.cluster_names, self.clusters)
        return (*clusters, *few_notes(self), *rare_notes(self.names, self.covariates))

    @property
    def treated(self) -> npt.NDArray[np.bool_]:
        """Mask of treated rows."""
        return np.asarray(self.treatment == 1)

    @property
    def binary_outcome(self) -> bool:
        """Whether every outcome is 0 or 1 and both occur."""
        return _is_binary(self.outcome)

    def take(self, rows: npt.NDArray[np.bool_]) -> Sample:
        """The rows of a mask, clusters and groups numbered anew."""

        def kept(codes: tuple[Integers, ...]) -> tuple[Integers, ...]:
            return tuple(np.unique(c[rows], return_inverse=True)[1].reshape(-1) for c in codes)

        columns = ("outcome", "treatment", "covariates", "embeddings", "weights")
        parts = {name: getattr(self, name)[rows] for name in columns}
        known = None if self.propensity is None else self.propensity[rows]
        return replace(self, **parts, clusters=kept(self.clusters), groups=kept(self.groups), propensity=known)


def read_sample(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    estimand: str = "ATE",
    groups: str | Sequence[str] | None = None,
    propensity: str | None = None,
    binary: bool = True,
    graph: CausalGraph | None = None,
) -> Sample:
    """Check an estimator's arguments and give the arrays it works on.

    Parameters
    ----------
    binary
        Whether the treatment must be 0 or 1; without, it is any number that varies.
    graph
        What is believed about the world; no covariate may then be an effect of the treatment. (Whether the covariates
        close every back door is another question: `graph.adjustment_problem(covariates, treatment, outcome)`.)

    Raises
    ------
    ValueError
        If a column or estimand is unknown (the nearest names are offered), the treatment has one level or others than
        0 and 1, an outcome is missing, a covariate is not finite or, in the graph, an effect of the treatment, or
        embeddings have another length or are not finite.
    """
    if estimand not in ESTIMANDS:
        raise ValueError(f"unknown estimand {estimand!r}; {nearest(estimand, ESTIMANDS)}")
    if isinstance(covariates, str):
        raise ValueError(f"covariates={covariates!r} is one string; give a list of column names: [{covariates!r}]")
    cluster_columns, group_columns = as_list(cluster), as_list(groups) or as_list(cluster)
    known = [*as_list(weights), *as_list(propensity)]
    check_columns(frame, [treatment, outcome, *covariates, *cluster_columns, *group_columns, *known])
    if twice := [c for c in covariates if c in (treatment, outcome)]:
        raise ValueError(f"covariates contain {twice[0]!r}, which is the treatment or the outcome; leave it out")
    if graph is not None:
        _check_graph(graph, treatment, covariates)
    matrix, names = covariate_matrix(frame, covariates)
    arms = _treatment(frame, treatment) if binary else _dose(frame, treatment)
    return Sample(
        outcome=_outcome(frame, outcome),
        treatment=arms,
        covariates=matrix,
        names=names,
        embeddings=embedding_matrix(embeddings, len(frame)),
        weights=_weights(frame, weights, arms),
        clusters=tuple(codes_of(frame, c) for c in cluster_columns),
        groups=tuple(codes_of(frame, c) for c in group_columns),
        propensity=_propensity(frame, propensity),
        cluster_names=tuple(cluster_columns),
    )


def _check_graph(graph: CausalGraph, treatment: str, covariates: Sequence[str]) -> None:
    after = [name for name in graph.descendants(treatment) if name in covariates]
    if after:
        raise ValueError(
            f"covariate {after[0]!r} is an effect of {treatment!r} in the graph: adjusting for it takes part of the "
            f"effect away or opens a new path; leave out {', '.join(map(repr, after))}, or ask "
            "graph.adjustment_set() what closes the back doors"
        )


def _outcome(frame: pd.DataFrame, name: str) -> Floats:
    values = numbers(frame, name)
    way_out = "drop rows whose outcome was not observed, and say so"
    refuse(name, values, np.isfinite(values), "missing or infinite outcomes", way_out)
    return values if _is_binary(values) else values - values.mean()


def _is_binary(values: Floats) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all() and np.ptp(values) > 0)


def _treatment(frame: pd.DataFrame, name: str) -> Floats:
    values = numbers(frame, name)
    refuse(name, values, np.isin(values, (0.0, 1.0)), "treatments other than 0 and 1", "code the treatment as 0 / 1")
    treated = int(values.sum())
    if treated in (0, len(values)):
        word = "treated" if treated else "untreated"
        raise ValueError(
            f"column {name!r} has a single class: all {len(values):,} rows are {word}; an effect needs both, "
            "so add the eligible decisions of the other kind (event logs have no untreated rows; decisions do)"
        )
    if 1 in (treated, len(values) - treated):
        word = "treated" if treated == 1 else "untreated"
        raise ValueError(
            f"column {name!r} has one {word} row among {len(values):,}; from one row nobody can tell how far it may be "
            "off, so an effect needs at least two rows in each arm (and some twenty for an honest interval)"
        )
    return values


def _dose(frame: pd.DataFrame, name: str) -> Floats:
    values = finite(frame, name)
    if values.min() == values.max():
        raise ValueError(f"treatment {name!r} is {values[0]:g} in all {len(values):,} rows; an effect needs it to vary")
    return values


def embedding_matrix(embeddings: Embeddings | None, n: int) -> Floats:
    """(n, d) standardised embeddings side by side; d = 0 where there are none.

    Raises
    ------
    ValueError
        If one has other than n rows, or is not finite.
    """
    if embeddings is None:
        return np.empty((n, 0))
    several = [embeddings] if isinstance(embeddings, np.ndarray) else list(embeddings)
    for number, block in enumerate(several):
        if np.ndim(block) != 2 or len(block) != n:
            raise ValueError(
                f"embeddings[{number}] has shape {np.shape(block)}; the table has {n:,} rows, so give an ({n}, d) "
                "array, "
                "one row a table row in the same order"
            )
        if not np.isfinite(block).all():
            row = int(np.argmin(np.isfinite(block).all(axis=1)))
            raise ValueError(
                f"embeddings[{number}] is not finite, first at row {row}; embed that text again or drop the row"
            )
    return np.column_stack([standardised(block, noise=FLOAT32) for block in several]) if several else np.empty((n, 0))


def _weights(frame: pd.DataFrame, name: str | None, treatment: Floats) -> Floats:
    if name is None:
        return np.ones(len(frame))
    values = finite(frame, name)
    refuse(name, values, values >= 0, "negative weights", "sampling weights are >= 0")
    for arm, word in ((1.0, "treated"), (0.0, "untreated")):
        if (treatment == arm).any() and values[treatment == arm].sum() == 0:
            raise ValueError(f"weights {name!r} are 0 in every {word} row; an effect needs weight in both arms")
    return np.asarray(values / values.mean())


def _propensity(frame: pd.DataFrame, name: str | None) -> Floats | None:
    if name is None:
        return None
    values = numbers(frame, name)
    inside = (values > 0) & (values < 1)
    way_out = "propensities are P(treated = 1), strictly between 0 and 1; drop decisions that could not go both ways"
    refuse(name, values, inside, "values outside (0, 1)", way_out)
    return values
