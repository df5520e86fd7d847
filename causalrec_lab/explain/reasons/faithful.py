"""Faithfulness: whether what reasons cite moves the model more than other items of the same history."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.estimate import Estimate
from causalrec_lab.explain.reasons.acts import acts_of, before, events_of_log
from causalrec_lab.explain.reasons.deletion import centred_scores
from causalrec_lab.explain.reasons.evidence import candidates_of
from causalrec_lab.explain.reasons.result import Reasons

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Faithfulness", "faithfulness", "summed"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """What deletion takes from the scores: of cited items, and of as many others from the same history.

    Parameters
    ----------
    table
        One row a reason: user_id, item_id, cited (items), drop_cited, drop_random (mean over draws), lost_cited and
        lost_random (whether, or in which share of draws, the item falls out of the first k).
    difference
        Mean drop of the cited less that of random ones, with its interval over users.
    share
        Mean drop of random ones as a share of that of the cited: 0 where others do nothing, 1 where they do as much.
    lost
        Share of reasons whose item falls out of the first k without the cited items, less the share without random
        ones.
    """

    table: pd.DataFrame
    difference: Estimate
    share: Estimate
    lost: Estimate

    def plot(self, ax: Axes | None = None) -> Axes:
        """Drop without the cited items against drop without random ones, one point a reason."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(4.4, 4.0))
        x, y = self.table["drop_random"], self.table["drop_cited"]
        ax.scatter(x, y, s=16)
        ends = [float(min(x.min(), y.min(), 0)), float(max(x.max(), y.max()))]
        ax.plot(ends, ends, "--", color="0.35", linewidth=1, label="as much")
        ax.set(xlabel="drop of the score without random items", ylabel="drop without the cited items")
        ax.legend(loc="best")
        return ax

    def _repr_html_(self) -> str:
        """The three estimates."""
        rows = "".join(
            f"<tr><th>{html.escape(e.estimand)}</th><td>{e.value:.3g} [{e.low:.3g}, {e.high:.3g}]</td></tr>"
            for e in (self.difference, self.share, self.lost)
        )
        below = f"<p><small>{len(self.table)} reasons</small></p>"
        return f'<table class="faithfulness"><tbody>{rows}</tbody></table>{below}'


def faithfulness(
    model: Any,
    dataset: Dataset,
    reasons: Reasons,
    *,
    history: pd.DataFrame | None = None,
    draws: int = 20,
    seed: int = 0,
) -> Faithfulness:
    r"""Set the deletion of the cited items beside that of as many others, drawn from the same user's citable history.

    Comprehensiveness (DeYoung et al. 2020, "ERASER", ACL, section 4) against a random baseline. Where evidence was
    chosen by deletion the cited win by construction, and what is measured is how much is at stake; where it was chosen
    by gradients it is a test. Of either it says how the model reads histories, nothing of users.

    Users are the units: a user's reasons share a history. The share is a ratio of means, its variance by the delta
    method.

    Parameters
    ----------
    model, dataset, history
        As the reasons were written with.
    reasons
        As `write` gave them; those without evidence, or without as many other items in the history, are left out.
    draws
        Random sets a reason.
    seed
        Of the draws.

    Raises
    ------
    ValueError
        If fewer than two users are left.
    """
    if draws < 1:
        raise ValueError(f"faithfulness(draws={draws}): give at least 1")
    rows = reasons.table[reasons.table["evidence"].str.len() > 0].reset_index(drop=True)
    users = pd.Index(rows["user_id"].unique(), name="user_id")
    moments = rows.drop_duplicates("user_id").set_index("user_id")["at"]
    histories = model.histories if history is None else model.read(before(history, moments))
    histories = histories.take(users)
    acts = acts_of(events_of_log(dataset), reasons.words.acts, moments)
    candidates = candidates_of(model, histories, rows, acts)
    cited = _is_cited(candidates, rows)
    count = np.bincount(candidates["pair"][cited], minlength=len(rows))
    enough = (count > 0) & (np.bincount(candidates["pair"][~cited], minlength=len(rows)) >= count)
    if rows.loc[enough, "user_id"].nunique() < 2:
        raise ValueError("faithfulness: fewer than two users have cited and as many other items in their history")
    places = histories.users.get_indexer(pd.Index(rows["user_id"])).astype(np.int64)
    targets = (model.catalogue.get_indexer(pd.Index(rows["item_id"])) + 1).astype(np.int64)
    none = np.zeros(0, dtype=np.int64)
    base, _ = centred_scores(model, histories, places, none, none, targets)
    own = candidates[cited]
    after, rank = centred_scores(model, histories, places, own["pair"].to_numpy(), own["number"].to_numpy(), targets)
    picked = _drawn(candidates[~cited], count, draws, np.random.default_rng(seed))
    many = np.tile(np.arange(len(rows)), draws)
    random, random_rank = centred_scores(
        model, histories, places[many], picked["variant"].to_numpy(), picked["number"].to_numpy(), targets[many]
    )
    table = pd.DataFrame(
        {
            "user_id": rows["user_id"],
            "item_id": rows["item_id"],
            "cited": count,
            "drop_cited": base - after,
            "drop_random": base - random.reshape(draws, -1).mean(axis=0),
            "lost_cited": (rank > reasons.k).astype(float),
            "lost_random": (random_rank.reshape(draws, -1) > reasons.k).mean(axis=0),
        }
    )[enough].reset_index(drop=True)
    return summed(table)


