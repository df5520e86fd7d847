"""Off-policy evaluation with 1,000 actions: clusters of items against bias and error, beside ips, snips and dr.

Items lie in 50 latent groups; their embedding is that of the group with noise. An item's click rate is that of its
group for the user at hand and, by a dial, something of its own that no cluster tells (a direct effect). The policy to
be valued likes what the logging policy shows least; both have whims about single items. `bias, formula` is the bias
that theory gives for the true click rates (Saito and Joachims 2022, section 3), averaged over the logs. Numbers of
clusters are set but in the last row, where SLOPE on paired differences takes one of them from the log.

    python benchmarks/many_actions.py --seeds 100
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab.intervention import BanditLog, ope

ACTIONS, GROUPS, DIMENSION, ROUNDS = 1_000, 50, 5, 3_000
CLUSTERS = (1, 4, 16, 50, 125, 250, 500, 1_000)
DIALS = (0.0, 0.5, 1.0)


class World:
    """Users, items and two policies that know the true click rates, each with whims of its own."""

    def __init__(self, direct: float) -> None:
        """Draw the world; `direct` is the share of an item's own part."""
        rng = np.random.default_rng(5)
        self.group = np.repeat(np.arange(GROUPS), ACTIONS // GROUPS)
        self.slopes, self.level = rng.normal(size=(GROUPS, DIMENSION)) * 0.4, rng.normal(size=GROUPS) * 0.6
        self.own = direct * rng.normal(size=ACTIONS) * 0.6
        self.embeddings = rng.normal(size=(GROUPS, 16))[self.group] + 0.15 * rng.normal(size=(ACTIONS, 16))
        self.whims = 1.5 * rng.normal(size=(2, ACTIONS))
        far = np.random.default_rng(9).normal(size=(40_000, DIMENSION))
        parts = [self.rewards(part) for part in np.array_split(far, 20)]
        self.truth = float(np.mean([(self.target(q) * q).sum(axis=1).mean() for q in parts]))

    def rewards(self, X: np.ndarray) -> np.ndarray:
        """(n, actions) click rates."""
        return 1 / (1 + np.exp(1 - (X @ self.slopes.T + self.level)[:, self.group] - self.own))

    def logging(self, q: np.ndarray) -> np.ndarray:
        """(n, actions) of the policy that logs."""
        return _softmax(-2 * q + self.whims[0])

    def target(self, q: np.ndarray) -> np.ndarray:
        """(n, actions) of the policy to be valued."""
        return _softmax(3 * q + self.whims[1])

    def draw(self, seed: int) -> tuple[BanditLog, np.ndarray, np.ndarray, np.ndarray]:
        """Log, target, logging and click rates."""
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(ROUNDS, DIMENSION))
        q = self.rewards(X)
        logging = self.logging(q)
        action = (logging.cumsum(axis=1) < rng.uniform(size=(ROUNDS, 1))).sum(axis=1).clip(max=ACTIONS - 1)
        chosen = np.arange(ROUNDS), action
        reward = (rng.uniform(size=ROUNDS) < q[chosen]).astype(float)
        return BanditLog(X, action, reward, logging[chosen], ACTIONS), self.target(q), logging, q


def _softmax(scores: np.ndarray) -> np.ndarray:
    lifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return lifted / lifted.sum(axis=1, keepdims=True)


def rows(direct: float, seeds: int) -> pd.DataFrame:
    """One row a way of evaluating: bias by estimate and by formula, RMSE, coverage."""
    world = World(direct)
    labels = {k: ope.cluster_actions(world.embeddings, k) for k in CLUSTERS}
    found, formula = [], []
    for seed in range(seeds):
        log, target, logging, q = world.draw(seed)
        one = {m: ope.evaluate(log, target, m) for m in ("ips", "snips", "dr")}
        for k, clusters in labels.items():
            one[f"mips, {k} clusters"] = ope.evaluate(log, target, "mips", embeddings=clusters, logging=logging)
        one["mips, by SLOPE"] = ope.evaluate(log, target, "mips", embeddings=world.embeddings, logging=logging,
                                             candidates=CLUSTERS)  # fmt: skip
        found.append(one)
        if seed < 10:
            biases = {f"mips, {k} clusters": ope.direct_effect_bias(target, logging, q, c) for k, c in labels.items()}
            formula.append(biases)
    values = pd.DataFrame([{m: e.value for m, e in one.items()} for one in found])
    covered = pd.DataFrame([{m: e.covers(world.truth) for m, e in one.items()} for one in found])
    sizes = pd.DataFrame([{m: e.diagnostics["effective_sample_size"] for m, e in one.items()} for one in found])
    table = pd.DataFrame({"bias": values.mean() - world.truth, "bias, formula": pd.DataFrame(formula).mean(),
                          "rmse": values.sub(world.truth).pow(2).mean() ** 0.5, "coverage": covered.mean(),
                          "effective n": sizes.mean()}).loc[list(values)]  # fmt: skip
    return table.rename_axis("method").reset_index().assign(direct=direct, truth=world.truth).set_index(
        ["direct", "method"]
    )  # fmt: skip


def main() -> None:
    """Run every dial and write `results/many_actions.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    options = parser.parse_args()
    with clock() as seconds:
        table = pd.concat([rows(direct, options.seeds) for direct in DIALS])
    record("many_actions", table.reset_index(), seconds[0], seeds=options.seeds, actions=ACTIONS, rounds=ROUNDS)


if __name__ == "__main__":
    main()
