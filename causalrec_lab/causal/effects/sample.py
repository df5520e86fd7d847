"""From a table and an estimator's arguments to checked arrays: `Sample`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.nuisances.scale import FLOAT32, standardised

__all__ = ["ESTIMANDS", "Embeddings", "Floats", "Integers", "Sample", "nearest", "read_sample"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Embeddings = npt.NDArray[Any] | Sequence[npt.NDArray[Any]]
ESTIMANDS = ("ATE", "ATT", "ATO")
_MAX_LEVELS = 50  # a category with more levels than this is an identifier, not a covariate


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
        return _cluster_notes(self.cluster_names, self.clusters)

    @property
    def treated(self) -> npt.NDArray[np.bool_]:
        """Mask of treated rows."""
        return np.asarray(self.treatment == 1)

    @property
    def binary_outcome(self) -> bool:
        """Whether every outcome is 0 or 1."""
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
) -> Sample:
    """Check an estimator's arguments and give the arrays it works on.

    Parameters
    ----------
    binary
        Whether the treatment must be 0 or 1; without, it is any number that varies.

    Raises
    ------
    ValueError
        If a column or estimand is unknown (the nearest names are offered), the treatment has one level or others than
        0 and 1, an outcome is missing, a covariate is not finite, or embeddings have another length or are not finite.
    """
    if estimand not in ESTIMANDS:
        raise ValueError(f"unknown estimand {estimand!r}; {nearest(estimand, ESTIMANDS)}")
    if isinstance(covariates, str):
        raise ValueError(f"covariates={covariates!r} is one string; give a list of column names: [{covariates!r}]")
    cluster_columns, group_columns = _as_list(cluster), _as_list(groups) or _as_list(cluster)
    known = [*_as_list(weights), *_as_list(propensity)]
    _check_columns(frame, [treatment, outcome, *covariates, *cluster_columns, *group_columns, *known])
    if twice := [c for c in covariates if c in (treatment, outcome)]:
        raise ValueError(f"covariates contain {twice[0]!r}, which is the treatment or the outcome; leave it out")
    matrix, names = _covariate_matrix(frame, covariates)
    arms = _treatment(frame, treatment) if binary else _dose(frame, treatment)
    return Sample(
        outcome=_outcome(frame, outcome),
        treatment=arms,
        covariates=matrix,
        names=names,
        embeddings=_embedding_matrix(embeddings, len(frame)),
        weights=_weights(frame, weights, arms),
        clusters=tuple(_codes(frame, c) for c in cluster_columns),
        groups=tuple(_codes(frame, c) for c in group_columns),
        propensity=_propensity(frame, propensity),
        cluster_names=tuple(cluster_columns),
    )


def nearest(name: str, known: Sequence[str]) -> str:
    """Words that offer the known names closest to a wrong one."""
    close = difflib.get_close_matches(str(name), [str(k) for k in known], n=3, cutoff=0.5)
    return f"did you mean {', '.join(map(repr, close))}?" if close else f"known are {', '.join(map(repr, known))}"


def _as_list(value: str | Sequence[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _check_columns(frame: pd.DataFrame, wanted: Sequence[str]) -> None:
    for name in wanted:
        if name not in frame.columns:
            raise ValueError(f"no column {name!r} in the table; {nearest(name, list(frame.columns))}")
        if isinstance(frame[name], pd.DataFrame):
            raise ValueError(f"column {name!r} stands {frame[name].shape[1]} times in the table; rename or drop one")
    if len(frame) == 0:
        raise ValueError("the table has no rows; check the filter that made it")


def _outcome(frame: pd.DataFrame, name: str) -> Floats:
    values = _numbers(frame, name)
    way_out = "drop rows whose outcome was not observed, and say so"
    _refuse(name, values, np.isfinite(values), "missing or infinite outcomes", way_out)
    return values if _is_binary(values) else values - values.mean()


def _is_binary(values: Floats) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


def _treatment(frame: pd.DataFrame, name: str) -> Floats:
    values = _numbers(frame, name)
    _refuse(name, values, np.isin(values, (0.0, 1.0)), "treatments other than 0 and 1", "code the treatment as 0 / 1")
    if values.min() == values.max():
        word = "treated" if values[0] == 1 else "untreated"
        raise ValueError(
            f"column {name!r} has a single class: all {len(values):,} rows are {word}; an effect needs both, "
            "so add the eligible decisions of the other kind (event logs have no untreated rows; decisions do)"
        )
    return values


def _dose(frame: pd.DataFrame, name: str) -> Floats:
    values = _finite(frame, name)
    if values.min() == values.max():
        raise ValueError(f"treatment {name!r} is {values[0]:g} in all {len(values):,} rows; an effect needs it to vary")
    return values


def _covariate_matrix(frame: pd.DataFrame, covariates: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    columns: list[Floats] = []
    names: list[str] = []
    for name in covariates:
        if pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_bool_dtype(frame[name]):
            columns.append(_finite(frame, name))
            names.append(name)
            continue
        present = frame[name].notna().to_numpy()
        _refuse(name, frame[name].to_numpy(), present, "missing values", "give them a level of their own")
        levels = sorted(frame[name].astype(str).unique())
        if len(levels) > _MAX_LEVELS:
            raise ValueError(f"covariate {name!r} has {len(levels)} levels; group them, or give them as embeddings=")
        text = frame[name].astype(str).to_numpy()
        columns += [(text == level).astype(np.float64) for level in levels[1:]]
        names += [f"{name}={level}" for level in levels[1:]]
    return (np.column_stack(columns) if columns else np.empty((len(frame), 0))), tuple(names)


def _finite(frame: pd.DataFrame, name: str) -> Floats:
    values = _numbers(frame, name)
    way_out = "impute them with an indicator, or drop the rows, and say so"
    _refuse(name, values, np.isfinite(values), "non-finite values", way_out)
    return values


def _embedding_matrix(embeddings: Embeddings | None, n: int) -> Floats:
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
    values = _finite(frame, name)
    _refuse(name, values, values >= 0, "negative weights", "sampling weights are >= 0")
    for arm, word in ((1.0, "treated"), (0.0, "untreated")):
        if (treatment == arm).any() and values[treatment == arm].sum() == 0:
            raise ValueError(f"weights {name!r} are 0 in every {word} row; an effect needs weight in both arms")
    return np.asarray(values / values.mean())


def _propensity(frame: pd.DataFrame, name: str | None) -> Floats | None:
    if name is None:
        return None
    values = _numbers(frame, name)
    inside = (values > 0) & (values < 1)
    way_out = "propensities are P(treated = 1), strictly between 0 and 1; drop decisions that could not go both ways"
    _refuse(name, values, inside, "values outside (0, 1)", way_out)
    return values


def _codes(frame: pd.DataFrame, name: str) -> Integers:
    codes = np.asarray(pd.factorize(frame[name])[0], dtype=np.int64)
    way_out = "every row needs a cluster; give lone rows their own"
    _refuse(name, frame[name].to_numpy(), codes >= 0, "missing values", way_out)
    return codes


def _cluster_notes(names: Sequence[str], clusters: Sequence[Integers]) -> tuple[str, ...]:
    few = [(name, int(codes.max()) + 1) for name, codes in zip(names, clusters, strict=True) if codes.max() + 1 < 20]
    return tuple(
        f"warning: only {count} clusters in {name!r}; cluster-robust errors need about 20 or more, so this "
        "interval is too short"
        for name, count in few
    )


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    if frame[name].dtype.kind in "mM":
        raise ValueError(f"column {name!r} holds times ({frame[name].dtype}); give a number in a unit of your choice")
    try:
        return np.asarray(pd.to_numeric(frame[name]).to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r} holds {frame[name].dtype} values that are not numbers: {error}") from error


def _refuse(name: str, values: npt.NDArray[Any], good: npt.NDArray[np.bool_], what: str, way_out: str) -> None:
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"column {name!r} has {int((~good).sum()):,} {what}, first at row {row}: {values[row]}; {way_out}"
        )
