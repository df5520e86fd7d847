"""A recommender as a policy: which item it would show, so that its value can be estimated, tested and known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.catalogue.interactions import Recommender, refuse_nan

__all__ = ["RecommenderPolicy"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RecommenderPolicy:
    r"""Show the best-scored item, or draw one from a softmax of the scores.

    Parameters
    ----------
    model
        A fitted recommender; actions are its items in catalogue order.
    temperature
        0 shows the best item; above, :math:`\pi(i|u) \propto \exp(s_{ui} / \text{temperature})`.
    filter_seen
        Never show what the user's training history holds.
    among
        (items,) True where an item may be shown; None for all.
    head
        "interest", or "behaviour" (of a `TransformerRecommender` that has one): rank by the chance of the outcome.
    """

    model: Recommender
    temperature: float = 0.0
    filter_seen: bool = False
    among: npt.NDArray[np.bool_] | None = None
    head: Literal["interest", "behaviour"] = "interest"

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(n, items) probabilities, one row a user of `contexts` (column user_id).

        Raises
        ------
        ValueError
            If nothing may be shown to a user, a score is NaN, or the temperature is negative.
        """
        if not self.temperature >= 0:
            raise ValueError(f"temperature={self.temperature}: give 0 for the best item, or a positive number")
        histories = self.model.histories.take(pd.Index(contexts["user_id"]))
        options: dict[str, Any] = {} if self.head == "interest" else {"head": self.head}
        scores = np.array(self.model.score_histories(histories, **options), dtype=np.float64)
        refuse_nan(scores, histories.users)
        if self.among is not None:
            scores[:, ~self.among] = -np.inf
        if self.filter_seen:
            rows, numbers = histories.pairs()
            scores[rows, numbers - 1] = -np.inf
        if empty := int((~np.isfinite(scores)).all(axis=1).sum()):
            raise ValueError(f"{empty} users have no item left to be shown; widen `among` or set filter_seen=False")
        scores -= scores.max(axis=1, keepdims=True)
        chances = (scores == 0).astype(float) if self.temperature == 0 else np.exp(scores / self.temperature)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))
