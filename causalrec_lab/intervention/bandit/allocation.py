r"""How much each round of an adaptive log counts, so that the estimate is normal though the policy learned.

With :math:`v_t = E_x \sum_a \pi(a \mid x)^2 / e_t(a \mid x)`, on which the variance of a doubly robust score rests:

========= ============================================================ ==========================================
weights   :math:`h_t`                                                  source
========= ============================================================ ==========================================
uniform   1                                                            the usual mean, not normal on adaptive data
stable    :math:`v_t^{-1/2}`                                           Hadad et al. 2021, constant allocation rate
two-point :math:`(\lambda_t \prod_{s<t} (1 - \lambda_s) / v_t)^{1/2}`  Hadad et al. 2021, two-point rate
minvar    :math:`v_t^{-1}`                                             Zhan et al. 2021, least variance
========= ============================================================ ==========================================

Hadad, Hirshberg, Zhan, Wager and Athey (2021), "Confidence intervals for policy evaluation in adaptive experiments",
PNAS 118; Zhan, Hadad, Hirshberg and Athey (2021), "Off-Policy Evaluation via Adaptive Weighting with Data from
Contextual Bandits", KDD.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.bandit.adaptive_log import AdaptiveLog

__all__ = ["ALLOCATIONS", "round_weights"]

Floats = npt.NDArray[np.float64]
_OTHERS = 100  # rounds whose contexts tell a batch's spread; a shorter batch borrows from those before it
ALLOCATIONS = ("stable", "two-point", "minvar", "uniform")


def round_weights(log: AdaptiveLog, target: Floats, allocation: str, decay: float) -> Floats:
    r"""(n,) weights of the rounds, not normalised: they know a round's batch, not what was met or earned in the round.

    The mean over contexts in :math:`v_t` is taken over the other rounds of the batch, and over rounds before it where
    these are few: a weight that knew its own context would count some contexts for more than others.

    Parameters
    ----------
    log
        The rounds.
    target
        (n, n_actions) probabilities of the policy to value.
    allocation
        One of `ALLOCATIONS`.
    decay
        Of "two-point": how fast the chances may have sunk, :math:`e_t \gtrsim t^{-d}`.
    """
    if allocation == "uniform":
        return np.ones(len(log))
    spread = _spread(log, target)
    inverse = np.divide(1.0, spread, out=np.zeros(len(log)), where=np.isfinite(spread))
    if allocation == "minvar":
        return inverse
    if allocation == "stable":
        return np.sqrt(inverse)
    return np.sqrt(_two_point(np.minimum(inverse, 1.0), decay) * inverse)


def _spread(log: AdaptiveLog, target: Floats) -> Floats:
    """(n,) v of each round; infinite for a batch in which the policy wants what had no chance."""
    wanted = target > 0
    share = np.divide(target**2, log.chances, out=np.full(target.shape, np.inf), where=wanted & (log.chances > 0))
    each = np.where(wanted, share, 0.0).sum(axis=1)
    starts, group, size = np.unique(log.batch, return_index=True, return_inverse=True, return_counts=True)[1:]
    total = np.bincount(group, weights=each)
    if _no_context(log, each, total / size, group, size):
        return np.asarray((total / size)[group])
    finite = np.isfinite(each)
    sums, counts = (np.append(0.0, np.cumsum(part)) for part in (np.where(finite, each, 0.0), finite))
    since = np.maximum(starts - np.maximum(_OTHERS - (size - 1), 0), 0)
    own = np.where(np.isfinite(total), total, 0.0)[group] - np.where(finite, each, 0.0)
    others = size[group] - 1 + (counts[starts] - counts[since])[group]
    known = np.isfinite(total)[group] & (others > 0)
    mean = (own + (sums[starts] - sums[since])[group]) / np.maximum(others, 1.0)
    return np.asarray(np.where(known, mean, np.inf))


def _no_context(
    log: AdaptiveLog, each: Floats, mean: Floats, group: npt.NDArray[np.int64], size: npt.NDArray[np.int64]
) -> bool:
    """Whether a round's v hangs on its batch alone, so that it may be used as it is."""
    if np.shape(log.rounds.contexts)[1:] == (0,):
        return True
    known = np.isfinite(mean[group])
    gap = np.abs(each - np.where(known, mean[group], 0.0))
    alike = np.where(known, gap <= 1e-9 * each, np.isinf(each))
    return bool(size.min() > 1 and alike.all())


def _two_point(chance: Floats, decay: float) -> Floats:
    """(n,) share of the variance each round is given, by breaking a stick."""
    n = len(chance)
    t = np.arange(1, n + 1, dtype=np.float64)
    good = 1 / (n - t + 1)
    bad = (1 - decay) / (1 - decay + n * (t / n) ** decay - t)
    part = np.clip((1 - chance) * bad + chance * good, 0.0, 1.0)
    left = np.concatenate([[1.0], np.cumprod(1 - part[:-1])])
    return np.asarray(part * left)
