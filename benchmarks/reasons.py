"""Written reasons: whether what they cite moved the model, and what they say of groups is so.

Two tables. `cited`: by scenario and model, the drop of the score without the cited items beside as many random items of
the same history, how often the recommendation then falls, whether the user's true affinity with the liked category is
above the user's mean (the platform knows), the audit, the length. Users of all seeds are the units. `effects`: over
independent logs of one platform, how often the intervals a reason quotes hold the true effect of their group, all at
once and each, plain and simultaneous; how often the effect is told, and told with the wrong sign.

    python benchmarks/reasons.py                       # both
    python benchmarks/reasons.py effects --logs 1000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from recording import record
from scipy.stats import binomtest

from causalrec_lab.explain import reasons
from causalrec_lab.recommender import EASE, RecommenderConfig, TransformerRecommender
from causalrec_lab.world import Platform

SIZES: dict[str, Any] = {"n_users": 300, "n_items": 60, "base_rate": "common"}
DECISIONS, USERS, FIRST_SEED = 12_000, 40, 300
SCENARIOS = ("ecommerce", "music", "video", "news", "finance", "health", "education")
CONFIG = RecommenderConfig(length=30, dim=16, epochs=6, tokens=2_000, precision="fp32", device="cpu")
Fit = Callable[[pd.DataFrame, pd.DataFrame, int], Any]
MODELS: dict[str, tuple[Fit, str]] = {
    "EASE, deletion": (lambda acts, items, _: EASE().fit(acts, items=items), "deletion"),
    "Transformer, deletion": (lambda acts, items, seed: transformer(acts, items, seed), "deletion"),
    "Transformer, gradients": (lambda acts, items, seed: transformer(acts, items, seed), "gradients"),
}


def transformer(acts: pd.DataFrame, items: pd.DataFrame, seed: int) -> TransformerRecommender:
    """A small one, on what users did."""
    return TransformerRecommender(replace(CONFIG, seed=seed)).fit(acts, callbacks=(), items=items)


def of_one(scenario: str, model: str, seed: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """Drops of each reason, and what else there is to count, on one platform."""
    platform = Platform.make(scenario, seed=seed, **SIZES)
    log = platform.log(DECISIONS, seed)
    acts = log.events[log.events["event"] != "view"].drop_duplicates(["user_id", "item_id"])
    fit, by = MODELS[model]
    fitted = fit(acts, log.items, seed)
    effects = reasons.group_effects(log, "activity", outcome=platform.scenario.outcome)
    told = reasons.write(fitted, log, np.arange(USERS), effects=effects, by=by)
    audit = reasons.check(told, log)
    found = reasons.faithfulness(fitted, log, told, seed=seed)
    category = log.items.set_index("item_id")["category"]
    truly = taste(platform, category).reindex(
        pd.MultiIndex.from_arrays([told.table["user_id"], category.reindex(told.table["item_id"])])
    ).to_numpy(dtype=bool)  # fmt: skip
    named = (told.table["liked"] != "").to_numpy()
    facts = {
        "reasons": len(told), "cite": (told.table["kind"] == "history").sum(), "audit_ok": audit["ok"].sum(),
        "partly": told.table["sentence"].str.startswith("Partly").sum(), "liked": named.sum(),
        "liked_true": (named & truly).sum(), "unnamed": (~named).sum(), "unnamed_true": (~named & truly).sum(),
        "words": told.summary()["median words"],
    }  # fmt: skip
    return found.table.assign(user_id=found.table["user_id"] + 10_000 * seed), facts


def taste(platform: Platform, category: pd.Series) -> pd.Series:
    """Whether each user's true affinity with a category's items is above that user's mean, by user and category."""
    users, items = np.divmod(np.arange(SIZES["n_users"] * SIZES["n_items"]), SIZES["n_items"])
    affinity = platform.population.at(users, items).affinity
    table = pd.DataFrame({"user": users, "category": category.reindex(items).to_numpy(), "affinity": affinity})
    mean = table.groupby(["user", "category"])["affinity"].mean()
    return mean > table.groupby("user")["affinity"].mean().reindex(mean.index.get_level_values("user")).to_numpy()


