"""Effects of a policy on a whole market: everybody treated against nobody, where decisions touch each other.

With unlimited stock and no carry-over a decision's outcome hangs on its own treatment alone, and the effect on
everybody is the mean of the effects on each. Otherwise the two part (direct and overall effects of Hudgens & Halloran
2008, "Toward Causal Inference With Interference", JASA 103):

* `direct`: one decision's own treatment, all others as the platform's own rule has them,
* `overall`: every decision treated against none.

Under limited stock both are means over whole logs drawn with common random numbers; in place of a decision's outcome
stands its mean given what happened before it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from causalrec_lab.estimate import Truth
from causalrec_lab.world.arguments import whole
from causalrec_lab.world.law.law import Law
from causalrec_lab.world.law.outcomes import check_outcome, outcome_link
from causalrec_lab.world.lists.examination import examination
from causalrec_lab.world.logging.decisions import Draw, draw_decisions
from causalrec_lab.world.people.population import Floats, stream
from causalrec_lab.world.truths.averages import mean_effects

__all__ = ["market_effect"]

_ESTIMANDS = {"direct": "ATE", "overall": "overall"}


def market_effect(
    law: Law, kind: str, outcome: str | None = None, n: int | None = None, repeats: int = 20, seed: int = 0
) -> Truth:
    """Effect on one decision ("direct") or of treating everybody ("overall").

    Parameters
    ----------
    law
        The platform's.
    kind
        "direct" or "overall".
    outcome
        One of the scenario's; its main one by default.
    n
        Decisions that share the stock; only needed under `interference`, for outcomes that hang on stock.
    repeats, seed
        Logs drawn then, and their seed.

    Raises
    ------
    ValueError
        If n is needed and not given, or there are fewer than two repeats.
    """
    outcome = check_outcome(law.funnel, outcome)
    if not law.scarce(outcome):
        value, error = mean_effects(law, outcome, _ESTIMANDS[kind])
        return Truth(float(value[0]), float(error[0]))
    if n is None:
        raise ValueError(
            f"interference={law.interference:g}: how scarce {outcome!r} is hangs on the decisions that share the "
            "stock; give n=, the length of the log in question"
        )
    n, repeats = whole("n", n), whole("repeats", repeats, least=2)  # one log has no Monte-Carlo error
    seeds = stream("markets", law.seed, seed).integers(2**31, size=repeats).tolist()
    drawn = [_one(draw_decisions(law, n, one), outcome, kind) for one in seeds]
    return Truth(float(np.mean(drawn)), float(np.std(drawn, ddof=1) / np.sqrt(repeats)))


def _one(draw: Draw, outcome: str, kind: str) -> float:
    """Mean effect in one log."""
    if kind == "direct":
        return float((_means(draw, outcome, 1) - _means(draw, outcome, 0)).mean())
    everybody, nobody = (
        replace(draw, assigned=np.full(len(draw.users), t), before=np.full(len(draw.users), t)) for t in (1, 0)
    )
    return float((_means(everybody, outcome, 1) - _means(nobody, outcome, 0)).mean())


def _means(draw: Draw, outcome: str, treated: int) -> Floats:
    """Mean outcome of each decision under a treatment, given all that happened before it."""
    law, pairs = draw.law, draw.pairs
    link = outcome_link(law.funnel, outcome, pairs)
    examined = examination(law.funnel.scenario, draw.position)
    carried = draw.carried if law.carry_over else None
    (chance,) = law.reached(pairs, link.stage, (treated,), lottery=draw.lottery, examined=examined, carried=carried)
    return np.asarray(link.offset + link.scale * chance * draw.in_stock)
