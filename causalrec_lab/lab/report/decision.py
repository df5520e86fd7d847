"""The decision page: which intervention, how much it changes, how sure that is, how far from the truth."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from causalrec_lab.lab.report.index import covered
from causalrec_lab.lab.report.interval_plot import Scale, interval_plot, number, width
from causalrec_lab.lab.report.page import Site, page

__all__ = ["decision_page"]

SHOWN: tuple[str, ...] = ("intervention", "value", "low", "high", "level", "truth", "truth_std_error", "chosen", "note")
SHOWN += ("estimand", "method", "n")  # in words of their own, or not at all


def decision_page(rows: Sequence[Mapping[str, Any]], chapter: tuple[str, str], site: Site) -> str:
    """The page of the interventions of one chapter.

    Parameters
    ----------
    rows
        What the chapter gave to `lab.decision`.
    chapter
        Name and title of the chapter they come from.
    site
        The report.
    """
    scale = Scale.around(rows)
    chosen = next((row for row in rows if row.get("chosen")), None)
    cards = "".join(_row(row, scale) for row in rows)
    name, title = chapter
    source = (
        f'<p class="quiet">From chapter <a href="{html.escape(name)}.html">{name[:2]} {html.escape(title)}</a>.</p>'
    )
    body = (
        f'<section class="hero"><p class="eyebrow">The decision</p>{_verdict(chosen)}</section>'
        f'<section class="options" aria-label="Interventions">{cards}</section>{_key()}{source}'
    )
    return page(site, title="Decision", body=body, here="decision", kind="decide")


def _verdict(chosen: Mapping[str, Any] | None) -> str:
    if chosen is None:
        return "<h1>No intervention was chosen</h1><p>The estimates below do not single one out.</p>"
    unit = width(chosen)
    what = html.escape(str(chosen.get("estimand") or "outcome"))
    sure = ""
    if chosen.get("low") is not None:
        level = f"{chosen.get('level', 0.95):.0%}"
        sure = f", with a {level} interval from {number(chosen['low'], unit)} to {number(chosen['high'], unit)}"
    lines = f"Its estimated {what} is <strong>{number(chosen['value'], unit)}</strong>{sure}. {_distance(chosen)}"
    return f"<h1>Take: {html.escape(str(chosen['intervention']))}</h1><p>{lines}</p>"


def _distance(row: Mapping[str, Any]) -> str:
    if row.get("truth") is None:
        return "No truth is known for it."
    held = covered(row)
    inside = "" if held is None else ", which the interval holds" if held else ", which the interval misses"
    unit = width(row)
    off = number(row["value"] - row["truth"], unit)
    return f"The truth is {number(row['truth'], unit)}{inside}: the estimate is off by {off}."


def _row(row: Mapping[str, Any], scale: Scale) -> str:
    mark = '<span class="badge ok">chosen</span>' if row.get("chosen") else ""
    unit = width(row)
    facts = [("estimate", number(row["value"], unit))]
    if unit is not None:
        facts.append(("interval", f"[{number(row['low'], unit)}, {number(row['high'], unit)}]"))
    if row.get("truth") is not None:
        facts += [("truth", number(row["truth"], unit)), ("off by", number(row["value"] - row["truth"], unit))]
    facts += [(key.replace("_", " "), _cell(value)) for key, value in row.items() if key not in SHOWN]
    items = "".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in facts)
    how = f'<p class="quiet">{html.escape(str(row["method"]))}</p>' if row.get("method") else ""
    note = f"<p>{html.escape(str(row['note']))}</p>" if row.get("note") else ""
    kind = "option chosen" if row.get("chosen") else "option"
    head = f"<header><h2>{html.escape(str(row['intervention']))}</h2>{mark}</header>"
    return f'<article class="{kind}">{head}{interval_plot(row, scale)}<dl>{items}</dl>{note}{how}</article>'


def _cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "–" if value is None else str(value)
    return number(float(value))


def _key() -> str:
    return (
        '<p class="key"><span class="k-dot">estimate</span><span class="k-bar">interval</span>'
        '<span class="k-truth">truth</span></p>'
    )
