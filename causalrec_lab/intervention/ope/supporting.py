"""Support: what the policy wants and the log never took, and how much of its reward hangs on that."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.ope.embeddings import cluster_sums
from causalrec_lab.intervention.ope.loggers import Rounds

__all__ = ["support"]

Flags = npt.NDArray[np.bool_]
_ROWS = 65_536  # rounds looked at together


def support(
    rounds: Rounds,
    weights: npt.NDArray[np.float64] | None,
    labels: npt.NDArray[np.int64] | None,
    model: npt.NDArray[np.generic] | None,
) -> dict[str, float]:
    r"""Share :math:`E[\sum_a \pi(a|x)\, 1\{a \text{ without support at } x\}]`, and the reward at stake.

    An action is without support where it was never logged and, with the logging policy known, in every context in
    which that gives it no chance.

    Parameters
    ----------
    rounds
        Rounds.
    weights
        (n,) weights, of actions or of clusters, nothing else done to them; None where there are none.
    labels
        (actions,) clusters for mips, where an action is valued by those of its cluster; else None.
    model
        (n, actions) predicted rewards, or None: then the logged ones tell what may be at stake.
    """
    unseen, mass, part, whole = _unseen(rounds, labels), 0.0, 0.0, 0.0
    lost = {"unsupported_mass": 0.0, "actions_never_logged": float(_unseen(rounds, None).sum())}
    if not unseen.any() and (rounds.logging is None or float(rounds.logging.min()) > 0):
        return lost | {"reward_at_stake": 0.0}
    for rows, missing in _missing(rounds, labels, unseen):
        wanted = np.where(missing, rounds.target[rows], 0)
        mass += float(wanted.sum(dtype=np.float64))
        if model is not None:
            worth = np.abs(model[rows])
            part += float(np.einsum("ij,ij->", wanted, worth, dtype=np.float64, casting="same_kind"))
            whole += float(np.einsum("ij,ij->", rounds.target[rows], worth, dtype=np.float64, casting="same_kind"))
    lost["unsupported_mass"] = mass / len(rounds.log)
    if model is not None or weights is None:
        return lost | {"reward_at_stake": part / whole if whole > 0 else 0.0}
    return lost | _stake(rounds.log.reward, weights, lost["unsupported_mass"])


def _unseen(rounds: Rounds, labels: npt.NDArray[np.int64] | None) -> Flags:
    """(actions,) never logged, nor any of their cluster."""
    never = np.bincount(rounds.log.action, minlength=rounds.log.n_actions) == 0
    if labels is None:
        return np.asarray(never)
    return np.asarray((np.bincount(labels, weights=~never) == 0)[labels])


def _missing(rounds: Rounds, labels: npt.NDArray[np.int64] | None, unseen: Flags) -> Iterator[tuple[slice, Flags]]:
    """Rounds, some at a time, with (rows, actions) flags of what has no support there."""
    for start in range(0, len(rounds.log), _ROWS):
        rows = slice(start, start + _ROWS)
        if rounds.logging is None:
            yield rows, np.broadcast_to(unseen, rounds.target[rows].shape)
            continue
        chances = rounds.logging[rows]
        chances = chances if labels is None else cluster_sums(chances, labels)[:, labels]
        yield rows, unseen | (chances <= 0)


def _stake(reward: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], mass: float) -> dict[str, float]:
    """What the lost choices may be worth, at most, by rewards of the size logged."""
    if mass == 0:
        return {"reward_at_stake": 0.0}
    most, rest = mass * float(np.abs(reward).max()), float((weights * np.abs(reward)).mean())
    counted = float((weights * reward).mean())
    return {
        "reward_at_stake": most / (most + rest) if most + rest > 0 else 0.0,
        "value_if_worst": counted + mass * float(reward.min()),
        "value_if_best": counted + mass * float(reward.max()),
    }
