r"""What is believed of a number: a normal law, a t law, or normal laws mixed by how likely each is.

A hierarchical posterior is normal given :math:`\tau` and a mixture over it: skewed where one segment stands out, and
with heavy tails where segments are few. Its interval is therefore read off its own quantiles, not off its standard
deviation (Gelman et al. 2013, "Bayesian Data Analysis", section 5.4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Mixture"]

Floats = npt.NDArray[np.float64]
_HALVINGS = 60


@dataclass(frozen=True, eq=False)
class Mixture:
    """K numbers, each with G normal laws mixed; or with one t law.

    Parameters
    ----------
    weight
        (G,) chance of each law, summing to 1.
    mean, variance
        (G, K) of each law.
    freedom
        Degrees of freedom of the t law where G is 1; infinite for normal laws.
    """

    weight: Floats
    mean: Floats
    variance: Floats
    freedom: float = math.inf

    @property
    def value(self) -> Floats:
        """(K,) means."""
        return np.asarray(self.weight @ self.mean)

    @property
    def std_error(self) -> Floats:
        """(K,) standard deviations; of a t law its scale."""
        return np.asarray(np.sqrt(self.weight @ (self.variance + (self.mean - self.value) ** 2)))

    def ends(self, level: float) -> tuple[Floats, Floats]:
        """(K,) lower and upper ends of equal-tailed intervals."""
        tail = (1.0 - level) / 2.0
        return self.quantile(tail), self.quantile(1.0 - tail)

    def quantile(self, p: float) -> Floats:
        """(K,) quantiles; of a mixture by halving."""
        from scipy.special import ndtr, ndtri, stdtrit

        error = np.sqrt(self.variance)
        z = float(ndtri(p)) if math.isinf(self.freedom) else float(stdtrit(self.freedom, p))
        each = self.mean + z * error
        low, high = each.min(axis=0), each.max(axis=0)
        if len(self.weight) == 1:
            return np.asarray(low)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            below = self.weight @ ndtr((middle - self.mean) / error) < p
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray((low + high) / 2.0)

    def updated(self, value: float, std_error: float) -> Mixture:
        """After a normal measurement of the one number, by Bayes' rule: each law, and how likely it is."""
        total = self.variance + std_error**2
        log = np.log(self.weight) - 0.5 * (np.log(total) + (value - self.mean) ** 2 / total)[:, 0]
        weight = np.exp(log - log.max())
        variance = self.variance * std_error**2 / total
        mean = (self.mean * std_error**2 + value * self.variance) / total
        return Mixture(weight / weight.sum(), mean, variance, self.freedom)

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """(n, K) draws."""
        law = rng.choice(len(self.weight), size=n, p=self.weight)
        shape = (n, self.mean.shape[1])
        z = rng.standard_normal(shape) if math.isinf(self.freedom) else rng.standard_t(self.freedom, shape)
        return np.asarray(self.mean[law] + np.sqrt(self.variance[law]) * z)
