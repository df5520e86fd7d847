"""`attribute`: one face for the attributions of a recommender, of a text classifier and of a model of a table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from causalrec_lab.explain.attributions.result import Attributions

__all__ = ["attribute"]


def attribute(model: Any, inputs: Any, *, item: Any = None, method: str | None = None, **settings: Any) -> Attributions:
    """What a model's output rests on.

    Parameters
    ----------
    model
        A recommender, a `TextClassifier`, or a fitted scikit-learn model (linear or of trees).
    inputs
        A user id (recommender), a text (text classifier), or a table of rows (model of a table).
    item
        Item whose score is explained, for a recommender.
    method
        Recommender: "integrated_gradients" (default), "deletion" or "attention". Text classifier:
        "integrated_gradients" or "occlusion". Table: "interventional" (default) or "conditional" SHAP.
    **settings
        Passed on to `history_attributions`, `text_attributions` or `shap_attributions`.

    Raises
    ------
    ValueError
        If a recommender is asked without an item, or another model with one.
    TypeError
        If a model of a table is given no table.
    """
    if hasattr(model, "score_histories"):
        if item is None:
            raise ValueError("a recommender scores every item: say which one is to be explained by item=")
        from causalrec_lab.explain.attributions.history import history_attributions

        chosen: Any = method or ("integrated_gradients" if hasattr(model, "network") else "deletion")
        return history_attributions(model, inputs, item, method=chosen, **settings)
    if item is not None:
        raise ValueError(f"item={item!r}: a {type(model).__name__} has one output; leave item out")
    if hasattr(model, "word_attributions"):
        from causalrec_lab.explain.attributions.words import text_attributions

        words: Any = method
        return text_attributions(model, inputs, method=words, **settings)
    if not isinstance(inputs, pd.DataFrame):
        raise TypeError(f"a {type(model).__name__} reads a table; inputs is a {type(inputs).__name__}")
    from causalrec_lab.explain.attributions.tabular import shap_attributions

    kind: Any = method or "interventional"
    return shap_attributions(model, inputs, kind=kind, **settings)
