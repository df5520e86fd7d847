"""`check`: the audit of reasons against the log, reason by reason, from the sentences as they stand."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.explain.reasons.acts import NEUTRAL, events_of_log
from causalrec_lab.explain.reasons.figures import numbers_of
from causalrec_lab.explain.reasons.joining import PERSONAL
from causalrec_lab.explain.reasons.popularity import items_of_log, popular_places
from causalrec_lab.explain.reasons.result import Reasons
from causalrec_lab.explain.reasons.sentences import act_phrases, group_text, likes_text
from causalrec_lab.explain.reasons.tastes import more_than_chance
from causalrec_lab.explain.reasons.titles import quoted, quoted_parts, titles_of
from causalrec_lab.explain.reasons.understanding import fitting_openings, understood

__all__ = ["check"]

Flags = npt.NDArray[np.bool_]
#: Words of a rise, a fall, and of an effect that cannot be told.
MARKS = {
    "en": (("raises",), ("lowers",), ("cannot be told",)),
    "zh": (("提高", "增加"), ("降低", "减少"), ("尚无法判断",)),
}

PARTLY = {"en": "artly because", "zh": "部分原因是"}


def check(reasons: Reasons, dataset: Dataset) -> pd.DataFrame:
    """Whether each reason says only what is so.

    Cited items, titles, figures and hedges are read back from the sentence and set beside the log and the estimates,
    and a sentence that is not understood to its last word fails. Only what the model alone knows is taken from the
    table: an item's rank, and its rank without what is cited.

    Parameters
    ----------
    reasons
        As `write` gave them, or as somebody changed them since.
    dataset
        The log they are to agree with.

    Returns
    -------
    One row a reason: user_id, item_id, and whether

    - understood: the sentence holds the claims that may be made, word for word, and beside them joining phrases only;
    - opening: no history is said of nobody who has one, and recommended of nothing that was not;
    - seen: the user did with every cited item what the reason says, at some time (to have been shown it is no act);
    - before: they did it strictly before the decision, so that nothing leaked from later;
    - other: the recommended item is not among the cited;
    - titles: the titles in quotes are those of the cited items, each once, under their verbs;
    - liked: the log bears out the liked category (topics are not audited), and the sentence names it;
    - group: the effect is the one estimated for the user's own group, and the sentence names that group;
    - hedged: a rise or fall is claimed where the interval leaves 0 out, on its side, and nowhere else; and "because"
      stands without "partly" only where the item would not have been recommended without what is cited;
    - numbers: every number is one of the estimate's, rounded, in its place (or a place that the log bears out), and
      none is missing;
    - impersonal: no effect on the person is claimed;

    then ok, and fault: the names of what failed.
    """
    table = reasons.table.reset_index(drop=True)
    table = table.assign(sentence=table["sentence"].where(table["sentence"].notna(), "").astype(str))
    events = events_of_log(dataset)
    acts = events[events["event"].isin(list(reasons.words.acts))] if "event" in events else events
    titles = titles_of(dataset.items, pd.Index(table["evidence"].explode().dropna().unique()))
    places = _places(reasons, table, dataset, events)
    rows = [row for _, row in table.iterrows()]
    rest = [_rest(reasons, row) for row in rows]
    both = list(zip(rows, rest, strict=True))
    flags: dict[str, Flags] = {"understood": understood(reasons, table, titles, places)}
    flags["opening"] = fitting_openings(table, reasons.k, acts, events)
    flags["seen"], flags["before"] = _cited(table, acts)
    flags["other"] = _flags(i not in cited for i, cited in zip(table["item_id"], table["evidence"], strict=True))
    flags["titles"] = _flags(_titled(reasons, row, titles) for row in rows)
    flags["liked"] = _liked(reasons, table, dataset, acts)
    flags["group"] = _flags(_own_group(reasons, row) for row in rows)
    flags["hedged"] = _flags(_hedged(reasons, row, text) for row, text in both)
    flags["numbers"] = _flags(_numbered(reasons, row, text, places.get(n)) for n, (row, text) in enumerate(both))
    flags["impersonal"] = _flags(not any(w in text.casefold() for w in PERSONAL) for text in rest)
    found = pd.DataFrame(flags, index=table.index).astype(bool)
    faults = [", ".join(found.columns[~row]) for row in found.to_numpy()]
    return pd.concat([table[["user_id", "item_id"]], found], axis=1).assign(ok=found.all(axis=1), fault=faults)


def _flags(answers: Iterable[bool]) -> Flags:
    return np.fromiter(answers, dtype=bool)


def _cited(table: pd.DataFrame, events: pd.DataFrame) -> tuple[Flags, Flags]:
    """Whether all that is cited stands in the log, and stands there before the decision."""
    each = enumerate(zip(table["user_id"], table["at"], table["evidence"], table["acts"], strict=True))
    cited = [(n, user, at, *pair) for n, (user, at, *both) in each for pair in zip(*both, strict=False)]
    flat = pd.DataFrame(cited, columns=["row", "user_id", "at", "item_id", "kind"])
    kinds = events["event"].astype(object) if "event" in events else NEUTRAL
    log = events[["user_id", "item_id", "timestamp"]].assign(kind=kinds).astype({"user_id": object, "item_id": object})
    first = log.groupby(["user_id", "item_id", "kind"], sort=False, as_index=False)["timestamp"].min()
    flat = flat.astype({"user_id": object, "item_id": object})
    joined = flat.merge(first, on=["user_id", "item_id", "kind"], how="left")
    seen = joined["timestamp"].notna().to_numpy()
    early = np.zeros(len(joined), dtype=bool)
    early[seen] = joined.loc[seen, "timestamp"].to_numpy() < joined.loc[seen, "at"].to_numpy()
    row = joined["row"].to_numpy(dtype=np.int64)
    bad = [np.bincount(row[~good], minlength=len(table)) > 0 for good in (seen, early)]
    return ~bad[0], ~bad[1]


def _titled(reasons: Reasons, row: pd.Series, titles: pd.Series) -> bool:
    """Whether titles belong to the cited items, under the verbs of what was done with them."""
    own, text = [str(titles[item]) for item in row["evidence"]], str(row["sentence"])
    phrases = act_phrases(list(zip(row["acts"], own, strict=False)), reasons.words)
    return sorted(quoted_parts(text)) == sorted(own) and all(phrase in text for phrase in phrases)


def _liked(reasons: Reasons, table: pd.DataFrame, dataset: Dataset, acts: pd.DataFrame) -> Flags:
    """Whether the log bears out what is said to be liked."""
    both = zip(table["liked"], table["sentence"], strict=True)
    named = _flags(not liked or _likes(reasons, liked) in text for liked, text in both)
    if reasons.topics or dataset.items is None or "category" not in dataset.items:
        return named if reasons.topics else np.asarray(named & (table["liked"] == "").to_numpy())
    category = dataset.items.drop_duplicates("item_id").set_index("item_id")["category"].dropna().astype(str)
    usual = category.value_counts(normalize=True)
    own = acts[acts["user_id"].isin(table["user_id"])]
    of_user = dict(iter(own.groupby("user_id")))
    good = []
    for _, row in table.iterrows():
        if not row["liked"]:
            good.append(True)
            continue
        mine = of_user.get(row["user_id"], own.iloc[:0])
        kinds = category.reindex(mine.loc[mine["timestamp"] < row["at"], "item_id"].unique()).dropna()
        of = int((kinds == row["liked"]).sum())
        lifted = more_than_chance([of], [len(kinds)], [usual.get(row["liked"], 1.0)])[0]
        good.append(bool(lifted and category.get(row["item_id"]) == row["liked"]))
    return np.asarray(named & np.array(good, dtype=bool))


def _own_group(reasons: Reasons, row: pd.Series) -> bool:
    """Whether the row's effect is that of the user's own group, named in the sentence where it speaks of an effect."""
    if reasons.effects is None:
        return bool(np.isnan(row["effect"]))
    group, estimate = reasons.effects.of(row["user_id"])
    if estimate is None:
        return bool(np.isnan(row["effect"]))
    text, named = str(row["sentence"]), group_text(group, reasons.effects.by, reasons.words)
    if any(_marks(reasons, text)) and named not in text:
        return False
    own = np.array([estimate.value, estimate.low, estimate.high])
    told = row[["effect", "low", "high"]].to_numpy(dtype=np.float64)
    return bool(row["group"] == group and np.array_equal(own, told, equal_nan=True))


def _marks(reasons: Reasons, text: str) -> list[bool]:
    """Whether a rise, a fall, and that an effect cannot be told, are said."""
    return [any(mark in text for mark in some) for some in MARKS[reasons.words.language]]


def _rest(reasons: Reasons, row: pd.Series) -> str:
    """The sentence without titles, without names of groups and kinds, which may hold any word or number."""
    text = str(row["sentence"])
    for title in quoted_parts(text):
        text = text.replace(quoted(title), " ", 1)
    if row["liked"]:
        text = text.replace(_likes(reasons, row["liked"]), " ", 1)
    if row["group"] and reasons.effects is not None:
        text = text.replace(group_text(str(row["group"]), reasons.effects.by, reasons.words), " ", 1)
    return text


def _likes(reasons: Reasons, liked: str) -> str:
    """How what is liked stands in a sentence."""
    return likes_text(liked, reasons.words, reasons.topics).strip("，, ")


def _interval(reasons: Reasons, row: pd.Series) -> tuple[float, float, float]:
    """Effect and interval of the user's group, by the estimates where there are any."""
    estimate = None if reasons.effects is None else reasons.effects.of(row["user_id"])[1]
    if estimate is not None:
        return estimate.value, estimate.low, estimate.high
    return float(row["effect"]), float(row["low"]), float(row["high"])


