"""T7: bias of the ATE by text dial and by what is read of the text, each user and each item once in a log.

    python benchmarks/text_confounding.py --logs 20
    python benchmarks/text_confounding.py --trained-logs 10 --trained-n 1000            # only with trained encoders
    python benchmarks/text_confounding.py --logs 10 --grid                              # by vocabulary and n

Several logs of one platform a dial; bias is the mean over logs, with its Monte-Carlo error; the share of removal is the
ratio of mean removals (tables to row, over tables to oracle). Nothing was tuned on these seeds.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab import world
from causalrec_lab.causal import effects
from causalrec_lab.recommender import TextEncoder

SIZE, OUTCOME, CONFOUNDING, SEED = 3_000, "click", 1.5, 101
GRID = [(words, n) for words in (60, 1_000, 4_000) for n in (500, 1_000, 3_000)]


def table(
    dial: float, vocabulary: int, logs: int, encoder: TextEncoder, n: int = SIZE, trained: bool = False
) -> pd.DataFrame:
    """One row a reading of the text."""
    dials = {"confounding": CONFOUNDING, "text_r2": dial, "vocabulary": vocabulary, "base_rate": "common"}
    platform = world.Platform.make(seed=SEED, n_users=n, n_items=n, **dials)
    truth = platform.truth.ate(OUTCOME)
    runs = [
        effects.text_confounding(
            platform, n, seed, embed=encoder.embed, outcome=OUTCOME, trained={"encoder": encoder} if trained else None
        )
        for seed in range(logs)
    ]
    values = pd.DataFrame([{row: found.value for row, found in run.items()} for run in runs])
    errors = pd.DataFrame([{row: found.std_error for row, found in run.items()} for run in runs])
    covered = pd.DataFrame([{row: found.covers(truth) for row, found in run.items()} for run in runs])
    removed = values["tables only"].mean() - values.mean()
    share = removed / removed["oracle"] if dial else removed * np.nan
    return pd.DataFrame(
        {
            "text_r2": dial,
            "vocabulary": vocabulary,
            "n": n,
            "logs": logs,
            "bias": values.mean() - truth.value,
            "bias_error": values.std(ddof=1) / np.sqrt(logs),
            "mean_std_error": errors.mean(),
            "coverage": covered.mean(),
            **dict(zip(("coverage_low", "coverage_high"), wilson(covered.sum(), logs), strict=True)),
            "share_of_removal": share,
            "largest_change_from_tables_in_se": (values.sub(values["tables only"], axis=0).abs() / errors).max(),
        }
    ).rename_axis("reading")


def wilson(hits: pd.Series, runs: int, z: float = 1.96) -> tuple[pd.Series, pd.Series]:
    """Wilson's 95 % interval of a share (Wilson 1927)."""
    share, spread = hits / runs, z**2 / runs
    centre = (share + spread / 2) / (1 + spread)
    half = z * np.sqrt(share * (1 - share) / runs + spread / (4 * runs)) / (1 + spread)
    return centre - half, centre + half


def main() -> None:
    """Run and write `results/text_confounding.json`; trained encoders and the grid have files of their own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=20)
    parser.add_argument("--vocabulary", type=int, nargs="+", default=[60])
    parser.add_argument("--trained-logs", type=int, default=0, help="logs on which encoders are trained; no others")
    parser.add_argument("--trained-n", type=int, default=1_000)
    parser.add_argument("--grid", action="store_true", help="R^2 .9 by vocabulary and n, without trained encoders")
    options = parser.parse_args()
    encoder = TextEncoder.load("auto")
    dials = (0.0, 0.7, 0.9)
    words, few, small = options.vocabulary, options.trained_logs, options.trained_n
    with clock() as seconds:
        if options.grid:
            name, parts = "text_confounding_grid", [table(0.9, w, options.logs, encoder, n) for w, n in GRID]
        elif few:
            name = "text_confounding_trained"
            parts = [table(r2, w, few, encoder, small, True) for w in words for r2 in dials]
        else:
            name, parts = "text_confounding", [table(r2, w, options.logs, encoder) for w in words for r2 in dials]
    facts = {"confounding": CONFOUNDING, "encoder": encoder.name, "outcome": OUTCOME}
    record(name, pd.concat(parts), seconds[0], **facts)


if __name__ == "__main__":
    main()
