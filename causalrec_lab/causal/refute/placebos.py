r"""Placebo treatments: dealt like the real one, but without effect, so that the answer is known to be 0.

A placebo must be dealt by the same law as the treatment, and every nuisance must be that of the *placebo*. Reusing the
propensity of the real treatment weighs the placebo's arms to two different populations and finds effects that are not
there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import nearest
from causalrec_lab.causal.effects.sample import Floats
from causalrec_lab.causal.refute.problem import Estimator, Problem, whole_repetitions
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Placebo", "placebo"]

SCHEMES = ("redraw", "strata", "shuffle")
_LIMIT = 0.01  # level of the two checks of the estimator
_SMALL = 0.2  # of a standard deviation: a bias that costs an interval less than one point of coverage


@dataclass(frozen=True, eq=False)
class Placebo:
    """What an estimator finds where there is nothing.

    Parameters
    ----------
    observed
        The estimate with the real treatment.
    table
        One row a placebo: value, std_error, covers (whether its interval holds 0).
    scheme
        How placebos were dealt.
    """

    observed: Estimate
    table: pd.DataFrame
    scheme: str

    @property
    def p_value(self) -> float:
        r"""Share of placebos at least as extreme as the real treatment, :math:`(1 + \#\{|t_r| \ge |t|\})/(1 + R)`.

        It tests that treatment and outcome are independent given the covariates: neither an effect nor a hidden
        confounder (a conditional randomisation test: Candes, Fan, Janson and Lv 2018, section 4.1).
        """
        drawn, real = self._statistics()
        return float((1 + (np.abs(drawn) >= abs(real)).sum()) / (1 + len(drawn)))

    @property
    def bias(self) -> float:
        """Mean of the placebo estimates; 0 if the estimator is right on such data."""
        return float(self.table["value"].mean())

    @property
    def bias_in_sd(self) -> float:
        """`bias` over the standard deviation of the placebo estimates."""
        return self.bias / float(self.table["value"].std(ddof=1))

    @property
    def p_bias(self) -> float:
        """Two-sided p-value of `bias` being 0."""
        z = abs(self.bias_in_sd) * math.sqrt(len(self.table))
        return math.erfc(z / math.sqrt(2))

    @property
    def coverage(self) -> float:
        """Share of placebo intervals that hold 0; nan where there are no intervals."""
        known = self.table["std_error"].notna()
        return float(self.table.loc[known, "covers"].mean()) if known.any() else math.nan

    @property
    def sound(self) -> bool:
        """Whether the estimator finds nothing where nothing is, about as often as it promises."""
        unbiased = self.p_bias >= _LIMIT or abs(self.bias_in_sd) < _SMALL
        if math.isnan(self.coverage):
            return unbiased
        from scipy.stats import binom

        known = self.table[self.table["std_error"].notna()]
        hits = int(known["covers"].sum())
        return unbiased and float(binom.cdf(hits, len(known), self.observed.level)) >= _LIMIT

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw what the placebos gave beside the real estimate."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 3))
        ax.hist(self.table["value"], bins=30, color="#56B4E9", label=f"{len(self.table)} placebo treatments")
        ax.axvline(0, linestyle="--", color="0.35", label="truth of a placebo")
        ax.axvline(self.observed.value, color="#D55E00", label="real treatment")
        ax.set(xlabel=f"estimated {self.observed.estimand}", ylabel="placebos")
        ax.legend(loc="best")
        return ax

    def __str__(self) -> str:
        """Say what was found, and what a placebo cannot see."""
        held = "" if math.isnan(self.coverage) else f", and {self.coverage:.0%} of its intervals hold 0"
        finding = (
            f"On {len(self.table)} placebo treatments ({self.scheme}) {self.observed.method or 'the estimator'} gives "
            f"{self.bias:.3g} on average ({self.bias_in_sd:+.2f} standard deviations){held}: "
        )
        verdict = "it invents no effect here. " if self.sound else (
            "it finds effects where there are none, so neither its estimate nor its interval can be taken as they "
            "are. ")  # fmt: skip
        real = f"The real estimate, {self.observed.value:.3g}, is as extreme as a placebo's with p = {self.p_value:.3g}"
        return f"{finding}{verdict}{real}. A hidden confounder passes this test: a placebo cuts its path as well."

    def _statistics(self) -> tuple[Floats, float]:
        if self.table["std_error"].notna().all() and not math.isnan(self.observed.std_error):
            drawn = (self.table["value"] / self.table["std_error"]).to_numpy()
            return drawn, self.observed.value / self.observed.std_error
        return self.table["value"].to_numpy(), self.observed.value


def placebo(
    estimator: Estimator,
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    repetitions: int = 100,
    seed: int = 0,
    scheme: str = "redraw",
    strata: int = 10,
    **options: Any,
) -> Placebo:
    r"""Deal placebo treatments and estimate their effect, which is 0.

    A placebo is drawn anew for every row by :math:`T^* \sim Bernoulli(\hat e(X))`, so it depends on the covariates as
    the treatment does and on nothing else. The estimator then runs as a whole: its propensity, surfaces and intervals
    are fitted to the placebo. Where it was given a logged propensity, that column is replaced by the placebo's own law.

    Parameters
    ----------
    estimator
        Any of `effects.*`.
    frame, treatment, outcome, covariates
        Its arguments; the treatment is 0 or 1.
    repetitions, seed
        Placebos (10 or more), and the seed they are drawn with.
    scheme
        "redraw"; "strata": the treatment is permuted among rows of like propensity (Rosenbaum 1984), which keeps the
        number treated; "shuffle": permuted among all rows, as a trial would have it (no test of the adjustment).
    strata
        Strata of the propensity for "strata".
    **options
        Go to the estimator. With `cluster` whose rows share one treatment, whole clusters are dealt.

    Raises
    ------
    ValueError
        On the bad input that the estimator refuses, of the data or of a placebo; an unknown scheme, fewer than 10
        repetitions or 2 strata, strata so many that none holds both arms, an outcome that does not vary, or an
        estimator by instrument (a placebo treatment makes any instrument weak; see `placebo_outcome`).
    """
    if scheme not in SCHEMES:
        raise ValueError(f"unknown scheme {scheme!r}; {nearest(scheme, SCHEMES)}")
    if "instrument" in options:
        raise ValueError("a placebo treatment makes any instrument weak; test the instrument by placebo_outcome")
    if strata < 2:
        raise ValueError(f"strata={strata}; give 2 or more, or scheme='shuffle'")
    problem = Problem(estimator, frame, treatment, outcome, covariates, options)
    observed, rng = problem.observed(), np.random.default_rng(seed)
    deal = _Dealer(problem, scheme, strata)
    rows = []
    for number in range(1, whole_repetitions(repetitions) + 1):
        columns = {treatment: deal.treatment(rng)}
        if (logged := options.get("propensity")) is not None:
            columns[logged] = deal.law
        try:
            found = problem.on(**columns).estimate()
        except ValueError as error:
            raise ValueError(f"placebo treatment {number} was refused where the real one was not: {error}") from error
        rows.append({"value": found.value, "std_error": found.std_error, "covers": found.covers(0.0)})
    return Placebo(observed, pd.DataFrame(rows), _SAID[scheme])


_SAID = {
    "redraw": "drawn by the estimated propensity",
    "strata": "permuted within strata of the propensity",
    "shuffle": "permuted among all rows",
}


class _Dealer:
    """Deals placebo treatments by one law, to rows or to whole clusters."""

    def __init__(self, problem: Problem, scheme: str, strata: int) -> None:
        real = problem.frame[problem.treatment].to_numpy(dtype=np.float64)
        self._scheme = scheme
        law = problem.law() if scheme != "shuffle" else np.full(len(real), real.mean())
        codes = problem.units()
        self._units = codes if codes is not None and _constant(real, codes) else np.arange(len(real))
        count = np.bincount(self._units)
        self._real = np.bincount(self._units, weights=real) / count
        self._law = np.bincount(self._units, weights=law) / count
        self._strata = np.zeros(len(count), dtype=np.int64)
        if scheme == "strata":
            edges = np.quantile(self._law, np.linspace(0, 1, strata + 1)[1:-1])
            self._strata = np.searchsorted(edges, self._law, side="right")
        if scheme != "redraw":  # a permutation's law is the share treated in each stratum
            inside = np.maximum(np.bincount(self._strata), 1)
            self._law = (np.bincount(self._strata, weights=self._real) / inside)[self._strata]
            if np.isin(self._law, (0.0, 1.0)).all():
                raise ValueError(f"strata={strata}: no stratum holds both arms, so nothing can be dealt; give fewer")

    @property
    def law(self) -> Floats:
        """(n,) P(placebo = 1), inside (0, 1)."""
        return np.clip(self._law, 1e-6, 1 - 1e-6)[self._units]

    def treatment(self, rng: np.random.Generator) -> Floats:
        """(n,) one placebo treatment, with both arms in it."""
        for _ in range(100):
            dealt = self._deal(rng)
            if 0 < dealt.sum() < len(dealt):
                return np.asarray(dealt[self._units])
        raise ValueError("100 placebo treatments in a row had a single arm; the propensities leave no choice")

    def _deal(self, rng: np.random.Generator) -> Floats:
        if self._scheme == "redraw":
            return (rng.uniform(size=len(self._law)) < self._law).astype(np.float64)
        shuffled = np.lexsort((rng.uniform(size=len(self._law)), self._strata))
        dealt = np.empty_like(self._real)
        dealt[np.argsort(self._strata, kind="stable")] = self._real[shuffled]
        return dealt


def _constant(values: Floats, codes: np.ndarray[Any, np.dtype[np.int64]]) -> bool:
    """Whether all rows of each cluster share one value."""
    count = np.bincount(codes)
    share = np.bincount(codes, weights=values) / count
    return bool(np.isin(share, (0.0, 1.0)).all())
