"""Leaks: what test rows have in common with training rows, and columns that know the outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.building.splits import Split
from causalrec_lab.data.quality.rules import Finding, found

__all__ = ["leakage", "of_leakage", "of_targets", "target_leakage"]

_COLUMNS = ["check", "part", "rows", "share", "example"]
_PARTS = ("train", "validation", "test")
_KNOWS = 0.8  # |2 AUC - 1| from which a column nearly tells the outcome
_EXACT = 1 - 1e-9
_MANY, _DISTINCT = 20, 4  # groups, and values among them, that must agree: fewer may by chance


def leakage(split: Split | Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare the held-out parts of a split with its training part.

    Parameters
    ----------
    split
        A `Split`, or tables by the names train, test and, if there is one, validation.

    Returns
    -------
    DataFrame, one row a check and a part (test, validation), those that found nothing left out: check (a name in
    `quality_rules`), part, rows, share of the part (of training, for futures), example.

    Raises
    ------
    ValueError
        If train or test is not there.

    Notes
    -----
    *Same row*: all columns equal. *Same pair*: user and item. *Own future*: training holds a later row of the
    same user. *Others' future*: training rows later than the part's median row; leave-one-out has them by design. A
    temporal split, by its own words, has none later than the first. Meng, McCreadie, Macdonald and Ounis (2020),
    Exploring Data Splitting Strategies for the Evaluation of Recommendation Models, RecSys, on how far such choices
    move a metric; Ji, Sun, Zhang and Li (2023), A Critical Study on Data Leakage in Recommender System Offline
    Evaluation, ACM TOIS 41.
    """
    parts = split if isinstance(split, Mapping) else {name: getattr(split, name) for name in _PARTS}
    protocol = "" if isinstance(split, Mapping) else split.protocol
    if absent := [name for name in ("train", "test") if name not in parts]:
        raise ValueError(f"leakage: no part {absent[0]!r} among {list(parts)}; give train and test")
    held = [name for name in ("test", "validation") if name in parts]
    rows = [row for name in held for row in _compared(parts["train"], parts[name], protocol, name)]
    return pd.DataFrame(rows, columns=_COLUMNS)


def of_leakage(table: pd.DataFrame) -> Iterator[Finding]:
    """Findings about leaks between parts."""
    for check, part, rows, share, example in table.itertuples(index=False):
        where = "training" if "future" in check and "own" not in check else part
        place = f", first {example}" if example else ""
        yield from found(check, share, f"{part}: {check}: {rows:,} rows ({share:.1%} of {where}){place}")


def _compared(train: pd.DataFrame, part: pd.DataFrame, protocol: str, name: str) -> Iterator[dict[str, Any]]:
    pair = ["user_id", "item_id"]
    yield from _one(
        "same row in two parts", name, _in(part, train, list(part.columns.intersection(train.columns))), part
    )
    yield from _one("same pair in two parts", name, _in(part, train, pair), part)
    known = part["user_id"].isin(train["user_id"]) & part["item_id"].isin(train["item_id"])
    yield from _one("unseen in training", name, ~known.to_numpy(), part)
    if "timestamp" not in part or "timestamp" not in train:
        return
    last = train.groupby("user_id")["timestamp"].max()
    own = (part["user_id"].map(last) > part["timestamp"]).to_numpy(dtype=bool)
    yield from _one("own future in training", name, own, part)
    if train.attrs.get("timestamp") == "order within the user":
        return
    temporal = protocol.startswith("temporal")
    check = "split breaks its promise" if temporal else "others' future in training"
    moment = part["timestamp"].min() if temporal else part["timestamp"].quantile(0.5)
    yield from _one(check, name, (train["timestamp"] > moment).to_numpy(dtype=bool), train)


