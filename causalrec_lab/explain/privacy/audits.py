"""A lower bound on epsilon from outputs on two neighbouring tables: a promise that is broken shows."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.estimate import z_value

__all__ = ["Audit", "audit", "clopper_pearson"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Audit:
    """What outputs tell of the epsilon behind them.

    Parameters
    ----------
    epsilon_low
        Lower bound on epsilon at `confidence`; 0 where nothing was found. No audit gives an upper one.
    event
        The event whose chances differ most: "an output above 3.2", …
    share, other_share
        How often it happened with and without.
    confidence
        Of the bound.
    n
        Outputs on which the bound was computed, of both tables together.
    """

    epsilon_low: float
    event: str
    share: float
    other_share: float
    confidence: float
    n: int

    def __str__(self) -> str:
        """One line."""
        return (
            f"epsilon is at least {self.epsilon_low:.3g} ({self.confidence:.6g} confidence): {self.event} in "
            f"{self.share:.2%} of the outputs with, {self.other_share:.2%} without"
        )

    def _repr_html_(self) -> str:
        """The line."""
        return f"<p>{html.escape(str(self))}</p>"


def audit(with_user: Any, without: Any, *, delta: float = 0.0, confidence: float = 0.95) -> Audit:
    r"""Bound epsilon from below by outputs of a mechanism on two tables that differ in one user.

    For every event E, :math:`P(E) \le e^\epsilon P'(E) + \delta`, so that
    :math:`\epsilon \ge \log \frac{P(E) - \delta}{P'(E)}`. The event (an output above or below a threshold, in either
    table) is chosen on every second output; on the others its chances are bounded by Clopper and Pearson (1934), each
    at half of 1 - confidence (Jagielski, Ullman & Oprea 2020, NeurIPS).

    Parameters
    ----------
    with_user, without
        Outputs (one number each) in the order they were drawn.
    delta
        The promise's delta.
    confidence
        Of the bound.

    Returns
    -------
    `Audit`; `epsilon_low` above the promised epsilon says that the promise is broken.

    Raises
    ------
    ValueError
        If there are fewer than 40 outputs of either, one is no number, or a share lies outside its range.
    """
    one, other = (np.asarray(given, dtype=np.float64).ravel() for given in (with_user, without))
    if min(len(one), len(other)) < 40 or np.isnan(one).any() or np.isnan(other).any():
        raise ValueError(f"audit: {len(one)} and {len(other)} outputs; give at least 40 numbers of each, none missing")
    if not 0 < confidence < 1 or not 0 <= delta < 1:
        raise ValueError(f"audit(confidence={confidence}, delta={delta}): both are shares, confidence in (0, 1)")
    sign, first, threshold = _event(one[::2], other[::2], delta, z_value(confidence))
    hits = [int((sign * part[1::2] > sign * threshold).sum()) for part in (one, other)]
    sizes = [len(part[1::2]) for part in (one, other)]
    alpha = (1 - confidence) / 2
    big, small = (0, 1) if first else (1, 0)
    least = clopper_pearson(hits[big], sizes[big], alpha)[0]
    most = clopper_pearson(hits[small], sizes[small], alpha)[1]
    low = math.log((least - delta) / most) if least > delta else 0.0
    share, other_share = (hit / size for hit, size in zip(hits, sizes, strict=True))
    side = "above" if sign > 0 else "below"
    return Audit(max(0.0, low), f"an output {side} {threshold:.4g}", share, other_share, confidence, sum(sizes))


def _event(one: Floats, other: Floats, delta: float, z: float) -> tuple[int, bool, float]:
    """Side, table and threshold of the event with the largest ratio that its counts can bear."""
    with np.errstate(invalid="ignore"):  # between two infinite outputs there is no number
        thresholds = np.unique(np.quantile(np.concatenate([one, other]), np.linspace(0, 1, 201)))
    thresholds = thresholds[~np.isnan(thresholds)]
    best = (-math.inf, 1, True, float(thresholds[0]))
    for sign in (1, -1):
        ends = [_wilson(sign * part, sign * thresholds, z) for part in (one, other)]
        for first in (True, False):
            big, small = ends if first else ends[::-1]
            ratio = np.log(np.maximum(big[0] - delta, 1e-12) / small[1])
            place = int(ratio.argmax())
            if ratio[place] > best[0]:
                best = (float(ratio[place]), sign, first, float(thresholds[place]))
    return best[1:]


def _wilson(values: Floats, thresholds: Floats, z: float) -> tuple[Floats, Floats]:
    """Wilson's (1927) interval of the share above each threshold."""
    n = len(values)
    hits = (values[:, None] > thresholds).sum(axis=0)
    centre, half = hits + z**2 / 2, z * np.sqrt(hits * (n - hits) / n + z**2 / 4)
    return np.maximum(0.0, (centre - half) / (n + z**2)), (centre + half) / (n + z**2)


def clopper_pearson(hits: int, n: int, alpha: float) -> tuple[float, float]:
    """One-sided bounds, each wrong with chance at most alpha."""
    from scipy.stats import beta

    low = 0.0 if hits == 0 else float(beta.ppf(alpha, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(1 - alpha, hits + 1, n - hits))
    return low, high
