"""Effects along paths as products of path coefficients, from a linear structural equation model."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.nuisances.cross_fitting import design_matrix
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Floats
from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.mediation.assumptions import LINEAR_ASSUMPTIONS
from causalrec_lab.causal.mediation.readings import linear_readings
from causalrec_lab.causal.mediation.result import PathEffects, path_effects
from causalrec_lab.causal.mediation.sample import MediationSample, read_mediation
from causalrec_lab.causal.sem import fit_sem

__all__ = ["linear"]


@one_thread()
def linear(
    frame: pd.DataFrame,
    treatment: str,
    mediators: str | Sequence[str],
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    level: float = 0.95,
    seed: int = 0,
    folds: int = 5,
    graph: CausalGraph | None = None,
) -> PathEffects:
    r"""Direct, indirect and every single path's effect by the product of coefficients.

    .. math:: M_k = a_k T + \sum_{j<k} b_{kj} M_j + X'c_k + \varepsilon_k, \qquad
        Y = d T + \sum_j b_j M_j + X'c + \varepsilon

    fitted by `fit_sem`; the effect along a path is the product of its coefficients (Wright 1921; Baron and Kenny 1986).
    The error is the delta method on heteroskedasticity- or cluster-robust errors of the coefficients, so that it stands
    where mediators or outcome are 0 or 1 and the equations are linear probability models. A linear model without
    interaction tells every path apart: "shown->view->purchase" as well as "shown->view->cart->purchase", which the
    natural effects of `g_formula` cannot (the first mediator would be a recanting witness); that knowledge comes from
    the linearity, and not from the data.

    Parameters
    ----------
    frame, mediators, covariates, cluster, level, graph
        As in `g_formula`; mediators may be any numbers.
    treatment, outcome
        Columns of numbers; effects are for one unit of the treatment.
    embeddings
        (n, d) array or several: cross-fitted ridge readings of them join the covariates.
    seed, folds
        Of those readings.

    Returns
    -------
    Effects as in `g_formula` (NIE and TIE are the same, and no interaction: the model has none), and one for every
    single path, named by its columns with arrows between.

    Raises
    ------
    ValueError
        On the bad input that `g_formula` refuses, and where columns are collinear.
    """
    sample = read_mediation(
        frame, treatment, mediators, outcome, covariates,
        embeddings=embeddings, cluster=cluster, graph=graph, binary=False,
    )  # fmt: skip
    X = design_matrix(sample.base.covariates, "linear")[:, 1:]
    if sample.base.embeddings.shape[1]:
        X = np.column_stack([X, linear_readings(sample, X, folds, seed)])
    matrix = _coefficients(sample, X)
    labels, values, slopes = _paths(sample.names, matrix)
    influence = np.einsum("pij,nij->np", slopes, _errors(sample, X, matrix))
    return path_effects(
        sample.names, labels, values, influence, sample.base.clusters,
        ((), np.empty(0), np.empty((sample.n, 0))),
        level=level, method="linear SEM, product of coefficients, robust errors", assumptions=LINEAR_ASSUMPTIONS,
        diagnostics={}, notes=_notes(sample),
    )  # fmt: skip


def _coefficients(sample: MediationSample, X: Floats) -> Floats:
    """(V, V) path coefficients of treatment, mediators and outcome, [effect, cause], by `fit_sem`."""
    v, known = list(sample.names), list(sample.base.names)
    x = [*known, *(f"reading {k + 1} of the embeddings" for k in range(X.shape[1] - len(known)))]
    columns = np.column_stack([sample.base.treatment, *sample.targets, X])
    graph = CausalGraph([(cause, v[k]) for k in range(1, len(v)) for cause in [*v[:k], *x]])
    paths = fit_sem(graph, pd.DataFrame(columns, columns=[*v, *x])).paths
    found = np.zeros((len(v), len(v)))
    arrows = paths[(paths["op"] == "~") & paths["rhs"].isin(v)]
    for effect, cause, value in zip(arrows["lhs"], arrows["rhs"], arrows["estimate"], strict=True):
        found[v.index(effect), v.index(cause)] = value
    return found


def _errors(sample: MediationSample, X: Floats, matrix: Floats) -> Floats:
    r"""(n, V, V) influence on each coefficient, :math:`(Z'Z/n)^{-1} z_i \hat\varepsilon_i` times HC1's factor."""
    n, targets = sample.n, (sample.base.treatment, *sample.targets)
    found = np.zeros((n, *matrix.shape))
    for k in range(1, len(targets)):
        causes, others = np.column_stack(targets[:k]), np.column_stack([np.ones(n), X])
        rest = targets[k] - causes @ matrix[k, :k]
        residual = rest - others @ np.linalg.lstsq(others, rest, rcond=None)[0]
        Z = np.column_stack([causes, others])
        bread = np.linalg.pinv(Z.T @ Z / n, hermitian=True)[:, :k]
        found[:, k, :k] = (Z @ bread) * residual[:, None] * np.sqrt(n / max(n - Z.shape[1], 1))
    return found


def _paths(names: tuple[str, ...], matrix: Floats) -> tuple[list[str], Floats, Floats]:
    """Names, values and (paths, V, V) derivatives in the coefficients of every path and of the effects they make up."""
    last = len(names) - 1
    routes = [(0, *middle, last) for size in range(last) for middle in itertools.combinations(range(1, last), size)]
    single = [_product(route, matrix) for route in routes]
    made: dict[str, list[int]] = {}
    for k in range(1, last + 1):
        made[f"through {names[k]}"] = [i for i, route in enumerate(routes) if route[1] == k]
    made["NDE"] = made[f"through {names[last]}"]
    made["NIE"] = [i for i in range(len(routes)) if i not in made["NDE"]]
    made |= {"TIE": made["NIE"], "total": list(range(len(routes)))}
    made |= {"->".join(names[k] for k in route): [i] for i, route in enumerate(routes)}
    values = np.array([sum(single[i][0] for i in chosen) for chosen in made.values()])
    zero = np.zeros_like(matrix)
    slopes = np.array([sum((single[i][1] for i in chosen), start=zero) for chosen in made.values()])
    return list(made), values, slopes


def _product(route: tuple[int, ...], matrix: Floats) -> tuple[float, Floats]:
    """Product of the coefficients along a path, and its derivative in each."""
    arrows = [(b, a) for a, b in itertools.pairwise(route)]
    factors = np.array([matrix[arrow] for arrow in arrows])
    slope = np.zeros_like(matrix)
    for k, arrow in enumerate(arrows):
        slope[arrow] = np.delete(factors, k).prod()
    return float(factors.prod()), slope


def _notes(sample: MediationSample) -> tuple[str, ...]:
    said = []
    binary = [
        name for name, values in zip(sample.names[1:], sample.targets, strict=True) if np.isin(values, (0, 1)).all()
    ]
    if binary:
        said.append(
            f"{', '.join(binary)}: 0 or 1, so the equation is a linear probability model, a straight line at best"
        )
    if d := sample.base.embeddings.shape[1]:
        said.append(f"{d} embedding dimensions enter as cross-fitted ridge readings, taken as given")
    return tuple(said)
