"""T7: bias of the ATE by text dial and by what is read of the text, each user and each item once in a log.

    python benchmarks/text_confounding.py --logs 20

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


def table(dial: float, vocabulary: int, logs: int, encoder: TextEncoder) -> pd.DataFrame:
    """One row a reading of the text."""
    dials = {"confounding": CONFOUNDING, "text_r2": dial, "vocabulary": vocabulary, "base_rate": "common"}
    platform = world.Platform.make(seed=SEED, n_users=SIZE, n_items=SIZE, **dials)
    truth = platform.truth.ate(OUTCOME)
    runs = [
        effects.text_confounding(platform, SIZE, seed, embed=encoder.embed, outcome=OUTCOME) for seed in range(logs)
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
            "bias": values.mean() - truth.value,
            "bias_error": values.std(ddof=1) / np.sqrt(logs),
            "mean_std_error": errors.mean(),
            "coverage": covered.mean(),
            "share_of_removal": share,
            "largest_change_from_tables_in_se": (values.sub(values["tables only"], axis=0).abs() / errors).max(),
        }
    ).rename_axis("reading")


def main() -> None:
    """Run and write `results/text_confounding.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=20)
    parser.add_argument("--vocabulary", type=int, nargs="+", default=[60])
    options = parser.parse_args()
    encoder = TextEncoder.load("auto")
    with clock() as seconds:
        parts = [table(r2, words, options.logs, encoder) for words in options.vocabulary for r2 in (0.0, 0.7, 0.9)]
    facts = {"logs": options.logs, "n": SIZE, "confounding": CONFOUNDING, "encoder": encoder.name, "outcome": OUTCOME}
    record("text_confounding", pd.concat(parts), seconds[0], **facts)


if __name__ == "__main__":
    main()
