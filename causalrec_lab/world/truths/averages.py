r"""Weighted mean effects over the law of decisions: sums where the population is small enough, Monte Carlo where not.

Every average effect here is :math:`E[w_{ui}(Y(1) - Y(0))] / E[w_{ui}]` with

=======  ======================================  =======================================================
ATE      1
ATT      :math:`e_{ui}(z)`
ATO      :math:`\bar e (1 - \bar e)`             :math:`\bar e = E_z[e]` (Li, Morgan & Zaslavsky 2018, JASA 113)
LATE     :math:`e_{ui}(1) - e_{ui}(0)`           compliers of the lottery (Imbens & Angrist 1994, Econometrica 62)
overall  1                                       Y(1) after a treated decision, Y(0) after an untreated one
=======  ======================================  =======================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from causalrec_lab.world.law.exposure import propensity
from causalrec_lab.world.law.law import Law
from causalrec_lab.world.law.outcomes import outcome_link
from causalrec_lab.world.people.population import Floats, Ints, Pairs, stream
from causalrec_lab.world.scenarios.scenario import Exposure

__all__ = ["BLOCK", "EXACT_CELLS", "blocks", "draws", "effect_weight", "mean_effects", "summed"]

BLOCK = 1 << 16  # pairs a block: its arrays stay in the processor's cache
EXACT_CELLS = 100_000_000  # beyond this many pairs, Monte Carlo
DRAWS = 2_000_000

Codes = Callable[[Pairs], Ints]


def effect_weight(estimand: str, rule: Exposure, pairs: Pairs, z: int) -> Floats | float:
    """Weight of each pair in an average effect, given the lottery.

    Parameters
    ----------
    estimand
        "ATE", "ATT", "ATO", "LATE" or "overall".
    """
    if estimand in ("ATE", "overall"):
        return 1.0
    if estimand == "ATT":
        return propensity(rule, pairs, z)
    without, with_ticket = propensity(rule, pairs, 0), propensity(rule, pairs, 1)
    mean = 0.5 * (without + with_ticket)
    return with_ticket - without if estimand == "LATE" else mean * (1.0 - mean)


def summed(law: Law) -> bool:
    """Whether all pairs are summed in every span of time: there are few enough."""
    return law.population.n_users * law.population.n_items * len(law.spans) <= EXACT_CELLS


def mean_effects(
    law: Law, outcome: str, estimand: str = "ATE", codes: Codes | None = None, groups: int = 1
) -> tuple[Floats, Floats]:
    """Weighted mean effect of each group of pairs, and its Monte-Carlo standard error (0 where summed).

    Parameters
    ----------
    law
        The platform's.
    outcome
        A name the scenario has.
    estimand
        Which weights.
    codes, groups
        Group number of each pair, in [0, groups); one group by default.
    """
    exact = summed(law)
    moments = np.zeros((5, groups))
    for pairs, share in blocks(law) if exact else draws(law):
        above, below = _terms(law, outcome, estimand, pairs)
        above, below = share * above, np.broadcast_to(share * below, above.shape)
        products = [above, below] if exact else [above, below, above**2, above * below, below**2]
        if codes is None:
            moments[: len(products), 0] += [product.sum() for product in products]
            continue
        group = np.broadcast_to(codes(pairs), above.shape).ravel()
        for row, product in enumerate(products):
            moments[row] += np.bincount(group, weights=product.ravel(), minlength=groups)
    value, error = _ratio(moments)
    return value, np.zeros(groups) if exact else error


def blocks(law: Law) -> Iterator[tuple[Pairs, float]]:
    """All pairs in every span of the law's time, a few users at a time, and the weight of each of these pairs."""
    for span in law.spans:
        width = law.catalogue(span)
        step = max(1, BLOCK // len(width))
        weight = span.share * law.population.n_items / len(width)
        for start in range(0, law.population.n_users, step):
            yield law.block(np.arange(start, min(start + step, law.population.n_users)), span), weight


def draws(law: Law) -> Iterator[tuple[Pairs, float]]:
    """Pairs drawn in each span of the law's time, as many as its share asks for; the weight is what rounding leaves."""
    rng = stream("truth", law.seed)
    for span in law.spans:
        items = law.catalogue(span)
        rounds = max(1, round(span.share * DRAWS / BLOCK))
        size = BLOCK if len(law.spans) == 1 else max(2, round(span.share * DRAWS / rounds))
        for _ in range(rounds):
            users = rng.integers(law.population.n_users, size=size)
            chosen = items[rng.integers(len(items), size=size)]
            yield law.within(users, chosen, span), span.share * DRAWS / (rounds * size)


def _terms(law: Law, outcome: str, estimand: str, pairs: Pairs) -> tuple[Floats, Floats | float]:
    """E_z[w (Y(1) - Y(0))] and E_z[w] of each pair; one computation of the effect where exclusion holds."""
    link = outcome_link(law.funnel, outcome, pairs)
    above: Floats | float = 0.0
    below: Floats | float = 0.0
    effect: Floats | None = None
    for z in (0, 1):
        if effect is None or law.funnel.exclusion:
            if estimand == "overall":
                (y0,), (y1,) = (law.reached(pairs, link.stage, (t,), lottery=z, carried=t) for t in (0, 1))
            else:
                y0, y1 = law.reached(pairs, link.stage, (0, 1), lottery=z)
            effect = np.asarray(link.scale * (y1 - y0))
        weight = 0.5 * effect_weight(estimand, law.rule, pairs, z)
        above, below = above + weight * effect, below + weight
    return np.asarray(above), below


def _ratio(moments: Floats) -> tuple[Floats, Floats]:
    """Ratio of means a / b by group and its delta-method error where second moments were kept; nan if empty."""
    above, below, squared, crossed, weight = moments
    with np.errstate(invalid="ignore", divide="ignore"):
        value = above / below
        spread = np.sqrt(np.maximum(squared - 2 * value * crossed + value**2 * weight, 0.0)) / below
    return value, np.where(np.isnan(value), np.nan, spread)
