"""Effects along click and cart: bias and coverage of every estimator, beside the platform's truth.

Two tables in one. On the linear-Gaussian preset the linear model is right, and its intervals are judged. On the
platform a hidden trait and an affinity that no table holds drive exposure and several stages; each estimator reads
tables only, tables and text, or everything (oracle). Replications are independent logs of one platform, each user and
item once. `statsmodels` stands beside on one mediator.

Finished parts of a run are kept in build/benchmarks and not computed again while the code is the same.

    python benchmarks/path_effects.py --replications 200 --linear-replications 2000
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from recording import commit, record

from causalrec_lab import world
from causalrec_lab.causal import effects, mediation

ROWS, SEED, WORDS = 2_000, 11, 60
STAGES = ["view", "click", "cart"]
SHOWN = ("through view", "through click", "through cart", "NDE", "TIE", "total", "proportion mediated")
ESTIMATORS = {
    "g-formula": mediation.g_formula,
    "multiply robust": mediation.multiply_robust,
    "linear": mediation.linear,
}
KEPT = Path(__file__).resolve().parent.parent / "build" / "benchmarks" / "path_effects"
Draws = dict[str, list[list[float]]]  # row -> [value, std_error, covered] of each replication


class Study:
    """The platform with a hidden trait, made once, and one log after the other."""

    def __init__(self) -> None:
        self.platform = world.Platform.make(
            seed=SEED, n_users=ROWS, n_items=ROWS, base_rate="common", confounding=1.0, text_r2=0.8
        )
        self.truth = self.platform.truth.path_effects("purchase", STAGES)
        texts = self.platform.writing  # words do not hang on treatment or outcome: read once
        self.user_words, self.item_words = (
            effects.tfidf_embedding(list(part), WORDS) for part in (texts.users, texts.items)
        )

    def replicate(self, seed: int) -> dict[str, list[float]]:
        """Every estimator on every information set of one log."""
        platform = self.platform
        log = platform.log(ROWS, seed, pairs="once").decisions
        assert log is not None
        pairs = platform.population.at(log["user_id"].to_numpy(), log["item_id"].to_numpy())
        seen = log.assign(hidden=pairs.hidden, affinity=pairs.affinity, cost=pairs.cost_pain)
        words = [self.user_words[pairs.users], self.item_words[pairs.items]]
        tables = list(platform.covariates)
        sets: dict[str, tuple[list[str], Any]] = {
            "tables only": (tables, None),
            "+ text": (tables, words),
            "oracle": ([*tables, "hidden", "affinity", "cost"], None),
        }
        found = {}
        for information, (columns, embeddings) in sets.items():
            for name, estimate in ESTIMATORS.items():
                result = estimate(seen, "treated", STAGES, "purchase", columns, embeddings=embeddings, seed=seed)
                for effect in SHOWN:
                    one, exact = result[effect], self.truth.loc[effect, "value"]
                    found[f"{name} | {information} | {effect}"] = [one.value, one.std_error, float(one.covers(exact))]
        return found


class LinearStudy:
    """The linear-Gaussian preset."""

    names = (
        "shown->view->cart->purchase", "shown->view->purchase", "shown->purchase", "indirect shown=>purchase",
        "total shown=>purchase",
    )  # fmt: skip

    def __init__(self) -> None:
        self.preset = world.linear_gaussian(seed=3)
        values = self.preset.truth.path_effects()["value"]
        self.truth = pd.DataFrame({"value": values.loc[list(self.names)]})

    def replicate(self, seed: int) -> dict[str, list[float]]:
        """The product of coefficients on one sample."""
        sample = self.preset.sample(ROWS, seed)
        result = mediation.linear(sample, "shown", ["view", "cart"], "purchase", ["affinity"])
        ours = {"indirect shown=>purchase": "TIE", "total shown=>purchase": "total"}
        found = {}
        for name in self.names:
            one = result[ours.get(name, name)]
            covered = float(one.covers(self.truth.loc[name, "value"]))
            found[f"linear | linear preset | {name}"] = [one.value, one.std_error, covered]
        return found


def replicated(name: str, make: Callable[[], Study | LinearStudy], replications: int, part: int = 100) -> Draws:
    """Replications in parts, each kept on disk once it is done."""
    code, found, study = commit(), {}, None
    for start in range(0, replications, part):
        stop = min(start + part, replications)
        kept = KEPT / code / f"{name}_{start}_{stop}.json"
        if kept.exists() and "dirty" not in code:
            runs = json.loads(kept.read_text())
        else:
            study = make() if study is None else study
            runs = [study.replicate(seed) for seed in range(start, stop)]
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.with_suffix(".new").write_text(json.dumps(runs))
            kept.with_suffix(".new").replace(kept)
        for run in runs:
            for row, values in run.items():
                found.setdefault(row, []).append(values)
    return found


def summarise(draws: Draws, truth: pd.DataFrame) -> pd.DataFrame:
    """Truth, median and bias, mean error over spread, coverage with its Wilson interval."""
    rows = {}
    for name, values in draws.items():
        estimates, errors, covered = np.array(values).T
        method, information, effect = name.split(" | ")
        exact, low_high = float(truth.loc[effect, "value"]), wilson(int(covered.sum()), len(covered))
        spread = (np.quantile(estimates, 0.84) - np.quantile(estimates, 0.16)) / 2  # a ratio has no variance
        rows[name] = {
            "method": method, "information": information, "effect": effect, "truth": exact,
            "median": np.median(estimates), "bias": np.median(estimates) - exact,
            "bias_in_sd": (np.median(estimates) - exact) / spread, "se_over_sd": np.median(errors) / spread,
            "coverage": covered.mean(), "coverage_low": low_high[0], "coverage_high": low_high[1],
            "replications": len(covered),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").reset_index(drop=True)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of a share."""
    z, p = 1.959964, hits / n
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return float((centre - half) / (1 + z**2 / n)), float((centre + half) / (1 + z**2 / n))


