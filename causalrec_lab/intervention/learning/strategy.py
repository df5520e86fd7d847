"""Strategies that differ in who, what, when and how strong: `Strategy`, and the space they are searched in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.intervention.learning.objective import chances_of
from causalrec_lab.policy import Policy

__all__ = ["Choice", "Range", "Strategy", "strategies"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Range:
    """Numbers between two ends.

    Parameters
    ----------
    low, high
        The ends; low < high.
    log
        Whether it is searched on the scale of logarithms; low > 0 then.

    Raises
    ------
    ValueError
        If the ends are not finite or the wrong way round.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        """Refuse ends that bound nothing."""
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high) or (self.log and self.low <= 0):
            said = f"Range({self.low}, {self.high}, log={self.log})"
            raise ValueError(f"{said}: give finite ends, low < high, and above 0 for log")


@dataclass(frozen=True)
class Choice:
    """One of some options.

    Parameters
    ----------
    options
        At least one.

    Raises
    ------
    ValueError
        If there is none.
    """

    options: tuple[Any, ...]

    def __post_init__(self) -> None:
        """Refuse a choice among nothing."""
        if not self.options:
            raise ValueError("Choice(()): give at least one option")


@dataclass(frozen=True, eq=False)
class Strategy:
    r"""A running policy, leant for some users at some times towards some actions.

    .. math::
        \pi(a \mid x) \propto \pi_0(a \mid x)
        \exp(strength \cdot 1\{a \in what\}\, 1\{x \in who\}\, 1\{x \in when\})

    Parameters
    ----------
    base
        What runs; what it never takes, this never takes.
    members
        (actions,) True for the actions leant towards.
    strength
        How strongly.
    who
        Column -> (low, high): whom it is for; empty for all.
    when
        Column -> (low, high): when; empty for always.
    """

    base: Policy
    members: npt.NDArray[np.bool_]
    strength: float
    who: Mapping[str, tuple[float, float]]
    when: Mapping[str, tuple[float, float]]

    def reached(self, contexts: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """(n,) rounds it acts in.

        Raises
        ------
        ValueError
            If contexts lack a column, or it holds anything but finite numbers.
        """
        inside = np.ones(len(contexts), dtype=bool)
        for name, (low, high) in {**self.who, **self.when}.items():
            column = _numbers(contexts, name)
            inside &= (column >= low) & (column <= high)
        return inside

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(n, actions) probabilities."""
        base = self.base.probabilities(contexts)
        return chances_of(np.outer(self.strength * self.reached(contexts), self.members).astype(np.float64), base)


def strategies(
    base: Policy,
    groups: Sequence[str],
    contexts: pd.DataFrame,
    *,
    who: Sequence[str] = (),
    when: str | None = None,
    strength: tuple[float, float] = (-2.0, 2.0),
) -> tuple[Callable[[Mapping[str, Any]], Strategy], dict[str, Range | Choice]]:
    """Strategies of who, what, when and how strong, and the space of their settings, for `search`.

    Parameters
    ----------
    base
        What runs.
    groups
        Group of each action, in action order: the "what".
    contexts
        From which the quantiles of the columns of `who` and `when` are taken.
    who
        Columns that may decide whom it is for: from one quantile to another of one of them.
    when
        Column of time, in the same way.
    strength
        Ends of how strong.

    Returns
    -------
    A function settings -> `Strategy`, and settings -> `Range` or `Choice`: what, strength, and (where asked for) who,
    who_from, who_share, when_from, when_share.

    Raises
    ------
    ValueError
        If contexts lack a column or it holds anything but finite numbers, or the ends of the strength are the wrong way
        round.
    """
    labels = np.asarray([str(g) for g in groups])
    space: dict[str, Range | Choice] = {"what": Choice(tuple(np.unique(labels).tolist())), "strength": Range(*strength)}
    if who:
        space |= {"who": Choice(("all", *who)), "who_from": Range(0.0, 0.8), "who_share": Range(0.1, 1.0)}
    if when:
        space |= {"when_from": Range(0.0, 0.8), "when_share": Range(0.1, 1.0)}
    columns = {name: _numbers(contexts, name) for name in (*who, *([when] if when else []))}

    def make(settings: Mapping[str, Any]) -> Strategy:
        column = settings.get("who", "all")
        whom = (
            {} if column == "all" else {column: _between(columns[column], settings["who_from"], settings["who_share"])}
        )
        times = {} if when is None else {when: _between(columns[when], settings["when_from"], settings["when_share"])}
        return Strategy(base, labels == settings["what"], float(settings["strength"]), whom, times)

    return make, space


def _numbers(contexts: pd.DataFrame, name: str) -> Floats:
    if name not in contexts:
        raise ValueError(f"contexts have no column {name!r}; {nearest(name, [str(c) for c in contexts])}")
    if not pd.api.types.is_numeric_dtype(contexts[name]):
        raise ValueError(f"column {name!r} holds {contexts[name].dtype}; who and when go from one number to another")
    found = contexts[name].to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isfinite(found).all():
        raise ValueError(f"column {name!r} is not finite, first at row {int(np.argmin(np.isfinite(found)))}; impute it")
    return found


def _between(column: Floats, start: float, share: float) -> tuple[float, float]:
    low, high = np.quantile(column, [start, min(start + share, 1.0)])
    return float(low), float(high)
