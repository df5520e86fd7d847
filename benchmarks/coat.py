"""Coat Shopping's randomised test (R4): kernel ridge beside naive, IPS, SNIPS and doubly robust, and a Transformer.

A rating of 3 or more is positive; the 366 test pairs that also stand in train are left out. Every choice was made on
the biased training half: the Transformer's by cross-validation, the kernel's by the marginal likelihood
(`coat_kernel.py`). Ratings have no order in time, so the Transformer reads each user's in many random orders.

    python benchmarks/coat.py
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
from recording import RESULTS, clock, record

from causalrec_lab.data import Dataset, load
from causalrec_lab.recommender import (
    RatingKernel,
    RatingLogit,
    RecommenderConfig,
    TransformerRecommender,
    exposure_propensity,
    rating_difference,
    rating_metrics,
)
from causalrec_lab.recommender.ratings.kernel import KernelWeights

CONFIG = RecommenderConfig(
    length=32,
    dim=32,
    blocks=1,
    dropout=0.5,
    epochs=5,
    learning_rate=3e-3,
    tokens=2_000,
    outcome="liked",
    text="auto",
    attributes=("gender", "category", "color"),
    behaviour_share=8.0,
    precision="fp32",
)
ORDERS = 30


def main() -> None:
    """Fit every model on the biased half, score the randomised test, print and write."""
    data = load("coat")
    with clock() as seconds:
        scores = fitted(data)
    tables = {name: rating_metrics(data.extra["test_clean"], score) for name, score in scores.items()}
    facts = {"kernel": asdict(kernel_weights(data.extra)), "transformer": CONFIG.to_dict(), "orders": ORDERS}
    facts |= {"leaked_pairs_left_out": leaked(data.extra), "differences": differences(data.extra, scores)}
    table = pd.concat(tables, names=["model"])
    record("coat", table, seconds[0], chosen_on="the biased training half alone", **facts)


def fitted(data: Dataset) -> dict[str, np.ndarray]:
    """Scores (users, items) of every model."""
    extra = data.extra
    train, features = extra["train"], (extra["user_features"].to_numpy(), extra["item_features"].to_numpy())
    seen, liked = train > 0, train >= 3
    propensity = exposure_propensity(seen, *features)
    scores = {"kernel ridge": RatingKernel(kernel_weights(extra)).fit(train, *features).predict()}
    scores["kernel ridge, one decay"] = RatingKernel().fit(train, *features).predict()
    for loss in ("naive", "ips", "snips", "dr", "dr_jl", "mrdr"):
        model = RatingLogit(loss, factors=0, penalty=3.0)
        scores[f"logistic, {loss}"] = model.fit(liked, seen, *features, propensity).predict()
    clipped = RatingLogit("ips", factors=0, penalty=3.0, clip=0.1)
    scores["logistic, clipped ips"] = clipped.fit(liked, seen, *features, propensity).predict()
    scores["Transformer"] = transformer(data)
    scores["Transformer, one order"] = transformer(data, orders=1, epochs=20)
    scores["mean of the item"] = np.tile(train.sum(0) / np.maximum(seen.sum(0), 1), (len(train), 1))
    return scores


def kernel_weights(extra: dict[str, Any]) -> KernelWeights:
    """Weights of greatest marginal likelihood on the training half, a decay a question: what `coat_kernel.py` left."""
    stored = json.loads((RESULTS / "coat_kernel.json").read_text(encoding="utf-8"))["rows"]
    weight = {row["of"]: round(row["weight"], 4) for row in stored}
    users, items, tastes = (
        tuple(weight[f"{kind} decay: {str(column).split(':')[0]}"] for column in extra[table])
        for kind, table in (("user", "user_features"), ("item", "item_features"), ("taste", "item_features"))
    )
    terms = (weight[name] for name in ("user", "item", "features", "user_taste", "item_appeal"))
    return KernelWeights(*terms, user_decay=users, item_decay=items, taste_decay=tastes)


def differences(extra: dict[str, Any], scores: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """AUC of every other model less that of the naive logistic, paired over users."""
    found = {
        name: rating_difference(extra["test_clean"], score, scores["logistic, naive"])
        for name, score in scores.items()
        if name != "logistic, naive"
    }
    return [{"model": name, "AUC more": e.value, "low": e.low, "high": e.high} for name, e in found.items()]


def transformer(data: Dataset, orders: int = ORDERS, epochs: int = CONFIG.epochs) -> np.ndarray:
    """Behaviour head, a coat's attributes and their words as its content."""
    train, columns = data.extra["train"], data.extra["item_features"].columns
    users, items = np.nonzero(train)
    rated = pd.DataFrame({"user_id": users, "item_id": items, "liked": (train[users, items] >= 3).astype(int)})
    rng, size = np.random.default_rng(0), len(train)
    frame = pd.concat(
        [
            rated.iloc[rng.permutation(len(rated))].assign(user_id=lambda t, n=n: t["user_id"] + n * size)
            for n in range(orders)
        ]
    )
    worn = data.extra["item_features"].to_numpy() > 0
    words = [" ".join(name.split(":")[-1] for name in columns[row]) for row in worn]
    config = replace(CONFIG, epochs=epochs)
    model = TransformerRecommender(config).fit(frame, callbacks=(), items=data.items.assign(text=words))
    return model.score(range(size), head="behaviour")


def leaked(extra: dict[str, Any]) -> int:
    """Pairs that stand in both halves."""
    return int(((extra["train"] > 0) & (extra["test"] > 0)).sum())


if __name__ == "__main__":
    main()
