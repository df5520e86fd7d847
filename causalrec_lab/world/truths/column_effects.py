r"""What every column of a log does to an outcome: true total effects of setting it, at the moment of the decision.

.. math:: \Delta_c = \frac{1}{n} \sum_j E\left[Y_j \mid do(c = c_j + \delta_c)\right]
                     - E\left[Y_j \mid do(c = c_j)\right]

with everything that is no consequence of c as it was in row j: user, item, day, lottery, position and what lay before
the decision. The treatment is drawn anew by the platform's own rule where c is one of its inputs, and outcomes follow.
Exact given the rows: both means are closed forms.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.world.law.exposure import COVARIATES, propensity
from causalrec_lab.world.law.law import Law, moments_of
from causalrec_lab.world.law.outcomes import outcome_link
from causalrec_lab.world.lists.examination import examination, positions_of
from causalrec_lab.world.people.population import Floats, Pairs, known_ids
from causalrec_lab.world.scenarios.scenario import Stage
from causalrec_lab.world.truths.mediation import CERTAIN
from causalrec_lab.world.truths.ownership import lottery_of

if TYPE_CHECKING:
    from causalrec_lab.world.platform import Platform

__all__ = ["column_effects", "last_decision_effect"]


def column_effects(
    platform: Platform, decisions: pd.DataFrame, outcome: str | None = None, columns: Sequence[str] | str | None = None
) -> pd.DataFrame:
    """True total effect of each column of a log on an outcome.

    Parameters
    ----------
    platform
        Whose log it is.
    decisions
        The rows over which effects are averaged.
    outcome
        A stage of the funnel, or the return; the scenario's main outcome by default.
    columns
        Which, one or several; by default all that are in the table and have an effect by definition: the treatment, the
        lottery z, the position, the inputs of the exposure rule, the cost, and the stages before the outcome.

    Returns
    -------
    DataFrame indexed by column: step (1 from 0 to 1 for what is 0 or 1, one place down for the position, else one
    standard deviation of the column up), value (effect of the step, in units of the outcome), per_unit (value / step),
    std_error (0: exact). A stage before the outcome is set to 1 or 0 with the treatment as it falls. A column that does
    not vary has no step, and per_unit nan.

    Raises
    ------
    ValueError
        If there are no rows, a column has no effect that is defined here or is not in the table, the cost is not above
        0, the outcome is an amount, or decisions touch each other (`interference`).
    """
    asked = _Question.of(platform, decisions, outcome)
    known = asked.known
    some = [columns] if isinstance(columns, str) else columns
    names = [name for name in known if name in decisions] if some is None else list(some)
    if strange := [name for name in names if name not in known]:
        near = difflib.get_close_matches(strange[0], known, n=3) or list(known)
        raise ValueError(f"column {strange[0]!r} has no effect that is defined here; did you mean {', '.join(near)}?")
    rows = {}
    for name in names:
        step, value = known[name]()
        rows[name] = {"step": step, "value": value, "per_unit": value / step if step else np.nan, "std_error": 0.0}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["step", "value", "per_unit", "std_error"])


def last_decision_effect(platform: Platform, user_id: int, item_id: int, outcome: str | None = None) -> float:
    """What having been shown something in the decision before does to this user's outcome when this item is shown.

    It is 0 on every platform without `carry_over`: no equation reads what was met before, so no event of a history has
    an effect on the user but, with `carry_over`, the last one.

    Parameters
    ----------
    platform
        The platform.
    user_id, item_id
        Whose outcome, of which item.
    outcome
        As in `column_effects`.

    Raises
    ------
    ValueError
        If the platform has no such user or item.
    """
    law, population = platform.law, platform.population
    outcome = law.closed_form(outcome)
    one = pd.DataFrame({"user_id": [user_id], "item_id": [item_id]})
    users, items = known_ids(one, "user_id", population.n_users), known_ids(one, "item_id", population.n_items)
    pairs = law.within(users, items, law.spans[0])
    link = outcome_link(law.funnel, outcome, pairs)
    before, after = (law.reached(pairs, link.stage, (1,), carried=t)[0] for t in (0, 1))
    return float(np.mean(link.scale * (after - before)))


@dataclass(frozen=True, eq=False)
class _Question:
    """Decisions, and the mean outcome of each when something about it is set."""

    law: Law
    outcome: str
    table: pd.DataFrame
    pairs: Pairs
    lottery: Floats

    @classmethod
    def of(cls, platform: Platform, decisions: pd.DataFrame, outcome: str | None) -> _Question:
        law, population = platform.law, platform.population
        outcome = law.closed_form(outcome)
        scenario = law.funnel.scenario
        if outcome not in (*law.funnel.names, scenario.retention.name):
            raise ValueError(f"outcome {outcome!r} is an amount; give a stage of the funnel ({law.funnel.names})")
        if not len(decisions):
            raise ValueError("there are no decisions; effects are means over rows of a log")
        if missing := [name for name in ("timestamp", "z") if name not in decisions]:
            raise ValueError(f"the decisions lack {missing}; give rows of a log as they are")
        users = known_ids(decisions, "user_id", population.n_users)
        items = known_ids(decisions, "item_id", population.n_items)
        pairs = law.at(users, items, moments_of(decisions["timestamp"]))
        return cls(law, outcome, decisions, pairs, np.asarray(lottery_of(decisions), dtype=np.float64))

    @property
    def known(self) -> dict[str, Callable[[], tuple[float, float]]]:
        """Columns whose effect is defined: a function of nothing to step and value."""
        stages = self.law.funnel.names
        last = outcome_link(self.law.funnel, self.outcome, self.pairs).stage
        before = stages[: stages.index(last)] if last == self.outcome else ()
        cost = self.law.funnel.scenario.cost.name
        found: dict[str, Callable[[], tuple[float, float]]] = {
            "treated": lambda: (1.0, self._mean(treated=1) - self._mean(treated=0)),
            "z": lambda: (1.0, self._mean(lottery=1.0) - self._mean(lottery=0.0)),
            "position": self._lower,
        }
        found |= {name: partial(self._moved, name) for name in COVARIATES}
        found |= {name: partial(self._passed, name) for name in before}
        return found | {cost: lambda: self._costlier(cost)}

    def _lower(self) -> tuple[float, float]:
        """One place further down."""
        if "position" not in self.table:
            raise ValueError("the decisions lack 'position', so nothing can be shown one place further down")
        return 1.0, self._mean(down=1) - self._mean()

    def _moved(self, name: str) -> tuple[float, float]:
        """One standard deviation more of an input of the exposure rule."""
        values = getattr(self.pairs, name)
        step = float(np.std(values))
        if not step:
            return 0.0, 0.0
        changes = {name: values + step}
        if name == "log_exposures":
            changes["exposures"] = np.ones(len(values), dtype=np.int64)  # no longer new to the user
        return step, self._mean(_changed(self.pairs, **changes)) - self._mean()

    def _costlier(self, name: str) -> tuple[float, float]:
        """One standard deviation more to pay, the category's typical cost as it was."""
        if name not in self.table or not (self.table[name] > 0).all():
            raise ValueError(f"the decisions need {name!r}, above 0 in every row; give rows of a log as they are")
        population, cost = self.pairs.population, self.table[name].to_numpy(dtype=np.float64)
        step = float(np.std(cost))
        pain = self.pairs.cost_pain + population.cost_sensitivity[self.pairs.users] * np.log1p(step / cost)
        return step, self._mean(_changed(self.pairs, cost_pain=pain)) - self._mean()

    def _passed(self, name: str) -> tuple[float, float]:
        """The stage, and with it all before it, passed, against not passed: then nothing after it is."""
        funnel = self.law.funnel
        block = funnel.names[: funnel.names.index(name) + 1]
        stages = tuple(Stage(s.name, CERTAIN) if s.name in block else s for s in funnel.stages)
        law = replace(self.law, funnel=replace(funnel, stages=stages, exclusion=0.0))
        return 1.0, replace(self, law=law)._mean(examined=1.0)

    def _mean(
        self,
        pairs: Pairs | None = None,
        *,
        treated: int | None = None,
        lottery: float | None = None,
        down: int = 0,
        examined: float | None = None,
    ) -> float:
        """Mean outcome of the rows; the treatment as the rule draws it, unless it is given."""
        pairs = self.pairs if pairs is None else pairs
        z = self.lottery if lottery is None else np.full(len(self.lottery), lottery)
        link = outcome_link(self.law.funnel, self.outcome, pairs)
        place = positions_of(self.table)
        seen = None if place is None else examination(self.law.funnel.scenario, place + down)
        given = seen if examined is None else examined
        y0, y1 = self.law.reached(pairs, link.stage, (0, 1), lottery=z, examined=given)
        share = propensity(self.law.rule, pairs, z) if treated is None else float(treated)
        return float(np.mean(link.offset + link.scale * (y0 + share * (y1 - y0))))


def _changed(pairs: Pairs, **values: Floats | np.ndarray[tuple[int], np.dtype[np.int64]]) -> Pairs:
    """The same pairs with some of what they carry set; a class attribute goes before what the parent computes."""
    changed = copy.copy(pairs)
    changed.__dict__ = {name: kept for name, kept in pairs.__dict__.items() if name not in values}
    changed.__class__ = type("ChangedPairs", (type(pairs),), dict(values))
    return changed
