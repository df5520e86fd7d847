"""How a chapter's last run went: status, error, findings, and whether anything it depends on has changed since."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import causalrec_lab
from causalrec_lab.lab.artefacts import write_whole
from causalrec_lab.lab.project import home, notebook_path
from causalrec_lab.lab.provenance import masked

__all__ = ["ChapterStatus", "build_folder", "fingerprint", "make_rule", "plain_error"]

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
ERROR_LIMIT = 4_000  # characters of a traceback that are kept: its end


def build_folder(profile: str) -> Path:
    """Folder of executed notebooks and statuses of a profile."""
    return home() / "build" / profile


@dataclass(frozen=True)
class ChapterStatus:
    """One chapter's last run.

    Parameters
    ----------
    chapter, profile, parameters
        What was run.
    ok
        Whether every cell ran.
    seconds
        Wall-clock seconds the run took.
    begun
        When it began, in UTC.
    git
        Commit and dirty flag of the project at that time.
    error
        Empty, or `name`, `value`, `traceback` and `source` of the cell that failed.
    findings
        What the chapter told the report: headline, decision, real_data.
    sources
        Library files it loaded.
    fingerprint
        Hash of the notebook, its parameters and those files.
    """

    chapter: str
    profile: str
    parameters: Mapping[str, Any]
    ok: bool
    seconds: float
    begun: str
    git: Mapping[str, Any]
    error: Mapping[str, str]
    findings: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    fingerprint: str = ""

    @property
    def notebook(self) -> Path:
        """Executed notebook, of a failed run as far as it came."""
        return build_folder(self.profile) / (f"{self.chapter}.ipynb" if self.ok else f"{self.chapter}.failed.ipynb")

    @property
    def missing_data(self) -> tuple[str, ...]:
        """Real data sets the chapter could not have."""
        return tuple(sorted(name for name, there in self.findings.get("real_data", {}).items() if not there))

    def is_current(self, parameters: Mapping[str, Any]) -> bool:
        """Tell whether a run with these parameters would find everything as it was."""
        if not self.ok or not self.notebook.exists():
            return False
        return self.fingerprint == fingerprint(self.chapter, parameters, self.sources)

    def write(self) -> None:
        """Write the status beside the executed notebook."""
        path = build_folder(self.profile) / f"{self.chapter}.status.json"
        write_whole(path, json.dumps(asdict(self), indent=1, ensure_ascii=False).encode())

    @classmethod
    def read(cls, profile: str, chapter: str) -> ChapterStatus | None:
        """Status of a chapter's last run, or None where it was never run to an end."""
        try:
            values = json.loads((build_folder(profile) / f"{chapter}.status.json").read_text())
            return cls(**{**values, "sources": tuple(values["sources"])})
        except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
            return None


def fingerprint(chapter: str, parameters: Mapping[str, Any], sources: Sequence[str]) -> str:
    """Hash of what decides a chapter's outcome: notebook, parameters, the library's files it uses, the mirror."""
    root = Path(causalrec_lab.__file__).parent.parent
    digest = hashlib.sha256(notebook_path(chapter).read_bytes())
    digest.update(json.dumps(dict(parameters), sort_keys=True, default=str).encode())
    digest.update(os.environ.get("CAUSALREC_DATA_MIRROR", "").encode())
    for source in sorted(sources):
        path = root / source
        digest.update(source.encode() + b"\0" + (path.read_bytes() if path.exists() else b"gone"))
    return digest.hexdigest()


def make_rule(profile: str, chapter: str, sources: Sequence[str]) -> None:
    """Write what a chapter depends on as rules for make; the empty ones keep a deleted file from being an error."""
    target = f"build/{profile}/{chapter}.ipynb"
    text = f"{target}: {' '.join(sources)}\n" + "".join(f"{source}:\n" for source in sources)
    write_whole(build_folder(profile) / f"{chapter}.d", text.encode())


def plain_error(name: str, value: str, traceback: Sequence[str], source: str) -> dict[str, str]:
    """Error of a cell as plain text: no colours, no folder of this machine, the traceback's end."""
    where = {str(home()): "", str(Path(causalrec_lab.__file__).parent.parent): "", str(Path.home()): "~"}
    texts = {"name": name, "value": value, "traceback": "\n".join(traceback)[-ERROR_LIMIT:], "source": source}
    for key, text in texts.items():
        plain = _ANSI.sub("", text)
        for folder, short in sorted(where.items(), key=lambda pair: -len(pair[0])):
            plain = plain.replace(folder + os.sep, short + os.sep if short else "")
        texts[key] = str(masked({"text": plain})["text"]) if key in ("value", "traceback") else plain
    return texts
