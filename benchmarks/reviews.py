"""Clothing reviews (R5): does a frozen encoder read an endorsement as well as TF-IDF? 5 x 5 folds, paired.

A recommendation given after the purchase is an endorsement, not buy / not-buy. Title and review are one text.

    python benchmarks/reviews.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from recording import clock, record
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from causalrec_lab.data import load
from causalrec_lab.recommender import TextEncoder, auc, auc_difference

REPEATS, FOLDS = 5, 5


def main() -> None:
    """Out-of-fold scores of each repeat, AUC of each, DeLong's paired difference."""
    reviews = load("clothing_reviews").extra["reviews"]
    texts, y = (reviews["title"] + ". " + reviews["text"]).to_numpy(), reviews["recommended"].to_numpy()
    encoder = TextEncoder.load("auto")
    with clock() as seconds:
        vectors = encoder.embed(texts)
        scores = {name: folds(texts, vectors, y, name) for name in ("TF-IDF", "encoder", "both")}
    rows = {}
    for name, found in scores.items():
        each = [auc(y, score) for score in found]
        gaps = [auc_difference(y, score, base) for score, base in zip(found, scores["TF-IDF"], strict=True)]
        rows[name] = mean(each) | {f"minus TF-IDF: {k}": v for k, v in mean(gaps).items()}
    table = pd.DataFrame(rows).T.rename_axis("model")
    record("reviews", table, seconds[0], encoder=encoder.name, protocol=f"{REPEATS} x {FOLDS} folds, title + review")


def folds(texts: np.ndarray, vectors: np.ndarray, y: np.ndarray, name: str) -> list[np.ndarray]:
    """Out-of-fold probabilities, one array a repeat."""
    found = []
    for repeat in range(REPEATS):
        score = np.empty(len(y))
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=repeat).split(texts, y):
            parts = []
            if name != "encoder":
                words = make_pipeline(
                    TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
                    LogisticRegression(C=10, max_iter=1_000),
                )
                parts.append(words.fit(texts[train], y[train]).decision_function(texts[test]))
            if name != "TF-IDF":
                probe = LogisticRegression(C=10, max_iter=1_000).fit(vectors[train], y[train])
                parts.append(probe.decision_function(vectors[test]))
            score[test] = np.mean(parts, axis=0)
        found.append(score)
    return found


def mean(estimates: list) -> dict[str, float]:
    """Mean over repeats; the standard error of one repeat, since repeats share their rows."""
    return {
        "AUC": float(np.mean([e.value for e in estimates])),
        "std_error": float(np.mean([e.std_error for e in estimates])),
        "low": float(np.mean([e.low for e in estimates])),
        "high": float(np.mean([e.high for e in estimates])),
    }


if __name__ == "__main__":
    main()
