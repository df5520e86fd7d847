"""Which estimator to trust on a log: each is measured on platforms made to look like it, then run on the log itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.causal.trust.question import Question
    from causalrec_lab.causal.trust.report import TrustReport, trust

_HOME = {"Question": "question", "TrustReport": "report", "trust": "report"}

__all__ = ["Question", "TrustReport", "trust"]

__getattr__, __dir__ = doors(__name__, _HOME)
