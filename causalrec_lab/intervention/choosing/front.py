r"""Several aims that pull apart: which policies are not beaten in all of them, and how sure that is.

Policy p is **dominated** by q where q is at least as good in every objective and better in one; the policies that
nobody dominates are the Pareto front (Pareto 1906; Ehrgott 2005, "Multicriteria Optimization", section 2.1). Estimates
are noisy, so a front is too: each policy's place on it comes with a probability and, where the data insist, a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.panel.aggregation import sup_t
from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.estimate import z_value
from causalrec_lab.intervention.choosing.joint import Joint, joint_estimates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Front", "pareto", "pareto_front"]

Floats = npt.NDArray[np.float64]
_SINGULAR = 1e-10  # eigenvalue of a correlation that is rounding
_CELLS = 4_000_000  # comparisons held at once


@dataclass(frozen=True)
class Front:
    """Policies by several objectives.

    Parameters
    ----------
    table
        Indexed by policy: on_front (by the estimates), p_front (share of draws from the estimates' joint normal law in
        which nobody dominates it), dominated_by (the policy that beats it in most draws), verdict ("on the front",
        "dominated", "undecided").
    intervals
        Indexed by (policy, objective): value, std_error, low, high, band_low, band_high (all at once).
    better
        Objective -> "more" or "less".
    level
        Confidence level of intervals and verdicts.
    notes
        What to know.
    """

    table: pd.DataFrame
    intervals: pd.DataFrame
    better: Mapping[str, str]
    level: float
    notes: tuple[str, ...] = ()

    @property
    def members(self) -> list[str]:
        """Policies on the estimated front."""
        return [str(name) for name in self.table.index[self.table["on_front"]]]

    def plot(self, x: str | None = None, y: str | None = None, ax: Axes | None = None) -> Axes:
        """Two objectives against each other with their bands; how full a point is, is its chance of the front.

        Raises
        ------
        ValueError
            If an objective is unknown.
        """
        from causalrec_lab.intervention.choosing.drawing import draw_front

        names = list(self.better)
        x, y = x or names[0], y or names[min(1, len(names) - 1)]
        for name in (x, y):
            if name not in names:
                raise ValueError(f"unknown objective {name!r}; {nearest(name, names)}")
        return draw_front(self, x, y, ax)

    def _repr_html_(self) -> str:
        """The table, then the intervals."""
        return self.table.round(4).to_html() + self.intervals.round(4).to_html()


def pareto(
    estimates: Mapping[str, Mapping[str, Any]],
    *,
    better: Mapping[str, str] | None = None,
    correlation: npt.NDArray[Any] | None = None,
    level: float = 0.95,
    draws: int = 4_000,
    seed: int = 0,
) -> Front:
    r"""Pareto front of policies by several objectives, with what the noise leaves of it.

    A verdict is a test. *Dominated*: some q is better than p in **every** objective, each difference by its one-sided
    test (an intersection-union test needs no correction within: Berger 1982, Technometrics 24), the level shared out
    among the rivals; where the two are equal for sure, as known costs can be, there is nothing to test. *On the front*:
    for **every** rival q there is an objective in which p is better, the level shared out among the objectives.
    Neither: undecided.

    Parameters
    ----------
    estimates
        Policy -> objective -> `Estimate`, number known without error (a cost), or (n,) vector of round rewards whose
        mean is the value. Vectors of one log give the joint law of all estimates; rows must be the same rounds.
    better
        Objective -> "more" (default) or "less".
    correlation
        Of estimates without vectors: (objectives, objectives) within a policy, or (all, all) in the order
        policy by policy; None takes them as independent, and says so.
    level
        Confidence level.
    draws, seed
        Of the joint normal law.

    Raises
    ------
    ValueError
        If there is no policy or objective, objectives differ between policies or are unknown, vectors differ in length,
        a value or error is not finite, the correlation has another shape or is none, or there are fewer than 100 draws.
    """
    if draws < 100:
        raise ValueError(f"draws={draws}: a probability needs at least 100 draws; 4,000 are usual")
    z_value(level)
    joint = joint_estimates(estimates, correlation)
    ways = _ways(joint.objectives, better)
    sign = np.array([1.0 if ways[j] == "more" else -1.0 for j in joint.objectives])
    on = pareto_front(_levelled(joint.means * sign))
    share, rival = _drawn(joint, sign, draws, seed)
    table = pd.DataFrame(
        {
            "on_front": on,
            "p_front": share,
            "dominated_by": [None if r < 0 else joint.policies[r] for r in rival],
            "verdict": _verdicts(joint, sign, level),
        },
        index=pd.Index(joint.policies, name="policy"),
    )
    return Front(table, _intervals(joint, level, seed), ways, level, joint.notes)


def pareto_front(values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether each row of (policies, objectives) values, more being better, is dominated by no other row, (policies,).

    Raises
    ------
    ValueError
        If the values are no matrix or not finite.
    """
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        raise ValueError(f"values of shape {matrix.shape}: give a finite (policies, objectives) matrix")
    return np.asarray(~_dominates(matrix[None])[0].any(axis=0))


