"""What searches ask of a table, by column numbers: the p-value of an independence, and the score of a family."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.independence.columns import checked, design, is_discrete
from causalrec_lab.causal.independence.contingency import Codes

__all__ = ["Discrete", "Gaussian", "Statistics", "built", "statistics"]

KINDS = ("auto", "discrete", "gaussian")
DIGITS = 6  # of a score in nats: equally good steps are not to be told apart by rounding errors
PER_CELL = 5  # rows a cell needs on average before a G test is believed


class Statistics(Protocol):
    """A table that answers a search: `kind`, row and column counts, tests and scores."""

    kind: str
    n: int

    def p_value(self, x: int, y: int, given: Iterable[int]) -> float:
        """p-value of x independent of y given a set."""

    def score(self, node: int, parents: Iterable[int]) -> float:
        """Score of a node given its parents, in nats; higher is better."""


class Discrete:
    r"""Categories: G tests, and :math:`BIC = \ell - \tfrac12 \ln(n)\,(r - 1) q` (Schwarz 1978)."""

    kind = "discrete"

    def __init__(self, frame: pd.DataFrame) -> None:
        self.codes, self.n = Codes(frame), len(frame)
        self._memo: dict[tuple[int, int], float] = {}
        self._tests: dict[tuple[int, int, int], float] = {}

    def p_value(self, x: int, y: int, given: Iterable[int]) -> float:
        """p-value of a G test; 0, so that the set separates nothing, where rows are too few for its cells."""
        key = min(x, y), max(x, y), _mask(given)
        if key not in self._tests:
            cells = self.codes.strata(key[2])[1] * self.codes.levels[x] * self.codes.levels[y]
            self._tests[key] = self.codes.g(*key)[2] if self.n >= PER_CELL * cells else 0.0
        return self._tests[key]

    def score(self, node: int, parents: Iterable[int]) -> float:
        """BIC of a node's table; every configuration of the parents costs, seen or not."""
        causes = tuple(parents)
        key = node, _mask(causes)
        if key not in self._memo:
            counts = self.codes.counts((node,), key[1])
            totals = np.broadcast_to(counts.sum(1, keepdims=True), counts.shape)
            seen = counts > 0
            likelihood = float((counts[seen] * np.log(counts[seen] / totals[seen])).sum())
            free = (self.codes.levels[node] - 1) * math.prod(self.codes.levels[p] for p in causes)
            self._memo[key] = round(likelihood - 0.5 * math.log(self.n) * free, DIGITS)
        return self._memo[key]


