r"""Weights of the kernel of `coat.py`: greatest marginal likelihood on Coat's biased training half, nothing else read.

With :math:`r \sim N(0, K)` for the centred ratings, the noise in K, the evidence
:math:`-\tfrac12 r'K^{-1}r - \tfrac12 \log|K|` and its gradient :math:`\tfrac12 \mathrm{tr}((\alpha\alpha' - K^{-1})
\,\partial K)`, :math:`\alpha = K^{-1} r`, are exact (Rasmussen & Williams 2006, equations 5.8 and 5.9); a weak Gaussian
prior on the logarithms keeps decays that the data do not tell finite. The same inverse gives each rating's prediction
from all others (equation 5.12), and so a leave-one-out AUC. Each step takes some ten seconds of one core.

    python benchmarks/coat_kernel.py --steps 20
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pandas as pd
from recording import clock, record
from scipy.linalg.lapack import spotrf, spotri
from scipy.optimize import minimize

from causalrec_lab.data import load
from causalrec_lab.recommender import rating_metrics

PRIOR = 0.02  # of the squared distance from the start, on the logarithms
START = {"user": 0.16, "item": 0.12, "features": 0.15, "user_taste": 0.75, "item_appeal": 0.02, "noise": 1.0}


class Evidence:
    """Negative log evidence and its gradient in the logarithms of the weights, pair by pair of ratings."""

    def __init__(self, extra: dict[str, Any]) -> None:
        self.train = extra["train"]
        self.users, self.items = np.nonzero(self.train)
        self.ratings = self.train[self.users, self.items].astype(np.float32)
        self.target = self.ratings - self.ratings.mean()
        self.of_users, self.of_items = differing(extra["user_features"]), differing(extra["item_features"])
        self.questions = [list(table) for table in (self.of_users, self.of_items)]
        names = [(kind, q) for kind, at in (("user", 0), ("item", 1), ("taste", 1)) for q in self.questions[at]]
        self.names = [*START, *(f"{kind} decay: {q}" for kind, q in names)]
        spread = np.log(float(self.target.var()) * 0.7)
        decays = np.log([0.5 if kind == "user" else 0.3 for kind, _ in names])
        self.start = np.concatenate([np.log(list(START.values())) + spread, decays])
        self.same_user = np.nonzero(np.equal.outer(self.users, self.users))
        self.same_item = np.nonzero(np.equal.outer(self.items, self.items))
        self.trace: list[dict[str, float]] = []

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Negative log evidence and prior, and the gradient."""
        scale = dict(zip(START, np.exp(point[:6]), strict=True))
        k, taste, appeal = self._kernel(point)
        gram = scale["features"] * k
        gram[self.same_user] += scale["user"] + scale["user_taste"] * taste
        gram[self.same_item] += scale["item"] + scale["item_appeal"] * appeal
        gram[np.diag_indices(len(gram))] += scale["noise"]
        lower, _ = spotrf(gram.astype(np.float32), lower=1)
        determinant = 2 * np.log(np.diag(lower).astype(float)).sum()
        inverse = np.tril(spotri(lower, lower=1)[0])
        inverse += np.tril(inverse, -1).T
        dual = inverse @ self.target
        value = 0.5 * float(self.target @ dual) + 0.5 * determinant
        self._leave_one_out(value, dual / np.diag(inverse))
        inverse -= np.outer(dual, dual)
        slope = self._gradient(point, 0.5 * inverse, k, taste, appeal)
        away = point - self.start
        return value + PRIOR * float(away @ away), slope + 2 * PRIOR * away

    def _kernel(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n, m = (len(q) for q in self.questions)
        parts = np.split(np.exp(point[6:]), [n, n + m])
        tables = (self.of_users, self.of_items, self.of_items)
        alike = [
            np.exp(-sum(decay * part for decay, part in zip(decays, table.values(), strict=True))).astype(np.float32)
            for decays, table in zip(parts, tables, strict=True)
        ]
        k = alike[0][self.users][:, self.users]
        k *= alike[1][self.items][:, self.items]
        (a, b), (c, d) = self.same_user, self.same_item
        return k, alike[2][self.items[a], self.items[b]], alike[0][self.users[c], self.users[d]]

    def _gradient(self, point: np.ndarray, w: np.ndarray, k: Any, taste: Any, appeal: Any) -> np.ndarray:
        scale = np.exp(point[:6])
        own, shared = w[self.same_user], w[self.same_item]
        noise = np.trace(w)
        w *= k
        w *= scale[2]
        first = [own.sum(), shared.sum(), w.sum(dtype=float) / scale[2], (own * taste).sum(), (shared * appeal).sum()]
        (a, b), (c, d) = self.same_user, self.same_item
        by_user, by_item = summed(w, self.users, len(self.train)), summed(w, self.items, self.train.shape[1])
        np.add.at(by_user, (self.users[c], self.users[d]), scale[4] * shared * appeal)
        by_taste = np.zeros_like(by_item)
        np.add.at(by_taste, (self.items[a], self.items[b]), scale[3] * own * taste)
        tables = ((by_user, self.of_users), (by_item, self.of_items), (by_taste, self.of_items))
        decays = [-(weight * part).sum() for weight, table in tables for part in table.values()]
        return np.concatenate([scale * [*first, noise], np.exp(point[6:]) * decays])

    def _leave_one_out(self, value: float, residual: np.ndarray) -> None:
        scores = np.zeros(self.train.shape)
        scores[self.users, self.items] = self.ratings - residual
        found = rating_metrics(self.train, scores, replications=2)["value"]
        self.trace.append({"evidence": -value, "AUC": found["AUC"], "NDCG@5": found["NDCG@5"]})


def differing(features: pd.DataFrame) -> dict[str, np.ndarray]:
    """(n, n) 1 where two rows answer a question differently, for each question of the 0/1 columns."""
    questions = dict.fromkeys(str(name).split(":")[0] for name in features)
    answers = {q: features.filter(regex=f"^{q}:").to_numpy().argmax(axis=1) for q in questions}
    return {q: np.not_equal.outer(a, a).astype(np.float32) for q, a in answers.items()}


def summed(matrix: np.ndarray, codes: np.ndarray, size: int) -> np.ndarray:
    """(size, size) sums of a pairs' matrix by the codes of its rows and columns."""
    order = np.argsort(codes, kind="stable")
    found, starts = np.unique(codes[order], return_index=True)
    table = np.zeros((size, size))
    rows = np.add.reduceat(matrix[order], starts, axis=0)
    table[np.ix_(found, found)] = np.add.reduceat(rows[:, order], starts, axis=1)
    return table


def main() -> None:
    """Climb, print the weights in units of the noise, and write `results/coat_kernel.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    evidence = Evidence(load("coat").extra)
    with clock() as seconds:
        options = {"maxfun": parser.parse_args().steps}
        best = minimize(evidence, evidence.start, jac=True, method="L-BFGS-B", options=options)
    weights = np.exp(best.x)
    weights[:5] /= weights[5]
    table = pd.DataFrame({"weight": weights}, index=pd.Index(evidence.names, name="of"))
    record("coat_kernel", table, seconds[0], leave_one_out=evidence.trace, reads="the biased training half alone")


if __name__ == "__main__":
    main()
