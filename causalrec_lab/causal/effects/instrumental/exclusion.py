"""How much of a direct effect of the instrument an estimate survives: no data can tell, so it is assumed and varied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.instrumental.anderson_rubin import anderson_rubin
from causalrec_lab.causal.effects.instrumental.reading import read_instruments
from causalrec_lab.causal.effects.instrumental.reduced_form import ReducedForm, reduced_form
from causalrec_lab.causal.effects.nuisances.ridge import one_thread

__all__ = ["exclusion_sensitivity"]


@one_thread()
def exclusion_sensitivity(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    instrument: str,
    direct: Sequence[float],
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""Intervals of the LATE if the instrument also reaches the outcome by itself, by at most `direct`.

    With :math:`Y = \beta T + \gamma Z + X'\delta + u` and :math:`|\gamma| \le d`, the union over :math:`\gamma` of the
    Anderson-Rubin sets of :math:`Y - \gamma Z` (Conley, Hansen and Rossi 2012, union of confidence intervals, here of
    sets that also hold where the instrument is weak). It covers if the bound on :math:`\gamma` is right.

    Parameters
    ----------
    frame, treatment, outcome, covariates, cluster, weights, level
        As in `iv`.
    instrument
        One column.
    direct
        Largest direct effects d of one unit of the instrument, in units of the outcome, each >= 0.

    Returns
    -------
    DataFrame indexed by direct with columns low, high (infinite where no bound is left) and excludes_zero. The direct
    effect that alone explains the whole reduced form is in `attrs["explains_all"]`.

    Raises
    ------
    ValueError
        If a direct effect is negative or not finite, several instruments are given, or on what `iv` refuses.
    """
    if not np.isfinite(direct).all():
        raise ValueError(
            f"direct={tuple(direct)}: the size of a direct effect must be finite; without a bound none is left"
        )
    if any(not d >= 0 for d in direct):
        raise ValueError(f"direct={tuple(direct)}: the size of a direct effect is >= 0; both signs are tried")
    read = read_instruments(
        frame, treatment, outcome, covariates, instrument,
        embeddings=None, cluster=cluster, weights=weights, groups=None, propensity=None, folds=5, seed=0,
    )  # fmt: skip
    if len(read.names) != 1:
        raise ValueError(f"{len(read.names)} instruments, each with a direct effect of its own; give one at a time")
    form = reduced_form(read)
    rows = [_united(form, float(d), level) for d in direct]
    table = pd.DataFrame(rows, index=pd.Index(direct, name="direct"), columns=["low", "high"])
    table["excludes_zero"] = (table["low"] > 0) | (table["high"] < 0)
    table.attrs["explains_all"] = abs(float(form.outcome[0]))
    return table


def _united(form: ReducedForm, direct: float, level: float) -> tuple[float, float]:
    """Hull of the union: the sets move steadily with the direct effect, so its two extremes bound them all."""
    sets = [anderson_rubin(replace(form, outcome=form.outcome + shift), level) for shift in (-direct, direct)]
    ends = np.array([region.hull for region in sets])
    return float(ends[:, 0].min()), float(ends[:, 1].max())
