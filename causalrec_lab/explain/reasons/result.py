"""`Reasons`: one row a reason, its sentence beside everything the sentence rests on."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.explain.reasons.domain_words import Words
from causalrec_lab.explain.reasons.groups import GroupEffects
from causalrec_lab.explain.reasons.titles import quoted_parts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLUMNS", "Reasons"]

#: Columns of `Reasons.table`.
COLUMNS = (
    "user_id", "item_id", "rank", "kind", "at", "evidence", "acts", "shares", "drop", "rank_without", "liked", "group",
    "effect", "low", "high", "told", "sentence", "template", "rewritten", "note",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Reasons:
    """Written reasons, and what each rests on.

    Parameters
    ----------
    table
        One row a reason:

        - user_id, item_id, rank (of the item among what the user had not met), at (moment of the decision: only what is
          strictly earlier counts);
        - kind: "history" (cites events), "lone" (there is a history, but no single event accounts for the item), "cold"
          (no history), "forced" (the item was not recommended, or was met before, and a reason was forced);
        - evidence (cited item ids), acts (what the user did with each), shares (of the drops of the score where one
          item is left out), drop and rank_without (where all cited are left out), liked (category or topic, empty for
          none);
        - group, effect, low, high (of the group, in the outcome's own unit: a chance of 0.04 is written as 4 points),
          told (whether the interval leaves 0 out; missing where there is no effect);
        - sentence, template (the sentence before any rewriting), rewritten, note (what was left out, and why).
    words
        Words it was written with.
    effects
        Effects by group, or None.
    k
        Ranks 1..k count as recommended.
    topics
        Whether `liked` holds topics of the texts, rather than categories.
    allow
        Further words that a rewriting was allowed.
    """

    table: pd.DataFrame
    words: Words
    effects: GroupEffects | None = None
    k: int = 1
    topics: bool = field(default=False)
    allow: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        """Reasons."""
        return len(self.table)

    def of(self, user_id: Any, item_id: Any = None) -> str:
        """The sentence for one user, and one item where the user has several reasons.

        Raises
        ------
        KeyError
            If there is no such reason, or there are several for the user and no item is named.
        """
        own = self.table[self.table["user_id"] == user_id]
        if own.empty:
            raise KeyError(f"there is no reason for user {user_id!r}; there are reasons for {self._some('user_id')}")
        if item_id is not None:
            own = own[own["item_id"] == item_id]
        if len(own) != 1:
            items = self.table.loc[self.table["user_id"] == user_id, "item_id"].tolist()
            raise KeyError(f"user {user_id!r} has reasons for the items {items}; name one of them")
        return str(own["sentence"].iloc[0])

    def summary(self) -> pd.Series:
        """How many reasons there are, of which kind, how long, and how many say that an effect cannot be told."""
        table = self.table
        english = self.words.language == "en"
        length = pd.Series([len(text.split()) if english else len(text) for text in table["sentence"]], dtype=float)
        facts: dict[str, float] = {"reasons": len(table)}
        facts |= {f"kind: {kind}": int(count) for kind, count in table["kind"].value_counts(sort=False).items()}
        told = table["told"]
        facts |= {
            "with a liked category" if not self.topics else "with a liked topic": int((table["liked"] != "").sum()),
            "effect told": int((told == True).sum()),  # noqa: E712  (missing is neither)
            "effect cannot be told": int((told == False).sum()),  # noqa: E712
            "no effect": int(told.isna().sum()),
            "rewritten": int(table["rewritten"].sum()),
            "median words" if english else "median characters": float(length.median()),
        }
        return pd.Series(facts, name="reasons", dtype=float)

    def plot(self, ax: Axes | None = None) -> Axes:
        """How far the score of each recommended item falls without the cited items, against its rank without them."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3.2))
        cited = self.table[self.table["evidence"].str.len() > 0]
        ax.scatter(cited["drop"], cited["rank_without"], s=18)
        ax.axhline(self.k + 0.5, linestyle="--", color="0.35", linewidth=1, label=f"recommended: rank up to {self.k}")
        ax.set(xlabel="drop of the score without the cited items", ylabel="rank without them", ylim=(0, None))
        ax.legend(loc="best")
        return ax

    def html(self) -> str:
        """Every reason as a paragraph, its evidence beside it; everything from data is escaped."""
        return f'<div class="reasons">{"".join(self._paragraph(row) for _, row in self.table.iterrows())}</div>'

    def _repr_html_(self) -> str:
        """The first 20 reasons, and how many there are."""
        first = replace(self, table=self.table.head(20))
        more = f"<p><small>{len(self):,} reasons in all</small></p>" if len(self) > 20 else ""
        return first.html() + more

    def _paragraph(self, row: pd.Series) -> str:
        titles = quoted_parts(str(row["template"]))
        by_verb: dict[str, list[float]] = {}  # as titles stand in the sentence: verb by verb
        for kind, share in zip(row["acts"], row["shares"], strict=False):
            by_verb.setdefault(self.words.verb(kind), []).append(share)
        ordered = [share for some in by_verb.values() for share in some]
        shares = ", ".join(f"{title}: {share:.0%}" for title, share in zip(titles, ordered, strict=False))
        small = [f"user {row['user_id']}, item {row['item_id']}, rank {row['rank']}"]
        if shares:
            small.append(f"share of the score's drop: {shares}; rank {row['rank_without']} without them")
        small += [str(row["note"])] if row["note"] else []
        said = "".join(f"<br><small>{html.escape(line)}</small>" for line in small)
        return f'<p dir="auto">{html.escape(str(row["sentence"]))}{said}</p>'

    def _some(self, column: str) -> str:
        values = list(dict.fromkeys(self.table[column].tolist()))
        return ", ".join(map(repr, values[:5])) + (" and others" if len(values) > 5 else "")


def missing_effect() -> tuple[str, float, float, float, Any]:
    """Group, effect, low, high, told where nothing is said of an effect."""
    return "", np.nan, np.nan, np.nan, None
