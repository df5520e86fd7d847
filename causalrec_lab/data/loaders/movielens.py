"""MovieLens: 100K with ratings and timestamps, 1M in the sequence order of the SASRec and BERT4Rec papers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import About, Dataset

__all__ = ["ml_1m", "ml_100k"]

Locate = Callable[[str], Path]


def ml_100k(about: About, file: Locate) -> Dataset:
    """MovieLens-100K: `events` with rating and time, `items` with title, year and genres, `users` with demographics.

    Harper and Konstan (2015), The MovieLens Datasets, ACM TiiS 5(4). There is no exposure in it: a rating says that a
    film was seen, never that it was shown and passed over.
    """
    events = _typed_table(file("ml-100k/ml-100k.inter"))
    events["timestamp"] = pd.to_datetime(events["timestamp"].astype("int64"), unit="s")
    events = events.assign(event="rating", value=events["rating"])
    items = _typed_table(file("ml-100k/ml-100k.item")).rename(columns={"movie_title": "title", "class": "genres"})
    items = items.rename(columns={"release_year": "year"})
    items["year"] = pd.to_numeric(items["year"], errors="coerce")
    items["category"] = items["genres"].str.extract(r"^(\S+)", expand=False)
    items["text"] = items["title"] + ". " + items["genres"]
    users = _typed_table(file("ml-100k/ml-100k.user"))
    columns = ["user_id", "item_id", "timestamp", "event", "value", "rating"]
    ordered = events.sort_values("timestamp", kind="stable", ignore_index=True)[columns]
    return Dataset("ml-100k", events=ordered, items=items, users=users, about=about)


def ml_1m(about: About, file: Locate) -> Dataset:
    """MovieLens-1M as the sequence papers use it: `events` in file order, no ratings and no clock.

    `timestamp` is the place of an event within its user's sequence (0, 1, …); ties were broken by the papers, so file
    order must be kept. `items` are mapped to MovieLens titles. `users` holds MovieLens' demographics under
    ``movielens_user_id``: the papers renumbered users, so that column must never be joined with ``user_id``.

    Kang and McAuley (2018), Self-Attentive Sequential Recommendation, ICDM; Harper and Konstan (2015).
    """
    pairs = pd.read_csv(file("ml-1m/ml-1m.txt"), sep=" ", header=None, names=["user_id", "item_id"], dtype=np.int64)
    events = pairs.assign(timestamp=pairs.groupby("user_id").cumcount().to_numpy(), event="rating")
    events.attrs["timestamp"] = "order within the user"
    mapping = pd.read_csv(
        file("ml-1m/sas_to_original_items.txt"), sep=" ", header=None, names=["item_id", "movielens_id"]
    )
    movies = _double_colon(file("ml-1m/movies.dat"), ["movielens_id", "title", "genres"])
    movies["movielens_id"] = movies["movielens_id"].astype("int64")
    items = mapping.merge(movies, on="movielens_id", how="left", validate="one_to_one")
    items["year"] = pd.to_numeric(items["title"].str.extract(r"\((\d{4})\)\s*$")[0])
    items["genres"] = items["genres"].str.replace("|", " ")
    items["category"] = items["genres"].str.extract(r"^(\S+)", expand=False)
    items["text"] = items["title"] + ". " + items["genres"]
    users = _double_colon(file("ml-1m/users.dat"), ["movielens_user_id", "gender", "age", "occupation", "zip_code"])
    users = users.astype({"movielens_user_id": "int64", "age": "int64", "occupation": "int64"})
    return Dataset("ml-1m", events=events, items=items, users=users, about=about)


def _typed_table(path: Path) -> pd.DataFrame:
    """Read a tab-separated file whose header says ``name:type``."""
    table = pd.read_csv(path, sep="\t", dtype={"zip_code:token": "str"})
    return table.rename(columns=lambda column: column.split(":")[0])


def _double_colon(path: Path, names: list[str]) -> pd.DataFrame:
    """Read ``a::b::c`` lines in latin-1, the encoding of the original files."""
    lines = pd.Series(path.read_text(encoding="latin-1").splitlines())
    return lines.str.split("::", expand=True).set_axis(names, axis=1)
