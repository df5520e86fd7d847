"""Build the report of a profile from what its chapters left."""

from __future__ import annotations

import html
import time
from pathlib import Path
from typing import Any

from causalrec_lab.lab.artefacts import write_whole
from causalrec_lab.lab.project import PROFILES, chapters, home, nearest, notebook_path
from causalrec_lab.lab.provenance import data_hashes, manifest
from causalrec_lab.lab.report.chapter import chapter_page, opening
from causalrec_lab.lab.report.decision import decision_page
from causalrec_lab.lab.report.index import index_page
from causalrec_lab.lab.report.manifest_page import manifest_page
from causalrec_lab.lab.report.page import Site
from causalrec_lab.lab.status import ChapterStatus

__all__ = ["build_report", "report_folder"]


def report_folder(profile: str) -> Path:
    """Where a profile's report lies: `reports/`, for smoke `reports/smoke/`."""
    return home() / "reports" if profile == "full" else home() / "reports" / profile


def build_report(profile: str = "full", out: Path | None = None) -> Path:
    """Write the report's pages: index, chapters, decision, manifest.

    Parameters
    ----------
    profile
        Profile whose runs are shown.
    out
        Folder to write to; None means `reports/`, for smoke `reports/smoke/`.

    Returns
    -------
    Path of the index.

    Raises
    ------
    UnknownNameError
        If the profile is unknown.
    """
    if profile not in PROFILES:
        raise nearest("profile", profile, PROFILES)
    statuses = {name: _finished(profile, name) for name in chapters()}
    target = out or report_folder(profile)
    target.mkdir(parents=True, exist_ok=True)
    pages = _pages(profile, statuses)
    for stale in set(target.glob("*.html")) - {target / f"{name}.html" for name in pages}:
        stale.unlink()
    for name, text in pages.items():
        write_whole(target / f"{name}.html", text.encode("utf-8"))
    return target / "index.html"


def _finished(profile: str, name: str) -> ChapterStatus | None:
    """Status of a run whose notebook is there: a killed run has left none."""
    status = ChapterStatus.read(profile, name)
    return status if status and (status.notebook.exists() or not status.ok) else None


def _pages(profile: str, statuses: dict[str, ChapterStatus | None]) -> dict[str, str]:
    openings = {name: opening(notebook_path(name)) for name in statuses}
    shown = tuple((name, openings[name].title) for name, status in statuses.items() if status)
    decided = _decision(statuses)
    made_of = manifest(profile)
    site = Site(shown, _foot(made_of), has_decision=decided is not None)
    pages = {
        status.chapter: chapter_page(status, openings[status.chapter].title, site, home() / "notebooks")
        for status in statuses.values()
        if status
    }
    if decided:
        name, rows = decided
        pages["decision"] = decision_page(rows, (name, openings[name].title), site)
    pages["manifest"] = manifest_page(made_of, statuses, data_hashes(_data_used(statuses)), site)
    begun = max((status.begun for status in statuses.values() if status), default="")
    pages["index"] = index_page(
        openings, statuses, site, f"Report · profile {profile} · {begun}" if begun else "Report"
    )
    return pages


def _decision(statuses: dict[str, ChapterStatus | None]) -> tuple[str, list[dict[str, Any]]] | None:
    """Chapter and rows of the last decision that any chapter took."""
    taken = [
        (name, status.findings["decision"])
        for name, status in statuses.items()
        if status and "decision" in status.findings
    ]
    return taken[-1] if taken else None


def _data_used(statuses: dict[str, ChapterStatus | None]) -> tuple[str, ...]:
    found = [status.findings.get("real_data", {}) for status in statuses.values() if status]
    return tuple(sorted({name for names in found for name, there in names.items() if there}))


def _foot(made_of: dict[str, Any]) -> str:
    commit = (made_of["git"]["commit"] or "")[:10]
    parts = [f"causalrec_lab {made_of['library']}", f"commit {commit}" if commit else "", made_of["profile"]]
    built = time.strftime("built %Y-%m-%d %H:%M UTC", time.gmtime())
    return " · ".join(html.escape(part) for part in (*parts, built) if part)
