"""Run a chapter at smoke and write its committed form: only checked cells keep what they printed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from causalrec_lab.lab.artefacts import write_whole
from causalrec_lab.lab.project import home, notebook_path

__all__ = ["committed_form", "kernel_environment", "refresh"]

QUIET_KERNEL = ["--IPKernelApp.log_level=50"]  # it warns of its own transport at every start
KEPT = frozenset({"nbval-check-output", "keep_output"})
VARYING = ("execution", "papermill", "collapsed", "scrolled", "ExecuteTime")


def refresh(*names: str) -> list[Path]:
    """Run chapters at `smoke` in the notebooks folder and rewrite their committed notebooks.

    Parameters
    ----------
    names
        Chapters: "06", "treatment_effects" or "06_treatment_effects"; solutions: "06_treatment_effects_solutions".

    Returns
    -------
    Paths of the rewritten notebooks.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails; the notebook is then left as it was.
    ValueError
        If a kept output names a folder of this machine.
    """
    return [_refresh(notebook_path(name)) for name in names]


def committed_form(notebook: Any, *, private: tuple[str, ...] = ()) -> Any:
    """Notebook as it is committed: outputs and counts of checked cells only, no metadata that varies.

    Parameters
    ----------
    notebook
        An executed `nbformat` notebook; it is changed in place and given back.
    private
        Texts that no kept output may hold, such as the home folder's path.

    Raises
    ------
    ValueError
        If a kept output holds one of `private`.
    """
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        for key in VARYING:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            _settle_outputs(cell, private)
    return notebook


def kernel_environment(profile: str) -> dict[str, str]:
    """Environment for a kernel nobody watches: no progress bars, threads capped before numpy is imported."""
    from causalrec_lab.lab.session import THREAD_VARIABLES, cores

    threads = "1" if profile == "smoke" else os.environ.get("CAUSALREC_THREADS") or str(cores())
    quiet = {"CAUSALREC_HEADLESS": "1", "TQDM_DISABLE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    steady = {"CAUSALREC_HOME": str(home()), "PYTHONHASHSEED": "0", "OMP_WAIT_POLICY": "PASSIVE"}
    if mirror := os.environ.get("CAUSALREC_DATA_MIRROR"):
        steady["CAUSALREC_DATA_MIRROR"] = str(Path(mirror).resolve())  # the kernel runs in another folder
    return quiet | steady | dict.fromkeys(THREAD_VARIABLES, threads)


def _refresh(path: Path) -> Path:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    resources = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources=resources, extra_arguments=QUIET_KERNEL
    )
    client.execute(env=os.environ | kernel_environment("smoke"))
    private = (str(home()), str(Path.home()) + os.sep)
    text = nbformat.writes(committed_form(notebook, private=private))  # type: ignore[no-untyped-call]
    write_whole(path, (text.rstrip("\n") + "\n").encode())
    return path


def _settle_outputs(cell: Any, private: tuple[str, ...]) -> None:
    if not set(cell.metadata.get("tags", [])) >= KEPT:
        cell.outputs, cell.execution_count = [], None
        return
    for output in cell.outputs:
        output.pop("metadata", None) if output.output_type == "stream" else None
        if "execution_count" in output:
            output.execution_count = cell.execution_count
        if found := [text for text in private if text in str(output)]:
            raise ValueError(f"the kept output of cell {cell.get('id')} names {found[0]}: none may name a machine")
