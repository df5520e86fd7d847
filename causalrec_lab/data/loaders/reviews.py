"""Reviews of clothes, with rating and recommendation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from causalrec_lab.data.dataset import About, Dataset

__all__ = ["clothing_reviews"]

_COLUMNS = {
    "Clothing ID": "item_id",
    "Age": "age",
    "Title": "title",
    "Review Text": "text",
    "Rating": "rating",
    "Recommended IND": "recommended",
    "Positive Feedback Count": "positive_feedback",
    "Division Name": "division",
    "Department Name": "department",
    "Class Name": "category",
}


def clothing_reviews(about: About, file: Callable[[str], Path]) -> Dataset:
    """Women's e-commerce clothing reviews: ``extra["reviews"]``, 1,000 rows, 82 % recommended.

    Columns item_id, age (of the reviewer), title, text, rating, recommended, positive_feedback, division, department,
    category. A missing title or text is an empty string, so that title + text can be joined without losing rows.
    Agarap (2018), arXiv:1805.03687.
    """
    raw = pd.read_csv(file("clothing_reviews/womens_clothing_reviews_sample.csv"), index_col=0)
    reviews = raw.rename(columns=_COLUMNS).reset_index(drop=True).fillna({"title": "", "text": ""})
    return Dataset("clothing_reviews", extra={"reviews": reviews}, about=about)
