"""Counts, means and variances of two arms at every look: what monitoring needs of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.intervention.experiment.units import Floats, Integers, check_columns, one_arm_each

__all__ = ["Totals", "moving_shares", "read_days", "read_totals", "with_window"]

FEW, MOVED = 5.0, 0.001  # expected units of an arm and a day; level of the alarm that shares moved
COLUMNS = ("count_control", "mean_control", "variance_control", "count_treated", "mean_treated", "variance_treated")


@dataclass(frozen=True, eq=False)
class Totals:
    """Running totals, each of shape (looks, 2): the control, then the treated arm.

    Parameters
    ----------
    looks
        Their days, in order.
    count, mean, variance
        Units so far, their mean, and the variance of one unit.
    binary
        Whether the metric is 0 or 1.
    """

    looks: pd.Index[Any]
    count: Floats
    mean: Floats
    variance: Floats
    binary: bool = False

    @property
    def n(self) -> Floats:
        """(looks,) units in both arms."""
        return np.asarray(self.count.sum(axis=1))

    @property
    def difference(self) -> Floats:
        """(looks,) treated less control."""
        return np.asarray(self.mean[:, 1] - self.mean[:, 0])

    @property
    def squared_error(self) -> Floats:
        """(looks,) squared standard error of the difference."""
        return np.asarray((self.variance / self.count).sum(axis=1))


def read_totals(table: pd.DataFrame) -> Totals:
    """Totals somebody else added up: one row a look, in time order, its day as the index.

    Raises
    ------
    ValueError
        If a column is missing, counts fall, or a look has fewer than two units an arm.
    """
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise ValueError(f"no column {missing[0]!r} among the totals; they need {list(COLUMNS)}")
    values = table[list(COLUMNS)].to_numpy(dtype=np.float64)
    count, mean, variance = values[:, [0, 3]], values[:, [1, 4]], values[:, [2, 5]]
    if not np.isfinite(values).all() or (variance < 0).any() or (count < 2).any():
        raise ValueError("the totals need at least 2 units an arm, finite means and variances >= 0 at every look")
    if (np.diff(count, axis=0) < 0).any():
        row = int(np.argmax((np.diff(count, axis=0) < 0).any(axis=1))) + 1
        raise ValueError(f"counts fall at look {table.index[row]!r}: totals run from the start, in time order")
    return Totals(table.index, count, mean, variance)


def moving_shares(totals: Totals) -> tuple[str, ...]:
    """Warning where the arms' shares moved over the days, which mixes the season with the treatment (chi-square)."""
    from scipy.special import chdtrc

    new = np.diff(totals.count, axis=0, prepend=0.0)
    new = new[new.sum(axis=1) > 0]
    expected = np.outer(new.sum(axis=1), new.sum(axis=0)) / new.sum()
    enough = expected.min(axis=1) >= FEW
    if enough.sum() < 2:
        return ()
    new, expected = new[enough], np.outer(new[enough].sum(axis=1), new[enough].sum(axis=0)) / new[enough].sum()
    p = float(chdtrc(len(new) - 1, ((new - expected) ** 2 / expected).sum()))
    if p >= MOVED:
        return ()
    said = (
        f"warning: the arms' shares moved over the days (p = {p:.2g}): days with more of one arm count more in it, so "
        "any season looks like an effect; contrast the arms within spans of equal shares"
    )
    return (said,)


def read_days(
    frame: pd.DataFrame, metric: str, day: str, arm: str, control: str, treated: str | None, cuped: str | None
) -> tuple[Totals, str]:
    """Totals of a frame with one row a unit, by the day its outcome was known; and the treated arm's name.

    CUPED's slope is learned anew at each look from what is there.

    Raises
    ------
    ValueError
        On bad columns, negative or missing days, or no single treated arm.
    """
    numeric = [metric, *([cuped] if cuped else [])]
    arms = check_columns(frame, [*numeric, arm, day], arm, control, whole=numeric)
    if treated is None and len(arms) > 2:
        raise ValueError(f"monitor follows two arms; name one of {list(arms[1:])} as treated=")
    treated = arms[1] if treated is None else str(treated)
    if treated not in arms[1:]:
        raise ValueError(f"no arm {treated!r} beside {control!r}; there are {list(arms[1:])}")
    labels = frame[arm].astype(str)
    rows = frame[labels.isin([control, treated])]
    looks, codes = _looks(rows[day])
    x = rows[cuped].to_numpy(dtype=np.float64) if cuped else np.zeros(len(rows))
    y = rows[metric].to_numpy(dtype=np.float64)
    side = (labels[rows.index] if rows.index.is_unique else rows[arm].astype(str)).to_numpy() == treated
    totals = _running(looks, codes, side.astype(np.int64), y, x)
    return totals, treated


