"""Adjustment: which covariates close every non-causal path and leave the causal ones open."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from causalrec_lab.causal.graph.separation import Dag, bits, minimal_separators
from causalrec_lab.causal.identification.selection import selection_problem

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["NotIdentifiedError", "adjustment_problem", "adjustment_set", "adjustment_sets", "open_paths"]


class NotIdentifiedError(ValueError):
    """The effect does not follow from what is observed by the method asked for."""


def causal_nodes(dag: Dag, treatment: int, outcome: int) -> int:
    """Nodes on directed paths from treatment to outcome, treatment left out."""
    return dag.descendants(1 << treatment) & dag.ancestors(1 << outcome) & ~(1 << treatment)


def proper_backdoor(dag: Dag, treatment: int, outcome: int) -> Dag:
    """The graph without the first edge of every causal path (van der Zander, Liskiewicz & Textor 2014)."""
    return dag.cut_edges(treatment, causal_nodes(dag, treatment, outcome))


def observed_mask(graph: CausalGraph) -> int:
    """Mask of the observed nodes."""
    return graph.mask(graph.observed)


def usable_covariates(graph: CausalGraph, treatment: int, outcome: int) -> int:
    """Observed nodes that are neither ends nor descendants of a node on a causal path."""
    forbidden = graph.dag.descendants(causal_nodes(graph.dag, treatment, outcome))
    return observed_mask(graph) & ~(forbidden | 1 << treatment | 1 << outcome)


def adjustment_sets(
    graph: CausalGraph, treatment: str | None = None, outcome: str | None = None, *, limit: int = 1000
) -> list[frozenset[str]]:
    r"""All minimal sets Z with :math:`P(y \mid do(t)) = \sum_z P(y \mid t, z) P(z)`, smallest first.

    A set is valid by the adjustment criterion (Shpitser, VanderWeele & Robins 2010): it holds no descendant of a node
    on a causal path and blocks every non-causal path. The minimal ones are listed as van der Zander, Liskiewicz &
    Textor (2014) do. The criterion admits all that the back-door criterion (Pearl 1995) does, and more. Where rows
    were selected, the sets are those by which the selected rows alone give the effect on everyone: see `selection`.

    Parameters
    ----------
    graph
        The causal graph.
    treatment, outcome
        Names; the graph's own where left out.
    limit
        The listing stops here with a warning: their number can grow exponentially.

    Returns
    -------
    Sets of names; an empty list where no set is valid, ``[frozenset()]`` where nothing needs adjusting.
    """
    return listed(graph, _minimal_sets(graph, *graph.effect(treatment, outcome)), limit, "adjustment sets")


def _minimal_sets(graph: CausalGraph, t: int, y: int) -> Iterator[int]:
    proper, usable, rows = proper_backdoor(graph.dag, t, y), usable_covariates(graph, t, y), graph.mask(graph.selected)
    found = minimal_separators(proper, t, y, usable, beside=rows)
    return (chosen for chosen in found if not rows or graph.dag.separated(chosen, rows, 0))


def smallest_set(graph: CausalGraph, treatment: str, outcome: str) -> tuple[str, ...] | None:
    """Smallest minimal adjustment set, of the first 1,000 where there are more; None where none is valid."""
    sets = listed(graph, _minimal_sets(graph, *graph.effect(treatment, outcome)), 1000)
    return tuple(n for n in graph.nodes if n in sets[0]) if sets else None


def adjustment_set(graph: CausalGraph, treatment: str | None = None, outcome: str | None = None) -> list[str]:
    """Smallest minimal adjustment set, in the graph's order: what an effect estimator takes as covariates.

    Of more than 1,000 minimal sets, it is the smallest of those listed first.

    Raises
    ------
    NotIdentifiedError
        If no set of observed nodes is valid; it says which path stays open and what would help.
    """
    chosen = smallest_set(graph, *(graph.nodes[end] for end in graph.effect(treatment, outcome)))
    if chosen is None:
        raise NotIdentifiedError(str(graph.identify(treatment, outcome)))
    return list(chosen)


def listed(graph: CausalGraph, found: Iterator[int], limit: int, what: str = "") -> list[frozenset[str]]:
    """Take at most `limit` masks and give them as sets of names, smallest first; warn by `what` where more are left."""
    masks = list(itertools.islice(found, limit + 1))
    if what and len(masks) > limit:
        warnings.warn(f"more than {limit} minimal {what}: the first {limit} are listed; raise limit=", stacklevel=4)
    sets = [graph.names(mask) for mask in masks[:limit]]
    return [frozenset(names) for names in sorted(sets, key=lambda names: (len(names), names))]


def adjustment_problem(
    graph: CausalGraph, covariates: Iterable[str], treatment: str | None = None, outcome: str | None = None
) -> str:
    """Say why adjusting for `covariates` does not give the effect; empty where it does.

    Raises
    ------
    ValueError
        If a covariate is no node, is latent, or is the treatment or the outcome.
    """
    t, y = graph.effect(treatment, outcome)
    chosen = graph.mask(covariates, observed=True, role="covariate")
    if ends := chosen & (1 << t | 1 << y):
        raise ValueError(f"covariate {graph.names(ends)[0]!r} is the treatment or the outcome itself")
    dag = graph.dag
    causal = causal_nodes(dag, t, y)
    if bad := graph.names(chosen & causal):
        return f"{bad[0]} lies on a causal path: adjusting for it removes part of the effect"
    if bad := graph.names(chosen & dag.descendants(causal)):
        return f"{bad[0]} follows from a causal path: adjusting for it distorts the effect"
    path = proper_backdoor(dag, t, y).open_path(t, y, chosen)
    if path:
        return f"this path stays open: {graph.path_text(path)}"
    return selection_problem(graph, t, y, chosen) if graph.selected else ""


def open_paths(
    graph: CausalGraph,
    covariates: Iterable[str] = (),
    treatment: str | None = None,
    outcome: str | None = None,
    *,
    limit: int = 1000,
) -> list[list[tuple[int, bool]]]:
    """Non-causal paths that stay open when the covariates (and what rows were selected by) are held fixed.

    Where rows were selected, the open paths from what they were selected by to the outcome are listed too: along them
    selected rows differ from all rows.

    Returns
    -------
    Paths as `Dag.open_path` gives them, shortest first; at most `limit` of them. `CausalGraph.path_text` writes them.
    """
    t, y = graph.effect(treatment, outcome)
    dag, rows = graph.dag, graph.mask(graph.selected)
    given = graph.mask(covariates, observed=True, role="covariate") | rows
    proper, causal = proper_backdoor(dag, t, y), causal_nodes(dag, t, y)
    ways = [proper.open_paths(t, y, given)]
    if given & dag.descendants(causal):  # a path may set out as a causal one and turn at what is held fixed
        ways.append(path for path in dag.open_paths(t, y, given) if _turns(path, causal))
    ways += [proper.open_paths(s, y, (given | 1 << t) & ~(1 << s)) for s in bits(rows)]
    return sorted(itertools.islice(itertools.chain(*ways), limit), key=len)


def _turns(path: list[tuple[int, bool]], causal: int) -> bool:
    """Tell whether a path sets out along a causal one and does not keep to it."""
    first, along = path[1]
    return along and bool(causal >> first & 1) and not all(step[1] for step in path)
