"""A small left-to-right language model trained on the corpus at hand: for teaching, and machines without a network."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from causalrec_lab.recommender.text.pretrained import Weights
from causalrec_lab.recommender.text.tiny_bert import corpus_tokenizer

__all__ = ["train_tiny_writer"]

_log = logging.getLogger(__name__)
_SHAPE: dict[str, Any] = {"n_embd": 64, "n_layer": 2, "n_head": 2, "n_positions": 128}
_NO_DROPOUT: dict[str, Any] = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
_WINDOW = 96  # tokens of a text that are trained on


def train_tiny_writer(
    corpus: Sequence[str],
    cache: Path | None,
    *,
    seed: int = 0,
    steps: int = 200,
    vocabulary: int = 2_000,
    batch_size: int = 32,
) -> Weights:
    """Train a two-layer GPT-2 (Radford et al. 2019) with the corpus's own words, each from the words before it.

    It writes in small letters and knows no word the corpus does not hold.

    Parameters
    ----------
    corpus
        Texts; equal ones count once. The first tokens of each are read.
    cache
        Folder in which the trained model is kept (by the hash of corpus, seed and settings); None: a temporary one.
    seed, steps, vocabulary, batch_size
        Of the training.

    Raises
    ------
    ValueError
        If the corpus has fewer than two different texts.
    """
    texts = sorted({text for text in corpus if text.strip()})
    if len(texts) < 2:
        raise ValueError(
            f"the 'tiny' language model got {len(texts)} different texts with words; "
            "give TextGenerator.load('tiny', corpus=texts) two or more"
        )
    recipe = json.dumps([texts, seed, steps, vocabulary, batch_size, _SHAPE, _WINDOW])
    key = hashlib.sha256(recipe.encode()).hexdigest()
    root = Path(tempfile.mkdtemp(prefix="causalrec-tiny-")) if cache is None else cache / "tiny-gpt"
    folder = root / key[:24]
    if not (folder / "model.safetensors").is_file():
        _train(texts, folder, seed, steps, vocabulary, batch_size)
    return Weights(folder, f"tiny language model trained on {len(texts):,} texts (seed {seed})", key)


def _train(texts: list[str], folder: Path, seed: int, steps: int, vocabulary: int, batch_size: int) -> None:
    from tokenizers import decoders

    from causalrec_lab.recommender.text.encoder import quiet_transformers

    tokenizer = corpus_tokenizer(texts, vocabulary)
    tokenizer.backend_tokenizer.decoder = decoders.WordPiece()
    tokenizer.bos_token, tokenizer.eos_token = tokenizer.cls_token, tokenizer.sep_token
    with quiet_transformers():
        model = _fit(tokenizer, texts, np.random.default_rng(seed), steps, batch_size)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".partial-"))
        tokenizer.save_pretrained(partial)
        model.save_pretrained(partial)
    if not folder.exists():
        partial.replace(folder)


def _fit(tokenizer: Any, texts: list[str], rng: np.random.Generator, steps: int, batch_size: int) -> Any:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    ends: dict[str, Any] = {"bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
    tokens = tokenizer(texts, truncation=True, max_length=_WINDOW)["input_ids"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **ends, **_NO_DROPOUT, **_SHAPE)).train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
        for _ in range(steps):
            batch = tokenizer.pad(
                {"input_ids": [tokens[i] for i in rng.integers(len(texts), size=batch_size)]}, return_tensors="pt"
            )
            labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
            loss = model(**batch, labels=labels).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        _log.info("tiny language model: last loss %.3f nats a token after %d steps", loss.item(), steps)
    return model.eval()
