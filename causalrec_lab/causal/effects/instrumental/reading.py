"""From a table and instrument columns to checked arrays: `InstrumentSample`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import linalg

from causalrec_lab.causal.effects.columns import check_columns
from causalrec_lab.causal.effects.nuisances.cross_fitting import embedding_indices
from causalrec_lab.causal.effects.nuisances.scale import standardised
from causalrec_lab.causal.effects.sample import Embeddings, Floats, Integers, Sample, nearest, read_sample

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["InstrumentSample", "is_binary", "read_instruments"]

_SAME = 1e-8  # share of its variance that a column must keep once others are taken out


@dataclass(frozen=True)
class InstrumentSample:
    """Arrays of one instrumental-variables problem.

    Parameters
    ----------
    sample
        Outcome, treatment (any number that varies), covariates, weights, clusters.
    instruments
        (n, K) instruments.
    names
        The K columns.
    controls
        (n, q) columns that both stages hold fixed: 1, covariates that are not copies of one another, readings of
        embeddings.
    dropped
        Covariates left out because others determine them.
    """

    sample: Sample
    instruments: Floats
    names: tuple[str, ...]
    controls: Floats
    dropped: tuple[str, ...]

    @property
    def binary(self) -> bool:
        """Whether treatment and the one instrument are 0 or 1."""
        return self.instruments.shape[1] == 1 and is_binary(self.instruments) and is_binary(self.sample.treatment)

    def residuals(self, columns: Floats) -> Floats:
        """What is left of (n, m) columns once the controls are regressed out (weighted least squares)."""
        root = np.sqrt(self.sample.weights)[:, None]
        columns = columns - columns.mean(axis=0)  # the constant is a control; a large offset would cost digits
        fitted = linalg.lstsq(self.controls * root, columns * root, check_finite=False)[0]
        return np.asarray(columns - self.controls @ fitted)


def is_binary(values: Floats) -> bool:
    """Whether all values are 0 or 1."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def read_instruments(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    instrument: str | Sequence[str],
    *,
    embeddings: Embeddings | None,
    cluster: str | Sequence[str] | None,
    weights: str | None,
    groups: str | Sequence[str] | None,
    propensity: str | None,
    folds: int,
    seed: int,
    graph: CausalGraph | None = None,
) -> InstrumentSample:
    """Check the arguments of `iv` and give the arrays it works on.

    Raises
    ------
    ValueError
        If an instrument is missing, constant, the treatment itself, the outcome, a covariate, or determined by
        covariates or other instruments; if covariates determine the treatment; or on what every estimator refuses.
    """
    names = (instrument,) if isinstance(instrument, str) else tuple(instrument)
    _check_names(frame, names, treatment, outcome, covariates)
    sample = read_sample(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, groups=groups, propensity=propensity, binary=False,
        graph=graph,
    )  # fmt: skip
    instruments = np.column_stack([_instrument(frame, name) for name in names])
    if (sample.weights == 0).any():
        instruments, sample = instruments[sample.weights > 0], sample.take(sample.weights > 0)
        sample = replace(sample, weights=sample.weights / sample.weights.mean())
        _refuse_still(instruments, names)
    kept, dropped = _independent(sample)
    controls = np.column_stack([np.ones(sample.n), kept, *_readings(sample, instruments, folds, seed)])
    read = InstrumentSample(sample, instruments, names, controls, dropped)
    _check_relevance(read, treatment)
    return read


def _check_names(
    frame: pd.DataFrame, names: Sequence[str], treatment: str, outcome: str, covariates: Sequence[str]
) -> None:
    if not names:
        raise ValueError("instrument=() is empty; name at least one column that moves the treatment and nothing else")
    for name in names:
        if name not in frame.columns:
            raise ValueError(f"no instrument {name!r} in the table; {nearest(name, [str(c) for c in frame.columns])}")
        if name == treatment:
            raise ValueError(f"instrument {name!r} is the treatment; with no other column use regression or aipw")
        if name == outcome:
            raise ValueError(f"instrument {name!r} is the outcome; an instrument moves the treatment, not the outcome")
        if name in covariates:
            raise ValueError(
                f"instrument {name!r} stands among the covariates, which hold it fixed; leave it out there"
            )
    check_columns(frame, names)
    if len(set(names)) < len(names):
        raise ValueError(f"instrument={list(names)!r} names a column twice")


