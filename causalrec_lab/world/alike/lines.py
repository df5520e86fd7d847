"""The lines of a likeness: one statistic each, in the log and on the platform, and whether they are the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from causalrec_lab.data.quality.exposure import gini
from causalrec_lab.world.alike.exposure_fit import Trial
from causalrec_lab.world.alike.matching import Measured, main_level, main_stage
from causalrec_lab.world.alike.measures import TEXT_ROWS, text_of
from causalrec_lab.world.alike.outcome import Level
from causalrec_lab.world.alike.own import own_rows
from causalrec_lab.world.alike.statistics import TextGain
from causalrec_lab.world.alike.together import lifts_of
from causalrec_lab.world.people.population import Floats
from causalrec_lab.world.platform import Platform
from causalrec_lab.world.scenarios.scenario import Scenario

__all__ = ["MATCHES", "Line", "Sides", "lines"]

YES, NO, OPEN, ABSENT, UNKNOWN = MATCHES = ("yes", "no", "not matched", "not in the log", "cannot be known")


class Line(NamedTuple):
    """One row of the table."""

    statistic: str
    log: float
    platform: float
    matched: str
    how: str


@dataclass(frozen=True, eq=False)
class Sides:
    """What is compared: the log, the platform's own log, the platform, and the base the log was read by."""

    log: Measured
    own: Measured
    platform: Platform
    base: Scenario
    seed: int


def lines(sides: Sides, lifts: dict[str, Floats], text: str | None) -> list[Line]:
    """Compare everything that both sides have, and name what one of them lacks."""
    return [
        *_sizes(sides.log, sides.own),
        *_exposure(sides.log, sides.own),
        *_levels(sides),
        *_amount(sides.log, sides.own),
        *_selection(sides.log, sides.own),
        *_texts(sides, text),
        *_together(lifts),
        *_unknown(sides),
    ]


def _compared(statistic: str, log: float, platform: float, tolerance: float, how: str) -> Line:
    close = abs(log - platform) <= tolerance
    return Line(statistic, log, platform, YES if close else NO, f"{how}; within {tolerance:.2g}")


def _sizes(log: Measured, own: Measured) -> Iterator[Line]:
    one, two = log.shape, own.shape
    yield Line("users", one.n_users, two.n_users, YES if one.n_users == two.n_users else NO, "counted")
    if one.n_items is not None and two.n_items is not None:
        yield Line("items", one.n_items, two.n_items, YES if one.n_items == two.n_items else NO, "counted")
    for what in ("popularity", "activity"):
        here, there = getattr(one, what), getattr(two, what)
        source = getattr(one, f"{what}_from")
        if here is None or there is None:
            yield Line(f"{what}: Gini", np.nan, np.nan if there is None else gini(there), ABSENT, source)
            continue
        yield _compared(f"{what}: Gini", gini(here), gini(there), 0.03, source)
        yield _compared(f"{what}: share of the top tenth", _top(here), _top(there), 0.04, source)
    if one.shares is not None and two.shares is not None:
        names = set(one.shares) | set(two.shares)
        apart = 0.5 * sum(abs(one.shares.get(name, 0.0) - two.shares.get(name, 0.0)) for name in names)
        yield _compared("categories: share of items in another one", 0.0, apart, 0.02, "half the sum of differences")


def _top(rates: Floats) -> float:
    ordered = np.sort(rates)[::-1]
    return float(ordered[: max(1, round(len(ordered) / 10))].sum() / ordered.sum())


def _exposure(log: Measured, own: Measured) -> Iterator[Line]:
    one, two = log.exposed, own.exposed
    if one is None or two is None:
        share = np.nan if two is None else two.share
        yield Line("share treated", np.nan, share, ABSENT, "a log of what was shown says nothing of what was not")
        return
    noise = 4 * np.sqrt(two.share * (1 - two.share) / len(own.rows.frame))
    yield _compared("share treated", one.share, two.share, float(0.005 + noise), "of decisions")
    if np.isnan(one.auc):
        yield Line("exposure: AUC", np.nan, two.auc, ABSENT, one.source)
        return
    noise = 3 * float(np.hypot(one.std_error, two.std_error)) if "cross-fitted" in one.source else 0.0
    yield _compared("exposure: AUC", max(one.auc, 0.5), two.auc, 0.02 + noise, one.source)
    yield Line("exposure: pseudo R2", one.deviance, two.deviance, OPEN, "follows from share and AUC")


