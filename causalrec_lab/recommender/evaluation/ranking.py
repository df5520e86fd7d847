"""Ranking metrics over the whole catalogue, with intervals over users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.building.splits import Split
from causalrec_lab.recommender.catalogue.histories import Histories
from causalrec_lab.recommender.catalogue.interactions import CELLS, Recommender, Scores, refuse_nan
from causalrec_lab.recommender.evaluation.behaviour import calibration

__all__ = ["blocks_of", "evaluate", "user_bootstrap"]

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
    groups: pd.Series[Any] | None = None,
    among: Any = None,
    sampled: int | None = None,
    level: float = 0.95,
    replications: int = 1_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""HR, NDCG, MRR and coverage of a model, every item of the catalogue ranked for every user.

    With :math:`r` the 1-based rank of a user's target, ties counted against the model,
    :math:`HR@k = 1\{r \le k\}`, :math:`NDCG@k = 1\{r \le k\} / \log_2(1 + r)` (one target; several: the sum over
    targets, divided by that of the best order, Järvelin & Kekäläinen 2002), :math:`MRR = 1 / r` of the best target,
    averaged over users. Coverage@k is the share of the catalogue in at least one user's top k (Ge et al. 2010); what is
    filtered or not ranked is not shown. An item that a user meets several times is one target.

    A model with a behaviour head adds, where the part has its outcome's column, how far the chances of the outcome for
    the items met can be believed: ECE and calibration slope (see `behaviour.calibration`), of all users.

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
    groups
        Group of each user, indexed by user id: the table then has an index (group, metric), "all" first. The groups'
        intervals are of each group by itself; users without a group count in "all" only.
    among
        Ids of the items that are ranked (cold items, a shelf); all by default. Targets must be among them.
    sampled
        Rank each target among so many other items drawn uniformly, as some papers do. For teaching only: such metrics
        are higher, and can order models otherwise than the whole catalogue does (Krichene & Rendle 2020, KDD).
    level, replications, seed
        Intervals: Bayesian bootstrap over users (Rubin 1981).

    Returns
    -------
    DataFrame indexed by metric (with `groups`: group and metric), columns value, low, high, users, items (ranked for
    each target), seen ("filtered" or "kept").

    Raises
    ------
    ValueError
        If a cut-off is not in 1..catalogue size, the split holds items the model does not know, a score is NaN, no user
        has a group, a group is named "all", or more items are to be sampled than there are.
    """
    if bad := [cut for cut in k if not 1 <= cut <= len(model.catalogue)]:
        raise ValueError(f"evaluate(k={bad}): the catalogue has {len(model.catalogue)} items; cut-offs lie in 1..that")
    before = split.train if part == "validation" else pd.concat([split.train, split.validation])
    wanted = getattr(split, part).drop_duplicates(["user_id", "item_id"])  # met twice, a target is found once
    targets = Histories.of(wanted, model.catalogue)
    histories = model.read(before).take(targets.users)
    allowed = None if among is None else _allowed(model, targets, among)
    draw = None if sampled is None else _Sample(sampled, len(model.catalogue), seed)
    per_user, shown = _per_user(model, histories, targets, sorted(k), filter_seen, draw, allowed)
    table = _summary(per_user, level, replications, seed)
    for cut, items in shown.items():
        table.loc[f"Coverage@{cut}"] = [items.mean(), np.nan, np.nan, len(targets.users)]
    table = pd.concat([table, _behaviour(model, histories, getattr(split, part), level, replications, seed)])
    if groups is not None:
        found = _grouped(per_user, groups, targets.users)
        parts = {name: _summary(rows, level, replications, seed) for name, rows in found}
        table = pd.concat({"all": table} | parts, names=["group", "metric"])
    size = len(model.catalogue) if allowed is None else int(allowed.sum())
    ranked, seen = size if sampled is None else sampled + 1, "filtered" if filter_seen else "kept"
    table = table.assign(users=table["users"].astype(int), items=ranked, seen=seen)
    return table if groups is not None else table.rename_axis("metric")


def _behaviour(
    model: Recommender, histories: Histories, part: pd.DataFrame, level: float, replications: int, seed: int
) -> pd.DataFrame | None:
    """Calibration of the chances of the outcome; None where the model or the part knows none."""
    outcome = getattr(model, "outcome", None)
    if outcome is None or outcome not in part:
        return None
    met = Histories.of(part, model.catalogue, outcome=outcome)
    chances = []
    for users in blocks_of(met.users, len(model.catalogue)):
        rows, numbers = met.take(users).pairs()
        chances.append(model.score_histories(histories.take(users), head="behaviour")[rows, numbers - 1])  # type: ignore[call-arg]
    return calibration(met.pairs()[0], met.outcomes, np.concatenate(chances), level, replications, seed)