def peer() -> dict[str, dict[str, float]]:
    """One mediator by `statsmodels.stats.mediation` (200 simulations) and by ours: effects and CPU seconds."""
    import statsmodels.api as sm
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.stats.mediation import Mediation

    study = Study()
    log = study.platform.log(ROWS, 0, pairs="once").decisions
    assert log is not None
    columns = list(study.platform.covariates)
    start = time.process_time()
    ours = mediation.g_formula(log, "treated", "view", "returned", columns)
    seconds = time.process_time() - start
    by_arm = " + ".join(f"treated * {name}" for name in columns)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = [
            GLM.from_formula(text, log, family=sm.families.Binomial())
            for text in (f"returned ~ treated * view + {by_arm}", f"view ~ {by_arm}")
        ]
        theirs = Mediation(*models, "treated", "view").fit(method="parametric", n_rep=200).summary()["Estimate"]
    peer_seconds = time.process_time() - start
    rows = {"TIE": "ACME (treated)", "NIE": "ACME (control)", "NDE": "ADE (control)", "total": "Total effect"}
    found = {name: {"ours": ours[name].value, "statsmodels": float(theirs[label])} for name, label in rows.items()}
    return found | {"CPU seconds": {"ours": seconds, "statsmodels": peer_seconds}}


def main() -> None:
    """Run what is not yet done and write `results/path_effects.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--linear-replications", type=int, default=2_000)
    options = parser.parse_args()
    start = time.process_time()
    linear = summarise(replicated("linear", LinearStudy, options.linear_replications, 500), LinearStudy().truth)
    platform = summarise(replicated("platform", Study, options.replications), Study().truth)
    beside = peer()
    table = pd.concat([linear, platform], ignore_index=True).set_index(["method", "information", "effect"])
    record("path_effects", table, time.process_time() - start, clock="CPU seconds of this call", n=ROWS, peer=beside)


if __name__ == "__main__":
    main()
