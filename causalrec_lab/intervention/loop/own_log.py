r"""A recommender that trains on what it showed: how it narrows, and what cures it.

Implicit feedback knows what was clicked, not what would have been. Who reads "not shown" as "not wanted" learns

.. math:: E[1\{A = a\} r | x] = \pi(a | x) \, q(x, a)

instead of q: what was shown often looks good, is shown more often, and looks better still (Chaney, Stewart and
Engelhardt 2018, RecSys, "How algorithmic confounding in recommendation systems increases homogeneity and decreases
utility"). Divided by the logged propensity the same regression learns q (Saito et al. 2020, WSDM, "Unbiased recommender
learning from missing-not-at-random implicit feedback"); so does the unweighted one on rounds shown at random. Both take
the mean reward away first: it shifts every score alike, and takes variance with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.policies import EpsilonPolicy, SoftmaxPolicy
from causalrec_lab.policy import BanditLog, Policy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ARMS", "FeedbackResult", "ImplicitModel", "feedback"]

Floats = npt.NDArray[np.float64]
ARMS = ("naive", "explored", "propensities", "unexplored")


@dataclass(frozen=True, eq=False)
class ImplicitModel:
    r"""Ridge regression of every action's weighted click on the context, one solve for all actions.

    .. math:: \hat B = (Z'Z + \lambda I)^{-1} Z'Y, \quad Y_{ia} = 1\{a_i = a\} \, r_i w_i

    Parameters
    ----------
    centre, scale
        (d,) standardisation of the context.
    coefficients
        (d + 1, actions).
    """

    centre: Floats
    scale: Floats
    coefficients: Floats

    @classmethod
    def fit(cls, X: Floats, action: npt.NDArray[np.int64], value: Floats, n_actions: int) -> ImplicitModel:
        """Fit on rounds: contexts (n, d), shown actions (n,), weighted clicks (n,)."""
        centre, scale = X.mean(axis=0), X.std(axis=0)
        scale = np.where(scale > 1e-12, scale, np.inf)
        Z = np.column_stack([np.ones(len(X)), (X - centre) / scale])
        moments = np.zeros((n_actions, Z.shape[1]))
        for column in range(Z.shape[1]):
            moments[:, column] = np.bincount(action, weights=value * Z[:, column], minlength=n_actions)
        penalty = np.eye(Z.shape[1])
        penalty[0, 0] = 0.0
        return cls(centre, scale, np.linalg.solve(Z.T @ Z + 10.0 * penalty, moments.T))

    def predict(self, contexts: pd.DataFrame) -> Floats:
        """(n, actions) scores."""
        X = _numbers(contexts)
        return np.asarray(np.column_stack([np.ones(len(X)), (X - self.centre) / self.scale]) @ self.coefficients)


@dataclass(frozen=True, eq=False)
class FeedbackResult:
    """The feedback loop over rounds of training, by what the recommender learns from.

    Parameters
    ----------
    table
        One row an arm, seed and generation: value and best (truth), gini and catalogue of what is shown.
    """

    table: pd.DataFrame

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """The last generation of each arm: mean over seeds and half-length of its interval, for each measure."""
        from scipy.stats import t

        last = self.table[self.table["generation"] == self.table["generation"].max()]
        grouped = last.groupby("arm", sort=False)[["value", "gini", "catalogue"]]
        mean, count = grouped.mean(), grouped.size().iloc[0]
        half = grouped.std(ddof=1) / np.sqrt(count) * t.ppf((1 + level) / 2, max(count - 1, 1))
        return pd.DataFrame(mean.join(half.add_suffix("_half")))

    def difference(self, arm: str, other: str = "naive") -> Estimate:
        """True value of an arm's last policy less that of another, paired by seed."""
        last = self.table[self.table["generation"] == self.table["generation"].max()]
        wide = last.pivot_table(index="seed", columns="arm", values="value")
        if unknown := [name for name in (arm, other) if name not in wide]:
            raise ValueError(f"unknown arms {unknown}; there are {list(wide)}")
        gap = (wide[arm] - wide[other]).to_numpy()
        if len(gap) < 2:
            raise ValueError("one seed tells nothing of how much seeds differ; run feedback with two or more")
        from scipy.stats import t

        error = float(gap.std(ddof=1) / np.sqrt(len(gap)))
        half = float(t.ppf(0.975, len(gap) - 1)) * error
        value = float(gap.mean())
        return Estimate(value, error, (value - half, value + half), 0.95, "difference of true values",
                        f"{arm} less {other}, paired over seeds", len(gap))  # fmt: skip

    def plot(self, ax: Axes | None = None, *, measure: str = "value") -> Axes:
        """Draw a measure by generation, one line an arm, the best value as a dashed line."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 3))
        mean = self.table.pivot_table(index="generation", columns="arm", values=measure, sort=False)
        for arm in mean:
            ax.plot(mean.index, mean[arm], marker="o", label=str(arm))
        if measure == "value":
            ax.axhline(self.table["best"].mean(), linestyle="--", color="0.35", label="best")
        ax.set_xlabel("times retrained")
        ax.set_ylabel({"value": "true value of a round", "gini": "Gini of exposure"}.get(measure, measure))
        ax.legend(loc="best")
        return ax

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary that JSON can hold."""
        return {"rows": self.table.to_dict("records")}

    def _repr_html_(self) -> str:
        """The summary."""
        return str(self.summary().to_html(float_format=lambda v: f"{v:.4g}", classes="loop", border=0))


def feedback(
    platform: Any,
    *,
    arms: tuple[str, ...] = ARMS,
    generations: int = 12,
    per_generation: int = 4_000,
    exploration: float = 0.2,
    temperature: float = 0.1,
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
) -> FeedbackResult:
    """Let a recommender retrain on its own log, generation after generation.

    Parameters
    ----------
    platform
        One whose law stands still (no drift, cold items or shock): what narrows is the recommender's doing.
    arms
        "naive": not shown is not wanted, trained on everything. "explored": the same, on the rounds shown at random
        alone. "propensities": on everything, clicks divided by their propensity. "unexplored": naive, but nothing is
        explored, and so nothing can be learned back.
    generations, per_generation
        Times it is trained, and rounds between trainings; it trains on all rounds so far.
    exploration
        Share of rounds in which any item is shown (0 for "unexplored").
    temperature
        Of the softmax over scores, as a share of their standard deviation, so that every arm is equally bold.
    seeds
        Runs.

    Raises
    ------
    ValueError
        If an arm is unknown or the platform moves.
    """
    if unknown := [arm for arm in arms if arm not in ARMS]:
        raise ValueError(f"unknown arms {unknown}; known are {', '.join(ARMS)}")
    if platform.law.calendar.moves:
        raise ValueError("the platform moves (drift, cold or shock): what narrows would not be the recommender's doing")
    best = float(platform.truth.policy_value(platform.truth.best_policy()))
    setting = (generations, per_generation, exploration, temperature)
    rows = [row | {"best": best} for seed in seeds for arm in arms for row in _lived(platform, arm, seed, *setting)]
    return FeedbackResult(pd.DataFrame(rows))


def _lived(
    platform: Any, arm: str, seed: int, generations: int, n: int, exploration: float, temperature: float
) -> list[dict[str, Any]]:
    """One recommender's life."""
    share, contexts = (0.0 if arm == "unexplored" else exploration), platform.contexts()
    policy: Policy = platform.logging_policy()
    logs: list[tuple[Floats, BanditLog, npt.NDArray[np.bool_]]] = []
    rows = []
    for generation in range(generations + 1):
        chances = policy.probabilities(contexts)
        rows.append({"arm": arm, "seed": seed, "generation": generation} | _measures(platform, policy, chances))
        if generation < generations:
            served = EpsilonPolicy(policy, share)
            log = platform.slates(served, n, 1_000 * seed + generation)
            rng = np.random.default_rng([seed, generation])
            assert log.propensity is not None
            explored = rng.random(n) < share / log.n_actions / log.propensity  # which rounds the lottery decided
            logs.append((_numbers(log.contexts), log, explored))
            policy = _trained(arm, logs, temperature, contexts)
    return rows


def _trained(
    arm: str, logs: list[tuple[Floats, BanditLog, npt.NDArray[np.bool_]]], temperature: float, contexts: pd.DataFrame
) -> Policy:
    X, action = np.concatenate([x for x, _, _ in logs]), np.concatenate([log.action for _, log, _ in logs])
    value = np.concatenate([log.reward for _, log, _ in logs])
    if arm in ("propensities", "explored"):
        value = value - value.mean()
    if arm == "propensities":
        value = value / np.concatenate([np.asarray(log.propensity) for _, log, _ in logs])
    rows = np.concatenate([explored for _, _, explored in logs]) if arm == "explored" else np.ones(len(X), dtype=bool)
    model = ImplicitModel.fit(X[rows], action[rows], value[rows], logs[0][1].n_actions)
    return SoftmaxPolicy(model.predict, temperature * float(model.predict(contexts).std()))


def _measures(platform: Any, policy: Policy, chances: Floats) -> dict[str, float]:
    """True value, Gini of the items' exposure, and how many items would be as many if shown evenly (exp of entropy)."""
    shown = np.sort(chances.mean(axis=0))
    k = len(shown)
    gini = float((2 * np.arange(1, k + 1) - k - 1) @ shown / k / shown.sum())
    positive = shown[shown > 0]
    return {
        "value": float(platform.truth.policy_value(policy)),
        "gini": gini,
        "catalogue": float(np.exp(-(positive * np.log(positive)).sum())),
    }


def _numbers(contexts: Any) -> Floats:
    return np.asarray(contexts.drop(columns="user_id").to_numpy(), dtype=np.float64)
