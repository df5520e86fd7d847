"""`scenario_like`: a scenario whose platform logs like a given log; `Scenario.from_dataset` is its door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.world.alike.amount_fit import fit_amount
from causalrec_lab.world.alike.behaviour_fit import fit_behaviour
from causalrec_lab.world.alike.exposure_fit import Trial, fit_exposure
from causalrec_lab.world.alike.measures import MODEL_ROWS, Exposed, Selected, exposure_of, selection_of
from causalrec_lab.world.alike.outcome import Level, stage_of
from causalrec_lab.world.alike.own import own_rows
from causalrec_lab.world.alike.rows import Rows, read_rows
from causalrec_lab.world.alike.shape import Shape, shape_of
from causalrec_lab.world.alike.text_fit import fit_text
from causalrec_lab.world.alike.wording import categories_like, funnel_like
from causalrec_lab.world.dials import Dials
from causalrec_lab.world.people.population import MOST_ACTIVITY, Floats
from causalrec_lab.world.platform import Platform
from causalrec_lab.world.scenarios.presets import scenario as find_scenario
from causalrec_lab.world.scenarios.scenario import Coefficients, Scenario

__all__ = ["Measured", "measure", "scenario_like"]

MOST_USERS, MOST_ITEMS = 10_000, 5_000  # beyond, truth is no sum over all pairs any more
TRIAL_USERS, TRIAL_ITEMS = 3_000, 1_500
MOST_POSITIONS = 50
KNOTS = 501
_CLOSE = 0.003  # of two selections
_TRIES = 4


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured in a log: its rows, shape, exposure and selection."""

    rows: Rows
    shape: Shape
    exposed: Exposed | None
    selected: Selected | None


def measure(rows: Rows, cost: str, seed: int) -> Measured:
    """Measure a log that was read."""
    return Measured(rows, shape_of(rows, cost), exposure_of(rows, seed), selection_of(rows, seed))


def scenario_like(
    dataset: Dataset,
    *,
    outcome: str | None = None,
    treatment: str = "treated",
    covariates: Sequence[str] = (),
    text: str | None = None,
    base: str | Scenario = "ecommerce",
    confounding: float = 0.0,
    seed: int = 0,
    log: Measured | None = None,
) -> Scenario:
    r"""Scenario whose platform writes logs like this one; see `Scenario.from_dataset`, which is the same.

    `log` is what `measure` found in it with the same base and seed: several strengths of `confounding` then share it.
    """
    base = find_scenario(base)
    if log is None:
        read = read_rows(dataset, outcome=outcome, treatment=treatment, covariates=covariates, base=base)
        log = measure(read, base.cost.name, seed)
    rows = log.rows
    funnelled, levels = funnel_like(replace(base, touches=(), case=None), rows)  # a log tells of no touch, of no worth
    shaped = _shaped(funnelled, log, confounding)
    trial = Trial.of(small_platform(shaped, seed), seed)
    behaving = _selected_alike(shaped, trial, log, levels, seed)
    scenario = fit_text(behaving, rows, text, seed, small_platform)
    notes = (*rows.notes, *_assumed(log, base, confounding))
    return replace(scenario, notes=tuple(dict.fromkeys(notes)))


def small_platform(scenario: Scenario, seed: int, **dials: Any) -> Platform:
    """Platform of a scenario with fewer users and items, on which candidates are tried."""
    known = Dials.named(scenario.defaults)
    users, items = min(known.n_users, TRIAL_USERS), min(known.n_items, TRIAL_ITEMS)
    return Platform.make(scenario, seed, n_users=users, n_items=items, **dials)


def _shaped(base: Scenario, log: Measured, confounding: float) -> Scenario:
    """The base with the log's curves, categories and sizes."""
    shape, notes = log.shape, log.rows.notes
    categories, segments, shares = categories_like(base, shape)
    defaults: dict[str, Any] = dict(base.defaults) | {"n_users": max(2, min(shape.n_users, MOST_USERS))}
    if shape.n_items is not None:
        defaults["n_items"] = max(2, min(shape.n_items, MOST_ITEMS))
    if confounding:
        defaults["confounding"] = confounding
    for name, real in (("n_users", shape.n_users), ("n_items", shape.n_items or 0)):
        if real > defaults.get(name, real):
            notes.append(f"{name}: {real:,} in the log, {defaults[name]:,} here, so that truth stays an exact sum")
    positions = _positions(log.rows)
    if not positions:
        notes.append("the log has no positions, so every decision is examined, as at the top of a page")
    popularity, activity = _falling(shape.popularity), _rising(shape.activity, notes)
    return replace(
        base,
        name=f"like {log.rows.name}",
        categories=categories,
        segments=segments,
        shares=shares,
        positions=positions or (1.0,),
        defaults=MappingProxyType(defaults),
        popularity=base.popularity if popularity is None else popularity,
        activity=base.activity if activity is None else activity,
    )


def _positions(rows: Rows) -> tuple[float, ...]:
    """Share of the rows at each position, in their order; empty where the log has none, or too many to be a page."""
    if "position" not in rows.frame:
        return ()
    shares = rows.frame["position"].value_counts(normalize=True).sort_index()
    return tuple(float(share) for share in shares) if 1 <= len(shares) <= MOST_POSITIONS else ()


def _falling(rates: Floats | None) -> tuple[float, ...] | None:
    """Relative popularities at evenly spaced ranks, the most popular item 1."""
    if rates is None or len(rates) < 2:
        return None
    ordered = np.log(np.sort(rates)[::-1])
    places = np.linspace(0, len(ordered) - 1, min(KNOTS, len(ordered)))
    curve = np.exp(np.interp(places, np.arange(len(ordered)), ordered) - ordered[0])
    return tuple(np.round(curve, 8).clip(1e-8).tolist())


