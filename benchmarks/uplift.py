"""R8: what the causal result changes: re-ranking by estimated effect beside re-ranking by predicted purchase.

Each user's candidates are the rows of a log; five of them are shown. Ranked by the predicted outcome if shown, by the
estimated effect of showing (a T-learner, or one model with shrunken interactions; neither saw the row), by the true
effect, or at random; each list is valued by the truth: what showing adds, and what is counted in all. Every seed is a
platform and a log of its own; differences are paired within seeds, intervals are Student's over seeds. The learner and
the shrinkage were chosen on seeds 50 to 53.

    python benchmarks/uplift.py --seeds 20
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from recording import clock, record
from scipy import stats

from causalrec_lab.intervention import uplift
from causalrec_lab.world import Platform

ROWS, USERS, ITEMS, PLACES, OUTCOME = 20_000, 400, 100, 5, "purchase"
SHRINKAGE = 300.0


def one(seed: int, rates: str) -> pd.DataFrame:
    """What each ranking adds and counts, per 1,000 shown."""
    platform = Platform.make(seed=1_000 + seed, n_users=USERS, n_items=ITEMS, base_rate=rates)
    log = platform.log(ROWS, seed).decisions
    reads = [*platform.covariates, "price"]
    found = uplift.predict(log, "treated", OUTCOME, reads, groups="user_id", seed=seed)
    shrunken = uplift.predict(log, "treated", OUTCOME, reads, groups="user_id", shrinkage=SHRINKAGE, seed=seed)
    means = platform.truth.potential_outcomes(log, OUTCOME)
    adds = means["y1"] - means["y0"]
    chance = np.random.default_rng(seed).random(len(log))
    scores = {
        "predicted outcome": found["y1"],
        "estimated effect": found["effect"],
        "estimated effect, shrunken": shrunken["effect"],
        "true effect": adds,
        "random": chance,
    }
    rows = []
    for ranked, score in scores.items():
        shown = uplift.shown_by(log, score, PLACES)
        rows.append(
            {"ranked by": ranked, "adds": 1_000 * adds[shown].mean(), "counts": 1_000 * means["y1"][shown].mean()}
        )
    return pd.DataFrame(rows).assign(rates=rates, seed=seed)


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Means, and differences from ranking by the predicted outcome with 95 % intervals over seeds."""
    rows = []
    for key, part in runs.groupby(["rates", "ranked by"], sort=False):
        base = runs[(runs["rates"] == key[0]) & (runs["ranked by"] == "predicted outcome")].set_index("seed")
        row = dict(zip(("rates", "ranked by"), key, strict=True))
        for what in ("adds", "counts"):
            more = part.set_index("seed")[what] - base[what]
            half = stats.t.ppf(0.975, len(more) - 1) * more.std(ddof=1) / np.sqrt(len(more))
            row |= {what: part[what].mean(), f"{what} more": more.mean()}
            row |= {f"{what} low": more.mean() - half, f"{what} high": more.mean() + half}
        rows.append(row)
    return pd.DataFrame(rows).set_index(["rates", "ranked by"])


def main() -> None:
    """Run, print and write `results/uplift.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    with clock() as seconds:
        runs = pd.concat([one(seed, rates) for rates in ("common", "realistic") for seed in range(seeds)])
    facts = {"decisions": ROWS, "users": USERS, "items": ITEMS, "places": PLACES, "outcome": OUTCOME, "seeds": seeds}
    facts |= {"shrinkage": SHRINKAGE}
    record("uplift", summary(runs), seconds[0], unit="per 1,000 shown", **facts)


if __name__ == "__main__":
    main()
