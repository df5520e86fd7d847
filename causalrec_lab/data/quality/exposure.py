"""What was shown, to whom, and how far that differs from what could have been shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.registry import nearest
from causalrec_lab.estimate import z_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ExposureBias", "exposure_bias", "gini", "lorenz", "position_curve"]


def gini(counts: npt.ArrayLike) -> float:
    r"""Gini coefficient of exposure: 0 if every item is shown equally often, near 1 if one item takes all.

    .. math:: G = \frac{\sum_j (2j - m - 1)\, c_{(j)}}{m \sum_j c_j}

    with the counts :math:`c_{(1)} \le \dots \le c_{(m)}` of m items (Gini 1912; this form in Sen 1973, On Economic
    Inequality, chapter 2).

    Raises
    ------
    ValueError
        If there is no count, one is negative, or all are 0.
    """
    ordered = _sorted_counts(counts)
    m = len(ordered)
    return float(((2 * np.arange(1, m + 1) - m - 1) * ordered).sum() / (m * ordered.sum()))


def lorenz(counts: npt.ArrayLike) -> pd.DataFrame:
    """Lorenz curve (Lorenz 1905): share of all exposures that the least shown items have together.

    Returns
    -------
    DataFrame with columns items and exposures, cumulative shares from (0, 0) to (1, 1).

    Raises
    ------
    ValueError
        As `gini`.
    """
    ordered = _sorted_counts(counts)
    shares = np.concatenate([[0.0], np.cumsum(ordered) / ordered.sum()])
    return pd.DataFrame({"items": np.linspace(0, 1, len(shares)), "exposures": shares})


def position_curve(
    frame: pd.DataFrame, outcome: str, *, position: str = "position", level: float = 0.95
) -> pd.DataFrame:
    """Rate of a 0/1 outcome by position, with Wilson (1927) intervals.

    A falling curve mixes two things: that people look at the top, and that better items stand there. Only where
    positions were drawn at random is it the effect of the position.

    Returns
    -------
    DataFrame indexed by position: shown (rows), rate, low, high.

    Raises
    ------
    ValueError
        If a column is not there or the outcome is not 0/1.
    """
    for name in (outcome, position):
        if name not in frame:
            raise ValueError(f"position_curve: no column {name!r}: {nearest(name, frame.columns)}")
    if not frame[outcome].dropna().isin([0, 1]).all():
        raise ValueError(
            f"position_curve: outcome {outcome!r} is not 0/1; take one that is, or group by position yourself"
        )
    grouped = frame.groupby(position)[outcome]
    table = pd.DataFrame({"shown": grouped.count(), "rate": grouped.mean()})
    z = z_value(level)
    n, rate = table["shown"], table["rate"]
    middle = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return table.assign(low=middle - half, high=middle + half)


@dataclass(frozen=True, eq=False)
class ExposureBias:
    """How a log's exposures are spread, and how the shown differ from the eligible.

    Parameters
    ----------
    counts
        Exposures by item; items that were eligible, or listed, and never shown count 0.
    gini
        Their Gini coefficient.
    popularity
        One row a tenth of the items, from the least to the most shown: items, share_of_exposures, and
        share_of_eligible, treated_rate where the log has untreated rows.
    balance
        Where the log has untreated rows, one row a covariate: mean_shown, mean_unshown, smd.
    rates
        Where an outcome was given: its mean among the shown and the unshown, with their numbers.
    """

    counts: pd.Series[Any]
    gini: float
    popularity: pd.DataFrame
    balance: pd.DataFrame
    rates: pd.DataFrame

    @property
    def never_shown(self) -> float:
        """Share of items without a single exposure."""
        return float((self.counts == 0).mean())

    def __repr__(self) -> str:
        return f"ExposureBias({int(self.counts.sum()):,} exposures of {len(self.counts):,} items, Gini {self.gini:.3f})"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Lorenz curve of the exposures, beside the diagonal of equal exposure."""
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(4.6, 4.2), layout="constrained").subplots()
        curve = lorenz(self.counts)
        ax.plot(curve["items"], curve["exposures"], label=f"exposures, Gini {self.gini:.2f}")
        ax.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="every item shown equally often")
        ax.set_xlabel("share of items, least shown first")
        ax.set_ylabel("share of exposures")
        ax.legend(loc="upper left")
        return ax


