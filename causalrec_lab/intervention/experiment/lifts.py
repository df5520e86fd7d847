"""From two arms' estimates to their difference or their relative lift, with an interval and a p-value."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from causalrec_lab.causal.effects.columns import nearest
from causalrec_lab.intervention.experiment.arm_means import ArmMeans
from causalrec_lab.intervention.experiment.laws import Law, student, welch_freedom

__all__ = ["LIFTS", "Lift", "lift", "welch_law"]

LIFTS = ("difference", "fieller", "delta", "log")
NEAR_ZERO = 4.0  # standard errors of the control's mean, below which a ratio to it is no normal matter


@dataclass(frozen=True)
class Lift:
    """Value, standard error, interval, p-value, and a note where the interval has no end."""

    value: float
    std_error: float
    interval: tuple[float, float]
    p_value: float
    note: str = ""


def welch_law(found: ArmMeans, k: int, level: float) -> Law:
    """Student's law of the contrast of arm k with the control."""
    own = found.covariance.diagonal()
    return student(welch_freedom(own[k], own[0], found.units[k], found.units[0]), level)


def lift(found: ArmMeans, k: int, law: Law, kind: str = "difference", margin: float = 0.0) -> Lift:
    r"""Contrast of arm k with the control (number 0).

    Parameters
    ----------
    kind
        "difference" :math:`\mu_k - \mu_0`; or the relative lift :math:`\mu_k/\mu_0 - 1` with Fieller's (1954) set,
        the delta method's interval, or the delta method on :math:`\log(\mu_k/\mu_0)`.
    margin
        Value of the null hypothesis.

    Raises
    ------
    ValueError
        If `kind` is unknown, or relative to a control whose mean is not positive (or, for "log", to an arm's that is
        not).
    """
    if kind not in LIFTS:
        raise ValueError(f"unknown lift {kind!r}; {nearest(kind, LIFTS)}")
    a, b, V = float(found.means[k]), float(found.means[0]), found.covariance
    if kind == "difference":
        return _wald(a - b, math.sqrt(max(V[k, k] + V[0, 0] - 2 * V[k, 0], 0.0)), law, margin)
    if b <= 0 or (kind == "log" and a <= 0):
        turned = "below 0 a rise would read as a fall: turn the metric's sign, or " if b < 0 else ""
        raise ValueError(
            f"no relative lift ({kind!r}) from a control mean of {b:g} to {a:g}; {turned}ask for the difference"
        )
    ratio = a / b
    error = math.sqrt(max(V[k, k] - 2 * ratio * V[k, 0] + ratio**2 * V[0, 0], 0.0)) / abs(b)
    near = NEAR_ZERO * math.sqrt(V[0, 0]) > b
    said = (
        f"warning: the control's mean is within {NEAR_ZERO:g} standard errors of 0; take lift='fieller'" if near else ""
    )
    if kind == "delta":
        return replace(_wald(ratio - 1, error, law, margin), note=said)
    null = a - (1 + margin) * b  # tested on the scale where it is a mean
    spread = math.sqrt(max(V[k, k] - 2 * (1 + margin) * V[k, 0] + (1 + margin) ** 2 * V[0, 0], 0.0))
    if kind == "log":
        half, distance = law.critical * error / ratio, math.log(ratio / (1 + margin)) * ratio / error
        ends = (ratio * math.exp(-half) - 1, ratio * math.exp(half) - 1)
        return Lift(ratio - 1, error, ends, law.p_value(abs(distance)), said)
    low, high, note = _fieller(a, b, V[k, k], V[0, 0], V[k, 0], law.critical)
    return Lift(ratio - 1, error, (low - 1, high - 1), law.p_value(abs(null) / spread if spread else math.inf), note)


def _wald(value: float, error: float, law: Law, margin: float) -> Lift:
    distance = abs(value - margin) / error if error > 0 else (math.inf if value != margin else 0.0)
    half = law.critical * error
    return Lift(value, error, law.ends or (value - half, value + half), law.p_value(distance))


def _fieller(a: float, b: float, va: float, vb: float, vab: float, c: float) -> tuple[float, float, str]:
    r"""Ends of :math:`\{\rho: (a - \rho b)^2 \le c^2 (v_a - 2 \rho v_{ab} + \rho^2 v_b)\}`."""
    A, B, C = b * b - c * c * vb, a * b - c * c * vab, a * a - c * c * va
    under = B * B - A * C
    if A <= 0 or under < 0:
        return -math.inf, math.inf, "warning: the control's mean may be 0, so Fieller's interval has no ends"
    root = math.sqrt(under)
    return (B - root) / A, (B + root) / A, ""
