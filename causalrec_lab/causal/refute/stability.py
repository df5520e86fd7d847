"""Changes that must not move an estimate: a cause that is noise, a part of the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.sample import Floats, Integers
from causalrec_lab.causal.refute.problem import Estimator, Problem, whole_repetitions
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Stability", "random_cause", "subset"]

_LIMIT = 0.5  # of a standard error: a spread of repetitions that noise alone does not make


@dataclass(frozen=True, eq=False)
class Stability:
    """How an estimate moves when it must not, or only as far as chance moves it.

    Parameters
    ----------
    observed
        The estimate.
    estimates
        (R,) estimates after each change.
    expected
        Standard deviation that the changes should give; 0 where they should give none.
    change
        What was done, in words.
    """

    observed: Estimate
    estimates: Floats
    expected: float
    change: str

    @property
    def spread(self) -> float:
        """Root mean square move."""
        return float(np.sqrt(np.mean((self.estimates - self.observed.value) ** 2)))

    @property
    def ratio(self) -> float:
        """`spread` over what is expected; where nothing is, over the estimate's standard error."""
        against = self.expected or self.observed.std_error
        return self.spread / against if against > 0 else math.nan

    @property
    def stable(self) -> bool:
        r"""Whether the moves are no larger than they should be.

        Where a spread is expected: within 1.5 times it, or what chance gives :math:`\chi^2_R` once in a thousand.
        Where none is: below half a standard error. False where there is no standard error to judge by.
        """
        if not self.expected:
            return bool(self.ratio < _LIMIT)
        from scipy.stats import chi2

        by_chance = math.sqrt(float(chi2.ppf(0.999, len(self.estimates))) / len(self.estimates))
        return bool(self.ratio < max(1.5, by_chance))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the repetitions beside the estimate and its interval."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 2.6))
        ax.hist(self.estimates, bins=20, color="#56B4E9")
        ax.axvspan(self.observed.low, self.observed.high, alpha=0.12, label=f"{self.observed.level:.0%} interval")
        ax.axvline(self.observed.value, color="#D55E00", label="estimate")
        ax.set(xlabel=f"{self.observed.estimand}, {self.change}", ylabel="repetitions")
        ax.legend(loc="best")
        return ax

    def __str__(self) -> str:
        """Say how far it moved, beside how far it may."""
        if not self.expected and (self.estimates == self.observed.value).all():
            return (
                f"With {self.change}, {len(self.estimates)} times, the estimate of {self.observed.value:.3g} is the "
                "same to the last digit: this estimator reads no covariates, so nothing was tested."
            )
        unit = "times what chance gives" if self.expected else "standard errors"
        verdict = (
            f" ({self.ratio:.2f} {unit}), as it should"
            if self.stable
            else f" ({self.ratio:.2f} {unit}), more than it should: the estimate hangs on chance or on few rows, and "
            "its error is too small"
        )
        if math.isnan(self.ratio):
            verdict = "; it has no standard error, so whether that is much, nobody can say"
        return (
            f"With {self.change}, {len(self.estimates)} times, the estimate of {self.observed.value:.3g} moves by "
            f"{self.spread:.2g}{verdict}. This tests the estimator's stability and its "
            "error; no bias shows here, hidden confounding least of all."
        )


def random_cause(
    estimator: Estimator,
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    repetitions: int = 20,
    seed: int = 0,
    **options: Any,
) -> Stability:
    """Adjust for one more covariate that is pure noise, again and again: the estimate must stay.

    Parameters
    ----------
    estimator, frame, treatment, outcome, covariates
        As in `placebo`.
    repetitions, seed
        Noise columns tried one by one (5 or more), and their seed.
    **options
        Go to the estimator.

    Raises
    ------
    ValueError
        On the bad input that the estimator refuses, an outcome that does not vary, or fewer than 5 repetitions.
    """
    problem = Problem(estimator, frame, treatment, outcome, covariates, options)
    observed, rng = problem.observed(), np.random.default_rng(seed)
    name = "random cause"
    while name in frame.columns:
        name += "_"
    wider = replace(problem, covariates=[*covariates, name])
    draws = (rng.normal(size=len(frame)) for _ in range(whole_repetitions(repetitions, 5)))
    values = np.array([wider.on(**{name: noise}).estimate().value for noise in draws])
    change = "a random cause among the covariates" if len(covariates) else "a random cause as the only covariate"
    return Stability(observed, values, 0.0, change)


def subset(
    estimator: Estimator,
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    share: float = 0.8,
    repetitions: int = 30,
    seed: int = 0,
    **options: Any,
) -> Stability:
    r"""Estimate on random parts of the rows: the estimate moves as its standard error says, or that error is wrong.

    Parts of share f, drawn without replacement, should scatter around the whole with standard deviation
    :math:`se \sqrt{1/f - 1}`: the delete-d jackknife (Shao and Wu 1989) read backwards.

    Parameters
    ----------
    estimator, frame, treatment, outcome, covariates
        As in `placebo`.
    share
        Share f of the rows kept, in (0, 1); of the clusters, with `cluster`.
    repetitions, seed
        Parts (5 or more), and the seed they are drawn with.
    **options
        Go to the estimator.

    Raises
    ------
    ValueError
        On the bad input that the estimator refuses, an outcome that does not vary, a share outside (0, 1) or one that
        leaves nothing out, or fewer than 5 repetitions.
    """
    if not 0 < share < 1:
        raise ValueError(f"share={share}; give a share of the rows to keep, in (0, 1), such as 0.8")
    problem = Problem(estimator, frame, treatment, outcome, covariates, options)
    observed, rng = problem.observed(), np.random.default_rng(seed)
    units = problem.units()
    codes: Integers = np.arange(len(frame)) if units is None else units
    count, what = int(codes.max()) + 1, "rows" if units is None else "clusters"
    kept = max(2, round(share * count))
    if kept >= count:
        raise ValueError(f"share={share} of {count} {what} leaves none out; give a smaller share, or more {what}")
    values = []
    for _ in range(whole_repetitions(repetitions, 5)):
        chosen = np.zeros(count, dtype=bool)
        chosen[rng.permutation(count)[:kept]] = True
        values.append(problem.take(np.flatnonzero(chosen[codes])).estimate().value)
    expected = observed.std_error * math.sqrt(count / kept - 1)
    return Stability(
        observed, np.array(values), 0.0 if math.isnan(expected) else expected, f"{share:.0%} of the {what}"
    )
