"""A platform's own log, in the shape of the log it is to be like: what is measured in one is measured in the other."""

from __future__ import annotations

import numpy as np

from causalrec_lab.world.alike.outcome import Outcome, levels
from causalrec_lab.world.alike.rows import Rows
from causalrec_lab.world.platform import Platform

__all__ = ["own_rows"]

MOST = 400_000  # decisions drawn to find n that were seen


def own_rows(platform: Platform, like: Rows, n: int, seed: int) -> Rows:
    """About n rows of a platform's log, of the kind that another log is.

    Decisions are decisions. A log of events knows only what was seen, so its counterpart is the decisions that passed
    the first stage; a log of slates knows only what was shown, so it is the treated ones.
    """
    log = platform.log(_needed(platform, like, n), seed, propensity="auto" if platform.rule.hidden == 0 else "nominal")
    frame = log.decisions
    assert frame is not None
    stage = platform.scenario.stages[0]
    if like.kind == "events":
        frame = frame[frame[stage] == 1].reset_index(drop=True)
    rows = Rows(log.name, "decisions" if like.kind != "events" else "events", frame, log.items, log.users, None)
    if like.kind != "events":
        rows.treated = frame["treated"].to_numpy(np.float64)
    if like.covariates:
        rows.covariates = platform.covariates
    if like.propensity is not None:
        rows.propensity = frame["propensity"].to_numpy(np.float64)
    if like.outcome is not None or like.levels:
        rows.outcome = _outcome(platform, rows, like)
        rows.levels = levels(frame, rows.outcome, rows.treated, rows.kind, platform.scenario)
    return rows


def _outcome(platform: Platform, rows: Rows, like: Rows) -> Outcome:
    """The platform's outcome of the log's name, else its main one; it may be constant in a short log."""
    scenario = platform.scenario
    same = like.outcome is not None and like.outcome.name in (*scenario.stages, scenario.amount.name)
    name = like.outcome.name if same and like.outcome is not None else scenario.outcome
    values = rows.frame[name].to_numpy(np.float64)
    amount = values if name == scenario.amount.name else None
    return Outcome(name, f"{name} above 0", (values > 0).astype(np.float64), amount)


def _needed(platform: Platform, like: Rows, n: int) -> int:
    """Decisions in which n are expected to be of the kind wanted."""
    if like.kind == "decisions":
        return n
    trial = platform.log(2_000, 0, propensity=None).decisions
    assert trial is not None
    column = platform.scenario.stages[0] if like.kind == "events" else "treated"
    return int(min(MOST, 1.1 * n / max(float(trial[column].mean()), 1e-3)))
