r"""Where each round's score ranks among all earlier ones: uniform while rounds are exchangeable, whatever their law.

.. math:: u_i = \frac{\#\{j < i: s_j < s_i\} + \upsilon_i \#\{j \le i: s_j = s_i\}}{i}

with :math:`\upsilon_i` uniform. If rounds are exchangeable, :math:`u_1, u_2, \dots` are independent and uniform (Vovk,
Gammerman and Shafer 2005, "Algorithmic Learning in a Random World", sections 2.5 and 4.5: also where ranks are taken
within categories). No reference sample has to be set aside and no variance to be known. Betting on them tells when to
retrain: Vovk et al. (2021, "Retrain or not retrain: conformal test martingales for change-point detection", PMLR 152).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["OnlineRanks"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_PIECE = 512  # rounds compared with each other at once


class OnlineRanks:
    """Ranks of rounds among the earlier ones of their category.

    Categories are what is known to differ: a season, a group of items. A new category begins without a past, and says
    nothing on its first round.
    """

    def __init__(self) -> None:
        self._past: dict[int, Floats] = {}

    def read(self, scores: Floats, ties: Floats, category: Ints | int = 0) -> Floats:
        """(n,) uniform ranks of a day's rounds, in their order.

        Parameters
        ----------
        scores
            (n,) any numbers; missing ones tie with each other above all others.
        ties
            (n,) uniform on (0, 1), drawn independently of everything.
        category
            Category of all rounds, or (n,) of each.
        """
        scores = np.where(np.isnan(scores), np.inf, scores)  # nan is below, above and beside nothing: no rank
        if np.ndim(category) == 0:
            return self._within(int(category), scores, ties)
        found = np.empty(len(scores))
        labels = np.asarray(category)
        for label in np.unique(labels).tolist():
            rows = labels == label
            found[rows] = self._within(label, scores[rows], ties[rows])
        return found

    def _within(self, label: int, scores: Floats, ties: Floats) -> Floats:
        past = self._past.get(label, np.empty(0))
        below, equal = _counted(past, scores)
        for at in range(0, len(scores), _PIECE):
            rows = slice(at, at + _PIECE)
            before, beside = _counted(np.sort(scores[:at]), scores[rows])
            inside = np.tri(len(scores[rows]), k=-1, dtype=bool)
            below[rows] += before + ((scores[None, rows] < scores[rows, None]) & inside).sum(axis=1)
            equal[rows] += beside + ((scores[None, rows] == scores[rows, None]) & inside).sum(axis=1)
        self._past[label] = np.sort(np.concatenate([past, scores]), kind="stable")  # once a day: the past is long
        return np.asarray((below + ties * (equal + 1)) / (len(past) + np.arange(len(scores)) + 1))


def _counted(past: Floats, scores: Floats) -> tuple[Ints, Ints]:
    """How many of a sorted past lie below each score, and how many equal it."""
    below = np.searchsorted(past, scores, side="left")
    return below, np.searchsorted(past, scores, side="right") - below
