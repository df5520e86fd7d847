"""Treatment effects: one signature, `f(frame, treatment, outcome, covariates, *, …) -> Estimate`.

`regression` models the outcome, `ipw` the assignment, `aipw`, `tmle` and `dml` both; each reads text through
`embeddings=`. Learners such as `dr_learner` give an effect for every row, `iv` and `did` other ways out.

>>> from causalrec_lab import compare
>>> from causalrec_lab.causal import effects
>>> from causalrec_lab.world import Platform
>>> shop = Platform.make(seed=2, n_users=400, n_items=100, base_rate="common")
>>> log = shop.log(4_000, seed=2).decisions
>>> asked = (log, "treated", "click")
>>> adjusted = effects.aipw(*asked, shop.covariates, cluster=["user_id", "item_id"])
>>> found = {"naive": effects.naive(*asked), "AIPW": adjusted}
>>> compare(found, shop.truth.ate("click"))["covered"].to_dict()
{'naive': False, 'AIPW': True}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.causal.effects.averages.double_ml import dml
    from causalrec_lab.causal.effects.averages.doubly_robust import aipw
    from causalrec_lab.causal.effects.averages.groups import by_group
    from causalrec_lab.causal.effects.averages.least_squares import naive, regression
    from causalrec_lab.causal.effects.averages.levels import contrasts
    from causalrec_lab.causal.effects.averages.matched import matching
    from causalrec_lab.causal.effects.averages.targeted import tmle
    from causalrec_lab.causal.effects.averages.weighting import ipw
    from causalrec_lab.causal.effects.cate.estimate import CateEstimate
    from causalrec_lab.causal.effects.cate.forest import causal_forest
    from causalrec_lab.causal.effects.cate.gates import gates
    from causalrec_lab.causal.effects.cate.meta_learners import s_learner, t_learner, x_learner
    from causalrec_lab.causal.effects.cate.orthogonal_learners import dr_learner, r_learner
    from causalrec_lab.causal.effects.cate.policy_tree import PolicyTree, policy_tree
    from causalrec_lab.causal.effects.cate.projection import best_linear_projection, heterogeneity_test
    from causalrec_lab.causal.effects.cate.r_loss import r_loss
    from causalrec_lab.causal.effects.cate.rate import rate
    from causalrec_lab.causal.effects.cate.scores import EffectScores, effect_scores
    from causalrec_lab.causal.effects.diagnosing.calibration import calibration_plot, nuisance_quality
    from causalrec_lab.causal.effects.diagnosing.figures import love_plot, overlap_plot
    from causalrec_lab.causal.effects.diagnosing.tails import hill, pareto_k
    from causalrec_lab.causal.effects.diagnosing.verdicts import verdict
    from causalrec_lab.causal.effects.diagnostics import balance
    from causalrec_lab.causal.effects.frontdoor import front_door
    from causalrec_lab.causal.effects.instrumental.exclusion import exclusion_sensitivity
    from causalrec_lab.causal.effects.instrumental.two_stage import iv
    from causalrec_lab.causal.effects.nuisances.cross_fitting import propensity_scores
    from causalrec_lab.causal.effects.panel.fixed_effects import two_way, two_way_weights
    from causalrec_lab.causal.effects.panel.result import PanelEffects
    from causalrec_lab.causal.effects.panel.staggered import did
    from causalrec_lab.causal.effects.text.bert.estimator import causal_bert
    from causalrec_lab.causal.effects.text.confounding import (
        sentence_embedding,
        share_of_removal,
        text_confounding,
        tfidf_embedding,
    )
    from causalrec_lab.causal.effects.text.histories import user_states
    from causalrec_lab.causal.effects.text.simulated import SemiSynthetic, semi_synthetic

_HOME = {
    "CateEstimate": "cate.estimate",
    "EffectScores": "cate.scores",
    "PanelEffects": "panel.result",
    "PolicyTree": "cate.policy_tree",
    "SemiSynthetic": "text.simulated",
    "aipw": "averages.doubly_robust",
    "balance": "diagnostics",
    "best_linear_projection": "cate.projection",
    "by_group": "averages.groups",
    "calibration_plot": "diagnosing.calibration",
    "causal_bert": "text.bert.estimator",
    "causal_forest": "cate.forest",
    "contrasts": "averages.levels",
    "did": "panel.staggered",
    "dml": "averages.double_ml",
    "dr_learner": "cate.orthogonal_learners",
    "effect_scores": "cate.scores",
    "exclusion_sensitivity": "instrumental.exclusion",
    "front_door": "frontdoor",
    "gates": "cate.gates",
    "heterogeneity_test": "cate.projection",
    "hill": "diagnosing.tails",
    "ipw": "averages.weighting",
    "iv": "instrumental.two_stage",
    "love_plot": "diagnosing.figures",
    "matching": "averages.matched",
    "naive": "averages.least_squares",
    "nuisance_quality": "diagnosing.calibration",
    "overlap_plot": "diagnosing.figures",
    "pareto_k": "diagnosing.tails",
    "policy_tree": "cate.policy_tree",
    "propensity_scores": "nuisances.cross_fitting",
    "r_learner": "cate.orthogonal_learners",
    "r_loss": "cate.r_loss",
    "rate": "cate.rate",
    "regression": "averages.least_squares",
    "s_learner": "cate.meta_learners",
    "semi_synthetic": "text.simulated",
    "sentence_embedding": "text.confounding",
    "share_of_removal": "text.confounding",
    "t_learner": "cate.meta_learners",
    "text_confounding": "text.confounding",
    "tfidf_embedding": "text.confounding",
    "tmle": "averages.targeted",
    "two_way": "panel.fixed_effects",
    "two_way_weights": "panel.fixed_effects",
    "user_states": "text.histories",
    "verdict": "diagnosing.verdicts",
    "x_learner": "cate.meta_learners",
}

__all__ = [
    "CateEstimate",
    "EffectScores",
    "PanelEffects",
    "PolicyTree",
    "SemiSynthetic",
    "aipw",
    "balance",
    "best_linear_projection",
    "by_group",
    "calibration_plot",
    "causal_bert",
    "causal_forest",
    "contrasts",
    "did",
    "dml",
    "dr_learner",
    "effect_scores",
    "exclusion_sensitivity",
    "front_door",
    "gates",
    "heterogeneity_test",
    "hill",
    "ipw",
    "iv",
    "love_plot",
    "matching",
    "naive",
    "nuisance_quality",
    "overlap_plot",
    "pareto_k",
    "policy_tree",
    "propensity_scores",
    "r_learner",
    "r_loss",
    "rate",
    "regression",
    "s_learner",
    "semi_synthetic",
    "sentence_embedding",
    "share_of_removal",
    "t_learner",
    "text_confounding",
    "tfidf_embedding",
    "tmle",
    "two_way",
    "two_way_weights",
    "user_states",
    "verdict",
    "x_learner",
]

__getattr__, __dir__ = doors(__name__, _HOME)
