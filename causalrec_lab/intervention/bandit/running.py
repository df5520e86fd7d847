r"""Let bandits learn, and count what learning costs.

The regret of a round is what the best action's true mean is above the true mean of the action taken,
:math:`\max_a \mu(x_t, a) - \mu(x_t, a_t)`: no noise of rewards is in it (the pseudo-regret of Bubeck and Cesa-Bianchi
2012, "Regret Analysis of Stochastic and Nonstochastic Multi-armed Bandit Problems", section 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.estimate import z_value
from causalrec_lab.intervention.bandit.adaptive_log import AdaptiveLog
from causalrec_lab.intervention.bandit.environments import Environment, PlatformEnvironment
from causalrec_lab.intervention.bandit.protocol import Bandit
from causalrec_lab.world import Platform
from causalrec_lab.world.arguments import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BanditRun", "run"]


@dataclass(frozen=True)
class BanditRun:
    """Bandits run side by side.

    Parameters
    ----------
    curves
        One row an algorithm, seed and batch: round (rounds played), regret and reward (means a round of that batch),
        cumulative (regret summed so far).
    logs
        Name -> logs of the first seeds.
    learned
        Name -> the bandit of the first seed as it ended: a policy.
    level
        Confidence level of the intervals over seeds.
    """

    curves: pd.DataFrame
    logs: Mapping[str, tuple[AdaptiveLog, ...]]
    learned: Mapping[str, Bandit]
    level: float = 0.95

    @property
    def table(self) -> pd.DataFrame:
        """At the end: see `at`."""
        return self.at(int(self.curves["round"].max()))

    def at(self, rounds: int) -> pd.DataFrame:
        """Cumulative regret after some rounds, its interval over seeds, and the regret a round of the last batch.

        Raises
        ------
        ValueError
            If no batch ends there.
        """
        part = self.curves[self.curves["round"] == rounds]
        if part.empty:
            ends = np.unique(self.curves["round"]).tolist()
            raise ValueError(f"at({rounds}): batches end after {ends[:3]}, … {ends[-1]} rounds")
        grouped = part.groupby("algorithm", sort=False)
        found = _interval(grouped["cumulative"], self.level)
        return found.assign(last=grouped["regret"].mean(), seeds=grouped.size())

    def plot(self, ax: Axes | None = None) -> Axes:
        """Mean cumulative regret by rounds, with its interval over seeds."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5.6, 3.6))
        for name, part in self.curves.groupby("algorithm", sort=False):
            band = _interval(part.groupby("round")["cumulative"], self.level)
            ax.plot(band.index, band["regret"], label=str(name))
            ax.fill_between(band.index, band["low"], band["high"], alpha=0.15)
        ax.set(xlabel="rounds", ylabel="cumulative expected regret")
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        return ax

    def _repr_html_(self) -> str:
        """The table at the end."""
        return f'<div class="bandit">{self.table.to_html(border=0, float_format=lambda v: f"{v:.4g}")}</div>'


def run(
    world: Platform | Environment,
    algorithms: Mapping[str, Bandit],
    rounds: int,
    batch: int = 100,
    seed: int = 0,
    *,
    seeds: int = 1,
    keep: int = 1,
    level: float = 0.95,
) -> BanditRun:
    """Play each algorithm in the same world, learning after each batch.

    Parameters
    ----------
    world
        A `Platform` (whose attention is the reward) or an environment.
    algorithms
        Name -> bandit, whose copies play: they stay as they are.
    rounds, batch
        Rounds in all, and between updates; a last batch may be shorter.
    seed, seeds
        First seed, and how many runs; all algorithms meet the same contexts.
    keep
        Runs whose logs are kept.
    level
        Of the intervals over seeds.

    Raises
    ------
    ValueError
        If a number is not positive, the level is none, there is no algorithm, or one is no bandit or has another number
        of actions.
    """
    z_value(level)
    rounds, batch, seeds = whole("rounds", rounds), whole("batch", batch), whole("seeds", seeds)
    place = PlatformEnvironment(world) if isinstance(world, Platform) else world
    if not algorithms:
        raise ValueError("run: give at least one algorithm, as in {'Thompson': bandit.Thompson(40)}")
    for name, algorithm in algorithms.items():
        if not isinstance(algorithm, Bandit):
            raise ValueError(f"{name!r} is a {type(algorithm).__name__}, which does not learn; give a bandit")
        if algorithm.n_actions != place.n_actions:
            raise ValueError(f"{name!r} has {algorithm.n_actions} actions, the world {place.n_actions}")
    tables: list[pd.DataFrame] = []
    learned: dict[str, Bandit] = {}
    logs: dict[str, list[AdaptiveLog]] = {name: [] for name in algorithms}
    for k in range(seeds):
        for name, algorithm in algorithms.items():
            player = algorithm.fresh(algorithm.seed + seed + k)
            table, parts = _one(place, player, rounds, batch, seed + k, k < keep)
            tables.append(table.assign(algorithm=name, seed=seed + k))
            logs[name] += [AdaptiveLog.joined(parts)] if k < keep else []
            learned.setdefault(name, player)
    return BanditRun(pd.concat(tables, ignore_index=True), {k: tuple(v) for k, v in logs.items()}, learned, level)


def _one(
    place: Environment, player: Bandit, rounds: int, batch: int, seed: int, keep: bool
) -> tuple[pd.DataFrame, list[AdaptiveLog]]:
    rows, parts = [], []
    for step, start in enumerate(range(0, rounds, batch)):
        n = min(batch, rounds - start)
        played, means = place.play(player, n, step, seed)
        log = played.rounds
        regret = means.max(axis=1) - means[np.arange(n), log.action]
        rows.append((start + n, float(regret.mean()), float(log.reward.mean()), float(regret.sum())))
        player.update(log)
        parts += [played] if keep else []
    table = pd.DataFrame(rows, columns=["round", "regret", "reward", "cumulative"])
    return table.assign(cumulative=table["cumulative"].cumsum()), parts


def _interval(grouped: Any, level: float) -> pd.DataFrame:
    """Mean and Student interval of each group."""
    from scipy import stats

    count = grouped.size()
    half = stats.t.ppf((1 + level) / 2, np.maximum(count - 1, 1)) * grouped.std(ddof=1) / np.sqrt(count)
    mean = grouped.mean()
    return pd.DataFrame({"regret": mean, "low": mean - half, "high": mean + half})
