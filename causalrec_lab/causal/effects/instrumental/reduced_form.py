r"""Reduced form and first stage of one instrumental-variables problem, with their joint error.

.. math:: Y = Z\delta + X\beta_Y + e_Y, \qquad T = Z\pi + X\beta_T + e_T

Everything that is said about weakness follows from :math:`\hat\delta, \hat\pi` and their joint covariance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, stats

from causalrec_lab.causal.effects.instrumental.reading import InstrumentSample
from causalrec_lab.causal.effects.sample import Floats, Integers

__all__ = ["ReducedForm", "covariance", "reduced_form"]

_WORST_BIAS = 10.0  # 1 / (10 % of the worst-case bias), the tolerance of Montiel Olea and Pflueger's figures
_SIZE = 0.05


@dataclass(frozen=True)
class ReducedForm:
    r"""Slopes on K instruments and their joint covariance.

    Parameters
    ----------
    outcome, treatment
        (K,) slopes :math:`\hat\delta` and :math:`\hat\pi`; of several instruments each a standard deviation's worth.
    covariance
        (2K, 2K) covariance of :math:`(\hat\delta, \hat\pi)`, robust or clustered.
    gram
        (K, K) :math:`\tilde Z' W \tilde Z / n` of the instruments given the controls.
    conventional_f
        First-stage F under constant error variance.
    """

    outcome: Floats
    treatment: Floats
    covariance: Floats
    gram: Floats
    conventional_f: float

    @property
    def count(self) -> int:
        """Instruments K."""
        return len(self.treatment)

    @property
    def blocks(self) -> tuple[Floats, Floats, Floats]:
        r"""Covariances :math:`V_{\delta\delta}, V_{\delta\pi}, V_{\pi\pi}`, each (K, K)."""
        k = self.count
        return self.covariance[:k, :k], self.covariance[:k, k:], self.covariance[k:, k:]

    @property
    def effective_f(self) -> float:
        r"""Effective F: :math:`\hat\pi' Q \hat\pi / \mathrm{tr}(V_{\pi\pi} Q)`.

        Montiel Olea and Pflueger (2013, Journal of Business & Economic Statistics); one instrument: the robust F.
        """
        noise = float(np.trace(self.blocks[2] @ self.gram))
        return float(self.treatment @ self.gram @ self.treatment) / noise if noise > 0 else math.inf

    @property
    def critical_f(self) -> float:
        r"""Effective F below which the bias of 2SLS may exceed 10 % of its worst case, tested at 5 %.

        The conservative simplified procedure of Montiel Olea and Pflueger (2013): with
        :math:`W = Q^{1/2} V_{\pi\pi} Q^{1/2}`, the upper quantile of a non-central chi-square with
        :math:`K_e = \mathrm{tr}(W)^2 (1 + 20) / (\mathrm{tr}(W'W) + 20\, \mathrm{tr}(W) \lambda_{max}(W))` degrees of
        freedom and non-centrality :math:`10 K_e`, over :math:`K_e`: 23.1 for one instrument.
        """
        values, vectors = linalg.eigh(self.gram)
        root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
        spectrum = linalg.eigvalsh(root @ self.blocks[2] @ root)
        trace, largest = spectrum.sum(), spectrum[-1]
        if trace <= 0:
            return 0.0
        freedom = trace**2 * (1 + 2 * _WORST_BIAS) / ((spectrum**2).sum() + 2 * _WORST_BIAS * trace * largest)
        return float(stats.ncx2.ppf(1 - _SIZE, freedom, _WORST_BIAS * freedom) / freedom)


def reduced_form(read: InstrumentSample) -> ReducedForm:
    """Regress outcome and treatment on the instruments, given the controls.

    Raises
    ------
    ValueError
        If there are no more clusters than (several) instruments.
    """
    sample = read.sample
    Y, T, *columns = read.residuals(np.column_stack([sample.outcome, sample.treatment, read.instruments])).T
    Z, w, n = np.column_stack(columns), sample.weights, sample.n
    if len(columns) > 1:  # several are read together only, so their units say nothing and may lie far apart
        Z = Z / np.sqrt(np.mean(Z**2, axis=0))
        _check_clusters(sample.clusters, len(columns))
    gram = (Z * w[:, None]).T @ Z / n
    slopes = linalg.solve(gram, (Z * w[:, None]).T @ np.column_stack([Y, T]) / n, assume_a="pos")
    errors = np.column_stack([Y, T]) - Z @ slopes
    direction = linalg.solve(gram, Z.T, assume_a="pos").T * w[:, None]  # rows of Q^-1 Z
    influence = np.hstack([direction * errors[:, [0]], direction * errors[:, [1]]])
    freedom = n - read.controls.shape[1] - Z.shape[1]
    explained = float(slopes[:, 1] @ gram @ slopes[:, 1]) * n / Z.shape[1]
    noise = float(w @ errors[:, 1] ** 2) / freedom
    return ReducedForm(
        outcome=slopes[:, 0],
        treatment=slopes[:, 1],
        covariance=covariance(influence * math.sqrt((n - 1) / freedom), sample.clusters),
        gram=gram,
        conventional_f=explained / noise if noise > 0 else math.inf,
    )


def _check_clusters(clusters: Sequence[Integers], instruments: int) -> None:
    fewest = min((int(codes.max()) + 1 for codes in clusters), default=instruments + 1)
    if fewest <= instruments:
        raise ValueError(
            f"{fewest} clusters for {instruments} instruments: their joint error cannot be told; use fewer "
            "instruments, or a finer cluster column (about 20 clusters or more)"
        )


def covariance(influence: Floats, clusters: Sequence[Integers]) -> Floats:
    r"""(m, m) covariance of means of (n, m) influence values: robust, clustered or clustered two ways.

    As `inference.standard_error`, for several estimates at once. A two-way sum that is not positive definite gives way
    to the clustering with the larger trace (Cameron, Gelbach and Miller 2011, on indefinite sums).

    Raises
    ------
    ValueError
        If all rows are in one cluster, or there are more than two cluster columns.
    """
    if len(clusters) > 2:
        raise ValueError(f"{len(clusters)} cluster columns; give one or two (such as user and item)")
    if len(clusters) == 0:
        return _summed(influence, None)
    alone = [_summed(influence, codes) for codes in clusters]
    if len(alone) == 1:
        return alone[0]
    both = np.unique(np.column_stack(clusters), axis=0, return_inverse=True)[1].reshape(-1)
    found = alone[0] + alone[1] - _summed(influence, both)
    return found if linalg.eigvalsh(found)[0] > 0 else max(alone, key=lambda v: float(np.trace(v)))


def _summed(influence: Floats, codes: Integers | None) -> Floats:
    n = len(influence)
    sums = influence
    if codes is not None:
        sums = np.column_stack([np.bincount(codes, weights=column) for column in influence.T])
    if len(sums) < 2:
        raise ValueError("all rows are in one cluster, so nothing tells how the estimate varies; give at least 20")
    return np.asarray(len(sums) / (len(sums) - 1) * sums.T @ sums / n**2)
