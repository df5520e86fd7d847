"""`counterfactual`: the smallest set of a user's events without which an item would not be recommended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.explain.counterfactuals.changes import Events, ScoredCatalogue, events_of, scorer_of
from causalrec_lab.explain.counterfactuals.result import Counterfactual
from causalrec_lab.explain.counterfactuals.search import Found, Standing, smallest_change

__all__ = ["counterfactual"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
CELLS = 2**23  # scores held at a time


def counterfactual(
    model: Any,
    history: Any,
    item: Any,
    *,
    max_changes: int = 3,
    k: int = 1,
    replacements: Sequence[Any] = (),
    head: str | None = None,
    filter_seen: bool = True,
    budget: int = 20_000,
    catalogue: Any = None,
) -> Counterfactual:
    r"""The smallest set of events whose removal takes an item out of the first k.

    .. math:: \min |S| \quad \text{such that} \quad rank(i \mid H \setminus S) > k

    (Ghazimatin, Balalau, Saha Roy & Weikum 2020, "PRINCE", WSDM; for neural models by influence functions Tran,
    Ghazimatin & Saha Roy 2021, "Counterfactual Explanations for Neural Recommenders", SIGIR). Here nothing is
    approximated: every changed history is scored by the model itself, many in one pass. The model is not trained anew:
    the change is to what it reads, not to what it learned from.

    It is a fact about the model (the effect on what it recommends), not about the user: that an event carries the
    recommendation does not say that it changed the user's taste.

    Parameters
    ----------
    model
        A fitted recommender, or a function of `Histories` of m users to (m, items) scores.
    history
        User id the model knows, table of events of one user, item ids in time order, or `Histories` of one user.
    item
        Item that is among the first k.
    max_changes
        Largest set that is looked for.
    k
        Ranks 1..k count as recommended.
    replacements
        Items an event may be replaced by, beside being left out.
    head
        Head of a model that has several ("interest", "behaviour").
    filter_seen
        Leave items of the history out of the ranking, as `recommend` does. An event that is left out does not bring its
        item back: the change shall not recommend what the user had.
    budget
        Sets of one size that are tried at most, but for single changes, which are all tried. Where a size has more, the
        answer may not be the smallest, and says so.
    catalogue
        Item ids, where `model` is a function.

    Raises
    ------
    KeyError
        If an item is not in the catalogue.
    ValueError
        If the history is empty or of several users, the item is not among the first k or among the replacements, or
        max_changes, k or budget is no whole number of at least 1.
    """
    counts: dict[str, Any] = {"max_changes": max_changes, "k": k, "budget": budget}
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"counterfactual({name}={value!r}): give a whole number of at least 1")
    scorer = scorer_of(model, head, catalogue)
    number = scorer.number(item)
    events = events_of(scorer, history)
    ranking = _Ranking(scorer, events, number, k, filter_seen)
    ranking.require_recommended(item)
    numbers = list(dict.fromkeys(scorer.number(other) for other in replacements))
    if number in numbers:
        raise ValueError(f"replacements hold the recommended item {item!r} itself; leave it out")
    moves = np.array([(at, n) for at in range(len(events)) for n in (0, *numbers) if n != events.items[at]])
    found = smallest_change(ranking.judge, moves, k=k, max_changes=max_changes, budget=budget)
    return _told(ranking, found, max_changes)


@dataclass(frozen=True, eq=False)
class _Ranking:
    """Where one item stands after changes of one history."""

    scorer: ScoredCatalogue
    events: Events
    number: int
    k: int
    filter_seen: bool

    def scores(self, places: Ints, numbers: Ints) -> Floats:
        """(m, items) scores after each change; what may not be recommended has -inf."""
        scores = np.array(self.scorer.score(self.events.changed(places, numbers)), dtype=np.float64)
        if np.isnan(scores).any():
            raise ValueError("the model scored a changed history with NaN; was it trained, did its loss stay finite?")
        if self.filter_seen:
            scores[:, self.events.items - 1] = -np.inf
            rows, columns = np.nonzero(numbers)
            scores[rows, numbers[rows, columns] - 1] = -np.inf
        return scores

    def judge(self, places: Ints, numbers: Ints) -> Standing:
        """Ranks and margins, a few rows of scores at a time."""
        rows = max(1, CELLS // len(self.scorer.catalogue))
        parts = [
            self._standing(self.scores(places[at : at + rows], numbers[at : at + rows]))
            for at in range(0, len(places), rows)
        ]
        rank, margin = (np.concatenate(some) for some in zip(*parts, strict=True))
        return Standing(rank, margin)

    def _standing(self, scores: Floats) -> tuple[Ints, Floats]:
        own = scores[:, [self.number - 1]]
        rank = 1 + (scores > own).sum(axis=1) + (scores[:, : self.number - 1] == own).sum(axis=1)
        others = np.delete(scores, self.number - 1, axis=1)
        at = others.shape[1] - min(self.k, others.shape[1])
        kth = np.partition(others, at, axis=1)[:, at]
        with np.errstate(invalid="ignore"):  # where fewer than k others may be recommended
            return rank.astype(np.int64), np.where(np.isfinite(kth), own[:, 0] - kth, np.inf)

    def require_recommended(self, item: Any) -> None:
        """Raise where there is nothing to explain."""
        item = getattr(item, "item", lambda: item)()  # numpy's numbers as Python's
        if self.filter_seen and self.number in self.events.items:
            raise ValueError(
                f"item {item!r} is in the history already, and what was met is not recommended; explain another item, "
                "or rank with filter_seen=False"
            )
        scores = self.scores(*_nothing())[0]
        rank = int(self._standing(scores[None])[0][0])
        if rank > self.k:
            first = self.scorer.catalogue[np.argsort(-scores, kind="stable")[: self.k]].tolist()
            raise ValueError(
                f"item {item!r} is not recommended: it has rank {rank} and k={self.k}; explain one of {first}, or give "
                f"k={rank}"
            )


def _nothing() -> tuple[Ints, Ints]:
    """The change that changes nothing."""
    return np.empty((1, 0), dtype=np.int64), np.empty((1, 0), dtype=np.int64)


def _told(ranking: _Ranking, found: Found, max_changes: int) -> Counterfactual:
    """The finding, in the words of ids."""
    catalogue, events = ranking.scorer.catalogue, ranking.events
    none = np.empty(0, dtype=np.int64)
    places = none if found.places is None else found.places
    numbers = none if found.numbers is None else found.numbers
    before, after = ranking.scores(*_nothing())[0], ranking.scores(places[None], numbers[None])[0]
    top_before, top_after = (np.argsort(-scores, kind="stable")[: ranking.k] for scores in (before, after))
    entered = [place for place in top_after if place not in top_before]
    done = found.places is not None
    size = len(places) if done else min(max_changes, len(events)) + 1
    proven = found.ruled_out >= size - 1
    return Counterfactual(
        item=catalogue.tolist()[ranking.number - 1],
        k=ranking.k,
        changes=_changes(catalogue, events, places, numbers),
        found=done,
        new_item=catalogue.tolist()[entered[0]] if entered else None,
        scores=_scores(catalogue, before, after, [ranking.number - 1, *entered[:1], top_before[0], top_after[0]]),
        proven=proven,
        ruled_out=found.ruled_out,
        tried=found.tried,
        events=len(events),
        notes=_notes(found, proven, max_changes, len(events)),
    )


def _changes(catalogue: pd.Index, events: Events, places: Ints, numbers: Ints) -> pd.DataFrame:
    order = np.argsort(places, kind="stable")
    said = ["left out" if n == 0 else f"replaced by {catalogue.tolist()[n - 1]!r}" for n in numbers[order].tolist()]
    ids = catalogue[events.items[places[order]] - 1]
    return pd.DataFrame({"place": places[order], "item_id": ids, "change": pd.Series(said, dtype=object)})


def _scores(catalogue: pd.Index, before: Floats, after: Floats, columns: list[int]) -> pd.DataFrame:
    chosen = list(dict.fromkeys(int(column) for column in columns))
    table: dict[str, npt.NDArray[Any]] = {}
    for name, scores in (("before", before), ("after", after)):
        rank = np.empty(len(scores), dtype=np.int64)
        rank[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
        table |= {f"score_{name}": scores[chosen], f"rank_{name}": rank[chosen]}
    return pd.DataFrame(table, index=pd.Index(catalogue[chosen], name="item_id"))


def _notes(found: Found, proven: bool, max_changes: int, events: int) -> tuple[str, ...]:
    notes = []
    if found.places is None and found.ruled_out >= events:
        notes.append("every change of this history was tried: the recommendation does not hang on any of its events")
    elif found.places is None:
        notes.append(f"no set of up to {max_changes} changes that was tried does it; give a larger max_changes")
    if not proven:
        notes.append(
            f"warning: not proven smallest: all sets of up to {found.ruled_out} changes were tried, larger ones in "
            "part; a larger budget tries more"
        )
    if not found.irreducible:
        notes.append("smaller sets within this one were tried in part only")
    return tuple(notes)
