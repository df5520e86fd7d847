"""Are these the propensities of the policy that wrote the log? A table, a picture and plain words."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.ope.inverse_sums import inverse_sums
from causalrec_lab.intervention.ope.propensities import all_probabilities, logged_propensities
from causalrec_lab.policy import BanditLog, Policy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PropensityCheck", "check_propensities"]

Floats = npt.NDArray[np.float64]
_ALARM = 1e-3


@dataclass(frozen=True)
class PropensityCheck:
    """What a log says of its own propensities.

    Parameters
    ----------
    table
        Indexed by action: rounds, share, inverse_mean (1 where propensities are right and the action was always on
        offer), std_error, z, alarm; with the logging policy known also offered, expected_share and share_z.
    calibration
        With the logging policy known: ten bins of its probabilities over all rounds and actions, with how often such
        an action was taken (expected, realised, std_error); else empty.
    log_score_z
        Standard errors by which the logged propensities foretell the choices better than the actions' own shares; far
        below 0 they are not those of the logging policy, since no forecast beats the true chances on average.
    notes
        What is wrong, and what may be.
    """

    table: pd.DataFrame
    calibration: pd.DataFrame
    log_score_z: float
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against them."""
        return not self.notes

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the mean inverse of each action with its 95 % interval; right propensities lie on the dashed line."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 2.8))
        places, wrong = np.arange(len(self.table)), self.table["alarm"].to_numpy()
        for rows, colour, label in ((~wrong, "C0", "fits"), (wrong, "C3", "does not fit")):
            if rows.any():
                ax.errorbar(places[rows], self.table["inverse_mean"].to_numpy()[rows], fmt="o", color=colour, ms=4,
                            yerr=1.96 * self.table["std_error"].to_numpy()[rows], label=label)  # fmt: skip
        ax.axhline(1, linestyle="--", color="0.35", label="right, always on offer")
        ax.set(xlabel="action", ylabel="mean of 1 / propensity")
        ax.legend()
        return ax

    def _repr_html_(self) -> str:
        """The words, then the table."""
        said = "; ".join(self.notes) or "nothing speaks against these propensities"
        return f"<p>{html.escape(said)}</p>{self.table.to_html(float_format=lambda value: f'{value:.4g}')}"


def check_propensities(
    log: BanditLog, *, propensity: npt.NDArray[Any] | None = None, logging: Policy | npt.NDArray[Any] | None = None
) -> PropensityCheck:
    r"""Hold propensities against what was logged.

    By action, the mean of :math:`1\{a_i = a\}/p_i` is the share of rounds in which it was on offer; over all rounds,
    the mean of :math:`\log p_i` is at least that of any other forecast (Gibbs' inequality), such as each action's own
    share. With the logging policy known, shares and calibration join.

    Parameters
    ----------
    log
        Rounds.
    propensity
        (n,) values to check in place of the log's.
    logging
        The logging policy, or its (n, actions) probabilities.

    Raises
    ------
    ValueError
        If there are no propensities, or one is outside (0, 1].
    """
    every = None if logging is None else all_probabilities(logging, log.contexts, log.n_actions)
    p, words = logged_propensities(log, propensity, every)
    sums = inverse_sums(log, p, every)
    table = pd.DataFrame(
        {"rounds": sums.rounds, "share": sums.rounds / len(log), "inverse_mean": sums.mean,
         "std_error": sums.std_error, "z": sums.z, "alarm": sums.alarms},
        index=pd.RangeIndex(log.n_actions, name="action"),
    )  # fmt: skip
    calibration, score = pd.DataFrame(), _log_score(log, p, sums.rounds)
    if every is not None:
        table = table.assign(offered=sums.offered, **_shares(table, every))
        calibration = _calibration(log, every)
    return PropensityCheck(table, calibration, score, (*words, *_notes(table, score)))


def _log_score(log: BanditLog, p: Floats, rounds: npt.NDArray[np.int64]) -> float:
    """Mean, in standard errors, of the log ratio of p and the shares of the other rounds."""
    shares = rounds[log.action] / (len(log) - 1 + log.n_actions)  # one taken off for the round itself, one put to each
    gain = np.log(p) - np.log(shares)
    spread = float(gain.std())
    return float(gain.mean()) / (spread / math.sqrt(len(log))) if spread > 0 else float(np.sign(gain.mean())) * 100.0


def _shares(table: pd.DataFrame, every: npt.NDArray[Any]) -> dict[str, Floats]:
    expected = every.mean(axis=0, dtype=np.float64)
    spread = np.sqrt((expected - np.einsum("ij,ij->j", every, every) / len(every)) / len(every))
    missed = table["share"].to_numpy() - expected
    return {
        "expected_share": expected,
        "share_z": np.divide(missed, spread, out=np.zeros_like(missed), where=spread > 0),
    }


def _calibration(log: BanditLog, every: npt.NDArray[Any]) -> pd.DataFrame:
    """Ten bins with equal numbers of expected choices."""
    flat = every.ravel()
    taken = np.zeros(every.shape, dtype=bool)
    taken[np.arange(len(log)), log.action] = True
    order = np.argsort(flat, kind="stable")
    mass = np.cumsum(flat[order], dtype=np.float64)
    bins = np.minimum((10 * mass / mass[-1]).astype(np.int64), 9)
    counts = np.bincount(bins, minlength=10)
    expected = np.bincount(bins, weights=flat[order], minlength=10)
    realised = np.bincount(bins, weights=taken.ravel()[order], minlength=10)
    spread = np.sqrt(np.bincount(bins, weights=(flat * (1 - flat))[order], minlength=10))
    table = pd.DataFrame({"pairs": counts, "expected": expected, "realised": realised, "std_error": spread})
    return table[table["pairs"] > 0].assign(
        **{name: lambda t, name=name: t[name] / t["pairs"] for name in ("expected", "realised", "std_error")}
    )


def _notes(table: pd.DataFrame, score: float) -> list[str]:
    limit, notes = NormalDist().inv_cdf(1 - _ALARM / (2 * len(table))), []
    if table["alarm"].any():
        worst = int(np.argmax(np.where(table["alarm"], table["z"].abs(), -1.0)))
        notes.append(
            f"warning: the propensities of {int(table['alarm'].sum())} actions do not fit how often they were logged; "
            f"those of action {worst} average 1/p = {table['inverse_mean'].iloc[worst]:.3g}"
        )
    low = table["z"] < -limit
    if "offered" not in table and low.any():
        notes.append(
            f"warning: {int(low.sum())} actions (first {low.idxmax()}) were logged less often than their propensities "
            "say; they were not on offer in every round, or their propensities are too large: pass logging= to tell"
        )
    if score < -4:
        notes.append(
            f"warning: the actions' own shares foretell the choices better than the propensities do ({score:.1f} "
            "standard errors); they are not those of the logging policy"
        )
    if "share_z" in table and (far := table["share_z"].abs() > limit).any():
        worst = int(table["share_z"].abs().argmax())
        share, wanted = table["share"].iloc[worst], table["expected_share"].iloc[worst]
        notes.append(
            f"warning: {int(far.sum())} actions were not logged as often as logging= takes them; action {worst} in "
            f"{share:.3g} of the rounds where {wanted:.3g} is expected"
        )
    return notes
