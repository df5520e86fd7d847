"""Texts to vectors: a pretrained encoder, a choice of poolings, a cache on disk."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from causalrec_lab.recommender.precision import Precision, autocast, resolve_precision
from causalrec_lab.recommender.progress import progress
from causalrec_lab.recommender.text.embedding_cache import EmbeddingCache, default_cache_dir, text_key
from causalrec_lab.recommender.text.legibility import legibility, warn_of_illegible
from causalrec_lab.recommender.text.pooling import Pooling, checked_pooling, pool, sentences
from causalrec_lab.recommender.text.pretrained import Weights, find_weights

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TextEncoder", "checked_texts", "load_backbone"]

Vectors = npt.NDArray[np.float32]
_log = logging.getLogger(__name__)


class TextEncoder:
    r"""Sentence vectors of a pretrained encoder.

    The vector of a text with token states :math:`s_1..s_m` is their mean over real tokens, scaled to length one:
    :math:`v = \bar s / \lVert \bar s \rVert_2` (Reimers & Gurevych 2019, Sentence-BERT, section 3); other poolings by
    `embed(texts, pooling=…)`.

    Make one by `TextEncoder.load`. `name` says which model was found, `dimension` how long a vector is.
    """

    def __init__(
        self, weights: Weights, cache: Path | None, precision: Precision = "auto", max_tokens: int = 256
    ) -> None:
        self.name = weights.name
        self.weights = weights
        self.precision = resolve_precision(precision)
        self.max_tokens = max_tokens
        self.dimension = _hidden_size(weights.folder)
        self._root = None if cache is None else cache / "embeddings"
        self._caches: dict[str, EmbeddingCache] = {}
        self._loaded: tuple[Any, Any] | None = None

    @classmethod
    def load(
        cls,
        name: str = "auto",
        cache: Path | str | Literal[False] | None = None,
        *,
        corpus: Sequence[str] | None = None,
        seed: int = 0,
        precision: Precision = "auto",
    ) -> TextEncoder:
        """Find an encoder; its weights are read when the first text that is not in the cache comes.

        Parameters
        ----------
        name
            "auto" (all-MiniLM-L6-v2 from the hub cache or the installed package), "tiny" (a small BERT trained on
            `corpus`), a folder, or a hub address.
        cache
            Folder for computed vectors; None takes CAUSALREC_CACHE or the user's cache folder, False keeps nothing.
        corpus, seed
            For "tiny": the texts to train on, and the seed.
        precision
            "auto", "bf16" or "fp32".

        Raises
        ------
        EncoderUnavailable
            If the weights are nowhere to be found (the message says what to install).
        ValueError
            If the name is unknown, or "tiny" comes without a corpus.
        """
        folder = None if cache is False else default_cache_dir() if cache is None else Path(cache)
        if name == "tiny":
            from causalrec_lab.recommender.text.tiny_bert import train_tiny

            weights = train_tiny(checked_texts(corpus or ()), folder, seed=seed)
        else:
            weights = find_weights(name)
        _log.info("text encoder: %s", weights.name)
        return cls(weights, folder, precision)

    def embed(self, texts: Iterable[str], batch_size: int = 64, *, pooling: Pooling = "mean") -> Vectors:
        """Vectors of `texts`, shape (n, dimension), float32, rows of length one.

        Equal texts are embedded once, texts seen before come from the cache (keyed by text, model and pooling), batches
        are sorted by length. An empty text gets the vector of "no words", the same for all empty texts. Of texts the
        tokenizer does not know and of texts that are cut a warning tells, when they are first computed; `legibility`
        tells it at any time.

        Parameters
        ----------
        texts
            (n,) strings.
        batch_size
            Texts computed at once.
        pooling
            "mean" over tokens, "cls" the first token's state, "max" over tokens in each dimension, "sentences" the mean
            of the sentences' mean vectors: nothing of a long text is cut but what a single sentence has too much.

        Raises
        ------
        TypeError
            If an element is not a string (missing values included).
        ValueError
            If the pooling is unknown.
        """
        listed, chosen = checked_texts(texts), checked_pooling(pooling)
        keys = [text_key(text) for text in listed]
        first = {key: row for row, key in reversed(list(enumerate(keys)))}
        unique, cache = list(first), self._cache_of(chosen)
        vectors, found = cache.get(unique)
        missing = np.flatnonzero(~found)
        if len(missing):
            new = [listed[first[unique[row]]] for row in missing]
            vectors[missing] = (
                self._by_sentence(new, batch_size) if chosen == "sentences" else self._compute(new, batch_size, chosen)
            )
            cache.put([unique[row] for row in missing], vectors[missing])
        place = {key: row for row, key in enumerate(unique)}
        return vectors[[place[key] for key in keys]]

    def legibility(self, texts: Iterable[str]) -> pd.DataFrame:
        """Tokens, share of unknown ones, and whether it is cut, of each text; see `legibility.legibility`."""
        return legibility(self._ready()[0], checked_texts(texts), self.max_tokens)

    def backbone(self) -> tuple[Any, Any]:
        """Tokenizer and a fresh copy of the model in training precision (fp32), for fine-tuning."""
        return load_backbone(self.weights.folder)

    def _ready(self) -> tuple[Any, Any]:
        self._loaded = self._loaded or load_backbone(self.weights.folder)
        return self._loaded

    def _compute(self, texts: list[str], batch_size: int, pooling: Pooling = "mean") -> Vectors:
        import torch

        tokenizer, model = self._ready()
        warn_of_illegible(tokenizer, texts, self.max_tokens, self.name, level=4)
        tokens = tokenizer(texts, truncation=True, max_length=self.max_tokens)["input_ids"]
        order = np.argsort([-len(ids) for ids in tokens], kind="stable")
        out = np.empty((len(texts), self.dimension), dtype=np.float32)
        with torch.inference_mode(), autocast(self.precision):
            for rows in progress(_chunks(order, batch_size), "embedding texts", worth=len(texts) >= 2_000):
                batch = tokenizer.pad({"input_ids": [tokens[row] for row in rows]}, return_tensors="pt")
                out[rows] = pool(model(**batch).last_hidden_state, batch["attention_mask"], pooling).numpy()
        return out

    def _by_sentence(self, texts: list[str], batch_size: int) -> Vectors:
        parts = [sentences(text) for text in texts]
        vectors = self.embed([part for own in parts for part in own], batch_size)
        ends = np.cumsum([0, *map(len, parts)])
        sums = np.add.reduceat(vectors, ends[:-1], axis=0)
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), dtype=np.float32)

    def _cache_of(self, pooling: Pooling) -> EmbeddingCache:
        if pooling not in self._caches:
            recipe = f"{self.weights.fingerprint}|{pooling}|l2|{self.precision}|{self.max_tokens}"
            name = hashlib.sha256(recipe.encode()).hexdigest()[:24]
            self._caches[pooling] = EmbeddingCache(None if self._root is None else self._root / name, self.dimension)
        return self._caches[pooling]


def load_backbone(folder: Path) -> tuple[Any, Any]:
    """Tokenizer and model in `folder`, in evaluation mode, read from safetensors without touching the network."""
    from transformers import AutoModel, AutoTokenizer

    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    return tokenizer, model.eval()


def checked_texts(texts: Iterable[str]) -> list[str]:
    """List of `texts`, each a string.

    Raises
    ------
    TypeError
        If one string is given in place of many, or an element is not a string.
    """
    if isinstance(texts, str):
        raise TypeError(f"texts is one string ({texts[:40]!r}); give a list of texts: [text]")
    listed: list[object] = list(texts)
    bad = [row for row, text in enumerate(listed) if not isinstance(text, str)]
    if bad:
        raise TypeError(
            f"texts has {len(bad)} values that are no strings, first at row {bad[0]}: {listed[bad[0]]!r}; "
            "replace missing texts by '' (frame['text'].fillna(''))"
        )
    return [str(text) for text in listed]


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' load reports and bars for a while; what was set before comes back."""
    from transformers.utils import logging as hf_logging

    level, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        hf_logging.set_verbosity(level)
        if bars:
            hf_logging.enable_progress_bar()


def _hidden_size(folder: Path) -> int:
    import json

    return int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["hidden_size"])


def _chunks(order: npt.NDArray[np.int64], size: int) -> list[npt.NDArray[np.int64]]:
    return [order[start : start + size] for start in range(0, len(order), size)]
