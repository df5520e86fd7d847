"""The bootstrap of a structural equation model: the same model fitted to rows drawn with replacement."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.sem.constraints import Subspace
from causalrec_lab.causal.sem.missing import patterned_sample
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.sample import Sample, sample_of
from causalrec_lab.causal.sem.search import ConvergenceError, maximise

__all__ = ["INTERVALS", "bootstrap_draws", "bootstrap_interval", "refuse_few"]

Array = NDArray[np.float64]
INTERVALS = ("percentile", "bias-corrected")
FEWEST = 0.5  # share of draws that must converge


def bootstrap_draws(moments: Moments, theta: Array, within: Subspace, draws: int, seed: int) -> tuple[Array, int]:
    """Estimates of `draws` resamples, shape (converged, parameters), and the number that did not converge.

    Rows are drawn with replacement (Efron 1979; Bollen & Stine 1990 for indirect effects).

    Raises
    ------
    ValueError
        If there are no rows to draw from, or too few draws.
    ConvergenceError
        If more than half of the resamples do not converge.
    """
    rows = moments.sample.rows
    if rows is None:
        raise ValueError("the bootstrap draws rows; a covariance matrix has none: give the rows")
    if draws < 2:
        raise ValueError(f"bootstrap of {draws} draws: a standard error needs two at least, an interval about 1000")
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = rows[rng.integers(0, len(rows), len(rows))]
        try:
            found.append(maximise(Moments(moments.specification, _sample(drawn, moments.sample)), theta, within))
        except (ConvergenceError, ValueError, np.linalg.LinAlgError):
            continue
    return refuse_few(np.array(found), draws), draws - len(found)


def refuse_few(found: Array, draws: int) -> Array:
    """Give the estimates back if at least half of the resamples have one.

    Raises
    ------
    ConvergenceError
        If fewer have.
    """
    if len(found) < max(2, FEWEST * draws):
        raise ConvergenceError(
            f"{draws - len(found)} of {draws} bootstrap samples gave no estimate; the model asks too much of the rows: "
            "simplify it, or use estimator='MLR' for errors that do not need the bootstrap"
        )
    return found


def _sample(drawn: Array, origin: Sample) -> Sample:
    if not origin.complete:
        return patterned_sample(drawn)
    mean = drawn.mean(axis=0)
    centred = drawn - mean
    return sample_of(len(drawn), mean, centred.T @ centred / len(drawn))


def bootstrap_interval(values: Array, estimate: float, level: float, kind: str) -> tuple[float, float]:
    r"""Interval from bootstrap values.

    "percentile": their quantiles. "bias-corrected": the quantiles at :math:`\Phi(2 z_0 \mp z)`, with :math:`z_0` the
    normal quantile of the share of values below the estimate (Efron 1987, without acceleration).
    """
    tail = (1 - level) / 2
    if kind == "percentile":
        low, high = np.quantile(values, [tail, 1 - tail])
        return float(low), float(high)
    normal = NormalDist()
    share = float(np.clip((values < estimate).mean(), 0.5 / len(values), 1 - 0.5 / len(values)))
    shift, z = normal.inv_cdf(share), normal.inv_cdf(1 - tail)
    low, high = np.quantile(values, [normal.cdf(2 * shift - z), normal.cdf(2 * shift + z)])
    return float(low), float(high)