def cited(seeds: int) -> None:
    """The first table."""
    from causalrec_lab.explain.reasons.faithful import summed

    rows, begun = {}, time.process_time()
    for scenario in SCENARIOS:
        for model in MODELS:
            if scenario != "video" and model != "EASE, deletion":
                continue  # the way of choosing is compared on one scenario
            parts, facts = zip(*(of_one(scenario, model, FIRST_SEED + s) for s in range(seeds)), strict=True)
            total, all_of = pd.DataFrame(facts).sum(), summed(pd.concat(parts, ignore_index=True))
            rows[f"{scenario} | {model}"] = {
                "reasons": total["reasons"], "cite": total["cite"] / total["reasons"],
                "partly": total["partly"] / total["cite"],
                "difference": all_of.difference.value, "difference_low": all_of.difference.low,
                "difference_high": all_of.difference.high, "random_share": all_of.share.value,
                "random_share_low": all_of.share.low, "random_share_high": all_of.share.high,
                "lost_cited": all_of.table["lost_cited"].mean(), "lost_random": all_of.table["lost_random"].mean(),
                "liked": total["liked"] / total["reasons"], "liked_true": total["liked_true"] / total["liked"],
                "unnamed_true": total["unnamed_true"] / total["unnamed"],
                "audit_ok": total["audit_ok"] / total["reasons"],
                "median_words": float(np.median([fact["words"] for fact in facts])),
            }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("scenario | model, evidence")
    about = {"seeds": seeds, "first_seed": FIRST_SEED, "users": USERS, "decisions": DECISIONS, "sizes": SIZES}
    record("reasons", table, time.process_time() - begun, **about)


def effects(logs: int, decisions: int) -> None:
    """The second table."""
    rows, begun = {}, time.process_time()
    for scenario, by in (("video", "activity"), ("ecommerce", "segment")):
        platform = Platform.make(scenario, seed=FIRST_SEED, **SIZES)
        outcome = platform.scenario.outcome
        truth = platform.truth.cate(by, outcome, bins=3)["value"]
        counts = dict.fromkeys(("all_simultaneous", "all_plain", "each_plain", "told", "wrong_sign"), 0)
        for number in range(logs):
            log = platform.log(decisions, FIRST_SEED + number)
            for way, simultaneous in (("simultaneous", True), ("plain", False)):
                found = reasons.group_effects(log, by, outcome=outcome, simultaneous=simultaneous)
                tell(counts, way, found, truth)
        groups, total = len(truth), len(truth) * logs
        row: dict[str, float] = {"logs": logs, "groups": groups}
        for name in ("all_simultaneous", "all_plain"):
            low, high = binomtest(counts[name], logs).proportion_ci(method="exact")
            row |= {name: counts[name] / logs, f"{name}_low": low, f"{name}_high": high}
        row |= {name: counts[name] / total for name in ("each_plain", "told", "wrong_sign")}
        rows[f"{scenario} | {by}"] = row
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("scenario | groups")
    record("reasons_effects", table, time.process_time() - begun, logs=logs, decisions=decisions, sizes=SIZES)


def tell(counts: dict[str, int], way: str, found: reasons.GroupEffects, truth: pd.Series) -> None:
    """Count coverage, and what would be told."""
    names = [str(name) for name in truth.index]
    if set(found.estimates) != set(names):  # numbers: "1 of 3" the lowest, in the truth's order
        names = [f"{place + 1} of {len(truth)}" for place in range(len(truth))]
    right = [found.estimates[name].covers(value) for name, value in zip(names, truth, strict=True)]
    counts[f"all_{way}"] += all(right)
    if way == "plain":
        counts["each_plain"] += sum(right)
        return
    for name, value in zip(names, truth, strict=True):
        estimate = found.estimates[name]
        told = estimate.low > 0 or estimate.high < 0
        counts["told"] += told
        counts["wrong_sign"] += told and (estimate.value > 0) != (value > 0)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", nargs="?", choices=("cited", "effects", "all"), default="all")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--logs", type=int, default=300)
    parser.add_argument("--decisions", type=int, default=8_000)
    asked = parser.parse_args()
    if asked.part in ("cited", "all"):
        cited(asked.seeds)
    if asked.part in ("effects", "all"):
        effects(asked.logs, asked.decisions)


if __name__ == "__main__":
    main()
