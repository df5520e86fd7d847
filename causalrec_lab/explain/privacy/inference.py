"""`membership`: whether a recommender gives away who was in its training data."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate, z_value
from causalrec_lab.explain.privacy.attacks import Signal, Train, likelihood_ratios, signals
from causalrec_lab.explain.privacy.audits import Audit, audit, clopper_pearson
from causalrec_lab.recommender.catalogue.interactions import CatalogueRecommender
from causalrec_lab.recommender.evaluation.classification import auc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Membership", "membership"]

Floats = npt.NDArray[np.float64]
_WHO = "privacy.membership"
_RUNS = 400


@dataclass(frozen=True, eq=False)
class Membership:
    """How well an attack tells members from strangers.

    Parameters
    ----------
    auc
        Chance that a member looks more like one than a stranger; 0.5 is guessing.
    caught
        Share of members found where the share `false_alarm` of strangers is accused (Carlini et al. 2022: an attack is
        judged there, for it need not work on all to harm some).
    advantage
        Share of members found less share of strangers accused (Yeom et al. 2018, CSF, definition 4), the threshold of
        each half of the users chosen on the other half; 0 is guessing.
    epsilon
        Lower bound on the epsilon of any promise this training could make. It takes users for independent, which they
        are but for the one model that they share.
    false_alarm
        Share of strangers accused, for `caught`.
    scores, members
        (n,) score of each user, and whether it was in.
    method
        The attack.
    """

    auc: Estimate
    caught: Estimate
    advantage: Estimate
    epsilon: Audit
    false_alarm: float
    scores: Floats
    members: npt.NDArray[np.bool_]
    method: str

    @property
    def table(self) -> pd.DataFrame:
        """One row a measure: value, low, high, guessing (what an attack that knows nothing gets)."""
        found = {
            "AUC": (self.auc, 0.5),
            f"caught at {self.false_alarm:.0%} false alarms": (self.caught, self.false_alarm),
            "advantage": (self.advantage, 0.0),
        }
        rows = {name: (one.value, one.low, one.high, guess) for name, (one, guess) in found.items()}
        rows["epsilon at least"] = (self.epsilon.epsilon_low, self.epsilon.epsilon_low, math.inf, 0.0)
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "guessing"])

    def plot(self, ax: Axes | None = None, *, label: str | None = None) -> Axes:
        """Draw members found against strangers accused, both on logarithmic axes, and guessing as a dashed line."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(4, 4))
        first = not ax.lines
        order = np.argsort(-self.scores, kind="stable")
        ours = self.members[order]
        found, accused = np.cumsum(ours) / ours.sum(), np.cumsum(~ours) / (~ours).sum()
        least = 1 / (~ours).sum()
        if first:
            ax.plot([least, 1], [least, 1], linestyle="--", color="0.35", label="guessing")
        ax.plot(
            np.maximum(accused, least), np.maximum(found, least), drawstyle="steps-post", label=label or self.method
        )
        ax.set(xscale="log", yscale="log", xlabel="share of strangers accused", ylabel="share of members found")
        ax.legend(loc="best")
        return ax

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.method}: AUC {self.auc.value:.3f} [{self.auc.low:.3f}, {self.auc.high:.3f}], "
            f"{self.caught.value:.1%} of members found at {self.false_alarm:.0%} false alarms"
        )

    def _repr_html_(self) -> str:
        """The line and the table."""
        return f"<p>{html.escape(str(self))}</p>{self.table.round(3).to_html()}"


def membership(
    model: CatalogueRecommender,
    members: pd.DataFrame,
    non_members: pd.DataFrame,
    *,
    attack: Literal["loss", "rank", "lira"] = "loss",
    train: Train | None = None,
    shadows: int = 4,
    steps: int = 10,
    false_alarm: float = 0.01,
    level: float = 0.95,
    seed: int = 0,
) -> Membership:
    """Test whether a recommender gives away who was in its training data.

    Shokri et al. (2017, IEEE S&P) put the question, Zhang et al. (2021, CCS) to recommenders. A model that has learned
    people rather than tastes foretells the histories it has seen better than those of strangers.

    Parameters
    ----------
    model
        Fitted recommender; any of the lab's.
    members, non_members
        Events (user_id, item_id, timestamp) of users in its training data, and of users *like them* who were not: where
        they differ otherwise, the attack finds that.
    attack
        "loss": threshold on how well the last `steps` items are foretold (Yeom et al. 2018); "rank": on their ranks,
        for models whose scores are no logits; "lira": likelihood ratio against shadow models (Carlini et al. 2022).
    train
        For "lira": trains a model like this one on other events, ``lambda events: Model(config).fit(events)``.
    shadows
        So many shadow models, an even number.
    steps
        Items of each user that are asked for.
    false_alarm
        Share of strangers that may be accused, for `Membership.caught`.
    level
        Of the intervals and of the bound on epsilon.
    seed
        Of the halves and the bootstrap.

    Returns
    -------
    `Membership`. Intervals are for users drawn anew and this one model.

    Raises
    ------
    ValueError
        If a user is in both tables, there are fewer than 80 users in one, a column is missing, or "lira" has no
        `train` or an odd number of shadow models.
    """
    _checked(members, non_members, attack, train, shadows, steps, false_alarm)
    z_value(level)
    events = pd.concat([members, non_members], ignore_index=True)
    users = pd.Index(events["user_id"].unique(), name="user_id")
    inside = users.isin(members["user_id"])
    kind: Signal = "rank" if attack == "rank" else "loss"
    scores = signals(model, events, users, kind, steps)
    if attack == "lira":
        assert train is not None
        scores = likelihood_ratios(scores, train, events, users, kind, steps, shadows, seed)
    seen = ~np.isnan(scores)
    method = f"lira, {shadows} shadow models" if attack == "lira" else f"{attack} threshold"
    rng = np.random.default_rng(seed)
    order = rng.permutation(int(seen.sum()))  # halves below are by place
    return _judged(scores[seen][order], np.asarray(inside[seen][order]), false_alarm, level, method, rng)


