r"""Who was shown what, and how much it was looked at: `Exposure`.

The exposure of item i to user u is the attention that its positions get, summed over the user's lists,

.. math:: e_{ui} = \sum_t v_{k_t(i)}, \qquad v_k = 1 / \log_2(k + 2), \quad k = 0, 1, …

(Singh and Joachims 2018, "Fairness of Exposure in Rankings", KDD, section 3), or its expectation under a policy. Summed
over rounds it is amortised: no single list need be fair (Biega, Gummadi and Weikum 2018, "Equity of Attention", SIGIR).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.registry import nearest
from causalrec_lab.explain.fairness.groups import Floats, Groups, Ints
from causalrec_lab.intervention.ope.positions.curve import Examination
from causalrec_lab.intervention.ope.slates.log import SlateLog
from causalrec_lab.policy import Policy, checked_probabilities

__all__ = ["Exposure", "Weights", "exposure_of_policy", "exposure_of_slates", "position_weights"]

Weights = str | npt.ArrayLike | Examination
_NAMED = ("log2", "reciprocal", "uniform")
_CELLS = 2_000_000  # numbers held at once
_PLACES = 100_000  # more than any list has


@dataclass(frozen=True, eq=False)
class Exposure:
    """Exposure of items to users, one row a pair (or a slot).

    Parameters
    ----------
    user, item
        (rows,) numbers in `users` and `items`.
    weight
        (rows,) attention, 1 being that of a first position.
    users, items
        Ids of all users and of the whole catalogue.
    lists
        (users,) lists that each user saw, or 1 where a policy was asked.
    turn
        (rows,) number of the list a row stands in, in time order; None for a policy.
    notes
        What to know of the weights.
    """

    user: Ints
    item: Ints
    weight: Floats
    users: pd.Index
    items: pd.Index
    lists: Floats
    turn: Ints | None = None
    notes: tuple[str, ...] = ()

    @property
    def by_item(self) -> pd.Series:
        """Exposure of each item, summed over users and rounds."""
        total = np.bincount(self.item, self.weight, minlength=len(self.items))
        return pd.Series(total, index=self.items, name="exposure")

    def matrix(self) -> Floats:
        """(users, items) exposure."""
        cell = self.user * len(self.items) + self.item
        return self._summed(cell, len(self.items))

    def by_user(self, groups: Groups) -> Floats:
        """(users, groups) exposure that each user gave to each group of items."""
        cell = self.user * len(groups.labels) + groups.codes[self.item]
        return self._summed(cell, len(groups.labels))

    def _summed(self, cell: Ints, many: int) -> Floats:
        total = np.bincount(cell, self.weight, len(self.users) * many).reshape(len(self.users), many)
        return np.asarray(total, dtype=np.float64)

    def of_users(self, keep: npt.NDArray[np.bool_]) -> Exposure:
        """What the users of a mask were shown; their lists are numbered anew."""
        rows, number = keep[self.user], np.cumsum(keep) - 1
        turn = None if self.turn is None else np.unique(self.turn[rows], return_inverse=True)[1].astype(np.int64)
        return replace(
            self, user=number[self.user[rows]], item=self.item[rows], weight=self.weight[rows],
            users=self.users[keep], lists=self.lists[keep], turn=turn,
        )  # fmt: skip


def position_weights(weights: Weights, length: int) -> tuple[Floats, tuple[str, ...]]:
    """(length,) attention of each position, the first 1, and what to know of it.

    Parameters
    ----------
    weights
        "log2" (1 / log2(k + 2)), "reciprocal" (1 / (k + 1)), "uniform", numbers, or an `Examination` from
        `intervention.ope.examination`.

    Raises
    ------
    ValueError
        If the name is unknown, numbers are fewer than positions, negative or not finite, or the first is 0.
    """
    places = np.arange(length)
    if isinstance(weights, str):
        if weights not in _NAMED:
            raise ValueError(f"weights={weights!r}; {nearest(weights, _NAMED)}, or give one number a position")
        named = {"log2": 1 / np.log2(places + 2), "reciprocal": 1 / (places + 1), "uniform": np.ones(length)}
        said = "" if weights == "uniform" else f"attention is assumed, {weights} of the position, not measured"
        return named[weights], (said,) if said else ()
    notes: tuple[str, ...] = ()
    if isinstance(weights, Examination):
        notes = ("attention was estimated from clicks; its own error is not in the intervals",)
        weights = weights.relative
    found = np.asarray(weights, dtype=np.float64)
    if found.ndim != 1 or len(found) < length:
        raise ValueError(f"weights: {found.size} numbers for lists of {length} positions; give one a position")
    if not (np.isfinite(found).all() and (found >= 0).all() and found[0] > 0):
        raise ValueError(f"weights={found.tolist()}: attention is finite and >= 0, that of the first position > 0")
    return found[:length] / found[0], notes


def exposure_of_slates(
    slates: pd.DataFrame | SlateLog,
    items: pd.Index | npt.ArrayLike | None = None,
    *,
    weights: Weights = "log2",
    users: pd.Index | npt.ArrayLike | None = None,
) -> Exposure:
    """Exposure from a log of lists.

    Parameters
    ----------
    slates
        One row a slot, with slate_id, user_id, position (0 first), item_id, as `Platform.slates` gives; or a
        `SlateLog`.
    items
        Ids of the whole catalogue: what is never shown counts too. None takes 0 … n_actions - 1 of a `SlateLog`, or
        what the table shows.
    weights
        Attention of positions; see `position_weights`.
    users
        Ids of all users; None takes those of the log.

    Raises
    ------
    ValueError
        If a column is missing or has missing ids, there is no row, a position is no whole number >= 0, a list has two
        rows at one position or rows of two users, or an id is not among those given.
    """
    if isinstance(slates, SlateLog):
        items = np.arange(slates.n_actions) if items is None else items
        slates = slates.to_frame()
    slates = slates.assign(user_id=slates["slate_id"]) if "slate_id" in slates and "user_id" not in slates else slates
    position = _positions(slates)
    attention, notes = position_weights(weights, int(position.max()) + 1)
    user, users = _numbered(slates["user_id"], users, "user")
    item, catalogue = _numbered(slates["item_id"], items, "item")
    turn = pd.factorize(slates["slate_id"])[0].astype(np.int64)
    owner = user[np.unique(turn, return_index=True)[1]]
    return Exposure(
        user, item, attention[position], users, catalogue,
        np.bincount(owner, minlength=len(users)).astype(np.float64), turn, notes,
    )  # fmt: skip


def exposure_of_policy(
    policy: Policy,
    contexts: pd.DataFrame,
    length: int = 1,
    *,
    items: pd.Index | npt.ArrayLike | None = None,
    weights: Weights = "log2",
) -> Exposure:
    r"""Expected exposure under a policy, exactly: :math:`e_{ui} = \sum_k v_k P_u(i \text{ at } k)`.

    Parameters
    ----------
    policy
        Lists are drawn from it without replacement (Plackett-Luce), as `Platform.slates` does.
    contexts
        One row a user.
    length
        Positions of a list.
    items
        Ids of the actions, in action order; 0, 1, … by default.
    weights
        As in `position_weights`.

    Raises
    ------
    ValueError
        If the policy gives no distributions, or a chance to fewer items than the list is long; if there is no context,
        a user has several, or ids are not one an action.
    """
    from causalrec_lab.world.lists.rankings import item_at_position

    if isinstance(length, bool) or int(length) != length or length < 1 or contexts.empty:
        raise ValueError(
            f"length={length} of {len(contexts)} contexts: give a whole number from 1 on, and a row a user"
        )
    attention, notes = position_weights(weights, length)
    first = checked_probabilities(policy.probabilities(contexts.iloc[:1]), n=1)
    step, parts = max(1, _CELLS // (first.shape[1] * length)), []
    for start in range(0, len(contexts), step):
        rows = contexts.iloc[start : start + step]
        chances = checked_probabilities(policy.probabilities(rows), n=len(rows), n_actions=first.shape[1])
        if (fewest := int((chances > 0).sum(axis=1).min())) < length:
            raise ValueError(f"length={length}: the policy gives a chance to {fewest} items only for some user")
        at = chances[:, None] if length == 1 else item_at_position(chances, length)
        parts.append(np.einsum("k,uki->ui", attention, at))
    found = np.concatenate(parts)
    user, item = np.nonzero(found)
    names = pd.Index(contexts["user_id"] if "user_id" in contexts else np.arange(len(contexts)), name="user_id")
    catalogue = pd.Index(np.arange(found.shape[1]) if items is None else np.asarray(items), name="item_id")
    if len(catalogue) != found.shape[1] or not catalogue.is_unique or not names.is_unique:
        raise ValueError(
            f"{len(catalogue)} ids of items for {found.shape[1]} actions, {len(names)} contexts of {names.nunique()} "
            "users: give one id an action, each once, and one row a user"
        )
    return Exposure(user, item, found[user, item], names, catalogue, np.ones(len(names)), None, notes)


def _positions(slates: pd.DataFrame) -> Ints:
    """Positions of the rows of a log of lists, whose faults are named."""
    for name in ("slate_id", "user_id", "position", "item_id"):
        if name not in slates:
            raise ValueError(f"slates: no column {name!r}; {nearest(name, slates.columns)}")
        if gone := int(slates[name].isna().sum()):
            raise ValueError(f"slates: column {name!r} is missing in {gone:,} of {len(slates):,} rows; drop them first")
    if slates.empty:
        raise ValueError("slates: there is no row, so nothing was shown")
    position = slates["position"].to_numpy(dtype=np.float64)
    if not ((position >= 0) & (position == np.floor(position)) & (position < _PLACES)).all():
        raise ValueError("slates: column 'position' counts 0, 1, 2, …; it has other values")
    twice = slates.duplicated(["slate_id", "position"]).to_numpy()
    users = slates.groupby("slate_id", sort=False)["user_id"].transform("nunique").to_numpy()
    if (bad := twice | (users > 1)).any():
        row = int(np.argmax(bad))
        what = "rows of several users" if users[row] > 1 else f"two rows at position {position[row]:.0f}"
        raise ValueError(
            f"slates: list {str(slates['slate_id'].iloc[row])!r} has {what} (row {row}); ids of lists are unique over "
            "users and days, and a place holds one item"
        )
    return position.astype(np.int64)


def _numbered(column: pd.Series, known: npt.ArrayLike | pd.Index | None, what: str) -> tuple[Ints, pd.Index]:
    try:
        ids = pd.Index(np.unique(column.to_numpy()) if known is None else np.asarray(known), name=f"{what}_id")
    except TypeError:
        raise ValueError(f"slates: ids of {what}s are numbers beside text; make them one kind: .astype(str)") from None
    if not ids.is_unique:
        raise ValueError(f"{what}s= lists {str(ids[ids.duplicated()][0])!r} twice; give each id once")
    codes = ids.get_indexer(pd.Index(column))
    if (codes < 0).any():
        row, kind = int(np.argmax(codes < 0)), ""
        if str(column.iloc[row]) in set(ids.astype(str)):
            kind = " as it stands: one is a number, the other text; make them one kind"
        raise ValueError(
            f"slates: {what} {str(column.iloc[row])!r} (row {row}) is not among the {len(ids):,} given{kind}"
        )
    return codes.astype(np.int64), ids
