"""Off-policy evaluation: RMSE and coverage beside Open Bandit Pipeline's formulas (T6), speed and memory of DR (S1).

The synthetic bandit is that pipeline's own: 5 normal context columns, a logistic reward with coefficients of its own
for each of 30 actions, logging by softmax(-3 x expected reward). The peer's formulas and its reward model (logistic
regression on context and one-hot action, 3 folds) are written out below, since the package does not run on pandas 3.

    python benchmarks/ope.py --seeds 200
"""

from __future__ import annotations

import argparse
import time
import tracemalloc

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab.intervention import BanditLog, ope

ACTIONS, DIMENSION, ROUNDS, BETA, TARGET = 30, 5, 10_000, -3.0, 3.0
METHODS = ("dm", "ips", "snips", "dr", "sndr")


def expected_rewards(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, actions) logistic rewards; every action has its own coefficients."""
    slopes, levels = rng.uniform(size=(ACTIONS, DIMENSION)), rng.uniform(size=ACTIONS)
    return 1 / (1 + np.exp(-(X @ slopes.T + levels)))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise softmax."""
    lifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return lifted / lifted.sum(axis=1, keepdims=True)


def draw(seed: int) -> tuple[BanditLog, np.ndarray, float]:
    """Log, target probabilities, and the target's true value over the law of contexts."""
    world = np.random.default_rng(12345)
    slopes = world.bit_generator.state  # one world for all seeds: rewards drawn from the same state each time

    def rewards(X: np.ndarray) -> np.ndarray:
        world.bit_generator.state = slopes
        return expected_rewards(X, world)

    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROUNDS, DIMENSION))
    q = rewards(X)
    logging = softmax(BETA * q)
    action = (logging.cumsum(axis=1) < rng.uniform(size=(ROUNDS, 1))).sum(axis=1).clip(max=ACTIONS - 1)
    chosen = np.arange(ROUNDS), action
    reward = (rng.uniform(size=ROUNDS) < q[chosen]).astype(float)
    far = np.random.default_rng(999).normal(size=(400_000, DIMENSION))
    q_far = rewards(far)
    truth = TRUTH.setdefault("value", float((softmax(TARGET * q_far) * q_far).sum(axis=1).mean()))
    return BanditLog(X, action, reward, logging[chosen], ACTIONS), softmax(TARGET * q), truth


TRUTH: dict[str, float] = {}


def peer_rewards(log: BanditLog, seed: int) -> np.ndarray:
    """The peer's reward model: logistic regression on context and one-hot action, 3-fold cross-fitted."""
    from sklearn.linear_model import LogisticRegression

    n, found = len(log), np.empty((len(log), ACTIONS))
    labels = np.random.default_rng(seed).permutation(np.arange(n) % 3)
    one_hot = np.eye(ACTIONS)
    for fold in range(3):
        train, test = labels != fold, labels == fold
        X = np.column_stack([log.contexts[train], one_hot[log.action[train]]])
        model = LogisticRegression(max_iter=1000).fit(X, log.reward[train])
        shared = log.contexts[test] @ model.coef_[0, :DIMENSION]
        found[test] = 1 / (1 + np.exp(-(shared[:, None] + model.coef_[0, DIMENSION:] + model.intercept_)))
    return found


def peer_values(log: BanditLog, target: np.ndarray, q: np.ndarray) -> dict[str, float]:
    """The peer's formulas: means of round rewards."""
    chosen = np.arange(len(log)), log.action
    w = target[chosen] / log.propensity
    direct = np.average(q, weights=target, axis=1)
    return {
        "dm": direct.mean(),
        "ips": (w * log.reward).mean(),
        "snips": (w * log.reward).mean() / w.mean(),
        "dr": (direct + w * (log.reward - q[chosen])).mean(),
        "sndr": direct.mean() + (w * (log.reward - q[chosen])).mean() / w.mean(),
    }


def accuracy(seeds: int, coverage_seeds: int) -> pd.DataFrame:
    """RMSE of ours and the peer's over paired seeds; coverage of our intervals over more, with Wilson intervals."""
    ours, peers, covered, truth = [], [], [], 0.0
    for seed in range(max(seeds, coverage_seeds)):
        log, target, truth = draw(seed)
        model = ope.cross_fitted_rewards(log, seed=seed)
        found = {m: ope.evaluate(log, target, m, model if m in ("dm", "dr", "sndr") else None) for m in METHODS}
        covered.append({m: e.covers(truth) for m, e in found.items()})
        if seed < seeds:
            ours.append({m: e.value for m, e in found.items()})
            peers.append(peer_values(log, target, peer_rewards(log, seed)))
    rmse = pd.DataFrame(ours).sub(truth).pow(2).mean() ** 0.5
    peer = pd.DataFrame(peers).sub(truth).pow(2).mean() ** 0.5
    hits = pd.DataFrame(covered)
    low, high = zip(*(wilson(int(hits[m].sum()), len(hits)) for m in METHODS), strict=True)
    table = {"rmse": rmse, "rmse_peer": peer, "ratio": rmse / peer, "bias": pd.DataFrame(ours).mean() - truth}
    return pd.DataFrame(table | {"coverage": hits.mean()}).assign(low=low, high=high).rename_axis("method")


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of a share."""
    z, p = 1.959964, hits / n
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return float((centre - half) / (1 + z**2 / n)), float((centre + half) / (1 + z**2 / n))


def speed() -> dict[str, float]:
    """Median seconds and extra memory of DR at 100,000 rounds x 100 actions, reward predictions given."""
    rng, n, actions = np.random.default_rng(0), 100_000, 100
    target = softmax(rng.normal(size=(n, actions)))
    model = rng.uniform(size=(n, actions))
    action = rng.integers(actions, size=n)
    log = BanditLog(
        rng.normal(size=(n, 5)), action, rng.binomial(1, 0.3, n).astype(float), np.full(n, 1 / actions), actions
    )
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        ope.evaluate(log, target, "dr", model)
        seconds.append(time.perf_counter() - start)
    tracemalloc.start()
    ope.evaluate(log, target, "dr", model)
    extra = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return {"seconds": float(np.median(seconds)), "extra_memory_mb": extra}


def main() -> None:
    """Run both and write `results/ope.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--coverage-seeds", type=int, default=2_000)
    options = parser.parse_args()
    fast = speed()
    print(f"DR, 100,000 x 100: {fast['seconds']:.3f} s, {fast['extra_memory_mb']:.0f} MB over the input")
    with clock() as seconds:
        table = accuracy(options.seeds, options.coverage_seeds)
    record(
        "ope",
        table,
        seconds[0],
        seeds=options.seeds,
        coverage_seeds=options.coverage_seeds,
        dr_100k_x_100=fast,
        truth=TRUTH["value"],
    )


if __name__ == "__main__":
    main()
