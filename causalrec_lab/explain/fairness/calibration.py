r"""Whether a user's list holds what the user likes, in the right parts: calibration (Steck 2018, RecSys)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.explain.fairness.exposure import Exposure
from causalrec_lab.explain.fairness.groups import Floats, item_groups

__all__ = ["miscalibration", "shown_shares"]


def shown_shares(
    exposure: Exposure, items: pd.DataFrame | npt.ArrayLike, by: str | None = None, *, missing: str = "error"
) -> pd.DataFrame:
    """Part of each user's attention that goes to each group of items; users who were shown nothing have nan.

    Returns
    -------
    DataFrame of users x groups, rows summing to 1: a column is an outcome for `outcome_by_group` or `decompose`.

    Raises
    ------
    ValueError
        As `exposure_by_group`.
    """
    groups = item_groups(items, by, exposure.items, missing)
    given = exposure.by_user(groups)
    total = given.sum(axis=1, keepdims=True)
    return pd.DataFrame(given / np.where(total > 0, total, np.nan), index=exposure.users, columns=list(groups.labels))


def miscalibration(
    exposure: Exposure,
    items: pd.DataFrame | npt.ArrayLike,
    by: str | None,
    liked: pd.DataFrame,
    *,
    alpha: float = 0.01,
    missing: str = "error",
) -> pd.Series:
    r"""How far the categories of each user's lists are from those the user likes.

    .. math:: C_u = \sum_g p_{ug} \log \frac{p_{ug}}{(1 - \alpha) q_{ug} + \alpha p_{ug}}

    with the liked shares p and the shown ones q (Steck 2018, "Calibrated Recommendations", RecSys);
    0 where they agree.

    Parameters
    ----------
    exposure, items, by, missing
        As in `exposure_by_group`.
    liked
        Users x groups, non-negative: counts or shares of what each user took of her own accord.
    alpha
        Weight of p in what q is smoothed to, in (0, 1).

    Returns
    -------
    Series indexed by user, in nats; nan for users who were shown or liked nothing.

    Raises
    ------
    ValueError
        If `alpha` is outside (0, 1), a user or group is missing or twice in `liked`, or a number there is negative or
        not finite.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha={alpha}: give a number inside (0, 1), such as 0.01")
    q = shown_shares(exposure, items, by, missing=missing)
    liked = liked.rename(columns=str)  # labels of groups are text
    if not (liked.index.is_unique and liked.columns.is_unique):
        raise ValueError("liked: a user or a group stands twice; give one row a user, one column a group")
    lost = [name for name in q.columns if name not in liked.columns]
    if lost or len(q.index.difference(liked.index)):
        raise ValueError(f"liked: no column for {lost} or no row for some users; give users x {list(q.columns)}")
    p = liked.loc[q.index, q.columns].to_numpy(dtype=np.float64)
    if not ((p >= 0) & (p < np.inf)).all():
        raise ValueError("liked has values that are negative, missing or infinite; give counts or shares")
    total = p.sum(axis=1, keepdims=True)
    p = p / np.where(total > 0, total, np.nan)
    return pd.Series(_divergence(p, q.to_numpy(), alpha), index=q.index, name="miscalibration")


def _divergence(p: Floats, q: Floats, alpha: float) -> Floats:
    smoothed = (1 - alpha) * q + alpha * p
    parts = np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0) / np.where(p > 0, smoothed, 1.0)), 0.0)
    return np.asarray(np.where(np.isnan(q + p).any(axis=1), np.nan, parts.sum(axis=1)))
