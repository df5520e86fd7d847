"""Findings about exposure: overlap, concentration, positions, rounds, and what a decisions table leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.data.quality.exposure import ExposureBias
from causalrec_lab.data.quality.positivity import HIGH, LOW, Overlap, effective_sample_size
from causalrec_lab.data.quality.rules import Finding, found

__all__ = [
    "of_bots",
    "of_decisions",
    "of_exposure",
    "of_overlap",
    "of_positions",
    "of_rounds",
    "of_tables",
    "randomised",
]

_SURE = 1e-3
_FEW = 100
_REASONS = ("too_fast", "too_many", "never_sleeps", "too_regular", "one_track")


def of_tables(dataset: Dataset) -> Iterator[Finding]:
    """What the kinds of tables leave open."""
    if dataset.decisions is None and dataset.slates is None and dataset.events is not None:
        sentence = "there are events but no decisions: rows that were eligible and not shown are nowhere"
        yield from found("no untreated rows", 1, sentence)
    if dataset.decisions is not None and "treated" in dataset.decisions and (dataset.decisions["treated"] == 1).all():
        yield from found("no untreated rows", 1, f"each of the {len(dataset.decisions):,} decisions is treated")


def of_overlap(overlap: Overlap) -> Iterator[Finding]:
    """What the chances of treatment threaten."""
    if overlap.p_value < _SURE:
        gap = overlap.gap
        sentence = (
            f"the stored propensities are not the chances of treatment: off by {gap:.3f} "
            f"(calibration p = {overlap.p_value:.1g})"
        )
        yield from found("wrong propensities", gap, sentence)
    sentence = f"{overlap.outside:.0%} of propensities lie outside [{LOW}, {HIGH}]"
    yield from found("poor overlap", overlap.outside, sentence)
    share = float(overlap.arms["share"].min())
    sentence = f"weighting leaves {share:.0%} of the rows of the {overlap.arms['share'].idxmin()}"
    yield from found("few effective rows", 1 - share, sentence)


def of_exposure(exposure: ExposureBias) -> Iterator[Finding]:
    """What uneven exposure threatens."""
    top = float(exposure.popularity["share_of_exposures"].iloc[-1])
    sentence = f"exposure is concentrated: Gini {exposure.gini:.2f}; the most shown tenth of items has {top:.0%} of it"
    yield from found("concentrated exposure", exposure.gini, sentence)
    balance = exposure.balance["smd"].dropna()
    if len(balance):
        place = int(np.argmax(balance.abs().to_numpy()))
        name, worst = balance.index[place], float(balance.iloc[place])
        sentence = f"shown and unshown rows differ: {name} by {worst:+.2f} standard deviations"
        yield from found("arms differ", abs(worst), sentence)


def of_positions(curve: pd.DataFrame) -> Iterator[Finding]:
    """What the place on the page threatens, where the intervals of the best and the worst position lie apart."""
    rates = curve["rate"].to_numpy()
    best, worst = curve.iloc[int(np.argmax(rates))], curve.iloc[int(np.argmin(rates))]
    if len(curve) > 1 and best["low"] > worst["high"]:
        sentence = (
            f"the rate differs by position: {best['rate']:.2%} at {best.name}, {worst['rate']:.2%} at {worst.name}"
        )
        yield from found("position bias", 1 - worst["rate"] / best["rate"], sentence)


def of_rounds(slates: pd.DataFrame) -> Iterator[Finding]:
    """What the rounds of a bandit log threaten."""
    if "propensity" not in slates:
        yield from found("no propensity", 1, "no propensity is stored with the rounds")
    else:
        effective, rows = effective_sample_size(1 / slates["propensity"].to_numpy(dtype=np.float64)), len(slates)
        sentence = f"for a policy unlike the logging one the {rows:,} rounds count as {effective:,.0f} (uniform policy)"
        yield from found("few effective rounds", 1 - effective / rows, sentence)
    if "reward" in slates:
        positives = int((slates["reward"] > 0).sum())
        yield from found("few outcomes", _FEW / max(positives, 1), f"only {positives} rounds have a reward")


def of_bots(users: pd.DataFrame) -> Iterator[Finding]:
    """What users who behave like programs threaten."""
    flagged = users["bot"].to_numpy(dtype=bool)
    rows, share = int(users["events"][flagged].sum()), float(users["events"][flagged].sum() / users["events"].sum())
    if flagged.any():
        reasons = [name for name in _REASONS if name in users and users[name][flagged].any()]
        many = int(flagged.sum())
        who = f"{many:,} {'user behaves like a program' if many == 1 else 'users behave like programs'}"
        who = f"{who} ({', '.join(reasons)})"
        yield from found("bots", share, f"{who}: {rows:,} events, {share:.1%} of all")


def of_decisions(decisions: pd.DataFrame, outcome: str | None) -> Iterator[Finding]:
    """What the rows of a decisions table threaten, beyond overlap."""
    if "propensity" not in decisions:
        yield from found("no propensity", 1, "no propensity is stored")
    repeated = len(decisions) / decisions["user_id"].nunique() if "user_id" in decisions else 1.0
    yield from found("rows of one user", repeated, f"a user has {repeated:.1f} rows on average")
    if outcome is not None and _binary(decisions[outcome]):
        rare = decisions.groupby("treated")[outcome].sum().min()
        sentence = f"an arm has only {rare:.0f} row{'' if rare == 1 else 's'} with {outcome} = 1"
        yield from found("few outcomes", _FEW / max(rare, 1), sentence)
    if not randomised(decisions):
        yield from found("unseen causes", 1, "whether an unlogged cause moved both exposure and outcome cannot be seen")


def randomised(decisions: pd.DataFrame) -> bool:
    """Whether every decision had the same stored chance: an experiment, as far as the log says."""
    return "propensity" in decisions and bool(np.ptp(decisions["propensity"].to_numpy(dtype=np.float64)) < 1e-9)


def _binary(column: pd.Series[Any]) -> bool:
    return bool(column.dropna().isin([0, 1]).all())
