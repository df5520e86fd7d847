r"""The rollout preset: regions adopt on different days; outcomes add up, so that parallel trends hold on their scale.

For unit i of a region that adopts at time g (a cohort), at time t:

.. math::
    Y_{it}(\infty) &= \alpha_i + \lambda_t + x_i + (\kappa x_i + \rho_g) t + \epsilon_{it} \\
    Y_{it} &= Y_{it}(\infty) + \tau_{i,g}(t), \quad
    \tau_{i,g}(t) = \theta_g (1 + growth (t - g)) + \xi x_i \;\; (t \ge g)

:math:`\rho_g` is 0 for every cohort unless `broken_trends`, :math:`\kappa` is 0 unless `covariate_trends`; then trends
are parallel only given x, because early adopters have more of it. With `anticipation` the day before adoption moves
too. The truth is a mean over this population's units: group-time effects and their aggregations follow Callaway &
Sant'Anna (2021, "Difference-in-Differences with multiple time periods", Journal of Econometrics 225, sections 2 and 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Truth
from causalrec_lab.world.arguments import one_of, real, whole
from causalrec_lab.world.people.population import Floats, Ints, stream

__all__ = ["AGGREGATIONS", "NEVER", "Rollout", "RolloutTruth", "rollout"]

NEVER = 0  # cohort of regions that never adopt
AGGREGATIONS = ("simple", "group", "dynamic", "calendar")


@dataclass(frozen=True, eq=False)
class Rollout:
    """A staggered rollout over regions.

    Parameters
    ----------
    periods
        Days observed, 1 to `periods`.
    cohort
        (regions,) day on which each region adopts; 0 for never.
    region
        (units,) region of each unit.
    level, x
        (units,) each unit's own level and covariate.
    days
        (periods,) common shocks of the days.
    effect
        Cohort -> effect on the day of adoption, at x = 0.
    growth, by_x
        Share by which the effect grows each day after adoption, and its slope in x.
    broken_trends, covariate_trends, anticipation, noise
        As in `rollout`.
    seed
        The preset's seed.
    """

    periods: int
    cohort: Ints
    region: Ints
    level: Floats
    x: Floats
    days: Floats
    effect: Mapping[int, float]
    growth: float
    by_x: float
    broken_trends: float
    covariate_trends: float
    anticipation: float
    noise: float
    seed: int

    @property
    def cohorts(self) -> tuple[int, ...]:
        """Days on which some region adopts, in order; never-adopters are not among them."""
        return tuple(sorted(self.effect))

    @property
    def times(self) -> Ints:
        """Days observed, 1 to `periods`."""
        return np.arange(1, self.periods + 1)

    @cached_property
    def unit_cohort(self) -> Ints:
        """Cohort of each unit, shape (units,)."""
        return np.asarray(self.cohort[self.region])

    @property
    def truth(self) -> RolloutTruth:
        """Effects by cohort and time, and their aggregations."""
        return RolloutTruth(self)

    @cached_property
    def untreated_means(self) -> Floats:
        """E[Y(never)] of every unit on every day, shape (units, periods): without noise."""
        number = {g: k for k, g in enumerate(self.cohorts)}
        early = np.array([0.0 if g == NEVER else 1.0 - number[g] / len(number) for g in self.unit_cohort.tolist()])
        slope = self.broken_trends * early + self.covariate_trends * self.x
        return np.asarray((self.level + self.x)[:, None] + self.days + slope[:, None] * self.times)

    @cached_property
    def effects(self) -> Floats:
        """Effect of its own adoption on every unit on every day, shape (units, periods); 0 for never-adopters."""
        g = self.unit_cohort[:, None]
        base = np.array([self.effect.get(c, 0.0) for c in self.unit_cohort.tolist()])[:, None]
        since = self.times - g
        after = base * (1.0 + self.growth * since) + self.by_x * self.x[:, None]
        before = np.where(since == -1, self.anticipation, 0.0)
        return np.asarray(np.where(g == NEVER, 0.0, np.where(since >= 0, after, before)))

    def panel(self, seed: int = 0) -> pd.DataFrame:
        """Observe every unit on every day.

        Returns
        -------
        DataFrame with unit, region, time (1 to `periods`), cohort (day of adoption, 0 for never), treated (1 from that
        day on), outcome, x (the covariate, fixed over time); sorted by unit and time.
        """
        rng = stream("rollout panel", self.seed, seed)
        outcome = self.untreated_means + self.effects + self.noise * rng.standard_normal(self.effects.shape)
        units, cohort = len(self.region), np.repeat(self.unit_cohort, self.periods)
        time = np.tile(self.times, units)
        return pd.DataFrame(
            {
                "unit": np.repeat(np.arange(units), self.periods),
                "region": np.repeat(self.region, self.periods),
                "time": time,
                "cohort": cohort,
                "treated": ((cohort != NEVER) & (time >= cohort)).astype(np.int64),
                "outcome": outcome.ravel(),
                "x": np.repeat(self.x, self.periods),
            }
        )


@dataclass(frozen=True)
class RolloutTruth:
    """Exact effects of a rollout on those who adopted."""

    model: Rollout

    def att_gt(self) -> pd.DataFrame:
        r"""Group-time effects :math:`ATT(g, t) = E[Y_t(g) - Y_t(\infty) | G = g]`, for every cohort and day.

        Days before adoption are in it: 0, or `anticipation` on the day before.

        Returns
        -------
        DataFrame with columns value, std_error (0: exact), indexed by (cohort, time).
        """
        model = self.model
        rows = [model.effects[model.unit_cohort == g].mean(axis=0) for g in model.cohorts]
        index = pd.MultiIndex.from_product([model.cohorts, model.times], names=["cohort", "time"])
        return pd.DataFrame({"value": np.concatenate(rows), "std_error": 0.0}, index=index)

    def att_by(self, aggregation: str) -> pd.DataFrame:
        """Effects by cohort ("group"), days since adoption ("dynamic"), or day ("calendar").

        Cohorts are weighted by their units. "group" averages a cohort's days from adoption on; "dynamic" holds days
        before adoption too; "calendar" averages the cohorts that have adopted.

        Returns
        -------
        DataFrame with columns value, std_error, indexed by cohort, event_time or time.

        Raises
        ------
        ValueError
            If there is no such aggregation; "simple" is one number, which `att` gives.
        """
        one_of("aggregation", aggregation, AGGREGATIONS[1:])
        table = self._weighted()
        if aggregation != "dynamic":
            table = table[table["event_time"] >= 0]
        key = {"group": "cohort", "dynamic": "event_time", "calendar": "time"}[aggregation]
        sums = table.assign(value=table["value"] * table["units"]).groupby(key)[["value", "units"]].sum()
        return pd.DataFrame({"value": sums["value"] / sums["units"], "std_error": 0.0})

    def att(self, aggregation: str = "simple") -> Truth:
        """One number for the whole rollout.

        Parameters
        ----------
        aggregation
            "simple": all treated cells, weighted by units. "group": cohorts' means, weighted by units. "dynamic": mean
            over days since adoption. "calendar": mean over days from the first adoption on.

        Raises
        ------
        ValueError
            If there is no such aggregation.
        """
        one_of("aggregation", aggregation, AGGREGATIONS)
        if aggregation == "simple":
            treated = self._weighted().query("event_time >= 0")
            return Truth(float(np.average(treated["value"], weights=treated["units"])))
        by = self.att_by(aggregation)["value"]
        if aggregation == "group":
            sizes = pd.Series(self.model.unit_cohort).value_counts()
            return Truth(float(np.average(by, weights=sizes[by.index])))
        return Truth(float(by[by.index >= 0].mean()))

    def _weighted(self) -> pd.DataFrame:
        table = self.att_gt().reset_index()
        sizes = pd.Series(self.model.unit_cohort).value_counts()
        return table.assign(event_time=table["time"] - table["cohort"], units=table["cohort"].map(sizes))


def rollout(
    seed: int = 0,
    *,
    n_units: int = 2_000,
    n_regions: int = 40,
    periods: int = 12,
    adopt: tuple[int, ...] = (4, 7, 10),
    never: float = 0.25,
    growth: float = 0.25,
    broken_trends: float = 0.0,
    covariate_trends: float = 0.0,
    anticipation: float = 0.0,
    noise: float = 1.0,
) -> Rollout:
    """Make a rollout; outcomes are minutes of use a day.

    Parameters
    ----------
    seed
        Seed of regions, units and days.
    n_units, n_regions
        Units, spread evenly over the regions, which adopt as a whole.
    periods
        Days observed.
    adopt
        Days on which cohorts adopt; regions are dealt to them evenly.
    never
        Share of regions that never adopt, in (0, 1).
    growth
        Share of its first effect by which an effect grows each day; 0 keeps effects constant over time.
    broken_trends
        Minutes a day by which the earliest cohort's outcome would have grown more than the never-adopters', adopting
        or not; later cohorts in proportion. 0 keeps parallel trends.
    covariate_trends
        Slope of the trend in x; with it, trends are parallel only given x.
    anticipation
        Minutes by which the outcome moves on the day before adoption; 0 keeps "no anticipation".
    noise
        Standard deviation of a unit's day.

    Raises
    ------
    ValueError
        If a number is out of range, a cohort adopts before day 2 or after the end, or a cohort gets no region.
    """
    real("noise", noise, low=0.0)
    numbers = {"never": never, "growth": growth, "broken_trends": broken_trends, "anticipation": anticipation}
    for name, value in {**numbers, "covariate_trends": covariate_trends}.items():
        real(name, value)
    n_units, n_regions, periods = whole("n_units", n_units), whole("n_regions", n_regions), whole("periods", periods)
    adopt = tuple(sorted(whole("adopt", day) for day in np.atleast_1d(np.asarray(adopt, dtype=object))))
    _check(n_units, n_regions, periods, adopt, never)
    rng = stream("rollout", seed)
    kept = max(1, round(never * n_regions))
    dealt = np.array(adopt)[np.arange(n_regions - kept) % len(adopt)]
    cohort = rng.permutation(np.concatenate([dealt, np.full(kept, NEVER)]))
    region = rng.permutation(np.arange(n_units) % n_regions)
    early = np.where(cohort == NEVER, 0.0, 1.0 - cohort / (periods + 1))
    return Rollout(
        periods=periods,
        cohort=cohort,
        region=region,
        level=20.0 + (2.0 * rng.standard_normal(n_regions))[region] + 2.0 * rng.standard_normal(n_units),
        x=early[region] + 0.5 * rng.standard_normal(n_units),
        days=np.cumsum(0.2 + 0.3 * rng.standard_normal(periods)),
        effect={g: 2.0 - 0.4 * k + 0.1 * rng.standard_normal() for k, g in enumerate(adopt)},
        growth=growth,
        by_x=0.5,
        broken_trends=broken_trends,
        covariate_trends=covariate_trends,
        anticipation=anticipation,
        noise=noise,
        seed=whole("seed", seed, least=0),
    )


def _check(n_units: int, n_regions: int, periods: int, adopt: tuple[int, ...], never: float) -> None:
    if not 0 < never < 1:
        raise ValueError(f"never={never!r} is outside (0, 1): without never-adopters late effects have no comparison")
    if n_units < n_regions:
        raise ValueError(f"n_units={n_units} do not fill n_regions={n_regions}; give at least one unit a region")
    if not adopt or len(set(adopt)) != len(adopt) or min(adopt) < 2 or max(adopt) > periods:
        raise ValueError(f"adopt={adopt!r}: give different days from 2 to periods={periods}, so that each has a before")
    if n_regions - max(1, round(never * n_regions)) < len(adopt):
        raise ValueError(f"n_regions={n_regions}, never={never:g} leave too few for {len(adopt)} cohorts; give more")
