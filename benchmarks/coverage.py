"""T1: bias and coverage of every effect estimator with a standard error, each against its own estimand.

n = 2,000, propensities in [.1, .9], outcome rates >= .2, one decision a user or clustered errors; binary, continuous
and heavy-tailed outcomes. What is replicated stands in `coverage_cases/` (how to add to it: its `__init__`).
Replications are independent logs of one population. Rows that are not run anew keep their figures, with the commit
they came from.

    python benchmarks/coverage.py --replications 2000 --jobs 1 --only aipw
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from coverage_cases.case import Case
from coverage_cases.populations import ROWS
from recording import RESULTS, clock, commit, record
from wilson import wilson

Found = dict[str, list[tuple[float, float, bool, float]]]  # label -> value, error, covered, processor seconds


def all_cases(only: str = "") -> list[Case]:
    """The cases of every module in `coverage_cases/` whose label contains one of the words of `only`, split by commas.

    Raises
    ------
    ValueError
        If two cases share a label, or none is left.
    """
    folder = Path(__file__).parent / "coverage_cases"
    modules = [importlib.import_module(f"coverage_cases.{path.stem}") for path in sorted(folder.glob("[a-z]*.py"))]
    cases = [case for module in modules if hasattr(module, "cases") for case in module.cases()]
    labels = [case.label for case in cases]
    if twice := {label for label in labels if labels.count(label) > 1}:
        raise ValueError(f"cases share a label: {sorted(twice)}")
    left = [case for case in cases if any(word.strip() in case.label for word in only.split(","))]
    if not left:
        raise ValueError(f"no case contains {only!r}; there are {labels}")
    return left


def replicate(only: str, replications: int, seeds: Iterable[int]) -> Found:
    """Every case on the logs of some seeds."""
    cases = all_cases(only)
    found: Found = {case.label: [] for case in cases}
    for seed in seeds:
        logs: dict[Callable[[int], pd.DataFrame], pd.DataFrame] = {}
        for case in cases:
            if seed >= min(case.most, replications):
                continue
            if case.draw not in logs:
                logs[case.draw] = case.draw(seed)
            found[case.label].append(once(case, logs[case.draw], seed))
    return found


def once(case: Case, log: pd.DataFrame, seed: int) -> tuple[float, float, bool, float]:
    """Value, standard error, covered, processor seconds."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimate = case.estimate(log, seed)
    return estimate.value, estimate.std_error, estimate.covers(case.truth), time.process_time() - start


def summarise(case: Case, runs: list[tuple[float, float, bool, float]]) -> dict[str, float]:
    """Bias in standard deviations of the estimates, mean error over spread, coverage with its Wilson interval."""
    values, errors, covered, seconds = (np.array(column, dtype=float) for column in zip(*runs, strict=True))
    low, high = wilson(int(covered.sum()), len(runs))
    spread = values.std(ddof=1)
    return {
        "truth": case.truth.value,
        "bias": values.mean() - case.truth.value,
        "bias_in_sd": (values.mean() - case.truth.value) / spread,
        "se_over_sd": errors.mean() / spread,
        "coverage": covered.mean(),
        "coverage_low": low,
        "coverage_high": high,
        "replications": len(runs),
        "cpu_seconds": seconds.mean(),
    }


def earlier(new: pd.DataFrame) -> pd.DataFrame:
    """The new rows over those of the last runs that still stand for a case."""
    path = RESULTS / "coverage.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    known = [case.label for case in all_cases()]
    kept = {row["estimator"]: {k: v for k, v in row.items() if k != "estimator"} for row in rows if "commit" in row}
    table = kept | new.to_dict(orient="index")
    return pd.DataFrame.from_dict({k: table[k] for k in known if k in table}, orient="index").rename_axis("estimator")


def run(only: str, replications: int, jobs: int) -> Found:
    """All replications, by one process or several."""
    if jobs == 1:
        return replicate(only, replications, range(replications))
    from joblib import Parallel, delayed

    chunks = [range(start, replications, 8 * jobs) for start in range(8 * jobs)]
    parts = Parallel(jobs)(delayed(replicate)(only, replications, chunk) for chunk in chunks)
    return {label: [one for part in parts for one in part[label]] for label in parts[0]}


def main() -> None:
    """Run and write `results/coverage.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=2_000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="", help="rows whose label contains one of these words, split by commas")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # so that joblib's workers find the cases
    with clock() as seconds:
        found = run(options.only, options.replications, options.jobs)
    rows = {case.label: summarise(case, found[case.label]) for case in all_cases(options.only)}
    table = pd.DataFrame.from_dict(rows, orient="index").assign(commit=commit())
    record("coverage", earlier(table), seconds[0], n=ROWS)


if __name__ == "__main__":
    main()
