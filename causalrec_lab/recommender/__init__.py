"""Text understanding and the sequence recommender: encoder, classifier, Transformer, debiasing, ranking metrics.

Torch and transformers are imported when a name that needs them is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalrec_lab.recommender.baselines import ItemKNN, Popularity
    from causalrec_lab.recommender.config import RecommenderConfig
    from causalrec_lab.recommender.encoder import TextEncoder
    from causalrec_lab.recommender.ranking import evaluate
    from causalrec_lab.recommender.transformer import TransformerRecommender

_HOME = {
    "ItemKNN": "causalrec_lab.recommender.baselines",
    "Popularity": "causalrec_lab.recommender.baselines",
    "RecommenderConfig": "causalrec_lab.recommender.config",
    "TextEncoder": "causalrec_lab.recommender.encoder",
    "TransformerRecommender": "causalrec_lab.recommender.transformer",
    "evaluate": "causalrec_lab.recommender.ranking",
}

__all__ = ["ItemKNN", "Popularity", "RecommenderConfig", "TextEncoder", "TransformerRecommender", "evaluate"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'causalrec_lab.recommender' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
