"""Rank anew so that groups of items get their share: `rerank`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.registry import nearest
from causalrec_lab.explain.fairness.controller import controlled
from causalrec_lab.explain.fairness.doubly_stochastic import best_matrix, birkhoff
from causalrec_lab.explain.fairness.exposure import Weights, position_weights
from causalrec_lab.explain.fairness.groups import Floats, Groups, Ints, read_groups
from causalrec_lab.explain.fairness.mixtures import best_mixture, in_unit
from causalrec_lab.explain.fairness.prefixes import with_quotas
from causalrec_lab.explain.fairness.quotas import fair_star_minimums, share_minimums
from causalrec_lab.explain.fairness.reranked import Reranked
from causalrec_lab.explain.fairness.targets import check_feasible, checked_least, checked_target

__all__ = ["RERANK_METHODS", "rerank"]

RERANK_METHODS = ("prefix", "fair_star", "amortised", "lp", "controller")
_MOST = 200  # users, and items, of the linear programme over single lists

Parts = tuple[Floats, Ints, tuple[str, ...], Floats | None]  # chances, lists, notes, course


def rerank(
    scores: npt.ArrayLike,
    groups: npt.ArrayLike | Groups,
    k: int,
    *,
    least_share: Mapping[str, float] | None = None,
    target: Mapping[str, float] | None = None,
    merit: npt.ArrayLike | None = None,
    method: str = "auto",
    weights: Weights = "log2",
    users: npt.ArrayLike | None = None,
    alpha: float = 0.1,
    gain: float = 0.1,
    batch: int = 50,
) -> Reranked:
    r"""Lists of the highest score among those that give groups of items what is asked.

    ============ ============================================================= ==========================
    method       what it promises                                              asked by
    ============ ============================================================= ==========================
    "prefix"     floor(share x j) items in the first j places of every list    least_share
    "fair_star"  so many that no prefix fails a test of the share (FA*IR)       least_share of one group
    "amortised"  shares of attention on average over users: the best policy    any
    "lp"         shares of attention of each user's list, on average over draws any
    "controller" shares of attention in the long run of a stream (FairCo)      target or merit
    ============ ============================================================= ==========================

    Parameters
    ----------
    scores
        (users, items), or (items,) for one user; higher is better.
    groups
        One label an item.
    k
        Places of a list.
    least_share
        Group -> least share; groups left out are free.
    target
        Group -> share; all groups, summing to 1.
    merit
        (items,) or (users, items), at least 0: target shares in proportion to each group's total.
    method
        One of the table; "auto" takes prefix for least shares, else amortised.
    weights
        Attention of places; see `position_weights`. It must not rise.
    users
        Ids in row order; 0, 1, … by default.
    alpha
        Of "fair_star": chance that a fair list is called unfair.
    gain, batch
        Of "controller": its gain in units of the score, and users between two looks.

    Raises
    ------
    ValueError
        On scores that are not finite, labels that are not one an item, k beyond the catalogue, not exactly one demand,
        shares that are none or that no ranking gives (the message says what is feasible), an unknown method, or one
        that cannot meet this demand.
    """
    s, labelled = _read(scores, groups, k)
    attention, notes = position_weights(weights, k)
    if (np.diff(attention) > 1e-12).any():
        raise ValueError("weights rise along the list; the best item belongs to the place that is looked at most")
    method = _settled(method, least_share, target, merit)
    share = _share(labelled, s, least_share, target, merit)
    exact = least_share is None
    chance, lists, more, course = _ranked(s, labelled, attention, share, method, exact, alpha, gain, batch)
    names = _users(users, len(s))
    plain = np.argsort(-s, axis=1, kind="stable")[None, :, :k]
    before, after = (
        _given(c, rows, labelled, attention) for c, rows in ((np.ones((1, len(s))), plain), (chance, lists))
    )
    columns = {"items": labelled.counts, "asked": share, "before": before, "after": after}
    table = pd.DataFrame(columns, index=pd.Index(labelled.labels, name=labelled.name))
    values = [
        float((c * (np.take_along_axis(s[None], rows, axis=2) @ attention)).sum(axis=0).mean())
        for c, rows in ((chance, lists), (np.ones((1, len(s))), plain))
    ]
    return Reranked(
        table, chance, lists, values[0], values[1], attention, labelled, method, names, (*notes, *more), course
    )  # fmt: skip


def _ranked(
    s: Floats, groups: Groups, attention: Floats, share: Floats, method: str, exact: bool, alpha: float, gain: float,
    batch: int,
) -> Parts:  # fmt: skip
    k, certain = len(attention), np.ones((1, len(s)))
    if method == "prefix":
        wanted = dict(zip(groups.labels, share.tolist(), strict=True))
        return certain, with_quotas(s, groups, share_minimums(wanted, groups, k))[None], (), None
    if method == "fair_star":
        return certain, _fair_star(s, groups, share, k, alpha)[None], (), None
    check_feasible(share, groups, attention)
    if method == "controller":
        lists, course = controlled(s, groups, attention, share, gain=gain, batch=batch)
        return certain, lists[None], ("shares are approached in the long run, not met at once",), course
    if method == "amortised":
        found = best_mixture(s, groups, attention, share, exact=exact)
        said = f"no policy with these shares has a mean score higher by more than {found.gap:.1g}"
        return np.repeat(found.chance[:, None], len(s), axis=1), found.lists, (said,), None
    return _list_by_list(s, groups, attention, share, exact)


def _list_by_list(s: Floats, groups: Groups, attention: Floats, share: Floats, exact: bool) -> Parts:
    if max(s.shape) > _MOST:
        raise ValueError(
            f"method='lp' is for small lists: {s.shape[0]} users, {s.shape[1]} items, at most {_MOST} of each; "
            "'amortised' has no such limit"
        )
    found = [birkhoff(best_matrix(in_unit(row)[0], groups, attention, share, exact=exact)) for row in s]
    most = max(len(chance) for chance, _ in found)
    chance = np.zeros((most, len(s)))
    lists = np.zeros((most, len(s), len(attention)), dtype=np.int64)
    for u, (own, rankings) in enumerate(found):
        chance[: len(own), u] = own
        lists[:, u] = rankings[0, : len(attention)]
        lists[: len(own), u] = rankings[:, : len(attention)]
    return chance, lists, (), None


def _fair_star(s: Floats, groups: Groups, share: Floats, k: int, alpha: float) -> Ints:
    asked = np.flatnonzero(share > 0)
    if len(asked) != 1:
        raise ValueError(
            f"method='fair_star' tests the share of one protected group; {len(asked)} have one: name one in "
            "least_share=, or take method='prefix'"
        )
    minimums = np.zeros((len(share), k), dtype=np.int64)
    minimums[asked[0]] = fair_star_minimums(float(share[asked[0]]), k, alpha)
    return with_quotas(s, groups, minimums)


def _settled(method: str, least: Any, target: Any, merit: Any) -> str:
    if method == "auto":
        method = "prefix" if least is not None else "amortised"
    if method not in RERANK_METHODS:
        raise ValueError(f"method={method!r}; {nearest(method, RERANK_METHODS)}")
    if sum(one is not None for one in (least, target, merit)) != 1:
        raise ValueError("ask for one thing: least_share=, target= or merit=")
    if method in ("prefix", "fair_star") and least is None:
        raise ValueError(f"method={method!r} keeps least shares; give least_share=, or take method='amortised'")
    if method == "controller" and least is not None:
        raise ValueError("method='controller' steers to shares; give target= or merit=")
    return method


def _share(groups: Groups, s: Floats, least: Any, target: Any, merit: Any) -> Floats:
    if least is not None:
        return checked_least(least, groups.labels)
    if target is not None:
        return checked_target(target, groups.labels)
    worth = np.atleast_2d(np.asarray(merit, dtype=np.float64))
    if worth.shape not in ((1, s.shape[1]), s.shape):
        raise ValueError(f"merit has shape {worth.shape}; give ({s.shape[1]},) or {s.shape}")
    if not (np.isfinite(worth).all() and (worth >= 0).all() and worth.sum() > 0):
        raise ValueError("merit is finite and >= 0, and not 0 everywhere")
    total = worth.sum(axis=0) @ groups.one_hot
    return np.asarray(total / total.sum())


def _users(users: npt.ArrayLike | None, n: int) -> pd.Index:
    names = pd.Index(np.arange(n) if users is None else np.asarray(users), name="user_id")
    if len(names) != n or not names.is_unique:
        raise ValueError(f"users= has {len(names):,} ids, {names.nunique():,} different, beside {n:,} rows of scores")
    return names


def _given(chance: Floats, lists: Ints, groups: Groups, attention: Floats) -> Floats:
    weight = chance[:, :, None] * attention
    total = np.bincount(groups.codes[lists].ravel(), weight.ravel(), len(groups.labels))
    return np.asarray(total / total.sum())


def _read(scores: npt.ArrayLike, groups: Any, k: Any) -> tuple[Floats, Groups]:
    s = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    if s.ndim != 2 or s.size == 0:
        raise ValueError(f"scores have shape {s.shape}; give (users, items)")
    if (bad := ~np.isfinite(s)).any():
        user, item = np.argwhere(bad)[0]
        raise ValueError(
            f"scores have {int(bad.sum()):,} values that are not finite, first of user {user}, item {item}: "
            f"{s[user, item]}; score every item, or leave it out of the catalogue"
        )
    count = len(groups)
    if count != s.shape[1]:
        hint = "; these seem to be labels of users: a ranking is fair to items" if count == s.shape[0] else ""
        raise ValueError(f"groups has {count:,} labels beside {s.shape[1]:,} items{hint}; give one label an item")
    whole = isinstance(k, int | np.integer) and not isinstance(k, bool)
    if not whole or not 1 <= k <= s.shape[1]:
        raise ValueError(f"k={k!r} places with a catalogue of {s.shape[1]} items; give a whole number from 1 to that")
    return s, groups if isinstance(groups, Groups) else read_groups(groups)
