"""Lists: propensities beside a plain loop (S2), slate estimators by click model and length, Open Bandit by position.

Synthetic lists: ten kinds of context, eight items, softmax policies of which the target is the sharper one; clicks by
position alone, by a cascade, or by the whole list (an item looks better above a poor one). The truth is a sum over all
lists. Open Bandit: the Bernoulli-TS policy, taken as its item shares at each position, valued from the random log,
beside what its own log earned.

    python benchmarks/slates.py --seeds 200
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import permutations

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab import data
from causalrec_lab.intervention import ope
from causalrec_lab.world.lists import rankings

KINDS, ITEMS, LISTS = 10, 8, 2_000
EXAMINED = 1.0 / np.arange(1, 6) ** 0.7
ESTIMATORS = [(m, sn) for m in ope.SLATE_METHODS for sn in (False, True)]


def softmax(scores: np.ndarray) -> np.ndarray:
    """Row-wise softmax."""
    lifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return lifted / lifted.sum(axis=1, keepdims=True)


def by_position(appeal: np.ndarray) -> np.ndarray:
    """Clicks by examination and appeal alone, (lists, length)."""
    return EXAMINED[: appeal.shape[1]] * appeal


def cascade(appeal: np.ndarray) -> np.ndarray:
    """Who clicks leaves."""
    return appeal * np.cumprod(np.column_stack([np.ones(len(appeal)), 1 - appeal[:, :-1]]), axis=1)


def whole_list(appeal: np.ndarray) -> np.ndarray:
    """An item looks better above a poor one; the last one is compared with the first."""
    return by_position(appeal) * (1.4 - np.roll(appeal, -1, axis=1))


MODELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "position": by_position,
    "cascade": cascade,
    "whole list": whole_list,
}


def loop(chances: np.ndarray, lists: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Propensity of each list, and of each item at its position by going through all lists, slot by slot."""
    n, length = lists.shape
    whole, marginal = np.empty(n), np.zeros((n, length))
    for i in range(n):
        whole[i] = _chance(chances[i], lists[i])
        for k in range(length):
            for one in permutations(range(chances.shape[1]), length):
                if one[k] == lists[i, k]:
                    marginal[i, k] += _chance(chances[i], one)
    return whole, marginal


def _chance(chances: np.ndarray, items: np.ndarray | tuple[int, ...]) -> float:
    chance, left = 1.0, 1.0
    for item in items:
        chance *= chances[item] / left
        left -= chances[item]
    return chance


def speed(n: int = 5_000, part: int = 100) -> dict[str, float]:
    """Processor seconds of all three propensities, and of the loop on a part of the lists, scaled to all."""
    rng = np.random.default_rng(0)
    chances = softmax(rng.normal(size=(n, 10)))
    lists = np.argsort(-np.log(chances) - rng.gumbel(size=chances.shape), axis=1)[:, :3]
    seconds = []
    for _ in range(7):
        start = time.process_time()
        above = rankings.propensities_given_above(chances, lists)
        whole = above.prod(axis=1)
        at = np.take_along_axis(rankings.item_at_position(chances, 3), lists[:, :, None], axis=2)[:, :, 0]
        seconds.append(time.process_time() - start)
    start = time.process_time()
    plain, marginal = loop(chances[:part], lists[:part])
    slow = (time.process_time() - start) * n / part
    apart = max(np.abs(plain - whole[:part]).max(), np.abs(marginal - at[:part]).max())
    ours = float(np.median(seconds))
    return {"seconds": ours, "loop_seconds": slow, "ratio": slow / ours, "largest_difference": float(apart)}


