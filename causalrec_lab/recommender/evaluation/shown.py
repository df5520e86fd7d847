"""What a recommender shows beside what it gets right: popularity bias, concentration, novelty, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.building.splits import Split
from causalrec_lab.data.quality.exposure import gini
from causalrec_lab.recommender.catalogue.histories import Histories
from causalrec_lab.recommender.catalogue.interactions import Recommender, refuse_nan
from causalrec_lab.recommender.evaluation.ranking import blocks_of, user_bootstrap

__all__ = ["shown_metrics"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SMOOTHED = 0.01  # share of the history mixed into what is shown, so that no logarithm is of 0


def shown_metrics(
    model: Recommender,
    split: Split,
    k: int = 10,
    *,
    part: Literal["validation", "test"] = "test",
    filter_seen: bool = True,
    categories: pd.Series[Any] | None = None,
    level: float = 0.95,
    replications: int = 1_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Describe the top k shown to each user: no accuracy, but who and what gets seen.

    ================  ==================================================================================================
    popularity lift   :math:`\bar p(\text{shown}) / \bar p(\text{history}) - 1`, p the training events of an item
                      (Abdollahpouri et al. 2019, RMSE workshop, group average popularity, here a user at a time)
    novelty           mean :math:`-\log_2 (p_i / \sum p)` of what is shown, in bits (Zhou et al. 2010, PNAS)
    miscalibration    :math:`KL(h \| .99 s + .01 h)` between the categories of the history h and of what is shown s, in
                      nats (Steck 2018, RecSys, equations 2 and 5); where categories are given
    Gini              of the times each item of the catalogue is shown, over all users (no interval)
    coverage          share of the catalogue shown to somebody (Ge et al. 2010; no interval)
    ================  ==================================================================================================

    Parameters
    ----------
    model, split, part, filter_seen, level, replications, seed
        As in `evaluate`.
    k
        Length of the lists.
    categories
        Category of each item, indexed by item id; items without one are left out of the calibration.

    Returns
    -------
    DataFrame indexed by metric: value, low, high, users.

    Raises
    ------
    ValueError
        If k is not in 1..catalogue size, categories are of no item of the catalogue or double, or a score is NaN.
    """
    if not 1 <= k <= len(model.catalogue):
        raise ValueError(f"shown_metrics(k={k}): the catalogue has {len(model.catalogue)} items; give k in 1..that")
    before = split.train if part == "validation" else pd.concat([split.train, split.validation])
    users = pd.Index(getattr(split, part)["user_id"].unique())
    histories = model.read(before).take(users)
    top = _top(model, histories, k, filter_seen)
    counts = np.bincount(model.histories.items - 1, minlength=len(model.catalogue)).astype(np.float64)
    per_user = {"popularity lift": _lift(counts, histories, top), "novelty": _novelty(counts, top)}
    if categories is not None:
        per_user["miscalibration"] = _miscalibration(_codes(categories, model.catalogue), histories, top)
    times = np.bincount(top.ravel(), minlength=len(model.catalogue))
    rows = {name: _row(values, level, replications, seed) for name, values in per_user.items()}
    rows["Gini"] = (gini(times), np.nan, np.nan, len(users))
    rows["coverage"] = (float((times > 0).mean()), np.nan, np.nan, len(users))
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "users"])
    return table.rename_axis("metric").astype({"users": int})


def _row(values: Floats, level: float, replications: int, seed: int) -> tuple[float, float, float, int]:
    known = values[np.isfinite(values)]
    if not len(known):
        return np.nan, np.nan, np.nan, 0
    low, high = user_bootstrap(known[:, None], level, replications, seed)
    return float(known.mean()), float(low[0]), float(high[0]), len(known)


def _top(model: Recommender, histories: Histories, k: int, filter_seen: bool) -> Ints:
    """(users, k) places in the catalogue of what is shown, in no order."""
    found = []
    for users in blocks_of(histories.users, len(model.catalogue)):
        known = histories.take(users)
        scores = model.score_histories(known)
        refuse_nan(scores, users)
        if filter_seen:
            rows, numbers = known.pairs()
            scores[rows, numbers - 1] = -np.inf
        found.append(np.argpartition(-scores, k - 1, axis=1)[:, :k])
    return np.concatenate(found)


def _lift(counts: Floats, histories: Histories, top: Ints) -> Floats:
    rows, numbers = histories.pairs()
    sums = np.bincount(rows, counts[numbers - 1], minlength=len(top))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(counts[top].mean(axis=1) / (sums / histories.lengths) - 1)


def _novelty(counts: Floats, top: Ints) -> Floats:
    """An item never met counts as met once: its information would be infinite."""
    return np.asarray(-np.log2(np.maximum(counts, 1) / counts.sum())[top].mean(axis=1))


def _codes(categories: pd.Series[Any], catalogue: pd.Index) -> Ints:
    """Category number of each item of the catalogue, -1 for none."""
    if not categories.index.is_unique:
        twice = categories.index[categories.index.duplicated()].tolist()[0]
        raise ValueError(
            f"shown_metrics(categories=…): item {twice!r} has more than one category; give one row an item"
        )
    codes = pd.factorize(categories.reindex(catalogue))[0].astype(np.int64)
    if (codes < 0).all():
        raise ValueError(
            "shown_metrics(categories=…): no item of the catalogue has a category; index them by item_id, as in "
            "items.set_index('item_id')['category']"
        )
    return codes


def _miscalibration(codes: Ints, histories: Histories, top: Ints) -> Floats:
    rows, numbers = histories.pairs()
    wanted = _shares(rows, codes[numbers - 1], len(top), codes.max() + 1)
    shown = _shares(np.repeat(np.arange(len(top)), top.shape[1]), codes[top.ravel()], len(top), codes.max() + 1)
    mixed = (1 - SMOOTHED) * shown + SMOOTHED * wanted
    with np.errstate(invalid="ignore", divide="ignore"):
        terms = np.where(wanted > 0, wanted * np.log(wanted / mixed), 0.0)
    return np.asarray(np.where(np.isnan(wanted[:, 0] + shown[:, 0]), np.nan, terms.sum(axis=1)))


def _shares(rows: Ints, codes: Ints, n: int, categories: int) -> Floats:
    """(n, categories) shares of each row's categories; nan where there is none."""
    has: Sequence[Any] | npt.NDArray[np.bool_] = codes >= 0
    counts = np.bincount(rows[has] * categories + codes[has], minlength=n * categories).reshape(n, categories)
    with np.errstate(invalid="ignore"):
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))
