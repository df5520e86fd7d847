"""Whom to treat, as a tree that a person can read: `policy_tree`, by exact search over doubly robust scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.cate.coding import Coding
from causalrec_lab.causal.effects.cate.scores import EffectScores, share_known
from causalrec_lab.causal.effects.cate.tree_search import Split, best_tree
from causalrec_lab.causal.effects.inference import ratio
from causalrec_lab.causal.effects.sample import Floats, nearest
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PolicyTree", "policy_tree"]

_LARGEST = 4_000  # thresholds a column: their table in two dimensions has this many squared cells
_OVER = ("none", "all")


@dataclass(frozen=True)
class PolicyTree:
    """A rule that treats or leaves each row by at most three questions.

    Parameters
    ----------
    root
        First question, or True / False where everybody or nobody is treated.
    columns
        How tables become the columns it asks about.
    cost
        Cost of treating a row, in the outcome's unit.
    scores
        Scores it was learned from: their gain flatters it.
    """

    root: Split | bool
    columns: Coding
    cost: float
    scores: EffectScores

    def treat(self, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """(n,) whether each row of a table is treated.

        Raises
        ------
        ValueError
            If a column is missing, not finite, or has a level not met when learning.
        """
        return _decide(self.root, self.columns.matrix(frame))

    def gain(self, scores: EffectScores, *, over: str = "none") -> Estimate:
        r"""What the rule gains per row, :math:`E[a(X)(\Gamma - c)]`, or that less the gain of treating everybody.

        Parameters
        ----------
        scores
            Scores of rows held out; for those it was learned from a note says so.
        over
            "none": over treating nobody; "all": over treating everybody.

        Raises
        ------
        ValueError
            If `over` is unknown, and as `treat`.
        """
        if over not in _OVER:
            raise ValueError(f"unknown over={over!r}; {nearest(over, _OVER)}")
        treated, w = self.treat(scores.frame).astype(np.float64), scores.sample.weights
        action = treated if over == "none" else treated - 1.0
        value, influence = ratio(w * action * (scores.row_scores - self.cost), w)
        share = share_known(scores, self.scores)
        flatters = f"warning: {share:.0%} of these rows grew the tree, which flatters it; value it on rows held out"
        method = f"policy tree, {treated.mean():.0%} treated, {scores.method}"
        notes = (flatters,) if share > 0.5 else ()
        return scores.estimate(value, influence, f"policy gain over treating {over}", method, notes)

    def rules(self) -> str:
        """The tree as indented text."""
        return "\n".join(_lines(self.root, self.columns, ""))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the tree; the left branch is yes."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 3))
        treated = self.columns.matrix(self.scores.frame)
        _draw(ax, self.root, treated, self.columns, (0.5, 1.0), 0.25)
        ax.set(xlim=(-0.05, 1.05), ylim=(-0.15, 1.15))
        ax.set_axis_off()
        return ax

    def __repr__(self) -> str:
        """The rules."""
        return self.rules()


def policy_tree(
    scores: EffectScores,
    columns: Sequence[str],
    *,
    depth: int = 2,
    cost: float = 0.0,
    min_leaf: int | None = None,
    candidates: int | None = 255,
) -> PolicyTree:
    r"""Tree that maximises :math:`\sum_i w_i\, a(x_i)\, (\Gamma_i - c)` among all trees up to a depth.

    Source: Athey and Wager (2021), "Policy learning with observational data", Econometrica 89. The search is exact over
    the thresholds: all of a column with few values, else quantiles (`candidates`).

    Parameters
    ----------
    scores
        Scores of the rows to learn from.
    columns
        Columns it may ask about: what may decide, which need not be all that confounds.
    depth
        1 or 2 questions in a row.
    cost
        Cost of treating a row, in the outcome's unit.
    min_leaf
        Least rows of a leaf; by default one in a hundred, for smaller corners gain by luck.
    candidates
        Thresholds a column at most; None for all, up to 4,000.

    Raises
    ------
    ValueError
        If there are no columns, one is missing or not finite, the depth is neither 1 nor 2, the cost not finite,
        `min_leaf` or `candidates` not positive, or all thresholds are asked for where a column has more than 4,000.
    """
    if isinstance(columns, str) or not len(columns):
        raise ValueError(f"columns={columns!r}: give a list of column names that may decide")
    if depth not in (1, 2):
        raise ValueError(f"depth={depth!r}: the search is exact for trees of depth 1 or 2")
    min_leaf = max(scores.n // 100, 1) if min_leaf is None else min_leaf
    if not np.isfinite(cost) or min_leaf < 1 or (candidates is not None and candidates < 1):
        raise ValueError(f"cost={cost!r}, min_leaf={min_leaf!r}, candidates={candidates!r}: finite, and at least 1")
    coding = Coding.learn(scores.frame, columns)
    matrix = coding.matrix(scores.frame)
    most = max((len(np.unique(column)) for column in matrix.T), default=0)
    if (candidates or most) > _LARGEST:
        raise ValueError(f"{candidates or most:,} thresholds a column; give candidates= of at most {_LARGEST:,}")
    gains = scores.sample.weights * (scores.row_scores - cost)
    root, _ = best_tree(matrix, gains, depth=depth, min_leaf=min_leaf, candidates=candidates)
    return PolicyTree(root, coding, float(cost), scores)


def _decide(node: Split | bool, matrix: Floats) -> npt.NDArray[np.bool_]:
    if isinstance(node, bool):
        return np.full(len(matrix), node)
    low = matrix[:, node.column] <= node.threshold
    return np.where(low, _decide(node.left, matrix), _decide(node.right, matrix))


def _question(node: Split, columns: Coding) -> tuple[str, str]:
    """Words for the two answers; an indicator is asked as a level."""
    name, level = columns.parts[node.column]
    if level is not None:
        return f"{name} is not {level}", f"{name} is {level}"
    return f"{name} <= {node.threshold:.4g}", f"{name} > {node.threshold:.4g}"


def _lines(node: Split | bool, columns: Coding, indent: str) -> list[str]:
    if isinstance(node, bool):
        return [f"{indent}{'treat' if node else 'do not treat'}"]
    yes, no = _question(node, columns)
    inner = indent + "    "
    return [
        f"{indent}if {yes}:", *_lines(node.left, columns, inner),
        f"{indent}if {no}:", *_lines(node.right, columns, inner),
    ]  # fmt: skip


def _draw(ax: Axes, node: Split | bool, rows: Floats, columns: Coding, at: tuple[float, float], spread: float) -> None:
    leaf = isinstance(node, bool)
    words = (
        f"{'treat' if node else 'leave'}\n{len(rows):,} rows" if isinstance(node, bool) else _question(node, columns)[0]
    )
    face = ("#cfe8cf" if node else "#eeeeee") if leaf else "white"
    ax.text(*at, words, ha="center", va="center", bbox={"boxstyle": "round", "facecolor": face, "edgecolor": "0.35"})
    if isinstance(node, bool):
        return
    plain = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    low = rows[:, node.column] <= node.threshold
    for child, side, word, part in ((node.left, -1, "yes", rows[low]), (node.right, 1, "no", rows[~low])):
        end = (at[0] + side * spread, at[1] - 0.5)
        ax.plot([at[0], end[0]], [at[1], end[1]], color="0.35", linewidth=1, zorder=0)
        ax.text(
            (at[0] + end[0]) / 2,
            (at[1] + end[1]) / 2,
            word,
            ha="center",
            va="center",
            color="0.35",
            fontsize=8,
            bbox=plain,
        )
        _draw(ax, child, part, columns, end, spread / 2)
