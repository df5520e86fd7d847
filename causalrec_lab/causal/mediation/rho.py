r"""Imai's rho: a mediation effect as a function of the correlation of the errors of mediator and outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.inference import standard_error
from causalrec_lab.causal.effects.nuisances.cross_fitting import design_matrix
from causalrec_lab.causal.effects.sample import Floats
from causalrec_lab.causal.mediation.assumptions import LINEAR_ASSUMPTIONS
from causalrec_lab.causal.mediation.sample import MediationSample, read_mediation
from causalrec_lab.estimate import Estimate, z_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RhoCurve", "rho_curve"]

_STEP = 1e-30  # of the complex step
_NOTHING = 1e-8  # share of a spread that is rounding


@dataclass(frozen=True)
class RhoCurve:
    """Direct and indirect effect over rho.

    Parameters
    ----------
    table
        Indexed by rho: indirect, indirect_low, indirect_high, direct, direct_low, direct_high.
    at_zero
        The rho at which nothing runs through the mediator.
    """

    table: pd.DataFrame
    at_zero: Estimate

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the indirect effect over rho with its band, and where it vanishes."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 3.2))
        ax.fill_between(self.table.index, self.table["indirect_low"], self.table["indirect_high"], alpha=0.25)
        ax.plot(self.table.index, self.table["indirect"])
        ax.axhline(0, color="0.5", linewidth=0.8)
        ax.axvline(self.at_zero.value, linestyle=":", color="0.35", label=f"nothing left at {self.at_zero.value:.2f}")
        ax.set(xlabel="rho: correlation of the errors of mediator and outcome", ylabel="indirect effect")
        ax.legend(loc="best")
        return ax


def rho_curve(
    frame: pd.DataFrame,
    treatment: str,
    mediator: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    rho: float | Sequence[float] | None = None,
    cluster: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> RhoCurve:
    r"""Linear mediation effect as hidden confounding of mediator and outcome grows.

    .. math:: \delta(\rho) = a \frac{\sigma_1}{\sigma_2}
        \left\{\tilde\rho - \rho \sqrt{(1 - \tilde\rho^2) / (1 - \rho^2)}\right\}

    with a the treatment's coefficient on the mediator, :math:`\sigma_1, \sigma_2, \tilde\rho` standard deviations and
    correlation of the residuals of outcome and mediator given treatment and covariates, and :math:`\rho` the
    correlation that a hidden common cause would leave between the errors once the mediator's own effect is taken out.
    Source: Imai, Keele and Yamamoto (2010), theorem 4. Data cannot tell :math:`\rho`; :math:`\rho = 0` is the
    assumption of no hidden confounder. Errors by the delta method, robust.

    Parameters
    ----------
    mediator
        One column of numbers.
    rho
        Value or values in (-1, 1); -.9 to .9 by default.
    frame, treatment, outcome, covariates, cluster, level
        As in `linear`.

    Raises
    ------
    ValueError
        On the bad input that `linear` refuses, several mediators, a rho outside (-1, 1), or where treatment and
        covariates leave nothing of mediator or outcome, or the one follows from the other.
    """
    if not isinstance(mediator, str):
        raise ValueError(f"mediator={mediator!r}: rho belongs to one mediator; give one column name")
    grid = np.linspace(-0.9, 0.9, 37) if rho is None else np.atleast_1d(np.asarray(rho, dtype=np.float64))
    if not grid.size:
        raise ValueError("rho=[] holds no value; leave it out, or give values between -1 and 1")
    if not (inside := np.abs(grid) < 1).all():
        raise ValueError(f"rho={grid[~inside][0]:g}: a correlation of errors lies strictly between -1 and 1")
    sample = read_mediation(frame, treatment, mediator, outcome, covariates, cluster=cluster, binary=False)
    values, influence = _moments(sample)
    rows = [_at(r, values, influence, sample, z_value(level)) for r in grid]
    table = pd.DataFrame(rows, index=pd.Index(grid, name="rho"))
    return RhoCurve(table, _vanishing(values, influence, sample, level))


def _moments(sample: MediationSample) -> tuple[Floats, Floats]:
    """Treatment's coefficients on mediator and outcome and the residuals' second moments; with influence functions."""
    n, t = sample.n, sample.base.treatment
    Z = np.column_stack([t, design_matrix(sample.base.covariates, "linear")])
    targets = np.column_stack(sample.targets)
    beta = np.linalg.lstsq(Z, targets, rcond=None)[0]
    residual = targets - Z @ beta
    direction = Z @ np.linalg.pinv(Z.T @ Z / n, hermitian=True)[:, 0]
    m, y = residual.T
    _refuse_nothing_left(sample, residual)
    products = np.column_stack([y * y, m * y, m * m])
    moments = products.mean(axis=0)
    values = np.concatenate([beta[0], moments])
    factor = np.sqrt(n / max(n - Z.shape[1], 1))
    return values, factor * np.column_stack([direction * m, direction * y, products - moments])


def _refuse_nothing_left(sample: MediationSample, residual: Floats) -> None:
    """Refuse errors without variance, or without variance of their own."""
    for name, target, error in zip(sample.names[1:], sample.targets, residual.T, strict=True):
        if error.std() <= _NOTHING * target.std():
            raise ValueError(f"{name!r} follows from treatment and covariates: it has no error of its own; drop one")
    m, y = residual.T
    if abs(m @ y) >= (1 - _NOTHING) * np.sqrt((m @ m) * (y @ y)):
        raise ValueError(f"{sample.names[2]!r} follows from {sample.names[1]!r}: the errors correlate to 1; drop one")


def _indirect(values: npt.NDArray[Any], rho: float) -> Any:
    a, _, yy, my, mm = values
    tilde = my / np.sqrt(mm * yy)
    return a * np.sqrt(yy / mm) * (tilde - rho * np.sqrt((1 - tilde**2) / (1 - rho**2)))


def _at(rho: float, values: Floats, influence: Floats, sample: MediationSample, z: float) -> dict[str, float]:
    indirect, slope = float(_indirect(values, rho)), np.empty(len(values))
    for k in range(len(values)):
        moved = values.astype(complex)
        moved[k] += 1j * _STEP
        slope[k] = _indirect(moved, rho).imag / _STEP
    rest = np.eye(len(values))[1] - slope  # the total stays: its coefficient less the indirect effect
    row: dict[str, float] = {}
    for name, value, weights in (("indirect", indirect, slope), ("direct", float(values[1]) - indirect, rest)):
        half = z * standard_error(influence @ weights, sample.base.clusters)
        row |= {name: value, f"{name}_low": value - half, f"{name}_high": value + half}
    return row


def _vanishing(values: Floats, influence: Floats, sample: MediationSample, level: float) -> Estimate:
    _, _, yy, my, mm = values
    tilde = float(my / np.sqrt(mm * yy))
    slope = np.array([0.0, 0.0, -tilde / (2 * yy), tilde / my if my else 1 / np.sqrt(mm * yy), -tilde / (2 * mm)])
    return Estimate(
        tilde, standard_error(influence @ slope, sample.base.clusters), level=level,
        estimand="rho at which the indirect effect is 0", method="residual correlation, delta method", n=sample.n,
        assumptions=LINEAR_ASSUMPTIONS[0:1] + LINEAR_ASSUMPTIONS[2:],
    )  # fmt: skip
