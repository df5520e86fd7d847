"""Finding items by text: BM25, TF-IDF, embeddings, and how well each finds what was wanted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.evaluation.ranking import user_bootstrap
from causalrec_lab.recommender.text.encoder import TextEncoder, checked_texts

__all__ = ["TextMatcher", "retrieval_metrics"]

Floats = npt.NDArray[np.float64]
METHODS = ("bm25", "tfidf", "embedding", "both")


class TextMatcher:
    r"""Scores of texts against queries.

    "bm25" (Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond"): for a query q,

    .. math:: s(q, d) = \sum_{t \in q} idf_t \frac{f_{td}\,(k_1 + 1)}{f_{td} + k_1 (1 - b + b\,|d| / \overline{|d|})},
        \qquad idf_t = \log\Bigl(1 + \frac{N - n_t + 0.5}{n_t + 0.5}\Bigr)

    with f the count of t in d, n the texts that hold it, :math:`k_1 = 1.2`, b = 0.75. "tfidf": cosine of TF-IDF rows;
    "embedding": cosine of the encoder's vectors; "both": the sum of BM25's and the embedding's scores, each
    standardised within a query. Words are runs of two letters or more: where a script has no spaces between words
    (Chinese), only "embedding" with an encoder of that language finds anything.

    Parameters
    ----------
    method
        Which of them.
    encoder
        For "embedding" and "both"; `TextEncoder.load()` by default.
    k1, b
        Of BM25.

    Raises
    ------
    ValueError
        If the method is unknown.
    """

    def __init__(
        self, method: str = "bm25", *, encoder: TextEncoder | None = None, k1: float = 1.2, b: float = 0.75
    ) -> None:
        if method not in METHODS:
            near = difflib.get_close_matches(str(method), METHODS, n=1, cutoff=0.4)
            raise ValueError(
                f"TextMatcher(method={method!r}) is unknown{f'; did you mean {near[0]!r}?' if near else '.'} Known: "
                f"{', '.join(map(repr, METHODS))}"
            )
        self.method = method
        self._encoder = encoder
        self._k1, self._b = k1, b
        self._ids: pd.Index | None = None

    def fit(self, texts: Iterable[str], ids: Sequence[Any] | pd.Series[Any] | None = None) -> TextMatcher:
        """Take in the texts that are to be found.

        Parameters
        ----------
        texts
            (n,) texts.
        ids
            Their names in `best`; 0..n-1 by default.

        Raises
        ------
        ValueError
            If there is no text, no text has a word (of two letters, for all but "embedding"), or the ids are of another
            number.
        """
        listed = checked_texts(texts)
        if not any(text.strip() for text in listed):
            raise ValueError(f"none of the {len(listed)} texts has a word; there is nothing to find")
        self._ids = pd.RangeIndex(len(listed)) if ids is None else pd.Index(ids)
        if len(self._ids) != len(listed):
            raise ValueError(f"{len(listed)} texts but {len(self._ids)} ids; give one id a text")
        if self.method != "embedding":
            self._fit_words(listed)
        if self.method in ("embedding", "both"):
            self._encoder = self._encoder or TextEncoder.load()
            self._vectors = self._encoder.embed(listed).astype(np.float64)
        return self

    def scores(self, queries: Iterable[str]) -> Floats:
        """(n_queries, n_texts): the higher, the better; a query without a known word scores all texts alike.

        Raises
        ------
        ValueError
            If nothing was fitted.
        """
        if self._ids is None:
            raise ValueError("this TextMatcher holds no texts; call fit(texts) first")
        asked = checked_texts(queries)
        if self.method == "tfidf":
            return np.asarray((self._vectorizer.transform(asked) @ self._texts.T).todense(), dtype=np.float64)
        if self.method == "bm25":
            return self._bm25(asked)
        assert self._encoder is not None  # set by fit
        near = self._encoder.embed(asked).astype(np.float64) @ self._vectors.T
        return near if self.method == "embedding" else _standardised(near) + _standardised(self._bm25(asked))

    def best(self, query: str, n: int = 5) -> pd.DataFrame:
        """The n best texts for one query: columns id and score, best first (ties in the order of the texts)."""
        scores = self.scores([query])[0]
        order = np.argsort(-scores, kind="stable")[:n]
        assert self._ids is not None  # scores() has asked
        return pd.DataFrame({"id": self._ids[order], "score": scores[order]})

    def _fit_words(self, texts: list[str]) -> None:
        try:
            if self.method == "tfidf":
                from sklearn.feature_extraction.text import TfidfVectorizer

                self._vectorizer = TfidfVectorizer(sublinear_tf=True)
                self._texts = self._vectorizer.fit_transform(texts)
            else:
                self._fit_bm25(texts)
        except ValueError as error:
            raise ValueError(
                f"none of the {len(texts)} texts has a word of two letters or more (first: {texts[0][:40]!r}); "
                "TextMatcher('embedding') needs none"
            ) from error

    def _fit_bm25(self, texts: list[str]) -> None:
        from scipy.sparse import csr_array
        from sklearn.feature_extraction.text import CountVectorizer

        self._counter = CountVectorizer()
        counts = csr_array(self._counter.fit_transform(texts), dtype=np.float64).tocoo()
        lengths = np.bincount(counts.row, counts.data, len(texts))
        norm = self._k1 * (1 - self._b + self._b * lengths / lengths.mean())
        holds = np.bincount(counts.col, minlength=counts.shape[1])
        rarity = np.log1p((len(texts) - holds + 0.5) / (holds + 0.5))
        weight = rarity[counts.col] * counts.data * (self._k1 + 1) / (counts.data + norm[counts.row])
        self._weights = csr_array((weight, (counts.row, counts.col)), shape=counts.shape)

    def _bm25(self, queries: list[str]) -> Floats:
        return np.asarray((self._counter.transform(queries) @ self._weights.T).todense(), dtype=np.float64)


def retrieval_metrics(
    scores: Any,
    relevant: Any,
    k: Sequence[int] = (1, 5, 10),
    *,
    level: float = 0.95,
    replications: int = 1_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Recall@k and MRR of ranked texts, with intervals over queries.

    With :math:`R_q` the relevant texts of a query: recall@k is the share of :math:`R_q` among its k best, MRR the mean
    of 1 / rank of the best relevant one (Manning, Raghavan & Schütze 2008, chapter 8). A text tied with others stands
    at its worst rank among them, so that a matcher that scores all texts alike finds nothing.

    Parameters
    ----------
    scores
        (n_queries, n_texts), the higher, the better.
    relevant
        (n_queries,) place of the one relevant text, or (n_queries, n_texts) of 0/1. Queries without a relevant text
        are left out.
    k
        Cut-offs.
    level, replications, seed
        Intervals: Bayesian bootstrap over queries (Rubin 1981).

    Returns
    -------
    DataFrame indexed by metric, columns value, low, high, queries, texts, chance: the metric's expectation under a
    random order.

    Raises
    ------
    ValueError
        If shapes differ, a score is NaN, a cut-off is out of range, or no query has a relevant text.
    """
    found = np.asarray(scores, dtype=np.float64)
    wanted = _relevance(np.asarray(relevant), found)
    if np.isnan(found).any():
        raise ValueError(f"scores has {int(np.isnan(found).sum())} NaN; a ranking needs a number for every text")
    if bad := [cut for cut in k if not 1 <= cut <= found.shape[1]]:
        raise ValueError(f"retrieval_metrics(k={bad}): there are {found.shape[1]} texts; cut-offs lie in 1..that")
    asked = wanted.any(axis=1)
    if not asked.any():
        raise ValueError(f"none of the {len(wanted)} queries has a relevant text")
    found, wanted = found[asked], wanted[asked]
    ranks = np.where(wanted, _worst_ranks(found), np.inf)
    many = wanted.sum(axis=1)
    per_query = pd.DataFrame({f"recall@{cut}": (ranks <= cut).sum(axis=1) / many for cut in k})
    per_query["MRR"] = 1 / ranks.min(axis=1)
    low, high = user_bootstrap(per_query.to_numpy(), level, replications, seed)
    table = pd.DataFrame({"value": per_query.mean(), "low": low, "high": high})
    chance = [cut / found.shape[1] for cut in k] + [float(np.mean([_chance_mrr(m, found.shape[1]) for m in many]))]
    return table.assign(queries=len(found), texts=found.shape[1], chance=chance).rename_axis("metric")


def _relevance(relevant: npt.NDArray[Any], scores: Floats) -> npt.NDArray[np.bool_]:
    if relevant.shape == scores.shape:
        return relevant.astype(bool)
    if scores.ndim != 2 or relevant.shape != (len(scores),):
        raise ValueError(
            f"scores {scores.shape} and relevant {relevant.shape} do not fit; give (queries, texts) scores with "
            "(queries,) places or (queries, texts) of 0/1"
        )
    if not ((relevant >= 0) & (relevant < scores.shape[1])).all():
        raise ValueError(f"relevant names places outside 0..{scores.shape[1] - 1}")
    return np.asarray(np.arange(scores.shape[1]) == relevant[:, None])


def _worst_ranks(scores: Floats) -> Floats:
    """1-based rank of every text in its row, tied texts all at the last of their places."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-scores, method="max", axis=1))


def _chance_mrr(relevant: int, texts: int) -> float:
    """Expected 1 / rank of the best of so many relevant texts in a random order."""
    ranks = np.arange(1, texts - relevant + 2)
    survive = np.cumprod(np.concatenate([[1.0], 1 - relevant / (texts - np.arange(texts - relevant))]))
    here = survive * relevant / (texts - ranks + 1)
    return float((here / ranks).sum())


def _standardised(scores: Floats) -> Floats:
    spread = scores.std(axis=1, keepdims=True)
    return np.asarray((scores - scores.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1))
