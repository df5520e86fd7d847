"""Whether a sentence is understood whole: it holds the claims that its row and its group's estimate allow, and no more.

An audit by parts (these titles, those figures) passes whatever lies between the parts: a negation, praise, a cause.
So the claims are written anew from what the sentence may rest on, and what stands beside them must be joining phrases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.explain.reasons.figures import is_written
from causalrec_lab.explain.reasons.result import Reasons
from causalrec_lab.explain.reasons.rewriting import fault_of
from causalrec_lab.explain.reasons.sentences import effect_clause, is_told, opening_clauses, written

__all__ = ["fitting_openings", "understood"]

Flags = npt.NDArray[np.bool_]


def understood(
    reasons: Reasons, table: pd.DataFrame, titles: pd.Series, popular: Mapping[int, tuple[int, int]]
) -> Flags:
    """Whether each sentence is one of those that its row and its group's estimate allow, but for joining phrases.

    Parameters
    ----------
    reasons
        Whose words and effects count.
    table
        Rows of the reasons, numbered from 0.
    titles
        Shown title of each cited item.
    popular
        Row -> place among the popular, as the log has it.
    """
    good = []
    rows: Any = table.to_dict("records")
    for place, row in enumerate(rows):
        cited = len(row["acts"]) == len(row["evidence"])
        sentences = _allowed(reasons, row, titles, popular.get(place)) if cited else []
        found = (fault_of(row["sentence"], written(claims, reasons.words), claims, language=reasons.words.language,
                          allow=reasons.allow) for claims in sentences)  # fmt: skip
        good.append(any(not fault for fault in found))
    return np.array(good, dtype=bool)


def _allowed(
    reasons: Reasons, row: dict[str, Any], titles: pd.Series, popular: tuple[int, int] | None
) -> list[tuple[str, ...]]:
    """Claims of each sentence that may stand for a row."""
    acts = [(kind, str(titles[item])) for kind, item in zip(row["acts"], row["evidence"], strict=True)]
    needed = bool(row["rank_without"] > reasons.k)
    places = [popular, None] if row["kind"] == "cold" and popular is not None else [None]
    openings = [
        opening_clauses(
            row["kind"], acts, row["liked"], reasons.words, needed=needed, topic=reasons.topics, rank=row["rank"],
            k=reasons.k, popular=place,
        )
        for place in places
    ]  # fmt: skip
    return [(*opening, *clause) for opening in openings for clause in _effects(reasons, row["user_id"])]


def _effects(reasons: Reasons, user: Any) -> list[tuple[str, ...]]:
    """Clauses that may stand for the effect of a user's group; none may be left out but one that cannot be told."""
    effects = reasons.effects
    group, estimate = ("", None) if effects is None else effects.of(user)
    if effects is None or estimate is None:
        return [()]
    scale = 1.0 if effects.unit else 100.0
    figures = [scale * x for x in (estimate.value, estimate.low, estimate.high)]
    if not np.isfinite(figures).all() or not is_written(figures[0], figures[1], figures[2]):
        return [()]
    clause = (effect_clause(estimate, group, effects.by, effects.outcome, effects.unit, reasons.words),)
    return [clause] if is_told(estimate) else [clause, ()]


def fitting_openings(table: pd.DataFrame, k: int, acts: pd.DataFrame, events: pd.DataFrame) -> Flags:
    """Whether a reason is of the kind that it says: no history only where there is none, recommended only where it was.

    Parameters
    ----------
    table
        Rows of the reasons.
    k
        Ranks 1..k count as recommended.
    acts
        Columns user_id, item_id, timestamp: what users did.
    events
        The same of all events, to have been shown an item among them.
    """
    first = acts.groupby("user_id")["timestamp"].min().reindex(table["user_id"]).to_numpy()
    lived = _earlier(first, table["at"])
    met = events.groupby(["user_id", "item_id"])["timestamp"].min()
    pairs = pd.MultiIndex.from_frame(table[["user_id", "item_id"]])
    known = _earlier(met.reindex(pairs).to_numpy(), table["at"])
    late, kind = (table["rank"] > k).to_numpy(), table["kind"].to_numpy()
    cites = (table["evidence"].str.len() > 0).to_numpy()
    fits = np.select(
        [kind == "cold", kind == "lone", kind == "history", kind == "forced"],
        [~lived & ~cites & ~late, ~cites & ~late, cites & ~late, late | known],
        default=False,
    )
    return np.asarray(fits, dtype=bool)


def _earlier(times: Any, at: pd.Series) -> Flags:
    """Whether there is a time, and it lies before the moment."""
    known = pd.notna(times)
    found = np.zeros(len(at), dtype=bool)
    found[known] = times[known] < at.to_numpy()[known]
    return found
