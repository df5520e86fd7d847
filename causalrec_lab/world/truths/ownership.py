"""Whether a table of decisions is this platform's, and what its 0/1 columns hold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from causalrec_lab.world.law.exposure import COVARIATES
from causalrec_lab.world.people.population import Floats, Pairs

__all__ = ["check_own", "lottery_of", "treated_of"]

LOOKED_AT = 200  # rows that are compared
_CLOSE = 1e-3  # relative; a log may have been stored in single precision


def check_own(decisions: pd.DataFrame, pairs: Pairs) -> None:
    """Refuse the log of another platform: ids are numbers from 0 everywhere, what is logged of them is not.

    A table is refused if it has inputs of the exposure rule, or costs, and none of these columns is this platform's;
    one that was scaled beside others that were not is no reason to.

    Raises
    ------
    ValueError
        If nothing that the table says of its users and items is so on this platform.
    """
    population = pairs.population
    some = population.at(pairs.users[:LOOKED_AT], pairs.items[:LOOKED_AT])
    told: list[tuple[str, float, float]] = []
    for name in (*COVARIATES, population.scenario.cost.name):
        if name not in decisions or not len(some.users):
            continue
        own = population.cost[some.items] if name == population.scenario.cost.name else getattr(some, name)
        logged = pd.to_numeric(decisions[name].iloc[:LOOKED_AT], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        known = np.isfinite(logged)
        off = known & ~np.isclose(logged, own, rtol=_CLOSE, atol=_CLOSE)
        if not off.any():
            return
        told.append((name, float(logged[off][0]), float(own[off][0])))
    if told:
        name, logged_value, own_value = told[0]
        raise ValueError(
            f"column {name!r} holds {logged_value:.4g} where this platform has {own_value:.4g}, and "
            f"{', '.join(t[0] for t in told)} all differ: was the log made by another platform (seed, scenario, "
            "n_users, n_items)? If these columns were only transformed, drop them"
        )


def treated_of(decisions: pd.DataFrame) -> Floats:
    """Column treated, 0/1, with somebody treated.

    Raises
    ------
    ValueError
        If it is missing, holds something else, or nobody is treated.
    """
    treated = _zero_one(decisions, "treated")
    if not treated.any():
        raise ValueError(f"nobody is treated in these {len(decisions):,} decisions, so they have no ATT; take more")
    return treated


def lottery_of(decisions: pd.DataFrame) -> Floats:
    """Column z, 0/1.

    Raises
    ------
    ValueError
        If it holds something else.
    """
    return _zero_one(decisions, "z")


def _zero_one(decisions: pd.DataFrame, name: str) -> Floats:
    if name not in decisions:
        raise ValueError(f"column {name!r} is missing from the decisions; keep it, it holds 0 and 1")
    values = pd.to_numeric(decisions[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isin(values, (0.0, 1.0))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"column {name!r} has {int(bad.sum())} values that are not 0 or 1, first at row {row}: "
            f"{decisions[name].iloc[row]}; recode them, or drop those rows"
        )
    return np.asarray(values)
