r"""Whether attention catches up with merit over rounds, and how far from the ideal a stochastic ranking is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.quality.exposure import gini
from causalrec_lab.estimate import Estimate
from causalrec_lab.explain.fairness.exposure import Exposure, Weights, position_weights
from causalrec_lab.explain.fairness.groups import Floats, Groups, item_groups
from causalrec_lab.explain.fairness.ratios import ratios

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Amortised", "amortised", "concentration", "expected_exposure"]

_AT = 40  # points of a curve


@dataclass(frozen=True, eq=False)
class Amortised:
    """Attention beside merit as lists accumulate.

    Parameters
    ----------
    table
        One row a point: lists seen so far, unfairness of items, and each group's surplus of attention.
    by
        Attribute of the groups.
    """

    table: pd.DataFrame
    by: str

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each group's surplus of attention over the lists; 0 is what is due."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5.5, 3))
        for name in self.table.columns.drop("unfairness"):
            ax.plot(self.table.index, self.table[name], label=str(name))
        ax.axhline(0, color="0.35", linestyle=":")
        ax.set_xlabel("lists so far")
        ax.set_ylabel("share of attention less share of merit")
        ax.legend(loc="best", frameon=False)
        return ax

    def _repr_html_(self) -> str:
        """The table."""
        return str(self.table.round(4).to_html(border=0, escape=True))


def amortised(
    exposure: Exposure, items: pd.DataFrame | npt.ArrayLike, by: str | None, merit: npt.ArrayLike
) -> Amortised:
    r"""Follow attention and merit over the lists of a log.

    With the shares of attention :math:`A_i` and of merit :math:`R_i` gathered so far, unfairness is
    :math:`\sum_i |A_i - R_i|` (Biega, Gummadi and Weikum 2018, here in shares, so that it lies in [0, 2]).

    Parameters
    ----------
    exposure
        From `exposure_of_slates`.
    items, by
        As in `exposure_by_group`.
    merit
        (items,) or (users, items) relevance, at least 0; a list brings its user's.

    Raises
    ------
    ValueError
        If the exposure is a policy's (it has no rounds), or merit is not finite, negative, 0 for all or of another
        shape.
    """
    if exposure.turn is None:
        raise ValueError("a policy's expected exposure has no rounds; give exposure_of_slates(…) of a log")
    worth = np.atleast_2d(np.asarray(merit, dtype=np.float64))
    if worth.shape[1] != len(exposure.items) or worth.shape[0] not in (1, len(exposure.users)):
        raise ValueError(f"merit has shape {worth.shape}; give one number an item, or one row a user")
    if not ((worth >= 0).all() and np.isfinite(worth).all() and worth.sum() > 0):
        raise ValueError("merit is finite and >= 0, and not 0 everywhere")
    groups = item_groups(items, by, exposure.items)
    count = int(exposure.turn.max()) + 1
    owner = np.zeros(count, dtype=np.int64)
    owner[exposure.turn] = exposure.user
    marks = np.unique(np.geomspace(1, count, min(_AT, count)).astype(np.int64))
    rows = {int(mark): _at(exposure, worth, owner, int(mark), groups) for mark in marks}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["unfairness", *groups.labels])
    return Amortised(table.rename_axis("lists"), groups.name)


def _at(exposure: Exposure, worth: Floats, owner: npt.NDArray[np.int64], mark: int, groups: Groups) -> list[float]:
    assert exposure.turn is not None
    seen = exposure.turn < mark
    attention = np.bincount(exposure.item[seen], exposure.weight[seen], len(exposure.items))
    asked = np.bincount(owner[:mark], minlength=len(exposure.users)).astype(np.float64)
    due = worth[0] if len(worth) == 1 else asked @ worth
    surplus = attention / attention.sum() - due / (due.sum() or 1.0)
    return [float(np.abs(surplus).sum()), *(surplus @ groups.one_hot).tolist()]


def expected_exposure(
    exposure: Exposure, merit: npt.ArrayLike, length: int, *, weights: Weights = "log2", level: float = 0.95
) -> dict[str, Estimate]:
    r"""Set expected exposure beside that of a ranker that is fair to items of equal merit.

    The target gives every item of a user the mean attention of the places that items of its merit fill, best first.
    With expected exposure :math:`\epsilon` and target :math:`\epsilon^*`: loss :math:`\|\epsilon - \epsilon^*\|^2`
    = disparity :math:`\|\epsilon\|^2` - 2 relevance :math:`\epsilon \cdot \epsilon^*` + :math:`\|\epsilon^*\|^2`
    (Diaz, Mitra, Ekstrand, Biega and Carterette 2020, "Evaluating Stochastic Rankings with Expected Exposure", CIKM).

    Parameters
    ----------
    exposure
        Of a policy, or of a log in which users have several lists (the mean over them is taken).
    merit
        (items,) or (users, items) grades; equal numbers are equal merit.
    length
        Places of a list.
    weights
        Attention of places, as the exposure was made with.
    level
        Of the intervals, over users.

    Returns
    -------
    Estimates "loss", "disparity", "relevance", each a mean over users who saw a list.

    Raises
    ------
    ValueError
        If merit is not finite or of another shape, or the list is longer than the catalogue.
    """
    seen = exposure.lists > 0
    shown = (exposure.matrix() / np.where(seen, exposure.lists, 1.0)[:, None])[seen]
    grade = np.atleast_2d(np.asarray(merit, dtype=np.float64))
    if grade.shape not in ((1, len(exposure.items)), (len(exposure.users), len(exposure.items))):
        raise ValueError(f"merit has shape {grade.shape}; give one number an item, or one row a user")
    if not np.isfinite(grade).all() or length > grade.shape[1]:
        raise ValueError(f"merit must be finite, and length={length} at most the {grade.shape[1]} items")
    attention = np.zeros(grade.shape[1])
    attention[:length] = position_weights(weights, length)[0]
    ideal = _ideal(grade if len(grade) == 1 else grade[seen], attention)
    parts = {
        "loss": ((shown - ideal) ** 2).sum(axis=1),
        "disparity": (shown**2).sum(axis=1),
        "relevance": (shown * ideal).sum(axis=1),
    }
    n = len(shown)
    said = exposure.notes if n > 1 else (*exposure.notes, "one user alone tells of no spread")
    return {
        name: Estimate(
            float(x.mean()), float(x.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"), None, level,
            f"expected exposure, {name}", "mean over users", n, {}, ("users are drawn independently",), said,
        )
        for name, x in parts.items()
    }  # fmt: skip


def _ideal(grade: Floats, attention: Floats) -> Floats:
    """(rows, items) mean attention of the places that the items of each grade fill."""
    order = np.argsort(-grade, axis=1, kind="stable")
    ranked = np.take_along_axis(grade, order, axis=1)
    start = np.column_stack([np.ones(len(grade), dtype=bool), ranked[:, 1:] != ranked[:, :-1]])
    block = np.cumsum(start.ravel()) - 1
    filled = np.tile(attention, len(grade))
    mean = np.bincount(block, filled) / np.bincount(block)
    out = np.empty_like(grade)
    np.put_along_axis(out, order, mean[block].reshape(grade.shape), axis=1)
    return out


def concentration(exposure: Exposure, *, level: float = 0.95) -> Estimate:
    r"""Gini coefficient of the items' exposure, with an interval over users.

    Given the order of the items, :math:`G = \sum_j (2j - m - 1) c_{(j)} / (m \sum_j c_j)` is a ratio of sums over users
    (the order's own error is of second order). Draw the curve with `data.lorenz(exposure.by_item)`.

    Parameters
    ----------
    exposure
        From a log or a policy; items that are never shown count as 0.
    level
        Confidence level.
    """
    total = exposure.by_item.to_numpy()
    m, rank = len(total), np.empty(len(total))
    rank[np.argsort(total, kind="stable")] = np.arange(1, len(total) + 1)
    lean = (2 * rank - m - 1) / m
    above = np.bincount(exposure.user, exposure.weight * lean[exposure.item], len(exposure.users))
    below = np.bincount(exposure.user, exposure.weight, len(exposure.users))
    found = ratios(*(np.asarray(part, dtype=np.float64)[:, None] for part in (above, below)))
    return Estimate(
        gini(total), float(found.std_error[0]), None, level, "Gini of exposure", "ratio of sums, clustered by user",
        len(exposure.users), {"items": float(m), "never shown": float((total == 0).sum())},
        ("users are drawn independently; the catalogue is what it is",), exposure.notes,
    )  # fmt: skip