class Gaussian:
    """Numbers, and categories as indicators: tests and BIC from one correlation matrix.

    A column of categories is a block of indicators, treated as if jointly normal with the rest (Andrews, Ramsey &
    Cooper 2019, "Learning High-dimensional Directed Acyclic Graphs with Mixed Data-types": the degenerate Gaussian).
    Tests are Wilks' lambda with Bartlett's approximation, which for two single numbers is a partial correlation.
    """

    kind = "gaussian"

    def __init__(self, frame: pd.DataFrame) -> None:
        blocks = [design(frame[name]) for name in frame.columns]
        ends = np.cumsum([block.shape[1] for block in blocks])
        self.blocks = [list(range(end - block.shape[1], end)) for block, end in zip(blocks, ends, strict=True)]
        self.n = len(frame)
        if self.n < ends[-1] + 10:
            raise ValueError(f"{self.n} rows are too few for {ends[-1]} columns of numbers; {ends[-1] + 10} are least")
        numbers = np.hstack([block - block.mean(axis=0) for block in blocks])
        numbers /= np.abs(numbers).max(axis=0)  # no square overflows
        self._correlation = np.asarray(np.corrcoef(numbers, rowvar=False)).reshape(ends[-1], ends[-1])
        self._logdet: dict[int, float] = {0: 0.0}

    @property
    def smallest_eigenvalue(self) -> float:
        """Near 0 where some columns follow exactly from others."""
        return float(np.linalg.eigvalsh(self._correlation)[0])

    def logdet(self, mask: int) -> float:
        """Log determinant of the correlation matrix of some columns, kept finite for collinear ones."""
        if mask not in self._logdet:
            index = [k for i, block in enumerate(self.blocks) if mask >> i & 1 for k in block]
            part = self._correlation[np.ix_(index, index)] + 1e-9 * np.eye(len(index))
            self._logdet[mask] = float(np.linalg.slogdet(part)[1])
        return self._logdet[mask]

    def p_value(self, x: int, y: int, given: Iterable[int]) -> float:
        """p-value of Wilks' lambda."""
        from scipy.special import chdtrc

        z = _mask(given)
        p, q = len(self.blocks[x]), len(self.blocks[y])
        control = 1 + sum(len(block) for i, block in enumerate(self.blocks) if z >> i & 1)
        gain = self.logdet(z | 1 << x | 1 << y) + self.logdet(z) - self.logdet(z | 1 << x) - self.logdet(z | 1 << y)
        statistic = -(self.n - control - (p + q + 1) / 2) * gain
        return float(chdtrc(p * q, max(statistic, 0.0)))

    def score(self, node: int, parents: Iterable[int]) -> float:
        """BIC of a block's linear regression on its parents' blocks."""
        z = _mask(parents)
        size = sum(len(block) for i, block in enumerate(self.blocks) if z >> i & 1)
        gain = self.logdet(z | 1 << node) - self.logdet(z)
        return round(-0.5 * self.n * gain - 0.5 * math.log(self.n) * size * len(self.blocks[node]), DIGITS)


def _mask(nodes: Iterable[int]) -> int:
    return sum(1 << int(i) for i in set(nodes))


def statistics(frame: pd.DataFrame, names: Sequence[str], kind: str = "auto") -> Discrete | Gaussian:
    """Statistics that suit the columns: "discrete" where all are categories, "gaussian" otherwise.

    Raises
    ------
    ValueError
        If a column is constant, missing somewhere, infinite, a copy of another, or of numbers where kind="discrete"; if
        there are too few rows, or the kind is unknown.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is unknown; {nearest(kind, KINDS)}")
    columns = checked(frame, names, remedy="")
    if len(columns) < 30:
        raise ValueError(f"{len(columns)} rows are too few to search a structure; 30 are least, hundreds better")
    numbers = [name for name in names if not is_discrete(columns[name])]
    if kind == "discrete" and numbers:
        raise ValueError(
            f"column {numbers[0]!r} takes {columns[numbers[0]].nunique()} values; kind='discrete' needs categories: "
            "cut it into bands with pandas.qcut, or take kind='gaussian'"
        )
    table = built(columns, "discrete" if kind == "discrete" or (kind == "auto" and not numbers) else "gaussian")
    if twins := _copies(columns):
        raise ValueError(
            f"column {twins[1]!r} is a copy of {twins[0]!r}: given the one, nothing depends on the other, and both "
            "lose their edges; leave one out"
        )
    return table


def built(columns: pd.DataFrame, kind: str) -> Discrete | Gaussian:
    """Statistics of columns that are known to be fit."""
    return Discrete(columns) if kind == "discrete" else Gaussian(columns)


def _copies(columns: pd.DataFrame) -> tuple[str, str] | None:
    """Two columns that say the same: categories under other names, or numbers on another scale."""
    met: dict[bytes, str] = {}
    for name in map(str, columns):
        column = columns[name]
        if is_discrete(column):
            key = pd.factorize(column)[0].tobytes()
        else:
            scaled = column.to_numpy(float) - column.iloc[0]
            scaled = scaled / scaled[np.abs(scaled).argmax()]
            key = np.round(scaled, 9).tobytes()
        if key in met:
            return met[key], name
        met[key] = name
    return None
