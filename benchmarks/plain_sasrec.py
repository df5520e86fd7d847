"""A plain SASRec, as one would write it down: every history padded to one length, fp32, softmax over the catalogue.

Kang & McAuley 2018 with learned positions and the full softmax (Klenitskiy & Vasilev 2023) instead of one negative. It
is what our training is timed against; nothing in the library uses it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["PlainSASRec", "padded"]


class PlainSASRec(nn.Module):
    """Pre-norm Transformer over padded histories; item vectors are tied.

    `fused` leaves dropout out of attention, whose fused kernel torch then takes.
    """

    def __init__(
        self, n_items: int, length: int, dim: int, blocks: int, heads: int, dropout: float, *, fused: bool = False
    ) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, dim, padding_idx=0)
        self.places = nn.Embedding(length, dim)
        layer = nn.TransformerEncoderLayer(dim, heads, 4 * dim, dropout, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, blocks, nn.LayerNorm(dim), enable_nested_tensor=False)
        for block in self.encoder.layers:
            block.self_attn.dropout = 0.0 if fused else dropout
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("later", torch.full((length, length), float("-inf")).triu(1))
        nn.init.normal_(self.items.weight, std=0.02)

    def forward(self, items: Tensor) -> Tensor:
        """Logits (batch, length, n_items + 1) of the next item at every place."""
        x = self.items(items) * self.items.embedding_dim**0.5 + self.places.weight
        states = self.encoder(self.dropout(x), mask=self.later, is_causal=True)
        return states @ self.items.weight.T

    def loss(self, items: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy at places that have a target."""
        return nn.functional.cross_entropy(self(items).flatten(0, 1), targets.flatten(), ignore_index=0)


def padded(histories: list[list[int]], length: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets (n, length), zeros on the left; the last `length` targets of each history."""
    inputs, targets = torch.zeros(2, len(histories), length, dtype=torch.long).unbind(0)
    for row, items in enumerate(histories):
        story = [0, *items][-length - 1 :]
        inputs[row, length - len(story) + 1 :] = torch.tensor(story[:-1])
        targets[row, length - len(story) + 1 :] = torch.tensor(story[1:])
    return inputs, targets
