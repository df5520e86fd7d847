"""The masked-language term: hidden words of the corpus, told from what stands around them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from causalrec_lab.causal.effects.sample import Integers
from causalrec_lab.causal.effects.text.bert.corpus import Corpus, token_rows
from causalrec_lab.causal.effects.text.bert.network import TextNetwork

__all__ = ["MaskedWords", "hidden_words"]

_SHARE = 0.15  # of the words, as Devlin et al. (2019, section 3.1)


class MaskedWords(nn.Module):
    """Cross-entropy of hidden words over the word pieces that the corpus holds.

    Which words are hidden is drawn once (the static masking of Devlin et al. 2019, section 3.1; Liu et al. 2019,
    RoBERTa, section 4.1, find it hardly worse than drawing anew), so that the layers below those trained read each
    masked piece once, too. Output weights are the encoder's own word vectors, held fixed; the transform is learned.

    Parameters
    ----------
    corpus
        The corpus with words hidden, see `hidden_words`.
    truth
        (tokens,) token numbers before hiding.
    words
        (vocabulary, d) the encoder's word vectors.
    """

    def __init__(self, corpus: Corpus, truth: Tensor, words: Tensor) -> None:
        super().__init__()
        self.corpus = corpus
        known, codes = torch.unique(truth, return_inverse=True)
        self.hidden = corpus.ids != truth
        self.codes = codes
        self.decoder = words[known].detach().float()
        width = words.shape[1]
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))

    def loss(self, network: TextNetwork, pieces: Integers) -> Tensor:
        """Mean cross-entropy of the hidden words of some pieces; 0 where none is hidden."""
        rows, mask = token_rows(self.corpus.offsets, pieces)
        chosen = self.hidden[rows] & mask
        if not bool(chosen.any()):
            return torch.zeros(())
        states = network.tokens(self.corpus, rows, mask)[chosen].float()
        return functional.cross_entropy(self.transform(states) @ self.decoder.T, self.codes[rows[chosen]])


def hidden_words(ids: Tensor, tokenizer: Any, rng: np.random.Generator) -> Tensor:
    """Token numbers with a share of the words replaced by the mask."""
    words = ~np.isin(ids.numpy(), tokenizer.all_special_ids)
    chosen = torch.from_numpy(words & (rng.random(len(ids)) < _SHARE))
    return torch.where(chosen, tokenizer.mask_token_id, ids)
