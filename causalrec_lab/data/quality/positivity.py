"""Overlap: could every row have been treated, and every row not, and do stored propensities tell the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.registry import nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Overlap", "effective_sample_size", "overlap"]

Floats = npt.NDArray[np.float64]
LOW, HIGH = 0.05, 0.95


def effective_sample_size(weights: npt.ArrayLike) -> float:
    r"""Rows that equally weighted data would need for the same variance: :math:`(\sum w)^2 / \sum w^2`.

    Kish (1965), Survey Sampling, section 11.7.
    """
    w = np.asarray(weights, dtype=np.float64)
    return float(w.sum() ** 2 / (w**2).sum()) if w.size and w.any() else 0.0


@dataclass(frozen=True, eq=False)
class Overlap:
    """Propensities of a decisions table, by arm.

    Parameters
    ----------
    propensity
        P(treated = 1) of each row.
    treated
        0/1 of each row.
    source
        "stored", or how it was estimated.
    arms
        One row an arm: rows, effective (Kish, inverse-propensity weights), share, largest_weight (share of the arm's
        total weight that its heaviest row carries).
    calibration
        One row a tenth of the rows by propensity: rows, propensity (mean), treated (share). Rows of one propensity
        share a tenth, so there are fewer than ten where few values repeat.
    p_value
        Of the hypothesis that the propensities are the true chances of treatment: chi-square over the tenths, one
        degree of freedom each; nan where they were estimated on these rows, which then fit by construction.
    """

    propensity: Floats
    treated: npt.NDArray[np.int64]
    source: str
    arms: pd.DataFrame
    calibration: pd.DataFrame
    p_value: float

    @property
    def outside(self) -> float:
        """Share of rows whose propensity lies outside [0.05, 0.95]."""
        return float(((self.propensity < LOW) | (self.propensity > HIGH)).mean())

    @property
    def gap(self) -> float:
        r"""Mean gap of stored and observed share over the tenths, less the noise that right propensities show.

        .. math:: \sqrt{\max(0, \textstyle\sum_k w_k [(\bar t_k - \bar e_k)^2 - \bar e_k (1 - \bar e_k) / n_k])}

        with the tenths' shares :math:`w_k` of the rows.
        """
        table = self.calibration
        noise = table["propensity"] * (1 - table["propensity"]) / table["rows"]
        squared = (table["treated"] - table["propensity"]) ** 2 - noise
        return float(np.sqrt(max(0.0, float((squared * table["rows"]).sum() / table["rows"].sum()))))

    def __repr__(self) -> str:
        rows = len(self.treated)
        return f"Overlap({rows:,} rows, {self.source} propensity, {self.outside:.1%} outside [{LOW}, {HIGH}])"

    def histogram(self, bins: int = 20) -> pd.DataFrame:
        """Rows by propensity and arm: columns low, high, treated, untreated."""
        edges = np.linspace(0, 1, bins + 1)
        one, zero = (np.histogram(self.propensity[self.treated == arm], edges)[0] for arm in (1, 0))
        return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "treated": one, "untreated": zero})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Mirrored histogram: treated above the axis, untreated below; the poor zones shaded."""
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(6.4, 3.6), layout="constrained").subplots()
        bars, width = self.histogram(), 1 / 20
        ax.bar(bars["low"], bars["treated"], width, align="edge", label="treated")
        ax.bar(bars["low"], -bars["untreated"], width, align="edge", label="untreated")
        for zone in ((0, LOW), (HIGH, 1)):
            ax.axvspan(*zone, color="0.5", alpha=0.18, linewidth=0)
        ax.axhline(0, color="0.3", linewidth=0.8)
        ax.yaxis.set_major_formatter(lambda count, _: f"{abs(count):,.0f}")
        ax.set(xlim=(0, 1), xlabel=f"propensity P(treated = 1), {self.source}", ylabel="rows")
        ax.legend(loc="best")
        return ax


