r"""Numbers of an estimator (how far to clip, when to switch, how many clusters) chosen from the log, never by truth.

Candidates shrink the weights more and more: each has less variance and more bias than the one before. SLOPE goes on as
long as the bias cannot be seen: as long as each estimate agrees with all wider ones within their intervals.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import z_value
from causalrec_lab.intervention.ope.round_rewards import RoundRewards
from causalrec_lab.intervention.ope.uncertainty import standard_error, unit_sums

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RULES", "Tuning", "bias_of", "slope", "tuned"]

Floats = npt.NDArray[np.float64]
RULES = ("slope", "slope++", "mse")
_LEPSKI = math.sqrt(6) - 1
_Z = z_value(0.95)
_SEEN = z_value(0.8)  # a difference of two estimates is seen beyond its 80 % interval, ...
_MATTERS = 0.3  # ... and matters beyond this share of the narrower one's standard error: 0.3 adds 4 % to its error


@dataclass(frozen=True)
class Tuning:
    """What was tried, and what was taken.

    Parameters
    ----------
    parameter
        Name of the number: "lambda", "tau" or "clusters".
    rule
        "slope", "slope++" or "mse".
    chosen
        Its value.
    table
        One row a candidate, the widest interval first: parameter, value, std_error, half_width, bias, bias_bound, mse,
        agrees (with every row above; SLOPE takes the last of the first run), chosen.
    """

    parameter: str
    rule: str
    chosen: float
    table: pd.DataFrame

    @property
    def sentence(self) -> str:
        """What was chosen, among what, by which rule."""
        tried = self.table["parameter"]
        rule = {"slope": "SLOPE on paired differences", "slope++": "SLOPE"}.get(self.rule, "the least estimated error")
        return (
            f"{self.parameter} = {self.chosen:.4g} was chosen by {rule} among {len(tried)} candidates from "
            f"{tried.min():.4g} to {tried.max():.4g}; the interval takes it as given"
        )

    def plot(self, ax: Axes | None = None, *, truth: float | None = None) -> Axes:
        """Draw every candidate with its interval, the chosen one marked, and the truth where one is given."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 3))
        places = np.arange(len(self.table))
        ax.errorbar(places, self.table["value"], yerr=self.table["half_width"], fmt="o", color="0.55", capsize=3)
        picked = self.table["chosen"].to_numpy()
        ax.plot(places[picked], self.table["value"][picked], "o", ms=9, color="C1", label="chosen")
        if truth is not None:
            ax.axhline(truth, linestyle="--", color="0.35", label="truth")
        ax.set_xticks(places, [f"{value:.3g}" for value in self.table["parameter"]])
        ax.set(xlabel=f"{self.parameter}, from least to most shrinkage", ylabel="policy value")
        ax.legend()
        return ax

    def _repr_html_(self) -> str:
        """The sentence and the table."""
        table = self.table.to_html(index=False, float_format=lambda value: f"{value:.4g}")
        return f"<p>{html.escape(self.sentence)}</p>{table}"


def slope(
    values: Sequence[float] | Floats, half_widths: Sequence[float] | Floats, differences: Floats | None = None
) -> int:
    r"""Row that SLOPE takes: Lepski's rule on estimates of growing bias and shrinking width.

    It goes from the widest interval to the narrowest and stops before the first i that lies too far from some earlier
    j: :math:`|\hat\theta_i - \hat\theta_j| > \mathrm{cnf}_i + (\sqrt6 - 1)\,\mathrm{cnf}_j`. The rule is that of Su,
    Srinath and Krishnamurthy (2020, "Adaptive Estimator Selection for Off-Policy Evaluation"), who ask that intervals
    twice as wide all meet, with the sharper constant of Tucker and Lee (2021, "Improved Estimator Selection for
    Off-Policy Evaluation"), which does not ask for a bias that grows.

    With `differences` too far means :math:`|\hat\theta_i - \hat\theta_j| > d_{ij}`. Two estimates from the same rounds
    differ by far less than their intervals are wide, and so a smaller bias is seen. `tuned` takes
    :math:`d_{ij} = \max(z_{.9}\,\widehat{se}(\hat\theta_i - \hat\theta_j),\; 0.3\,\widehat{se}(\hat\theta_i))`: 80 %
    intervals, since a bias let in costs more than a variance kept, and differences too small to matter are let pass,
    since many near candidates would else be told apart by chance.

    Parameters
    ----------
    values, half_widths
        (m,) estimates and half-widths of their intervals, in any order.
    differences
        (m, m) room left to row i beside row j, such as half-widths of the intervals of their differences, or None.

    Raises
    ------
    ValueError
        If there is nothing to choose from.
    """
    theta, cnf = np.asarray(values, dtype=np.float64), np.asarray(half_widths, dtype=np.float64)
    if not len(theta) or len(theta) != len(cnf):
        raise ValueError(f"slope: {len(theta)} values and {len(cnf)} half-widths; give at least one, one for each")
    order = np.argsort(-cnf, kind="stable")
    room = cnf[:, None] + _LEPSKI * cnf if differences is None else np.asarray(differences)
    agree = _agrees(theta[order], room[np.ix_(order, order)])
    return int(order[int(np.flatnonzero(agree.cumprod())[-1])])


