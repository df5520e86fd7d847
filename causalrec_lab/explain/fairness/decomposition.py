"""`Decomposition`: the parts of a gap between two groups, with their intervals."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.data.registry import nearest
from causalrec_lab.estimate import Estimate, Truth, compare
from causalrec_lab.explain.fairness.roles import Roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Decomposition", "parts_of"]

PARTS = ("direct", "indirect", "allowed", "spurious")


def parts_of(gaps: Mapping[str, Any]) -> dict[str, Any]:
    """Parts from the gaps with nothing, the confounders, allowed mediators too, and everything alike."""
    return {
        "direct": gaps["everything"],
        "indirect": gaps["allowed"] - gaps["everything"],
        "allowed": gaps["confounders"] - gaps["allowed"],
        "spurious": gaps["nothing"] - gaps["confounders"],
        "unexplained": gaps["allowed"] * 1.0,
        "total variation": gaps["nothing"] * 1.0,
    }


@dataclass(frozen=True, eq=False)
class Decomposition(Mapping[str, Estimate]):
    """Parts of the gap between two groups, by name.

    * "direct": through no named mediator,
    * "indirect": through mediators that are not allowed,
    * "allowed": through allowed ones, what counts as explained,
    * "spurious": through common causes: nothing that the attribute does,
    * "unexplained": direct + indirect,
    * "total variation": the gap; direct + indirect + allowed + spurious.

    Parameters
    ----------
    estimates
        The parts.
    roles
        Who is what.
    contrast
        The two levels (from, to); the parts are about the members of the first.
    """

    estimates: Mapping[str, Estimate]
    roles: Roles
    contrast: tuple[Any, Any]

    def __getitem__(self, name: str) -> Estimate:
        """Part of a name; an unknown one is an error that offers the nearest."""
        if name not in self.estimates:
            raise KeyError(f"no part {name!r}; {nearest(name, self.estimates)}")
        return self.estimates[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the parts."""
        return iter(self.estimates)

    def __len__(self) -> int:
        """Give the number of parts."""
        return len(self.estimates)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a part."""
        return name in self.estimates

    @property
    def table(self) -> pd.DataFrame:
        """One row a part: estimate, std_error, low, high."""
        rows = {
            k: {"estimate": e.value, "std_error": e.std_error, "low": e.low, "high": e.high} for k, e in self.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index")

    @property
    def counterfactual(self) -> pd.Series:
        """The effects of Zhang and Bareinboim in their own signs: TV = Ctf-DE - Ctf-IE - Ctf-SE, the last reversed."""
        through = self["indirect"].value + self["allowed"].value
        return pd.Series(
            {
                "Ctf-DE(x0 -> x1 | x0)": self["direct"].value,
                "Ctf-IE(x1 -> x0 | x0)": -through,
                "Ctf-SE(x1 -> x0)": -self["spurious"].value,
                "TV(x0 -> x1)": self["total variation"].value,
            }
        )

    def compare(self, truth: pd.DataFrame, *, digits: int | None = None) -> pd.DataFrame:
        """Set the parts beside the truth (columns value, std_error, as `decompose_exactly` gives).

        Raises
        ------
        ValueError
            If they have no part in common.
        """
        known: dict[str, Truth | float] = {
            str(k): Truth(float(r["value"]), float(r["std_error"])) for k, r in truth.iterrows()
        }
        shared = {name: e for name, e in self.items() if name in known}
        if not shared:
            raise ValueError(f"no part in common: {', '.join(self)} beside {', '.join(known)}")
        return compare(shared, known, digits=digits)

    def sentence(self) -> str:
        """The gap, and what is left of it that nothing allowed explains."""
        gap, left = self["total variation"], self["unexplained"]
        a, b = self.contrast
        return (
            f"{self.roles.outcome}, {self.roles.protected} {a} to {b}: the gap is {gap.value:.3g} [{gap.low:.3g}, "
            f"{gap.high:.3g}]; {left.value:.3g} [{left.low:.3g}, {left.high:.3g}] of it is caused by the attribute on "
            "ways that are not allowed"
        )

    def plot(self, ax: Axes | None = None, *, truth: pd.DataFrame | None = None) -> Axes:
        """Draw the parts as a waterfall that ends in the gap; the truth as dashed marks where it is given."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(5.5, 2.8))
        names = [name for name in PARTS if name != "allowed" or self.roles.allowed]
        start = 0.0
        for place, name in enumerate([*names, "total variation"]):
            part, total = self[name], name == "total variation"
            left = 0.0 if total else start
            ax.barh(place, part.value, left=left, color="C7" if total else f"C{place}", alpha=0.8)
            sides = [[part.value - part.low], [part.high - part.value]]
            ax.errorbar([left + part.value], [place], xerr=sides, fmt="none", ecolor="0.2", capsize=3)
            if truth is not None:
                ax.vlines(left + float(truth["value"][name]), place - 0.4, place + 0.4, linestyle="--", color="0.1")
            start = left + part.value
        ax.axvline(0, color="0.4", linewidth=0.8)
        ax.set_yticks(np.arange(len(names) + 1), [*names, "the gap"])
        ax.invert_yaxis()
        ax.set_xlabel(f"{self.roles.outcome}: {self.contrast[1]} less {self.contrast[0]}")
        ax.locator_params(axis="x", nbins=6)
        return ax

    def __str__(self) -> str:
        """The sentence."""
        return self.sentence()

    def _repr_html_(self) -> str:
        """Sentence, table, what it assumes; deterministic."""
        gap = self["total variation"]
        said = "".join(f"<li>{html.escape(text)}</li>" for text in (*gap.assumptions, *gap.notes))
        table = self.table.round(4).to_html(border=0, escape=True)
        return f"<p>{html.escape(self.sentence())}; {html.escape(gap.method)}</p>{table}<ul>{said}</ul>"
