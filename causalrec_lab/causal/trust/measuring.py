"""Every estimator on many logs of every twin: `measure`, in several processes, with a bar, and stoppable."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from causalrec_lab.causal.trust.candidates import Candidate
from causalrec_lab.causal.trust.question import Question
from causalrec_lab.causal.trust.twins import Twin, run_once

__all__ = ["measure"]

_CHUNK = 5  # logs of one twin a task: its population is made anew in a worker for every task


def measure(
    twins: Sequence[Twin],
    chosen: Sequence[Candidate],
    question: Question,
    rows: int,
    level: float,
    seeds: Sequence[int],
    jobs: int,
    progress: bool | None,
) -> pd.DataFrame:
    """One row an estimator and log (see `twins.run_once`).

    Parameters
    ----------
    twins, chosen, question
        Platforms, estimators, and what was asked.
    rows, level
        Rows of each log; level of the intervals.
    seeds
        Of the logs of each twin.
    jobs
        Processes.
    progress
        Whether a bar shows how far it is; None: on terminals only.

    Raises
    ------
    KeyboardInterrupt
        If stopped, with how many logs were done.
    """
    from tqdm.auto import tqdm

    hidden = progress is False or os.environ.get("TQDM_DISABLE", "") not in ("", "0")
    total, done, parts = len(twins) * len(seeds), 0, []
    light = replace(question, frame=question.frame.head(0))  # workers need the columns' names, not the log
    with tqdm(
        total=total, desc="logs of the twins", disable=True if hidden else None if progress is None else False
    ) as bar:
        try:
            for part, n in _parts(twins, chosen, light, rows, level, seeds, jobs):
                parts.append(part)
                done += n
                bar.update(n)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped after {done:,} of {total:,} logs of the platforms") from None
    return pd.concat(parts, ignore_index=True)


def _parts(
    twins: Sequence[Twin], chosen: Sequence[Candidate], question: Question, rows: int, level: float,
    seeds: Sequence[int], jobs: int,
) -> Iterator[tuple[pd.DataFrame, int]]:  # fmt: skip
    """What was measured, task by task, and how many logs a task has; the strengths advance together."""
    from joblib import Parallel, delayed

    size = _CHUNK if jobs != 1 else 1
    chunks = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    tasks = [(twin, chunk) for chunk in chunks for twin in twins]
    done = Parallel(jobs, return_as="generator")(
        delayed(_several)(twin, chosen, question, rows, level, chunk) for twin, chunk in tasks
    )
    for part, (_, chunk) in zip(done, tasks, strict=True):
        yield part, len(chunk)


def _several(
    twin: Twin, chosen: Sequence[Candidate], question: Question, rows: int, level: float, seeds: Sequence[int]
) -> pd.DataFrame:
    return pd.concat([run_once(twin, chosen, question, rows, level, seed) for seed in seeds], ignore_index=True)
