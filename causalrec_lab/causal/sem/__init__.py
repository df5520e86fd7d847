"""Structural equation models by maximum likelihood: `fit_sem` reads lavaan's syntax or a causal graph."""

from __future__ import annotations

from causalrec_lab.causal.sem.fit import ConvergenceError, UnderidentifiedError, fit_sem
from causalrec_lab.causal.sem.published_fits import PublishedFit, published
from causalrec_lab.causal.sem.result import SemResult

__all__ = ["ConvergenceError", "PublishedFit", "SemResult", "UnderidentifiedError", "fit_sem", "published"]
