"""Text vectors from an encoder's uppermost layers, which are trained; the layers below are read once and stay."""

from __future__ import annotations

import copy
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from causalrec_lab.causal.effects.sample import Floats, Integers
from causalrec_lab.causal.effects.text.bert.corpus import Corpus
from causalrec_lab.recommender.precision import autocast
from causalrec_lab.recommender.text.pooling import pool

__all__ = ["TextNetwork"]


class TextNetwork(nn.Module):
    """Layers that are trained; before training they are the frozen encoder's own.

    Parameters
    ----------
    top
        Layers to copy, see `corpus.top_layers`.
    precision
        Of their products.
    """

    def __init__(self, top: nn.ModuleList, precision: Literal["bf16", "fp32"]) -> None:
        super().__init__()
        self.top = copy.deepcopy(top)
        self.precision = precision

    def tokens(self, corpus: Corpus, rows: Tensor, mask: Tensor) -> Tensor:
        """(b, length, d) states of the last layer."""
        states = corpus.states[rows]
        wall = None if bool(mask.all()) else (~mask)[:, None, None, :].float() * torch.finfo(torch.float32).min
        with autocast(self.precision):
            for layer in self.top:
                states = layer(states, wall)
        return states

    def vectors(self, corpus: Corpus, rows: Integers) -> Tensor:
        """(n, d) text vectors: the mean over a text's pieces of their vectors of length one."""
        pieces, text, place, share = corpus.of(rows)
        found = [(places, pool(self.tokens(corpus, at, mask), mask)) for places, at, mask in corpus.batches(pieces)]
        order = torch.from_numpy(np.argsort(np.concatenate([places for places, _ in found])))
        of_pieces = torch.cat([vectors for _, vectors in found])[order]
        start = torch.zeros((len(rows), of_pieces.shape[1]))
        return start.index_add(0, text, of_pieces[place] * share[:, None])

    def embed(self, corpus: Corpus, rows: Integers) -> Floats:
        """The same without gradients, as doubles."""
        with torch.inference_mode():
            parts = [self.vectors(corpus, part) for part in np.array_split(rows, max(1, len(rows) // 256))]
        return np.asarray(torch.cat(parts).double().numpy())
