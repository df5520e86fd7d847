"""What arms differ by: means, ratios and quantiles, adjusted, absolute or relative, once or at any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import as_list
from causalrec_lab.causal.effects.sample import Embeddings
from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.experiment.adjusting import covariates_of, cuped_means, regression_means
from causalrec_lab.intervention.experiment.arm_means import ArmMeans, from_influence, linearised_values, quantile_values
from causalrec_lab.intervention.experiment.balance import unbalanced
from causalrec_lab.intervention.experiment.early import steady_means
from causalrec_lab.intervention.experiment.laws import Law
from causalrec_lab.intervention.experiment.lifts import Lift, lift, welch_law
from causalrec_lab.intervention.experiment.sample_ratio import SampleRatio, srm
from causalrec_lab.intervention.experiment.sequences import sequential_law
from causalrec_lab.intervention.experiment.units import Floats, Trial, read_trial

__all__ = ["ASSUMPTIONS", "analyse"]

ASSUMPTIONS = (
    "units were assigned at random and at the same time",
    "one unit's arm does not touch another's outcome",
)
FEW_EVENTS, FEW_CLUSTERS = 10, 10  # of an arm, below which a reader must know
HEAVY = 0.2  # share of an arm's variance in one unit's hands, above which a reader must know


def analyse(
    frame: pd.DataFrame,
    metric: str,
    arm: str = "arm",
    control: object = "control",
    *,
    denominator: str | None = None,
    quantile: float | None = None,
    cuped: str | Sequence[str] | None = None,
    covariates: Sequence[str] = (),
    embeddings: Embeddings | None = None,
    unit: str | None = None,
    cluster: str | None = None,
    winsorise: float | None = None,
    lift: str = "difference",
    sequential: str | None = None,
    horizon: int | None = None,
    effect_scale: float | None = None,
    shares: Mapping[str, float] | None = None,
    level: float = 0.95,
    folds: int = 5,
    seed: int = 0,
) -> dict[str, Estimate]:
    r"""Contrast of every arm with the control: of means, ratios or quantiles, by Welch's interval.

    CUPED subtracts what covariates from before the experiment foretell: :math:`Y - \theta'(X - \bar X)`,
    :math:`\theta` pooled within arms (Deng, Xu, Kohavi and Walker 2013). `covariates` and `embeddings` adjust by a
    regression in each arm instead (Lin 2013, HC2). Either way they must be older than the assignment: one that
    treatment could touch biases the contrast; one that differs between arms beyond chance is said.

    Parameters
    ----------
    frame
        One row a randomised unit; or, with `unit`, several, which are then averaged within the unit.
    metric
        Column of outcomes.
    arm, control
        Column of arms; the arm the others are compared with, whose name is read as text (0 and "0" are one).
    denominator
        Column the metric is divided by, sum over sum (clicks over views), by the delta method (Deng, Knoblich and Lu
        2018). With `unit`, both are summed within the unit.
    quantile
        Compare this quantile of the metric instead of its mean (0.5: the median).
    cuped
        One column or several, measured before the experiment.
    covariates, embeddings
        Columns, and (n, d) array or several (texts, histories), for regression adjustment; embeddings enter as one
        cross-fitted ridge reading of the outcome.
    unit
        Column of the randomised unit (user_id) where it has several rows.
    cluster
        Column of what was randomised as a whole (a shop, a week): rows keep their weight, errors are the clusters'.
    winsorise
        Quantile of the metric, over all arms, above which values are cut: the estimand is then the cut metric's.
    lift
        "difference"; or the relative lift by "fieller", "delta", or "log" (delta method on the log of the ratio).
    sequential
        None: the interval holds for one look at a time fixed beforehand. "asymptotic" or "mixture": at all looks
        together (`monitor` says more). "exact": for a metric of 0 and 1, without any limit theorem.
    horizon, effect_scale
        What a sequential interval is tuned to, and must not come from these data: units in both arms at which
        "asymptotic" is tightest; the size of effects expected, for "mixture".
    shares
        Planned arm shares for the sample-ratio check; None means equal.
    level
        Confidence level.
    folds, seed
        Of the cross-fitted reading of embeddings.

    Returns
    -------
    Arm -> estimate of its contrast with the control; `diagnostics` has p_value, both means and the variance left.

    Raises
    ------
    ValueError
        If a column or the control is unknown, a value is missing or infinite, an arm has fewer than two units or
        clusters, a unit stands in two arms, a denominator is 0 throughout an arm, or options contradict each other.
    """
    before = as_list(cuped)
    asked = _Asked(metric, denominator, quantile, tuple(before), tuple(as_list(covariates)), embeddings is not None)
    asked.check()
    if sequential == "exact" and lift != "difference":
        raise ValueError(f"sequential='exact' gives a difference, no relative lift by {lift!r}; take 'asymptotic'")
    trial = read_trial(
        frame, metric, arm, control,
        denominator=denominator, unit=unit, cluster=cluster, numeric=before, kept=asked.covariates, winsorise=winsorise,
    )  # fmt: skip
    raw = linearised_values(trial) if quantile is None else quantile_values(trial, quantile)
    plain = from_influence(trial.arm, raw, len(trial.arms), trial.cluster, trial.denominator)
    found, X = plain, np.empty((len(raw), 0))
    if before:
        found = cuped_means(trial, raw, before)
        X = trial.table[before].to_numpy(dtype=np.float64)
    elif asked.regression:
        X = covariates_of(trial, raw, asked.covariates, embeddings, folds, seed)
        found = regression_means(trial, raw, X)
    if sequential in ("asymptotic", "mixture"):
        found = steady_means(found)
    ratio = srm(trial.sizes, None if shares is None else {str(name): share for name, share in shares.items()})
    results = {}
    for k, name in enumerate(trial.arms[1:], start=1):
        law = sequential_law(sequential, plain, found, k, trial, horizon, effect_scale, level)
        law = law or welch_law(found, k, level)
        said = unbalanced(trial, X, asked.names(X), k)
        results[name] = _estimate(trial, plain, found, k, law, asked, lift, ratio, level, said)
    return results


@dataclass(frozen=True)
class _Asked:
    """What was asked for, in words."""

    metric: str
    denominator: str | None
    quantile: float | None
    cuped: tuple[str, ...]
    covariates: tuple[str, ...]
    text: bool

    @property
    def regression(self) -> bool:
        """Whether covariates or texts are adjusted for by regression."""
        return bool(self.covariates) or self.text

    def names(self, X: Floats) -> list[str]:
        """What to call each of the covariates' columns; indicators of a category by the columns they came from."""
        given = [*self.cuped, *self.covariates, *(["embeddings"] if self.text else [])]
        return given if len(given) == X.shape[1] else [" and ".join(given)] * X.shape[1]

    def check(self) -> None:
        """Refuse ways of analysis that exclude each other."""
        if self.cuped and self.regression:
            raise ValueError(
                "cuped= is regression adjustment with one slope for all arms: name the columns in one of them"
            )
        if self.quantile is not None and (self.denominator or self.cuped or self.regression):
            raise ValueError("quantile= stands alone: no denominator=, cuped=, covariates= or embeddings= beside it")

    def __str__(self) -> str:
        what = self.metric + (f" / {self.denominator}" if self.denominator else "")
        what = f"{self.quantile:g}-quantile of {what}" if self.quantile is not None else what
        names = [*self.covariates, *(["embeddings"] if self.text else [])]
        if self.cuped:
            return f"{what}, CUPED on {', '.join(self.cuped)}"
        return f"{what}, regression on {', '.join(names)} in each arm" if names else what


