"""How much the text says, matched to the text dial: the platform's own log is read as the real one was.

There is no formula from held-out deviance to the dial, so the platform writes logs of the same size at several settings
and the same reader reads them; between the settings the dial is interpolated. Two limits: the reader is TF-IDF with a
ridge, so what only an encoder would find counts as unsaid in both; and the platform's text speaks of one hidden trait,
so a text that tells of something else is matched in how much it tells, not in what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from causalrec_lab.world.alike.measures import TEXT_ROWS, text_of
from causalrec_lab.world.alike.own import own_rows
from causalrec_lab.world.alike.rows import Rows
from causalrec_lab.world.alike.statistics import TextGain
from causalrec_lab.world.people.population import Floats
from causalrec_lab.world.platform import Platform
from causalrec_lab.world.scenarios.scenario import Scenario

__all__ = ["GRID", "fit_text"]

GRID = (0.0, 0.3, 0.6, 0.9)


def fit_text(scenario: Scenario, rows: Rows, text: str | None, seed: int, small: Callable[..., Platform]) -> Scenario:
    """Set the text dial so that words explain as much of the outcome as in the log, as far as that can be told."""
    y = None if rows.outcome is None else rows.outcome.reached
    said = None if y is None else text_of(rows, y, text, seed)
    if said is None:
        rows.notes.append("the log has no text with an outcome to predict, so the text dial is the base scenario's")
        return scenario
    heard = [_heard(scenario, rows, dial, seed, small) for dial in GRID]
    gains = np.maximum.accumulate([gain.value for gain in heard])
    if said.value > gains[-1] + 2 * np.hypot(said.std_error, heard[-1].std_error):
        rows.notes.append(
            f"the log's text says more of the outcome ({said.value:.1%} of its deviance) than this platform's ever "
            f"does ({gains[-1]:.1%} at text_r2={GRID[-1]:g}, which is taken)"
        )
        return _with_text(scenario, GRID[-1])
    if gains[-1] - gains[0] < 2 * max(said.std_error, heard[-1].std_error):
        rows.notes.append(
            f"{min(len(rows.frame), TEXT_ROWS):,} rows of this outcome cannot tell text that says much from text that "
            "says nothing; the text dial is the base scenario's"
        )
        return scenario
    low, dial, high = (_dial(gains, said.value + step * said.std_error) for step in (-1, 0, 1))
    rows.notes.append(
        f"text_r2={dial:.2f} reads like the log's text; {low:.2f} to {high:.2f} within one standard error"
    )
    return _with_text(scenario, dial)


def _with_text(scenario: Scenario, dial: float) -> Scenario:
    return replace(scenario, defaults=MappingProxyType({**scenario.defaults, "text_r2": round(dial, 3)}))


def _dial(gains: Floats, value: float) -> float:
    """Dial at which the platform's text explains this much, between the settings tried."""
    first = np.flatnonzero(np.concatenate([[True], np.diff(gains) > 0]))  # of settings that explain the same, the least
    return float(np.interp(value, gains[first], np.array(GRID)[first]))


def _heard(scenario: Scenario, rows: Rows, dial: float, seed: int, small: Callable[..., Platform]) -> TextGain:
    """What the same reader finds in a log of the platform with its text dial so set."""
    own = own_rows(small(scenario, seed, text_r2=dial), rows, TEXT_ROWS, seed)
    assert own.outcome is not None
    n = min(len(rows.frame), TEXT_ROWS)
    return text_of(own, own.outcome.reached, None, seed, n) or TextGain(0.0, np.inf)
