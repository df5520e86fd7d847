"""Coat Shopping's randomised test (R4): kernel ridge beside naive, IPS, SNIPS and doubly robust, and a Transformer.

A rating of 3 or more is positive; the 366 test pairs that also stand in train are left out. Every choice was made on
the biased training half, by cross-validation: `--search` shows it.

    python benchmarks/coat.py
    python benchmarks/coat.py --search 40
"""

from __future__ import annotations

import argparse
from dataclasses import asdict

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab.data import load
from causalrec_lab.recommender import (
    RatingKernel,
    RatingLogit,
    RecommenderConfig,
    TransformerRecommender,
    exposure_propensity,
    rating_metrics,
)
from causalrec_lab.recommender.ratings.kernel import KernelWeights

CONFIG = RecommenderConfig(
    length=32, dim=32, blocks=1, dropout=0.5, epochs=20, learning_rate=3e-3, tokens=2_000, outcome="liked", text="auto"
)


def main() -> None:
    """Fit every model on the biased half, score the randomised test, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--search", type=int, default=0, help="random settings of the kernel to try on train folds")
    options = parser.parse_args()
    extra = load("coat").extra
    if options.search:
        print(search(extra, options.search).to_string())
        return
    with clock() as seconds:
        scores = fitted(extra)
    tables = {name: rating_metrics(extra["test_clean"], score) for name, score in scores.items()}
    table = pd.concat(tables, names=["model"])
    facts = {"kernel": asdict(KernelWeights()), "transformer": CONFIG.to_dict(), "leaked_pairs_left_out": leaked(extra)}
    record("coat", table, seconds[0], chosen_on="cross-validation within the biased training half", **facts)


def fitted(extra: dict[str, object]) -> dict[str, np.ndarray]:
    """Scores (users, items) of every model."""
    train, features = extra["train"], (extra["user_features"].to_numpy(), extra["item_features"].to_numpy())
    seen, liked = train > 0, train >= 3
    propensity = exposure_propensity(seen, *features)
    scores = {"kernel ridge": RatingKernel().fit(train, *features).predict()}
    for loss in ("naive", "ips", "snips", "dr", "dr_jl", "mrdr"):
        model = RatingLogit(loss, factors=0, penalty=3.0)
        scores[f"logistic, {loss}"] = model.fit(liked, seen, *features, propensity).predict()
    scores["Transformer"] = transformer(train, extra["item_features"])
    scores["mean of the item"] = np.tile(train.sum(0) / np.maximum(seen.sum(0), 1), (len(train), 1))
    return scores


def transformer(train: np.ndarray, item_features: pd.DataFrame) -> np.ndarray:
    """Behaviour head: ratings in random order, the coat's attributes as its text."""
    users, items = np.nonzero(train)
    order = np.random.default_rng(0).permutation(len(users))
    frame = pd.DataFrame({"user_id": users, "item_id": items, "liked": (train[users, items] >= 3).astype(int)})
    words = [
        " ".join(name.split(":")[-1] for name in item_features.columns[row > 0]) for row in item_features.to_numpy()
    ]
    catalogue = pd.DataFrame({"item_id": range(train.shape[1]), "text": words})
    model = TransformerRecommender(CONFIG).fit(frame.iloc[order], items=catalogue)
    return model.score(range(len(train)), head="behaviour")


def search(extra: dict[str, object], tries: int) -> pd.DataFrame:
    """Random settings of the kernel, two folds of the training ratings held out in turn."""
    rng, train = np.random.default_rng(0), extra["train"]
    features = (extra["user_features"].to_numpy(), extra["item_features"].to_numpy())
    fold = np.where(train > 0, rng.integers(5, size=train.shape), -1)
    middle = np.array(list(asdict(KernelWeights()).values()))
    rows = []
    for _ in range(tries):
        weights = KernelWeights(*np.round(middle * np.exp(rng.normal(0, 0.5, len(middle))), 3).tolist())
        parts = []
        for held in (0, 1):
            score = RatingKernel(weights).fit(np.where(fold == held, 0, train), *features).predict()
            parts.append(rating_metrics(np.where(fold == held, train, 0), score, replications=2)["value"])
        rows.append({**pd.concat(parts, axis=1).mean(axis=1).to_dict(), **asdict(weights)})
    return pd.DataFrame(rows).sort_values("AUC", ascending=False)


def leaked(extra: dict[str, object]) -> int:
    """Pairs that stand in both halves."""
    return int(((extra["train"] > 0) & (extra["test"] > 0)).sum())


if __name__ == "__main__":
    main()