def _levels(sides: Sides) -> Iterator[Line]:
    ours = {level.stage: level for level in sides.own.rows.levels}
    main, last = main_level(sides.log.rows, sides.base), main_stage(sides.platform.scenario)
    for level in sides.log.rows.levels:
        there = ours.get(level.stage if level.stage in ours else last)
        if there is not None:
            yield from _arms(sides.own, level, there, level is main)
    there = None if main is None else ours.get(main.stage if main.stage in ours else last)
    if main is not None and there is not None and None not in (main.treated, main.untreated, there.treated):
        naive = [float(one.treated or 0) - float(one.untreated or 0) for one in (main, there)]
        yield Line("naive contrast", naive[0], naive[1], OPEN, "for information: the two rates' difference, no effect")


def _arms(own: Measured, level: Level, there: Level, main: bool) -> Iterator[Line]:
    for arm in ("untreated", "treated", "seen"):
        rate, ours, name = getattr(level, arm), getattr(there, arm), f"{there.stage}: rate where {arm}"
        if rate is None or ours is None:
            continue
        if arm == "treated" and level.untreated is not None and not main:
            yield Line(name, rate, ours, OPEN, "share of rows; one effect serves all stages")
            continue
        noise = 4 * float(np.sqrt(max(ours * (1 - ours), 1e-6) / _rows_of(own, arm)))
        yield _compared(name, rate, ours, 0.02 * rate + noise, "share of rows")


def _rows_of(own: Measured, arm: str) -> float:
    treated = own.rows.treated
    if treated is None or arm == "seen":
        return len(own.rows.frame)
    return max(1.0, float((treated == (arm == "treated")).sum()))


def _amount(log: Measured, own: Measured) -> Iterator[Line]:
    one, two = log.rows.outcome, own.rows.outcome
    if one is None or two is None or one.amount is None or two.amount is None:
        return
    ours, theirs = (outcome.amount[np.isfinite(outcome.amount)] for outcome in (one, two) if outcome.amount is not None)
    yield from _moments(two.name, ours, theirs)
    here, there = np.log(ours[ours > 0]), np.log(theirs[theirs > 0])
    if len(there) < 30:
        return
    yield from _amount_by_arm(log, own, two.name)
    noise = 4 * float(there.std() / np.sqrt(len(there)))
    yield _compared(f"{two.name}: mean log", float(here.mean()), float(there.mean()), 0.02 + noise, "where it is not 0")
    yield _compared(f"{two.name}: sd of log", float(here.std()), float(there.std()), 0.05 + noise, "where it is not 0")


def _moments(name: str, here: Floats, there: Floats) -> Iterator[Line]:
    """Mean and standard deviation, zeros among them: what an effect in the log's unit is made of."""
    n, mean, sd = len(there), float(there.mean()), float(there.std())
    tails = float(((there - mean) ** 4).mean()) / max(sd, 1e-300) ** 4 - 1  # of the platform's own log
    for what, ours, theirs, noise in (
        ("mean", float(here.mean()), mean, 4 * sd / np.sqrt(n)),
        ("sd", float(here.std()), sd, 2 * sd * float(np.sqrt(max(tails, 0.0) / n))),
    ):
        yield _compared(f"{name}: {what}", ours, theirs, 0.1 * ours + noise, "zeros among them")


