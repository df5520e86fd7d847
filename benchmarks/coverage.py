"""T1: bias and coverage of every effect estimator with a standard error, each against its own estimand.

Platform preset base_rate="common" (propensities in [.1, .9], outcome rates >= .2), n = 2,000, one decision a user and
item; regression on the linear-Gaussian preset with a binary exposure. Replications are independent logs of one
platform.

    python benchmarks/coverage.py --replications 2000 --jobs 1
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab import Estimate, Truth, world
from causalrec_lab.causal import effects

ROWS, OUTCOME, SEED = 2_000, "click", 11
Replication = dict[str, tuple[float, float, bool]]


def estimators() -> dict[str, tuple[str, Callable[..., Estimate], dict[str, str]]]:
    """Label -> estimand, function, options."""
    rows = {}
    for estimand in ("ATE", "ATT", "ATO"):
        rows[f"aipw {estimand}"] = (estimand, effects.aipw, {})
        rows[f"ipw {estimand}"] = (estimand, effects.ipw, {})
        if estimand != "ATO":  # the logged one knows the lottery too, and so weighs overlap otherwise than truth.ato
            rows[f"ipw {estimand}, logged e"] = (estimand, effects.ipw, {"propensity": "propensity"})
    return rows


def replicate(seed: int) -> Replication:
    """One log, every estimator: value, standard error, covered."""
    platform, truth = setting()
    log = platform.log(ROWS, seed).decisions
    found = {}
    for label, (estimand, estimator, options) in estimators().items():
        estimate = estimator(log, "treated", OUTCOME, platform.covariates, estimand=estimand, **options)
        found[label] = (estimate.value, estimate.std_error, estimate.covers(truth[estimand]))
    preset = world.linear_gaussian(seed=3)
    exact = Truth(preset.truth.path_effects("shown", "purchase").loc["total shown=>purchase", "value"])
    line = effects.regression(exposed(preset, seed), "shown", "purchase", ["affinity"])
    return found | {"regression, linear preset": (line.value, line.std_error, line.covers(exact))}


def exposed(preset: world.LinearGaussian, seed: int) -> pd.DataFrame:
    """Rows of the linear preset whose exposure is set to 0 or 1, more often to 1 where affinity is high."""
    off, on = (preset.sample(ROWS, seed, do={"shown": value}) for value in (0.0, 1.0))
    rng = np.random.default_rng([17, seed])
    treated = rng.uniform(size=ROWS) < 1 / (1 + np.exp(-off["affinity"]))
    return on.where(treated, off, axis=0)


def setting() -> tuple[world.Platform, dict[str, Truth]]:
    """The platform and its truths, made once a process."""
    if not _SETTING:
        platform = world.Platform.make(seed=SEED, n_users=ROWS, n_items=ROWS, base_rate="common")
        truths = {"ATE": platform.truth.ate, "ATT": platform.truth.att, "ATO": platform.truth.ato}
        _SETTING.append((platform, {name: truth(OUTCOME) for name, truth in truths.items()}))
    return _SETTING[0]


_SETTING: list[tuple[world.Platform, dict[str, Truth]]] = []


def summarise(runs: list[Replication]) -> pd.DataFrame:
    """Bias in standard deviations of the estimates, mean error over spread, coverage with its Wilson interval."""
    _, truth = setting()
    preset = world.linear_gaussian(seed=3).truth.path_effects("shown", "purchase")
    exact = {label: truth[estimand].value for label, (estimand, _, _) in estimators().items()}
    exact["regression, linear preset"] = preset.loc["total shown=>purchase", "value"]
    rows = {}
    for label, value in exact.items():
        values, errors, covered = (
            np.array(column, dtype=float) for column in zip(*(run[label] for run in runs), strict=True)
        )
        low, high = wilson(int(covered.sum()), len(runs))
        rows[label] = {
            "truth": value,
            "bias": values.mean() - value,
            "bias_in_sd": (values.mean() - value) / values.std(ddof=1),
            "se_over_sd": errors.mean() / values.std(ddof=1),
            "coverage": covered.mean(),
            "coverage_low": low,
            "coverage_high": high,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("estimator")


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of a share."""
    z, p = 1.959964, hits / n
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return float((centre - half) / (1 + z**2 / n)), float((centre + half) / (1 + z**2 / n))


def main() -> None:
    """Run and write `results/coverage.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=2_000)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    with clock() as seconds:
        if options.jobs == 1:
            runs = [replicate(seed) for seed in range(options.replications)]
        else:
            from joblib import Parallel, delayed

            runs = Parallel(options.jobs)(delayed(replicate)(seed) for seed in range(options.replications))
    record("coverage", summarise(runs), seconds[0], replications=options.replications, n=ROWS, outcome=OUTCOME)


if __name__ == "__main__":
    main()
