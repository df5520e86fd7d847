"""Data sets with a randomised test of ratings: Coat Shopping, and the unbiased subset of KuaiRec."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.data.dataset import About, Dataset

__all__ = ["coat", "kuairec"]

Locate = Callable[[str], Path]


def coat(about: About, file: Locate) -> Dataset:
    """Coat Shopping: 290 users rated 24 coats they chose (train) and 16 drawn at random (test).

    `events` has both, one row a rating, told apart by `randomised` (0/1); `users` and `items` have their features as
    categories. ``extra`` holds "train", "test" and "test_clean" (integer matrices of 290 users x 300 coats, 0 where
    there is no rating), "user_features" and "item_features" (0/1 DataFrames). "test_clean" is "test" without the pairs
    that also stand in train: they carry the same rating in both, so that a model trained on train has seen them.

    Schnabel, Swaminathan, Singh, Chandak and Joachims (2016), Recommendations as Treatments, ICML.
    """
    train, test = (np.loadtxt(file(f"coat/{part}.ascii"), dtype=np.int64) for part in ("train", "test"))
    users, items = _features(file, "user"), _features(file, "item")
    return Dataset(
        "coat",
        events=pd.concat([_ratings(train, randomised=0), _ratings(test, randomised=1)], ignore_index=True),
        items=_categories(items).rename(columns={"jackettype": "category"}),
        users=_categories(users).rename(columns={"age": "age_group"}),
        extra={
            "train": train,
            "test": test,
            "test_clean": np.where(train > 0, 0, test),
            "user_features": users,
            "item_features": items,
        },
        about=about,
    )


def _ratings(matrix: npt.NDArray[np.int64], *, randomised: int) -> pd.DataFrame:
    user, item = np.nonzero(matrix)
    columns = {"user_id": user, "item_id": item, "event": "rating", "value": matrix[user, item]}
    return pd.DataFrame(columns | {"randomised": randomised})


def _categories(features: pd.DataFrame) -> pd.DataFrame:
    """Read 0/1 columns called ``question:answer`` back as one column a question."""
    columns: dict[str, pd.Series[str]] = {}
    for question in dict.fromkeys(str(name).split(":")[0] for name in features):
        answers = features.filter(regex=f"^{question}:")
        names = np.array([str(name).split(":")[1] for name in answers])
        columns[question] = pd.Series(names[answers.to_numpy().argmax(axis=1)], index=features.index)
    return pd.DataFrame(columns).reset_index()


def _features(file: Locate, who: str) -> pd.DataFrame:
    folder = "coat/user_item_features"
    names = file(f"{folder}/{who}_features_map.txt").read_text(encoding="utf-8").split("\n")
    values = np.loadtxt(file(f"{folder}/{who}_features.ascii"), dtype=np.int64)
    index = pd.RangeIndex(len(values), name=f"{who}_id")
    return pd.DataFrame(values, columns=[name for name in names if name], index=index)


def kuairec(about: About, file: Locate) -> Dataset:
    """KuaiRec's unbiased subset: `events` with the watch ratio (seconds watched / length of the video), no clock.

    `randomised` is 1 in all rows: that is how the subset is described. It holds 83 videos of each of 1,411 users, but
    the videos are far from equally frequent (1 to 1,400 rows; an even draw would give about 46): averages over rows
    speak of the frequent ones. Gao et al. (2022), KuaiRec: A Fully-observed Dataset and Insights for Evaluating
    Recommender Systems, CIKM.
    """
    names = ["user_id", "item_id", "watch_ratio"]
    events = pd.read_csv(file("kuairec/random.txt"), header=None, names=names)
    return Dataset(
        "kuairec", events=events.assign(event="watch", value=events["watch_ratio"], randomised=1), about=about
    )
