"""Data sets with a randomised test of ratings: Coat Shopping, and the unbiased subset of KuaiRec."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import About, Dataset

__all__ = ["coat", "kuairec"]

Locate = Callable[[str], Path]


def coat(about: About, file: Locate) -> Dataset:
    """Coat Shopping: 290 users rated 24 coats they chose (train) and 16 drawn at random (test).

    ``extra`` holds "train", "test" and "test_clean" (integer matrices of 290 users x 300 coats, 0 where there is no
    rating), "user_features" and "item_features" (0/1 DataFrames). "test_clean" is "test" without the pairs that also
    stand in train: they carry the same rating in both, so that a model trained on train has seen them.

    Schnabel, Swaminathan, Singh, Chandak and Joachims (2016), Recommendations as Treatments, ICML.
    """
    train, test = (np.loadtxt(file(f"coat/{part}.ascii"), dtype=np.int64) for part in ("train", "test"))
    return Dataset(
        "coat",
        extra={
            "train": train,
            "test": test,
            "test_clean": np.where(train > 0, 0, test),
            "user_features": _features(file, "user"),
            "item_features": _features(file, "item"),
        },
        about=about,
    )


def _features(file: Locate, who: str) -> pd.DataFrame:
    folder = "coat/user_item_features"
    names = file(f"{folder}/{who}_features_map.txt").read_text(encoding="utf-8").split("\n")
    values = np.loadtxt(file(f"{folder}/{who}_features.ascii"), dtype=np.int64)
    index = pd.RangeIndex(len(values), name=f"{who}_id")
    return pd.DataFrame(values, columns=[name for name in names if name], index=index)


def kuairec(about: About, file: Locate) -> Dataset:
    """KuaiRec's unbiased subset: `events` with the watch ratio (seconds watched / length of the video), no clock.

    Gao et al. (2022), KuaiRec: A Fully-observed Dataset and Insights for Evaluating Recommender Systems, CIKM.
    """
    names = ["user_id", "item_id", "watch_ratio"]
    events = pd.read_csv(file("kuairec/random.txt"), header=None, names=names)
    return Dataset("kuairec", events=events.assign(event="watch", value=events["watch_ratio"]), about=about)
