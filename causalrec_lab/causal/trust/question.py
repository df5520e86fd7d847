"""What is asked of a log: `Question`, the columns of treatment, outcome, covariates and text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from causalrec_lab.causal.effects.sample import ESTIMANDS, nearest, read_sample
from causalrec_lab.data.dataset import Dataset

__all__ = ["Question", "ask"]

#: Columns of the tables' contracts that tell who, what, when and how a row came about: never covariates.
_KEYS = ("user_id", "item_id", "timestamp", "propensity", "position", "event", "randomised", "z", "arm")
_MOST_LEVELS = 50


@dataclass(frozen=True, eq=False)
class Question:
    """One effect asked of one table.

    Parameters
    ----------
    name
        Of the log.
    frame
        One row a decision, its treatment in `treatment` as 0 or 1.
    treatment, outcome
        Columns.
    covariates
        Columns adjusted for.
    text
        Column of texts, or None.
    estimand
        "ATE", "ATT" or "ATO".
    cluster
        Identities that stand in several rows: their rows are not independent.
    notes
        What was assumed in reading it.
    """

    name: str
    frame: pd.DataFrame
    treatment: str
    outcome: str
    covariates: tuple[str, ...]
    text: str | None = None
    estimand: str = "ATE"
    cluster: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def numeric(self) -> tuple[str, ...]:
        """Covariates that are numbers: what a platform's likeness is matched on."""
        return tuple(c for c in self.covariates if pd.api.types.is_numeric_dtype(self.frame[c]))

    @property
    def dataset(self) -> Dataset:
        """The table as a data set, whose text, if any, is a column of its decisions."""
        return Dataset(self.name, decisions=self.frame)


def ask(
    log: pd.DataFrame | Dataset,
    treatment: str,
    outcome: str,
    covariates: Sequence[str] | None = None,
    *,
    text: str | None = None,
    estimand: str = "ATE",
) -> Question:
    """Read a question and refuse what no estimator could answer.

    Parameters
    ----------
    log
        A table of decisions, or a data set that has one.
    treatment, outcome
        Columns.
    covariates
        What was known before the decision. None: every other column that is a number or has 50 levels at most, told
        in the notes, since a column that the treatment moved must not be among them.
    text
        A column of texts.
    estimand
        "ATE", "ATT" or "ATO".

    Raises
    ------
    ValueError
        On the bad input that every estimator refuses, or if a data set has no decisions.
    """
    name = log.name if isinstance(log, Dataset) else "this log"
    frame = log.table("decisions") if isinstance(log, Dataset) else log
    if text is not None and text not in frame:
        raise ValueError(f"text {text!r} is no column of {name!r}; {nearest(text, list(map(str, frame.columns)))}")
    if estimand not in ESTIMANDS:
        raise ValueError(f"unknown estimand {estimand!r}; {nearest(estimand, ESTIMANDS)}")
    read_sample(frame, treatment, outcome, ())  # the two columns, before anything is guessed from the others
    notes: list[str] = []
    if covariates is None:
        covariates = _guessed(frame, {treatment, outcome, text or ""})
        notes.append(
            f"no covariates were named, so these were taken: {', '.join(covariates) or 'none'}; a column that the "
            "treatment could have moved must not be among them: name those that were known before the decision"
        )
    read_sample(frame, treatment, outcome, covariates, estimand=estimand)
    kept = frame.reset_index(drop=True).assign(**{treatment: pd.to_numeric(frame[treatment]).to_numpy()})
    asked = Question(name, kept, treatment, outcome, tuple(covariates), text, estimand, notes=tuple(notes))
    return replace(asked, cluster=_repeated(kept, text))


def _guessed(frame: pd.DataFrame, taken: set[str]) -> list[str]:
    found = [str(c) for c in frame.columns if c not in taken and c not in _KEYS]
    numbers = [c for c in found if pd.api.types.is_numeric_dtype(frame[c]) or pd.api.types.is_bool_dtype(frame[c])]
    levels = [c for c in found if c not in numbers and frame[c].dtype.kind not in "mM"]
    few = [c for c in levels if frame[c].nunique() <= _MOST_LEVELS and frame[c].notna().all()]
    return [c for c in found if (c in numbers and frame[c].notna().all()) or c in few]


def _repeated(frame: pd.DataFrame, text: str | None) -> tuple[str, ...]:
    """Users that stand in several rows; with text also items, whose text would otherwise stand in for the item."""
    names = ["user_id"] if text is None else ["user_id", "item_id"]
    return tuple(
        name for name in names if name in frame and frame[name].duplicated().any() and frame[name].notna().all()
    )
