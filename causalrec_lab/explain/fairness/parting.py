r"""How much of a gap between groups is direct, indirect, and spurious: causal fairness.

With the protected attribute X, confounders Z, mediators W and outcome Y, the gap (total variation)
:math:`E[Y|x_1] - E[Y|x_0]` is the sum of

* direct, :math:`E[Y_{x_1, W_{x_0}} | x_0] - E[Y_{x_0} | x_0]` (Ctf-DE),
* indirect, :math:`E[Y_{x_1} | x_0] - E[Y_{x_1, W_{x_0}} | x_0]` (less Ctf-IE of the reversed transition),
* spurious, :math:`E[Y | x_1] - E[Y_{x_1} | x_0]` (less Ctf-SE of the reversed transition)

(Zhang and Bareinboim 2018, "Fairness in Decision-Making: The Causal Explanation Formula", AAAI, theorem 1). All are
about the members of :math:`x_0`, as a group. With :math:`\Delta(V) = E\{E[Y|x_1,V] | x_0\} - E[Y|x_0]` they are
:math:`\Delta(Z,W)`, :math:`\Delta(Z) - \Delta(Z,W)` and :math:`\Delta(\emptyset) - \Delta(Z)`, where no confounder is
hidden.

Mediators that are *allowed* (resolving variables: Kilbertus et al. 2017, "Avoiding Discrimination through Causal
Reasoning", NeurIPS; fair paths: Nabi and Shpitser 2018, "Fair Inference on Outcomes", AAAI) carry a part of the
indirect effect that counts as explained: :math:`\Delta(Z) - \Delta(Z, A)` for the allowed ones A.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.columns import codes_of
from causalrec_lab.causal.effects.inference import standard_error
from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.data.registry import nearest
from causalrec_lab.estimate import Estimate
from causalrec_lab.explain.fairness.adjusted_gaps import linear_gap, mean_if_alike, of_mean
from causalrec_lab.explain.fairness.decomposition import Decomposition, parts_of
from causalrec_lab.explain.fairness.groups import Floats
from causalrec_lab.explain.fairness.roles import Roles, roles_of

__all__ = ["decompose"]

METHODS = ("robust", "linear")
ASSUMPTIONS = (
    "no hidden common cause of protected attribute, mediators and outcome, given the confounders",
    "direct means: through no mediator that is named",
    "across worlds, as no experiment can test: the mediators a group would have tell nothing of outcomes under another",
    "it speaks of groups: nothing follows for any one person",
)
_FEW = 30


def decompose(
    frame: pd.DataFrame,
    protected: str,
    outcome: str,
    mediators: Sequence[str] | None = None,
    confounders: Sequence[str] | None = None,
    *,
    allowed: Iterable[str] = (),
    contrast: tuple[Any, Any] | None = None,
    graph: CausalGraph | None = None,
    method: str = "robust",
    nuisance: str = "auto",
    folds: int = 5,
    cluster: str | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Decomposition:
    r"""Part the gap between two groups into direct, indirect, allowed and spurious.

    Parameters
    ----------
    frame
        One row a user (or a decision).
    protected
        Column of groups; a number that is no group (age) with method="linear".
    outcome
        Column: exposure, a share of it, utility; a number.
    mediators, confounders
        Columns; left out, those of the graph.
    allowed
        Mediators through which a difference counts as explained.
    contrast
        The two levels (from, to). Left out, the only two there are; or 0 to 1 for a number.
    graph
        What is believed; a decomposition that it does not identify is refused.
    method
        "robust": the doubly robust gaps of `adjusted_gaps`, with any interaction. "linear": differences of least
        squares slopes, right where all equations are linear without interactions; for any numeric attribute.
    nuisance
        For "robust": "auto", "cells", "linear", "spline" or "boosted".
    folds, seed
        Of cross-fitting.
    cluster
        Column of rows that err together.
    level
        Confidence level.

    Raises
    ------
    NotIdentifiedError
        If the graph leaves a confounder open, or a mediator outside `allowed` moves an allowed one and the outcome.
    ValueError
        On an unknown column (the nearest is offered), one level, missing values, or no overlap between the groups.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r}; {nearest(method, METHODS)}")
    _known(frame, "protected", [protected])
    _known(frame, "outcome", [outcome])
    roles = roles_of(protected, outcome, mediators, confounders, allowed, graph)
    _known(frame, "mediators", roles.mediators)
    _known(frame, "confounders", roles.confounders)
    _known(frame, "cluster", [] if cluster is None else [cluster])
    rows, x, pair = _contrasted(frame, protected, contrast, method)
    part = frame[rows].reset_index(drop=True)
    y = _numbers(part, outcome)
    for name in (*roles.mediators, *roles.confounders):
        if part[name].isna().any():
            raise ValueError(f"column {name!r} is missing in {int(part[name].isna().sum()):,} rows; fill or drop them")
    gaps, influence, words = _gaps(part, x, y, roles, pair, method, nuisance, folds, seed)
    clusters = () if cluster is None else (codes_of(part, cluster),)
    values, psi = parts_of(gaps), parts_of(influence)
    notes = _notes(x, method, rows)
    found = {
        name: Estimate(
            float(values[name]), standard_error(psi[name], clusters), None, level,
            f"{name}, {outcome} by {protected}", words, len(y), {}, ASSUMPTIONS, notes,
        )
        for name in values
    }  # fmt: skip
    return Decomposition(found, roles, pair)


