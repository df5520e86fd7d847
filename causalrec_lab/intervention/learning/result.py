"""What learning a policy gives: `LearnedPolicy`, with the value that flatters it and the one that does not."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate, Truth
from causalrec_lab.intervention import ope
from causalrec_lab.intervention.learning.few_rewards import (
    FEWEST,
    effective_rewards,
    likelihood_ends,
    reach,
    reward_range,
)
from causalrec_lab.intervention.learning.scores import ActionScores, action_scores, mean_estimate
from causalrec_lab.intervention.ope.reward_model import RewardModel
from causalrec_lab.policy import BanditLog, Policy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LearnedPolicy", "learned"]

_OPTIMISTIC = "warning: valued on the rounds it was learned from, which flatters it; read `held_out`"
_SHORT, _WOULD = "the interval is too short", "a normal interval would be too short"
_THIN = 0.01  # share of probability on actions never logged from which it is said


@dataclass(frozen=True, eq=False)
class LearnedPolicy:
    """A policy with its value.

    Parameters
    ----------
    policy
        Keeps the `Policy` protocol; so does this.
    training_value
        Doubly robust value on the rounds it was learned from: optimistic.
    held_out
        Doubly robust value on rounds it did not see; by empirical likelihood (`few_rewards`) where fewer than 15
        rounds' worth of rewards, or of rounds, carry it.
    gain
        The same less the held-out rounds' own rewards: what it earns more than the policy that wrote the log. Its notes
        repeat the warnings of `held_out`.
    support
        Share of its probability on actions the log took.
    features
        What it reads.
    diagnostics
        Of the training: steps, objective, …
    notes
        Warnings and remarks.
    """

    policy: Policy
    training_value: Estimate
    held_out: Estimate
    gain: Estimate
    support: float
    features: tuple[str, ...]
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def optimism(self) -> float:
        """Training value less held-out value."""
        return self.training_value.value - self.held_out.value

    def probabilities(self, contexts: Any) -> npt.NDArray[np.float64]:
        """(n, actions) probabilities of the policy."""
        return self.policy.probabilities(contexts)

    def save(self, folder: str | Path) -> Path:
        """Write the policy into a folder, without its values; `learning.load` reads it back.

        Raises
        ------
        ValueError
            If it is of a kind that cannot be saved.
        """
        from causalrec_lab.intervention.learning.saving import save

        return save(self, folder)

    def summary(self) -> pd.DataFrame:
        """Three rows: training value (optimistic), held-out value, gain over the log."""
        rows = {
            "training value (optimistic)": self.training_value, "held-out value": self.held_out,
            "gain over the log, held out": self.gain,
        }  # fmt: skip
        columns = ("value", "std_error", "low", "high", "n")
        return pd.DataFrame({name: {c: getattr(e, c) for c in columns} for name, e in rows.items()}).T.astype(
            {"n": int}
        )

    def plot(self, ax: Axes | None = None, *, truth: Truth | float | None = None) -> Axes:
        """Training and held-out value with intervals, and the truth dashed where given."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5.4, 1.8))
        for k, (name, e) in enumerate({"training": self.training_value, "held out": self.held_out}.items()):
            ax.errorbar(
                [e.value], [name], xerr=[[e.value - e.low], [e.high - e.value]], fmt="o", capsize=4, color=f"C{k}"
            )
        if truth is not None:
            ax.axvline(float(truth), linestyle="--", color="0.35", label="truth")
            ax.legend(loc="best")
        ax.set(xlabel="policy value", ylim=(-0.6, 1.6))
        return ax

    def _repr_html_(self) -> str:
        """The three values, then what to know."""
        said = [
            f"support: {self.support:.1%} of its choices are actions the log took",
            *self.notes,
            *_warnings(self.held_out),
        ]
        words = "".join(f"<li>{html.escape(text)}</li>" for text in said)
        return f"{self.summary().round(4).to_html()}<ul>{words}</ul>"


