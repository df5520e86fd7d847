"""Estimates of several objectives for several policies as one vector with one covariance matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.estimate import Estimate

__all__ = ["Joint", "joint_estimates"]

Floats = npt.NDArray[np.float64]
_ROUNDING = 1e-12  # part of two values by which they may differ and be the same


@dataclass(frozen=True)
class Joint:
    """Values and their joint law.

    Parameters
    ----------
    policies, objectives
        Names, in order.
    means
        (policies, objectives).
    covariance
        (all, all) of the estimates, policy by policy.
    notes
        What was assumed.
    """

    policies: tuple[str, ...]
    objectives: tuple[str, ...]
    means: Floats
    covariance: Floats
    notes: tuple[str, ...]

    @property
    def noisy(self) -> Floats:
        """(all,) 1 where a value has an error, 0 where it is known."""
        return np.asarray((np.diag(self.covariance) > 0).astype(np.float64))

    def contrasts(self) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """(q, p, objective): value of q less that of p in standard errors, and whether the two are equal for sure.

        The first is infinite or 0 where the difference has no error: costs that are known, rewards that differ by the
        same in every round. Values that differ by rounding alone do not differ.
        """
        count, width = self.means.shape
        cube = self.covariance.reshape(count, width, count, width)
        own = np.einsum("qjqj->qj", cube)
        shared = np.einsum("qjpj->qpj", cube)
        variance = own[:, None, :] + own[None, :, :] - 2 * shared
        gap = self.means[:, None, :] - self.means[None, :, :]
        size = np.maximum(np.abs(self.means[:, None, :]), np.abs(self.means[None, :, :]))
        gap = np.where(np.abs(gap) <= _ROUNDING * size, 0.0, gap)
        scale = np.maximum(own[:, None, :], own[None, :, :])
        none = variance <= 1e-12 * scale
        error = np.sqrt(np.where(none, 1.0, variance))
        z = np.where(none, np.copysign(np.where(gap == 0, 0.0, math.inf), gap), gap / error)
        return np.asarray(z), np.asarray(none & (gap == 0))


def joint_estimates(estimates: Mapping[str, Mapping[str, Any]], correlation: npt.NDArray[Any] | None) -> Joint:
    """Read policy -> objective -> estimate, vector or number; see `pareto`.

    Raises
    ------
    ValueError
        As `pareto`.
    """
    if not estimates or not next(iter(estimates.values())):
        raise ValueError("pareto: no policy or no objective; give policy -> objective -> estimate")
    policies, objectives = tuple(estimates), tuple(next(iter(estimates.values())))
    for name, found in estimates.items():
        if odd := sorted(set(found) ^ set(objectives)):
            raise ValueError(
                f"pareto: {name!r} and {policies[0]!r} differ in the objectives {odd}; {nearest(odd[0], objectives)}"
            )
    cells = [_cell(estimates[p][j]) for p in policies for j in objectives]
    labels = [f"{p}, {j}" for p in policies for j in objectives]
    vectors = [cell for cell in cells if isinstance(cell, np.ndarray)]
    if vectors and any(isinstance(cell, Estimate) for cell in cells):
        raise ValueError("pareto: estimates and vectors of round rewards are mixed; give one kind, and plain numbers")
    if vectors and correlation is not None:
        raise ValueError("pareto: vectors of round rewards carry their own correlation; leave correlation= out")
    values, covariance = _of_vectors(cells, labels) if vectors else _of_estimates(cells, labels, policies, correlation)
    alone = not vectors and correlation is None
    notes = ("estimates are taken as independent: give correlation= or vectors of round rewards",) if alone else ()
    return Joint(policies, objectives, values.reshape(len(policies), -1), covariance, notes)


def _cell(given: Any) -> Any:
    """An estimate, a vector or a number as it is; lists and columns of a table as vectors."""
    if isinstance(given, Estimate):
        return given
    found = np.asarray(given, dtype=np.float64)
    if found.ndim > 1:
        raise ValueError(f"pareto: an estimate has shape {found.shape}; give an `Estimate`, (n,) rewards or a number")
    return found if found.ndim else float(found)


def _of_vectors(cells: list[Any], labels: list[str]) -> tuple[Floats, Floats]:
    lengths = {len(cell) for cell in cells if isinstance(cell, np.ndarray)}
    if len(lengths) > 1 or min(lengths) < 2:
        raise ValueError(f"pareto: vectors have {sorted(lengths)} rounds; give the same rounds to all, two at least")
    n = lengths.pop()
    columns = [np.asarray(cell, dtype=np.float64) if isinstance(cell, np.ndarray) else None for cell in cells]
    table = np.column_stack([np.full(n, float(c)) if v is None else v for c, v in zip(cells, columns, strict=True)])
    _finite(table.sum(axis=0), labels)
    covariance = np.atleast_2d(np.cov(table, rowvar=False)) / n
    known = np.array([v is None for v in columns])
    covariance[known, :], covariance[:, known] = 0.0, 0.0
    return table.mean(axis=0), covariance


def _of_estimates(
    cells: list[Any], labels: list[str], policies: tuple[str, ...], correlation: npt.NDArray[Any] | None
) -> tuple[Floats, Floats]:
    values = np.array([cell.value if isinstance(cell, Estimate) else float(cell) for cell in cells])
    error = np.array([cell.std_error if isinstance(cell, Estimate) else 0.0 for cell in cells])
    _finite(values, labels)
    _finite(error, labels)
    size, width = len(cells), len(cells) // len(policies)
    if correlation is None:
        return values, np.diag(error**2)
    given: Floats = np.asarray(correlation, dtype=np.float64)
    if given.shape == (width, width):
        given = np.asarray(np.kron(np.eye(len(policies)), given), dtype=np.float64)
    if given.shape != (size, size):
        raise ValueError(f"correlation has shape {given.shape}; give ({width}, {width}) or ({size}, {size})")
    proper = np.allclose(given, given.T) and np.allclose(np.diag(given), 1.0) and np.abs(given).max() <= 1 + 1e-9
    if not proper or np.linalg.eigvalsh(given).min() < -1e-8:
        raise ValueError(
            "correlation is no correlation matrix: symmetric, with ones on the diagonal and no negative eigenvalue"
        )
    return values, given * np.outer(error, error)


def _finite(values: Floats, labels: list[str]) -> None:
    if (bad := ~np.isfinite(values)).any():
        at = int(np.argmax(bad))
        raise ValueError(f"pareto: the estimate of ({labels[at]}) or its error is {values[at]}; a front needs both")
