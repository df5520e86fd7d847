"""What a recommendation rests on in the user's history: gradients, leaving out, attention; and how far they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.explain.attributions.attention import attention_rollout, attention_weights
from causalrec_lab.explain.attributions.result import Attributions
from causalrec_lab.explain.counterfactuals.changes import Events, ScoredCatalogue, events_of, scorer_of

if TYPE_CHECKING:
    from causalrec_lab.recommender.sequence.transformer import TransformerRecommender

__all__ = ["Head", "HistoryMethod", "history_attributions", "history_methods"]

Floats = npt.NDArray[np.float64]
Head = Literal["interest", "behaviour"]
HistoryMethod = Literal["integrated_gradients", "deletion", "attention"]
METHODS: tuple[str, ...] = get_args(HistoryMethod)
_UNITS = {"interest": "logit of the next item", "behaviour": "logit of the outcome"}


def history_attributions(
    model: TransformerRecommender,
    user_id: Any,
    item_id: Any,
    *,
    method: HistoryMethod = "integrated_gradients",
    head: Head = "interest",
    steps: int = 64,
) -> Attributions:
    r"""How much each event of a user's history accounts for in the score of one item.

    * "integrated_gradients": :func:`causalrec_lab.recommender.history_attribution`, between a history as long of blank
      items and the history; adds up.
    * "deletion": the score less that of the history without the event, scored anew. It is a true causal effect, on the
      model's score; such differences do not add up.
    * "attention": rollout of the attention weights (`attention.attention_rollout`): no sign, the same for all items.

    Parameters
    ----------
    model
        A fitted `TransformerRecommender`; "deletion" takes any recommender.
    user_id, item_id
        Whose score, of which item.
    method, head
        As above; "interest" or "behaviour".
    steps
        Points of quadrature of integrated gradients.

    Returns
    -------
    Attributions whose table has one row an event that the model reads, in time order: feature (the item), attribution,
    low and high (nan: nothing is sampled).

    Raises
    ------
    KeyError
        If the item is not in the catalogue.
    ValueError
        If the method or head is unknown or the model has none such, or the user has no history.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r} is unknown; give one of {', '.join(METHODS)}")
    if head not in _UNITS:
        raise ValueError(f"head={head!r} is unknown; give {' or '.join(map(repr, _UNITS))}")
    if not hasattr(model, "network") and (method != "deletion" or head != "interest"):
        raise ValueError(
            f"a {type(model).__name__} has neither gradients nor attention nor a second head; give method='deletion'"
        )
    if method == "integrated_gradients":
        return _gradients(model, user_id, item_id, head, steps)
    scorer = scorer_of(model, head if hasattr(model, "network") else None)
    number, events = scorer.number(item_id), events_of(scorer, user_id)
    if method == "attention":
        return _attended(model, user_id, item_id)
    first = len(events) - _events_read(model, events)
    return _deleted(scorer, events, number, first, _UNITS[head] if hasattr(model, "network") else "score")


def history_methods(
    model: TransformerRecommender, user_id: Any, item_id: Any, *, head: Head = "interest", steps: int = 64
) -> pd.DataFrame:
    """All three methods beside each other: one row an event, columns item_id and one a method.

    Parameters
    ----------
    model, user_id, item_id, head, steps
        As in `history_attributions`.
    """
    found = {
        name: history_attributions(model, user_id, item_id, method=name, head=head, steps=steps).table
        for name in get_args(HistoryMethod)
    }
    columns = {name: table["attribution"].to_numpy() for name, table in found.items()}
    return pd.DataFrame({"item_id": found["deletion"]["feature"], **columns})


def _gradients(model: Any, user_id: Any, item_id: Any, head: Head, steps: int) -> Attributions:
    from causalrec_lab.recommender.sequence.attribution import history_attribution

    found = history_attribution(model, user_id, item_id, head, steps=steps)
    table = _table(found.table["item_id"], found.table["attribution"].to_numpy(dtype=np.float64))
    notes = ("compared with a history as long of blank items, which no user has",)
    how = f"integrated gradients, {steps} points"
    return Attributions(table, how, found.output, found.baseline, _UNITS[head], True, found.gap, notes=notes)


def _attended(model: TransformerRecommender, user_id: Any, item_id: Any) -> Attributions:
    weights, items = attention_weights(model, model.histories.take(pd.Index([user_id])))
    share = attention_rollout(weights)[-1]
    met = items > 0
    notes = (
        f"the same for item {item_id!r} as for every other: attention makes the user's state, not the item's score",
        "no sign, and no account of what is done with what is attended to (Jain & Wallace 2019)",
        f"{share[~met].sum():.0%} of the attention lies on the start of the history, which is no event",
    )
    table = _table(model.catalogue[items[met] - 1], share[met])
    nothing = float("nan")
    return Attributions(table, "attention rollout", nothing, nothing, "share of attention", False, notes=notes)


def _deleted(scorer: ScoredCatalogue, events: Events, number: int, first: int, unit: str) -> Attributions:
    """Leave out each event from `first` on: what the model does not read has no say."""
    places = np.arange(first, len(events))
    nothing = np.empty((1, 0), dtype=np.int64)
    whole = np.asarray(scorer.score(events.changed(nothing, nothing)), dtype=np.float64)[0, number - 1]
    left = np.asarray(scorer.score(events.changed(places[:, None], np.zeros((len(places), 1), dtype=np.int64))))
    without = left[:, number - 1].astype(np.float64)
    if unit == _UNITS["behaviour"]:  # the head gives a chance
        whole, without = _logit(whole), _logit(without)
    table = _table(scorer.catalogue[events.items[places] - 1], np.asarray(whole - without))
    notes = ("the effect on the model's score of reading a history without the event; the model is not trained anew",)
    nan = float("nan")
    return Attributions(table, "leaving out", float(whole), nan, unit, False, nan, notes=notes)


def _events_read(model: Any, events: Events) -> int:
    """How many of the last events a model reads: all of them, but for a sequence model's window."""
    if not hasattr(model, "network"):
        return len(events)
    from causalrec_lab.recommender.catalogue.histories import last_windows

    nothing = np.empty((1, 0), dtype=np.int64)
    read = next(iter(last_windows(events.changed(nothing, nothing), model.config.length, model.config.tokens)))
    batch = read if model.config.direction == "causal" else read.hidden_end()
    return int(np.count_nonzero(batch.inputs[0, : int(batch.ends[0]) + 1]))


def _logit(chance: Any) -> Any:
    return np.log(chance) - np.log1p(-chance)


def _table(items: Any, values: Floats) -> pd.DataFrame:
    return pd.DataFrame({"feature": np.asarray(items), "attribution": values, "low": np.nan, "high": np.nan})
