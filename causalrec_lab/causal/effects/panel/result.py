"""What difference in differences gives: `PanelEffects`."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.diagnosing.verdicts import judgement
from causalrec_lab.causal.effects.panel.aggregation import Aggregate, Shares, aggregate, covariance, sup_t
from causalrec_lab.causal.effects.panel.group_time import Cells
from causalrec_lab.causal.effects.panel.pretrends import PreTrend, breakdown_ratio, pretrend_test, relative_magnitudes
from causalrec_lab.causal.effects.sample import Floats, nearest
from causalrec_lab.estimate import Estimate, z_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PanelEffects"]

_INDEX = {"simple": "all", "group": "cohort", "dynamic": "event_time", "calendar": "time"}


@dataclass(frozen=True, eq=False)
class PanelEffects:
    """Effects by cohort and time, with what is needed to average and to doubt them.

    Parameters
    ----------
    cells, shares
        Group-time effects with influence values; cohort shares.
    labels, clock
        Periods as the table names them; as numbers.
    units, rows
        Units; observed unit-periods.
    level, seed
        Confidence level; seed of the simultaneous bands.
    control, base, anticipation
        As asked of `did`.
    method
        In words.
    assumptions, notes
        What must hold; what to know.
    """

    cells: Cells
    shares: Shares
    labels: tuple[Any, ...]
    clock: Floats
    units: int
    rows: int
    level: float
    seed: int
    control: str
    base: str
    anticipation: int
    method: str
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]

    @cached_property
    def since(self) -> Floats:
        """(m,) time since treatment of each cell; negative before it."""
        return np.asarray(self.clock[self.cells.period] - self.clock[self.cells.cohort])

    @cached_property
    def before(self) -> npt.NDArray[np.bool_]:
        """(m,) whether a cell lies before treatment and its anticipation: its effect should be zero."""
        return np.asarray(self.cells.period < self.cells.cohort - self.anticipation)

    @overload
    def att(self) -> pd.DataFrame: ...

    @overload
    def att(self, cohort: Any, time: Any) -> Estimate: ...

    def att(self, cohort: Any = None, time: Any = None) -> pd.DataFrame | Estimate:
        """Group-time effects ATT(g, t): the table of all, or one of them.

        Returns
        -------
        DataFrame indexed by (cohort, time) with columns value, std_error, low, high, band_low, band_high (a band that
        holds for all cells at once), event_time, treated, control (units compared); or an `Estimate`.

        Raises
        ------
        ValueError
            If there is no such cohort and time.
        """
        if cohort is None:
            return self._all
        if (cohort, time) not in self._all.index:
            known = [str(key) for key in self._all.index]
            raise ValueError(f"no ATT{(cohort, time)}: {nearest(str((cohort, time)), known)}; its base has none either")
        row = self._all.loc[(cohort, time)]
        return self._estimate(float(row["value"]), float(row["std_error"]), f"ATT(g={cohort}, t={time})", {})

    @cached_property
    def _all(self) -> pd.DataFrame:
        cells = self.cells
        index = pd.MultiIndex.from_arrays(
            [[self.labels[g] for g in cells.cohort], [self.labels[t] for t in cells.period]], names=["cohort", "time"]
        )
        table = self._table(cells.att, cells.influence, index)
        return table.assign(event_time=_whole(self.since), treated=cells.treated, control=cells.control)

    def by(self, aggregation: str) -> pd.DataFrame:
        """Effects along one axis, indexed by cohort ("group"), event_time ("dynamic") or time ("calendar").

        Raises
        ------
        ValueError
            If there is no such aggregation.
        """
        found, index = self._aggregate(aggregation), _INDEX[aggregation]
        named = aggregation in ("group", "calendar")
        keys = [self.labels[int(k)] for k in found.keys] if named else _whole(found.keys)
        return self._table(found.effects, found.influence, pd.Index(keys, name=index))

    def event_study(self) -> pd.DataFrame:
        """Mean effect by time since treatment, periods before it too: `by("dynamic")`.

        Before treatment it should be zero; the period compared with is left out.
        """
        return self.by("dynamic")

    def average(self, aggregation: str = "simple") -> Estimate:
        """One number for all who were treated.

        Parameters
        ----------
        aggregation
            "simple" (all treated unit-periods alike), "group" (cohorts' means, by size), "dynamic" (mean over time
            since treatment) or "calendar" (mean over periods).

        Raises
        ------
        ValueError
            If there is no such aggregation.
        """
        found = self._aggregate(aggregation)
        error = math.sqrt(covariance(found.average_influence[:, None], self.units)[0, 0])
        return self._estimate(found.average, error, "ATT", self._diagnostics, f", {aggregation} average")

    def pretrend(self) -> PreTrend:
        """Joint test of the effects before treatment, with what it could have missed."""
        return self._pretrend

    def sensitivity(self, ratios: Sequence[float] = (0.0, 0.5, 1.0, 2.0)) -> pd.DataFrame:
        """Intervals of the simple average if trends after treatment part at most `ratio` times as fast as before.

        See `pretrends.relative_magnitudes`.

        Raises
        ------
        ValueError
            If there is no step before treatment, or a ratio is negative.
        """
        return relative_magnitudes(self, ratios)

    def breakdown(self) -> float:
        """Ratio of trends after to trends before at which the interval of the simple average reaches zero."""
        return breakdown_ratio(self)

    def plot(self, ax: Axes | None = None, *, truth: pd.DataFrame | pd.Series | None = None) -> Axes:
        """Draw the event study with pointwise intervals and the simultaneous band; the truth dashed where given."""
        from causalrec_lab.causal.effects.panel.drawing import draw_event_study

        return draw_event_study(self, ax, truth)

    def summary(self) -> pd.DataFrame:
        """The four averages, one row each."""
        kinds = ("simple", "group", "dynamic", "calendar")
        rows = [self.average(kind) for kind in kinds]
        columns = ("value", "std_error", "low", "high")
        table = pd.DataFrame(
            [{c: getattr(row, c) for c in columns} for row in rows], index=pd.Index(kinds, name="average")
        )
        return table.assign(n=self.rows, units=self.units)

    def _repr_html_(self) -> str:
        """The averages, what they assume, what to know."""
        words = "".join(f"<li>{html.escape(text)}</li>" for text in self.average().notes)
        return f"<p>{html.escape(self.method)}</p>{self.summary().round(4).to_html()}<ul>{words}</ul>"

    def __str__(self) -> str:
        """One line: method, average, interval."""
        return str(self.average())

    @cached_property
    def _pretrend(self) -> PreTrend:
        return pretrend_test(self)

    @cached_property
    def _diagnostics(self) -> dict[str, float]:
        test = self.pretrend()
        return {
            "units": float(self.units),
            "clusters": float(len(self.cells.influence)),
            "cohorts": float(len(np.unique(self.cells.cohort))),
            "smallest_cohort": float(self.cells.treated.min()),
            "fewest_controls": float(self.cells.control.min()),
            "max_control_weight": float(self.cells.heaviest.max()),
            "pretrend_p": test.p_value,
            "pretrend_detectable_slope": test.detectable_slope,
            "pretrend_bias": test.bias,
        }

    def _aggregate(self, kind: str) -> Aggregate:
        return aggregate(self.cells, self.shares, self.since, kind)

    def _table(self, values: Floats, influence: Floats, index: pd.Index) -> pd.DataFrame:
        spread = covariance(influence, self.units)
        error, z, band = np.sqrt(np.diag(spread)), z_value(self.level), sup_t(spread, self.level, self.seed)
        ends = {"low": values - z * error, "high": values + z * error}
        bands = {"band_low": values - band * error, "band_high": values + band * error}
        return pd.DataFrame({"value": values, "std_error": error, **ends, **bands}, index=index)

    def _estimate(
        self, value: float, error: float, estimand: str, diagnostics: dict[str, float], words: str = ""
    ) -> Estimate:
        said = (*self.pretrend().notes, *self.notes) if diagnostics else self.notes
        if diagnostics:
            said = (*said, judgement(diagnostics, said))
        return Estimate(
            value, error,
            level=self.level, estimand=estimand, method=self.method + words, n=self.rows, diagnostics=diagnostics,
            assumptions=self.assumptions, notes=said,
        )  # fmt: skip


def _whole(numbers: Floats) -> npt.NDArray[Any]:
    return numbers.astype(np.int64) if np.array_equal(numbers, np.round(numbers)) else numbers
