"""The loop over 20 seeds: what strategies earn, pay and notice; monitors under the null; the feedback loop; pooling.

Four tables, each with its own result file; `stream` keeps what is done in a folder and goes on from there.

    python benchmarks/loop.py                    # all of them
    python benchmarks/loop.py stream --seeds 20 --keep /some/folder
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from recording import clock, commit, record

from causalrec_lab import Estimate
from causalrec_lab.intervention import loop
from causalrec_lab.intervention.meta import meta_effects
from causalrec_lab.policy import BanditLog
from causalrec_lab.world import Platform
from causalrec_lab.world.truths.groups import grouping

SIZES = {"n_users": 400, "n_items": 60, "base_rate": "common"}
PLAN = {"days": 60, "per_day": 1_000, "window": 28}
SHOCK_DAY, SHOCK_DAYS = 30, 14
FIRST_SEED = 200  # earlier ones have been looked at: see `stream`
WORLDS: dict[str, tuple[dict[str, float], int, tuple[str, ...]]] = {  # dials, first day, strategies
    "still": ({}, 0, ("alarm",)),
    "season": ({}, 61, ("alarm",)),  # the season changes on its 30th day
    "shock": ({"shock": 1.5, "shock_day": SHOCK_DAY}, 0, ("never", "daily", "alarm", "oracle")),
    "drift": ({"drift": 0.1}, 0, ("never", "daily", "alarm", "oracle")),
    "all": (
        {"drift": 0.03, "shock": 1.5, "shock_day": SHOCK_DAY, "cold": 0.3},
        0,
        ("never", "daily", "alarm", "oracle"),
    ),
}  # fmt: skip


def lived(world: str, strategy: str, seed: int) -> dict[str, float]:
    """One loop of 60 days beside the truth."""
    dials, start, _ = WORLDS[world]
    platform = Platform.make(seed=seed, **SIZES, **dials)
    begun = time.process_time()
    result = loop.run(platform, strategy=strategy, seed=seed, start=start, **PLAN)
    row = result.summary().iloc[0].to_dict() | {"seconds": time.process_time() - begun}
    shocked = "shock" in dials
    changed = SHOCK_DAY if shocked else (-1 if dials else 10_000)  # drift: from the first day on every alarm is true
    row["false_alarms"] = float((result.alarms["day"] < changed).sum())
    if shocked:
        row |= after_shock(result)
    return row


def after_shock(result: loop.LoopResult) -> dict[str, float]:
    """Days to the first alarm, days until half of the loss is regained, and loss a round while the shock lasts."""
    regret = (result.table["best"] - result.table["value"]).to_numpy()
    days = result.table["day"].to_numpy()
    usual = regret[(days >= result.plan.first) & (days < SHOCK_DAY)].mean()
    excess = regret[(days >= SHOCK_DAY) & (days < SHOCK_DAY + SHOCK_DAYS)] - usual
    seen = result.alarms.loc[result.alarms["day"] >= SHOCK_DAY, "day"]
    back = np.flatnonzero(excess <= excess[0] / 2)
    alarms = result.strategy == "alarm"
    delay = float(seen.iloc[0] - SHOCK_DAY) if len(seen) else float(result.table["day"].max() - SHOCK_DAY)
    return {
        "delay": delay if alarms else math.nan,
        "recovery": float(back[0]) if len(back) else float(SHOCK_DAYS),
        "shock_loss": float(excess.mean()),
    }


def stream(seeds: int, keep: Path) -> None:
    """Value, cost and alarms of each strategy in each world.

    Seeds are fresh ones, from 200 on: the loop's choices (plan, thresholds, monitors) were made while looking at
    seeds 0, 1, 3, 101 and 102, which therefore tell nothing here.
    """
    from scipy.stats import t

    keep.mkdir(parents=True, exist_ok=True)
    rows = []
    with clock() as seconds:
        for world, (_, _, strategies) in WORLDS.items():
            for seed in range(FIRST_SEED, FIRST_SEED + seeds):
                for strategy in strategies:
                    path = keep / f"{world}_{strategy}_{seed}.json"
                    if not path.exists():
                        path.write_text(json.dumps(lived(world, strategy, seed)))
                    rows.append({"world": world, "strategy": strategy, "seed": seed} | json.loads(path.read_text()))
    frame = pd.DataFrame(rows)
    grouped = frame.groupby(["world", "strategy"], sort=False)
    mean = grouped.mean(numeric_only=True).drop(columns="seed")
    mean["net_half"] = grouped["net"].std(ddof=1) / math.sqrt(seeds) * t.ppf(0.975, seeds - 1)
    mean["runs_with_false_alarm"] = grouped["false_alarms"].agg(lambda v: float((v > 0).mean()))
    paired = frame.pivot_table(index=["world", "seed"], columns="strategy", values="net")
    for other in ("never", "daily"):
        gap = (paired["alarm"] - paired[other]).groupby("world")
        name = f"alarm_less_{other}"
        mean[name] = mean.index.get_level_values("world").map(gap.mean())
        mean[f"{name}_half"] = mean.index.get_level_values("world").map(gap.std(ddof=1) / math.sqrt(seeds)) * t.ppf(
            0.975, seeds - 1
        )
    about = {"sizes": SIZES, "plan": PLAN, "elapsed": seconds[0]}
    record("loop", mean, float(frame["seconds"].sum()), seeds=seeds, first_seed=FIRST_SEED, **about)


def rounds(rng: np.random.Generator, n: int) -> loop.Rounds:
    """Rounds of a standing world: softmax over four items, clicks, two columns."""
    chances = np.tile([0.4, 0.3, 0.2, 0.1], (n, 1))
    action = (rng.random(n)[:, None] > np.cumsum(chances, axis=1)).sum(axis=1)
    predicted = np.tile([0.3, 0.35, 0.4, 0.45], (n, 1))  # a model that is off: that is no change
    reward = (rng.random(n) < 0.35).astype(float)
    contexts = pd.DataFrame({"age": rng.integers(18, 70, n), "activity": rng.lognormal(size=n)})
    log = BanditLog(contexts, action, reward, chances[np.arange(n), action], 4)
    return loop.Rounds(log, chances, predicted)


def monitors(streams: int, days: int = 20, n: int = 100) -> None:
    """Share of standing worlds in which monitors alarm, together and each, beside a test a day."""
    from scipy.stats import binomtest

    counts = dict.fromkeys(("all together", *loop.MONITORS, "a z test a day at 5 %"), 0)
    with clock() as seconds:
        for s in range(streams):
            rng, monitor = np.random.default_rng([7, s]), loop.Monitor(0.05, days, np.array([0, 0, 1, 1]))
            heard, clicks, shown = dict.fromkeys(loop.MONITORS, -math.inf), [], 0
            for day in range(days):
                today = rounds(rng, n)
                reading = monitor.read(today, np.random.default_rng([8, s, day]))
                heard = {name: max(heard[name], value) for name, value in reading.evidence.items()}
                clicks.append(today.log.reward.sum())
                shown += n
            limit = math.log(len(loop.MONITORS) / 0.05)
            counts["all together"] += max(heard.values()) >= limit
            for name in loop.MONITORS:
                counts[name] += heard[name] >= math.log(1 / 0.05)
            sizes = n * np.arange(1, days + 1)
            z = (np.cumsum(clicks) - 0.35 * sizes) / np.sqrt(0.35 * 0.65 * sizes)
            counts["a z test a day at 5 %"] += bool((np.abs(z) > 1.96).any())
    rows = {}
    for name, count in counts.items():
        low, high = binomtest(int(count), streams).proportion_ci()
        rows[name] = {"false_alarm_rate": count / streams, "low": low, "high": high}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("monitor")
    record("loop_monitors", table, seconds[0], streams=streams, days=days, rounds_a_day=n, level=0.05)


def feedback(seeds: int) -> None:
    """True value, Gini of exposure and catalogue shown, after 1 and after 12 trainings."""
    from scipy.stats import t

    with clock() as seconds:
        parts = [loop.feedback(Platform.make(seed=s, **SIZES), seeds=(s,)).table for s in range(seeds)]
    result = loop.FeedbackResult(pd.concat(parts))
    table = result.summary()
    first = result.table[result.table["generation"] == 1].groupby("arm")["value"]
    table["value_after_one"] = first.mean()
    table["best"] = result.table["best"].mean()
    for arm in table.index.drop("naive"):
        found = result.difference(str(arm))
        table.loc[arm, ["less_naive", "less_naive_half"]] = found.value, t.ppf(0.975, seeds - 1) * found.std_error
    record("loop_feedback", table, seconds[0], seeds=seeds, sizes=SIZES)


METHODS = ("each for itself", "all as one", "reml", "pm", "bayes", "bayes, feature", "bayes, robust", "reml, naive")


def segments(by: str, bins: int, seed: int, n: int) -> tuple[dict[str, Estimate], pd.Series, pd.DataFrame]:
    """Estimates by group from a trial, their truth, and the group's mean logarithm as feature."""
    platform = Platform.make(seed=seed, **SIZES)
    trial = platform.trial(n, seed, unit="decision").decisions
    labels, codes = grouping(platform.population, by, bins)
    group = codes(platform.population.at(trial["user_id"].to_numpy(), trial["item_id"].to_numpy()))
    treated = trial["treated"].to_numpy() == 1
    outcome = trial["purchase"].to_numpy(float)
    sizes = np.stack([np.bincount(group[treated == side], minlength=len(labels)) for side in (False, True)])
    sums = [np.bincount(group[treated == s], outcome[treated == s], len(labels)) for s in (False, True)]
    rates = np.stack(sums) / sizes
    spread = np.sqrt(((rates * (1 - rates) + 1e-9) / (sizes - 1)).sum(axis=0))
    found = {str(k): Estimate(float(rates[1, j] - rates[0, j]), float(spread[j])) for j, k in enumerate(labels)}
    truth = platform.truth.cate(by, bins=bins)["value"]
    truth.index = truth.index.map(str)
    return found, truth, pd.DataFrame({"rank": np.linspace(-1, 1, len(labels))}, index=list(found))


