"""Experiments: false alarms of every test, of daily peeking, power as planned, coverage, and what peeking does at ASOS.

No figure is tuned on: settings (n, shares, shapes) were fixed before the first run. `--runs` makes a shorter run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from recording import record
from wilson import wilson

from causalrec_lab import data
from causalrec_lab.intervention import experiment
from causalrec_lab.intervention.experiment.early import as_normal, freedoms, steadied, worth
from causalrec_lab.intervention.experiment.laws import mixture_critical
from causalrec_lab.intervention.experiment.sequences import exact_difference, information_ratio

ARMS = np.array(["control", "new"])
SHORT = {"c": "control", "t": "treated"}  # in ASOS's columns


def users(rng: np.random.Generator, n: int = 600, share: float = 0.6, effect: float = 0.0) -> pd.DataFrame:
    """Skewed spending, a rate, clicks over views, covariates; `effect` adds to spending."""
    t = (rng.permutation(n) < share * n).astype(int)
    before = rng.normal(size=n)
    views = rng.poisson(3.0, n) + (rng.uniform(size=n) < 0.5)
    appetite = 1 / (1 + np.exp(1.2 - 0.6 * rng.normal(size=n)))
    return pd.DataFrame(
        {
            "arm": ARMS[t], "before": before, "age": rng.normal(size=n), "views": views,
            "clicks": rng.binomial(views, appetite), "bought": (rng.uniform(size=n) < 0.1).astype(int),
            "spent": np.exp(0.5 * before + 0.5 * rng.normal(size=n)) + effect * t,
        }
    )  # fmt: skip


def shops(rng: np.random.Generator, per_arm: int = 20, size: int = 10, spread: float = 0.0) -> pd.DataFrame:
    """Clusters randomised as a whole, whose rows err together; `spread` makes their sizes log-normal."""
    k = 2 * per_arm
    shop = np.repeat(np.arange(k), np.ceil(size * np.exp(spread * rng.normal(size=k))).astype(int))
    t = (rng.permutation(k) < per_arm).astype(int)[shop]
    return pd.DataFrame(
        {"shop": shop, "arm": ARMS[t], "y": 0.5 * rng.normal(size=k)[shop] + rng.normal(size=len(shop))}
    )


def uneven(rng: np.random.Generator) -> pd.DataFrame:
    """Clusters of very unequal size."""
    return shops(rng, spread=1.0)


def small(rng: np.random.Generator) -> pd.DataFrame:
    """Twenty users."""
    return users(rng, 20, 0.5).assign(y=lambda f: f["before"] + rng.normal(size=20))


def waiting(rng: np.random.Generator, n: int = 600, effect: float = 0.0) -> pd.DataFrame:
    """Conversions some of which are still to come."""
    t = (rng.permutation(n) < n // 2).astype(int)
    delay = np.where(rng.uniform(size=n) < 0.3 + effect * t, rng.exponential(10.0, n), np.inf)
    seen = rng.uniform(0, 30, n)
    return pd.DataFrame({"arm": ARMS[t], "delay": np.where(delay <= seen, delay, np.nan), "seen": seen})


FIXED: dict[str, tuple[Callable[..., pd.DataFrame], str, dict[str, Any]]] = {
    "mean": (users, "spent", {}),
    "rate": (users, "bought", {}),
    "ratio, delta method": (users, "clicks", {"denominator": "views"}),
    "median": (users, "spent", {"quantile": 0.5}),
    "mean, cut at 99 %": (users, "spent", {"winsorise": 0.99}),
    "CUPED": (users, "spent", {"cuped": ["before", "age"]}),
    "ratio, CUPED": (users, "clicks", {"denominator": "views", "cuped": "before"}),
    "regression in each arm, HC2": (users, "spent", {"covariates": ["before", "age"]}),
    "relative, Fieller": (users, "spent", {"lift": "fieller"}),
    "relative, delta method": (users, "spent", {"lift": "delta"}),
    "relative, delta on the log": (users, "spent", {"lift": "log"}),
    "clusters, 20 an arm": (shops, "y", {"cluster": "shop"}),
    "clusters of unequal size, 20 an arm": (uneven, "y", {"cluster": "shop"}),
    "CUPED, ten an arm": (small, "y", {"cuped": ["before", "age"]}),
}


def row(what: str, name: str, hits: int, runs: int, wanted: str) -> dict[str, Any]:
    """One line of the table: a share with its interval, and what it should be."""
    low, high = wilson(hits, runs)
    return {"what": what, "test": name, "share": hits / runs, "low": low, "high": high, "wanted": wanted, "runs": runs}


def fixed(runs: int, seed: int) -> Iterator[dict[str, Any]]:
    """A/A runs of every fixed-horizon test, through the library's own doors; tests of one kind share their data."""
    hits = dict.fromkeys(FIXED, 0)
    for rng in np.random.default_rng([seed, 0]).spawn(runs):
        frames = {make: make(rng) for make in (users, shops, uneven, small)}
        for name, (make, metric, options) in FIXED.items():
            found = experiment.analyse(frames[make], metric, **options)["new"]
            hits[name] += not found.low <= 0 <= found.high
    for name, count in hits.items():
        yield row("A/A, one look", name, count, runs, "4.4-5.6 %")
    rngs = np.random.default_rng([seed, 99]).spawn(runs)
    late = (experiment.delayed(waiting(rng), "delay", "seen", 14)["new"] for rng in rngs)
    yield row("A/A, one look", "late conversions, Kaplan-Meier", sum(not e.covers(0) for e in late), runs, "4.4-5.6 %")
    rngs = np.random.default_rng([seed, 97]).spawn(runs // 2)
    draws = (users(rng).assign(segment=rng.integers(0, 4, 600)) for rng in rngs)
    differ = sum(experiment.by_segment(one, "spent", "segment")["new"].p_value < 0.05 for one in draws)
    yield row("A/A, one look", "segments differ, four of them", differ, runs // 2, "4.4-5.6 %")
    counts = np.random.default_rng([seed, 98]).binomial(10_000, 0.5, runs)
    alarms = sum(experiment.srm([int(c), 10_000 - int(c)], alpha=0.05).mismatch for c in counts)
    yield row("A/A, one look", "sample ratio", alarms, runs, "4.4-5.6 %")


def days_of(rng: np.random.Generator, runs: int, days: int, per: int, kind: str, effect: float) -> tuple[Any, Any, Any]:
    """(runs, days, 2) counts, means and variances so far of an experiment looked at every day."""
    new = rng.poisson(per, (runs, days, 2)) + 2
    n = new.cumsum(axis=1).astype(np.float64)
    if kind == "rate":
        ones = rng.binomial(new, np.array([0.1, 0.1 + effect])).cumsum(axis=1)
        mean = ones / n
        return n, mean, mean * (1 - mean) * n / (n - 1)
    shape = 4.0  # sums of gamma(1/4) outcomes, skew 4: spending
    total = rng.gamma(new / shape, shape).cumsum(axis=1) + effect * n * np.array([0, 1])
    return n, total / n, np.full_like(n, shape)


def peeking(runs: int, seed: int) -> Iterator[dict[str, Any]]:
    """Daily looks at experiments without an effect, and how often and when one of some size is called."""
    days, per = 30, 200
    horizon = 2 * days * (per + 2)
    for effect, what in ((0.0, "A/A, looked at daily"), (0.02, "effect 0.02, looked at daily")):
        n, mean, variance = days_of(np.random.default_rng([seed, 1]), runs, days, per, "rate", effect)
        yield from _looked(what, n, mean, variance, horizon, "rate")
    n, mean, variance = days_of(np.random.default_rng([seed, 2]), runs, days, per, "spending", 0.0)
    yield from _looked("A/A, looked at daily", n, mean, variance, horizon, "spending, skew 4")
    counts = np.random.default_rng([seed, 3]).binomial(400, 0.5, (runs, days))
    alarms = sum(
        bool(experiment.sequential_srm(pd.DataFrame({"a": c, "b": 400 - c}), alpha=0.05)["mismatch"].any())
        for c in counts[: runs // 5]
    )
    yield row("A/A, looked at daily", "sample ratio, sequential", alarms, runs // 5, "<= 5.6 %")


def _looked(what: str, n: Any, mean: Any, variance: Any, horizon: float, kind: str) -> Iterator[dict[str, Any]]:
    runs, days = n.shape[:2]
    plain = np.abs(mean[..., 1] - mean[..., 0]) / np.maximum(np.sqrt((variance / n).sum(axis=-1)), 1e-12)
    z, ratio = distances(n, mean, variance, horizon, 0.02 if kind == "rate" else 0.1)
    even = np.arange(1, days + 1) / days
    called = {f"{name} sequence": z > mixture_critical(r, 0.95) for name, r in ratio.items()}
    for spending in ("obrien-fleming", "pocock"):
        called[spending] = z > experiment.group_sequential(even.tolist(), spending).critical
    if kind == "rate":
        low, high = exact_difference(np.round(mean * n), n, 0.95)
        called["exact sequence"] = (low > 0) | (high < 0)
    called["fixed-horizon test at every look"] = plain > 1.959964
    called["fixed-horizon test at the end"] = (plain > 1.959964) & (even == 1)
    for name, seen in called.items():
        wrong = "A/A" in what
        wanted = "<= 5.6 %" if wrong and "fixed" not in name else "4.4-5.6 %" if wrong and "end" in name else ""
        first = np.where(seen.any(axis=1), seen.argmax(axis=1) + 1, days)
        yield row(what, f"{name}, {kind}", int(seen.any(axis=1).sum()), runs, wanted) | {"mean_day": first.mean()}


def distances(n: Any, mean: Any, variance: Any, horizon: float, scale: float) -> tuple[Any, dict[str, Any]]:
    """Normal distances of many experiments at all looks, as `monitor` takes them, and the sequences' r."""
    own = steadied(variance, n) / n
    squared = own.sum(axis=-1)
    z = np.divide(np.abs(mean[..., 1] - mean[..., 0]), np.sqrt(squared), out=np.zeros_like(squared), where=squared > 0)
    r = {
        "asymptotic": information_ratio("asymptotic", worth(n), squared, horizon, None, 0.95),
        "mixture": information_ratio("mixture", worth(n), np.maximum(squared, 1e-300), None, scale, 0.95),
    }
    return as_normal(z, freedoms(own, n)), r


EACH: dict[str, tuple[float, Callable[[np.random.Generator, tuple[int, int]], Any]]] = {
    "rate .5, even arms": (0.5, lambda rng, shape: (rng.uniform(size=shape) < 0.5) * 1.0),
    "rate .02, even arms": (0.5, lambda rng, shape: (rng.uniform(size=shape) < 0.02) * 1.0),
    "rate .1, a tenth in control": (0.9, lambda rng, shape: (rng.uniform(size=shape) < 0.1) * 1.0),
    "rate .02, a tenth in control": (0.9, lambda rng, shape: (rng.uniform(size=shape) < 0.02) * 1.0),
    "log-normal spending, a tenth in control": (0.9, lambda rng, shape: np.exp(1.5 * rng.normal(size=shape))),
}


def each_unit(runs: int, seed: int, units: int = 1_000, batch: int = 500) -> Iterator[dict[str, Any]]:
    """A look after every single unit, from two in each arm on."""
    rng = np.random.default_rng([seed, 6])
    for name, (share, draw) in EACH.items():
        hits = {"asymptotic": 0, "mixture": 0}
        for _ in range(runs // batch):
            y, side = draw(rng, (batch, units)), rng.uniform(size=(batch, units)) < share
            own = np.stack([~side, side], axis=-1)
            n, total = own.cumsum(axis=1).astype(np.float64), (own * y[..., None]).cumsum(axis=1)
            mean = total / np.maximum(n, 1)
            squares = (own * np.square(y)[..., None]).cumsum(axis=1) - n * mean**2
            variance = np.maximum(squares, 0) / np.maximum(n - 1, 1)
            variance[variance < 1e-12] = 0.0
            z, r = distances(np.maximum(n, 2), mean, variance, units, 0.1)
            for way in hits:
                seen = (z > mixture_critical(r[way], 0.95)) & (n >= 2).all(axis=-1)
                hits[way] += int(seen.any(axis=1).sum())
        for way, count in hits.items():
            yield row(
                "A/A, looked at after every unit", f"{way} sequence, {name}", count, runs // batch * batch, "<= 5.6 %"
            )


def powers(runs: int, seed: int) -> Iterator[dict[str, Any]]:
    """Plans made from a pilot, then tried out row by row."""
    rng = np.random.default_rng([seed, 4])
    past = users(rng, 20_000)
    for name, metric, effect, options in (
        ("mean", "spent", 0.15, {}),
        ("mean, CUPED", "spent", 0.15, {"cuped": ["before"]}),
    ):
        pilot = experiment.measure(past, metric, **options)
        plan = experiment.design(pilot, effect, shares=(0.4, 0.6))
        found = (
            experiment.analyse(users(one, plan.n, 0.6, effect), metric, **options)["new"] for one in rng.spawn(runs)
        )
        yield row("power as planned", name, sum(not e.covers(0) for e in found), runs, "80 %")
    simulated = experiment.design(0.1, 0.02).simulate(runs, seed=seed)
    yield row("power as planned", "rate, simulated", round(simulated * runs), runs, "80 %")


def coverage(runs: int, seed: int) -> Iterator[dict[str, Any]]:
    """Intervals where there is an effect."""
    rng = np.random.default_rng([seed, 5])
    truth = 0.1 * (1 - np.exp(-1.4))
    late = (experiment.delayed(waiting(r, effect=0.1), "delay", "seen", 14)["new"] for r in rng.spawn(runs))
    yield row("coverage", "late conversions, Kaplan-Meier", sum(e.covers(truth) for e in late), runs, "95 %")
    centre = float(np.exp(0.25))
    for lift in ("difference", "fieller", "delta", "log"):
        want = 0.3 if lift == "difference" else 0.3 / centre
        found = (experiment.analyse(users(r, effect=0.3), "spent", lift=lift)["new"] for r in rng.spawn(runs))
        yield row("coverage", f"mean, {lift}", sum(e.covers(want) for e in found), runs, "95 %")
    hits, naive, bounds = 0, 0, 0
    tried = runs // 4
    for one in rng.spawn(tried):
        frame = users(one, 800, 0.5, 0.3)
        t = (frame["arm"] == "new").to_numpy()
        seen = one.uniform(size=len(frame)) < 1 / (1 + np.exp(-(1 + 0.8 * frame["before"] * (1 - 2 * t))))
        lost = frame.assign(spent=frame["spent"].where(seen))
        hits += experiment.attrition(lost, "spent", ["before"], nuisance="linear")["new"].covers(0.3)
        naive += experiment.analyse(lost.dropna(), "spent")["new"].covers(0.3)
        kept = one.uniform(size=len(frame)) < np.where(t, 0.9, 0.7)
        bounds += experiment.lee_bounds(frame.assign(spent=frame["spent"].where(kept)), "spent")["new"].covers(0.3)
    yield row("coverage", "losses by a covariate, weighted", hits, tried, "95 %")
    yield row("coverage", "losses by a covariate, ignored", naive, tried, "")
    yield row("coverage", "Lee bounds, random losses", bounds, tried, ">= 95 %")


def asos() -> Iterator[dict[str, Any]]:
    """Real experiments, totals at the end of each day: what each way of looking calls."""
    table = data.load("asos").extra["experiments"]
    called = dict.fromkeys(("t-test at any look", "t-test at the end", "asymptotic", "obrien-fleming"), 0)
    tried = 0
    for _, part in table.groupby(["experiment_id", "variant_id", "metric_id"]):
        clean = part.dropna()
        clean = clean[(clean["count_c"] >= 2) & (clean["count_t"] >= 2)].sort_values("time_since_start")
        clean = clean[(clean["variance_c"] > 0) & (clean["variance_t"] > 0) & (clean["time_since_start"] % 1 == 0)]
        rising = (clean[["count_c", "count_t"]].diff().fillna(0) >= 0).all(axis=1)
        if len(clean) < 3 or not rising.all():
            continue
        tried += 1
        names = {f"{what}_{k}": f"{what}_{arm}" for what in ("count", "mean", "variance") for k, arm in SHORT.items()}
        totals = clean.set_index("time_since_start").rename(columns=names)
        end = float(totals[["count_control", "count_treated"]].iloc[-1].sum())  # taken as planned
        last = experiment.follow(totals, method="asymptotic", horizon=end)
        z = (last.table["difference"] / last.table["std_error"]).abs()
        called["t-test at any look"] += bool((z > 1.959964).any())
        called["t-test at the end"] += bool(z.iloc[-1] > 1.959964)
        called["asymptotic"] += last.called is not None
        spent = experiment.follow(totals, method="obrien-fleming", horizon=end)
        called["obrien-fleming"] += spent.called is not None
    for way, hits in called.items():
        yield row("ASOS, metrics of real experiments called", way, hits, tried, "")


def hillstrom() -> Iterator[dict[str, Any]]:
    """One real experiment with two mails and no mail."""
    frame = data.load("hillstrom").decisions
    for metric, options in (("visit", {}), ("spend", {}), ("spend", {"covariates": ["history", "recency", "channel"]})):
        for arm, e in experiment.analyse(frame, metric, control="No E-Mail", **options).items():
            name = f"{arm}, {metric}" + (", regression" if options else "")
            ends = {"share": e.value, "low": e.low, "high": e.high, "runs": e.n}
            yield {"what": "Hillstrom, difference to no mail", "test": name, **ends}


def main() -> None:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=2026)
    asked = parser.parse_args()
    start = time.process_time()
    rows: list[dict[str, Any]] = []
    for name, part in {
        "fixed": fixed(asked.runs, asked.seed),
        "peeking": peeking(asked.runs, asked.seed),
        "every unit": each_unit(asked.runs, asked.seed),
        "power": powers(asked.runs // 5, asked.seed),
        "coverage": coverage(asked.runs // 5, asked.seed),
        "asos": asos(),
        "hillstrom": hillstrom(),
    }.items():
        since = time.process_time()
        rows += list(part)
        print(f"{name}: {time.process_time() - since:.1f} processor seconds", flush=True)
    table = pd.DataFrame(rows).set_index(["what", "test"])
    record("experiments", table, time.process_time() - start, runs=asked.runs, seed=asked.seed)


if __name__ == "__main__":
    main()
