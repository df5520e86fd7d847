"""Text understanding and the sequence recommender: encoder, classifier, Transformer, debiasing losses, ranking metrics.

Torch and transformers are imported when a name that needs them is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalrec_lab.recommender import debias
    from causalrec_lab.recommender.baselines import ItemKNN, Popularity
    from causalrec_lab.recommender.classification import auc, auc_difference, calibration_table, classification_metrics
    from causalrec_lab.recommender.classifier import TextClassifier
    from causalrec_lab.recommender.config import RecommenderConfig
    from causalrec_lab.recommender.encoder import TextEncoder
    from causalrec_lab.recommender.policies import RecommenderPolicy
    from causalrec_lab.recommender.ranking import evaluate
    from causalrec_lab.recommender.rating_logit import RatingLogit, exposure_propensity
    from causalrec_lab.recommender.ratings import RatingKernel, rating_metrics
    from causalrec_lab.recommender.transformer import TransformerRecommender

_HOME = {
    "ItemKNN": "causalrec_lab.recommender.baselines",
    "Popularity": "causalrec_lab.recommender.baselines",
    "RatingKernel": "causalrec_lab.recommender.ratings",
    "RatingLogit": "causalrec_lab.recommender.rating_logit",
    "RecommenderConfig": "causalrec_lab.recommender.config",
    "RecommenderPolicy": "causalrec_lab.recommender.policies",
    "TextClassifier": "causalrec_lab.recommender.classifier",
    "TextEncoder": "causalrec_lab.recommender.encoder",
    "TransformerRecommender": "causalrec_lab.recommender.transformer",
    "auc": "causalrec_lab.recommender.classification",
    "auc_difference": "causalrec_lab.recommender.classification",
    "calibration_table": "causalrec_lab.recommender.classification",
    "classification_metrics": "causalrec_lab.recommender.classification",
    "evaluate": "causalrec_lab.recommender.ranking",
    "exposure_propensity": "causalrec_lab.recommender.rating_logit",
    "rating_metrics": "causalrec_lab.recommender.ratings",
}

__all__ = [
    "ItemKNN",
    "Popularity",
    "RatingKernel",
    "RatingLogit",
    "RecommenderConfig",
    "RecommenderPolicy",
    "TextClassifier",
    "TextEncoder",
    "TransformerRecommender",
    "auc",
    "auc_difference",
    "calibration_table",
    "classification_metrics",
    "debias",
    "evaluate",
    "exposure_propensity",
    "rating_metrics",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name == "debias":
        return importlib.import_module("causalrec_lab.recommender.debias")
    raise AttributeError(f"module 'causalrec_lab.recommender' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
