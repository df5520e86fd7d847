r"""Whom to treat when money is short: those whose effect is largest for its cost, and what that is worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.cate.scores import EffectScores, effect_scores
from causalrec_lab.causal.effects.inference import ratio, standard_error
from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.estimate import Estimate, z_value
from causalrec_lab.intervention.learning.budget_rule import BudgetRule
from causalrec_lab.intervention.learning.scores import held_out_rounds
from causalrec_lab.intervention.learning.spending import best_purchase, price_of, row_costs, treated_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalrec_lab.causal.effects.cate.estimate import CateEstimate

__all__ = ["LEARNERS", "BudgetPolicy", "budget_policy"]

Floats = npt.NDArray[np.float64]
LEARNERS = ("dr_learner", "r_learner", "s_learner", "t_learner", "x_learner", "causal_forest")
_GRID = 20


@dataclass(frozen=True, eq=False)
class BudgetPolicy:
    r"""Treats where :math:`\hat\tau(x) / c(x) > \lambda`, the price at which the budget was spent in training.

    Those at the price itself, of whom there are many where covariates take few values, are treated by lot: the budget
    pays for a share of them.

    Parameters
    ----------
    effects
        Learned on the training rows.
    costs
        Cost of treating a row: a number, or the name of a column.
    budget
        Money a row that may be spent; infinite where there is none.
    shadow_price
        :math:`\lambda`: what the last money spent bought in outcome, so what one unit more would buy. 0 where the
        budget does not bind.
    margin
        Share of those at the price who are treated.
    worth
        Money that one unit of outcome is worth, or None: then any gain is worth its cost.
    gain
        Outcome gained a row over treating nobody, on rows held out.
    spent
        Money spent a row, on rows held out.
    forgone
        What the same effects would gain a row without the budget, less `gain`: the price of the constraint.
    curve
        Indexed by budget: shadow_price, margin, share treated, spent, gain, low, high; on rows held out.
    held_out
        Doubly robust scores of the rows held out.
    """

    effects: CateEstimate
    costs: float | str
    budget: float
    shadow_price: float
    margin: float
    worth: float | None
    gain: Estimate
    spent: Estimate
    forgone: Estimate
    curve: pd.DataFrame
    held_out: EffectScores

    def treat(self, frame: pd.DataFrame, seed: int = 0) -> npt.NDArray[np.bool_]:
        """(n,) whether each row of a table is treated; the seed draws the lots of those at the price.

        Raises
        ------
        ValueError
            If a covariate or the cost is missing or not finite, or a cost is not positive.
        """
        return self.rule.treat(frame, seed)

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(n, 2) chances of not being treated and of being treated; 0 and 1 but for those at the price.

        Raises
        ------
        ValueError
            As `treat`.
        """
        return self.rule.probabilities(contexts)

    @property
    def rule(self) -> BudgetRule:
        """Who is treated, without the values and the rows."""
        return BudgetRule(self.effects, self.costs, self.shadow_price, self.margin, self.worth)

    def save(self, folder: str | Path) -> Path:
        """Write the rule into a folder, without its values and rows; `learning.load` reads it back."""
        from causalrec_lab.intervention.learning.saving import save

        return save(self, folder)

    def against(self, effects: npt.ArrayLike) -> pd.DataFrame:
        """The curve beside the truth.

        Parameters
        ----------
        effects
            (n,) true effects of the rows held out, in order.

        Returns
        -------
        The curve with two columns more: truth (what the rule truly gains) and best (what ranking by the true effect
        for its cost would gain with the money the rule spent).

        Raises
        ------
        ValueError
            If there is not one finite effect a row.
        """
        true = np.asarray(effects, dtype=np.float64)
        if true.shape != (self.held_out.n,) or not np.isfinite(true).all():
            said = f"effects have shape {true.shape}"
            raise ValueError(f"{said}; give one finite number for each of {self.held_out.n} rows")
        frame = self.held_out.frame
        guess, cost = self.effects.effect(frame), row_costs(frame, self.costs)
        prices = zip(self.curve["shadow_price"], self.curve["margin"], strict=True)
        rules = [treated_share(guess, cost, price, self.worth, margin) for price, margin in prices]
        best = [best_purchase(true, cost, float((rule * cost).sum())) for rule in rules]
        return self.curve.assign(truth=[float((rule * true).mean()) for rule in rules], best=np.array(best) / len(true))

    def plot(self, ax: Axes | None = None, *, effects: npt.ArrayLike | None = None) -> Axes:
        """Gain by money spent with its interval; where effects are given the truth dashed, the best possible dotted."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5.4, 3.2))
        table = self.curve if effects is None else self.against(effects)
        ax.plot(table["spent"], table["gain"], color="C0", label="gain, held out")
        ax.fill_between(table["spent"], table["low"], table["high"], color="C0", alpha=0.2)
        if effects is not None:
            ax.plot(table["spent"], table["truth"], "--", color="0.35", label="truth")
            ax.plot(table["spent"], table["best"], ":", color="0.35", label="ranking by the true effects")
        if math.isfinite(self.budget):
            ax.axvline(self.budget, color="C1", lw=1, label="budget")
        ax.set(xlabel="money spent a row", ylabel="outcome gained a row")
        ax.legend(loc="best")
        return ax

    def summary(self) -> pd.DataFrame:
        """Gain, money spent and what the budget forgoes, one row each."""
        rows = {"gain": self.gain, "spent": self.spent, "forgone for the budget": self.forgone}
        columns = ("value", "std_error", "low", "high")
        return pd.DataFrame({name: {c: getattr(e, c) for c in columns} for name, e in rows.items()}).T

    def _repr_html_(self) -> str:
        """The summary and the price."""
        return (
            f"{self.summary().round(4).to_html()}<p>shadow price: {self.shadow_price:.4g} outcome a unit of money</p>"
        )


def budget_policy(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    budget: float,
    costs: float | str = 1.0,
    worth: float | None = None,
    learner: str | Callable[..., CateEstimate] = "dr_learner",
    propensity: str | None = None,
    cluster: str | None = None,
    held_out: float = 1 / 3,
    level: float = 0.95,
    seed: int = 0,
) -> BudgetPolicy:
    r"""Learn effects on some rows, spend a budget by effect for cost, and value the rule on the others.

    Treating by falling :math:`\tau / c` until the money is gone is the best use of a budget (the fractional knapsack of
    Dantzig 1957, Operations Research 5). The rule is fixed by the training rows; on the others its gain is

    .. math:: E[1\{\hat\tau(X) / c(X) > \lambda\}\; \Gamma]

    with doubly robust scores :math:`\Gamma`, and its spending is a mean as well: it keeps the budget on average.

    Parameters
    ----------
    frame, treatment, outcome, covariates
        Decisions, treated and not.
    budget
        Money that may be spent a row of the table; with costs of 1 the share to treat; `math.inf` for none.
    costs
        Cost of treating a row, positive: a number, or a column's name.
    worth
        Money that one unit of outcome is worth: where given, nobody is treated whose effect does not pay.
    learner
        Name of a learner of `causal.effects`, or a function with its signature.
    propensity
        Column of logged propensities.
    cluster
        Column of rows that err together; they stay together in the split.
    held_out
        Share of rows (of clusters) that only values the rule.
    level, seed
        Confidence level; seed of the split and of the learner.

    Raises
    ------
    ValueError
        If the budget or worth is not positive, a cost is missing, not finite or not positive, the learner is unknown,
        a column is missing, or there are too few rows.
    """
    if not budget > 0:
        raise ValueError(f"budget={budget}: give the money a row that may be spent, more than 0")
    if worth is not None and not 0 < worth < math.inf:
        raise ValueError(f"worth={worth}: one unit of outcome is worth a positive, finite sum")
    row_costs(frame, costs)
    learn, labels = _learner(learner), None if cluster is None else _labels(frame, cluster)
    kept = held_out_rounds(len(frame), held_out, seed, labels)
    options: dict[str, Any] = {"propensity": propensity, "cluster": cluster, "level": level, "seed": seed}
    effects = learn(frame[~kept], treatment, outcome, covariates, **options)
    scores = effect_scores(frame[kept], treatment, outcome, covariates, **options)
    guess, cost = effects.effect(frame[~kept]), row_costs(frame[~kept], costs)
    price, margin = price_of(guess, cost, budget, worth)
    new, paid = effects.effect(frame[kept]), row_costs(frame[kept], costs)
    rule, free = treated_share(new, paid, price, worth, margin), treated_share(new, paid, 0.0, worth)
    curve = _curve(scores, new, paid, guess, cost, worth)
    return BudgetPolicy(
        effects, costs, float(budget), price, margin, worth,
        _mean(scores, rule * scores.row_scores, "gain over treating nobody", f"budget {budget:g}, {scores.method}"),
        _mean(scores, rule * paid, "money spent a row", f"budget {budget:g}"),
        _mean(scores, (free - rule) * scores.row_scores, "gain forgone for the budget", scores.method), curve, scores,
    )  # fmt: skip


def _curve(
    scores: EffectScores, new: Floats, paid: Floats, guess: Floats, cost: Floats, worth: float | None
) -> pd.DataFrame:
    most = float((treated_share(guess, cost, 0.0, worth) * cost).mean())
    budgets = np.linspace(0, most, _GRID + 1)[1:] if most > 0 else np.array([])
    rows, w, each = [], scores.sample.weights, scores.row_scores
    for money in budgets:
        price, margin = price_of(guess, cost, float(money), worth)
        rule = treated_share(new, paid, price, worth, margin)
        gain, influence = ratio(w * rule * each, w)
        half = z_value(scores.level) * standard_error(influence, scores.sample.clusters)
        told = {
            "shadow_price": price,
            "margin": margin,
            "share": float(rule.mean()),
            "spent": float((rule * paid).mean()),
        }
        rows.append(told | {"gain": gain, "low": gain - half, "high": gain + half})
    columns = ["shadow_price", "margin", "share", "spent", "gain", "low", "high"]
    return pd.DataFrame(rows, index=pd.Index(budgets, name="budget"), columns=columns)


def _mean(scores: EffectScores, each: Floats, estimand: str, method: str) -> Estimate:
    value, influence = ratio(scores.sample.weights * each, scores.sample.weights)
    return scores.estimate(value, influence, estimand, method)


def _labels(frame: pd.DataFrame, cluster: str) -> npt.NDArray[Any]:
    if cluster not in frame:
        raise ValueError(f"no column {cluster!r} of clusters; {nearest(cluster, [str(c) for c in frame])}")
    return frame[cluster].to_numpy()


def _learner(learner: str | Callable[..., CateEstimate]) -> Callable[..., CateEstimate]:
    if not isinstance(learner, str):
        return learner
    if learner not in LEARNERS:
        raise ValueError(f"unknown learner {learner!r}; {nearest(learner, LEARNERS)}")
    from causalrec_lab.causal import effects

    found: Callable[..., CateEstimate] = getattr(effects, learner)
    return found
