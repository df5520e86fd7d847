"""Text as a confounder: how much of a hidden confounder's bias each reading of the text takes away."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.averages.doubly_robust import aipw
from causalrec_lab.causal.effects.averages.least_squares import naive
from causalrec_lab.causal.effects.averages.weighting import ipw
from causalrec_lab.causal.effects.sample import Floats, nearest
from causalrec_lab.estimate import Estimate, Truth

if TYPE_CHECKING:
    from causalrec_lab.world import Platform

__all__ = ["ROWS", "TRAINED", "sentence_embedding", "share_of_removal", "text_confounding", "tfidf_embedding"]

ROWS = ("naive", "tables only", "+ TF-IDF", "+ text embeddings", "oracle")
TRAINED = ("+ fine-tuned", "CausalBERT")
Embed = Callable[[Sequence[str]], npt.NDArray[Any]]
_SENTENCE = re.compile(r"(?<=[.!?:])\s+|(?<=[。！？])")
_FOLDS = 10  # a reading of text gains more from a tenth more rows than the folds cost
_ESTIMATORS: Mapping[str, Callable[..., Estimate]] = {"aipw": aipw, "ipw": ipw}


def tfidf_embedding(texts: Sequence[str], dimensions: int = 300, *, seed: int = 0) -> Floats:
    """(n, d) TF-IDF of words seen in two texts or more, by truncated SVD where there are more words than `dimensions`.

    It looks at no treatment and no outcome, so it may be fitted on all rows.

    Raises
    ------
    ValueError
        If there are no texts, no dimensions, or no word stands in two of them.
    TypeError
        If a text is missing or no string.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    from causalrec_lab.recommender.text.encoder import checked_texts

    if len(texts) == 0:
        raise ValueError("tfidf_embedding: no texts; give one a row")
    if dimensions < 1:
        raise ValueError(f"tfidf_embedding(dimensions={dimensions}): give 1 or more")
    try:
        matrix = TfidfVectorizer(min_df=min(2, len(texts)), sublinear_tf=True).fit_transform(checked_texts(texts))
    except ValueError as error:
        raise ValueError(
            "tfidf_embedding: no word stands in two of the texts; are they empty, or written without spaces? Cut such "
            "texts into words first, or read them by sentence_embedding"
        ) from error
    if matrix.shape[1] <= dimensions:
        return np.asarray(matrix.toarray(), dtype=np.float64)
    return np.asarray(TruncatedSVD(dimensions, random_state=seed).fit_transform(matrix), dtype=np.float64)


def sentence_embedding(texts: Sequence[str], embed: Embed) -> Floats:
    """(n, d) mean of each text's sentence embeddings.

    An encoder gives a whole review one vector, in which a single opinion drowns; sentence by sentence it is heard,
    and each different sentence is embedded once.

    Raises
    ------
    ValueError
        If there are no texts, or `embed` does not give a vector to each sentence.
    TypeError
        If a text is missing or no string.
    """
    from causalrec_lab.recommender.text.encoder import checked_texts

    if len(texts) == 0:
        raise ValueError("sentence_embedding: no texts; give one a row")
    parts = [
        [s for s in (part.strip() for part in _SENTENCE.split(text)) if s] or [""] for text in checked_texts(texts)
    ]
    different = sorted({sentence for sentences in parts for sentence in sentences})
    place = {sentence: row for row, sentence in enumerate(different)}
    vectors = np.asarray(embed(different), dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) != len(different):
        raise ValueError(
            f"embed gave an array of shape {vectors.shape} for {len(different)} sentences; it must give one row to each"
        )
    return np.array([vectors[[place[sentence] for sentence in sentences]].mean(axis=0) for sentences in parts])


