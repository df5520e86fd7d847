"""What a loop gives back: every day beside the truth, its alarms, rollouts and trainings, and what it earned."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalrec_lab.intervention.loop.desk import LoopState
from causalrec_lab.intervention.loop.plan import LoopPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LoopResult"]


@dataclass(frozen=True, eq=False)
class LoopResult:
    """A loop that has run.

    Parameters
    ----------
    strategy
        Its name.
    plan
        Its numbers.
    table
        One row a day: policy (its number), value and best (true values of what served and of the best policy under the
        same exploration), reward (logged mean), trainings, cost, and by strategy evidence of each monitor (logarithm),
        alarm, rollout.
    alarms
        day, monitor, changed (the day the change is estimated to have begun), evidence.
    rollouts
        candidate, proposed, its value and the incumbent's on held-out rounds, ended, decision, difference.
    trainings
        day, first, last, share, start, rounds.
    """

    strategy: str
    plan: LoopPlan
    table: pd.DataFrame
    alarms: pd.DataFrame
    rollouts: pd.DataFrame
    trainings: pd.DataFrame

    @classmethod
    def of(cls, strategy: str, plan: LoopPlan, state: LoopState) -> LoopResult:
        """The result of a state."""
        always = ("day", "policy", "value", "best", "reward", "rounds", "trainings", "cost")
        table = pd.DataFrame(state.rows) if state.rows else pd.DataFrame({name: [] for name in always})
        for column in ("alarm", "rollout"):
            if column not in table:
                table[column] = None
        alarms = pd.DataFrame(state.alarms, columns=["day", "monitor", "changed", "evidence"])
        rollouts = pd.DataFrame(state.rollouts)
        trainings = pd.DataFrame(state.trainings).drop(columns="sha256", errors="ignore")
        return cls(strategy, plan, table, alarms, rollouts, trainings)

    @property
    def served(self) -> pd.DataFrame:
        """Days after the warm-up."""
        return self.table[self.table["day"] >= self.plan.first]

    def summary(self) -> pd.DataFrame:
        """One row: value (mean true value of a round after the warm-up), best, regret, training cost, net, counts.

        `cost` is that of a round, in the unit of the reward; `net` is value less cost. The first training, on the
        warm-up, is every strategy's and counts for none. All are nan before the warm-up has ended.
        """
        served = self.served
        rounds = float(served["rounds"].sum())
        cost = float(served["cost"].sum()) / rounds if rounds else math.nan
        decisions = self.rollouts.get("decision", pd.Series(dtype=object))
        row = {
            "value": float(served["value"].mean()),
            "best": float(served["best"].mean()),
            "regret": float((served["best"] - served["value"]).mean()),
            "cost": cost,
            "net": float(served["value"].mean()) - cost,
            "trainings": int(served["trainings"].sum()),
            "alarms": len(self.alarms),
            "kept": int((decisions == "keep").sum()),
            "rolled back": int((decisions == "roll back").sum()),
        }
        return pd.DataFrame([row], index=pd.Index([self.strategy], name="strategy"))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each day's true value, the best possible as a dashed line, and the alarms."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(8, 3))
        ax.plot(self.table["day"], self.table["value"], label=self.strategy)
        best = self.served
        ax.plot(best["day"], best["best"], linestyle="--", color="0.35", label="best, same exploration")
        for i, day in enumerate(self.alarms["day"]):
            ax.axvline(day, color="0.6", linewidth=0.8, label="alarm" if i == 0 else None)
        ax.set_xlabel("day")
        ax.set_ylabel("true value of a round")
        ax.legend(loc="best")
        return ax

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary that JSON can hold; the same run gives the same, however often it was killed."""
        tables = {name: getattr(self, name) for name in ("table", "alarms", "rollouts", "trainings")}
        plain = {k: json.loads(v.to_json(orient="records", double_precision=15)) for k, v in tables.items()}
        return {"strategy": self.strategy, "plan": self.plan.to_dict(), **plain}

    def _repr_html_(self) -> str:
        """The summary as a small table."""
        return str(self.summary().to_html(float_format=lambda v: f"{v:.4g}", classes="loop", border=0))