def one_log(model: str, length: int, seed: int) -> tuple[ope.SlateLog, np.ndarray, np.ndarray, float]:
    """A log, the target's and the logging policy's chances, and the target's true value."""
    world, rng = np.random.default_rng(7), np.random.default_rng([seed, length])
    appeal = world.uniform(0.1, 0.7, size=(KINDS, ITEMS))
    old, new = (softmax(s * appeal + 0.3 * world.normal(size=appeal.shape)) for s in (-0.5, 2.0))
    every = rankings.all_lists(ITEMS, length)
    truth = 0.0
    for kind in range(KINDS):
        chance = rankings.propensities_given_above(np.tile(new[kind], (len(every), 1)), every).prod(axis=1)
        truth += float(chance @ MODELS[model](appeal[kind][every]).sum(axis=1)) / KINDS
    kind = rng.integers(KINDS, size=LISTS)
    action = np.argsort(-np.log(old[kind]) - rng.gumbel(size=(LISTS, ITEMS)), axis=1)[:, :length]
    reward = (rng.random(action.shape) < MODELS[model](appeal[kind[:, None], action])).astype(float)
    logged = rankings.propensities_given_above(old[kind], action)
    return ope.SlateLog(np.eye(KINDS)[kind], action, reward, ITEMS, logged), new[kind], old[kind], truth


def accuracy(seeds: int, lengths: tuple[int, ...] = (2, 4)) -> pd.DataFrame:
    """Bias, RMSE, mean standard error and coverage of every estimator, by click model and list length."""
    rows = []
    for model in MODELS:
        for length in lengths:
            found: dict[tuple[str, bool], list[tuple[float, ...]]] = {key: [] for key in ESTIMATORS}
            truth = 0.0
            for seed in range(seeds):
                log, new, old, truth = one_log(model, length, seed)
                for method, normal in ESTIMATORS:
                    one = ope.slate(log, new, method, logging=old, self_normalised=normal, seed=seed)
                    size = one.diagnostics["effective_sample_size"]
                    found[method, normal].append((one.value - truth, one.std_error, one.covers(truth), size))
            for (method, normal), values in found.items():
                error, claimed, covered, size = np.array(values, dtype=float).T
                row = {
                    "clicks": model,
                    "length": length,
                    "method": f"sn {method}" if normal else method,
                    "truth": truth,
                }
                row |= {"bias": error.mean(), "bias_error": error.std(ddof=1) / np.sqrt(seeds)}
                row |= {
                    "rmse": np.sqrt((error**2).mean()),
                    "std_error": claimed.mean(),
                    "coverage": covered.mean(),
                    "ess": size.mean(),
                }
                rows.append(row)
    return pd.DataFrame(rows).set_index(["clicks", "length", "method"])


def open_bandit() -> pd.DataFrame:
    """The TS policy from the random log and the random policy from the TS log, position by position or not."""
    rows = []
    for campaign in ("men", "women"):
        logs = {p: data.load("open_bandit", campaign=campaign, policy=p).extra["bandit"] for p in ("random", "bts")}
        for target, source in (("bts", "random"), ("random", "bts")):
            log, own = logs[source], logs[target]
            shares = np.zeros((4, own.n_actions))
            np.add.at(shares, (own.position, own.action), 1.0)
            shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
            overall = np.bincount(own.action, minlength=own.n_actions) / len(own)
            row = {"campaign": campaign, "policy": target, "log": source, "own_log": own.reward.mean()}
            row["own_error"] = own.reward.std(ddof=1) / np.sqrt(len(own))
            for name, chances in (("by_position", shares[log.position]), ("overall", np.tile(overall, (len(log), 1)))):
                found = ope.evaluate(log, chances, "snips")
                row |= {name: found.value, f"{name}_error": found.std_error}
                row[f"{name}_ess"] = found.diagnostics["effective_sample_size"]
            rows.append(row)
    return pd.DataFrame(rows).set_index(["campaign", "policy"])


def main() -> None:
    """Run all three and write `results/slates.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    fast = speed()
    print("propensities of 5,000 lists:", {k: f"{v:.3g}" for k, v in fast.items()})
    real = open_bandit()
    print(real.to_string(float_format=lambda v: f"{v:.4g}"))
    with clock() as seconds:
        table = accuracy(options.seeds)
    record(
        "slates",
        table,
        seconds[0],
        seeds=options.seeds,
        lists=LISTS,
        propensities_5000=fast,
        open_bandit=real.reset_index().to_dict(orient="records"),
    )


if __name__ == "__main__":
    main()
