"""Whom a budget of places goes to, by a score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["shown_by"]


def shown_by(frame: pd.DataFrame, score: npt.ArrayLike, k: int, *, by: str = "user_id") -> npt.NDArray[np.bool_]:
    """Rows that get one of each user's k places: those of the highest score, ties in the order of the rows.

    Parameters
    ----------
    frame
        Candidates, one row each.
    score
        (n,) what they are ranked by: a predicted purchase, an effect, an effect less its cost.
    k
        Places a user.
    by
        Column of those whose places they are.

    Returns
    -------
    (n,) True where shown.

    Raises
    ------
    ValueError
        If there is no such column, k is not positive, or a score is missing or not finite.
    """
    values = np.asarray(score, dtype=np.float64)
    if by not in frame:
        raise ValueError(f"shown_by: no column {by!r} in the candidates; they have {list(frame)}")
    if k != int(k) or k < 1:
        raise ValueError(f"shown_by(k={k!r}): give a whole number of places, at least 1")
    if values.shape != (len(frame),) or not np.isfinite(values).all():
        raise ValueError(f"shown_by: scores have shape {values.shape} for {len(frame):,} rows, or are not all finite")
    order = np.argsort(-values, kind="stable")
    place = np.empty(len(frame), dtype=np.int64)
    place[order] = frame[by].iloc[order].groupby(frame[by].to_numpy()[order]).cumcount().to_numpy()
    return np.asarray(place < k)
