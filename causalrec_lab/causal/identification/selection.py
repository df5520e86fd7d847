"""Selection bias: effects from rows that are in the data because of what happened in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from causalrec_lab.causal.graph.separation import Dag, bits, minimal_separators
from causalrec_lab.causal.identification import formulas
from causalrec_lab.causal.identification.answers import Identification

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["identify_selected", "selection_problem"]

MANY = 10  # usable covariates above which only minimal sets are tried
TRIED = ("adjustment in selected rows",)
METHOD = "adjustment in selected rows"


def identify_selected(graph: CausalGraph, t: int, y: int, external: int) -> Identification:
    r"""Recover an effect on everyone from selected rows S = s by adjustment.

    With E the columns also known for the whole population, Z gives

    .. math:: P(y \mid do(t)) = \sum_z P(y \mid t, z, s)\, P(z \setminus e \mid e, s)\, P(e)

    if Z is a valid adjustment set, the outcome is independent of S given T and Z, and Z \\ E is independent of S given
    Z and E (the selection back-door of Bareinboim, Tian & Pearl 2014, and the generalised adjustment of Correa, Tian &
    Bareinboim 2018, Definition 4). Front-door formulas under selection, and the weaker case in which selection itself
    helps to block a path, are not tried.
    """
    names = graph.nodes[t], graph.nodes[y]
    rows = graph.mask(graph.selected)
    sets = list(itertools.islice(_candidates(graph, t, y, rows), 1000))
    for chosen in sorted(sets, key=lambda z: (z.bit_count(), graph.names(z))):
        if _same_within(graph.dag, chosen, external, rows):
            return _recovered(graph, names, chosen, external)
    if not sets:
        path, needs = _obstacle(graph, t, y, rows)
        return Identification(*names, False, "", open_path=path, needs=needs, tried=TRIED)
    chosen, outside = min(
        ((z, _least_external(graph.dag, z, external, rows)) for z in sets),
        key=lambda pair: ((pair[1] & ~external).bit_count(), pair[0].bit_count(), graph.names(pair[0])),
    )
    ask = ", ".join(graph.names(outside & ~external))
    covariates = graph.names(chosen)
    formula = formulas.selected_adjustment(*names, covariates, graph.selected, graph.names(outside))
    needs = f"the distribution of {ask} in the whole population, beyond the selected rows (external={{{ask}}})"
    return Identification(*names, False, "", formula, covariates, needs=needs, tried=TRIED)


def _recovered(graph: CausalGraph, names: tuple[str, str], chosen: int, external: int) -> Identification:
    rows = graph.mask(graph.selected)
    outside = 0 if _same_within(graph.dag, chosen, 0, rows) else external & chosen
    covariates = graph.names(chosen)
    formula = formulas.selected_adjustment(*names, covariates, graph.selected, graph.names(outside))
    return Identification(*names, True, METHOD, formula, covariates, tried=TRIED)


def _candidates(graph: CausalGraph, t: int, y: int, rows: int) -> Iterator[int]:
    """Valid sets that also separate outcome and selection: the minimal ones, and all where there are few nodes."""
    from causalrec_lab.causal.identification.adjustment import proper_backdoor, usable_covariates

    proper, usable = proper_backdoor(graph.dag, t, y), usable_covariates(graph, t, y)
    if usable.bit_count() > MANY:
        yield from minimal_separators(proper, t, y, usable, beside=rows)
        return
    nodes = list(bits(usable))
    for size in range(len(nodes) + 1):
        for some in itertools.combinations(nodes, size):
            chosen = sum(1 << i for i in some)
            if proper.separated(1 << t | rows, 1 << y, chosen):
                yield chosen


def _same_within(dag: Dag, chosen: int, external: int, rows: int) -> bool:
    """Tell whether selection leaves the distribution of the covariates alone, given those known from outside."""
    inside = chosen & ~external
    return dag.separated(inside, rows, chosen & external)


def _least_external(dag: Dag, chosen: int, external: int, rows: int) -> int:
    """Smallest part of `chosen` whose distribution must come from outside, what is known already first."""
    nodes = list(bits(chosen & ~external))
    for size in range(len(nodes) + 1):
        for some in itertools.combinations(nodes, size):
            outside = chosen & external | sum(1 << i for i in some)
            if _same_within(dag, chosen, outside, rows):
                return outside
    return chosen


def _obstacle(graph: CausalGraph, t: int, y: int, rows: int) -> tuple[str, str]:
    """Open path that no covariate closes, and what would help."""
    from causalrec_lab.causal.identification.adjustment import proper_backdoor, usable_covariates

    proper = proper_backdoor(graph.dag, t, y)
    usable = usable_covariates(graph, t, y) & proper.ancestors(1 << t | 1 << y | rows)
    by = " and ".join(graph.selected)
    for s in bits(rows):
        if path := proper.open_path(s, y, usable | 1 << t):
            needs = f"rows that were not selected by {by}, or each row's probability of selection"
            return graph.path_text(path), needs
    path = proper.open_path(t, y, usable | rows) or proper.open_path(t, y, usable)
    return graph.path_text(path), "to measure what acts on this path, or a randomised treatment"


def selection_problem(graph: CausalGraph, t: int, y: int, chosen: int) -> str:
    """Say why adjusting in the selected rows does not give the effect on everyone; empty where it does."""
    rows = graph.mask(graph.selected)
    for s in bits(rows):
        if path := graph.dag.open_path(s, y, chosen | 1 << t | rows & ~(1 << s)):
            return f"rows are selected by {graph.nodes[s]}, and this path stays open: {graph.path_text(path)}"
    for z in bits(chosen):
        for s in bits(rows):
            if path := graph.dag.open_path(s, z, rows & ~(1 << s)):
                name = graph.nodes[z]
                return (
                    f"the selected rows have another distribution of {name} ({graph.path_text(path)}); "
                    f"that of the whole population is needed: identify(external=[{name!r}])"
                )
    return ""
