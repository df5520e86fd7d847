"""Uplift curves: coverage of AUUC, Qini and uplift at k against the platform's truth, and the figures on Hillstrom.

Decisions of the platform are drawn again and again; a fixed score ranks them, and the interval of each figure is set
against the population's, read from the true effects of many more decisions. `trial` takes the treatment as randomised,
`adjusted` reads the platform's own log by its covariates, and `unadjusted` shows what that would be without them. On
Hillstrom's experiment scores are cross-fitted by `uplift.predict`.

    python benchmarks/uplift_curves.py --replications 400
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd
from recording import record
from scipy import stats

from causalrec_lab import data
from causalrec_lab.intervention import uplift
from causalrec_lab.intervention.uplift.ranking import Ranking
from causalrec_lab.world import Platform

ROWS, TRUTH_ROWS, OUTCOME, TOP, RESAMPLES = 2_000, 400_000, "click", 0.2, 100
READS = ["recency", "history", "mens", "womens", "newbie"]


def ranked(log: pd.DataFrame) -> np.ndarray:
    """A score in the world's own columns: fewer earlier exposures and less popular items first."""
    return np.asarray(-log["log_exposures"] - 0.5 * log["log_popularity"])


def truth(platform: Platform) -> dict[str, float]:
    """The population's figures, from the true effects of many decisions."""
    log = platform.log(TRUTH_ROWS, seed=9_999).decisions
    means = platform.truth.potential_outcomes(log, OUTCOME)
    effect = (means["y1"] - means["y0"]).to_numpy()
    ranking = Ranking.of(ranked(log), np.ones(len(log)))
    area = ranking.area(effect)[0]
    top = ranking.gain(effect, np.array([TOP]))[0] / TOP
    return {"AUUC": area, "Qini": area - effect.mean() / 2, f"uplift at {TOP}": float(top)}


def one(platform: Platform, seed: int, design: str) -> dict[str, tuple[float, float, float]]:
    """Value and interval of each figure in one draw."""
    log = (platform.trial if design == "trial" else platform.log)(ROWS, seed=seed)
    frame = log.decisions
    how: dict[str, Any] = {"covariates": platform.covariates} if design == "adjusted" else {}
    how |= {"cluster": "user_id", "resamples": RESAMPLES, "seed": seed}  # the trial treats whole users
    found = uplift.curve(frame, "treated", OUTCOME, ranked(frame), **how)
    figures = {"AUUC": found.auuc, "Qini": found.qini, f"uplift at {TOP}": found.at_k(TOP)}
    return {name: (e.value, e.low, e.high) for name, e in figures.items()}


def coverage(replications: int) -> pd.DataFrame:
    """Bias and coverage of every figure in each design."""
    platform = Platform.make(seed=5, n_users=2_000, n_items=200, base_rate="common")
    known, rows = truth(platform), []
    for design in ("trial", "adjusted", "unadjusted"):
        draws = [one(platform, seed, design) for seed in range(replications)]
        for what, right in known.items():
            value, low, high = np.array([draw[what] for draw in draws]).T
            hits = int(((low <= right) & (right <= high)).sum())
            ends = stats.binomtest(hits, replications).proportion_ci()
            rows.append({"design": design, "figure": what, "truth": right, "bias": value.mean() - right,
                         "spread": value.std(ddof=1), "coverage": hits / replications, "coverage low": ends.low,
                         "coverage high": ends.high})  # fmt: skip
    return pd.DataFrame(rows)


def hillstrom() -> pd.DataFrame:
    """Figures of three scores for each e-mail, and how much better than the predicted outcome they rank."""
    everybody, rows = data.load("hillstrom").decisions, []
    for arm in ("Womens E-Mail", "Mens E-Mail"):
        mail = everybody[everybody["arm"].isin([arm, "No E-Mail"])].reset_index(drop=True)
        plain, mild = (uplift.predict(mail, "treated", "visit", READS, shrinkage=s, seed=0) for s in (None, 300.0))
        scores = {"predicted visit": plain["y1"], "T-learner": plain["effect"], "shrunken": mild["effect"]}
        more = uplift.difference(mail, "treated", "visit", scores)
        for name, score in scores.items():
            found = uplift.curve(mail, "treated", "visit", score)
            figures = {"Qini": found.qini, "AUUC": found.auuc, "uplift at 0.1": found.at_k(0.1)}
            figures |= {"Qini more": more[name]} if name in more else {}
            rows += [{"design": arm, "score": name, "figure": what, "value": e.value, "low": e.low, "high": e.high}
                     for what, e in figures.items()]  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    """Run, print and write `results/uplift_curves.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=400)
    replications = parser.parse_args().replications
    start = time.process_time()
    table = pd.concat([coverage(replications), hillstrom()], ignore_index=True).set_index(["design", "figure"])
    facts = {"decisions": ROWS, "outcome": OUTCOME, "replications": replications, "resamples": RESAMPLES}
    record("uplift_curves", table, time.process_time() - start, **facts)


if __name__ == "__main__":
    main()
