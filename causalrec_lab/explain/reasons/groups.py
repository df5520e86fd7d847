"""Effects of being shown an item, by group of users: what a reason may say of "viewers like you"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.columns import nearest
from causalrec_lab.data.dataset import Dataset
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GroupEffects", "group_effects"]

_OF_A_SIZE = 0.8  # smallest part beside the largest for parts to be called thirds


@dataclass(frozen=True, eq=False)
class GroupEffects:
    """Average effect of being shown an item on an outcome, in groups of users.

    An effect here is of a group: the mean over its users and over the items they were eligible for. No effect of one
    user is in it, and none can be told from a log.

    Parameters
    ----------
    estimates
        Group -> estimate (from `causal.effects.by_group`, say). A group without one is a group of which nothing is
        said.
    groups
        Group of each user, indexed by user_id; missing where it is not known.
    outcome
        What the effect is an effect on.
    by
        What the groups are groups of: a column of the users.
    unit
        Unit of the outcome ("minutes"); empty for a chance, which is written in percentage points.
    notes
        What to know, groups left out among them.

    Raises
    ------
    ValueError
        If a user has two groups, or what is said to be a chance moves by more than 1.
    """

    estimates: Mapping[str, Estimate]
    groups: pd.Series
    outcome: str
    by: str
    unit: str = ""
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse users of two groups and amounts without a unit; name groups by text."""
        object.__setattr__(self, "estimates", {str(name): found for name, found in self.estimates.items()})
        far = [name for name, found in self.estimates.items() if not self.unit and abs(found.value) > 1]
        if far:
            raise ValueError(
                f"GroupEffects: {self.outcome!r} of {self.by} {far[0]!r} moves by {self.estimates[far[0]].value:.4g}, "
                "which no chance can; give its unit, such as unit='minutes'"
            )
        if not self.groups.index.is_unique:
            user = self.groups.index[self.groups.index.duplicated()][0]
            raise ValueError(f"GroupEffects: user {user!r} stands in groups more than once; give each user one group")

    def of(self, user: Any) -> tuple[str, Estimate | None]:
        """A user's group and its estimate; an empty text, or None, where there is none."""
        group = self.groups.get(user) if user in self.groups.index else None
        if group is None or pd.isna(group):
            return "", None
        return str(group), self.estimates.get(str(group))

    @property
    def table(self) -> pd.DataFrame:
        """One row a group: users, value, std_error, low, high."""
        counted = self.groups.astype("str").value_counts()
        rows = {
            name: [int(counted.get(name, 0)), found.value, found.std_error, found.low, found.high]
            for name, found in self.estimates.items()
        }
        columns = ["users", "value", "std_error", "low", "high"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis(self.by)

    def plot(self, ax: Axes | None = None, *, truth: Sequence[float] | None = None) -> Axes:
        """Effect of each group with its interval, and the truth as crosses where it is given in the table's order."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5, 0.5 * len(self.estimates) + 1.2))
        table, scale = self.table, 1.0 if self.unit else 100.0
        places = np.arange(len(table))
        value = table["value"].to_numpy() * scale
        error = np.abs(np.stack([value - scale * table["low"], scale * table["high"] - value]))
        ax.errorbar(value, places, xerr=error, fmt="o", capsize=3, label="estimate")
        if truth is not None:
            ax.plot(scale * np.asarray(truth, dtype=np.float64), places, "x", color="0.35", label="truth")
            ax.legend(loc="best")
        ax.axvline(0, color="0.6", linewidth=1)
        ax.set_yticks(places, [f"{self.by}: {name}" for name in table.index])
        ax.set(
            xlabel=f"effect of being shown on {self.outcome} ({self.unit or 'percentage points'})", ylim=(-0.6, None)
        )
        ax.invert_yaxis()
        return ax

    def _repr_html_(self) -> str:
        """The table, and what to know."""
        import html

        said = html.escape(f"effect of being shown an item on {self.outcome}, {self.unit or 'as a chance'}")
        notes = "".join(f"<p><small>{html.escape(note)}</small></p>" for note in self.notes)
        table = self.table.to_html(border=0, float_format="{:.4g}".format)
        return f'<div class="group-effects"><p>{said}</p>{table}{notes}</div>'


def group_effects(
    dataset: Dataset,
    by: str = "activity",
    *,
    outcome: str,
    covariates: Sequence[str] | None = None,
    treatment: str = "treated",
    bins: int = 3,
    unit: str = "",
    simultaneous: bool = True,
    level: float = 0.95,
    fewest: int = 50,
    **options: Any,
) -> GroupEffects:
    r"""Effect of being shown an item within groups of users, by cross-fitted AIPW over the decisions of a log.

    With G groups the intervals hold for all of them at once with probability `level`: each has level
    :math:`1 - (1 - \text{level}) / G` (Bonferroni; Dunn 1961, Journal of the American Statistical Association 56),
    because a platform that writes a reason to everybody quotes them all.

    Parameters
    ----------
    dataset
        With decisions (user_id, treatment, outcome, covariates) and users.
    by
        Column of the users, fixed before the decisions. Numbers of more than `bins` values are cut at their quantiles
        over users ("1 of 3" the lowest; where ties make groups of unequal size, their limits name them: "< 2"); other
        columns are groups as they stand.
    outcome
        Column of the decisions.
    covariates
        What is adjusted for; those the data set names (`extra["covariates"]`) by default.
    treatment
        0/1 column of the decisions.
    bins
        Groups of a numeric column.
    unit
        Unit of an outcome that is no chance; needed where it has other values than 0 and 1.
    simultaneous
        False gives each interval the plain level.
    level
        Confidence level.
    fewest
        Decisions of either arm below which a group gets no estimate.
    options
        Further arguments of `causal.effects.by_group`. Decisions of one user are one cluster, and a logged propensity
        that is true by `extra["propensity"]` is used, unless these say otherwise.

    Raises
    ------
    ValueError
        If a table or column is missing, covariates are not given, or no group is large enough; and as `by_group`.
    """
    from causalrec_lab.causal.effects import by_group

    frame = _decisions(dataset, outcome, treatment)
    if not unit and not frame[outcome].dropna().isin([0, 1]).all():
        raise ValueError(f"group_effects: {outcome!r} has other values than 0 and 1, so it is no chance; give unit=")
    adjusted = dataset.extra.get("covariates") if covariates is None else covariates
    if adjusted is None:
        raise ValueError("group_effects: give covariates=, what moves both showing and the outcome; see chapter 04")
    groups = _groups(dataset, by, bins)
    frame = frame.assign(group=groups.reindex(frame["user_id"]).to_numpy()).dropna(subset=["group"])
    arms = pd.crosstab(frame["group"], frame[treatment]).reindex(columns=[0, 1], fill_value=0)
    small = sorted(arms.index[arms.min(axis=1) < fewest])
    frame = frame[~frame["group"].isin(small)]
    if frame.empty:
        raise ValueError(f"group_effects: no group of {by!r} has {fewest} decisions in either arm; merge groups")
    count = frame["group"].nunique() if simultaneous else 1
    given: dict[str, Any] = {"cluster": "user_id", "level": 1 - (1 - level) / count} | options
    if dataset.extra.get("propensity") == "true" and "propensity" in frame:
        given = {"propensity": "propensity"} | given
    found = by_group(frame, treatment, outcome, list(adjusted), "group", **given)
    words = f"intervals hold for all {count} groups at once" if count > 1 else "intervals hold for each group alone"
    notes = (f"{level:.0%} {words}", *(f"no estimate for {by} = {name}: too few decisions" for name in small))
    return GroupEffects({k: _at_level(e, level, words) for k, e in found.items()}, groups, outcome, by, unit, notes)


def _at_level(estimate: Estimate, level: float, words: str) -> Estimate:
    return Estimate.from_dict({**estimate.to_dict(), "level": level, "notes": [*estimate.notes, words]})


def _decisions(dataset: Dataset, outcome: str, treatment: str) -> pd.DataFrame:
    frame = dataset.table("decisions")
    for name in ("user_id", treatment, outcome):
        if name not in frame:
            raise ValueError(
                f"group_effects: no column {name!r} in the decisions; {nearest(name, list(frame.columns))}"
            )
    return frame


def _groups(dataset: Dataset, by: str, bins: int) -> pd.Series:
    """Group of each user; numbers cut at their quantiles over users."""
    users = dataset.table("users")
    if by not in users or by == "user_id":
        raise ValueError(f"group_effects(by={by!r}): no such column of the users; {nearest(by, list(users.columns))}")
    column = users.drop_duplicates("user_id").set_index("user_id")[by]
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() <= bins:
        return (
            column.astype(object).where(column.notna(), None).map(lambda value: value if value is None else str(value))
        )
    edges = np.unique(np.quantile(column.dropna(), np.linspace(0, 1, bins + 1)[1:-1]))
    place = pd.Series(np.searchsorted(edges, column, side="right"), index=column.index)
    names = place.map(dict(enumerate(_names(place[column.notna()], edges)))).astype(object)
    return names.where(column.notna(), None)


def _names(place: pd.Series, edges: npt.NDArray[np.float64]) -> list[str]:
    """Names of the groups between edges: parts where they are of a size, else their limits."""
    count = np.bincount(place, minlength=len(edges) + 1)
    if count.min() >= _OF_A_SIZE * count.max():
        return [f"{number} of {len(edges) + 1}" for number in range(1, len(edges) + 2)]
    ends = [f"{edge:.6g}" for edge in edges]
    between = [f"≥ {low}, < {high}" for low, high in pairwise(ends)]
    return [f"< {ends[0]}", *between, f"≥ {ends[-1]}"]
