"""Modification indices: which arrow or covariance, let in, would improve the fit, and how large it would be."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.sem.constraints import Subspace
from causalrec_lab.causal.sem.functions import onward
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.specification import Parameter, Specification

__all__ = ["modification_indices"]

Array = NDArray[np.float64]


def modification_indices(moments: Moments, theta: Array, within: Subspace) -> pd.DataFrame:
    r"""Score tests of what the model leaves out (Sörbom 1989), largest first.

    With score s and information I of n observations, :math:`MI = s^2 / v`, the expected change is :math:`s / v`, where
    :math:`v = I_{cc} - I_{c\theta} I_{\theta\theta}^{-1} I_{\theta c}`. Candidates: loadings, covariances of residuals
    and of latent variables, arrows that close no cycle, and parameters the model fixes; those that data could not
    determine are left out.

    Returns
    -------
    DataFrame with columns lhs, op, rhs, index, p_value, change, standardised_change.
    """
    from scipy.stats import chi2 as chi2_law

    spec, n = moments.specification, moments.sample.n
    wider, at = _widened(spec, theta)
    extended = Moments(wider, moments.sample)
    slope, curvature = extended.gradient_and_information(at)
    k = len(theta)
    new = range(k, len(at))
    score, information = -n / 2 * slope, n / 2 * curvature
    inner = within.inverse(information[:k, :k])
    cross = information[k:, :k]
    left = np.diag(information)[k:] - np.einsum("ck,kl,cl->c", cross, inner, cross)
    known = left > 1e-8 * np.diag(information)[k:]
    change = score[k:] / np.where(known, left, 1.0)
    unit = _units(extended, at)
    rows = [
        (p.lhs, p.op, p.rhs, score[i] ** 2 / left[i - k], change[i - k], change[i - k] * unit[i])
        for p, i in ((p, p.index) for p in wider.parameters if p.index in new)
        if known[i - k]
    ]
    table = pd.DataFrame(rows, columns=["lhs", "op", "rhs", "index", "change", "standardised_change"])
    table.insert(4, "p_value", chi2_law.sf(table["index"].to_numpy(float), 1))
    return table.sort_values("index", ascending=False, ignore_index=True)


def _units(extended: Moments, at: Array) -> Array:
    """What a change of one in each free parameter is in standard deviations of its ends."""
    scale = np.sqrt(np.abs(np.diag(extended.all_covariances(at))))
    residual = np.sqrt(np.abs(np.diag(extended.matrices(at)[1])))
    where = {name: i for i, name in enumerate(extended.specification.variables)}
    out = np.ones(len(at))
    for p in extended.specification.free:
        i, j = where[p.lhs], where.get(p.rhs, 0)
        if p.op == "~~":
            out[p.index] = 1 / (residual[i] * residual[j] if i != j else scale[i] ** 2)
        else:
            out[p.index] = {"~": scale[j] / scale[i], "=~": scale[i] / scale[j], "~1": 1 / scale[i]}[p.op]
    return out


def _widened(spec: Specification, theta: Array) -> tuple[Specification, Array]:
    """The model with every candidate free, and the point where it is the fitted model."""
    count = itertools.count(len(theta))
    rows, values = [], list(theta)
    for p in spec.parameters:
        if p.fixed is not None and not p.exogenous:
            rows.append(replace(p, fixed=None, label="", index=next(count)))
            values.append(p.fixed)
        else:
            rows.append(p)
    for lhs, op, rhs in _absent(spec):
        rows.append(Parameter(lhs, op, rhs, index=next(count)))
        values.append(0.0)
    return replace(spec, parameters=tuple(rows), defined=(), constraints=()), np.array(values)


def _absent(spec: Specification) -> list[tuple[str, str, str]]:
    """Relations the model does not mention."""
    stated = {(p.op, frozenset((p.lhs, p.rhs))) for p in spec.parameters}
    arrows = spec.edges()
    joined = {frozenset((cause, effect)) for cause, effect, _ in arrows}
    measured = {effect for _, effect, p in arrows if p.op == "=~" and effect in spec.observed}
    out = [
        (latent, "=~", name)
        for latent, name in itertools.product(spec.latent, sorted(measured, key=spec.observed.index))
        if frozenset((latent, name)) not in joined
    ]
    own = [name for name in spec.observed if name not in spec.covariates]
    for group in (own, list(spec.latent)):
        out += [
            (a, "~~", b)
            for a, b in itertools.combinations(group, 2)
            if ("~~", frozenset((a, b))) not in stated and frozenset((a, b)) not in joined
        ]
    leads = onward(arrows)
    structural = [name for name in spec.variables if name not in measured]
    for effect, cause in itertools.permutations(structural, 2):
        free = effect not in spec.covariates and frozenset((cause, effect)) not in joined
        if free and cause not in leads.get(effect, ()):
            out.append((effect, "~", cause))
    return out
