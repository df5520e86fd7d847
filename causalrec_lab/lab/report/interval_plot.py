"""An estimate, its interval and the truth as a small drawing within the page."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Scale", "interval_plot", "interval_words", "is_reference", "number", "width"]

WIDTH, HEIGHT, MARGIN = 320, 62, 16


def number(value: float | None, unit: float | None = None) -> str:
    """A number as a reader wants it: a true minus sign, thousands set apart, three significant digits.

    Parameters
    ----------
    value
        The number; None and nan are a dash.
    unit
        With it, as many decimals as show two digits of half this width, so that an estimate and its ends stand alike.
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if unit is not None and math.isfinite(unit) and unit > 1e-6:
        text = f"{value:,.{max(0, 1 - math.floor(math.log10(unit / 2)))}f}"
    else:
        text = f"{value:,.0f}" if size >= 1000 else f"{value:.3g}" if size == 0 or size >= 1e-4 else f"{value:.1e}"
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("-")  # what rounds to nought has no sign
    return text.replace("-", "−")


def width(row: Mapping[str, Any]) -> float | None:
    """Width of a row's interval, None where it has none."""
    known = _known(row.get("low")) and _known(row.get("high"))
    return row["high"] - row["low"] if known else None


def is_reference(row: Mapping[str, Any]) -> bool:
    """Whether a row is what the others are measured against: nought by definition, or an interval without width."""
    if _known(row.get("low")):
        return bool(row["low"] == row["high"] == row["value"] == row.get("truth"))
    return row["value"] == 0 and not _known(row.get("truth"))


@dataclass(frozen=True)
class Scale:
    """Map values to the drawing's width."""

    low: float
    high: float

    @classmethod
    def around(cls, rows: Iterable[Mapping[str, Any]]) -> Scale:
        """Scale that holds every estimate, interval, truth, and zero where it is not far."""
        values = [row.get(key) for row in rows for key in ("value", "low", "high", "truth")]
        finite = [v for v in values if isinstance(v, (int, float)) and math.isfinite(v)] or [0.0]
        low, high = min(finite), max(finite)
        if low > 0 and low < 2 * (high - low):
            low = 0.0
        if high < 0 and -high < 2 * (high - low):
            high = 0.0
        room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
        return cls(low - room, high + room)

    def at(self, value: float) -> float:
        """Horizontal place of a value."""
        return MARGIN + (value - self.low) / (self.high - self.low) * (WIDTH - 2 * MARGIN)

    def ticks(self) -> list[float]:
        """Two to five round values."""
        raw = (self.high - self.low) / 3
        unit = 10 ** math.floor(math.log10(raw))
        step = next(m * unit for m in (1, 2, 2.5, 5, 10) if m * unit >= raw)
        first = math.ceil(self.low / step)
        return [round(k * step, 12) + 0.0 for k in range(first, math.floor(self.high / step) + 1)]


def interval_words(row: Mapping[str, Any]) -> str:
    """The estimate in words, for those who do not see the drawing."""
    if is_reference(row):
        return f"{number(row['value'])}, what the others are measured against"
    unit = width(row)
    words = f"estimate {number(row['value'], unit)}"
    if _known(row.get("low")) and _known(row.get("high")):
        level = f"{row.get('level', 0.95):.0%}"
        words += f", {level} interval from {number(row['low'], unit)} to {number(row['high'], unit)}"
    if _known(row.get("truth")):
        words += f", truth {number(row['truth'], unit)}"
    return words


def interval_plot(row: Mapping[str, Any], scale: Scale | None = None) -> str:
    """SVG of one estimate: a bar for its interval, a dot for its value, a dashed line for the truth.

    Parameters
    ----------
    row
        `value`, and where known `low`, `high`, `level`, `truth`.
    scale
        Shared by rows that are to be compared; None makes one for this row.
    """
    scale = scale or Scale.around([row])
    parts = [_axis(scale)]
    middle = HEIGHT * 0.42
    if _known(row.get("low")) and _known(row.get("high")):
        left, right = scale.at(row["low"]), scale.at(row["high"])
        wide = f'x="{left:.1f}" width="{max(right - left, 1):.1f}"'
        parts.append(f'<rect class="bar" {wide} y="{middle - 5:.1f}" height="10" rx="5"/>')
    if _known(row.get("truth")):
        place = scale.at(row["truth"])
        parts.append(f'<line class="truth" x1="{place:.1f}" x2="{place:.1f}" y1="6" y2="{HEIGHT - 18}"/>')
    if _known(row["value"]):
        parts.append(f'<circle class="dot" cx="{scale.at(row["value"]):.1f}" cy="{middle:.1f}" r="5.5"/>')
    words = html.escape(interval_words(row))
    return (
        f'<svg class="interval" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}">{"".join(parts)}</svg>'
    )


def _axis(scale: Scale) -> str:
    base = HEIGHT - 18
    marks = [f'<line class="axis" x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{base}" y2="{base}"/>']
    for tick in scale.ticks():
        place = scale.at(tick)
        marks.append(
            f'<line class="{"zero" if tick == 0 else "tick"}" x1="{place:.1f}" x2="{place:.1f}" y1="6" y2="{base}"/>'
        )
        marks.append(f'<text x="{place:.1f}" y="{HEIGHT - 5}">{number(tick)}</text>')
    return "".join(marks)


def _known(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
