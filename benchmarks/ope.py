"""Off-policy evaluation: RMSE and coverage beside Open Bandit Pipeline's formulas (T6), speed and memory of DR (S1).

The synthetic bandit is that pipeline's own: 5 normal context columns, a logistic reward with coefficients of its own
for each of 30 actions, logging by softmax(-3 x expected reward). The peer's formulas, its reward model (logistic
regression on context and one-hot action, 3 folds) and its choice of clipping, switching and shrinkage (SLOPE with the
constant of Tucker and Lee 2021, one-sided Student intervals, candidates 1 to 1,000 and none) are written out below,
since the package does not run on pandas 3. Ours choose by SLOPE on paired differences, from quantiles of the weights;
the rows marked slope++ and mse are ours under the other two rules. Many actions: `many_actions.py`.

    python benchmarks/ope.py --seeds 200
"""

from __future__ import annotations

import argparse
import time
import tracemalloc

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab import Estimate
from causalrec_lab.intervention import BanditLog, ope

ACTIONS, DIMENSION, ROUNDS, BETA, TARGET = 30, 5, 10_000, -3.0, 3.0
METHODS = ("dm", "ips", "snips", "dr", "sndr", "clipped", "switch", "dros")
CHOSEN = ("clipped", "switch", "dros")
GRID = (1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, np.inf)


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
    """The peer's formulas: means of round rewards, and its choice among candidates."""
    chosen = np.arange(len(log)), log.action
    w = target[chosen] / log.propensity
    direct, residual = np.average(q, weights=target, axis=1), log.reward - q[chosen]
    return {
        "dm": direct.mean(),
        "ips": (w * log.reward).mean(),
        "snips": (w * log.reward).mean() / w.mean(),
        "dr": (direct + w * residual).mean(),
        "sndr": direct.mean() + (w * residual).mean() / w.mean(),
        "clipped": peer_choice([np.minimum(w, c) * log.reward for c in GRID]),
        "switch": peer_choice([direct + (w <= c) * w * residual for c in GRID]),
        "dros": peer_choice([direct + w / (1 + w**2 / c) * residual for c in GRID]),
    }


def peer_choice(rounds: list[np.ndarray]) -> float:
    """The peer's SLOPE: from the widest interval on, the last estimate that agrees with all before it."""
    from scipy import stats

    values = np.array([each.mean() for each in rounds])
    n = len(rounds[0])
    widths = np.array([stats.t.ppf(0.95, n - 1) * np.sqrt(each.var(ddof=1) / (n - 1)) for each in rounds])
    taken: list[int] = []
    for place in np.argsort(-widths, kind="stable"):
        room = widths[place] + (np.sqrt(6) - 1) * widths[taken]
        if taken and (np.abs(values[taken] - values[place]) > room).any():
            break
        taken.append(int(place))
    return float(values[taken[-1]])


def our_values(log: BanditLog, target: np.ndarray, seed: int, rules: bool) -> dict[str, Estimate]:
    """Every method of ours, the reward model cross-fitted once; with `rules` the other rules of choice as well."""
    model = ope.cross_fitted_rewards(log, seed=seed)
    models = dict.fromkeys(METHODS, model) | dict.fromkeys(("ips", "snips", "clipped"))
    found = {m: ope.evaluate(log, target, m, models[m]) for m in METHODS}
    for rule in ("slope++", "mse") if rules else ():
        found |= {f"{m}, {rule}": ope.evaluate(log, target, m, models[m], parameter=rule) for m in CHOSEN}
    return found


def accuracy(seeds: int, coverage_seeds: int) -> pd.DataFrame:
    """RMSE of ours and the peer's over paired seeds; coverage of our intervals over more, with Wilson intervals."""
    ours, peers, covered, truth = [], [], [], 0.0
    for seed in range(max(seeds, coverage_seeds)):
        log, target, truth = draw(seed)
        found = our_values(log, target, seed, rules=seed < seeds)
        covered.append({m: e.covers(truth) for m, e in found.items()})
        if seed < seeds:
            ours.append({m: e.value for m, e in found.items()})
            peers.append(peer_values(log, target, peer_rewards(log, seed)))
    values, hits = pd.DataFrame(ours), pd.DataFrame(covered)
    peer = pd.DataFrame(peers).sub(truth).pow(2).mean() ** 0.5
    rmse, bias = values.sub(truth).pow(2).mean() ** 0.5, values.mean() - truth
    beside = pd.Series({m: peer[m.split(",")[0]] for m in rmse.index})
    table = pd.DataFrame({"rmse": rmse, "rmse_peer": beside, "ratio": rmse / beside, "bias": bias})
    counted = hits.notna().sum()
    low, high = zip(*(wilson(int(hits[m].sum()), int(counted[m])) for m in rmse.index), strict=True)
    share = {m: hits[m].sum() / counted[m] for m in rmse.index}
    return table.assign(coverage=pd.Series(share), low=low, high=high, coverage_seeds=counted).rename_axis("method")


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of a share."""
    z, p = 1.959964, hits / n
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return float((centre - half) / (1 + z**2 / n)), float((centre + half) / (1 + z**2 / n))


def speed() -> dict[str, float]:
    """Median seconds (clock and processor) and extra memory of DR at 100,000 x 100, reward predictions given."""
    rng, n, actions = np.random.default_rng(0), 100_000, 100
    target = softmax(rng.normal(size=(n, actions)))
    model = rng.uniform(size=(n, actions))
    action = rng.integers(actions, size=n)
    log = BanditLog(
        rng.normal(size=(n, 5)), action, rng.binomial(1, 0.3, n).astype(float), np.full(n, 1 / actions), actions
    )
    seconds, busy = [], []
    for _ in range(7):
        start, began = time.perf_counter(), time.process_time()
        ope.evaluate(log, target, "dr", model)
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - began)
    tracemalloc.start()
    ope.evaluate(log, target, "dr", model)
    extra = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return {"seconds": float(np.median(seconds)), "cpu_seconds": float(np.median(busy)), "extra_memory_mb": extra}


def main() -> None:
    """Run both and write `results/ope.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--coverage-seeds", type=int, default=2_000)
    options = parser.parse_args()
    fast = speed()
    print("DR, 100,000 x 100:", {name: round(value, 3) for name, value in fast.items()})
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
