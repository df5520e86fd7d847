"""The sentences of a trust report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from causalrec_lab.causal.trust.report import TrustReport

__all__ = ["meaning", "sentence"]

_MEANING = {
    "holds": "its interval held the truth as often as it says, where nothing was hidden",
    "too short": "its interval held the truth less often than it says, though nothing was hidden",
    "biased": "it was off on average, though nothing was hidden",
    "no interval": "it gives no interval",
    "fails": "it could not be computed, on the log or on more than 5 % of the twins' logs",
}


def meaning(standing: str) -> str:
    """What a standing says."""
    return _MEANING[standing]


def sentence(report: TrustReport) -> str:
    """Which estimate to read first, how often such an interval was right, and what would overturn it."""
    if not report.estimates:
        return "No estimator could be computed on this log: " + "; ".join(
            f"{label}: {why}" for label, why in report.problems.items()
        )
    best, row = report.best, report.ranking.iloc[0]
    asked = report.question
    effect = f"{row['value']:.4g} [{row['low']:.4g}, {row['high']:.4g}]"
    said = [
        f"Read {best} first: the effect ({asked.estimand}) of {asked.treatment} on {asked.outcome} is {effect}.",
        _coverage(report, best),
    ]
    if row["standing"] != "holds":
        said.append(
            f"No estimator's interval held as often as it says, not even where nothing was hidden: {best} "
            f"is the least wrong ({meaning(str(row['standing']))})."
        )
    said.append(_overturned(report, best))
    return " ".join(said)


def _coverage(report: TrustReport, label: str) -> str:
    mine = report.measured.loc[label]
    parts = [
        f"{float(one['coverage']):.0%} "
        + ("where nothing was hidden" if strength == 0 else f"with a hidden trait of strength {strength:g}")
        for strength, one in mine.iterrows()
        if isinstance(strength, float)
    ]
    return (
        f"On platforms made to look like this log its {report.level:.0%} interval held the truth in {', '.join(parts)}."
    )


def _overturned(report: TrustReport, label: str) -> str:
    found, mine = report.estimates.get(label), report.measured.loc[label]
    if found is None:
        return ""
    hidden = [(float(s), float(one["bias"])) for s, one in mine.iterrows() if isinstance(s, float) and s > 0]
    turning = [s for s, bias in hidden if not np.isnan(bias) and (found.low <= bias <= found.high)]
    if found.low <= 0 <= found.high:
        return "Its interval holds 0: by itself the log does not tell whether there is an effect."
    if turning:
        return (
            f"A hidden trait of strength {turning[0]:g} alone would leave a bias that lies inside this interval: it "
            "could be all of the effect. Whether there is one, no log can say."
        )
    return "None of the strengths tried leaves a bias as large as this estimate; a stronger one could."
