"""From probabilities to decisions: costs, thresholds, and probabilities made right first."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.estimate import Estimate

__all__ = ["PlattScaling", "best_threshold", "cost_threshold", "expected_cost"]

Floats = npt.NDArray[np.float64]
_EPS = 1e-7


def cost_threshold(false_positive: float, false_negative: float) -> float:
    r"""Probability from which on saying 1 is cheaper, :math:`t^* = c_{FP} / (c_{FP} + c_{FN})`.

    Right decisions cost nothing (Elkan 2001, "The Foundations of Cost-Sensitive Learning", section 1.3). It is optimal
    where the probabilities are calibrated, and only there: for others measure with `best_threshold`, or calibrate.

    Raises
    ------
    ValueError
        If a cost is not positive.
    """
    _positive(false_positive, false_negative)
    return false_positive / (false_positive + false_negative)


def expected_cost(
    labels: Any, probabilities: Any, threshold: float, *, false_positive: float = 1.0, false_negative: float = 1.0
) -> Estimate:
    r"""Mean cost of a decision, :math:`\frac1n \sum_i c_{FP} (1 - y_i) d_i + c_{FN}\, y_i (1 - d_i)`, d = 1 from t on.

    Parameters
    ----------
    labels
        (n,) 0 or 1.
    probabilities
        (n,) of 1, or (n, 2).
    threshold
        t; to be chosen on other rows than these.
    false_positive, false_negative
        Costs, in one unit.

    Raises
    ------
    ValueError
        As in `classification_metrics`, or if a cost is not positive.
    """
    y, p = _read(labels, probabilities)
    _positive(false_positive, false_negative)
    cost = np.where(p >= threshold, (1 - y) * false_positive, y * false_negative)
    error = float(cost.std(ddof=1) / np.sqrt(len(y))) if len(y) > 1 else float("nan")
    notes = () if len(y) > 1 else ("one row has no standard error",)
    return Estimate(float(cost.mean()), error, estimand="expected cost", method="mean", n=len(y), notes=notes)


def best_threshold(
    labels: Any, probabilities: Any, *, false_positive: float = 1.0, false_negative: float = 1.0
) -> float:
    """Threshold of least mean cost on these rows, midway between neighbouring probabilities (the lowest, if several).

    The cost at it is too good on these very rows; judge it with `expected_cost` on others.

    Raises
    ------
    ValueError
        As in `expected_cost`.
    """
    y, p = _read(labels, probabilities)
    _positive(false_positive, false_negative)
    order = np.argsort(p, kind="stable")
    y, p = y[order], p[order]
    # with the cut before row j: ones below it are missed, zeros from it on are called
    missed = np.concatenate([[0.0], np.cumsum(y)]) * false_negative
    called = np.concatenate([[0.0], np.cumsum(1 - y)])
    cost = missed + (called[-1] - called) * false_positive
    allowed = np.concatenate([[True], np.diff(p) > 0, [True]])  # no cut between equal probabilities
    cut = int(np.where(allowed, cost, np.inf).argmin())
    return 0.0 if cut == 0 else float(np.nextafter(p[-1], 2.0)) if cut == len(p) else float(p[cut - 1 : cut + 1].mean())


@dataclass(frozen=True)
class PlattScaling:
    r"""Probabilities made right by two numbers, :math:`p' = \sigma(a \,\mathrm{logit}(p) + b)`.

    Platt (1999, "Probabilistic Outputs for Support Vector Machines"), with his targets :math:`(n_+ + 1)/(n_+ + 2)` and
    :math:`1/(n_- + 2)` in place of 1 and 0. The ranking stays. With balanced class weights the logit of every row is
    lifted by about :math:`\log(n_- / n_+)`: b takes it back.

    Parameters
    ----------
    slope, intercept
        a and b; 1 and 0 change nothing.
    """

    slope: float = 1.0
    intercept: float = 0.0

    @classmethod
    def fit(cls, labels: Any, probabilities: Any) -> PlattScaling:
        """Find a and b by maximum likelihood, on rows that the model was not trained on.

        A slope that is not positive would turn the ranking round: then it is 0, and a warning tells so.

        Raises
        ------
        ValueError
            If there is only one class, or as in `classification_metrics`.
        """
        from scipy.optimize import minimize
        from scipy.special import expit

        y, p = _read(labels, probabilities)
        ones = float(y.sum())
        if not 0 < ones < len(y):
            raise ValueError(f"all {len(y)} labels are the same; calibration needs rows of both classes")
        target = np.where(y == 1, (ones + 1) / (ones + 2), 1 / (len(y) - ones + 2))
        z = _logit(p)

        def loss(ab: Floats) -> tuple[float, Floats]:
            score = ab[0] * z + ab[1]
            gap = expit(score) - target
            return float((np.logaddexp(0, score) - target * score).mean()), np.array([(gap * z).mean(), gap.mean()])

        found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
        if found[0] <= 0:
            warnings.warn(
                f"on the {len(y)} rows given, higher probabilities go with fewer ones (slope {found[0]:.2f}): the "
                "model ranks no better than chance there, and every row gets the same probability",
                stacklevel=2,
            )
            return cls(0.0, float(_logit(np.array([target.mean()]))[0]))
        return cls(float(found[0]), float(found[1]))

    def __call__(self, probabilities: Any) -> Floats:
        """Calibrated probabilities, of the shape given: (n,) of 1, or (n, 2)."""
        from scipy.special import expit

        p = np.asarray(probabilities, dtype=np.float64)
        one = expit(self.slope * _logit(p[:, 1] if p.ndim == 2 else p) + self.intercept)
        return np.column_stack([1 - one, one]) if p.ndim == 2 else np.asarray(one)


def _logit(p: Floats) -> Floats:
    inside = np.clip(p, _EPS, 1 - _EPS)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _read(labels: Any, probabilities: Any) -> tuple[Floats, Floats]:
    from causalrec_lab.recommender.evaluation.classification import checked_predictions

    y, p = checked_predictions(labels, probabilities)
    return y.astype(np.float64), p


def _positive(false_positive: float, false_negative: float) -> None:
    for name, cost in (("false_positive", false_positive), ("false_negative", false_negative)):
        if not 0 < cost < np.inf:
            raise ValueError(f"{name}={cost!r}: give a positive cost")