def _allowed(model: Recommender, targets: Histories, among: Any) -> npt.NDArray[np.bool_]:
    places = model.catalogue.get_indexer(pd.Index(among))
    if (places < 0).any():
        raise ValueError(f"evaluate(among=…): item {pd.Index(among)[int(places.argmin())]!r} is not in the catalogue")
    allowed = np.zeros(len(model.catalogue), dtype=bool)
    allowed[places] = True
    if not allowed[targets.items - 1].all():
        left_out = model.catalogue[int(targets.items[~allowed[targets.items - 1]][0]) - 1]
        raise ValueError(f"evaluate(among=…): target {left_out!r} is not among them; it could never be found")
    return allowed


def _summary(per_user: pd.DataFrame, level: float, replications: int, seed: int) -> pd.DataFrame:
    low, high = user_bootstrap(per_user.to_numpy(), level, replications, seed)
    return pd.DataFrame({"value": per_user.mean(), "low": low, "high": high, "users": float(len(per_user))})


def _grouped(per_user: pd.DataFrame, groups: pd.Series[Any], users: pd.Index) -> Iterator[tuple[str, pd.DataFrame]]:
    """Rows of each group, in the order of the groups' names."""
    if not groups.index.is_unique:
        twice = groups.index[groups.index.duplicated()].tolist()[0]
        raise ValueError(f"evaluate(groups=…): user {twice!r} has more than one group; give one row a user")
    of_user = groups.reindex(users)
    if of_user.isna().all():
        raise ValueError(
            f"evaluate(groups=…): none of the {len(users)} users has a group; index the groups by user_id, as in "
            "users.set_index('user_id')['gender']"
        )
    if (of_user.astype(str) == "all").any():
        raise ValueError("evaluate(groups=…): a group is named 'all', as the rows of all users are; rename it")
    for name, rows in per_user.groupby(of_user.to_numpy(), observed=True):
        yield str(name), rows


@dataclass(frozen=True)
class _Sample:
    """Uniform draws of items to rank a target among."""

    size: int
    n_items: int
    seed: int

    def __post_init__(self) -> None:
        if not 1 <= self.size < self.n_items:
            raise ValueError(
                f"evaluate(sampled={self.size}): the catalogue has {self.n_items} items; sample 1 to {self.n_items - 1}"
            )

    def ranks(self, scores: Scores, wanted: Histories, block: int) -> Ints:
        """1-based rank of each target among itself and items drawn without replacement from those not filtered."""
        rows, numbers = wanted.pairs()
        rng = np.random.default_rng([self.seed, block])
        drawn = rng.random((len(rows), self.n_items), dtype=np.float32)
        drawn[~np.isfinite(scores[rows])] = 2.0
        drawn[np.arange(len(rows)), numbers - 1] = 2.0
        chosen = np.argpartition(drawn, self.size - 1, axis=1)[:, : self.size]
        others = np.take_along_axis(scores[rows], chosen, axis=1)
        beaten = (others >= scores[rows, numbers - 1][:, None]) & (np.take_along_axis(drawn, chosen, axis=1) < 1.5)
        return np.asarray(1 + beaten.sum(axis=1))


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
    model: Recommender,
    histories: Histories,
    targets: Histories,
    k: Sequence[int],
    filter_seen: bool,
    draw: _Sample | None,
    allowed: npt.NDArray[np.bool_] | None,
) -> tuple[pd.DataFrame, dict[int, npt.NDArray[np.bool_]]]:
    frames, shown = [], {cut: np.zeros(len(model.catalogue), dtype=bool) for cut in k}
    for block, users in enumerate(blocks_of(targets.users, len(model.catalogue))):
        known, wanted = histories.take(users), targets.take(users)
        scores = model.score_histories(known)
        refuse_nan(scores, users)
        if filter_seen:
            rows, numbers = known.pairs()
            scores[rows, numbers - 1] = -np.inf
        if allowed is not None:
            scores[:, ~allowed] = -np.inf
        ranks = _ranks(scores, wanted) if draw is None else draw.ranks(scores, wanted, block)
        frames.append(_metrics(ranks, wanted, k))
        best = np.argpartition(-scores, k[-1] - 1, axis=1)[:, : k[-1]]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1), axis=1)
        may = np.isfinite(np.take_along_axis(scores, best, axis=1))
        for cut in k:
            shown[cut][best[:, :cut][may[:, :cut]]] = True
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


def blocks_of(users: pd.Index, n_items: int) -> Iterator[pd.Index]:
    """Users a thousand at a time, fewer where the catalogue is large, so that their scores fit into memory."""
    rows = max(1, min(BLOCK, CELLS // n_items))
    for start in range(0, len(users), rows):
        yield users[start : start + rows]
