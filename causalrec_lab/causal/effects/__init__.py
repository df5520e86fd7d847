"""Average treatment effects: one signature, `f(frame, treatment, outcome, covariates, *, …) -> Estimate`.

`regression` models the outcome, `ipw` the assignment, `aipw` both; each reads text through `embeddings=`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.causal.effects.diagnostics import balance
    from causalrec_lab.causal.effects.doubly_robust import aipw, by_group
    from causalrec_lab.causal.effects.frontdoor import front_door
    from causalrec_lab.causal.effects.instrumental.two_stage import iv
    from causalrec_lab.causal.effects.least_squares import naive, regression
    from causalrec_lab.causal.effects.matched import matching
    from causalrec_lab.causal.effects.nuisances.cross_fitting import propensity_scores
    from causalrec_lab.causal.effects.text import (
        sentence_embedding,
        share_of_removal,
        text_confounding,
        tfidf_embedding,
    )
    from causalrec_lab.causal.effects.weighting import ipw

_HOME = {
    "aipw": "doubly_robust",
    "balance": "diagnostics",
    "by_group": "doubly_robust",
    "front_door": "frontdoor",
    "ipw": "weighting",
    "matching": "matched",
    "iv": "instrumental.two_stage",
    "naive": "least_squares",
    "propensity_scores": "nuisances.cross_fitting",
    "regression": "least_squares",
    "sentence_embedding": "text",
    "share_of_removal": "text",
    "text_confounding": "text",
    "tfidf_embedding": "text",
}

__all__ = [
    "aipw",
    "balance",
    "by_group",
    "front_door",
    "ipw",
    "iv",
    "matching",
    "naive",
    "propensity_scores",
    "regression",
    "sentence_embedding",
    "share_of_removal",
    "text_confounding",
    "tfidf_embedding",
]

__getattr__, __dir__ = doors(__name__, _HOME)
