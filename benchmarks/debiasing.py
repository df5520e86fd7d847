"""R6: does debiasing help? Ranking on randomised exposure, gain over naive, by what the propensity model reads.

A log of a small platform: each pair's first decision, shown by the platform's own rule; what followed is known where it
was shown. A model of pairs learns from that; the test asks for pairs drawn uniformly, whose relevance is the potential
outcome under being shown, drawn from the truth. Beside naive stands "naive, randomised log": the same model on as many
pairs shown at random, which says how much selection costs, and so how much there is to win. Every seed is a platform, a
log and a test of its own; gains are paired within seeds, intervals are Student's over seeds.

Two tasks: whether it is viewed, by a model of intercepts alone, too small for the world; whether it is clicked, by a
model with features and factors (some of the losses and propensities). Each has the penalty that was best for *naive* on
platform seeds 1000 to 1007, which are not reported; on those the clip was fixed too.

    python benchmarks/debiasing.py --seeds 20 --runs runs.csv
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from recording import clock, record
from scipy import stats

from causalrec_lab.causal.effects import tfidf_embedding
from causalrec_lab.recommender import RatingLogit, RecommenderConfig, rating_metrics
from causalrec_lab.recommender.ratings.exposure import LogisticExposure, PopularityExposure, TransformerExposure
from causalrec_lab.world import Platform

USERS, ITEMS, TESTED = 300, 100, 50  # randomised pairs a user
DIALS = {"text_r2": 0.9}
CLIP = 0.1  # least propensity of clipped IPS
LOSSES = {"IPS": "ips", "clipped IPS": "ips", "SNIPS": "snips", "DR": "dr", "DR-JL": "dr_jl", "MRDR": "mrdr"}
TASKS = {
    "view, intercepts": {"outcome": "view", "factors": 0, "penalty": 10.0, "reads features": False},
    "click, features and factors": {"outcome": "click", "factors": 4, "penalty": 3.0, "reads features": True},
}
FEW = (("true", "logged columns", "logged columns + text"), ("IPS", "clipped IPS", "DR"))  # of the second task
CONFIG = RecommenderConfig(length=64, dim=16, blocks=1, epochs=10, learning_rate=1e-2, tokens=2_000, precision="fp32")


def one(seed: int, confounding: float) -> Iterator[dict[str, Any]]:
    """Figures of every model on one platform."""
    platform = Platform.make(seed=seed, n_users=USERS, n_items=ITEMS, confounding=confounding, **DIALS)
    log = platform.log(USERS * ITEMS, seed, propensity=None).decisions.drop_duplicates(["user_id", "item_id"])
    eligible = len(log) / (USERS * ITEMS)
    chances = {name: eligible * grid(log, p, 1.0) for name, p in propensities(platform, log).items()}
    for task in TASKS:
        for told, loss, found in figures(platform, log, task, chances, seed):
            yield {"task": task, "confounding": confounding, "seed": seed, "propensity": told, "loss": loss, **found}


def figures(
    platform: Platform, log: pd.DataFrame, task: str, chances: dict[str, np.ndarray], seed: int
) -> Iterator[tuple[str, str, pd.Series]]:
    """Propensity, loss and metrics of every model of one task."""
    outcome, factors, penalty, reads = TASKS[task].values()
    features = columns(platform) if reads else (np.zeros((USERS, 1)), np.zeros((ITEMS, 1)))
    seen, liked = grid(log, log["treated"]), grid(log, log["treated"] * log[outcome])
    fresh, drawn = (if_shown(platform, outcome, np.random.default_rng([seed, stream])) for stream in (1, 2))
    test = np.where(some_items(np.random.default_rng([seed, 3])), np.where(fresh, 5, 1), 0)
    random = np.random.default_rng([seed, 4]).random(seen.shape) < seen.mean()

    def scored(kind: str, liked: Any, seen: Any, chance: Any = None, clip: float = 0.0) -> pd.Series:
        model = RatingLogit(kind, factors=factors, penalty=penalty, clip=clip).fit(liked, seen, *features, chance)
        return rating_metrics(test, model.predict(), k=10, replications=2)["value"]

    yield "none", "naive", scored("naive", liked, seen)
    yield "none", "naive, randomised log", scored("naive", drawn * random, random)
    for told, chance in chances.items():
        for loss, kind in LOSSES.items():
            if reads and (told not in FEW[0] or loss not in FEW[1]):
                continue
            yield told, loss, scored(kind, liked, seen, chance, CLIP if loss == "clipped IPS" else 0.0)


def propensities(platform: Platform, log: pd.DataFrame) -> dict[str, np.ndarray]:
    """Chance of each decision's treatment, by what is read."""
    logged = platform.covariates
    users, items = (
        pd.DataFrame(tfidf_embedding(table["text"].tolist(), 32), index=table[key])
        for table, key in ((platform.users, "user_id"), (platform.items, "item_id"))
    )
    models = {
        "popularity": PopularityExposure(),
        "logged columns": LogisticExposure(logged),
        "logged columns + text": LogisticExposure(logged, user_vectors=users, item_vectors=items),
        "logged columns + identities": LogisticExposure(logged, identities=True),
        "Transformer": TransformerExposure(CONFIG),
    }
    return {"true": platform.truth.propensity(log[["user_id", "item_id"]])} | {
        name: model.fit(log).predict(log) for name, model in models.items()
    }


