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


@contextmanager
def clock() -> Iterator[list[float]]:
    """Seconds of the block, as the list's only entry once it ends."""
    found: list[float] = []
    start = time.perf_counter()
    yield found
    found.append(time.perf_counter() - start)


def commit(*packages: str) -> str:
    """Commit the figures come from, marked where benchmarks or these packages had changes of their own."""
    here = Path(__file__).parent
    git = ["git", "-C", str(here)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    ours = [*git, "status", "--porcelain", "--", "*.py", *(f"../causalrec_lab/{package}" for package in packages)]
    changed = subprocess.run(ours, capture_output=True, text=True, check=False)
    return (head.stdout.strip() or "unknown") + ("-dirty" if changed.stdout.strip() else "")


def record(name: str, table: pd.DataFrame, seconds: float, **facts: Any) -> Path:
    """Print the table and write `results/<name>.json`."""
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
        **facts,
        "rows": json.loads(table.reset_index().to_json(orient="records", double_precision=10)),
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path
