r"""Effects along the stages of the funnel: natural direct and indirect effects, by summation.

Given a pair, its season and its lottery, stages are independent logits, each passed only after the one before. So the
mean outcome with the stages up to the mediator under treatment t' and the later ones under t is again a product,

.. math:: E[Y(t, M(t'))] = A + B \prod_{s \le m} \sigma(\eta_s(t')) \prod_{s > m} \sigma(\eta_s(t))

and natural effects are exact (Pearl 2001, "Direct and Indirect Effects", UAI, sections 3.2 and 3.3), under the coupling
in which a stage's uniform does not change with the treatment of another stage.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd

from causalrec_lab.world.averages import mean_effects
from causalrec_lab.world.law import Law

__all__ = ["path_effects"]


def path_effects(law: Law, outcome: str | None = None, mediator: str | None = None) -> pd.DataFrame:
    """Effects of being shown through the stages of the funnel.

    Parameters
    ----------
    law
        The platform's.
    outcome
        One of the scenario's; its main one by default.
    mediator
        Stage before the one the outcome hangs on; the first stage by default.

    Returns
    -------
    DataFrame with columns value, std_error, indexed by

    * "through STAGE" for every stage up to the outcome's: what the treatment adds by acting on that stage, the stages
      before it treated and the later ones not; they sum to the total,
    * "NDE": E[Y(1, M(0)) - Y(0, M(0))], all that does not pass through the mediator,
    * "NIE": E[Y(0, M(1)) - Y(0, M(0))], all that does,
    * "interaction": total - NDE - NIE,
    * "total": the ATE.

    Raises
    ------
    ValueError
        If the outcome or the mediator is unknown, or the mediator does not come before the outcome's stage.
    """
    outcome = law.closed_form(outcome)
    stages = law.funnel.names[: law.funnel.names.index(law.stage_of(outcome)) + 1]
    chosen = stages[0] if mediator is None else mediator
    if chosen not in stages[:-1]:
        near = difflib.get_close_matches(str(chosen), stages[:-1], n=1) or stages[:-1]
        raise ValueError(
            f"mediator={chosen!r} is no stage before {outcome!r}; "
            + (f"did you mean {' or '.join(map(repr, near))}?" if near else "no stage comes before it")
        )
    upto = stages[: stages.index(chosen) + 1]
    steps = [_effect(law, outcome, stages[: k + 1]) for k in range(len(stages))]
    rows = {f"through {name}": step for name, step in zip(stages, np.diff(steps, axis=0, prepend=0.0), strict=True)}
    total, indirect = steps[-1], steps[len(upto) - 1]
    direct = _effect(law, outcome, stages[len(upto) :])
    rows |= {"NDE": direct, "NIE": indirect, "interaction": total - direct - indirect, "total": total}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "std_error"])


def _effect(law: Law, outcome: str, treated: Collection[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Effect of treating only some stages, and its error."""
    stages = tuple(s if s.name in treated else replace(s, treatment=0.0) for s in law.funnel.stages)
    value, error = mean_effects(replace(law, funnel=replace(law.funnel, stages=stages)), outcome)
    return np.array([value[0], error[0]])
