"""Evidence: what of a user's own history moved the model towards an item, verified by deletion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.explain.reasons.deletion import centred_scores
from causalrec_lab.recommender.catalogue.histories import Histories
from causalrec_lab.recommender.catalogue.interactions import Recommender

__all__ = ["Evidence", "candidates_of", "category_drop", "find_evidence"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was found for m recommendations.

    Parameters
    ----------
    cited
        One row a cited item, by pair and strongest first: pair (row of the recommendation), item_id, kind (what the
        user did with it), drop (of the score where it is left out), share (of the sum of all positive drops).
    drop, rank_without
        (m,) drop of the score and rank where all cited items are left out together; nan and the rank where none is.
    """

    cited: pd.DataFrame
    drop: Floats
    rank_without: Ints


def candidates_of(model: Recommender, histories: Histories, pairs: pd.DataFrame, acts: pd.DataFrame) -> pd.DataFrame:
    """What each recommendation's reason may cite: items the model reads in the history and the user did something with.

    Parameters
    ----------
    model
        Fitted.
    histories
        Of the users, each once.
    pairs
        Columns user_id, item_id: the recommendations.
    acts
        As `acts.acts_of` gives them.

    Returns
    -------
    Columns pair, number (of the item, 1 the first), item_id, kind; never the recommended item itself.
    """
    owner, numbers = histories.pairs()
    met = pd.DataFrame({"user_id": histories.users[owner], "number": numbers}).drop_duplicates()
    met["item_id"] = model.catalogue.to_numpy()[met["number"].to_numpy() - 1]
    met = met.merge(acts, on=["user_id", "item_id"])
    asked = pd.DataFrame({"pair": np.arange(len(pairs)), "user_id": pairs["user_id"], "target": pairs["item_id"]})
    found = asked.merge(met, on="user_id")
    found = found[found["item_id"] != found["target"]].sort_values(["pair", "number"], kind="stable")
    return found[["pair", "number", "item_id", "kind"]].reset_index(drop=True)


def find_evidence(
    model: Any,
    histories: Histories,
    pairs: pd.DataFrame,
    candidates: pd.DataFrame,
    *,
    by: str = "deletion",
    cite: int = 2,
    least: float = 0.1,
) -> Evidence:
    """The items whose deletion takes most from the score, alone and together.

    Parameters
    ----------
    model, histories, pairs
        As in `candidates_of`.
    candidates
        As it gives them.
    by
        "deletion" takes those of the largest drop; "gradients" those of the largest integrated gradients
        (`recommender.history_attribution`). Either way only what deletion verifies is cited.
    cite
        Items a reason cites at most.
    least
        Least share of the summed positive drops.
    """
    rows, targets = _places(model, histories, pairs)
    at = candidates["pair"].to_numpy()
    before, rank = centred_scores(model, histories, rows, *_nothing(), targets)
    number = candidates["number"].to_numpy()
    after, _ = centred_scores(model, histories, rows[at], np.arange(len(at)), number, targets[at])
    table = candidates.assign(drop=before[at] - after)
    table["share"] = _share(table["drop"].to_numpy(), at, len(pairs))
    table["order"] = table["drop"] if by == "deletion" else _gradients(model, pairs, candidates)
    good = table[(table["drop"] > 0) & (table["share"] >= least)]
    good = good.sort_values(["pair", "order"], ascending=[True, False], kind="stable").groupby("pair").head(cite)
    together, rank_together = _together(model, histories, rows, good, targets)
    lone = good.groupby("pair").head(1)  # two items may undo each other: then the stronger one stands alone
    cited = pd.concat([good[~_undone(good, before - together)], lone[_undone(lone, before - together)]])
    cited = cited.sort_values(["pair", "order"], ascending=[True, False], kind="stable")
    if len(cited) < len(good):
        together, rank_together = _together(model, histories, rows, cited, targets)
    has = np.isin(np.arange(len(pairs)), cited["pair"])
    columns = ["pair", "item_id", "kind", "drop", "share"]
    return Evidence(
        cited[columns].reset_index(drop=True),
        np.where(has, before - together, np.nan),
        np.where(has, rank_together, rank),
    )


def category_drop(
    model: Any, histories: Histories, pairs: pd.DataFrame, candidates: pd.DataFrame, category: pd.Series
) -> Floats:
    """(m,) drop of each recommendation's score where all candidates of its item's category are left out; nan if none.

    Parameters
    ----------
    model, histories, pairs, candidates
        As in `find_evidence`.
    category
        Of each item, indexed by id.
    """
    rows, targets = _places(model, histories, pairs)
    own = category.reindex(pairs["item_id"]).to_numpy()
    of = category.reindex(candidates["item_id"]).to_numpy()
    same = candidates[pd.notna(of) & (of == own[candidates["pair"].to_numpy()])]
    before, _ = centred_scores(model, histories, rows, *_nothing(), targets)
    after, _ = _together(model, histories, rows, same, targets)
    return np.where(np.isin(np.arange(len(pairs)), same["pair"]), before - after, np.nan)


def _places(model: Any, histories: Histories, pairs: pd.DataFrame) -> tuple[Ints, Ints]:
    """Row of each recommendation's user, and number of its item."""
    rows = histories.users.get_indexer(pd.Index(pairs["user_id"]))
    targets = model.catalogue.get_indexer(pd.Index(pairs["item_id"])) + 1
    return rows.astype(np.int64), targets.astype(np.int64)


def _nothing() -> tuple[Ints, Ints]:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)


def _together(model: Any, histories: Histories, rows: Ints, chosen: pd.DataFrame, targets: Ints) -> tuple[Floats, Ints]:
    """Score and rank of each recommendation without its chosen items."""
    return centred_scores(
        model, histories, rows, chosen["pair"].to_numpy(), chosen["number"].to_numpy(dtype=np.int64), targets
    )


def _share(drop: Floats, at: Ints, count: int) -> Floats:
    positive = np.maximum(drop, 0.0)
    total = np.bincount(at, positive, minlength=count)[at]
    return np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)


def _undone(chosen: pd.DataFrame, drop: Floats) -> npt.NDArray[np.bool_]:
    """Rows of recommendations whose chosen items take nothing from the score when left out together."""
    return np.asarray(drop[chosen["pair"].to_numpy()] <= 0)


def _gradients(model: Any, pairs: pd.DataFrame, candidates: pd.DataFrame) -> Floats:
    """Integrated gradients of each candidate, summed over its events."""
    from causalrec_lab.recommender.sequence.attribution import history_attribution

    has = set(candidates["pair"])
    found = []
    for pair, (user, item) in enumerate(zip(pairs["user_id"], pairs["item_id"], strict=True)):
        if pair in has:
            table = history_attribution(model, user, item, "interest").table
            found.append(table.groupby("item_id", as_index=False)["attribution"].sum().assign(pair=pair))
    if not found:
        return np.zeros(len(candidates))
    flat = pd.concat(found).rename(columns={"attribution": "order"})
    joined = candidates.merge(flat, on=["pair", "item_id"], how="left")
    return joined["order"].fillna(-np.inf).to_numpy(dtype=np.float64)
