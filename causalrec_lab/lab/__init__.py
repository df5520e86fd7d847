"""The bench the chapters stand on: start, theme, artefacts, findings, runs and reports.

A notebook calls `start` first; `save` keeps what other notebooks `load`, `headline` and `decision` tell the report what
was found, `show` gives a figure its words. `run_notebooks` and `build_report` are behind the commands.

>>> from causalrec_lab import lab
>>> lab.chapters()[:2]
('00_tour', '01_data_preparation')
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.lab.artefacts import load, save
    from causalrec_lab.lab.committed import refresh
    from causalrec_lab.lab.figures import show
    from causalrec_lab.lab.findings import decision, headline, real_data
    from causalrec_lab.lab.own_logs import OwnLog, own_log
    from causalrec_lab.lab.project import chapters, home
    from causalrec_lab.lab.provenance import manifest
    from causalrec_lab.lab.quoting import quote
    from causalrec_lab.lab.report.build import build_report
    from causalrec_lab.lab.run import run_notebooks
    from causalrec_lab.lab.session import say, start
    from causalrec_lab.lab.theme import use_theme

# No module of this folder may bear a public name: importing it would hide the function.
_HOME = {
    "OwnLog": "own_logs",
    "build_report": "report.build",
    "chapters": "project",
    "decision": "findings",
    "headline": "findings",
    "home": "project",
    "load": "artefacts",
    "manifest": "provenance",
    "own_log": "own_logs",
    "quote": "quoting",
    "real_data": "findings",
    "refresh": "committed",
    "run_notebooks": "run",
    "save": "artefacts",
    "say": "session",
    "show": "figures",
    "start": "session",
    "use_theme": "theme",
}

__all__ = [
    "OwnLog",
    "build_report",
    "chapters",
    "decision",
    "headline",
    "home",
    "load",
    "manifest",
    "own_log",
    "quote",
    "real_data",
    "refresh",
    "run_notebooks",
    "save",
    "say",
    "show",
    "start",
    "use_theme",
]

__getattr__, __dir__ = doors(__name__, _HOME)
