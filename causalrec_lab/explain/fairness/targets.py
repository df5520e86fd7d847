"""Shares that groups are due: checked, from merit, and whether any ranking could give them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from causalrec_lab.data.registry import nearest
from causalrec_lab.explain.fairness.groups import Floats, Groups

__all__ = ["check_feasible", "checked_least", "checked_target", "most_share"]

_TOLERANCE = 1e-6


def checked_target(target: Mapping[str, float], labels: tuple[str, ...]) -> Floats:
    """(groups,) target shares.

    Raises
    ------
    ValueError
        If a group has none, a name is no group, a share lies outside [0, 1], or they do not sum to 1.
    """
    found = _shares(target, labels, "target")
    if lost := [label for label in labels if label not in {str(k) for k in target}]:
        raise ValueError(f"target: no share for {lost}; every group has one, and they sum to 1")
    if abs(found.sum() - 1) > _TOLERANCE:
        raise ValueError(
            f"target shares sum to {found.sum():.6g}, not 1; divide each by the sum, or give least_share= for lower "
            "bounds"
        )
    return np.asarray(found / found.sum())  # what rounding left over would be out of reach


def checked_least(least: Mapping[str, float], labels: tuple[str, ...]) -> Floats:
    """(groups,) least shares, 0 where none is asked for.

    Raises
    ------
    ValueError
        If a name is no group, a share lies outside [0, 1], or together they ask for more than everything.
    """
    found = _shares(least, labels, "least_share")
    if found.sum() > 1 + _TOLERANCE:
        raise ValueError(f"least shares sum to {found.sum():.6g}: together they ask for more than there is; at most 1")
    return np.asarray(found / max(1.0, found.sum()))


def most_share(groups: Groups, attention: Floats) -> Floats:
    """(groups,) most of a list's attention that a group can have: all its items on top."""
    k = len(attention)
    return np.asarray([attention[: min(k, count)].sum() / attention.sum() for count in groups.counts.tolist()])


def check_feasible(least: Floats, groups: Groups, attention: Floats) -> None:
    r"""Refuse shares that no ranking has, on average or at all.

    Groups A can have together what their items have in the first :math:`\min(k, |A|)` places. That bound is submodular,
    so lower bounds can be met together if and only if each set of groups passes it (Edmonds 1970, polymatroids).

    Raises
    ------
    ValueError
        With the groups in the way and what is feasible for them.
    """
    asked = [g for g in range(len(least)) if least[g] > 0]
    reach = np.concatenate([[0.0], np.cumsum(attention)]) / attention.sum()
    sizes = range(1, len(asked) + 1) if len(asked) <= 12 else (1, len(asked))
    for size in sizes:
        for some in combinations(asked, size):
            count = int(groups.counts[list(some)].sum())
            most = float(reach[min(count, len(attention))])
            if least[list(some)].sum() > most + _TOLERANCE:
                named = " and ".join(repr(groups.labels[g]) for g in some)
                raise ValueError(
                    f"no ranking gives {named} a share of {least[list(some)].sum():.4g}: {count} items in "
                    f"{len(attention)} places have at most {most:.4g}; ask for that at most, or take a longer list"
                )


def _shares(given: Mapping[str, float], labels: tuple[str, ...], what: str) -> Floats:
    found = np.zeros(len(labels))
    if not isinstance(given, Mapping):
        raise ValueError(f"{what}={given!r}: give a dictionary, group -> share")
    for name, share in given.items():
        if str(name) not in labels:
            raise ValueError(f"{what}: there is no group {str(name)!r}; {nearest(str(name), labels)}")
        if not 0 <= share <= 1:
            raise ValueError(f"{what}: {str(name)!r} has {share}; a share lies in [0, 1]")
        found[labels.index(str(name))] = share
    return found
