"""Run the scripts of `benchmarks/`: one script a claim."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from causalrec_lab.lab.project import home, nearest

__all__ = ["run_benchmarks"]

# what scripts share or compare themselves with
IMPORTED = ("plain_sasrec", "recording", "validity_conditions", "wilson")


def run_benchmarks(names: Sequence[str] | None = None) -> list[str]:
    """Run benchmark scripts one after another and give the names of those that failed.

    Parameters
    ----------
    names
        File names without ending; None means all.

    Raises
    ------
    UnknownNameError
        If a name is no script in `benchmarks/`, with the nearest names.
    """
    scripts = {path.stem: path for path in sorted((home() / "benchmarks").glob("*.py")) if path.stem not in IMPORTED}
    for name in names or ():
        if name not in scripts:
            raise nearest("benchmark", name, scripts)
    environment = os.environ | {"CAUSALREC_HOME": str(home())}
    wanted = names or tuple(scripts)
    return [name for name in wanted if subprocess.run([sys.executable, str(scripts[name])], env=environment).returncode]
