r"""Amounts behind a hurdle: how large one is where it is not 0, and its mean; log-normal, or by a log's own quantiles.

An amount has a score :math:`s_{ui} + \sigma\epsilon`, :math:`\epsilon \sim N(0, 1)`. Without a curve it is
:math:`\exp` of it. With one it is :math:`q(\cdot)` of it: q is linear between amounts at evenly spaced scores from -4
to 4 and constant beyond, so no amount exceeds the largest. Where scores are N(0, 1), amounts then have the quantiles
:math:`q(\Phi^{-1}(p))`, whatever their shape.
"""

from __future__ import annotations

import numpy as np

from causalrec_lab.world.people.population import Floats
from causalrec_lab.world.scenarios.scenario import Amount

__all__ = ["amount_drawn", "amount_mean", "scores_of"]

_REACH = 4.0  # scores at the ends of a curve
_STEPS = 2_001  # of the grid on which the mean along a curve is computed; linear between them


def scores_of(amount: Amount) -> Floats:
    """Scores at which the curve of an amount holds."""
    return np.linspace(-_REACH, _REACH, len(amount.curve))


def amount_drawn(amount: Amount, location: Floats, noise: Floats) -> Floats:
    """Size of amounts that are not 0, given their scores' means and their N(0, 1) noise."""
    score = location + amount.sigma * noise
    return np.asarray(np.interp(score, scores_of(amount), amount.curve) if amount.curve else np.exp(score))


def amount_mean(amount: Amount, location: Floats) -> Floats:
    r"""Mean of amounts that are not 0, given their scores' means m.

    :math:`e^{m + \sigma^2 / 2}` without a curve. A curve with knots :math:`z_k`, where its slope changes by
    :math:`d_k`, has :math:`q_0 + \sum_k d_k E[(m + \sigma\epsilon - z_k)_+]`, and
    :math:`E[(c + \sigma\epsilon)_+] = c\,\Phi(c / \sigma) + \sigma\,\varphi(c / \sigma)`; it is computed on a grid of
    m and is linear between.
    """
    if not amount.curve:
        return np.asarray(np.exp(location + amount.sigma**2 / 2))
    knots, sigma = scores_of(amount), amount.sigma
    if not sigma:
        return np.asarray(np.interp(location, knots, amount.curve))
    from scipy.special import ndtr

    grid = np.linspace(-_REACH - 6 * sigma, _REACH + 6 * sigma, _STEPS)
    slopes = np.diff(amount.curve) / np.diff(knots)
    bends = np.diff(slopes, prepend=0.0, append=0.0)
    above = grid[:, None] - knots
    density = np.exp(-0.5 * (above / sigma) ** 2) / np.sqrt(2 * np.pi)
    mean = amount.curve[0] + (above * ndtr(above / sigma) + sigma * density) @ bends
    return np.asarray(np.interp(location, grid, mean))
