r"""Rounds of one log or of several: what the estimators read.

Several policies have logged, as when a shop changes its own every month. Each log k has :math:`n_k` rounds of its own
policy :math:`\pi_k`. Three ways to use them all (Agarwal, Basu, Schnabel and Joachims 2017, "Effective Evaluation using
Logged Bandit Feedback from Multiple Loggers"):

- *naive*: each round is weighted by its own logger, :math:`\pi / \pi_k`; one log unlike the policy spoils the rest;
- *balanced*: by the mixture, :math:`\pi / \sum_k (n_k / n)\, \pi_k`, as if one policy had written them all; an action
  rare in one log is weighed by how common it is in the others;
- *weighted*: each log's own estimate, averaged by the inverse of its estimated variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.ope.propensities import (
    ESTIMATED,
    all_probabilities,
    estimated_probabilities,
    logged_propensities,
)
from causalrec_lab.policy import BanditLog, Policy

__all__ = ["COMBINATIONS", "Rounds", "pooled", "read_rounds"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
COMBINATIONS = ("balanced", "weighted", "naive")
Logging = Policy | npt.NDArray[Any]


@dataclass(frozen=True)
class Rounds:
    """What an estimator reads.

    Parameters
    ----------
    log
        All rounds, log after log.
    target
        (n, actions) probabilities of the policy to be valued.
    propensity
        (n,) chance of the logged action, None where only the direct method is asked for.
    logging
        (n, actions) probabilities of the logging policy (of the mixture, for several), or None.
    strata
        (n,) which log each round is from; None for a single one.
    words
        What must be said of the propensities.
    """

    log: BanditLog
    target: npt.NDArray[Any]
    propensity: Floats | None
    logging: npt.NDArray[Any] | None = None
    strata: Integers | None = None
    words: tuple[str, ...] = ()

    @cached_property
    def weights(self) -> Floats | None:
        """(n,) ratio of the two policies' chances of the logged action."""
        if self.propensity is None:
            return None
        return np.asarray(self.target[np.arange(len(self.log)), self.log.action] / self.propensity, dtype=np.float64)

    def of(self, stratum: int) -> Rounds:
        """The rounds of one log alone."""
        assert self.strata is not None
        rows = np.flatnonzero(self.strata == stratum)
        propensity = None if self.propensity is None else self.propensity[rows]
        logging = None if self.logging is None else self.logging[rows]
        return Rounds(self.log.take(rows), self.target[rows], propensity, logging)


def pooled(logs: Sequence[BanditLog]) -> tuple[BanditLog, Integers]:
    """All rounds as one log, and which log each is from; propensities stay those of each round's own logger.

    Raises
    ------
    ValueError
        If there is no log, they differ in their actions or in the kind of their contexts, or one has fewer than 2
        rounds.
    """
    if not logs:
        raise ValueError("no logs to evaluate on; give at least one BanditLog")
    if len(counts := {log.n_actions for log in logs}) > 1:
        raise ValueError(f"the logs have {sorted(counts)} actions; give all the same list of actions")
    if (short := min(map(len, logs))) < 2:
        raise ValueError(f"a log has {short} rounds; each needs at least 2")
    if len({isinstance(log.contexts, pd.DataFrame) for log in logs}) > 1:
        raise ValueError("some logs have contexts in a DataFrame, some in an array; give all the same")
    framed = isinstance(logs[0].contexts, pd.DataFrame)
    if len(shapes := dict.fromkeys(_columns(log.contexts) for log in logs)) > 1:
        raise ValueError(f"the logs have contexts with different columns: {', '.join(map(str, shapes))}; give the same")
    contexts = [log.contexts for log in logs]
    whole = BanditLog(
        pd.concat(contexts, ignore_index=True) if framed else np.concatenate(contexts),  # type: ignore[arg-type]
        np.concatenate([log.action for log in logs]),
        np.concatenate([log.reward for log in logs]),
        _joined([log.propensity for log in logs]),
        logs[0].n_actions,
    )
    return whole, np.repeat(np.arange(len(logs)), [len(log) for log in logs])


