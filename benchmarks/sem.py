"""Structural equation models: three published fits (T4) beside a peer, coverage, text as indicators, speed.

    python benchmarks/sem.py --replications 2000 --bootstraps 200 --logs 10

Figures are right where they equal the published ones to the three decimals that are printed. The peer is semopy, where
it is installed; no part of the library needs it. Times are CPU seconds, warmed up.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab import world
from causalrec_lab.causal import CausalGraph, fit_sem
from causalrec_lab.causal.sem import SemResult, published, text_readings
from causalrec_lab.causal.sem.published_fits import PublishedFit, names
from causalrec_lab.data import load
from causalrec_lab.estimate import Estimate

WIDE = "\n".join(f"f{k} =~ " + " + ".join(f"x{i}" for i in range(4 * k, 4 * k + 4)) for k in range(3))
SIZE, CONFOUNDING, OUTCOME = 4_000, 1.5, "click"


def data_of(case: PublishedFit) -> dict[str, Any]:
    """What `fit_sem` needs beside the model."""
    if case.covariance is None:
        return {"data": load(case.name).extra["scores"]}
    return {"data": case.covariance, "n": case.n}


def cpu(work: Callable[[], Any], times: int = 5) -> float:
    """Least CPU seconds of several runs, after one that is not counted."""
    work()
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def published_fits() -> pd.DataFrame:
    """Figures right by program, and seconds."""
    rows = {}
    for name in names():
        case = published(name)
        given = data_of(case)
        table = case.beside(fit_sem(case.model, **given))
        for figure, wrong in table[~table["equal"]].iterrows():
            print(f"{name}: {figure} is {wrong['measured']:.4f}, published {wrong['published']}")
        seconds = cpu(lambda case=case, given=given: fit_sem(case.model, **given).paths)
        rows[name, "fit_sem"] = (table["equal"].sum(), len(table), seconds)
        if (peer := peer_fit(case, given["data"])) is not None:
            rows[name, "semopy"] = peer
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["right", "of", "seconds"])
    table.index = [f"{name}, {program}" for name, program in rows]
    return table


def peer_fit(case: PublishedFit, data: pd.DataFrame) -> tuple[int, int, float] | None:
    """Published parameters, errors and chi2 that semopy gets right, of how many, and its seconds."""
    try:
        import semopy
    except ImportError:
        return None

    def run() -> tuple[pd.DataFrame, float]:
        model = semopy.Model(case.model)
        if case.covariance is None:
            model.fit(data)
        else:
            model.fit(cov=data * (case.n - 1) / case.n, n_samples=case.n)
        return model.inspect(), model

    table, model = run()
    chi2 = float(semopy.calc_stats(model)["chi2"].iloc[0])
    found = {(r["lval"], r["op"], r["rval"]): (r["Estimate"], r["Std. Err"]) for _, r in table.iterrows()}
    right, of = int(round(chi2, 3) == case.indices["chi2"]), 1
    for (lhs, op, rhs), values in case.parameters.items():
        key = (rhs, "~", lhs) if op == "=~" else (lhs, op, rhs)
        ours = found.get(key) or found[key[2], key[1], key[0]]
        right += sum(round(float(a), 3) == b for a, b in zip(ours, values, strict=True))
        of += 2
    return right, of, cpu(run)


def coverage(replications: int, bootstraps: int) -> pd.DataFrame:
    """Share of 95 % intervals that hold the truth, by path, 500 rows a sample."""
    preset = world.linear_gaussian(7)
    graph = CausalGraph(list(preset.edges))
    renamed = {"indirect shown=>purchase": "indirect", "total shown=>purchase": "total"}
    truth = preset.truth.path_effects()["value"].rename(renamed)

    def effects(fit: SemResult) -> dict[str, Estimate]:
        return fit.path_effects("shown", "purchase") | {"indirect": fit.indirect("shown", "purchase")}

    kinds: dict[str, tuple[int, Callable[[pd.DataFrame, int], SemResult]]] = {
        "delta, expected": (replications, lambda rows, _: fit_sem(graph, rows)),
        "delta, MLR": (replications // 4, lambda rows, _: fit_sem(graph, rows, estimator="MLR")),
        "bootstrap": (bootstraps, lambda rows, seed: fit_sem(graph, rows).bootstrap(200, seed)),
    }
    rows = {}
    for kind, (runs, fit) in kinds.items():
        hits = pd.DataFrame(
            {name: e.covers(truth[name]) for name, e in effects(fit(preset.sample(500, seed=r), r)).items()}
            for r in range(runs)
        )
        for name, share in hits.mean().items():
            error = float(np.sqrt(share * (1 - share) / runs))
            rows[f"{kind}: {name}"] = (share, 0.95, error, runs)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["measured", "reference", "mc_error", "replications"])


def text_as_indicators(logs: int) -> pd.DataFrame:
    """Effect of showing on a click, by how the text enters, over several logs of one platform."""
    rows = []
    for dial in (0.7, 0.9):
        platform = world.Platform.make(
            seed=101, n_users=SIZE, n_items=SIZE, confounding=CONFOUNDING, text_r2=dial, base_rate="common"
        )
        runs = [one_log(platform, seed) for seed in range(logs)]
        values = pd.DataFrame([{k: e.value for k, e in run.items()} for run in runs])
        hits = pd.DataFrame([{k: e.covers(platform.truth.ate(OUTCOME)) for k, e in run.items()} for run in runs])
        for name in values:
            bias = values[name] - platform.truth.ate(OUTCOME).value
            error = bias.std(ddof=1) / np.sqrt(logs)
            rows.append((f"text R2 {dial}: {name}", bias.mean(), error, hits[name].mean()))
    return pd.DataFrame(rows, columns=["row", "bias", "mc_error", "coverage"]).set_index("row")


def one_log(platform: world.Platform, seed: int) -> dict[str, Estimate]:
    """One effect, by what is read of the text."""
    log = platform.log(SIZE, seed, pairs="once").decisions.reset_index(drop=True)
    tables = " + ".join(platform.covariates)
    frame = log.assign(treated=log["treated"].astype(float), oracle=platform.truth.text_oracle(log))
    frame[OUTCOME] = frame[OUTCOME].astype(float)
    readings = text_readings(platform.texts(log), frame["treated"], seed=seed)
    frame = pd.concat([frame, readings], axis=1)
    direct = f"{OUTCOME} ~ treated + {tables}"
    latent = f"interest =~ {' + '.join(readings)}; treated ~ interest + {tables}; interest ~ {tables}; "
    models = {
        "tables only": direct,
        "+ readings as controls": f"{direct} + {' + '.join(readings)}",
        "+ latent interest": f"{latent}{direct} + interest",
        "oracle: E[h | text] as control": f"{direct} + oracle",
    }
    return {k: fit_sem(m, frame, estimator="MLR").direct("treated", OUTCOME) for k, m in models.items()}


def speed() -> pd.DataFrame:
    """CPU seconds on 10,000 rows of 12 columns, three factors: estimates, errors and fit indices."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(10_000, 3))
    frame = pd.DataFrame({f"x{i}": factors[:, i // 4] + rng.normal(size=10_000) for i in range(12)})
    gaps = frame.mask(rng.random(frame.shape) < 0.02)

    def run(data: pd.DataFrame, **options: str) -> Callable[[], int]:
        def work() -> int:
            fit = fit_sem(WIDE, data, **options)
            return len(fit.paths) + len(fit.fit_indices)

        return work

    rows = {
        "seconds on 10,000 x 12, ML": (cpu(run(frame), 3), 1.0),
        "seconds on 10,000 x 12, MLM": (cpu(run(frame, estimator="MLM"), 3), 1.0),
        "seconds on 10,000 x 12, MLR": (cpu(run(frame, estimator="MLR"), 3), 1.0),
        "seconds on 10,000 x 12, 2 % of values missing, FIML": (cpu(run(gaps, missing="fiml"), 1), np.nan),
    }
    try:
        import semopy
    except ImportError:
        return pd.DataFrame.from_dict(rows, orient="index", columns=["measured", "reference"])

    def peer() -> int:
        model = semopy.Model(WIDE)
        model.fit(frame)
        return len(model.inspect()) + len(semopy.calc_stats(model))

    rows["seconds on 10,000 x 12, semopy"] = (cpu(peer, 3), np.nan)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["measured", "reference"])


def main() -> None:
    """Fit, compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=2000)
    parser.add_argument("--bootstraps", type=int, default=200)
    parser.add_argument("--logs", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # Heywood cases of a replication are its own affair
    with clock() as seconds:
        parts = [
            published_fits(),
            speed(),
            coverage(options.replications, options.bootstraps),
            text_as_indicators(options.logs),
        ]
    record("sem", pd.concat(parts).rename_axis("figure"), seconds[0], **vars(options))


if __name__ == "__main__":
    main()