def pooled(method: str, found: dict[str, Estimate], features: pd.DataFrame) -> pd.DataFrame:
    """Columns value, low, high of a method; one row a segment."""
    if method == "each for itself":
        return pd.DataFrame({k: {"value": e.value, "low": e.low, "high": e.high} for k, e in found.items()}).T
    if method == "all as one":
        weight = np.array([e.std_error**-2 for e in found.values()])
        value = float(weight @ [e.value for e in found.values()] / weight.sum())
        half = 1.96 / math.sqrt(weight.sum())
        return pd.DataFrame({k: {"value": value, "low": value - half, "high": value + half} for k in found}).T
    name, _, extra = method.partition(", ")
    table = meta_effects(
        found,
        features if extra == "feature" else None,
        method=name,
        interval=extra if extra in ("robust", "naive") else "corrected",
    ).table
    return table[["shrunk", "low", "high"]].rename(columns={"shrunk": "value"})


def meta(seeds: int, n: int = 6_000) -> None:
    """Root mean squared error, coverage and length by grouping and method; predictions for a segment left out."""
    rows = []
    with clock() as seconds:
        for by, bins in (("segment", 0), ("category", 0), ("activity", 15), ("log_popularity", 15)):
            for seed in range(seeds):
                found, truth, features = segments(by, bins or 4, seed, n)
                for method in METHODS:
                    if method.endswith("feature") and not bins:
                        continue  # names have no order
                    table = pooled(method, found, features)
                    inside = (table["low"] <= truth) & (truth <= table["high"])
                    error = ((table["value"] - truth) ** 2).mean()
                    length = (table["high"] - table["low"]).mean()
                    rows.append([by, method, error, inside.mean(), length, left_out(method, found, truth, features)])
    frame = pd.DataFrame(rows, columns=["by", "method", "error", "coverage", "length", "new_segment"])
    table = frame.groupby(["by", "method"], sort=False).mean()
    table.insert(0, "rmse", np.sqrt(table.pop("error")))
    spread = frame.groupby(["by", "method"], sort=False)["coverage"].std(ddof=1) / math.sqrt(seeds)
    table["coverage_se"] = spread
    record("loop_meta", table, seconds[0], seeds=seeds, decisions=n, sizes=SIZES)


def left_out(method: str, found: dict[str, Estimate], truth: pd.Series, features: pd.DataFrame) -> float:
    """Whether the prediction for the middle segment, made from the others, holds its truth."""
    name, _, extra = method.partition(", ")
    if name not in ("reml", "pm", "bayes") or extra in ("naive", "robust") or len(found) < 6:
        return math.nan
    new = list(found)[len(found) // 2]
    others = {k: v for k, v in found.items() if k != new}
    told = extra == "feature"
    fitted = meta_effects(others, features if told else None, method=name)
    return float(fitted.predict(features.loc[new].to_dict() if told else None).covers(float(truth[new])))


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", nargs="?", choices=("stream", "monitors", "feedback", "meta", "all"), default="all")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--streams", type=int, default=1_000)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / f"causalrec_loop_{commit()}")
    asked = parser.parse_args()
    if asked.part in ("monitors", "all"):
        monitors(asked.streams)
    if asked.part in ("feedback", "all"):
        feedback(asked.seeds)
    if asked.part in ("meta", "all"):
        meta(max(asked.seeds, 50) if asked.seeds >= 20 else asked.seeds)
    if asked.part in ("stream", "all"):
        stream(asked.seeds, asked.keep)


if __name__ == "__main__":
    main()
