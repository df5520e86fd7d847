"""A log as likeness looks at it: `Rows`, read from the tables that a data set happens to have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.data.registry import nearest
from causalrec_lab.world.alike.outcome import Level, Outcome, conversions, find_outcome, levels
from causalrec_lab.world.people.population import Floats, Ints
from causalrec_lab.world.scenarios.scenario import Scenario

__all__ = ["Rows", "read_rows"]

_MATRIX = ("train", "user_features", "item_features")  # ratings of users x items, and what is known of both


@dataclass(eq=False)
class Rows:
    """What a log holds, in one shape for decisions, events and slates.

    Parameters
    ----------
    name, kind
        Data set, and "decisions", "events" or "slates".
    frame
        Its rows.
    items, users, events
        The other tables, where there are any.
    treated, propensity
        (n,) 0/1 and chances; None where the log has none. In slates the propensity is that of the shown item.
    covariates
        Names of the numeric columns of `frame` that predict exposure and outcome.
    outcome, levels
        Outcome of each row, and how often its stages are reached.
    notes
        What was assumed.
    """

    name: str
    kind: str
    frame: pd.DataFrame
    items: pd.DataFrame | None
    users: pd.DataFrame | None
    events: pd.DataFrame | None
    treated: Floats | None = None
    propensity: Floats | None = None
    covariates: tuple[str, ...] = ()
    outcome: Outcome | None = None
    levels: tuple[Level, ...] = ()
    notes: list[str] = field(default_factory=list)

    def codes(self, column: str) -> Ints | None:
        """Ids of a column as numbers from 0, or None without such a column."""
        if column not in self.frame:
            return None
        return np.asarray(pd.factorize(self.frame[column])[0], dtype=np.int64)

    def features(self, rows: Ints) -> Floats:
        """Covariates of some rows, gaps filled by the column's median: shape (len(rows), p)."""
        if not self.covariates:
            return np.empty((len(rows), 0))
        table = self.frame[list(self.covariates)].iloc[rows].astype("float64")
        return np.asarray(table.fillna(table.median()).fillna(0.0).to_numpy())


def read_rows(
    dataset: Dataset,
    *,
    outcome: str | None = None,
    treatment: str = "treated",
    covariates: Sequence[str] = (),
    base: Scenario,
) -> Rows:
    """Read what a data set holds: its decisions; else its slates; else its events; else what its extras can be read as.

    Raises
    ------
    ValueError
        If there is no table, events or slates have no items, a named column is not there or no number, or the treatment
        is missing, not 0/1, or has a single class.
    """
    if not isinstance(dataset, Dataset):
        raise TypeError(
            f"from_dataset: a {type(dataset).__name__} is no Dataset; make one: data.Dataset(name, decisions=…)"
        )
    if isinstance(covariates, str):
        raise TypeError(f"from_dataset: covariates={covariates!r} is one word; give a list: [{covariates!r}]")
    kind, frame, notes = _main_table(dataset)
    events = None if kind == "events" or set(_MATRIX) <= set(dataset.extra) else dataset.events
    rows = Rows(dataset.name, kind, frame, dataset.items, dataset.users, events, notes=notes)
    if kind != "decisions" and "item_id" not in frame:
        raise ValueError(
            f"from_dataset: the {kind} of {dataset.name!r} have no column 'item_id': "
            f"{nearest('item_id', frame.columns)}; name yours by mapping={{'item_id': …}} in data.read, or rename it"
        )
    if kind == "decisions":
        rows.treated = _treatment(frame, treatment, dataset.name)
    rows.covariates = _covariates(rows, dataset, covariates, treatment)
    if "propensity" in frame and not covariates and kind != "events":
        rows.propensity = _propensity(frame, dataset.name)
    kinds = kind == "events" and "event" in frame and len(frame["event"].unique()) > 1
    if kinds and (outcome is None or outcome not in frame):
        rows.levels = conversions(frame, outcome, base, dataset.name)
        return rows
    rows.outcome = find_outcome(frame, outcome, kind, base, dataset.name)
    if rows.outcome is not None and rows.outcome.name in covariates:
        raise ValueError(f"from_dataset: {rows.outcome.name!r} is the outcome; leave it out of the covariates")
    rows.levels = levels(frame, rows.outcome, rows.treated, kind, base)
    if rows.outcome is not None and (gaps := int(np.isnan(rows.outcome.reached).sum())):
        rows.notes.append(f"{gaps:,} rows have no {rows.outcome.name}; its level is that of the others")
    return rows


def _main_table(dataset: Dataset) -> tuple[str, pd.DataFrame, list[str]]:
    chosen_and_not = set(_MATRIX) <= set(dataset.extra)
    for kind in ("decisions", "slates", *(() if chosen_and_not else ("events",))):
        table = getattr(dataset, kind)
        if table is not None:
            if not len(table):
                raise ValueError(f"from_dataset: the {kind} of {dataset.name!r} have no rows")
            return _self_selected(kind, table)
    return _from_extras(dataset)


