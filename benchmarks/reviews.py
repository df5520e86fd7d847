"""Clothing reviews (R5): does a frozen encoder read an endorsement as well as TF-IDF? 5 x 5 folds, paired.

A recommendation given after the purchase is an endorsement, not buy / not-buy. Title and review are one text. Words,
their weights, penalties and (in the row "ours") the pooling are chosen on a fold's training rows alone, by the log loss
of an inner five-fold cross-validation. That sentences are a pooling worth trying was seen on the training rows of one
outer fold, by inner cross-validation. The warm-up pairs a training review's title with its text and takes a minute a
fold, so it runs for the first repeat, beside the same reader without it on the same folds.

    python benchmarks/reviews.py
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from recording import clock, record
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from causalrec_lab.data import load
from causalrec_lab.recommender import TextClassifier, TextEncoder, auc, auc_difference, contrastive_warm_up

REPEATS, FOLDS = 5, 5
BASE, OURS = "TF-IDF", "words + encoder, pooling by inner folds"
READERS = {
    "encoder, mean of tokens": {"pooling": "mean"},
    "encoder, mean of sentences": {"pooling": "sentences"},
    "words + encoder, mean of tokens": {"pooling": "mean", "words": True},
    "words + encoder, mean of sentences": {"pooling": "sentences", "words": True},
}


def main() -> None:
    """Out-of-fold scores of each repeat, AUC of each, DeLong's paired difference."""
    reviews = load("clothing_reviews").extra["reviews"]
    texts, y = (reviews["title"] + ". " + reviews["text"]).tolist(), reviews["recommended"].to_numpy()
    encoder = TextEncoder.load("auto")
    scores: dict[str, list[np.ndarray]] = {}
    with clock() as seconds:
        for repeat in range(REPEATS):
            for name, score in out_of_fold(texts, y, repeat):
                scores.setdefault(name, [np.empty(len(y)) for _ in range(REPEATS)])[repeat][:] = score
        warmed = warm(reviews, texts, y, encoder)
    rows = {name: row(y, found, scores[BASE]) for name, found in scores.items()}
    last = "words + encoder, mean of sentences"
    rows["first repeat: " + last] = row(y, scores[last][:1], scores[BASE][:1])
    rows["first repeat: warmed, " + last] = row(y, [warmed], scores[BASE][:1])
    for key, estimate in named(auc_difference(y, warmed, scores[last][0])).items():
        rows["first repeat: warmed, " + last][f"minus not warmed: {key}"] = estimate
    protocol = f"{REPEATS} x {FOLDS} folds, title + review; the bar: {OURS} >= {BASE} - .005, aim .945"
    table = pd.DataFrame(rows).T.rename_axis("model")
    record("reviews", table, seconds[0], encoder=encoder.name, protocol=protocol)


def out_of_fold(texts: list[str], y: np.ndarray, repeat: int) -> Iterator[tuple[str, np.ndarray]]:
    """Log odds of every reader on rows it was not trained on; "ours" is in each fold the one of least inner loss."""
    scores = {name: np.empty(len(y)) for name in (BASE, *READERS, OURS)}
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=repeat).split(texts, y):
        known, unseen = [texts[row] for row in train], [texts[row] for row in test]
        tfidf = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        words = make_pipeline(tfidf, LogisticRegression(C=10, max_iter=1_000))
        scores[BASE][test] = words.fit(known, y[train]).decision_function(unseen)
        losses = {}
        for name, settings in READERS.items():
            reader = TextClassifier(**settings).fit(known, y[train])
            scores[name][test] = reader.logits(unseen)
            losses[name] = reader.cross_validation["log loss"].iloc[0] if "words" in settings else np.inf
        scores[OURS][test] = scores[min(losses, key=losses.__getitem__)][test]
    yield from scores.items()


def warm(reviews: pd.DataFrame, texts: list[str], y: np.ndarray, encoder: TextEncoder) -> np.ndarray:
    """As the last reader, on an encoder that learned from the training rows which title belongs to which text."""
    score = np.empty(len(y))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(texts, y):
        own = reviews.iloc[train][reviews["title"].iloc[train].ne("").to_numpy()]
        warmed = contrastive_warm_up(encoder, own["title"].tolist(), own["text"].tolist(), epochs=2, layers=3)
        reader = TextClassifier("frozen", str(warmed.folder), pooling="sentences", words=True)
        score[test] = reader.fit([texts[row] for row in train], y[train]).logits([texts[row] for row in test])
    return score


def row(y: np.ndarray, found: list[np.ndarray], base: list[np.ndarray]) -> dict[str, float]:
    """Means over repeats; the standard error of one repeat, since repeats share their rows."""
    own = pd.DataFrame([named(auc(y, score)) for score in found]).mean()
    gap = pd.DataFrame([named(auc_difference(y, *pair)) for pair in zip(found, base, strict=True)]).mean()
    return own.to_dict() | {f"minus {BASE}: {key}": value for key, value in gap.items()} | {"repeats": len(found)}


def named(estimate) -> dict[str, float]:
    """An estimate's numbers."""
    return {"AUC": estimate.value, "std_error": estimate.std_error, "low": estimate.low, "high": estimate.high}


if __name__ == "__main__":
    main()
