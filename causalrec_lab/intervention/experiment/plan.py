"""A planned experiment: its size, its power, its days, drawn and simulated."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.intervention.experiment.looks import Boundary
from causalrec_lab.intervention.experiment.units import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Design"]

_TINY = 1e-12


@dataclass(frozen=True)
class Design:
    """A planned comparison of arms with a control.

    Parameters
    ----------
    sizes
        Units in each arm, the control first.
    baseline, effect
        Control mean, and the difference to be found.
    power, level
        Chance of finding it (in any one arm); confidence level of the interval.
    std
        Standard deviation in every arm, or None for a rate.
    shares, critical
        Shares of the arms; standard errors at which a difference is called.
    variance_left, cluster_size
        Factor of the variance by CUPED and clusters; mean units a cluster.
    boundary
        Group-sequential plan, or None for one look.
    """

    sizes: tuple[int, ...]
    baseline: float
    effect: float
    power: float
    level: float
    std: float | None = None
    shares: tuple[float, ...] = (0.5, 0.5)
    critical: float = 1.959963984540054
    variance_left: float = 1.0
    cluster_size: float = 1.0
    boundary: Boundary | None = None

    @property
    def n(self) -> int:
        """Units in all arms."""
        return sum(self.sizes)

    @property
    def n_per_arm(self) -> int:
        """Units in each arm; where arms are unequal, in the control."""
        return self.sizes[0]

    @property
    def clusters(self) -> tuple[int, ...]:
        """Clusters in each arm."""
        return tuple(math.ceil(size / self.cluster_size) for size in self.sizes)

    def needed(self, effect: float, power: float) -> int:
        """Units in all arms that find `effect` with `power`."""
        distance = self._distance(power)
        return math.ceil(distance**2 * self._variance(effect) / effect**2 - 1e-9)

    def power_of(self, n: int | None = None, effect: float | None = None) -> float:
        """Chance that the difference is called, at another size or effect."""
        effect = self.effect if effect is None else effect
        drift = abs(effect) / math.sqrt(self._variance(effect) / (n or self.n))
        if self.boundary is not None:
            return self.boundary.power(drift)
        law = NormalDist()
        return law.cdf(drift - self.critical) + law.cdf(-drift - self.critical)

    def detectable(self, n: int | None = None, power: float | None = None) -> float:
        """Minimum detectable effect: the least increase found with the plan's power at n units.

        Raises
        ------
        ValueError
            If no rate below 1 is far enough.
        """
        power, n = self.power if power is None else power, self.n if n is None else n
        if not (0 < power < 1 and n > 0):
            raise ValueError(f"detectable(n={n}, power={power}): some units, and a power in (0, 1)")
        distance = self._distance(power)
        high = 1.0 - self.baseline - _TINY if self.std is None else distance * math.sqrt(self._variance(0.0) / n)
        if self.std is not None:
            return high
        if distance**2 * self._variance(high) > n * high**2:
            raise ValueError(
                f"{n} units find no increase of a rate of {self.baseline:g} with power {power:g}; take more"
            )
        low = 0.0
        for _ in range(80):
            middle = (low + high) / 2
            far = distance**2 * self._variance(middle) <= n * middle**2
            low, high = (low, middle) if far else (middle, high)
        return high

    def days(self, daily: float | Sequence[float], *, whole_weeks: bool = True) -> int:
        """Days until enough units came.

        Parameters
        ----------
        daily
            New eligible units a day: a number; seven, one a weekday from the first day on; or more, day by day, the
            last seven of which then repeat.
        whole_weeks
            Round up to full weeks, so that every weekday weighs the same.

        Raises
        ------
        ValueError
            If traffic is negative or none comes.
        """
        traffic = np.atleast_1d(np.asarray(daily, dtype=np.float64))
        week = traffic[-7:]
        if not np.isfinite(traffic).all() or not (traffic >= 0).all() or week.sum() <= 0:
            raise ValueError(f"days(daily={daily!r}): give units a day >= 0, some of them positive")
        left, known = self.n - float(traffic.sum()), len(traffic)
        if left > 0:
            whole = max(math.ceil(left / float(week.sum())) - 1, 0)  # of the weeks that repeat, all but the last
            days = known + whole * len(week)
            days += int(np.searchsorted(week.cumsum(), left - whole * float(week.sum()) - 1e-9)) + 1
        else:
            days = int(np.searchsorted(traffic.cumsum(), self.n - 1e-9)) + 1
        return 7 * math.ceil(days / 7) if whole_weeks else days

    def simulate(self, runs: int = 10_000, seed: int = 0) -> float:
        """Power by simulation: the share of simulated experiments (first arm against control) that call the effect.

        Rates are drawn as binomial counts, other metrics as means and variances of normal outcomes; clusters and CUPED
        enter by the variance they leave.
        """
        rng = np.random.default_rng(seed)
        fractions = (1.0,) if self.boundary is None else self.boundary.information
        critical = (self.critical,) if self.boundary is None else self.boundary.critical
        sizes = np.array([self.sizes[0], self._other])
        at = np.maximum(np.round(np.outer(fractions, sizes) / self.variance_left), 1)  # units worth their variance
        mean, variance = self._draw(rng, np.diff(at, axis=0, prepend=0.0), at, runs)
        z = (mean[..., 1] - mean[..., 0]) / np.sqrt((variance / at).sum(axis=-1))
        return float((np.abs(z) > np.asarray(critical)).any(axis=1).mean())

    def of_size(self, n: int) -> Design:
        """The same plan with n units in all arms."""
        return replace(self, sizes=tuple(max(2, math.ceil(n * share - 1e-9)) for share in self.shares))

    def finding(self, effect: float) -> Design:
        """The same plan for another effect."""
        return replace(self, effect=effect)

    def reached(self) -> Design:
        """The same plan with the power it has."""
        return replace(self, power=self.power_of())

    @property
    def table(self) -> pd.DataFrame:
        """Size, effect and power at a quarter, half, one, two and four times the planned units."""
        sizes = [math.ceil(self.n * k) for k in (0.25, 0.5, 1, 2, 4)]
        columns = {
            "n": sizes,
            "power": [self.power_of(n) for n in sizes],
            "detectable": [self._found(n) for n in sizes],
        }
        return pd.DataFrame(columns)

    def _found(self, n: int) -> float:
        """Least effect found; nan where no rate is far enough, or the plan's power is none to speak of."""
        try:
            return self.detectable(n) if 1 - self.level < self.power < 1 else math.nan
        except ValueError:
            return math.nan

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw power against units, for the planned effect, half and twice of it."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 3))
        sizes = np.unique(np.geomspace(max(self.n / 20, 4), self.n * 4, 60).astype(int))
        for share in (0.5, 1.0, 2.0):
            effect = self.effect * share
            if self.std is None and not 0 < self.baseline + effect < 1:
                continue
            ax.plot(sizes, [self.power_of(int(n), effect) for n in sizes], label=f"effect {effect:+.3g}")
        ax.axhline(self.power, linestyle="--", color="0.35")
        ax.axvline(self.n, linestyle=":", color="0.35")
        ax.set(xscale="log", xlabel="units in all arms", ylabel="power", ylim=(0, 1.02))
        ax.legend(loc="best")
        return ax

    def __str__(self) -> str:
        """One sentence."""
        same = len(set(self.sizes)) == 1
        units = f"{self.n_per_arm:,} units an arm" if same else f"{' + '.join(f'{s:,}' for s in self.sizes)} units"
        groups = f" (in {sum(self.clusters):,} clusters)" if self.cluster_size > 1 else ""
        looks = f", {len(self.boundary.critical)} looks" if self.boundary else ""
        return (
            f"{units}{groups} find a change of {self.effect:+.4g} on {self.baseline:.4g} "
            f"with power {self.power:.0%} at level {self.level:.0%}{looks}"
        )

    def _repr_html_(self) -> str:
        """The sentence and the table."""
        return f"<p>{html.escape(str(self))}</p>{self.table.round(4).to_html(index=False)}"

    @property
    def _other(self) -> int:
        return min(self.sizes[1:])

    def _variance(self, effect: float) -> float:
        """Squared error of the contrast times the units in all arms."""
        if self.std is not None:
            own = (self.std**2, self.std**2)
        else:
            own = (self.baseline * (1 - self.baseline), (self.baseline + effect) * (1 - self.baseline - effect))
        return (own[0] / self.shares[0] + own[1] / min(self.shares[1:])) * self.variance_left

    def _distance(self, power: float) -> float:
        """Standard errors the effect must be from 0; a group-sequential plan needs a little more."""
        if self.boundary is None:
            return self.critical + NormalDist().inv_cdf(power)
        low, high = 0.0, 12.0
        for _ in range(34):  # to 1e-9
            middle = (low + high) / 2
            low, high = (middle, high) if self.boundary.power(middle) < power else (low, middle)
        return high

    def _draw(self, rng: np.random.Generator, new: Floats, at: Floats, runs: int) -> tuple[Floats, Floats]:
        """(runs, looks, 2) means and variances at the looks."""
        centre = np.array([self.baseline, self.baseline + self.effect])
        if self.std is None:
            mean = rng.binomial(new.astype(np.int64), centre, (runs, *new.shape)).cumsum(axis=1) / at
            return mean, np.maximum(mean * (1 - mean), _TINY) * at / np.maximum(at - 1, 1)
        total = rng.normal(new * centre, self.std * np.sqrt(new), (runs, *new.shape)).cumsum(axis=1)
        squares = rng.chisquare(np.maximum(at - 1, 1), (runs, *at.shape)) / np.maximum(at - 1, 1)
        return total / at, self.std**2 * squares
