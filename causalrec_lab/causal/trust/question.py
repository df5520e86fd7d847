"""What is asked of a log: `Question`, the columns of treatment, outcome, covariates and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import check_columns, covariate_matrix
from causalrec_lab.causal.effects.sample import ESTIMANDS, nearest, read_sample
from causalrec_lab.causal.trust.reading import as_numbers, check_copies, filled, guessed, is_identifier
from causalrec_lab.data.dataset import Dataset

__all__ = ["Question", "ask"]

#: The column that stands for covariates where there are none: it never varies, so it tells nothing.
NOTHING = "no covariate"
_LEAST_USERS = 10
_FEW_LEVELS = 20  # of a treatment: beyond, it is no treatment with levels but a number


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
    def features(self) -> pd.DataFrame:
        """(n, p) the covariates as numbers, levels as 0/1 columns: what a platform's likeness is matched on."""
        if not self.covariates:
            return pd.DataFrame({NOTHING: np.zeros(len(self.frame))})
        matrix, names = covariate_matrix(self.frame, self.covariates)
        return pd.DataFrame(matrix, columns=list(names))

    @property
    def dataset(self) -> Dataset:
        """The table as a data set that a platform can be made like.

        Covariates stand as numbers; an outcome with negative values, which no platform has, as 1 above its median.
        """
        features, outcome = self.features, self.frame[self.outcome].astype("float64")
        other = [c for c in self.frame.columns if c not in features]
        frame = pd.concat([self.frame[other], features], axis=1)
        if outcome.min() < 0:
            high = outcome > outcome.median()
            frame[self.outcome] = (high if high.any() else outcome >= outcome.median()).astype("float64")
        return Dataset(self.name, decisions=frame)


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
        What was known before the decision. None: every other column that is a number or has 50 levels at most and is
        no identifier, told in the notes, since a column that the treatment moved must not be among them. Gaps are
        filled and marked by a column of their own.
    text
        A column of texts.
    estimand
        "ATE", "ATT" or "ATO".

    Raises
    ------
    ValueError
        On the bad input that every estimator refuses, if treatment and outcome are one column, a covariate tells
        either exactly, fewer than 10 users stand in all rows, or a data set has no decisions.
    """
    name = log.name if isinstance(log, Dataset) else "this log"
    frame = log.table("decisions") if isinstance(log, Dataset) else log
    if text is not None and text not in frame:
        raise ValueError(f"text {text!r} is no column of {name!r}; {nearest(text, list(map(str, frame.columns)))}")
    if estimand not in ESTIMANDS:
        raise ValueError(f"unknown estimand {estimand!r}; {nearest(estimand, ESTIMANDS)}")
    if treatment == outcome:
        raise ValueError(f"treatment and outcome are both {treatment!r}; name two columns")
    check_columns(frame, [treatment, outcome])
    frame, notes = _as_numbers(frame, treatment, outcome)
    _check_levels(frame, treatment)
    read_sample(frame, treatment, outcome, ())  # the two columns, before anything is guessed from the others
    frame, chosen, more = _covariates(frame, treatment, outcome, covariates, text)
    read_sample(frame, treatment, outcome, chosen, estimand=estimand)
    check_copies(frame, chosen, treatment, outcome)
    asked = Question(name, frame, treatment, outcome, tuple(chosen), text, estimand, notes=(*notes, *more))
    return replace(asked, cluster=_repeated(frame, text))


def _check_levels(frame: pd.DataFrame, treatment: str) -> None:
    """Refuse a treatment of several levels, with the way to two."""
    levels = frame[treatment].dropna()
    if levels.dtype.kind in "biuf" and 3 <= (count := levels.nunique()) <= _FEW_LEVELS:
        shown = ", ".join(f"{level:g}" for level in sorted(levels.unique()))
        raise ValueError(
            f"treatment {treatment!r} has {count} levels ({shown}), and an effect compares two: keep the rows of two "
            "levels, coded 0 and 1, and ask once for each pair"
        )


def _covariates(
    frame: pd.DataFrame, treatment: str, outcome: str, named: Sequence[str] | None, text: str | None
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """The table with its gaps filled, the covariates, and what was assumed."""
    notes = []
    if isinstance(named, str):
        raise ValueError(f"covariates={named!r} is one string; give a list of column names: [{named!r}]")
    if named is None:
        named, left_out = guessed(frame, treatment, outcome, text)
        notes = _told(named, left_out)
    names = list(dict.fromkeys(named))
    check_columns(frame, names)
    if still := [name for name in names if frame[name].notna().all() and frame[name].nunique() < 2]:
        notes.append(f"left out, since they do not vary: {', '.join(still)}")
        names = [name for name in names if name not in still]
    notes += [
        f"covariate {name!r} is called an identifier: its numbers may mean nothing"
        for name in names
        if is_identifier(name)
    ]
    frame, names, gaps = filled(frame, names)
    return frame, names, notes + gaps


def _as_numbers(frame: pd.DataFrame, treatment: str, outcome: str) -> tuple[pd.DataFrame, list[str]]:
    read = {name: as_numbers(frame, name, role) for name, role in ((treatment, "treatment"), (outcome, "outcome"))}
    made = frame.assign(**{name: column for name, (column, _) in read.items()}).reset_index(drop=True)
    return made, [note for _, note in read.values() if note]


def _told(covariates: Sequence[str], left_out: Mapping[str, str]) -> list[str]:
    """What was guessed, in words."""
    taken = (
        f"no covariates were named, so these were taken: {', '.join(covariates) or 'none'}; a column that the "
        "treatment could have moved must not be among them: name those that were known before the decision"
    )
    left = "; ".join(f"{column!r}, {why}" for column, why in left_out.items())
    return [taken, f"left out: {left}"] if left else [taken]


def _repeated(frame: pd.DataFrame, text: str | None) -> tuple[str, ...]:
    """Users that stand in several rows; with text also items, whose text would otherwise stand in for the item."""
    names = ["user_id"] if text is None else ["user_id", "item_id"]
    found = [n for n in names if n in frame and frame[n].duplicated().any() and frame[n].notna().all()]
    for name in found:
        if (count := frame[name].nunique()) < _LEAST_USERS:
            raise ValueError(
                f"column {name!r} has {count} different values in {len(frame):,} rows: rows of one are not "
                f"independent, and fewer than {_LEAST_USERS} give no error; if rows are independent, drop the column"
            )
    return tuple(found)