def _of_few(
    value: Estimate,
    gain: Estimate,
    trained: BanditLog,
    scores: ActionScores,
    model: npt.NDArray[np.float64],
    chances: npt.NDArray[np.float64],
) -> tuple[Estimate, Estimate]:
    """Value and gain with intervals by likelihood, where they rest on too few rewards for normal ones."""
    held = scores.log
    if (count := effective_rewards(held, chances)) >= FEWEST:
        return value, gain
    low, high = ends = reward_range(trained.reward, held.reward)
    why = f"warning: it rests on {count:.0f} rounds' worth of rewards other than the usual one"
    if low == high:
        told = f"{why}, and no reward of the log differs from {low:.4g}: nothing tells how the value varies"
        return tuple(  # type: ignore[return-value]
            replace(e, std_error=math.nan, interval=(math.nan, math.nan), notes=(*e.notes, told)) for e in (value, gain)
        )
    rarest, own = np.full(held.n_actions, np.inf), scores.rounds(chances)
    for log in (trained, held):
        np.minimum.at(rarest, log.action, np.asarray(log.propensity))
    told = (
        f"{why}: the interval is by empirical likelihood, for rewards from {low:.4g} to {high:.4g}, and far from "
        "symmetric; the standard error says less than it. Take a longer log"
    )
    found = []
    for paired, estimate, each in ((False, value, own), (True, gain, own - held.reward)):
        ground, roof = (low - high, high - low) if paired else ends
        least, most = reach(chances, model, rarest, ends, paired=paired)
        bottom, top = likelihood_ends(each, least, most, estimate.level, scores.cluster)
        inside = min(max(bottom, ground), estimate.value), max(min(top, roof), estimate.value)
        notes = (*(note.replace(_SHORT, _WOULD) for note in estimate.notes), told)
        found.append(replace(estimate, interval=inside, notes=notes))
    return found[0], found[1]


def _warnings(value: Estimate) -> tuple[str, ...]:
    return tuple(note for note in value.notes if note.startswith("warning:"))


def learned(
    policy: Policy,
    trained: ActionScores,
    held: BanditLog,
    cluster: npt.NDArray[Any] | None,
    *,
    features: tuple[str, ...],
    level: float,
    seed: int,
    diagnostics: Mapping[str, float],
    notes: tuple[str, ...] = (),
    costs: npt.ArrayLike = 0.0,
) -> LearnedPolicy:
    """Value a policy on its training rounds, and on those held out by the training rounds' reward model."""
    model = RewardModel.fit(trained.log, seed)
    scores = action_scores(held, model, cluster=cluster)
    chances = policy.probabilities(held.contexts)
    value = ope.evaluate(held, chances, "dr", model, cluster=cluster, level=level)
    gain = scores.gain(chances, level=level)
    gain = replace(gain, notes=(*gain.notes, *_warnings(value)))  # the same weights bear both
    value, gain = _of_few(value, gain, trained.log, scores, np.asarray(model.predict(held.contexts)), chances)
    seen = np.bincount(trained.log.action, minlength=trained.log.n_actions) > 0
    support = float(chances[:, seen].sum(axis=1).mean())
    if support < 1 - _THIN:
        notes = (*notes, f"warning: {1 - support:.1%} of its choices are actions the training rounds never took")
    own = trained.rounds(policy)
    training = mean_estimate(
        own, trained.cluster, level, "policy value", "dr, on its training rounds", notes=(_OPTIMISTIC,)
    )
    if np.any(paid := np.asarray(costs, dtype=np.float64)):
        spent = float((chances * paid).sum(axis=1).mean())
        diagnostics = {**diagnostics, "cost_per_round": spent}
        notes = (*notes, f"values are before costs: it spends {spent:.4g} a round")
    return LearnedPolicy(policy, training, value, gain, support, features, dict(diagnostics), notes)
