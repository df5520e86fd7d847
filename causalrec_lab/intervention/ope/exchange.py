"""Open Bandit Pipeline's `bandit_feedback` dictionaries in and out, without depending on that package.

Saito, Aihara, Matsutani and Narita (2021, NeurIPS Datasets and Benchmarks) describe the dictionary of single actions
(n_rounds, n_actions, context, action, position, reward, pscore, action_context, expected_reward, pi_b); a dictionary
with `slate_id` is of lists (n_rounds, n_unique_action, slate_id, context, action, position, reward, pscore,
pscore_cascade, pscore_item_position, action_context, expected_reward_factual), one entry a slot.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.ope.slates.log import SlateLog
from causalrec_lab.policy import BanditLog

__all__ = ["ObpLog", "ObpSlateLog", "from_obp", "to_obp"]

_NEEDED = ("n_actions", "context", "action", "reward")
_EXTRA = ("action_context", "expected_reward", "pi_b")
_KNOWN = ("n_rounds", *_NEEDED, "position", "pscore", *_EXTRA)
_SLATE_NEEDED = ("slate_id", "n_unique_action", "context", "action", "position", "reward")
_SLATE_SCORES = ("pscore", "pscore_cascade", "pscore_item_position")
_SLATE_EXTRA = ("action_context", "expected_reward_factual")
_SLATE_KNOWN = ("n_rounds", *_SLATE_NEEDED, *_SLATE_SCORES, *_SLATE_EXTRA)


@dataclass(frozen=True)
class ObpLog(BanditLog):
    """A `BanditLog` that keeps what else obp's dictionary held.

    Parameters
    ----------
    extra
        action_context (n_actions, d), expected_reward (n, n_actions), pi_b (n, n_actions, positions), where they were
        given: what a simulation knows and a log does not.
    """

    extra: Mapping[str, Any] = field(default_factory=dict)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> ObpLog:
        """The rounds at `rows` (positions or a mask), in that order."""
        kept = {k: v if k == "action_context" else np.asarray(v)[rows] for k, v in self.extra.items()}
        return ObpLog(**super().take(rows).__dict__, extra=kept)


@dataclass(frozen=True, eq=False)
class ObpSlateLog(SlateLog):
    """A `SlateLog` that keeps what else obp's dictionary held: action_context, expected_reward_factual (n, length)."""

    extra: Mapping[str, Any] = field(default_factory=dict)


def from_obp(feedback: Mapping[str, Any], *, ignore: Iterable[str] = ()) -> BanditLog | SlateLog:
    """Read obp's dictionary: of single actions as a `BanditLog`, one with `slate_id` as a `SlateLog`.

    Parameters
    ----------
    feedback
        Single actions need n_actions, context (n, d), action, reward; lists need slate_id, n_unique_action, context
        (one row a list), action, position (0 first), reward.
    ignore
        Keys to leave out; what a newer version of the package adds goes here.

    Returns
    -------
    `ObpLog` or `ObpSlateLog`; what a log has no place for stands in its `.extra`, and `to_obp` writes it again.

    Raises
    ------
    ValueError
        If a needed key is missing or an unknown one is there, n_rounds or an array's shape does not fit the others, or
        the log breaks its contract.
    """
    held = {key: value for key, value in feedback.items() if key not in set(ignore)}
    if "slate_id" in held:
        return _slates_from(held)
    _check_keys(held, _NEEDED, _KNOWN)
    n, n_actions = len(held["action"]), int(held["n_actions"])
    _check_rounds(held, n)
    shapes = {"expected_reward": (n, n_actions), "pi_b": (n, n_actions), "action_context": (n_actions,)}
    extra = {key: _fitting(key, held[key], shapes[key]) for key in _EXTRA if held.get(key) is not None}
    return ObpLog(
        contexts=held["context"],
        action=held["action"],
        reward=held["reward"],
        propensity=held.get("pscore"),
        n_actions=n_actions,
        position=held.get("position"),
        extra=extra,
    )


def to_obp(log: BanditLog | SlateLog, **extra: npt.ArrayLike) -> dict[str, Any]:
    """Write obp's dictionary: contexts as a numeric array, actions one-hot where no action_context is known.

    Parameters
    ----------
    log
        Rounds, or lists.
    **extra
        action_context, and of rounds expected_reward, pi_b, of lists expected_reward_factual (n, length): what a
        simulation knows, in place of what the log kept.

    Raises
    ------
    ValueError
        If contexts are a DataFrame with columns that are not numbers (obp takes numbers only), an extra key is unknown
        or does not fit, or lists differ in length (obp's do not).
    """
    known = _SLATE_EXTRA if isinstance(log, SlateLog) else _EXTRA
    if unknown := [key for key in extra if key not in known]:
        raise ValueError(f"to_obp: unknown keys {unknown}; known are {', '.join(known)}")
    kept = {**getattr(log, "extra", {}), **extra}
    kept.setdefault("action_context", np.eye(log.n_actions))
    shared = {"n_rounds": len(log), "context": _numbers(log.contexts)}
    if isinstance(log, SlateLog):
        return shared | _slate_keys(log, kept)
    n = len(log)
    shapes = {"expected_reward": (n, log.n_actions), "pi_b": (n, log.n_actions), "action_context": (log.n_actions,)}
    return {
        **shared,
        "n_actions": log.n_actions,
        "action": log.action,
        "position": log.position,
        "reward": log.reward,
        "pscore": log.propensity,
        **{key: _fitting(key, value, shapes[key]) for key, value in kept.items()},
    }


