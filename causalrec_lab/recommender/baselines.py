"""What a Transformer must beat: popularity and item neighbours, with its face."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import pandas as pd

from causalrec_lab.recommender.histories import Histories
from causalrec_lab.recommender.interactions import Scores, Table, catalogue_of, recommend, training_table

__all__ = ["ItemKNN", "Popularity"]


class _Baseline(ABC):
    """Catalogue and histories; a subclass learns from them and scores."""

    def fit(self, data: Table, items: pd.DataFrame | None = None) -> Self:
        """Learn from events (user_id, item_id, timestamp) of a table, a data set or a split's training part."""
        self._catalogue = catalogue_of(data, items)
        self._histories = self.read(training_table(data))
        self._learn()
        return self

    @property
    def catalogue(self) -> pd.Index:
        """Item ids, in the order of the scores' columns.

        Raises
        ------
        ValueError
            If the model was not fitted.
        """
        self._require_fit()
        return self._catalogue

    @property
    def histories(self) -> Histories:
        """What it was trained on."""
        self._require_fit()
        return self._histories

    def read(self, frame: pd.DataFrame) -> Histories:
        """Histories in a table of events."""
        return Histories.of(frame, self._catalogue)

    def score(self, user_ids: Any) -> Scores:
        """(n, items) scores of the catalogue for `user_ids`."""
        return self.score_histories(self.histories.take(pd.Index(np.atleast_1d(np.asarray(user_ids)))))

    def recommend(self, user_ids: Any, k: int, *, filter_seen: bool = True) -> pd.DataFrame:
        """Top k items of each user, best first; see `interactions.recommend`."""
        return recommend(self, user_ids, k, filter_seen=filter_seen)

    def _require_fit(self) -> None:
        if not hasattr(self, "_histories"):
            raise ValueError(f"this {type(self).__name__} was not fitted; call fit(events) first")

    @abstractmethod
    def score_histories(self, histories: Histories) -> Scores:
        """(n, items) scores of the catalogue for `histories`."""

    @abstractmethod
    def _learn(self) -> None:
        """Learn from the histories just read."""


class Popularity(_Baseline):
    """Score of an item: how often it stands in the training events. The same for everybody."""

    def score_histories(self, histories: Histories) -> Scores:
        """(n, items) counts, each row the same."""
        return np.tile(self.counts, (len(histories.users), 1))

    def _learn(self) -> None:
        numbers = self._histories.items - 1
        self.counts: Scores = np.bincount(numbers, minlength=len(self._catalogue)).astype(np.float32)


class ItemKNN(_Baseline):
    r"""Score of an item: its similarity to the items of the history (Sarwar et al. 2001, section 3.1).

    :math:`s_{ij} = |U_i \cap U_j| / (\sqrt{|U_i| |U_j|} + c)` over users' sets, the shrinkage c taking from pairs
    that few users share; only the `neighbours` nearest of each item count.
    """

    def __init__(self, neighbours: int = 100, shrinkage: float = 10.0) -> None:
        self.neighbours = neighbours
        self.shrinkage = shrinkage

    def score_histories(self, histories: Histories) -> Scores:
        """(n, items) summed similarities."""
        met = _matrix(histories, len(self._catalogue))
        return np.asarray((met @ self.similarity), dtype=np.float32)

    def _learn(self) -> None:
        met = _matrix(self._histories, len(self._catalogue))
        together = (met.T @ met).toarray().astype(np.float32)
        size = np.sqrt(np.diag(together))
        similarity = together / (np.outer(size, size) + self.shrinkage)
        np.fill_diagonal(similarity, 0.0)
        if self.neighbours < len(similarity):
            least = np.partition(similarity, -self.neighbours, axis=0)[-self.neighbours]
            similarity[similarity < least] = 0.0
        self.similarity: Scores = similarity


def _matrix(histories: Histories, n_items: int) -> Any:
    """Users x items, 1 where met."""
    from scipy import sparse

    rows, numbers = histories.pairs()
    shape = (len(histories.users), n_items)
    met = sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, numbers - 1)), shape=shape)
    met.data[:] = 1.0
    return met
