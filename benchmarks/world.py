"""Speed and memory of the simulated platform (claim S5, and the figures the platform's design sets).

Each figure is taken in a process of its own, so that its peak memory is its own. (The script cannot be called platform:
a file of that name beside the other scripts would hide the standard library's.)

    python benchmarks/world.py
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pandas as pd
from recording import clock, record

from causalrec_lab.world import Platform, rollout

REPEATS = 5


def log_a_million() -> Callable[[], Any]:
    """Log 1,000,000 decisions and their events; the texts of users and items are not part of it."""
    platform = Platform.make(seed=1)
    _ = platform.users, platform.items
    return lambda: platform.log(1_000_000, seed=1)


def texts_of_items() -> Callable[[], Any]:
    """Write titles and texts of 10,000 items."""
    return lambda: Platform.make(seed=1, n_items=10_000).items


def value_of_a_policy() -> Callable[[], Any]:
    """Value of the logging policy on 10,000 users x 1,000 items, exactly."""
    platform = Platform.make(seed=1, n_users=10_000, n_items=1_000)
    policy = platform.logging_policy()
    return lambda: platform.truth.policy_value(policy, "click")


def average_effect() -> Callable[[], Any]:
    """ATE of the purchase on 10,000 users x 1,000 items, exactly; no bar is set for it."""
    platform = Platform.make(seed=1, n_users=10_000, n_items=1_000)
    return lambda: platform.truth.ate("purchase")


def stream_of_drifting_days() -> Callable[[], Any]:
    """Log 300 days of 1,000 decisions each, tastes walking from day to day; no bar is set for it."""
    platform = Platform.make(seed=1, drift=0.05)
    _ = platform.users, platform.items
    return lambda: platform.stream(range(300), 1_000, seed=1)


def effect_over_drifting_days() -> Callable[[], Any]:
    """ATE over the whole window while tastes walk, by Monte Carlo; no bar is set for it."""
    platform = Platform.make(seed=1, drift=0.05)
    return lambda: platform.truth.ate("purchase")


def a_day_far_out() -> Callable[[], Any]:
    """Value of the logging policy on day 300 alone, on a platform made afresh, 2,000 users x 500 items."""

    def call() -> Any:
        snapshot = Platform.make(seed=1, drift=0.05).on(300)
        return snapshot.truth.policy_value(snapshot.logging_policy())

    return call


def effect_on_everybody_under_scarcity() -> Callable[[], Any]:
    """Global effect while 100,000 decisions share the stock: 20 logs, each twice; no bar is set for it."""
    platform = Platform.make(seed=1, interference=0.5)
    return lambda: platform.truth.global_effect("purchase", n=100_000)


def panel_of_a_rollout() -> Callable[[], Any]:
    """Make a rollout of 20,000 units over 50 days and observe it: a million rows; no bar is set for it."""
    return lambda: rollout(1, n_units=20_000, n_regions=400, periods=50, adopt=(10, 20, 30, 40)).panel()


# claim -> (what is run, seconds it may take, peak gigabytes it may hold)
CLAIMS: dict[str, tuple[Callable[[], Callable[[], Any]], float | None, float | None]] = {
    "log of 1,000,000 decisions": (log_a_million, 2.0, 1.0),
    "text of 10,000 items": (texts_of_items, 1.0, None),
    "policy_value, 10,000 x 1,000": (value_of_a_policy, 2.0, None),
    "ate, 10,000 x 1,000": (average_effect, None, None),
    "stream of 300 drifting days x 1,000": (stream_of_drifting_days, None, None),
    "ate over a drifting year": (effect_over_drifting_days, None, None),
    "policy_value on day 300, platform made afresh": (a_day_far_out, None, None),
    "global effect under scarcity, 100,000 decisions": (effect_on_everybody_under_scarcity, None, None),
    "panel of a rollout, 1,000,000 rows": (panel_of_a_rollout, None, None),
}


def take(claim: str) -> dict[str, Any]:
    """Seconds of each repeat, and the peak memory of this process after the first."""
    call = CLAIMS[claim][0]()
    seconds, peak = [], 0.0
    for repeat in range(REPEATS):
        with clock() as spent:
            result = call()
        seconds += spent
        del result
        if repeat == 0:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"seconds": seconds, "peak_gb": peak}


def measured(claim: str) -> dict[str, Any]:
    """One row of the table, from a fresh process."""
    out = subprocess.run([sys.executable, __file__, "--claim", claim], check=True, capture_output=True, text=True)
    figures = json.loads(out.stdout)
    _, most_seconds, most_gb = CLAIMS[claim]
    median = statistics.median(figures["seconds"])
    within = (most_seconds is None or median <= most_seconds) and (most_gb is None or figures["peak_gb"] <= most_gb)
    return {
        "claim": claim,
        "seconds": median,
        "fastest": min(figures["seconds"]),
        "slowest": max(figures["seconds"]),
        "most_seconds": most_seconds,
        "peak_gb": figures["peak_gb"],
        "most_gb": most_gb,
        "reached": within,
    }


def main() -> None:
    """Measure every claim, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claim", choices=list(CLAIMS))
    if claim := parser.parse_args().claim:
        print(json.dumps(take(claim)))
        return
    with clock() as seconds:
        rows = [measured(claim) for claim in CLAIMS]
    record("world", pd.DataFrame(rows).set_index("claim"), sum(seconds))


if __name__ == "__main__":
    main()
