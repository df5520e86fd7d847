"""Seconds and peak memory to clean and split ten million events in DuckDB (claim S9).

The events are drawn here, a million at a time, into a Parquet file: one in a hundred is a repeated row, others lack
their user or carry a propensity that is none, values have a heavy tail. Timed is all from opening the file to three
Parquet files of training, validation and test, in a process of its own, so that its peak memory is its own.

    python benchmarks/cleaning.py
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
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


def take(path: Path, folder: Path) -> dict[str, Any]:
    """Clean and split the file; seconds of each step, rows, and the peak memory of this process."""
    steps: dict[str, float] = {}
    database = data.connect("duckdb://")
    with clock() as cleaning:
        cleaned, report = data.clean(database.read_parquet(path), cap={"value": 0.999})
    with clock() as keeping:
        kept = cleaned.cache()
    with clock() as cutting:
        split = data.split_temporal(kept)
    with clock() as writing:
        files = {part: data.to_parquet(getattr(split, part), folder / f"{part}.parquet") for part in PARTS}
    for name, spent in (("clean", cleaning), ("keep", keeping), ("split", cutting), ("write", writing)):
        steps[name] = spent[0]
    rows = {part: int(database.read_parquet(file).count().execute()) for part, file in files.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    report_rows = {f"{row.step}: {row.column}": int(row.rows) for row in report.itertuples()}
    return {"seconds": steps, "rows": rows, "report": report_rows, "peak_gb": peak}


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
    total = sum(found["seconds"].values())
    rows = [{"step": step, "seconds": seconds} for step, seconds in found["seconds"].items()]
    whole = {
        "step": "all",
        "seconds": total,
        "most_seconds": MOST_SECONDS,
        "peak_gb": found["peak_gb"],
        "most_gb": MOST_GB,
    }
    table = pd.DataFrame([*rows, whole]).set_index("step")
    facts = {"events": asked.events, "kept": found["rows"], "dropped": found["report"]}
    reached = total <= MOST_SECONDS and found["peak_gb"] <= MOST_GB
    record("cleaning", table, spent[0], reached=reached, **facts)


if __name__ == "__main__":
    main()
