r"""SHAP for a model of a table: exact for trees and for linear models.

Attributions are Shapley values of :math:`v(S)`, the model's mean output when only the features in S are known (Lundberg
& Lee 2017, "A Unified Approach to Interpreting Model Predictions", NeurIPS; for trees in polynomial time Lundberg et
al. 2020, "From local explanations to global understanding with explainable AI for trees", Nature Machine Intelligence).
What "known" means divides two kinds (Janzing, Minorics & Blöbaum 2020, "Feature relevance quantification in explainable
AI: A causal problem", AISTATS):

* interventional: the others are drawn from a background, whatever the known ones are. A feature that the model does not
  use has 0. This is an intervention on the *model's inputs*, none on the world.
* conditional: the others follow the known ones as they do in the data. A feature that the model does not use gets
  credit for what it tells of those it uses. For trees "path dependent": the training rows of each leaf stand for them.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.explain.attributions.reading import as_fitted, linear_unit, read_table, require_draws
from causalrec_lab.explain.attributions.result import Attributions
from causalrec_lab.explain.attributions.shapley import (
    MOST_FEATURES,
    conditional_linear,
    moments_of,
    shapley_values,
)

__all__ = ["KINDS", "shap_attributions"]

Floats = npt.NDArray[np.float64]
KINDS = ("interventional", "conditional")
_BACKGROUND = 200  # rows of the background that trees are compared with
_SLACK = 1e-3  # of the outputs' spread: what rounding may leave unexplained


def shap_attributions(
    model: Any,
    frame: pd.DataFrame,
    *,
    background: pd.DataFrame | None = None,
    kind: Literal["interventional", "conditional"] = "interventional",
    resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Attributions:
    """SHAP values of a fitted scikit-learn model of one output.

    Parameters
    ----------
    model
        Fitted on columns like those of `frame`: linear (with `coef_`) or of trees.
    frame
        (n, d) numeric rows that are explained; columns are put in the order the model was fitted in, where it knows it.
    background
        Rows the interventional kind compares with; those of `frame` by default (of trees at most 200 of them).
    kind
        As above. The conditional kind of a linear model takes the inputs for Gaussian and at most 12 of them.
    resamples, level, seed
        Bootstrap over the rows, the model held fixed, for the intervals of the mean; their level; the seed.

    Returns
    -------
    Attributions whose table has feature, attribution (change of the output as the feature rises by one standard
    deviation, the least-squares slope of its SHAP values), low, high, importance (mean |SHAP|) and its interval, the
    most important first; of a single row the SHAP values themselves, without intervals. A classifier's output is what
    its trees add up: the probability of class 1 of a forest, the log-odds of a boosted or a logistic model (shap's
    values of a boosted model's probability are those of the log-odds rescaled, no Shapley values of the probability). A
    linear model with a link is explained before it.

    Raises
    ------
    TypeError
        If the model is neither linear nor of trees.
    ValueError
        If the kind is unknown, there are no rows, a value is missing, infinite or no number, the columns are not the
        model's, a classifier has more than two classes, or resamples or level is out of range.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is unknown; give one of {', '.join(KINDS)}")
    require_draws("shap_attributions", resamples, level)
    frame = read_table(model, frame, "frame")
    if len(getattr(model, "classes_", (0, 1))) != 2:
        raise ValueError(f"the model tells {len(model.classes_)} classes apart; explain one outcome of 0 and 1")
    if background is None and len(frame) == 1 and (kind == "interventional" or hasattr(model, "coef_")):
        raise ValueError("one row compared with itself has nothing to explain; give background=, rows to compare with")
    beside = frame if background is None else read_table(model, background, "background", list(frame.columns))
    explain = _linear if hasattr(model, "coef_") else _trees
    values, baseline, output, unit, how = explain(model, frame, beside, kind, seed)
    gap = output - baseline - values.sum(axis=1)
    table = _summary(values, frame, resamples, level, seed)
    worst = float(gap[np.argmax(np.abs(gap))])
    notes: tuple[str, ...] = (
        "explains the model: what it reads, not what would follow if the feature were changed in the world",
        f"intervals: bootstrap of {len(frame):,} rows, the model held fixed"
        if len(frame) > 1
        else "one row: its SHAP values as they are, and no interval",
    )
    if abs(worst) > _SLACK * float(np.std(output)):
        notes += (f"warning: the values miss completeness by {worst:.2g} at the worst row; take another kind or model",)
    mean = float(np.mean(output))
    return Attributions(table, how, mean, float(np.mean(baseline)), unit, True, worst, values, frame, notes)


def slopes_of(values: Floats, frame: pd.DataFrame) -> Floats:
    """(d,) change of the output as each feature rises by one standard deviation, from its SHAP values."""
    data = frame.to_numpy(dtype=np.float64)
    centred = data - data.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    return np.asarray((centred * values).mean(axis=0) / np.where(spread > 0, spread, 1.0))


def _summary(values: Floats, frame: pd.DataFrame, resamples: int, level: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = len(frame)
    slopes = slopes_of(values, frame) if n > 1 else values[0]
    sizes, resamples = np.abs(values).mean(axis=0), resamples if n > 1 else 0
    drawn = [rng.integers(n, size=n) for _ in range(resamples)]
    ends = [(1 - level) / 2, (1 + level) / 2]
    spread = np.array([(slopes_of(values[at], frame.iloc[at]), np.abs(values[at]).mean(axis=0)) for at in drawn])
    band = np.quantile(spread, ends, axis=0) if resamples else np.full((2, 2, len(sizes)), np.nan)
    table = pd.DataFrame(
        {
            "feature": frame.columns,
            "attribution": slopes,
            "low": band[0, 0],
            "high": band[1, 0],
            "importance": sizes,
            "importance_low": band[0, 1],
            "importance_high": band[1, 1],
        }
    )
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _linear(
    model: Any, frame: pd.DataFrame, background: pd.DataFrame, kind: str, _seed: int
) -> tuple[Floats, Floats, Floats, str, str]:
    """Values, baseline and output of a linear model, its unit and how."""
    slopes = np.ravel(np.asarray(model.coef_, dtype=np.float64))
    if len(slopes) != frame.shape[1]:
        raise ValueError(f"the model has {len(slopes)} coefficients and the table {frame.shape[1]} columns")
    intercept = float(np.ravel(model.intercept_)[0])
    rows = frame.to_numpy(dtype=np.float64)
    unit = linear_unit(model, frame, rows @ slopes + intercept)
    if kind == "conditional":
        mean, covariance = moments_of(background)
        if len(slopes) > MOST_FEATURES:
            raise ValueError(f"the conditional kind enumerates coalitions of at most {MOST_FEATURES} features")
        values, baseline = shapley_values(conditional_linear(slopes, intercept, rows, mean, covariance), len(slopes))
        return values, baseline, rows @ slopes + intercept, unit, "SHAP, conditional (Gaussian inputs), linear model"
    import shap

    masker: Any = shap.maskers
    explainer = shap.LinearExplainer((slopes, intercept), masker.Independent(background, len(background)))
    values = np.asarray(explainer.shap_values(frame), dtype=np.float64)
    baseline = np.full(len(rows), float(explainer.expected_value))
    return values, baseline, rows @ slopes + intercept, unit, "SHAP, interventional, linear model"


def _trees(
    model: Any, frame: pd.DataFrame, background: pd.DataFrame, kind: str, seed: int
) -> tuple[Floats, Floats, Floats, str, str]:
    """As `_linear`, for a model of trees."""
    import shap

    classifier, rows = hasattr(model, "classes_"), as_fitted(model, frame)
    some = background.sample(min(_BACKGROUND, len(background)), random_state=seed)
    beside = some if kind == "interventional" else None
    perturbation: Any = "interventional" if beside is not None else "tree_path_dependent"
    try:
        explainer = shap.TreeExplainer(model, beside, feature_perturbation=perturbation, model_output="raw")
    except Exception as error:  # shap has an error class of its own for what it cannot read
        raise TypeError(f"{type(model).__name__} is neither linear (no coef_) nor of trees: {error}") from error
    values = _of_class_one(np.asarray(explainer.shap_values(frame, check_additivity=False), dtype=np.float64))
    base = np.broadcast_to(np.ravel(explainer.expected_value)[-1], len(frame))
    if classifier and _tells_probabilities(model):
        output, unit = np.asarray(model.predict_proba(rows)[:, 1], dtype=np.float64), "probability"
    elif classifier:
        output, unit = np.ravel(model.decision_function(rows)).astype(np.float64), "log-odds"
    else:
        output, unit = np.asarray(model.predict(rows), dtype=np.float64), "output"
    said = "interventional" if beside is not None else "conditional (path dependent)"
    return values, base, output, unit, f"SHAP, {said}, trees"


def _of_class_one(values: Floats) -> Floats:
    """(n, d); forests tell both classes, along a third axis."""
    return values[..., 1] if values.ndim == 3 else values


def _tells_probabilities(model: Any) -> bool:
    """Whether the raw output of its trees is a probability: no boosting."""
    return not hasattr(model, "decision_function")