def columns(platform: Platform) -> tuple[np.ndarray, np.ndarray]:
    """What the platform knows of users (its estimate of their tastes among it) and of items."""
    items = platform.items
    known = [np.log(items["price"]), np.log(items["popularity"])]
    users = platform.contexts().drop(columns="user_id").to_numpy(float)
    return users, np.column_stack([*known, pd.get_dummies(items["category"]).to_numpy(float)])


def if_shown(platform: Platform, outcome: str, rng: np.random.Generator) -> np.ndarray:
    """Y(1) of every pair, one draw."""
    users, items = np.divmod(np.arange(USERS * ITEMS), ITEMS)
    means = platform.truth.potential_outcomes(pd.DataFrame({"user_id": users, "item_id": items}), outcome)["y1"]
    return rng.random((USERS, ITEMS)) < means.to_numpy().reshape(USERS, ITEMS)


def some_items(rng: np.random.Generator) -> np.ndarray:
    """TESTED items of each user, uniformly."""
    return rng.random((USERS, ITEMS)).argsort(axis=1) < TESTED


def grid(log: pd.DataFrame, values: Any, empty: float = 0.0) -> np.ndarray:
    """(users, items) matrix of a column."""
    matrix = np.full((USERS, ITEMS), empty)
    matrix[log["user_id"], log["item_id"]] = values
    return matrix


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean figures and gains over naive, paired by seed, with 95 % intervals over seeds."""
    keys = ["task", "confounding", "propensity", "loss"]
    base = runs[runs["loss"] == "naive"].set_index(["confounding", "task", "seed"])
    rows = []
    for key, part in runs.groupby(keys, sort=False):
        paired = part.set_index(["confounding", "task", "seed"])
        row: dict[str, Any] = dict(zip(keys, key, strict=True))
        for metric in ("NDCG@10", "AUC"):
            gain = paired[metric] - base.loc[paired.index, metric]
            half = stats.t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
            row |= {metric: paired[metric].mean(), f"{metric} gain": gain.mean()}
            row |= {f"{metric} low": gain.mean() - half, f"{metric} high": gain.mean() + half}
        rows.append(row | {"seeds": len(part), "no worse than -.005": bool(row["NDCG@10 low"] > -0.005)})
    return pd.DataFrame(rows).set_index(keys)


def main() -> None:
    """Run what is missing, print and write `results/debiasing.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--confounding", type=float, nargs="+", default=[0.0, 1.0])
    parser.add_argument(
        "--runs", type=Path, help="CSV of figures by seed, added to: what stands there is not run again"
    )
    options = parser.parse_args()
    known = pd.read_csv(options.runs) if options.runs and options.runs.exists() else pd.DataFrame()
    parts, done = [known], set() if known.empty else set(zip(known["confounding"], known["seed"], strict=True))
    with clock() as seconds:
        for confounding in options.confounding:
            for seed in range(options.seeds):
                if (confounding, seed) not in done:
                    parts.append(pd.DataFrame(one(seed, confounding)))
                    if options.runs:
                        pd.concat(parts).to_csv(options.runs, index=False)
    facts = {
        "seeds": options.seeds,
        "platforms_run_before": len(done),
        "users": USERS,
        "items": ITEMS,
        "tasks": TASKS,
        "dials": DIALS,
        "clip": CLIP,
    }
    record("debiasing", summary(pd.concat(parts)), seconds[0], chosen_on="platform seeds 1000-1007", **facts)


if __name__ == "__main__":
    main()
