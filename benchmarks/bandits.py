"""Bandits: regret on the platform over seeds, growth against Lai and Robbins, coverage of values from adaptive logs.

Three tables in one: `regret` (cumulative expected regret of every algorithm after several horizons, against the policy
that knows the truth), `growth` (regret of Thompson sampling and UCB1 on Bernoulli arms, the slope in ln t beside the
constant of Lai and Robbins 1985 and the bound of Auer et al. 2002), `coverage` (bias, error and coverage of an arm's
value by sample means, inverse propensities, doubly robust scores and adaptive weights on Thompson sampling's logs,
three arms, as in the simulations of Hadad et al. 2021). Neural-linear bandits start from a recommender trained on a log
of the platform's own, which the others do not have; "shared" ones read an item's category, price and popularity.

    python benchmarks/bandits.py --seeds 20 --replications 2000
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from recording import record
from scipy import stats

from causalrec_lab.intervention import bandit
from causalrec_lab.recommender import RecommenderConfig, TransformerRecommender
from causalrec_lab.world import Platform

USERS, ITEMS, ROUNDS, BATCH, HORIZONS = 200, 20, 4_000, 200, (1_000, 2_000, 4_000)
EVENTS = 4_000
ARMS, LONG, STEP = np.array([0.45, 0.55, 0.5]), 10_000, 20
TRIAL, TRIAL_BATCH, FLOOR, DECAY = 1_000, 20, 1.0, 0.7
DESIGNS = {"no signal": np.array([1.0, 1.0, 1.0]), "high signal": np.array([0.5, 1.0, 1.5])}


def players(platform: Platform) -> dict[str, bandit.Bandit]:
    """Every algorithm, with what it reads."""
    features = bandit.ContextFeatures.of(platform.contexts())
    numbers = np.log(platform.items[["price", "popularity"]].to_numpy(dtype=float))
    items = np.column_stack([numbers, pd.get_dummies(platform.items["category"]).to_numpy(dtype=float)])
    recommender = TransformerRecommender(RecommenderConfig(dim=16, blocks=1, epochs=5, device="cpu"))
    recommender.fit(platform.events(EVENTS, seed=1), items=platform.items)
    return {
        "uniform": bandit.EpsilonGreedy(ITEMS, 1.0),
        "epsilon-greedy 0.1": bandit.EpsilonGreedy(ITEMS, 0.1),
        "UCB1": bandit.UCB1(ITEMS),
        "Thompson": bandit.Thompson(ITEMS),
        "LinUCB": bandit.LinUCB(ITEMS, alpha=0.3, features=features),
        "LinTS": bandit.LinTS(ITEMS, scale=0.3, features=features),
        "LogisticTS": bandit.LogisticTS(ITEMS, features=features),
        "LinTS, shared": bandit.LinTS(ITEMS, scale=0.3, features=features, items=items, draws=100),
        "NeuralLinear": bandit.NeuralLinear.of(recommender, platform.items["item_id"], draws=100),
    }


def regret(seeds: int) -> pd.DataFrame:
    """Cumulative regret on platforms of their own, one a seed."""
    runs = []
    for seed in range(seeds):
        platform = Platform.make(seed=200 + seed, n_users=USERS, n_items=ITEMS, base_rate="common")
        runs.append(bandit.run(platform, players(platform), ROUNDS, BATCH, seed, keep=0).curves)
    together = bandit.BanditRun(pd.concat(runs), {}, {})
    tables = [together.at(horizon).assign(horizon=horizon) for horizon in HORIZONS]
    return pd.concat(tables).reset_index().assign(part="regret")


def growth(seeds: int) -> pd.DataFrame:
    """Regret on Bernoulli arms, and its slope in ln t over the second half of the rounds."""
    world, gaps = bandit.ArmEnvironment(ARMS), ARMS.max() - ARMS
    away = [p * np.log(p / ARMS.max()) + (1 - p) * np.log((1 - p) / (1 - ARMS.max())) for p in ARMS if p < ARMS.max()]
    constant = float((gaps[gaps > 0] / away).sum())
    bound = 8 * np.log(LONG) * (1 / gaps[gaps > 0]).sum() + (1 + np.pi**2 / 3) * gaps.sum()
    run = bandit.run(world, {"Thompson": bandit.Thompson(3), "UCB1": bandit.UCB1(3)}, LONG, STEP, seeds=seeds, keep=0)
    late, half = run.at(LONG), run.at(LONG // 2)
    slope = (late["regret"] - half["regret"]) / np.log(2)
    found = late.assign(slope=slope, lai_robbins=constant, auer_bound=bound, horizon=LONG, part="growth")
    return found.reset_index()


def one_log(seed: int, means: np.ndarray) -> bandit.AdaptiveLog:
    """Thompson sampling with normal rewards, uniform noise of [-1, 1]'s spread, and a floor of t^-0.7."""
    world = bandit.ArmEnvironment(means, noise=np.sqrt(1 / 3))
    player = bandit.Thompson(3, "normal", explore=FLOOR, decay=DECAY)
    return bandit.run(world, {"t": player}, TRIAL, TRIAL_BATCH, seed).logs["t"][0]


