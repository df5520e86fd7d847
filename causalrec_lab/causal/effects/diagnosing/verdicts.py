"""What a careful statistician would say about an estimate, in one breath."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from causalrec_lab.estimate import Estimate

__all__ = ["judgement", "verdict"]

_UNSEEN = "a hidden confounder would not show in any diagnostic"
_BLIND = {  # a diagnostic that tells the design, and what that design cannot see
    "first_stage_f": "an instrument that reaches the outcome by another way, or shares a cause with it, would not show",
    "pretrend_p": "trends that part only once treatment begins would not show in any diagnostic",
    "negative_weight_sum": "trends that part only once treatment begins would not show in any diagnostic",
    "max_density_ratio": "an effect that goes past the mediators, or a hidden cause of theirs, would not show",
}
_BARE = "nothing is adjusted for"
_HOPELESS = {  # a diagnostic, the words of its warning, and the value above which it is beyond care
    "share_extreme": ("overlap is poor", 0.5),
    "max_weight_share": ("of its arm's weight", 0.25),
    "largest_influence_share": ("of the estimate's variance", 0.5),
    "pareto_k": ("a heavy tail", 1.0),
}


def verdict(estimate: Estimate) -> str:
    """Say what was found, whether the diagnostics let it stand, and what they cannot see.

    It reads the estimate's diagnostics, notes and assumptions; it knows nothing else.

    Parameters
    ----------
    estimate
        From any of `effects.*` (or any `Estimate`).
    """
    kind = estimate.estimand or "effect"
    found = f"By {estimate.method or 'this estimate'} the {kind} is {estimate.value:.3g}"
    if not math.isnan(estimate.std_error):
        side = "which excludes 0" if not estimate.covers(0.0) else "which holds 0: its sign is not settled"
        found += f" [{estimate.low:.3g}, {estimate.high:.3g}], {side}"
    told = judgement(estimate.diagnostics, estimate.notes)
    assumed = "; ".join(estimate.assumptions)
    rests = f" It rests on what no diagnostic shows: {assumed}." if assumed else ""
    return f"{found}. {told[0].upper()}{told[1:]}.{rests}"


def judgement(diagnostics: Mapping[str, float], notes: tuple[str, ...]) -> str:
    """The half of the verdict that the diagnostics carry: no alarm, with care, or not to be relied on.

    A warning that is beyond care leads; a diagnostic about which nobody warned condemns nothing (a propensity near 0
    does not hurt an effect where there is overlap), and one that is no good is not told as good.
    """
    alarms = [note.removeprefix("warning: ").split(";")[0] for note in notes if note.startswith("warning")]
    facts = ", ".join(
        say(diagnostics[name])
        for name, say in _FACTS.items()
        if _known(diagnostics, name) and diagnostics[name] <= _GOOD.get(name, math.inf)
    )
    hopeless = [
        alarm
        for alarm in alarms
        for name, (words, limit) in _HOPELESS.items()
        if words in alarm and _known(diagnostics, name) and diagnostics[name] > limit
    ]
    unseen = next((words for name, words in _BLIND.items() if name in diagnostics), _UNSEEN)
    bare = any(note.startswith(_BARE) for note in notes)
    if not alarms and bare:
        return f"nothing was adjusted for, so nothing says that the arms can be compared; {unseen}"
    if not alarms:
        return f"no alarm: {facts}; {unseen}" if facts else f"nothing was diagnosed; {unseen}"
    several = f" (and {len(alarms) - 1} more)" if len(alarms) > 1 else ""
    first = f"not to be relied on: {hopeless[0]}" if hopeless else f"read with care: {alarms[0]}"
    return f"{first}{several}; {'nothing was adjusted for; ' if bare else ''}{unseen}"


_GOOD = {"share_extreme": 0.1, "max_smd_after": 0.1, "negative_weight_sum": 0.0}
_FACTS: dict[str, Callable[[float], str]] = {
    "share_extreme": lambda v: f"{1 - v:.0%} of propensities lie inside [0.05, 0.95]",
    "effective_sample_size": lambda v: f"effective sample size {v:,.0f}",
    "max_smd_after": lambda v: f"no covariate differs by more than {v:.2f} standard deviations after weighting",
    "first_stage_f": lambda v: f"first-stage F {v:.0f}",
    "pretrend_p": lambda v: f"no trend before treatment is seen (p = {v:.2g})",
    "negative_weight_sum": lambda _: "no cohort and period enters with a minus",
    "largest_influence_share": lambda v: f"no single unit makes more than {v:.1%} of the variance",
}


def _known(diagnostics: Mapping[str, float], name: str) -> bool:
    return name in diagnostics and not math.isnan(diagnostics[name])