def with_window(
    frame: pd.DataFrame, metric: str, day: str, arm: str, unit: str, window: int | None, how: str = "sum"
) -> pd.DataFrame:
    """One row a unit: its total (or mean) over `window` days from its first, on the day that is known.

    Raises
    ------
    ValueError
        If a column is unknown or has gaps, a unit is in two arms, or units have rows on several days and no window
        says when a unit is complete.
    """
    for name in (unit, metric, day, arm):
        if name not in frame.columns:
            raise ValueError(f"no column {name!r} in the experiment; it has {list(frame.columns)}")
        if (gaps := int(frame[name].isna().sum())) > 0:
            raise ValueError(f"column {name!r} has {gaps} missing values; a unit cannot be followed without them")
    one_arm_each(frame, unit, arm)
    if pd.api.types.is_datetime64_any_dtype(frame[day]):
        dates = frame[day].dt.floor("D")
        frame = frame.assign(**{day: (dates - dates.min()).dt.days})
    first = frame.groupby(unit)[day].transform("min")
    since = frame[day] - first
    if window is None and (since > 0).any():
        raise ValueError(
            f"units of {unit!r} have rows on several days: give window=, the days each unit is followed from its "
            "first one, so that every unit counts once, when it is complete"
        )
    window = window or 1
    kept = frame[(since < window) & (first + window - 1 <= frame[day].max())]
    table = kept.groupby(unit).agg(**{metric: (metric, how), arm: (arm, "first"), day: (day, "min")}).reset_index()
    table[day] = table[day] + window - 1
    return pd.DataFrame(table)


def _looks(days: pd.Series[Any]) -> tuple[pd.Index[Any], Integers]:
    if pd.api.types.is_numeric_dtype(days) and (days < 0).any():
        row = int(np.argmax((days < 0).to_numpy()))
        raise ValueError(f"day {days.iloc[row]} at row {row} is negative: days count from the start of the experiment")
    if pd.api.types.is_datetime64_any_dtype(days):
        days = days.dt.floor("D")
    elif not pd.api.types.is_numeric_dtype(days):
        raise ValueError(
            f"column {days.name!r} holds days as {days.dtype}, such as {days.iloc[0]!r}, which sorts '10' before '2'; "
            "give numbers from 0 on, or dates (pd.to_datetime)"
        )
    codes, looks = pd.factorize(days, sort=True)
    return pd.Index(looks, name="day"), np.asarray(codes, dtype=np.int64)


def _running(looks: pd.Index[Any], codes: Integers, side: Integers, y: Floats, x: Floats) -> Totals:
    """Means and variances of y - theta x so far, theta pooled within arms; x = 0 leaves y."""
    cell, shift = 2 * codes + side, (y.mean(), x.mean())
    y, x = y - shift[0], x - shift[1]
    parts = (np.ones_like(y), y, x, y * y, x * x, x * y)
    n, sy, sx, syy, sxx, sxy = (
        np.bincount(cell, weights=part, minlength=2 * len(looks)).reshape(-1, 2).cumsum(axis=0) for part in parts
    )
    keep = np.asarray((n >= 2).all(axis=1), dtype=bool)
    if not keep.any():
        raise ValueError("at no look are there two units in each arm")
    n, sy, sx, syy, sxx, sxy = (part[keep] for part in (n, sy, sx, syy, sxx, sxy))
    my, mx = sy / n, sx / n
    wyy, wxx, wxy = syy - n * my**2, sxx - n * mx**2, sxy - n * mx * my
    pooled = wxx.sum(axis=1)
    theta = np.divide(wxy.sum(axis=1), pooled, out=np.zeros_like(pooled), where=pooled > 1e-12)[:, None]
    variance = np.maximum(wyy - 2 * theta * wxy + theta**2 * wxx, 0.0) / (n - 1)
    if x.any():  # as in cuped_means, for one slope
        variance = variance * ((n.sum(axis=1) - 2) / np.maximum(n.sum(axis=1) - 4, 0.5))[:, None]
    centre = (sx.sum(axis=1) / n.sum(axis=1))[:, None]
    binary = bool(np.isin(y + shift[0], (0.0, 1.0)).all()) if not x.any() else False
    return Totals(looks[keep], n, my + shift[0] - theta * (mx - centre), variance, binary)