def _hedged(reasons: Reasons, row: pd.Series, text: str) -> bool:
    """Whether a rise, a fall, or that it cannot be told, is said just where it is so."""
    rises, falls, unsure = _marks(reasons, text)
    value, low, high = _interval(reasons, row)
    partly = PARTLY[reasons.words.language] in text
    if partly != bool(row["kind"] == "history" and row["rank_without"] <= reasons.k):
        return False
    if not np.isfinite([value, low, high]).all() or not (rises or falls or unsure):
        return not (rises or falls or unsure)
    return [rises, falls, unsure] == [bool(low > 0), bool(high < 0), bool(low <= 0 <= high)]


def _numbered(reasons: Reasons, row: pd.Series, text: str, popular: tuple[int, int] | None) -> bool:
    """Whether the numbers are those that belong here, each once."""
    found = numbers_of(text)
    wanted: list[float] = []
    if row["kind"] == "forced" and row["rank"] > reasons.k:
        wanted += [row["rank"], reasons.k]
    if row["kind"] == "cold" and popular is not None and len(found) in (2, 5):
        wanted += popular if reasons.words.language == "en" else popular[::-1]
    if any(_marks(reasons, text)):
        value, low, high = _interval(reasons, row)
        scale = 1.0 if reasons.effects is not None and reasons.effects.unit else 100.0
        wanted += [scale * x for x in ((-value, -high, -low) if high < 0 else (value, low, high))]
    return len(found) == len(wanted) and all(_is_rounded(*both) for both in zip(found, wanted, strict=True))


def _is_rounded(token: str, number: float) -> bool:
    """Whether a token is a number rounded to the token's decimals, its sign kept."""
    whole, _, part = token.partition(".")
    if (not part.isdigit() and part) or not whole.lstrip("-").isdigit():
        return False
    said = float(token)
    return math.isclose(said, round(number, len(part)), abs_tol=1e-12) and (said != 0 or number == 0)


def _places(reasons: Reasons, table: pd.DataFrame, dataset: Dataset, events: pd.DataFrame) -> dict[int, Any]:
    """Places that may be said of popular items, as the log has them now."""
    if table.empty:
        return {}
    return dict(popular_places(events, reasons.words.acts, table["at"], table, items_of_log(dataset.items, events)))
