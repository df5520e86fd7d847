"""A log of one's own, from file to trust page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["trust_file"]


def trust_file(
    path: Path, treatment: str, outcome: str, covariates: Sequence[str] | None, out: Path, **options: Any
) -> list[str]:
    """Read a table, measure every estimator on platforms like it, and write the page.

    Parameters
    ----------
    path
        CSV or Parquet file, one row a decision.
    treatment, outcome, covariates
        Columns, as in `causal.trust.trust`; `options` go there too.
    out
        HTML file; it is written whole or not at all.

    Returns
    -------
    Lines to print: the sentence, the order, where the page lies.

    Raises
    ------
    ValueError, OSError
        If the file cannot be read, the page cannot be written, or the question is not one that a log answers.
    KeyboardInterrupt
        If stopped, with what was done.
    """
    from causalrec_lab.causal.trust import trust
    from causalrec_lab.causal.trust.words import alike
    from causalrec_lab.data.dataset import Dataset
    from causalrec_lab.lab.artefacts import write_whole
    from causalrec_lab.lab.reading_tables import read_table
    from causalrec_lab.lab.report.trust_page import trust_page

    _check_writable(out)
    frame = read_table(path, (treatment, outcome))
    try:
        report = trust(Dataset(path.stem, decisions=frame), treatment, outcome, covariates, **options)
    except KeyboardInterrupt as stopped:
        raise KeyboardInterrupt(
            f"{str(stopped) or 'stopped'}; no page was written, and the same command begins again: fewer "
            "--replications or --rows take less time"
        ) from None
    write_whole(out, trust_page(report, _command(path, treatment, outcome, covariates, options)).encode("utf-8"))
    shown = report.ranking[["standing", "value", "low", "high", "rmse"]].to_string(float_format=lambda v: f"{v:.4g}")
    problems = [f"not computed: {label}: {why}" for label, why in report.problems.items()]
    notes = [f"note: {note}" for note in report.question.notes]
    like = [] if report.unlike else [f"likeness: {alike(report)}"]
    return [report.sentence(), "", shown, *problems, *like, *notes, "", f"page: {out}"]


def _check_writable(out: Path) -> None:
    import tempfile

    if out.is_dir() or not out.parent.is_dir():
        raise ValueError(f"--out {out}: give a file in a folder that is there")
    try:
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise ValueError(f"--out {out}: nothing can be written there ({error.strerror}); name another folder") from None


def _command(
    path: Path, treatment: str, outcome: str, covariates: Sequence[str] | None, options: dict[str, Any]
) -> str:
    named = {"treatment": treatment, "outcome": outcome} | ({"covariates": ",".join(covariates)} if covariates else {})
    given = named | {name: value for name, value in options.items() if value is not None and name != "progress"}
    words = " ".join(f"--{name} {shlex.quote(str(value))}" for name, value in given.items())
    return f"causalrec trust {shlex.quote(path.name)} {words}"
