"""Outcomes that were not observed for all: weighting by the chance to be observed, and Lee's bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.columns import covariate_matrix, numbers
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, cross_fit
from causalrec_lab.causal.effects.sample import Embeddings, nearest, read_sample
from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.experiment.arm_means import ArmMeans, from_influence
from causalrec_lab.intervention.experiment.contrast import ASSUMPTIONS
from causalrec_lab.intervention.experiment.lifts import lift, welch_law
from causalrec_lab.intervention.experiment.units import Floats, check_columns

__all__ = ["attrition", "lee_bounds"]

FEW = 20  # missing outcomes of an arm below which nothing can be learned about who is missing


def attrition(
    frame: pd.DataFrame,
    metric: str,
    covariates: Sequence[str],
    arm: str = "arm",
    control: object = "control",
    *,
    embeddings: Embeddings | None = None,
    nuisance: str = "spline",
    clip: float = 0.02,
    level: float = 0.95,
    folds: int = 5,
    seed: int = 0,
) -> dict[str, Estimate]:
    r"""Contrasts of all who were assigned, where some outcomes are missing (nan).

    .. math:: \hat\mu_a = \frac1{n_a} \sum_{i \in a} \hat m_a(X_i) + \frac{R_i}{\hat p_a(X_i)} (Y_i - \hat m_a(X_i))

    with R whether Y was observed, :math:`p_a(X)` its chance in that arm and :math:`m_a` the outcome's regression, both
    cross-fitted: weighting by the inverse probability of observation, right too where only the regression is (Robins,
    Rotnitzky and Zhao 1994).

    Parameters
    ----------
    frame
        One row an assigned unit, also those whose `metric` is missing.
    metric, arm, control, level
        As in `analyse`.
    covariates, embeddings
        What is known of every unit and tells who goes missing, from before the assignment.
    nuisance, folds, seed
        Kind of both models ("spline", "linear" or "boosted"); cross-fitting.
    clip
        Least chance to be observed that is believed.

    Returns
    -------
    Arm -> estimate; its diagnostics have the shares observed and the contrast of those observed.

    Raises
    ------
    ValueError
        On bad columns, an arm with nobody observed, or no covariates at all.
    """
    arms = _arms(frame, metric, arm, control)
    if not covariates and embeddings is None:
        raise ValueError(
            "attrition: give covariates= or embeddings=, what tells who goes missing; else see lee_bounds()"
        )
    if nuisance not in NUISANCES:
        raise ValueError(f"unknown nuisance {nuisance!r}; {nearest(nuisance, NUISANCES)}")
    codes = np.asarray(pd.Index(arms).get_indexer(pd.Index(frame[arm].astype(str))), dtype=np.int64)
    y = numbers(frame, metric)
    seen, values = np.isfinite(y), np.empty(len(y))
    X = covariate_matrix(frame, covariates)[0]
    blocks = [] if embeddings is None else [embeddings] if isinstance(embeddings, np.ndarray) else list(embeddings)
    notes: list[str] = []
    for k, name in enumerate(arms):
        rows = codes == k
        values[rows], said = _completed(
            y[rows], X[rows], [block[rows] for block in blocks], name, nuisance, clip, folds, seed
        )
        notes += said
    found, observed = from_influence(codes, values, len(arms), None), _observed(codes, y, seen, len(arms))
    return {
        name: _estimate(found, observed, k, arms, metric, codes, seen, level, tuple(notes))
        for k, name in enumerate(arms[1:], start=1)
    }


def lee_bounds(
    frame: pd.DataFrame,
    metric: str,
    arm: str = "arm",
    control: object = "control",
    *,
    level: float = 0.95,
) -> dict[str, Estimate]:
    r"""Bounds on the effect among those who would be observed in either arm (Lee 2009).

    The arm with more observed has a share :math:`q = 1 - p_{low}/p_{high}` too many. Dropping its highest, then its
    lowest, outcomes gives the least and the largest effect that the data allow, if the arm moves observation one way
    only (monotonicity).

    Parameters
    ----------
    frame, metric, arm, control, level
        As in `attrition`; no covariates are used.

    Returns
    -------
    Arm -> estimate: `value` the middle of the bounds, `interval` that of Imbens and Manski (2004) for the effect,
    diagnostics lower, upper and trimmed; there is no standard error, since the bounds are not a point.

    Raises
    ------
    ValueError
        On bad columns, or an arm with fewer than two outcomes observed.
    """
    arms = _arms(frame, metric, arm, control)
    labels, y = frame[arm].astype(str).to_numpy(), numbers(frame, metric)
    base = y[labels == arms[0]]
    return {name: _lee(y[labels == name], base, f"{name} - {arms[0]}, {metric}", level) for name in arms[1:]}


def _arms(frame: pd.DataFrame, metric: str, arm: str, control: object) -> tuple[str, ...]:
    if metric not in frame.columns:
        raise ValueError(f"no column {metric!r} in the experiment; {nearest(metric, [str(c) for c in frame.columns])}")
    arms = check_columns(frame, [arm], arm, control, whole=[])
    if (endless := np.isinf(numbers(frame, metric))).any():
        raise ValueError(
            f"column {metric!r} is infinite in row {int(np.argmax(endless))}; a missing outcome is nan, no other is "
            "beyond all numbers"
        )
    seen = np.isfinite(numbers(frame, metric))
    for name in arms:
        if (n := int(seen[(frame[arm].astype(str) == name).to_numpy()].sum())) < 2:
            raise ValueError(f"arm {name!r} has {n} outcomes observed; an arm needs at least 2")
    return arms


def _completed(
    y: Floats, X: Floats, blocks: list[Floats], name: str, nuisance: str, clip: float, folds: int, seed: int
) -> tuple[Floats, list[str]]:
    seen = np.isfinite(y)
    missing, mean = int((~seen).sum()), float(y[seen].mean())
    if missing < FEW:
        said = (
            [f"only {missing} outcomes are missing in arm {name!r}: its mean is that of the observed"]
            if missing
            else []
        )
        return np.where(seen, mean + (y - mean) * len(y) / seen.sum(), mean), said
    binary = bool(np.isin(y[seen], (0.0, 1.0)).all())
    shift = 0.0 if binary else mean
    table = pd.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])])
    table = table.assign(seen=seen.astype(np.int64), y=np.where(seen, y - shift, 0.0))
    sample = read_sample(table, "seen", "y", [c for c in table.columns if c[0] == "x"], embeddings=blocks or None)
    centre = float((table["y"] - sample.outcome).iloc[0]) + shift  # the sample takes the mean off
    found = cross_fit(sample, nuisance=nuisance, folds=folds, seed=seed, clip=1e-4)
    chance = np.maximum(found.propensity, clip)
    said = []
    if (share := float((found.propensity < clip).mean())) > 0.01:
        said.append(
            f"warning: {share:.0%} of arm {name!r} had almost no chance to be observed; they rest on the regression"
        )
    fitted = found.treated + centre
    return np.asarray(fitted + np.where(seen, (np.where(seen, y, 0.0) - fitted) / chance, 0.0)), said


def _observed(codes: npt.NDArray[Any], y: Floats, seen: npt.NDArray[Any], arms: int) -> Floats:
    return np.asarray(
        np.bincount(codes[seen], weights=y[seen], minlength=arms) / np.bincount(codes[seen], minlength=arms)
    )


def _estimate(
    found: ArmMeans, observed: Floats, k: int, arms: tuple[str, ...], metric: str,
    codes: npt.NDArray[Any], seen: npt.NDArray[Any], level: float, notes: tuple[str, ...],
) -> Estimate:  # fmt: skip
    value = lift(found, k, welch_law(found, k, level))
    shares = [float(seen[codes == j].mean()) for j in (k, 0)]
    return Estimate(
        value=value.value, std_error=value.std_error, interval=value.interval, level=level, estimand="ATE",
        method=f"{arms[k]} - {arms[0]}, {metric}, weighted by the chance to be observed, cross-fitted",
        n=int(np.isin(codes, (0, k)).sum()),
        diagnostics={
            "observed_treated": shares[0], "observed_control": shares[1],
            "contrast_of_observed": float(observed[k] - observed[0]), "p_value": value.p_value,
        },
        assumptions=(*ASSUMPTIONS, "given the covariates, who is missing in an arm is unrelated to the outcome"),
        notes=notes,
    )  # fmt: skip


def _lee(y: Floats, base: Floats, words: str, level: float) -> Estimate:
    shares = [float(np.isfinite(part).mean()) for part in (y, base)]
    sign = 1.0 if shares[0] >= shares[1] else -1.0
    many, few = (y, base) if sign > 0 else (base, y)
    rates = max(shares), min(shares)
    full, other = many[np.isfinite(many)], few[np.isfinite(few)]
    keep = rates[1] / rates[0]
    spread = keep**2 * ((1 - rates[1]) / (rates[1] * len(few)) + (1 - rates[0]) / (rates[0] * len(many)))
    ends = []
    for values in (np.sort(full), np.sort(full)[::-1]):
        mean, variance = _trimmed(values, keep, spread)
        ends.append((sign * (mean - other.mean()), math.sqrt(variance + other.var(ddof=1) / len(other))))
    (low, low_error), (high, high_error) = sorted(ends)
    c = _imbens_manski(high - low, max(low_error, high_error), level)
    return Estimate(
        value=(low + high) / 2, std_error=math.nan, interval=(low - c * low_error, high + c * high_error),
        level=level, estimand="ATE of the always observed", method=f"{words}, Lee bounds", n=len(y) + len(base),
        diagnostics={
            "lower": low, "upper": high, "lower_error": low_error, "upper_error": high_error,
            "trimmed": 1 - keep, "observed_treated": shares[0], "observed_control": shares[1],
        },
        assumptions=(*ASSUMPTIONS, "the arm moves being observed in one direction only"),
        notes=("bounds, not a point: the value is their middle and has no standard error",),
    )  # fmt: skip


def _trimmed(ordered: Floats, keep: float, spread: float) -> tuple[float, float]:
    """Mean of the first share `keep` of ordered values, and its variance, that of the share included (Lee 2009)."""
    weight = np.clip(keep * len(ordered) - np.arange(len(ordered)), 0.0, 1.0)
    total = float(weight.sum())
    mean = float(weight @ ordered) / total
    edge = float(ordered[min(int(np.ceil(total)) - 1, len(ordered) - 1)])
    within = float(weight @ (ordered - mean) ** 2) / total
    variance = (within + (1 - keep) * (edge - mean) ** 2) / total + ((edge - mean) / keep) ** 2 * spread
    return mean, variance


def _imbens_manski(width: float, error: float, level: float) -> float:
    law = NormalDist()
    if error == 0:
        return law.inv_cdf(level)
    low, high = law.inv_cdf(level), law.inv_cdf((1 + level) / 2)
    for _ in range(60):
        middle = (low + high) / 2
        held = law.cdf(middle + width / error) - law.cdf(-middle) >= level
        low, high = (low, middle) if held else (middle, high)
    return high
