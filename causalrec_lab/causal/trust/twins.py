"""Platforms that look like a log, and what every estimator does on them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, SupportsFloat

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.sample import Floats
from causalrec_lab.causal.effects.text.confounding import tfidf_embedding
from causalrec_lab.causal.trust.candidates import Candidate
from causalrec_lab.causal.trust.question import Question
from causalrec_lab.estimate import Truth
from causalrec_lab.world import Platform
from causalrec_lab.world.alike.matching import Measured, measure, scenario_like
from causalrec_lab.world.alike.rows import read_rows
from causalrec_lab.world.scenarios.presets import scenario

__all__ = ["DIMENSIONS", "Twin", "measured", "run_once", "summarise", "text_of", "twin_of", "unit_of", "wilson"]

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


def twin_of(question: Question, strength: float, seed: int, log: Measured | None = None) -> Twin:
    """Make the platform; another strength of the hidden trait means another effect behind the same visible log.

    Parameters
    ----------
    question, strength, seed
        What it is made like, its hidden trait's dial, its seed.
    log
        What was measured in the log (`measured`), where it was; None measures it.
    """
    columns = tuple(question.features.columns)
    if log is not None:  # notes are written into it, and are each strength's own
        log = replace(log, rows=replace(log.rows, notes=list(log.rows.notes)))
    like = scenario_like(
        question.dataset, outcome=question.outcome, treatment=question.treatment, covariates=columns,
        text=question.text, confounding=strength, seed=seed, log=log,
    )  # fmt: skip
    platform = Platform.make(like, seed)
    truth = getattr(platform.truth, question.estimand.lower())(like.outcome)
    return Twin(strength, platform, like.outcome, truth)


def measured(question: Question, seed: int) -> Measured:
    """What likeness measures in the log; the same for every strength of a hidden trait."""
    base = scenario("ecommerce")
    rows = read_rows(
        question.dataset, outcome=question.outcome, treatment=question.treatment,
        covariates=tuple(question.features.columns), base=base,
    )  # fmt: skip
    return measure(rows, base.cost.name, seed)


def unit_of(log: Measured, question: Question) -> tuple[float, str]:
    """How much of the log's unit one unit of a twin's outcome is, and what is to be told of it.

    A twin writes 0 and 1, or an amount that is often 0, as the log does. Where the log's outcome is another number,
    its twins write whether it is high, and errors there are read as shares of the outcome's standard deviation.
    """
    read, values = log.rows.outcome, question.frame[question.outcome].to_numpy(dtype=float)
    if read is None or read.amount is not None or set(np.unique(values)) <= {0.0, 1.0}:
        return 1.0, ""
    told = (
        f"the platforms write 0 or 1, {read.meaning if values.min() >= 0 else 'above its median'}, where this log "
        f"has numbers: errors there are turned into the unit of {question.outcome} by standard deviations, and what "
        "its tails do to an estimator was not measured"
    )
    return float(values.std() / np.nanstd(read.reached)), told


def run_once(
    twin: Twin, chosen: Sequence[Candidate], question: Question, rows: int, level: float, replication: int
) -> pd.DataFrame:
    """One log of the twin, every estimator on it: one row an estimator."""
    decisions = twin.platform.log(rows, replication).table("decisions")
    texts = any(one.reads_text for one in chosen)
    embeddings = tfidf_embedding(twin.platform.texts(decisions), DIMENSIONS) if texts else None
    cluster = tuple(name for name in question.cluster if decisions[name].duplicated().any())
    columns = twin.platform.covariates if question.covariates else ()  # what the log does not have is not read
    lines = [
        _line(
            one, decisions, twin, replication, columns,
            embeddings=embeddings, cluster=cluster, estimand=question.estimand, level=level, seed=replication,
        )
        for one in chosen
    ]  # fmt: skip
    return pd.DataFrame(lines, columns=list(_COLUMNS))


def _line(
    one: Candidate, decisions: pd.DataFrame, twin: Twin, replication: int, columns: Sequence[str], **options: Any
) -> dict[str, Any]:
    known = {"strength": twin.strength, "estimator": one.label, "replication": replication, "problem": ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = one(decisions, "treated", twin.outcome, columns, **options)
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


def summarise(runs: pd.DataFrame, truths: Mapping[float, SupportsFloat], unit: float = 1.0) -> pd.DataFrame:
    r"""Bias, spread and coverage of every estimator at every strength.

    Parameters
    ----------
    runs
        Rows as `run_once` gives them.
    truths
        Strength -> truth.
    unit
        Of the log's outcome in one of the twin's (`unit_of`): everything but shares is multiplied by it.

    Returns
    -------
    DataFrame indexed by (estimator, strength): truth, bias (mean error), bias_low and bias_high (its 95 % Monte-Carlo
    interval), sd (of the estimates), rmse, coverage with its 95 % Wilson interval, length (mean interval), warned
    (share of runs with a warning), failed (share of runs with no estimate), runs.
    """
    table, columns = {}, ["value", "std_error", "low", "high"]
    runs = runs.assign(**{name: unit * runs[name].astype(float) for name in columns})
    for (label, strength), part in runs.groupby(["estimator", "strength"], sort=False):
        assert isinstance(strength, float)
        table[str(label), strength] = _summary(part, unit * float(truths[strength]))
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