def values(log: bandit.AdaptiveLog, arm: int) -> dict[str, tuple[float, float]]:
    """Value and standard error of an arm, by method."""
    taken = log.rounds.reward[log.rounds.action == arm]
    found = {"sample mean": (float(taken.mean()), float(taken.std(ddof=1) / np.sqrt(len(taken))))}
    ways = {"ips": ("uniform", "none"), "dr, equal weights": ("uniform", "action")}
    ways |= {f"dr, {name}": (name, "action") for name in ("stable", "two-point", "minvar")}
    for name, (weights, model) in ways.items():
        estimate = bandit.evaluate(log, arm, weights=weights, reward_model=model, decay=DECAY)
        found[name] = (estimate.value, estimate.std_error)
    return found


def coverage(replications: int) -> pd.DataFrame:
    """Bias, error and coverage of the values of the worst and the best arm."""
    rows = []
    for design, means in DESIGNS.items():
        arms = {"worst": 0, "best": 2} if design == "high signal" else {"any": 0}
        for seed in range(replications):
            log = one_log(seed, means)
            for which, arm in arms.items():
                for method, (value, error) in values(log, arm).items():
                    rows.append((design, which, method, value - means[arm], error))
    table = pd.DataFrame(rows, columns=["design", "arm", "method", "error", "std_error"])
    table["covered"] = table["error"].abs() <= stats.norm.ppf(0.975) * table["std_error"]
    keys = table.groupby(["design", "arm", "method"], sort=False)
    found = keys.agg(
        bias=("error", "mean"), spread=("error", "std"), claimed=("std_error", "mean"), n=("error", "size")
    )
    found["bias z"] = found["bias"] / (found["spread"] / np.sqrt(found["n"]))
    found["skew"] = keys["error"].skew()
    found["coverage"] = keys["covered"].mean()
    sums = keys["covered"].sum()
    ends = [stats.binomtest(int(k), int(n)).proportion_ci() for k, n in zip(sums, found["n"], strict=True)]
    found["coverage low"], found["coverage high"] = [e.low for e in ends], [e.high for e in ends]
    return found.reset_index().assign(part="coverage")


def main() -> None:
    """Run, print and write `results/bandits.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--replications", type=int, default=2_000)
    asked = parser.parse_args()
    start = time.process_time()
    parts = [regret(asked.seeds), growth(asked.seeds), coverage(asked.replications)]
    facts = {
        "users": USERS,
        "items": ITEMS,
        "rounds": ROUNDS,
        "batch": BATCH,
        "seeds": asked.seeds,
        "reward": "click",
        "logged_decisions": EVENTS,
    }
    facts |= {"replications": asked.replications, "trial": TRIAL, "trial_batch": TRIAL_BATCH, "arms": ARMS.tolist()}
    facts |= {"floor": FLOOR, "floor_decay": DECAY, "seconds are of": "processor"}
    table = pd.concat(parts, ignore_index=True).set_index(["part"])
    record("bandits", table, time.process_time() - start, **facts)


if __name__ == "__main__":
    main()
