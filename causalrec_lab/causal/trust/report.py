"""`trust`: measure every estimator on platforms like a log, then estimate on the log and say which to believe."""

from __future__ import annotations

import html
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.trust.candidates import Candidate, candidates
from causalrec_lab.causal.trust.measuring import measure
from causalrec_lab.causal.trust.question import Question, ask
from causalrec_lab.causal.trust.ranking import rank
from causalrec_lab.causal.trust.twins import Twin, measured, summarise, text_of, twin_of, unit_of
from causalrec_lab.data.dataset import Dataset
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from causalrec_lab.causal.effects.sample import Floats
    from causalrec_lab.data.quality.result import QualityReport
    from causalrec_lab.world.alike.comparison import Likeness

__all__ = ["MOST_ROWS", "STRENGTHS", "TrustReport", "trust"]

STRENGTHS = (0.0, 0.5, 1.0)
LEAST_ROWS = 50
_SIZES = ("users", "items")
MOST_ROWS = 4_000  # of a twin's log: beyond, `at_this_size` says what a bias does to a longer one


@dataclass(frozen=True, eq=False)
class TrustReport:
    """What was measured on platforms like a log, and what the estimators say on the log itself.

    Parameters
    ----------
    question
        What was asked.
    ranking
        One row an estimator, the most to be trusted first (see `ranking.rank`).
    measured
        Bias and coverage by estimator and strength (see `twins.summarise`).
    estimates
        Label -> estimate on the log.
    problems
        Label -> why it could not be computed on the log.
    twins
        The platforms, by strength of the hidden trait.
    quality
        Findings about the log.
    likenesses
        The log beside each of the platforms.
    rows, replications, level, seed
        Rows of each twin's log, logs a strength, level of the intervals, seed.
    """

    question: Question
    ranking: pd.DataFrame
    measured: pd.DataFrame
    estimates: Mapping[str, Estimate]
    problems: Mapping[str, str]
    twins: tuple[Twin, ...]
    quality: QualityReport
    likenesses: tuple[Likeness, ...]
    rows: int
    replications: int
    level: float
    seed: int

    @property
    def best(self) -> str:
        """Label of the estimator most to be trusted."""
        return str(self.ranking.index[0])

    @property
    def likeness(self) -> Likeness:
        """The log beside the platform where nothing is hidden."""
        return self.likenesses[0]

    @property
    def unlike(self) -> dict[float, tuple[str, ...]]:
        """Strength -> statistics in which that platform is not like the log, where there are any; sizes left aside.

        A platform has at most 10,000 users and 5,000 items and writes logs of the asked number of rows, so sizes differ
        by design.
        """
        found = {
            twin.strength: tuple(str(name) for name in one.table.loc[one.table["matched"] == "no", "statistic"])
            for twin, one in zip(self.twins, self.likenesses, strict=True)
        }
        kept = {strength: tuple(name for name in names if name not in _SIZES) for strength, names in found.items()}
        return {strength: names for strength, names in kept.items() if names}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed in reading the log and in making its twins."""
        return tuple(dict.fromkeys((*self.question.notes, *self.likeness.notes)))

    def sentence(self) -> str:
        """What a careful statistician would say, in a few sentences."""
        from causalrec_lab.causal.trust.words import sentence

        return sentence(self)

    def plot(self) -> dict[str, Figure]:
        """Figures by name: "estimates" (on the log, in the order of trust), "bias" and "coverage" (on the twins)."""
        from causalrec_lab.causal.trust.pictures import draw

        return draw(self)

    def __repr__(self) -> str:
        asked = f"{self.question.outcome!r} by {self.question.treatment!r}"
        return f"TrustReport({asked}: {self.best} first of {len(self.ranking)})"

    def _repr_html_(self) -> str:
        """The sentence and the ranking; everything that comes from the log is escaped."""
        shown = self.ranking.to_html(border=0, escape=True, na_rep="", float_format=lambda value: f"{value:.3g}")
        return f'<div class="trust"><p>{html.escape(self.sentence())}</p>{shown}</div>'


def trust(
    log: pd.DataFrame | Dataset,
    treatment: str,
    outcome: str,
    covariates: Sequence[str] | None = None,
    *,
    text: str | None = None,
    estimand: str = "ATE",
    estimators: Sequence[str] | None = None,
    strengths: Sequence[float] = STRENGTHS,
    replications: int = 60,
    rows: int | None = None,
    level: float = 0.95,
    jobs: int = 1,
    progress: bool | None = True,
    seed: int = 0,
) -> TrustReport:
    """Say which estimator to trust on a log.

    For each strength of hidden confounding a platform is made whose logs look like this one
    (`Scenario.from_dataset`), whose true effect is known; every estimator is run on `replications` logs of it. Then
    every estimator is run on the log itself, and the answers are ordered by what was measured. A hidden trait's
    strength cannot be learned from any log: the strengths are assumptions, shown side by side.

    Parameters
    ----------
    log
        A table of decisions, or a data set that has one.
    treatment, outcome
        Columns: 0/1, and a number.
    covariates
        Columns known before the decision; None: see `question.ask`.
    text
        A column of texts, which some estimators then read by counted words.
    estimand
        "ATE", "ATT" or "ATO".
    estimators
        Labels of `candidates`; None: all.
    strengths
        Dials of the hidden trait, 0 among them.
    replications
        Logs a strength; 60 tell a coverage to within about 6 points, 400 to within 2.
    rows
        Rows of each log, 50 at least; None: as many as the log has, 4,000 at most.
    level
        Confidence level in (0, 1).
    jobs
        Processes.
    progress
        Whether a bar shows how far it is; None: on terminals only.
    seed
        Same seed, same report.

    Raises
    ------
    ValueError
        On bad input of any part, which is named.
    KeyboardInterrupt
        If stopped, with how many logs were done.
    """
    strengths = _strengths(strengths)
    _check(replications, rows, level, jobs)
    chosen = candidates(estimators, text=text is not None)
    question = ask(log, treatment, outcome, covariates, text=text, estimand=estimand)
    embeddings = text_of(question)
    quality, size = _quality(question), rows or min(len(question.frame), MOST_ROWS)
    log_measured = measured(question, seed)
    unit, told = unit_of(log_measured, question)
    question = replace(question, notes=(*question.notes, told)) if told else question
    twins = tuple(twin_of(question, strength, seed, log_measured) for strength in strengths)
    runs = measure(twins, chosen, question, size, level, range(seed, seed + replications), jobs, progress)
    table = summarise(runs, {twin.strength: twin.truth for twin in twins}, unit)
    estimates, problems = _on_the_log(chosen, question, embeddings, level, seed)
    return TrustReport(
        question=question,
        ranking=rank(table, estimates, level, size / len(question.frame)),
        measured=table,
        estimates=estimates,
        problems=problems,
        twins=twins,
        quality=quality,
        likenesses=tuple(_likeness(question, twin, seed) for twin in twins),
        rows=size,
        replications=replications,
        level=level,
        seed=seed,
    )


def _strengths(strengths: Sequence[float]) -> tuple[float, ...]:
    found = tuple(sorted({float(s) for s in strengths}))
    if not found or found[0] != 0:
        raise ValueError(
            f"strengths={list(strengths)}: give 0 among them, where nothing is hidden; the order starts there"
        )
    return found


def _check(replications: int, rows: int | None, level: float, jobs: int) -> None:
    if replications < 2:
        raise ValueError(f"replications={replications}: a spread needs two logs or more; 60 is a start")
    if rows is not None and rows < LEAST_ROWS:
        raise ValueError(f"rows={rows}: estimators need {LEAST_ROWS} rows or more")
    if not 0 < level < 1:
        raise ValueError(f"level={level:g} is no confidence level; give a number in (0, 1), such as 0.95")
    if jobs == 0:
        raise ValueError("jobs=0: give the number of processes, or -1 for one a processor")


def _on_the_log(
    chosen: Sequence[Candidate], question: Question, embeddings: Floats | None, level: float, seed: int
) -> tuple[dict[str, Estimate], dict[str, str]]:
    found, problems = {}, {}
    for one in chosen:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found[one.label] = one(
                    question.frame, question.treatment, question.outcome, question.covariates,
                    embeddings=embeddings, cluster=question.cluster, estimand=question.estimand, level=level, seed=seed,
                )  # fmt: skip
        except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            problems[one.label] = str(error)
    return found, problems


def _quality(question: Question) -> QualityReport:
    from causalrec_lab.data import quality_report

    features = question.features if question.covariates else question.features.iloc[:, :0]
    if question.treatment != "treated":
        features = features.rename(columns={"treated": "treated, a covariate"})
    taken = {*features, "treated"} - {question.treatment}
    frame = question.frame[[c for c in question.frame if c not in taken]]
    frame = frame.rename(columns={question.treatment: "treated"})
    outcome = question.outcome if question.outcome != "treated" else None
    decisions = pd.concat([frame, features], axis=1)
    return quality_report(
        Dataset(question.name, decisions=decisions),
        covariates=[str(name) for name in features.columns],
        outcome=outcome,
    )


def _likeness(question: Question, twin: Twin, seed: int) -> Likeness:
    from causalrec_lab.world.alike.comparison import likeness

    return likeness(
        question.dataset,
        twin.platform,
        outcome=question.outcome,
        treatment=question.treatment,
        covariates=tuple(question.features.columns),
        text=question.text,
        seed=seed,
    )
