"""The uplift curves as first drawn, from counts in the two arms of an experiment; what other packages report."""

from __future__ import annotations

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.sample import read_sample
from causalrec_lab.intervention.uplift.ranking import Ranking
from causalrec_lab.intervention.uplift.reading import Score, score_of

__all__ = ["counts"]


def counts(frame: pd.DataFrame, treatment: str, outcome: str, score: Score) -> pd.DataFrame:
    r"""Qini and uplift curves from cumulative counts, at the end of every tie.

    With :math:`N_t, N_c` the rows and :math:`R_t, R_c` the summed outcomes of the two arms among those ranked so far,

    .. math:: \mathrm{qini} = R_t - R_c N_t / N_c, \qquad \mathrm{uplift} = (R_t / N_t - R_c / N_c)(N_t + N_c)

    The first is Radcliffe's (2007, "Using control groups to target on predicted lift"), the second that of Gutierrez
    and Gérardy (2017, "Causal Inference and Uplift Modelling"). For a randomised treatment alone; where an arm is still
    empty both are 0. `curve` estimates the second, a row of the table and with intervals.

    Returns
    -------
    DataFrame with columns rows, treated, control, qini, uplift; from no row to all.

    Raises
    ------
    ValueError
        If a column is unknown, the treatment has one level, or a score or an outcome is missing.
    """
    sample = read_sample(frame, treatment, outcome, [])
    values = score_of(frame, score)
    ranking = Ranking.of(np.asarray(values, dtype=np.float64), np.ones(sample.n))
    y = frame[outcome].to_numpy(dtype=np.float64)

    def until(values: np.ndarray) -> np.ndarray:
        return np.append(0.0, np.cumsum(values[ranking.order])[ranking.ends])

    n_t, r_t = until(sample.treatment), until(sample.treatment * y)
    n_c, r_c = until(1 - sample.treatment), until((1 - sample.treatment) * y)
    both = (n_t > 0) & (n_c > 0)
    mean = np.divide(r_c, n_c, out=np.zeros(len(r_c)), where=both)
    gap = np.divide(r_t, n_t, out=np.zeros(len(r_t)), where=both) - mean
    return pd.DataFrame(
        {"rows": n_t + n_c, "treated": n_t, "control": n_c, "qini": n_t * gap, "uplift": (n_t + n_c) * gap}
    )
