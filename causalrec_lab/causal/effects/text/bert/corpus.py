"""Texts cut into pieces and read once by the layers of an encoder that stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from causalrec_lab.causal.effects.sample import Integers, nearest
from causalrec_lab.recommender.precision import autocast
from causalrec_lab.recommender.progress import progress
from causalrec_lab.recommender.text.encoder import TextEncoder
from causalrec_lab.recommender.text.pooling import sentences

__all__ = ["READINGS", "Corpus", "top_layers"]

READINGS = ("sentences", "whole")
_TOKENS = 4_096  # tokens computed at once


@dataclass(frozen=True, eq=False)
class Corpus:
    """Different pieces of a corpus as states below the layers to be trained.

    Equal pieces are read once, in all folds and epochs, whatever number of texts they stand in.

    Parameters
    ----------
    ids
        (tokens,) token numbers, piece after piece.
    offsets
        (pieces + 1,) where each begins.
    states
        (tokens, d) states below the trained layers.
    owners, parts
        (m,) text and piece: text `owners[j]` holds piece `parts[j]`; sorted by text.
    """

    ids: Tensor
    offsets: Integers
    states: Tensor
    owners: Integers
    parts: Integers

    @classmethod
    def read(
        cls, encoder: TextEncoder, model: nn.Module, tokenizer: Any, texts: Sequence[str], reading: str, layers: int
    ) -> Corpus:
        """Cut texts into sentences (or leave them whole) and compute each different piece up to the trained layers.

        Raises
        ------
        ValueError
            If the reading is unknown.
        """
        if reading not in READINGS:
            raise ValueError(f"unknown reading {reading!r}; {nearest(reading, READINGS)}")
        cut = [sentences(text) if reading == "sentences" else [text] for text in texts]
        place: dict[str, int] = {}
        parts = [place.setdefault(piece, len(place)) for own in cut for piece in own]
        owners = np.repeat(np.arange(len(cut)), [len(own) for own in cut])
        tokens = tokenizer(list(place), truncation=True, max_length=encoder.max_tokens)["input_ids"]
        offsets = np.cumsum([0, *(len(own) for own in tokens)])
        ids = torch.tensor([token for own in tokens for token in own])
        states = _lower_states(model, ids, offsets, layers, encoder)
        return cls(ids, offsets, states, owners, np.asarray(parts, dtype=np.int64))

    def with_ids(self, ids: Tensor, encoder: TextEncoder, model: nn.Module, layers: int) -> Corpus:
        """The same pieces with other tokens in their places (words hidden), read anew."""
        states = _lower_states(model, ids, self.offsets, layers, encoder)
        return replace(self, ids=ids, states=states)

    @property
    def pieces(self) -> int:
        """Different pieces."""
        return len(self.offsets) - 1

    def of(self, rows: Integers) -> tuple[Integers, Tensor, Tensor, Tensor]:
        """Pieces in some texts, and how texts are made of them: text places, piece places, shares (all (k,))."""
        starts, ends = np.searchsorted(self.owners, rows), np.searchsorted(self.owners, rows, side="right")
        sizes = ends - starts
        at = np.repeat(starts - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes) + np.arange(sizes.sum())
        pieces, place = np.unique(self.parts[at], return_inverse=True)
        text, share = np.repeat(np.arange(len(rows)), sizes), np.repeat(1 / sizes, sizes)
        return pieces, torch.from_numpy(text), torch.from_numpy(place.reshape(-1)), torch.from_numpy(share).float()

    def batches(self, pieces: Integers) -> Iterator[tuple[Integers, Tensor, Tensor]]:
        """Groups of pieces of like length: places among `pieces`, token rows (b, length), mask (b, length)."""
        lengths = np.diff(self.offsets)[pieces]
        order = np.argsort(lengths, kind="stable")
        ends = np.searchsorted(np.cumsum(lengths[order]), np.arange(_TOKENS, lengths.sum() + _TOKENS, _TOKENS), "right")
        for places in np.split(order, np.unique(ends[ends < len(order)])):
            if len(places):
                yield places, *token_rows(self.offsets, pieces[places])


def token_rows(offsets: Integers, pieces: Integers) -> tuple[Tensor, Tensor]:
    """Rows of the token table for each piece, padded by its first row, and the mask of real ones; (b, length)."""
    lengths = np.diff(offsets)[pieces]
    step = np.arange(lengths.max())
    mask = step < lengths[:, None]
    return torch.from_numpy(offsets[pieces][:, None] + np.where(mask, step, 0)), torch.from_numpy(mask)


def top_layers(model: nn.Module, layers: int | None) -> nn.ModuleList:
    """Uppermost layers of a BERT-like encoder.

    Raises
    ------
    ValueError
        If the encoder has fewer, or keeps its layers elsewhere than BERT, RoBERTa and MiniLM do.
    """
    stack = getattr(getattr(model, "encoder", None), "layer", None)
    if stack is None:
        raise ValueError(f"{type(model).__name__} has no encoder.layer; give a BERT-like encoder, such as 'auto'")
    if layers is not None and not 1 <= layers <= len(stack):
        raise ValueError(f"layers={layers}: the encoder has {len(stack)}; give 1 to that, or None for all")
    return nn.ModuleList(stack[len(stack) - (len(stack) if layers is None else layers) :])


def _lower_states(model: nn.Module, ids: Tensor, offsets: Integers, layers: int, encoder: TextEncoder) -> Tensor:
    kind = torch.bfloat16 if encoder.precision == "bf16" else torch.float32
    found = torch.empty((len(ids), encoder.dimension), dtype=kind)
    bare = Corpus(ids, offsets, found, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    groups = list(bare.batches(np.arange(bare.pieces)))
    with torch.inference_mode(), autocast(encoder.precision):
        for _, rows, mask in progress(groups, "reading texts", worth=len(groups) > 20):
            seen = model(input_ids=ids[rows], attention_mask=mask.long(), output_hidden_states=True).hidden_states
            found[rows[mask]] = seen[len(seen) - 1 - layers][mask].to(kind)
    return found
