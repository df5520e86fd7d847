"""`Counterfactual`: which events carry a recommendation, and what stands in its place without them."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Counterfactual"]


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """The smallest change of a history that was found to take an item out of the first k.

    Parameters
    ----------
    item
        The recommended item.
    k
        Ranks 1..k count as recommended.
    changes
        One row an event that changes, in time order: place (0 the oldest event), item_id, change ("left out", or
        "replaced by …"). Empty where no change was found.
    found
        Whether one was.
    new_item
        The best item among the first k after the change that was not there before; None where none was found.
    scores
        Indexed by item: score_before, score_after, rank_before, rank_after, of the item, of the new item and of the
        first items before and after.
    proven
        Whether no smaller set of the allowed changes does it (or, where none was found, none of the allowed size): all
        of them were tried.
    ruled_out
        Largest number of changes all of whose sets were tried and failed.
    tried
        Changed histories that the model scored.
    events
        Length of the history.
    notes
        What to know, warnings among them.
    """

    item: Any
    k: int
    changes: pd.DataFrame
    found: bool
    new_item: Any
    scores: pd.DataFrame
    proven: bool
    ruled_out: int
    tried: int
    events: int
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """The changes, one row an event."""
        return self.changes

    @property
    def size(self) -> int:
        """How many events change."""
        return len(self.changes)

    @property
    def sentence(self) -> str:
        """The finding in one sentence."""
        place = "in the first place" if self.k == 1 else f"among the first {self.k}"
        if not self.found:
            return f"No change that was tried takes item {self.item!r} from {place.removeprefix('in ')}."
        left = [f"{row.item_id!r}" for row in self.changes.itertuples() if row.change == "left out"]
        swapped = [f"{row.item_id!r} {row.change}" for row in self.changes.itertuples() if row.change != "left out"]
        parts = [f"{word} {_items(said)}" for word, said in (("without", left), ("with", swapped)) if said]
        return (
            f"If the history were {' and '.join(parts)}, the model would no longer have item {self.item!r} {place}, "
            f"but {self.new_item!r}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Scores of the items concerned, before and after the change."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3.2))
        for number, (item, row) in enumerate(self.scores.iterrows()):
            style = "-" if item in (self.item, self.new_item) else ":"
            ends = [row["score_before"], row["score_after"]]
            ax.plot([0, 1], ends, style, marker="o", color=f"C{number}", label=f"item {item}")
        ax.set_xticks([0, 1], ["history as it is", f"{self.size} of {self.events} events changed"])
        ax.set(ylabel="score", xlim=(-0.2, 1.2))
        ax.legend(loc="best")
        return ax

    def _repr_html_(self) -> str:
        """The sentence, the changes, the scores, what was proven."""
        proof = "no smaller change does it: all were tried" if self.found else "every change allowed was tried"
        told = (
            proof
            if self.proven
            else f"not proven smallest: sets of up to {self.ruled_out} changes were all tried, larger ones in part"
        )
        lines = [f"{told}; {self.tried:,} changed histories scored", *self.notes]
        body = "".join(f"<p><small>{html.escape(line)}</small></p>" for line in lines)
        tables = self.changes.to_html(index=False, border=0)
        tables += self.scores.to_html(border=0, float_format="{:.3f}".format)
        return f'<div class="counterfactual"><p>{html.escape(self.sentence)}</p>{tables}{body}</div>'


def _items(said: list[str]) -> str:
    """As a list in words."""
    return f"item {said[0]}" if len(said) == 1 else f"items {', '.join(said[:-1])} and {said[-1]}"
