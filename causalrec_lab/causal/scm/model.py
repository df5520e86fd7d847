"""`StructuralCausalModel`: one face for discrete and linear-Gaussian models whose do-queries are exact."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.graph import CausalGraph
from causalrec_lab.causal.independence import refuse_infinite
from causalrec_lab.causal.notation import nearest
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem

__all__ = ["StructuralCausalModel"]

LEVELS = 20  # a numeric column with more values than this is continuous


class StructuralCausalModel:
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

    def fit(self, frame: pd.DataFrame, kind: str = "auto", pseudo_count: float = 0.0) -> StructuralCausalModel:
        """Estimate the mechanisms from data.

        Parameters
        ----------
        frame
            One column a node.
        kind
            "discrete", "gaussian", or "auto": discrete where every column is, Gaussian where all are continuous.
        pseudo_count
            Added to every count of a discrete table (0: maximum likelihood).

        Returns
        -------
        A fitted model; this one stays as it is.

        Raises
        ------
        ValueError
            If a node has no column, values are missing or infinite, a column is constant, kinds are mixed, or rows are
            too few.
        """
        if kind not in ("auto", "discrete", "gaussian"):
            raise ValueError(f"kind={kind!r}; {nearest(kind, ('auto', 'discrete', 'gaussian'))}")
        _check(frame, self.graph)
        if kind == "auto":
            kind = _kind(frame, self.graph.observed)
        if kind == "discrete":
            if wide := [n for n in self.graph.observed if _continuous(frame[n])]:
                raise ValueError(
                    f"column {wide[0]!r} is continuous; cut it into bins first (pandas.qcut) or kind='gaussian'"
                )
            return StructuralCausalModel(self.graph, DiscreteNetwork.fit(self.graph, frame, pseudo_count))
        if words := [n for n in self.graph.observed if not pd.api.types.is_numeric_dtype(frame[n])]:
            raise ValueError(f"column {words[0]!r} holds no numbers; a linear-Gaussian model needs them")
        return StructuralCausalModel(self.graph, GaussianSystem.fit(self.graph, frame))

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
        targets = (target,) if isinstance(target, str) else tuple(target)
        do, given = dict(do or {}), dict(given or {})
        self._roles(target=targets, do=do, given=given)
        return self.mechanisms.query(targets, do, given)

    def do(self, values: Mapping[str, Any]) -> StructuralCausalModel:
        """Give the model after an intervention: the nodes set lose their causes."""
        self._roles(do=values)
        edges = [(a, b) for a, b in self.graph.edges if b not in values]
        graph = CausalGraph([*self.graph.nodes, *edges], (), self.graph.treatment, self.graph.outcome)
        return StructuralCausalModel(graph, self.mechanisms.do(values))

    def sample(self, n: int, do: Mapping[str, Any] | None = None, seed: int = 0) -> pd.DataFrame:
        """Draw `n` rows from the model, after an intervention where one is given."""
        mechanisms = self.mechanisms
        if do:
            self._roles(do=do)
            mechanisms = mechanisms.do(do)
        return mechanisms.sample(n, np.random.default_rng(seed))

    def counterfactual(self, row: Mapping[str, Any], do: Mapping[str, Any]) -> pd.DataFrame:
        """What `row` would have been under `do`: see `GaussianSystem.counterfactual`.

        Raises
        ------
        ValueError
            For a discrete network, whose tables do not determine it; on an unknown node.
        """
        seen = {str(k): row[k] for k in row.keys() if k in self.graph.nodes}  # noqa: SIM118 (a pandas row too)
        self._roles(row=seen)
        self._roles(do=do)
        mechanisms = self.mechanisms
        if isinstance(mechanisms, DiscreteNetwork):
            raise ValueError(
                "a discrete network does not determine counterfactuals: many couplings of the same tables answer "
                "differently. Ask query(target, do=…, given=…) for what happens among cases like this one, or fit a "
                "linear-Gaussian model, whose noise follows from the row"
            )
        return mechanisms.counterfactual(seen, do)

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

    def __repr__(self) -> str:
        """Kind and size, no ids."""
        kind = "unfitted" if self._mechanisms is None else self.kind
        return f"StructuralCausalModel({kind}, {len(self.graph.nodes)} nodes, {len(self.graph.edges)} edges)"


def _check(frame: pd.DataFrame, graph: CausalGraph) -> None:
    for node in graph.observed:
        if node not in frame.columns:
            raise ValueError(f"node {node!r} has no column; {nearest(node, frame.columns)}")
        if missing := int(frame[node].isna().sum()):
            raise ValueError(f"column {node!r} has {missing} missing values of {len(frame)}; drop or impute them first")
        refuse_infinite(frame[node])
        if frame[node].nunique() < 2:
            raise ValueError(f"column {node!r} is constant: it can have no effect here; leave the node out")
        if len(frame) <= len(graph.parents(node)) + 1:
            raise ValueError(f"{len(frame)} rows are too few to estimate the mechanism of {node!r}")


def _refuse_nonfinite(role: str, node: str, value: Any) -> None:
    if isinstance(value, (float, np.floating)) and not math.isfinite(value):
        raise ValueError(f"{role}: {node!r} is set to {value}; give a finite value, or leave it out if it is unknown")


def _continuous(column: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return False
    return column.nunique() > LEVELS or bool((column % 1 != 0).any())


def _kind(frame: pd.DataFrame, nodes: Iterable[str]) -> str:
    wide = {n: _continuous(frame[n]) for n in nodes}
    if len(set(wide.values())) == 2:
        split = [", ".join(n for n in wide if wide[n] == side) for side in (True, False)]
        raise ValueError(
            f"columns {split[0]} are continuous, {split[1]} discrete; cut the former into bins (pandas.qcut), or give "
            "kind='gaussian' to treat all as numbers with linear effects"
        )
    return "gaussian" if any(wide.values()) else "discrete"