def _self_selected(kind: str, table: pd.DataFrame) -> tuple[str, pd.DataFrame, list[str]]:
    """Leave randomised events out where there are others: they are no part of what users or a recommender chose."""
    if kind == "events" and "randomised" in table and 0 < (drawn := int((table["randomised"] == 1).sum())) < len(table):
        note = f"{drawn:,} events with randomised = 1 are left out: nobody chose them"
        return kind, table[table["randomised"] != 1].reset_index(drop=True), [note]
    return kind, table, []


def _from_extras(dataset: Dataset) -> tuple[str, pd.DataFrame, list[str]]:
    """Read a matrix of ratings with features, or a frame with items, where a data set has no table."""
    extra = dataset.extra
    if set(_MATRIX) <= set(extra):
        note = (
            "read as decisions: every user could have rated every item, and did where extra['train'] holds a rating "
            "(treated); what the others would have given is not known, so there is no rate of the untreated"
        )
        return "decisions", _pairs_of_matrix(extra), [note]
    for name, value in extra.items():
        if isinstance(value, pd.DataFrame) and "item_id" in value:
            note = f"read as events: extra[{name!r}], one row each"
            return "events", value, [note if "user_id" in value else f"{note}, each by a user of its own"]
    raise ValueError(
        f"from_dataset: data set {dataset.name!r} has no events, decisions or slates "
        f"(tables: {', '.join(dataset.tables) or 'none'}; extra: {', '.join(extra) or 'none'}); "
        "build one with data.Dataset(name, events=…)"
    )


def _pairs_of_matrix(extra: Any) -> pd.DataFrame:
    rating = np.asarray(extra["train"])
    user, item = (index.ravel() for index in np.indices(rating.shape))
    table = {"user_id": user, "item_id": item, "treated": (rating > 0).ravel().astype(np.int64)}
    table["rating"] = np.where(rating > 0, rating, np.nan).ravel()
    for whose, index in (("user", user), ("item", item)):
        features = extra[f"{whose}_features"]
        table |= {f"{whose}: {name}": features[name].to_numpy()[index] for name in features}
    return pd.DataFrame(table)


def _treatment(frame: pd.DataFrame, name: str, log: str) -> Floats:
    if name not in frame:
        raise ValueError(
            f"from_dataset: treatment {name!r} is no column of the decisions of {log!r}: {nearest(name, frame.columns)}"
        )
    treated = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
    bad = ~np.isin(treated, (0.0, 1.0))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"from_dataset: treatment {name!r} of {log!r} is not 0 or 1 in {int(bad.sum()):,} of {len(treated):,} "
            f"rows, first at row {row}: {frame[name].iloc[row]}; drop those rows, or make a 0/1 column"
        )
    if treated.min() == treated.max():
        raise ValueError(
            f"from_dataset: treatment {name!r} of {log!r} has a single class, {treated[0]:g} in all "
            f"{len(treated):,} rows; a log without untreated rows is a log of events: data.Dataset(name, events=…)"
        )
    return treated


def _propensity(frame: pd.DataFrame, log: str) -> Floats:
    e = pd.to_numeric(frame["propensity"], errors="coerce").to_numpy(dtype=np.float64)
    bad = ~((e > 0) & (e <= 1))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"from_dataset: propensity of {log!r} is outside (0, 1] in {int(bad.sum()):,} of {len(e):,} rows, "
            f"first at row {row}: {frame['propensity'].iloc[row]}; correct it, or name covariates=[…] to estimate it"
        )
    return e


def _covariates(rows: Rows, dataset: Dataset, named: Sequence[str], treatment: str) -> tuple[str, ...]:
    """Covariates by name; else those the data set names itself; else the features of a matrix of ratings."""
    frame = rows.frame
    for name in named:
        if name not in frame:
            raise ValueError(
                f"from_dataset: covariate {name!r} is no column of the {rows.kind} of {rows.name!r}: "
                f"{nearest(name, frame.columns)}"
            )
        if not pd.api.types.is_numeric_dtype(frame[name]):
            raise ValueError(
                f"from_dataset: covariate {name!r} of {rows.name!r} holds {frame[name].dtype}, no numbers; "
                "make 0/1 columns of its values (pandas.get_dummies) and name those"
            )
        if name == treatment:
            raise ValueError(f"from_dataset: {name!r} is the treatment; leave it out of the covariates")
    chosen = tuple(named) or tuple(name for name in dataset.extra.get("covariates", ()) if name in frame)
    if not chosen and rows.kind == "decisions" and dataset.decisions is None:
        chosen = tuple(str(name) for name in frame if ": " in str(name))
    gaps = [name for name in chosen if frame[name].isna().any()]
    if gaps:
        rows.notes.append(f"gaps in {', '.join(gaps)} are filled with the column's median")
    return chosen
