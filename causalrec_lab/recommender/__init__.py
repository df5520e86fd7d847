"""Text understanding and the sequence recommender: encoder, classifier, Transformer, debiasing losses, ranking metrics.

Torch and transformers are imported when a name that needs them is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.recommender import callbacks, debias
    from causalrec_lab.recommender.attribution import column_importance, history_attribution, integrated_gradients
    from causalrec_lab.recommender.baselines import EASE, ItemKNN, MatrixFactorisation, Popularity
    from causalrec_lab.recommender.classification import auc, auc_difference, calibration_table, classification_metrics
    from causalrec_lab.recommender.classifier import TextClassifier
    from causalrec_lab.recommender.cold_start import ContentPopularity, split_cold_items
    from causalrec_lab.recommender.config import RecommenderConfig
    from causalrec_lab.recommender.contrastive import co_bought_pairs, contrastive_warm_up
    from causalrec_lab.recommender.encoder import TextEncoder
    from causalrec_lab.recommender.exposure_models import LogisticExposure, PopularityExposure, TransformerExposure
    from causalrec_lab.recommender.generator import TextGenerator
    from causalrec_lab.recommender.interests import InterestProfiles, interest_profile
    from causalrec_lab.recommender.policies import RecommenderPolicy
    from causalrec_lab.recommender.ranking import evaluate
    from causalrec_lab.recommender.rating_logit import RatingLogit, exposure_propensity
    from causalrec_lab.recommender.ratings import RatingKernel, rating_difference, rating_metrics
    from causalrec_lab.recommender.retrieval import TextMatcher, retrieval_metrics
    from causalrec_lab.recommender.self_training import learning_curve, self_train
    from causalrec_lab.recommender.shown import shown_metrics
    from causalrec_lab.recommender.thresholds import PlattScaling, best_threshold, cost_threshold, expected_cost
    from causalrec_lab.recommender.topics import Topics
    from causalrec_lab.recommender.transformer import TransformerRecommender
    from causalrec_lab.recommender.tuning import tune
    from causalrec_lab.recommender.word_attribution import attribution_html, word_attributions

_HOME = {
    "ContentPopularity": "cold_start",
    "EASE": "baselines",
    "InterestProfiles": "interests",
    "ItemKNN": "baselines",
    "LogisticExposure": "exposure_models",
    "MatrixFactorisation": "baselines",
    "PlattScaling": "thresholds",
    "Popularity": "baselines",
    "PopularityExposure": "exposure_models",
    "RatingKernel": "ratings",
    "RatingLogit": "rating_logit",
    "RecommenderConfig": "config",
    "RecommenderPolicy": "policies",
    "TextClassifier": "classifier",
    "TextEncoder": "encoder",
    "TransformerExposure": "exposure_models",
    "TextGenerator": "generator",
    "TextMatcher": "retrieval",
    "Topics": "topics",
    "TransformerRecommender": "transformer",
    "attribution_html": "word_attribution",
    "auc": "classification",
    "auc_difference": "classification",
    "best_threshold": "thresholds",
    "calibration_table": "classification",
    "classification_metrics": "classification",
    "column_importance": "attribution",
    "co_bought_pairs": "contrastive",
    "contrastive_warm_up": "contrastive",
    "cost_threshold": "thresholds",
    "evaluate": "ranking",
    "expected_cost": "thresholds",
    "exposure_propensity": "rating_logit",
    "history_attribution": "attribution",
    "integrated_gradients": "attribution",
    "interest_profile": "interests",
    "learning_curve": "self_training",
    "rating_difference": "ratings",
    "rating_metrics": "ratings",
    "retrieval_metrics": "retrieval",
    "self_train": "self_training",
    "shown_metrics": "shown",
    "split_cold_items": "cold_start",
    "tune": "tuning",
    "word_attributions": "word_attribution",
}

__all__ = [
    "EASE",
    "ContentPopularity",
    "InterestProfiles",
    "ItemKNN",
    "LogisticExposure",
    "MatrixFactorisation",
    "PlattScaling",
    "Popularity",
    "PopularityExposure",
    "RatingKernel",
    "RatingLogit",
    "RecommenderConfig",
    "RecommenderPolicy",
    "TextClassifier",
    "TextEncoder",
    "TextGenerator",
    "TextMatcher",
    "Topics",
    "TransformerExposure",
    "TransformerRecommender",
    "attribution_html",
    "auc",
    "auc_difference",
    "best_threshold",
    "calibration_table",
    "callbacks",
    "classification_metrics",
    "co_bought_pairs",
    "column_importance",
    "contrastive_warm_up",
    "cost_threshold",
    "debias",
    "evaluate",
    "expected_cost",
    "exposure_propensity",
    "history_attribution",
    "integrated_gradients",
    "interest_profile",
    "learning_curve",
    "rating_difference",
    "rating_metrics",
    "retrieval_metrics",
    "self_train",
    "shown_metrics",
    "split_cold_items",
    "tune",
    "word_attributions",
]

__getattr__, __dir__ = doors(__name__, _HOME, ("callbacks", "debias"))
