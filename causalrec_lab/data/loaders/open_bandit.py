"""Open Bandit: rounds logged by a uniform-random and a Bernoulli-TS policy, with true propensities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import About, Dataset
from causalrec_lab.data.registry import nearest
from causalrec_lab.policy import BanditLog

__all__ = ["open_bandit"]

_CAMPAIGNS = ("men", "women")
_POLICIES = ("random", "bts")
_FEATURES = [f"user_feature_{k}" for k in range(4)]


def open_bandit(about: About, file: Callable[[str], Path], campaign: str = "men", policy: str = "random") -> Dataset:
    """One campaign under one logging policy (10,000 rounds).

    Parameters
    ----------
    about, file
        Given by `load`.
    campaign
        "men" (34 items) or "women" (46 items).
    policy
        "random" (uniform) or "bts" (Bernoulli Thompson sampling).

    Returns
    -------
    `Dataset` whose `slates` has timestamp, item_id, position (1 to 3), reward (click), propensity and the contexts
    u_0 … u_3 (hashed categories); ``extra["bandit"]`` is the same as a `BanditLog` whose contexts are the 0/1 columns
    of those categories, the same columns for both policies of a campaign; `items` has the item features.

    Notes
    -----
    Saito, Aihara, Matsutani and Narita (2021), Open Bandit Dataset and Pipeline, NeurIPS Datasets and Benchmarks.
    """
    _one_of("campaign", campaign, _CAMPAIGNS)
    _one_of("policy", policy, _POLICIES)
    raw = pd.read_csv(file(f"open_bandit/{policy}/{campaign}/{campaign}.csv"), index_col=0)
    items = pd.read_csv(file(f"open_bandit/{policy}/{campaign}/item_context.csv"), index_col=0)
    levels = _levels([file(f"open_bandit/{one}/{campaign}/{campaign}.csv") for one in _POLICIES])
    slates = _slates(raw)
    bandit = BanditLog(
        contexts=_indicators(raw, levels),
        action=raw["item_id"].to_numpy(np.int64),
        reward=raw["click"].to_numpy(np.float64),
        propensity=raw["propensity_score"].to_numpy(np.float64),
        n_actions=len(items),
        position=raw["position"].to_numpy(np.int64),
    )
    return Dataset(
        f"open_bandit/{campaign}/{policy}", slates=slates, items=items, extra={"bandit": bandit}, about=about
    )


def _slates(raw: pd.DataFrame) -> pd.DataFrame:
    contexts = {feature: f"u_{k}" for k, feature in enumerate(_FEATURES)}
    names = {"click": "reward", "propensity_score": "propensity"} | contexts
    slates = raw.rename(columns=names).rename(columns=lambda column: column.replace("user-item_", "u_"))
    slates["timestamp"] = pd.to_datetime(slates["timestamp"], format="ISO8601", utc=True).dt.tz_localize(None)
    return slates.reset_index(drop=True).astype(dict.fromkeys(contexts.values(), "category"))


def _levels(paths: list[Path]) -> dict[str, list[str]]:
    """Categories met under either policy, so that their contexts have the same columns."""
    both = pd.concat([pd.read_csv(path, usecols=_FEATURES) for path in paths])
    return {feature: sorted(both[feature].unique()) for feature in _FEATURES}


def _indicators(raw: pd.DataFrame, levels: dict[str, list[str]]) -> pd.DataFrame:
    columns = {
        f"u_{k}={level[:6]}": (raw[feature] == level).to_numpy(np.float64)
        for k, feature in enumerate(_FEATURES)
        for level in levels[feature]
    }
    return pd.DataFrame(columns)


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"load('open_bandit', {option}={value!r}): {nearest(value, known)}")
