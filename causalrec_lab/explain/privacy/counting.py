"""Noisy counts: of declared groups, of groups found in the data above a threshold, of the bins of a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import z_value
from causalrec_lab.explain.privacy.budget import Budget
from causalrec_lab.explain.privacy.contributions import Groups, cells, checked_table, few_rows, of_numbers
from causalrec_lab.explain.privacy.intervals import count_half
from causalrec_lab.explain.privacy.noise import Kind, Mechanism, Noise, calibrate, secure
from causalrec_lab.explain.privacy.released import Release, paid
from causalrec_lab.explain.privacy.thresholds import above

__all__ = ["counts", "histogram"]

Ints = npt.NDArray[np.int64]


def counts(
    frame: pd.DataFrame,
    *,
    by: Groups | str | None = None,
    epsilon: float,
    delta: float = 0.0,
    user: str = "user_id",
    rows_per_user: int = 1,
    mechanism: Kind = "laplace",
    level: float = 0.95,
    budget: Budget | None = None,
    noise: Noise | None = None,
) -> Release:
    r"""Count rows by group so that nobody can tell from the counts whether a user was there.

    Two tables, one with and one without *all rows of one user*, give any set of answers S with chances
    :math:`P(A) \le e^\epsilon P(B) + \delta` (Dwork & Roth 2014, definition 2.4, with users for rows). A user's rows
    beyond `rows_per_user`, drawn at random, are left out, so that one user moves the counts by so many in all. Taken to
    be public are the columns and their kinds, and all that is declared; what stands in a row never causes an error.

    Parameters
    ----------
    frame
        Rows of users.
    by
        ``{"region": ["north", "south"]}``: column -> its groups as they are known beforehand; rows of other groups do
        not count. A column's name alone: the groups are found in the data, and only those whose noisy count passes a
        threshold are named, which needs delta. None: one count of all rows.
    epsilon, delta
        What it may cost; delta for `mechanism="gaussian"` or for groups that are found.
    user
        Column of users, the unit that is protected.
    rows_per_user
        Most rows of one user that count. More rows, more noise: its scale is rows_per_user / epsilon.
    mechanism
        "laplace" or "gaussian".
    level
        Of each count's interval, which holds the count of the rows that count (not of some larger population).
    budget
        Pays, or refuses.
    noise
        None: OpenDP's secure sampler. ``privacy.simulate(seed)``: for study only.

    Returns
    -------
    `Release`.

    Raises
    ------
    BudgetExhausted
        If less is left.
    ValueError
        If a column is missing, a parameter is none, or a found group has no delta.
    """
    who = "privacy.counts"
    if not isinstance(by, str | Mapping | None):
        raise TypeError(f"{who}(by={by!r}): give {{column: [its groups]}}, a column's name, or None")
    columns = [by] if isinstance(by, str) else list(by or {})
    checked_table(frame, [user, *columns], who)
    most, source = _most(rows_per_user, who), secure(noise)
    z_value(level)
    if isinstance(by, str):
        return above(frame[by], frame[user], most, (epsilon, delta), mechanism, level, budget, source)
    law = calibrate(mechanism, most, epsilon, _plain(delta, mechanism, who))
    place, groups = cells(frame, by or {}, who)
    return _counted(frame[user], place, groups, most, law, level, budget, source, _named(columns))


def histogram(
    frame: pd.DataFrame,
    column: str,
    *,
    edges: Sequence[float],
    epsilon: float,
    delta: float = 0.0,
    user: str = "user_id",
    rows_per_user: int = 1,
    mechanism: Kind = "laplace",
    level: float = 0.95,
    budget: Budget | None = None,
    noise: Noise | None = None,
) -> Release:
    """Count rows by bins of a number; as `counts`, with bins [edge, next edge), the last one closed.

    Parameters
    ----------
    frame, column
        Rows, and the number that is binned.
    edges
        Ends of the bins, declared and not taken from the data. Values outside do not count.
    epsilon, delta, user, rows_per_user, mechanism, level, budget, noise
        As in `counts`.

    Raises
    ------
    BudgetExhausted
        If less is left.
    ValueError
        If the edges are not finite and rising, the column holds no numbers, or as `counts` says.
    """
    who = "privacy.histogram"
    checked_table(frame, [user, column], who)
    ends = np.asarray(edges, dtype=np.float64)
    if ends.ndim != 1 or len(ends) < 2 or not np.isfinite(ends).all() or (np.diff(ends) <= 0).any():
        raise ValueError(f"{who}(edges={edges!r}): give at least two finite numbers, each above the one before")
    values, most, source = of_numbers(frame, column, who), _most(rows_per_user, who), secure(noise)
    z_value(level)
    place = np.searchsorted(ends, values, side="right") - 1
    place = np.where(values == ends[-1], len(ends) - 2, place)
    place = np.where((place > len(ends) - 2) | np.isnan(values), -1, place)
    bins = pd.MultiIndex.from_arrays([ends[:-1], ends[1:]], names=["from", "to"])
    law = calibrate(mechanism, most, epsilon, _plain(delta, mechanism, who))
    return _counted(frame[user], place, bins, most, law, level, budget, source, f"histogram of {column}")


def _counted(
    users: pd.Series[Any],
    place: Ints,
    groups: pd.MultiIndex,
    most: int,
    law: Mechanism,
    level: float,
    budget: Budget | None,
    source: Noise,
    name: str,
) -> Release:
    good = place >= 0
    kept = few_rows(users[good], most, source.chooser())
    exact = np.bincount(place[good][kept], minlength=len(groups)).astype(np.int64)
    notes = paid(budget, name, law, source)
    noisy, half = source.add(exact, law), count_half(law, level)
    table = groups.to_frame(index=False).assign(count=noisy, low=noisy - half, high=noisy + half)
    rows = "one row" if most == 1 else f"{most} rows"
    notes += (f"at most {rows} of a user count, drawn at random; rows without a user or outside the groups do not",)
    return Release(name, table, law, law.delta, level, source.private, notes)


def _most(rows_per_user: Any, who: str) -> int:
    if isinstance(rows_per_user, bool) or not isinstance(rows_per_user, int | np.integer) or rows_per_user < 1:
        raise ValueError(f"{who}(rows_per_user={rows_per_user!r}): give a whole number from 1 on")
    return int(rows_per_user)


def _plain(delta: float, mechanism: str, who: str) -> float:
    if mechanism == "laplace" and delta:
        raise ValueError(f"{who}(delta={delta}): Laplace noise on declared groups costs no delta; leave it out")
    return delta


def _named(columns: Sequence[str]) -> str:
    return f"counts by {' and '.join(columns)}" if columns else "count of rows"
