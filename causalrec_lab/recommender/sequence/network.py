"""The network: item sequence in, a state at every position out; two heads read it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from causalrec_lab.recommender.catalogue.histories import GAPS
from causalrec_lab.recommender.sequence.towers import ItemContent

__all__ = ["NetworkShape", "SequenceNetwork", "causal_attention"]

CONTENT_ALONE = 0.2


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
    text_dim, attributes
        Width of the item text vectors, and number of attributes; 0 for none.
    outcome
        Whether the behaviour head and the outcome input exist.
    pictures, gaps, bidirectional
        Whether there is a tower for thumbnails, an input for the time since the item before, and attention both ways.
    """

    n_items: int
    length: int = 200
    dim: int = 64
    blocks: int = 2
    heads: int = 2
    dropout: float = 0.3
    text_dim: int = 0
    outcome: bool = False
    pictures: bool = False
    gaps: bool = False
    bidirectional: bool = False
    attributes: int = 0


class Dropout(nn.Module):
    """Zero a share of the activations, to 1/256 exact: one random draw makes eight masks."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.threshold = round(share * 256)

    def forward(self, x: Tensor) -> Tensor:
        """Give `x` in evaluation; in training some are 0 and the rest scaled up to keep the mean."""
        if not self.training or self.threshold == 0:
            return x
        draws = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = (draws.view(torch.uint8)[: x.numel()] >= self.threshold).view(x.shape)
        return x * (kept * (256 / (256 - self.threshold))).to(x.dtype)


class Block(nn.Module):
    """Pre-norm self-attention and a feed-forward layer, each added to its input (Radford et al. 2019, GPT-2)."""

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

    def forward(
        self,
        x: Tensor,
        rotation: tuple[Tensor, Tensor],
        visible: Tensor | None = None,
        ends: Tensor | None = None,
    ) -> Tensor:
        """(batch, length, dim) to the same shape; position t sees positions <= t, or all that are `visible`.

        With `ends` (batch,) only those positions are computed, (batch, dim): what the last block needs for scoring.
        """
        normed = self.before_attention(x)
        if ends is None:
            return self._feed(x + self.dropout(self._attend(normed, rotation, visible)))
        rows = torch.arange(len(x), device=x.device)
        return self._feed(x[rows, ends] + self._attend_at(normed, rotation, ends))

    def _feed(self, x: Tensor) -> Tensor:
        fed: Tensor = self.dropout(self.narrow(functional.gelu(self.widen(self.before_feed(x)))))
        return x + fed

    def _attend(self, x: Tensor, rotation: tuple[Tensor, Tensor], visible: Tensor | None) -> Tensor:
        batch, length, dim = x.shape
        both, value = self.query_key_value(x).split((2 * dim, dim), dim=-1)
        both = rotate(both.reshape(batch, length, 2 * self.heads, -1), rotation)
        query, key = (part.transpose(1, 2) for part in both.chunk(2, dim=2))
        value = value.view(batch, length, self.heads, -1).transpose(1, 2)
        if visible is None and query.dtype == torch.bfloat16 and not (query.is_cuda or torch.is_grad_enabled()):
            seen = causal_attention(query, key, value)
        else:  # no dropout inside attention: on a CPU it would leave the fused kernel
            causal = visible is None
            seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=visible, is_causal=causal)
        mixed: Tensor = self.mix(seen.transpose(1, 2).reshape(batch, length, dim))
        return mixed

    def _attend_at(self, x: Tensor, rotation: tuple[Tensor, Tensor], ends: Tensor) -> Tensor:
        batch, length, dim = x.shape
        of_query, of_key, of_value = self.query_key_value.weight.split(dim)
        query = functional.linear(x[torch.arange(batch, device=x.device), ends], of_query).view(batch, self.heads, -1)
        key = rotate(functional.linear(x, of_key).view(batch, length, self.heads, -1), rotation)
        cosine, sine = rotation
        query = rotate(query, (cosine[ends], sine[ends])) * query.shape[-1] ** -0.5
        match = torch.einsum("bhf,blhf->bhl", query, key).float()
        share = match.masked_fill(~_until(ends, length)[:, 0], float("-inf")).softmax(-1)
        # values are linear in x: mixing x first spares the values of all positions
        read = torch.bmm(share.to(key.dtype), x.to(key.dtype))
        seen = torch.einsum("bhd,hfd->bhf", read, of_value.view(self.heads, -1, dim))
        mixed: Tensor = self.mix(seen.reshape(batch, dim))
        return mixed


class SequenceNetwork(nn.Module):
    r"""Transformer over item sequences, causal (Kang & McAuley 2018, SASRec) or looking both ways (BERT4Rec).

    Positions are rotary. An item's vector is :math:`e_i = E_i + W t_i + A a_i + C(g_i)`: its identity and, where given,
    its text vector :math:`t_i`, its attributes :math:`a_i` and its thumbnail :math:`g_i` through two convolutions. It
    stands for the item in the history and in the catalogue (tied). The state :math:`h_t` after t items gives the
    interest :math:`P(i \mid h_t) \propto \exp(h_t' e_i)` and, where an outcome is given, the behaviour
    :math:`P(y = 1 \mid h_t, i) = \sigma((B h_t)' e_i + b_i + b_0)`.

    Padding stands on the right, so that causal attention alone keeps it unseen; looking both ways, a mask does. There
    the number 0 also stands for the hidden item whose identity the state at its place tells.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.identity = nn.Embedding(shape.n_items + 1, shape.dim)
        self.text = nn.Linear(shape.text_dim, shape.dim, bias=False) if shape.text_dim else None
        self.attributes = nn.Linear(shape.attributes, shape.dim, bias=False) if shape.attributes else None
        self.pictures = _picture_tower(shape.dim) if shape.pictures else None
        self.gaps = nn.Embedding(GAPS, shape.dim) if shape.gaps else None
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

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.identity.weight.device

    def item_vectors(self, content: ItemContent | None = None) -> Tensor:
        """(n_items + 1, dim) vectors of the start and all items.

        In training every fifth item lives on its content alone for a step, so that texts and pictures of items never
        met can stand for them later (Volkovs et al. 2017, DropoutNet).
        """
        vectors: Tensor = self.identity.weight
        if content is None or content.empty:
            return vectors
        if self.training:
            vectors = vectors * (torch.rand(len(vectors), 1, device=vectors.device) >= CONTENT_ALONE)
        if self.text is not None and content.text is not None:
            vectors = vectors + self.text(content.text)
        if self.attributes is not None and content.attributes is not None:
            vectors = vectors + self.attributes(content.attributes)
        if self.pictures is not None and content.pictures is not None:
            vectors = vectors + self.pictures(content.pictures)
        return vectors

    def forward(
        self,
        items: Tensor,
        vectors: Tensor,
        outcomes: Tensor | None = None,
        gaps: Tensor | None = None,
        *,
        ends: Tensor | None = None,
        last: Tensor | None = None,
    ) -> Tensor:
        """States (batch, length, dim) at each of `items` (batch, length).

        Parameters
        ----------
        items
            Item numbers.
        vectors
            As `item_vectors` gives them.
        outcomes, gaps
            (batch, length) in {0, 1}, and steps of the time since the item before; None where the network reads none.
        ends
            (batch,) places whose states alone are wanted: (batch, dim).
        last
            (batch,) last real place of each row, for a network that looks both ways; `ends` by default.
        """
        x = functional.embedding(items, vectors) * self.shape.dim**0.5
        if self.outcome is not None and self.sign is not None and outcomes is not None:
            x = x * self.sign(outcomes) + self.outcome(outcomes)  # what was met and refused speaks against
        if self.gaps is not None and gaps is not None:
            x = x + self.gaps(gaps) * self.shape.dim**0.5
        x = self.dropout(x)
        length = items.shape[1]
        rotation = _rotation(length, self.shape.dim // self.shape.heads, x.device)
        last = ends if last is None else last
        visible = _until(last, length) if self.shape.bidirectional and last is not None else None
        for place, block in enumerate(self.blocks):
            x = block(x, rotation, visible, ends if place == len(self.blocks) - 1 else None)
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
    return torch.addcmul(x * cosine.to(x.dtype), x.roll(x.shape[-1] // 2, -1), sine.to(x.dtype))


def causal_attention(query: Tensor, key: Tensor, value: Tensor, tile: int = 64) -> Tensor:
    """Causal attention of (batch, heads, length, features), `tile` queries at a time over the keys up to them.

    What scoring takes on a CPU in bf16: at these lengths the fused kernel computes what it then masks.
    """
    batch, heads, length, features = query.shape
    scaled, key, value = (
        part.reshape(batch * heads, length, features) for part in (query * features**-0.5, key, value)
    )
    later = torch.full((tile, tile), float("-inf"), dtype=query.dtype, device=query.device).triu(1)
    seen = torch.empty_like(scaled)
    for start in range(0, length, tile):
        end = min(start + tile, length)
        match = torch.bmm(scaled[:, start:end], key[:, :end].transpose(1, 2))
        match[:, :, start:] += later[: end - start, : end - start]
        torch.bmm(match.softmax(-1), value[:, :end], out=seen[:, start:end])
    return seen.view(batch, heads, length, features)


def _until(last: Tensor, length: int) -> Tensor:
    """(batch, 1, 1, length) True up to each row's last place."""
    return (torch.arange(length, device=last.device) <= last[:, None])[:, None, None]


def _picture_tower(dim: int) -> nn.Sequential:
    """Two convolutions, then one linear map of what is left at 4 x 4 places."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1),
        nn.GELU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(32 * 16, dim, bias=False),
    )


def _rotation(length: int, dim: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines, (length, 1, dim) each; feature j is paired with feature j + dim / 2."""
    angles = torch.arange(length, device=device)[:, None] * 10_000.0 ** (-torch.arange(0, dim, 2, device=device) / dim)
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat((cosine, cosine), -1)[:, None], torch.cat((-sine, sine), -1)[:, None]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
