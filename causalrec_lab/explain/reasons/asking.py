"""For which user and item a reason is wanted; what was not recommended is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.explain.reasons.deletion import centred_scores
from causalrec_lab.recommender.catalogue.histories import Histories

__all__ = ["asked_pairs"]


def asked_pairs(model: Any, dataset: Dataset, histories: Histories, items: Any, k: int, force: bool) -> pd.DataFrame:
    """Recommendations a reason is wanted for: columns user_id, item_id, rank, met (whether the history holds the item).

    Parameters
    ----------
    model, dataset, k, force
        As in `write`.
    histories
        Of the users asked about, each once.
    items
        None for the first k, item ids for every user, or user -> item ids.

    Raises
    ------
    KeyError
        If a user stands in no table and no history, or an item is not in the catalogue.
    ValueError
        If an item is not among the first k, or was met already, unless forced; or there is nobody, or nothing, to write
        for.
    """
    _known_users(model, dataset, histories)
    count = len(model.catalogue)
    if k > count:
        raise ValueError(f"reasons.write(k={k}): the catalogue has {count} items; give k in 1..{count}")
    if items is None:
        return _first(model, histories, k).assign(met=False)
    pairs = _named(histories.users, items)
    numbers = model.catalogue.get_indexer(pd.Index(pairs["item_id"])) + 1
    if (numbers < 1).any():
        item = pairs["item_id"].tolist()[int(np.argmin(numbers))]
        some = ", ".join(map(repr, model.catalogue[:3].tolist()))
        raise KeyError(f"item {item!r} is not in the catalogue of {count} items ({some}, …)")
    rows = histories.users.get_indexer(pd.Index(pairs["user_id"])).astype(np.int64)
    none = np.zeros(0, dtype=np.int64)
    _, rank = centred_scores(model, histories, rows, none, none, numbers.astype(np.int64))
    owner, met = histories.pairs()
    pairs = pairs.assign(rank=rank, met=np.isin(rows * (count + 1) + numbers, owner * (count + 1) + met))
    if not force:
        _refuse_the_rest(pairs, k)
    return pairs


def _refuse_the_rest(pairs: pd.DataFrame, k: int) -> None:
    if pairs["met"].any():
        user, item = pairs.loc[pairs["met"], ["user_id", "item_id"]].iloc[0]
        raise ValueError(
            f"item {item!r} is in the history of user {user!r} already, and what was met is not recommended; ask for "
            "another item, or give force=True"
        )
    if (late := pairs["rank"] > k).any():
        user, item, rank = pairs.loc[late, ["user_id", "item_id", "rank"]].iloc[0]
        raise ValueError(
            f"item {item!r} was not recommended to user {user!r}: it stands at rank {rank} and k={k}; give k={rank} or "
            "more, ask for an item that was, or give force=True for a sentence that says it was not"
        )


def _known_users(model: Any, dataset: Dataset, histories: Histories) -> None:
    if not len(histories.users):
        raise ValueError("reasons.write: no user was named; give one user id or several")
    known = histories.users.isin(model.histories.users) | (histories.lengths > 0)
    for table in (dataset.users, dataset.events):
        if table is not None and "user_id" in table:
            known |= histories.users.isin(table["user_id"])
    if not known.all():
        stranger = histories.users.tolist()[int(np.argmin(known))]
        raise KeyError(
            f"user {stranger!r} stands in no table of the data set and in no history of the model; a new user belongs "
            "into dataset.users, and then gets the reason of somebody without a history"
        )


def _named(users: pd.Index, items: Any) -> pd.DataFrame:
    wanted = items if isinstance(items, Mapping) else dict.fromkeys(users, items)
    if strange := [user for user in wanted if user not in users]:
        raise ValueError(f"items= names user {strange[0]!r}, for whom no reason was asked; add the user to user_ids")
    rows = [(user, item) for user, some in wanted.items() for item in np.atleast_1d(np.asarray(some)).tolist()]
    if not rows:
        raise ValueError(f"reasons.write(items={items!r}): no item is named; leave items out for the first k")
    return pd.DataFrame(rows, columns=["user_id", "item_id"]).drop_duplicates(ignore_index=True)


def _first(model: Any, histories: Histories, k: int) -> pd.DataFrame:
    """First k of each user by these histories."""
    from causalrec_lab.recommender.catalogue.interactions import recommend

    class Reading:
        """The model with these histories in place of those it was trained on."""

        catalogue = model.catalogue
        read = model.read
        score_histories = model.score_histories

    Reading.histories = histories  # type: ignore[attr-defined]
    top = recommend(Reading, histories.users, k)  # type: ignore[arg-type]
    return top[["user_id", "item_id", "rank"]]
