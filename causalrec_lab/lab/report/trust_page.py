"""The page of a trust report: one HTML file that opens offline."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.trust.ranking import STANDINGS
from causalrec_lab.causal.trust.twins import wilson
from causalrec_lab.causal.trust.words import alike, meaning, number, sentences
from causalrec_lab.lab.figures import drawn
from causalrec_lab.lab.report.outputs import figure_html
from causalrec_lab.lab.report.page import Site, page
from causalrec_lab.lab.theme import use_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from causalrec_lab.causal.trust import TrustReport

__all__ = ["trust_page"]

_ALTS = {
    "estimates": "The effect on this log by every estimator, with its interval, in the order of trust",
    "bias": "Mean error of every estimator on platforms like this log, by strength of the hidden trait",
    "overlap": "Estimated chance of treatment of treated and untreated rows of this log",
    "coverage": "Share of intervals that held the truth on platforms like this log, by strength of the hidden trait",
}


def trust_page(report: TrustReport, command: str = "") -> str:
    """The whole page: answer, order, what was measured, findings about the log, what was assumed, how it was made.

    Parameters
    ----------
    report
        What `causal.trust.trust` gives.
    command
        The command that made it, shown at the end; "" leaves it out.
    """
    import matplotlib as mpl

    with mpl.rc_context():
        use_theme()
        pictures: dict[str, Any] = dict(report.plot())
        if report.quality.overlap is not None:
            pictures["overlap"] = report.quality.overlap.plot().figure
        for figure in pictures.values():
            _plain(figure)
        figures = {name: figure_html(*drawn(figure, alt=_ALTS[name])) for name, figure in pictures.items()}
    asked = report.question
    title = f"Which estimator to trust: {asked.outcome} by {asked.treatment}"
    eyebrow = f'<p class="eyebrow">{html.escape(asked.name)}, {len(asked.frame):,} rows</p>'
    lead, *others = sentences(report)
    answer = f"<h1>{html.escape(title)}</h1><p>{html.escape(lead)}</p>{_list(others)}"
    body = "".join(
        (
            f'<section class="hero">{eyebrow}{answer}</section>',
            _section("How the log was read", _list(asked.notes)) if asked.notes else "",
            _section("The order of trust", _rule(report) + _ranking(report) + figures["estimates"] + _problems(report)),
            _section("What was measured on platforms like this log", _measured(report, figures)),
            _section("What was found in the log", _findings(report) + figures.get("overlap", "")),
            _section("How like this log the platforms are", _likeness(report)),
            _section("What no log can tell", _limits(report)),
            _section("How this page was made", _made(report, command)),
        )
    )
    foot = html.escape(time.strftime("causalrec_lab · built %Y-%m-%d %H:%M UTC", time.gmtime()))
    return page(Site((), foot, has_decision=False, alone=True), title=title, body=body, here="trust", kind="trust")


def _rule(report: TrustReport) -> str:
    unit = html.escape(f"{report.question.outcome}, in a log of {len(report.question.frame):,} rows")
    standings = "; ".join(f"<em>{name}</em>: {html.escape(meaning(name))}" for name in STANDINGS)
    return (
        "<p>First stand the estimators whose interval was not seen to hold the truth less often than it says where "
        "nothing was hidden; within them, the smaller the error, the higher. The error (rmse) is the root mean squared "
        f"error in units of {unit}, averaged over the strengths of a hidden trait: which of them is yours, "
        "nobody knows, so each counts the same. <em>At this size</em> is the coverage that is left to an interval as "
        "long as this log's own by the bias of the strongest trait tried: a bias does not shrink with more rows, an "
        f"interval does.</p><details><summary>What the standings say</summary><p>{standings}.</p></details>"
    )


def _plain(figure: Figure) -> None:
    """Write names as they are: a dollar sign in a column's name begins no formula."""
    for ax in figure.axes:
        legend = ax.get_legend()
        for text in (ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts, *(legend.get_texts() if legend else ())):
            text.set_parse_math(False)


