"""The decomposition of a gap in a model that is known: sums over a discrete model, slopes of a linear one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem
from causalrec_lab.causal.scm.model import StructuralCausalModel
from causalrec_lab.explain.fairness.decomposition import parts_of
from causalrec_lab.explain.fairness.roles import Roles, roles_of

__all__ = ["decompose_exactly"]


def decompose_exactly(
    model: StructuralCausalModel,
    protected: str,
    outcome: str,
    mediators: Sequence[str] | None = None,
    confounders: Sequence[str] | None = None,
    *,
    allowed: Iterable[str] = (),
    contrast: tuple[Any, Any] | None = None,
    state: Any = None,
) -> pd.DataFrame:
    r"""Parts of the gap in a structural causal model, without sampling error; see `parting` for what they are.

    Parameters
    ----------
    model
        Discrete: :math:`\sum_v E[Y | x_1, v] P(v | x_0)` over exact posteriors. Linear-Gaussian: regression slopes of
        the implied covariance, times the contrast.
    protected, outcome, mediators, confounders, allowed
        As in `decompose`; left out, the model's graph says.
    contrast
        The two values (from, to); a binary attribute's states in order, or 0 and 1.
    state
        State of a discrete outcome whose probability counts; None takes the states as numbers.

    Returns
    -------
    DataFrame with columns value, std_error (0), indexed by part.

    Raises
    ------
    ValueError
        On an unknown node, state, or states that are no numbers while none is chosen; if group 0 has kinds that group
        1 never has; and as `decompose` where the graph does not identify the parts.
    """
    roles = roles_of(protected, outcome, mediators, confounders, allowed, model.graph)
    some = tuple(name for name in roles.mediators if name in roles.allowed)
    z = roles.confounders
    alike = {"nothing": (), "confounders": z, "allowed": (*z, *some), "everything": (*z, *roles.mediators)}
    mechanisms = model.mechanisms
    if isinstance(mechanisms, GaussianSystem):
        pair = contrast or (0.0, 1.0)
        width = float(pair[1]) - float(pair[0])
        gaps = {name: width * _slope(mechanisms, roles, columns) for name, columns in alike.items()}
    else:
        pair = contrast or _two(mechanisms, protected)
        worth = _worth(mechanisms, outcome, state)
        base = float(model.query(outcome, given={protected: pair[0]}).to_numpy() @ worth)
        gaps = {name: _mean(model, roles, columns, pair, worth) - base for name, columns in alike.items()}
    return pd.DataFrame({"value": pd.Series(parts_of(gaps)), "std_error": 0.0})


def _mean(
    model: StructuralCausalModel, roles: Roles, alike: tuple[str, ...], pair: tuple[Any, Any], worth: Any
) -> float:
    joint = [
        model.query((*alike, roles.outcome), given={roles.protected: level}).to_numpy().reshape(-1, len(worth))
        for level in pair
    ]
    here, there = (table.sum(axis=1) for table in joint)
    if ((here > 0) & (there == 0)).any():
        raise ValueError(
            f"some kinds by {', '.join(alike)} occur in {roles.protected}={pair[0]!r} and never in {pair[1]!r}: what "
            "they would have is not identified"
        )
    mean = np.divide(joint[1] @ worth, there, out=np.zeros_like(there), where=there > 0)
    return float(here @ mean)


def _slope(system: GaussianSystem, roles: Roles, alike: tuple[str, ...]) -> float:
    inverse = np.linalg.inv(np.eye(len(system.nodes)) - system.coefficients)
    covariance = inverse @ np.diag(system.variances) @ inverse.T
    at = [system.nodes.index(name) for name in (roles.protected, *alike)]
    y = system.nodes.index(roles.outcome)
    return float(np.linalg.solve(covariance[np.ix_(at, at)], covariance[at, y])[0])


def _two(network: DiscreteNetwork, protected: str) -> tuple[Any, Any]:
    states = network.states[protected]
    if len(states) != 2:
        raise ValueError(f"{protected!r} has {len(states)} states {states}; say which two: contrast=(from, to)")
    return states[0], states[1]


def _worth(network: DiscreteNetwork, outcome: str, state: Any) -> Any:
    states = network.states[outcome]
    if state is not None:
        return np.eye(len(states))[network.codes({outcome: state}, "state")[outcome]]
    try:
        return np.asarray(states, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"states of {outcome!r} are {states}; say whose probability counts: state=…") from error
