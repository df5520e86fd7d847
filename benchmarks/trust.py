"""The trust report on three logs whose answer is known: its order of trust beside the errors made there.

LaLonde's trainees beside the Current Population Survey (the experiment's ATT is the answer), Hillstrom's e-mails (an
experiment: the difference in means is), and a platform's log with a hidden trait that its texts tell. For each
estimator: its place, its standing, its error on the log, that error over the standard error of estimate and answer
together, and the rank agreement (Spearman) of the order with the absolute errors. An answer that is itself estimated
tells errors apart no better than that, and where the log is an experiment the naive difference is the answer by
definition, so agreement there says little. Nothing was tuned on these logs.

    python benchmarks/trust.py --replications 60 --jobs 2
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from recording import clock, record
from scipy import stats

from causalrec_lab import data
from causalrec_lab.causal import effects
from causalrec_lab.causal.trust import TrustReport, trust
from causalrec_lab.data.dataset import Dataset
from causalrec_lab.estimate import z_value
from causalrec_lab.world import Platform

LALONDE = ["age", "education", "black", "hispanic", "married", "nodegree", "re74", "re75"]
HILLSTROM = ["recency", "history", "mens", "womens", "newbie"]
ROWS = 3_000


@dataclass(frozen=True)
class Known:
    """A log, the question asked of it and the answer."""

    log: Dataset
    outcome: str
    covariates: list[str]
    answer: float
    source: str
    answer_error: float = 0.0
    estimand: str = "ATE"
    text: str | None = None


def lalonde() -> Known:
    """Trainees and survey; answered by the experiment."""
    experiment = effects.naive(data.load("lalonde").table("decisions"), "treated", "re78")
    log = data.load("lalonde", controls="cps")
    return Known(log, "re78", LALONDE, experiment.value, "experiment", experiment.std_error, estimand="ATT")


def hillstrom() -> Known:
    """An experiment, answered by its own difference in means: here nothing can be hidden."""
    log = data.load("hillstrom")
    found = effects.naive(log.table("decisions"), "treated", "visit")
    return Known(log, "visit", HILLSTROM, found.value, "its own randomisation", found.std_error)


def platform() -> Known:
    """A platform with a hidden trait of strength 1, which its texts tell to .9."""
    shop = Platform.make(seed=5, confounding=1.0, text_r2=0.9, base_rate="common", n_users=ROWS, n_items=ROWS)
    decisions = shop.log(ROWS, 2, pairs="once").table("decisions").copy()
    decisions["text"] = shop.texts(decisions)
    log, truth = Dataset("a platform", decisions=decisions), shop.truth.ate("click").value
    return Known(log, "click", list(shop.covariates), truth, "the platform's truth", text="text")


LOGS: dict[str, Callable[[], Known]] = {"LaLonde, CPS": lalonde, "Hillstrom": hillstrom, "platform": platform}


def rows_of(name: str, known: Known, report: TrustReport) -> pd.DataFrame:
    """The order with the errors made on the log."""
    table = report.ranking.reset_index()
    error = table["value"] - known.answer
    agreement = stats.spearmanr(range(len(table)), error.abs(), nan_policy="omit").statistic
    own = (table["high"] - table["low"]) / (2 * z_value(report.level))
    held = (table["low"] <= known.answer) & (known.answer <= table["high"])
    return table.assign(
        log=name, place=range(1, len(table) + 1), answer=known.answer, answered_by=known.source, error=error,
        error_in_se=error / np.hypot(own, known.answer_error),
        holds_answer=held, agreement=agreement,
    )  # fmt: skip


def main() -> None:
    """Run the three reports and write `results/trust.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=1)
    options, parts = parser.parse_args(), []
    with clock() as seconds:
        for name, make in LOGS.items():
            known = make()
            report = trust(
                known.log, "treated", known.outcome, known.covariates,
                text=known.text, estimand=known.estimand, replications=options.replications, jobs=options.jobs,
            )  # fmt: skip
            print(f"{name}: {report.sentence()}\n")
            parts.append(rows_of(name, known, report))
    table = pd.concat(parts).set_index(["log", "place"])
    record("trust", table, seconds[0], replications=options.replications)


if __name__ == "__main__":
    main()
