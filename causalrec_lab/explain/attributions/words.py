"""Which words a model's answer rests on: of a text classifier, and of the recommender's text tower."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.explain.attributions.result import Attributions

if TYPE_CHECKING:
    from causalrec_lab.recommender.sequence.transformer import TransformerRecommender
    from causalrec_lab.recommender.text.classifier import TextClassifier

__all__ = ["text_attributions", "tower_words"]

Head = Literal["interest", "behaviour"]
Floats = npt.NDArray[np.float64]


def text_attributions(
    classifier: TextClassifier,
    text: str,
    *,
    method: Literal["integrated_gradients", "occlusion"] | None = None,
    steps: int = 64,
) -> Attributions:
    """What each word adds to a text classifier's logit; see `causalrec_lab.recommender.word_attributions`.

    Parameters
    ----------
    classifier, text, method, steps
        As there.
    """
    found = classifier.word_attributions(text, method=method, steps=steps)
    about = found.attrs
    adds_up = about["method"] == "integrated_gradients"
    table = found.rename(columns={"word": "feature"})[["feature", "attribution", "start", "end"]]
    table = table.assign(low=np.nan, high=np.nan)
    gap = about["gap"] if adds_up else float("nan")
    notes = ("a word that moves the prediction need not move a reader",)
    how = "integrated gradients" if adds_up else "leaving out words"
    return Attributions(table, how, about["logit"], about["baseline"], "logit of class 1", adds_up, gap, notes=notes)


def tower_words(
    model: TransformerRecommender,
    user_id: Any,
    item_id: Any,
    met: Any,
    items: pd.DataFrame,
    *,
    head: Head = "interest",
) -> Attributions:
    """What each word of one item of the history adds to the score of another item, through the text tower.

    The word is left out of the text, the encoder reads it anew, and the model scores the history with that item's
    vector: an effect on the model's score. Such differences do not add up.

    Parameters
    ----------
    model
        With a text tower.
    user_id, item_id
        Whose score, of which item.
    met
        Item of the history whose words are left out.
    items
        Table the model was trained with: item_id, text, in the order of the catalogue.
    head
        "interest" or "behaviour".

    Raises
    ------
    ValueError
        If the model has no text tower, the table is another, or the model reads no such item in the history.
    """
    from causalrec_lab.explain.counterfactuals.changes import scorer_of
    from causalrec_lab.recommender.sequence.attribution import logit_of_history

    if model.network.text is None or model.config.text is None:
        raise ValueError("this model reads no texts; train it with RecommenderConfig(text=…) and items= with a text")
    scorer = scorer_of(model)
    if "text" not in items or not pd.Index(items["item_id"]).equals(pd.Index(model.catalogue)):
        raise ValueError(
            "items is not the table the model was trained with: item_id and text, one row an item in order"
        )
    logit, vectors, numbers = logit_of_history(model, user_id, scorer.number(item_id), head)
    places = np.flatnonzero(numbers == scorer.number(met))
    if not len(places):
        raise ValueError(
            f"the model reads no item {met!r} in the history of user {user_id!r}; it reads {_read(model, numbers)}"
        )
    texts = items["text"].fillna("").tolist()
    spans = [found.span() for found in re.finditer(r"\w+(?:'\w+)*", texts[scorer.number(met) - 1])]
    moved = _moved(model, texts, scorer.number(met) - 1, spans)
    table, whole = _effects(logit, vectors, places, moved)
    words = [texts[scorer.number(met) - 1][start:end] for start, end in spans]
    frame = pd.DataFrame({"feature": words, "attribution": table, "low": np.nan, "high": np.nan})
    unit = "logit of the next item" if head == "interest" else "logit of the outcome"
    notes = (f"words of item {met!r} in the history; the encoder {model.encoder_name} reads the text without each",)
    nan = float("nan")
    return Attributions(frame, "leaving out words", whole, nan, unit, False, nan, notes=notes)


def _moved(model: TransformerRecommender, texts: list[str], place: int, spans: list[tuple[int, int]]) -> Any:
    """(words, dim) change of the item's vector when each word is left out of its text."""
    import torch

    from causalrec_lab.recommender.text.encoder import TextEncoder

    encoder = TextEncoder.load(str(model.config.text), corpus=texts, seed=model.config.seed)
    known = encoder.embed(texts)
    spread = np.sqrt(known.var(axis=0).mean())  # the scale the tower was trained on
    text = texts[place]
    without = encoder.embed([text[:start] + text[end:] for start, end in spans])
    shift = (without - known[place]) / (spread if spread > 0 else 1.0)
    with torch.no_grad():
        tower: Any = model.network.text
        return tower(torch.from_numpy(shift.astype(np.float32)))


def _effects(logit: Any, vectors: Any, places: npt.NDArray[np.int64], moved: Any) -> tuple[Floats, float]:
    """Logit less that with each moved vector, and the logit."""
    import torch

    with torch.no_grad():
        whole = float(logit(vectors[None])[0])
        changed = vectors[None].repeat(len(moved), 1, 1)
        changed[:, torch.as_tensor(places)] += moved[:, None]
        left = logit(changed).numpy().astype(np.float64) if len(moved) else np.empty(0)
    return np.asarray(whole - left), whole


def _read(model: TransformerRecommender, numbers: npt.NDArray[np.int64]) -> list[Any]:
    return list(dict.fromkeys(model.catalogue[numbers - 1].tolist()))
