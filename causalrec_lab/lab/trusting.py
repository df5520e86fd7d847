"""A log of one's own, from file to trust page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

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
    """
    from causalrec_lab.causal.trust import trust
    from causalrec_lab.data.dataset import Dataset
    from causalrec_lab.lab.artefacts import write_whole
    from causalrec_lab.lab.report.trust_page import trust_page

    if out.is_dir() or not out.parent.is_dir():
        raise ValueError(f"--out {out}: give a file in a folder that is there")
    frame = _read(path)
    report = trust(Dataset(path.stem, decisions=frame), treatment, outcome, covariates, **options)
    write_whole(out, trust_page(report, _command(path, treatment, outcome, covariates, options)).encode("utf-8"))
    shown = report.ranking[["standing", "value", "low", "high", "rmse"]].to_string(float_format=lambda v: f"{v:.4g}")
    return [report.sentence(), "", shown, "", f"page: {out}"]


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise ValueError(f"{path} is no file; give a CSV or Parquet table with one row a decision")
    try:
        frame = pd.read_parquet(path) if path.suffix in (".parquet", ".pq") else pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be read as a table: {error}") from error
    if frame.empty:
        raise ValueError(f"{path} has no rows")
    return frame


def _command(
    path: Path, treatment: str, outcome: str, covariates: Sequence[str] | None, options: dict[str, Any]
) -> str:
    named = {"treatment": treatment, "outcome": outcome} | ({"covariates": ",".join(covariates)} if covariates else {})
    given = named | {name: value for name, value in options.items() if value is not None}
    words = " ".join(f"--{name} {shlex.quote(str(value))}" for name, value in given.items())
    return f"causalrec trust {shlex.quote(path.name)} {words}"
