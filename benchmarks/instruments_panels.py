"""Instruments from strong to weak, and staggered rollouts from constant to growing effects: who covers, who warns.

Three tables in one. "instrument": a dose that a hidden trait moves along with the outcome, n = 500; the instrument's
strength is the mean of its first-stage F. Coverage of the usual 2SLS interval, of the Anderson-Rubin set and of what
`iv` reports by itself; the share of unbounded sets and of warnings. "rollout": two-way fixed effects beside
`did`, by the growth of effects. "trends": how often the pre-trend test warns, by the slope that breaks trends, and
how often the bounds at ratio 1 hold the truth. "seconds": processor seconds beside linearmodels on the same data.

    python benchmarks/instruments_panels.py --replications 2000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab import Estimate, Truth, world
from causalrec_lab.causal import effects

KEYS = {"unit": "unit", "time": "time", "cohort": "cohort"}
STRENGTHS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
GROWTHS = (0.0, 0.1, 0.25)
SLOPES = (0.0, 0.01, 0.02, 0.04)
UNITS = 600


def weak(strength: float, seed: int, n: int = 500) -> pd.DataFrame:
    """Draw a dose driven by an instrument and a hidden trait that also drives the outcome; one unit more adds 1."""
    rng = np.random.default_rng([61, seed])
    z, hidden = rng.standard_normal((2, n))
    t = strength * z + hidden + 0.1 * rng.standard_normal(n)
    return pd.DataFrame({"z": z, "t": t, "y": t + 2 * hidden + 0.1 * rng.standard_normal(n)})


def instrument_rows(replications: int) -> list[dict[str, Any]]:
    """Coverage of three intervals by strength."""
    rows = []
    for strength in STRENGTHS:
        runs = []
        for seed in range(replications):
            frame = weak(strength, seed)
            found = effects.iv(frame, "t", "y", [], instrument="z")
            said = found.diagnostics
            held = said["anderson_rubin_low"] <= 1.0 <= said["anderson_rubin_high"]
            refused = said.get("anderson_rubin_gap_low", np.inf) < 1.0 < said.get("anderson_rubin_gap_high", -np.inf)
            runs.append(
                (
                    said["effective_f"],
                    Estimate(found.value, found.std_error).covers(1.0),
                    held and not refused,
                    found.covers(1.0),
                    not np.isfinite(found.low + found.high),
                    found.notes[0].startswith("warning: weak"),
                    found.value,
                )
            )
        f, usual, robust, reported, endless, warned, value = (np.array(c, dtype=float) for c in zip(*runs, strict=True))
        rows.append(
            {
                "table": "instrument", "setting": f"strength {strength:g}", "mean_f": f.mean(),
                "median_error": float(np.median(value)) - 1.0, "coverage_usual": usual.mean(),
                "coverage_anderson_rubin": robust.mean(), "coverage_reported": reported.mean(),
                "unbounded": endless.mean(), "warned": warned.mean(), "replications": replications,
            }
        )  # fmt: skip
    return rows


def drawn(model: world.Rollout, seed: int) -> tuple[pd.DataFrame, Truth]:
    """Draw units with replacement from a large rollout, and the truth over all of them."""
    rng = np.random.default_rng([67, seed])
    chosen = rng.integers(0, len(model.region), UNITS)
    mean = model.untreated_means[chosen] + model.effects[chosen]
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(UNITS), model.periods),
            "time": np.tile(model.times, UNITS),
            "cohort": np.repeat(model.unit_cohort[chosen], model.periods),
            "outcome": (mean + model.noise * rng.standard_normal(mean.shape)).ravel(),
        }
    )
    return frame, model.truth.att()


def rollout_rows(replications: int) -> list[dict[str, Any]]:
    """Two-way fixed effects beside group-time effects."""
    rows = []
    for growth in GROWTHS:
        model = world.rollout(5, n_units=40_000, growth=growth)
        for label, estimate in (("two-way", effects.two_way), ("did", effects.did)):
            runs = []
            for seed in range(replications):
                frame, truth = drawn(model, seed)
                found: Any = estimate(frame, "outcome", **KEYS)
                found = found.average() if label == "did" else found
                runs.append((found.value, found.std_error, found.covers(truth)))
            value, error, covered = (np.array(c, dtype=float) for c in zip(*runs, strict=True))
            rows.append(
                {
                    "table": "rollout", "setting": f"{label}, growth {growth:g}", "truth": truth.value,
                    "bias": value.mean() - truth.value, "se_over_sd": error.mean() / value.std(ddof=1),
                    "coverage_reported": covered.mean(), "replications": replications,
                }
            )  # fmt: skip
    return rows


def trend_rows(replications: int) -> list[dict[str, Any]]:
    """Power of the pre-trend test, and what bounds at ratio 1 hold."""
    rows = []
    for slope in SLOPES:
        model = world.rollout(5, n_units=40_000, broken_trends=slope)
        runs = []
        for seed in range(replications):
            frame, truth = drawn(model, seed)
            found = effects.did(frame, "outcome", **KEYS)
            test, bounds = found.pretrend(), found.sensitivity((1.0,)).iloc[0]
            held = bounds["low"] <= truth.value <= bounds["high"]
            runs.append((test.p_value < 0.05, found.average().covers(truth), held, test.detectable_slope))
        warned, covered, held, least = (np.array(c, dtype=float) for c in zip(*runs, strict=True))
        rows.append(
            {
                "table": "trends", "setting": f"broken_trends {slope:g}", "warned": warned.mean(),
                "coverage_reported": covered.mean(), "coverage_ratio_1": held.mean(),
                "detectable_slope": least.mean(), "replications": replications,
            }
        )  # fmt: skip
    return rows


def speed_rows() -> list[dict[str, Any]]:
    """Processor seconds, ours and linearmodels', on the same data in one run."""
    from linearmodels.iv import IV2SLS
    from linearmodels.panel import PanelOLS

    rng = np.random.default_rng(3)
    wide = pd.DataFrame(rng.standard_normal((100_000, 20)), columns=[f"x{k}" for k in range(20)])
    log = wide.assign(z=(wide["x0"] + rng.standard_normal(100_000) > 0).astype(float))
    log["t"] = (log["z"] + rng.standard_normal(100_000) > 0.5).astype(float)
    log["y"] = log["t"] + wide["x1"] + rng.standard_normal(100_000)
    names = list(wide.columns)
    panel = world.rollout(1, n_units=100_000, periods=10, adopt=(3, 5, 7, 9)).panel(2)
    indexed = panel.set_index(["unit", "time"])

    def peer_iv() -> Any:
        return IV2SLS(log["y"], wide.assign(one=1.0), log["t"], log["z"]).fit(cov_type="robust").std_errors["t"]

    def peer_panel() -> Any:
        model = PanelOLS(indexed["outcome"], indexed[["treated"]], entity_effects=True, time_effects=True)
        return model.fit(cov_type="clustered", cluster_entity=True).std_errors["treated"]

    def ours(method: str) -> Callable[[], Any]:
        return lambda: effects.iv(log, "t", "y", names, instrument="z", method=method)

    def staggered(control: str, covariates: tuple[str, ...]) -> Callable[[], Any]:
        return lambda: effects.did(panel, "outcome", covariates, control=control, **KEYS).average()

    jobs = {
        "iv 2SLS with F and AR, 100,000 x 20": ours("2sls"), "linearmodels IV2SLS alone": peer_iv,
        "iv doubly robust, 100,000 x 20": ours("doubly-robust"),
        "did, 100,000 units x 10 periods": staggered("never", ()),
        "did doubly robust, not yet treated": staggered("not yet", ("x",)),
        "two_way with weights": lambda: effects.two_way(panel, "outcome", **KEYS), "linearmodels PanelOLS": peer_panel,
    }  # fmt: skip
    return [{"table": "seconds", "setting": label, "cpu_seconds": seconds(job)} for label, job in jobs.items()]


def seconds(job: Callable[[], Any]) -> float:
    """Median processor seconds of three runs."""
    found = []
    for _ in range(3):
        start = time.process_time()
        job()
        found.append(time.process_time() - start)
    return float(np.median(found))


def main() -> None:
    """Run and write `results/instruments_panels.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=2_000)
    count = parser.parse_args().replications
    with clock() as elapsed:
        fewer = max(count // 4, 10)
        rows = [*speed_rows(), *instrument_rows(count), *rollout_rows(fewer), *trend_rows(fewer)]
    record("instruments_panels", pd.DataFrame(rows).set_index(["table", "setting"]), elapsed[0])


if __name__ == "__main__":
    main()
