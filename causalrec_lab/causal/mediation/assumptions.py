"""What must hold for effects along paths, in words, and what a causal graph says about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["ASSUMPTIONS", "LINEAR_ASSUMPTIONS", "check_graph", "problem"]

ASSUMPTIONS = (
    "no unmeasured confounding of treatment and mediators, or of treatment and outcome, given the covariates",
    "no unmeasured confounding of a mediator and what follows it, given covariates, treatment and earlier mediators",
    "no intermediate confounder: what the treatment moves and drives a mediator and the outcome is itself a mediator",
    "across worlds, as no experiment can test: mediators under one treatment tell nothing of outcomes under the other",
    "every kind of row could be treated or not, and could pass each stage or not",
    "one row's treatment does not change another row's mediators or outcome",
)
LINEAR_ASSUMPTIONS = (
    *ASSUMPTIONS[:2],
    "every equation is linear in what stands before it, with no interaction of treatment and mediators",
    ASSUMPTIONS[-1],
)


def problem(
    graph: CausalGraph, treatment: str, mediators: str | Sequence[str], outcome: str, covariates: Iterable[str] = ()
) -> str:
    r"""Say why a graph does not identify the effects along ordered mediators; empty where it does.

    With V the treatment and the mediators in their order, each V must have no open back-door path to any later mediator
    or the outcome given the covariates and what stands before V (sequential ignorability: Imai, Keele and Yamamoto
    2010, assumption 1; for ordered mediators Zhou 2022). A variable that the treatment moves and that drives
    a mediator and the outcome is a *recanting witness* (Avin, Shpitser and Pearl 2005): the effect through
    the mediator would need its value under both treatments at once. Named among the mediators it does no harm, but then
    only the effect through it *and* what follows from it is told apart.

    Parameters
    ----------
    graph
        The causal graph.
    treatment, outcome
        Nodes.
    mediators
        Nodes, in the order in which they happen.
    covariates
        Nodes that are adjusted for.

    Raises
    ------
    ValueError
        If a name is no node, is latent, or stands in two roles.
    """
    chain, given = [treatment, *_listed(mediators)], [covariates] if isinstance(covariates, str) else list(covariates)
    for role, names in (
        ("treatment", chain[:1]),
        ("mediator", chain[1:]),
        ("outcome", [outcome]),
        ("covariate", given),
    ):
        graph.mask(names, observed=True, role=role)
    everything = [*chain, outcome, *given]
    if twice := [name for name in dict.fromkeys(everything) if everything.count(name) > 1]:
        raise ValueError(f"{twice[0]!r} stands in two roles; treatment, mediators, outcome and covariates are disjoint")
    return _out_of_order(graph, chain, outcome, given) or _open_door(graph, chain, outcome, given)


def check_graph(
    graph: CausalGraph, treatment: str, mediators: Sequence[str], outcome: str, covariates: Iterable[str]
) -> None:
    """Refuse roles that contradict a graph; columns the graph does not have are left alone among the covariates.

    Raises
    ------
    ValueError
        With what `problem` says.
    """
    known = [name for name in covariates if name in graph.nodes]
    if said := problem(graph, treatment, mediators, outcome, known):
        raise ValueError(f"the graph does not identify these effects: {said}")


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _out_of_order(graph: CausalGraph, chain: list[str], outcome: str, covariates: list[str]) -> str:
    treatment, *mediators = chain
    after = set(graph.descendants(treatment))
    for name in mediators:
        if treatment in graph.descendants(name):
            return f"{name} comes before {treatment}: a mediator is moved by the treatment, not the other way round"
        if name not in after:
            return f"{name} is no mediator: no directed path leads from {treatment} to it"
        if outcome not in graph.descendants(name):
            return f"{name} is no mediator: no directed path leads from it to {outcome}"
    for place, name in enumerate(mediators):
        if early := [other for other in mediators[:place] if other in graph.descendants(name)]:
            return f"{early[0]} is listed before {name} and follows from it; list mediators in the order they happen"
    if moved := [name for name in covariates if name in after]:
        return f"covariate {moved[0]} is moved by {treatment}; it belongs among the mediators, or out of the analysis"
    return ""


def _open_door(graph: CausalGraph, chain: list[str], outcome: str, covariates: list[str]) -> str:
    after = set(graph.descendants(chain[0]))
    for place, name in enumerate(chain):
        given = graph.mask([*covariates, *chain[:place]])
        node = graph.mask(name)
        cut = graph.dag.cut_outgoing(node)
        for later in [*chain[place + 1 :], outcome]:
            path = cut.open_path(node.bit_length() - 1, graph.mask(later).bit_length() - 1, given)
            if not path:
                continue
            text = graph.path_text(path)
            on_path = [
                other
                for other in after - set(chain) - {outcome}
                if graph.mask(other).bit_length() - 1 in {step for step, _ in path}
            ]
            if on_path and place:
                return (
                    f"{on_path[0]} is moved by {chain[0]} and drives {name} and {later} ({text}): an intermediate "
                    f"confounder, which makes {chain[0]} -> {on_path[0]} a recanting witness; put it among the "
                    f"mediators before {name} and ask for the effect through both, or set the mediators by "
                    "intervention (the controlled effect)"
                )
            return f"{name} and {later} stay confounded: the path {text} is open given the covariates"
    return ""
