"""What a touch does to the structural model: it adds to the logits of some stages, and to that of the return."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from causalrec_lab.world.law.outcomes import Funnel
from causalrec_lab.world.people.population import Floats, Ints, Pairs
from causalrec_lab.world.scenarios.equations import Touch

__all__ = ["TOUCH_COST", "touched", "turned"]

TOUCH_COST = "touch_cost"  # what touches cost: a column of experiments, and a reward truth knows the mean of


def touched(funnel: Funnel, pairs: Pairs, touch: Ints | int) -> Pairs:
    """Pairs with what goes beside each item; the pairs themselves where nothing does.

    Parameters
    ----------
    touch
        Number in the scenario, one for all or one a pair; 0 is nothing.
    """
    shifts: dict[str, Floats] = {}
    for number, one in enumerate(funnel.touches, start=1):
        here = np.asarray(touch) == number
        if not here.any():
            continue
        tau = here * _tau(one, pairs)
        for name, weight in ({funnel.scenario.retention.name: one.retention} | dict(one.stages)).items():
            if weight:
                shifts[name] = shifts.get(name, 0.0) + weight * tau
    return pairs.touched(shifts) if shifts else pairs


def turned(touches: tuple[Touch, ...], effect: float) -> tuple[Touch, ...]:
    """Touches with the dial `effect` turned: everything they do is multiplied."""
    return tuple(
        replace(one, stages={name: effect * v for name, v in one.stages.items()}, retention=effect * one.retention)
        for one in touches
    )


def _tau(touch: Touch, pairs: Pairs) -> Floats:
    """How much the touch does to each pair, relative to a typical user who is shown an item for the first time."""
    tau = 1.0 - touch.light * (pairs.activity - float(pairs.population.activity.mean()))
    if touch.affinity:
        tau = tau + touch.affinity * pairs.affinity
    return np.asarray(tau - touch.fatigue * pairs.log_exposures)
