"""Lists that were ranked anew: `Reranked`, what they give to whom, what they cost, and the policy they are."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.explain.fairness.exposure import Exposure
from causalrec_lab.explain.fairness.groups import Floats, Groups, Ints

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RankedPolicy", "Reranked"]


@dataclass(frozen=True, eq=False)
class RankedPolicy:
    r"""Random lists as a policy of single actions: a place drawn by its attention, then the item that stands there.

    .. math:: \pi(i | u) = \sum_k v_k P_u(i \text{ at } k) / \sum_k v_k

    Under the position-based model with examination v a list earns :math:`\sum_k v_k` times this policy's value, of any
    reward that nothing earns unexamined: so `ope.evaluate` and `truth.policy_value` give its price.

    Parameters
    ----------
    chance
        (rankings, users) probability of each list.
    lists
        (rankings, users, k) item numbers.
    attention
        (k,) of the places.
    n_items
        Size of the catalogue.
    users
        User ids in row order.
    """

    chance: Floats
    lists: Ints
    attention: Floats
    n_items: int
    users: pd.Index

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(n, items) probabilities of the users in the column user_id, or, without one, of all users in order.

        Raises
        ------
        ValueError
            If a user has no list, or there is no user_id and another number of rows.
        """
        rows = np.arange(len(self.users))
        if "user_id" in contexts:
            rows = self.users.get_indexer(pd.Index(contexts["user_id"]))
            if (rows < 0).any():
                lost = contexts["user_id"].iloc[int(np.argmax(rows < 0))]
                raise ValueError(f"user {lost!r} has no list here; rerank the scores of all users")
        elif len(contexts) != len(rows):
            raise ValueError(f"{len(contexts):,} contexts without user_id beside lists of {len(rows):,} users")
        found = np.zeros((len(rows), self.n_items))
        weight = self.attention / self.attention.sum()
        for chance, lists in zip(self.chance, self.lists, strict=True):
            for place, share in enumerate(weight):
                found[np.arange(len(rows)), lists[rows, place]] += chance[rows] * share
        return found


@dataclass(frozen=True, eq=False)
class Reranked:
    """Lists that keep a promise to groups of items.

    Parameters
    ----------
    table
        One row a group: items, asked (share of attention, or of places), before, after.
    chance, lists
        (rankings, users) and (rankings, users, k): a user sees list r with that probability.
    score, score_before
        Mean score of a list, places weighted by attention, after and before.
    attention
        (k,) of the places.
    groups
        Of the items.
    method
        How.
    users
        User ids in row order.
    notes
        What to know.
    course
        (users, groups) share of attention after each user of a stream; empty otherwise.
    """

    table: pd.DataFrame
    chance: Floats
    lists: Ints
    score: float
    score_before: float
    attention: Floats
    groups: Groups
    method: str
    users: pd.Index
    notes: tuple[str, ...] = ()
    course: Floats | None = None

    @property
    def price(self) -> float:
        """Part of the mean score that is given up, 0 where nothing is; of scores, which are not the truth.

        nan where the score before is not above 0, as of logits: there is no part of it.
        """
        if self.score == self.score_before:
            return 0.0
        return 1 - self.score / self.score_before if self.score_before > 0 else float("nan")

    @property
    def exposure(self) -> Exposure:
        """Expected exposure, for `exposure_by_group` and its kin."""
        n, k = self.lists.shape[1:]
        user = np.tile(np.repeat(np.arange(n), k), len(self.lists))
        weight = (self.chance[:, :, None] * self.attention).ravel()
        kept = weight > 0
        catalogue = pd.RangeIndex(len(self.groups), name="item_id")
        return Exposure(
            user[kept], self.lists.ravel()[kept], weight[kept], self.users, pd.Index(catalogue), np.ones(n)
        )  # fmt: skip

    @property
    def policy(self) -> RankedPolicy:
        """The lists as a policy; see `RankedPolicy`."""
        return RankedPolicy(self.chance, self.lists, self.attention, len(self.groups), self.users)

    def draw(self, seed: int = 0) -> Ints:
        """(users, k) one list for each user."""
        edges = np.cumsum(self.chance, axis=0)
        uniform = np.random.default_rng(seed).random(edges.shape[1]) * edges[-1]
        chosen = (uniform >= edges[:-1]).sum(axis=0)
        return np.asarray(self.lists[chosen, np.arange(edges.shape[1])])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each group's share before and after, and what was asked as a dashed mark."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5.5, 0.5 * len(self.table) + 1.2))
        at = np.arange(len(self.table))
        ax.barh(at - 0.2, self.table["before"], 0.38, color="0.7", label="by score")
        ax.barh(at + 0.2, self.table["after"], 0.38, color="C0", label=self.method)
        ax.vlines(self.table["asked"], at - 0.42, at + 0.42, linestyle="--", color="0.2", label="asked")
        ax.set_yticks(at, [str(name) for name in self.table.index])
        ax.invert_yaxis()
        ax.set_xlabel("share of attention")
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncol=3, frameon=False)
        return ax

    def __str__(self) -> str:
        """Method and price."""
        less = round(self.price, 4) + 0.0  # never "-0.0 %"
        told = f"{self.score_before - self.score:.3g}" if np.isnan(less) else f"{less:.1%}"
        return f"{self.method}: mean score {self.score:.4g} instead of {self.score_before:.4g} ({told} less)"

    def _repr_html_(self) -> str:
        """The line, the table, what to know."""
        said = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return f"<p>{html.escape(str(self))}</p>{self.table.round(4).to_html(border=0, escape=True)}<ul>{said}</ul>"