def _agrees(theta: Floats, room: Floats) -> npt.NDArray[np.bool_]:
    """(m,) whether each estimate is near enough to every one above it."""
    near = np.abs(theta[:, None] - theta) <= room + 1e-12
    return np.asarray((near | ~np.tri(len(theta), k=-1, dtype=bool)).all(axis=1))


def bias_of(
    found: RoundRewards,
    weights: Floats,
    codes: npt.NDArray[np.int64] | None = None,
    strata: npt.NDArray[np.int64] | None = None,
) -> tuple[float, float]:
    r"""Estimated bias of shrunken weights, and a bound on its size.

    The unbiased weights tell what the shrunken ones leave out, :math:`\hat b = \frac1n \sum_i (\hat w_i - w_i)
    (r_i - \hat q(x_i, a_i))`, and the bound is :math:`|\hat b| + z\,\widehat{se}(\hat b)` at 95 %: the direct bias
    estimate of Su, Dimakopoulou, Krishnamurthy and Dudik (2020), with a normal deviation.

    Parameters
    ----------
    found
        Round rewards with shrunken weights.
    weights
        (n,) weights as they are.
    codes, strata
        (n,) cluster codes and log of each round, or None.
    """
    left_out = (found.weights - weights) * found.residual
    bias = float(left_out.mean())
    return bias, abs(bias) + _Z * standard_error(left_out - bias, codes, strata)


def tuned(
    parameter: str,
    rule: str,
    candidates: Floats,
    at: Callable[[float], RoundRewards],
    weights: Floats,
    *,
    codes: npt.NDArray[np.int64] | None = None,
    strata: npt.NDArray[np.int64] | None = None,
) -> Tuning:
    """Choose among candidates.

    Parameters
    ----------
    parameter
        Name of the number.
    rule
        "slope": SLOPE on paired differences; "slope++": SLOPE as published, each estimate with its own interval; "mse":
        the least squared bias bound plus variance (Su, Dimakopoulou, Krishnamurthy and Dudik 2020, section 5).
    candidates
        (m,) numbers.
    at
        Number -> round rewards.
    weights
        (n,) weights as they are.
    codes, strata
        (n,) cluster codes and log of each round, or None.

    Raises
    ------
    ValueError
        If the rule is unknown or there is no candidate.
    """
    if rule not in RULES:
        raise ValueError(f"parameter={rule!r}; give a number, or a rule that chooses it: {', '.join(map(repr, RULES))}")
    if not len(candidates):
        raise ValueError(f"no candidates for {parameter}; give at least one number")
    rows: list[dict[str, float]] = []
    sums: list[Floats] = []
    for number in candidates:
        found = at(float(number))
        bias, bound = bias_of(found, weights, codes, strata)
        sums.append(unit_sums(found.influence, codes, strata) / len(weights))
        rows.append({"parameter": float(number), "value": found.value, "bias": bias, "bias_bound": bound})
    gram = np.stack(sums) @ np.stack(sums).T
    square = np.diag(gram)
    apart = _SEEN * np.sqrt(np.maximum(square[:, None] + square - 2 * gram, 0.0))
    apart = np.maximum(apart, _MATTERS * np.sqrt(square)[:, None])
    table = pd.DataFrame(rows).assign(std_error=np.sqrt(square), half_width=_Z * np.sqrt(square))
    table = table.assign(mse=table["bias_bound"] ** 2 + square)
    return _taken(parameter, rule, table, apart)


def _taken(parameter: str, rule: str, table: pd.DataFrame, apart: Floats) -> Tuning:
    """The choice, with candidates in order from the widest interval to the narrowest."""
    order = np.argsort(-table["half_width"].to_numpy(), kind="stable")
    table, apart = table.iloc[order].reset_index(drop=True), apart[np.ix_(order, order)]
    values, widths = table["value"].to_numpy(), table["half_width"].to_numpy()
    room = apart if rule != "slope++" else widths[:, None] + _LEPSKI * widths
    place = int(table["mse"].argmin()) if rule == "mse" else slope(values, widths, room)
    table = table.assign(agrees=_agrees(values, room), chosen=np.arange(len(table)) == place)
    return Tuning(parameter, rule, float(table["parameter"].iloc[place]), table)
