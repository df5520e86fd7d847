"""Roles of columns in a question of causal fairness, from a graph or as named, and refusals that say why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from causalrec_lab.causal import mediation
from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.identification.adjustment import NotIdentifiedError
from causalrec_lab.data.registry import nearest

__all__ = ["Roles", "roles_of"]


@dataclass(frozen=True)
class Roles:
    """Who is what.

    Parameters
    ----------
    protected, outcome
        Columns.
    mediators
        What the protected attribute moves and the outcome follows from, causes first where a graph tells.
    confounders
        What drives both, or drives mediators and outcome.
    allowed
        Mediators through which a difference counts as explained.
    """

    protected: str
    outcome: str
    mediators: tuple[str, ...]
    confounders: tuple[str, ...]
    allowed: tuple[str, ...]


def roles_of(
    protected: str,
    outcome: str,
    mediators: Sequence[str] | None,
    confounders: Sequence[str] | None,
    allowed: Iterable[str],
    graph: CausalGraph | None,
) -> Roles:
    """Settle the roles and refuse what the graph does not identify.

    Parameters
    ----------
    mediators, confounders
        Left out, the graph's: every observed node on a directed path from protected to outcome; every observed cause
        of these nodes that the protected attribute does not move.
    allowed
        Some of the mediators.
    graph
        Causal graph, or None: then the roles are taken at their word.

    Raises
    ------
    NotIdentifiedError
        If the graph leaves a path of confounding open, or an unlisted node makes the split between allowed and other
        mediators undefined (a recanting witness); the path is named.
    ValueError
        If there is no graph and no mediators are named, or a name stands in no role it can have.
    """
    through = [str(name) for name in allowed]
    if graph is None:
        if mediators is None:
            raise ValueError("name the mediators (an empty list if there are none), or give graph=")
        return _settled(protected, outcome, list(mediators), list(confounders or ()), through)
    graph.mask([protected], observed=True, role="protected")
    graph.mask([outcome], observed=True, role="outcome")
    if protected in graph.descendants(outcome):
        raise ValueError(f"{outcome} comes before {protected} in the graph: swap them")
    between = _between(graph, protected, outcome)
    chosen = [name for name in between if name in graph.observed] if mediators is None else list(mediators)
    given = _causes(graph, protected, [*chosen, outcome]) if confounders is None else list(confounders)
    chosen = sorted(chosen, key=lambda name: len(graph.ancestors(name)) if name in graph.nodes else 0)
    roles = _settled(protected, outcome, chosen, given, through)
    _refuse(graph, roles)
    return roles


def _refuse(graph: CausalGraph, roles: Roles) -> None:
    x, y, z = roles.protected, roles.outcome, roles.confounders
    if roles.mediators:
        said = mediation.problem(graph, x, roles.mediators, y, z)
        if said:
            raise NotIdentifiedError(f"direct and indirect effects of {x} on {y} are not identified: {said}")
    elif said := _total_problem(graph, x, y, z):
        raise NotIdentifiedError(f"the effect of {x} on {y} is not identified: {said}")
    resolved = [name for name in roles.mediators if name in roles.allowed]
    if resolved and len(resolved) < len(roles.mediators) and (said := mediation.problem(graph, x, resolved, y, z)):
        raise NotIdentifiedError(
            f"the effect that does not pass {', '.join(resolved)} is not identified: {said}; allow what moves an "
            "allowed mediator too, or allow none"
        )


def _total_problem(graph: CausalGraph, x: str, y: str, z: tuple[str, ...]) -> str:
    if moved := [name for name in z if name in graph.descendants(x)]:
        return f"confounder {moved[0]} is moved by {x}; it is a mediator"
    cut = graph.dag.cut_outgoing(graph.mask(x))
    path = cut.open_path(graph.number(x), graph.number(y), graph.mask(z))
    return f"the path {graph.path_text(path)} is open given the confounders" if path else ""


def _between(graph: CausalGraph, x: str, y: str) -> list[str]:
    after, before = set(graph.descendants(x)) - {x, y}, set(graph.ancestors(y)) - {x, y}
    return [name for name in graph.nodes if name in after & before]


def _causes(graph: CausalGraph, x: str, later: list[str]) -> list[str]:
    after = set(graph.descendants(x)) | {x}
    above = {name for node in (x, *later) for name in graph.ancestors(node)}
    return [name for name in graph.observed if name in above - after]


def _settled(protected: str, outcome: str, mediators: list[str], confounders: list[str], allowed: list[str]) -> Roles:
    if lost := [name for name in allowed if name not in mediators]:
        raise ValueError(
            f"allowed={lost[0]!r} is no mediator; "
            + (nearest(lost[0], mediators) if mediators else "there are no mediators to allow")
        )
    everything = [protected, outcome, *mediators, *confounders]
    if twice := [name for name in everything if everything.count(name) > 1]:
        raise ValueError(
            f"{twice[0]!r} stands in two roles; protected, outcome, mediators and confounders are disjoint"
        )
    return Roles(protected, outcome, tuple(mediators), tuple(confounders), tuple(allowed))
