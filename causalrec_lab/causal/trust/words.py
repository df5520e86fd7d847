"""The sentences of a trust report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from causalrec_lab.causal.trust.report import TrustReport

__all__ = ["alike", "meaning", "number", "sentence", "sentences"]

_MEANING = {
    "holds": "it was not seen to hold the truth less often than it says, where nothing was hidden",
    "undecided": "too few logs were drawn to tell whether its interval holds",
    "too short": "its interval held the truth less often than it says, though nothing was hidden",
    "biased": "it was off on average, though nothing was hidden",
    "no interval": "it gives no interval",
    "fails": "it could not be computed, on the log or on more than 5 % of the twins' logs",
}


def meaning(standing: str) -> str:
    """What a standing says."""
    return _MEANING[standing]


def number(value: float, digits: int = 4) -> str:
    """A number as people write it: thousands with commas, no powers of ten before a thousand million."""
    return f"{value:,.0f}" if 1_000 <= abs(value) < 1e9 else f"{value:.{digits}g}"


def sentence(report: TrustReport) -> str:
    """Which estimate to read first, how often such an interval was right, and what would overturn it."""
    return " ".join(sentences(report))


def sentences(report: TrustReport) -> list[str]:
    """What `sentence` says, the answer first, then one thought each."""
    if not report.estimates:
        why = "; ".join(f"{label}: {why}" for label, why in report.problems.items())
        return [f"No estimator could be computed on this log: {why}"]
    best, row = report.best, report.ranking.iloc[0]
    asked = report.question
    effect = f"{number(row['value'])} [{number(row['low'])}, {number(row['high'])}]"
    first = (
        f"Read {best} first: the effect ({asked.estimand}) of {asked.treatment} on {asked.outcome} is {effect}, if "
        "nothing but the columns it reads moves both."
    )
    said = [
        first,
        _coverage(report, best),
        _standing(report, best, str(row["standing"])),
        _ties(report),
        alike(report) if report.unlike else "",
        _overturned(report, best),
    ]
    if report.problems:
        failed = f"{len(report.problems)} of {len(report.ranking)} estimators could not be computed on this log: "
        said.insert(2, failed + ", ".join(report.problems) + ".")
    return [one for one in said if one]


def alike(report: TrustReport) -> str:
    """How like the log its twins are, and in what they are not."""
    matched = report.likeness.table["matched"]
    met, missed = int((matched == "yes").sum()), len(report.unlike.get(report.twins[0].strength, ()))
    said = (
        f"{met} of the {met + missed} statistics that were to be matched are within tolerance where nothing is hidden"
    )
    if not report.unlike:
        return f"{said}, and all where something is." if len(report.twins) > 1 else f"{said}."
    where = "; ".join(f"{', '.join(names)}, {_where(strength)}" for strength, names in report.unlike.items())
    return (
        f"Warning: the platforms are not like this log in all that was to be matched ({where}): what was measured "
        "on them counts for less."
    )


def _where(strength: float) -> str:
    return "where nothing is hidden" if strength == 0 else f"with a hidden trait of strength {strength:g}"


def _standing(report: TrustReport, best: str, standing: str) -> str:
    if standing == "undecided":
        return (
            f"{report.replications} logs a platform are too few to tell whether that is as often as it says; draw more."
        )
    if standing == "holds":
        return ""
    return (
        f"No estimator's interval was right as often as it says, not even where nothing was hidden: {best} is the "
        f"least wrong ({meaning(standing)})."
    )


def _coverage(report: TrustReport, label: str) -> str:
    mine = report.measured.loc[label]
    if mine["coverage"].isna().all():
        return "On platforms made to look like this log it gave no interval."
    parts = [
        f"{float(one['coverage']):.0%} "
        + ("where nothing was hidden" if strength == 0 else f"with a hidden trait of strength {strength:g}")
        for strength, one in mine.iterrows()
        if isinstance(strength, float)
    ]
    return (
        f"On platforms made to look like this log its {report.level:.0%} interval held the truth in {', '.join(parts)} "
        f"({report.replications} logs of {report.rows:,} rows each)."
    )


def _ties(report: TrustReport) -> str:
    """Who cannot be told from the first: a root mean squared error of n runs is known to one part in sqrt(2 n)."""
    table = report.ranking[report.ranking["standing"].isin(["holds", "undecided"])]
    if len(table) < 2 or report.best not in table.index:
        return ""
    sure = 1 + 2 / (2 * report.replications * len(report.twins)) ** 0.5
    close = table.index[(table["rmse"] <= sure * table["rmse"].iloc[0]) & (table.index != report.best)]
    return f"So few logs do not tell its error from that of {', '.join(map(str, close))}." if len(close) else ""


def _overturned(report: TrustReport, label: str) -> str:
    found, mine = report.estimates.get(label), report.measured.loc[label]
    if found is None:
        return ""
    if found.low <= 0 <= found.high:
        return "Its interval holds 0: by itself the log does not tell whether there is an effect."
    nearest, clear = min(abs(found.low), abs(found.high)), float(mine["bias"].iloc[0])
    hidden = [(float(s), abs(float(one["bias"]) - clear)) for s, one in mine.iterrows() if isinstance(s, float) and s]
    if not hidden:
        return "What a hidden trait would do was not tried."
    turning = [s for s, moved in hidden if not np.isnan(moved) and moved >= nearest]
    if turning:
        return (
            f"A hidden trait of strength {turning[0]:g} moves such an estimate as far as this interval lies from 0: it "
            "could be all of the effect. Whether there is one, no log can say."
        )
    tried = ", ".join(f"{s:g}" for s, _ in hidden)
    most = number(float(np.nanmax([0.0, *(moved for _, moved in hidden)])), 3)
    return (
        f"Hidden traits of strength {tried} were tried: they moved such an estimate by {most} at most, and this "
        f"interval lies {number(nearest, 3)} from 0. That clears nothing else: a stronger trait, one of another kind "
        "than these platforms have, or a column that the treatment itself moved was not tried."
    )
