"""Difference in differences with staggered adoption: Callaway and Sant'Anna's doubly robust group-time effects."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from causalrec_lab.causal.effects.inference import SUTVA
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.panel.aggregation import cohort_shares
from causalrec_lab.causal.effects.panel.group_time import Cells, group_time
from causalrec_lab.causal.effects.panel.reading import Panel, read_panel
from causalrec_lab.causal.effects.panel.result import PanelEffects
from causalrec_lab.causal.effects.sample import Embeddings, nearest
from causalrec_lab.estimate import z_value

__all__ = ["BASES", "CONTROLS", "did"]

CONTROLS = ("never", "not yet")
BASES = ("universal", "varying")
_FEW = 10  # treated units below which a cohort's own error says little
_HEAVY = 0.05


@one_thread()
def did(
    frame: pd.DataFrame,
    outcome: str,
    covariates: Sequence[str] = (),
    *,
    unit: str,
    time: str,
    cohort: str,
    embeddings: Embeddings | None = None,
    cluster: str | None = None,
    weights: str | None = None,
    control: str = "never",
    base: str = "universal",
    anticipation: int = 0,
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
) -> PanelEffects:
    r"""Effects on the treated where units are treated from different periods on, by comparing changes.

    .. math:: ATT(g, t) = E[Y_t - Y_{g-1} | G = g] - E[Y_t - Y_{g-1} | \text{comparison}]

    each doubly robust given covariates (Callaway and Sant'Anna 2021; Sant'Anna and Zhao 2020), compared
    only with units not treated, then averaged. Two-way fixed effects (`two_way`) also compare with units treated
    earlier, whose own effects then enter with a minus.

    Parameters
    ----------
    frame
        One row a unit and period. Each comparison uses the units seen in both its periods.
    outcome
        Column of numbers.
    covariates
        Columns, as they were in the base period, given which trends are parallel. One row a unit and base period is
        read, so later values, which treatment may have moved, never enter effects after treatment.
    unit, time, cohort
        Columns: who; when (numbers or dates); first treated period, empty, infinite (or 0 where periods start
        later) for never treated.
    embeddings
        (n, d) array or several, a row of the table each: texts, as they were in the base period, given which trends
        are parallel. They enter both nuisances by cross-fitted ridge.
    cluster
        Column whose units err together; the unit itself by default.
    weights
        Column of sampling weights, one value a unit.
    control
        "never": units never treated while observed. "not yet": also those treated later.
    base
        "universal": every period is compared with the last before treatment (effects before treatment make a line that
        can be read as a trend). "varying": before treatment each with the period before it.
    anticipation
        Periods before treatment in which outcomes may already move.
    level, seed
        Confidence level; seed of simultaneous bands and of cross-fitting.
    folds
        Of units (whole clusters), for embeddings.

    Returns
    -------
    `PanelEffects`: `.att()` and `.att(g, t)`, `.average()`, `.by(...)`, `.event_study()`, `.plot()`, `.pretrend()`,
    `.sensitivity()`.

    Raises
    ------
    ValueError
        If a column is unknown, a unit stands twice in a period, changes its cohort, nobody is treated inside the window
        or there is nobody to compare with (or a single unit on one side), and on an unknown control or base.
    """
    for name, value, known in (("control", control, CONTROLS), ("base", base, BASES)):
        if value not in known:
            raise ValueError(f"unknown {name} {value!r}; {nearest(value, known)}")
    if not (math.isfinite(anticipation) and anticipation >= 0 and anticipation == int(anticipation)):
        raise ValueError(f"anticipation={anticipation!r}: give the number of periods, 0 or more")
    z_value(level)
    panel = read_panel(
        frame, outcome, unit=unit, time=time, cohort=cohort, covariates=covariates, cluster=cluster, weights=weights,
        anticipation=anticipation, embeddings=embeddings, folds=folds, seed=seed,
    )  # fmt: skip
    if control == "never" and not (panel.cohort == panel.periods).any():
        raise ValueError(
            f"no unit is never treated (column {cohort!r} is empty or infinite nowhere"
            f"{'; 0 is a period here, no mark of never' if 0 in panel.labels else ''}); use control='not yet', which "
            "compares with units treated later"
        )
    cells = group_time(panel, control=control, base=base, anticipation=anticipation)
    if min(cells.treated.max(), cells.control.max()) < 2:
        who = "treated" if cells.treated.max() < 2 else "comparison"
        raise ValueError(f"every comparison has a single {who} unit, so nothing tells how its change varies; give more")
    return PanelEffects(
        cells=cells, shares=cohort_shares(panel), labels=panel.labels, clock=panel.clock, units=panel.units,
        rows=panel.rows, level=level, seed=seed, control=control, base=base, anticipation=anticipation,
        method=_method(panel, control, cluster), assumptions=_assumptions(panel, control, anticipation),
        notes=_notes(panel, cells),
    )  # fmt: skip


def _method(panel: Panel, control: str, cluster: str | None) -> str:
    adjusted = "doubly robust, " if _adjusts(panel) else ""
    adjusted += "" if panel.text is None else f"{panel.text.folds}-fold cross-fitted, "
    return f"Callaway-Sant'Anna, {adjusted}{control}-treated controls, clustered by {cluster or 'unit'}"


def _assumptions(panel: Panel, control: str, anticipation: int) -> tuple[str, ...]:
    given = "given the covariates (and what the embeddings tell), " if _adjusts(panel) else ""
    who = "never-treated" if control == "never" else "not-yet-treated"
    early = "before treatment" if anticipation == 0 else f"more than {anticipation} periods before treatment"
    return (
        f"parallel trends: {given}without treatment cohorts would have changed as the {who} units did",
        f"no anticipation: nothing moves {early}",
        "treatment stays once it has begun",
        *(("overlap, and the propensity or the line of changes is right",) if _adjusts(panel) else ()),
        SUTVA,
    )


def _notes(panel: Panel, cells: Cells) -> tuple[str, ...]:
    said = list(panel.notes)
    absent = [str(panel.labels[g]) for g in panel.cohorts if g not in set(cells.cohort[cells.period >= cells.cohort])]
    if absent:
        said.append(f"no comparison was left for the effects of cohorts {', '.join(absent)}: they are in no average")
    if (fewest := int(cells.treated.min())) < _FEW:
        at = panel.labels[int(cells.cohort[cells.treated.argmin()])]
        said.append(f"warning: cohort {at} has only {fewest} units; its own errors cannot be trusted")
    if _adjusts(panel) and (heaviest := float(cells.heaviest.max())) > _HEAVY:
        said.append(f"warning: one comparison unit carries {heaviest:.0%} of a comparison's weight; overlap is poor")
    if panel.text is not None:
        said.append(f"{panel.text.rows.shape[1]} embedding dimensions enter both nuisances by cross-fitted ridge")
    return tuple(said)


def _adjusts(panel: Panel) -> bool:
    return bool(panel.names) or panel.text is not None
