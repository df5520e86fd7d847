"""Which effects follow from observed data: adjustment, front-door, instruments, and what is missing otherwise."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalrec_lab.causal.adjustment import (
    adjustment_sets,
    causal_nodes,
    observed_mask,
    proper_backdoor,
    usable_covariates,
)
from causalrec_lab.causal.frontdoor import frontdoor_sets
from causalrec_lab.causal.notation import BETWEEN, latex_name, markdown_text
from causalrec_lab.causal.separation import bits, minimal_separators

if TYPE_CHECKING:
    from causalrec_lab.causal.graph import CausalGraph

__all__ = ["Identification", "Instrument", "identify", "instruments"]


@dataclass(frozen=True)
class Instrument:
    """A variable that moves the treatment and reaches the outcome through it alone, given `given`."""

    name: str
    given: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """``z`` or ``z | a, b``."""
        return self.name + (f" | {', '.join(sorted(self.given))}" if self.given else "")


@dataclass(frozen=True)
class Identification:
    """The answer to "does this effect follow from what is observed?".

    Parameters
    ----------
    treatment, outcome
        The effect asked for.
    identified
        True only where the interventional distribution follows from the observed one without further assumptions.
    method
        "no directed path", "back-door adjustment", "front-door adjustment", "instrument", or "" where none applies.
    estimand
        The formula as LaTeX maths, without dollar signs; more than two covariates stand in it as **x**. Empty where
        there is none.
    covariates
        The columns the formula uses beside treatment and outcome: adjustment set, mediators, or what the instrument
        is conditioned on.
    instrument
        The instrument's column, where `method` is "instrument".
    open_path
        A path that stays open, where adjustment fails.
    needs
        What else would have to hold or be measured.
    tried
        Methods that were tried.
    """

    treatment: str
    outcome: str
    identified: bool
    method: str
    estimand: str = ""
    covariates: tuple[str, ...] = ()
    instrument: str | None = None
    open_path: str = ""
    needs: str = ""
    tried: tuple[str, ...] = ("adjustment", "front-door", "instrument")

    def __bool__(self) -> bool:
        """Tell whether the effect is identified."""
        return self.identified

    def __str__(self) -> str:
        """Give the answer as a sentence."""
        what = f"The effect of {self.treatment} on {self.outcome} is"
        names = f"{'x = ' if len(self.covariates) > 2 else ''}{{{', '.join(self.covariates)}}}"
        using = f" with {names}" if self.covariates else ""
        if self.method == "no directed path":
            return f"{what} zero: no directed path leads from {self.treatment} to {self.outcome}."
        if self.identified:
            return f"{what} identified by {self.method}{using or ' with the empty set'}."
        if self.method == "instrument":
            given = f" given {names}" if self.covariates else ""
            return (
                f"{what} identified by the instrument {self.instrument}{given} only under linearity or, as LATE, "
                f"monotonicity; not by adjustment, because this path stays open: {self.open_path}."
            )
        return (
            f"{what} not identified by these methods ({', '.join(self.tried)}), because this path stays open: "
            f"{self.open_path}. You would need {self.needs}."
        )

    def _repr_markdown_(self) -> str:
        """Sentence and formula, names from data escaped."""
        formula = f"\n\n$${self.estimand}$$" if self.estimand else ""
        return markdown_text(str(self)) + formula


def instruments(
    graph: CausalGraph, treatment: str | None = None, outcome: str | None = None, *, limit: int = 1000
) -> list[Instrument]:
    """Instruments for the effect, each with a minimal set it must be conditioned on, smallest sets first.

    z is an instrument given W if W holds no descendant of the treatment, z and the treatment are dependent given W, and
    z and the outcome are d-separated given W once the edges out of the treatment are removed (Brito & Pearl 2002; van
    der Zander, Textor & Liskiewicz 2015, whose ancestral instruments these are).

    An instrument alone identifies no distribution: see `Identification`.
    """
    t, y = graph.effect(treatment, outcome)
    cut = graph.dag.cut_outgoing(1 << t)
    usable = observed_mask(graph) & ~(graph.dag.descendants(1 << t) | 1 << y)
    out = [
        Instrument(graph.nodes[z], frozenset(graph.names(given)))
        for z in bits(usable)
        for given in itertools.islice(minimal_separators(cut, z, y, usable & ~(1 << z)), limit)
        if not graph.dag.separated(1 << z, 1 << t, given)
    ]
    return sorted(out, key=lambda found: (len(found.given), found.name, sorted(found.given)))


def identify(graph: CausalGraph, treatment: str | None = None, outcome: str | None = None) -> Identification:
    """Say whether the effect of treatment on outcome is identified, by what, and with which formula.

    Tried in turn: no directed path (the effect is zero), adjustment, front-door, instruments. The last gives
    ``identified=False`` with the assumptions under which it would be. The general algorithm of Shpitser & Pearl (2006)
    is not tried: "not identified by these methods" is not "not identifiable".

    Raises
    ------
    ValueError
        If treatment or outcome is missing, unknown or latent.
    """
    t, y = graph.effect(treatment, outcome)
    names = graph.nodes[t], graph.nodes[y]
    if not causal_nodes(graph.dag, t, y):
        return Identification(*names, True, "no directed path", _formula("none", *names))
    if sets := adjustment_sets(graph, *names):
        return _by("back-door adjustment", "adjust", graph, names, sets[0])
    if sets := frontdoor_sets(graph, *names):
        return _by("front-door adjustment", "frontdoor", graph, names, sets[0])
    usable = usable_covariates(graph, t, y)
    path = graph.path_text(_least_open(graph, t, y, usable))
    if found := instruments(graph, *names):
        given = tuple(n for n in graph.nodes if n in found[0].given)
        formula = _formula("instrument", *names, given, found[0].name)
        needs = "linearity, or monotonicity and an effect among compliers (LATE)"
        return Identification(*names, False, "instrument", formula, given, found[0].name, path, needs)
    return Identification(*names, False, "", open_path=path, needs=_way_out(graph, t, y))


def _by(method: str, kind: str, graph: CausalGraph, names: tuple[str, str], chosen: frozenset[str]) -> Identification:
    ordered = tuple(n for n in graph.nodes if n in chosen)
    return Identification(*names, True, method, _formula(kind, *names, ordered), ordered)


def _least_open(graph: CausalGraph, t: int, y: int, usable: int) -> list[tuple[int, bool]]:
    """Find an open non-causal path although every usable ancestor of treatment and outcome is adjusted for."""
    dag = proper_backdoor(graph.dag, t, y)
    return dag.open_path(t, y, usable & dag.ancestors(1 << t | 1 << y))


def _way_out(graph: CausalGraph, t: int, y: int) -> str:
    dag = proper_backdoor(graph.dag, t, y)
    hidden = ((1 << len(graph.dag.parents)) - 1) & ~observed_mask(graph) & ~graph.dag.descendants(1 << t)
    usable = usable_covariates(graph, t, y)
    enough = [i for i in bits(hidden) if next(minimal_separators(dag, t, y, usable | 1 << i), None) is not None]
    found = graph.names(sum(1 << i for i in enough))
    measure = [n if n in graph.nodes else "the common cause of " + " and ".join(n.split(BETWEEN)) for n in found]
    instead = "a randomised treatment, an instrument, or a mediator that meets the front-door criterion"
    return f"to measure {' or '.join(measure)}, or else {instead}" if measure else instead


def _formula(kind: str, treatment: str, outcome: str, chosen: tuple[str, ...] = (), instrument: str = "") -> str:
    t, y = latex_name(treatment), latex_name(outcome)
    z = ", ".join(map(latex_name, chosen)) if len(chosen) <= 2 else r"\mathbf{x}"
    do = rf"P({y} \mid do({t}))"
    if kind == "none":
        return rf"{do} = P({y})"
    if kind == "instrument":
        w, given = latex_name(instrument), rf" \mid {z}" if z else ""
        return rf"\frac{{\mathrm{{Cov}}({y}, {w}{given})}}{{\mathrm{{Cov}}({t}, {w}{given})}}"
    if kind == "frontdoor":
        inner = rf"\sum_{{{t}'}} P({y} \mid {t}', {z})\, P({t}')"
        return rf"{do} = \sum_{{{z}}} P({z} \mid {t}) {inner}"
    return rf"{do} = \sum_{{{z}}} P({y} \mid {t}, {z})\, P({z})" if z else rf"{do} = P({y} \mid {t})"
