"""What every benchmark leaves behind: one table on the screen and one JSON with the machine it ran on."""

from __future__ import annotations

import json
import os
import platform as machine
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

RESULTS = Path(__file__).parent / "results"
# numba, below EconML, asks whether there is a package `coverage`, and would take the script beside this one for it
sys.modules.setdefault("coverage", None)  # type: ignore[arg-type]


@contextmanager
def clock() -> Iterator[list[float]]:
    """Seconds of the block, as the list's only entry once it ends."""
    found: list[float] = []
    start = time.perf_counter()
    yield found
    found.append(time.perf_counter() - start)


def commit(*packages: str) -> str:
    """Commit the figures come from, marked where the code behind them had changes of its own.

    That code is what this process has loaded of the project, or, where named, whole packages of `causalrec_lab`.
    """
    root = Path(__file__).resolve().parent.parent
    files = [file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))]
    loaded = [file for file in files if Path(file).is_relative_to(root) and "site-packages" not in file]
    ours = [str(root / "causalrec_lab" / package) for package in packages] or loaded
    head = _git(root, "rev-parse", "--short", STARTED_AT) if STARTED_AT else ""
    changed = _git(root, "diff", "--name-only", STARTED_AT, "--", *ours) if STARTED_AT else ""
    new = _git(root, "ls-files", "--others", "--exclude-standard", "--", *ours)
    return (head or "unknown") + ("-dirty" if changed or new else "")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


STARTED_AT = _git(Path(__file__).resolve().parent, "rev-parse", "HEAD")  # others may commit while it runs


def record(name: str, table: pd.DataFrame, seconds: float, **facts: Any) -> Path:
    """Print the table and write `results/<name>.json`, the commit of the code that ran among its facts."""
    print(table.to_string(float_format=lambda v: f"{v:.4g}"))
    RESULTS.mkdir(exist_ok=True)
    content = {
        "benchmark": name,
        "date": datetime.now(UTC).date().isoformat(),
        "seconds": round(seconds, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "machine": {
            "system": machine.system(),
            "cpus": os.cpu_count(),
            "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        },
        "python": sys.version.split()[0],
        "versions": {p: version(p) for p in ("numpy", "pandas", "scipy", "scikit-learn")},
        "commit": commit(),
        **facts,
        "rows": json.loads(table.reset_index().to_json(orient="records", double_precision=10)),
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path