def _amount_by_arm(log: Measured, own: Measured, name: str) -> Iterator[Line]:
    """Mean in each arm where it is not 0; both logs' noise counts, since an arm may be small."""
    for arm, word in enumerate(("untreated", "treated")):
        sides = []
        for side in (log.rows, own.rows):
            if side.treated is None or side.outcome is None or side.outcome.amount is None:
                return
            sides.append(side.outcome.amount[(side.outcome.reached == 1) & (side.treated == arm)])
        if min(map(len, sides)) < 30:
            continue
        ours, theirs = (float(side.mean()) for side in sides)
        noise = 3 * float(np.hypot(*(side.std() / np.sqrt(len(side)) for side in sides)))
        yield _compared(f"{name}: mean where {word}", ours, theirs, 0.1 * ours + noise, "where it is not 0")


def _selection(log: Measured, own: Measured) -> Iterator[Line]:
    one, two = log.selected, own.selected
    if one is None or two is None:
        return
    noise = 3 * float(np.hypot(one.std_error, two.std_error))
    how = "what the columns say the treated would have had more untreated"
    yield _compared("selection on logged columns", one.value, two.value, 0.003 + noise, how)
    yield Line("outcome: AUC of the columns, untreated", one.auc, two.auc, OPEN, "cross-fitted on untreated rows")


def _texts(sides: Sides, text: str | None) -> Iterator[Line]:
    """What the text says of outcome and treatment, read by the same reader in as many rows."""
    rows, seed = sides.log.rows, sides.seed
    if rows.outcome is None or (here := text_of(rows, rows.outcome.reached, text, seed)) is None:
        yield Line("text: outcome's deviance", np.nan, np.nan, ABSENT, "no text with an outcome to predict")
        return
    own, n = own_rows(sides.platform, rows, TEXT_ROWS, seed), min(len(rows.frame), TEXT_ROWS)
    assert own.outcome is not None
    there = text_of(own, own.outcome.reached, None, seed, n) or TextGain(0.0, 0.0)
    noise = 3 * float(np.hypot(here.std_error, there.std_error))
    how = f"TF-IDF beyond the tables, held out, {n:,} rows"
    yield _compared("text: outcome's deviance", here.value, there.value, 0.002 + noise, how)
    if rows.treated is None or own.treated is None:
        return
    gains = text_of(rows, rows.treated, text, seed), text_of(own, own.treated, None, seed, n)
    values = [np.nan if gain is None else gain.value for gain in gains]
    yield Line("text: treatment's deviance", values[0], values[1], OPEN, f"{how}; above 0, adjust for the text")


def _together(lifts: dict[str, Floats]) -> Iterator[Line]:
    if not lifts:
        yield Line("co-occurrence: sd of log2 lift", np.nan, np.nan, ABSENT, "a user takes one item")
        return
    if not len(lifts["log"]):
        yield Line("co-occurrence: sd of log2 lift", np.nan, np.nan, ABSENT, "no pair of items is frequent enough")
        return
    chance, how = lifts_of(lifts["independence"])[1], "pairs of the 60 most frequent items"
    log, platform = lifts_of(lifts["log"]), lifts_of(lifts["platform"])
    yield Line("co-occurrence: mean log2 lift", log[0], platform[0], OPEN, how)
    yield Line("co-occurrence: sd of log2 lift", log[1], platform[1], OPEN, f"{how}; {chance:.2f} by chance")


def _unknown(sides: Sides) -> Iterator[Line]:
    """What no log tells: the platform's own values, which are assumptions."""
    platform, level = sides.platform, main_level(sides.log.rows, sides.base)
    y0, y1 = Trial.of(platform, sides.seed).reached(
        platform.funnel.stages, platform.funnel.effect, main_stage(platform.scenario)
    )
    both = level is not None and level.untreated is not None and level.treated is not None
    how = "what the assumed confounding leaves of the naive contrast" if both else f"that of {sides.base.name!r}"
    yield Line("average effect on the outcome's rate", np.nan, float((y1 - y0).mean()), UNKNOWN, how)
    yield Line("hidden confounding", np.nan, platform.dials.confounding, UNKNOWN, "a dial, an assumption")