def _is_cited(candidates: pd.DataFrame, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    flat = rows["evidence"].explode()
    cited = pd.MultiIndex.from_arrays([flat.index, flat])
    return np.asarray(pd.MultiIndex.from_frame(candidates[["pair", "item_id"]]).isin(cited))


def _drawn(others: pd.DataFrame, count: npt.NDArray[Any], draws: int, rng: np.random.Generator) -> pd.DataFrame:
    """As many others as are cited, at random, in each draw: columns variant (draw x reasons + reason), number."""
    table = pd.concat([others.assign(draw=draw) for draw in range(draws)], ignore_index=True)
    table = table.assign(key=rng.random(len(table))).sort_values(["draw", "pair", "key"])
    place = table.groupby(["draw", "pair"]).cumcount().to_numpy()
    kept = table[place < count[table["pair"].to_numpy()]]
    drawn: pd.DataFrame = kept.assign(variant=kept["draw"] * len(count) + kept["pair"])
    return drawn


def summed(table: pd.DataFrame) -> Faithfulness:
    """The three estimates of a table of drops, users as units; tables of several platforms may be joined for it.

    Parameters
    ----------
    table
        As `Faithfulness.table`; a user of another platform has another user_id.
    """
    by_user = table.groupby("user_id")[["drop_cited", "drop_random", "lost_cited", "lost_random"]].sum()
    size = table.groupby("user_id").size().to_numpy(dtype=np.float64)
    cited, random, lost, lost_random = by_user.to_numpy().T
    share = random.sum() / cited.sum()
    words = "mean drop of the score without the cited items less without random ones"
    return Faithfulness(
        table,
        _ratio(cited - random, size, words),
        _ratio(random, cited, "drop without random items as a share of that without the cited ones", share),
        _ratio(lost - lost_random, size, "share of items that fall out of the first k, cited less random"),
    )


def _ratio(above: npt.NDArray[Any], below: npt.NDArray[Any], estimand: str, value: float | None = None) -> Estimate:
    """Ratio of sums over users, its variance by the delta method, a t interval."""
    from scipy.stats import t

    n = len(above)
    value = float(above.sum() / below.sum()) if value is None else float(value)
    error = math.sqrt(float(((above - value * below) ** 2).sum()) * n / (n - 1)) / abs(float(below.sum()))
    half = float(t.ppf(0.975, n - 1)) * error
    return Estimate(
        value, error, (value - half, value + half), estimand=estimand, method="deletion, users as units", n=n
    )
