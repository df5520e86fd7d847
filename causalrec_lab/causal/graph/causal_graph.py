"""`CausalGraph`: what a researcher assumes about the world, and every question that can be put to it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from causalrec_lab.causal.graph.notation import written
from causalrec_lab.causal.graph.structure import Structure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from causalrec_lab.causal.identification.answers import Identification
    from causalrec_lab.causal.identification.instruments import Instrument
    from causalrec_lab.causal.identification.optimal import OptimalAdjustment
    from causalrec_lab.causal.identification.transport import Transport
    from causalrec_lab.causal.independence import Independence

__all__ = ["CausalGraph"]


class CausalGraph(Structure):
    r"""A directed acyclic graph with latent common causes, and optionally a treatment and an outcome.

    Parameters
    ----------
    edges
        Text (``"a -> b -> c; b <-> c"``: statements end at a semicolon or line end, commas list nodes, a name alone is
        a node without edges), or an iterable of ``(cause, effect)`` pairs. ``a <-> b`` stands for a latent common
        cause of a and b.
    latent
        Nodes that are never observed.
    treatment, outcome
        The effect in question; `identify` and its kin need both.
    selected
        Nodes that decided which rows are in the data (only users who clicked, only orders that were reviewed): the
        same in every row, so that every answer is conditional on them.

    Raises
    ------
    ValueError
        On a cycle (which is shown), a role given to a node that is not there (the nearest name is offered), a latent
        or selected treatment or outcome, one node as both.

    Examples
    --------
    >>> graph = CausalGraph("taste -> shown -> bought; taste -> bought", treatment="shown", outcome="bought")
    >>> graph.adjustment_sets()
    [frozenset({'taste'})]
    """

    def __init__(
        self,
        edges: str | Iterable[str | Sequence[str]],
        latent: Iterable[str] = (),
        treatment: str | None = None,
        outcome: str | None = None,
        selected: Iterable[str] = (),
    ) -> None:
        super().__init__(edges, latent, selected)
        for role, name in (("treatment", treatment), ("outcome", outcome)):
            if name is not None:
                self.number(name, role=role)
            if name in self.latent:
                raise ValueError(f"{role} {name!r} is declared latent; what is never observed cannot be the {role}")
            if name in self.selected:
                raise ValueError(f"{role} {name!r} is declared selected; what never varies cannot be the {role}")
        if treatment is not None and treatment == outcome:
            raise ValueError(f"{treatment!r} is treatment and outcome at once; they are two columns: shown, and bought")
        self.treatment, self.outcome = treatment, outcome

    def effect(self, treatment: str | None = None, outcome: str | None = None) -> tuple[int, int]:
        """Node numbers of treatment and outcome, the graph's own where left out.

        Raises
        ------
        ValueError
            If one is neither given nor known, latent, or several at once.
        """
        found = []
        for role, name in (("treatment", treatment or self.treatment), ("outcome", outcome or self.outcome)):
            if name is None:
                raise ValueError(
                    f"no {role}: give {role}=… here or to CausalGraph; nodes are {', '.join(self.observed)}"
                )
            found.append(self.number(name, observed=True, role=role))
        if found[0] == found[1]:
            raise ValueError("treatment and outcome are the same node; they are two columns: shown, and bought")
        return found[0], found[1]

    def adjustment_sets(
        self, treatment: str | None = None, outcome: str | None = None, *, limit: int = 1000
    ) -> list[frozenset[str]]:
        """All minimal valid adjustment sets, smallest first; see `adjustment.adjustment_sets`."""
        from causalrec_lab.causal.identification.adjustment import adjustment_sets

        return adjustment_sets(self, treatment, outcome, limit=limit)

    def adjustment_set(self, treatment: str | None = None, outcome: str | None = None) -> list[str]:
        """Smallest adjustment set, or an error with the way out; see `adjustment.adjustment_set`."""
        from causalrec_lab.causal.identification.adjustment import adjustment_set

        return adjustment_set(self, treatment, outcome)

    def adjustment_problem(
        self, covariates: Iterable[str], treatment: str | None = None, outcome: str | None = None
    ) -> str:
        """Why these covariates must not be adjusted for, or an empty text; see `adjustment.adjustment_problem`."""
        from causalrec_lab.causal.identification.adjustment import adjustment_problem

        return adjustment_problem(self, covariates, treatment, outcome)

    def open_paths(
        self, given: Iterable[str] = (), treatment: str | None = None, outcome: str | None = None
    ) -> list[str]:
        """Every non-causal path that stays open with `given` held fixed, as text; see `adjustment.open_paths`."""
        from causalrec_lab.causal.identification.adjustment import open_paths

        return [self.path_text(path) for path in open_paths(self, given, treatment, outcome)]

    def optimal_adjustment_set(self, treatment: str | None = None, outcome: str | None = None) -> OptimalAdjustment:
        """Adjustment set of least asymptotic variance, where there is one; see `optimal.optimal_adjustment_set`."""
        from causalrec_lab.causal.identification.optimal import optimal_adjustment_set

        return optimal_adjustment_set(self, treatment, outcome)

    def frontdoor_sets(
        self, treatment: str | None = None, outcome: str | None = None, *, limit: int = 1000
    ) -> list[frozenset[str]]:
        """All minimal front-door sets, smallest first; see `frontdoor.frontdoor_sets`."""
        from causalrec_lab.causal.identification.frontdoor import frontdoor_sets

        return frontdoor_sets(self, treatment, outcome, limit=limit)

    def instruments(self, treatment: str | None = None, outcome: str | None = None) -> list[Instrument]:
        """Instruments, conditional ones with their covariates; see `instruments.instruments`."""
        from causalrec_lab.causal.identification.instruments import instruments

        return instruments(self, treatment, outcome)

    def identify(
        self, treatment: str | None = None, outcome: str | None = None, *, external: Iterable[str] = ()
    ) -> Identification:
        """Say whether and how the effect follows from observed data; see `identification.identify`."""
        from causalrec_lab.causal.identification.identify import identify

        return identify(self, treatment, outcome, external=external)

    def transport(
        self,
        differs: Iterable[str],
        treatment: str | None = None,
        outcome: str | None = None,
        *,
        source: str = "experiment",
    ) -> Transport:
        """Say whether the effect may be carried to a platform that differs in some nodes; see `transport.transport`."""
        from causalrec_lab.causal.identification.transport import transport

        return transport(self, differs, treatment, outcome, source=source)

    def implied_independencies(self) -> tuple[Independence, ...]:
        """Independencies among observed nodes that the graph claims; see `independence.implied_independencies`."""
        from causalrec_lab.causal.independence import implied_independencies

        return implied_independencies(self)

    def test(self, frame: pd.DataFrame, *, level: float = 0.05) -> pd.DataFrame:
        """Test what the graph claims against data; see `independence.graph_test`."""
        from causalrec_lab.causal.independence import graph_test

        return graph_test(self, frame, level=level)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        failing: Any = (),
        given: Iterable[str] | None = None,
        title: str | None = None,
    ) -> Axes:
        """Draw the graph in layers, causes left; see `drawing.draw`."""
        from causalrec_lab.causal.graph.drawing import draw

        return draw(self, ax, failing=failing, given=given, title=title)

    @classmethod
    def from_networkx(
        cls,
        graph: Any,
        treatment: str | None = None,
        outcome: str | None = None,
        latent: Iterable[str] = (),
        selected: Iterable[str] = (),
    ) -> CausalGraph:
        """Take a directed networkx graph; nodes with a true attribute ``latent`` are latent, as `to_networkx` writes.

        Raises
        ------
        ValueError
            If the graph is undirected, or two nodes have the same name as text.
        """
        if not graph.is_directed():
            raise ValueError("from_networkx: the graph is undirected; a causal graph needs arrows (networkx.DiGraph)")
        names = [str(node) for node in graph.nodes]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"from_networkx: two nodes are called {twice[0]!r} as text; rename one")
        pairs = dict.fromkeys((str(edge[0]), str(edge[1])) for edge in graph.edges)
        marked = {str(node) for node, about in graph.nodes(data=True) if about.get("latent")}
        marked |= {str(node) for node in getattr(graph, "latents", ())}
        given = (latent,) if isinstance(latent, str) else map(str, latent)
        cause, effect = (None if name is None else str(name) for name in (treatment, outcome))
        return cls([*map(written, names), *pairs], dict.fromkeys([*sorted(marked), *given]), cause, effect, selected)

    @classmethod
    def from_pgmpy(cls, model: Any, treatment: str | None = None, outcome: str | None = None) -> CausalGraph:
        """Take a pgmpy `DAG` or Bayesian network with its latents; its exposure and outcome roles where left out.

        Raises
        ------
        ValueError
            If edges have no direction (a PDAG, as discovery returns), or several nodes have a role left out here.
        """
        if undirected := sorted(map(str, getattr(model, "undirected_edges", ()))):
            raise ValueError(f"from_pgmpy: edge {undirected[0]} has no direction; decide it, or use to_dag() first")
        roles = model.get_role_dict() if hasattr(model, "get_role_dict") else {}
        ends: list[str | None] = []
        for role, here, given in (("exposures", "treatment", treatment), ("outcomes", "outcome", outcome)):
            held = [given] if given is not None else sorted(map(str, roles.get(role, ())))
            if len(held) > 1:
                raise ValueError(f"from_pgmpy: several {role} ({', '.join(held)}); say which one by {here}=")
            ends.append(held[0] if held else None)
        return cls.from_networkx(model, ends[0], ends[1])

    @classmethod
    def from_bif(cls, path: str | Path, treatment: str | None = None, outcome: str | None = None) -> CausalGraph:
        """Take the graph of a ``.bif`` or ``.bif.gz`` file; its tables go to `StructuralCausalModel.from_bif`.

        Raises
        ------
        ValueError
            If the file holds no network.
        """
        from causalrec_lab.causal.scm.bif import read_bif

        parents = read_bif(path).parents
        pairs = [(p, n) for n, above in parents.items() for p in above]
        return cls([*map(written, parents), *pairs], (), treatment, outcome)

    def _roles(self) -> dict[str, Any]:
        return {
            "latent": list(self.latent),
            "treatment": self.treatment,
            "outcome": self.outcome,
            "selected": list(self.selected),
        }

    def __repr__(self) -> str:
        """Constructor call that gives this graph."""
        return f"CausalGraph({str(self)!r}" + "".join(f", {k}={v!r}" for k, v in self._roles().items() if v) + ")"

    def _repr_html_(self) -> str:
        """Small deterministic table of the edges and roles."""
        rows = [(k, ", ".join(v) if isinstance(v, list) else v or "") for k, v in self._roles().items()]
        rows += [
            ("edges", "; ".join(f"{a} \u2192 {b}" for a, b in self.edges)),
            ("latent common cause", "; ".join(f"{a} \u2194 {b}" for a, b in self.bidirected)),
        ]
        cells = "".join(f"<tr><th>{k}</th><td>{html.escape(v)}</td></tr>" for k, v in rows if v)
        return f'<table class="causal-graph"><tbody>{cells}</tbody></table>'
