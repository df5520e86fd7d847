"""Attributions: what a model's output rests on, by one face for three sources, set against what causes.

`attribute` takes tabular models, Transformers and text classifiers; for a few inputs `shapley_values` is exact:

>>> import numpy as np
>>> from causalrec_lab.explain import attributions
>>> def both(known):
...     return np.atleast_1d(1.0 * known[0] + 2.0 * known[0] * known[1])
...
>>> attributions.shapley_values(both, 2)[0].tolist()
[[2.0, 1.0]]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.explain.attributions.agreement import kendall, rank_agreement
    from causalrec_lab.explain.attributions.attention import attention_rollout, attention_weights
    from causalrec_lab.explain.attributions.effects import AgainstEffects, against_effects
    from causalrec_lab.explain.attributions.face import attribute
    from causalrec_lab.explain.attributions.history import history_attributions, history_methods
    from causalrec_lab.explain.attributions.refitting import refitted_attributions
    from causalrec_lab.explain.attributions.result import Attributions
    from causalrec_lab.explain.attributions.shapley import interventional_value, shapley_values
    from causalrec_lab.explain.attributions.tabular import shap_attributions
    from causalrec_lab.explain.attributions.truths import history_against_effects, true_effects
    from causalrec_lab.explain.attributions.words import text_attributions, tower_words

_HOME = {
    "AgainstEffects": "effects",
    "Attributions": "result",
    "against_effects": "effects",
    "attention_rollout": "attention",
    "attention_weights": "attention",
    "attribute": "face",
    "history_against_effects": "truths",
    "history_attributions": "history",
    "history_methods": "history",
    "interventional_value": "shapley",
    "kendall": "agreement",
    "rank_agreement": "agreement",
    "refitted_attributions": "refitting",
    "shap_attributions": "tabular",
    "shapley_values": "shapley",
    "text_attributions": "words",
    "tower_words": "words",
    "true_effects": "truths",
}

__all__ = [
    "AgainstEffects",
    "Attributions",
    "against_effects",
    "attention_rollout",
    "attention_weights",
    "attribute",
    "history_against_effects",
    "history_attributions",
    "history_methods",
    "interventional_value",
    "kendall",
    "rank_agreement",
    "refitted_attributions",
    "shap_attributions",
    "shapley_values",
    "text_attributions",
    "tower_words",
    "true_effects",
]

__getattr__, __dir__ = doors(__name__, _HOME)
