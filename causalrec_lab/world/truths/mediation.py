r"""Effects along the stages of the funnel: natural direct and indirect effects, by summation.

Given a pair, its season and its lottery, stages are independent logits, each passed only after the one before. So the
mean outcome with the stages up to the mediator under treatment t' and the later ones under t is again a product,

.. math:: E[Y(t, M(t'))] = A + B \prod_{s \le m} \sigma(\eta_s(t')) \prod_{s > m} \sigma(\eta_s(t))

and natural effects are exact (Pearl 2001, "Direct and Indirect Effects", UAI, sections 3.2 and 3.3), under the coupling
in which a stage's uniform does not change with the treatment of another stage.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from causalrec_lab.world.law.law import Law
from causalrec_lab.world.law.outcomes import Funnel, outcome_link
from causalrec_lab.world.people.population import Floats, Pairs
from causalrec_lab.world.scenarios.scenario import Stage
from causalrec_lab.world.truths.averages import blocks, draws, summed

__all__ = ["path_effects"]

CERTAIN = 700.0  # a logit whose chance is 1 to the last digit


def path_effects(law: Law, outcome: str | None = None, mediator: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Effects of being shown through the stages of the funnel.

    Parameters
    ----------
    law
        The platform's.
    outcome
        One of the scenario's; its main one by default.
    mediator
        Stage before the one the outcome hangs on, with all stages before it; the first stage by default. Several, in
        the order of the funnel, are the mediators of an analysis that has no column of the others: what the treatment
        adds by a stage left out counts for the next one that is listed.

    Returns
    -------
    DataFrame with columns value, std_error, indexed by

    * "through STAGE" for every stage up to the outcome's: what the treatment adds by acting on that stage, the stages
      before it treated and the later ones not; they sum to the total,
    * "NDE": E[Y(1, M(0)) - Y(0, M(0))], all that does not pass through the (last) mediator,
    * "NIE": E[Y(0, M(1)) - Y(0, M(0))], all that does (the pure indirect effect),
    * "interaction": total - NDE - NIE,
    * "TIE": E[Y(1, M(1)) - Y(1, M(0))], the total indirect effect, total - NDE,
    * "CDE": E[Y(1, m) - Y(0, m)] with every stage up to the mediator set to be passed,
    * "total": the ATE,
    * "proportion mediated": TIE / total; nan where there is no total effect.

    The error is 0 where pairs are summed; elsewhere that of the contrast itself, all its terms from the same draws.

    Raises
    ------
    ValueError
        If the outcome or a mediator is unknown, a mediator does not come before the outcome's stage, or several are not
        in the order of the funnel.
    """
    outcome = law.closed_form(outcome)
    stages = law.funnel.names[: law.funnel.names.index(law.stage_of(outcome)) + 1]
    steps, last = _steps(stages, mediator, outcome)
    value, covariance = _means(law, outcome, _funnels(law, stages, steps, last))
    names, contrasts = _contrasts([*steps, stages[-1]], steps.index(last) + 1)
    rows = {
        name: (float(c @ value), math.sqrt(max(float(c @ covariance @ c), 0.0)))
        for name, c in zip(names, contrasts, strict=True)
    }
    indirect, total = (contrasts[names.index(name)] for name in ("TIE", "total"))
    rows["proportion mediated"] = _ratio(indirect, total, value, covariance)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "std_error"])


def _steps(stages: tuple[str, ...], mediator: str | Sequence[str] | None, outcome: str) -> tuple[list[str], str]:
    """Stages before the outcome's whose effects are told apart, and the last one of the block of mediators."""
    if isinstance(mediator, (list, tuple)):
        steps = chosen = [str(name) for name in mediator]
    else:
        chosen, steps = [stages[0] if mediator is None else str(mediator)], list(stages[:-1])
    for name in chosen:
        if name not in stages[:-1]:
            near = difflib.get_close_matches(name, stages[:-1], n=1) or stages[:-1]
            raise ValueError(
                f"mediator={name!r} is no stage before {outcome!r}; "
                + (f"did you mean {' or '.join(map(repr, near))}?" if near else "no stage comes before it")
            )
    if not chosen or chosen != [name for name in stages if name in chosen]:
        raise ValueError(f"mediator={mediator!r}: give stages in the order of the funnel, {', '.join(stages[:-1])}")
    return steps, chosen[-1]


