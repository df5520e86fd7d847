"""Open Bandit Pipeline's `bandit_feedback` dictionary in and out, without depending on that package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.policy import BanditLog

__all__ = ["from_obp", "to_obp"]

_NEEDED = ("n_actions", "context", "action", "reward")


def from_obp(feedback: Mapping[str, Any]) -> BanditLog:
    """Read obp's dictionary (Saito, Aihara, Matsutani and Narita 2021).

    Parameters
    ----------
    feedback
        Keys n_actions, context (n, d), action, reward, and, where known, pscore and position.

    Raises
    ------
    ValueError
        If a needed key is missing, or the log breaks the contract of `BanditLog`.
    """
    if missing := [key for key in _NEEDED if key not in feedback]:
        raise ValueError(f"from_obp: the dictionary lacks {missing}; it has {sorted(feedback)}")
    return BanditLog(
        contexts=feedback["context"],
        action=feedback["action"],
        reward=feedback["reward"],
        propensity=feedback.get("pscore"),
        n_actions=int(feedback["n_actions"]),
        position=feedback.get("position"),
    )


def to_obp(log: BanditLog) -> dict[str, Any]:
    """Write obp's dictionary: contexts as a numeric array, actions one-hot, position 0 where none was logged.

    Raises
    ------
    ValueError
        If contexts are a DataFrame with columns that are not numbers (obp takes numbers only).
    """
    contexts = log.contexts
    if isinstance(contexts, pd.DataFrame):
        if words := [str(c) for c in contexts.columns if not pd.api.types.is_numeric_dtype(contexts[c])]:
            raise ValueError(f"to_obp: context columns {words} are not numbers; encode or drop them first")
        contexts = contexts.to_numpy(dtype=np.float64)
    return {
        "n_rounds": len(log),
        "n_actions": log.n_actions,
        "context": contexts,
        "action_context": np.eye(log.n_actions),
        "action": log.action,
        "position": np.zeros(len(log), dtype=np.int64) if log.position is None else log.position,
        "reward": log.reward,
        "pscore": log.propensity,
    }
