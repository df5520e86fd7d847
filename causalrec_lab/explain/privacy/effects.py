"""A noisy effect: difference in means, adjusted over declared strata, or weighted by known propensities."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate, z_value
from causalrec_lab.explain.privacy.budget import Budget
from causalrec_lab.explain.privacy.contrasts import Contrast, contrast_of
from causalrec_lab.explain.privacy.contributions import (
    GRID,
    Groups,
    cells,
    checked_bounds,
    checked_table,
    moments,
    of_numbers,
)
from causalrec_lab.explain.privacy.intervals import mean_of
from causalrec_lab.explain.privacy.means import ASSUMED, DROWNED, as_estimate, checked_delta, costs, parts
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

__all__ = ["effect"]

Floats = npt.NDArray[np.float64]
WHO = "privacy.effect"


def effect(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    *,
    bounds: tuple[float, float],
    epsilon: float,
    delta: float = 0.0,
    adjust: Groups | None = None,
    propensity: str | None = None,
    floor: float | None = None,
    predictions: Sequence[str] | None = None,
    user: str = "user_id",
    mechanism: Kind = "laplace",
    level: float = 0.95,
    budget: Budget | None = None,
    noise: Noise | None = None,
) -> Estimate:
    r"""Average treatment effect over users, released with noise.

    Without `propensity`: a user counts once, in the arm and stratum of one of the own rows drawn at random, with the
    mean of the own outcomes there; :math:`\sum_s \frac{n_s}{n} (\bar y_{s1} - \bar y_{s0})` from noisy sums and
    counts, the backdoor formula over the strata of `adjust` (Pearl 2009, equation 3.19), or the difference in means.

    With `propensity` e, known from the log: the mean over users of the user's mean of
    :math:`(y - m)(\frac{t}{e} - \frac{1-t}{1-e})`, m the middle of the bounds (Horvitz & Thompson 1952); with
    `predictions` :math:`\mu_0, \mu_1` of
    :math:`\mu_1 - \mu_0 + \frac{t}{e}(y - \mu_1) - \frac{1-t}{1-e}(y - \mu_0)` (Robins, Rotnitzky & Zhao 1994).

    Parameters
    ----------
    frame
        Rows of users; a user's rows may be in both arms.
    treatment, outcome
        Columns: 0/1 (other values do not count), and numbers or true / false.
    bounds
        (least, greatest) outcome that can be, declared; outcomes beyond are moved to them.
    epsilon, delta
        What it may cost; delta for `mechanism="gaussian"` only.
    adjust
        Column -> its groups, declared: the confounders that are adjusted for.
    propensity
        Column of P(treatment = 1) of each row, made without the other users' rows (a log's or a design's own).
    floor
        With `propensity`: the least it can be, declared. Propensities are moved into [floor, 1 - floor]. The noise
        grows as 1 / floor.
    predictions
        With `propensity`: columns of the outcomes expected untreated and treated, from a model of *other* data.
        They take away error from sampling, and double the noise: what a row can add is wider. With few users or a small
        epsilon plain weighting is shorter.
    user, mechanism, level, budget, noise
        As in `mean`.

    Returns
    -------
    `Estimate`, its n the noisy number of users; where noise drowns an arm, the interval is all that the bounds allow.

    Raises
    ------
    BudgetExhausted
        If less is left.
    ValueError
        If bounds or the floor are missing or out of order, a column is missing or of the wrong kind, both ways of
        adjusting are asked for, epsilon is none.
    """
    limits = checked_bounds(bounds, WHO)
    given = [treatment, outcome, *(adjust or {}), *([propensity] if propensity else []), *(predictions or ())]
    checked_table(frame, [user, *given], WHO)
    arms, y, source = of_numbers(frame, treatment, WHO), of_numbers(frame, outcome, WHO), secure(noise)
    z_value(level)
    law = calibrate(mechanism, GRID, epsilon, delta if mechanism == "gaussian" else checked_delta(delta, WHO))
    name = f"effect of {treatment} on {outcome}"
    if propensity is None:
        if floor is not None or predictions is not None:
            raise ValueError(f"{WHO}: floor= and predictions= go with propensity=; name its column")
        strata, groups = cells(frame, adjust or {}, WHO)
        place = np.where((strata < 0) | ~np.isin(arms, (0, 1)), -1, 2 * strata + (arms == 1))
        exact = moments(frame[user], y, limits, place, 2 * len(groups), source.chooser())
        notes = paid(budget, name, law, source)
        sums = source.add(exact, law).astype(np.float64).reshape(-1, 2, 3) / GRID
        return _contrasted(contrast_of(sums, law.scale / GRID, law.kind, level), limits, law, level, adjust, notes)
    if adjust:
        raise ValueError(f"{WHO}: give adjust= or propensity=, not both; a propensity has adjusted already")
    scores, around = _scores(frame, arms, y, limits, propensity, floor, predictions)
    exact = moments(frame[user], scores, around, np.zeros(len(frame), dtype=np.int64), 1, source.chooser())
    notes = paid(budget, name, law, source)
    told = mean_of(source.add(exact, law).astype(np.float64)[0] / GRID, law.scale / GRID, law.kind, level)
    method = "DP inverse propensity weighting" if predictions is None else "DP AIPW, predictions given"
    trusted = ["propensities are the true ones, and lie in [floor, 1 - floor]"]
    trusted += [] if predictions is None else ["predictions come from a model of other data"]
    return as_estimate(told, around, law, level, "ATE", method, notes, tuple(trusted))


def _scores(
    frame: pd.DataFrame,
    arms: Floats,
    y: Floats,
    bounds: tuple[float, float],
    propensity: str,
    floor: float | None,
    predictions: Sequence[str] | None,
) -> tuple[Floats, tuple[float, float]]:
    """Score of each row, nan where it does not count, and the bounds that follow from the declared ones."""
    if floor is None or not 1e-9 <= floor <= 0.5:
        raise ValueError(
            f"{WHO}(floor={floor!r}): declare the least propensity, in (0, 0.5], by what the policy could do; taken "
            "from the rows it would tell of them"
        )
    low, high = bounds
    e = np.clip(of_numbers(frame, propensity, WHO), floor, 1 - floor)
    outcomes = np.clip(y, low, high)
    t = np.where(np.isin(arms, (0, 1)), arms, np.nan)
    if predictions is None:
        reach = (high - low) / 2 / floor
        return (outcomes - (low + high) / 2) * (t / e - (1 - t) / (1 - e)), (-reach, reach)
    if isinstance(predictions, str) or len(predictions) != 2:
        raise ValueError(f"{WHO}(predictions={predictions!r}): give two columns, expected untreated and treated")
    zero, one = (np.clip(of_numbers(frame, name, WHO), low, high) for name in predictions)
    reach = (high - low) / floor
    return one - zero + t / e * (outcomes - one) - (1 - t) / (1 - e) * (outcomes - zero), (-reach, reach)


def _contrasted(
    told: Contrast,
    bounds: tuple[float, float],
    law: Mechanism,
    level: float,
    adjust: Groups | None,
    notes: tuple[str, ...],
) -> Estimate:
    width = bounds[1] - bounds[0]
    drowned = math.isnan(told.sampling)
    method = f"DP strata of {' and '.join(adjust)}" if adjust else "DP difference in means"
    cause = "treatment is as good as random within the strata" if adjust else "treatment was randomised over users"
    cut = f"n is the noisy number of users; outcomes are cut to {bounds}; rows outside arms and groups do not count"
    return Estimate(
        width * told.value,
        math.nan if drowned else width * math.sqrt(told.sampling + told.noise),
        (width * told.low, width * told.high),
        level,
        "ATE",
        f"{method}, {noise_in_words(law, NOT_PRIVATE not in notes)}",
        max(0, round(told.n)),
        costs(law) | ({} if drowned else parts(width**2 * told.sampling, width**2 * told.noise)),
        (cause, *ASSUMED),
        (*notes, *((DROWNED,) if drowned else ()), cut),
    )