def _list(items: Sequence[str]) -> str:
    """A list, escaped; nothing where there is nothing."""
    lines = "".join(f"<li>{html.escape(item)}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def _section(title: str, inner: str) -> str:
    return f'<section class="prose"><h2>{html.escape(title)}</h2>{inner}</section>'


def _ranking(report: TrustReport) -> str:
    table = report.ranking
    coverages = [name for name in table.columns if name.startswith("coverage, ")]
    head = ["estimator", "on this log", "where nothing is hidden", "rmse", *[_strength(c) for c in coverages]]
    rows = [
        [str(label), _interval(row), str(row["standing"]), number(row["rmse"], 3)]
        + [_share(row[name]) for name in (*coverages, "at_this_size")]
        for label, row in table.iterrows()
    ]
    return _table([*head, "at this size"], rows)


def _measured(report: TrustReport, figures: dict[str, str]) -> str:
    names = ["truth", "bias", "sd", "rmse", "coverage", "length", "warned", "failed"]
    shown = report.measured[names].reset_index()
    rows = [[_cell(value) for value in row] for row in shown.itertuples(index=False)]
    said = (
        f"<p>Each estimator ran on {report.replications} logs of {report.rows:,} rows from each of "
        f"{len(report.twins)} platforms: computer models of users and items, whose true effect is known. All "
        "write logs as like this one as could be made (how like, below); they differ in how strongly a trait that "
        "stands in no column moves both treatment and outcome, and so in the true effect. Every estimator is held "
        f"against the {report.question.estimand}, whatever it aims at itself. A coverage is known to within its "
        f"interval in the figure: {report.replications} logs cannot tell one of {_lowest(report):.0%} from "
        f"{report.level:.0%}.</p>"
    )
    folded = f"<details><summary>All figures</summary>{_table(['estimator', 'strength', *names], rows)}</details>"
    return said + _scale(report) + figures["bias"] + figures["coverage"] + folded


def _scale(report: TrustReport) -> str:
    """How large the strengths are, beside what the columns are worth."""
    bias, strongest = report.measured["bias"], report.twins[-1].strength
    labels = bias.index.get_level_values("estimator")
    if "naive" not in labels or report.best == "naive" or not strongest:
        return ""
    moved = bias[report.best, strongest] - bias[report.best, 0.0]
    return (
        "<p>For scale: where nothing is hidden, the naive difference, which reads no column, is off by "
        f"{number(bias['naive', 0.0], 3)} on average; a hidden trait of strength {strongest:g} moves "
        f"{html.escape(report.best)} by {number(moved, 3)}.</p>"
    )


def _lowest(report: TrustReport) -> float:
    """Smallest share of the logs whose Wilson interval reaches the level."""
    n = report.replications
    return next(hits / n for hits in range(n + 1) if wilson(hits, n)[1] >= report.level)


def _findings(report: TrustReport) -> str:
    found = report.quality.findings
    if found.empty:
        return "<p>Nothing that a rule would grade.</p>"
    rows = [
        [str(row.severity), str(row.finding), str(row.threatens), str(row.what_to_do)] for row in found.itertuples()
    ]
    return _table(["severity", "finding", "threatens", "what to do"], rows)


def _likeness(report: TrustReport) -> str:
    table = report.likeness.table[["statistic", "log", "platform", "matched", "how"]]
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    said = f"<p>{html.escape(alike(report))}</p>"
    shown = "Statistic by statistic, where nothing is hidden"
    return f"{said}<details><summary>{shown}</summary>{_table(list(table.columns), rows)}</details>"


def _limits(report: TrustReport) -> str:
    said = (
        "<p>Whether a trait that moves both treatment and outcome is missing from the columns cannot be seen in a log, "
        "nor how strong it is. The strengths are assumptions, set side by side. A platform has columns of its own: "
        "what an estimator does there is evidence of what it does here, no proof.</p>"
    )
    return f"{said}{_list(report.likeness.notes)}"


def _problems(report: TrustReport) -> str:
    if not report.problems:
        return ""
    items = "".join(f"<li>{html.escape(name)}: {html.escape(why)}</li>" for name, why in report.problems.items())
    return f"<p>Not computed on this log:</p><ul>{items}</ul>"


def _made(report: TrustReport, command: str) -> str:
    asked = report.question
    pairs = {
        "treatment": asked.treatment,
        "outcome": asked.outcome,
        "covariates": ", ".join(asked.covariates) or "none",
        "text": asked.text or "none",
        "estimand": asked.estimand,
        "errors clustered by": ", ".join(asked.cluster) or "none: every row is its own",
        "level": f"{report.level:g}",
        "seed": str(report.seed),
    } | ({"command": command} if command else {})
    return _table(["", ""], [[name, value] for name, value in pairs.items()])


def _strength(column: str) -> str:
    strength = column.removeprefix("coverage, ")
    return "coverage, nothing hidden" if strength == "0" else f"coverage, hidden {strength}"


def _interval(row: pd.Series[Any]) -> str:
    if np.isnan(row["value"]):
        return "not computed"
    shown = f"{number(row['value'])} [{number(row['low'])}, {number(row['high'])}]"
    return shown.replace(" ", "\u00a0")  # on a phone, too, one line


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.0%}"


def _cell(value: Any) -> str:
    if isinstance(value, (int, float, np.floating)):
        return "–" if np.isnan(value) else number(float(value))
    return str(value)


def _table(head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{html.escape(word)}</th>" for word in head)
    lines = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="table"><table>'
        f"{f'<thead><tr>{top}</tr></thead>' if any(head) else ''}<tbody>{lines}</tbody></table></div>"
    )
