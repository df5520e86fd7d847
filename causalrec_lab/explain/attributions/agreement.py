"""How far two rankings of the same things agree: Kendall's tau, its interval by drawing both again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from causalrec_lab.estimate import Estimate

__all__ = ["kendall", "rank_agreement"]

Floats = npt.NDArray[np.float64]


def kendall(left: Floats, right: Floats) -> float:
    r"""Kendall's :math:`\tau_b`: concordant less discordant pairs, over what ties leave.

    .. math:: \tau_b = \frac{C - D}{\sqrt{(C + D + T_x)(C + D + T_y)}}

    (Kendall 1945, "The Treatment of Ties in Ranking Problems", Biometrika 33.) It is nan where one side is all tied.

    Parameters
    ----------
    left, right
        (d,) numbers.
    """
    upper = np.triu_indices(len(left), 1)
    x, y = (np.sign(side[upper[0]] - side[upper[1]]) for side in (np.asarray(left), np.asarray(right)))
    scale = np.sqrt(np.abs(x).sum() * np.abs(y).sum())
    return float((x * y).sum() / scale) if scale > 0 else float("nan")


def rank_agreement(
    left: Floats, right: Floats, drawn_left: Floats, drawn_right: Floats, *, level: float = 0.95
) -> Estimate:
    """Kendall's tau of two rankings, with a percentile interval over draws of both.

    Parameters
    ----------
    left, right
        (d,) sizes.
    drawn_left, drawn_right
        (r, d) draws of them: bootstrap samples, or the same row over and over where one side is exact.
    level
        Of the interval.
    """
    value = kendall(left, right)
    drawn = np.array([kendall(a, b) for a, b in zip(drawn_left, drawn_right, strict=True)])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < 2 or np.isnan(value):
        why = "all tied" if np.isnan(value) else "no draws"
        nan = float("nan")
        return Estimate(value, nan, (nan, nan), level, "Kendall's tau", n=len(left), notes=(f"no interval: {why}",))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        value,
        float(drawn.std(ddof=1)),
        (float(min(low, value)), float(max(high, value))),
        level,
        "Kendall's tau",
        f"percentiles of {len(drawn)} draws",
        len(left),
        notes=(f"a rank correlation of {len(left)} features is coarse",),
    )
