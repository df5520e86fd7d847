"""Intervals around bounds: how often they contain the whole bound on PN, PS and PNS, and how wide they are.

Laws of (treatment taken, outcome untreated, outcome treated): random ones, and one in which every number a bound is the
extreme of is the same, the hardest case. `log and trial` and `trial` ask `probabilities_of_causation`; `network` asks
`StructuralCausalModel.causation(draws=200)` of a fitted z -> t, z -> y, t -> y, whose strata have bounds of their own.
The plain percentile interval of the drawn bounds stands beside the first two.

    python benchmarks/causation_intervals.py --replications 2000
"""

from __future__ import annotations

import argparse
import itertools
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from recording import clock, commit, record

from causalrec_lab.causal import CausalGraph, StructuralCausalModel, probabilities_of_causation
from causalrec_lab.causal.scm.causation import causation_bounds
from causalrec_lab.causal.scm.discrete import DiscreteNetwork

TYPES = np.array(list(itertools.product((0, 1), repeat=3)))  # treatment taken, outcome untreated, treated
ENDS = ("lower", "upper"), ("low", "high")
GRAPH = CausalGraph("z -> t; z -> y; t -> y", treatment="t", outcome="y")


def laws() -> dict[str, np.ndarray]:
    """Shares of the eight types."""
    drawn = {f"law {k}": np.random.default_rng(k).dirichlet(np.full(8, 0.8)) for k in (1, 2, 3)}
    return drawn | {"all tied": np.full(8, 1 / 8)}


def rows(law: np.ndarray, n: int, rng: np.random.Generator, trial: bool) -> pd.DataFrame:
    """Draw units; a trial deals the treatment by a coin."""
    taken, without, treated = TYPES[rng.choice(8, n, p=law)].T
    taken = rng.integers(0, 2, n) if trial else taken
    return pd.DataFrame({"t": taken, "y": np.where(taken == 1, treated, without)})


def table(law: np.ndarray, trial: bool) -> tuple[tuple[float, float], np.ndarray]:
    """P(y | do(t)) under treatment and without, and P(t, y)."""
    p1, p0 = (float(law @ TYPES[:, k]) for k in (2, 1))
    joint = np.zeros((2, 2))
    for (x, y0, y1), share in zip(TYPES, law, strict=True):
        joint[x, (y0, y1)[x]] += share
    return (p1, p0), np.array([[1 - p0, p0], [1 - p1, p1]]) / 2 if trial else joint


def percentile(law: tuple[pd.DataFrame | None, pd.DataFrame], seed: int) -> dict[str, tuple[float, float]]:
    """The 2.5 and 97.5 % quantiles of the drawn bounds."""
    rng = np.random.default_rng(seed)
    counts = [None if f is None else np.bincount(2 * f["t"] + f["y"], minlength=4) for f in law]
    log, trial = (None if c is None else rng.dirichlet(c + 0.5, 2_000).reshape(-1, 2, 2) for c in counts)
    assert trial is not None
    chance = trial[..., 1] / trial.sum(-1)
    found = causation_bounds((chance[:, 1], chance[:, 0]), trial if log is None else log)
    return {k: (float(np.quantile(low, 0.025)), float(np.quantile(high, 0.975))) for k, (low, high) in found.items()}


def from_tables(replications: int, n: int) -> Iterator[dict[str, object]]:
    """Every law, by a trial alone and by trial and log."""
    for (name, law), alone in itertools.product(laws().items(), (True, False)):
        effects, joint = table(law, alone)
        truth = causation_bounds(effects, joint)
        for seed in range(replications):
            rng = np.random.default_rng([seed, n])
            trial, log = rows(law, n, rng, True), None if alone else rows(law, n, rng, False)
            found = probabilities_of_causation("t", "y", experiment=trial, observed=log, seed=seed)
            plain = percentile((log, trial), seed)
            for what, (lower, upper) in truth.items():
                ours = (float(found.loc[what, "low"]), float(found.loc[what, "high"]))
                yield row(f"{'trial' if alone else 'log and trial'}, {name}", what, (lower, upper), ours, plain[what])


def networks() -> dict[str, StructuralCausalModel]:
    """Two strata with bounds of their own: at random, and with the treatment doing nothing (each at a kink)."""
    rng = np.random.default_rng(7)
    shapes = {"z": (2,), "t": (2, 2), "y": (2, 2, 2)}
    states, parents = dict.fromkeys(GRAPH.nodes, (0, 1)), {node: GRAPH.parents(node) for node in GRAPH.nodes}
    drawn = {node: rng.dirichlet([3, 3], shape[:-1]) for node, shape in shapes.items()}
    tied = {node: np.full(shape, 0.5) for node, shape in shapes.items()}
    return {
        name: StructuralCausalModel(GRAPH, DiscreteNetwork(states, parents, tables))
        for name, tables in (("at random", drawn), ("all tied", tied))
    }


def from_networks(replications: int, n: int) -> Iterator[dict[str, object]]:
    """Networks fitted to their own samples."""
    for name, model in networks().items():
        truth = model.causation()
        for seed in range(replications):
            fitted = StructuralCausalModel(GRAPH).fit(model.sample(n, seed=seed))
            found = fitted.causation(draws=200, seed=seed)
            for what in truth.index:
                bound, ours = (
                    tuple(frame.loc[what, list(ends)]) for frame, ends in zip((truth, found), ENDS, strict=True)
                )
                yield row(f"network, {name}", what, bound, ours, None)


def row(
    source: str, what: str, bound: tuple[float, float], ours: tuple[float, float], plain: tuple[float, float] | None
) -> dict[str, object]:
    """One replication's answer."""

    def holds(ends: tuple[float, float]) -> bool:
        return bool(ends[0] <= bound[0] + 1e-9 and ends[1] >= bound[1] - 1e-9)

    share = float("nan") if plain is None else float(holds(plain))
    width = bound[1] - bound[0]
    return {"source": source, "of": what, "bound_width": width, "width": ours[1] - ours[0]} | {
        "coverage": holds(ours),
        "percentile_coverage": share,
    }


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=2_000)
    parser.add_argument("--rows", type=int, default=1_000)
    options = parser.parse_args()
    with warnings.catch_warnings(action="ignore"), clock() as spent:
        found = [*from_tables(options.replications, options.rows)]
        found += from_networks(max(options.replications // 25, 1), options.rows)
    groups = pd.DataFrame(found).groupby(["source", "of"], sort=False)
    answer = groups.mean().assign(replications=groups.size())
    record("causation_intervals", answer, spent[0], n=options.rows, commit=commit("causal"))


if __name__ == "__main__":
    main()
