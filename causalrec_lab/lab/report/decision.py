"""The decision page: which interventions, how much each changes, how sure that is, how far from the truth."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from causalrec_lab.lab.report.index import covered
from causalrec_lab.lab.report.interval_plot import Scale, interval_plot, is_reference, number, width
from causalrec_lab.lab.report.page import Site, page

__all__ = ["Decided", "decision_page"]

SHOWN: tuple[str, ...] = ("intervention", "value", "low", "high", "level", "truth", "truth_std_error", "chosen", "note")
SHOWN += ("estimand", "method", "n")  # in words of their own, or not at all


@dataclass(frozen=True)
class Decided:
    """A decision that a chapter or a case took.

    Parameters
    ----------
    name, title
        Of the chapter or case.
    rows
        What it gave to `lab.decision`.
    """

    name: str
    title: str
    rows: Sequence[Mapping[str, Any]]

    @property
    def chosen(self) -> Mapping[str, Any] | None:
        """The intervention to take, None where none was singled out."""
        return next((row for row in self.rows if row.get("chosen")), None)

    @property
    def link(self) -> str:
        """Link to the page the decision comes from."""
        numbered = self.name[:2].isdigit()
        words = f"chapter {self.name[:2]}: {self.title}" if numbered else self.title
        return f'<a href="{html.escape(self.name)}.html">{html.escape(words)}</a>'


def decision_page(decided: Sequence[Decided], site: Site) -> str:
    """The page of the decisions that were taken, one section each; several begin with a list of what to take where.

    Parameters
    ----------
    decided
        One decision at least.
    site
        The report.
    """
    if len(decided) == 1:
        head, parts = "", _section(decided[0], top=1)
    else:
        lines = "".join(_line(one) for one in decided)
        head = (
            f'<section class="hero"><p class="eyebrow">The decisions</p><h1>What to do</h1><ul>{lines}</ul></section>'
        )
        parts = "".join(_section(one, top=2) for one in decided)
    return page(site, title="Decision", body=head + parts + _key(), here="decision", kind="decide")


def _note(row: Mapping[str, Any]) -> str:
    return html.escape(str(row.get("note") or ""))


def _line(one: Decided) -> str:
    """What to take, in one line that leads to its section."""
    row = one.chosen
    if row is None:
        told = "no intervention was chosen"
    elif is_reference(row):
        told = f"<strong>{html.escape(str(row['intervention']))}</strong>{': ' * bool(row.get('note'))}{_note(row)}"
    else:
        unit = width(row)
        ends = "" if unit is None else f" [{number(row['low'], unit)}, {number(row['high'], unit)}]"
        what = f", {html.escape(str(row['estimand']))}" if row.get("estimand") else ""
        told = f"<strong>{html.escape(str(row['intervention']))}</strong>{what} {number(row['value'], unit)}{ends}"
    return f'<li><a href="#{html.escape(one.name)}">{html.escape(one.title)}</a>: {told}</li>'


def _section(one: Decided, top: int) -> str:
    """A decision with its interventions; `top` is the level of its heading."""
    scale = Scale.around(one.rows)
    cards = "".join(_row(row, scale, top + 1) for row in one.rows)
    over = f'<p class="eyebrow">{"The decision" if top == 1 else f"From {one.link}"}</p>'
    source = f'<p class="quiet">From {one.link}.</p>' if top == 1 else ""
    return (
        f'<section class="hero" id="{html.escape(one.name)}">{over}{_verdict(one.chosen, top)}</section>'
        f'<section class="options" aria-label="Interventions">{cards}</section>{source}'
    )


def _verdict(chosen: Mapping[str, Any] | None, top: int) -> str:
    if chosen is None:
        return f"<h{top}>No intervention was chosen</h{top}><p>The estimates below do not single one out.</p>"
    head = f"<h{top}>Take: {html.escape(str(chosen['intervention']))}</h{top}>"
    if is_reference(chosen):
        return f"{head}<p>The others are measured against it. {_note(chosen)}</p>"
    unit = width(chosen)
    what = html.escape(str(chosen.get("estimand") or "outcome"))
    sure = ""
    if chosen.get("low") is not None:
        level = f"{chosen.get('level', 0.95):.0%}"
        sure = f", with a {level} interval from {number(chosen['low'], unit)} to {number(chosen['high'], unit)}"
    lines = f"Its estimated {what} is <strong>{number(chosen['value'], unit)}</strong>{sure}. {_distance(chosen)}"
    return f"{head}<p>{lines}</p>"


def _distance(row: Mapping[str, Any]) -> str:
    if row.get("truth") is None:
        return "No truth is known for it."
    held = covered(row)
    inside = "" if held is None else ", which the interval holds" if held else ", which the interval misses"
    unit = width(row)
    off = number(row["value"] - row["truth"], unit)
    return f"The truth is {number(row['truth'], unit)}{inside}: the estimate is off by {off}."


def _row(row: Mapping[str, Any], scale: Scale, level: int) -> str:
    mark = '<span class="badge ok">chosen</span>' if row.get("chosen") else ""
    unit = width(row)
    facts = [("estimate", number(row["value"], unit))]
    if unit is not None and not is_reference(row):
        facts.append(("interval", f"[{number(row['low'], unit)}, {number(row['high'], unit)}]"))
    if row.get("truth") is not None and not is_reference(row):
        facts += [("truth", number(row["truth"], unit)), ("off by", number(row["value"] - row["truth"], unit))]
    facts += [(key.replace("_", " "), _cell(value)) for key, value in row.items() if key not in SHOWN]
    items = "".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in facts)
    how = f'<p class="quiet">{html.escape(str(row["method"]))}</p>' if row.get("method") else ""
    note = f"<p>{_note(row)}</p>" if row.get("note") else ""
    kind = "option chosen" if row.get("chosen") else "option"
    head = f"<header><h{level}>{html.escape(str(row['intervention']))}</h{level}>{mark}</header>"
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
