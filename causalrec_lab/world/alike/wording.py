"""Names and units of a log put on a scenario: its categories, its outcome, its amount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType

from causalrec_lab.world.alike.outcome import Level, Outcome, stage_of
from causalrec_lab.world.alike.rows import Rows
from causalrec_lab.world.alike.shape import Shape
from causalrec_lab.world.scenarios.scenario import Amount, Category, Scenario, Segment, Stage
from causalrec_lab.world.scenarios.wellformed import TAKEN

__all__ = ["categories_like", "funnel_like"]


def categories_like(
    base: Scenario, shape: Shape
) -> tuple[tuple[Category, ...], Mapping[str, Segment], Mapping[str, float] | None]:
    """Categories, segments and shares: the base's own where the log uses its names, else the log's."""
    if shape.shares is None:
        return base.categories, base.segments, base.shares
    own = [category.name for category in base.categories]
    if set(shape.shares) <= set(own):
        return base.categories, base.segments, MappingProxyType({name: shape.shares.get(name, 0.0) for name in own})
    names = list(shape.shares)
    categories = tuple(
        replace(like := base.categories[place % len(own)], name=name, cost=shape.costs.get(name, like.cost))
        for place, name in enumerate(names)
    )
    groups = len(base.segments)
    segments = {
        segment: replace(who, likes=tuple(names[place::groups]) or (names[place % len(names)],))
        for place, (segment, who) in enumerate(base.segments.items())
    }
    return categories, MappingProxyType(segments), MappingProxyType(dict(shape.shares))


def funnel_like(base: Scenario, rows: Rows) -> tuple[Scenario, tuple[Level, ...]]:
    """The base with the stages the log has, under the log's names, and the log's levels under the same.

    A stage of the base that the log has not is merged into the next one that it has: one logit, with the strongest of
    each slope. A log of events keeps the first stage, which is that something was seen. Without levels nothing changes.
    """
    if not rows.levels:
        return base, ()
    names = {level.stage: level.stage for level in rows.levels}
    main = stage_of(rows.outcome, base) if rows.outcome is not None else rows.levels[-1].stage
    amount = base.amount
    if rows.outcome is not None:
        names[main], amount = _names(rows.outcome, rows, base, main)
    if rows.levels[0].seen is not None:
        names = {base.stages[0]: base.stages[0]} | names
    after = {place: names.get(place, names[main]) for place in (base.amount.after, base.retention.after)}
    coefficients = {rate: replace(one, stages=_merged(one.stages, names)) for rate, one in base.coefficients.items()}
    scenario = replace(
        base,
        coefficients=MappingProxyType(coefficients),
        amount=replace(amount, after=after[base.amount.after] if amount.name == base.amount.name else names[main]),
        retention=replace(base.retention, after=after[base.retention.after]),
        cost=base.cost if base.stages[-1] in names.values() else replace(base.cost, earned=None),
        outcome=amount.name if rows.outcome is not None and rows.outcome.amount is not None else names[main],
        attention=names.get(base.attention, names[main]),
    )
    return scenario, tuple(replace(level, stage=names[level.stage]) for level in rows.levels)


def _names(outcome: Outcome, rows: Rows, base: Scenario, main: str) -> tuple[str, Amount]:
    """Name of the outcome's stage, and the amount: the log's names where a platform's tables leave them free."""
    taken = (*TAKEN, *base.outcomes, base.cost.name, base.cost.sensitivity)
    free = rows.kind == "decisions" and outcome.name.isidentifier() and outcome.name not in taken
    if outcome.amount is None:
        return (outcome.name if free else main), base.amount
    name = outcome.name if free else base.amount.name
    return (f"any_{name}" if free else main), replace(base.amount, name=name, unit="as logged")


def _merged(stages: tuple[Stage, ...], names: Mapping[str, str]) -> tuple[Stage, ...]:
    kept, waiting = [], []
    for stage in stages:
        waiting.append(stage)
        if stage.name not in names:
            continue
        strongest = {
            slope: max((getattr(one, slope) for one in waiting), key=abs)
            for slope in (f.name for f in fields(Stage))
            if slope not in ("name", "intercept")
        }
        kept.append(replace(stage, name=names[stage.name], **strongest))
        waiting = []
    return tuple(kept)
