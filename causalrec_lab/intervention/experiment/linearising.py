"""A ratio metric as one number a unit: `linearise`."""

from __future__ import annotations

import pandas as pd

from causalrec_lab.intervention.experiment.units import read_trial

__all__ = ["linearise"]


def linearise(
    frame: pd.DataFrame, metric: str, denominator: str, arm: str = "arm", control: object = "control"
) -> pd.Series[float]:
    r"""(n,) values :math:`L_i = y_i - R_0 d_i` with the control's ratio :math:`R_0 = \sum y / \sum d`.

    Their mean is 0 in the control, and has in another arm the sign of that arm's ratio less :math:`R_0`; unlike a
    unit's own ratio :math:`y_i / d_i` it is defined at :math:`d_i = 0` and weighs units by what they did (Budylin,
    Drutsa, Katsev and Tsoy 2018). Any method for means then takes a ratio metric: cutting, learners of
    effects. For the contrast itself `analyse(denominator=...)` needs no linearising.

    Parameters
    ----------
    frame, metric, denominator, arm, control
        As in `analyse`, a row a unit.

    Raises
    ------
    ValueError
        As `analyse` does.
    """
    trial = read_trial(frame, metric, arm, control, denominator=denominator)
    base = trial.arm == 0
    assert trial.denominator is not None  # it was asked for
    ratio = trial.numerator[base].sum() / trial.denominator[base].sum()
    return pd.Series(trial.numerator - ratio * trial.denominator, index=frame.index, name=f"{metric}/{denominator}")
