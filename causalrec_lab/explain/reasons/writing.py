"""`write`: reasons for recommended items, each from the user's own history and the effect of the user's group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.explain.reasons.acts import acts_of, after_the_log, before, events_of_log
from causalrec_lab.explain.reasons.asking import asked_pairs
from causalrec_lab.explain.reasons.domain_words import Words, words
from causalrec_lab.explain.reasons.evidence import candidates_of, category_drop, find_evidence
from causalrec_lab.explain.reasons.figures import is_written
from causalrec_lab.explain.reasons.groups import GroupEffects
from causalrec_lab.explain.reasons.popularity import items_of_log, popular_places
from causalrec_lab.explain.reasons.result import COLUMNS, Reasons
from causalrec_lab.explain.reasons.rewriting import rewrite
from causalrec_lab.explain.reasons.sentences import effect_clause, is_told, opening_clauses, written
from causalrec_lab.explain.reasons.tastes import liked_categories, liked_topics
from causalrec_lab.explain.reasons.titles import titles_of
from causalrec_lab.recommender.catalogue.histories import Histories
from causalrec_lab.recommender.text.interests import InterestProfiles

__all__ = ["write"]


def write(
    model: Any,
    dataset: Dataset,
    user_ids: Any,
    *,
    k: int = 1,
    items: Any = None,
    effects: GroupEffects | None = None,
    scenario: Any = None,
    language: str = "en",
    history: pd.DataFrame | None = None,
    at: Any = None,
    cite: int = 2,
    least: float = 0.1,
    by: str = "deletion",
    unsure: str = "say",
    interests: InterestProfiles | None = None,
    generator: Any = None,
    allow: Iterable[str] = (),
    force: bool = False,
) -> Reasons:
    r"""Reasons for the first k items of each user: a sentence a recommendation, and what it rests on.

    *Because you watched X and like Y; for viewers like you, being shown a video raises the chance of watching it by 4
    percentage points [2, 6] on average.* Two claims, on two different arrows of history -> score -> shown -> outcome:

    - **about the model** (history -> score): leaving X out of the history lowers the item's score, alone and together
      with all that is cited; measured by deletion, never guessed. It does not say that X changed the user.
    - **about the group** (shown -> outcome): the average effect of being shown an item on people of the user's group,
      estimated from the log under its assumptions. It is never an effect on this user, nor of this item. Where the
      interval covers 0 the sentence says that the effect cannot be told.

    `claims` sets out what each part says and does not say; `check` audits it against the log. Nothing is drawn at
    random.

    Parameters
    ----------
    model
        Fitted recommender. Its scores of changed histories are taken as they are: it is not trained anew.
    dataset
        With events (user_id, item_id, timestamp and, where kinds are told apart, event), items (item_id, title,
        category) and users.
    user_ids
        One user or several.
    k
        Reasons are for ranks 1..k of what the user has not met.
    items
        Item ids for which a reason is wanted, for every user, or user -> item ids; None: the first k.
    effects
        Effects by group, from `group_effects` or of your own; None writes of no effect.
    scenario
        Name of the domain, `Scenario`, or `Words` of your own; the data set's name by default. A domain without words
        of its own gets neutral ones.
    language
        "en" or "zh"; `Words` have their own.
    history
        Rows the model reads (its training table, say); what it was trained on by default. Needed with `at`.
    at
        Moment of the decision, for all users or user -> moment: only what is strictly earlier is read and cited. None:
        after the log. An item is cited under the strongest thing done with it until then, also where a model that was
        trained earlier read a weaker one. Effects are taken as they are given: estimate them from earlier rows, too.
    cite
        Items a sentence cites at most.
    least
        Least share of the summed positive drops that a cited item has.
    by
        "deletion" or "gradients" (integrated gradients, of a `TransformerRecommender` on its own histories): how
        evidence is chosen. It is verified by deletion either way.
    unsure
        Of an effect that cannot be told: "say" so, or "leave" it out.
    interests
        Then what is liked is a topic of the texts, as `recommender.interest_profile` finds them, else a category.
    generator
        Function of a prompt to a text, or a `TextGenerator`, that rewrites sentences; see `rewriting`. What fails the
        check stays as the template has it, and `note` says why.
    allow
        Further words a rewriting may join with, before and between claims.
    force
        Also write for items that were not recommended, those met before among them; the sentence then says so.

    Raises
    ------
    KeyError
        If a user or an item is unknown.
    TypeError
        If effects are no `GroupEffects`.
    ValueError
        If there are no events, an item asked for is not among the first k, `at` comes without `history`, or an option
        is out of range.
    """
    _check_options(k, cite, least, by, unsure, history, at)
    if effects is not None and not isinstance(effects, GroupEffects):
        raise TypeError(f"effects= is a {type(effects).__name__}; give GroupEffects: group_effects makes them of a log")
    allow = (allow,) if isinstance(allow, str) else tuple(allow)
    said = words(dataset.name if scenario is None else scenario, language)
    events = events_of_log(dataset)
    users = pd.Index(pd.unique(np.atleast_1d(np.asarray(user_ids))), name="user_id")
    moments = _moments(users, at, events)
    histories = _histories(model, history, users, moments)
    pairs = asked_pairs(model, dataset, histories, items, k, force)
    acts = acts_of(events, said.acts, moments)
    found = _findings(model, dataset, histories, pairs, acts, cite, least, by, interests)
    popular = popular_places(events, said.acts, moments, pairs, items_of_log(dataset.items, events))
    table = _rows(pairs, found, moments, k)
    table = _sentences(table, dataset, said, effects, unsure, k, popular, interests is not None)
    if generator is not None:
        catalogue = titles_of(dataset.items, model.catalogue).tolist()
        table = _rewritten(table, generator, said.language, allow, catalogue)
    table = table.assign(rewritten=table.get("rewritten", False))
    return Reasons(table[list(COLUMNS)], said, effects, k, interests is not None, allow)


@dataclass(frozen=True, eq=False)
class _Findings:
    cited: pd.DataFrame
    drop: Any
    rank_without: Any
    liked: list[str]
    lived: Any


def _findings(
    model: Any, dataset: Dataset, histories: Histories, pairs: pd.DataFrame, acts: pd.DataFrame, cite: int,
    least: float, by: str, interests: InterestProfiles | None,
) -> _Findings:  # fmt: skip
    """Evidence, and what is liked where deleting all of it lowers the score, too."""
    candidates = candidates_of(model, histories, pairs, acts)
    evidence = find_evidence(model, histories, pairs, candidates, by=by, cite=cite, least=least)
    read = histories.lengths[histories.users.get_indexer(pd.Index(pairs["user_id"]))] > 0
    lived = np.asarray(read | pairs["user_id"].isin(acts["user_id"]).to_numpy())
    liked = [""] * len(pairs)
    if interests is not None and dataset.items is not None:
        liked = liked_topics(pairs, dataset.items, interests)
    elif dataset.items is not None and "category" in dataset.items:
        category = dataset.items.drop_duplicates("item_id").set_index("item_id")["category"]
        moves = category_drop(model, histories, pairs, candidates, category) > 0
        named = liked_categories(pairs, acts, category)
        liked = [name if move else "" for name, move in zip(named, moves.tolist(), strict=True)]
    return _Findings(evidence.cited, evidence.drop, evidence.rank_without, liked, lived)


def _rows(pairs: pd.DataFrame, found: _Findings, moments: pd.Series, k: int) -> pd.DataFrame:
    """Everything but the words."""
    table = pairs.reset_index(drop=True)
    grouped = found.cited.groupby("pair")
    for name, column in (("evidence", "item_id"), ("acts", "kind"), ("shares", "share")):
        lists = grouped[column].agg(tuple)
        table[name] = pd.Series([lists.get(pair, ()) for pair in range(len(table))], index=table.index, dtype=object)
    has = table["evidence"].str.len() > 0
    without = np.where(found.lived, "lone", "cold")
    kind = np.where((table["rank"] > k) | table["met"], "forced", np.where(has, "history", without))
    return table.drop(columns="met").assign(
        kind=kind,
        at=moments.reindex(table["user_id"]).to_numpy(),
        drop=found.drop,
        rank_without=found.rank_without,
        liked=[name if cited else "" for name, cited in zip(found.liked, has, strict=True)],
    )


def _sentences(
    table: pd.DataFrame, dataset: Dataset, said: Words, effects: GroupEffects | None, unsure: str, k: int,
    popular: Mapping[int, tuple[int, int]], topic: bool,
) -> pd.DataFrame:  # fmt: skip
    """The sentence of each row, its claims, and what was left out."""
    titles = titles_of(dataset.items, pd.Index(table["evidence"].explode().dropna().unique()))
    added = []
    for place, row in enumerate(table.to_dict("records")):
        acts = [(kind, str(titles[item])) for kind, item in zip(row["acts"], row["evidence"], strict=True)]
        begun = opening_clauses(
            row["kind"], acts, row["liked"], said, needed=row["rank_without"] > k, topic=topic, rank=row["rank"], k=k,
            popular=popular.get(place) if row["kind"] == "cold" else None,
        )  # fmt: skip
        effect, clause = _effect(effects, row["user_id"], said, unsure)
        clauses = (*begun, *clause)
        sentence = written(clauses, said)
        added.append(effect | {"sentence": sentence, "template": sentence, "claims": clauses})
    return pd.concat([table, pd.DataFrame(added, index=table.index)], axis=1)


def _effect(
    effects: GroupEffects | None, user: Any, said: Words, unsure: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What is known of the user's group, and the clause that says it."""
    row = {"group": "", "effect": np.nan, "low": np.nan, "high": np.nan, "told": None, "note": ""}
    if effects is None:
        return row, ()
    group, estimate = effects.of(user)
    row["group"] = group
    if estimate is None:
        known = f"group {group!r} has no estimate" if group else f"the user has no group by {effects.by}"
        return row | {"note": f"nothing is said of an effect: {known}"}, ()
    told = is_told(estimate)
    row |= {"effect": estimate.value, "low": estimate.low, "high": estimate.high, "told": told}
    if not np.isfinite([estimate.value, estimate.low, estimate.high]).all():
        return row | {"note": "nothing is said of an effect: its estimate has no valid interval"}, ()
    scale = 1.0 if effects.unit else 100.0
    if not is_written(scale * estimate.value, scale * estimate.low, scale * estimate.high):
        return row | {"note": "nothing is said of an effect: it is too small to be written"}, ()
    if not told and unsure == "leave":
        return row | {"note": "the effect cannot be told and was left out"}, ()
    return row, (effect_clause(estimate, group, effects.by, effects.outcome, effects.unit, said),)


