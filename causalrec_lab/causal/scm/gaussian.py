"""A linear-Gaussian structural causal model: closed forms for do-queries, evidence and counterfactuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.scm.gaussian_draws import GaussianDraws, draw_systems
from causalrec_lab.causal.scm.moments import Moments, dependent, equations, moments_of, regressed

__all__ = ["GaussianSystem"]


@dataclass(frozen=True)
class GaussianSystem:
    r"""Equations :math:`x_i = a_i + \sum_j B_{ij} x_j + e_i,\; e_i \sim N(0, v_i)` with independent noise.

    Parameters
    ----------
    nodes
        Names, causes first.
    coefficients
        B, shape (nodes, nodes), strictly lower triangular: entry (i, j) is the effect of node j on node i.
    intercepts, variances
        a and v, one a node, in the node's unit and its square.
    moments
        What the equations were estimated from; None where they were given.
    causes
        Numbers of each node's causes; left out, those with a coefficient other than 0.
    held
        Numbers of the nodes set by intervention, which have no equation to estimate.

    Raises
    ------
    ValueError
        If shapes do not fit, an effect precedes its cause, or a variance is negative.
    """

    nodes: tuple[str, ...]
    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    variances: NDArray[np.float64]
    moments: Moments | None = None
    causes: tuple[tuple[int, ...], ...] | None = None
    held: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """Check shapes, order and variances."""
        p = len(self.nodes)
        if self.coefficients.shape != (p, p) or self.intercepts.shape != (p,) or self.variances.shape != (p,):
            raise ValueError(f"{p} nodes need coefficients of shape ({p}, {p}), {p} intercepts and {p} variances")
        if np.triu(self.coefficients).any():
            raise ValueError("coefficients must be strictly lower triangular: give the nodes causes first")
        if (self.variances < 0).any():
            raise ValueError(f"variance of {self.nodes[int(np.argmin(self.variances))]!r} is negative")

    @property
    def estimated(self) -> bool:
        """Whether the equations come from data."""
        return self.moments is not None

    @property
    def rows(self) -> int:
        """Number of rows the equations were estimated from."""
        return 0 if self.moments is None else self.moments.n

    @property
    def filled(self) -> float:
        """Share of the values that were missing."""
        return 0.0 if self.moments is None else self.moments.filled

    @classmethod
    def fit(cls, graph: CausalGraph, frame: pd.DataFrame) -> GaussianSystem:
        """Regress every node on its parents (least squares is maximum likelihood here; variances divide by n).

        Missing values are filled by expectation and maximisation; see `moments.moments_of`.
        """
        nodes = graph.observed
        data = frame[list(nodes)].to_numpy(float)
        causes_of = [[nodes.index(q) for q in graph.parents(node)] for node in nodes]
        if np.isnan(data).any():
            return cls.from_moments(nodes, causes_of, moments_of(data, causes_of))
        p = len(nodes)
        B, a, v = np.zeros((p, p)), np.zeros(p), np.zeros(p)
        for i, (node, causes) in enumerate(zip(nodes, causes_of, strict=True)):
            a[i], B[i, causes], v[i], collinear = _regression(data[:, causes], data[:, i])
            if collinear:
                raise ValueError(f"the parents of {node!r} ({', '.join(graph.parents(node))}) are collinear; drop one")
        moments = Moments(data.mean(0), np.atleast_2d(np.cov(data.T, bias=True)), len(data))
        return cls(nodes, B, a, v, moments, tuple(map(tuple, causes_of)))

    @classmethod
    def from_moments(cls, nodes: Sequence[str], causes: Sequence[Sequence[int]], moments: Moments) -> GaussianSystem:
        """Equations whose mean and covariance on each family are those of `moments`."""
        found = equations(moments.mean, moments.covariance, causes, nodes)
        return cls(tuple(nodes), *found, moments, tuple(map(tuple, causes)))

    def drawn(self, draws: int, rng: np.random.Generator) -> GaussianDraws:
        """Draw equations from their posterior; see `gaussian_draws.draw_systems`.

        Raises
        ------
        ValueError
            If the equations were not estimated from data.
        """
        if self.moments is None:
            raise ValueError(
                "these equations were given, not estimated, so they carry no uncertainty; fit the model to data for "
                "intervals"
            )
        known = self.causes or [np.flatnonzero(row) for row in self.coefficients]
        causes = [list(map(int, above)) for above in known]
        drawn = draw_systems(self.nodes, self.moments, causes, draws, rng)
        return drawn.hold({i: float(self.intercepts[i]) for i in self.held})

    def do(self, values: Mapping[str, Any]) -> GaussianSystem:
        """Replace the equations of the nodes set by constants."""
        B, a, v = self.coefficients.copy(), self.intercepts.copy(), self.variances.copy()
        for node, value in values.items():
            i = self.nodes.index(node)
            B[i], a[i], v[i] = 0.0, float(value), 0.0
        held = self.held | {self.nodes.index(node) for node in values}
        return GaussianSystem(self.nodes, B, a, v, self.moments, self.causes, held)

    @property
    def _total(self) -> NDArray[np.float64]:
        """Total effects :math:`(I - B)^{-1}`."""
        return np.asarray(np.linalg.inv(np.eye(len(self.nodes)) - self.coefficients))

    @property
    def mean(self) -> pd.Series:
        """Mean of every node, :math:`(I - B)^{-1} a`."""
        return pd.Series(self._total @ self.intercepts, index=list(self.nodes), name="mean")

    @property
    def covariance(self) -> pd.DataFrame:
        r"""Covariance :math:`(I - B)^{-1} \mathrm{diag}(v) (I - B)^{-\top}`."""
        spread = self._total * self.variances @ self._total.T
        return pd.DataFrame(spread, index=list(self.nodes), columns=list(self.nodes))

    def query(self, target: Sequence[str], do: Mapping[str, Any], given: Mapping[str, Any]) -> pd.Series | pd.DataFrame:
        """Mean and variance of the target after `do`, given evidence in the world so changed."""
        changed = self.do(do)
        mean, spread = _conditional(changed.mean, changed.covariance, given)
        table = pd.DataFrame({"mean": mean[list(target)], "variance": np.diag(spread.loc[list(target), list(target)])})
        return table.iloc[0].rename(target[0]) if len(target) == 1 else table

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw `n` rows."""
        noise = rng.normal(size=(n, len(self.nodes))) * np.sqrt(self.variances) + self.intercepts
        return pd.DataFrame(noise @ self._total.T, columns=list(self.nodes))

    def counterfactual(self, row: Mapping[str, Any], do: Mapping[str, Any]) -> pd.DataFrame:
        """What this row's values would have been: abduction, action, prediction (Pearl 2009, Theorem 7.1.7).

        The noise given the row is Gaussian; it is carried into the changed equations. A complete row leaves no doubt
        (variance 0), a partial one does.

        Returns
        -------
        DataFrame with columns mean and variance, one row a node.
        """
        observed = [n for n in self.nodes if n in row]
        here = [self.nodes.index(n) for n in observed]
        seen = self._total[here]
        spread = seen * self.variances @ seen.T
        values = np.array([float(row[n]) for n in observed])
        gain = regressed(spread, seen * self.variances).T
        noise = gain @ _possible(observed, values - seen @ self.intercepts, spread)
        left = np.diag(self.variances) - gain @ (seen * self.variances)
        changed = self.do(do)
        free = np.array([n not in do for n in self.nodes], float)
        mean = changed._total @ (changed.intercepts + free * noise)
        through = changed._total * free
        variance = np.einsum("ij,jk,ik->i", through, left, through)
        return pd.DataFrame({"mean": mean, "variance": np.maximum(variance, 0.0)}, index=list(self.nodes))


