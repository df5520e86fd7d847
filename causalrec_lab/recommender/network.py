"""The network: item sequence in, a state at every position out; two heads read it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["NetworkShape", "SequenceNetwork"]

TEXT_ALONE = 0.2


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of the network.

    Parameters
    ----------
    n_items
        Catalogue size; items are numbered 1..n_items, 0 is the start of a history (and padding).
    length
        Longest history read, in items.
    dim, blocks, heads
        Width, number of attention blocks, heads a block; `dim` is a multiple of `2 * heads`.
    dropout
        Share of activations dropped in training.
    text_dim
        Width of the item text vectors, 0 for none.
    outcome
        Whether the behaviour head and the outcome input exist.
    """

    n_items: int
    length: int = 200
    dim: int = 64
    blocks: int = 2
    heads: int = 2
    dropout: float = 0.3
    text_dim: int = 0
    outcome: bool = False


class Dropout(nn.Module):
    """Zero a share of the activations, to 1/256 exact: one random draw makes eight masks."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.threshold = round(share * 256)

    def forward(self, x: Tensor) -> Tensor:
        """Give `x` in evaluation; in training some are 0 and the rest scaled up to keep the mean."""
        if not self.training or self.threshold == 0:
            return x
        draws = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = (draws.view(torch.uint8)[: x.numel()] >= self.threshold).view(x.shape)
        return x * (kept * (256 / (256 - self.threshold))).to(x.dtype)


class Block(nn.Module):
    """Pre-norm causal self-attention and a feed-forward layer, each added to its input (Radford et al. 2019, GPT-2)."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.before_attention = nn.LayerNorm(shape.dim)
        self.query_key_value = nn.Linear(shape.dim, 3 * shape.dim, bias=False)
        self.mix = nn.Linear(shape.dim, shape.dim, bias=False)
        self.before_feed = nn.LayerNorm(shape.dim)
        self.widen = nn.Linear(shape.dim, 4 * shape.dim)
        self.narrow = nn.Linear(4 * shape.dim, shape.dim)
        self.dropout = Dropout(shape.dropout)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor], ends: Tensor | None = None) -> Tensor:
        """(batch, length, dim) to the same shape; position t sees positions <= t.

        With `ends` (batch,) only those positions are computed, (batch, dim): what the last block needs for scoring.
        """
        normed = self.before_attention(x)
        if ends is None:
            return self._feed(x + self.dropout(self._attend(normed, rotation)))
        rows = torch.arange(len(x))
        return self._feed(x[rows, ends] + self._attend_at(normed, rotation, ends))

    def _feed(self, x: Tensor) -> Tensor:
        fed: Tensor = self.dropout(self.narrow(functional.gelu(self.widen(self.before_feed(x)))))
        return x + fed

    def _attend(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        batch, length, dim = x.shape
        both, value = self.query_key_value(x).split((2 * dim, dim), dim=-1)
        both = rotate(both.reshape(batch, length, 2 * self.heads, -1), rotation)
        query, key = (part.transpose(1, 2) for part in both.chunk(2, dim=2))
        value = value.view(batch, length, self.heads, -1).transpose(1, 2)
        # no dropout inside attention: on a CPU it would leave the fused kernel
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        mixed: Tensor = self.mix(seen.transpose(1, 2).reshape(batch, length, dim))
        return mixed

    def _attend_at(self, x: Tensor, rotation: tuple[Tensor, Tensor], ends: Tensor) -> Tensor:
        batch, length, dim = x.shape
        of_query, of_rest = self.query_key_value.weight.split((dim, 2 * dim))
        key, value = functional.linear(x, of_rest).view(batch, length, 2, self.heads, -1).unbind(2)
        query = functional.linear(x[torch.arange(batch), ends], of_query).view(batch, self.heads, -1)
        cosine, sine = rotation
        query, key = rotate(query, (cosine[ends], sine[ends])), rotate(key, rotation)
        before = (torch.arange(length) <= ends[:, None])[:, None, None]
        seen = functional.scaled_dot_product_attention(
            query[:, :, None], key.transpose(1, 2), value.transpose(1, 2), attn_mask=before
        )
        mixed: Tensor = self.mix(seen.reshape(batch, dim))
        return mixed


class SequenceNetwork(nn.Module):
    r"""Causal Transformer over item sequences (Kang & McAuley 2018, SASRec), rotary positions, tied item vectors.

    An item's vector is :math:`e_i = E_i + W t_i` (identity and, where given, its text vector :math:`t_i`). The state
    :math:`h_t` after t items gives the interest :math:`P(i \mid h_t) \propto \exp(h_t' e_i)` and, where an outcome is
    given, the behaviour :math:`P(y = 1 \mid h_t, i) = \sigma((B h_t)' e_i + b_i + b_0)`.

    Padding stands on the right, so that causal attention alone keeps it unseen.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.identity = nn.Embedding(shape.n_items + 1, shape.dim)
        self.text = nn.Linear(shape.text_dim, shape.dim, bias=False) if shape.text_dim else None
        self.outcome = nn.Embedding(2, shape.dim) if shape.outcome else None
        self.sign = nn.Embedding(2, shape.dim) if shape.outcome else None
        self.dropout = Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.blocks))
        self.last = nn.LayerNorm(shape.dim)
        if shape.outcome:
            self.behaviour = nn.Linear(shape.dim, shape.dim, bias=False)
            self.behaviour_bias = nn.Embedding(shape.n_items + 1, 1)
            self.base_rate = nn.Parameter(torch.zeros(()))
        self.apply(_initialise)
        if self.sign is not None:
            nn.init.constant_(self.sign.weight[0], -0.5)
            nn.init.constant_(self.sign.weight[1], 1.0)
        if self.text is not None:  # texts begin as quiet as identities
            nn.init.normal_(self.text.weight, std=0.02 / shape.text_dim**0.5)

    def item_vectors(self, text: Tensor | None = None) -> Tensor:
        """(n_items + 1, dim) vectors of the start and all items; `text` is (n_items + 1, text_dim).

        In training every fifth item lives on its text alone for a step, so that texts of items never met can stand for
        them later (Volkovs et al. 2017, DropoutNet).
        """
        identity = self.identity.weight
        if self.text is None or text is None:
            return identity
        if self.training:
            identity = identity * (torch.rand(len(identity), 1) >= TEXT_ALONE)
        told: Tensor = self.text(text)
        return identity + told

    def forward(
        self, items: Tensor, vectors: Tensor, outcomes: Tensor | None = None, ends: Tensor | None = None
    ) -> Tensor:
        """States (batch, length, dim) after each of `items` (batch, length); `outcomes` (batch, length) in {0, 1}.

        With `ends` (batch,) only the states at those positions, (batch, dim).
        """
        x = functional.embedding(items, vectors) * self.shape.dim**0.5
        if self.outcome is not None and self.sign is not None and outcomes is not None:
            x = x * self.sign(outcomes) + self.outcome(outcomes)  # what was met and refused speaks against
        x = self.dropout(x)
        rotation = _rotation(items.shape[1], self.shape.dim // self.shape.heads)
        for place, block in enumerate(self.blocks):
            x = block(x, rotation, ends if place == len(self.blocks) - 1 else None)
        states: Tensor = self.last(x)
        return states

    def behaviour_logits(self, states: Tensor, vectors: Tensor, items: Tensor) -> Tensor:
        """Logit of the outcome for `items` (n,) met in `states` (n, dim); shape (n,)."""
        match: Tensor = (self.behaviour(states) * vectors[items]).sum(-1)
        bias: Tensor = self.behaviour_bias(items).squeeze(-1)
        return match + bias + self.base_rate


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turn pairs of features by an angle that grows with the position (Su et al. 2021, RoFormer, equation 34)."""
    cosine, sine = rotation
    return x * cosine.to(x.dtype) + x.roll(x.shape[-1] // 2, -1) * sine.to(x.dtype)


def _rotation(length: int, dim: int) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines, (length, 1, dim) each; feature j is paired with feature j + dim / 2."""
    angles = torch.arange(length)[:, None] * 10_000.0 ** (-torch.arange(0, dim, 2) / dim)
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat((cosine, cosine), -1)[:, None], torch.cat((-sine, sine), -1)[:, None]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
