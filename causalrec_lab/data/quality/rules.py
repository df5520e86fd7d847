"""The rules by which a finding is graded: what is measured, from which size it matters, what it threatens and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import pandas as pd

__all__ = ["KINDS", "RULES", "SEVERITIES", "Finding", "Rule", "found", "quality_rules", "ranked"]

#: high: an estimate it names is wrong, or not identified, as the log stands. medium: right only with the care it names,
#: or from far fewer rows than it looks. low: nothing to repair, but it belongs beside the number.
SEVERITIES = ("high", "medium", "low")
#: What a log is asked for: effects of showing, values of other policies, rankings of models, level of a rating or rate.
KINDS = ("effects", "policies", "rankings", "levels")


@dataclass(frozen=True)
class Rule:
    """How one fault is graded.

    Parameters
    ----------
    check
        Name of the fault.
    measure
        What its size is.
    sizes
        Smallest size that is low, medium and high; infinite: never that grave.
    concerns
        Which of `KINDS` it threatens.
    threatens, why, what_to_do
        The estimators, the reason and the way out, in words.
    """

    check: str
    measure: str
    sizes: tuple[float, float, float]
    concerns: tuple[str, ...]
    threatens: str
    why: str
    what_to_do: str

    def severity(self, size: float) -> str | None:
        """Give "high", "medium" or "low"; None where the size is below every one of the rule's."""
        for name, limit in zip(SEVERITIES, reversed(self.sizes), strict=True):
            if size >= limit:
                return name
        return None


@dataclass(frozen=True)
class Finding:
    """One finding: how grave by its rule, what was seen, what that threatens."""

    severity: str
    finding: str
    rule: Rule
    size: float

    @property
    def rank(self) -> tuple[int, int, float]:
        """Gravest first; then what threatens more kinds of question; then what is larger by its own rule."""
        limits = [limit for limit in self.rule.sizes if 0 < limit < inf]
        return SEVERITIES.index(self.severity), -len(self.rule.concerns), -self.size / (limits or [1.0])[-1]


def found(check: str, size: float, sentence: str) -> Iterator[Finding]:
    """Give the finding if the size reaches a grade of the rule of that name, else nothing."""
    rule = RULES[check]
    severity = rule.severity(size)
    if severity is not None:
        yield Finding(severity, sentence, rule, float(size))


def ranked(findings: list[Finding]) -> pd.DataFrame:
    """Findings as a table: severity, check, finding, threatens, why, what_to_do, size, concerns; the gravest first."""
    columns = ["severity", "check", "finding", "threatens", "why", "what_to_do", "size", "concerns"]
    rows = [
        (f.severity, r.check, f.finding, r.threatens, r.why, r.what_to_do, f.size, r.concerns)
        for f in sorted(findings, key=lambda one: one.rank)
        for r in (f.rule,)
    ]
    return pd.DataFrame(rows, columns=columns)


