"""Texts to vectors: a pretrained encoder, mean pooling, a cache on disk."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from causalrec_lab.recommender.embedding_cache import EmbeddingCache, default_cache_dir, text_key
from causalrec_lab.recommender.precision import Precision, autocast, resolve_precision
from causalrec_lab.recommender.pretrained import Weights, find_weights
from causalrec_lab.recommender.progress import progress

if TYPE_CHECKING:
    import torch

__all__ = ["TextEncoder", "checked_texts", "load_backbone", "pool"]

Vectors = npt.NDArray[np.float32]
_log = logging.getLogger(__name__)


class TextEncoder:
    r"""Sentence vectors of a pretrained encoder.

    The vector of a text with token states :math:`s_1..s_m` is their mean over real tokens, scaled to length one:
    :math:`v = \bar s / \lVert \bar s \rVert_2` (Reimers & Gurevych 2019, Sentence-BERT, section 3).

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
        self._cache = EmbeddingCache(
            None if cache is None else cache / "embeddings" / self._cache_name(), self.dimension
        )
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
            from causalrec_lab.recommender.tiny_bert import train_tiny

            weights = train_tiny(checked_texts(corpus or ()), folder, seed=seed)
        else:
            weights = find_weights(name)
        _log.info("text encoder: %s", weights.name)
        return cls(weights, folder, precision)

    def embed(self, texts: Iterable[str], batch_size: int = 64) -> Vectors:
        """Vectors of `texts`, shape (n, dimension), float32, rows of length one.

        Equal texts are embedded once, texts seen before come from the cache, batches are sorted by length. An empty
        text gets the vector of "no words", the same for all empty texts.

        Raises
        ------
        TypeError
            If an element is not a string (missing values included).
        """
        listed = checked_texts(texts)
        keys = [text_key(text) for text in listed]
        first = {key: row for row, key in reversed(list(enumerate(keys)))}
        unique = list(first)
        vectors, found = self._cache.get(unique)
        missing = np.flatnonzero(~found)
        if len(missing):
            vectors[missing] = self._compute([listed[first[unique[row]]] for row in missing], batch_size)
            self._cache.put([unique[row] for row in missing], vectors[missing])
        place = {key: row for row, key in enumerate(unique)}
        return vectors[[place[key] for key in keys]]

    def backbone(self) -> tuple[Any, Any]:
        """Tokenizer and a fresh copy of the model in training precision (fp32), for fine-tuning."""
        return load_backbone(self.weights.folder)

    def _compute(self, texts: list[str], batch_size: int) -> Vectors:
        import torch

        self._loaded = self._loaded or load_backbone(self.weights.folder)
        tokenizer, model = self._loaded
        tokens = tokenizer(texts, truncation=True, max_length=self.max_tokens)["input_ids"]
        order = np.argsort([-len(ids) for ids in tokens], kind="stable")
        out = np.empty((len(texts), self.dimension), dtype=np.float32)
        with torch.inference_mode(), autocast(self.precision):
            for rows in progress(_chunks(order, batch_size), "embedding texts", worth=len(texts) >= 2_000):
                batch = tokenizer.pad({"input_ids": [tokens[row] for row in rows]}, return_tensors="pt")
                out[rows] = pool(model(**batch).last_hidden_state, batch["attention_mask"]).numpy()
        return out

    def _cache_name(self) -> str:
        recipe = f"{self.weights.fingerprint}|mean|l2|{self.precision}|{self.max_tokens}"
        return hashlib.sha256(recipe.encode()).hexdigest()[:24]


def pool(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of token states (n, length, d) over `mask` (n, length), in fp32, rows scaled to length one; (n, d)."""
    import torch

    weight = mask.unsqueeze(-1).float()
    mean = (states.float() * weight).sum(1) / weight.sum(1).clamp(min=1.0)
    return torch.nn.functional.normalize(mean, dim=-1)


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
