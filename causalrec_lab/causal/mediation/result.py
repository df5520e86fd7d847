"""`PathEffects`: the effects along the paths of one analysis, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.inference import standard_error
from causalrec_lab.causal.effects.sample import Floats, Integers, nearest
from causalrec_lab.estimate import Estimate, Truth, compare, z_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PathEffects", "path_effects"]


@dataclass(frozen=True)
class PathEffects(Mapping[str, Estimate]):
    """Effects along paths, by name.

    * "through M" for each mediator in its order: what the treatment adds by acting on M, the mediators before it
      treated and what follows it not; "through OUTCOME": what is left, all mediators treated; they sum to the total,
    * "NDE": natural direct effect, E[Y(1, M(0)) - Y(0, M(0))], all that does not pass through any mediator,
    * "NIE": pure natural indirect effect, E[Y(0, M(1)) - Y(0, M(0))],
    * "TIE": total natural indirect effect, E[Y(1, M(1)) - Y(1, M(0))]; NDE + TIE = total,
    * "interaction": total - NDE - NIE,
    * "proportion mediated": TIE / total, with Fieller's interval,
    * "CDE": E[Y(1, m) - Y(0, m)] where mediators were set to m,
    * "total".

    Parameters
    ----------
    estimates
        The effects.
    names
        Treatment, mediators in their order, outcome.
    means, covariance
        Estimated means E[Y(0)], E[Y(1, M(0))], E[Y(1)], and the covariance of their errors.
    """

    estimates: Mapping[str, Estimate]
    names: tuple[str, ...]
    means: Mapping[str, float] = field(default_factory=dict)
    covariance: Floats = field(default_factory=lambda: np.empty((0, 0)))

    def __getitem__(self, name: str) -> Estimate:
        """Effect of a name; an unknown one is an error that offers the nearest."""
        if name not in self.estimates:
            raise KeyError(f"no effect {name!r}; {nearest(name, list(self.estimates))}")
        return self.estimates[name]

    def __iter__(self) -> Iterator[str]:
        """Names, paths first."""
        return iter(self.estimates)

    def __len__(self) -> int:
        """Give the number of effects."""
        return len(self.estimates)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such an effect."""
        return name in self.estimates

    @property
    def direct(self) -> Estimate:
        """Natural direct effect."""
        return self["NDE"]

    @property
    def indirect(self) -> Estimate:
        """Total natural indirect effect: with `direct` it makes up the total."""
        return self["TIE"]

    @property
    def total(self) -> Estimate:
        """Average effect of the treatment."""
        return self["total"]

    @property
    def steps(self) -> dict[str, Estimate]:
        """Effects through each mediator and the rest, which sum to the total."""
        return {name: self[f"through {name}"] for name in self.names[1:]}

    def table(self) -> pd.DataFrame:
        """One row an effect: estimate, std_error, low, high."""
        rows = {
            name: {"estimate": e.value, "std_error": e.std_error, "low": e.low, "high": e.high}
            for name, e in self.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index")

    def compare(self, truth: pd.DataFrame | Mapping[str, Truth | float], *, digits: int | None = None) -> pd.DataFrame:
        """Set the effects beside the truth, those that both name; see `estimate.compare`.

        Parameters
        ----------
        truth
            As the platform's `truth.path_effects` (columns value, std_error), or name -> truth.

        Raises
        ------
        ValueError
            If they have no name in common.
        """
        known: dict[str, Truth | float] = (
            {str(k): Truth(float(r["value"]), float(r["std_error"])) for k, r in truth.iterrows()}
            if isinstance(truth, pd.DataFrame)
            else dict(truth)
        )
        shared = {name: e for name, e in self.items() if name in known}
        if not shared:
            raise ValueError(f"no effect in common: estimated are {', '.join(self)}; true ones are {', '.join(known)}")
        return compare(shared, known, digits=digits)

    def plot(self, ax: Axes | None = None, *, truth: pd.DataFrame | None = None, unit: str = "") -> Axes:
        """Draw the decomposition as a waterfall; see `waterfall.draw`."""
        from causalrec_lab.causal.mediation.waterfall import draw

        return draw(self, ax, truth=truth, unit=unit)

    def _repr_html_(self) -> str:
        """Table and what it assumes; deterministic."""
        import html

        head = f"{self.names[0]} \u2192 {', '.join(self.names[1:-1])} \u2192 {self.names[-1]}: {self.total.method}"
        said = "".join(f"<li>{html.escape(text)}</li>" for text in (*self.total.assumptions, *self.total.notes))
        table = self.table().round(4).to_html(border=0, escape=True)
        return f'<div class="path-effects"><p>{html.escape(head)}</p>{table}<ul>{said}</ul></div>'


def path_effects(
    names: tuple[str, ...],
    labels: Sequence[str],
    values: Floats,
    influence: Floats,
    clusters: Sequence[Integers],
    means: tuple[Sequence[str], Floats, Floats],
    *,
    level: float,
    method: str,
    assumptions: Sequence[str],
    notes: Sequence[str],
    diagnostics: Mapping[str, float],
) -> PathEffects:
    """Put effects and their influence functions into `PathEffects`, the proportion mediated added.

    Parameters
    ----------
    labels, values, influence
        Effects: names, values, and (n, effects) influence functions with mean 0.
    means
        Names, values and (n, means) influence functions of the means that sensitivity analysis starts from.
    """
    clustered = method + (", cluster-robust" if clusters else "")

    def estimate(label: str, value: float, psi: Floats, interval: tuple[float, float] | None, *said: str) -> Estimate:
        return Estimate(
            value, standard_error(psi, clusters), interval, level, label, clustered, len(psi), diagnostics,
            tuple(assumptions), (*notes, *said),
        )  # fmt: skip

    found = {
        label: estimate(label, float(value), psi, None)
        for label, value, psi in zip(labels, values, influence.T, strict=True)
    }
    at = [list(labels).index(name) for name in ("TIE", "total")]
    value, psi, interval, said = _proportion(values[at], influence[:, at], clusters, level)
    found["proportion mediated"] = estimate("proportion mediated", value, psi, interval, *said)
    known = dict(zip(means[0], map(float, means[1]), strict=True))
    return PathEffects(found, names, known, covariance(means[2], clusters))


def covariance(influence: Floats, clusters: Sequence[Integers]) -> Floats:
    """(k, k) covariance of estimates with (n, k) influence functions, clusters kept whole, by polarisation."""
    k = influence.shape[1]
    found = np.empty((k, k))
    for i in range(k):
        for j in range(i + 1):
            plus, minus = (standard_error(influence[:, i] + s * influence[:, j], clusters) ** 2 for s in (1, -1))
            found[i, j] = found[j, i] = (plus - minus) / 4
    return found


def _proportion(
    values: Floats, influence: Floats, clusters: Sequence[Integers], level: float
) -> tuple[float, Floats, tuple[float, float], tuple[str, ...]]:
    """Indirect over total with Fieller's interval (Fieller 1954): it has no ends where the total may be 0."""
    above, below = float(values[0]), float(values[1])
    if below == 0.0:
        below = math.ulp(0.0)
    ratio = above / below
    psi = (influence[:, 0] - ratio * influence[:, 1]) / below
    v, z2 = covariance(influence, clusters), z_value(level) ** 2
    a, b, c = below**2 - z2 * v[1, 1], above * below - z2 * v[0, 1], above**2 - z2 * v[0, 0]
    if a <= 0:
        note = "the total effect is not told from 0, so a share of it has no bounded interval"
        return ratio, np.asarray(psi), (-math.inf, math.inf), (note,)
    root = math.sqrt(max(b**2 - a * c, 0.0))
    return ratio, np.asarray(psi), ((b - root) / a, (b + root) / a), ()