def _slates_from(held: dict[str, Any]) -> SlateLog:
    _check_keys(held, _SLATE_NEEDED, _SLATE_KNOWN)
    slots = pd.DataFrame({key: np.asarray(held[key]) for key in ("slate_id", "action", "position", "reward")})
    slots = slots.rename(columns={"action": "item_id"})
    names = {"pscore": "slate_propensity", "pscore_item_position": "marginal_propensity"}
    for key, name in names.items():
        if held.get(key) is not None:
            slots[name] = _fitting(key, held[key], (len(slots),))
    if held.get("pscore_cascade") is not None:
        slots["cascade"] = _fitting("pscore_cascade", held["pscore_cascade"], (len(slots),))
        slots = slots.sort_values(["slate_id", "position"], kind="stable")
        above = slots.groupby("slate_id", sort=False)["cascade"].shift(fill_value=1.0)
        slots["propensity"] = slots["cascade"] / above
    n_items = int(held["n_unique_action"])
    log = SlateLog.from_frame(slots, n_items, np.asarray(held["context"]))
    _check_rounds(held, len(log))
    extra: dict[str, Any] = {}
    if held.get("action_context") is not None:
        extra["action_context"] = _fitting("action_context", held["action_context"], (n_items,))
    if held.get("expected_reward_factual") is not None:
        known = pd.DataFrame({"slate_id": held["slate_id"], "position": held["position"], "item_id": held["action"]})
        known["reward"] = _fitting("expected_reward_factual", held["expected_reward_factual"], (len(known),))
        extra["expected_reward_factual"] = SlateLog.from_frame(known, n_items, log.contexts).reward
    return ObpSlateLog(**log.__dict__, extra=extra)


def _slate_keys(log: SlateLog, kept: Mapping[str, Any]) -> dict[str, Any]:
    if not log.shown.all():
        raise ValueError("to_obp: lists differ in length, and obp's have one; take those of one length")
    length, n = log.length, len(log)
    found: dict[str, Any] = {"n_unique_action": log.n_actions, "slate_id": np.repeat(np.arange(n), length)}
    found |= {"action": log.action.ravel(), "position": np.tile(np.arange(length), n), "reward": log.reward.ravel()}
    cascade = None if log.propensity is None else np.cumprod(log.propensity, axis=1).ravel()
    whole = None if log.slate_propensity is None else np.repeat(log.slate_propensity, length)
    marginal = None if log.marginal_propensity is None else log.marginal_propensity.ravel()
    found |= {"pscore_cascade": cascade, "pscore": whole, "pscore_item_position": marginal}
    found["action_context"] = _fitting("action_context", kept["action_context"], (log.n_actions,))
    if "expected_reward_factual" in kept:
        factual = _fitting("expected_reward_factual", kept["expected_reward_factual"], log.action.shape)
        found["expected_reward_factual"] = factual.ravel()
    return found


def _check_keys(held: Mapping[str, Any], needed: tuple[str, ...], known: tuple[str, ...]) -> None:
    missing, unknown = [key for key in needed if key not in held], [str(key) for key in held if key not in known]
    near = {key: difflib.get_close_matches(key, [k for k in known if k not in held], n=1) for key in unknown}
    said = ", ".join(f"{key!r} (did you mean {found[0]!r}?)" if found else repr(key) for key, found in near.items())
    if missing:
        also = f"; unknown are {said}" if said else ""
        raise ValueError(f"from_obp: the dictionary lacks {missing}; it has {sorted(map(str, held))}{also}")
    if unknown:
        raise ValueError(f"from_obp: unknown keys {said}; leave them out with ignore={unknown}")


def _check_rounds(held: Mapping[str, Any], n: int) -> None:
    if "n_rounds" in held and int(held["n_rounds"]) != n:
        raise ValueError(f"from_obp: n_rounds={held['n_rounds']} beside {n} logged ones")


def _fitting(key: str, values: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.shape[: len(shape)] != shape:
        raise ValueError(f"{key} has shape {array.shape}; it starts with {shape}")
    return array


def _numbers(contexts: npt.NDArray[Any] | pd.DataFrame) -> npt.NDArray[Any]:
    if not isinstance(contexts, pd.DataFrame):
        return contexts
    if words := [str(c) for c in contexts.columns if not pd.api.types.is_numeric_dtype(contexts[c])]:
        raise ValueError(f"to_obp: context columns {words} are not numbers; encode or drop them first")
    return contexts.to_numpy(dtype=np.float64)
