"""Seconds and peak memory to clean and split ten million events in DuckDB (claim S8).

The events are drawn here, a million at a time, into a Parquet file: one in a hundred is a repeated row, others lack
their user or carry a propensity that is none, values have a heavy tail. Timed is all from opening the file to three
Parquet files of training, validation and test, in a process of its own, so that its peak memory is its own. Beside
the clock stand processor seconds, over all threads, which a busy machine does not stretch.

    python benchmarks/cleaning.py
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab import data

EVENTS, CHUNK = 10_000_000, 1_000_000
MOST_SECONDS, MOST_GB = 30.0, 6.0
KINDS = np.array(["view", "click", "cart", "purchase"], dtype=object)
PARTS = ("train", "validation", "test")
YEAR = 365 * 24 * 3600


def chunk(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Draw n events: popular items and active users more often, and a few rows that no contract allows."""
    user = (200_000 * rng.beta(0.6, 3.0, n)).astype(np.int64)
    seconds = rng.integers(0, YEAR * 1_000, n)
    frame = pd.DataFrame(
        {
            "user_id": pd.array(user, dtype="Int64"),
            "item_id": np.minimum(rng.zipf(1.3, n), 50_000),
            "timestamp": np.datetime64("2025-01-01", "ms") + seconds.astype("timedelta64[ms]"),
            "event": rng.choice(
                np.array(["view", "click", "cart", "purchase"], dtype=object), n, p=[0.7, 0.2, 0.07, 0.03]
            ),
            "value": (1 - rng.uniform(size=n)) ** (-1 / 1.8),
            "position": rng.integers(0, 20, n),
            "propensity": rng.uniform(0.001, 1, n),
        }
    )
    frame.loc[rng.choice(n, n // 200, replace=False), "user_id"] = pd.NA
    frame.loc[rng.choice(n, n // 200, replace=False), "propensity"] = 1.5
    repeated = rng.choice(n, n // 100, replace=False)
    frame.iloc[rng.choice(n, n // 100, replace=False)] = frame.iloc[repeated].to_numpy()
    return frame.astype({"timestamp": "datetime64[ms]", "item_id": "int64", "position": "int64"})


def write_events(path: Path, n: int) -> None:
    """Write n events, a chunk at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, writer = np.random.default_rng(1), None
    for start in range(0, n, CHUNK):
        rows = pa.Table.from_pandas(chunk(rng, min(CHUNK, n - start)), preserve_index=False)
        writer = writer or pq.ParquetWriter(path, rows.schema)
        writer.write_table(rows)
    if writer is not None:
        writer.close()


@contextmanager
def step(spent: dict[str, dict[str, float]], name: str) -> Iterator[None]:
    """Seconds of the block by the clock and by the processor."""
    start = time.process_time()
    with clock() as seconds:
        yield
    spent[name] = {"seconds": seconds[0], "processor_seconds": time.process_time() - start}


def take(path: Path, folder: Path) -> dict[str, Any]:
    """Clean and split the file; seconds of each step, rows, and the peak memory of this process."""
    spent: dict[str, dict[str, float]] = {}
    database = data.connect("duckdb://")
    with step(spent, "clean"):
        cleaned, report = data.clean(database.read_parquet(path), cap={"value": 0.999})
    with step(spent, "keep"):
        kept = cleaned.cache()
    with step(spent, "split"):
        split = data.split_temporal(kept)
    with step(spent, "write"):
        files = {part: data.to_parquet(getattr(split, part), folder / f"{part}.parquet") for part in PARTS}
    rows = {part: int(database.read_parquet(file).count().execute()) for part, file in files.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    touched = {f"{line.step}: {line.column}": int(line.rows) for line in report.itertuples()}
    return {"steps": spent, "rows": rows, "report": touched, "peak_gb": peak}


def measured(n: int) -> dict[str, Any]:
    """Draw the events, and take the figures in a fresh process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_events(folder / "events.parquet", n)
        command = [sys.executable, __file__, "--take", str(folder)]
        out = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(out.stdout))


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--take", type=Path)
    parser.add_argument("--events", type=int, default=EVENTS)
    asked = parser.parse_args()
    if asked.take:
        print(json.dumps(take(asked.take / "events.parquet", asked.take)))
        return
    with clock() as spent:
        found = measured(asked.events)
    table = pd.DataFrame.from_dict(found["steps"], orient="index").rename_axis("step")
    table.loc["all"] = total = table.sum()
    facts = {"events": asked.events, "kept": found["rows"], "dropped": found["report"]}
    facts |= {"peak_gb": found["peak_gb"], "most_gb": MOST_GB, "most_seconds": MOST_SECONDS}
    reached = bool(total["seconds"] <= MOST_SECONDS and found["peak_gb"] <= MOST_GB)
    print(f"peak memory {found['peak_gb']:.2f} GB, of {MOST_GB:g}; seconds of {MOST_SECONDS:g}; reached: {reached}")
    record("cleaning", table, spent[0], reached=reached, **facts)


if __name__ == "__main__":
    main()
