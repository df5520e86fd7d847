"""Contexts as standardised numbers with names, settled in training and the same for ever after: `Inputs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.ope.reward_model import ContextEncoding

__all__ = ["Inputs"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Inputs:
    """How contexts become columns.

    Parameters
    ----------
    encoding
        Which columns, and their levels.
    names
        Of the numbers, in order.
    centre, scale
        (d,) standardisation; `matrix` leaves it out.
    """

    encoding: ContextEncoding
    names: tuple[str, ...]
    centre: Floats
    scale: Floats

    @classmethod
    def learn(cls, contexts: Any) -> Inputs:
        """Settle it on training contexts; columns ending in "_id" are left out, constant ones become 0."""
        encoding = ContextEncoding.of(contexts)
        X = encoding.features(contexts)
        centre, scale = X.mean(axis=0), X.std(axis=0)
        return cls(encoding, _names(encoding, X.shape[1]), centre, np.where(scale > 1e-12, scale, np.inf))

    def matrix(self, contexts: Any) -> Floats:
        """(n, d) numbers as they are.

        Raises
        ------
        ValueError
            If contexts lack a column, have another width or are not finite.
        """
        X = self.encoding.features(contexts)
        if X.shape[1] != len(self.names):
            raise ValueError(f"contexts have {X.shape[1]} columns; the policy was learned from {len(self.names)}")
        return X

    def standardised(self, contexts: Any) -> Floats:
        """(n, d + 1) standardised numbers after a column of ones."""
        X = self.matrix(contexts)
        return np.column_stack([np.ones(len(X)), (X - self.centre) / self.scale])

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary that JSON can hold."""
        settled = self.encoding.columns
        columns = None if settled is None else [[str(k), None if v is None else list(v)] for k, v in settled.items()]
        scale = [None if np.isinf(s) else float(s) for s in self.scale]
        return {"columns": columns, "names": list(self.names), "centre": self.centre.tolist(), "scale": scale}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Inputs:
        """Read what `to_dict` wrote."""
        columns = values["columns"]
        settled = None if columns is None else {k: None if v is None else tuple(v) for k, v in columns}
        scale = np.array([np.inf if s is None else s for s in values["scale"]], dtype=np.float64)
        centre = np.array(values["centre"], dtype=np.float64)
        return cls(ContextEncoding(settled), tuple(values["names"]), centre, scale)


def _names(encoding: ContextEncoding, width: int) -> tuple[str, ...]:
    if encoding.columns is None:
        return tuple(f"x{k}" for k in range(width))
    names: list[str] = []
    for name, levels in encoding.columns.items():
        names += [str(name)] if levels is None else [f"{name}={level}" for level in levels[1:]]
    return tuple(names)
