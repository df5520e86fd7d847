"""What recommenders take and share: the table they train on, the catalogue, and the face they all have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.building.splits import Split
from causalrec_lab.data.dataset import Dataset
from causalrec_lab.recommender.catalogue.histories import Histories

__all__ = [
    "CatalogueRecommender",
    "Recommender",
    "Scores",
    "catalogue_of",
    "recommend",
    "refuse_nan",
    "training_table",
]

Scores = npt.NDArray[np.float32]
Table = Dataset | Split | pd.DataFrame
CELLS = 2**25  # scores held at a time: 128 MB, however large the catalogue


class Recommender(Protocol):
    """A model that scores the whole catalogue for a history."""

    @property
    def catalogue(self) -> pd.Index:
        """Item ids, in the order of the scores' columns."""

    @property
    def histories(self) -> Histories:
        """What it was trained on."""

    def read(self, frame: pd.DataFrame) -> Histories:
        """Histories in a table of events, with the columns this model reads."""

    def score_histories(self, histories: Histories) -> Scores:
        """(n, items) scores; higher is sooner."""


class CatalogueRecommender(ABC):
    """What fitted recommenders share: the catalogue and the histories they were trained on, `score`, `recommend`."""

    _catalogue: pd.Index
    _histories: Histories

    @property
    def catalogue(self) -> pd.Index:
        """Item ids, in the order of the scores' columns.

        Raises
        ------
        ValueError
            If the model was not fitted; so does whatever reads what training left.
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
        return Histories.of(frame, self.catalogue)

    @abstractmethod
    def score_histories(self, histories: Histories) -> Scores:
        """(n, items) scores of the catalogue for `histories`."""

    def score(self, user_ids: Any) -> Scores:
        """(n, items) scores of the catalogue for `user_ids`."""
        return self.score_histories(self._of(user_ids))

    def recommend(self, user_ids: Any, k: int, *, filter_seen: bool = True) -> pd.DataFrame:
        """Top k items of each user, best first; see `interactions.recommend`."""
        return recommend(self, user_ids, k, filter_seen=filter_seen)

    def _of(self, user_ids: Any) -> Histories:
        return self.histories.take(pd.Index(np.atleast_1d(np.asarray(user_ids)), name="user_id"))

    def _require_fit(self) -> None:
        if not hasattr(self, "_histories"):
            raise ValueError(
                f"this {type(self).__name__} was not fitted; call fit(events) first, or load a saved one if it saves"
            )


def training_table(data: Table) -> pd.DataFrame:
    """Events of a data set, the training part of a split, or the table itself.

    Raises
    ------
    ValueError
        If the data set has no events, or there are no rows.
    """
    if isinstance(data, Dataset):
        if data.events is None:
            raise ValueError(
                f"data set {data.name!r} has no events; it has {', '.join(data.tables)}: pass one as a table"
            )
        table = data.events
    else:
        table = data.train if isinstance(data, Split) else data
    if table.empty:
        raise ValueError("there are no events to train on")
    return table


def catalogue_of(data: Table, items: pd.DataFrame | None) -> pd.Index:
    """Ids of every item that may be recommended: of `items`, of the data set's items, else of all events given.

    Raises
    ------
    ValueError
        If an item stands twice in the items table, or an item_id is missing there or in the events.
    """
    if items is None and isinstance(data, Dataset):
        items = data.items
    if items is not None:
        _no_item_missing(items, "items")
        ids: pd.Index[Any] = pd.Index(items["item_id"], name="item_id")
        if not ids.is_unique:
            raise ValueError(f"items has item_id {ids[ids.duplicated()][0]!r} more than once; one row an item")
        return ids
    parts = (data.train, data.validation, data.test) if isinstance(data, Split) else (training_table(data),)
    for part in parts:
        _no_item_missing(part, "the events")
    met: pd.Index[Any] = pd.Index(
        np.unique(np.concatenate([part["item_id"].unique() for part in parts])), name="item_id"
    )
    return met


def _no_item_missing(table: pd.DataFrame, name: str) -> None:
    """A missing id would become an item of its own, which could be recommended."""
    if "item_id" in table and (lost := table["item_id"].isna().to_numpy()).any():
        raise ValueError(
            f"column 'item_id' of {name} is missing in {int(lost.sum())} rows, first at row {int(lost.argmax())}; "
            "drop these rows"
        )


def recommend(model: Recommender, user_ids: Any, k: int, *, filter_seen: bool = True) -> pd.DataFrame:
    """Top k items of each user: columns user_id, rank (1 is best), item_id, score.

    Users the model never met get what it would give to an empty history. Items already met are left out unless
    `filter_seen` is False.

    Raises
    ------
    ValueError
        If k is not in 1..catalogue size, or a score is NaN.
    """
    if not 1 <= k <= len(model.catalogue):
        raise ValueError(f"recommend(k={k}): the catalogue has {len(model.catalogue)} items; give k in 1..that")
    users = pd.Index(np.atleast_1d(np.asarray(user_ids)), name="user_id")
    rows = max(1, CELLS // len(model.catalogue))
    blocks = [_best(model, users[at : at + rows], k, filter_seen) for at in range(0, max(1, len(users)), rows)]
    return pd.concat(blocks, ignore_index=True) if len(blocks) > 1 else blocks[0]


def _best(model: Recommender, users: pd.Index, k: int, filter_seen: bool) -> pd.DataFrame:
    """`recommend` for as many users as have scores that fit into memory."""
    histories = model.histories.take(users)
    scores = model.score_histories(histories).copy()
    refuse_nan(scores, users)
    if filter_seen:
        rows, numbers = histories.pairs()
        scores[rows, numbers - 1] = -np.inf
    top = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    chosen = np.take_along_axis(scores, top, axis=1)
    table = pd.DataFrame(
        {
            "user_id": users.repeat(k),
            "rank": np.tile(np.arange(1, k + 1), len(users)),
            "item_id": model.catalogue.to_numpy()[top.ravel()],
            "score": chosen.ravel(),
        }
    )
    finite: pd.DataFrame = table[np.isfinite(table["score"])].reset_index(drop=True)
    return finite


def refuse_nan(scores: npt.NDArray[Any], users: pd.Index) -> None:
    """Say whose scores are NaN: it compares false with everything, so such a model would rank first of all.

    Raises
    ------
    ValueError
        If a score is NaN.
    """
    lost = np.isnan(scores).any(axis=1)
    if lost.any():
        raise ValueError(
            f"the model scored {int(lost.sum())} of {len(users)} users with NaN, first user "
            f"{users.tolist()[int(lost.argmax())]!r}; was it trained, did its loss stay finite? Train it again first"
        )
