"""Logistic regression on a text's vector and, if wanted, on its words; how strongly each is held back is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["LinearReader", "WordWeights"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
STRENGTHS = {"vectors": (0.3, 1.0, 3.0, 10.0, 30.0), "words": (1.0, 10.0, 100.0)}
FEW = 10.0  # inverse strength where a class has one text and nothing can be measured


@dataclass(frozen=True)
class WordWeights:
    """Words and pairs of neighbouring words as TF-IDF features, rows scaled to length one.

    Parameters
    ----------
    vocabulary
        (m,) words and pairs.
    idf
        (m,) inverse document frequencies, of the texts that were trained on.
    weights
        (m,) what each adds to the logit, a unit of TF-IDF.
    """

    vocabulary: tuple[str, ...]
    idf: Floats
    weights: Floats

    def logits(self, texts: list[str]) -> Floats:
        """(n,) what the words add."""
        if not texts:
            return np.zeros(0)
        vectorizer = _vectorizer(vocabulary=list(self.vocabulary))
        vectorizer.idf_ = self.idf
        return np.asarray(vectorizer.transform(texts) @ self.weights)


@dataclass(frozen=True, eq=False)
class LinearReader:
    r"""A logistic regression on vectors :math:`v` (n, d) and TF-IDF weights of words :math:`x` (n, m).

    .. math:: z = v^\top w + x^\top u + b, \qquad \min_{w, u, b} \sum_i c_i\, \ell(y_i, z_i)
        + \frac{\lVert w \rVert^2}{2 C_v} + \frac{\lVert u \rVert^2}{2 C_x}

    with the log loss l and class weights c. The inverse strengths C are those of least log loss on held-out rows of the
    training texts (stratified five-fold cross-validation, fewer folds where a class has fewer texts); words are counted
    anew in every fold. Without words the middle term is missing.

    Make one by `LinearReader.fit`.

    Parameters
    ----------
    weights, bias
        w and b.
    words
        u with its words; None if words are not read.
    tried
        Log loss of each pair of inverse strengths: columns vectors, words (NaN without), log loss; the best first.
        Empty where they were given.
    """

    weights: Floats
    bias: float
    words: WordWeights | None
    tried: pd.DataFrame

    @classmethod
    def fit(
        cls,
        vectors: Floats,
        texts: list[str] | None,
        labels: Ints,
        *,
        strength: float | None = None,
        class_weight: Literal["balanced"] | None = None,
        seed: int = 0,
    ) -> LinearReader:
        """Train on vectors (n, d) and, unless they are None, on the words of `texts`.

        Parameters
        ----------
        vectors, texts, labels
            Rows of the training texts; labels 0 or 1, both there.
        strength
            C of both; None: chosen by cross-validation.
        class_weight
            "balanced" weighs classes by their rarity, in the held-out log loss, too.
        seed
            Of the folds.

        Raises
        ------
        ValueError
            If no text has a word of two letters.
        """
        tried, chosen = _no_table(), {"vectors": strength or FEW, "words": strength or FEW}
        if strength is None and np.bincount(labels).min() > 1:
            tried = _cross_validated(vectors, texts, labels, class_weight, seed)
            chosen = {name: float(tried[name].iloc[0]) for name in ("vectors", "words")}
        counted = None if texts is None else _counted(texts)
        rows = _rows(vectors, None if counted is None or texts is None else counted.transform(texts), chosen)
        model = _logistic(chosen, class_weight, counted is not None).fit(rows, labels)
        found, d = np.asarray(model.coef_[0], dtype=np.float64), vectors.shape[1]
        words = None
        if counted is not None:
            names = tuple(str(name) for name in counted.get_feature_names_out())
            words = WordWeights(names, np.asarray(counted.idf_, dtype=np.float64), found[d:])
            found = np.concatenate([found[:d] * _scale(chosen), found[d:]])
        return cls(np.ascontiguousarray(found[:d]), float(model.intercept_[0]), words, tried)

    @classmethod
    def restored(cls, tensors: Mapping[str, Any], vocabulary: Sequence[str] | None) -> LinearReader:
        """From what `tensors` gave, and the vocabulary."""
        words = None
        if vocabulary is not None:
            words = WordWeights(tuple(vocabulary), tensors["words.idf"], tensors["words.weight"])
        return cls(tensors["head.weight"], float(tensors["head.bias"][0]), words, _no_table())

    @property
    def vocabulary(self) -> list[str] | None:
        """Words and pairs that are read; None if none are."""
        return None if self.words is None else list(self.words.vocabulary)

    def tensors(self) -> dict[str, Floats]:
        """All numbers, by name, to be kept."""
        held = {"head.weight": self.weights, "head.bias": np.atleast_1d(self.bias)}
        return held if self.words is None else held | {"words.idf": self.words.idf, "words.weight": self.words.weights}

    def logits(self, vectors: Floats, texts: list[str]) -> Floats:
        """(n,) log odds of class 1."""
        plain = np.asarray(vectors @ self.weights + self.bias, dtype=np.float64)
        return plain if self.words is None else plain + self.words.logits(texts)


def _cross_validated(
    vectors: Floats, texts: list[str] | None, y: Ints, class_weight: Literal["balanced"] | None, seed: int
) -> pd.DataFrame:
    """Held-out log loss of each pair of strengths, best first."""
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(min(5, int(np.bincount(y).min())), shuffle=True, random_state=seed)
    weight = np.ones(len(y)) if class_weight is None else (len(y) / (2 * np.bincount(y)))[y]
    grid = [{"vectors": v, "words": w} for v in STRENGTHS["vectors"] for w in (STRENGTHS["words"] if texts else (FEW,))]
    said = np.empty((len(grid), len(y)))
    for inside, out in folds.split(vectors, y):
        counted = None if texts is None else _counted([texts[row] for row in inside])
        words = None if counted is None or texts is None else counted.transform(texts)
        for place, strengths in enumerate(grid):
            rows = _rows(vectors, words, strengths)
            model = _logistic(strengths, class_weight, words is not None).fit(rows[inside], y[inside])
            said[place, out] = model.predict_proba(rows[out])[:, 1]
    losses = [log_loss(y, one, sample_weight=weight) for one in said]
    table = pd.DataFrame(grid).assign(**{"log loss": losses})
    table["words"] = table["words"] if texts is not None else float("nan")
    return table.sort_values("log loss", kind="stable").reset_index(drop=True)


def _no_table() -> pd.DataFrame:
    return pd.DataFrame({"vectors": [], "words": [], "log loss": []}, dtype=float)


def _rows(vectors: Floats, words: Any, strengths: dict[str, float]) -> Any:
    """Vectors, and words beside them; one penalty serves both once the vectors are scaled by sqrt(C_v / C_x)."""
    if words is None:
        return vectors
    from scipy.sparse import csr_array, hstack

    return hstack([csr_array(vectors * _scale(strengths)), words]).tocsr()


def _scale(strengths: dict[str, float]) -> float:
    return float(np.sqrt(strengths["vectors"] / strengths["words"]))


def _logistic(strengths: dict[str, float], class_weight: Literal["balanced"] | None, words: bool) -> Any:
    from sklearn.linear_model import LogisticRegression

    strength = strengths["words" if words else "vectors"]
    return LogisticRegression(C=strength, class_weight=class_weight, max_iter=2_000)


def _vectorizer(**settings: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, **settings)


def _counted(texts: list[str]) -> Any:
    """TF-IDF of words and pairs that stand in two texts or more; of all, where none does."""
    for least in (2, 1):
        try:
            return _vectorizer(min_df=least).fit(texts)
        except ValueError as error:
            lost = error
    raise ValueError(
        f"none of the {len(texts)} texts has a word of two letters or more (first: {texts[0][:40]!r}); "
        "TextClassifier(words=False) reads them by the encoder alone"
    ) from lost
