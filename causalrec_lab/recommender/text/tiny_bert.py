"""A small BERT trained on the corpus at hand, for texts no pretrained encoder knows and machines that have none."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.recommender.text.pretrained import Weights

__all__ = ["corpus_tokenizer", "train_tiny"]

_log = logging.getLogger(__name__)
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_TOKEN_ROLES = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
_SHAPE: dict[str, Any] = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 256}


def train_tiny(
    corpus: Sequence[str],
    cache: Path | None,
    *,
    seed: int = 0,
    steps: int = 200,
    vocabulary: int = 2_000,
    batch_size: int = 32,
) -> Weights:
    """Train a two-layer BERT with the corpus's own vocabulary, by masked words (Devlin et al. 2019, section 3.1).

    Parameters
    ----------
    corpus
        Texts; equal ones count once.
    cache
        Folder in which the trained model is kept (by the hash of corpus, seed and settings); None: a temporary one.
    seed, steps, vocabulary, batch_size
        Of the training.

    Raises
    ------
    ValueError
        If the corpus has fewer than two different texts.
    """
    texts = sorted(set(corpus))
    if len(texts) < 2:
        raise ValueError(
            f"the 'tiny' encoder got {len(texts)} different texts; "
            "give TextEncoder.load('tiny', corpus=texts) two or more"
        )
    recipe = json.dumps([texts, seed, steps, vocabulary, batch_size, _SHAPE])
    key = hashlib.sha256(recipe.encode()).hexdigest()
    root = Path(tempfile.mkdtemp(prefix="causalrec-tiny-")) if cache is None else cache / "tiny-bert"
    folder = root / key[:24]
    if not (folder / "model.safetensors").is_file():
        _train(texts, folder, seed, steps, vocabulary, batch_size)
    return Weights(folder, f"tiny BERT trained on {len(texts):,} texts (seed {seed})", key)


def _train(texts: list[str], folder: Path, seed: int, steps: int, vocabulary: int, batch_size: int) -> None:
    from causalrec_lab.recommender.text.encoder import quiet_transformers

    tokenizer = corpus_tokenizer(texts, vocabulary)
    with quiet_transformers():
        model = _fit(tokenizer, texts, np.random.default_rng(seed), steps, batch_size)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".partial-"))
        tokenizer.save_pretrained(partial)
        model.bert.save_pretrained(partial)
    if not folder.exists():
        partial.replace(folder)


def corpus_tokenizer(texts: Sequence[str], size: int) -> Any:
    """Commonest words plus single characters as word pieces: a library trainer breaks ties by chance, this does not."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    normalise, split = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    counts = Counter(w for text in texts for w, _ in split.pre_tokenize_str(normalise.normalize_str(text)))
    letters = sorted({letter for word in counts for letter in word})
    words = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    pieces = dict.fromkeys([*_SPECIAL, *letters, *(f"##{letter}" for letter in letters), *words[:size]])
    inner = Tokenizer(models.WordPiece({piece: place for place, piece in enumerate(pieces)}, unk_token="[UNK]"))
    inner.normalizer, inner.pre_tokenizer = normalise, split
    ends = [(token, inner.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    inner.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names: dict[str, Any] = dict(zip(_TOKEN_ROLES, _SPECIAL, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=256, **names)


def _fit(tokenizer: Any, texts: list[str], rng: np.random.Generator, steps: int, batch_size: int) -> Any:
    import torch
    from transformers import BertConfig, BertForMaskedLM

    with torch.random.fork_rng():
        torch.manual_seed(int(rng.integers(2**31)))
        config = BertConfig(
            vocab_size=len(tokenizer),
            pad_token_id=tokenizer.pad_token_id,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            **_SHAPE,
        )
        model = BertForMaskedLM(config).train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps)
        for _ in range(steps):
            ids = tokenizer(
                [texts[i] for i in rng.integers(len(texts), size=batch_size)],
                truncation=True,
                max_length=256,
                padding=True,
                return_tensors="pt",
            )
            inputs, labels = _mask_words(ids["input_ids"].numpy(), tokenizer, rng)
            loss = model(
                input_ids=torch.from_numpy(inputs),
                attention_mask=ids["attention_mask"],
                labels=torch.from_numpy(labels),
            ).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        _log.info("tiny BERT: last masked-word loss %.3f after %d steps", loss.item(), steps)
    return model.eval()


def _mask_words(
    ids: npt.NDArray[np.int64], tokenizer: Any, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Replace 15 % of the words (at least one a batch) by the mask; labels are -100 elsewhere."""
    words = ~np.isin(ids, tokenizer.all_special_ids)
    chance = np.where(words, rng.random(ids.shape), 2.0)
    chosen = words & (chance < max(0.15, float(chance.min()) + 1e-12))
    return np.where(chosen, tokenizer.mask_token_id, ids), np.where(chosen, ids, -100)
