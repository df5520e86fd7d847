"""Why an attribution and an effect part: what a causal graph and the data say about one feature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["SMALL", "parting_reasons"]

Floats = npt.NDArray[np.float64]
_TIED = 0.7  # correlation from which two features share their signal
SMALL = 0.02  # of the largest on its side: below it, an attribution or an effect counts as none
_HALF = 0.5  # ratio of sizes below which the two part


def parting_reasons(
    attribution: Floats, effect: Floats, data: pd.DataFrame, graph: CausalGraph | None, outcome: str | None
) -> list[str]:
    """One text a feature, empty where attribution and effect go together.

    They part where their signs differ, where one is nothing and the other is not, or where one is less than half of the
    other. A reason is a hint read from the graph, not a proof.

    Parameters
    ----------
    attribution, effect
        (d,) for one standard deviation more of each feature, in the same unit.
    data
        (n, d) features.
    graph, outcome
        Causal graph with the features and the outcome in it, or None.
    """
    names = [str(name) for name in data.columns]
    loud = [np.abs(side) > SMALL * np.nanmax(np.abs(side)) for side in (attribution, effect)]
    correlation = data.corr().to_numpy()
    reasons = []
    for place, name in enumerate(names):
        a, e = attribution[place], effect[place]
        if not _parts(a, e, bool(loud[0][place]), bool(loud[1][place])):
            reasons.append("")
            continue
        kind = _kind(a, e, bool(loud[0][place]), bool(loud[1][place]))
        why = _of_graph(name, names, graph, outcome) if graph is not None and outcome is not None else []
        reasons.append("; ".join([kind, *why, *_tied(place, names, correlation)]))
    return reasons


def _parts(a: float, e: float, attributed: bool, effective: bool) -> bool:
    if not (attributed or effective) or np.isnan(e):
        return False
    if a * e < 0 and attributed and effective:
        return True
    smaller, larger = sorted((abs(a), abs(e)))
    return smaller < _HALF * larger


def _kind(a: float, e: float, attributed: bool, effective: bool) -> str:
    if not effective:
        return "attribution without effect"
    if not attributed:
        return "effect without attribution"
    if a * e < 0:
        return "opposite signs"
    return "attribution above the effect" if abs(a) > abs(e) else "attribution below the effect"


def _of_graph(name: str, features: Sequence[str], graph: CausalGraph, outcome: str) -> list[str]:
    """What the graph says of the feature, given that the model reads the others."""
    if name not in graph.nodes:
        return []
    others = [other for other in features if other != name and other in graph.nodes]
    below = set(graph.descendants(name))
    said = []
    if name in graph.descendants(outcome):
        said.append("a consequence of the outcome")
    elif name not in graph.ancestors(outcome):
        said.append("a proxy: it causes nothing here")
    mediators = [other for other in others if other in below and other in graph.ancestors(outcome)]
    if mediators:
        said.append(f"its effect runs through {', '.join(mediators)}, which the model reads instead")
    dag = graph.dag.cut_outgoing(graph.mask([name]))
    given = [other for other in others if other not in below]
    x, y = graph.number(name), graph.number(outcome)
    if not dag.separated(1 << x, 1 << y, graph.mask(given)):
        said.append(f"confounded: {graph.path_text(dag.open_path(x, y, graph.mask(given)))}")
    return said


def _tied(place: int, names: Sequence[str], correlation: Floats) -> list[str]:
    """Other features that share its signal."""
    near = [n for other, n in enumerate(names) if other != place and abs(correlation[place, other]) > _TIED]
    return [f"collinear with {', '.join(near)}"] if near else []
