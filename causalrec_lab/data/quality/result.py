"""`QualityReport`: findings, answers, tables and figures of one log, as text, page and pictures."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalrec_lab.data.quality import pictures
from causalrec_lab.data.quality.exposure import ExposureBias
from causalrec_lab.data.quality.positivity import Overlap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["QualityReport"]


@dataclass(frozen=True, eq=False)
class QualityReport:
    """What was looked at, and what was found.

    Parameters
    ----------
    name
        The data set.
    findings
        severity, check, finding, threatens, why, what_to_do, size, concerns: the gravest first, graded by the rules of
        `quality_rules`.
    answers
        One row a question a log may be asked: answer ("yes", "with assumptions", "no"), because.
    figures
        Key figures by name (see `compare_reports`).
    sizes
        One row a table: rows, columns, users, items, first and last time.
    missing
        One row a column with missing values: table, column, rows, share, and by arm (see `completeness.missing`).
    duplicates
        One row a table with a key: table, key, rows that repeat it, share, bursts.
    time_travel
        One row a contradiction in time (see `time_travel`).
    leakage
        One row a leak between the parts of the split, where one was given (see `leakage`).
    targets
        One row a numeric column: how far it tells the outcome by itself, where there is a 0/1 outcome.
    text
        One row a text column (see `text_coverage`).
    over_time, drift
        Rates and novelty in ten equal parts, and how far each rate moves (see `steadiness`).
    exposure
        Exposure bias, where there are decisions, or events, or slates.
    overlap
        Propensities by arm, where a decisions table has or allows them.
    position
        Rate by position, where rows have positions and a 0/1 outcome.
    selection
        Chosen rows beside randomised ones, where the events say which is which.
    bots
        Pace of every user in the events, and who behaves like a program (see `bots`); None where nobody has 21 events.
    """

    name: str
    findings: pd.DataFrame
    answers: pd.DataFrame
    figures: Mapping[str, Any]
    sizes: pd.DataFrame
    missing: pd.DataFrame
    duplicates: pd.DataFrame
    time_travel: pd.DataFrame
    leakage: pd.DataFrame
    targets: pd.DataFrame
    text: pd.DataFrame
    over_time: pd.DataFrame | None
    drift: pd.DataFrame
    exposure: ExposureBias | None
    overlap: Overlap | None
    position: pd.DataFrame | None
    selection: pd.DataFrame | None
    bots: pd.DataFrame | None

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """All tables of the report by name, those that are empty left out."""
        found = {name: value for name, value in self.__dict__.items() if isinstance(value, pd.DataFrame)}
        if self.exposure is not None:
            found |= {"popularity": self.exposure.popularity, "balance": self.exposure.balance}
        if self.overlap is not None:
            found |= {"arms": self.overlap.arms, "calibration": self.overlap.calibration}
        return {name: frame for name, frame in found.items() if len(frame)}

    def plot(self) -> dict[str, Figure]:
        """Figures by name.

        "exposure" (Lorenz curve), "overlap" (propensities by arm), "position" (rates), "rates" and "novelty" (over
        time), "missing" (by arm): those the log has something for.
        """
        drawn: dict[str, Any] = {}
        if self.exposure is not None:
            drawn["exposure"] = self.exposure.plot()
        if self.overlap is not None:
            drawn["overlap"] = self.overlap.plot()
        if self.position is not None:
            drawn["position"] = pictures.draw_positions(self.position)
        if self.over_time is not None:
            drawn["novelty"] = pictures.draw_novelty(self.over_time)
            if len(self.drift):
                drawn["rates"] = pictures.draw_rates(self.over_time, [str(name) for name in self.drift.index])
        by_arm = self.missing[(self.missing["p_value"] < 1) & (self.missing["structural"] == "")]
        if len(by_arm):
            drawn["missing"] = pictures.draw_arms(by_arm)
        return {name: ax.figure for name, ax in drawn.items()}

    def __repr__(self) -> str:
        return f"QualityReport({self.name!r}: {_counted(self.findings)}; frames: {', '.join(self.frames)})"

    def _repr_html_(self) -> str:
        """Findings first, then what the log can answer, then the sizes; the same report gives the same text."""
        head = f"<p><b>{html.escape(self.name)}</b>: {_counted(self.findings)}</p>"
        parts = [_answers(self.answers), _table("sizes", _dated(self.sizes))]
        if "missing" in self.frames:
            short = self.missing.drop(columns="p_value").rename(columns={"structural": "by design of"})
            parts.append(_table("missing", short.dropna(axis=1, how="all"), index=False))
        return f'<div class="quality">{head}{_list(self.findings)}{"".join(parts)}</div>'


def _counted(findings: pd.DataFrame) -> str:
    grades = findings["severity"].value_counts()
    told = ", ".join(f"{grades[name]} {name}" for name in ("high", "medium", "low") if name in grades)
    return f"{len(findings)} findings, the gravest first ({told})" if len(findings) else "nothing found"


def _list(findings: pd.DataFrame) -> str:
    """Findings as a list: sentences that wrap, which cells of a table do not everywhere."""
    items = [
        f"<li><b>{html.escape(row['severity'])}</b>: {html.escape(row['finding'])}<br>"
        f"threatens {html.escape(row['threatens'])}: {html.escape(row['why'])}<br>"
        f"to do: {html.escape(row['what_to_do'])}</li>"
        for row in findings.astype(str).to_dict("records")
    ]
    return f"<ol>{''.join(items)}</ol>" if items else "<p>nothing found</p>"


def _answers(answers: pd.DataFrame) -> str:
    """Questions with their answers, in cells whose text wraps."""
    style = ' style="white-space: normal; text-align: left"'
    rows = "".join(
        f"<tr><th{style}>{html.escape(str(question))}</th><td{style}><b>{html.escape(row['answer'])}</b></td>"
        f"<td{style}>{html.escape(row['because'])}</td></tr>"
        for question, row in answers.iterrows()
    )
    return f"<h4>what this log can and cannot answer</h4><table><tbody>{rows}</tbody></table>"


def _dated(sizes: pd.DataFrame) -> pd.DataFrame:
    """Sizes with days instead of instants."""
    days = {name: [v.date() if isinstance(v, pd.Timestamp) else v for v in sizes[name]] for name in ("from", "to")}
    return sizes.assign(**days)


def _table(name: str, frame: pd.DataFrame, *, index: bool = True) -> str:
    named = frame.rename_axis(None)
    shown = named.to_html(index=index, border=0, escape=True, float_format=lambda value: f"{value:.3g}")
    return f"<h4>{html.escape(name)}</h4>{shown}"