def quality_rules() -> pd.DataFrame:
    """Give the rules of the quality report: one row a check.

    Returns
    -------
    DataFrame indexed by check: measure, low, medium, high (the smallest size of that grade; infinite: never), concerns,
    threatens, why, what_to_do. Grades that rest on a test ask for its p-value first, as the measure says.
    """
    rows = {
        rule.check: {"measure": rule.measure}
        | dict(zip(reversed(SEVERITIES), rule.sizes, strict=True))
        | {"concerns": ", ".join(rule.concerns)}
        | {"threatens": rule.threatens, "why": rule.why, "what_to_do": rule.what_to_do}
        for rule in RULES.values()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("check")


_SOME = 1e-12  # any row at all

_TABLES = (
    Rule("no untreated rows", "1 if there are events and no decisions", (1, 1, 1), ("effects",),
         "every treatment effect", "without rows that were eligible and not shown there is nothing to compare with",
         "log eligible decisions, or build them with data.decisions; for rankings, go on"),
    Rule("repeated key", "share of rows that repeat a key", (_SOME, 0.001, 0.05), KINDS,
         "every count and every interval", "a row that stands twice is counted twice",
         "data.clean keeps the first of each"),
    Rule("double fire", "share of rows within a second of the same user, item and event", (0.001, 0.01, 0.1), KINDS,
         "every count and every rate", "one act was written down more than once, with another time",
         "keep the first of each burst, and ask the logging team how retries are written"),
    Rule("missing", "share of a column's rows", (0.01, 0.05, inf), ("effects", "policies"),
         "estimates that adjust for it", "dropping rows changes the population, filling in assumes a reason",
         "add an indicator of what is missing, or leave the column out; say which"),
    Rule("missing by arm", "difference of the missing share, shown minus unshown (p < 1e-4)", (0.005, 0.02, 0.1),
         ("effects", "levels"), "every effect of showing that uses complete rows",
         "what is left after dropping rows is another population in each arm: dropping selects on the treatment",
         "find out why it is missing; never drop rows by it; bound the effect, or leave the column out"),
    Rule("text missing", "share of rows without text", (0.05, 0.3, inf), ("effects", "rankings"),
         "adjustment by text, cold start", "these rows have no embedding",
         "say how many there are; give them their own indicator instead of the embedding of an empty string"),
    Rule("text repeated", "share of texts that are copies of another", (0.05, 0.3, inf), ("effects", "rankings"),
         "adjustment by text, cold start", "copies tell nothing of their own, and stand in training and test alike",
         "keep one of each for training an encoder, and split by text, not by row"),
    Rule("scripts mixed", "share of texts not in the main script", (0.01, 0.1, inf), ("effects", "rankings"),
         "adjustment by text, cold start", "an encoder of one language reads the others as noise",
         "take a multilingual encoder, or embed and report by script"),
)  # fmt: skip

_TIME = (
    Rule("impossible time", "share of rows before the log can have begun or after it was read", (_SOME, 0.001, 0.01),
         KINDS, "temporal splits, rates over time, everything with a window",
         "a broken clock puts rows on the wrong side of every cut",
         "look at the rows (often 1970, or a year typed wrong); data.clean(epoch=…) where the unit was wrong"),
    Rule("outcome before exposure", "share of outcome events before the first exposure of their pair",
         (_SOME, 0.001, 0.01), ("effects", "policies", "rankings"), "every effect of showing",
         "what happened before the showing cannot be its effect: the clocks, or the join, are wrong",
         "repair the clock, or count only outcomes after the exposure within a window"),
    Rule("outcome without exposure", "share of outcome events whose pair was never shown", (0.02, 0.25, inf),
         ("effects", "policies"), "effects, if untreated rows are built from this log",
         "these came by another way (search, a link), or their exposure was not logged",
         "keep them as outcomes of untreated decisions, and ask which"),
    Rule("before it existed", "share of rows before their item's own first date", (_SOME, 0.001, 0.01),
         ("effects", "rankings"), "cold start, novelty, temporal splits",
         "an item cannot be seen before it is there: its date was rewritten, or ids were used again",
         "ask whether ids are recycled; give the item the date of its first event"),
    Rule("clock runs backwards", "share of steps that go back in time, in the log's own order", (_SOME, 0.001, inf),
         ("rankings",), "sequence models, sessions", "the order of the rows and the order of the clock disagree",
         "sort by one clock; where devices have their own, use the server's"),
    Rule("attribute rewritten", "share of rows in which a column differs from its table's", (_SOME, 0.001, inf),
         ("effects", "rankings"), "whatever uses the table's column",
         "the table holds a later value: joined to old decisions it tells of the future",
         "use the value logged with the decision, or keep a history of the table"),
    Rule("feature after decision", "share of rows whose covariate is later than the decision", (_SOME, _SOME, _SOME),
         ("effects", "policies", "rankings"), "every estimate that adjusts for it",
         "it is a consequence of the treatment, and adjusting for it removes part of the effect",
         "compute features from what was known before the decision"),
    Rule("rates drift", "range of a rate over ten equal parts of the log, over its mean (p < 1e-6)", (0.1, 0.75, inf),
         ("effects", "policies", "levels"), "before / after comparisons, OPE and models from old rows",
         "time moves the outcome, or the rule; the average speaks of no day in particular",
         "compare at the same time only; adjust for time; refit, and evaluate on the newest part"),
    Rule("new users", "share of the last tenth's rows by users not seen before", (0.1, 0.5, inf), ("rankings",),
         "models that know users by id", "they have learnt nothing about these rows",
         "report cold start by itself; use content and popularity there"),
    Rule("new items", "share of the last tenth's rows of items not seen before", (0.05, 0.25, inf), ("rankings",),
         "models that know items by id", "they cannot rank what they never saw",
         "report cold items by themselves; let text stand in for the id"),
)  # fmt: skip

_SPLITS = (
    Rule("same row in two parts", "share of test rows that stand in training too", (_SOME, 0.001, 0.01),
         ("rankings", "levels"), "every metric on the test part", "the model has seen the answers",
         "take them out of test (not of training), and measure again"),
    Rule("same pair in two parts", "share of test rows whose user and item stand in training", (0.05, 0.5, inf),
         ("rankings",), "rankings of new items", "repeats are easy: copying the past looks like foresight",
         "report first-time and repeated pairs apart, or drop seen items from the candidates"),
    Rule("own future in training", "share of test rows whose user has a later row in training", (_SOME, 0.001, 0.02),
         ("rankings",), "every metric on the test part", "the model is told what the user did next",
         "split by time within each user (split_leave_one_out), or for all (split_temporal)"),
    Rule("split breaks its promise", "share of training rows later than the first test row, of a temporal split",
         (_SOME, 0.001, 0.01), ("rankings", "levels"), "every forecast", "the protocol says temporal, the rows do not",
         "cut again with split_temporal"),
    Rule("others' future in training", "share of training rows later than the median test row", (0.01, 0.25, inf),
         ("rankings", "levels"), "metrics read as forecasts", "a forecast cannot know what others will do",
         "compare models with it, and forecast with split_temporal"),
    Rule("unseen in training", "share of test rows whose user or item training lacks", (0.05, 0.5, inf),
         ("rankings",), "models that know users and items by id", "they can only guess there",
         "report these rows by themselves (cold start)"),
    Rule("target leak", "|2 AUC - 1| of one covariate alone", (0.8, 0.8, 0.9), ("effects", "rankings", "levels"),
         "every model and every effect that uses it", "nothing known beforehand predicts behaviour so well",
         "find out when it is computed; leave it out unless it is older than the decision"),
    Rule("whole-log aggregate", "1 if a covariate equals a count or mean over the whole log", (1, 1, 1),
         ("effects", "rankings"), "every model and every effect that uses it",
         "it counts the outcomes it is to explain, those of the test part with them",
         "compute it from rows before each decision"),
    Rule("consequences", "number of columns that nearly tell the outcome", (1, inf, inf), ("effects",),
         "effects, if they are adjusted for", "they are later stages of the same behaviour, or the outcome in disguise",
         "never among the covariates (chapter 04: mediators)"),
)  # fmt: skip

_EXPOSURE = (
    Rule("wrong propensities", "mean gap of stored and observed share by tenths, less its noise (p < 0.001)",
         (0, 0.002, 0.01), ("effects", "policies"), "IPW and OPE; AIPW then rests on the outcome model alone",
         "their weights are wrong",
         "ask how they were stored (before or after filtering?), or estimate them from what the rule looked at"),
    Rule("poor overlap", "share of propensities outside [0.05, 0.95]", (0.02, 0.05, 0.25), ("effects",),
         "IPW and AIPW, outcome regression and DML", "weights explode, and models extrapolate to rows nobody has",
         "ask for the overlap-weighted effect (estimand ATO) or trim, and say which rows are no longer spoken for"),
    Rule("few effective rows", "share of an arm's rows that weighting loses", (0.5, 0.75, 0.9), ("effects",),
         "IPW and AIPW", "a few rows carry the weight, intervals are wide and not normal",
         "report the effective size beside n; ask for the ATO, or trim"),
    Rule("no propensity", "1 if decisions or rounds have none", (1, 1, inf), ("effects", "policies"), "IPW and OPE",
         "chances must be estimated, from columns that may not be all the rule looked at",
         "log the propensity with every decision; until then estimate it and report the overlap"),
    Rule("arms differ", "largest standardised mean difference of a covariate", (0.1, 0.25, inf), ("effects",),
         "the naive difference, plain outcome regression",
         "shown and unshown rows are not alike, and regression leans on its functional form",
         "adjust, prefer AIPW or DML to plain regression, and look at the overlap"),
    Rule("unseen causes", "1 in every observational log", (1, inf, inf), ("effects",),
         "every estimate that adjusts for observed columns",
         "a cause of both exposure and outcome that no column holds cannot be seen in any table of this report",
         "draw the graph of what the exposure rule looked at; bound the rest by a sensitivity analysis"),
    Rule("concentrated exposure", "Gini coefficient of the exposures", (0.5, 0.7, inf), ("rankings", "effects"),
         "ranking metrics, effects of rarely shown items", "popular items win by being there; the tail has few rows",
         "show a popularity baseline beside every model; report the tail by itself; weight by 1 / exposure"),
    Rule("position bias", "relative range of the rate over positions (intervals apart)", (0, 0.1, inf),
         ("policies", "rankings"), "comparisons of items and policies shown at different positions",
         "people look at the top, and better things stand there: the rate mixes both",
         "compare within positions, or use propensities of item and position together"),
    Rule("few effective rounds", "share of the rounds lost when a uniform policy is evaluated", (0.5, 0.75, 0.95),
         ("policies",), "IPS and DR values of policies unlike the logging one", "a few rounds carry the weight",
         "compare SNIPS, clipped IPS and DR with their intervals; evaluate policies near the logging one"),
    Rule("few outcomes", "100 over the smallest number of outcomes of an arm, or of rewards", (1, 1, inf),
         ("effects", "policies"), "every interval by the normal law", "with so few outcomes it is rough",
         "give intervals always, rank nothing on point values; or take an earlier stage of the funnel"),
    Rule("rows of one user", "rows a user", (1.05, 1.05, inf), ("effects", "policies", "levels"), "plain intervals",
         "rows of one user are alike; where users stand for others, plain standard errors are too small",
         "pass cluster='user_id', unless rows were drawn independently from the users you speak of"),
    Rule("self-selection", "mean of chosen rows less that of randomised ones, in standard deviations (p < 1e-4)",
         (0.02, 0.1, 0.2), ("levels", "rankings"), "means and errors on chosen rows, models trained on them",
         "people rate what they like: the rating decides whether it is there",
         "train with 1 / propensity or DR, test on the randomised rows only"),
    Rule("random in name", "largest item's share over the mean share, of rows called random (p < 1e-6)", (1, 2, inf),
         ("levels", "policies"), "averages over items of rows called random",
         "items were not drawn with equal chance: the average speaks of those drawn more often",
         "average within items first, or ask how the draw was made"),
    Rule("bots", "share of rows by users who behave like programs", (_SOME, 0.01, 0.1), KINDS,
         "every rate, every ranking", "programs look at everything and buy nothing",
         "look at them, drop them with data.clean, and say how many"),
)  # fmt: skip

RULES = {rule.check: rule for rule in (*_TABLES, *_TIME, *_SPLITS, *_EXPOSURE)}
