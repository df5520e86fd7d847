"""Mediation: how much of an effect runs through the mediators, and how much beside them.

One signature, `f(frame, treatment, mediators, outcome, covariates, *, …) -> PathEffects`: `g_formula` fits a model to
every stage and sums, `multiply_robust` corrects that by weighted residuals, `linear` multiplies path coefficients.
`problem` asks a graph whether such effects are identified; `bounds` and `rho_curve` say what a hidden confounder of
mediator and outcome could do.

>>> from causalrec_lab.causal import CausalGraph, mediation
>>> graph = CausalGraph("shown -> look -> buy; shown -> buy; age -> shown, look, buy")
>>> mediation.problem(graph, "shown", ["look"], "buy", ["age"]) or "identified"
'identified'
>>> mediation.problem(graph, "shown", ["look"], "buy", []) is None
False
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.causal.mediation.assumptions import problem
    from causalrec_lab.causal.mediation.g_computation import g_formula
    from causalrec_lab.causal.mediation.path_coefficients import linear
    from causalrec_lab.causal.mediation.result import PathEffects
    from causalrec_lab.causal.mediation.rho import rho_curve
    from causalrec_lab.causal.mediation.robust import multiply_robust
    from causalrec_lab.causal.mediation.sensitivity import bounding_factor, bounds, mediational_e_value

_HOME = {
    "PathEffects": "result",
    "bounding_factor": "sensitivity",
    "bounds": "sensitivity",
    "g_formula": "g_computation",
    "linear": "path_coefficients",
    "mediational_e_value": "sensitivity",
    "multiply_robust": "robust",
    "problem": "assumptions",
    "rho_curve": "rho",
}

__all__ = [
    "PathEffects",
    "bounding_factor",
    "bounds",
    "g_formula",
    "linear",
    "mediational_e_value",
    "multiply_robust",
    "problem",
    "rho_curve",
]

__getattr__, __dir__ = doors(__name__, _HOME)
