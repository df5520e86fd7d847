"""Build the report of a profile from what its chapters left."""

from __future__ import annotations

import html
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from causalrec_lab.lab.artefacts import write_whole
from causalrec_lab.lab.project import PROFILES, cases, chapters, home, nearest, notebook_path, scenario_of
from causalrec_lab.lab.provenance import data_hashes, manifest
from causalrec_lab.lab.report.chapter import Opening, chapter_page, opening
from causalrec_lab.lab.report.decision import Decided, decision_page
from causalrec_lab.lab.report.glossary_page import glossary_page
from causalrec_lab.lab.report.index import index_page
from causalrec_lab.lab.report.manifest_page import manifest_page
from causalrec_lab.lab.report.page import Site
from causalrec_lab.lab.report.reading_page import reading_page
from causalrec_lab.lab.status import ChapterStatus, build_folder

__all__ = ["build_report", "report_folder"]


def report_folder(profile: str) -> Path:
    """Where a profile's report lies: `reports/`, for smoke `reports/smoke/`."""
    return home() / "reports" if profile == "full" else home() / "reports" / profile


def build_report(profile: str = "full", out: Path | None = None) -> Path:
    """Write the report's pages: index, chapters, cases, decision, reading list, manifest.

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
    statuses = {name: _finished(profile, name) for name in _named(profile)}
    target = out or report_folder(profile)
    target.mkdir(parents=True, exist_ok=True)
    pages = _pages(profile, statuses, target)
    for stale in set(target.glob("*.html")) - {target / f"{name}.html" for name in pages}:
        stale.unlink()
    for name, text in pages.items():
        write_whole(target / f"{name}.html", text.encode("utf-8"))
    return target / "index.html"


def _named(profile: str) -> tuple[str, ...]:
    """Chapters, cases, and runs of the case study for further scenarios."""
    ran = sorted(path.name.split(".")[0] for path in build_folder(profile).glob("case_*.status.json"))
    known = (*chapters(), *cases())
    return (*known, *(name for name in ran if scenario_of(name) and name not in known))


def _opening(name: str) -> Opening:
    """Title and question; a run of the case study is titled with its scenario."""
    found, scenario = opening(notebook_path(name)), scenario_of(name)
    return replace(found, title=f"{found.title}: {scenario}") if scenario else found


def _finished(profile: str, name: str) -> ChapterStatus | None:
    """Status of a run whose notebook is there: a killed run has left none."""
    status = ChapterStatus.read(profile, name)
    return status if status and (status.notebook.exists() or not status.ok) else None


def _pages(profile: str, statuses: dict[str, ChapterStatus | None], target: Path) -> dict[str, str]:
    openings = {name: _opening(name) for name in statuses}
    shown = tuple((name, openings[name].title) for name, status in statuses.items() if status)
    decided = [Decided(name, openings[name].title, rows) for name, rows in _decisions(statuses)]
    made_of = manifest(profile)
    site = Site(shown, _foot(made_of), has_decision=bool(decided), reference=_reference(target))
    pages = {
        status.chapter: chapter_page(status, openings[status.chapter].title, site, notebook_path(status.chapter).parent)
        for status in statuses.values()
        if status
    }
    if decided:
        pages["decision"] = decision_page(decided, site)
    pages["reading"] = reading_page({name: found.title for name, found in openings.items()}, site)
    pages["glossary"] = glossary_page(site)
    pages["manifest"] = manifest_page(made_of, statuses, data_hashes(_data_used(statuses)), site)
    begun = max((status.begun for status in statuses.values() if status), default="")
    pages["index"] = index_page(
        openings, statuses, site, f"Report · profile {profile} · {begun}" if begun else "Report"
    )
    return pages


def _reference(target: Path) -> str:
    """Where the reference lies from the report's folder, if it was built."""
    first = home() / "reports" / "reference" / "index.html"
    return Path(os.path.relpath(first, target)).as_posix() if first.exists() else ""


def _decisions(statuses: dict[str, ChapterStatus | None]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Name and rows of the last decision that a chapter took, then of each case's."""
    taken = {name: s.findings["decision"] for name, s in statuses.items() if s and "decision" in s.findings}
    course = [name for name in taken if name in chapters()]
    return [(name, taken[name]) for name in (*course[-1:], *(name for name in taken if name not in course))]


def _data_used(statuses: dict[str, ChapterStatus | None]) -> tuple[str, ...]:
    found = [status.findings.get("real_data", {}) for status in statuses.values() if status]
    return tuple(sorted({name for names in found for name, there in names.items() if there}))


def _foot(made_of: dict[str, Any]) -> str:
    commit = (made_of["git"]["commit"] or "")[:10]
    parts = [f"causalrec_lab {made_of['library']}", f"commit {commit}" if commit else "", made_of["profile"]]
    built = time.strftime("built %Y-%m-%d %H:%M UTC", time.gmtime())
    return " · ".join(html.escape(part) for part in (*parts, built) if part)