def _rewritten(
    table: pd.DataFrame, generator: Any, language: str, allow: tuple[str, ...], catalogue: list[str]
) -> pd.DataFrame:
    done = [
        rewrite(sentence, claims, generator, language=language, allow=allow, catalogue=catalogue)
        for sentence, claims in zip(table["template"], table["claims"], strict=True)
    ]
    causes = ["" if not cause else f"the template stands: {cause}" for _, cause in done]
    notes = ["; ".join(part for part in both if part) for both in zip(table["note"], causes, strict=True)]
    return table.assign(sentence=[text for text, _ in done], rewritten=[not cause for _, cause in done], note=notes)


def _moments(users: pd.Index, at: Any, events: pd.DataFrame) -> pd.Series:
    """Moment of each user's decision."""
    if not isinstance(at, Mapping | pd.Series):
        return pd.Series([after_the_log(events) if at is None else at] * len(users), index=users)
    moments = pd.Series(at).reindex(users)
    if moments.isna().any():
        raise ValueError(
            f"at= has no moment for user {users[moments.isna().to_numpy()].tolist()[0]!r}; give one for each user"
        )
    return moments


def _histories(model: Any, history: pd.DataFrame | None, users: pd.Index, moments: pd.Series) -> Histories:
    """What the model reads of each user."""
    if history is None:
        own: Histories = model.histories.take(users)
        return own
    if missing := [name for name in ("user_id", "item_id", "timestamp") if name not in history]:
        raise ValueError(f"history= lacks {missing}; it has {list(history.columns)}")
    read: Histories = model.read(before(history, moments))
    return read.take(users)


def _check_options(k: Any, cite: Any, least: float, by: str, unsure: str, history: Any, at: Any) -> None:
    for name, value in (("k", k), ("cite", cite)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"reasons.write({name}={value!r}): give a whole number of at least 1")
    if not 0 <= least < 1:
        raise ValueError(f"reasons.write(least={least!r}): give a share in [0, 1)")
    for name, option, known in (("by", by, ("deletion", "gradients")), ("unsure", unsure, ("say", "leave"))):
        if option not in known:
            raise ValueError(f"reasons.write({name}={option!r}): give one of {', '.join(map(repr, known))}")
    if at is not None and history is None:
        raise ValueError("reasons.write(at=…) needs history=, the rows the model reads, to cut them at that moment")
    if by == "gradients" and history is not None:
        raise ValueError(
            "reasons.write(by='gradients') reads the histories the model was trained on; leave history out"
        )
