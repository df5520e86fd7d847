"""A small knowledge graph of items and their attributes: who is like whom, through what; and what spreads along it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.recommender.catalogue.baselines import Baseline, met_matrix
from causalrec_lab.recommender.catalogue.histories import Histories
from causalrec_lab.recommender.catalogue.interactions import Scores, Table, catalogue_of, training_table

__all__ = ["GraphNeighbours", "ItemGraph", "attribute_edges"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
CELLS = 2**24  # similarities held at a time


def attribute_edges(items: pd.DataFrame, columns: Sequence[str]) -> list[tuple[int, str]]:
    """Links from items (rows) to attributes ("genre=Drama").

    A column holds one value an item, or several: a list, or text with "|" between them. A missing value is none.

    Raises
    ------
    ValueError
        If a column is not in the items, or no item has an attribute.
    """
    if missing := [name for name in columns if name not in items]:
        raise ValueError(
            f"attributes={list(columns)}: the items lack {missing}; they have {list(items)}; pass items= with these"
            " columns"
        )
    edges = [
        (row, f"{name}={value}")
        for name in columns
        for row, held in enumerate(items[name].tolist())
        for value in dict.fromkeys(_values(held))
    ]
    if not edges:
        raise ValueError(f"attributes={list(columns)}: no item has any")
    return edges


@dataclass(frozen=True, eq=False)
class ItemGraph:
    r"""Items and attributes, linked where an item has an attribute: two steps lead from an item to one like it.

    With :math:`B` the items-by-attributes 0/1 matrix and :math:`g_a = \log(n / n_a)` the weight of an attribute that
    :math:`n_a` of n items have (rare ones tell more; Spärck Jones 1972), two items are as similar as the angle between
    their weighted rows: :math:`s_{ij} = \cos(B_i \circ g, B_j \circ g)`.

    Parameters
    ----------
    items
        Ids of the items.
    attributes
        Names of the attributes ("genre=Drama"), sorted.
    links
        (n_items, n_attributes) sparse 0/1 matrix B.
    """

    items: pd.Index
    attributes: tuple[str, ...]
    links: Any

    @classmethod
    def of(cls, items: pd.DataFrame, columns: Sequence[str]) -> ItemGraph:
        """Graph of a table of items, one row an item, and those of its columns that hold attributes.

        Raises
        ------
        ValueError
            If a column is not in the items, or no item has an attribute.
        """
        from scipy import sparse

        edges = attribute_edges(items, columns)
        names = tuple(sorted({name for _, name in edges}))
        place = {name: number for number, name in enumerate(names)}
        rows, columns_of = [row for row, _ in edges], [place[name] for _, name in edges]
        links = sparse.csr_matrix((np.ones(len(edges)), (rows, columns_of)), shape=(len(items), len(names)))
        return cls(pd.Index(items["item_id"], name="item_id"), names, links)

    @property
    def edges(self) -> pd.DataFrame:
        """One row a link: item_id, attribute."""
        rows, columns = self.links.nonzero()
        names = np.asarray(self.attributes, dtype=object)[columns]
        return pd.DataFrame({"item_id": self.items.to_numpy()[rows], "attribute": names})

    def similarity(self) -> Floats:
        """(n_items, n_items) similarities in [0, 1]; 0 of an item with itself, and of one that has no attribute."""
        return self._similar(np.arange(len(self.items)))

    def _similar(self, rows: npt.NDArray[np.int64]) -> Floats:
        """Similarities (rows, n_items) of some items to all."""
        products = (self._directions[rows] @ self._directions.T).toarray()
        products[np.arange(len(rows)), rows] = 0.0
        return np.asarray(products)

    @cached_property
    def _directions(self) -> Any:
        """Weighted rows of the links, scaled to length one; no length where an item has no attribute that tells."""
        weighted = self.links.multiply(np.log(len(self.items) / np.asarray(self.links.sum(axis=0)).ravel())).tocsr()
        length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        return weighted.multiply(np.where(length > 1e-6, 1 / np.maximum(length, 1e-6), 0.0)[:, None]).tocsr()

    def neighbours(self, item_id: Any, k: int = 5) -> pd.DataFrame:
        """Nearest items of one, best first: item_id, similarity, and the attributes both have (the path between them).

        Raises
        ------
        KeyError
            If the item is not in the graph.
        """
        if item_id not in self.items:
            raise KeyError(f"item {item_id!r} is not in the graph of {len(self.items)} items")
        row = int(self.items.get_indexer(pd.Index([item_id]))[0])
        near = self._similar(np.array([row]))[0]
        order = np.argsort(-near, kind="stable")[:k]
        order = order[near[order] > 0]
        mine = set(self.links[row].indices)
        shared = [[self.attributes[place] for place in sorted(mine & set(self.links[j].indices))] for j in order]
        return pd.DataFrame({"item_id": self.items[order], "similarity": near[order], "through": shared})

    def spread(self, values: npt.NDArray[Any], known: Flags, k: int = 20) -> Floats:
        r"""Give items whose values are not known what their nearest known items have.

        :math:`\hat{x}_i = \sum_{j \in N_k(i)} s_{ij} x_j / \sum_{j \in N_k(i)} s_{ij}`, one step of label propagation
        (Zhu & Ghahramani 2002) over the graph's similarities.

        Parameters
        ----------
        values
            (n_items,) or (n_items, d) values; those of unknown items are not read.
        known
            (n_items,) whether an item's values are known.
        k
            Neighbours that count.

        Returns
        -------
        Values of the same shape: as they were where known; the mean of all known where an item has no neighbour.

        Raises
        ------
        ValueError
            If none is known, or lengths differ.
        """
        if len(values) != len(self.items) or len(known) != len(self.items) or not known.any():
            raise ValueError(
                f"spread: {len(values)} values, {int(known.sum())} of {len(known)} known, for {len(self.items)} items; "
                "give one row an item, some of them known"
            )
        out = np.array(values, dtype=np.float64)
        source, asked, rows = out[known], np.flatnonzero(~known), max(1, CELLS // len(self.items))
        for start in range(0, len(asked), rows):
            near = self._similar(asked[start : start + rows])[:, known]
            if k < near.shape[1]:
                near[near < np.partition(near, -k, axis=1)[:, [-k]]] = 0.0
            near[near.sum(axis=1) == 0] = 1.0
            out[asked[start : start + rows]] = near / near.sum(axis=1, keepdims=True) @ source
        return out


class GraphNeighbours(Baseline):
    """Score of an item: its similarity in the graph, summed over the items of the history; knows cold items.

    Parameters
    ----------
    attributes
        Columns of the items whose values are the graph's attributes.
    """

    def __init__(self, attributes: tuple[str, ...]) -> None:
        self.attributes = tuple(attributes)

    def fit(self, data: Table, items: pd.DataFrame | None = None) -> GraphNeighbours:
        """Link the items; nothing is learned from events, which only give the histories."""
        known = data.items if items is None and isinstance(data, Dataset) else items
        if known is None:
            raise ValueError(f"attributes={list(self.attributes)}: there is no items table; pass items=")
        self.graph = ItemGraph.of(known, self.attributes)
        self._catalogue = catalogue_of(data, known)
        self._histories = Histories.of(training_table(data), self._catalogue)
        self._learn()
        return self

    def score_histories(self, histories: Histories) -> Scores:
        """(n, items) summed similarities to what was met."""
        met = met_matrix(histories, len(self._catalogue))
        return np.asarray(met @ self.similarity, dtype=np.float32)

    def _learn(self) -> None:
        self.similarity: Scores = self.graph.similarity().astype(np.float32)


def _values(held: Any) -> list[str]:
    if isinstance(held, list | tuple | set | np.ndarray):
        return [str(value) for value in held]
    if pd.isna(held):
        return []
    return [part.strip() for part in str(held).split("|") if part.strip()]
