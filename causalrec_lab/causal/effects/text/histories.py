"""Sequences as a confounder: the recommender's state of a user before each decision, for `embeddings=`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.columns import Integers, nearest

if TYPE_CHECKING:
    from causalrec_lab.recommender.catalogue.histories import Histories
    from causalrec_lab.recommender.config import RecommenderConfig

__all__ = ["user_states"]

Vectors = npt.NDArray[np.float32]


def user_states(
    decisions: pd.DataFrame, events: pd.DataFrame, *, config: RecommenderConfig | None = None, interest: bool = True
) -> Vectors:
    """State of each decision's user just before it, (n, dim), for `embeddings=`; past-only, so nothing leaks.

    The sequence model is trained on the events before the first of these decisions, and reads, for each decision, the
    user's events strictly before it. So a state holds neither the decision's treatment and outcome nor anything they
    changed, and all states are of one model: folds that train a model each would give states of different spaces, which
    no estimator could read side by side. What a user did is read as Veitch, Sridhar and Blei (2020) read a text.

    Parameters
    ----------
    decisions
        Columns user_id, timestamp (and item_id with `interest`); any row order.
    events
        Columns user_id, item_id, timestamp, and the outcome that the configuration names: then the state knows not only
        what a user met but how it ended. Items that were not met before the first decision are passed over.
    config
        Of the `TransformerRecommender`; None: a small one.
    interest
        Whether the model's interest in the item at hand stands beside the state as a last column: an effect of user and
        item together that no linear reading of the user's state can give. An item never met before has the mean.

    Returns
    -------
    (n, dim) or (n, dim + 1) float32, in the order of `decisions`. A user without a past has the state of an empty one.

    Raises
    ------
    ValueError
        If a column, a timestamp or every decision is missing, times or users of both tables are of kinds that cannot
        be compared, or no event lies before the first decision.
    """
    from causalrec_lab.recommender.config import RecommenderConfig
    from causalrec_lab.recommender.sequence.transformer import TransformerRecommender

    _check("decisions", decisions, ["user_id", "timestamp", *(["item_id"] if interest else [])])
    _check("events", events, ["user_id", "item_id", "timestamp"])
    _check_both(decisions, events)
    first = decisions["timestamp"].min()
    past = events[events["timestamp"] < first]
    if past.empty:
        raise ValueError(
            f"no event lies before the first decision ({first}); keep the earlier part of the log as history and "
            "estimate on the later part"
        )
    chosen = config or RecommenderConfig(length=50, dim=32, blocks=1, heads=2, epochs=10)
    model = TransformerRecommender(chosen).fit(past, callbacks=())
    known_events = events[events["item_id"].isin(model.catalogue)]
    states = model.embed_histories(_before(decisions, model.read(known_events), known_events))
    if not interest:
        return states
    place = model.catalogue.get_indexer(pd.Index(decisions["item_id"]))
    vectors = model.embed_items()
    known = np.where((place >= 0)[:, None], vectors[place], vectors.mean(axis=0))
    return np.column_stack([states, (states * known).sum(axis=1)]).astype(np.float32)


def _before(decisions: pd.DataFrame, whole: Histories, events: pd.DataFrame) -> Histories:
    """One history a decision: its user's events strictly before it."""
    from causalrec_lab.recommender.catalogue.histories import Histories

    user = whole.users.get_indexer(pd.Index(decisions["user_id"]))
    lengths = _counts(decisions, events)
    starts = np.where(user >= 0, whole.offsets[:-1][user], 0)
    offsets = np.concatenate(([0], lengths.cumsum()))
    rows = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    outcomes, gaps = (None if part is None else part[rows] for part in (whole.outcomes, whole.gaps))
    return Histories(pd.RangeIndex(len(decisions)), whole.items[rows], offsets, outcomes, gaps=gaps)


def _counts(decisions: pd.DataFrame, events: pd.DataFrame) -> Integers:
    """(n,) events of the decision's user strictly before it."""
    users = pd.concat([decisions["user_id"], events["user_id"]], ignore_index=True)
    times = pd.concat([decisions["timestamp"], events["timestamp"]], ignore_index=True)
    is_event = np.repeat([0, 1], [len(decisions), len(events)])
    codes = pd.factorize(users)[0]
    order = np.lexsort((is_event, times.to_numpy(), codes))  # at one moment the decision comes first: strictly before
    running = np.cumsum(is_event[order]) - is_event[order]
    starts = np.concatenate(([True], np.diff(codes[order]) > 0))
    own = running - np.maximum.accumulate(np.where(starts, running, 0))
    found = np.empty(len(order), dtype=np.int64)
    found[order] = own
    return found[: len(decisions)]


def _check(name: str, frame: pd.DataFrame, wanted: list[str]) -> None:
    for column in wanted:
        if column not in frame.columns:
            raise ValueError(f"{name} has no column {column!r}; {nearest(column, list(frame.columns))}")
    if frame["timestamp"].isna().any():
        raise ValueError(f"{name} has {int(frame['timestamp'].isna().sum())} missing timestamps; drop those rows")


def _check_both(decisions: pd.DataFrame, events: pd.DataFrame) -> None:
    for name, frame in (("decisions", decisions), ("events", events)):
        if frame.empty:
            raise ValueError(f"{name} has no rows; check the filter that made it")
    kinds = decisions["timestamp"].dtype, events["timestamp"].dtype
    try:
        bool(events["timestamp"].iloc[0] < decisions["timestamp"].iloc[0])
    except TypeError as error:
        raise ValueError(
            f"timestamps of decisions ({kinds[0]}) and of events ({kinds[1]}) cannot be compared; give both as "
            "numbers, or both as times of one zone"
        ) from error
    if not decisions["user_id"].isin(events["user_id"]).any():
        raise ValueError(
            f"no user_id of decisions ({decisions['user_id'].dtype}, first {decisions['user_id'].iloc[0]!r}) stands in "
            f"events ({events['user_id'].dtype}, first {events['user_id'].iloc[0]!r}); give both in the same form"
        )
