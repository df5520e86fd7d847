"""From a frame and the names of its columns to one checked row a unit: `Trial`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.columns import codes_of, nearest

__all__ = ["Floats", "Integers", "Trial", "check_arms", "check_columns", "one_arm_each", "read_trial"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Trial:
    """One row a unit of analysis.

    Parameters
    ----------
    arms
        Names, the control first.
    arm
        (n,) number of each unit's arm in `arms`.
    numerator, denominator
        (n,) metric; what it is divided by, or None for a mean.
    cluster
        (n,) code of the randomised cluster, or None where units were randomised one by one.
    table
        The n rows with their columns.
    rows
        (rows of the frame,) number of the unit each row belongs to, or None where they are the same.
    capped
        Units whose metric was cut.
    """

    arms: tuple[str, ...]
    arm: Integers
    numerator: Floats
    denominator: Floats | None
    cluster: Integers | None
    table: pd.DataFrame
    rows: Integers | None
    capped: int = 0

    @property
    def sizes(self) -> dict[str, int]:
        """Arm -> what was randomised: units, or clusters."""
        arm = self.arm if self.cluster is None else self.arm[np.unique(self.cluster, return_index=True)[1]]
        return dict(zip(self.arms, np.bincount(arm, minlength=len(self.arms)).tolist(), strict=True))


def read_trial(
    frame: pd.DataFrame,
    metric: str,
    arm: str,
    control: object,
    *,
    denominator: str | None = None,
    unit: str | None = None,
    cluster: str | None = None,
    numeric: Sequence[str] = (),
    kept: Sequence[str] = (),
    winsorise: float | None = None,
) -> Trial:
    """Check the columns and settle what one row is.

    Parameters
    ----------
    frame, metric, arm, control, denominator, unit, cluster, winsorise
        As in `analyse`.
    numeric
        Columns of finite numbers, averaged within the unit (covariates of CUPED).
    kept
        Further columns, of which a unit's first value counts.

    Raises
    ------
    ValueError
        On an unknown column, a missing or infinite value, a missing control, a unit or cluster in two arms, an arm with
        fewer than two units or clusters, a denominator that is negative or 0 throughout an arm.
    """
    counted = [metric, *([denominator] if denominator else [])]
    columns = dict.fromkeys([*counted, arm, *numeric, *kept, *(c for c in (unit, cluster) if c)])
    names = check_columns(frame, list(columns), arm, control, whole=[*counted, *numeric])
    table, rows = _by_unit(frame, counted, arm, unit, cluster, numeric, kept)
    codes = np.asarray(pd.Index(names).get_indexer(pd.Index(table[arm].astype(str))), dtype=np.int64)
    if cluster:
        one_arm_each(table, cluster, arm)
    y, capped = _capped(table[metric].to_numpy(dtype=np.float64), winsorise)
    trial = Trial(
        names, codes, y, table[denominator].to_numpy(dtype=np.float64) if denominator else None,
        codes_of(table, cluster) if cluster else None, table, rows, capped,
    )  # fmt: skip
    check_arms(trial, denominator)
    return trial


def check_columns(
    frame: pd.DataFrame, columns: Sequence[str], arm: str, control: object, whole: Sequence[str]
) -> tuple[str, ...]:
    """Refuse unknown columns and values that are missing or infinite; give the arms' names, the control first.

    Parameters
    ----------
    columns, whole
        Columns that must be there without gaps; those of them that hold finite numbers.

    Raises
    ------
    ValueError
        Naming the column, the row and the way out.
    """
    for name in columns:
        if name not in frame.columns:
            known = [str(c) for c in frame.columns]
            raise ValueError(f"no column {name!r} in the experiment; {nearest(name, known)}")
        if (gaps := frame[name].isna()).any():
            raise ValueError(
                f"column {name!r} has {int(gaps.sum())} missing values, first at row {int(np.argmax(gaps))}; a metric "
                "missing in one arm more than the other breaks the randomisation: find out why before dropping rows, "
                "and see attrition(), lee_bounds() and delayed()"
            )
    for name in whole:
        _refuse_infinite(frame[name])
    return _arms(frame, arm, str(control))


def check_arms(trial: Trial, denominator: str | None = None) -> None:
    """Refuse an arm of one unit or cluster, and a ratio without anything below.

    Raises
    ------
    ValueError
        Naming the arm.
    """
    what = "unit" if trial.cluster is None else "cluster"
    for name, size in trial.sizes.items():
        if size < 2:
            more = ": nothing then tells how clusters differ by themselves" if trial.cluster is not None else ""
            raise ValueError(f"arm {name!r} has {size} {what}; an arm needs at least 2{more}")
    if trial.denominator is None:
        return
    if (trial.denominator < 0).any():
        row = int(np.argmax(trial.denominator < 0))
        raise ValueError(f"denominator {denominator!r} is negative in row {row}; a ratio metric divides by counts >= 0")
    below = np.bincount(trial.arm, weights=trial.denominator)
    if (below <= 0).any():
        name = trial.arms[int(np.argmin(below))]
        raise ValueError(
            f"denominator {denominator!r} is 0 throughout arm {name!r}; there is no ratio to compare (single units "
            "with 0 do no harm: sums are divided, not units)"
        )


def one_arm_each(frame: pd.DataFrame, unit: str, arm: str) -> None:
    """Refuse units that stand in two arms.

    Raises
    ------
    ValueError
        Naming how many, and the first.
    """
    arms = frame.groupby(unit, sort=True)[arm].nunique()
    if (arms > 1).any():
        raise ValueError(
            f"{int((arms > 1).sum())} units stand in more than one arm, first {arms.index[arms > 1].tolist()[0]!r}; "
            "drop them, and find out why"
        )


def _arms(frame: pd.DataFrame, arm: str, control: str) -> tuple[str, ...]:
    arms = sorted(frame[arm].astype(str).unique())
    if control not in arms:
        raise ValueError(f"no arm {control!r} in column {arm!r}; it has {arms}: name one of them as control=")
    if len(arms) < 2:
        raise ValueError(f"column {arm!r} holds the control alone; an experiment needs another arm at the same time")
    return (control, *(name for name in arms if name != control))


def _refuse_infinite(column: pd.Series[Any]) -> None:
    try:
        infinite = np.isinf(column.to_numpy(dtype=np.float64))
    except (TypeError, ValueError):
        raise ValueError(
            f"column {column.name!r} holds {column.dtype} values; a metric is a column of numbers"
        ) from None
    if infinite.any():
        row = int(infinite.argmax())
        raise ValueError(
            f"column {column.name!r} has {int(infinite.sum())} infinite values, first at row {row}: "
            f"{column.iloc[row]}; a mean takes finite numbers: find out where they come from, or cap the metric"
        )


def _by_unit(
    frame: pd.DataFrame,
    counted: Sequence[str],
    arm: str,
    unit: str | None,
    cluster: str | None,
    numeric: Sequence[str],
    kept: Sequence[str],
) -> tuple[pd.DataFrame, Integers | None]:
    if unit is None:
        return frame, None
    one_arm_each(frame, unit, arm)
    if cluster and cluster != unit and (places := frame.groupby(unit, sort=True)[cluster].nunique()).max() > 1:
        raise ValueError(
            f"{int((places > 1).sum())} units have rows in more than one {cluster!r}, first "
            f"{places.index[places > 1].tolist()[0]!r}; what was randomised as a whole holds whole units"
        )
    how = dict.fromkeys(counted, "sum" if len(counted) == 2 else "mean")
    how |= dict.fromkeys(numeric, "mean") | dict.fromkeys([arm, *kept, *([cluster] if cluster else [])], "first")
    how.pop(unit, None)
    groups = frame.groupby(unit, sort=True)
    return groups.agg(how).reset_index(), np.asarray(groups.ngroup(), dtype=np.int64)


def _capped(y: Floats, winsorise: float | None) -> tuple[Floats, int]:
    if winsorise is None:
        return y, 0
    if not 0.5 < winsorise < 1:
        raise ValueError(f"winsorise={winsorise}: give the quantile above which the metric is cut, such as 0.999")
    cap = np.quantile(y, winsorise)
    return np.minimum(y, cap), int((y > cap).sum())
