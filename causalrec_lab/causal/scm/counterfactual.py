"""What one case would have been: a discrete network's counterfactuals under a declared coupling, or their bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from causalrec_lab.causal.scm.bounds import bounds
from causalrec_lab.causal.scm.couplings import Coupling, coupling_of
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.twin import Twin

__all__ = ["causation", "counterfactual"]


def counterfactual(
    network: DiscreteNetwork,
    row: Mapping[str, Any],
    do: Mapping[str, Any],
    targets: Sequence[str],
    coupling: str | Coupling | Mapping[str, str | Coupling] | None,
) -> pd.DataFrame:
    """Law of each target in the changed world given the row: abduction, action, prediction on the twin network.

    Returns
    -------
    DataFrame with a row for each target and state: column probability under a coupling; lower, upper and sharp without.

    Raises
    ------
    ValueError
        If the row has probability 0, or holds or sets a state the node does not have.
    """
    twin = _twin(network, row, do)
    if isinstance(coupling, str):
        coupling = coupling_of(coupling, "every node")
    rows: dict[tuple[str, Any], dict[str, Any]] = {}
    for target in targets:
        if coupling is None:
            for state, bound in zip(network.states[target], bounds(twin, target), strict=True):
                rows[target, state] = {"lower": bound.lower, "upper": bound.upper, "sharp": bound.sharp}
        else:
            for state, p in zip(network.states[target], twin.answer(target, coupling), strict=True):
                rows[target, state] = {"probability": float(p)}
    return pd.DataFrame(list(rows.values()), index=pd.MultiIndex.from_tuples(list(rows), names=["node", "state"]))


def causation(
    network: DiscreteNetwork,
    treatment: str,
    outcome: str,
    contrast: tuple[Any, Any],
    given: Mapping[str, Any],
    coupling: str | Coupling | Mapping[str, str | Coupling] | None,
) -> pd.DataFrame:
    r"""Probabilities of necessity, sufficiency and both, from a whole network.

    With treatment :math:`x`, its absence :math:`x'` and outcome :math:`y`:
    :math:`PN = P(y'_{x'} \mid x, y)`, :math:`PS = P(y_x \mid x', y')`, :math:`PNS = P(y_x, y'_{x'})` (Pearl 2009,
    section 9.2), each among the units with `given`; `nan` for shares of nobody.
    """
    if len(network.states[outcome]) != 2:
        raise ValueError(
            f"{outcome!r} has {len(network.states[outcome])} states; necessity and sufficiency are about a yes or no: "
            "merge its states to two first"
        )
    no, yes = network.states[outcome]
    before, after = contrast
    forced = network.do({treatment: after})
    reached = float(forced.query([outcome], {}, given)[yes])
    worlds = {
        "PN": (network, {treatment: after, outcome: yes}, before, no, 1.0),
        "PS": (network, {treatment: before, outcome: no}, after, yes, 1.0),
        "PNS": (forced, {outcome: yes}, before, no, reached),
    }
    out: dict[str, dict[Any, Any]] = {}
    for name, (world, seen, value, state, scale) in worlds.items():
        if not _evidence(world, {**given, **seen}) > 0:
            none = 0.0 if name == "PNS" else float("nan")
            out[name] = {"lower": none, "upper": none, "sharp": True} if coupling is None else {"probability": none}
            continue
        found = counterfactual(world, {**given, **seen}, {treatment: value}, [outcome], coupling).loc[(outcome, state)]
        out[name] = {k: v if k == "sharp" else v * scale for k, v in found.items()}
    return pd.DataFrame.from_dict(out, orient="index")


def _evidence(network: DiscreteNetwork, row: Mapping[str, Any]) -> float:
    return Twin(network, network.codes(row, "row"), {}).evidence


def _twin(network: DiscreteNetwork, row: Mapping[str, Any], do: Mapping[str, Any]) -> Twin:
    twin = Twin(network, network.codes(row, "row"), network.codes(do, "do"))
    if not twin.evidence > 0:
        raise ValueError(f"row={dict(row)!r} has probability 0 under the model: nothing follows from it")
    return twin
