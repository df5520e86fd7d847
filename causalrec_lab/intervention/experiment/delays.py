"""Conversions that come later: the share within a window, from units not all of which were followed so long."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import numbers
from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.experiment.arm_means import ArmMeans
from causalrec_lab.intervention.experiment.contrast import ASSUMPTIONS
from causalrec_lab.intervention.experiment.lifts import lift, welch_law
from causalrec_lab.intervention.experiment.units import Floats, check_columns

__all__ = ["conversion_curve", "delayed"]

FEW = 10  # conversions of an arm, or units followed to the end, below which a reader must know


def delayed(
    frame: pd.DataFrame,
    delay: str,
    follow_up: str,
    window: float,
    arm: str = "arm",
    control: object = "control",
    *,
    level: float = 0.95,
) -> dict[str, Estimate]:
    r"""Contrast of the shares that convert within `window` days of exposure, by Kaplan and Meier's estimator.

    .. math:: \hat F_a(w) = 1 - \prod_{t \le w} \left(1 - \frac{d_t}{n_t}\right)

    with :math:`d_t` conversions at delay t among :math:`n_t` units followed so long and not converted before. It equals
    weighting each conversion by the inverse probability that it could be seen yet (Satten and Datta 2001). Errors are
    Greenwood's. Counting late comers' missing conversions as none, as is often done, understates both arms and the
    effect; leaving late comers out wastes them.

    Parameters
    ----------
    frame
        One row a unit.
    delay, follow_up
        Columns: days from exposure to conversion (nan: none so far); days since exposure until now.
    window
        Days within which a conversion counts.
    arm, control, level
        As in `analyse`.

    Returns
    -------
    Arm -> estimate; diagnostics have the contrasts by counting all as complete, and of complete units alone.

    Raises
    ------
    ValueError
        On bad columns, negative days, a conversion after the follow-up, or an arm nobody of which was followed to the
        window's end.
    """
    arms, d, c = _read(frame, delay, follow_up, window, arm, control)
    labels = frame[arm].astype(str).to_numpy()
    parts = [_at(d[labels == name], c[labels == name], window) for name in arms]
    sizes = np.array([float((labels == name).sum()) for name in arms])
    found = ArmMeans(np.array([p[0] for p in parts]), np.diag([p[1] for p in parts]), sizes, np.zeros(len(arms)))
    whole = c >= window
    done = d <= window
    results = {}
    for k, name in enumerate(arms[1:], start=1):
        value = lift(found, k, welch_law(found, k, level))
        treated, base = labels == name, labels == arms[0]
        results[name] = Estimate(
            value=value.value, std_error=value.std_error, interval=value.interval, level=level, estimand="ATE",
            method=f"{name} - {arms[0]}, converted within {window:g} days, Kaplan-Meier",
            n=int(treated.sum() + base.sum()),
            diagnostics={
                "control_mean": float(found.means[0]), "treated_mean": float(found.means[k]), "p_value": value.p_value,
                "followed_to_the_end": float(whole[treated | base].mean()),
                "counted_as_complete": float(done[treated].mean() - done[base].mean()),
                "complete_only": float(done[treated & whole].mean() - done[base & whole].mean()),
            },
            assumptions=(*ASSUMPTIONS, "when a unit was exposed is unrelated to how soon it converts, within its arm"),
            notes=_few(d, c, labels, (arms[0], name), window),
        )  # fmt: skip
    return results


def _few(d: Floats, c: Floats, labels: Any, pair: tuple[str, ...], window: float) -> tuple[str, ...]:
    said = []
    for name in pair:
        own = labels == name
        events, whole = int((d[own] <= window).sum()), int((c[own] >= window).sum())
        if min(events, whole) < FEW:
            said.append(
                f"warning: arm {name!r} has {events} conversions and {whole} units followed to the window's end; below "
                f"about {FEW} the interval is a poor guide"
            )
    return tuple(said)


def conversion_curve(
    frame: pd.DataFrame,
    delay: str,
    follow_up: str,
    arm: str = "arm",
    control: object = "control",
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Share converted by days since exposure, one row an arm and a delay at which somebody converted.

    Parameters
    ----------
    frame, delay, follow_up, arm, control, level
        As in `delayed`.

    Returns
    -------
    DataFrame with columns arm, day, converted, low, high, at_risk.

    Raises
    ------
    ValueError
        As `delayed` does.
    """
    arms, d, c = _read(frame, delay, follow_up, 0.0, arm, control)
    labels = frame[arm].astype(str).to_numpy()
    z, tables = math.sqrt(2) * _inverse_error(level), []
    for name in arms:
        days, share, error, risk = _kaplan_meier(d[labels == name], c[labels == name])
        columns = {
            "day": days,
            "converted": share,
            "low": share - z * error,
            "high": share + z * error,
            "at_risk": risk,
        }
        tables.append(pd.DataFrame(columns).assign(arm=name))
    return pd.concat(tables, ignore_index=True)


def _inverse_error(level: float) -> float:
    from scipy.special import erfinv

    return float(erfinv(level))


def _read(
    frame: pd.DataFrame, delay: str, follow_up: str, window: float, arm: str, control: object
) -> tuple[tuple[str, ...], Floats, Floats]:
    if delay not in frame.columns:
        raise ValueError(f"no column {delay!r} in the experiment; it has {list(frame.columns)}")
    arms = check_columns(frame, [follow_up, arm], arm, control, whole=[follow_up])
    d, c = numbers(frame, delay), numbers(frame, follow_up)
    negative = (d < 0) | (c < 0)
    if negative.any() or window < 0:
        row = int(np.argmax(negative))
        raise ValueError(f"days are negative: delay {d[row]}, follow-up {c[row]} at row {row}, window {window:g}")
    if (late := d > c).any():
        row = int(np.argmax(late))
        raise ValueError(
            f"row {row} converted after {d[row]:g} days but was followed for {c[row]:g}: one clock is wrong"
        )
    labels = frame[arm].astype(str).to_numpy()
    for name in arms:
        longest = float(c[labels == name].max())
        if longest < window:
            raise ValueError(
                f"nobody of arm {name!r} was followed for {window:g} days (the longest: {longest:g}); take a shorter "
                "window, or wait"
            )
        if int((labels == name).sum()) < 2:
            raise ValueError(f"arm {name!r} has 1 unit; an arm needs at least 2")
    return arms, d, c


def _at(delay: Floats, follow_up: Floats, window: float) -> tuple[float, float]:
    days, share, error, _ = _kaplan_meier(delay, follow_up)
    if not (days <= window).any():
        return 0.0, 0.0
    last = int(np.searchsorted(days, window, side="right")) - 1
    return float(share[last]), float(error[last]) ** 2


def _kaplan_meier(delay: Floats, follow_up: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Delays at which somebody converted, the share converted by then, its error (Greenwood), units at risk."""
    ended = np.where(np.isfinite(delay), delay, follow_up)
    days, events = np.unique(delay[np.isfinite(delay)], return_counts=True)
    risk = len(ended) - np.searchsorted(np.sort(ended), days, side="left")
    left = np.cumprod(1 - events / risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.cumsum(np.where(risk > events, events / (risk * (risk - events)), 0.0))
    error = np.asarray(left * np.sqrt(spread), dtype=np.float64)
    return days, np.asarray(1 - left, dtype=np.float64), error, risk.astype(np.float64)
