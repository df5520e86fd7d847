"""From a long table of units and periods to wide checked arrays: `Panel`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.columns import as_list, check_columns
from causalrec_lab.causal.effects.panel.text import UnitText
from causalrec_lab.causal.effects.sample import Embeddings, Floats, Integers, embedding_matrix, read_sample

__all__ = ["Panel", "read_panel"]

_CLOCK = "number of the period"


@dataclass(frozen=True)
class Panel:
    """Units by periods.

    Parameters
    ----------
    outcome
        (units, P) outcome less its mean; nan where a unit was not seen.
    covariates
        (units, P, p), or (units, 1, p) where none changes over time.
    cohort
        (units,) number of the first treated period, 1 to P - 1; P for units not treated while observed.
    labels
        The P periods as the table names them, in order.
    clock
        (P,) the periods as numbers: their own, or 0, 1, … for dates.
    weights, clusters
        (units,) sampling weights with mean 1; cluster codes.
    names
        Of the p covariate columns.
    notes
        What was left out or read in a way worth knowing.
    text
        Embeddings of the units, where given.
    """

    outcome: Floats
    covariates: Floats
    cohort: Integers
    labels: tuple[Any, ...]
    clock: Floats
    weights: Floats
    clusters: Integers
    names: tuple[str, ...]
    notes: tuple[str, ...]
    text: UnitText | None = None

    @property
    def units(self) -> int:
        """Units."""
        return len(self.cohort)

    @property
    def periods(self) -> int:
        """Periods P."""
        return len(self.labels)

    @property
    def cohorts(self) -> Integers:
        """Period numbers at which some unit is first treated, in order."""
        found = np.unique(self.cohort)
        return np.asarray(found[found < self.periods])

    @property
    def rows(self) -> int:
        """Observed unit-periods."""
        return int(np.isfinite(self.outcome).sum())

    def base_covariates(self, period: int) -> Floats:
        """(units, p) covariates as they were in a period."""
        return np.asarray(self.covariates[:, min(period, self.covariates.shape[1] - 1)])


def read_panel(
    frame: pd.DataFrame,
    outcome: str,
    *,
    unit: str,
    time: str,
    cohort: str,
    covariates: Sequence[str],
    cluster: str | None,
    weights: str | None,
    anticipation: int,
    embeddings: Embeddings | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Panel:
    """Check a long table and give wide arrays.

    Raises
    ------
    ValueError
        If a column is unknown, a unit stands twice in a period, a unit's cohort, cluster or weight changes over time,
        there is one period only, nobody is treated inside the window, or on what every estimator refuses.
    """
    check_columns(frame, [unit, time, cohort, *as_list(weights)])
    E = embedding_matrix(embeddings, len(frame))
    kept, without = _weighed(frame, weights)
    frame, E = frame[kept], E[kept]
    if twice := [c for c in covariates if c in (outcome, cohort)]:
        raise ValueError(f"covariates contain {twice[0]!r}, which is the outcome or the cohort; leave it out")
    labels, period = _periods(frame, time)
    sample = read_sample(
        frame.assign(**{_CLOCK: period}), _CLOCK, outcome, covariates,
        cluster=unit if cluster is None else cluster, weights=weights, binary=False,
    )  # fmt: skip
    code, ids = pd.factorize(frame[unit])
    if (code < 0).any():
        raise ValueError(f"column {unit!r} has {(code < 0).sum():,} missing values; every row needs its unit")
    _refuse_repeats(code, period, ids, labels, unit, time)
    first = np.unique(code, return_index=True)[1]
    start, said = _cohorts(frame, cohort, labels)
    for fixed, values in ((cohort, start), (cluster, sample.clusters[0]), (weights, sample.weights)):
        _refuse_change(fixed, values, code, first, ids)
    wide = np.full((len(ids), len(labels)), np.nan)
    wide[code, period] = sample.outcome
    panel = Panel(
        outcome=wide,
        covariates=_covariates(sample.covariates, code, period, first, len(labels)),
        cohort=start[first],
        labels=tuple(labels),
        clock=_clock(labels),
        weights=sample.weights[first] / sample.weights[first].mean(),
        clusters=sample.clusters[0][first],
        names=sample.names,
        notes=(*without, *said, *_on_gaps(labels, wide), *sample.notes),
        text=_text(E, code, period, wide.shape, folds, seed),
    )
    return _with_a_before(panel, anticipation, cohort)


def _text(
    E: Floats, code: Integers, period: Integers, shape: tuple[int, ...], folds: int, seed: int
) -> UnitText | None:
    if not E.shape[1]:
        return None
    place = np.full(shape, -1, dtype=np.int64)
    place[code, period] = np.arange(len(E))
    return UnitText(E, place, folds, seed)


def _weighed(frame: pd.DataFrame, weights: str | None) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Mask of the rows that count; rows of weight zero are no rows."""
    if weights is None or not (none := (frame[weights] == 0).to_numpy(dtype=bool, na_value=False)).any():
        return np.ones(len(frame), dtype=bool), []
    if none.all():
        raise ValueError(f"weights {weights!r} are 0 in every row; an effect needs rows that count")
    return ~none, [f"{int(none.sum()):,} rows of weight zero are left out"]


