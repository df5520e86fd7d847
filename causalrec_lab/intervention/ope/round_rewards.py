r"""Every estimator as one reward a round, from which value, error and bias follow.

With weights :math:`\hat w_i` (as they are, or shrunken) and a reward model :math:`\hat q` (0 where there is none):

.. math:: \hat V = \frac1n \sum_i \hat q(x_i, \pi) + \frac{\frac1n \sum_i \hat w_i (r_i - \hat q(x_i, a_i))}{c},
    \qquad c = 1 \text{ or } \frac1n \sum_i \hat w_i \text{ (self-normalised)}

======== ==================== ================ === =========================
method   weights              reward model     c   source
======== ==================== ================ === =========================
ips      w                    none             1   Horvitz and Thompson 1952
clipped  min(w, lambda)       none             1   Ionides 2008
snips    w                    none             w   Swaminathan and Joachims 2015
dm       0                    yes              1   Beygelzimer and Langford 2009
dr       w                    yes              1   Dudik, Langford and Li 2011
sndr     w                    yes              w   Thomas and Brunskill 2016
switch   w where w <= tau     yes              1   Wang, Agarwal and Dudik 2017
dros     lw / (w^2 + l)       yes              1   Su et al. 2020
mips     w of the cluster     none             1   Saito and Joachims 2022
======== ==================== ================ === =========================
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["METHODS", "MODELLED", "RoundRewards", "checked_method"]

Floats = npt.NDArray[np.float64]
METHODS = ("ips", "clipped", "snips", "dm", "dr", "sndr", "switch", "dros", "mips")
MODELLED = ("dm", "dr", "sndr", "switch", "dros")


@dataclass(frozen=True)
class RoundRewards:
    """What each round says of the policy's value.

    Parameters
    ----------
    direct
        (n,) reward the model expects of the policy in each context; zeros without a model.
    weights
        (n,) weights in use, after any shrinkage.
    residual
        (n,) reward less the model's prediction for the logged action.
    normalised
        Whether weights are divided by their mean.
    """

    direct: Floats
    weights: Floats
    residual: Floats
    normalised: bool = False

    def __post_init__(self) -> None:
        """Refuse 0/0."""
        if self.normalised and not self.weights.any():
            raise ValueError(
                "the policy never takes a logged action, so a self-normalised estimate is 0/0; log its actions first"
            )

    @property
    def scale(self) -> float:
        """Mean weight where weights are normalised, else 1."""
        return float(self.weights.mean()) if self.normalised else 1.0

    @property
    def value(self) -> float:
        """The estimate."""
        return float(self.direct.mean()) + float(self.weights @ self.residual) / len(self.weights) / self.scale

    @property
    def influence(self) -> Floats:
        """(n,) first-order contribution of each round to the error, with mean 0."""
        each = self.weights * self.residual / self.scale
        if not self.normalised:
            each += self.direct
            return np.asarray(each - each.mean())
        return np.asarray(self.direct - self.direct.mean() + each - self.weights * (each.mean() / self.scale))

    @property
    def terms(self) -> Floats:
        """(n, 3) direct part, weighted residual and weight: the value is a function of their means."""
        return np.column_stack([self.direct, self.weights * self.residual, self.weights])

    def of_means(self, means: Floats) -> Floats:
        """(draws,) values from (draws, 3) means of `terms`."""
        below = means[:, 2] if self.normalised else 1.0
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(means[:, 0] + means[:, 1] / below)


def checked_method(method: str) -> str:
    """The method if it is known.

    Raises
    ------
    ValueError
        If it is not; the nearest known one is named.
    """
    if method in METHODS:
        return method
    near = difflib.get_close_matches(str(method), METHODS, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown method {method!r}; known are {', '.join(map(repr, METHODS))}{meant}")
