"""The validity table: every estimator under every condition of the platform, in bias, coverage and honesty.

Bias, root mean squared error, coverage of 95 % intervals with its Wilson interval, interval length, processor seconds
and the share of runs that warned. Each replication is a new log of one platform. What is done is kept under
`build/validity/` and is not done again: kill it at any time, the same command goes on; another version of the library's
code lies elsewhere, so that no figure comes from two. With `--cluster local` or `--cluster tcp://host:8786` the
replications run on a Dask cluster (extra `cluster`), whose workers must see this folder. A part of the table, by
`--conditions` or `--methods`, is printed and not recorded.

    python benchmarks/validity.py --replications 400 --jobs 2
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from recording import clock, record
from validity_conditions import CONDITIONS, METHODS, Condition, Method, code
from wilson import wilson

KEPT = Path(__file__).resolve().parent.parent / "build" / "validity"
CHUNK = 20
NEIGHBOURS = ("recording.py", "validity_conditions.py", "wilson.py")


def once(condition: Condition, methods: Sequence[Method], seed: int) -> list[dict[str, Any]]:
    """Every method on one log of a condition."""
    log, rows = condition.draw(seed), []
    for method in methods:
        start = time.process_time()
        row: dict[str, Any] = {"condition": condition.label, "estimator": method.label, "seed": seed, "problem": ""}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = method(log, condition, seed)
            warned = any("warning" in note for note in found.notes)
            row |= {"value": found.value, "std_error": found.std_error, "low": found.low, "high": found.high}
            row["warned"] = warned
        except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            row |= dict.fromkeys(("value", "std_error", "low", "high"), np.nan)
            row |= {"problem": f"{type(error).__name__}: {error}"[:200], "warned": True}
        rows.append(row | {"seconds": time.process_time() - start})
    return rows


def chunk(condition: Condition, methods: Sequence[Method], seeds: range) -> Path:
    """Some replications of a condition, written whole or not at all."""
    path = kept(condition, methods, seeds)
    if path.exists():
        return path
    frame = pd.DataFrame([row for seed in seeds for row in once(condition, methods, seed)])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    frame.to_parquet(part)
    part.replace(path)
    return path


def kept(condition: Condition, methods: Sequence[Method], seeds: range) -> Path:
    """Where a chunk's rows lie: another definition of condition or methods, or other code, lies elsewhere."""
    ways = [(m, sorted(m.options.items())) for m in methods]
    said = repr((condition, sorted(condition.dials.items()), ways, seeds, code()))
    return KEPT / f"{hashlib.sha256(said.encode()).hexdigest()[:20]}.parquet"


def tasks(
    conditions: Sequence[Condition], methods: Sequence[Method], replications: int
) -> list[tuple[Condition, tuple[Method, ...], range]]:
    """Chunks of all conditions; methods with fewer replications fall out of the later ones."""
    found = []
    for start in range(0, replications, CHUNK):
        for condition in conditions:
            wanted = tuple(m for m in methods if start < m.most and condition.judges(m))
            if wanted:
                found.append((condition, wanted, range(start, min(start + CHUNK, replications))))
    return found


@contextmanager
def workers(jobs: int, cluster: str) -> Iterator[None]:
    """Processes of this machine, or a Dask cluster."""
    import joblib

    if not cluster:
        with joblib.parallel_config(backend="loky", n_jobs=jobs):
            yield
        return
    from distributed import Client, LocalCluster

    local = LocalCluster(n_workers=jobs, threads_per_worker=1) if cluster == "local" else None
    with Client(local or cluster) as client, joblib.parallel_config(backend="dask"):
        for name in NEIGHBOURS if local is None else ():  # here they are there, and loading twice makes two of each
            client.upload_file(str(Path(__file__).with_name(name)))
        yield
    if local is not None:
        local.close()


def summary(runs: pd.DataFrame, conditions: Sequence[Condition], methods: Sequence[Method]) -> pd.DataFrame:
    """One row a condition and estimator."""
    known, ways, rows = {c.label: c for c in conditions}, {m.label: m for m in methods}, []
    truth_of = cache(lambda label, estimand: known[label].truth(estimand))  # under interference it is drawn, not summed
    for (label, name), part in runs.groupby(["condition", "estimator"], sort=False):
        truth, done = truth_of(str(label), ways[str(name)].estimand), part[part["problem"] == ""]
        error = done["value"] - truth.value
        hits = int(((done["low"] <= truth.value) & (truth.value <= done["high"])).sum())
        low, high = wilson(hits, max(len(done), 1))
        length = (done["high"] - done["low"]).replace(np.inf, np.nan)
        rows.append(
            {
                "condition": label,
                "estimator": name,
                "truth": truth.value,
                "bias": error.mean(),
                "bias_error": error.std(ddof=1) / len(error) ** 0.5,
                "bias_in_sd": error.mean() / error.std(ddof=1),
                "rmse": float(np.sqrt((error**2).mean())),
                "coverage": hits / max(len(done), 1),
                "coverage_low": low,
                "coverage_high": high,
                "length": length.mean(),
                "warned": part["warned"].mean(),
                "failed": 1 - len(done) / len(part),
                "cpu_seconds": part["seconds"].median(),
                "replications": len(part),
            }
        )
    order = {label: place for place, label in enumerate(known)}
    table = pd.DataFrame(rows).sort_values("condition", key=lambda c: c.map(order), kind="stable")
    return table.set_index(["condition", "estimator"])


def main() -> None:
    """Run what is missing, then write `results/validity.json`."""
    from joblib import Parallel, delayed
    from tqdm import tqdm

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cluster", default="", help="local, or a scheduler's address: tcp://host:8786")
    parser.add_argument("--conditions", default="", help="those whose label contains one of these, split by commas")
    parser.add_argument("--methods", default="", help="those whose label contains one of these, split by commas")
    options = parser.parse_args()
    conditions = [c for c in CONDITIONS if any(word.strip() in c.label for word in options.conditions.split(","))]
    methods = [m for m in METHODS if any(word.strip() in m.label for word in options.methods.split(","))]
    if not conditions or not methods:
        parser.error(
            f"nothing left; conditions: {[c.label for c in CONDITIONS]}; methods: {[m.label for m in METHODS]}"
        )
    paths = [str(Path(__file__).resolve().parent), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)  # workers find this file's neighbours
    with clock() as seconds, workers(options.jobs, options.cluster):
        todo = tasks(conditions, methods, options.replications)
        made = Parallel(return_as="generator_unordered")(delayed(chunk)(*task) for task in todo)
        paths = list(tqdm(made, total=len(todo)))
    runs = pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
    table = summary(runs, conditions, methods)
    if options.conditions or options.methods:
        print(table.to_string(float_format=lambda value: f"{value:.4g}"))
        return
    record(
        "validity", table, seconds[0], command=f"python benchmarks/validity.py --replications {options.replications}"
    )


if __name__ == "__main__":
    main()