def _dominates(values: Floats) -> npt.NDArray[np.bool_]:
    """(draws, q, p) whether q dominates p."""
    q, p = values[:, :, None, :], values[:, None, :, :]
    return np.asarray((q >= p).all(axis=-1) & (q > p).any(axis=-1))


def _levelled(values: Floats) -> Floats:
    """(..., policies, objectives) values, those that differ by rounding alone made equal."""
    order = np.argsort(values, axis=-2, kind="stable")
    ranked = np.take_along_axis(values, order, axis=-2)
    size = np.abs(values).max(axis=-2, keepdims=True)
    step = np.diff(ranked, axis=-2, prepend=ranked[..., :1, :]) > 1e-12 * size
    place = np.cumsum(step, axis=-2).astype(np.float64)
    levels = np.empty_like(values)
    np.put_along_axis(levels, order, place, axis=-2)
    return levels


def _ways(objectives: Sequence[str], better: Mapping[str, str] | None) -> dict[str, str]:
    given = dict(better or {})
    for name, way in given.items():
        if name not in objectives:
            raise ValueError(f"better: unknown objective {name!r}; {nearest(name, list(objectives))}")
        if way not in ("more", "less"):
            raise ValueError(f"better[{name!r}]={way!r}; {nearest(way, ('more', 'less'))}")
    return {name: given.get(name, "more") for name in objectives}


def _drawn(joint: Joint, sign: Floats, draws: int, seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Share of draws on the front, and the rival that dominates most often (-1: none ever does)."""
    count, width = joint.means.shape
    error = np.sqrt(np.diag(joint.covariance))
    scale = np.where(error > 0, error, 1.0)
    values, vectors = np.linalg.eigh(joint.covariance / np.outer(scale, scale))
    root = scale[:, None] * vectors * np.sqrt(np.where(values > _SINGULAR, values, 0.0))
    rng, beaten, by = np.random.default_rng(seed), np.zeros(count), np.zeros((count, count))
    step = max(1, _CELLS // (count * count * width))
    for start in range(0, draws, step):
        noise = rng.standard_normal((min(step, draws - start), count * width)) @ root.T
        drawn = (joint.means.ravel() + noise * joint.noisy).reshape(-1, count, width) * sign
        found = _dominates(_levelled(drawn))
        beaten += found.any(axis=1).sum(axis=0)
        by += found.sum(axis=0)
    return 1.0 - beaten / draws, np.where(by.max(axis=0) > 0, by.argmax(axis=0), -1)


def _verdicts(joint: Joint, sign: Floats, level: float) -> list[str]:
    count, width = joint.means.shape
    if count == 1:
        return ["on the front"]
    z, equal = joint.contrasts()
    z = z * sign  # (q, p, objective): how surely q is better than p; +-inf without error
    harder = -NormalDist().inv_cdf((1 - level) / (count - 1))
    better = np.asarray((z > harder).any(axis=2) & ((z > harder) | equal).all(axis=2))
    np.fill_diagonal(better, False)
    easier = -NormalDist().inv_cdf((1 - level) / width)
    holds = (-z > easier).any(axis=2) | np.eye(count, dtype=bool)
    dominated: list[bool] = [bool(column.any()) for column in better.T]
    safe: list[bool] = [bool(column.all()) for column in holds.T]
    return ["dominated" if d else "on the front" if s else "undecided" for d, s in zip(dominated, safe, strict=True)]


def _intervals(joint: Joint, level: float, seed: int) -> pd.DataFrame:
    error = np.sqrt(np.diag(joint.covariance))
    z, band = z_value(level), sup_t(joint.covariance, level, seed)
    value = joint.means.ravel()
    index = pd.MultiIndex.from_product([joint.policies, joint.objectives], names=["policy", "objective"])
    return pd.DataFrame(
        {
            "value": value, "std_error": error, "low": value - z * error, "high": value + z * error,
            "band_low": value - band * error, "band_high": value + band * error,
        },
        index=index,
    )  # fmt: skip
