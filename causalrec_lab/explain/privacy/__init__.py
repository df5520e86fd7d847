"""Privacy: releases with noise that hide each user, what they cost, and whether a model gives its users away.

Noise is calibrated and drawn by OpenDP, on whole numbers, from its feature "contrib": the mechanisms come with written
proofs, of which not all have been through its vetting yet. The cuts before the noise are this library's own. What is
promised is about the answers, not about the time they take or who sees the machine.

>>> import pandas as pd
>>> from causalrec_lab.explain import privacy
>>> visits = pd.DataFrame({"user_id": range(2_000), "minutes": [12.0, 30.0] * 1_000})
>>> budget = privacy.Budget(epsilon=1.0)
>>> told = privacy.mean(visits, "minutes", bounds=(0, 60), epsilon=0.5, budget=budget)
>>> told.low < told.value < told.high
True
>>> budget.left
0.5
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.explain.privacy.audits import Audit, audit
    from causalrec_lab.explain.privacy.budget import Budget, BudgetExhausted
    from causalrec_lab.explain.privacy.counting import counts, histogram
    from causalrec_lab.explain.privacy.effects import effect
    from causalrec_lab.explain.privacy.inference import Membership, membership
    from causalrec_lab.explain.privacy.means import mean
    from causalrec_lab.explain.privacy.noise import simulate
    from causalrec_lab.explain.privacy.pricing import Price, price
    from causalrec_lab.explain.privacy.released import Release

_CONTENTS = {
    "audits": ("Audit", "audit"),
    "budget": ("Budget", "BudgetExhausted"),
    "counting": ("counts", "histogram"),
    "effects": ("effect",),
    "inference": ("Membership", "membership"),
    "means": ("mean",),
    "noise": ("simulate",),
    "pricing": ("Price", "price"),
    "released": ("Release",),
}
_HOME = {name: module for module, contents in _CONTENTS.items() for name in contents}

__all__ = [
    "Audit",
    "Budget",
    "BudgetExhausted",
    "Membership",
    "Price",
    "Release",
    "audit",
    "counts",
    "effect",
    "histogram",
    "mean",
    "membership",
    "price",
    "simulate",
]

__getattr__, __dir__ = doors(__name__, _HOME)
