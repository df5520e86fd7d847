"""Learned policies: what a softmax and a tree reach of what can be gained, and whether their held-out values hold.

Rewards of 0 and 1 depend on three columns by action; the log leans to some actions whatever the context. `regret` is
the part of the way from the logging policy to the best one that is not gone, so that 1 is no better than the log.
Coverage is of a policy's own true value and gain, read from many more contexts; `normal` is that of the value less and
plus 1.96 standard errors, which is what the interval would be if few rewards were taken for many. `by likelihood` is
the share of logs in which they were not.

    python benchmarks/learning.py --seeds 60
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from recording import record
from scipy import stats

from causalrec_lab.intervention import learning
from causalrec_lab.intervention.learning.few_rewards import FEWEST
from causalrec_lab.policy import BanditLog

CELLS = [(n, actions, rate) for n in (500, 2_000) for actions in (3, 20) for rate in (0.02, 0.1, 0.4)]
CELLS += [(500, 100, 0.1), (500, 100, 0.4)]
KINDS: dict[str, Callable[..., learning.LearnedPolicy]] = {
    "softmax": learning.softmax_policy,
    "tree": learning.tree_policy,
}
CONTEXTS = 10_000


def chances(x: np.ndarray, actions: int, rate: float) -> np.ndarray:
    """(n, actions) chance of a reward, about `rate` on average and up to twice that."""
    slopes = np.random.default_rng(7).normal(size=(actions, x.shape[1]))
    return np.asarray(rate * (0.5 + 1.5 / (1 + np.exp(-2 * x @ slopes.T))).clip(max=1 / rate))


def logging(actions: int) -> np.ndarray:
    """(actions,) shares of the log, none below 3 parts in ten of an even one."""
    drawn = np.random.default_rng(8).dirichlet(5 * np.ones(actions))
    return np.asarray(0.7 * drawn + 0.3 / actions)


def draw(n: int, actions: int, rate: float, seed: int) -> BanditLog:
    """A log."""
    rng, shares = np.random.default_rng(seed), logging(actions)
    x, action = rng.normal(size=(n, 3)), rng.choice(actions, size=n, p=shares)
    reward = (rng.random(n) < chances(x, actions, rate)[np.arange(n), action]).astype(float)
    return BanditLog(x, action, reward, shares[action], actions)


def one(kind: str, n: int, actions: int, rate: float, seed: int) -> dict[str, float]:
    """Regret of one learned policy, and what its intervals held."""
    found = KINDS[kind](draw(n, actions, rate, seed), seed=seed)
    x = np.random.default_rng(99).normal(size=(CONTEXTS, 3))
    means = chances(x, actions, rate)
    worth, runs = float((found.probabilities(x) * means).sum(axis=1).mean()), float((means @ logging(actions)).mean())
    best, held = float(means.max(axis=1).mean()), found.held_out
    return {
        "regret": (best - worth) / (best - runs),
        "value covered": held.covers(worth),
        "gain covered": found.gain.covers(worth - runs),
        "normal covered": abs(held.value - worth) <= 1.959964 * held.std_error,
        "by likelihood": any("by empirical likelihood" in note for note in held.notes),
        "length": held.high - held.low,
        "optimism": (found.training_value.value - worth) / rate,
    }


def row(kind: str, n: int, actions: int, rate: float, seeds: int) -> dict[str, Any]:
    """A row of the table: means over logs, and the exact interval of the first coverage."""
    drawn = pd.DataFrame([one(kind, n, actions, rate, seed) for seed in range(seeds)])
    ends = stats.binomtest(int(drawn["value covered"].sum()), seeds).proportion_ci()
    told = {"policy": kind, "rounds": n, "actions": actions, "rate": rate} | drawn.mean().to_dict()
    return told | {"regret se": drawn["regret"].sem(), "covered low": ends.low, "covered high": ends.high}


def main() -> None:
    """Run, print and write `results/learning.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=60)
    seeds, start = parser.parse_args().seeds, time.process_time()
    table = pd.DataFrame([row(kind, *cell, seeds) for kind in KINDS for cell in CELLS])
    table = table.set_index(["policy", "rounds", "actions", "rate"])
    worst = {name: float(table[name].min()) for name in ("value covered", "gain covered", "normal covered")}
    facts = {"seeds": seeds, "fewest_rewards": FEWEST, "worst": worst}
    record("learning", table, time.process_time() - start, **facts)


if __name__ == "__main__":
    main()
