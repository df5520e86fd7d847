r"""Deletion: what becomes of an item's score when events are left out of the histories a model reads.

A score is set against the mean of the catalogue, since a softmax and a ranking do not change when all scores move
together:

.. math:: s(i \mid H) = f_i(H) - \frac{1}{J} \sum_j f_j(H), \qquad
    \Delta(S) = s(i \mid H) - s(i \mid H \setminus S).

The drop :math:`\Delta` is a fact about the model, exact up to its arithmetic: no gradient and no surrogate stands
between. (As a test of what an explanation cites: DeYoung et al. 2020, "ERASER", ACL, section 4, "comprehensiveness".)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.catalogue.histories import Histories, gap_steps
from causalrec_lab.recommender.catalogue.interactions import Recommender

__all__ = ["centred_scores", "left_out"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
CELLS = 2**23  # scores held at a time


def left_out(histories: Histories, rows: Ints, variant: Ints, numbers: Ints) -> Histories:
    """Histories without some items.

    Parameters
    ----------
    histories
        Of n users.
    rows
        (m,) row that each of m variants begins with.
    variant, numbers
        (p,) item numbers that are left out, and of which variant: every event of that item.

    Returns
    -------
    Histories of m rows. Gaps are those of what is left, from the middle of the steps that were there.
    """
    whole = histories.take(histories.users[rows])
    owner, items = whole.pairs()
    width = int(max(items.max(initial=0), numbers.max(initial=0))) + 1
    kept = ~np.isin(owner * width + items, variant * width + numbers)
    offsets = np.concatenate(([0], np.bincount(owner[kept], minlength=len(rows)).cumsum())).astype(np.int64)
    outcomes = None if whole.outcomes is None else whole.outcomes[kept]
    gaps = None
    if whole.gaps is not None:
        gaps = gap_steps(pd.Series(_seconds(whole.gaps, whole.offsets)[kept]), offsets)
    return Histories(pd.RangeIndex(len(rows)), items[kept], offsets, outcomes, gaps=gaps)


def _seconds(gaps: Ints, offsets: Ints) -> Floats:
    """Times that have these steps between them, each step at the middle of what it covers; they grow over users."""
    between = np.where(gaps > 1, 1.5 * 2.0 ** (gaps - 1.0) - 1.0, 0.5)
    between[offsets[:-1][np.diff(offsets) > 0]] = 0.0
    return np.asarray(between.cumsum())


def centred_scores(
    model: Recommender, histories: Histories, rows: Ints, variant: Ints, numbers: Ints, targets: Ints
) -> tuple[Floats, Ints]:
    """Score of one item after each deletion, less the catalogue's mean, and its rank among what was not met.

    Parameters
    ----------
    model
        Fitted.
    histories, rows, variant, numbers
        As in `left_out`. An item that is left out stays out of the ranking: it was met.
    targets
        (m,) number of the item that is scored in each variant.

    Returns
    -------
    (m,) centred scores and (m,) ranks, 1 the first.

    Raises
    ------
    ValueError
        If the model scores a history with NaN.
    """
    step = max(1, CELLS // len(model.catalogue))
    parts = []
    for start in range(0, max(1, len(rows)), step):
        block = slice(start, start + step)
        inside = (variant >= start) & (variant < start + step)
        parts.append(_of_block(model, histories, rows[block], variant[inside] - start, numbers[inside], targets[block]))
    scores, ranks = (np.concatenate(side) for side in zip(*parts, strict=True))
    return scores, ranks


def _of_block(
    model: Any, histories: Histories, rows: Ints, variant: Ints, numbers: Ints, targets: Ints
) -> tuple[Floats, Ints]:
    if not len(rows):
        return np.zeros(0), np.zeros(0, dtype=np.int64)
    scores = np.array(model.score_histories(left_out(histories, rows, variant, numbers)), dtype=np.float64)
    if np.isnan(scores).any():
        raise ValueError("the model scored a history with NaN; was it trained, did its loss stay finite?")
    each = np.arange(len(rows))
    own = scores[each, targets - 1]
    centred = own - scores.mean(axis=1)
    owner, met = histories.take(histories.users[rows]).pairs()
    scores[owner, met - 1] = -np.inf
    scores[each, targets - 1] = own
    first = np.arange(scores.shape[1]) < (targets - 1)[:, None]
    return centred, 1 + (scores > own[:, None]).sum(axis=1) + ((scores == own[:, None]) & first).sum(axis=1)
