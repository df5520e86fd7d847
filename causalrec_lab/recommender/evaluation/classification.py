"""How good predicted probabilities are: the usual scores, calibration, and AUC with its standard error."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate

__all__ = ["auc", "auc_difference", "calibration_table", "checked_predictions", "classification_metrics"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def classification_metrics(
    labels: Any, probabilities: Any, *, threshold: float = 0.5, bins: int = 10
) -> pd.Series[float]:
    r"""Accuracy, precision, recall, F1, AUC, Brier score and expected calibration error.

    Brier: :math:`\frac1n \sum (p_i - y_i)^2` (Brier 1950). ECE: :math:`\sum_b \frac{n_b}{n} |\bar y_b - \bar p_b|` over
    equal-width bins (Guo et al. 2017, equation 3).

    Parameters
    ----------
    labels
        (n,) 0 or 1.
    probabilities
        (n,) probability of 1, or (n, 2) of both classes.
    threshold
        From which probability on 1 is said.
    bins
        Bins of the calibration error.

    Raises
    ------
    ValueError
        If lengths differ, a label is neither 0 nor 1, or a probability lies outside [0, 1].
    """
    y, p = checked_predictions(labels, probabilities)
    said = p >= threshold
    right, positive, called = int((said & y).sum()), int(y.sum()), int(said.sum())
    precision = right / called if called else 0.0
    recall = right / positive if positive else 0.0
    table = calibration_table(y, p, bins=bins)
    return pd.Series(
        {
            "accuracy": float((said == y).mean()),
            "precision": precision,
            "recall": recall,
            "F1": 2 * precision * recall / (precision + recall) if right else 0.0,
            "AUC": auc(y, p).value if 0 < positive < len(y) else float("nan"),
            "Brier": float(((p - y) ** 2).mean()),
            "ECE": float((table["n"] * (table["predicted"] - table["observed"]).abs()).sum() / len(y)),
        },
        name="value",
    )


def calibration_table(labels: Any, probabilities: Any, *, bins: int = 10, equal: str = "width") -> pd.DataFrame:
    """What was predicted beside what happened, in bins of the prediction; empty bins are left out.

    Parameters
    ----------
    labels, probabilities
        As in `classification_metrics`.
    bins
        Number of bins.
    equal
        "width": bins of equal width; "size": bins of equally many predictions.

    Returns
    -------
    DataFrame with n, predicted (mean), observed (share), and low, high: Wilson's 95 % interval of the share (1927).

    Raises
    ------
    ValueError
        As in `classification_metrics`, or if `equal` is unknown.
    """
    y, p = checked_predictions(labels, probabilities)
    if equal not in ("width", "size"):
        raise ValueError(f"equal={equal!r} is unknown; give 'width' or 'size'")
    if equal == "width":
        place = np.minimum((p * bins).astype(int), bins - 1)
    else:
        place = np.minimum(pd.Series(p).rank(method="average").to_numpy() * bins / (len(p) + 1), bins - 1).astype(int)
    frame = pd.DataFrame({"bin": place, "p": p, "y": y.astype(float)})
    table = frame.groupby("bin").agg(n=("y", "size"), predicted=("p", "mean"), observed=("y", "mean"))
    n, share, z = table["n"], table["observed"], 1.959964
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return table.assign(low=centre - half, high=centre + half)


def auc(labels: Any, scores: Any, *, level: float = 0.95) -> Estimate:
    """Probability that a positive scores above a negative (ties half), with DeLong's standard error.

    Raises
    ------
    ValueError
        If there is only one class, or a score is NaN.
    """
    y, s = _pair(labels, scores)
    above, below = _placements(y, s)
    error = float(np.sqrt(_variance(above) + _variance(below)))
    return Estimate(
        float(above.mean()),
        error,
        estimand="AUC",
        method="DeLong et al. 1988",
        n=len(y),
        level=level,
        notes=_of_one(y),
    )


def auc_difference(labels: Any, first: Any, second: Any, *, level: float = 0.95) -> Estimate:
    """AUC of `first` minus AUC of `second` on the same rows, with DeLong's paired standard error.

    Raises
    ------
    ValueError
        If there is only one class, lengths differ, or a score is NaN.
    """
    y, a = _pair(labels, first)
    _, b = _pair(labels, second)
    (above_a, below_a), (above_b, below_b) = _placements(y, a), _placements(y, b)
    above, below = above_a - above_b, below_a - below_b
    error = float(np.sqrt(_variance(above) + _variance(below)))
    return Estimate(
        float(above.mean()),
        error,
        estimand="difference in AUC",
        method="DeLong et al. 1988, paired",
        n=len(y),
        level=level,
        notes=_of_one(y),
    )


def _placements(y: Bools, s: Floats) -> tuple[Floats, Floats]:
    """Share of negatives below each positive, and of positives above each negative (DeLong et al. 1988, equation 4)."""
    from scipy.stats import rankdata

    overall, within = rankdata(s), np.empty(len(s))
    within[y], within[~y] = rankdata(s[y]), rankdata(s[~y])
    positives, negatives = int(y.sum()), int((~y).sum())
    return (overall - within)[y] / negatives, 1 - (overall - within)[~y] / positives


def _of_one(y: Bools) -> tuple[str, ...]:
    """Why there is no standard error, where there is none."""
    few = min(int(y.sum()), int((~y).sum()))
    return ("a class with one row: its chance variation cannot be measured",) if few == 1 else ()


def _variance(placements: Floats) -> float:
    return float(placements.var(ddof=1) / len(placements)) if len(placements) > 1 else float("nan")


def _pair(labels: Any, scores: Any) -> tuple[Bools, Floats]:
    y, s = _labels(labels), np.asarray(scores, dtype=np.float64)
    s = s[:, 1] if s.ndim == 2 and s.shape[1] == 2 else s
    if s.shape != y.shape:
        raise ValueError(f"labels and scores differ in length: {y.shape} and {s.shape}")
    if (lost := np.isnan(s)).any():
        raise ValueError(
            f"scores has {int(lost.sum())} NaN of {len(s)}, first at row {int(lost.argmax())}; drop these rows with "
            "their labels, or train the model again"
        )
    if y.all() or not y.any():
        raise ValueError(f"all {len(y)} labels are {int(y[0]) if len(y) else 'absent'}; AUC needs both classes")
    return y, s


def checked_predictions(labels: Any, probabilities: Any) -> tuple[Bools, Floats]:
    """Labels as booleans and probabilities of 1, both (n,).

    Raises
    ------
    ValueError
        As in `classification_metrics`.
    """
    y, p = _labels(labels), np.asarray(probabilities, dtype=np.float64)
    if not len(y):
        raise ValueError("there are no rows; give labels and their probabilities")
    p = p[:, 1] if p.ndim == 2 and p.shape[1] == 2 else p
    if p.shape != y.shape:
        raise ValueError(f"labels and probabilities differ in length: {y.shape} and {p.shape}")
    bad = ~((p >= 0) & (p <= 1))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"probabilities has {int(bad.sum())} values outside [0, 1], first at row {row}: {p[row]}")
    return y, p


def _labels(labels: Any) -> Bools:
    y = np.asarray(labels)
    bad = ~np.isin(y, (0, 1))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"labels has {int(bad.sum())} values that are neither 0 nor 1, first at row {row}: {y[row]}")
    return y.astype(bool)
