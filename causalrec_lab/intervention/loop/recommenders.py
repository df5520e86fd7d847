r"""What the loop retrains: anything with `fit(log) -> Policy`; a reward model, and a Transformer behind an adapter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.policies import SoftmaxPolicy
from causalrec_lab.policy import BanditLog, Policy

__all__ = ["LoopRecommender", "RewardModelRecommender", "RewardPolicy", "SequenceRecommender"]

Floats = npt.NDArray[np.float64]


@runtime_checkable
class LoopRecommender(Protocol):
    """Trains a policy on a log: the same log and seed give the same policy, which is how a killed loop gets it back."""

    def fit(self, log: BanditLog, *, seed: int = 0, start: Policy | None = None) -> Policy:
        """Train a policy.

        Parameters
        ----------
        log
            Rounds; contexts carry user_id and day, the day of each round.
        seed
            Of whatever is random in training.
        start
            The policy that runs, where the log is what came after a change; it may be built on, or left alone.
        """


@dataclass(frozen=True, eq=False)
class RewardPolicy:
    r"""Softmax of predicted rewards, :math:`\hat q = \sum_k \hat q_k`, one term a model.

    Parameters
    ----------
    models
        A reward model, and models of what the ones before got wrong since.
    temperature
        In the unit of the reward.
    """

    models: tuple[Any, ...]
    temperature: float

    def predict(self, contexts: pd.DataFrame) -> Floats:
        """(n, actions) predicted rewards."""
        plain = contexts.drop(columns="day", errors="ignore")
        return np.asarray(sum(np.asarray(model.predict(plain)) for model in self.models))

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(n, actions) softmax."""
        return SoftmaxPolicy(self.predict, self.temperature).probabilities(contexts)


@dataclass(frozen=True)
class RewardModelRecommender:
    r"""A ridge model of the reward of every action (`ope.RewardModel`), shown by softmax.

    After a change there are few rounds of the new world and many of the old one. With `start` the model of what the
    running policy's predictions get wrong since, :math:`r - \hat q_{old}(x, a)`, is added to them; it is shrunk to 0.

    Parameters
    ----------
    temperature
        Of the softmax, in the unit of the reward; small is greedy.

    Raises
    ------
    ValueError
        If the temperature is not positive.
    """

    temperature: float = 0.02

    def __post_init__(self) -> None:
        """Refuse a temperature that orders nothing."""
        if not self.temperature > 0:
            raise ValueError(f"RewardModelRecommender(temperature={self.temperature}): give a positive one")

    def fit(self, log: BanditLog, *, seed: int = 0, start: Policy | None = None) -> RewardPolicy:
        """Fit on a log; see `LoopRecommender.fit`. The day is no feature: it would be extrapolated."""
        from causalrec_lab.intervention.ope import RewardModel

        assert isinstance(log.contexts, pd.DataFrame)  # the platform's contexts are a table
        contexts = log.contexts.drop(columns="day", errors="ignore")
        log = replace(log, contexts=contexts)
        if not isinstance(start, RewardPolicy):
            return RewardPolicy((RewardModel.fit(log, seed),), self.temperature)
        predicted = start.predict(contexts)[np.arange(len(log)), log.action]
        wrong = replace(log, reward=log.reward - predicted)
        return RewardPolicy((*start.models, RewardModel.fit(wrong, seed)), self.temperature)


@dataclass(frozen=True)
class SequenceRecommender:
    """The Transformer recommender in the loop: it reads, of every user, the sequence of items that earned something.

    Rounds in which nothing was earned are no events of its sequence, so what it knows of an item it knows from those
    who were shown it: it is the recommender of `loop.feedback`, and needs exploration.

    Parameters
    ----------
    options
        Fields of `RecommenderConfig`: dim, blocks, epochs, ...
    temperature
        Of the softmax over its scores (logits of the next item).
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 1.0

    def fit(self, log: BanditLog, *, seed: int = 0, start: Policy | None = None) -> Policy:  # noqa: ARG002
        """Fit on the rounds that earned something; users without one are read as newcomers."""
        from causalrec_lab.recommender import RecommenderConfig, RecommenderPolicy, TransformerRecommender

        table = _as_events(log)
        items = pd.DataFrame({"item_id": np.arange(log.n_actions)})
        model = TransformerRecommender(RecommenderConfig(**{"seed": seed, **self.options}))
        model.fit(table, callbacks=(), items=items)
        return RecommenderPolicy(model, self.temperature)


def _as_events(log: BanditLog) -> pd.DataFrame:
    """Rounds that earned something, as a table of events in the order of the log."""
    contexts = log.contexts
    if not isinstance(contexts, pd.DataFrame) or "user_id" not in contexts:
        raise ValueError("a sequence recommender needs to know the user: contexts with a column user_id")
    earned = np.flatnonzero(log.reward > 0)
    if not len(earned):
        raise ValueError("no round of the log earned anything; a sequence recommender has nothing to read")
    moment = pd.Timestamp("2025-01-01") + pd.to_timedelta(earned, unit="s")
    users = contexts["user_id"].to_numpy()[earned]
    return pd.DataFrame({"user_id": users, "item_id": log.action[earned], "timestamp": moment})
