"""What an attacker reads off a recommender: how well it foretells a user's own history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.catalogue.histories import Histories
from causalrec_lab.recommender.catalogue.interactions import CatalogueRecommender

__all__ = ["Signal", "likelihood_ratios", "signals"]

Floats = npt.NDArray[np.float64]
Signal = Literal["loss", "rank"]
Train = Callable[[pd.DataFrame], CatalogueRecommender]
_BATCH = 2_048


def signals(model: CatalogueRecommender, events: pd.DataFrame, users: pd.Index, kind: Signal, steps: int) -> Floats:
    r"""(n,) how well the model foretells each user's last `steps` items, each from those before it.

    "loss": mean of :math:`\log p(i_k | i_1, \dots, i_{k-1})`, p the softmax of the scores (Yeom et al. 2018, CSF,
    section 3, with the sign turned); "rank": mean of minus the logarithm of the item's rank. Items that the model does
    not know tell nothing; a user without any other gets nan.
    """
    known = events[events["item_id"].isin(model.catalogue)]
    told = np.full(len(users), np.nan)
    if known.empty:
        return told
    whole = Histories.of(known, model.catalogue).take(users)
    row, number = whole.pairs()
    place = np.arange(len(row)) - whole.offsets[:-1][row]
    asked = np.flatnonzero(place >= np.maximum(0, whole.lengths[row] - steps))
    own = np.concatenate([_foretold(model, whole, row, place, number, part, kind) for part in _parts(asked)])
    sums = np.bincount(row[asked], own, minlength=len(users))
    counts = np.bincount(row[asked], minlength=len(users))
    np.divide(sums, counts, out=told, where=counts > 0)
    return told


def likelihood_ratios(
    target: Floats,
    train: Train,
    events: pd.DataFrame,
    users: pd.Index,
    kind: Signal,
    steps: int,
    shadows: int,
    seed: int,
) -> Floats:
    r"""(n,) log likelihood ratio of the target's signals, user by user (Carlini et al. 2022, IEEE S&P, section V).

    Each pair of shadow models is trained on a random half of the users and on the other half, so that every user is in
    one and out of the other: :math:`\log N(s; \mu_{in}, \sigma_{in}) - \log N(s; \mu_{out}, \sigma_{out})`, the means
    each user's own, the variances shared by all, as few shadow models ask for. A user hard to foretell is no longer
    taken for a stranger.
    """
    rng = np.random.default_rng(seed)
    inside, outside = (np.full((shadows, len(users)), np.nan) for _ in range(2))
    for pair in range(0, shadows, 2):
        half = rng.permutation(len(users)) < len(users) // 2
        for place, chosen in ((pair, half), (pair + 1, ~half)):
            model = train(events[events["user_id"].isin(users[chosen])])
            found = signals(model, events, users, kind, steps)
            inside[place, chosen], outside[place, ~chosen] = found[chosen], found[~chosen]
    (centre_in, spread_in), (centre_out, spread_out) = _law(inside), _law(outside)
    ratio = _log_normal(target, centre_in, spread_in) - _log_normal(target, centre_out, spread_out)
    return np.nan_to_num(ratio)  # of whom no shadow could tell: neither


def _law(found: Floats) -> tuple[Floats, float]:
    """Each user's mean, and the spread shared by all, each pair of shadows giving one degree of freedom less."""
    there = ~np.isnan(found)
    n = there.sum(axis=0)
    centre = np.divide(np.nansum(found, axis=0), n, out=np.full(found.shape[1], np.nan), where=n > 0)
    freedom = max(1, int((n - 1).clip(0).sum()))
    return centre, float(np.sqrt(np.nansum((found - centre) ** 2) / freedom)) or 1e-9


def _log_normal(x: Floats, centre: Floats, spread: float) -> Floats:
    return np.asarray(-0.5 * ((x - centre) / spread) ** 2 - np.log(spread))


def _parts(asked: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    return np.array_split(asked, max(1, -(-len(asked) // _BATCH)))


def _foretold(
    model: CatalogueRecommender, whole: Histories, row: Any, place: Any, number: Any, part: Any, kind: Signal
) -> Floats:
    """Signal of each step: the history before it is scored, the item that came is looked up."""
    lengths = place[part]
    offsets = np.concatenate(([0], lengths.cumsum()))
    rows = np.repeat(whole.offsets[:-1][row[part]] - offsets[:-1], lengths) + np.arange(offsets[-1])
    before = Histories(pd.RangeIndex(len(part)), whole.items[rows], offsets)
    scores = np.asarray(model.score_histories(before), dtype=np.float64)
    own = np.take_along_axis(scores, number[part][:, None] - 1, axis=1)
    if kind == "rank":
        rank = (scores > own).sum(axis=1) + 0.5 * ((scores == own).sum(axis=1) - 1) + 1
        return np.asarray(-np.log(rank))
    top = scores.max(axis=1, keepdims=True)
    return np.asarray((own - top)[:, 0] - np.log(np.exp(scores - top).sum(axis=1)))
