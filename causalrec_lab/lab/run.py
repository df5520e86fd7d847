"""Run chapters and cases by papermill: what failed stops nothing, what is finished stays, a killed run leaves nothing.

Every one leaves in `build/<profile>/` its executed notebook, a status (`NN.status.json`) and the list of library
files it used in make's language (`NN.d`), so that make reruns exactly what changed.
"""

from __future__ import annotations

import ast
import json
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from causalrec_lab.data.storage.addresses import has_password, redacted
from causalrec_lab.lab.committed import QUIET_KERNEL, kernel_environment
from causalrec_lab.lab.findings import findings_path
from causalrec_lab.lab.project import PROFILES, cases, chapters, nearest, notebook_path, run_names, scenario_of
from causalrec_lab.lab.provenance import git_state, masked
from causalrec_lab.lab.session import cores
from causalrec_lab.lab.status import ChapterStatus, build_folder, fingerprint, make_rule, plain_error

__all__ = ["known_parameters", "run_notebooks"]

log = logging.getLogger("causalrec_lab.run")


def run_notebooks(
    names: Sequence[str] | None = None,
    profile: str = "full",
    parameters: Mapping[str, Any] | None = None,
    *,
    jobs: int | None = None,
    force: bool = False,
) -> list[ChapterStatus]:
    """Run chapters and cases, and give the status of each.

    Parameters
    ----------
    names
        Chapters ("06", "treatment_effects", …) and cases ("case_music", "cases/case_study", "my_case"); None means all.
    profile
        "smoke" or "full".
    parameters
        Parameters beside the profile: {"seed": 8}. Every notebook that is run must know each of them. The case study
        takes {"scenario": "news"} and is then run under that scenario's name.
    jobs
        Chapters run at once; None means two at smoke (one thread each) and one at full (which takes every core).
    force
        Run a chapter even where nothing changed since it was last finished.

    Raises
    ------
    UnknownNameError
        If a chapter, a case, a scenario, the profile or a parameter is unknown, before anything is run.
    """
    if profile not in PROFILES:
        raise nearest("profile", profile, PROFILES)
    given = dict(parameters or {})
    asked = [run_names(name, given.get("scenario")) for name in names or ()] or [(*chapters(), *cases())]
    wanted = tuple(dict.fromkeys(name for several in asked for name in several))
    _check_parameters(wanted, given)
    build_folder(profile).mkdir(parents=True, exist_ok=True)
    at_once = jobs or (min(2, cores()) if profile == "smoke" else 1)
    with _environment(kernel_environment(profile)), ThreadPoolExecutor(max(1, at_once)) as pool:
        return list(pool.map(lambda name: _run_or_keep(name, profile, _given(name, given), force=force), wanted))


def _given(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of one run: of the case study with its scenario, of a case that asks for it with its name."""
    if scenario := scenario_of(name):
        return {**given, "scenario": scenario}
    return {"name": name, **given} if "name" in known_parameters(name) else dict(given)


def known_parameters(name: str) -> frozenset[str]:
    """Names assigned in a chapter's cell tagged `parameters`."""
    cells = json.loads(notebook_path(name).read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    nodes = [node for source in sources for node in ast.parse(source).body]
    targets = [target for node in nodes if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in nodes if isinstance(node, ast.AnnAssign)]
    names = [part for target in targets for part in ast.walk(target)]  # "a, b = 1, 2" assigns both
    return frozenset(name.id for name in names if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store))


def _check_parameters(names: Iterable[str], given: Mapping[str, Any]) -> None:
    """Refuse a parameter a chapter does not have: papermill would only warn."""
    for name in names if given else ():
        known = known_parameters(name) - {"profile"}
        for parameter in given:
            if parameter not in known:
                kind = "chapter" if name in chapters() else "case"
                raise nearest(f"parameter of {kind} {name}:", parameter, known)
    for parameter, value in given.items():
        if isinstance(value, str) and has_password(value):
            raise ValueError(
                f"parameter {parameter!r} is an address with a password, which the executed notebook would keep "
                f"({redacted(value)}); leave it out of the address and set CAUSALREC_DB_PASSWORD"
            )


def _run_or_keep(name: str, profile: str, given: dict[str, Any], *, force: bool) -> ChapterStatus:
    before = ChapterStatus.read(profile, name)
    if not force and before is not None and before.is_current(given):
        log.info("%s: nothing changed since it was finished, kept", name)
        return before
    log.info("%s: started (%s)", name, profile)
    status = _run(name, profile, given)
    status.write()
    minutes, seconds = divmod(round(status.seconds), 60)
    outcome = "finished" if status.ok else f"FAILED: {status.error['name']}: {status.error['value']}"
    log.info("%s: %s after %d:%02d", name, outcome, minutes, seconds)
    return status


def _run(name: str, profile: str, given: dict[str, Any]) -> ChapterStatus:
    """Execute one chapter under a partial name, then move it to where its outcome belongs."""
    stem = build_folder(profile) / name
    partial, finished, failed = (stem.with_name(f"{name}.{end}") for end in ("partial.ipynb", "ipynb", "failed.ipynb"))
    for stale in (stem.with_name(f"{name}.status.json"), finished, failed, findings_path(profile, name)):
        stale.unlink(missing_ok=True)
    mark = fingerprint(name, given, sources=())
    begun = time.time()
    error = _execute(notebook_path(name), partial, given | {"profile": profile})
    seconds = time.time() - begun
    if partial.exists():
        partial.replace(failed if error else finished)
    findings = _collect(findings_path(profile, name))
    sources = tuple(findings.pop("sources", ()))
    if not error:
        make_rule(profile, name, sources)
        mark = fingerprint(name, given, sources)
    return ChapterStatus(
        chapter=name,
        profile=profile,
        parameters=masked(given),
        ok=not error,
        seconds=seconds,
        begun=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(begun)),
        git=git_state(),
        error=error,
        findings=findings,
        sources=sources,
        fingerprint=mark,
    )


def _execute(source: Path, target: Path, parameters: dict[str, Any]) -> dict[str, str]:
    """Run one notebook in the notebooks folder; give the error, or nothing."""
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import execute_notebook

    logging.getLogger("papermill").setLevel(logging.ERROR)
    try:
        execute_notebook(  # type: ignore[no-untyped-call]
            str(source),
            str(target),
            parameters=parameters,
            kernel_name="python3",
            language="python",
            resources={"metadata": {"path": str(source.parent)}},  # cwd= would move every thread of this process
            progress_bar=False,
            extra_arguments=QUIET_KERNEL,
        )
    except PapermillExecutionError as error:
        return plain_error(error.ename, error.evalue, error.traceback, error.source)
    except Exception as error:  # a dead kernel, a broken notebook: this chapter's failure, no other's
        return plain_error(type(error).__name__, str(error), [], "")
    return {}


def _collect(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the kernels started within, and put back what was there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
