"""`quality_report`: what a log holds, what it hides, and which estimates that threatens."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.data import schema, threats
from causalrec_lab.data.dataset import Dataset
from causalrec_lab.data.exposure import ExposureBias, exposure_bias, position_curve
from causalrec_lab.data.positivity import Overlap, effective_sample_size, overlap
from causalrec_lab.data.registry import nearest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["QualityReport", "quality_report"]

_TEXTS = ("title", "text")


@dataclass(frozen=True, eq=False)
class QualityReport:
    """What was looked at, and what was found.

    Parameters
    ----------
    name
        The data set.
    sizes
        One row a table: rows, columns, users, items, first and last time.
    missing
        One row a column with missing values: table, column, rows, share.
    duplicates
        One row a table with a key: table, key, rows that repeat it.
    text
        One row a text column: table, column, covered (share of rows with text), words (median), distinct (share).
    exposure
        Exposure bias, where there are decisions, or events, or slates.
    overlap
        Propensities by arm, where a decisions table has or allows them.
    position
        Rate by position, where rows have positions and a 0/1 outcome.
    findings
        severity, finding, threatens, what_to_do: the gravest first.
    """

    name: str
    sizes: pd.DataFrame
    missing: pd.DataFrame
    duplicates: pd.DataFrame
    text: pd.DataFrame
    exposure: ExposureBias | None
    overlap: Overlap | None
    position: pd.DataFrame | None
    findings: pd.DataFrame

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """All tables of the report by name, those that are empty left out."""
        found = {
            name: getattr(self, name) for name in ("findings", "sizes", "missing", "duplicates", "text", "position")
        }
        if self.exposure is not None:
            found |= {"popularity": self.exposure.popularity, "balance": self.exposure.balance}
        if self.overlap is not None:
            found |= {"arms": self.overlap.arms, "calibration": self.overlap.calibration}
        return {name: frame for name, frame in found.items() if frame is not None and len(frame)}

    def plot(self) -> dict[str, Figure]:
        """Figures by name: "exposure" (Lorenz curve), "overlap" (propensities by arm), "position" (rates)."""
        figures: dict[str, Any] = {}
        if self.exposure is not None:
            figures["exposure"] = self.exposure.plot().figure
        if self.overlap is not None:
            figures["overlap"] = self.overlap.plot().figure
        if self.position is not None:
            figures["position"] = _draw_positions(self.position)
        return figures

    def __repr__(self) -> str:
        return f"QualityReport({self.name!r}: {len(self.findings)} findings; frames: {', '.join(self.frames)})"

    def _repr_html_(self) -> str:
        """Findings first, then the sizes; the same report gives the same text."""
        head = f"<p><b>{html.escape(self.name)}</b>: {len(self.findings)} findings, the gravest first</p>"
        parts = [_table(name, self.frames[name]) for name in ("sizes", "missing") if name in self.frames]
        return f'<div class="quality">{head}{_list(self.findings)}{"".join(parts)}</div>'


def quality_report(dataset: Dataset, *, covariates: Sequence[str] = (), outcome: str | None = None) -> QualityReport:
    """Report on a data set before anything is estimated from it.

    Parameters
    ----------
    dataset
        Any `Dataset`; what it has is looked at.
    covariates
        Numeric columns of `decisions` that the exposure rule looked at: their balance is shown, and the overlap is
        estimated from them where no propensity is stored.
    outcome
        A numeric column of `decisions` (or of `slates`; "reward" by default there), for rates and positions.

    Returns
    -------
    `QualityReport`.

    Raises
    ------
    ValueError
        If the data set has no table, a named column is not there, a treatment has a single class, or a stored
        propensity lies outside (0, 1].
    """
    if not dataset.tables:
        raise ValueError(
            f"quality_report: data set {dataset.name!r} has no table; build one with data.Dataset(events=…)"
        )
    _columns_there(dataset, covariates, outcome)
    missing, duplicates, text = _missing(dataset), _duplicates(dataset), _text(dataset)
    exposure, arms = _exposure(dataset, covariates, outcome), _overlap(dataset, covariates)
    curve = _position(dataset, outcome)
    found = [*threats.of_tables(dataset, duplicates, missing), *threats.of_text(text), *_rounds(dataset)]
    found += [] if exposure is None else threats.of_exposure(exposure)
    found += [] if arms is None else threats.of_overlap(arms)
    found += [] if curve is None else threats.of_positions(curve)
    found += [] if dataset.decisions is None else threats.of_decisions(dataset.decisions, outcome)
    findings = threats.ranked(found)
    return QualityReport(dataset.name, _sizes(dataset), missing, duplicates, text, exposure, arms, curve, findings)


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


def _missing(dataset: Dataset) -> pd.DataFrame:
    rows = [
        {"table": name, "column": str(column), "rows": int(count), "share": count / len(table)}
        for name, table in dataset.tables.items()
        for column, count in table.isna().sum().items()
        if count
    ]
    return pd.DataFrame(rows, columns=["table", "column", "rows", "share"])


def _duplicates(dataset: Dataset) -> pd.DataFrame:
    rows = []
    for name, table in dataset.tables.items():
        key = [column for column in schema.KEYS.get(name, ()) if column in table]
        if key:
            rows.append({"table": name, "key": " + ".join(key), "rows": int(table.duplicated(key).sum())})
    return pd.DataFrame(rows, columns=["table", "key", "rows"])


def _text(dataset: Dataset) -> pd.DataFrame:
    rows = []
    for name in ("items", "users"):
        table = getattr(dataset, name)
        for column in [] if table is None else [c for c in _TEXTS if c in table]:
            texts = table[column].fillna("").astype(str).str.strip()
            words = texts.str.count(r"\S+")
            row = {"covered": (texts != "").mean(), "words": words.median(), "distinct": texts.nunique() / len(texts)}
            rows.append({"table": name, "column": column} | row)
    return pd.DataFrame(rows, columns=["table", "column", "covered", "words", "distinct"])


def _exposure(dataset: Dataset, covariates: Sequence[str], outcome: str | None) -> ExposureBias | None:
    catalogue = None if dataset.items is None else dataset.items["item_id"]
    if dataset.decisions is not None and {"item_id", "treated"} <= set(dataset.decisions):
        return exposure_bias(dataset.decisions, items=catalogue, covariates=covariates, outcome=outcome)
    for table in (_views(dataset.events), dataset.slates):
        if table is not None:
            return exposure_bias(table[["item_id"]], items=catalogue)
    return None


def _views(events: pd.DataFrame | None) -> pd.DataFrame | None:
    """Rows of an event log that are exposures: its views where it has any, else every row."""
    if events is None or "event" not in events:
        return events
    views = events[events["event"] == "view"]
    return views if len(views) else events


def _overlap(dataset: Dataset, covariates: Sequence[str]) -> Overlap | None:
    table = dataset.decisions
    if table is None or "treated" not in table or not ("propensity" in table or len(covariates)):
        return None
    return overlap(table, covariates=covariates)


def _position(dataset: Dataset, outcome: str | None) -> pd.DataFrame | None:
    for table, column in ((dataset.slates, outcome or "reward"), (dataset.decisions, outcome)):
        if table is not None and column is not None and {"position", column} <= set(table):
            if not table[column].isin([0, 1]).all():
                return None
            return position_curve(table[table["position"].notna()], column)
    return None


def _rounds(dataset: Dataset) -> Iterator[threats.Finding]:
    slates = dataset.slates
    if slates is not None and {"propensity", "reward"} <= set(slates):
        effective = effective_sample_size(1 / slates["propensity"].to_numpy(dtype=np.float64))
        yield from threats.of_rounds(effective, len(slates), int((slates["reward"] > 0).sum()))


def _draw_positions(curve: pd.DataFrame) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 3.4), layout="constrained")
    ax = figure.subplots()
    error = [curve["rate"] - curve["low"], curve["high"] - curve["rate"]]
    ax.errorbar(curve.index.astype(str), curve["rate"], yerr=error, fmt="o", capsize=4)
    ax.set(xlabel="position", ylabel="rate (95 % Wilson interval)", ylim=(0, None))
    return figure


def _list(findings: pd.DataFrame) -> str:
    """Findings as a list: sentences that wrap, which cells of a table do not everywhere."""
    items = [
        f"<li><b>{html.escape(row.severity)}</b>: {html.escape(row.finding)}<br>"
        f"threatens {html.escape(row.threatens)}<br>to do: {html.escape(row.what_to_do)}</li>"
        for row in map(threats.Finding, *(findings[name].astype(str) for name in findings))
    ]
    return f"<ol>{''.join(items)}</ol>" if items else "<p>nothing found</p>"


def _table(name: str, frame: pd.DataFrame) -> str:
    shown = frame.to_html(index=name == "sizes", border=0, escape=True, float_format=lambda value: f"{value:.3g}")
    return f"<h4>{html.escape(name)}</h4>{shown}"
