"""What a log can answer, what it can under assumptions, and what it cannot, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.data.quality.rules import Finding
from causalrec_lab.data.quality.threats import randomised

__all__ = ["YES", "answers"]

YES, PERHAPS, NO = "yes", "with assumptions", "no"
Answer = tuple[str, str]
_OVERLAPPING = "only for the rows that could have gone either way (estimand ATO, or trimmed)"
_PARTS = {  # faults that leave a smaller question open
    "poor overlap": _OVERLAPPING,
    "few effective rows": _OVERLAPPING,
    "self-selection": "on the randomised rows only: the chosen ones are another population",
    "few effective rounds": "only for policies near the logging one: for others a few rounds carry the weight",
}


def answers(dataset: Dataset, findings: Iterable[Finding]) -> pd.DataFrame:
    """Say which questions a log can answer.

    The kind of table decides first (an effect needs untreated rows, another policy's value needs propensities); then a
    finding graded "high" that concerns the question turns its answer into "no", until it is repaired.

    Returns
    -------
    DataFrame indexed by question: answer ("yes", "with assumptions", "no") and because.
    """
    grave = [one for one in findings if one.severity == "high"]
    rows = {
        "effect of showing": _unless(grave, "effects", _effect(dataset)),
        "effect for some users or items": _unless(grave, "effects", _subgroups(dataset)),
        "value of another policy": _unless(grave, "policies", _policies(dataset)),
        "which model ranks better": _unless(grave, "rankings", _rankings(dataset)),
        "mean rating or rate of the catalogue": _unless(grave, "levels", _levels(dataset)),
        "effect of the position": _positions(dataset),
        "what an A/B test found": _experiment(dataset),
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["answer", "because"]).rename_axis("question")


def _unless(grave: Sequence[Finding], kind: str, answer: Answer) -> Answer:
    """Turn an answer down by what is grave: to a part of the question where some rows still speak, else to "no"."""
    faults = [one.rule.check for one in grave if kind in one.rule.concerns and one.rule.check != "no untreated rows"]
    if answer[0] == NO or not faults:
        return answer
    if set(faults) <= set(_PARTS):
        return PERHAPS, "; ".join(dict.fromkeys(_PARTS[one] for one in faults))
    return NO, f"not before this is repaired: {', '.join(dict.fromkeys(faults))}"


def _effect(dataset: Dataset) -> Answer:
    decisions = dataset.decisions
    if decisions is None or "treated" not in decisions:
        has = "only what was shown is in it" if dataset.slates is not None else "only what happened is in it"
        return NO, f"{has}: there are no untreated rows to compare with"
    if decisions["treated"].nunique() < 2:
        return NO, "all rows are of one arm"
    if randomised(decisions):
        return YES, "every decision had the same chance to be shown: compare the means"
    if "assumptions" in decisions.attrs:
        return PERHAPS, "if what data.decisions assumed holds (data.assumptions lists it), and no cause is unlogged"
    if "propensity" in decisions:
        return PERHAPS, "if the stored propensities are the whole rule: nothing else moves exposure and outcome"
    return PERHAPS, "if the columns hold every cause of both exposure and outcome; no chance of treatment was stored"


def _subgroups(dataset: Dataset) -> Answer:
    answer, because = _effect(dataset)
    known = dataset.users is not None or dataset.items is not None or _features(dataset.decisions)
    if answer != NO and not known:
        return NO, "no column says who the users or what the items are"
    return answer, because


def _features(table: pd.DataFrame | None) -> bool:
    ids = {"user_id", "item_id", "timestamp", "treated", "propensity"}
    return table is not None and bool(set(table) - ids)


def _policies(dataset: Dataset) -> Answer:
    slates, decisions = dataset.slates, dataset.decisions
    if slates is not None and "propensity" in slates:
        return YES, "the propensity of what was shown is stored: OPE, for policies that show what was shown at times"
    if decisions is not None and "propensity" in decisions:
        return PERHAPS, "for rules of whom to show what, if the stored propensities are the whole rule"
    if slates is not None or decisions is not None:
        return PERHAPS, "if the logging policy can be estimated from the columns; none was stored"
    events = dataset.events
    if events is not None and "randomised" in events and (events["randomised"] == 1).any():
        return PERHAPS, "from the randomised rows alone, if items were drawn with equal chance"
    return NO, "neither a propensity nor what else could have been shown is stored"


def _rankings(dataset: Dataset) -> Answer:
    events = dataset.events
    if events is not None and "randomised" in events and (events["randomised"] == 1).any():
        return YES, "on the randomised rows: what is held out there was not chosen by a recommender or a user"
    if events is None and dataset.slates is None and dataset.decisions is None:
        return NO, "there are no events"
    tables = (events, dataset.decisions, dataset.slates)
    if all(table is None or "user_id" not in table for table in tables):
        return NO, "rows do not say which user they belong to"
    return (
        PERHAPS,
        "held-out events favour what was shown: popular items win by being there; debias, and show popularity",
    )


def _levels(dataset: Dataset) -> Answer:
    events = dataset.events
    if events is not None and "randomised" in events:
        if (events["randomised"] == 1).any():
            return YES, "from the randomised rows, item by item"
        return NO, "all rows were chosen"
    if dataset.decisions is not None:
        return PERHAPS, "of what was eligible, if eligible rows are complete"
    if dataset.slates is not None:
        return PERHAPS, "of what was shown; by 1 / propensity, of the catalogue"
    return NO, "people rate and watch what they like: what they did not choose is not in it"


def _positions(dataset: Dataset) -> Answer:
    for table in (dataset.slates, dataset.decisions, dataset.events):
        if table is not None and "position" in table and len(table["position"].dropna().unique()) > 1:
            return PERHAPS, "if items were put into positions at random, or by a rule whose propensities are stored"
    return NO, "no position is stored"


def _experiment(dataset: Dataset) -> Answer:
    for table in (dataset.decisions, dataset.events, dataset.slates):
        arm = None if table is None else next((c for c in ("arm", "variant", "group") if c in table), None)
        if table is not None and arm is not None and len(table[arm].dropna().unique()) > 1:
            return PERHAPS, f"if {arm!r} was drawn at random at the same time; look at the sample ratio first"
    decisions = dataset.decisions
    if decisions is not None and "treated" in decisions and randomised(decisions):
        share = float(np.mean(decisions["treated"]))
        return YES, f"treated was drawn at random ({share:.0%} of the rows)"
    return NO, "no arm is logged; the log can plan one (base rate, variance, rows a day)"
