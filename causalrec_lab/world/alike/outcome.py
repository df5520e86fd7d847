"""Which number of a log is its outcome, and at what level: a 0/1 column, a rating above a mark, an amount, a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.data.registry import nearest
from causalrec_lab.world.people.population import Floats
from causalrec_lab.world.scenarios.scenario import Scenario

__all__ = ["Level", "Outcome", "conversions", "find_outcome", "levels", "stage_of"]

FEW = 11  # distinct values up to which positive numbers are ratings
MARK = 0.6  # of a rating scale: 4 and 5 of five stars lie above it, 7 and more of ten
SCORES = ("rating", "value")


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome of each row.

    Parameters
    ----------
    name, meaning
        Its column, and what counts as 1.
    reached
        (n,) 0/1; nan where the log holds none.
    amount
        (n,) the column itself where it is an amount behind a hurdle, else None.
    """

    name: str
    meaning: str
    reached: Floats
    amount: Floats | None = None


@dataclass(frozen=True)
class Level:
    """How often a stage of the funnel is reached: by untreated and treated decisions, or given that it was seen.

    Parameters
    ----------
    stage
        Of the base scenario.
    untreated, treated
        Rates in the two arms; None where the log has no such row.
    seen
        Rate among what was seen (the first stage), where a log holds nothing but what was seen.
    """

    stage: str
    untreated: float | None = None
    treated: float | None = None
    seen: float | None = None


def find_outcome(frame: pd.DataFrame, outcome: str | None, kind: str, base: Scenario, log: str) -> Outcome | None:
    """Outcome of a table's rows, or None if it has none that can be told.

    Parameters
    ----------
    frame
        Decisions, events or slates.
    outcome
        Its column; None: the base's main outcome, "reward" in slates, "rating" or "value" in events of one kind.
    kind
        "decisions", "events" or "slates".
    base
        Whose outcome names are known.
    log
        Name of the data set, for messages.

    Raises
    ------
    ValueError
        If the named column is not there, holds no numbers, is constant, or has negative values.
    """
    if outcome is None:
        usual = {"decisions": (base.outcome, "rating"), "slates": ("reward",), "events": SCORES}[kind]
        several = kind == "events" and "event" in frame and len(frame["event"].unique()) > 1
        outcome = None if several else next((name for name in usual if name in frame), None)
        if outcome is None:
            return None
    if outcome not in frame:
        raise ValueError(
            f"from_dataset: outcome {outcome!r} is no column of the {kind} of {log!r}: "
            f"{nearest(outcome, map(str, frame.columns))}"
        )
    values = pd.to_numeric(frame[outcome], errors="coerce").to_numpy(dtype=np.float64)
    known = values[np.isfinite(values)]
    if not len(known):
        raise ValueError(
            f"from_dataset: outcome {outcome!r} of {log!r} holds no number; name a 0/1 column, a rating or an amount"
        )
    if known.min() == known.max():
        raise ValueError(
            f"from_dataset: outcome {outcome!r} of {log!r} is constant, {known[0]:g} in all {len(known):,} rows; "
            "a level without variation says nothing of effects: name another outcome, or an earlier stage"
        )
    if known.min() < 0:
        raise ValueError(
            f"from_dataset: outcome {outcome!r} of {log!r} has negative values, down to {known.min():g}, and no "
            "platform's has; make a 0/1 column of it (gained more than …) and name that"
        )
    return _read(outcome, values, known)


def _read(name: str, values: Floats, known: Floats) -> Outcome:
    distinct, missing = np.unique(known), ~np.isfinite(values)

    def marked(mark: float) -> Floats:
        return np.where(missing, np.nan, values > mark)

    if set(distinct) <= {0.0, 1.0}:
        return Outcome(name, f"{name} = 1", marked(0.5))
    if len(distinct) <= FEW:
        mark = float(distinct[distinct <= distinct[0] + MARK * (distinct[-1] - distinct[0])][-1])
        return Outcome(name, f"{name} above {mark:g}", marked(mark))
    if known.min() == 0:
        return Outcome(name, f"{name} above 0", marked(0.0), values)
    median = float(np.median(known))
    return Outcome(name, f"{name} above its median {median:g}", marked(median))


def stage_of(outcome: Outcome, base: Scenario) -> str:
    """Stage of the base that stands for an outcome: its namesake, the amount's, or that of the main outcome."""
    if outcome.name in base.stages:
        return outcome.name
    if outcome.amount is not None or outcome.name == base.amount.name:
        return base.amount.after
    return base.outcome if base.outcome in base.stages else base.stages[-1]


def levels(
    frame: pd.DataFrame, outcome: Outcome | None, treated: Floats | None, kind: str, base: Scenario
) -> tuple[Level, ...]:
    """Levels of every stage that the rows speak of, in the order of the funnel."""
    columns: dict[str, Floats] = {}
    if kind == "decisions":
        columns = {stage: frame[stage].to_numpy(np.float64) for stage in base.stages if _binary(frame, stage)}
    if outcome is not None:
        columns[stage_of(outcome, base)] = outcome.reached
    found = [_level(stage, columns[stage], treated, kind) for stage in base.stages if stage in columns]
    return tuple(
        level for place, level in enumerate(found) if all(_falls(level, later) for later in found[place + 1 :])
    )


def _falls(level: Level, later: Level) -> bool:
    """Whether a later stage is the rarer one: what more rows reach is no stage on the way."""
    return all(
        one is None or two is None or one > two
        for one, two in ((level.untreated, later.untreated), (level.treated, later.treated))
    )


def _binary(frame: pd.DataFrame, name: str) -> bool:
    return name in frame and bool(frame[name].isin([0, 1]).all()) and frame[name].nunique() == 2


def _level(stage: str, reached: Floats, treated: Floats | None, kind: str) -> Level:
    if kind == "events":
        return Level(stage, seen=float(np.nanmean(reached)))
    if kind == "slates" or treated is None:
        return Level(stage, treated=float(np.nanmean(reached)))
    return Level(stage, _mean(reached[treated == 0]), _mean(reached[treated == 1]))


def _mean(reached: Floats) -> float | None:
    known = reached[~np.isnan(reached)]
    return float(known.mean()) if len(known) else None


def conversions(events: pd.DataFrame, outcome: str | None, base: Scenario, log: str) -> tuple[Level, ...]:
    """Levels from the kinds of events: how many of the first kind each later one has.

    Kinds named like stages of the base are those stages; another kind named as `outcome` stands for the main outcome.

    Raises
    ------
    ValueError
        If `outcome` is no kind of event, or as frequent as what it is to follow.
    """
    counts: dict[Any, int] = events["event"].value_counts().to_dict()
    if outcome is not None and outcome not in counts:
        raise ValueError(
            f"from_dataset: outcome {outcome!r} is no column and no kind of event of {log!r}: "
            f"{nearest(outcome, counts)}"
        )
    first = base.stages[0] if base.stages[0] in counts else max(counts, key=lambda kind: counts[kind])
    named = {stage: counts[stage] for stage in base.stages[1:] if stage in counts and first != stage}
    if outcome is not None and outcome not in base.stages:
        named = {base.outcome if base.outcome in base.stages else base.stages[-1]: counts[outcome]}
    rates = {stage: count / counts[first] for stage, count in named.items()}
    if bad := [stage for stage, rate in rates.items() if rate >= 1]:
        raise ValueError(
            f"from_dataset: {log!r} has as many events for {bad[0]!r} as for {first!r} ({counts[first]:,}), so there "
            "is no conversion between them; name as outcome a kind that is rarer, or a column"
        )
    return tuple(Level(stage, seen=rate) for stage, rate in rates.items())
