"""Attributions of the same model fitted again to resampled rows: how far its reading is a matter of the sample."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.explain.attributions.result import Attributions
from causalrec_lab.explain.attributions.tabular import shap_attributions

__all__ = ["refitted_attributions"]


def refitted_attributions(
    model: Any,
    frame: pd.DataFrame,
    outcome: pd.Series[Any] | npt.NDArray[Any],
    *,
    repeats: int = 20,
    explained: int = 300,
    kind: Literal["interventional", "conditional"] = "interventional",
    seed: int = 0,
) -> list[Attributions]:
    """SHAP of the model fitted to bootstrap samples of its rows, for the interval of `against_effects`.

    (Efron 1979, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7.)

    Parameters
    ----------
    model
        A scikit-learn model; it is cloned and stays as it is.
    frame, outcome
        The rows it was fitted to.
    repeats, seed
        Fits, and their seed.
    explained, kind
        Rows of each sample that are explained, and how, as in `shap_attributions`.

    Raises
    ------
    ValueError
        If fewer than two repeats are asked for, or frame and outcome have different lengths.
    """
    from sklearn.base import clone

    asked: Any = repeats
    if not isinstance(asked, int | np.integer) or repeats < 2:
        raise ValueError(f"refitted_attributions(repeats={repeats}): an interval needs at least 2; 20 show its size")
    if len(frame) != len(outcome):
        raise ValueError(
            f"frame has {len(frame)} rows and outcome {len(outcome)}; give the rows the model was fitted to"
        )
    rng = np.random.default_rng(seed)
    found, known = [], np.asarray(outcome)
    for _ in range(repeats):
        rows = rng.integers(len(frame), size=len(frame))
        again = clone(model).fit(frame.iloc[rows], known[rows])
        some = frame.iloc[rows[: min(explained, len(rows))]].reset_index(drop=True)
        found.append(shap_attributions(again, some, kind=kind, resamples=0, seed=seed))
    return found
