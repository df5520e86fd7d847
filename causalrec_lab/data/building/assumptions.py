"""What a table of decisions had to assume, carried with it: `assumptions(table)` reads it back and measures it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pandas as pd

from causalrec_lab.data.building.durations import later
from causalrec_lab.data.frames_and_tables import collected, in_database, lazily

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["Assumptions", "assumptions", "carrying"]

_KEY = "assumptions"
_HARDLY = 0.05  # of the rate among the treated
_CARRIED: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()  # an Ibis expression has no place for notes


@dataclass(frozen=True)
class Assumptions:
    r"""What had to be assumed to read a log as decisions, and what the table itself says about it.

    Parameters
    ----------
    route
        "eligible table", "impressions" or "events only".
    stated
        Sentences that must be true for the table to mean what it says; no data can check most of them.
    measured
        Figures of this table: rows, treated share, effective number of untreated rows
        :math:`(\sum w)^2 / \sum w^2`, decisions whose window overlaps an earlier one of the same pair, and each
        outcome's weighted rate among the untreated and the treated.
    warnings
        What those figures make doubtful.
    """

    route: str
    stated: tuple[str, ...]
    measured: Mapping[str, float]
    warnings: tuple[str, ...] = ()

    def summary(self) -> pd.DataFrame:
        """One row a figure: name, value."""
        return pd.DataFrame({"figure": list(self.measured), "value": list(self.measured.values())})

    def __str__(self) -> str:
        """Everything as lines of text."""
        lines = [f"decisions from {self.route}; assumed:", *(f"- {one}" for one in self.stated)]
        lines += ["measured:", *(f"- {name}: {value:,.6g}" for name, value in self.measured.items())]
        return "\n".join(lines + [f"warning: {one}" for one in self.warnings])

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{html.escape(one)}</li>" for one in self.stated)
        rows = "".join(f"<tr><th>{html.escape(n)}</th><td>{v:,.6g}</td></tr>" for n, v in self.measured.items())
        doubts = "".join(f"<p><b>warning:</b> {html.escape(one)}</p>" for one in self.warnings)
        head = f"<p><b>decisions from {html.escape(self.route)}; assumed:</b></p>"
        return f'<div class="assumptions">{head}<ul>{said}</ul><table><tbody>{rows}</tbody></table>{doubts}</div>'


def assumptions(decisions: pd.DataFrame | Table) -> Assumptions:
    """Read back what `decisions` assumed when it built a table, with figures measured on the table as it is now.

    A frame carries the sentences in ``attrs`` (kept by filters, new columns, copies and Parquet; lost by merges), an
    Ibis table by its expression (kept by whatever is built on it; lost once it is written as a table of its own).

    Raises
    ------
    ValueError
        If the table carries none.
    """
    lazy = in_database(decisions, "assumptions")
    carried = _found(decisions) if lazy else getattr(decisions, "attrs", {}).get(_KEY)
    if not carried:
        raise ValueError(
            "this table carries no assumptions: it was not built by data.decisions, or lost them on the way (a merge, "
            "or a table written anew); ask right after data.decisions, and keep the answer"
        )
    outcomes = [name for name in carried["outcomes"] if name in decisions.columns]
    measured = _measured(decisions, outcomes, carried)
    doubts = tuple(_doubts(measured, outcomes))
    return Assumptions(carried["route"], tuple(carried["stated"]), MappingProxyType(measured), doubts)


def carrying(table: Any, route: str, stated: Sequence[str], outcomes: Sequence[str], length: Any) -> Any:
    """Give the table back with its assumptions."""
    window = str(length) if isinstance(length, pd.Timedelta) else length
    note = {"route": route, "stated": list(stated), "outcomes": list(outcomes), "window": window}
    if isinstance(table, pd.DataFrame):
        table.attrs[_KEY] = note
    else:
        _CARRIED[table.op()] = note
    return table


def _found(table: Table) -> dict[str, Any] | None:
    """Look for assumptions in an expression or in what it is built on."""
    from ibis.expr.operations import Relation

    op = table.op()
    notes = [_CARRIED[node] for node in (op, *op.find(Relation)) if node in _CARRIED]
    return notes[0] if notes else None


def _measured(decisions: pd.DataFrame | Table, outcomes: list[str], carried: Mapping[str, Any]) -> dict[str, float]:
    needed = ["user_id", "item_id", "timestamp", "treated", *outcomes]
    weighted = "weight" in decisions.columns
    rows = lazily(decisions, [*needed, "weight"] if weighted else needed)
    rows = rows if weighted else rows.mutate(weight=1.0)
    rows = rows.mutate(overlapping=_overlapping(rows, carried))
    untreated = (rows.treated == 0).ifelse(rows.weight, 0.0)
    arms = {"untreated": untreated, "treated": (rows.treated == 1).ifelse(rows.weight, 0.0)}
    sums = {f"{name} among the {arm}": (w * rows[name]).sum() for name in outcomes for arm, w in arms.items()}
    figures = {
        "rows": rows.count(),
        "treated share": rows.treated.cast("float64").mean(),
        **{f"{arm} weight": weight.sum() for arm, weight in arms.items()},
        "squared": (untreated * untreated).sum(),
        "overlapping windows": rows.overlapping.sum(),
    }
    asked = rows.aggregate(**figures, **sums)
    found = (collected(asked) if isinstance(decisions, pd.DataFrame) else asked.to_pandas()).iloc[0].fillna(0.0)
    total, squared = float(found["untreated weight"]), float(found["squared"])
    whole = {name: float(found[f"{name.split()[-1]} weight"]) for name in sums}
    rates = {name: float(found[name]) / whole[name] for name in sums if whole[name]}
    rest = {name: float(found[name]) for name in ("rows", "treated share", "overlapping windows")}
    return rest | {"effective untreated rows": total**2 / squared if squared else 0.0} | rates


def _overlapping(rows: Table, carried: Mapping[str, Any]) -> Any:
    """1 where the window of a decision begins before that of the same pair's decision before it has ended."""
    window = carried["window"]
    if carried["route"] == "events only":  # blocks of time do not overlap
        return rows.treated * 0
    before = rows.timestamp.lag().over(group_by=["user_id", "item_id"], order_by="timestamp")
    if window is None:
        return before.notnull().ifelse(1, 0)  # noqa: PD004
    length = pd.Timedelta(window) if isinstance(window, str) else window
    return (rows.timestamp < later(before, length)).fill_null(False).ifelse(1, 0)


def _doubts(measured: Mapping[str, float], outcomes: Sequence[str]) -> list[str]:
    doubts = []
    if again := int(measured["overlapping windows"]):
        doubts.append(
            f"{again:,} of {int(measured['rows']):,} decisions begin before the window of the same pair's decision "
            "before has ended, so one event may count for both; take a shorter window, or keep one decision a pair"
        )
    if measured["treated share"] in (0, 1):
        arm = "untreated" if measured["treated share"] else "treated"
        doubts.append(f"no row is {arm}, and an effect needs both; widen what is comparable, or give an eligible table")
    arms = "untreated", "treated"
    rates = {name: [measured.get(f"{name} among the {arm}", 1.0) for arm in arms] for name in outcomes}
    if never := [name for name, (without, reached) in rates.items() if without < _HARDLY * reached]:
        doubts.append(
            f"hardly any untreated row has a {', '.join(never)}: either it hardly happens without exposure, or it is "
            "not logged then (purchases by search, say), and the effect is overstated"
        )
    return doubts
