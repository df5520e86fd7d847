"""An experiment looked at every day, without more false alarms than were agreed to."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import nearest
from causalrec_lab.estimate import Estimate, z_value
from causalrec_lab.intervention.experiment.counted_once import counted_once
from causalrec_lab.intervention.experiment.early import as_normal, as_student, freedoms, steadied, worth
from causalrec_lab.intervention.experiment.laws import always_valid_p, mixture_critical
from causalrec_lab.intervention.experiment.looks import NEAREST, SPENDING, apart, peeking_error, spending_boundary
from causalrec_lab.intervention.experiment.sequences import exact_difference, exact_p, information_ratio
from causalrec_lab.intervention.experiment.totals import Totals, moving_shares, read_days, read_totals
from causalrec_lab.intervention.experiment.units import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["METHODS", "Monitor", "follow", "monitor"]

METHODS = ("asymptotic", "mixture", "exact", *SPENDING, "bonferroni", "fixed")


@dataclass(frozen=True, eq=False)
class Monitor:
    """What was seen at each look.

    Parameters
    ----------
    table
        One row a look, its day as index: n, difference, std_error, low, high, p_value, called (whether 0 lay outside
        at this look or before).
    contrast
        Who is compared with whom, on what.
    method, level
        How looks are paid for; confidence level of all of them together.
    notes
        What to know.
    """

    table: pd.DataFrame
    contrast: str
    method: str
    level: float
    notes: tuple[str, ...] = ()

    @property
    def called(self) -> Any:
        """Day at which 0 first lay outside, or None."""
        return self.table.index[int(np.argmax(self.table["called"]))] if self.table["called"].any() else None

    @property
    def estimate(self) -> Estimate:
        """The last look, with its interval."""
        last = self.table.iloc[-1]
        return Estimate(
            value=last["difference"], std_error=last["std_error"], interval=(last["low"], last["high"]),
            level=self.level, estimand="ATE", method=f"{self.contrast}, {self.method} over {len(self.table)} looks",
            n=int(last["n"]), diagnostics={"p_value": last["p_value"], "looks": len(self.table)},
            assumptions=("units were assigned at random and at the same time", "each unit counts once"),
            notes=self.notes,
        )  # fmt: skip

    def sentence(self) -> str:
        """What may be said now."""
        last = self.table.iloc[-1]
        ends = f"[{last['low']:.4g}, {last['high']:.4g}]"
        if self.called is None:
            return f"{self.contrast}: no difference called in {len(self.table)} looks; it lies in {ends}"
        return f"{self.contrast}: a difference was called on day {self.called}; now {last['difference']:+.4g} {ends}"

    def plot(self, ax: Axes | None = None, *, truth: float | None = None) -> Axes:
        """Draw the intervals over the days; 0 as a line, the truth dashed."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 3))
        t = self.table
        ax.fill_between(t.index, t["low"], t["high"], alpha=0.25, label=f"{self.method}, {self.level:.0%} at all looks")
        ax.plot(t.index, t["difference"])
        z = z_value(self.level) * t["std_error"]
        ax.plot(t.index, t["difference"] - z, ":", color="0.4", label="interval for one look")
        ax.plot(t.index, t["difference"] + z, ":", color="0.4")
        ax.axhline(0, color="0.2", linewidth=0.8)
        if truth is not None:
            ax.axhline(truth, linestyle="--", color="0.35", label="truth")
        finite = t[["low", "high"]].replace([np.inf, -np.inf], np.nan)
        late = finite.iloc[len(finite) // 4 :]
        if late.notna().to_numpy().any():
            bottom, top = min(float(np.nanmin(late)), 0.0), max(float(np.nanmax(late)), 0.0)
            ax.set_ylim(bottom - 0.1 * (top - bottom), top + 0.1 * (top - bottom))
        ax.set(xlabel="day", ylabel="difference")
        ax.legend(loc="best")
        return ax

    def __str__(self) -> str:
        """The sentence."""
        return self.sentence()

    def _repr_html_(self) -> str:
        """The sentence, the last looks, the notes."""
        words = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return f"<p>{html.escape(self.sentence())}</p>{self.table.tail(7).round(5).to_html()}<ul>{words}</ul>"


def monitor(
    frame: pd.DataFrame,
    metric: str,
    day: str = "day",
    arm: str = "arm",
    control: object = "control",
    *,
    treated: str | None = None,
    unit: str | None = None,
    cluster: str | None = None,
    window: int | None = None,
    event: str | None = None,
    cuped: str | None = None,
    method: str = "asymptotic",
    horizon: float | None = None,
    effect_scale: float | None = None,
    level: float = 0.95,
) -> Monitor:
    r"""Follow an experiment by the day; the intervals hold at all looks together, so that one may stop at any.

    A test made for one look calls a difference at some look far oftener than it should (Armitage, McPherson and Rowe
    1969): it is refused here, with the figure. What is paid instead depends on `method`.

    Parameters
    ----------
    frame
        One row a unit, or several with `unit` and `window`.
    metric, day, arm, control, treated
        Columns: outcome, the day it was known (a number from 0 on, or a date), the arm; names of the two arms.
    unit, cluster, window
        Column of what was assigned where it has several rows, and the days each is followed: it counts once, on the day
        it is complete, a unit by the sum of its rows, a cluster (a shop whose every visitor is in its arm) by their
        mean. Rows of a cluster err together: counted one by one they call differences that are not there.
    event
        Column of an event's id: one that comes again counts once.
    cuped
        Column from before the experiment.
    method
        "asymptotic": confidence sequence of Waudby-Smith et al. (2024), any number of looks, no end; needs `horizon`.
        "mixture": mixture SPRT (Johari et al. 2022), the same with `effect_scale`. "exact": for outcomes of 0 and 1,
        without a limit theorem. "obrien-fleming", "pocock": group-sequential, narrower, until the `horizon` is reached
        (repeated intervals of Jennison and Turnbull 1989). "bonferroni": the error divided by these looks, which must
        have been planned. "fixed": refused.
    horizon
        Units (clusters) in both arms that are planned.
    effect_scale
        Size of the effects expected.
    level
        Confidence level of all looks together.

    Raises
    ------
    ValueError
        On bad columns, negative days, a unit in two arms, an event that contradicts itself, an unknown or untuned
        method, or a fixed-horizon test.
    """
    if (unit or cluster) and cuped is not None:
        raise ValueError("monitor adds up a unit's rows and cannot tell what cuped= is for it; give one row a unit")
    frame, notes = counted_once(frame, metric, day, arm, unit=unit, cluster=cluster, window=window, event=event)
    totals, name = read_days(frame, metric, day, arm, str(control), treated, cuped)
    words = f"{name} - {control}, {metric}" + (f", CUPED on {cuped}" if cuped else "")
    words += f", mean of each {cluster}" if cluster else ""
    seen = _watch(totals, words, method, horizon, effect_scale, level)
    return replace(seen, notes=(*seen.notes, *notes))


def follow(
    totals: pd.DataFrame,
    *,
    method: str = "asymptotic",
    horizon: float | None = None,
    effect_scale: float | None = None,
    level: float = 0.95,
) -> Monitor:
    """`monitor` for data that were added up already.

    Parameters
    ----------
    totals
        One row a look with the day as index and columns count_control, mean_control, variance_control, count_treated,
        mean_treated, variance_treated, all from the start up to that look.
    method, horizon, effect_scale, level
        As in `monitor`; "exact" needs the rows themselves.

    Raises
    ------
    ValueError
        If columns are missing, counts fall, or as `monitor` does.
    """
    return _watch(read_totals(totals), "treated - control", method, horizon, effect_scale, level)


def _watch(
    totals: Totals, contrast: str, method: str, horizon: float | None, scale: float | None, level: float
) -> Monitor:
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; {nearest(method, METHODS)}")
    if method == "fixed":
        _refuse_peeking(totals, level)
    error = np.sqrt(totals.squared_error)
    low, high, p, notes = _ends(totals, method, horizon, scale, level)
    notes += moving_shares(totals)
    outside = (low > 0) | (high < 0)
    columns = {
        "n": totals.n.astype(np.int64), "difference": totals.difference, "std_error": error, "low": low, "high": high,
        "p_value": np.minimum.accumulate(p), "called": np.logical_or.accumulate(outside),
    }  # fmt: skip
    return Monitor(pd.DataFrame(columns, index=totals.looks), contrast, method, level, notes)


def _refuse_peeking(totals: Totals, level: float) -> None:
    looks = len(totals.looks)
    if looks == 1:
        raise ValueError("one look is no peeking: analyse() gives the fixed-horizon interval")
    shares = totals.n / totals.n[-1]
    some = shares[apart(shares, shares, NEAREST if looks <= 100 else 0.03)]
    wrong, least = peeking_error(some.tolist(), level), "" if len(some) == looks else "at least "
    raise ValueError(
        f"method='fixed' with {looks} looks: without any effect, a {level:.0%} test made for one look would call a "
        f"difference in {least}{wrong:.0%} of such experiments; take 'asymptotic' (any look), 'obrien-fleming' (a "
        "planned end), or look once, at the planned end, with analyse()"
    )


def _ends(
    totals: Totals, method: str, horizon: float | None, scale: float | None, level: float
) -> tuple[Floats, Floats, Floats, tuple[str, ...]]:
    from scipy.special import ndtr

    if method == "exact":
        return _exact(totals, level)
    own = steadied(totals.variance, totals.count) / totals.count
    error, freedom = np.sqrt(own.sum(axis=1)), freedoms(own, totals.count)
    z = as_normal(np.divide(np.abs(totals.difference), error, out=np.zeros_like(error), where=error > 0), freedom)
    notes: tuple[str, ...] = ()
    if method in ("asymptotic", "mixture"):
        r = information_ratio(method, worth(totals.count), np.maximum(error**2, 1e-300), horizon, scale, level)
        c, p = mixture_critical(r, level), always_valid_p(z, r)
    elif method == "bonferroni":
        c = np.full(len(z), z_value(1 - (1 - level) / len(z)))
        p = np.minimum(1.0, 2 * ndtr(-z) * len(z))
        notes = (f"valid only if these {len(z)} looks were planned: each further look widens all intervals",)
    else:
        c, notes = _spent(totals, method, horizon, level)
        p = np.where(z > c, 1 - level, 1.0)
        notes += (
            f"p_value is {1 - level:.3g} once a boundary is crossed, 1 before: a group-sequential test says no more",
        )
    with np.errstate(invalid="ignore"):
        half = np.where(np.isinf(c) | (error == 0), np.inf, as_student(c, freedom) * error)
    return totals.difference - half, totals.difference + half, p, notes


def _exact(totals: Totals, level: float) -> tuple[Floats, Floats, Floats, tuple[str, ...]]:
    if not totals.binary:
        raise ValueError("method='exact' is for a metric of 0 and 1, one row a unit; take 'asymptotic'")
    ones = np.round(totals.mean * totals.count)
    low, high = exact_difference(ones, totals.count, level)
    p = np.array([exact_p(k, n) for k, n in zip(ones, totals.count, strict=True)])
    return low, high, p, ()


def _spent(totals: Totals, method: str, horizon: float | None, level: float) -> tuple[Floats, tuple[str, ...]]:
    """Critical values: error is spent by the share of the planned units, looks depend by what they are worth."""
    if horizon is None or not horizon > 0:
        raise ValueError(f"method={method!r} with horizon={horizon}: give the planned units in both arms")
    t, information = np.minimum(totals.n / horizon, 1.0), worth(totals.count)
    used = apart(t, information, NEAREST)
    c = np.full(len(t), math.inf)
    c[used] = spending_boundary(information[used].tolist(), t[used].tolist(), method, level).critical
    late = int((totals.n > horizon).sum() - (used & (totals.n > horizon)).sum())
    near = int((~used).sum()) - late
    said = {
        f"{late} looks came after the planned {horizon:,.0f} units: no error is left for them": late,
        f"{near} looks came when hardly anything was new, and have no interval: look less often": near,
    }
    return c, tuple(words for words, count in said.items() if count)
