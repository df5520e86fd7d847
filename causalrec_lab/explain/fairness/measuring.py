r"""Exposure of groups of items and outcomes of groups of users, each with its gap and a clustered interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.registry import nearest
from causalrec_lab.explain.fairness.exposure import Exposure
from causalrec_lab.explain.fairness.group_measure import GroupMeasure, Reading, measured
from causalrec_lab.explain.fairness.groups import Floats, Groups, Ints, item_groups, read_groups
from causalrec_lab.explain.fairness.ratios import Ratios, ratios
from causalrec_lab.explain.fairness.targets import checked_target

__all__ = ["exposure_by_group", "outcome_by_group"]

MEASURES = ("per item", "share", "per merit")
_FIXED = "users are drawn independently; the catalogue is what it is"
_PROVIDERS = "providers are drawn independently; the users are what they are"


def exposure_by_group(
    exposure: Exposure,
    items: pd.DataFrame | npt.ArrayLike,
    by: str | None = None,
    *,
    measure: str = "per item",
    merit: npt.ArrayLike | None = None,
    merit_estimated: bool = True,
    against: str | Mapping[str, float] = "rest",
    scale: str = "ratio",
    provider: str | npt.ArrayLike | None = None,
    missing: str = "error",
    level: float = 0.95,
    simultaneous: bool = False,
    least: int = 30,
    small: str = "warn",
) -> GroupMeasure:
    r"""Exposure of groups of items: providers, categories, head and tail.

    * "per item": :math:`\sum_u \sum_{i \in g} e_{ui} / (L\,|g|)`, the attention an item of the group gets in one of the
      L lists; equal for all groups under demographic parity (Singh and Joachims 2018, section 4.1),
    * "share": the group's part of all attention,
    * "per merit": attention per unit of merit, equal where exposure is proportional to merit (section 4.2).

    Parameters
    ----------
    exposure
        From `exposure_of_slates` or `exposure_of_policy`.
    items, by
        Table of the catalogue and its column ("tail": the most popular fifth against the rest); or one label an item.
    measure
        One of the three.
    merit
        For "per merit": (items,) or (users, items) relevance, at least 0.
    merit_estimated
        Whether merit is a model's estimate; the result then says what that does.
    against
        Reference: "rest" (all other groups together), "all", a group's label; for shares also "catalogue" (the group's
        part of the items) or a mapping group -> target share.
    scale
        "ratio" or "difference" of the gap.
    provider
        Column (or labels) of items that err together: the interval then is over providers, not users.
    missing, level, simultaneous, least, small
        As in `read_groups` and `Reading`; least counts users (providers) with something of the group.

    Raises
    ------
    ValueError
        On unknown words, a table of users, merit that is missing, negative, not finite, of another shape, or 0 for a
        whole group, or target shares that are not those of the groups or do not sum to 1.
    """
    if measure not in MEASURES:
        raise ValueError(f"measure={measure!r}; {nearest(measure, MEASURES)}")
    groups = item_groups(items, by, exposure.items, missing)
    clusters = None if provider is None else item_groups(items, *_provider(provider), exposure.items, missing)
    above, below = _contributions(exposure, groups, clusters, measure, merit)
    n = np.asarray((above > 0).sum(axis=0) if clusters is None else (below > 0).sum(axis=0))
    notes = (*exposure.notes, *(_merit_notes(merit_estimated) if measure == "per merit" else ()))
    value = ratios(above, below)
    reference, word = _reference(against, above, below, groups, value, measure)
    return measured(
        groups.labels, n, value, reference, Reading(level, simultaneous, least, small),
        estimand={"per item": "exposure per item and list", "share": "share of exposure"}.get(
            measure, "exposure per unit of merit"
        ),
        by=groups.name, scale=scale, against=word,
        method=f"ratio of sums, clustered by {'user' if clusters is None else clusters.name}",
        assumptions=(_FIXED if clusters is None else _PROVIDERS,), notes=notes,
    )  # fmt: skip


def outcome_by_group(
    outcome: pd.Series | npt.ArrayLike | str,
    users: pd.DataFrame | npt.ArrayLike,
    by: str | None = None,
    *,
    cluster: str | npt.ArrayLike | None = None,
    against: str = "rest",
    scale: str = "difference",
    missing: str = "error",
    bins: int = 4,
    level: float = 0.95,
    simultaneous: bool = False,
    least: int = 30,
    small: str = "warn",
) -> GroupMeasure:
    r"""Mean outcome of groups of users: reward, clicks, miscalibration, the share of a category they are shown.

    Parameters
    ----------
    outcome
        A column of `users`, or one number a row; a series indexed by user_id goes by the table's own user_id.
    users, by
        A table (of users, rounds or decisions) and the column that makes groups; or one label a row.
    cluster
        Column or labels of rows that err together, such as "user_id" where a user has several rows.
    against
        "rest", "all", or a group's label.
    scale, missing, bins, level, simultaneous, least, small
        As in `exposure_by_group` and `read_groups`.

    Raises
    ------
    ValueError
        On an unknown column or word, an outcome that is missing, not finite or of another length, or one level.
    """
    groups = read_groups(users, by, missing=missing, bins=bins)
    name, values = _outcome(outcome, users, len(groups))
    codes = _clusters(cluster, users, len(groups))
    cell, shape = codes * len(groups.labels) + groups.codes, (int(codes.max()) + 1, len(groups.labels))
    above = np.asarray(np.bincount(cell, values, shape[0] * shape[1]).reshape(shape), dtype=np.float64)
    below = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    value = ratios(above, below)
    reference, word = _reference(against, above, below, groups, value, "mean")
    return measured(
        groups.labels, np.asarray((below > 0).sum(axis=0)), value, reference,
        Reading(level, simultaneous, least, small),
        estimand=f"mean {name}", by=groups.name, scale=scale, against=word,
        method="group means" + (", clustered" if cluster is not None else ""),
        assumptions=("users are drawn independently",),
        notes=("a difference between groups is no effect of belonging to them: see decompose",),
    )  # fmt: skip


def _contributions(
    exposure: Exposure, groups: Groups, clusters: Groups | None, measure: str, merit: npt.ArrayLike | None
) -> tuple[Floats, Floats]:
    """(clusters, groups) attention and what it is divided by."""
    if clusters is None:
        above = exposure.by_user(groups)
        per_list = exposure.lists[:, None]
        if measure == "share":
            return above, np.repeat(above.sum(axis=1, keepdims=True), above.shape[1], axis=1)
        if measure == "per item":
            return above, per_list * groups.counts
        return above, per_list * _merit(merit, exposure, groups) @ groups.one_hot
    total, hot = exposure.by_item.to_numpy(), groups.one_hot
    mine = clusters.one_hot.T
    above = mine @ (total[:, None] * hot)
    if measure == "share":
        return above, np.repeat(above.sum(axis=1, keepdims=True), above.shape[1], axis=1)
    worth = np.full(len(total), exposure.lists.sum())
    if measure == "per merit":
        worth = (exposure.lists[:, None] * _merit(merit, exposure, groups)).sum(axis=0)
    return above, mine @ (worth[:, None] * hot)


def _merit(merit: npt.ArrayLike | None, exposure: Exposure, groups: Groups) -> Floats:
    """(users or 1, items) merit."""
    if merit is None:
        raise ValueError("measure='per merit' needs merit=: relevance of each item, (items,) or (users, items)")
    found = np.atleast_2d(np.asarray(merit, dtype=np.float64))
    rows, shape = len(exposure.users), found.shape
    if shape[1] != len(exposure.items) or shape[0] not in (1, rows):
        raise ValueError(
            f"merit has shape {shape}; give ({len(exposure.items)},) or ({rows}, {len(exposure.items)}), a row a user "
            "of the exposure (exposure_of_slates takes users= for all of them)"
        )
    if not (np.isfinite(found).all() and (found >= 0).all()):
        raise ValueError("merit has values that are not finite or negative; relevance is at least 0 (a probability)")
    total = found.sum(axis=0) @ groups.one_hot
    if (total == 0).any():
        raise ValueError(f"merit of group {groups.labels[int(np.argmin(total))]!r} is 0: no exposure is due to it")
    return found


def _merit_notes(estimated: bool) -> tuple[str, ...]:
    if not estimated:
        return ()
    said = (
        "warning: merit is estimated: where the model undervalues a group, exposure in proportion to its scores looks "
        "fair and is not; set it beside merit from randomised exposure"
    )
    return (said,)


def _reference(
    against: str | Mapping[str, float], above: Floats, below: Floats, groups: Groups, value: Ratios, measure: str
) -> tuple[Ratios, str]:
    """Reference of each group, on the same clusters, and what to call it."""
    shape = above.shape
    if isinstance(against, Mapping) or against == "catalogue":
        if measure != "share":
            raise ValueError("target shares are set against measure='share'")
        counted = dict(zip(groups.labels, groups.counts / len(groups), strict=True))
        target = checked_target(counted if isinstance(against, str) else against, groups.labels)
        word = "its part of the catalogue" if isinstance(against, str) else "its target"
        return Ratios(target, np.zeros(shape), np.full(shape[1], np.inf)), word
    if against == "all":
        whole, base = above.sum(axis=1, keepdims=True), below.sum(axis=1, keepdims=True)
        one = ratios(whole, base if measure != "share" else whole * len(groups.labels))
        return one.repeated(0, shape[1]), "all"
    if against == "rest":
        base = below.sum(axis=1, keepdims=True) - below if measure != "share" else below
        return ratios(above.sum(axis=1, keepdims=True) - above, base), "the rest"
    if str(against) not in groups.labels:
        raise ValueError(f"against={against!r}; {nearest(str(against), ('rest', 'all', 'catalogue', *groups.labels))}")
    return value.repeated(groups.number(against), shape[1]), str(against)


def _provider(provider: str | npt.ArrayLike) -> tuple[str]:
    if not isinstance(provider, str):
        raise ValueError("provider= names a column of items=; give the table of items with that column")
    return (provider,)


def _outcome(outcome: Any, users: Any, n: int) -> tuple[str, Floats]:
    name = outcome if isinstance(outcome, str) else str(getattr(outcome, "name", None) or "outcome")
    if isinstance(outcome, str):
        if not isinstance(users, pd.DataFrame) or outcome not in users:
            known = users.columns if isinstance(users, pd.DataFrame) else ()
            raise ValueError(f"outcome: there is no column {outcome!r}; {nearest(outcome, known)}")
        outcome = users[outcome]
    outcome = _aligned(outcome, users)
    try:
        values = np.asarray(outcome, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"outcome {name!r} holds what is no number; give one number a row") from None
    if values.shape != (n,):
        raise ValueError(f"outcome has shape {values.shape} beside {n:,} rows; give one number a row")
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        raise ValueError(f"outcome is missing or infinite, first at row {row}; drop those rows, and say so")
    return name, values


def _aligned(outcome: Any, users: Any) -> Any:
    """Outcomes that carry ids of users, as `miscalibration` gives them, in the order of the table's."""
    if not (isinstance(outcome, pd.Series) and isinstance(users, pd.DataFrame)):
        return outcome
    if outcome.index.name != "user_id" or "user_id" not in users:
        return outcome
    if not outcome.index.is_unique or len(lost := pd.Index(users["user_id"]).difference(outcome.index)):
        told = f"no outcome for user {str(lost[0])!r}" if outcome.index.is_unique else "a user has several"
        raise ValueError(f"outcome is indexed by user_id: {told}; give one for every user of the table")
    return outcome.reindex(users["user_id"])


def _clusters(cluster: Any, users: Any, n: int) -> Ints:
    if cluster is None:
        return np.arange(n)
    if isinstance(cluster, str):
        if not isinstance(users, pd.DataFrame) or cluster not in users:
            known = users.columns if isinstance(users, pd.DataFrame) else ()
            raise ValueError(f"cluster: there is no column {cluster!r}; {nearest(cluster, known)}")
        cluster = users[cluster]
    codes = pd.factorize(np.asarray(cluster))[0].astype(np.int64)
    if codes.shape != (n,) or (codes < 0).any():
        raise ValueError(f"cluster: give one label a row, none missing; got {codes.shape} beside {n:,} rows")
    return codes
