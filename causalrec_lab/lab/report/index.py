"""The report's first page: what the lab is for, and a card a chapter and a case."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

from causalrec_lab.lab.report.chapter import Opening, duration
from causalrec_lab.lab.report.interval_plot import interval_plot, number, width
from causalrec_lab.lab.report.page import Site, page, short_name
from causalrec_lab.lab.status import ChapterStatus

__all__ = ["covered", "index_page"]

PURPOSE = (
    "From behaviour logs and text to a recommender, from the recommender to a causal question, from the question to an "
    "identified and honest estimate, from the estimate to an intervention, and round again."
)
STEPS = ("Events and text", "Recommender", "Causal question", "Estimate", "Intervention", "Evaluation")


def index_page(
    openings: Mapping[str, Opening], statuses: Mapping[str, ChapterStatus | None], site: Site, subtitle: str
) -> str:
    """The first page.

    Parameters
    ----------
    openings
        Title and question of every chapter and case, in order.
    statuses
        Last run of each, None where it was not finished.
    site
        The report.
    subtitle
        Profile and date, as text.
    """
    course, cases = (
        "".join(_card(name, text, statuses[name]) for name, text in openings.items() if name[:2].isdigit() is numbered)
        for numbered in (True, False)
    )
    known = [status for status in statuses.values() if status]
    loop = "".join(f"<li>{step}</li>" for step in STEPS)
    words = f"<h1>Every estimate stands beside the truth</h1><p>{PURPOSE}</p>"
    body = (
        f'<section class="hero"><div><p class="eyebrow">{html.escape(subtitle)}</p>{words}'
        f'<ol class="loop" aria-label="The loop">{loop}</ol>{_figures(known, len(openings))}</div>{_ring()}</section>'
        f'<section class="cards" aria-label="Chapters">{course}</section>{_cases(cases)}{_doors(site)}'
    )
    return page(site, title="Report", body=body, here="index", kind="front")


def _cases(cards: str) -> str:
    """The group of the cases, where there are any."""
    words = (
        "The whole way in one go, from a log to a decision, on several platforms; and a template for a log of your own."
    )
    head = f'<h2>Cases</h2><p class="quiet">{words}</p>'
    return f'<section class="group">{head}<div class="cards">{cards}</div></section>' if cards else ""


def _ring() -> str:
    """The loop as a ring of six steps, for wide screens; the list beside it says the same."""
    parts = []
    for step, name in enumerate(STEPS):
        angle = math.radians(60 * step - 90)
        x, y = 190 + 118 * math.cos(angle), 170 + 118 * math.sin(angle)
        ends = [math.radians(60 * step - 90 + turn) for turn in (11, 49)]
        (x1, y1), (x2, y2) = ((190 + 118 * math.cos(end), 170 + 118 * math.sin(end)) for end in ends)
        parts.append(f'<path d="M{x1:.1f} {y1:.1f}A118 118 0 0 1 {x2:.1f} {y2:.1f}" marker-end="url(#tip)"/>')
        anchor = "middle" if abs(math.cos(angle)) < 0.1 else "start" if math.cos(angle) > 0 else "end"
        shift = 0 if anchor == "middle" else 17 if anchor == "start" else -17
        lift = (-16 if math.sin(angle) < 0 else 27) if anchor == "middle" else 4
        parts.append(f'<circle class="step-{step + 1}" cx="{x:.1f}" cy="{y:.1f}" r="8.5"/>')
        parts.append(f'<text x="{x + shift:.1f}" y="{y + lift:.1f}" text-anchor="{anchor}">{name}</text>')
    tip = '<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    tip += '<path class="tip" d="M1 1 6.5 4 1 7"/></marker></defs>'
    middle = '<circle class="truth" cx="190" cy="170" r="46"/><text class="middle" x="190" y="176">truth</text>'
    return f'<svg class="ring" viewBox="-42 22 470 300" aria-hidden="true">{tip}{middle}{"".join(parts)}</svg>'


def covered(row: Mapping[str, Any]) -> bool | None:
    """Tell whether the interval holds the truth; None where either is unknown."""
    from causalrec_lab.estimate import Estimate, Truth

    needed = [row.get(name) for name in ("value", "low", "high", "truth")]
    if any(value is None or math.isnan(value) for value in needed):
        return None
    estimate = Estimate(row["value"], 0.0, (row["low"], row["high"]), level=row.get("level", 0.95))
    return estimate.covers(Truth(row["truth"], row.get("truth_std_error", 0.0)))


def _figures(known: Sequence[ChapterStatus], notebooks: int) -> str:
    heads = [covered(status.findings["headline"]) for status in known if status.findings.get("headline")]
    judged = [held for held in heads if held is not None]
    sets = {name: there for status in known for name, there in status.findings.get("real_data", {}).items()}
    words = "chapters finished" if all(s.chapter[:2].isdigit() for s in known) else "chapters and cases finished"
    rows = [
        (f"{sum(status.ok for status in known)}/{notebooks}", words),
        (f"{sum(judged)}/{len(judged)}", "headline intervals that hold the truth") if judged else None,
        (f"{sum(sets.values())}/{len(sets)}", "real data sets at hand") if sets else None,
        (duration(sum(status.seconds for status in known)), "of computing"),
    ]
    items = "".join(f"<div><dt>{words}</dt><dd>{value}</dd></div>" for value, words in filter(None, rows))
    return f'<dl class="figures">{items}</dl>'


def _card(name: str, text: Opening, status: ChapterStatus | None) -> str:
    state, word = ("missing", "not run") if status is None else ("ok", "done") if status.ok else ("failed", "failed")
    title = html.escape(text.title)
    linked = title if status is None else f'<a href="{html.escape(name)}.html">{title}</a>'
    short = html.escape(short_name(name))
    head = f'<header><span class="number">{short}</span><span class="badge {state}">{word}</span></header>'
    foot = "" if status is None else f"<footer><span>{duration(status.seconds)}</span>{_missing(status)}</footer>"
    body = f'<h2>{linked}</h2><p class="question">{text.question}</p>{_middle(status)}'
    return f'<article class="card {state}">{head}{body}{foot}</article>'


def _middle(status: ChapterStatus | None) -> str:
    if status is None:
        return '<p class="quiet">This notebook has not been run to its end.</p>'
    if not status.ok:
        name, value = html.escape(status.error["name"]), html.escape(status.error["value"][:300])
        return f'<div class="error" role="alert"><p><strong>{name}</strong> {value}</p></div>'
    row = status.findings.get("headline")
    return _headline(row) if row else ""


def _headline(row: Mapping[str, Any]) -> str:
    unit = width(row)
    interval = "" if unit is None else f" <span>[{number(row['low'], unit)}, {number(row['high'], unit)}]</span>"
    truth = "" if row.get("truth") is None else f'<span class="true">truth {number(row["truth"], unit)}</span>'
    held = covered(row)
    verdict = (
        ""
        if held is None
        else f'<span class="{"held" if held else "lost"}">{"covered" if held else "not covered"}</span>'
    )
    return (
        f'<div class="headline"><p class="label">{html.escape(row["label"])}</p>{interval_plot(row)}'
        f'<p class="values"><strong>{number(row["value"], unit)}</strong>{interval}{truth}{verdict}</p></div>'
    )


def _missing(status: ChapterStatus) -> str:
    if names := status.missing_data:
        return f'<span class="absent">real data not at hand: {html.escape(", ".join(names))}</span>'
    there = [name for name, found in status.findings.get("real_data", {}).items() if found]
    return f'<span class="present">real data: {html.escape(", ".join(there))}</span>' if there else ""


def _doors(site: Site) -> str:
    doors = [("decision.html", "The decision", "Which intervention, how much, how sure, and how far from the truth")]
    doors = doors * site.has_decision
    doors += [
        ("reading.html", "The reading list", "What to read beside each chapter, and why"),
        (
            "glossary.html",
            "The glossary",
            "The field's terms in English and Chinese, each with the chapter that uses it",
        ),
        (
            "manifest.html",
            "The manifest",
            "Code, parameters, seeds, threads, machine, packages and data of this report",
        ),
    ]
    if site.reference:
        doors.append(
            (html.escape(site.reference), "The reference", "Every public name of the library, from its docstring")
        )
    links = (f'<a href="{address}"><strong>{head}</strong><span>{text}</span></a>' for address, head, text in doors)
    return f'<nav class="doors" aria-label="More">{"".join(links)}</nav>'
