"""Text understanding and the sequence recommender: encoder, classifier, Transformer, debiasing losses, ranking metrics.

Torch and transformers are imported when a name that needs them is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.recommender import callbacks, debias
    from causalrec_lab.recommender.baselines import EASE, ItemKNN, MatrixFactorisation, Popularity
    from causalrec_lab.recommender.classification import auc, auc_difference, calibration_table, classification_metrics
    from causalrec_lab.recommender.classifier import TextClassifier
    from causalrec_lab.recommender.cold_start import ContentPopularity, split_cold_items
    from causalrec_lab.recommender.config import RecommenderConfig
    from causalrec_lab.recommender.encoder import TextEncoder
    from causalrec_lab.recommender.policies import RecommenderPolicy
    from causalrec_lab.recommender.ranking import evaluate
    from causalrec_lab.recommender.rating_logit import RatingLogit, exposure_propensity
    from causalrec_lab.recommender.ratings import RatingKernel, rating_difference, rating_metrics
    from causalrec_lab.recommender.shown import shown_metrics
    from causalrec_lab.recommender.transformer import TransformerRecommender
    from causalrec_lab.recommender.tuning import tune

_HOME = {
    "ContentPopularity": "cold_start",
    "EASE": "baselines",
    "ItemKNN": "baselines",
    "MatrixFactorisation": "baselines",
    "Popularity": "baselines",
    "RatingKernel": "ratings",
    "RatingLogit": "rating_logit",
    "RecommenderConfig": "config",
    "RecommenderPolicy": "policies",
    "TextClassifier": "classifier",
    "TextEncoder": "encoder",
    "TransformerRecommender": "transformer",
    "auc": "classification",
    "auc_difference": "classification",
    "calibration_table": "classification",
    "classification_metrics": "classification",
    "evaluate": "ranking",
    "exposure_propensity": "rating_logit",
    "rating_difference": "ratings",
    "rating_metrics": "ratings",
    "shown_metrics": "shown",
    "split_cold_items": "cold_start",
    "tune": "tuning",
}

__all__ = [
    "EASE",
    "ContentPopularity",
    "ItemKNN",
    "MatrixFactorisation",
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
    "callbacks",
    "classification_metrics",
    "debias",
    "evaluate",
    "exposure_propensity",
    "rating_difference",
    "rating_metrics",
    "shown_metrics",
    "split_cold_items",
    "tune",
]

__getattr__, __dir__ = doors(__name__, _HOME, ("callbacks", "debias"))
