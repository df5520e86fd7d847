"""Whether covariates differ between arms beyond chance: what a covariate that treatment moved shows first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causalrec_lab.intervention.experiment.arm_means import from_influence
from causalrec_lab.intervention.experiment.laws import student, welch_freedom
from causalrec_lab.intervention.experiment.units import Floats, Trial

__all__ = ["ALARM", "unbalanced"]

ALARM = 0.001  # of all covariates of an arm together, small since every adjusted contrast is checked


def unbalanced(trial: Trial, X: Floats, names: Sequence[str], k: int) -> tuple[str, ...]:
    """Warning where a covariate's mean differs between arm k and the control beyond chance (Welch, Bonferroni).

    Randomisation leaves no such difference. Where there is one, the covariate was measured after the assignment and
    treatment moved it, and adjusting takes part of the effect away; or units were lost unequally.

    Parameters
    ----------
    trial, k
        The experiment; number of the arm.
    X, names
        (n, p) covariates, and what to call each.
    """
    p = np.array([_p_value(trial, column, k) for column in X.T])
    if not len(p) or p.min() * len(p) >= ALARM:
        return ()
    worst = int(p.argmin())
    said = (
        f"warning: covariate {names[worst]!r} differs between {trial.arms[k]!r} and {trial.arms[0]!r} beyond chance "
        f"(p = {p[worst]:.2g}): was it measured before the assignment? One that treatment moves takes part of the "
        "effect with it"
    )
    return (said,)


def _p_value(trial: Trial, column: Floats, k: int) -> float:
    found = from_influence(trial.arm, column, len(trial.arms), trial.cluster)
    own, gap = found.covariance.diagonal(), float(found.means[k] - found.means[0])
    error = float(np.sqrt(own[k] + own[0]))
    if error <= 1e-12 * max(1.0, float(np.abs(column).max())):
        return 1.0 if abs(gap) <= 1e-9 * max(1.0, float(np.abs(column).max())) else 0.0
    return student(welch_freedom(own[k], own[0], found.units[k], found.units[0]), 0.95).p_value(gap / error)
