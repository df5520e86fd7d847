"""Who is treated under a budget, without the rows that told it: `BudgetRule`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.learning.spending import row_costs, treated_share

__all__ = ["BudgetRule", "Effects"]

Floats = npt.NDArray[np.float64]


class Effects(Protocol):
    """What knows the effect of treating a row."""

    def effect(self, frame: pd.DataFrame) -> Floats:
        """(n,) effects of the rows of a table."""
        ...


@dataclass(frozen=True, eq=False)
class BudgetRule:
    """The rule of a `BudgetPolicy` without its values: who is treated.

    Parameters
    ----------
    effects
        Of treating a row.
    costs, shadow_price, margin, worth
        As in `BudgetPolicy`.
    """

    effects: Effects
    costs: float | str
    shadow_price: float
    margin: float
    worth: float | None

    def probabilities(self, contexts: pd.DataFrame) -> Floats:
        """(n, 2) chances of not being treated and of being treated.

        Raises
        ------
        ValueError
            If a covariate or the cost is missing or not finite, or a cost is not positive.
        """
        effect, cost = self.effects.effect(contexts), row_costs(contexts, self.costs)
        chance = treated_share(effect, cost, self.shadow_price, self.worth, self.margin)
        return np.column_stack([1 - chance, chance])

    def treat(self, frame: pd.DataFrame, seed: int = 0) -> npt.NDArray[np.bool_]:
        """(n,) whether each row of a table is treated; the seed draws the lots of those at the price.

        Raises
        ------
        ValueError
            As `probabilities`.
        """
        chance = self.probabilities(frame)[:, 1]
        return np.asarray(np.random.default_rng(seed).random(len(chance)) < chance)
