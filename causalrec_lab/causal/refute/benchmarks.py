"""Partial R2 of observed covariates, and what they say about a hidden one."""

from __future__ import annotations

import math

import numpy as np

from causalrec_lab.causal.effects.sample import Floats

__all__ = ["benchmark_bound", "check_share", "partial_r2"]


def partial_r2(full: Floats, reduced: Floats, target: Floats) -> float:
    r"""Share of what `reduced` leaves of the target that `full` explains, :math:`1 - RSS_{full}/RSS_{reduced}`.

    Parameters
    ----------
    full, reduced
        (n, m) and (n, k) designs, the second a part of the first.
    target
        (n,) target.
    """

    def left(design: Floats) -> float:
        rest = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
        return float(rest @ rest)

    before = left(reduced)
    return max(0.0, 1 - left(full) / before) if before > 0 else 0.0


def benchmark_bound(r2_treatment: float, r2_outcome: float, kd: float = 1.0, ky: float = 1.0) -> tuple[float, float]:
    r"""Partial R2 of a hidden Z that is kd and ky times as strong as an observed covariate j.

    .. math:: R^2_{T \sim Z|X} = k_D \frac{R^2_{T \sim j}}{1 - R^2_{T \sim j}}, \quad
        R^2_{Y \sim Z|T,X} \le \left(\frac{\sqrt{k_Y} + \sqrt{\rho^2}}{\sqrt{1 - \rho^2}}\right)^2
        \frac{R^2_{Y \sim j}}{1 - R^2_{Y \sim j}}, \quad
        \rho^2 = \frac{k_D R^4_{T \sim j}}{(1 - k_D R^2_{T \sim j})(1 - R^2_{T \sim j})}

    Z is independent of X; the second is capped at 1. Source: Cinelli and Hazlett (2020, JRSS-B).

    Parameters
    ----------
    r2_treatment, r2_outcome
        Partial R2 of the covariate with the treatment, given the other covariates, and with the outcome, given these
        and the treatment.
    kd, ky
        Multiples towards treatment and outcome.

    Returns
    -------
    (r2_treatment, r2_outcome) of Z.

    Raises
    ------
    ValueError
        If a share is outside [0, 1), a multiple negative, or kd so large that Z would explain all of the treatment.
    """
    check_share("r2_treatment", r2_treatment, open_above=True)
    check_share("r2_outcome", r2_outcome, open_above=True)
    if kd < 0 or ky < 0:
        raise ValueError(f"kd={kd}, ky={ky}: a multiple of a strength is 0 or more")
    of_treatment = kd * r2_treatment / (1 - r2_treatment)
    if of_treatment >= 1 or kd * r2_treatment >= 1:
        raise ValueError(
            f"kd={kd:g}: the covariate explains {r2_treatment:.0%} of the treatment, so nothing can be {kd:g} times as "
            "strong; give a smaller multiple"
        )
    shared = kd * r2_treatment**2 / ((1 - kd * r2_treatment) * (1 - r2_treatment))
    if shared >= 1:
        return of_treatment, 1.0
    factor = (math.sqrt(ky) + math.sqrt(shared)) / math.sqrt(1 - shared)
    return of_treatment, min(1.0, factor**2 * r2_outcome / (1 - r2_outcome))


def check_share(name: str, value: float, *, open_above: bool = False) -> None:
    """Refuse what is no share of variance.

    Raises
    ------
    ValueError
        If the value lies outside [0, 1], or is 1 where it must be below.
    """
    if not 0 <= value <= 1 or (open_above and value == 1):
        raise ValueError(f"{name}={value}: a share of variance lies in [0, 1{')' if open_above else ']'}")
