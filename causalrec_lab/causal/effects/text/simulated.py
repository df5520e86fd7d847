"""A known effect laid over real texts: treatment and outcome are simulated, what the texts say is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import Floats, nearest
from causalrec_lab.causal.effects.nuisances.ridge import expit
from causalrec_lab.estimate import Truth

__all__ = ["SemiSynthetic", "semi_synthetic"]


@dataclass(frozen=True, eq=False)
class SemiSynthetic:
    """A table with simulated treatment and outcome, and its truth.

    Parameters
    ----------
    frame
        The rows given, with columns treated and outcome.
    ate, att
        Effects in these rows, exact: the ATT weighs rows by their chance of treatment.
    propensity
        (n,) true P(treated = 1), for the oracle.
    """

    frame: pd.DataFrame
    ate: Truth
    att: Truth
    propensity: Floats


def semi_synthetic(
    frame: pd.DataFrame,
    confounder: str,
    *,
    effect: float = 0.6,
    confounding: float = 1.0,
    strength: float = 1.5,
    base: float = -0.3,
    seed: int = 0,
) -> SemiSynthetic:
    r"""Simulate a treatment and an outcome that both follow what a text is about.

    .. math:: P(T = 1) = \sigma(\gamma z), \qquad P(Y = 1) = \sigma(b + \delta z + \tau T)

    with z the confounder on the scale of its standard deviation. Real texts, a real relation of text to confounder, and
    an effect that is known: the design of Veitch, Sridhar and Blei (2020, section 5). Estimators are given the text and
    not the confounder, so the naive difference is biased by the confounder and the text can mend it as far as it tells
    of it.

    Parameters
    ----------
    frame
        Rows with a text and what it is about (reviews with their rating).
    confounder
        Numeric column, hidden from the estimators.
    effect, confounding, strength, base
        :math:`\tau, \gamma, \delta, b`, in log odds.
    seed
        Of treatment and outcome.

    Raises
    ------
    ValueError
        If the column is unknown, no number, has missing values or does not vary, is called treated or outcome (which
        are written anew), or if a log odds is not finite.
    """
    if confounder in ("treated", "outcome"):
        raise ValueError(f"confounder={confounder!r}: that column is written anew; rename it first")
    for name, value in (("effect", effect), ("confounding", confounding), ("strength", strength), ("base", base)):
        if not np.isfinite(value):
            raise ValueError(f"semi_synthetic({name}={value}): give finite log odds")
    z = _standard(frame, confounder)
    rng = np.random.default_rng(seed)
    propensity = expit(confounding * z)
    control, treated = expit(base + strength * z), expit(base + strength * z + effect)
    t = rng.random(len(z)) < propensity
    y = rng.random(len(z)) < np.where(t, treated, control)
    made = frame.assign(treated=t.astype(np.int64), outcome=y.astype(np.int64))
    gain = treated - control
    return SemiSynthetic(
        made, Truth(float(gain.mean())), Truth(float(np.average(gain, weights=propensity))), propensity
    )


def _standard(frame: pd.DataFrame, name: str) -> Floats:
    if name not in frame.columns:
        raise ValueError(f"no column {name!r} in the table; {nearest(name, list(frame.columns))}")
    if not pd.api.types.is_numeric_dtype(frame[name]) or frame[name].isna().any():
        raise ValueError(f"column {name!r} must hold a number in every row; it is {frame[name].dtype}")
    values = frame[name].to_numpy(dtype=np.float64)
    if not (np.isfinite(values).all() and np.ptp(values) > 0):
        raise ValueError(f"column {name!r} must be finite and vary; a constant confounds nothing")
    return np.asarray((values - values.mean()) / values.std())