def _funnels(law: Law, stages: tuple[str, ...], steps: list[str], last: str) -> list[tuple[Funnel, float | None]]:
    """Funnels whose last means are contrasted, and the chance of examination where it is not the law's own.

    Treated are: nobody, the stages up to each step, everybody, only those after the block; then, the block set to be
    passed, nobody and everybody.
    """
    block = set(stages[: stages.index(last) + 1])
    treated = [set(), *(set(stages[: stages.index(step) + 1]) for step in steps), set(stages), set(stages) - block]
    funnel = law.funnel

    def only(names: set[str]) -> tuple[Stage, ...]:
        return tuple(s if s.name in names else replace(s, treatment=0.0) for s in funnel.stages)

    def passed(mix: tuple[Stage, ...]) -> tuple[Stage, ...]:
        return tuple(Stage(s.name, CERTAIN) if s.name in block else s for s in mix)

    mixes: list[tuple[tuple[Stage, ...], float | None]] = [(only(names), None) for names in treated]
    mixes += [(passed(only(names)), 1.0) for names in (set(), set(stages))]
    return [(replace(funnel, stages=mix), examined) for mix, examined in mixes]


def _contrasts(steps: list[str], block: int) -> tuple[list[str], Floats]:
    """Names of effects, and their weights on the means of `_funnels`; the block ends at step number `block`."""
    k = len(steps)
    unit = np.eye(k + 4)
    nobody, everybody, after, idle, active = unit[0], unit[k], unit[k + 1], unit[k + 2], unit[k + 3]
    rows = {f"through {name}": unit[j + 1] - unit[j] for j, name in enumerate(steps)}
    rows |= {"NDE": after - nobody, "NIE": unit[block] - nobody}
    rows |= {"interaction": everybody - after - unit[block] + nobody, "TIE": everybody - after}
    rows |= {"CDE": active - idle, "total": everybody - nobody}
    return list(rows), np.array(list(rows.values()))


def _means(law: Law, outcome: str, funnels: list[tuple[Funnel, float | None]]) -> tuple[Floats, Floats]:
    """Mean outcome of each funnel, and the Monte-Carlo covariance of these means (0 where pairs are summed)."""
    k, exact = len(funnels), summed(law)
    first, second = np.zeros(k + 1), np.zeros((k + 1, k + 1))
    for pairs, share in blocks(law) if exact else draws(law):
        terms = [_outcomes(replace(law, funnel=funnel), outcome, pairs, examined) for funnel, examined in funnels]
        if exact:
            first += share * np.array([*(term.sum() for term in terms), terms[0].size])
            continue
        rows = share * np.stack([*terms, np.ones_like(terms[0])])
        first += rows.sum(axis=1)
        second += rows @ rows.T
    means = first / first[-1]
    centred = np.eye(k + 1) - np.outer(means, np.eye(k + 1)[-1])  # a mean's error is that of its terms less the mean
    return means[:k], (centred @ second @ centred.T)[:k, :k] / first[-1] ** 2


def _outcomes(law: Law, outcome: str, pairs: Pairs, examined: float | None) -> Floats:
    """Mean outcome of each pair, every stage treated as far as the funnel lets it be."""
    link = outcome_link(law.funnel, outcome, pairs)
    lotteries = (0, 1) if law.funnel.exclusion else (0,)
    chances = [law.reached(pairs, link.stage, (1,), lottery=z, examined=examined)[0] for z in lotteries]
    return np.asarray(link.scale * np.mean(chances, axis=0))


def _ratio(above: Floats, below: Floats, means: Floats, covariance: Floats) -> tuple[float, float]:
    """Ratio of two contrasts and its error by the delta method."""
    bottom = float(below @ means)
    if bottom == 0.0:
        return float("nan"), float("nan")
    value = float(above @ means) / bottom
    slope = (above - value * below) / bottom
    return value, math.sqrt(max(float(slope @ covariance @ slope), 0.0))
