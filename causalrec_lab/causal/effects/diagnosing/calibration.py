"""Whether propensities and surfaces say what happens: calibration, discrimination, explained variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.diagnostics import auc, checked_propensity, r_squared
from causalrec_lab.causal.effects.nuisances.cross_fitting import cross_fit
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats, read_sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["calibration_line", "calibration_plot", "nuisance_quality"]

_Z = 1.959964  # two-sided 95 %


def calibration_line(target: Floats, prediction: Floats, weights: Floats | None = None) -> tuple[float, float]:
    """Intercept and slope of the target on its prediction: 0 and 1 where predictions mean what they say.

    A slope below 1 is overconfident (Mincer and Zarnowitz 1969); nan where predictions do not vary.
    """
    w = np.ones_like(prediction) if weights is None else weights
    centre = np.average(prediction, weights=w)
    spread = float(w @ (prediction - centre) ** 2)
    if not spread > 1e-12 * float(w.sum()):
        return float("nan"), float("nan")
    slope = float(w @ ((prediction - centre) * target)) / spread
    return float(np.average(target, weights=w) - slope * centre), slope


@one_thread()
def nuisance_quality(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    weights: str | None = None,
    groups: str | Sequence[str] | None = None,
    nuisance: str = "spline",
    folds: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """How good the nuisances behind an estimate are, out of fold.

    Parameters
    ----------
    frame, treatment, outcome, covariates, embeddings, weights, groups, nuisance, folds, seed
        As in `aipw`.

    Returns
    -------
    DataFrame with one row each for the propensity and the outcome surfaces of untreated and treated rows; columns auc
    (nan unless the target is 0 or 1), r2, intercept and slope (`calibration_line`), n.

    Raises
    ------
    ValueError
        On the bad input that `aipw` refuses.
    """
    sample = read_sample(
        frame, treatment, outcome, covariates, embeddings=embeddings, weights=weights, groups=groups
    )  # fmt: skip
    fitted = cross_fit(sample, nuisance=nuisance, folds=folds, seed=seed, clip=0.0)
    everyone, t = np.ones(sample.n, dtype=bool), sample.treated
    rows = {}
    for name, target, prediction, inside in (
        ("propensity", sample.treatment, fitted.propensity, everyone),
        ("outcome, untreated", sample.outcome, fitted.control, ~t),
        ("outcome, treated", sample.outcome, fitted.treated, t),
    ):
        y, p, w = target[inside], prediction[inside], sample.weights[inside]
        intercept, slope = calibration_line(y, p, w)
        discrimination = auc(y, p) if np.isin(y, (0.0, 1.0)).all() else float("nan")
        rows[name] = {
            "auc": discrimination, "r2": r_squared(y, p, w), "intercept": intercept, "slope": slope, "n": len(y)
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("nuisance")


def calibration_plot(
    frame: pd.DataFrame, treatment: str, propensity: Floats, ax: Axes | None = None, *, bins: int = 10
) -> Axes:
    """Draw the share treated against the propensity, by bins of as many rows each, with 95 % intervals (Wilson 1927).

    Raises
    ------
    ValueError
        If the treatment is not 0 or 1, the propensity has another length or leaves (0, 1), or there is no bin.
    """
    if bins < 1:
        raise ValueError(f"bins={bins}; give 1 or more")
    sample = read_sample(frame, treatment, treatment, [])
    propensity = checked_propensity(propensity, sample.n)
    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=(4.2, 3.8))
    parts = np.array_split(np.argsort(propensity, kind="stable"), min(bins, sample.n))
    said = np.array([propensity[rows].mean() for rows in parts])
    seen = np.array([sample.treatment[rows].mean() for rows in parts])
    count = np.array([len(rows) for rows in parts])
    middle = (seen + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * np.sqrt(seen * (1 - seen) / count + _Z**2 / (4 * count**2))
    ax.plot([0, 1], [0, 1], linestyle="--", color="0.35", label="says what happens")
    ax.errorbar(
        said,
        seen,
        yerr=np.maximum([seen - middle + half, middle + half - seen], 0),
        fmt="o",
        capsize=3,
        label="rows by propensity",
    )
    ax.set(xlabel="propensity", ylabel="share treated", xlim=(0, 1), ylim=(0, 1))
    ax.legend(loc="best")
    return ax
