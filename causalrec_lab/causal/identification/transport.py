"""Transportability: whether an effect may be carried from one platform to another, and by which re-weighting."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalrec_lab.causal.graph.notation import markdown_text
from causalrec_lab.causal.graph.separation import Dag, bits, minimal_separators
from causalrec_lab.causal.identification import formulas
from causalrec_lab.causal.identification.adjustment import causal_nodes, proper_backdoor, usable_covariates
from causalrec_lab.causal.identification.answers import braces

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["Transport", "transport"]


@dataclass(frozen=True)
class Transport:
    """Whether an effect may be carried to another platform, and how.

    Parameters
    ----------
    treatment, outcome
        The effect.
    differs
        Nodes whose mechanism differs between the platforms.
    transportable
        Whether one of the formulas tried carries it over.
    weights
        Columns z whose distribution on the other platform re-weights the effect.
    covariates
        Further columns adjusted for within the first platform's log (none for an experiment).
    estimand
        The formula as LaTeX maths; the star marks the other platform.
    open_path
        A path that carries the difference to the outcome, where it cannot be transported.
    needs
        What would help then.
    """

    treatment: str
    outcome: str
    differs: tuple[str, ...]
    transportable: bool
    weights: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    estimand: str = ""
    open_path: str = ""
    needs: str = ""

    def __bool__(self) -> bool:
        """Tell whether the effect may be carried over."""
        return self.transportable

    def __str__(self) -> str:
        """Give the answer as a sentence."""
        what = f"The effect of {self.treatment} on {self.outcome}"
        where = f"a platform that differs in {', '.join(self.differs) or 'nothing'}"
        if not self.transportable:
            path = f", because this path stays open: {self.open_path}" if self.open_path else ""
            return f"{what} may not be carried over to {where} by re-weighting{path}. You would need {self.needs}."
        how = (
            f"re-weighted to that platform's distribution of {braces(self.weights, '')}" if self.weights else "as it is"
        )
        within = f", adjusted for {braces(self.covariates, '')} in the log" if self.covariates else ""
        return f"{what} may be carried over to {where} {how}{within}."

    def _repr_markdown_(self) -> str:
        """Sentence and formula, names from data escaped."""
        return markdown_text(str(self)) + (f"\n\n$${self.estimand}$$" if self.estimand else "")


def transport(
    graph: CausalGraph,
    differs: Iterable[str],
    treatment: str | None = None,
    outcome: str | None = None,
    *,
    source: str = "experiment",
) -> Transport:
    r"""Say whether an effect may be carried to a platform whose mechanisms for `differs` are others.

    Each node that differs gets a selection node S, whose value says which platform we are on. If observed columns Z,
    none of them an effect of the treatment, separate S from the outcome once the treatment is set, then

    .. math:: P^*(y \mid do(t)) = \sum_z P(y \mid do(t), z)\, P^*(z)

    (Pearl & Bareinboim 2014, "External validity", Theorem 2 and Corollary 1: Z is S-admissible). From a log, the
    z-specific effect is adjusted further: :math:`\sum_w P(y \mid t, z, w) P(w \mid z)`. Formulas that re-weight by
    effects of the treatment, or that take parts from the other platform's own log, are not tried.

    Parameters
    ----------
    graph
        The causal graph, the same for both platforms.
    differs
        Nodes whose mechanism (or, for a root, distribution) differs; latent ones too.
    treatment, outcome
        Names; the graph's own where left out.
    source
        "experiment" (the treatment was randomised on the first platform) or "log" (it was observed).

    Raises
    ------
    ValueError
        If a name is no node, `source` is another word, or rows were selected.
    """
    t, y = graph.effect(treatment, outcome)
    if source not in ("experiment", "log"):
        raise ValueError(
            f"source={source!r}: 'experiment' (randomised on the first platform) or 'log' (observed there)"
        )
    if graph.selected:
        raise ValueError("transport: selected rows are not handled; ask identify() first whether they give an effect")
    other = graph.mask(differs, role="differs")
    names = graph.nodes[t], graph.nodes[y], graph.names(other)
    if not causal_nodes(graph.dag, t, y):
        return Transport(*names, True, estimand=formulas.no_effect(*names[:2]))
    signs = other & ~(1 << t)  # setting the treatment replaces its mechanism
    if signs >> y & 1:
        needs = "an experiment on the other platform: the outcome's own mechanism differs"
        return Transport(*names, False, open_path=f"S -> {names[1]}", needs=needs)
    found = _found(graph, t, y, signs, source)
    if found is None:
        path, needs = _obstacle(graph, t, y, signs, source)
        return Transport(*names, False, open_path=path, needs=needs)
    weights, covariates = map(graph.names, found)
    return Transport(*names, True, weights, covariates, formulas.transported(*names[:2], weights, covariates, source))


def _marked(dag: Dag, t: int, signs: int) -> tuple[Dag, int]:
    """The graph in which the treatment is set and known, with one node more that says which platform this is."""
    cut = dag.cut_incoming(1 << t).cut_outgoing(1 << t)
    sign = len(dag.parents)
    parents = [p | 1 << sign if signs >> i & 1 else p for i, p in enumerate(cut.parents)]
    return Dag((*parents, 0)), sign


def _found(graph: CausalGraph, t: int, y: int, signs: int, source: str) -> tuple[int, int] | None:
    """Smallest re-weighting set, and what the log must be adjusted for within it."""
    before = usable_covariates(graph, t, y) & ~graph.dag.descendants(1 << t)
    marked, sign = _marked(graph.dag, t, signs)
    sets = sorted(
        itertools.islice(minimal_separators(marked, sign, y, before), 1000),
        key=lambda z: (z.bit_count(), graph.names(z)),
    )
    if source == "experiment":
        return (sets[0], 0) if sets else None
    proper = proper_backdoor(graph.dag, t, y)
    for weights in sets:
        rest = minimal_separators(proper, t, y, before & ~weights, forced=weights)
        if further := sorted(itertools.islice(rest, 1000), key=lambda w: (w.bit_count(), graph.names(w))):
            return weights, further[0]
    return None


def _obstacle(graph: CausalGraph, t: int, y: int, signs: int, source: str) -> tuple[str, str]:
    marked, sign = _marked(graph.dag, t, signs)
    before = usable_covariates(graph, t, y) & ~graph.dag.descendants(1 << t) & marked.ancestors(1 << sign | 1 << y)
    for i in bits(signs):
        alone, one = _marked(graph.dag, t, 1 << i)
        if path := alone.open_path(one, y, before):
            text = f"S -> {graph.path_text(path[1:])}"
            return text, "the outcome's other causes on this path measured on both platforms, or an experiment there"
    extra = "an experiment on the first platform" if source == "log" else "an experiment on the other platform"
    answer = graph.identify(graph.nodes[t], graph.nodes[y])
    return answer.open_path, f"{extra}: its log does not give the effect within the strata to be re-weighted"
