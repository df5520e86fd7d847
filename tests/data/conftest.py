"""A small log made here, so that these tests need no other room and no download."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data


@pytest.fixture
def decisions() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n = 4_000
    x = rng.normal(size=n)
    propensity = 1 / (1 + np.exp(-0.8 * x))
    treated = (rng.uniform(size=n) < propensity).astype(int)
    click = (rng.uniform(size=n) < 0.2 + 0.1 * treated + 0.05 * (x > 0)).astype(int)
    return pd.DataFrame(
        {
            "user_id": rng.integers(0, 300, n),
            "item_id": rng.zipf(1.6, n) % 50,
            "timestamp": np.arange(n),
            "treated": treated,
            "propensity": propensity,
            "x": x,
            "click": click,
        }
    )


@pytest.fixture
def real():
    """Load a real data set, or skip with the library's own words where no source gives it."""

    def load(name: str, **options):
        try:
            return data.load(name, **options)
        except data.DataUnavailable as unavailable:
            pytest.skip(str(unavailable))

    return load
