"""Texts and their labels, looked at before anything is trained on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.recommender.text.encoder import checked_texts

__all__ = ["both_classes", "checked_labelled"]

Ints = npt.NDArray[np.int64]


def checked_labelled(texts: Iterable[str], labels: Any) -> tuple[list[str], Ints]:
    """Texts as a list and their labels, both classes among them.

    Raises
    ------
    TypeError
        If an element of `texts` is not a string.
    ValueError
        If lengths differ, no text has a word, a label is neither 0 nor 1 (missing ones included), or only one class is
        there.
    """
    listed, y = checked_texts(texts), both_classes(labels)
    if len(listed) != len(y):
        raise ValueError(f"{len(listed)} texts but {len(y)} labels; one label a text")
    if not any(text.strip() for text in listed):
        raise ValueError(f"none of the {len(listed)} texts has a word; there is nothing to learn from")
    return listed, y


def both_classes(labels: Any) -> Ints:
    """(n,) labels 0 and 1, both there.

    Raises
    ------
    ValueError
        If there is not one label a text, a label is neither 0 nor 1, or only one class is there.
    """
    y = np.asarray(labels)
    if y.ndim != 1:
        raise ValueError(
            f"labels has shape {y.shape}; one label a text is wanted, shape (n,): a label for every token belongs to "
            "tagging, and a column for every class is made from the labels"
        )
    bad = ~np.isin(y, (0, 1))
    if bad.any():
        row = int(np.argmax(bad))
        gone = "; drop rows without a label, or give them to self_train as unlabelled texts" if _missing(y[row]) else ""
        raise ValueError(
            f"labels has {int(bad.sum())} values that are neither 0 nor 1, first at row {row}: {y[row]}{gone}"
        )
    if not len(y):
        raise ValueError("there are no labels; a classifier needs texts of both classes")
    if len(np.unique(y)) < 2:
        raise ValueError(f"all {len(y)} labels are the same ({int(y[0])}); a classifier needs texts of both classes")
    return y.astype(np.int64)


def _missing(value: Any) -> bool:
    return value is None or value != value