def overlap(
    decisions: pd.DataFrame, *, covariates: Sequence[str] = (), propensity: str | None = "propensity"
) -> Overlap:
    """Look at the chances of treatment in a decisions table.

    Parameters
    ----------
    decisions
        Columns treated and, unless `propensity` is None, the column it names.
    covariates
        Numeric columns for a logistic regression of the treatment, used where no propensity is stored. It then gives
        the chance given these columns alone.
    propensity
        Column of the stored P(treated = 1); None or absent: estimate.

    Returns
    -------
    `Overlap`.

    Raises
    ------
    ValueError
        If the treatment has a single class, a stored propensity lies outside (0, 1], a covariate is not there or not
        complete, or there is neither a stored propensity nor a covariate.

    Notes
    -----
    Rosenbaum and Rubin (1983), Biometrika 70, assumption of strong ignorability: 0 < e(x) < 1; Crump, Hotz, Imbens and
    Mitnik (2009), Biometrika 96, on trimming where it fails.
    """
    if "treated" not in decisions:
        raise ValueError(f"overlap: no column 'treated': {nearest('treated', decisions.columns)}")
    treated = decisions["treated"].to_numpy(dtype=np.int64)
    if np.unique(treated).size != 2:
        raise ValueError(
            f"overlap: column 'treated' has a single class, {treated[:1]} in all {len(treated):,} rows; "
            "without untreated rows nothing can be compared"
        )
    stored = propensity is not None and propensity in decisions
    e = _stored(decisions, str(propensity)) if stored else _estimated(decisions, treated, covariates)
    calibration, p_value = _calibration(e, treated)
    source = "stored" if stored else f"logistic regression on {', '.join(covariates)}"
    return Overlap(e, treated, source, _arms(e, treated), calibration, p_value if stored else float("nan"))


def _stored(decisions: pd.DataFrame, name: str) -> Floats:
    e = decisions[name].to_numpy(dtype=np.float64)
    bad = ~((e > 0) & (e <= 1))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"column {name!r} is outside (0, 1] in {int(bad.sum()):,} of {len(e):,} rows, first at row {row}: {e[row]}"
            "; propensities are probabilities, here P(treated = 1)"
        )
    return e


def _estimated(decisions: pd.DataFrame, treated: npt.NDArray[np.int64], covariates: Sequence[str]) -> Floats:
    if not covariates:
        raise ValueError("overlap: no stored propensity; name the covariates to estimate it from, covariates=[…]")
    if absent := [name for name in covariates if name not in decisions]:
        raise ValueError(f"overlap: no column {absent[0]!r}: {nearest(absent[0], decisions.columns)}")
    x = decisions[list(covariates)].to_numpy(dtype=np.float64)
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise ValueError(f"overlap: covariate {covariates[column]!r} is missing, first at row {row}; drop or impute")
    from sklearn.linear_model import LogisticRegression

    spread = x.std(axis=0)
    scaled = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    model = LogisticRegression(C=1e6, max_iter=1_000).fit(scaled, treated)
    return np.asarray(model.predict_proba(scaled)[:, 1], dtype=np.float64)


def _arms(e: Floats, treated: npt.NDArray[np.int64]) -> pd.DataFrame:
    chance = np.where(treated == 1, e, 1 - e)
    weights = 1 / np.maximum(chance, 1e-12)
    rows = {}
    for name, arm in (("treated", treated == 1), ("untreated", treated == 0)):
        w = weights[arm]
        n, effective = int(arm.sum()), effective_sample_size(w)
        rows[name] = {"rows": n, "effective": effective, "share": effective / n, "largest_weight": w.max() / w.sum()}
    return pd.DataFrame.from_dict(rows, orient="index")


def _calibration(e: Floats, treated: npt.NDArray[np.int64]) -> tuple[pd.DataFrame, float]:
    from scipy.stats import chi2

    place = pd.Series(e).rank(method="average").to_numpy()  # ties share a tenth: the order of the rows says nothing
    tenth = ((place - 1) * 10 // len(e)).astype(int)
    sums = pd.DataFrame({"e": e, "t": treated, "v": e * (1 - e), "rows": 1}).groupby(tenth).sum()
    sure = sums["v"] <= 0
    statistic = float((((sums["t"] - sums["e"]) ** 2 / sums["v"])[~sure]).sum())
    p_value = float(chi2.sf(statistic, int((~sure).sum()))) if (~sure).any() else float("nan")
    means: dict[str, Any] = {"rows": sums["rows"], "propensity": sums["e"] / sums["rows"]}
    return pd.DataFrame(means | {"treated": sums["t"] / sums["rows"]}).rename_axis("tenth"), p_value
