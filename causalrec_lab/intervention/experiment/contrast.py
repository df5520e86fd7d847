"""What the arms of an experiment differ by, with CUPED and the sample-ratio check."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.experiment.sample_ratio import SampleRatio, srm

__all__ = ["analyse"]

Floats = npt.NDArray[np.float64]


def analyse(
    frame: pd.DataFrame,
    metric: str,
    arm: str = "arm",
    control: object = "control",
    *,
    cuped: str | None = None,
    unit: str | None = None,
    shares: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> dict[str, Estimate]:
    r"""Difference in mean metric of every arm to the control, by Welch's error.

    CUPED subtracts what a covariate from before the experiment foretells: :math:`Y - \theta (X - \bar X)`,
    :math:`\theta = cov(Y, X)/var(X)` pooled within arms (Deng, Xu, Kohavi and Walker 2013). The covariate
    must be older than the assignment: one that treatment could touch biases the contrast.

    Parameters
    ----------
    frame
        One row a randomised unit; or, with `unit`, several, which are then averaged within the unit.
    metric
        Column of outcomes.
    arm, control
        Column of arms; the arm the others are compared with, whose name is read as text (0 and "0" are one).
    cuped
        Column measured before the experiment, or None.
    unit
        Column of the randomised unit (user_id) where it has several rows.
    shares
        Planned arm shares for the sample-ratio check; None means equal.
    level
        Confidence level.

    Returns
    -------
    Arm -> estimate of its contrast with the control.

    Raises
    ------
    ValueError
        If a column or the control is unknown, a value is missing or infinite, an arm has fewer than two units, or a
        unit stands in two arms.
    """
    control = str(control)
    _check(frame, [metric, arm, *([cuped] if cuped else []), *([unit] if unit else [])], arm, control)
    for name in (metric, *([cuped] if cuped else [])):
        _refuse_infinite(frame[name])
    table = _by_unit(frame, metric, arm, cuped, unit)
    labels = table[arm].astype(str).to_numpy()
    y = _adjusted(table, metric, arm, cuped)
    sizes = {name: int((labels == name).sum()) for name in sorted(set(labels))}
    if small := [name for name, size in sizes.items() if size < 2]:
        raise ValueError(f"arm {small[0]!r} has {sizes[small[0]]} unit; an arm needs at least 2")
    ratio = srm(sizes, None if shares is None else {str(name): share for name, share in shares.items()})
    raw, what = table[metric].to_numpy(dtype=np.float64), f"{metric}, CUPED on {cuped}" if cuped else metric
    others = [name for name in sizes if name != control]
    return {name: _contrast(labels, name, control, y, raw, what, ratio, level) for name in others}


def _contrast(
    labels: npt.NDArray[Any],
    name: str,
    control: str,
    y: Floats,
    raw: Floats,
    what: str,
    ratio: SampleRatio,
    level: float,
) -> Estimate:
    treated, base = labels == name, labels == control
    return Estimate(
        value=float(y[treated].mean() - y[base].mean()),
        std_error=_welch(y, treated, base),
        level=level,
        estimand="ATE",
        method=f"{name} - {control}, {what}",
        n=int(treated.sum() + base.sum()),
        diagnostics=_diagnostics(y, raw, treated, base) | {"srm_p": ratio.p_value},
        assumptions=(
            "units were assigned at random and at the same time",
            "one unit's arm does not touch another's outcome",
        ),
        notes=((f"warning: {ratio}",) if ratio.mismatch else ()),
    )


def _check(frame: pd.DataFrame, columns: Sequence[str], arm: str, control: str) -> None:
    for name in columns:
        if name not in frame.columns:
            close = difflib.get_close_matches(name, [str(c) for c in frame.columns], n=3, cutoff=0.4)
            raise ValueError(
                f"no column {name!r} in the experiment; {'nearest are' if close else 'it has'} "
                f"{close or list(frame.columns)}"
            )
        if frame[name].isna().any():
            row = int(np.argmax(frame[name].isna().to_numpy()))
            raise ValueError(
                f"column {name!r} has {int(frame[name].isna().sum())} missing values, first at row {row}; a metric "
                "missing in one "
                "arm more than the other breaks the randomisation: find out why before dropping rows"
            )
    arms = sorted(frame[arm].astype(str).unique())
    if control not in arms:
        raise ValueError(f"no arm {control!r} in column {arm!r}; it has {arms}: name one of them as control=")
    if len(arms) < 2:
        raise ValueError(f"column {arm!r} holds the control alone; an experiment needs another arm at the same time")


def _refuse_infinite(column: pd.Series[Any]) -> None:
    infinite = np.isinf(column.to_numpy(dtype=np.float64))
    if infinite.any():
        row = int(infinite.argmax())
        raise ValueError(
            f"column {column.name!r} has {int(infinite.sum())} infinite values, first at row {row}: "
            f"{column.iloc[row]}; a mean takes finite numbers: find out where they come from, or cap the metric"
        )


def _by_unit(frame: pd.DataFrame, metric: str, arm: str, cuped: str | None, unit: str | None) -> pd.DataFrame:
    if unit is None:
        return frame
    arms = frame.groupby(unit, sort=True)[arm].nunique()
    if (arms > 1).any():
        raise ValueError(
            f"{int((arms > 1).sum())} units stand in more than one arm, first {arms.index[arms > 1][0]!r}; drop "
            "them, and find out why"
        )
    how = {metric: "mean", arm: "first"} | ({cuped: "mean"} if cuped else {})
    return frame.groupby(unit, sort=True).agg(how).reset_index()


def _adjusted(table: pd.DataFrame, metric: str, arm: str, cuped: str | None) -> Floats:
    y = table[metric].to_numpy(dtype=np.float64)
    if cuped is None:
        return y
    x = table[cuped].to_numpy(dtype=np.float64)
    within = table.groupby(table[arm].astype(str))[[metric, cuped]].transform("mean").to_numpy(dtype=np.float64)
    spread = x - within[:, 1]
    variance = float(spread @ spread)
    if variance == 0:
        raise ValueError(f"the CUPED covariate {cuped!r} does not vary within arms; leave cuped=None")
    theta = float(spread @ (y - within[:, 0])) / variance
    return np.asarray(y - theta * (x - x.mean()))


def _welch(y: Floats, treated: npt.NDArray[np.bool_], base: npt.NDArray[np.bool_]) -> float:
    return math.sqrt(sum(float(y[rows].var(ddof=1)) / int(rows.sum()) for rows in (treated, base)))


def _diagnostics(
    y: Floats, raw: Floats, treated: npt.NDArray[np.bool_], base: npt.NDArray[np.bool_]
) -> dict[str, float]:
    plain = _welch(raw, treated, base)
    return {
        "n_treated": float(treated.sum()),
        "n_control": float(base.sum()),
        "control_mean": float(raw[base].mean()),
        "variance_left": (_welch(y, treated, base) / plain) ** 2 if plain > 0 else 1.0,
    }
