"""Privacy: what each epsilon costs in interval length, whether intervals cover, what a recommender gives away.

Noise is simulated with the law and scale of a release, so that runs can be repeated. `--runs` makes a shorter run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from recording import record
from wilson import wilson

from causalrec_lab import Estimate
from causalrec_lab.explain import privacy
from causalrec_lab.recommender import Popularity, RecommenderConfig, TransformerRecommender
from causalrec_lab.world import Platform

EFFECT, CONFOUNDING = 0.1, 0.3
EPSILONS = (0.1, 0.3, 1.0, 3.0, 10.0)
NO_NOISE = 1e6
ITEMS = pd.DataFrame({"item_id": np.arange(150)})


def log(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """One to several decisions a user; x confounds; the effect is 0.1 for everybody."""
    user = np.repeat(np.arange(n), rng.poisson(2.0, n) + 1)
    x = rng.integers(0, 2, n)[user]
    e = np.where(x == 1, 0.7, 0.3)
    t = (rng.uniform(size=len(user)) < e).astype(int)
    y = (rng.uniform(size=len(user)) < 0.2 + CONFOUNDING * x + EFFECT * t).astype(int)
    return pd.DataFrame(
        {"user_id": user, "x": x, "e": e, "t": t, "y": y, "m0": 0.2 + CONFOUNDING * x, "m1": 0.3 + CONFOUNDING * x}
    )


def releases() -> dict[str, tuple[Callable[..., Estimate], float]]:
    """Name -> release of a log, and its truth."""

    def mean(frame: pd.DataFrame, **how: Any) -> Estimate:
        return privacy.mean(frame, "y", bounds=(0, 1), **how)

    def effect(frame: pd.DataFrame, **how: Any) -> Estimate:
        return privacy.effect(frame, "t", "y", bounds=(0, 1), **how)

    def strata(frame: pd.DataFrame, **how: Any) -> Estimate:
        return effect(frame, adjust={"x": [0, 1]}, **how)

    def weighted(frame: pd.DataFrame, **how: Any) -> Estimate:
        return effect(frame, propensity="e", floor=0.3, **how)

    def doubly_robust(frame: pd.DataFrame, **how: Any) -> Estimate:
        return effect(frame, propensity="e", floor=0.3, predictions=["m0", "m1"], **how)

    crude = EFFECT + CONFOUNDING * (0.7 - 0.3)
    return {
        "mean": (mean, 0.2 + CONFOUNDING / 2 + EFFECT / 2),
        "difference in means": (effect, crude),
        "effect, strata": (strata, EFFECT),
        "effect, weighted": (weighted, EFFECT),
        "effect, doubly robust": (doubly_robust, EFFECT),
    }


def costs(sizes: tuple[int, ...], runs: int, mechanism: str = "laplace") -> pd.DataFrame:
    """Length and coverage of each release by number of users and epsilon."""
    rows = []
    delta = {"delta": 1e-6} if mechanism == "gaussian" else {}
    for n in sizes:
        frames = [log(n, np.random.default_rng([n, run])) for run in range(runs)]
        for name, (release, truth) in releases().items():
            plain = np.nan
            for epsilon in (NO_NOISE, *EPSILONS):
                how: dict[str, Any] = {"epsilon": epsilon}
                how |= {"mechanism": mechanism, **delta} if epsilon < NO_NOISE else {}
                found = [release(frame, noise=privacy.simulate(run), **how) for run, frame in enumerate(frames)]
                length = float(np.mean([one.high - one.low for one in found]))
                plain = length if epsilon == NO_NOISE else plain
                covered = sum(one.covers(truth) for one in found)
                low, high = wilson(covered, runs)
                rows.append(
                    {
                        "release": name,
                        "users": n,
                        "mechanism": mechanism if epsilon < NO_NOISE else "none",
                        "epsilon": epsilon if epsilon < NO_NOISE else None,
                        "length": length,
                        "times": length / plain,
                        "coverage": covered / runs,
                        "coverage_low": low,
                        "coverage_high": high,
                        "drowned": float(np.mean([np.isnan(one.std_error) for one in found])),
                    }
                )
    return pd.DataFrame(rows)


def leaks(seeds: int) -> pd.DataFrame:
    """Membership inference on recommenders of the platform's views, by epochs; counts beside them."""
    rows = []
    for seed in range(seeds):
        views = Platform.make("ecommerce", seed=seed, n_users=1_000, n_items=150, base_rate="common")
        events = views.log(24_000, seed=seed + 100).events
        events = events[events["event"] == "view"]
        users = np.random.default_rng(seed).permutation(events["user_id"].unique())
        inside = events["user_id"].isin(users[: len(users) // 2])
        members, strangers = events[inside], events[~inside]

        def told(name: str, epochs: int | None, found: privacy.Membership, seed: int = seed) -> None:
            rows.append(
                {
                    "model": name,
                    "epochs": epochs,
                    "attack": found.method,
                    "seed": seed,
                    "auc": found.auc.value,
                    "caught": found.caught.value,
                    "advantage": found.advantage.value,
                    "epsilon_low": found.epsilon.epsilon_low,
                }
            )

        for epochs in (1, 3, 10, 30):

            def fit(part: pd.DataFrame, epochs: int = epochs) -> TransformerRecommender:
                sizes = {"length": 20, "dim": 32, "blocks": 1, "heads": 2, "dropout": 0.1, "tokens": 1_000}
                config = RecommenderConfig(**sizes, learning_rate=1e-2, epochs=epochs, precision="fp32")
                return TransformerRecommender(config).fit(part, (), items=ITEMS)

            model = fit(members)
            told("Transformer", epochs, privacy.membership(model, members, strangers))
            lira = privacy.membership(model, members, strangers, attack="lira", train=fit)
            told("Transformer", epochs, lira)
        counted = Popularity().fit(members, ITEMS)
        told("popularity", None, privacy.membership(counted, members, strangers, attack="rank"))
    by = pd.DataFrame(rows).groupby(["model", "epochs", "attack"], dropna=False, sort=False)
    return by[["auc", "caught", "advantage", "epsilon_low"]].agg(["mean", "min", "max"]).pipe(_flat).reset_index()


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_axis(["_".join(names).removesuffix("_mean") for names in table.columns], axis=1)


def main() -> None:
    """Measure and record."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=200)
    arguments.add_argument("--seeds", type=int, default=5)
    given = arguments.parse_args()
    start = time.process_time()
    table = costs((500, 2_000), given.runs)
    table = pd.concat([table, costs((2_000,), given.runs // 3, "gaussian").query("mechanism == 'gaussian'")])
    found = leaks(given.seeds)
    print(found.to_string(float_format=lambda v: f"{v:.3g}"))
    record(
        "privacy",
        table.reset_index(drop=True),
        time.process_time() - start,
        runs=given.runs,
        membership=found.astype(object).where(found.notna(), None).to_dict("records"),
    )


if __name__ == "__main__":
    main()
