"""A noisy mean over users, with an interval that holds sampling and noise."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Estimate, z_value
from causalrec_lab.explain.privacy.budget import Budget
from causalrec_lab.explain.privacy.contributions import (
    GRID,
    cells,
    checked_bounds,
    checked_table,
    moments,
    of_numbers,
)
from causalrec_lab.explain.privacy.intervals import Mean, mean_of
from causalrec_lab.explain.privacy.noise import (
    NOT_PRIVATE,
    Kind,
    Mechanism,
    Noise,
    calibrate,
    noise_in_words,
    secure,
)
from causalrec_lab.explain.privacy.released import paid

__all__ = ["ASSUMED", "DROWNED", "as_estimate", "checked_delta", "costs", "mean", "parts"]

DROWNED = "warning: the noise drowns the users: nothing is told but the declared bounds; more users or a larger epsilon"


ASSUMED = (
    "users are independent draws of the population",
    "bounds and groups were declared without a look at the data",
    "the cut to the bounds moves no value that matters: the interval knows no bias from it",
)


def mean(
    frame: pd.DataFrame,
    column: str,
    *,
    bounds: tuple[float, float],
    epsilon: float,
    delta: float = 0.0,
    user: str = "user_id",
    per_user: Literal["mean", "sum"] = "mean",
    mechanism: Kind = "laplace",
    level: float = 0.95,
    budget: Budget | None = None,
    noise: Noise | None = None,
) -> Estimate:
    r"""Mean over users, each counting once, released with noise.

    A user's values, cut to the bounds, become one: their mean or sum, :math:`p_u \in [0, 1]` of the range. Released
    are the sums of :math:`((1-p_u)^2, 2 p_u (1-p_u), p_u^2)`, which one user moves by 1 in all, each with Laplace
    noise of scale :math:`1/\epsilon`; the number of users, the mean and its variance follow from them and cost no
    more. The interval is `mean_of`'s.

    Parameters
    ----------
    frame
        Rows of users.
    column
        Numbers or true / false; missing ones do not count.
    bounds
        (least, greatest) value that can be, declared. Values beyond are moved to them: the mean is that of the cut
        values. Wider bounds, more noise.
    epsilon, delta
        What it may cost; delta for `mechanism="gaussian"` only.
    user
        Column of users, the unit that is protected.
    per_user
        "mean" of a user's values, or their "sum" (then the bounds are the sum's).
    mechanism
        "laplace" or "gaussian".
    level
        Of the interval, which holds the population's mean of users like these.
    budget, noise
        As in `counts`.

    Returns
    -------
    `Estimate`; its n is the noisy number of users.

    Raises
    ------
    BudgetExhausted
        If less is left.
    ValueError
        If bounds are missing or reversed, a column is missing or holds no numbers, epsilon is none.
    """
    who = "privacy.mean"
    limits = checked_bounds(bounds, who)
    checked_table(frame, [user, column], who)
    values, source = of_numbers(frame, column, who), secure(noise)
    if per_user not in ("mean", "sum"):
        raise ValueError(f"{who}(per_user={per_user!r}): known are 'mean' and 'sum'")
    z_value(level)
    law = calibrate(mechanism, GRID, epsilon, delta if mechanism == "gaussian" else checked_delta(delta, who))
    place, _ = cells(frame, {}, who)
    exact = moments(frame[user], values, limits, place, 1, source.chooser(), total=per_user == "sum")
    notes = paid(budget, f"mean of {column}", law, source)
    noisy = source.add(exact, law).astype(np.float64)[0] / GRID
    told = mean_of(noisy, law.scale / GRID, law.kind, level)
    return as_estimate(told, limits, law, level, "mean over users", f"mean of users' {per_user}s", notes)


def as_estimate(
    told: Mean,
    bounds: tuple[float, float],
    law: Mechanism,
    level: float,
    estimand: str,
    method: str,
    notes: tuple[str, ...],
    trusted: tuple[str, ...] = (),
) -> Estimate:
    """Bring a mean of p back to the declared range."""
    low, high = bounds
    width = high - low
    drowned = told.drowned
    error = math.nan if drowned else width * math.sqrt(told.sampling + told.noise)
    cut = f"n is the noisy number of users; users' values are cut to {bounds}"
    notes = (*notes, *((DROWNED,) if drowned else ()), cut)
    return Estimate(
        low + width * told.value,
        error,
        (low + width * told.low, low + width * told.high),
        level,
        estimand,
        f"{method}, {noise_in_words(law, NOT_PRIVATE not in notes)}",
        max(0, round(told.n)),
        costs(law) | ({} if drowned else parts(width**2 * told.sampling, width**2 * told.noise)),
        (*trusted, *ASSUMED),
        notes,
    )


def parts(sampling: float, noise: float) -> dict[str, float]:
    """Diagnostics: the error from users drawn and from noise, and the share of the variance that is noise."""
    return {
        "std_sampling": math.sqrt(sampling),
        "std_noise": math.sqrt(noise),
        "noise_share": noise / (sampling + noise) if noise else 0.0,
    }


def costs(law: Mechanism) -> dict[str, float]:
    """Diagnostics: what the release cost."""
    return {"epsilon": law.epsilon, "delta": law.delta}


def checked_delta(delta: float, who: str) -> float:
    """Refuse a delta that Laplace noise does not cost.

    Raises
    ------
    ValueError
        If there is one.
    """
    if delta:
        raise ValueError(f"{who}(delta={delta}): Laplace noise costs no delta; leave it out, or mechanism='gaussian'")
    return delta
