"""What a chapter tells the report: its headline, its decision, the real data it had or missed, the sources it used."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import causalrec_lab
from causalrec_lab.estimate import Estimate, Truth
from causalrec_lab.lab.artefacts import folder, write_whole
from causalrec_lab.lab.provenance import masked
from causalrec_lab.lab.session import current, say

if TYPE_CHECKING:
    from causalrec_lab.data import Dataset

__all__ = ["decision", "findings_path", "forget", "headline", "real_data", "watch_sources"]


def headline(label: str, estimate: Estimate | float, truth: Truth | float | None = None) -> None:
    """Set what the chapter's card on the report's first page shows.

    Parameters
    ----------
    label
        What is estimated, in words: "effect of showing an item on buying it".
    estimate
        The estimate with its interval; a bare number has none.
    truth
        What the platform knows, where it knows.
    """
    _add("headline", {"label": label} | _ends(estimate) | _true(truth))


def decision(rows: pd.DataFrame | Iterable[Mapping[str, Any]]) -> None:
    """Set what the report's decision page shows: a row an intervention.

    Parameters
    ----------
    rows
        One row an intervention. Columns: `intervention` (its name) and `estimate` (an `Estimate` of what it changes, or
        a number, then with `low` and `high` beside it) are needed; `truth` (`Truth` or number), `chosen` (true for the
        one to take), `cost` and `note` are shown where given; any other column of numbers or text follows them.

    Raises
    ------
    ValueError
        If there is no row, or a row lacks `intervention` or `estimate`.
    """
    records: list[dict[str, Any]]
    if isinstance(rows, pd.DataFrame):
        records = [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
    else:
        records = [dict(row) for row in rows]
    if not records:
        raise ValueError("decision() got no row; give one row an intervention, and one for changing nothing")
    _add("decision", [_decision_row(number, row) for number, row in enumerate(records)])


def real_data(name: str, **options: Any) -> Dataset | None:
    """Load a real data set, or say in one line that it cannot be had, mark the report's card, and give None.

    Parameters
    ----------
    name
        A data set of the registry.
    **options
        Passed on to `causalrec_lab.data.load`.
    """
    from causalrec_lab import data

    try:
        dataset: Dataset = data.load(name, **options)
    except data.DataUnavailable as error:
        say(f"{name} cannot be had here, so its part of this chapter is left out: {_one_line(error)}")
        _add("real_data", {name: False}, merge=True)
        return None
    _add("real_data", {name: True}, merge=True)
    return dataset


def findings_path(profile: str, chapter: str) -> Path:
    """File in which a chapter's findings stand until the run collects them."""
    return folder(profile) / f"{chapter}.findings.json"


def forget() -> None:
    """Begin the running chapter's findings anew."""
    session = current()
    write_whole(
        findings_path(session.profile, session.chapter), json.dumps({"parameters": session.parameters}).encode()
    )


def watch_sources(chapter: str) -> None:
    """Note after every cell which of the library's files the running chapter has loaded: what make has to watch."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None and shell.user_ns.get("_watched_chapter") != chapter:
        shell.user_ns["_watched_chapter"] = chapter
        shell.events.register("post_run_cell", lambda *_: _note_sources())


def _note_sources() -> None:
    root = Path(causalrec_lab.__file__).parent
    modules = [m for name, m in list(sys.modules.items()) if name.split(".")[0] == "causalrec_lab"]
    paths = [Path(m.__file__) for m in modules if m.__file__]
    files = sorted({path.relative_to(root.parent).as_posix() for path in paths})
    if _read().get("sources") != files:
        _add("sources", files)


def _ends(estimate: Estimate | float) -> dict[str, Any]:
    if isinstance(estimate, Estimate):
        ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "level": estimate.level}
        return ends | {"estimand": estimate.estimand, "method": estimate.method, "n": estimate.n}
    return {"value": float(estimate), "low": None, "high": None}


def _true(truth: Truth | float | None) -> dict[str, Any]:
    if truth is None or (isinstance(truth, float) and math.isnan(truth)):
        return {"truth": None}
    return {"truth": float(truth), "truth_std_error": truth.std_error if isinstance(truth, Truth) else 0.0}


def _decision_row(number: int, row: dict[str, Any]) -> dict[str, Any]:
    if missing := [column for column in ("intervention", "estimate") if column not in row]:
        raise ValueError(f"decision(): row {number} lacks {missing}; it has {sorted(map(str, row))}")
    ends = _ends(row.pop("estimate"))
    true = _true(row.pop("truth", None))
    rest = {str(k): v.item() if hasattr(v, "item") else v for k, v in row.items()}
    return (
        ends | {k: v if isinstance(v, (str, int, float, bool, type(None))) else str(v) for k, v in rest.items()} | true
    )


def _read() -> dict[str, Any]:
    session = current()
    try:
        found: dict[str, Any] = json.loads(findings_path(session.profile, session.chapter).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found


def _add(key: str, value: Any, *, merge: bool = False) -> None:
    session, found = current(), _read()
    found[key] = found.get(key, {}) | value if merge else value
    write_whole(
        findings_path(session.profile, session.chapter), json.dumps(found, indent=1, ensure_ascii=False).encode()
    )


def _one_line(error: BaseException) -> str:
    """First sentences of a fault, without the folders that were tried."""
    text = str(masked({"text": " ".join(str(error).split(" Tried: ")[0].split())})["text"])
    return text if len(text) <= 300 else text[:299] + "…"
