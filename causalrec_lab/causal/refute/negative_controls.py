"""Negative controls: effects that are known to be absent, where only bias can be found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalrec_lab.causal.refute.problem import Estimator, Problem
from causalrec_lab.estimate import Estimate, z_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NegativeControl", "placebo_exposure", "placebo_outcome"]

_POWER = 0.8


@dataclass(frozen=True)
class NegativeControl:
    """An effect that cannot be, estimated as the real one is.

    Parameters
    ----------
    estimate
        Of the absent effect.
    kind
        "outcome" (one the treatment cannot move) or "exposure" (one that cannot move the outcome).
    name
        The column.
    """

    estimate: Estimate
    kind: str
    name: str

    @property
    def p_value(self) -> float:
        """Two-sided Wald p-value of no effect."""
        return math.erfc(abs(self.estimate.value) / self.estimate.std_error / math.sqrt(2))

    @property
    def failed(self) -> bool:
        """Whether an effect was found where there is none."""
        return not self.estimate.covers(0.0)

    @property
    def visible(self) -> float:
        r"""Bias that would have been seen with 80 % power, :math:`(z_{(1+level)/2} + z_{.8})\,se`, in the unit."""
        return (z_value(self.estimate.level) + NormalDist().inv_cdf(_POWER)) * self.estimate.std_error

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the estimate beside 0, the truth."""
        return self.estimate.plot(ax, truth=0.0)

    def __str__(self) -> str:
        """Say what was found, and what it says of the real effect."""
        found = self.estimate
        cannot = (
            f"the treatment cannot have moved {self.name!r}"
            if self.kind == "outcome"
            else f"{self.name!r} cannot have moved the outcome"
        )
        size = f"{found.value:.3g} [{found.low:.3g}, {found.high:.3g}]"
        if self.failed:
            return (
                f"Although {cannot}, {found.method or 'the estimator'} finds {size} (p = {self.p_value:.2g}): what the "
                "covariates leave is confounded, and the real effect has to be expected to be as well."
            )
        return (
            f"As it should be, since {cannot}, no effect is found: {size}. A bias of {self.visible:.3g} would have "
            f"been seen with {_POWER:.0%} power. This speaks for the real effect only as far as both share their "
            "hidden confounders; one that spares the control stays unseen."
        )


def placebo_outcome(
    estimator: Estimator, frame: pd.DataFrame, treatment: str, outcome: str, covariates: Sequence[str], **options: Any
) -> NegativeControl:
    """Estimate the treatment's effect on an outcome that it cannot have moved, such as one measured before it.

    Source: Lipsitch, Tchetgen Tchetgen and Cohen (2010), "Negative controls: a tool for detecting confounding and bias
    in observational studies".

    Parameters
    ----------
    estimator, frame, treatment, covariates
        As for the real effect; leave the placebo outcome out of the covariates.
    outcome
        The outcome that cannot move. It should have the confounders of the real one.
    **options
        Go to the estimator.

    Raises
    ------
    ValueError
        On the bad input that the estimator refuses, an outcome that does not vary, or an estimate without an error.
    """
    return _control(Problem(estimator, frame, treatment, outcome, covariates, options), "outcome", outcome)


def placebo_exposure(
    estimator: Estimator,
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    exposure: str,
    **options: Any,
) -> NegativeControl:
    """Estimate the effect of an exposure that cannot move the outcome but has the treatment's confounders.

    The treatment joins the covariates, since the exposure may go along with it.
    Source: Lipsitch, Tchetgen Tchetgen and Cohen (2010).

    Parameters
    ----------
    estimator, frame, treatment, outcome, covariates
        As for the real effect.
    exposure
        Column of 0 and 1, such as being shown something else, or the same after the outcome was measured.
    **options
        Go to the estimator.

    Raises
    ------
    ValueError
        On the bad input that the estimator refuses, an outcome that does not vary, or an estimate without an error.
    """
    others = [*(c for c in covariates if c != exposure), treatment]
    return _control(Problem(estimator, frame, exposure, outcome, others, options), "exposure", exposure)


def _control(problem: Problem, kind: str, name: str) -> NegativeControl:
    found = problem.observed()
    if math.isnan(found.std_error):
        raise ValueError(
            f"{found.method or 'the estimator'} gives no standard error, so no effect of a negative control can be "
            "told from chance; give one that does, such as effects.aipw"
        )
    return NegativeControl(found, kind, name)