def _instrument(frame: pd.DataFrame, name: str) -> Floats:
    if not (pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_bool_dtype(frame[name])):
        raise ValueError(
            f"instrument {name!r} holds {frame[name].dtype} values; code it as numbers, 0 / 1 for two kinds"
        )
    values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        count = int((~np.isfinite(values)).sum())
        raise ValueError(f"instrument {name!r} has {count:,} non-finite values, first at row {row}: {values[row]}")
    if np.ptp(values) == 0:
        raise ValueError(
            f"instrument {name!r} is {values[0]:g} in all {len(values):,} rows; it must vary to move anything"
        )
    return values


def _refuse_still(instruments: Floats, names: Sequence[str]) -> None:
    for name, values in zip(names, instruments.T, strict=True):
        if np.ptp(values) == 0:
            raise ValueError(
                f"instrument {name!r} is {values[0]:g} in all {len(values):,} rows of positive weight; it must vary"
            )


def _independent(sample: Sample) -> tuple[Floats, tuple[str, ...]]:
    """Covariates without those that the others determine (first come, first kept), on one scale."""
    z = standardised(sample.covariates)
    if z.shape[1] == 0:
        return z, ()
    upper = np.abs(np.diag(linalg.qr(z, mode="economic", check_finite=False)[1]))
    alive = np.zeros(z.shape[1], dtype=bool)
    alive[: len(upper)] = upper > np.sqrt(_SAME * sample.n)
    return z[:, alive], tuple(name for name, keep in zip(sample.names, alive, strict=True) if not keep)


def _readings(sample: Sample, instruments: Floats, folds: int, seed: int) -> list[Floats]:
    """Cross-fitted readings of the embeddings for treatment, outcome and every instrument."""
    if not sample.embeddings.shape[1]:
        return []
    grouped = sample if sample.groups else replace(sample, groups=(np.arange(sample.n, dtype=np.int64),))
    found = [embedding_indices(grouped, folds=folds, seed=seed)]
    found += [embedding_indices(replace(grouped, treatment=z), folds=folds, seed=seed) for z in instruments.T]
    return [_alive(np.column_stack(found))]


def _alive(columns: Floats) -> Floats:
    kept: Integers = np.flatnonzero(columns.std(axis=0) > 0)
    return columns[:, kept]


def _check_relevance(read: InstrumentSample, treatment: str) -> None:
    sample, (q, k) = read.sample, (read.controls.shape[1], len(read.names))
    if sample.n <= q + k + 1:
        raise ValueError(f"{sample.n} rows for {q} controls and {k} instruments; give more rows or fewer columns")
    raw = np.column_stack([sample.treatment, read.instruments])
    left = read.residuals(raw)
    total = sample.weights @ (raw - np.average(raw, axis=0, weights=sample.weights)) ** 2
    share = sample.weights @ left**2 / np.where(total > 0, total, 1.0)
    for name, kept in zip((treatment, *read.names), share, strict=True):
        if kept < _SAME:
            what = "treatment" if name == treatment else "instrument"
            raise ValueError(
                f"the covariates determine {what} {name!r}; nothing of it is left to compare: drop the copy"
            )
    root = np.sqrt(sample.weights)[:, None]
    scaled = left * root / np.sqrt(np.einsum("ij,ij->j", left * root, left * root))
    upper = np.abs(np.diag(linalg.qr(scaled[:, 1:], mode="economic", check_finite=False)[1]))
    if (upper < np.sqrt(_SAME)).any():
        name = read.names[int(np.argmin(upper))]
        raise ValueError(f"instrument {name!r} is determined by the other instruments (and covariates); leave it out")
    outside = scaled[:, 0] - scaled[:, 1:] @ linalg.lstsq(scaled[:, 1:], scaled[:, 0], check_finite=False)[0]
    if outside @ outside < _SAME:
        raise ValueError(
            f"the instrument is the treatment {treatment!r} itself (given covariates it determines it exactly), so it "
            "adds nothing; use regression or aipw where treatment was randomised"
        )
