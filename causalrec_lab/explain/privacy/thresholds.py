"""Counts of groups that were not declared: only those are named that many users share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.explain.privacy.budget import Budget
from causalrec_lab.explain.privacy.contributions import few_rows, tellable
from causalrec_lab.explain.privacy.intervals import count_half
from causalrec_lab.explain.privacy.noise import Mechanism, Noise, calibrate, opendp
from causalrec_lab.explain.privacy.released import Release, paid

__all__ = ["above"]


def above(
    groups: pd.Series[Any],
    users: pd.Series[Any],
    most: int,
    cost: tuple[float, float],
    kind: str,
    level: float,
    budget: Budget | None,
    source: Noise,
) -> Release:
    r"""Noisy counts of the groups whose noisy count reaches a threshold.

    That a group is there may itself tell of a user who alone is in it; such a group passes with chance at most delta.
    The threshold is the least whole number whose delta, as OpenDP's map of `make_laplace_threshold` counts it, is
    within the one given.

    Parameters
    ----------
    groups, users
        Group and user of each row.
    most
        Rows of one user that count.
    cost
        (epsilon, delta).
    kind, level, budget, source
        As in `counts`.

    Raises
    ------
    ValueError
        If delta is 0, or the mechanism is not Laplace.
    """
    epsilon, delta = cost
    if not delta > 0:
        raise ValueError(
            f"privacy.counts(by={groups.name!r}) needs delta > 0 (such as 1e-6), since the groups are found in the "
            "data; or declare them, by={column: [groups]}, as what could be there and not as what is"
        )
    if kind != "laplace":
        raise ValueError(f"privacy.counts(mechanism={kind!r}): groups that are found take Laplace noise")
    law = calibrate("laplace", most, epsilon)
    measure, threshold, used = _threshold(law, most, delta)
    groups = tellable(groups)
    good = groups.notna().to_numpy()
    kept = few_rows(users[good], most, source.chooser())
    exact = groups[good][kept].astype(object).value_counts(sort=False)  # a category's kind would list all groups
    name = f"counts by {groups.name}, found"
    notes = paid(budget, name, law, source, used)
    noisy = _named(exact, measure, threshold, law, source)
    half = count_half(law, level)
    table = noisy.rename_axis(str(groups.name)).reset_index(name="count")
    table = table.assign(low=table["count"] - half, high=table["count"] + half)
    notes += (
        f"groups with a noisy count below {threshold} are not named, and what they hold is in no count",
        f"at most {most} rows of a user count, drawn at random; rows without a user or a group do not",
    )
    return Release(name, table, law, used, level, source.private, notes)


def _named(exact: pd.Series[Any], measure: Any, threshold: int, law: Mechanism, source: Noise) -> pd.Series[Any]:
    """Counts of the groups that pass, in the order of their names and not of the rows."""
    labels, sums = exact.index.tolist(), exact.to_numpy(dtype=np.int64)
    order = sorted(range(len(labels)), key=lambda place: (str(labels[place]), type(labels[place]).__name__))
    if source.private:
        passed = measure({str(place): int(sums[place]) for place in order})
    else:
        noisy = source.add(sums[order], law)
        passed = {str(place): int(one) for place, one in zip(order, noisy, strict=True) if one >= threshold}
    places = [place for place in order if str(place) in passed]
    index = pd.Index([labels[place] for place in places], tupleize_cols=False)
    return pd.Series([passed[str(place)] for place in places], index=index, dtype=np.int64)


def _threshold(law: Mechanism, most: int, delta: float) -> tuple[Any, int, float]:
    """OpenDP's measurement, its threshold, and the delta it costs."""
    dp = opendp()
    space = (
        dp.map_domain(dp.atom_domain(T=str), dp.atom_domain(T="i64")),
        dp.l01inf_distance(dp.absolute_distance(T="i64")),
    )
    moved = (most, most, most)  # groups of a user, rows in all, rows in one group

    def of(threshold: int) -> tuple[Any, float]:
        measure = dp.m.make_laplace_threshold(*space, scale=law.scale, threshold=threshold)
        return measure, float(measure.map(moved)[1])

    low, high = most, 2 * most + 2
    while of(high)[1] > delta:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if of(middle)[1] <= delta else (middle, high)
    measure, used = of(high)
    return measure, high, used
