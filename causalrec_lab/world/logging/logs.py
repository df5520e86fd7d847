"""How decisions are written down: the table of decisions and the events that follow from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.world.law.exposure import COVARIATES, nominal_propensity
from causalrec_lab.world.law.law import timestamps
from causalrec_lab.world.law.outcomes import Funnel
from causalrec_lab.world.logging.decisions import Draw
from causalrec_lab.world.people.population import Floats, Ints
from causalrec_lab.world.scenarios.scenario import Amount

__all__ = ["decision_table", "event_table"]

SECONDS_BETWEEN_STAGES = 20


def decision_table(draw: Draw, propensity: str | None) -> tuple[pd.DataFrame, str]:
    """Write decisions as a platform would: ids, time, lottery, treatment, outcomes, inputs of the rule; never h.

    Returns
    -------
    The table, and which propensity it carries: "true", "nominal" or "none".

    Raises
    ------
    ValueError
        If `propensity` is no option.
    """
    if propensity not in ("auto", "nominal", None):
        raise ValueError(f"propensity={propensity!r} is no option; give 'auto', 'nominal' or None")
    stored, kind = _stored_propensity(draw, propensity)
    features = {name: getattr(draw.pairs, name) for name in COVARIATES}
    columns = {
        "user_id": draw.users,
        "item_id": draw.items,
        "timestamp": timestamps(draw.moment),
        "position": draw.position,
        "z": draw.lottery,
        "treated": draw.treated,
        **({} if stored is None else {"propensity": stored}),
        **draw.outcomes(draw.treated),
        **features,
        draw.law.population.scenario.cost.name: draw.law.population.cost[draw.items],
    }
    return pd.DataFrame(columns, copy=False), kind


def _stored_propensity(draw: Draw, propensity: str | None) -> tuple[Floats | None, str]:
    """What a platform would know: the true propensity only where nothing hidden moves exposure."""
    if propensity is None:
        return None, "none"
    if draw.law.rule.hidden == 0 or draw.assigned is not None:
        return draw.propensity, "true"
    if propensity == "nominal":
        return nominal_propensity(draw.law.rule, draw.pairs, draw.lottery), "nominal"
    return None, "none"


def event_table(decisions: pd.DataFrame, funnel: Funnel, amount: Amount) -> pd.DataFrame:
    """What happened, in time order: one row a stage that was reached.

    Columns user_id, item_id, timestamp, event, value (the amount at its stage, what was earned at the last one),
    position, treated, and propensity where the decisions have it.
    """
    kept = [c for c in ("user_id", "item_id", "timestamp", "position", "treated", "propensity") if c in decisions]
    rows, stages = [], []
    for number, name in enumerate(funnel.names):
        reached = np.flatnonzero(decisions[name].to_numpy())
        rows.append(reached)
        stages.append(np.full(len(reached), number, dtype=np.int8))
    row, stage = np.concatenate(rows), np.concatenate(stages)
    second = decisions["timestamp"].to_numpy()[row] + stage * np.timedelta64(SECONDS_BETWEEN_STAGES, "s")
    order = np.lexsort((stage, second))
    row, stage, second = row[order], stage[order], second[order]
    table = pd.DataFrame({c: decisions[c].to_numpy()[row] for c in kept if c != "timestamp"}, copy=False)
    table.insert(2, "timestamp", second)
    table.insert(3, "event", pd.Series(pd.array(list(funnel.names), dtype="str").take(stage)))
    table.insert(4, "value", _values(decisions, funnel, amount, row, stage))
    return table


def _values(decisions: pd.DataFrame, funnel: Funnel, amount: Amount, row: Ints, stage: npt.NDArray[np.int8]) -> Floats:
    value = np.full(len(row), np.nan)
    after, last = funnel.names.index(amount.after), len(funnel.names) - 1
    value[stage == after] = decisions[amount.name].to_numpy()[row[stage == after]]
    if (earned := funnel.scenario.cost.earned) is not None:
        value[stage == last] = decisions[earned].to_numpy()[row[stage == last]]
    return value
