"""What a model of a table is given, as the model reads it: its columns, in its order, all of them finite numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["as_fitted", "linear_unit", "read_table", "require_draws"]


def read_table(model: Any, frame: pd.DataFrame, called: str, columns: Sequence[Any] | None = None) -> pd.DataFrame:
    """The columns a model was fitted to, in its order.

    Coefficients know no names and the code that reads trees knows no bounds: a table in another order would be
    explained wrongly, one with fewer columns read beyond its end.

    Parameters
    ----------
    model
        Fitted.
    frame, called
        Rows, and what the argument is called.
    columns
        Columns to be read, where they are known already.

    Raises
    ------
    ValueError
        If there are no rows, the columns are not the model's, or a value is missing, infinite or no number.
    """
    known = columns if columns is not None else list(getattr(model, "feature_names_in_", frame.columns))
    lacking = [name for name in known if name not in frame]
    strange = [name for name in frame.columns if name not in known] if columns is None else []
    if lacking or strange:
        said = f"lacks {lacking}" if lacking else f"has {strange}, which the model does not read"
        raise ValueError(f"{called} {said}; the model was fitted to {list(known)}")
    count = int(getattr(model, "n_features_in_", len(known)))
    if count != len(known):
        raise ValueError(f"{called} has {len(known)} columns and the model was fitted to {count}")
    table = frame[list(known)]
    if texts := [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]:
        held = table[texts[0]].dtype
        raise ValueError(f"{called} column {texts[0]!r} is no number but {held}; encode it as the model's")
    gaps = int(table.isna().sum().sum())
    if table.empty or gaps:
        raise ValueError(f"{called} has {len(table)} rows and {gaps} missing values; give rows without missing values")
    endless = [name for name in table if not np.isfinite(table[name].to_numpy(dtype=np.float64)).all()]
    if endless:
        raise ValueError(f"{called} column {endless[0]!r} holds an infinite value; give finite numbers")
    return table


def require_draws(asked: str, resamples: Any, level: float) -> None:
    """Raise where draws are no whole number of at least 0, or a level is not in (0, 1)."""
    if isinstance(resamples, bool) or not isinstance(resamples, int | np.integer) or resamples < 0:
        raise ValueError(f"{asked}(resamples={resamples!r}): give a whole number, 0 for no interval")
    if not 0 < level < 1:
        raise ValueError(f"{asked}(level={level!r}): give a level in (0, 1), such as 0.95")


def as_fitted(model: Any, frame: pd.DataFrame) -> Any:
    """The table, or its values where the model was fitted to an array and would complain of names."""
    return frame if hasattr(model, "feature_names_in_") else frame.to_numpy(dtype=np.float64)


def linear_unit(model: Any, frame: pd.DataFrame, score: npt.NDArray[np.float64]) -> str:
    """Unit of the sum that a linear model makes: its output, or what its link or its threshold is applied to."""
    rows = as_fitted(model, frame)
    if not hasattr(model, "classes_"):
        same = not hasattr(model, "predict") or np.allclose(model.predict(rows), score)
        return "output" if same else "linear predictor, before the link"
    if hasattr(model, "predict_proba"):
        chance = np.asarray(model.predict_proba(rows)[:, 1], dtype=np.float64)
        if np.allclose(chance, 1.0 / (1.0 + np.exp(-np.clip(score, -500, 500)))):
            return "log-odds"
    return "decision score"