def _periods(frame: pd.DataFrame, time: str) -> tuple[pd.Index, Integers]:
    if frame[time].isna().any():
        row = int(np.argmax(frame[time].isna().to_numpy()))
        raise ValueError(f"column {time!r} has {int(frame[time].isna().sum()):,} missing values, first at row {row}")
    if not (pd.api.types.is_numeric_dtype(frame[time]) or frame[time].dtype.kind == "M"):
        raise ValueError(
            f"column {time!r} holds {frame[time].dtype} values; give periods as numbers or dates (pd.to_datetime reads "
            "dates written as text)"
        )
    if frame[time].dtype.kind == "f" and (endless := ~np.isfinite(frame[time].to_numpy(dtype=np.float64))).any():
        raise ValueError(f"column {time!r} is infinite, first at row {int(endless.argmax())}; give the period's number")
    labels = pd.Index(np.sort(frame[time].unique()))
    if len(labels) < 2:
        raise ValueError(
            f"column {time!r} has {len(labels)} period; a difference over time needs a before and an after"
        )
    return labels, np.asarray(labels.get_indexer(frame[time]), dtype=np.int64)


def _cohorts(frame: pd.DataFrame, name: str, labels: pd.Index) -> tuple[Integers, list[str]]:
    """Number of each row's first treated period; P for never."""
    values, said, dates = frame[name], [], labels.dtype.kind == "M"
    if dates and values.dtype.kind != "M" and values.notna().any():
        raise ValueError(
            f"periods are dates but cohort {name!r} holds {values.dtype}; give dates, empty for never treated"
        )
    if not dates and not pd.api.types.is_numeric_dtype(values):
        raise ValueError(
            f"cohort {name!r} holds {values.dtype} values; give first treated periods, nan for never treated"
        )
    never = values.isna().to_numpy(dtype=bool, copy=True)
    if not dates:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        never |= np.isposinf(numbers)
        if (zero := numbers == 0).any() and labels[0] > 0:
            never |= zero
            said.append("cohort 0 lies before the first period and is read as never treated, the field's custom")
        values = pd.Series(numbers)
    start = np.full(len(frame), len(labels), dtype=np.int64)
    known = values[~never]
    start[~never] = np.searchsorted(labels.to_numpy(), known.to_numpy(), side="left")
    if len(between := known[~known.isin(labels) & (start[~never] > 0) & (start[~never] < len(labels))]):
        said.append(f"cohorts that begin between periods (such as {between.iloc[0]}) count from the next observed one")
    if ((start == len(labels)) & ~never).any():
        said.append("units first treated after the last period count as not treated: they are not while observed")
    return start, said


def _refuse_repeats(code: Integers, period: Integers, ids: Any, labels: pd.Index, unit: str, time: str) -> None:
    key = pd.Series(code * len(labels) + period)
    if (again := key.duplicated()).any():
        row = int(np.argmax(again.to_numpy()))
        raise ValueError(
            f"{int(again.sum()):,} rows repeat a unit's period, first {unit!r} = {ids[code[row]]}, {time!r} = "
            f"{labels[period[row]]}; sum or average them to one row a unit and period, and say so"
        )


def _refuse_change(name: str | None, values: Any, code: Integers, first: Integers, ids: Any) -> None:
    changed = values != values[first][code]
    if name is not None and changed.any():
        where = ids[code[int(np.argmax(changed))]]
        raise ValueError(
            f"column {name!r} changes within {len(np.unique(code[changed])):,} units, first unit {where}; it must be "
            "one value a unit (a cohort is the first treated period, and treatment stays)"
        )


def _covariates(matrix: Floats, code: Integers, period: Integers, first: Integers, periods: int) -> Floats:
    if np.array_equal(matrix, matrix[first][code]):
        return np.asarray(matrix[first][:, None, :])
    wide = np.full((len(first), periods, matrix.shape[1]), np.nan)
    wide[code, period] = matrix
    return wide


def _clock(labels: pd.Index) -> Floats:
    return np.arange(len(labels), dtype=np.float64) if labels.dtype.kind == "M" else labels.to_numpy(dtype=np.float64)


def _on_gaps(labels: pd.Index, wide: Floats) -> list[str]:
    said = []
    steps = np.diff(_clock(labels))
    if (steps > steps.min() * (1 + 1e-9)).any():
        after = labels[int(np.argmax(steps))]
        said.append(
            f"periods are unevenly spaced (a gap after {after}); the base is the last period seen before treatment"
        )
    if missing := int(np.isnan(wide).sum()):
        said.append(
            f"warning: {missing:,} of {wide.size:,} unit-periods are missing; each comparison uses the units seen in "
            "both its periods, which is right only if being seen has nothing to do with how outcomes change"
        )
    return said


def _with_a_before(panel: Panel, anticipation: int, cohort: str) -> Panel:
    """The panel without units that are treated too early to have an untreated period."""
    from dataclasses import replace

    if anticipation > panel.periods - 2:
        raise ValueError(
            f"anticipation={anticipation} of {panel.periods} periods leaves none before and after it; give at most "
            f"{panel.periods - 2}"
        )
    late = panel.cohort > anticipation
    if not (panel.cohort[late] < panel.periods).any():
        raise ValueError(
            f"column {cohort!r} has no unit first treated after {panel.labels[anticipation]!r} and by "
            f"{panel.labels[-1]!r}; without a before and an after there is no difference in differences"
        )
    if late.all():
        return panel
    note = f"{int((~late).sum()):,} units are left out: treated from the first period on, they have no before"
    return replace(
        panel, outcome=panel.outcome[late], covariates=panel.covariates[late], cohort=panel.cohort[late],
        weights=panel.weights[late] / panel.weights[late].mean(),
        clusters=np.unique(panel.clusters[late], return_inverse=True)[1].reshape(-1), notes=(note, *panel.notes),
        text=None if panel.text is None else replace(panel.text, place=panel.text.place[late]),
    )  # fmt: skip
