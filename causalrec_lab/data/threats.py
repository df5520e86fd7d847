"""Findings about a log: what is wrong, which estimates it threatens, why, and what to do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass

import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.data.exposure import ExposureBias
from causalrec_lab.data.positivity import HIGH, LOW, Overlap

__all__ = ["Finding", "ranked"]

SEVERITIES = ("high", "medium", "low")
_FEW_POSITIVES = 100
_TEXT_WANTED = 0.95
_OF_SOME_EVENTS = ("value", "position", "propensity", "treated")  # a view has no price, a purchase no position


@dataclass(frozen=True)
class Finding:
    """One finding: how grave, what, which estimates it threatens and why, the way out."""

    severity: str
    finding: str
    threatens: str
    what_to_do: str


def ranked(findings: Iterable[Finding]) -> pd.DataFrame:
    """Findings as a table, the gravest first, in the order they were made within a grade."""
    ordered = sorted(findings, key=lambda one: SEVERITIES.index(one.severity))
    return pd.DataFrame([astuple(one) for one in ordered], columns=["severity", "finding", "threatens", "what_to_do"])


def of_tables(dataset: Dataset, duplicates: pd.DataFrame, missing: pd.DataFrame) -> Iterator[Finding]:
    """What the tables lack."""
    if dataset.decisions is None and dataset.events is not None:
        yield Finding(
            "high",
            "there are events but no decisions: rows that were eligible and not shown are nowhere",
            "every treatment effect: without untreated rows there is nothing to compare with",
            "log eligible decisions, or build them with data.decisions(events, eligible); for rankings, go on",
        )
    for row in duplicates[duplicates["rows"] > 0].itertuples():
        yield Finding(
            "medium",
            f"{row.table}: {row.rows:,} rows repeat a key ({row.key})",
            "every count and every interval: a row that stands twice is counted twice",
            f"data.clean({row.table}, {row.table!r}) keeps the first of each",
        )
    whole = ~((missing["table"] == "events") & missing["column"].isin(_OF_SOME_EVENTS))
    for row in missing[whole & (missing["share"] > 0.05)].itertuples():
        yield Finding(
            "medium",
            f"{row.table}.{row.column}: {row.share:.0%} missing",
            "estimates that adjust for it: dropping rows changes the population, filling in assumes a reason",
            "compare treated shares where it is missing and where not; add an indicator, or leave the column out",
        )


def of_overlap(overlap: Overlap) -> Iterator[Finding]:
    """What the chances of treatment threaten."""
    if overlap.p_value < 0.01:
        yield Finding(
            "high",
            f"the stored propensities are not the chances of treatment (calibration p = {overlap.p_value:.1g})",
            "IPW, and OPE: their weights are wrong; AIPW then rests on the outcome model alone",
            "ask how they were stored (before or after filtering?), or estimate them from what the rule looked at",
        )
    share = float(overlap.arms["share"].min())
    if overlap.outside > 0.05 or share < 0.25:
        severity = "high" if overlap.outside > 0.25 or share < 0.1 else "medium"
        yield Finding(
            severity,
            f"{overlap.outside:.0%} of propensities lie outside [{LOW}, {HIGH}]; weighting leaves {share:.0%} of the "
            f"rows of the {overlap.arms['share'].idxmin()}",
            "IPW and AIPW (variance), outcome regression and DML (extrapolation there)",
            "ask for the overlap-weighted effect (estimand ATO) or trim, and say which rows are no longer spoken for",
        )


def of_exposure(exposure: ExposureBias) -> Iterator[Finding]:
    """What uneven exposure threatens."""
    if exposure.gini > 0.5:
        top = float(exposure.popularity["share_of_exposures"].iloc[-1])
        yield Finding(
            "medium" if exposure.gini > 0.7 else "low",
            f"exposure is concentrated: Gini {exposure.gini:.2f}; the most shown tenth of items has {top:.0%} of it",
            "ranking metrics (popular items win by being there), effects of rarely shown items (few rows)",
            "show a popularity baseline beside every model; report the tail by itself; weight by 1 / exposure",
        )
    balance = exposure.balance["smd"].dropna()
    worst = balance.abs().idxmax() if len(balance) else None
    if worst is not None and abs(balance[str(worst)]) > 0.25:
        yield Finding(
            "medium",
            f"shown and unshown rows differ: {worst} by {balance[str(worst)]:+.2f} standard deviations",
            "the naive difference (confounding), outcome regression (leans on its functional form)",
            "adjust, prefer AIPW or DML to plain regression, and look at the overlap",
        )


def of_positions(curve: pd.DataFrame) -> Iterator[Finding]:
    """What the place on the page threatens."""
    first, last = curve.iloc[0], curve.iloc[-1]
    if len(curve) > 1 and (first["low"] > last["high"] or last["low"] > first["high"]):
        yield Finding(
            "medium",
            f"the rate differs by position: {first['rate']:.2%} at {curve.index[0]}, {last['rate']:.2%} at "
            f"{curve.index[-1]}",
            "comparisons of items and policies that were shown at different positions",
            "compare within positions, or use propensities of item and position together",
        )


def of_rounds(effective: float, rows: int, positives: int) -> Iterator[Finding]:
    """What the rounds of a bandit log threaten; `effective` is the sample size when a uniform policy is evaluated."""
    if effective < 0.25 * rows:
        yield Finding(
            "high" if effective < 0.05 * rows else "medium",
            f"for a policy unlike the logging one the {rows:,} rounds count as {effective:,.0f} (uniform policy)",
            "IPS and DR values: a few rounds carry the weight",
            "compare SNIPS, clipped IPS and DR with their intervals; evaluate policies near the logging one",
        )
    if positives < _FEW_POSITIVES:
        yield Finding(
            "medium",
            f"only {positives} rounds have a reward",
            "every value: intervals by the normal law are rough with so few",
            "give intervals always, rank nothing on point values",
        )


def of_decisions(decisions: pd.DataFrame, outcome: str | None) -> Iterator[Finding]:
    """What the rows of a decisions table threaten, beyond overlap."""
    if "propensity" not in decisions:
        yield Finding(
            "medium",
            "no propensity is stored",
            "IPW and OPE: chances of treatment must be estimated, from columns that may not be all the rule looked at",
            "log the propensity with every decision; until then estimate it and report the overlap",
        )
    repeated = len(decisions) / decisions["user_id"].nunique() if "user_id" in decisions else 1.0
    if repeated > 1.05:
        yield Finding(
            "medium",
            f"a user has {repeated:.1f} rows on average",
            "intervals: rows of one user are alike; where users stand for others, plain standard errors are too small",
            "pass cluster='user_id' to the estimator, unless rows were drawn independently from the users you speak of",
        )
    if outcome is not None and decisions[outcome].isin([0, 1]).all():
        rare = decisions.groupby("treated")[outcome].sum().min()
        if rare < _FEW_POSITIVES:
            yield Finding(
                "medium",
                f"an arm has only {rare:.0f} rows with {outcome} = 1",
                "every estimate of its effect: intervals by the normal law are rough with so few",
                "take an earlier stage of the funnel as outcome, or more rows",
            )
    yield Finding(
        "low",
        "a cause of both exposure and outcome that no column holds cannot be seen in any table of this report",
        "every estimate that adjusts for observed columns",
        "draw the graph of what the exposure rule looked at; bound the rest by a sensitivity analysis",
    )


def of_text(text: pd.DataFrame) -> Iterator[Finding]:
    """What missing text threatens."""
    for row in text.itertuples():
        covered = float(str(row.covered))
        if not math.isnan(covered) and covered < _TEXT_WANTED:
            yield Finding(
                "low",
                f"{row.table}.{row.column}: {1 - covered:.0%} of the rows have no text",
                "adjustment by text, cold start: these rows have no embedding",
                "say how many there are; give them their own indicator instead of the embedding of an empty string",
            )
