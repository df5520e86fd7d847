"""Platforms that look like a log, and what every estimator does on them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.sample import Floats
from causalrec_lab.causal.effects.text import tfidf_embedding
from causalrec_lab.causal.trust.candidates import Candidate
from causalrec_lab.causal.trust.question import Question
from causalrec_lab.estimate import Truth
from causalrec_lab.world import Platform, Scenario

__all__ = ["DIMENSIONS", "Twin", "run_once", "summarise", "text_of", "twin_of", "wilson"]

DIMENSIONS = 100  # of the counted words that stand for a text
_COLUMNS = ("strength", "estimator", "replication", "value", "std_error", "low", "high", "covered", "warned", "problem")


@dataclass(frozen=True, eq=False)
class Twin:
    """A platform that writes logs like a given one, with a hidden trait of a given strength.

    Parameters
    ----------
    strength
        Its `confounding` dial.
    platform
        The platform.
    outcome
        The platform's name of the asked outcome.
    truth
        The asked effect there.
    """

    strength: float
    platform: Platform
    outcome: str
    truth: Truth


def twin_of(question: Question, strength: float, seed: int) -> Twin:
    """Make the platform; another strength of the hidden trait means another effect behind the same visible log."""
    dataset = question.dataset
    scenario = Scenario.from_dataset(
        dataset,
        outcome=question.outcome,
        treatment=question.treatment,
        covariates=question.numeric,
        text=question.text,
        confounding=strength,
        seed=seed,
    )
    platform = Platform.make(scenario, seed)
    outcome = question.outcome if question.outcome in scenario.outcomes else scenario.outcome
    truth = getattr(platform.truth, question.estimand.lower())(outcome)
    return Twin(strength, platform, outcome, truth)


def run_once(
    twin: Twin, chosen: Sequence[Candidate], question: Question, rows: int, level: float, replication: int
) -> pd.DataFrame:
    """One log of the twin, every estimator on it: one row an estimator."""
    decisions = twin.platform.log(rows, replication).table("decisions")
    texts = any(one.reads_text for one in chosen)
    embeddings = tfidf_embedding(twin.platform.texts(decisions), DIMENSIONS) if texts else None
    cluster = tuple(name for name in question.cluster if decisions[name].duplicated().any())
    lines = [
        _line(
            one, decisions, twin, replication,
            embeddings=embeddings, cluster=cluster, estimand=question.estimand, level=level, seed=replication,
        )
        for one in chosen
    ]  # fmt: skip
    return pd.DataFrame(lines, columns=list(_COLUMNS))


def _line(one: Candidate, decisions: pd.DataFrame, twin: Twin, replication: int, **options: Any) -> dict[str, Any]:
    known = {"strength": twin.strength, "estimator": one.label, "replication": replication, "problem": ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = one(decisions, "treated", twin.outcome, twin.platform.covariates, **options)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        nothing = dict.fromkeys(("value", "std_error", "low", "high"), float("nan"))
        return known | nothing | {"covered": False, "warned": True, "problem": str(error)}
    warned = any(note.startswith("warning") for note in found.notes)
    return known | {
        "value": found.value,
        "std_error": found.std_error,
        "low": found.low,
        "high": found.high,
        "covered": found.covers(twin.truth),
        "warned": warned,
    }


def summarise(runs: pd.DataFrame, truths: Mapping[float, Truth]) -> pd.DataFrame:
    r"""Bias, spread and coverage of every estimator at every strength.

    Parameters
    ----------
    runs
        Rows as `run_once` gives them.
    truths
        Strength -> truth.

    Returns
    -------
    DataFrame indexed by (estimator, strength): truth, bias (mean error), bias_low and bias_high (its 95 % Monte-Carlo
    interval), sd (of the estimates), rmse, coverage with its 95 % Wilson interval, length (mean interval), warned
    (share of runs with a warning), failed (share of runs with no estimate), runs.
    """
    table = {}
    for (label, strength), part in runs.groupby(["estimator", "strength"], sort=False):
        assert isinstance(strength, float)
        table[str(label), strength] = _summary(part, float(truths[strength]))
    index = pd.MultiIndex.from_tuples(table, names=["estimator", "strength"])
    return pd.DataFrame(list(table.values()), index=index)


def _summary(part: pd.DataFrame, truth: float) -> dict[str, float]:
    done = part[part["problem"] == ""]
    error = done["value"].to_numpy(dtype=float) - truth
    bias, sd = (float(error.mean()), float(error.std(ddof=1))) if len(error) > 1 else (float("nan"),) * 2
    half = 1.96 * sd / np.sqrt(max(len(error), 1))
    low, high = wilson(int(done["covered"].sum()), len(done))
    return {
        "truth": truth,
        "bias": bias,
        "bias_low": bias - half,
        "bias_high": bias + half,
        "sd": sd,
        "rmse": float(np.sqrt((error**2).mean())) if len(error) else float("nan"),
        "coverage": float(done["covered"].mean()) if len(done) else float("nan"),
        "coverage_low": low,
        "coverage_high": high,
        "length": float((done["high"] - done["low"]).mean()),
        "warned": float(part["warned"].mean()),
        "failed": 1 - len(done) / len(part),
        "runs": float(len(part)),
    }


def wilson(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson (1927) interval of a share; (0, 1) where nothing was counted."""
    if n == 0:
        return 0.0, 1.0
    p = hits / n
    centre, half = p + z**2 / (2 * n), z * float(np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)))
    return (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)


def text_of(question: Question) -> Floats | None:
    """Embeddings of the log's own texts, made as those of its twins."""
    if question.text is None:
        return None
    return tfidf_embedding(question.frame[question.text].fillna("").astype(str).tolist(), DIMENSIONS)
