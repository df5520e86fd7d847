"""Attributions set against effects: what the model reads beside what would follow if it were changed in the world."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Estimate, Truth
from causalrec_lab.explain.attributions.agreement import rank_agreement
from causalrec_lab.explain.attributions.parting import SMALL, parting_reasons
from causalrec_lab.explain.attributions.reading import require_draws
from causalrec_lab.explain.attributions.result import Attributions
from causalrec_lab.explain.attributions.tabular import slopes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["AgainstEffects", "Effects", "against_effects"]

Floats = npt.NDArray[np.float64]
Effects = Mapping[str, "Truth | Estimate | float"] | pd.DataFrame


@dataclass(frozen=True, eq=False)
class AgainstEffects:
    """Attributions beside effects.

    Parameters
    ----------
    table
        Indexed by feature, the most important first: importance (mean |attribution|), attribution and effect (of one
        standard deviation more, both in units of the output), low and high of the effect, where given estimated with
        its low and high, same_sign (None where one is nothing), and why they part ("" where they go together).
    agreement
        Kendall's tau of importance and |effect|, with its interval.
    estimated_agreement
        The same with estimated effects; None where there are none.
    opposite
        Features whose attribution and effect have opposite signs.
    method
        Of the attributions.
    notes
        What to know.
    """

    table: pd.DataFrame
    agreement: Estimate
    estimated_agreement: Estimate | None
    opposite: tuple[str, ...]
    method: str
    notes: tuple[str, ...] = ()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Attribution and effect of each feature, one line a feature."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 3.6))
        rows = self.table.iloc[::-1]
        place = np.arange(len(rows))
        ax.barh(place + 0.2, rows["attribution"], 0.38, color="C0", label="attribution: what the model reads")
        ax.barh(place - 0.2, rows["effect"], 0.38, color="C1", label="effect: what follows in the world")
        wide = np.abs(rows[["low", "high"]].to_numpy(dtype=np.float64) - rows[["effect"]].to_numpy(dtype=np.float64))
        if np.nansum(wide) > 0:
            ax.errorbar(rows["effect"], place - 0.2, xerr=wide.T, fmt="none", ecolor="0.35", capsize=3)
        if "estimated" in rows:
            found = rows[["estimated", "estimated_low", "estimated_high"]].to_numpy(dtype=np.float64)
            around = np.abs(found[:, 1:] - found[:, :1]).T
            ax.errorbar(found[:, 0], place - 0.2, xerr=around, fmt="D", color="C2", capsize=3, label="estimated effect")
        ax.set_yticks(place, [str(name) for name in rows.index])
        ax.axvline(0, color="0.35", linewidth=0.8)
        ax.set_xlabel("output, for one standard deviation more")
        ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.16), ncol=2, frameon=False)
        return ax

    def _repr_html_(self) -> str:
        """Table, agreement, notes."""
        told = f"rank agreement of {self.method} with effects: {_said(self.agreement)}"
        if self.estimated_agreement is not None:
            told += f"; with estimated effects: {_said(self.estimated_agreement)}"
        lines = "".join(f"<p><small>{html.escape(line)}</small></p>" for line in (told, *self.notes))
        table = _folded(_folded(self.table, "effect", "low", "high"), "estimated", "estimated_low", "estimated_high")
        table["same_sign"] = table["same_sign"].map({True: "yes", False: "no"}).fillna("")
        with pd.option_context("display.max_colwidth", None):
            shown = table.to_html(border=0, float_format="{:.3g}".format, na_rep="")
        return f'<div class="against-effects">{shown}{lines}</div>'


def against_effects(
    attribution: Attributions,
    effects: Effects,
    *,
    estimates: Effects | None = None,
    graph: CausalGraph | None = None,
    outcome: str | None = None,
    refitted: Sequence[Attributions] = (),
    resamples: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> AgainstEffects:
    r"""Set the attributions of a model of the outcome against the effects of its features on that outcome.

    Both are brought to one standard deviation :math:`s_j` of the feature: the attribution is the slope of its SHAP
    values, :math:`\widehat{cov}(\phi_j, x_j) / s_j`, the effect :math:`s_j` times the effect of one unit. For a linear
    model the first is :math:`s_j \beta_j`. They agree where the model is the outcome's own equation; elsewhere the
    model may read a consequence or a proxy of a cause in place of the cause.

    Parameters
    ----------
    attribution
        Of many rows, as `shap_attributions` gives it.
    effects
        Feature to the effect of one unit more, a truth, an estimate or a number; or a table with the column per_unit,
        as `true_effects` gives it. Features it lacks, or whose effect is nan, are left out of the comparison.
    estimates
        Estimated effects of one unit, to be shown beside.
    graph, outcome
        Causal graph that has the features, and its outcome (by default the graph's own): to say why they part.
    refitted
        Attributions of the model fitted to resampled rows, as `refitted_attributions` gives them: the interval of the
        rank agreement is then over samples. Without them it is over the rows that are explained, the model held fixed,
        which says little: a fixed model's ranking hardly moves.
    resamples, level, seed
        Draws for that interval (estimated effects are drawn from their normal distribution), its level, the seed.

    Raises
    ------
    ValueError
        If the attributions are of one row, fewer than two features have an effect, or resamples or level is out of
        range.
    """
    if attribution.by_row is None or attribution.data is None or len(attribution.data) < 2:
        raise ValueError(
            "these attributions explain one output; give those of many rows of a table, as shap_attributions does"
        )
    require_draws("against_effects", resamples, level)
    read = _read(effects)
    known = {name: some for name, some in read.items() if np.isfinite(some[0])}
    names = [name for name in attribution.importance.sort_values(ascending=False, kind="stable").index if name in known]
    if len(names) < 2:
        raise ValueError(
            f"{len(names)} of the features {list(attribution.data.columns)} have an effect; give two or more"
        )
    places = attribution.data.columns.get_indexer(pd.Index(names))
    values, data = attribution.by_row[:, places], attribution.data[names]
    spread = data.std(ddof=0).to_numpy()
    table, value, error = _table(values, data, known, spread)
    rng = np.random.default_rng(seed)
    sizes = _sizes(values, names, refitted, resamples, rng)
    importance = table["importance"].to_numpy()

    def agrees(value: Floats, error: Floats) -> Estimate:
        others = np.abs(value + error * rng.standard_normal(sizes.shape))
        return rank_agreement(importance, np.abs(value), sizes, others, level=level)

    agreement, second = agrees(value, error), None
    if estimates is not None:
        found = _read(estimates)
        beside = np.array([found.get(name, (np.nan, np.nan, np.nan, np.nan)) for name in names]) * spread[:, None]
        table[["estimated", "estimated_low", "estimated_high"]] = beside[:, [0, 2, 3]]
        if np.isfinite(beside[:, 0]).all():
            second = agrees(beside[:, 0], np.nan_to_num(beside[:, 1]))
    opposite = tuple(str(name) for name, same in table["same_sign"].items() if same is False)
    outcome = outcome or (graph.outcome if graph is not None else None)
    table["why"] = parting_reasons(table["attribution"].to_numpy(), value, data, graph, outcome)
    over = f"{len(refitted)} fits to resampled rows" if len(refitted) else "the explained rows, the model held fixed"
    notes: tuple[str, ...] = (
        "an attribution explains the model; an effect says what follows when the feature is changed in the world",
        f"interval of the rank agreement over {over}",
    )
    if bare := [name for name in names for some in (effects, estimates) if _without_error(some, name)]:
        notes += (f"warning: taken for exact, as they have no standard error: {', '.join(dict.fromkeys(bare))}",)
    if unknown := [name for name in read if name not in known and name in attribution.data]:
        notes += (f"left out, their effect is no number: {', '.join(unknown)}",)
    return AgainstEffects(table, agreement, second, opposite, attribution.method, notes)


def _table(
    values: Floats,
    data: pd.DataFrame,
    known: dict[str, tuple[float, float, float, float]],
    spread: Floats,
) -> tuple[pd.DataFrame, Floats, Floats]:
    """Attributions beside effects, and the effects with their errors."""
    slopes = slopes_of(values, data)
    effect = np.array([known[str(name)] for name in data.columns]) * spread[:, None]
    table = pd.DataFrame(
        {
            "importance": np.abs(values).mean(axis=0),
            "attribution": slopes,
            "effect": effect[:, 0],
            "low": effect[:, 2],
            "high": effect[:, 3],
        },
        index=pd.Index(data.columns, name="feature"),
    )
    heard = [np.abs(side) > SMALL * np.nanmax(np.abs(side)) for side in (slopes, effect[:, 0])]
    same = [bool(s * e > 0) if a and b else None for s, e, a, b in zip(slopes, effect[:, 0], *heard, strict=True)]
    table["same_sign"] = pd.Series(same, index=table.index, dtype=object)
    return table, effect[:, 0], effect[:, 1]


def _sizes(
    values: Floats, names: Sequence[str], refitted: Sequence[Attributions], resamples: int, rng: np.random.Generator
) -> Floats:
    """(draws, d) mean absolute attributions: of models fitted again, else of resampled rows."""
    if len(refitted):
        return np.stack([again.importance[list(names)].to_numpy(dtype=np.float64) for again in refitted])
    n = len(values)
    drawn = [np.abs(values[rng.integers(n, size=n)]).mean(axis=0) for _ in range(resamples)]
    return np.reshape(drawn, (resamples, len(names)))


def _read(effects: Effects) -> dict[str, tuple[float, float, float, float]]:
    """Feature to value, error, low and high of the effect of one unit."""
    if isinstance(effects, pd.DataFrame):
        if "per_unit" not in effects:
            raise ValueError(f"the table of effects lacks the column per_unit; it has {list(effects.columns)}")
        return {str(name): (float(v), 0.0, float(v), float(v)) for name, v in effects["per_unit"].items()}
    found: dict[str, tuple[float, float, float, float]] = {}
    for name, some in effects.items():
        one: Any = some
        if isinstance(one, Estimate):
            found[str(name)] = (one.value, float(np.nan_to_num(one.std_error)), one.low, one.high)
        else:
            error = one.std_error if isinstance(one, Truth) else 0.0
            found[str(name)] = (float(one), error, float(one) - 1.96 * error, float(one) + 1.96 * error)
    return found


def _without_error(effects: Effects | None, name: str) -> bool:
    """Whether an effect is an estimate without a standard error."""
    some = effects.get(name) if isinstance(effects, Mapping) else None
    return isinstance(some, Estimate) and bool(np.isnan(some.std_error))


def _folded(table: pd.DataFrame, value: str, low: str, high: str) -> pd.DataFrame:
    """Value and interval in one column, where there is an interval."""
    if value not in table:
        return table
    beside = table.drop(columns=[low, high])
    if (table[low] == table[high]).all():
        return beside
    rows = zip(table[value], table[low], table[high], strict=True)
    beside[value] = [f"{v:.3g} [{a:.3g}, {b:.3g}]" if np.isfinite(v) else "" for v, a, b in rows]
    return beside


def _said(agreement: Estimate) -> str:
    return f"{agreement.value:.2f} [{agreement.low:.2f}, {agreement.high:.2f}]"
