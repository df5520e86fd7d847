"""`StructuralCausalModel`: one face for discrete and linear-Gaussian models whose do-queries are exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.scm.columns import checked, kind_of
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem
from causalrec_lab.causal.scm.questions import Questions, mutilated

__all__ = ["StructuralCausalModel"]


class StructuralCausalModel(Questions):
    r"""A causal graph with its mechanisms: tables :math:`P(x \mid pa)`, or linear equations with Gaussian noise.

    Parameters
    ----------
    graph
        The causal graph; every node must be observed (a latent common cause leaves the mechanisms undetermined).
    mechanisms
        Known mechanisms; left out, `fit` estimates them.

    Raises
    ------
    ValueError
        If the graph has latent nodes.

    Examples
    --------
    >>> model = StructuralCausalModel.example("asia")
    >>> model.query("lung", do={"smoke": "yes"}).round(2).to_dict()
    {'yes': 0.1, 'no': 0.9}
    """

    def __init__(self, graph: CausalGraph, mechanisms: DiscreteNetwork | GaussianSystem | None = None) -> None:
        if graph.latent or graph.bidirected:
            hidden = ", ".join([*graph.latent, *(f"{a} <-> {b}" for a, b in graph.bidirected)])
            raise ValueError(
                f"the graph has latent causes ({hidden}), so observed data do not determine its mechanisms; ask "
                "graph.identify() which effects follow all the same and estimate those with causal.effects"
            )
        self.graph = graph
        self._mechanisms = mechanisms

    @property
    def mechanisms(self) -> DiscreteNetwork | GaussianSystem:
        """Tables or equations.

        Raises
        ------
        ValueError
            If the model was not fitted.
        """
        if self._mechanisms is None:
            raise ValueError("this StructuralCausalModel has no mechanisms yet: call .fit(frame)")
        return self._mechanisms

    @property
    def kind(self) -> str:
        """``"discrete"`` or ``"gaussian"``."""
        return "discrete" if isinstance(self.mechanisms, DiscreteNetwork) else "gaussian"

    def fit(
        self,
        frame: pd.DataFrame,
        kind: str = "auto",
        pseudo_count: float = 0.0,
        *,
        states: Mapping[str, Sequence[Any]] | None = None,
        missing: str = "refuse",
    ) -> StructuralCausalModel:
        """Estimate the mechanisms from data.

        Parameters
        ----------
        frame
            One column a node.
        kind
            "discrete", "gaussian", or "auto": discrete where every column is, Gaussian where all are continuous.
        pseudo_count
            Added to every count of a discrete table (0: maximum likelihood, 1: Laplace's rule).
        states
            Node -> all its states, in order, where the data might not show each (a categorical column brings its own).
        missing
            "refuse" missing values, "drop" their rows, or "em": maximum likelihood from what each row shows, right if
            values are missing at random.

        Returns
        -------
        A fitted model; this one stays as it is.

        Raises
        ------
        ValueError
            If a node has no column or two, values are missing or infinite, a column is constant, kinds are mixed, a
            state is not among those declared, a pseudo-count is negative, or rows are too few.
        """
        if not 0 <= pseudo_count < np.inf:
            raise ValueError(f"pseudo_count={pseudo_count}: give a finite number of rows, 0 or more")
        data = checked(frame, self.graph, missing, states)
        mechanisms: DiscreteNetwork | GaussianSystem
        if kind_of(data, self.graph.observed, kind) == "discrete":
            mechanisms = DiscreteNetwork.fit(self.graph, data, pseudo_count, states)
        else:
            mechanisms = GaussianSystem.fit(self.graph, data)
        return StructuralCausalModel(self.graph, mechanisms)

    @classmethod
    def from_pgmpy(cls, model: Any) -> StructuralCausalModel:
        """Take pgmpy's `DiscreteBayesianNetwork` or `LinearGaussianBayesianNetwork` with its distributions.

        Raises
        ------
        ValueError
            If the model is of another kind or lacks a distribution.
        """
        from causalrec_lab.causal.scm.pgmpy_models import from_pgmpy

        graph, mechanisms = from_pgmpy(model)
        return cls(graph, mechanisms)

    @classmethod
    def from_bif(cls, path: str | Path) -> StructuralCausalModel:
        """Read a discrete network from a ``.bif`` or ``.bif.gz`` file."""
        from causalrec_lab.causal.scm.bif import read_bif

        network = read_bif(path)
        edges = [(parent, node) for node, parents in network.parents.items() for parent in parents]
        return cls(CausalGraph([*network.nodes, *edges]), network)

    @classmethod
    def example(cls, name: str) -> StructuralCausalModel:
        """One of the networks of the Bayesian network repository that pgmpy ships: asia, alarm, sachs, ….

        Raises
        ------
        ValueError
            If there is no such network.
        """
        from importlib.util import find_spec

        spec = find_spec("pgmpy")
        folder = Path(str((spec.submodule_search_locations or [""])[0] if spec else "")) / "utils" / "example_models"
        known = sorted(path.name.removesuffix(".bif.gz") for path in folder.glob("*.bif.gz"))
        if name not in known:
            raise ValueError(f"no example network {name!r}; {nearest(name, known)}")
        return cls.from_bif(folder / f"{name}.bif.gz")

    def query(
        self,
        target: str | Iterable[str],
        do: Mapping[str, Any] | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> pd.Series | pd.DataFrame:
        r"""Give :math:`P(target \mid do(\cdot), given)`, exactly.

        The network is mutilated first (the nodes set lose their causes), then conditioned: `given` is evidence *in the
        world after the intervention* (Pearl 2009, section 1.3). For what one unit would have done: `counterfactual`.

        Parameters
        ----------
        target
            One node, or several for their joint distribution.
        do, given
            Node -> value.

        Returns
        -------
        Discrete: Series of probabilities over the target's states. Gaussian: Series of mean and variance, or a
        DataFrame with a row a target.

        Raises
        ------
        ValueError
            On an unknown node or state, a node in two roles, or evidence of probability 0.
        """
        targets, do, given = self._asked(target, do, given)
        return self.mechanisms.query(targets, do, given)

    def do(self, values: Mapping[str, Any]) -> StructuralCausalModel:
        """Give the model after an intervention: the nodes set lose their causes."""
        self._roles(do=values)
        return StructuralCausalModel(mutilated(self.graph, values), self.mechanisms.do(values))

    def sample(self, n: int, do: Mapping[str, Any] | None = None, seed: int = 0) -> pd.DataFrame:
        """Draw `n` rows from the model, after an intervention where one is given."""
        mechanisms = self.mechanisms
        if do:
            self._roles(do=do)
            mechanisms = mechanisms.do(do)
        return mechanisms.sample(n, np.random.default_rng(seed))

    def __repr__(self) -> str:
        """Kind and size, no ids."""
        kind = "unfitted" if self._mechanisms is None else self.kind
        return f"StructuralCausalModel({kind}, {len(self.graph.nodes)} nodes, {len(self.graph.edges)} edges)"
