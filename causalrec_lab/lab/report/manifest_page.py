"""The manifest page: what the report was made of."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from causalrec_lab.lab.report.chapter import duration
from causalrec_lab.lab.report.page import Site, page
from causalrec_lab.lab.status import ChapterStatus

__all__ = ["manifest_page"]


def manifest_page(
    made_of: Mapping[str, Any],
    statuses: Mapping[str, ChapterStatus | None],
    hashes: Mapping[str, Mapping[str, str]],
    site: Site,
) -> str:
    """The page of code, runs, machine, packages and data.

    Parameters
    ----------
    made_of
        What `causalrec_lab.lab.provenance.manifest` gives.
    statuses
        Last run of every chapter and case.
    hashes
        SHA-256 by data set and file.
    site
        The report.
    """
    code = {"library": made_of["library"], **_git(made_of["git"]), "profile": made_of["profile"]}
    machine = {**made_of["machine"], "threads": made_of["threads"]}
    runs = [_run(name, status) for name, status in statuses.items() if status]
    files = [(name, file, digest) for name, pairs in hashes.items() for file, digest in pairs.items()]
    body = "".join(
        (
            '<section class="hero"><p class="eyebrow">The manifest</p><h1>What this report is made of</h1></section>',
            _section("Code", _pairs(code)),
            _section(
                "Runs", _table(("chapter or case", "parameters", "seed", "began", "took", "commit", "state"), runs)
            ),
            _section("Machine", _pairs(machine)),
            _section("Packages", _table(("package", "version"), list(made_of["packages"].items()))),
            _section(
                "Data", _table(("data set", "file", "SHA-256"), files) if files else "<p>No real data was used.</p>"
            ),
        )
    )
    return page(site, title="Manifest", body=body, here="manifest", kind="made")


def _git(state: Mapping[str, Any]) -> dict[str, str]:
    if state["commit"] is None:
        return {"commit": "not a git checkout"}
    return {"commit": state["commit"], "working tree": "changed since that commit" if state["dirty"] else "clean"}


def _run(name: str, status: ChapterStatus) -> tuple[str, ...]:
    given = ", ".join(f"{key} = {value}" for key, value in status.parameters.items()) or "as in the notebook"
    seed = str(status.findings.get("parameters", {}).get("seed", "–"))
    commit = (status.git.get("commit") or "–")[:10] + (" (changed)" if status.git.get("dirty") else "")
    return (name, given, seed, status.begun, duration(status.seconds), commit, "done" if status.ok else "failed")


def _section(title: str, inner: str) -> str:
    return f'<section class="prose"><h2>{title}</h2>{inner}</section>'


def _pairs(values: Mapping[str, Any]) -> str:
    return _table(("", ""), [(name, str(value)) for name, value in values.items()])


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    top = "".join(f"<th>{html.escape(word)}</th>" for word in head) if any(head) else ""
    lines = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="table"><table>'
        f"{f'<thead><tr>{top}</tr></thead>' if top else ''}<tbody>{lines}</tbody></table></div>"
    )