def _rising(rates: Floats | None, notes: list[str]) -> tuple[float, ...] | None:
    """Relative activities at evenly spaced quantiles, the median user 1."""
    if rates is None or len(rates) < 2:
        return None
    curve = np.quantile(rates, np.linspace(0, 1, min(KNOTS, len(rates)))) / np.median(rates)
    if (cut := float((curve > MOST_ACTIVITY).mean())) > 0.01:
        notes.append(
            f"{cut:.0%} of users are over {MOST_ACTIVITY:g} times the median's activity; a platform stops there"
        )
    return tuple(np.round(curve, 6).clip(1e-6).tolist())


def _selected_alike(shaped: Scenario, trial: Trial, log: Measured, levels: tuple[Level, ...], seed: int) -> Scenario:
    """The scenario in whose own log the same models find the log's selection: what they get wrong, they do in both.

    This is indirect inference (Gourieroux, Monfort and Renault 1993, Journal of Applied Econometrics 8): the target
    moves by what is still missing, along the line through the last two tries.
    """
    if log.selected is None:
        return _behaving(shaped, trial, log, levels, None)
    wanted, targets, missed, tried = log.selected.value, [log.selected.value], [], []
    for _ in range(_TRIES):
        tried.append(_behaving(shaped, trial, log, levels, targets[-1]))
        own = selection_of(own_rows(small_platform(tried[-1], seed), log.rows, MODEL_ROWS, seed), seed)
        missed.append(0.0 if own is None else wanted - own.value)
        if abs(missed[-1]) <= _CLOSE:
            break
        slope = 1.0
        if len(missed) > 1 and missed[-2] != missed[-1]:
            slope = float(np.clip((targets[-1] - targets[-2]) / (missed[-2] - missed[-1]), 0.3, 2.0))
        targets.append(targets[-1] + slope * missed[-1])
    return tried[int(np.argmin(np.abs(missed)))]


def _behaving(
    shaped: Scenario, trial: Trial, log: Measured, levels: tuple[Level, ...], selection: float | None
) -> Scenario:
    """The scenario with exposure, levels and effect moved to the log's; one set of coefficients, the log's own."""
    rate, base = next(iter(shaped.coefficients.items()))
    exposed, rows = log.exposed, log.rows
    target = None if exposed is None or np.isnan(exposed.auc) else exposed.auc
    rule, _ = fit_exposure(
        trial, base.exposure, None if exposed is None else exposed.share, target, stored=rows.propensity is not None
    )
    behaviour = fit_behaviour(
        trial,
        rule,
        base.stages,
        base.effect,
        levels,
        main_stage(shaped),
        selection,
        floor=0.5 / len(rows.frame),
    )
    amount = shaped.amount
    if rows.outcome is not None and rows.outcome.amount is not None and rows.levels:
        amount = fit_amount(trial, rule, behaviour, shaped, rows)
    fitted = Coefficients(rule, behaviour.effect, behaviour.stages)
    return replace(shaped, coefficients=MappingProxyType({rate: fitted}), amount=amount)


def main_level(rows: Rows, base: Scenario) -> Level | None:
    """Level of the outcome: that of its stage; the last where an outcome is only a kind of event."""
    if not rows.levels:
        return None
    stage = rows.levels[-1].stage if rows.outcome is None else stage_of(rows.outcome, base)
    return next((level for level in rows.levels if level.stage == stage), rows.levels[-1])


def naive_contrast(rows: Rows, level: Level) -> str:
    """Difference of the two rates, with its standard error, in words."""
    one, zero, treated = level.treated, level.untreated, rows.treated
    assert treated is not None
    assert one is not None
    assert zero is not None
    ones = float(treated.sum())
    error = (one * (1 - one) / ones + zero * (1 - zero) / (len(treated) - ones)) ** 0.5
    return f"{one - zero:+.4f}, standard error {error:.4f}"


def main_stage(scenario: Scenario) -> str:
    """Stage the main outcome hangs on."""
    return scenario.amount.after if scenario.outcome == scenario.amount.name else scenario.outcome


def _assumed(log: Measured, base: Scenario, confounding: float) -> list[str]:
    """Say what no log can tell, and what this one does not."""
    rows, exposed, said = log.rows, log.exposed, []
    if exposed is None:
        said.append(
            f"the log holds {rows.kind} only: what was shown and passed over is nowhere in it, so the exposure rule is "
            f"that of {base.name!r}"
        )
    elif np.isnan(exposed.auc):
        said.append(
            "no propensity is stored and no covariates are named, so only the share treated is the log's; "
            "name covariates=[…], what the exposure rule looked at, to match how predictable exposure is"
        )
    level = main_level(rows, base)
    if rows.outcome is not None and level is not None:
        said.append(f"{rows.outcome.meaning} stands where {base.name!r} has {level.stage!r}")
    elif level is not None:
        said.append(f"no outcome is named: {level.stage!r}, the last stage the log has, is taken")
    else:
        said.append(f"no outcome is named, so all levels are those of {base.name!r}; name one by outcome=…")
    if level is not None and level.untreated is not None and level.treated is not None:
        said.append(
            f"the effect is no estimate: it is what makes the platform's treated and untreated differ as the log's do "
            f"({naive_contrast(rows, level)}) if confounding={confounding:g}; another strength, another effect"
        )
    elif level is not None:
        said.append(f"untreated outcomes are not in the log, so the effect is that of {base.name!r}")
    if exposed is not None:
        said.append("the lottery z of the platform is its own; no column of the log is taken for an instrument")
    said.append(f"hidden confounding cannot be learned from any log: the dial confounding={confounding:g} is assumed")
    return said
