"""Items nobody has met yet: how they are held out, and a popularity they can be expected to have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.data.building.splits import Split
from causalrec_lab.data.dataset import Dataset
from causalrec_lab.recommender.catalogue.baselines import Popularity
from causalrec_lab.recommender.catalogue.histories import Histories
from causalrec_lab.recommender.catalogue.interactions import Scores, Table, catalogue_of, training_table
from causalrec_lab.recommender.config import RecommenderConfig
from causalrec_lab.recommender.sequence.towers import attribute_matrix, text_vectors

__all__ = ["ContentPopularity", "split_cold_items"]


def split_cold_items(split: Split, share: float = 0.1, seed: int = 0) -> tuple[Split, pd.Index]:
    """Make a random share of the items cold: no event of theirs is left to train or to choose on.

    Parameters
    ----------
    split
        A leave-one-out split.
    share
        Of the items, in (0, 1).
    seed
        Of the draw.

    Returns
    -------
    The split whose test holds the users whose target is cold, and the ids of the cold items. Histories of the test are
    those before the target, without cold items.

    Raises
    ------
    ValueError
        If the share is none, or no target is cold.
    """
    if not 0 < share < 1:
        raise ValueError(f"split_cold_items(share={share!r}): give a share of the items in (0, 1)")
    items = np.unique(
        np.concatenate([part["item_id"].unique() for part in (split.train, split.validation, split.test)])
    )
    rng = np.random.default_rng(seed)
    cold = pd.Index(np.sort(rng.choice(items, size=max(1, round(share * len(items))), replace=False)), name="item_id")
    train, validation = (part[~part["item_id"].isin(cold)] for part in (split.train, split.validation))
    test = split.test[split.test["item_id"].isin(cold)]
    return Split(train, validation, test, f"{split.protocol}; {len(cold)} items cold, targets among them"), cold


class ContentPopularity(Popularity):
    r"""Popularity where an item was met, and the popularity its content lets expect where it was not.

    Ridge regression of :math:`\log(1 + \text{count})` on attributes and text vectors of the items met gives the counts
    of the others: a prior for cold items, the same for everybody.

    Parameters
    ----------
    attributes, text
        As in `RecommenderConfig`; at least one of them.
    penalty
        Of the ridge.
    """

    def __init__(self, attributes: tuple[str, ...] = (), text: str | None = None, penalty: float = 10.0) -> None:
        if not attributes and text is None:
            raise ValueError("ContentPopularity: name attributes=(…) of the items, a text encoder, or both")
        self.config = RecommenderConfig(attributes=attributes, text=text)
        self.penalty = penalty

    def fit(self, data: Table, items: pd.DataFrame | None = None) -> ContentPopularity:
        """Learn from events of a table, a data set or a split's training part, and a table of items."""
        known = data.items if items is None and isinstance(data, Dataset) else items
        parts = (attribute_matrix(self.config, known)[0], text_vectors(self.config, known)[0])
        self._content = np.hstack([part.numpy()[1:] for part in parts if part is not None]).astype(np.float64)
        self._catalogue = catalogue_of(data, items)
        self._histories = Histories.of(training_table(data), self._catalogue)
        self._learn()
        return self

    def _learn(self) -> None:
        super()._learn()
        met = self.counts > 0
        centre = self._content[met].mean(axis=0)
        X, y = self._content - centre, np.log1p(self.counts.astype(np.float64))
        gram: Any = X[met].T @ X[met] + self.penalty * np.eye(X.shape[1])
        expected = y[met].mean() + X @ np.linalg.solve(gram, X[met].T @ (y[met] - y[met].mean()))
        counts: Scores = np.where(met, self.counts, np.maximum(np.expm1(expected), 0.0)).astype(np.float32)
        self.counts = counts
