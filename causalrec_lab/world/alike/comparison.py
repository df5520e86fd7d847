"""`likeness`: a log and a platform side by side, with what was matched and what cannot be known."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.world.alike.lines import MATCHES, Sides, lines
from causalrec_lab.world.alike.matching import Measured, measure, scenario_like
from causalrec_lab.world.alike.own import own_rows
from causalrec_lab.world.alike.rows import read_rows
from causalrec_lab.world.alike.together import taken_together
from causalrec_lab.world.people.population import Floats
from causalrec_lab.world.platform import Platform
from causalrec_lab.world.scenarios.presets import scenario as find_scenario
from causalrec_lab.world.scenarios.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Likeness", "likeness"]

OWN_ROWS = 20_000  # rows of the platform's own log, at least


@dataclass(frozen=True, eq=False)
class Likeness:
    """A log and a platform, measured by the same code.

    Parameters
    ----------
    name
        The log's.
    platform
        The platform it was set beside.
    table
        One row a statistic: statistic, log, platform, matched ("yes", "no", "not matched", "not in the log", "cannot be
        known") and how it was measured, with the tolerance where it was to be matched.
    notes
        What was assumed in reading the log and in making the scenario.
    log, own
        What was measured in each: shape, exposure, selection.
    lifts
        Log2 lifts of pairs of items, "log", "platform", "independence"; empty where users take one item each.
    """

    name: str
    platform: Platform
    table: pd.DataFrame
    notes: tuple[str, ...]
    log: Measured
    own: Measured
    lifts: dict[str, Floats]

    def plot(self, which: str | None = None) -> Figure:
        """Popularity, activity, overlap and co-occurrence, log and platform in each; or one of the four.

        Raises
        ------
        ValueError
            If there is no such picture.
        """
        from causalrec_lab.world.alike.pictures import draw

        return draw(self, which)

    def __repr__(self) -> str:
        counts = self.table["matched"].value_counts()
        said = ", ".join(f"{counts[word]} {word}" for word in MATCHES if word in counts)
        return f"Likeness({self.name!r}: {said})"

    def _repr_html_(self) -> str:
        """Table and notes; everything that comes from the log is escaped."""
        shown = self.table.to_html(
            index=False, border=0, escape=True, na_rep="", float_format=lambda value: f"{value:.4g}"
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        head = f"<p><b>{html.escape(self.name)}</b> and a platform like it</p>"
        return f'<div class="likeness">{head}{shown}<ul>{notes}</ul></div>'


def likeness(
    dataset: Dataset,
    platform: Platform | Scenario | None = None,
    *,
    outcome: str | None = None,
    treatment: str = "treated",
    covariates: Sequence[str] = (),
    text: str | None = None,
    base: str | Scenario = "ecommerce",
    seed: int = 0,
) -> Likeness:
    """Set a log beside a platform; what is compared is measured in the platform's own log by the same code.

    Parameters
    ----------
    dataset
        The log.
    platform
        A platform, or a scenario to make one of; None: one like the log (`Scenario.from_dataset`).
    outcome, treatment, covariates, text, base, seed
        As in `Scenario.from_dataset`; give the same, so that the same columns are read.

    Raises
    ------
    ValueError
        As `Scenario.from_dataset`.
    """
    base = find_scenario(base)
    rows = read_rows(dataset, outcome=outcome, treatment=treatment, covariates=covariates, base=base)
    if platform is None:
        platform = scenario_like(
            dataset, outcome=outcome, treatment=treatment, covariates=covariates, text=text, base=base, seed=seed
        )
    made = platform if isinstance(platform, Platform) else Platform.make(platform, seed)
    log = measure(rows, base.cost.name, seed)
    n = int(np.clip(len(rows.frame), OWN_ROWS, 5 * OWN_ROWS))
    own = measure(own_rows(made, rows, n, seed + 1), made.scenario.cost.name, seed)
    lifts = taken_together(rows, made, seed)
    table = pd.DataFrame(lines(Sides(log, own, made, base, seed), lifts, text))
    notes = tuple(dict.fromkeys((*made.scenario.notes, *rows.notes)))
    return Likeness(dataset.name, made, table, notes, log, own, lifts)
