"""Structural equation models: two published fits (T4), coverage of path effects, and time on 10,000 x 12.

python benchmarks/sem.py --replications 2000
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab.causal import CausalGraph, fit_sem
from causalrec_lab.data import load
from causalrec_lab.world import linear_gaussian

HOLZINGER = "visual =~ x1 + x2 + x3; textual =~ x4 + x5 + x6; speed =~ x7 + x8 + x9"
LAVAAN = {"chi2": 85.306, "df": 24, "CFI": 0.931, "TLI": 0.896, "RMSEA": 0.092, "SRMR": 0.065}
LOADINGS = {
    "x2": (0.554, 0.100), "x3": (0.729, 0.109), "x5": (1.113, 0.065),
    "x6": (0.926, 0.055), "x8": (1.180, 0.165), "x9": (1.082, 0.151),
}  # fmt: skip


def holzinger() -> pd.DataFrame:
    """Fit indices and loadings beside lavaan's."""
    fit = fit_sem(HOLZINGER, load("holzinger").extra["scores"])
    rows = {name: (fit.fit_indices[name], published) for name, published in LAVAAN.items()}
    table = fit.paths[fit.paths["op"] == "=~"].set_index("rhs")
    for name, (value, error) in LOADINGS.items():
        rows[f"loading of {name}"] = table.loc[name, "estimate"], value
        rows[f"its error, {name}"] = table.loc[name, "std_error"], error
    return pd.DataFrame.from_dict(rows, orient="index", columns=["measured", "reference"])


def coverage(replications: int) -> pd.DataFrame:
    """Share of 95 % intervals that hold the truth, by path, 500 rows a sample."""
    preset = linear_gaussian(7)
    graph = CausalGraph(list(preset.edges))
    names = {"indirect shown=>purchase": "indirect", "total shown=>purchase": "total"}
    truth = preset.truth.path_effects()["value"].rename(names)
    hits: dict[str, int] = {}
    for seed in range(replications):
        fit = fit_sem(graph, preset.sample(500, seed=seed))
        effects = fit.path_effects("shown", "purchase") | {"indirect": fit.indirect("shown", "purchase")}
        for name, effect in effects.items():
            hits[name] = hits.get(name, 0) + effect.covers(truth[name])
    rows = {f"coverage of {name}": (count / replications, 0.95) for name, count in hits.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["measured", "reference"])


def speed() -> float:
    """Seconds of one fit of three factors to 10,000 rows of 12 columns, fit indices and intervals included."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(10_000, 3))
    frame = pd.DataFrame({f"x{i}": factors[:, i // 4] + rng.normal(size=10_000) for i in range(12)})
    text = "; ".join(f"f{k} =~ " + " + ".join(f"x{i}" for i in range(4 * k, 4 * k + 4)) for k in range(3))
    start = time.perf_counter()
    fit = fit_sem(text, frame)
    assert len(fit.paths) + len(fit.fit_indices)
    return time.perf_counter() - start


def main() -> None:
    """Fit, compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=2000)
    options = parser.parse_args()
    with clock() as seconds:
        quick = pd.DataFrame({"measured": [speed()], "reference": [1.0]}, index=["seconds on 10,000 x 12"])
        table = pd.concat([holzinger(), coverage(options.replications), quick]).rename_axis("figure")
    record("sem", table, seconds[0], replications=options.replications)


if __name__ == "__main__":
    main()
