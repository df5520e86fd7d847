"""Text in a structural equation model: several readings of one text, as indicators of a latent interest."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.effects.nuisances.ridge import choose_penalty
from causalrec_lab.causal.effects.text.confounding import sentence_embedding, tfidf_embedding

__all__ = ["split_texts", "text_readings"]

Array = NDArray[np.float64]
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def split_texts(texts: Sequence[str], parts: int, seed: int = 0) -> list[list[str]]:
    """Deal the sentences of each text at random to `parts` texts of about the same length.

    Parameters
    ----------
    texts
        One a row.
    parts
        Texts made of each.
    seed
        Of the dealing.

    Returns
    -------
    For each part, its texts in the order of the rows.

    Raises
    ------
    ValueError
        If fewer than two parts are asked for, or hardly any text has so many sentences.
    """
    if parts < 2:
        raise ValueError(
            f"parts={parts}: one part is no repeated reading; three identify a latent interest by themselves"
        )
    rng = np.random.default_rng(seed)
    out: list[list[str]] = [[] for _ in range(parts)]
    short = 0
    for text in texts:
        sentences = [s for s in _SENTENCE.split(text.strip()) if s]
        short += len(sentences) < parts
        order = rng.permutation(len(sentences))
        for k in range(parts):
            out[k].append(" ".join(sentences[i] for i in sorted(order[k::parts])))
    if short > len(texts) / 2:
        raise ValueError(f"{short} of {len(texts)} texts have fewer than {parts} sentences; take fewer parts")
    return out


def text_readings(
    texts: Sequence[str],
    target: Sequence[float] | NDArray[Any] | pd.Series,
    *,
    parts: int = 3,
    embed: Callable[[Sequence[str]], NDArray[Any]] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Several readings of each text, made to measure what it tells about the treatment.

    The sentences of a text are dealt to `parts` shorter texts; each is embedded, and its embedding reduced to one
    number, the ridge prediction of `target` by weights that were learned on other rows (cross-fitted). Given the
    interest behind the words, parts that were written independently err independently, which is what

    .. math:: \text{reading}_k = \lambda_k \, \text{interest} + \varepsilon_k, \qquad
              \varepsilon_1, \varepsilon_2, \varepsilon_3 \text{ uncorrelated}

    asks for: ``interest =~ reading1 + reading2 + reading3``. Principal components of one embedding would not do:
    they are uncorrelated by construction, so no common factor can stand behind them. Several measurements of a latent
    confounder identify it as in Kuroki & Pearl (2014).

    Parameters
    ----------
    texts
        One a row, written before the treatment.
    target
        What the readings foretell, (n,): the treatment (a text confounds through what it says of it). Not the outcome:
        the reading would carry the effect itself.
    parts
        Readings made.
    embed
        texts -> (n, d) embeddings; TF-IDF by default.
    folds, seed
        Folds of the cross-fitting, and seed of dealing and folds.

    Returns
    -------
    DataFrame with columns reading1, reading2, …, standardised, in the order of the rows.

    Raises
    ------
    ValueError
        If texts and target differ in length, there are too few sentences, or the target is constant.
    """
    wanted = np.asarray(target, dtype=np.float64)
    if len(wanted) != len(texts):
        raise ValueError(f"{len(texts)} texts but {len(wanted)} targets; give one of each a row")
    if not wanted.std() > 0:
        raise ValueError("the target is constant: no reading of the text can foretell it")
    if not 2 <= folds <= len(texts):
        raise ValueError(f"folds={folds}; give a number between 2 and the {len(texts):,} rows")
    fold = np.random.default_rng(seed).permutation(np.arange(len(texts)) % folds)
    columns = {}
    for k, part in enumerate(split_texts(texts, parts, seed), 1):
        vectors = tfidf_embedding(part) if embed is None else sentence_embedding(part, embed)
        reading = _out_of_fold(vectors, wanted, fold)
        columns[f"reading{k}"] = (reading - reading.mean()) / reading.std()
    return pd.DataFrame(columns)


def _out_of_fold(vectors: Array, target: Array, fold: NDArray[np.int_]) -> Array:
    """Ridge predictions of rows by weights learned on the other folds, each fold brought to one scale."""
    out = np.empty(len(target))
    for k in np.unique(fold):
        train, test = fold != k, fold == k
        centre, level = vectors[train].mean(axis=0), target[train].mean()
        X, y = vectors[train] - centre, target[train] - level
        penalty = choose_penalty(np.ones((len(y), 1)), X, y, np.ones(len(y)))
        weights = np.linalg.solve(X.T @ X + penalty * np.eye(X.shape[1]), X.T @ y)
        out[test] = (vectors[test] - centre) @ weights
    return out
