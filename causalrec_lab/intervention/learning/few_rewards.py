r"""An interval where hardly a round that the policy would have played earned anything: by likelihood, not by spread.

Few rewards tell their own spread badly: the rounds that would have shown how far a value can lie are the ones that did
not happen. What is known without them is how far a round's value can reach, for rewards have ends and weights a size.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.policy import BanditLog

__all__ = ["FEWEST", "effective_rewards", "likelihood_ends", "reach", "reward_range"]

Floats = npt.NDArray[np.float64]
FEWEST = 15.0  # rewards' worth of rounds below which a normal interval covers too seldom
_INSIDE = 1e-9  # part of the way to an end that is never reached


def effective_rewards(log: BanditLog, chances: Floats) -> float:
    r"""How many rounds' worth of rewards other than the usual one a policy's value rests on.

    :math:`(\sum w)^2 / \sum w^2` over the rounds with another reward than the most frequent one, or over all rounds
    where no reward is that of half of them.

    Parameters
    ----------
    log
        Rounds with propensities.
    chances
        (n, actions) probabilities of the policy.
    """
    _, place = np.unique(log.reward, return_inverse=True)
    counts = np.bincount(place)
    rows = place != int(counts.argmax()) if 2 * counts.max() >= len(log) else np.ones(len(log), dtype=bool)
    assert log.propensity is not None  # who asks has seen to it
    weight = (chances[np.arange(len(log)), log.action] / log.propensity)[rows]
    return float(weight.sum()) ** 2 / float(weight @ weight) if weight.any() else 0.0


def reward_range(*rewards: Floats) -> tuple[float, float]:
    """Smallest and largest reward seen; 0 and 1 where nothing else was seen."""
    low, high = min(float(r.min()) for r in rewards), max(float(r.max()) for r in rewards)
    plain = all(np.isin(r, (0.0, 1.0)).all() for r in rewards)
    return (0.0, 1.0) if plain else (low, high)


def reach(
    chances: Floats, model: Floats, rarest: Floats, rewards: tuple[float, float], *, paired: bool = False
) -> tuple[float, float]:
    r"""Smallest and largest value a round can have, whatever action it took and earned.

    .. math:: \sum_b \pi_b \hat q_b + \frac{\pi_a}{p_a} (r - \hat q_a) \;[- r], \qquad r \in \{r_{min}, r_{max}\}

    Parameters
    ----------
    chances, model
        (n, actions) probabilities of the policy, and predicted rewards.
    rarest
        (actions,) smallest propensity each action was logged with; infinite where it never was.
    rewards
        Ends of the rewards.
    paired
        Whether the round's own reward is taken off, as in a gain.
    """
    weight = chances / rarest
    mean = np.einsum("ij,ij->i", chances, model)[:, None]
    ends = [mean + weight * (r - model) - paired * r for r in rewards]
    taken = np.isfinite(rarest)
    return min(float(e[:, taken].min()) for e in ends), max(float(e[:, taken].max()) for e in ends)


def likelihood_ends(
    each: Floats, low: float, high: float, level: float, cluster: npt.NDArray[np.generic] | None = None
) -> tuple[float, float]:
    r"""Interval of a mean by empirical likelihood for numbers that are known to lie in [low, high].

    The upper end is the largest m with

    .. math:: \max_{0 \le \lambda \le 1/(high - m)} \sum_i \log\{1 - \lambda (x_i - m)\} \le \log\frac{2}{1 - level},

    n times the smallest Kullback-Leibler divergence from the data to a law on the same range with a mean of m or more
    (Cappé, Garivier, Maillard, Munos and Stoltz 2013, Annals of Statistics 41); the lower end is that of -x. The bound
    on the right is Chernoff's, which holds for 0 and 1 at any n: no reward in n rounds gives
    :math:`1 - ((1 - level) / 2)^{1/n}`. Where rewards are plenty it is wider than the normal interval, by about 2.7 to
    2 at 95 %. Of clusters the deviations from m are summed first, and no cluster reaches further than the largest.

    Parameters
    ----------
    each
        (n,) round values.
    low, high
        Ends of what a round can be.
    level
        Confidence level.
    cluster
        (n,) labels of rounds that err together, or None.
    """
    codes = np.arange(len(each)) if cluster is None else pd.factorize(cluster)[0]
    sums: Floats = np.asarray(np.bincount(codes, weights=each), dtype=np.float64)
    sizes = np.bincount(codes).astype(np.float64)
    enough = math.log(2 / (1 - level))
    low, high = min(low, float(each.min())), max(high, float(each.max()))
    return -_upper(-sums, sizes, -low, enough), _upper(sums, sizes, high, enough)


def _upper(sums: Floats, sizes: Floats, high: float, enough: float) -> float:
    """Largest mean that the likelihood does not rule out."""
    from scipy.optimize import brentq

    mean = float(sums.sum() / sizes.sum())
    top = high - _INSIDE * (high - mean)
    if top <= mean or _evidence(sums, sizes, high, top) <= enough:
        return high
    return float(brentq(lambda m: _evidence(sums, sizes, high, m) - enough, mean, top, xtol=1e-6 * (high - mean)))


def _evidence(sums: Floats, sizes: Floats, high: float, m: float) -> float:
    """Largest logarithm of a fair bet's winnings against a mean of m."""
    from scipy.optimize import brentq

    far = (sums - m * sizes) / (float(sizes.max()) * (high - m))  # at most 1
    if far.sum() >= 0:
        return 0.0

    def slope(share: float) -> float:
        return -float((far / (1 - share * far)).sum())

    most = 1 - _INSIDE
    share = most if slope(most) > 0 else float(brentq(slope, 0.0, most, xtol=1e-9))
    return float(np.log1p(-share * far).sum())
