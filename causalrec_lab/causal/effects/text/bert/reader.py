"""From texts and an encoder's name to what folds train: corpus, layers, masked words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from causalrec_lab.causal.effects.text.bert.corpus import Corpus, top_layers
from causalrec_lab.causal.effects.text.bert.masked_words import MaskedWords, hidden_words
from causalrec_lab.causal.effects.text.bert.network import TextNetwork
from causalrec_lab.recommender.text.encoder import TextEncoder, checked_texts

__all__ = ["Reader"]


@dataclass(frozen=True, eq=False)
class Reader:
    """Texts read as far as the layers that stay.

    Parameters
    ----------
    name
        Which encoder was found.
    corpus, hidden
        The texts, and the same with words hidden (None without the masked-language term).
    """

    name: str
    corpus: Corpus
    hidden: Corpus | None
    top: nn.ModuleList
    vocabulary: Tensor
    precision: Any

    @classmethod
    def open(
        cls, encoder: str | TextEncoder, texts: Sequence[Any], reading: str, layers: int | None, masked: bool, seed: int
    ) -> Reader:
        """Load the encoder and read all texts once; twice with `masked`.

        Raises
        ------
        ValueError
            If the reading is unknown or the encoder has no layers of BERT's kind.
        TypeError
            If a text is missing or no string.
        """
        listed = checked_texts(texts)
        if isinstance(encoder, str):
            encoder = TextEncoder.load(encoder, corpus=listed if encoder == "tiny" else None, seed=seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # weights a folder lacks (the pooler, unused here) are drawn on loading
            tokenizer, model = encoder.backbone()
        top = top_layers(model, layers)
        corpus = Corpus.read(encoder, model, tokenizer, listed, reading, len(top))
        hidden = None
        if masked:
            ids = hidden_words(corpus.ids, tokenizer, np.random.default_rng([seed, 1]))
            hidden = corpus.with_ids(ids, encoder, model, len(top))
        words = model.get_input_embeddings().weight.detach()
        return cls(encoder.name, corpus, hidden, top, words, encoder.precision)

    def network(self) -> TextNetwork:
        """A fresh copy of the layers to train."""
        return TextNetwork(self.top, self.precision)

    def words(self, seed: int) -> MaskedWords | None:
        """A fresh masked-language term, or None."""
        if self.hidden is None:
            return None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return MaskedWords(self.hidden, self.corpus.ids, self.vocabulary)
