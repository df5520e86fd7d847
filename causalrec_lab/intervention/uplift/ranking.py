r"""Rows in the order of a score, and what treating them in that order gains.

A tie is one step: whoever is treated in part of it is drawn from it at random, so the curve is a straight line across
it and no order of the table's rows can move a figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Ranking"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ranking:
    """Rows by falling score.

    Parameters
    ----------
    order
        (n,) rows, highest score first.
    ends
        Last place of each tie in that order.
    weights
        (n,) weights of the rows, in the table's order.
    """

    order: Integers
    ends: Integers
    weights: Floats

    @classmethod
    def of(cls, score: Floats, weights: Floats) -> Ranking:
        """Rank rows by a score."""
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        return cls(order, np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)), weights)

    def steps(self, effect: Floats, kept: npt.NDArray[np.bool_] | None = None) -> tuple[Floats, Floats]:
        """Share treated and gain a row at the end of each tie, both from 0.

        Parameters
        ----------
        effect
            (n,) effects of the rows, or scores that are unbiased for them.
        kept
            (n,) rows that count; None: all.
        """
        w = (self.weights if kept is None else self.weights * kept)[self.order]
        mass, gained = np.cumsum(w)[self.ends], np.cumsum(w * effect[self.order])[self.ends]
        return np.append(0.0, mass) / mass[-1], np.append(0.0, gained) / mass[-1]

    def gain(self, effect: Floats, shares: Floats, kept: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Gain a row of treating the top shares: see `steps`."""
        return np.interp(shares, *self.steps(effect, kept))

    def treated(self, k: float) -> Floats:
        """(n,) chance of each row to be treated when the top share k is."""
        share = np.append(0.0, np.cumsum(self.weights[self.order])[self.ends])
        inside = np.clip((k * share[-1] - share[:-1]) / np.maximum(np.diff(share), 1e-300), 0.0, 1.0)
        found = np.empty(len(self.order))
        found[self.order] = np.repeat(inside, np.diff(self.ends, prepend=-1))
        return found

    def area(self, effect: Floats) -> tuple[float, Floats]:
        r"""Area under the gain and its influence function.

        With mid-ranks :math:`F` of the score S and the curve's height :math:`g` half-way through a row's tie,

        .. math:: \theta = E[\Gamma F(S)], \qquad \psi = \Gamma F(S) + g(S) - 2 \theta

        (the projection of a U-statistic: van der Vaart 1998, Asymptotic Statistics, section 12.1).
        """
        share, gained = self.steps(effect)
        size = np.diff(self.ends, prepend=-1)
        rank, height = np.empty(len(effect)), np.empty(len(effect))
        rank[self.order] = np.repeat(1 - (share[1:] + share[:-1]) / 2, size)
        height[self.order] = np.repeat((gained[1:] + gained[:-1]) / 2, size)
        w = self.weights / self.weights.mean()
        theta = float(np.mean(w * effect * rank))
        return theta, np.asarray(w * (effect * rank + height - 2 * theta))
