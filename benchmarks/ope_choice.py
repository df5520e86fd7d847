"""What choosing the shrinkage from the log is worth: RMSE of clipped, switch, dros beside ips and dr, world by world.

The rule should gain where weights or rewards have long tails and lose little where plain ips or dr is best already.
Its two constants (80 % intervals of differences; differences under 0.3 standard errors let pass) were settled on other
worlds than these, drawn from other seeds. A ratio below 1 is a gain over the plain estimate from the same rounds.

    python benchmarks/ope_choice.py --seeds 100
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab.intervention import BanditLog, ope

RULES = ("slope", "slope++", "mse")
PLAIN = {"clipped": "ips", "switch": "dr", "dros": "dr"}
WORLDS: dict[str, dict[str, float]] = {
    "like the target": {"logging": 1, "target": 3},
    "unlike": {"logging": -2, "target": 2},
    "very unlike": {"logging": -4, "target": 4},
    "rewards in 1 % of rounds": {"logging": -2, "target": 2, "rate": 0.02},
    "log-normal rewards": {"logging": -2, "target": 2, "tail": 1.8},
    "best action only": {"logging": -1, "target": 1e6},
    "uniform log": {"logging": 0, "target": 4},
    "5 actions": {"logging": -2, "target": 2, "actions": 5},
    "100 actions": {"logging": -2, "target": 2, "actions": 100},
    "no contexts": {"logging": -2, "target": 2, "blind": 1},
}


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise softmax."""
    lifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return lifted / lifted.sum(axis=1, keepdims=True)


def worth(X: np.ndarray, actions: int) -> np.ndarray:
    """(n, actions) chance of a reward: logistic, with squares that a linear reward model does not see."""
    rng = np.random.default_rng(2024)
    slopes, squares, levels = rng.normal(size=(5, actions)), rng.normal(size=(5, actions)) / 3, rng.normal(size=actions)
    return np.asarray(1 / (1 + np.exp(0.5 - X @ slopes - (X**2 - 1) @ squares - levels)))


def draw(world: dict[str, float], n: int, seed: int) -> tuple[BanditLog, np.ndarray]:
    """Log and target probabilities."""
    rng, actions, rate = np.random.default_rng(seed), int(world.get("actions", 20)), world.get("rate", 1.0)
    X = rng.normal(size=(n, 5))
    q = worth(X, actions)
    logging = softmax(world["logging"] * q)
    action = (logging.cumsum(axis=1) < rng.uniform(size=(n, 1))).sum(axis=1).clip(max=actions - 1)
    rows = np.arange(n), action
    reward = (rng.uniform(size=n) < rate * q[rows]).astype(float)
    if "tail" in world:
        reward = rate * q[rows] * np.exp(world["tail"] * rng.normal(size=n) - world["tail"] ** 2 / 2)
    contexts = np.zeros((n, 1)) if "blind" in world else X
    return BanditLog(contexts, action, reward, logging[rows], actions), softmax(world["target"] * q)


def truth(world: dict[str, float]) -> float:
    """The target's value over the law of contexts."""
    q = worth(np.random.default_rng(1).normal(size=(200_000, 5)), int(world.get("actions", 20)))
    return float((softmax(world["target"] * q) * q).sum(axis=1).mean()) * world.get("rate", 1.0)


def errors(world: dict[str, float], n: int, seed: int, value: float) -> dict[str, float]:
    """Error of every plain estimate and every choice."""
    log, target = draw(world, n, seed)
    model = ope.cross_fitted_rewards(log, seed=seed)
    models = {"ips": None, "clipped": None} | dict.fromkeys(("dr", "switch", "dros"), model)
    found = {m: ope.evaluate(log, target, m, models[m]).value - value for m in ("ips", "dr")}
    for method in PLAIN:
        for rule in RULES:
            table = ope.tune(log, target, method, models[method], rule=rule).table
            found[f"{method}, {rule}"] = float(table.loc[table["chosen"], "value"].iloc[0]) - value
    return found


def compared(name: str, n: int, seeds: int) -> pd.DataFrame:
    """RMSE of one world at one size: plain, and the rules' as ratios to it."""
    value = truth(WORLDS[name])
    missed = pd.DataFrame([errors(WORLDS[name], n, seed, value) for seed in range(seeds)])
    rmse = missed.pow(2).mean() ** 0.5
    rows = [
        {"world": name, "n": n, "method": m, "plain": p, "rmse_plain": rmse[p]}
        | {rule: rmse[f"{m}, {rule}"] / rmse[p] for rule in RULES}
        for m, p in PLAIN.items()
    ]
    return pd.DataFrame(rows)


def main() -> None:
    """Run every world and write `results/ope_choice.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    options = parser.parse_args()
    with clock() as seconds:
        sizes = ((500, options.seeds), (5_000, max(2, options.seeds // 3)))
        table = pd.concat([compared(name, n, seeds) for name in WORLDS for n, seeds in sizes], ignore_index=True)
    worst = {rule: float(table[rule].max()) for rule in RULES}
    mean = {rule: float(np.exp(np.log(table[rule]).mean())) for rule in RULES}
    record("ope_choice", table, seconds[0], seeds=options.seeds, worst_ratio=worst, geometric_mean_ratio=mean)


if __name__ == "__main__":
    main()
