"""Thompson sampling for rewards that happen or do not: logistic regression with a Laplace approximation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.bandit.coefficients import CoefficientBandit, normal_chances
from causalrec_lab.intervention.bandit.features import sums_by_group
from causalrec_lab.intervention.bandit.protocol import refuse_outside
from causalrec_lab.policy import BanditLog

__all__ = ["LogisticTS"]

Floats = npt.NDArray[np.float64]
_STEPS, _NEAR = 30, 1e-9


class LogisticTS(CoefficientBandit):
    r"""Each action with the probability that it is the best under a logistic model's approximate posterior.

    A batch turns the prior :math:`N(m, H^{-1})` into its mode and the curvature there (MacKay 1992, "The Evidence
    Framework Applied to Classification Networks"; batch by batch as Chapelle and Li 2011, "An Empirical Evaluation of
    Thompson Sampling", algorithm 3, here with the whole matrix):

    .. math:: m' = \arg\min_\theta \tfrac12 (\theta - m)'H(\theta - m)
        + \sum_i \left( \log(1 + e^{z_i'\theta}) - r_i z_i'\theta \right), \qquad H' = H + \sum_i p_i (1 - p_i) z_i z_i'

    Discounting lets the evidence sink, H less the prior's part and what it says of m, and leaves the prior around 0.
    The order of chances is that of the linear values, so the probabilities are found as for `LinTS`.

    Parameters
    ----------
    n_actions, **how
        As in `CoefficientBandit`; rewards lie in [0, 1].

    Raises
    ------
    ValueError
        If a reward lies outside [0, 1].
    """

    def __init__(self, n_actions: int, **how: Any) -> None:
        super().__init__(n_actions, **how)
        self.evidence: Floats | None = None
        self.mode = np.empty((0, 0))
        self._cover: Floats = np.empty((0, 0, 0))

    def belief(self, width: int) -> tuple[Floats, Floats]:
        """(groups, d) modes and (groups, d, d) inverse curvatures."""
        if self.evidence is None:
            self.evidence = np.zeros((self.design.groups, width, width))
            self.mode = np.zeros((self.design.groups, width))
            self._cover = np.tile(np.eye(width) / self.prior, (self.design.groups, 1, 1))
        return self.mode, self._cover

    def _check(self, log: BanditLog) -> None:
        refuse_outside(log, "LogisticTS")

    def _learn(self, log: BanditLog, weights: Floats, kept: float) -> None:
        rows, group = self.design.chosen(log.contexts, log.action)
        self.belief(rows.shape[1])
        assert self.evidence is not None  # belief has just made it
        ridge = self.prior * np.eye(rows.shape[1])
        precision = kept * self.evidence + ridge
        told = kept * np.einsum("gij,gj->gi", self.evidence + ridge, self.mode)  # sinks as a sum of rewards would
        centre = np.linalg.solve(precision, told[:, :, None])[:, :, 0]
        self.mode = _modes(rows, group, log.reward, weights, centre, precision)
        curvature = _curvature(rows, group, weights, self.mode)
        self.evidence = kept * self.evidence + curvature
        self._cover = np.asarray(np.linalg.inv(precision + curvature), dtype=np.float64)

    def _chances(self, contexts: Any) -> Floats:
        mean, spread = self.moments(contexts)
        return self._sampled(contexts) if self.design.shared else normal_chances(mean, spread)


def _modes(
    rows: Floats, group: npt.NDArray[np.int64], reward: Floats, weights: Floats, centre: Floats, precision: Floats
) -> Floats:
    """(groups, d) posterior modes by Newton steps, halved in each group until its loss falls."""
    mode, groups = centre.copy(), len(centre)

    def loss(at: Floats) -> Floats:
        value = np.einsum("ij,ij->i", rows, at[group])
        fit = sums_by_group(weights * (np.logaddexp(0, value) - reward * value), group, groups)
        away = at - centre
        return np.asarray(fit + np.einsum("gi,gij,gj->g", away, precision, away) / 2)

    for _ in range(_STEPS):
        chance = _chance(rows, group, mode)
        pull = sums_by_group((weights * (chance - reward))[:, None] * rows, group, groups)
        slope = pull + np.einsum("gij,gj->gi", precision, mode - centre)
        step = np.linalg.solve(precision + _curvature(rows, group, weights, mode), slope[:, :, None])[:, :, 0]
        before, size = loss(mode), np.ones(groups)
        allowed = before + _NEAR * (1 + np.abs(before))
        while (worse := loss(mode - size[:, None] * step) > allowed).any() and size.min() > _NEAR:
            size[worse] /= 2
        mode = mode - size[:, None] * step
        if np.abs(step).max() < _NEAR:
            break
    return mode


def _chance(rows: Floats, group: npt.NDArray[np.int64], mode: Floats) -> Floats:
    from scipy import special

    return np.asarray(special.expit(np.einsum("ij,ij->i", rows, mode[group])))


def _curvature(rows: Floats, group: npt.NDArray[np.int64], weights: Floats, mode: Floats) -> Floats:
    chance = _chance(rows, group, mode)
    curved = (weights * chance * (1 - chance))[:, None] * rows
    return sums_by_group(rows[:, :, None] * curved[:, None, :], group, len(mode))
