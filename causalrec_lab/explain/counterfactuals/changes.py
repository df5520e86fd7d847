"""One user's history as events that can be left out or replaced, and the changed histories as a model reads them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.catalogue.histories import Histories, gap_steps

__all__ = ["Events", "ScoredCatalogue", "events_of", "scorer_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Events:
    """What one user met, oldest first.

    Parameters
    ----------
    user
        Whose, as it was given.
    items
        (n,) item numbers, 1 the first of the catalogue.
    outcomes
        (n,) 0 or 1, where the model reads them, else None.
    times
        (n,) seconds, where the model reads gaps, else None.
    """

    user: Any
    items: Ints
    outcomes: Ints | None = None
    times: Floats | None = None

    def __len__(self) -> int:
        """Events."""
        return len(self.items)

    def changed(self, places: Ints, numbers: Ints) -> Histories:
        """Histories with some events left out or replaced, one a row.

        Parameters
        ----------
        places
            (m, s) events that change in each of m histories; s may be 0.
        numbers
            (m, s) item number that stands there instead, 0 to leave the event out.

        Returns
        -------
        Histories of m rows; the outcome and the time of a replaced event stay, gaps are those of what is left.
        """
        rows = np.arange(len(places))[:, None]
        items = np.tile(self.items, (len(places), 1))
        items[rows, places] = numbers
        kept = items > 0
        offsets = np.concatenate(([0], kept.sum(axis=1).cumsum())).astype(np.int64)

        def left(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.asarray(np.broadcast_to(values, kept.shape)[kept])

        outcomes = None if self.outcomes is None else left(self.outcomes)
        gaps = None if self.times is None else gap_steps(pd.Series(left(self.times)), offsets)
        return Histories(pd.RangeIndex(len(places)), items[kept], offsets, outcomes, gaps=gaps)


@dataclass(frozen=True, eq=False)
class ScoredCatalogue:
    """A catalogue and a function that scores it for histories: all that a counterfactual asks of a model.

    Parameters
    ----------
    catalogue
        Item ids, in the order of the scores' columns.
    score
        Histories of m users to (m, items) scores, higher is sooner.
    read
        Table of events to histories.
    histories
        What the model was trained on; None where it keeps none.
    """

    catalogue: pd.Index
    score: Callable[[Histories], npt.NDArray[Any]]
    read: Callable[[pd.DataFrame], Histories]
    histories: Histories | None = None

    def number(self, item: Any) -> int:
        """Number of an item, 1 the first.

        Raises
        ------
        KeyError
            If the item is not in the catalogue.
        """
        place = int(self.catalogue.get_indexer(pd.Index([item]))[0])
        if place < 0:
            shown = ", ".join(map(repr, self.catalogue[:3].tolist()))
            raise KeyError(f"item {item!r} is not in the catalogue of {len(self.catalogue)} items ({shown}, …)")
        return place + 1


def scorer_of(model: Any, head: str | None = None, catalogue: Any = None) -> ScoredCatalogue:
    """What a counterfactual asks of a model.

    Parameters
    ----------
    model
        A fitted recommender, or a function of `Histories` to (m, items) scores.
    head
        Which head of a model that has several; None for its own choice.
    catalogue
        Item ids, for a function; a recommender has its own.

    Raises
    ------
    ValueError
        If a function comes without a catalogue, or a head is asked of a model that has one score only.
    """
    if not hasattr(model, "score_histories"):
        if catalogue is None:
            raise ValueError("a function that scores histories needs catalogue=, the item ids of its columns")
        ids = pd.Index(catalogue, name="item_id")
        return ScoredCatalogue(ids, model, lambda frame: Histories.of(frame, ids))
    score = model.score_histories
    if head is not None:
        if "head" not in inspect.signature(score).parameters:
            raise ValueError(f"head={head!r}: {type(model).__name__} has one score only; leave head out")
        return ScoredCatalogue(model.catalogue, lambda some: score(some, head), model.read, model.histories)
    return ScoredCatalogue(model.catalogue, score, model.read, model.histories)


def events_of(model: ScoredCatalogue, history: Any) -> Events:
    """One user's events, from a user id, a table of events, item ids in time order, or `Histories` of one user.

    Raises
    ------
    ValueError
        If the history is empty, of several users, or a user id is given where the model keeps no histories.
    """
    times = None
    if isinstance(history, Histories):
        user, found = None, history
    elif isinstance(history, pd.DataFrame):
        user, found, times = _of_table(model, history)
    elif np.ndim(history) == 0:
        user, found = history, _of_user(model, history)
    else:
        user, found = None, model.read(pd.DataFrame({"user_id": 0, "item_id": list(history)}))
    if len(found.users) > 1:
        raise ValueError(f"the history holds {len(found.users)} users; explain one at a time")
    if not len(found.items):
        raise ValueError(
            f"the history{'' if user is None else f' of user {user!r}'} is empty (or the model knows no such user): "
            "the recommendation rests on no event of it, so none can be taken away; it is what fits everybody"
        )
    if found.gaps is not None and times is None:
        times = _middle_times(found.gaps)
    return Events(user, found.items, found.outcomes, None if found.gaps is None else times)


def _of_user(model: ScoredCatalogue, user: Any) -> Histories:
    if model.histories is None:
        raise ValueError(f"history={user!r}: this model keeps no histories; give item ids or a table of events")
    return model.histories.take(pd.Index([user]))


def _of_table(model: ScoredCatalogue, frame: pd.DataFrame) -> tuple[Any, Histories, Floats | None]:
    """User, history, and the seconds of its events where the table tells them."""
    named = frame if "user_id" in frame else frame.assign(user_id=0)
    user = named["user_id"].iloc[0] if len(named) and "user_id" in frame else None
    found = model.read(named)
    if "timestamp" not in frame:
        return user, found, None
    stamps = frame["timestamp"].sort_values(kind="stable")
    if pd.api.types.is_datetime64_any_dtype(stamps):
        return user, found, (stamps - stamps.min()).dt.total_seconds().to_numpy(dtype=np.float64)
    return user, found, stamps.to_numpy(dtype=np.float64)


def _middle_times(gaps: Ints) -> Floats:
    """Seconds that have these steps between them: the middle, on the logarithm's scale, of what each step covers."""
    between = 1.5 * 2.0 ** (gaps - 1.0) - 1.0
    between[gaps == 1] = 0.5
    between[0] = 0.0
    return np.asarray(between.cumsum())