def exposure_bias(
    frame: pd.DataFrame,
    *,
    items: pd.Series[Any] | None = None,
    covariates: Sequence[str] = (),
    outcome: str | None = None,
) -> ExposureBias:
    r"""Describe which items were shown and how shown rows differ from unshown ones.

    The standardised mean difference of a covariate is :math:`(\bar x_1 - \bar x_0) / \sqrt{(s_1^2 + s_0^2) / 2}`;
    above 0.25 in size, regression adjustment leans on its functional form (Imbens and Rubin 2015, Causal Inference,
    chapter 14).

    Parameters
    ----------
    frame
        A decisions table (with `treated`), or an events table, in which every row is an exposure.
    items
        All item ids of the catalogue, so that those never shown count.
    covariates
        Numeric columns to compare; needs `treated`.
    outcome
        A numeric column whose mean to compare; needs `treated`.

    Returns
    -------
    `ExposureBias`.

    Raises
    ------
    ValueError
        If a column is not there, or nothing was shown.
    """
    decided = "treated" in frame
    for name in ("item_id", *covariates, *([outcome] if outcome else []), *(["treated"] if covariates else [])):
        if name not in frame:
            raise ValueError(f"exposure_bias: no column {name!r}: {nearest(name, frame.columns)}")
    shown = frame["treated"].to_numpy() == 1 if decided else np.ones(len(frame), dtype=bool)
    if not shown.any():
        raise ValueError("exposure_bias: no row was shown (treated is 1 nowhere); there is no exposure to describe")
    known = pd.Index(frame["item_id"].unique() if items is None else pd.concat([items, frame["item_id"]]).unique())
    counts = frame.loc[shown, "item_id"].value_counts().reindex(known, fill_value=0).rename("exposures")
    eligible = frame["item_id"].value_counts().reindex(known, fill_value=0) if decided else None
    return ExposureBias(
        counts,
        gini(counts),
        _by_popularity(counts, eligible),
        _balance(frame, shown, covariates),
        _rates(frame, shown, outcome if decided else None),
    )


def _sorted_counts(counts: npt.ArrayLike) -> npt.NDArray[np.float64]:
    ordered = np.sort(np.asarray(counts, dtype=np.float64))
    if ordered.size == 0 or ordered[0] < 0 or ordered[-1] <= 0:
        raise ValueError(f"counts must be >= 0 with one above 0; got {ordered.size} values, {ordered[:3]} …")
    return ordered


def _by_popularity(counts: pd.Series[Any], eligible: pd.Series[Any] | None) -> pd.DataFrame:
    rank = counts.rank(method="first").to_numpy()
    tenth = np.ceil(10 * rank / len(counts)).astype(int)
    grouped = counts.groupby(tenth)
    table = pd.DataFrame({"items": grouped.size(), "share_of_exposures": grouped.sum() / counts.sum()})
    if eligible is not None:
        offered = eligible.groupby(tenth).sum()
        table = table.assign(share_of_eligible=offered / offered.sum(), treated_rate=grouped.sum() / offered)
    return table.rename_axis("tenth")


def _balance(frame: pd.DataFrame, shown: npt.NDArray[np.bool_], covariates: Sequence[str]) -> pd.DataFrame:
    columns = frame[list(covariates)].astype("float64")
    one, zero = columns[shown], columns[~shown]
    spread = np.sqrt((one.var() + zero.var()) / 2)
    means = {"mean_shown": one.mean(), "mean_unshown": zero.mean(), "smd": (one.mean() - zero.mean()) / spread}
    return pd.DataFrame(means, index=pd.Index(covariates, name="covariate"))


def _rates(frame: pd.DataFrame, shown: npt.NDArray[np.bool_], outcome: str | None) -> pd.DataFrame:
    if outcome is None:
        return pd.DataFrame(columns=["rows", "mean"])
    groups = {"shown": shown, "unshown": ~shown}
    rows = {name: {"rows": int(rows.sum()), "mean": frame.loc[rows, outcome].mean()} for name, rows in groups.items()}
    return pd.DataFrame.from_dict(rows, orient="index")