def _gaps(
    frame: pd.DataFrame, x: Floats, y: Floats, roles: Roles, pair: tuple[Any, Any], method: str, nuisance: str,
    folds: int, seed: int,
) -> tuple[dict[str, Any], dict[str, Any], str]:  # fmt: skip
    """Gaps with nothing alike, the confounders, allowed mediators too, all mediators too; and their influences."""
    z, w = roles.confounders, roles.mediators
    some = tuple(name for name in w if name in roles.allowed)
    alike = {"nothing": (), "confounders": z, "allowed": (*z, *some), "everything": (*z, *w)}
    value: dict[str, Any] = {}
    influence: dict[str, Any] = {}
    done: dict[tuple[str, ...], tuple[float, Floats, str]] = {}
    if method == "linear":
        width = float(pair[1]) - float(pair[0]) if pd.api.types.is_numeric_dtype(frame[roles.protected]) else 1.0
        for name, columns in alike.items():
            slope, psi = linear_gap(frame, x, y, columns)
            value[name], influence[name] = width * slope, width * psi
        return value, influence, "differences of least-squares slopes"
    base = float(y[x == 0].mean())
    own = of_mean(1 - x, y)
    for name, columns in alike.items():
        if columns not in done:
            done[columns] = mean_if_alike(frame, x, y, columns, nuisance=nuisance, folds=folds, seed=seed)
        theta, psi, _ = done[columns]
        value[name], influence[name] = theta - base, psi - own
    return value, influence, f"doubly robust gaps, {done[alike['everything']][2]}"


def _contrasted(
    frame: pd.DataFrame, protected: str, contrast: tuple[Any, Any] | None, method: str
) -> tuple[npt.NDArray[np.bool_], Floats, tuple[Any, Any]]:
    """Mask of the rows compared, their attribute as a number, and the two levels."""
    column = frame[protected]
    if column.isna().any():
        raise ValueError(
            f"{protected!r} is missing in {int(column.isna().sum()):,} of {len(column):,} rows; drop them and say so, "
            "or fill them with a level of their own and contrast it"
        )
    numeric = pd.api.types.is_numeric_dtype(column)
    levels = sorted(column.unique().tolist(), key=None if numeric else str)
    if len(levels) < 2:
        raise ValueError(f"{protected!r} has one level, {levels[0]!r}: nobody to compare with")
    if method == "linear" and numeric:
        return np.ones(len(frame), dtype=bool), column.to_numpy(dtype=np.float64), contrast or (0, 1)
    if contrast is None and len(levels) > 2:
        said = ", ".join(map(repr, levels[:6]))
        raise ValueError(
            f"{protected!r} has {len(levels)} levels ({said}{', …' if len(levels) > 6 else ''}); say which two: "
            "contrast=(from, to); for a number without groups take method='linear'"
        )
    pair = contrast or (levels[0], levels[1])
    for level in pair:
        if level not in levels:
            raise ValueError(f"contrast: {protected!r} has no level {level!r}; {nearest(str(level), levels)}")
    if pair[0] == pair[1]:
        raise ValueError(f"contrast={pair}: the two levels are the same")
    rows = column.isin(pair).to_numpy()
    x = (column[rows] == pair[1]).to_numpy(dtype=np.float64)
    if min(x.sum(), len(x) - x.sum()) < 2:
        raise ValueError(f"{protected!r}: one of the levels {pair} has a single row; one alone tells of no spread")
    return rows, x, pair


def _known(frame: pd.DataFrame, role: str, names: Iterable[str]) -> None:
    for name in names:
        if name not in frame.columns:
            raise ValueError(f"{role}: there is no column {name!r}; {nearest(name, frame.columns)}")


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"outcome {name!r} has {int((~np.isfinite(values)).sum()):,} values that are no finite number")
    return values


def _notes(x: Floats, method: str, rows: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    said = []
    if method == "robust" and (smallest := int(min(x.sum(), len(x) - x.sum()))) < _FEW:
        said.append(f"warning: one of the two groups has {smallest} rows; intervals are rough")
    if left := int((~rows).sum()):
        said.append(f"{left:,} rows of other levels are left out")
    return tuple(said)
