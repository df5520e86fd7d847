"""Which effects follow from observed data: by what formula, and what is missing otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from causalrec_lab.causal.graph.separation import bits, minimal_separators
from causalrec_lab.causal.identification import formulas
from causalrec_lab.causal.identification.adjustment import (
    causal_nodes,
    observed_mask,
    proper_backdoor,
    smallest_set,
    usable_covariates,
)
from causalrec_lab.causal.identification.answers import Identification
from causalrec_lab.causal.identification.frontdoor import frontdoor_with_covariates, smallest_frontdoor
from causalrec_lab.causal.identification.instruments import instruments
from causalrec_lab.causal.identification.optimal import optimal_adjustment_set
from causalrec_lab.causal.identification.selection import identify_selected

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["identify"]

Ends = tuple[str, str]


def identify(
    graph: CausalGraph,
    treatment: str | None = None,
    outcome: str | None = None,
    *,
    external: Iterable[str] = (),
) -> Identification:
    """Say whether the effect of treatment on outcome is identified, by what, and with which formula.

    Tried in turn: no directed path (the effect is zero), adjustment, front-door, front-door within strata of
    covariates, instruments. The last gives ``identified=False`` with the assumptions under which it would be. The
    general algorithm (Shpitser & Pearl 2006) is not tried: "not identified by these methods" is not "not identifiable",
    and `tried` says which methods these are. (The one light implementation, y0 0.2.11, answers the napkin graph of
    Pearl & Mackenzie 2018 with P(y | x), which is wrong.) Where rows were selected, only adjustment is tried: see
    `selection.identify_selected`.

    Parameters
    ----------
    graph
        The causal graph.
    treatment, outcome
        Names; the graph's own where left out.
    external
        Where rows were selected: columns whose distribution is known for the whole population as well.

    Raises
    ------
    ValueError
        If treatment or outcome is missing, unknown or latent; if `external` is given but nothing is selected.
    """
    t, y = graph.effect(treatment, outcome)
    names = graph.nodes[t], graph.nodes[y]
    outside = graph.mask(external, observed=True, role="external")
    if outside and not graph.selected:
        raise ValueError("external= says what is known beyond the selected rows, but the graph has no selected=")
    if not causal_nodes(graph.dag, t, y):
        return Identification(*names, True, "no directed path", formulas.no_effect(*names))
    if graph.selected:
        return identify_selected(graph, t, y, outside)
    return _by_formula(graph, names) or _by_assumption(graph, names, t, y)


def _by_formula(graph: CausalGraph, names: Ends) -> Identification | None:
    """Adjustment or front-door, where one of them holds."""
    if (chosen := smallest_set(graph, *names)) is not None:
        best = optimal_adjustment_set(graph, *names)
        estimand = formulas.adjustment(*names, chosen)
        efficient = best.covariates if best.among == "all valid sets" else None
        return Identification(*names, True, "back-door adjustment", estimand, chosen, efficient=efficient)
    if through := smallest_frontdoor(graph, *names):
        estimand = formulas.frontdoor(*names, through)
        return Identification(*names, True, "front-door adjustment", estimand, through, mediators=through)
    if found := frontdoor_with_covariates(graph, *names):
        through, strata = found
        method, estimand = "front-door adjustment with covariates", formulas.frontdoor(*names, through, strata)
        return Identification(*names, True, method, estimand, (*strata, *through), mediators=through)
    return None


def _by_assumption(graph: CausalGraph, names: Ends, t: int, y: int) -> Identification:
    """What an instrument would need, or what is missing."""
    path = graph.path_text(_least_open(graph, t, y))
    if found := instruments(graph, *names):
        given = tuple(n for n in graph.nodes if n in found[0].given)
        formula = formulas.ratio(*names, found[0].name, given)
        needs = "linearity, or monotonicity and an effect among compliers (LATE)"
        return Identification(*names, False, "instrument", formula, given, found[0].name, path, needs)
    return Identification(*names, False, "", open_path=path, needs=_way_out(graph, t, y))


def _least_open(graph: CausalGraph, t: int, y: int) -> list[tuple[int, bool]]:
    """Find an open non-causal path although every usable ancestor of treatment and outcome is adjusted for."""
    dag = proper_backdoor(graph.dag, t, y)
    return dag.open_path(t, y, usable_covariates(graph, t, y) & dag.ancestors(1 << t | 1 << y))


def _way_out(graph: CausalGraph, t: int, y: int) -> str:
    dag = proper_backdoor(graph.dag, t, y)
    hidden = ((1 << len(graph.dag.parents)) - 1) & ~observed_mask(graph) & ~graph.dag.descendants(1 << t)
    usable = usable_covariates(graph, t, y)
    enough = [i for i in bits(hidden) if next(minimal_separators(dag, t, y, usable | 1 << i), None) is not None]
    ends = {i: graph.bidirected[i - len(graph.nodes)] for i in enough if i >= len(graph.nodes)}
    measure = [f"the common cause of {' and '.join(ends[i])}" if i in ends else graph.nodes[i] for i in enough]
    instead = "a randomised treatment, an instrument, or a mediator that meets the front-door criterion"
    return f"to measure {' or '.join(measure)}, or else {instead}" if measure else instead
