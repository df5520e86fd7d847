"""Structural equation models by maximum likelihood: `fit_sem` reads lavaan's syntax or a causal graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.causal.sem.fit import fit_sem
    from causalrec_lab.causal.sem.identified import UnderidentifiedError
    from causalrec_lab.causal.sem.nested import nested_test
    from causalrec_lab.causal.sem.published_fits import PublishedFit, published
    from causalrec_lab.causal.sem.readings import text_readings
    from causalrec_lab.causal.sem.result import SemResult
    from causalrec_lab.causal.sem.search import ConvergenceError

_HOME = {
    "ConvergenceError": "search",
    "PublishedFit": "published_fits",
    "SemResult": "result",
    "UnderidentifiedError": "identified",
    "fit_sem": "fit",
    "nested_test": "nested",
    "published": "published_fits",
    "text_readings": "readings",
}

__all__ = [
    "ConvergenceError",
    "PublishedFit",
    "SemResult",
    "UnderidentifiedError",
    "fit_sem",
    "nested_test",
    "published",
    "text_readings",
]

__getattr__, __dir__ = doors(__name__, _HOME)
