r"""Where an item stands and whether that place is looked at: the position-based model.

.. math:: P(\text{first stage passed} | k) = p_k \, \sigma(\eta), \qquad p_k = (k + 1)^{-\eta_x}, \quad k = 0, 1, …

with the scenario's exponent :math:`\eta_x` (Richardson, Dominowska & Ragno 2007, "Predicting Clicks", WWW; Joachims,
Swaminathan & Schnabel 2017, "Unbiased Learning-to-Rank with Biased Feedback", WSDM, whose propensities have this form).
The first position is always examined. A decision's position is drawn from the scenario's shares, independently of
everything else and of the treatment: an item that is not recommended leaves its slot to the same law. So position is no
confounder, and every mean over decisions is exact by one factor, :math:`\bar p = \sum_k s_k p_k`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.world.people.population import Floats, Ints
from causalrec_lab.world.scenarios.scenario import Scenario

__all__ = ["draw_positions", "examination", "mean_examination", "positions_of"]


def examination(scenario: Scenario, position: npt.ArrayLike) -> Floats:
    """Chance that a position is examined, 0 being the first; of the positions' shape."""
    places, which = np.unique(np.asarray(position, dtype=np.int64), return_inverse=True)
    curve = (places + 1.0) ** -scenario.examination
    return np.asarray(curve[which])


def mean_examination(scenario: Scenario) -> float:
    """Chance that a decision's position is examined, over the scenario's shares of positions."""
    return float(np.dot(scenario.positions, examination(scenario, np.arange(len(scenario.positions)))))


def draw_positions(scenario: Scenario, n: int, rng: np.random.Generator) -> Ints:
    """Positions of n decisions, from the scenario's shares."""
    edges = np.cumsum(scenario.positions)[:-1]
    return np.asarray(np.searchsorted(edges, rng.random(n), side="right"), dtype=np.int64)


def positions_of(decisions: pd.DataFrame) -> Ints | None:
    """Positions of a table, None where it has no such column.

    Raises
    ------
    ValueError
        If a position is missing, negative or no whole number.
    """
    if "position" not in decisions:
        return None
    values = pd.to_numeric(decisions["position"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~((values >= 0) & (values < 2**53) & (values == np.floor(values)))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"column 'position' has {int(bad.sum())} values that are no position, first at row {row}: "
            f"{decisions['position'].iloc[row]}; "
            "positions are counted from 0, or drop the column to average over them"
        )
    return values.astype(np.int64)
