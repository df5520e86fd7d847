"""From a table to numbers, the same way for rows learned from and for new ones: `Coding`, `Scaling`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import refuse
from causalrec_lab.causal.effects.nuisances.scale import FLOAT32
from causalrec_lab.causal.effects.sample import Embeddings, Floats, nearest

__all__ = ["Coding", "Scaling"]

_MISSING = "give them a level of their own"


@dataclass(frozen=True)
class Coding:
    """Columns as numbers; a category becomes an indicator of each level after the first.

    Parameters
    ----------
    columns
        Names, in order.
    levels
        Column -> levels met when learning, for columns that are not numbers.
    """

    columns: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]

    @classmethod
    def learn(cls, frame: pd.DataFrame, columns: Sequence[str]) -> Coding:
        """Remember the levels of a table's columns; a missing column is refused, the nearest offered."""
        for name in columns:
            _check_column(frame, name)
        return cls(tuple(columns), {c: _levels(frame[c]) for c in columns if not _numeric(frame[c])})

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers: `column`, or `column=level`."""
        return tuple(column if level is None else f"{column}={level}" for column, level in self.parts)

    @property
    def parts(self) -> tuple[tuple[str, str | None], ...]:
        """Column and level of each number; no level where the column is a number itself."""
        levels: dict[str, tuple[str | None, ...]] = {c: self.levels[c][1:] for c in self.levels}
        return tuple((column, level) for column in self.columns for level in levels.get(column, (None,)))

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """(n, p) numbers of a table.

        Raises
        ------
        ValueError
            If a column is missing, not finite, or has a level that was not met when learning.
        """
        blocks = [self._column(frame, name) for name in self.columns]
        return np.column_stack(blocks) if blocks else np.empty((len(frame), 0))

    def _column(self, frame: pd.DataFrame, name: str) -> Floats:
        _check_column(frame, name)
        if name in self.levels:
            return self._indicators(frame[name], name)
        if not _numeric(frame[name]):
            raise ValueError(f"column {name!r} held numbers when learned from and holds {frame[name].dtype} now")
        values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            raise ValueError(f"column {name!r} is not finite, first at row {row}: {values[row]}; impute or drop it")
        return np.asarray(values[:, None])

    def _indicators(self, column: pd.Series, name: str) -> Floats:
        refuse(name, column.to_numpy(), column.notna().to_numpy(), "missing values", _MISSING)
        text = column.astype(str).to_numpy()
        known = np.isin(text, self.levels[name])
        if not known.all():
            row = int(np.argmin(known))
            raise ValueError(
                f"column {name!r} has the level {text[row]!r} at row {row}, which was not met when learning; "
                f"{nearest(str(text[row]), self.levels[name])}, or group rare levels before learning"
            )
        return np.column_stack([np.empty((len(text), 0)), *[text == level for level in self.levels[name][1:]]])


def _check_column(frame: pd.DataFrame, name: str) -> None:
    if name not in frame.columns:
        raise ValueError(f"no column {name!r} in the table; {nearest(name, list(frame.columns))}")


def _numeric(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))


def _levels(column: pd.Series) -> tuple[str, ...]:
    refuse(str(column.name), column.to_numpy(), column.notna().to_numpy(), "missing values", _MISSING)
    return tuple(sorted(column.astype(str).unique()))


@dataclass(frozen=True)
class Scaling:
    """Embeddings on the scale of the rows learned from, blocks side by side.

    Parameters
    ----------
    means, spreads
        One (d,) array a block; a spread of 0 marks a constant column, which becomes 0.
    """

    means: tuple[Floats, ...] = ()
    spreads: tuple[Floats, ...] = ()

    @classmethod
    def learn(cls, embeddings: Embeddings | None) -> Scaling:
        """Remember the mean and standard deviation of each dimension."""
        blocks = _blocks(embeddings)
        spreads = [
            np.where(b.std(axis=0) > FLOAT32 * np.abs(b).max(axis=0, initial=0), b.std(axis=0), 0) for b in blocks
        ]
        return cls(tuple(b.mean(axis=0) for b in blocks), tuple(spreads))

    def matrix(self, embeddings: Embeddings | None, n: int) -> Floats:
        """(n, d) scaled dimensions.

        Raises
        ------
        ValueError
            If embeddings are missing, superfluous, of another shape, or not finite.
        """
        blocks = _blocks(embeddings)
        if len(blocks) != len(self.means):
            raise ValueError(
                f"the effect was learned with {len(self.means)} embedding block(s) and {len(blocks)} are given; "
                "pass embeddings= of the new rows, in the same order"
            )
        for number, (block, mean) in enumerate(zip(blocks, self.means, strict=True)):
            if block.shape != (n, len(mean)) or not np.isfinite(block).all():
                raise ValueError(
                    f"embeddings[{number}] has shape {block.shape} or holds what is not finite; give an "
                    f"({n}, {len(mean)}) array, one row a table row"
                )
        scaled = [
            (b - m) / np.where(s > 0, s, np.inf) for b, m, s in zip(blocks, self.means, self.spreads, strict=True)
        ]
        return np.column_stack([np.empty((n, 0)), *scaled])


def _blocks(embeddings: Embeddings | None) -> list[Floats]:
    if embeddings is None:
        return []
    several = [embeddings] if isinstance(embeddings, np.ndarray) else list(embeddings)
    return [np.asarray(block, dtype=np.float64) for block in several]
