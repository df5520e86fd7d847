"""The front-door effect: through observed mediators, past a common cause of treatment and outcome nobody observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import with_column
from causalrec_lab.causal.effects.diagnostics import auc, check_overlap, overlap_diagnostics, overlap_notes, r_squared
from causalrec_lab.causal.effects.inference import SUTVA, ratio, report
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, clipped, design_matrix, predict
from causalrec_lab.causal.effects.nuisances.folds import splits
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats, Sample, nearest, read_sample
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["front_door"]

ASSUMPTIONS = (
    "the mediators carry the whole effect (else this is the part of it that they carry)",
    "no unmeasured common cause of treatment and mediators given the covariates",
    "no unmeasured common cause of mediators and outcome given treatment and covariates",
    "every value of the mediators can follow either treatment",
    SUTVA,
)
FEW = 10  # a number with at most this many values is read as a category
FAR = 100.0  # one row counting more than this often is said


@dataclass(frozen=True)
class Fitted:
    """Out-of-fold nuisances, each (n,) unless said otherwise.

    Parameters
    ----------
    propensity
        P(T = 1 | W).
    after
        P(T = 1 | M, W): the treatment as the mediators betray it.
    surfaces
        (n, 2) E[Y | M, T = t, W], a column a t.
    onward
        (n, 2, 2) E[E[Y | M, T = t, W] | T = s, W], axes row, s, t.
    """

    propensity: Floats
    after: Floats
    surfaces: Floats
    onward: Floats


@one_thread()
def front_door(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    mediators: str | Sequence[str],
    covariates: Sequence[str] = (),
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
    groups: str | Sequence[str] | None = None,
    nuisance: str = "spline",
    clip: float = 0.01,
    graph: CausalGraph | None = None,
) -> Estimate:
    r"""Average effect of a 0/1 treatment by the front door, within strata of covariates where there are any.

    With mediators M, covariates W, :math:`\pi_s = P(T = s \mid W)` and :math:`\mu(m, t, w) = E[Y \mid m, t, w]`,
    :math:`\hat\tau = \hat\psi_1 - \hat\psi_0`, where :math:`\psi_s = E[Y(s)]` is the mean of

    .. math:: \frac{p(M \mid s, W)}{p(M \mid T, W)} (Y - \mu(M, T, W))
        + \frac{1\{T = s\}}{\pi_s} (\xi(M, W) - E[\xi \mid s, W]) + E[\mu(M, t, W) \mid s, W]_{t = T}

    and :math:`\xi(m, w) = \sum_t \pi_t\, \mu(m, t, w)`: the efficient influence function of Fulcher, Shpitser, Marealle
    and Tchetgen Tchetgen (2020, "Robust inference on population indirect causal effects: the generalized front door
    criterion", JRSS-B). Cross-fitted, its error is that of the mean. If the treatment also acts beside the mediators,
    the value is their part of the effect: E[Y(T, M(1))] - E[Y(T, M(0))].

    No density of the mediators is modelled, so they may be discrete, continuous, several, or a mix: the ratio follows
    by Bayes from P(T | M, W) and P(T | W), the means over M from regressions on W in each arm (as Guo, Benkeser and
    Nabi 2023, "Flexible Nonparametric Inference for Causal Effects under the Front-Door Model", do).

    Parameters
    ----------
    frame, treatment, outcome, cluster, weights, level, seed, folds, groups, nuisance
        As in `aipw`.
    mediators
        Columns that carry the effect. Text, and numbers with at most ten values, are categories; other numbers enter
        as `nuisance` has it.
    covariates, embeddings
        What is fixed before treatment: common causes of treatment, mediators and outcome.
    clip
        P(T = 1 | W) and P(T = 1 | M, W) are held inside [clip, 1 - clip].
    graph
        What is believed about the world: a covariate (no mediator) that is an effect of the treatment is refused.

    Raises
    ------
    ValueError
        On the bad input that `aipw` refuses, without mediators, or with one that is also a covariate.
    """
    through = [mediators] if isinstance(mediators, str) else list(mediators)
    _check(through, treatment, outcome, covariates, nuisance)
    read = partial(read_sample, embeddings=embeddings, cluster=cluster, weights=weights, groups=groups)
    before = read(frame, treatment, outcome, covariates, graph=graph)
    both = read(_categories(frame, through), treatment, outcome, [*through, *covariates])
    fitted = _fitted(before, both, nuisance, folds, seed, clip)
    check_overlap(before, fitted.propensity)
    value, influence = ratio(before.weights * _difference(before, fitted), before.weights)
    found = _diagnostics(before, fitted)
    return report(
        before, value, influence,
        level=level, estimand="ATE", method=f"front door, {nuisance}, {folds}-fold cross-fitted",
        diagnostics=found, notes=_notes(found), assumptions=ASSUMPTIONS,
    )  # fmt: skip


def _check(mediators: Sequence[str], treatment: str, outcome: str, covariates: Sequence[str], nuisance: str) -> None:
    if not mediators:
        raise ValueError("front_door needs mediators: the columns that the whole effect passes through")
    if twice := [m for m in mediators if m in (treatment, outcome, *covariates)]:
        raise ValueError(f"mediator {twice[0]!r} is also treatment, outcome or covariate; a column has one role here")
    if nuisance not in NUISANCES:
        raise ValueError(f"unknown nuisance {nuisance!r}; {nearest(nuisance, NUISANCES)}")


def _categories(frame: pd.DataFrame, mediators: Sequence[str]) -> pd.DataFrame:
    """The table with mediators of three to ten values as text, so that each value has a mean of its own."""
    few = [
        name
        for name in mediators
        if name in frame.columns and frame[name].notna().all() and 2 < frame[name].nunique() <= FEW
    ]
    for name in few:
        frame = with_column(frame, name, frame[name].astype(str))
    return frame


def _fitted(before: Sample, both: Sample, nuisance: str, folds: int, seed: int, clip: float) -> Fitted:
    """Every model of a fold learns from its training rows alone, the means over the mediators too."""
    narrow, wide = (design_matrix(sample.covariates, nuisance) for sample in (before, both))
    e, after, surfaces, onward = (np.empty((before.n, *shape)) for shape in ((), (), (2,), (2, 2)))
    everyone = np.arange(before.n)
    ask = partial(predict, nuisance=nuisance, seed=seed)
    for train, test in splits(before.n, folds, before.groups, before.treatment, seed):
        e[test] = ask(before, narrow, train, test, "propensity")[0]
        after[test] = ask(both, wide, train, test, "propensity")[0]
        seen = np.column_stack(ask(both, wide, train, everyone, "outcome"))
        surfaces[test] = seen[test]
        for t in (0, 1):
            means = replace(before, outcome=seen[:, t])
            onward[test, :, t] = np.column_stack(ask(means, narrow, train, test, "outcome"))
    return Fitted(clipped(e, clip), clipped(after, clip), surfaces, onward)


def _difference(sample: Sample, fitted: Fitted) -> Floats:
    """(n,) terms whose mean is E[Y(1)] - E[Y(0)]."""
    return _terms(sample, fitted, 1) - _terms(sample, fitted, 0)


def _terms(sample: Sample, fitted: Fitted, s: int) -> Floats:
    shares = np.column_stack([1 - fitted.propensity, fitted.propensity])
    arm, rows = sample.treatment.astype(np.int64), np.arange(sample.n)
    residual = sample.outcome - fitted.surfaces[rows, arm]
    mixed = (shares * fitted.surfaces).sum(1)
    expected = (shares * fitted.onward[:, s]).sum(1)
    inside = np.where(arm == s, (mixed - expected) / shares[:, s], 0.0)
    return np.asarray(_density_ratio(sample, fitted, s) * residual + inside + fitted.onward[rows, s, arm])


def _density_ratio(sample: Sample, fitted: Fitted, s: int) -> Floats:
    r"""(n,) p(M | s, W) / p(M | T, W): 1 in the arm itself, elsewhere Bayes' rule."""
    odds = [p / (1 - p) if s else (1 - p) / p for p in (fitted.after, fitted.propensity)]
    return np.where(sample.treatment == s, 1.0, odds[0] / odds[1])


def _diagnostics(sample: Sample, fitted: Fitted) -> dict[str, float]:
    found = overlap_diagnostics(sample, fitted.propensity, "ATE")
    own = np.where(sample.treated, fitted.surfaces[:, 1], fitted.surfaces[:, 0])
    largest = max(float(_density_ratio(sample, fitted, s).max()) for s in (0, 1))
    return found | {
        "outcome_r2": r_squared(sample.outcome, own, sample.weights),
        "mediator_auc": auc(sample.treatment, fitted.after),
        "max_density_ratio": largest,
    }


def _notes(found: dict[str, float]) -> tuple[str, ...]:
    said = [note for note in overlap_notes(found, "ATE") if "after weighting" not in note]
    if found["max_density_ratio"] > FAR:
        said.append(
            f"warning: the mediators nearly tell the treatment: one row counts {found['max_density_ratio']:.0f} times "
            "for the other arm; what its mediators do there is extrapolated"
        )
    return tuple(said)
