"""Text understanding and the sequence recommender: encoder, classifier, Transformer, debiasing losses, ranking metrics.

Every recommender has `fit` and `recommend`, and `evaluate` ranks the whole catalogue for each user of a split:

>>> from causalrec_lab.data import split_leave_one_out
>>> from causalrec_lab.recommender import ItemKNN, Popularity, evaluate
>>> from causalrec_lab.world import Platform
>>> events = Platform.make(seed=1, n_users=200, n_items=40).events(8_000, seed=1)
>>> split = split_leave_one_out(events[events["event"] == "click"])
>>> table = evaluate(Popularity().fit(split), split, k=(10,))
>>> bool(table.loc["HR@10", "low"] <= table.loc["HR@10", "value"] <= table.loc["HR@10", "high"])
True
>>> neighbours = ItemKNN().fit(split)
>>> len(neighbours.recommend(int(split.test["user_id"].iloc[0]), 5))
5

`TransformerRecommender(RecommenderConfig(epochs=…))` stands in the same place. Torch and transformers are imported when
a name that needs them is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.recommender import callbacks, debias
    from causalrec_lab.recommender.catalogue.baselines import EASE, ItemKNN, MatrixFactorisation, Popularity
    from causalrec_lab.recommender.catalogue.cold_start import ContentPopularity, split_cold_items
    from causalrec_lab.recommender.catalogue.item_graph import GraphNeighbours, ItemGraph
    from causalrec_lab.recommender.catalogue.policies import RecommenderPolicy
    from causalrec_lab.recommender.config import RecommenderConfig
    from causalrec_lab.recommender.evaluation.classification import (
        auc,
        auc_difference,
        calibration_table,
        classification_metrics,
    )
    from causalrec_lab.recommender.evaluation.ranking import evaluate
    from causalrec_lab.recommender.evaluation.shown import shown_metrics
    from causalrec_lab.recommender.ratings.exposure import LogisticExposure, PopularityExposure, TransformerExposure
    from causalrec_lab.recommender.ratings.kernel import RatingKernel, rating_difference, rating_metrics
    from causalrec_lab.recommender.ratings.logit import RatingLogit, exposure_propensity
    from causalrec_lab.recommender.sequence.attribution import (
        column_importance,
        history_attribution,
        integrated_gradients,
    )
    from causalrec_lab.recommender.sequence.transformer import TransformerRecommender
    from causalrec_lab.recommender.sequence.tuning import tune
    from causalrec_lab.recommender.text.classifier import TextClassifier
    from causalrec_lab.recommender.text.contrastive import co_bought_pairs, contrastive_warm_up
    from causalrec_lab.recommender.text.encoder import TextEncoder
    from causalrec_lab.recommender.text.generator import TextGenerator
    from causalrec_lab.recommender.text.interests import InterestProfiles, interest_profile
    from causalrec_lab.recommender.text.retrieval import TextMatcher, retrieval_metrics
    from causalrec_lab.recommender.text.self_training import learning_curve, self_train
    from causalrec_lab.recommender.text.thresholds import PlattScaling, best_threshold, cost_threshold, expected_cost
    from causalrec_lab.recommender.text.topics import Topics
    from causalrec_lab.recommender.text.word_attribution import attribution_html, word_attributions

_HOME = {
    "ContentPopularity": "catalogue.cold_start",
    "EASE": "catalogue.baselines",
    "GraphNeighbours": "catalogue.item_graph",
    "InterestProfiles": "text.interests",
    "ItemGraph": "catalogue.item_graph",
    "ItemKNN": "catalogue.baselines",
    "LogisticExposure": "ratings.exposure",
    "MatrixFactorisation": "catalogue.baselines",
    "PlattScaling": "text.thresholds",
    "Popularity": "catalogue.baselines",
    "PopularityExposure": "ratings.exposure",
    "RatingKernel": "ratings.kernel",
    "RatingLogit": "ratings.logit",
    "RecommenderConfig": "config",
    "RecommenderPolicy": "catalogue.policies",
    "TextClassifier": "text.classifier",
    "TextEncoder": "text.encoder",
    "TransformerExposure": "ratings.exposure",
    "TextGenerator": "text.generator",
    "TextMatcher": "text.retrieval",
    "Topics": "text.topics",
    "TransformerRecommender": "sequence.transformer",
    "attribution_html": "text.word_attribution",
    "auc": "evaluation.classification",
    "auc_difference": "evaluation.classification",
    "best_threshold": "text.thresholds",
    "calibration_table": "evaluation.classification",
    "classification_metrics": "evaluation.classification",
    "column_importance": "sequence.attribution",
    "co_bought_pairs": "text.contrastive",
    "contrastive_warm_up": "text.contrastive",
    "cost_threshold": "text.thresholds",
    "evaluate": "evaluation.ranking",
    "expected_cost": "text.thresholds",
    "exposure_propensity": "ratings.logit",
    "history_attribution": "sequence.attribution",
    "integrated_gradients": "sequence.attribution",
    "interest_profile": "text.interests",
    "learning_curve": "text.self_training",
    "rating_difference": "ratings.kernel",
    "rating_metrics": "ratings.kernel",
    "retrieval_metrics": "text.retrieval",
    "self_train": "text.self_training",
    "shown_metrics": "evaluation.shown",
    "split_cold_items": "catalogue.cold_start",
    "tune": "sequence.tuning",
    "word_attributions": "text.word_attribution",
}

__all__ = [
    "EASE",
    "ContentPopularity",
    "GraphNeighbours",
    "InterestProfiles",
    "ItemGraph",
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
