"""What is known of items beside their identity: texts through an encoder, attributes, thumbnails as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from causalrec_lab.recommender.catalogue.item_graph import attribute_edges
from causalrec_lab.recommender.config import RecommenderConfig

__all__ = ["ItemContent", "attribute_matrix", "picture_tensor", "text_vectors"]


@dataclass(frozen=True, eq=False)
class ItemContent:
    """A row an item, and a first one for the start of a history, which has no content.

    Parameters
    ----------
    text
        (n_items + 1, text_dim) vectors of their texts, or None.
    pictures
        (n_items + 1, 3, height, width) thumbnails in [-1, 1], or None.
    attributes
        (n_items + 1, n_attributes) 0/1, divided by the root of how many an item has, or None: the edges of a small
        knowledge graph from items to categories, genres, makers.
    """

    text: Tensor | None = None
    pictures: Tensor | None = None
    attributes: Tensor | None = None

    @property
    def empty(self) -> bool:
        """Whether items are their identity alone."""
        return self.text is None and self.pictures is None and self.attributes is None

    def to(self, device: torch.device | str) -> ItemContent:
        """Give the same content on another device."""
        parts = (self.text, self.pictures, self.attributes)
        return ItemContent(*(None if part is None else part.to(device) for part in parts))


def text_vectors(config: RecommenderConfig, items: pd.DataFrame | None) -> tuple[Tensor | None, str]:
    """Vectors of the items' texts, centred and on one scale, and the name of the encoder that was found.

    Raises
    ------
    ValueError
        If the configuration asks for texts and the items have none.
    """
    if config.text is None:
        return None, ""
    if items is None or "text" not in items:
        raise ValueError(f"text={config.text!r} needs the items' texts; pass items= with columns item_id and text")
    from causalrec_lab.recommender.text.encoder import TextEncoder

    texts = items["text"].fillna("").tolist()
    encoder = TextEncoder.load(config.text, corpus=texts, seed=config.seed)
    vectors = encoder.embed(texts)
    spread = np.sqrt(vectors.var(axis=0).mean())  # one scale for all: constant dimensions stay harmless
    centred = (vectors - vectors.mean(axis=0)) / (spread if spread > 0 else 1.0)
    whole = np.vstack([np.zeros((1, vectors.shape[1]), np.float32), centred]).astype(np.float32)
    return torch.from_numpy(whole), encoder.name


def picture_tensor(pictures: Any, n_items: int) -> Tensor | None:
    """Thumbnails (n_items, height, width, 3), bytes or numbers in [0, 1], as the network reads them.

    Raises
    ------
    ValueError
        If the shape is another, or a number lies outside [0, 1].
    """
    if pictures is None:
        return None
    pixels = np.asarray(pictures)
    if pixels.ndim != 4 or len(pixels) != n_items or pixels.shape[3] != 3 or min(pixels.shape[1:3]) < 4:
        raise ValueError(
            f"pictures have shape {pixels.shape}; give ({n_items}, height, width, 3), one an item in the order of the "
            "items, height and width at least 4"
        )
    scaled = pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    if not ((scaled >= 0) & (scaled <= 1)).all():
        bad = int(np.argmin(((scaled >= 0) & (scaled <= 1)).reshape(n_items, -1).all(axis=1)))
        raise ValueError(f"pictures: item {bad} has values outside [0, 1]; give bytes (uint8) or numbers in [0, 1]")
    whole = np.zeros((n_items + 1, 3, *pixels.shape[1:3]), dtype=np.float32)
    whole[1:] = 2 * scaled.transpose(0, 3, 1, 2) - 1
    return torch.from_numpy(whole)


def attribute_matrix(config: RecommenderConfig, items: pd.DataFrame | None) -> tuple[Tensor | None, tuple[str, ...]]:
    """Which attributes each item has, and their names ("genre=Drama"), sorted.

    A column holds one value an item, or several: a list, or text with "|" between them. A missing value is none.

    Raises
    ------
    ValueError
        If a column the configuration names is not in the items, or no item has an attribute.
    """
    if not config.attributes:
        return None, ()
    if items is None:
        raise ValueError(
            f"attributes={list(config.attributes)}: there is no items table; pass items= with these columns"
        )
    edges = attribute_edges(items, config.attributes)
    names = tuple(sorted({name for _, name in edges}))
    place = {name: number for number, name in enumerate(names)}
    matrix = np.zeros((len(items) + 1, len(names)), dtype=np.float32)
    for row, name in edges:
        matrix[row + 1, place[name]] = 1.0
    matrix /= np.sqrt(np.maximum(matrix.sum(axis=1, keepdims=True), 1.0))
    return torch.from_numpy(matrix), names
