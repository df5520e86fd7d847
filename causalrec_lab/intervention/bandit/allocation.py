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
ALLOCATIONS = ("stable", "two-point", "minvar", "uniform")


def round_weights(log: AdaptiveLog, target: Floats, allocation: str, decay: float) -> Floats:
    r"""(n,) weights of the rounds, not normalised: they know a round's batch, not what was done or earned in it.

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
    """(n,) v of each round's batch; infinite where the policy wants what had no chance."""
    wanted = target > 0
    share = np.divide(target**2, log.chances, out=np.full(target.shape, np.inf), where=wanted & (log.chances > 0))
    each = np.where(wanted, share, 0.0).sum(axis=1)
    _, group = np.unique(log.batch, return_inverse=True)
    return np.asarray((np.bincount(group, weights=each) / np.bincount(group))[group])


def _two_point(chance: Floats, decay: float) -> Floats:
    """(n,) share of the variance each round is given, by breaking a stick."""
    n = len(chance)
    t = np.arange(1, n + 1, dtype=np.float64)
    good = 1 / (n - t + 1)
    bad = (1 - decay) / (1 - decay + n * (t / n) ** decay - t)
    part = np.clip((1 - chance) * bad + chance * good, 0.0, 1.0)
    left = np.concatenate([[1.0], np.cumprod(1 - part[:-1])])
    return np.asarray(part * left)