def _one(check: str, part: str, bad: npt.NDArray[np.bool_], frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    rows = int(bad.sum())
    if rows:
        first = frame.iloc[int(bad.argmax())]
        example = f"user {first['user_id']}, item {first['item_id']}" if {"user_id", "item_id"} <= set(frame) else ""
        yield dict(zip(_COLUMNS, (check, part, rows, rows / len(frame), example), strict=True))


def _in(part: pd.DataFrame, train: pd.DataFrame, columns: list[str]) -> npt.NDArray[np.bool_]:
    """Which rows of `part` stand in `train`, by these columns."""
    both = pd.concat([train[columns], part[columns]], ignore_index=True)
    codes = both.groupby(columns, sort=False, observed=True, dropna=False).ngroup().to_numpy()
    return np.isin(codes[len(train) :], codes[: len(train)])


def target_leakage(table: pd.DataFrame, outcome: str, covariates: Sequence[str] = ()) -> pd.DataFrame:
    r"""Columns that tell a 0/1 outcome by themselves, and covariates that are counts or means over the whole log.

    The Gini of one column is :math:`|2\,\mathrm{AUC} - 1|`: 0 if it says nothing, 1 if it separates the outcome.

    Parameters
    ----------
    table
        A decisions or slates table.
    outcome
        Its 0/1 column.
    covariates
        Columns meant for adjustment.

    Returns
    -------
    DataFrame indexed by column: gini, covariate (is it one), aggregate (what it equals: "item_id: rows", …, or "").
    """
    skipped = {"user_id", "item_id", "timestamp", "treated", outcome}
    numbers = [str(name) for name in table.select_dtypes(["number", "bool"]) if name not in skipped]
    y = table[outcome].to_numpy(dtype=np.float64)
    rows = {
        name: {
            "gini": _gini(table[name].to_numpy(dtype=np.float64), y),
            "covariate": name in covariates,
            "aggregate": _aggregate(table, name, outcome) if name in covariates else "",
        }
        for name in numbers
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["gini", "covariate", "aggregate"]).rename_axis(
        "column"
    )


def of_targets(table: pd.DataFrame, outcome: str) -> Iterator[Finding]:
    """Findings about columns that know the outcome."""
    telling = table[(table["gini"] >= _KNOWS) & ~table["covariate"].astype(bool)]
    if len(telling):
        names = ", ".join(map(str, telling.index))
        yield from found("consequences", len(telling), f"nearly tell {outcome}: {names}")
    for name, row in table[table["covariate"].astype(bool)].iterrows():
        sentence = f"the covariate {name} alone nearly tells {outcome} (AUC {(1 + row['gini']) / 2:.3f})"
        yield from found("target leak", float(row["gini"]), sentence)
        if row["aggregate"]:
            sentence = f"the covariate {name} equals a figure of the whole log ({row['aggregate']})"
            yield from found("whole-log aggregate", 1, sentence)


def _gini(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    kept = np.isfinite(x) & np.isfinite(y)
    positive = y[kept] == 1
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if not n1 or not n0:
        return 0.0
    ranks = pd.Series(x[kept]).rank().to_numpy()
    auc = (ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0)
    return float(abs(2 * auc - 1))


def _aggregate(table: pd.DataFrame, name: str, outcome: str) -> str:
    """What figure of the whole log, by item or by user, the column equals up to a monotone change; "" if none."""
    for key in ("item_id", "user_id"):
        if key not in table or table.groupby(key)[name].nunique().max() != 1:
            continue
        grouped = table.groupby(key)
        value = grouped[name].first()
        figures = {
            "rows": grouped.size(),
            f"sum of {outcome}": grouped[outcome].sum(),
            f"mean {outcome}": grouped[outcome].mean(),
        }
        figures |= {"sum of treated": grouped["treated"].sum()} if "treated" in table else {}
        for what, figure in figures.items():
            varied = len(figure) >= _MANY and min(figure.nunique(), value.nunique()) >= _DISTINCT
            if varied and _same_order(value, figure):
                return f"{key}: {what}"
    return ""


def _same_order(one: pd.Series[Any], other: pd.Series[Any]) -> bool:
    """Whether two columns order their rows alike, ties included: one is then a function of the other."""
    first, second = one.rank().to_numpy(), other.rank().to_numpy()
    return bool(np.corrcoef(first, second)[0, 1] > _EXACT)
