"""Ranking metrics over the whole catalogue, with intervals over users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.splits import Split
from causalrec_lab.recommender.histories import Histories
from causalrec_lab.recommender.interactions import Recommender, Scores, refuse_nan

__all__ = ["evaluate", "user_bootstrap"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BLOCK = 1_024


def evaluate(
    model: Recommender,
    split: Split,
    k: Sequence[int] = (5, 10),
    *,
    part: Literal["validation", "test"] = "test",
    filter_seen: bool = True,
    level: float = 0.95,
    replications: int = 1_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""HR, NDCG, MRR and coverage of a model, every item of the catalogue ranked for every user.

    With :math:`r` the 1-based rank of a user's target, ties counted against the model,
    :math:`HR@k = 1\{r \le k\}`, :math:`NDCG@k = 1\{r \le k\} / \log_2(1 + r)` (one target; several: the sum over
    targets, divided by that of the best order, Järvelin & Kekäläinen 2002), :math:`MRR = 1 / r` of the best target,
    averaged over users. Coverage@k is the share of the catalogue in at least one user's top k (Ge et al. 2010).

    Parameters
    ----------
    model
        Fitted recommender.
    split
        For "test" a model reads training and validation, for "validation" training only.
    k
        Cut-offs.
    part
        Which part holds the targets.
    filter_seen
        Leave items already met out of the ranking; the table says which: figures with and without are not comparable.
    level, replications, seed
        Intervals: Bayesian bootstrap over users (Rubin 1981).

    Returns
    -------
    DataFrame indexed by metric, columns value, low, high, users, items (ranked), seen ("filtered" or "kept").

    Raises
    ------
    ValueError
        If a cut-off is not in 1..catalogue size, the split holds items the model does not know, or a score is NaN.
    """
    if bad := [cut for cut in k if not 1 <= cut <= len(model.catalogue)]:
        raise ValueError(f"evaluate(k={bad}): the catalogue has {len(model.catalogue)} items; cut-offs lie in 1..that")
    before = split.train if part == "validation" else pd.concat([split.train, split.validation])
    targets = Histories.of(getattr(split, part), model.catalogue)
    histories = model.read(before).take(targets.users)
    per_user, shown = _per_user(model, histories, targets, sorted(k), filter_seen)
    low, high = user_bootstrap(per_user.to_numpy(), level, replications, seed)
    table = pd.DataFrame({"value": per_user.mean(), "low": low, "high": high})
    for cut, items in shown.items():
        table.loc[f"Coverage@{cut}"] = [items.mean(), np.nan, np.nan]
    seen = "filtered" if filter_seen else "kept"
    return table.assign(users=len(targets.users), items=len(model.catalogue), seen=seen).rename_axis("metric")


def user_bootstrap(
    values: Floats, level: float = 0.95, replications: int = 1_000, seed: int = 0
) -> tuple[Floats, Floats]:
    """Ends of the interval of the columns' means, rows being independent users (Bayesian bootstrap, Rubin 1981)."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_exponential((replications, len(values)), dtype=np.float32)
    means = (weights @ values.astype(np.float32)) / weights.sum(axis=1, keepdims=True)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def _per_user(
    model: Recommender, histories: Histories, targets: Histories, k: Sequence[int], filter_seen: bool
) -> tuple[pd.DataFrame, dict[int, npt.NDArray[np.bool_]]]:
    frames, shown = [], {cut: np.zeros(len(model.catalogue), dtype=bool) for cut in k}
    for users in _blocks(targets.users):
        known, wanted = histories.take(users), targets.take(users)
        scores = model.score_histories(known)
        refuse_nan(scores, users)
        if filter_seen:
            rows, numbers = known.pairs()
            scores[rows, numbers - 1] = -np.inf
        frames.append(_metrics(_ranks(scores, wanted), wanted, k))
        for cut in k:
            shown[cut][np.argpartition(-scores, cut - 1, axis=1)[:, :cut]] = True
    return pd.concat(frames, ignore_index=True), shown


def _ranks(scores: Scores, wanted: Histories) -> Ints:
    """1-based rank of every target in its user's row, ties against the model; a filtered target ranks last."""
    rows, numbers = wanted.pairs()
    target = scores[rows, numbers - 1]
    block = scores if len(rows) == len(scores) and (np.diff(rows) == 1).all() else scores[rows]
    ranks: Ints = np.count_nonzero(block >= target[:, None], axis=1)
    return ranks


def _metrics(ranks: Ints, wanted: Histories, k: Sequence[int]) -> pd.DataFrame:
    """One row a user."""
    starts, lengths = wanted.offsets[:-1], wanted.lengths
    columns: dict[str, Floats] = {}
    gain = 1 / np.log2(1 + ranks)
    for cut in k:
        inside = ranks <= cut
        best = np.concatenate(([0], (1 / np.log2(1 + np.arange(1, cut + 1))).cumsum()))
        columns[f"HR@{cut}"] = np.logical_or.reduceat(inside, starts).astype(float)
        columns[f"NDCG@{cut}"] = np.add.reduceat(gain * inside, starts) / best[np.minimum(lengths, cut)]
    columns["MRR"] = 1 / np.minimum.reduceat(ranks, starts)
    return pd.DataFrame(columns)


def _blocks(users: pd.Index) -> Iterator[pd.Index]:
    for start in range(0, len(users), BLOCK):
        yield users[start : start + BLOCK]
