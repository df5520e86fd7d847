"""Topics of a collection of texts, labelled by the words that set them apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.text.encoder import checked_texts

__all__ = ["Topics"]

Floats = npt.NDArray[np.float64]


class Topics:
    r"""Topics found in texts, and how much of each a text holds.

    "nmf": words' TF-IDF weights :math:`X \approx W H` with nonnegative factors (Lee & Seung 1999, Nature 401); a text's
    shares are its row of W, with rows of H scaled to sum one, divided by the row's sum. "kmeans": one topic a text,
    the nearest of k centres among TF-IDF rows scaled to length one (Dhillon & Modha 2001, spherical k-means, by
    Euclidean distance).

    A topic is labelled by class-based TF-IDF (Grootendorst 2022, BERTopic, section 3.3): all texts whose main topic is
    c are one document, and word t weighs :math:`W_{t,c} = tf_{t,c} \log(1 + A / tf_t)`, with A the mean number of words
    a topic.

    Make one by `Topics.fit`.
    """

    def __init__(self, vectorizer: Any, model: Any, words: pd.DataFrame, labels: list[str]) -> None:
        self._vectorizer = vectorizer
        self._model = model
        self._words = words
        self.labels = labels

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        n_topics: int = 8,
        *,
        method: Literal["nmf", "kmeans"] = "nmf",
        min_texts: int = 3,
        max_share: float = 0.5,
        language: str | None = "english",
        seed: int = 0,
    ) -> Topics:
        """Find topics in `texts`.

        Parameters
        ----------
        texts
            (n,) texts, usually one an item.
        n_topics
            How many topics.
        method
            "nmf" (shares of several topics a text) or "kmeans" (one topic a text).
        min_texts, max_share
            Words in fewer texts, or in more than this share of them, are left out.
        language
            "english" leaves out stop words as scikit-learn lists them; None keeps all.
        seed
            Of k-means' starts.

        Raises
        ------
        ValueError
            If the method is unknown, there are fewer texts or words than topics, or no text has a word left.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer

        listed = checked_texts(texts)
        if method not in ("nmf", "kmeans"):
            raise ValueError(f"Topics.fit(method={method!r}): give 'nmf' or 'kmeans'")
        if not 2 <= n_topics <= len(listed):
            raise ValueError(f"Topics.fit(n_topics={n_topics}): give 2 to {len(listed)}, the number of texts")
        vectorizer = TfidfVectorizer(
            min_df=min(min_texts, len(listed)), max_df=max_share, stop_words=language, sublinear_tf=True
        )
        try:
            weights = vectorizer.fit_transform(listed)
        except ValueError as error:
            raise ValueError(
                f"no word stands in at least {min_texts} and at most {max_share:.0%} of the {len(listed)} texts "
                f"(first: {listed[0][:40]!r}); lower min_texts, raise max_share, or give more texts. Words are runs of "
                "letters: where a script writes no spaces (Chinese), put spaces between the words first"
            ) from error
        if weights.shape[1] < n_topics:
            raise ValueError(f"{weights.shape[1]} words for {n_topics} topics; ask for fewer topics or lower min_texts")
        model = _fitted(weights, n_topics, method, seed)
        main = _shares(model, weights).argmax(axis=1)
        words = _distinctive(vectorizer, listed, main, n_topics)
        return cls(vectorizer, model, words, _labels(words, n_topics))

    def shares(self, texts: Iterable[str]) -> pd.DataFrame:
        """Share of each topic in each text, (n, topics), rows summing to one; 1 / topics where no word is known."""
        listed = checked_texts(texts)
        if not listed:
            return pd.DataFrame(np.zeros((0, len(self.labels))), columns=self.labels)
        weights = self._vectorizer.transform(listed)
        shares = _shares(self._model, weights)
        shares[np.diff(weights.indptr) == 0] = 1 / len(self.labels)
        return pd.DataFrame(shares, columns=self.labels)

    def words(self, n: int = 5) -> pd.DataFrame:
        """The n most distinctive words of each topic: columns topic (label), word, weight; heaviest first."""
        return self._words.groupby("topic", sort=False).head(n).reset_index(drop=True)


def _fitted(weights: Any, n_topics: int, method: str, seed: int) -> Any:
    if method == "kmeans":
        from sklearn.cluster import KMeans

        return KMeans(n_topics, n_init=5, random_state=seed).fit(weights)
    from sklearn.decomposition import NMF

    with np.errstate(invalid="ignore"):  # the error of an exact factorisation is zero, or a hair below: its root is nan
        return NMF(n_topics, init="nndsvda", max_iter=500, tol=1e-3).fit(weights)


def _shares(model: Any, weights: Any) -> Floats:
    """(n, topics), rows summing to one."""
    if hasattr(model, "cluster_centers_"):
        return np.asarray(np.eye(len(model.cluster_centers_))[model.predict(weights)])
    held = np.asarray(model.transform(weights), dtype=np.float64) * model.components_.sum(axis=1)
    total = held.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, held / np.where(total > 0, total, 1), 1 / held.shape[1]))


def _distinctive(vectorizer: Any, texts: Sequence[str], main: npt.NDArray[np.int64], n_topics: int) -> pd.DataFrame:
    """Words of each topic by class-based TF-IDF, the topic as a number for now."""
    analyse, vocabulary = vectorizer.build_analyzer(), vectorizer.vocabulary_
    counts = np.zeros((n_topics, len(vocabulary)))
    for text, topic in zip(texts, main, strict=True):
        for word in analyse(text):
            if word in vocabulary:
                counts[topic, vocabulary[word]] += 1
    weight = counts * np.log1p(counts.sum() / n_topics / np.maximum(counts.sum(axis=0), 1))
    names = vectorizer.get_feature_names_out()
    rows = [
        (topic, names[place], weight[topic, place])
        for topic in range(n_topics)
        for place in np.argsort(-weight[topic], kind="stable")[:50]
        if weight[topic, place] > 0
    ]
    return pd.DataFrame(rows, columns=["topic", "word", "weight"])


def _labels(words: pd.DataFrame, n_topics: int) -> list[str]:
    """Three words a topic, written into `words`; a topic that is no text's main one is called by its number."""
    heads = words.groupby("topic")["word"].agg(lambda own: ", ".join(own.head(3)))
    labels = [str(heads.get(topic, f"topic {topic + 1}")) for topic in range(n_topics)]
    for topic in range(n_topics):
        if labels[topic] in labels[:topic]:
            labels[topic] += f" ({topic + 1})"
    words["topic"] = [labels[topic] for topic in words["topic"]]
    return labels
