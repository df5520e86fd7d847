"""What can be asked of a structural causal model beyond a do-query: intervals, counterfactuals, decisions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.scm.counterfactual import causation, counterfactual
from causalrec_lab.causal.scm.couplings import Coupling
from causalrec_lab.causal.scm.deciding import Utility, decide
from causalrec_lab.causal.scm.decision import Decision
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem
from causalrec_lab.causal.scm.prediction import predict
from causalrec_lab.causal.scm.uncertainty import causation_intervals, contrast_of, effect, interval
from causalrec_lab.estimate import Estimate

__all__ = ["Questions", "mutilated"]


class Questions(ABC):
    """Questions to a graph with mechanisms; `StructuralCausalModel` is the one that is fitted."""

    graph: CausalGraph

    @property
    @abstractmethod
    def mechanisms(self) -> DiscreteNetwork | GaussianSystem:
        """Tables or equations."""

    def predict(self, frame: pd.DataFrame, target: str, do: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Posterior of one node for every row of a table, missing cells left out of that row; see `prediction.predict`.

        Its `.idxmax(axis=1)` is the likeliest state.

        Raises
        ------
        ValueError
            On an unknown node, a state never seen, or a row of probability 0.
        """
        do = dict(do or {})
        self._roles(target=(target,), do=do)
        return predict(self.mechanisms, mutilated(self.graph, do), frame, target, do)

    def interval(
        self,
        target: str | Iterable[str],
        do: Mapping[str, Any] | None = None,
        given: Mapping[str, Any] | None = None,
        *,
        level: float = 0.95,
        draws: int = 1_000,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Answer of `query` with credible intervals from `draws` of the parameters; see `uncertainty.interval`."""
        targets, do, given = self._asked(target, do, given)
        return interval(self.mechanisms, (targets, do, given), level, draws, seed)

    def effect(
        self,
        treatment: str | None = None,
        outcome: str | None = None,
        *,
        contrast: tuple[Any, Any] | None = None,
        state: Any = None,
        given: Mapping[str, Any] | None = None,
        level: float = 0.95,
        draws: int = 1_000,
        seed: int = 0,
    ) -> Estimate:
        """Difference that setting the treatment makes to the outcome, with its posterior interval.

        Parameters
        ----------
        treatment, outcome
            Nodes; the graph's own where left out.
        contrast
            The two values compared (from, to); a binary treatment's states in order, or 0 and 1.
        state
            State of the outcome whose probability counts; left out, the outcome's number or second state.
        given
            Evidence in the world after the intervention.
        level, draws, seed
            Interval from `draws` of the parameters.
        """
        x, y = (self.graph.nodes[i] for i in self.graph.effect(treatment, outcome))
        given = dict(given or {})
        self._roles(treatment=(x,), outcome=(y,), given=given)
        pair = contrast_of(self.mechanisms, x, contrast)
        return effect(self.mechanisms, x, y, pair, state, given, level=level, draws=draws, seed=seed)

    def counterfactual(
        self,
        row: Mapping[str, Any],
        do: Mapping[str, Any],
        *,
        target: str | Iterable[str] | None = None,
        coupling: str | Coupling | Mapping[str, str | Coupling] | None = None,
    ) -> pd.DataFrame:
        r"""What `row` would have been under `do`: abduction, action, prediction (Pearl 2009, Theorem 7.1.7).

        In a linear-Gaussian model the noise follows from the row. A discrete table leaves open how a node's values
        under two settings of its causes go together: declare a `coupling`, or take bounds.

        Parameters
        ----------
        row
            What was observed, wholly or in part; other entries than nodes are ignored.
        do
            Node -> value it would have had.
        target
            Nodes to answer for (discrete); left out, every effect of what is set.
        coupling
            "monotone" (one uniform a node, states in order), "gumbel" (Oberst & Sontag 2019), "independent", a function
            of two laws (see `couplings`), a mapping node -> one of these; None for bounds.

        Returns
        -------
        Gaussian: mean and variance, a row a node. Discrete: a row a node and state, with its probability; without a
        coupling lower and upper, and sharp: whether both are attained by some coupling (else they are only valid).

        Raises
        ------
        ValueError
            On an unknown node or state, a row of probability 0, or too many histories to bound.
        """
        seen = {str(k): row[k] for k in row.keys() if k in self.graph.nodes}  # noqa: SIM118 (a pandas row too)
        if len(row) and not seen:
            names = next(iter(map(str, row.keys())))
            raise ValueError(f"row: none of its entries is a node of the model; {nearest(names, self.graph.nodes)}")
        self._roles(row=seen)
        self._roles(do=do)
        if isinstance(coupling, Mapping):
            self._roles(coupling=list(coupling))
        mechanisms = self.mechanisms
        if isinstance(mechanisms, GaussianSystem):
            if coupling is not None:
                raise ValueError("a linear-Gaussian model has its coupling, additive noise; leave coupling out")
            return mechanisms.counterfactual(seen, do)
        asked = (target,) if isinstance(target, str) else tuple(target or self.graph.descendants(do))
        self._roles(target=asked, do=do)
        return counterfactual(mechanisms, seen, do, asked, coupling)

    def causation(
        self,
        treatment: str | None = None,
        outcome: str | None = None,
        *,
        contrast: tuple[Any, Any] | None = None,
        given: Mapping[str, Any] | None = None,
        coupling: str | Coupling | Mapping[str, str | Coupling] | None = None,
        level: float = 0.95,
        draws: int = 0,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Probabilities of necessity (PN), sufficiency (PS) and both (PNS); see `counterfactual.causation`.

        Bounds use every column of the network, so they lie within those of `probabilities_of_causation`. With `draws`
        of the parameters (200, say; each bounds anew) columns low and high hold an interval around each bound or
        probability, see `uncertainty.causation_intervals`.

        Raises
        ------
        ValueError
            On an unknown node or state, an outcome of more than two states, evidence that follows from the treatment or
            has probability 0, a linear-Gaussian model, negative `draws`, or draws of tables that were given.
        """
        x, y = (self.graph.nodes[i] for i in self.graph.effect(treatment, outcome))
        given = dict(given or {})
        self._roles(treatment=(x,), outcome=(y,), given=given)
        if later := [n for n in given if n in self.graph.descendants([x])]:
            raise ValueError(
                f"given: {later[0]!r} follows from {x!r}, and would be another under the other treatment; leave it "
                "out, or ask counterfactual(row, do) about units in which it was seen"
            )
        mechanisms = self.mechanisms
        if isinstance(mechanisms, GaussianSystem):
            raise ValueError("necessity and sufficiency are about a yes or no; this model is linear-Gaussian")
        pair = contrast_of(mechanisms, x, contrast)
        if draws < 0:
            raise ValueError(f"draws={draws}: 0 for the bounds alone, 200 for an interval around them")
        if draws == 0:
            return causation(mechanisms, x, y, pair, given, coupling)
        return causation_intervals(mechanisms, x, y, pair, given, coupling, level=level, draws=draws, seed=seed)

    def decide(
        self,
        actions: str | Mapping[str, Mapping[str, Any]],
        utility: Utility,
        *,
        given: Mapping[str, Any] | None = None,
        observe: Sequence[str] | None = None,
        costs: Mapping[str, float] | None = None,
        level: float = 0.95,
        draws: int = 1_000,
        seed: int = 0,
    ) -> Decision:
        r"""Solve an influence diagram: :math:`\arg\max_a E[U \mid do(a), given]`, and what knowing more is worth.

        Observing :math:`O` before acting is worth
        :math:`\sum_o P(o)\max_a E[U \mid do(a), o] - \max_a E[U \mid do(a)]` (Howard 1966, Information value theory).

        Parameters
        ----------
        actions
            A node, all of whose states are tried, or label -> {node: value, …} (an empty mapping: leave things alone).
        utility
            Node -> {state: value}, added up; or a Series over joint states with the nodes as index names; Gaussian:
            node -> worth of one unit.
        given
            What is known already, and no action brings about.
        observe
            Nodes that could be looked at before acting; left out, each that matters. Effects of an action cannot be.
        costs
            Label -> cost of the action, in the utility's unit.
        level, draws, seed
            Intervals from `draws` of the parameters; "the parameters" in the answer is the value of knowing them, the
            most an experiment could be worth a decision.

        Raises
        ------
        ValueError
            On an unknown node, state or label, fewer than two actions, a utility with gaps, or a node given or
            observed that follows from an action.
        """
        given = dict(given or {})
        self._roles(given=given)
        for do in {} if isinstance(actions, str) else actions.values():
            self._roles(do=do)
        if isinstance(actions, str):
            self._roles(actions=(actions,))
        return decide(
            self.mechanisms, self.graph, actions, utility, given=given, observe=observe, costs=costs or {},
            level=level, draws=draws, seed=seed,
        )  # fmt: skip

    def _asked(
        self, target: str | Iterable[str], do: Mapping[str, Any] | None, given: Mapping[str, Any] | None
    ) -> tuple[tuple[str, ...], dict[str, Any], dict[str, Any]]:
        targets = (target,) if isinstance(target, str) else tuple(target)
        do, given = dict(do or {}), dict(given or {})
        if clash := next((n for n in given if n in do), None):
            agrees = "adds nothing to" if given[clash] == do[clash] else "contradicts"
            raise ValueError(
                f"{clash!r} is both do and given: {given[clash]!r} {agrees} do({clash} = {do[clash]!r}); leave it "
                "out of given. For 'it was …, what if it had been …' ask counterfactual(row, do)"
            )
        self._roles(target=targets, do=do, given=given)
        return targets, do, given

    def _roles(self, **roles: Iterable[str]) -> None:
        role_of: dict[str, str] = {}
        for role, names in roles.items():
            for name in names:
                if name not in self.graph.nodes:
                    raise ValueError(f"{role}: {name!r} is no node of the model; {nearest(name, self.graph.nodes)}")
                if isinstance(names, Mapping):
                    _refuse_nonfinite(role, name, names[name])
                if name in role_of:
                    raise ValueError(f"{name!r} is both {role_of[name]} and {role}; a node has one role in a query")
                role_of[name] = role


def mutilated(graph: CausalGraph, nodes: Iterable[str]) -> CausalGraph:
    """Graph whose given nodes have lost their causes."""
    cut = set(nodes)
    edges = [(a, b) for a, b in graph.edges if b not in cut]
    return CausalGraph([*graph.nodes, *edges], (), graph.treatment, graph.outcome)


def _refuse_nonfinite(role: str, node: str, value: Any) -> None:
    if isinstance(value, (float, np.floating)) and not math.isfinite(value):
        raise ValueError(f"{role}: {node!r} is set to {value}; give a finite value, or leave it out if it is unknown")