def _judged(
    scores: Floats, inside: npt.NDArray[np.bool_], false_alarm: float, level: float, method: str, rng: Any
) -> Membership:
    ours, others = scores[inside], scores[~inside]
    curve = auc(inside.astype(int), scores)
    if level != curve.level:
        curve = Estimate(curve.value, curve.std_error, None, level, curve.estimand, curve.method, curve.n)
    parts = _caught(ours, others, false_alarm, level, rng), _advantage(ours, others, level)
    return Membership(curve, *parts, audit(ours, others, confidence=level), false_alarm, scores, inside, method)


def _caught(ours: Floats, others: Floats, share: float, level: float, rng: np.random.Generator) -> Estimate:
    """Members above the quantile of strangers; a percentile bootstrap of both groups.

    No end lies within the exact interval of the share at this threshold (Clopper & Pearson 1934), so that no interval
    is a point where none or all were found.
    """

    def at(one: Floats, other: Floats) -> float:
        return float((one > np.quantile(other, 1 - share, method="higher")).mean())

    drawn = [at(rng.choice(ours, len(ours)), rng.choice(others, len(others))) for _ in range(_RUNS)]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    value = at(ours, others)
    exact = clopper_pearson(round(value * len(ours)), len(ours), (1 - level) / 2)
    ends = (min(float(low), exact[0]), max(float(high), exact[1]))
    name = f"members found at {share:.0%} false alarms"
    few = len(others) * share < 5
    notes = (f"warning: {share:.0%} of {len(others)} strangers is fewer than 5: the threshold is rough",) if few else ()
    method = f"bootstrap of {_RUNS}, percentiles, no shorter than the exact interval"
    return Estimate(value, float(np.std(drawn)), ends, level, name, method, len(ours) + len(others), notes=notes)


def _advantage(ours: Floats, others: Floats, level: float) -> Estimate:
    """The best threshold of one half, judged on the other, and the other way round."""
    found = []
    for here, there in ((0, 1), (1, 0)):
        thresholds = np.unique(np.concatenate([ours[there::2], others[there::2]]))
        gains = _above(ours[there::2], thresholds) - _above(others[there::2], thresholds)
        best = thresholds[int(gains.argmax())]
        shares = [float((part[here::2] > best).mean()) for part in (ours, others)]
        sizes = [len(part[here::2]) for part in (ours, others)]
        variance = sum(share * (1 - share) / size for share, size in zip(shares, sizes, strict=True))
        found.append((shares[0] - shares[1], variance))
    value = (found[0][0] + found[1][0]) / 2
    error = math.sqrt(found[0][1] + found[1][1]) / 2
    return Estimate(value, error, None, level, "advantage", "Yeom et al. 2018, cross-fitted", len(ours) + len(others))


def _above(values: Floats, thresholds: Floats) -> Floats:
    return np.asarray(1 - np.searchsorted(np.sort(values), thresholds, side="right") / len(values))


def _checked(
    members: Any, non_members: Any, attack: str, train: Any, shadows: int, steps: int, false_alarm: float
) -> None:
    for name, table in (("members", members), ("non_members", non_members)):
        lacking = [column for column in ("user_id", "item_id") if column not in getattr(table, "columns", ())]
        if lacking:
            raise ValueError(f"{_WHO}({name}=…): a table of events has user_id and item_id; {lacking[0]!r} is missing")
        if (n := table["user_id"].nunique()) < 80:
            raise ValueError(f"{_WHO}({name}=…): {n} users tell too little; give at least 80")
    if both := int(pd.Index(members["user_id"].unique()).isin(non_members["user_id"]).sum()):
        raise ValueError(f"{_WHO}: {both} users are in both tables; a user was trained on or was not")
    if attack not in ("loss", "rank", "lira"):
        raise ValueError(f"{_WHO}(attack={attack!r}): known are 'lira', 'loss', 'rank'")
    if attack == "lira" and (train is None or shadows < 4 or shadows % 2):
        raise ValueError(
            f"{_WHO}(attack='lira', shadows={shadows}): give train=, which fits a model like this one on other events, "
            "and an even number of shadow models from 4 on"
        )
    if steps < 1 or not 0 < false_alarm < 1:
        raise ValueError(f"{_WHO}(steps={steps}, false_alarm={false_alarm}): steps is from 1 on, false_alarm in (0, 1)")
