"""What a contextual bandit reads: numbers of a context, and of a context with each action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.ope.reward_model import ContextEncoding

__all__ = ["ContextFeatures", "Design", "FeatureFunction"]

Floats = npt.NDArray[np.float64]
FeatureFunction = Callable[[Any], npt.NDArray[Any]]
_CONSTANT = 1e-12
_FEW = 20  # contexts whose spread says little of the spread of others


@dataclass(frozen=True)
class ContextFeatures:
    """A one, then the standardised numbers and categories of a context; settled once on a table of contexts.

    Parameters
    ----------
    encoding
        How contexts become numbers; ids and long texts are left out.
    centre, scale
        (d,) standardisation.
    """

    encoding: ContextEncoding
    centre: Floats
    scale: Floats

    @classmethod
    def of(cls, contexts: Any) -> ContextFeatures:
        """Settle on contexts: those of a first batch, or of everybody.

        Fewer than 20 contexts, and columns that do not vary in them, are divided by their root mean square: their
        spread is not known yet, and what did not vary so far may do so later. Categories are those met here; settle
        on a table that has them all.

        Raises
        ------
        ValueError
            If a value is not finite.
        """
        encoding = ContextEncoding.of(contexts)
        found = encoding.features(contexts)
        if not len(found):
            return cls(encoding, np.zeros(found.shape[1]), np.ones(found.shape[1]))
        spread, size = found.std(axis=0), np.sqrt(np.mean(found**2, axis=0))
        known = (spread > _CONSTANT) & (len(found) >= _FEW)
        scale = np.where(known, spread, np.where(size > _CONSTANT, size, 1.0))
        return cls(encoding, found.mean(axis=0), scale)

    def __call__(self, contexts: Any) -> Floats:
        """(n, 1 + d) features.

        Raises
        ------
        ValueError
            If contexts have another width or kind than those settled on, or a value is not finite.
        """
        found = self.encoding.features(contexts)
        if found.shape[1] != len(self.centre):
            raise ValueError(f"contexts have {found.shape[1]} columns, and had {len(self.centre)} before")
        return np.column_stack([np.ones(len(found)), (found - self.centre) / self.scale])


class Design:
    r"""Features of contexts and actions for a model that is linear in them.

    Disjoint, every action has coefficients of its own on :math:`z(x)`. Shared, one vector of coefficients reads
    :math:`\phi(x, a)`: with `items` all products of :math:`z(x)` and :math:`(1, v_a)`, so an item nobody has seen is
    valued by what it is (the features of Li, Chu, Langford and Schapire 2010, "A contextual-bandit approach to
    personalized news article recommendation", section 5).

    Parameters
    ----------
    n_actions
        A.
    features
        Contexts -> (n, p) for disjoint or crossed, or (n, A, d) for shared features. None: `ContextFeatures`, settled
        on the first contexts met.
    items
        (A, k) features of the items, or their embeddings; standardised here.

    Raises
    ------
    ValueError
        If items have another number of rows or are not finite.
    """

    def __init__(self, n_actions: int, features: FeatureFunction | None, items: npt.ArrayLike | None) -> None:
        self.n_actions, self.features, self.width = n_actions, features, 0
        self.items = None if items is None else _crossing(np.asarray(items, dtype=np.float64), n_actions)
        self.shared = items is not None

    def of(self, contexts: Any) -> Floats:
        """(n, p) for disjoint coefficients, (n, A, d) for shared ones.

        Raises
        ------
        ValueError
            If features have another shape than before, or are not finite.
        """
        if self.features is None:
            self.features = ContextFeatures.of(contexts)
        found = np.asarray(self.features(contexts), dtype=np.float64)
        if found.ndim not in (2, 3) or len(found) != len(contexts) or (found.ndim == 3 and self.items is not None):
            raise ValueError(
                f"features have shape {found.shape} for {len(contexts)} contexts; give (n, p), or (n, actions, d) and "
                "no items="
            )
        if found.ndim == 3 and found.shape[1] != self.n_actions:
            raise ValueError(f"features have shape {found.shape}; the second length is the {self.n_actions} actions")
        self._settle(found)
        if self.items is None:
            return found
        return (found[:, None, :, None] * self.items[None, :, None, :]).reshape(len(found), self.n_actions, -1)

    @property
    def groups(self) -> int:
        """Vectors of coefficients: one an action, or one for all."""
        return 1 if self.shared else self.n_actions

    def chosen(self, contexts: Any, action: npt.NDArray[np.int64]) -> tuple[Floats, npt.NDArray[np.int64]]:
        """(n, d) features of the logged actions, and whose coefficients read them."""
        found = self.of(contexts)
        if self.shared:
            return found[np.arange(len(found)), action], np.zeros(len(found), dtype=np.int64)
        return found, action

    def _settle(self, found: Floats) -> None:
        if not np.isfinite(found).all():
            row = int(np.argmin(np.isfinite(found).reshape(len(found), -1).all(axis=1)))
            raise ValueError(f"features are not finite, first at row {row}; impute the contexts and say so")
        if self.width and self.width != found.shape[-1]:
            raise ValueError(f"contexts give {found.shape[-1]} features, and gave {self.width} before")
        self.width = found.shape[-1]
        self.shared = self.shared or found.ndim == 3


def _crossing(items: Floats, n_actions: int) -> Floats:
    """(A, 1 + k) a one and the standardised features of each item."""
    if items.ndim != 2 or len(items) != n_actions or not np.isfinite(items).all():
        raise ValueError(f"items have shape {items.shape}, or a hole; give ({n_actions}, k) finite numbers")
    spread = items.std(axis=0)
    scaled = (items - items.mean(axis=0)) / np.where(spread > _CONSTANT, spread, np.inf)
    return np.column_stack([np.ones(n_actions), scaled])


def sums_by_group(values: Floats, group: npt.NDArray[np.int64], groups: int) -> Floats:
    """(groups, ...) sums of the rows of each group."""
    flat = values.reshape(len(values), -1)
    member = (group[None, :] == np.arange(groups)[:, None]).astype(np.float64)
    return np.asarray((member @ flat).reshape(groups, *values.shape[1:]))
