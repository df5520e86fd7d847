"""`quality_report`: what a log holds, what it hides, and which estimates that threatens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from causalrec_lab.data.building.splits import Split
from causalrec_lab.data.cleaning.bots import bots
from causalrec_lab.data.dataset import Dataset
from causalrec_lab.data.frames_and_tables import in_database, need_columns
from causalrec_lab.data.quality import completeness, threats
from causalrec_lab.data.quality.answers import answers
from causalrec_lab.data.quality.comparison import key_figures
from causalrec_lab.data.quality.exposure import ExposureBias, exposure_bias, position_curve
from causalrec_lab.data.quality.leakage import leakage, of_leakage, of_targets, target_leakage
from causalrec_lab.data.quality.positivity import Overlap, overlap
from causalrec_lab.data.quality.result import QualityReport
from causalrec_lab.data.quality.rules import Finding, ranked
from causalrec_lab.data.quality.selection import of_selection, selection
from causalrec_lab.data.quality.steadiness import drift, of_drift, of_novelty, over_time
from causalrec_lab.data.quality.text_coverage import of_text, text_coverage
from causalrec_lab.data.quality.time_travel import exposure_event, of_time_travel, time_travel
from causalrec_lab.data.registry import nearest
from causalrec_lab.data.storage.memory import to_memory

__all__ = ["quality_report"]

_FEWEST = 21  # events of one user: the smallest number that any rule of `bots` can flag (hours of one day)


def quality_report(
    dataset: Dataset,
    *,
    covariates: Sequence[str] = (),
    outcome: str | None = None,
    split: Split | Mapping[str, pd.DataFrame] | None = None,
    exposure: str | None = None,
    since: Any = None,
    until: Any = None,
) -> QualityReport:
    """Report on a data set before anything is estimated from it.

    Parameters
    ----------
    dataset
        Any `Dataset`; what it has is looked at. Tables of a database are taken into memory if they fit (`to_memory`).
    covariates
        Numeric columns of `decisions` that the exposure rule looked at: their balance is shown, the overlap is
        estimated from them where no propensity is stored, and each is looked at as a leak.
    outcome
        A numeric column of `decisions` (or of `slates`; "reward" by default there), for rates, positions and leaks.
    split
        How the events are cut for training: its parts are compared.
    exposure
        Event that is the showing (see `time_travel`).
    since, until
        When the log can have begun and when it was read (see `time_travel`); the second is now unless given.

    Returns
    -------
    `QualityReport`. No finding is graded by judgement: `quality_rules` lists the rules.

    Raises
    ------
    ValueError
        If the data set has no table, a named column or event is not there, a treatment has a single class, or a stored
        propensity lies outside (0, 1].
    """
    if not dataset.tables:
        raise ValueError(
            f"quality_report: data set {dataset.name!r} has no table; build one with data.Dataset(events=…)"
        )
    dataset, split = _taken(dataset), _parts_taken(split)
    for table in dataset.tables.values():
        need_columns(table, list(table.columns), "quality_report")  # each once
    _columns_there(dataset, covariates, outcome)
    report = _measured(dataset, covariates, outcome, split, exposure, since, until)
    findings = _findings(dataset, report, outcome)
    return replace(report, findings=ranked(findings), answers=answers(dataset, findings))


def _taken(dataset: Dataset) -> Dataset:
    """Every table as a pandas frame."""
    taken: dict[str, Any] = {
        name: to_memory(table) for name, table in dataset.tables.items() if in_database(table, "quality_report")
    }
    taken |= {  # an index named like a column would make the name ambiguous
        name: table.reset_index(drop=True)
        for name, table in dataset.tables.items()
        if name not in taken and set(table.index.names) & set(table.columns)
    }
    return replace(dataset, **taken) if taken else dataset


def _parts_taken(split: Any) -> Any:
    if isinstance(split, Split) and in_database(split.train, "quality_report"):
        train, validation, test = (to_memory(part) for part in (split.train, split.validation, split.test))
        return replace(split, train=train, validation=validation, test=test)
    return split


def _measured(
    dataset: Dataset,
    covariates: Sequence[str],
    outcome: str | None,
    split: Split | Mapping[str, pd.DataFrame] | None,
    exposure: str | None,
    since: Any,
    until: Any,
) -> QualityReport:
    """Everything that is measured; findings and answers follow from it."""
    shown, arms, text = (
        _exposure(dataset, covariates, outcome, exposure),
        _overlap(dataset, covariates),
        text_coverage(dataset),
    )
    followed, measures = _followed(dataset, outcome)
    steps = None if followed is None else over_time(followed, measures)
    known = dataset.decisions if outcome is not None else None
    binary = known is not None and outcome is not None and known[outcome].dropna().isin([0, 1]).all()
    empty = pd.DataFrame()
    return QualityReport(
        name=dataset.name,
        findings=empty,
        answers=empty,
        figures=key_figures(dataset, shown, arms, text),
        sizes=_sizes(dataset),
        missing=completeness.missing(dataset),
        duplicates=completeness.duplicates(dataset),
        time_travel=time_travel(dataset, covariates=covariates, exposure=exposure, since=since, until=until),
        leakage=empty if split is None else leakage(split),
        targets=target_leakage(known, str(outcome), covariates) if binary and known is not None else empty,
        text=text,
        over_time=steps,
        drift=empty if followed is None or steps is None else drift(followed, steps, measures),
        exposure=shown,
        overlap=arms,
        position=_position(dataset, outcome),
        selection=None if dataset.events is None else selection(dataset.events),
        bots=_bots(dataset.events),
    )


def _findings(dataset: Dataset, report: QualityReport, outcome: str | None) -> list[Finding]:
    sizes = {name: len(table) for name, table in dataset.tables.items()}
    found = [*threats.of_tables(dataset), *completeness.of_missing(report.missing), *of_text(report.text)]
    found += [*completeness.of_duplicates(report.duplicates, sizes), *of_time_travel(report.time_travel)]
    found += of_leakage(report.leakage) if len(report.leakage) else ()
    found += of_targets(report.targets, str(outcome)) if len(report.targets) else ()
    found += of_drift(report.drift) if len(report.drift) else ()
    found += () if report.over_time is None else of_novelty(report.over_time)
    found += () if report.selection is None else of_selection(report.selection)
    found += () if report.bots is None else threats.of_bots(report.bots)
    found += () if report.exposure is None else threats.of_exposure(report.exposure)
    found += () if report.overlap is None else threats.of_overlap(report.overlap)
    found += () if report.position is None else threats.of_positions(report.position)
    found += () if dataset.slates is None else threats.of_rounds(dataset.slates)
    found += () if dataset.decisions is None else threats.of_decisions(dataset.decisions, outcome)
    return found


def _columns_there(dataset: Dataset, covariates: Sequence[str], outcome: str | None) -> None:
    table = dataset.decisions if dataset.decisions is not None else dataset.slates
    for name in (*covariates, *([outcome] if outcome else [])):
        if table is None or name not in table:
            known = "there are no decisions" if table is None else nearest(name, table.columns)
            raise ValueError(f"quality_report: no column {name!r}: {known}")


def _sizes(dataset: Dataset) -> pd.DataFrame:
    def size(table: pd.DataFrame) -> dict[str, Any]:
        row: dict[str, Any] = {"rows": len(table), "columns": table.shape[1]}
        for name, column in (("users", "user_id"), ("items", "item_id")):
            row[name] = table[column].nunique() if column in table else ""
        timed = "timestamp" in table
        return row | {
            "from": table["timestamp"].min() if timed else "",
            "to": table["timestamp"].max() if timed else "",
        }

    return pd.DataFrame.from_dict({name: size(table) for name, table in dataset.tables.items()}, orient="index")


def _exposure(
    dataset: Dataset, covariates: Sequence[str], outcome: str | None, event: str | None
) -> ExposureBias | None:
    catalogue = None if dataset.items is None else dataset.items["item_id"]
    decisions = dataset.decisions
    if decisions is not None and {"item_id", "treated"} <= set(decisions) and (decisions["treated"] == 1).any():
        return exposure_bias(decisions, items=catalogue, covariates=covariates, outcome=outcome)
    for table in (_views(dataset.events, event), dataset.slates):
        if table is not None and len(table):
            return exposure_bias(table[["item_id"]], items=catalogue)
    return None


def _views(events: pd.DataFrame | None, exposure: str | None) -> pd.DataFrame | None:
    """Rows of an event log that are exposures: its showings where it has any, else every row that was not drawn."""
    if events is None:
        return None
    if "randomised" in events and (events["randomised"] != 1).any():
        events = events[events["randomised"] != 1]
    shown = exposure_event(events, exposure)
    return events if shown is None else events[events["event"] == shown]


def _overlap(dataset: Dataset, covariates: Sequence[str]) -> Overlap | None:
    table = dataset.decisions
    if table is None or "treated" not in table or not ("propensity" in table or len(covariates)):
        return None
    stored = table[table["propensity"].notna()] if "propensity" in table else table  # "missing" tells how many are not
    return overlap(stored, covariates=covariates) if len(stored["treated"].unique()) > 1 else None


def _position(dataset: Dataset, outcome: str | None) -> pd.DataFrame | None:
    for table, column in ((dataset.slates, outcome or "reward"), (dataset.decisions, outcome)):
        if table is not None and column is not None and {"position", column} <= set(table):
            if not table[column].isin([0, 1]).all():
                return None
            return position_curve(table[table["position"].notna()], column)
    return None


def _bots(events: pd.DataFrame | None) -> pd.DataFrame | None:
    """Pace of every user, where the events have users, items and a clock, and somebody did enough to tell."""
    if events is None or not {"user_id", "item_id", "timestamp"} <= set(events):
        return None
    if events.empty or events["user_id"].value_counts().max() < _FEWEST:
        return None
    return bots(events) if pd.api.types.is_datetime64_any_dtype(events["timestamp"]) else None


def _followed(dataset: Dataset, outcome: str | None) -> tuple[pd.DataFrame | None, list[str]]:
    """Which table is followed over time, and which of its columns."""
    if dataset.decisions is not None:
        return dataset.decisions, [name for name in ("treated", outcome) if name and name in dataset.decisions]
    if dataset.slates is not None:
        return dataset.slates, [name for name in (outcome or "reward",) if name in dataset.slates]
    if dataset.events is not None:
        complete = "value" in dataset.events and dataset.events["value"].notna().all()
        return dataset.events, ["value"] if complete else []
    return None, []
