"""Trimming: the effect where there is overlap, in place of the effect on everybody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.columns import Floats

__all__ = ["Kept", "crump_threshold", "keep"]

Trim = float | str | None


@dataclass(frozen=True)
class Kept:
    """Rows left by trimming: their mask, what they are called, what the reader must know."""

    rows: npt.NDArray[np.bool_]
    threshold: float

    def estimand(self, name: str) -> str:
        """The estimand with the population it now speaks of."""
        a = self.threshold
        return name if a == 0 else f"{name} where {a:.3g} <= e <= {1 - a:.3g}"

    @property
    def notes(self) -> tuple[str, ...]:
        """The changed population, in words."""
        if self.threshold == 0:
            return ()
        a, out = self.threshold, ~self.rows
        said = (
            f"trimmed: {float(np.mean(out)):.1%} of rows ({int(out.sum()):,}) with an estimated propensity outside "
            f"[{a:.3g}, {1 - a:.3g}] are left out; the effect is that of the rows kept, another population than the "
            "one asked about, and the error takes the cut as fixed beforehand"
        )
        return (said,)


def crump_threshold(propensity: Floats) -> float:
    r"""Smallest cut :math:`\alpha` that estimates the effect on the kept rows most precisely.

    .. math:: \frac{1}{\alpha(1-\alpha)} = 2 \, E\left[\frac{1}{e(1-e)} \,\Big|\, \frac{1}{e(1-e)} \le
        \frac{1}{\alpha(1-\alpha)}\right]

    or 0 where keeping everybody is best (Crump, Hotz, Imbens and Mitnik 2009, Biometrika).

    Parameters
    ----------
    propensity
        (n,) P(treated = 1), strictly between 0 and 1.
    """
    burden = np.sort(1 / (propensity * (1 - propensity)))
    means = np.cumsum(burden) / np.arange(1, len(burden) + 1)
    if burden[-1] <= 2 * means[-1]:
        return 0.0
    last = int(np.flatnonzero(burden <= 2 * means)[-1])
    return float(0.5 - np.sqrt(max(0.25 - 1 / (2 * means[last]), 0.0)))


def keep(propensity: Floats, trim: Trim) -> Kept:
    """Rows with a propensity inside [a, 1 - a].

    Parameters
    ----------
    propensity
        (n,) estimated P(treated = 1), not clipped.
    trim
        a in (0, .5); "optimal" for `crump_threshold`; None keeps everybody.

    Raises
    ------
    ValueError
        If `trim` is another thing, or no row is left.
    """
    if trim is None:
        return Kept(np.ones(len(propensity), dtype=bool), 0.0)
    if trim != "optimal" and (isinstance(trim, str) or not 0 < trim < 0.5):
        raise ValueError(f"trim={trim!r}; give a propensity in (0, 0.5) such as 0.1, 'optimal', or None")
    a = crump_threshold(propensity) if isinstance(trim, str) else float(trim)
    rows = np.asarray((propensity >= a) & (propensity <= 1 - a))
    if not rows.any():
        raise ValueError(f"trim={trim!r} leaves no row: no propensity lies inside [{a:.3g}, {1 - a:.3g}]; cut less")
    return Kept(rows, a)
