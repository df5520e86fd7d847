r"""Models of the stages: :math:`P(M_k = 1 | T, M_1 … M_{k-1}, X)` for each mediator, and the outcome's mean.

A stage that no row passes without the one before it (a funnel) is fitted on the rows that reached it; elsewhere its
chance is 0. Each arm of the treatment has its own coefficients; embeddings enter both arms alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.nuisances.ridge import choose_penalty, expit, fit_linear, fit_logistic
from causalrec_lab.causal.effects.sample import Floats, Integers
from causalrec_lab.causal.mediation.sample import MediationSample

__all__ = ["FittedStage", "Stage", "fit_stage", "stages_of"]

_FREE, _BENT = 1e-3, 1.0  # ridge on straight terms, and on splines and products
_UNDERSMOOTHING = 0.3  # of the embeddings' penalty that predicts best, as in `effects.nuisance`
_WAY_OUT = (
    "what that arm would do there is not in these rows; join the stage with a neighbouring one, or take more rows"
)
_CERTAIN = 0.01  # predictions this near to 0 or 1 everywhere tell the classes apart


@dataclass(frozen=True)
class Stage:
    """One variable after the treatment.

    Parameters
    ----------
    name
        Column.
    place
        Number of mediators before it.
    target
        (n,) its values.
    at_risk
        (n,) rows that could pass it: those that passed the one before where it is nested in that.
    nested
        Whether it is 0 wherever the one before is.
    earlier
        Numbers of the mediators before it that vary among the rows at risk.
    binary
        Whether its values are 0 and 1.
    """

    name: str
    place: int
    target: Floats
    at_risk: npt.NDArray[np.bool_]
    nested: bool
    earlier: tuple[int, ...]
    binary: bool

    def states(self) -> Floats:
        """(2^place, K') values of the earlier mediators it depends on, in each state; the first one is the top bit."""
        shifts = self.place - 1 - np.array(self.earlier, dtype=np.int64)
        return ((np.arange(2**self.place)[:, None] >> shifts) & 1).astype(np.float64)


@dataclass(frozen=True)
class FittedStage:
    """Coefficients of one stage.

    Parameters
    ----------
    stage
        What it models.
    arms
        (2, m + K') coefficients of design and earlier mediators, untreated and treated.
    shared
        (d,) coefficients of the embeddings.
    penalty
        (m + K',) ridge penalties of an arm.
    """

    stage: Stage
    arms: Floats
    shared: Floats
    penalty: Floats

    def predict(self, design: Floats, embeddings: Floats) -> Floats:
        """(2, 2^place, n) mean under each treatment and each state of the mediators before it."""
        m = design.shape[1]
        base = self.arms[:, :m] @ design.T + embeddings @ self.shared
        eta = base[:, None, :] + (self.arms[:, m:] @ self.stage.states().T)[:, :, None]
        mean = expit(eta) if self.stage.binary else eta
        if self.stage.nested:
            mean[:, ::2] = 0.0  # the last mediator before it is the lowest bit
        return np.asarray(mean)


def stages_of(sample: MediationSample) -> tuple[Stage, ...]:
    """The mediators and the outcome as stages, in their order.

    Raises
    ------
    ValueError
        If rows of one arm never reached a stage, or all fared alike there: what that arm would do is not in the data.
    """
    stages = [_stage(sample, place) for place in range(len(sample.targets))]
    for stage in stages:
        for arm, word in ((0, "untreated"), (1, "treated")):
            found = stage.target[stage.at_risk & (sample.base.treatment == arm)]
            if len(found) == 0:
                raise ValueError(
                    f"stage {stage.name!r}: no {word} row reached {sample.names[stage.place]!r}; {_WAY_OUT}"
                )
            if found.min() == found.max():
                raise ValueError(
                    f"stage {stage.name!r}: all {len(found):,} {word} rows that could pass it have {found[0]:g}; "
                    f"{_WAY_OUT}"
                )
    return tuple(stages)


def _stage(sample: MediationSample, place: int) -> Stage:
    target, before = sample.targets[place], sample.targets[place - 1] if place else None
    nested = before is not None and not target[before == 0].any()
    at_risk = before == 1 if nested and before is not None else np.ones(sample.n, dtype=bool)
    varying = [j for j in range(place) if len(np.unique(sample.mediators[at_risk, j])) > 1]
    binary = bool(np.isin(target, (0.0, 1.0)).all())
    return Stage(sample.names[place + 1], place, target, np.asarray(at_risk), nested, tuple(varying), binary)


def stage_terms(sample: MediationSample, stage: Stage, design: Floats) -> Floats:
    """(n, m + K') terms of a stage at the mediators' own values."""
    return np.column_stack([design, sample.mediators[:, list(stage.earlier)]])


def fit_stage(
    sample: MediationSample, stage: Stage, design: Floats, rows: Integers, *, embeddings: Floats | None = None
) -> FittedStage:
    """Fit one stage on some rows: logistic where it is binary, least squares where not.

    Parameters
    ----------
    design
        (n, m) terms of the covariates; the constant and the covariates come first.
    rows
        Rows to learn from; those not at risk are left out.
    embeddings
        (n, d), with a ridge penalty of their own; None for none.

    Raises
    ------
    ValueError
        If the terms tell the classes apart without error (separation), or an arm has a single class among the rows.
    """
    used = rows[stage.at_risk[rows]]
    terms, arm = stage_terms(sample, stage, design)[used], sample.base.treatment[used]
    target, weights = stage.target[used], sample.base.weights[used]
    _check_arms(stage, target, arm)
    straight = np.arange(design.shape[1]) <= sample.base.covariates.shape[1]
    ridge = np.concatenate([np.where(straight, _FREE, _BENT), np.full(len(stage.earlier), _FREE)])
    columns, penalty = np.column_stack([terms * (1 - arm)[:, None], terms * arm[:, None]]), np.tile(ridge, 2)
    if embeddings is not None and embeddings.shape[1]:
        E = embeddings[used]
        strength = _UNDERSMOOTHING * choose_penalty(columns, E, target, weights)
        mean = float(weights @ target / weights.sum())
        strength *= mean * (1 - mean) if stage.binary else 1.0  # on the scale of the logistic Hessian
        columns, penalty = np.column_stack([columns, E]), np.concatenate([penalty, np.full(E.shape[1], strength)])
    p = terms.shape[1]
    beta = _fitted(stage, columns, target, weights, penalty, [0, p])
    return FittedStage(stage, beta[: 2 * p].reshape(2, p), beta[2 * p :], ridge)


def _check_arms(stage: Stage, target: Floats, arm: Floats) -> None:
    for value, word in ((0, "untreated"), (1, "treated")):
        found = target[arm == value]
        if len(found) == 0 or found.min() == found.max():
            raise ValueError(
                f"stage {stage.name!r}: a fold's {len(found):,} {word} rows at risk are all of one kind; use fewer "
                "folds, or join the stage with a neighbouring one"
            )


def _fitted(
    stage: Stage, columns: Floats, target: Floats, weights: Floats, penalty: Floats, constants: list[int]
) -> Floats:
    if not stage.binary:
        level = float(weights @ target / weights.sum())  # or the ridge on the constants would draw it towards 0
        beta = fit_linear(columns, target - level, weights, penalty)
        beta[constants] += level
        return beta
    try:
        beta = fit_logistic(columns, target, weights, penalty)
        parted = np.abs(target - expit(columns @ beta)).max() < _CERTAIN
    except ValueError:
        parted = True
    if parted:
        raise ValueError(
            f"stage {stage.name!r}: separation: the covariates tell its {len(target):,} rows that passed from those "
            "that did not without error, so its logistic model has no finite coefficients and no path can be told from "
            "another; drop the column that decides the stage (is it a later stage in disguise?)"
        )
    return beta