def text_confounding(
    platform: Platform,
    n: int,
    seed: int = 0,
    *,
    embed: Embed | None = None,
    outcome: str = "purchase",
    estimator: str = "aipw",
    nuisance: str = "spline",
    trained: Mapping[str, Any] | None = None,
) -> dict[str, Estimate]:
    r"""Estimate one effect five times, or seven, each time reading more of the text.

    Rows: naive; tables only; + TF-IDF; + text embeddings (left out where `embed` is None); oracle, which adjusts for
    :math:`E[h \mid \text{text}]`, all that the text can tell about the hidden confounder. Every user and every item
    stands at most once in the log: otherwise an item's embedding is a fixed effect of that item and recovers what its
    text never said (Veitch, Sridhar and Blei 2020 treat text as a confounder; the fixed-effect trap is why
    "once" matters).

    Parameters
    ----------
    platform
        A `world.Platform`; its dials say how strong the confounder is and how much the text tells of it.
    n, seed
        Decisions (at most the smaller of users and items) and seed of the log.
    embed
        texts -> (n, d) embeddings, such as `TextEncoder.load().embed`.
    outcome
        Outcome column.
    estimator
        "aipw" or "ipw".
    nuisance
        As in `aipw`.
    trained
        Options of `causal_bert` (an empty mapping takes its own), for two more rows: "+ fine-tuned", whose encoder
        learns from treatment and outcome, and "CausalBERT", with the masked-language term besides. They take minutes.

    Returns
    -------
    Row label -> estimate of the ATE; compare with `platform.truth.ate(outcome)`.

    Raises
    ------
    ValueError
        If the estimator is unknown, or the log cannot hold each user and item once.
    """
    if estimator not in _ESTIMATORS:
        raise ValueError(f"unknown estimator {estimator!r}; {nearest(estimator, list(_ESTIMATORS))}")
    frame = platform.log(n, seed, pairs="once").decisions
    assert frame is not None  # a platform's log always holds decisions
    covariates, texts = list(platform.covariates), platform.texts(frame)

    def adjusted(table: pd.DataFrame, columns: list[str], embeddings: npt.NDArray[Any] | None = None) -> Estimate:
        options = {"embeddings": embeddings, "seed": seed, "nuisance": nuisance, "folds": _FOLDS}
        return _ESTIMATORS[estimator](table, "treated", outcome, columns, **options)

    found = {"naive": naive(frame, "treated", outcome), "tables only": adjusted(frame, covariates)}
    found["+ TF-IDF"] = adjusted(frame, covariates, tfidf_embedding(texts))
    if embed is not None:
        found["+ text embeddings"] = adjusted(frame, covariates, sentence_embedding(texts, embed))
    if trained is not None:
        found |= _trained_rows(frame.assign(text=texts), outcome, covariates, trained, seed)
    with_oracle = frame.assign(text_oracle=platform.truth.text_oracle(frame))
    found["oracle"] = adjusted(with_oracle, [*covariates, "text_oracle"])
    return found


def _trained_rows(
    frame: pd.DataFrame, outcome: str, covariates: list[str], options: Mapping[str, Any], seed: int
) -> dict[str, Estimate]:
    from causalrec_lab.causal.effects.text.bert.estimator import causal_bert

    def row(**changed: float) -> Estimate:
        return causal_bert(frame, "treated", outcome, covariates, text="text", seed=seed, **{**options, **changed})

    return {"+ fine-tuned": row(masked_language_weight=0.0), "CausalBERT": row()}


def share_of_removal(found: Mapping[str, Estimate], truth: Truth | float) -> dict[str, float]:
    r"""What share of the bias that the oracle takes away each row takes away.

    :math:`(\hat\tau_{tables} - \hat\tau_{row}) / (\hat\tau_{tables} - \hat\tau_{oracle})`: 0 for tables only, 1 for
    the oracle; `nan` where the oracle takes nothing away. The truth drops out of it, but the sign of the bias is
    judged by it.

    Raises
    ------
    ValueError
        If the rows "tables only" or "oracle" are missing.
    """
    if missing := [label for label in ("tables only", "oracle") if label not in found]:
        raise ValueError(f"share_of_removal: no row {missing[0]!r}; give what text_confounding returned")
    tables, oracle = found["tables only"].value, found["oracle"].value
    gap = tables - oracle
    helped = abs(oracle - float(truth)) < abs(tables - float(truth)) and gap != 0
    return {label: (tables - row.value) / gap if helped else float("nan") for label, row in found.items()}