def read_rounds(
    log: BanditLog | Sequence[BanditLog],
    policy: Policy | npt.NDArray[Any],
    *,
    propensity: str | npt.NDArray[Any] | None,
    logging: Logging | Sequence[Logging] | None,
    combine: str,
    needed: bool,
) -> Rounds:
    """Put together log, policy and propensities; see `evaluate` for the arguments.

    Raises
    ------
    ValueError
        If something is missing or of another shape.
    """
    several = not isinstance(log, BanditLog)
    if several and not (isinstance(log, Sequence) and all(isinstance(one, BanditLog) for one in log)):
        raise ValueError(f"log= is a BanditLog or a list of them, not {type(log).__name__}; see BanditLog")
    whole, strata = (log, None) if isinstance(log, BanditLog) else pooled(log)
    if len(whole) < 2:
        raise ValueError(f"the log has {len(whole)} rounds; an interval needs at least 2")
    if combine not in COMBINATIONS:
        raise ValueError(f"combine={combine!r}; known are {', '.join(map(repr, COMBINATIONS))}")
    target = all_probabilities(policy, whole.contexts, whole.n_actions)
    if isinstance(propensity, str):
        return _estimated(whole, target, strata, propensity, combine)
    unknown = whole.propensity is None or (several and combine == "balanced")
    if not needed and propensity is None and logging is None and unknown:
        return Rounds(whole, target, None, None, strata)
    if not several or strata is None:
        if isinstance(logging, Sequence):
            raise ValueError(f"logging= holds {len(logging)} policies for a single log; give one, or a list of logs")
        table = None if logging is None else all_probabilities(logging, whole.contexts, whole.n_actions)
        found, words = logged_propensities(whole, propensity, table)
        return Rounds(whole, target, found, table, None, words)
    return _of_several(whole, target, strata, propensity, logging, combine)


def _of_several(
    whole: BanditLog,
    target: npt.NDArray[Any],
    strata: Integers,
    propensity: npt.NDArray[Any] | None,
    logging: Any,
    combine: str,
) -> Rounds:
    loggers = int(strata.max()) + 1
    table = None
    if logging is not None:
        if not isinstance(logging, Sequence) or len(logging) != loggers:
            raise ValueError(f"logging= must hold the policy of each of the {loggers} logs, in their order")
        tables = [all_probabilities(one, whole.contexts, whole.n_actions) for one in logging]
        if combine == "balanced":
            table = np.tensordot(np.bincount(strata) / len(strata), np.stack(tables), axes=1)
        else:
            table = np.stack(tables)[strata, np.arange(len(strata))]
    if combine == "balanced":
        if propensity is None and table is None:
            raise ValueError(
                "combine='balanced' weighs by the mixture of all loggers, so it needs each one's chance of every "
                "logged action: pass logging=[policy, ...], propensity= (n,) of the mixture, propensity='estimate', "
                "or combine='weighted', which needs only each log's own propensities"
            )
        whole = BanditLog(whole.contexts, whole.action, whole.reward, None, whole.n_actions)
    found, words = logged_propensities(whole, propensity, table)
    return Rounds(whole, target, found, table, strata, words)


def _estimated(
    whole: BanditLog,
    target: npt.NDArray[Any],
    strata: Integers | None,
    word: str,
    combine: str,
) -> Rounds:
    """Fitted to all rounds, a regression gives the mixture; fitted log by log, each logger."""
    if word != "estimate":
        raise ValueError(f"propensity={word!r}; the only word known is 'estimate', else give an (n,) array")
    if strata is None or combine == "balanced":
        table = estimated_probabilities(whole)
    else:
        table = np.empty((len(whole), whole.n_actions))
        for k in range(int(strata.max()) + 1):
            table[strata == k] = estimated_probabilities(whole.take(strata == k))
    return Rounds(whole, target, table[np.arange(len(whole)), whole.action], table, strata, (ESTIMATED,))


def _columns(contexts: npt.NDArray[Any] | pd.DataFrame) -> tuple[Any, ...] | int:
    """What contexts are made of: sorted names, or how many."""
    if isinstance(contexts, pd.DataFrame):
        return tuple(sorted(contexts.columns, key=str))
    return int(np.prod(contexts.shape[1:]))


def _joined(columns: Sequence[Floats | None]) -> Floats | None:
    known = [column for column in columns if column is not None]
    return np.concatenate(known) if len(known) == len(columns) else None