def _estimate(
    trial: Trial, plain: ArmMeans, found: ArmMeans, k: int, law: Law, asked: _Asked, kind: str,
    ratio: SampleRatio, level: float, said: tuple[str, ...],
) -> Estimate:  # fmt: skip
    name, control = trial.arms[k], trial.arms[0]
    value = lift(found, k, law, kind)
    relative = "" if kind == "difference" else f", relative by {kind}"
    were = "unit was" if trial.capped == 1 else "units were"
    cut = (f"{trial.capped} {were} cut at the quantile: the effect is on the cut metric",) if trial.capped else ()
    return Estimate(
        value=value.value,
        std_error=value.std_error,
        interval=value.interval,
        level=level,
        estimand="ATE" if asked.quantile is None else "quantile effect",
        method=f"{name} - {control}, {asked}{relative}{', clustered' if trial.cluster is not None else ''}{law.words}",
        n=int(np.isin(trial.arm, (0, k)).sum()),
        diagnostics=_diagnostics(trial, plain, found, k, value) | {"srm_p": ratio.p_value},
        assumptions=ASSUMPTIONS,
        notes=(
            *((f"warning: {ratio}",) if ratio.mismatch else ()),
            *said,
            *_heavy(trial, found, k),
            *cut,
            *filter(None, [value.note]),
        ),
    )


def _diagnostics(trial: Trial, plain: ArmMeans, found: ArmMeans, k: int, value: Lift) -> dict[str, float]:
    own, before = (part.covariance[[0, k], [0, k]].sum() - 2 * part.covariance[0, k] for part in (found, plain))
    sizes = np.bincount(trial.arm)
    clusters = {} if trial.cluster is None else {"clusters": float(sum(trial.sizes[trial.arms[j]] for j in (0, k)))}
    return {
        "n_treated": float(sizes[k]),
        "n_control": float(sizes[0]),
        "control_mean": float(plain.means[0]),
        "treated_mean": float(plain.means[k]),
        "variance_left": float(own / before) if before > 0 else 1.0,
        "p_value": value.p_value,
        "largest_share": float(max(found.largest[0], found.largest[k])),
    } | clusters


def _heavy(trial: Trial, found: ArmMeans, k: int) -> tuple[str, ...]:
    """Whether the normal law is a poor guide: a unit with the variance, an event too few, clusters too few."""
    pair, sizes = {j: trial.arms[j] for j in (0, k)}, trial.sizes
    if trial.cluster is not None:
        few = [name for name in pair.values() if sizes[name] < FEW_CLUSTERS]
        return tuple(
            f"warning: fewer than {FEW_CLUSTERS} clusters in arm {name!r}; the interval may be too short"
            for name in few
        )
    if trial.denominator is None and bool(np.isin(trial.numerator, (0.0, 1.0)).all()):
        ones = np.bincount(trial.arm, weights=trial.numerator)
        rarer = {j: int(min(ones[j], sizes[name] - ones[j])) for j, name in pair.items()}
        return tuple(
            f"warning: only {rarer[j]} events in arm {name!r}; below about {FEW_EVENTS} the interval is a poor guide"
            for j, name in pair.items()
            if rarer[j] < FEW_EVENTS
        )
    return tuple(
        f"warning: one unit carries {found.largest[j]:.0%} of the variance in arm {name!r}, so the normal law is a "
        "poor guide: look at it, and cut the metric with winsorise= if it is real"
        for j, name in pair.items()
        if found.largest[j] > HEAVY and sizes[name] > 5 / HEAVY
    )
