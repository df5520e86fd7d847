"""From rounds to round rewards, method by method; numbers that are not given are chosen from the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.ope.grouping import Grouping, cluster_weights, grouping
from causalrec_lab.intervention.ope.loggers import Rounds
from causalrec_lab.intervention.ope.round_rewards import RoundRewards
from causalrec_lab.intervention.ope.tuning import Tuning, tuned
from causalrec_lab.intervention.ope.weights import SHRINKAGES, Shrinkage

__all__ = ["Fitted", "fitted"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """Round rewards of a method, and how its number was found.

    Parameters
    ----------
    rewards
        Round rewards.
    parameter, number
        Name and value of the number, where the method has one.
    tuning
        What was tried, where it was chosen.
    labels
        (actions,) clusters, for mips.
    words
        What must be said.
    plain
        (n,) weights before anything was done to them, None where there are none.
    """

    rewards: RoundRewards
    parameter: str | None = None
    number: float = np.nan
    tuning: Tuning | None = None
    labels: Integers | None = None
    words: tuple[str, ...] = ()
    plain: Floats | None = None


def fitted(
    method: str,
    rounds: Rounds,
    model: npt.NDArray[Any] | None,
    *,
    parameter: float | str = "slope",
    candidates: Sequence[float] | None = None,
    embeddings: Any = None,
    codes: Integers | None = None,
    seed: int = 0,
) -> Fitted:
    """Round rewards of a method on some rounds; see `evaluate` for the arguments.

    Raises
    ------
    ValueError
        If the method has no number and one is given, or mips lacks what it needs.
    """
    if method == "mips":
        return _marginalised(rounds, parameter, candidates, embeddings, codes, seed)
    if embeddings is not None:
        raise ValueError(f"embeddings= go with method='mips'; {method!r} reads actions one by one")
    n, reward = len(rounds.log), rounds.log.reward
    direct = np.zeros(n) if model is None else expected(rounds.target, model)
    residual = reward if model is None else reward - model[np.arange(n), rounds.log.action]
    weights = np.zeros(n) if method == "dm" or rounds.weights is None else rounds.weights
    if method in SHRINKAGES:
        plain = RoundRewards(direct, weights, residual)
        return _shrunken(SHRINKAGES[method], plain, rounds, parameter, candidates, codes)
    if not isinstance(parameter, str) or candidates is not None:
        raise ValueError(f"method={method!r} has no number to choose; leave out parameter= and candidates=")
    return Fitted(RoundRewards(direct, weights, residual, method in ("snips", "sndr")), plain=rounds.weights)


def expected(target: npt.NDArray[Any], model: npt.NDArray[Any]) -> Floats:
    """(n,) reward the model expects of the policy in each context, summed in double precision."""
    return np.asarray(np.einsum("ij,ij->i", target, model, dtype=np.float64, casting="same_kind"))


def _shrunken(
    shrinkage: Shrinkage,
    plain: RoundRewards,
    rounds: Rounds,
    parameter: float | str,
    candidates: Sequence[float] | None,
    codes: Integers | None,
) -> Fitted:
    def at(number: float) -> RoundRewards:
        if not number >= 0:
            raise ValueError(f"{shrinkage.parameter}={number}: give a number from 0 to infinity")
        return replace(plain, weights=shrinkage.shrink(plain.weights, number))

    if not isinstance(parameter, str):
        return Fitted(at(float(parameter)), shrinkage.parameter, float(parameter), plain=plain.weights)
    numbers = shrinkage.candidates(plain.weights) if candidates is None else np.asarray(candidates, dtype=np.float64)
    chosen = tuned(shrinkage.parameter, parameter, numbers, at, plain.weights, codes=codes, strata=rounds.strata)
    return Fitted(at(chosen.chosen), shrinkage.parameter, chosen.chosen, chosen, plain=plain.weights)


def _check_count(number: float, groups: Grouping) -> None:
    if number != int(number):
        raise ValueError(f"parameter={number} {groups.parameter}; give a whole number")
    if len(groups.candidates) == 1 and number != groups.candidates[0]:
        raise ValueError(
            f"parameter={number:.0f}, but embeddings= are labels, {groups.candidates[0]:.0f} {groups.parameter} of "
            "them; leave out parameter=, or give an (actions, d) array of floats to be clustered"
        )


def _marginalised(
    rounds: Rounds,
    parameter: float | str,
    candidates: Sequence[float] | None,
    embeddings: Any,
    codes: Integers | None,
    seed: int,
) -> Fitted:
    groups, weights = grouping(embeddings, rounds, codes, seed), rounds.weights
    assert weights is not None
    if not isinstance(parameter, str):
        _check_count(float(parameter), groups)

    def at(number: float) -> RoundRewards:
        used = cluster_weights(rounds, groups.labels(int(number)))
        return RoundRewards(np.zeros(len(used)), used, rounds.log.reward)

    if isinstance(parameter, str) and len(groups.candidates) > 1:
        numbers = groups.candidates if candidates is None else np.asarray(candidates, dtype=np.float64)
        chosen = tuned(groups.parameter, parameter, numbers, at, weights, codes=codes, strata=rounds.strata)
        number, tuning = chosen.chosen, chosen
    else:
        number, tuning = float(groups.candidates[0] if isinstance(parameter, str) else parameter), None
    labels = groups.labels(int(number))
    return Fitted(at(number), groups.parameter, number, tuning, labels, groups.words(int(number)), weights)
