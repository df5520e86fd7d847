"""Fairness: intervals of exposure and of causal parts beside truth, the price of a share beside truth, and seconds.

`exposure`: a policy's logs of lists, read by group of items and of users, against its exact expected exposure.
`causes`: gender and region against the share of a category that users are shown. On the platform gender (and age) move
the segment, and the segment moves region and taste: nothing is direct, gender's gap is all indirect, region's all
spurious. `price`: a share for a category and for the tail, kept in two ways, valued by the platform's truth and by the
scores themselves. `speed`: processor seconds for 5,000 users and 500 items.

    python benchmarks/fairness.py --replications 200 --seeds 10
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
from recording import record

from causalrec_lab import Truth
from causalrec_lab.causal import CausalGraph
from causalrec_lab.explain import fairness
from causalrec_lab.world import Platform
from causalrec_lab.world.truths.policies import SoftmaxPolicy

ROW = tuple[str, str, dict[str, float]]
PLACES, LISTS, USERS = 5, 3_000, 1_500
GRAPH = CausalGraph("gender -> segment; age -> segment; segment -> region; segment -> shown")
TAIL, CATEGORY = (0.6, 0.7, 0.8, 0.9), (0.2, 0.4, 0.6)


def rate(hits: list[bool]) -> dict[str, float]:
    """Coverage with its Monte-Carlo error."""
    held = float(np.mean(hits))
    return {"coverage": held, "mc_error": float(np.sqrt(held * (1 - held) / len(hits)))}


def exposures(replications: int) -> Iterator[ROW]:
    """Coverage of group shares, one at a time and all together, in logs of some of many users."""
    platform = Platform.make("ecommerce", seed=11, n_users=8_000, n_items=120)
    policy = SoftmaxPolicy(platform.population, temperature=0.7)
    exact = fairness.exposure_of_policy(policy, platform.contexts(), PLACES)
    asked = {"measure": "share", "against": "catalogue"}
    true = fairness.exposure_by_group(exact, platform.items, "category", **asked).table["value"]
    tail = fairness.exposure_by_group(exact, platform.items, "tail").table["gap"]
    hits: dict[str, list[bool]] = {"share of a category": [], "all categories at once": [], "tail beside head": []}
    for seed in range(replications):
        slates = platform.slates(policy, LISTS, seed=seed, length=PLACES)
        log = fairness.exposure_of_slates(slates, platform.items["item_id"])
        one = fairness.exposure_by_group(log, platform.items, "category", **asked)
        every = fairness.exposure_by_group(log, platform.items, "category", simultaneous=True, **asked)
        hits["share of a category"] += [one.estimates[name].covers(value) for name, value in true.items()]
        hits["all categories at once"].append(all(every.estimates[name].covers(value) for name, value in true.items()))
        gap = fairness.exposure_by_group(log, platform.items, "tail").gaps["tail"]
        hits["tail beside head"].append(gap.covers(float(tail["tail"])))
    yield from (("exposure", name, rate(found)) for name, found in hits.items())


def causes(replications: int) -> Iterator[ROW]:
    """Coverage of the parts of a gap on samples of users from one large population."""
    platform = Platform.make("ecommerce", seed=11, n_users=20_000, n_items=120)
    policy = SoftmaxPolicy(platform.population, temperature=0.7, popularity=0.0)
    exact = fairness.exposure_of_policy(policy, platform.contexts())
    shares = fairness.shown_shares(exact, platform.items, "category")
    who = platform.users[["age", "gender", "segment", "region"]]
    for protected, carried in (("gender", "indirect"), ("region", "spurious")):
        levels = who[protected].value_counts().index[:2].tolist()
        two = [shares[(who[protected] == level).to_numpy()].mean() for level in levels]
        category = (two[1] - two[0]).abs().idxmax()
        people = who.assign(shown=shares[category].to_numpy())
        yield from covered(people, protected, (levels[0], levels[1]), carried, category, replications)


def covered(
    people: pd.DataFrame, protected: str, pair: tuple[str, str], carried: str, category: str, replications: int
) -> Iterator[ROW]:
    """Parts on samples beside those of the population, whose own error is that of so many users drawn from the law."""
    whole = fairness.decompose(people, protected, "shown", graph=GRAPH, contrast=pair)
    gap = whole["total variation"].value
    values = {"direct": 0.0, "indirect": 0.0, "spurious": 0.0} | {carried: gap, "total variation": gap}
    hits: dict[str, list[bool]] = {name: [] for name in values}
    parts: dict[str, list[float]] = {name: [] for name in values}
    for seed in range(replications):
        sample = people.iloc[np.random.default_rng(seed).choice(len(people), USERS)]
        found = fairness.decompose(sample, protected, "shown", graph=GRAPH, contrast=pair, seed=seed)
        for name, value in values.items():
            hits[name].append(found[name].covers(Truth(value, whole[name].std_error)))
            parts[name].append(found[name].value)
    for name, value in values.items():
        figures = {"truth": value, "mean": float(np.mean(parts[name])), "sd": float(np.std(parts[name]))}
        yield "causes", f"{protected} to {category}: {name}", figures | rate(hits[name])


def priced(seeds: int) -> Iterator[ROW]:
    """Part of the true value that a share costs, beside what the scores say, where they are right and where not.

    A category is promised a share of lists ranked by estimated taste; the tail, of lists that popularity leans on.
    """
    for group, by, popularity, shares in (("bags", "category", 0.0, CATEGORY), ("tail", "tail", 0.5, TAIL)):
        truths, claims = [], []
        for seed in range(seeds):
            platform = Platform.make("ecommerce", seed=seed, n_users=400, n_items=120)
            v = platform.truth.examination(PLACES)["value"].to_numpy()
            contexts, items = platform.contexts(), platform.items
            groups = fairness.tail_groups(items["popularity"]) if by == "tail" else fairness.read_groups(items, by)
            scores = SoftmaxPolicy(platform.population, 2.0, popularity=popularity).probabilities(contexts)

            def claimed(policy: fairness.RankedPolicy, users: pd.DataFrame = contexts, s: np.ndarray = scores) -> float:
                return float((policy.probabilities(users) * s).sum(axis=1).mean())

            truths.append(fairness.Case(scores, groups, platform.truth.policy_value))
            claims.append(fairness.Case(scores, groups, claimed))
        for method in ("prefix", "amortised"):
            for says, cases in (("truth", truths), ("scores", claims)):
                curve = fairness.price_of_fairness(cases, PLACES, group, shares, method=method, weights=v)
                for share, row in curve.table.drop(index=0.0).iterrows():
                    figures = {str(name): float(row[name]) for name in ("given", "price", "price_low", "price_high")}
                    yield "price", f"{group} {share:g}, {method}: by {says}", figures


def speed() -> Iterator[ROW]:
    """Processor seconds of each way to rank 5,000 users and 500 items."""
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(5_000, 500)), np.array(list("abcd"))[rng.integers(0, 4, 500)]
    asked = {
        "prefix": {"least_share": {"a": 0.4}},
        "fair_star": {"least_share": {"a": 0.4}},
        "amortised": {"target": {"a": 0.4, "b": 0.2, "c": 0.2, "d": 0.2}},
        "controller": {"target": {"a": 0.4, "b": 0.2, "c": 0.2, "d": 0.2}},
    }
    for method, demand in asked.items():
        start = time.process_time()
        fairness.rerank(scores, labels, 10, method=method, **demand)
        yield "speed", method, {"seconds": time.process_time() - start}


def main() -> None:
    """Print and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=10)
    chosen = parser.parse_args()
    start = time.process_time()
    rows = [*exposures(chosen.replications), *causes(chosen.replications), *priced(chosen.seeds), *speed()]
    table = pd.DataFrame([{"part": part, "what": what, **figures} for part, what, figures in rows])
    record("fairness", table.set_index(["part", "what"]), time.process_time() - start, **vars(chosen))


if __name__ == "__main__":
    main()
