r"""The linear-Gaussian preset: path coefficients are exact, for structural equation models.

.. math::
    shown    &= a_1 \, affinity + \epsilon_1 \\
    view     &= b_1 \, shown + b_2 \, affinity + \epsilon_2 \\
    cart     &= c_1 \, view + \epsilon_3 \\
    purchase &= d_1 \, cart + d_2 \, view + d_3 \, shown + d_4 \, affinity + \epsilon_4

with independent normal noises and affinity ~ N(0, 1). The effect along a path is the product of its coefficients, the
total effect their sum over paths (Wright 1921, "Correlation and Causation", Journal of Agricultural Research 20).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pandas as pd

from causalrec_lab.world.arguments import real, whole
from causalrec_lab.world.people.population import Floats, stream

__all__ = ["LinearGaussian", "LinearTruth", "linear_gaussian"]

ORDER = ("affinity", "shown", "view", "cart", "purchase")
_CENTRES: Mapping[tuple[str, str], float] = MappingProxyType(
    {
        ("affinity", "shown"): 0.6,
        ("affinity", "view"): 0.5,
        ("affinity", "purchase"): 0.2,
        ("shown", "view"): 0.5,
        ("shown", "purchase"): 0.15,
        ("view", "cart"): 0.6,
        ("view", "purchase"): 0.25,
        ("cart", "purchase"): 0.5,
    }
)


@dataclass(frozen=True)
class LinearGaussian:
    """A linear-Gaussian platform.

    Parameters
    ----------
    coefficients
        (cause, effect) -> path coefficient.
    noise
        Standard deviation of each variable's own noise.
    seed
        The preset's seed.
    """

    coefficients: Mapping[tuple[str, str], float]
    noise: Mapping[str, float]
    seed: int

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """(cause, effect) pairs of the graph."""
        return tuple(self.coefficients)

    @property
    def matrix(self) -> Floats:
        """B with B[effect, cause] the coefficient, in the order affinity, shown, view, cart, purchase."""
        matrix = np.zeros((len(ORDER), len(ORDER)))
        for (cause, effect), value in self.coefficients.items():
            matrix[ORDER.index(effect), ORDER.index(cause)] = value
        return matrix

    @property
    def covariance(self) -> pd.DataFrame:
        r"""Exact covariance of the variables, :math:`(I - B)^{-1} \Psi (I - B)^{-\top}`."""
        inverse = np.linalg.inv(np.eye(len(ORDER)) - self.matrix)
        psi = np.diag([self.noise[name] ** 2 for name in ORDER])
        return pd.DataFrame(inverse @ psi @ inverse.T, index=list(ORDER), columns=list(ORDER))

    @property
    def truth(self) -> LinearTruth:
        """Exact effects."""
        return LinearTruth(self)

    def sample(self, n: int, seed: int = 0, *, do: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Draw n rows; with `do`, from the model whose variables are set.

        Raises
        ------
        ValueError
            If n is not positive, or `do` names an unknown variable.
        """
        n = whole("n", n)
        if unknown := sorted(set(do or {}) - set(ORDER)):
            raise ValueError(f"do={unknown}: the variables are {', '.join(ORDER)}")
        rng = stream("linear-Gaussian", self.seed, seed)
        drawn: dict[str, Floats] = {}
        for name in ORDER:
            own = self.noise[name] * rng.standard_normal(n)
            causes = (value * drawn[cause] for (cause, effect), value in self.coefficients.items() if effect == name)
            drawn[name] = np.full(n, float(do[name])) if do and name in do else sum(causes, start=own)
        return pd.DataFrame(drawn)


@dataclass(frozen=True)
class LinearTruth:
    """Exact effects of a linear-Gaussian platform."""

    model: LinearGaussian

    def path_effects(self, cause: str = "shown", effect: str = "purchase") -> pd.DataFrame:
        """Effects of one standard unit: every single arrow, every directed path from cause to effect, and their sum.

        Returns
        -------
        DataFrame with columns value, std_error (0: they are exact), indexed by "a->b", "shown->view->purchase", …,
        "indirect shown=>purchase" (every path but the single arrow) and "total shown=>purchase".

        Raises
        ------
        ValueError
            If a variable is unknown.
        """
        for name in (cause, effect):
            if name not in ORDER:
                raise ValueError(f"variable {name!r} is unknown; the variables are {', '.join(ORDER)}")
        rows = {f"{a}->{b}": value for (a, b), value in self.model.coefficients.items()}
        paths = {"->".join(path): self._product(path) for path in self._paths(cause, effect)}
        total = sum(paths.values())
        rows |= paths
        rows[f"indirect {cause}=>{effect}"] = total - paths.get(f"{cause}->{effect}", 0.0)
        rows[f"total {cause}=>{effect}"] = total
        return pd.DataFrame({"value": pd.Series(rows), "std_error": 0.0})

    def _product(self, path: tuple[str, ...]) -> float:
        return float(np.prod([self.model.coefficients[pair] for pair in pairwise(path)]))

    def _paths(self, start: str, end: str) -> Iterator[tuple[str, ...]]:
        """Directed paths, longest detours first."""
        for cause, effect in self.model.coefficients:
            if cause == start:
                if effect == end:
                    yield (start, end)
                else:
                    yield from ((start, *rest) for rest in self._paths(effect, end))


def linear_gaussian(seed: int = 0, *, spread: float = 0.1, noise: float = 0.7) -> LinearGaussian:
    """Make a linear-Gaussian platform.

    Parameters
    ----------
    seed
        Each coefficient lies within `spread` of its centre, uniformly, by this seed.
    spread
        Half the width of that interval, in [0, .15], so that no arrow vanishes.
    noise
        Standard deviation of every variable's own noise but affinity's, which is 1.

    Raises
    ------
    ValueError
        If `spread` or `noise` is out of range.
    """
    if not 0 <= real("spread", spread) < 0.15:
        raise ValueError(f"spread={spread}: give a number in [0, .15), so that every arrow keeps its sign")
    if not real("noise", noise) > 0:
        raise ValueError(f"noise={noise}: give a positive standard deviation")
    rng = stream("linear-Gaussian coefficients", seed)
    coefficients = {edge: centre + spread * (2 * rng.random() - 1) for edge, centre in _CENTRES.items()}
    noises = {name: 1.0 if name == "affinity" else noise for name in ORDER}
    return LinearGaussian(MappingProxyType(coefficients), MappingProxyType(noises), seed)
