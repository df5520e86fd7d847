"""Which intervention for a segment that has hardly been seen: what others teach, and its own few data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.meta.pooling import MetaEffects

__all__ = ["SegmentChoice", "choose_for_segment"]

_DRAWS = 20_000


@dataclass(frozen=True, eq=False)
class SegmentChoice:
    """The intervention chosen for a new segment.

    Parameters
    ----------
    best
        Name of the intervention with the highest expected gain; None where doing nothing is better than each.
    table
        One row an intervention: effect, low, high, cost, gain, chance_best (of the greatest gain, doing nothing among
        them), chance_loss (of a gain below 0).
    """

    best: Any
    table: pd.DataFrame

    def __str__(self) -> str:
        """One sentence."""
        if self.best is None:
            return "no intervention is expected to be worth its cost in this segment"
        row = self.table.loc[self.best]
        return (
            f"{self.best}: expected gain {row['gain']:.4g}, effect {row['effect']:.4g} [{row['low']:.4g}, "
            f"{row['high']:.4g}], cost {row['cost']:.4g}; chance of a loss {row['chance_loss']:.1%}"
        )

    def _repr_html_(self) -> str:
        """The table of interventions."""
        return str(self.table.to_html(float_format=lambda v: f"{v:.4g}", classes="meta", border=0))


def choose_for_segment(
    effects: Mapping[str, MetaEffects],
    few: Mapping[str, Estimate] | None = None,
    *,
    features: Mapping[str, float] | None = None,
    costs: Mapping[str, float] | float = 0.0,
    seed: int = 0,
) -> SegmentChoice:
    """Choose an intervention for a new segment.

    Each intervention's effect is its prediction from the other segments, updated by the segment's first data where
    there are any; the gain is effect less cost. Interventions err independently; chances and intervals are read off the
    same laws (`MetaEffects.distribution`).

    Parameters
    ----------
    effects
        Intervention -> its effects in the segments seen.
    few
        Intervention -> first estimate in the new segment; interventions without one are predicted.
    features
        What is known of the new segment.
    costs
        In the unit of the effect, one for all or by intervention.
    seed
        Of the draws behind the chances.

    Raises
    ------
    ValueError
        If there is no intervention, a cost is missing or not finite, `few` names an unknown intervention, or features
        do not fit.
    """
    first = {} if few is None else dict(few)
    if not effects or (unknown := sorted(set(first) - set(effects))):
        raise ValueError(f"choose_for_segment: {'no interventions' if not effects else f'unknown {unknown}'}; "
                         f"there are {sorted(effects)}")  # fmt: skip
    if isinstance(costs, Mapping) and (missing := sorted(set(effects) - set(costs))):
        raise ValueError(f"choose_for_segment: no cost for {missing}; give 0.0 where there is none")
    rows, drawn, rng = {}, [], np.random.default_rng(seed)
    for name, meta in effects.items():
        believed = meta.distribution(features, first.get(name))
        drawn.append(believed.draw(_DRAWS, rng)[:, 0])
        found = meta.update(first[name], features) if name in first else meta.predict(features)
        cost = float(costs[name] if isinstance(costs, Mapping) else costs)
        if not np.isfinite(cost):
            raise ValueError(f"choose_for_segment: the cost of {name!r} is {cost}; give a finite number")
        rows[name] = {"effect": found.value, "low": found.low, "high": found.high, "cost": cost,
                      "gain": found.value - cost}  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("intervention")
    gains = np.column_stack(drawn) - table["cost"].to_numpy()
    best = np.where(gains.max(axis=1) > 0, gains.argmax(axis=1), -1)
    table["chance_best"] = [float((best == k).mean()) for k in range(len(table))]
    table["chance_loss"] = (gains < 0).mean(axis=0)
    top = table["gain"].idxmax()
    return SegmentChoice(top if table["gain"].max() > 0 else None, table)