def _regression(
    causes: NDArray[np.float64], effect: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], float, bool]:
    """Intercept, slopes, residual variance, and whether the causes are collinear.

    Causes are centred and scaled first: beside a large offset (a time in seconds) their spread looks like rounding.
    """
    middle, centre = causes.mean(axis=0), effect.mean()
    centred = causes - middle
    scale = np.linalg.norm(centred, axis=0)
    scale[scale == 0] = 1.0
    found, _, rank, _ = np.linalg.lstsq(centred / scale, effect - centre, rcond=None)
    slopes = found / scale
    residual = effect - centre - centred @ slopes
    return float(centre - middle @ slopes), slopes, float(np.mean(residual**2)), bool(rank < causes.shape[1])


def _conditional(mean: pd.Series, spread: pd.DataFrame, given: Mapping[str, Any]) -> tuple[pd.Series, pd.DataFrame]:
    if not given:
        return mean, spread
    known = list(given)
    inner = spread.loc[known, known].to_numpy()
    if dependent(inner):
        raise ValueError(f"the evidence on {', '.join(known)} is linearly dependent in the model; give less of it")
    gain = regressed(inner, spread.loc[known].to_numpy()).T
    shift = np.array([float(v) for v in given.values()]) - mean[known].to_numpy()
    return mean + gain @ shift, spread - gain @ spread.loc[known].to_numpy()


def _possible(names: Sequence[str], surprise: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Refuse a surprise where the model leaves no room for one."""
    scale = np.sqrt(np.diag(spread))
    fixed = (scale == 0) & (np.abs(surprise) > 1e-9 * (1 + np.abs(surprise).max(initial=0.0)))
    if fixed.any():
        raise ValueError(
            f"row has probability 0 under the model: {names[int(fixed.argmax())]!r} has one value for certain"
        )
    return surprise
