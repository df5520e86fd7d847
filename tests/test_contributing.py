"""What CONTRIBUTING tells to do works: its estimator is right where it should be, and fails where it says."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def names() -> dict:
    known: dict = {}
    for block in BLOCKS:
        exec(compile(block, "CONTRIBUTING.md", "exec"), known)  # the guide's own code, as a reader would run it
    return known


def test_the_estimator_covers_where_its_strata_hold_all_confounding(names: dict) -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(200):
        stratum = rng.integers(0, 4, 500)
        treated = rng.random(500) < np.array([0.2, 0.4, 0.6, 0.8])[stratum]
        frame = pd.DataFrame({"s": stratum, "t": treated.astype(int)})
        frame["y"] = stratum + (1 + stratum) * treated + rng.normal(size=500)
        covered += names["post_stratified"](frame, "t", "y", ["s"]).covers(2.5)
    assert 173 <= covered <= 200  # exact binomial band of 95 % in 200, p < 1e-6


def test_one_arm_in_a_stratum_is_refused(names: dict) -> None:
    frame = pd.DataFrame({"s": [0, 0, 0, 1, 1, 1], "t": [0, 0, 1, 1, 1, 1], "y": [0.0, 1, 2, 3, 4, 5]})
    with pytest.raises(ValueError, match="only one arm"):
        names["post_stratified"](frame, "t", "y", ["s"])


@pytest.mark.slow
def test_its_truth_test_tells_what_thirds_leave_open(names: dict) -> None:
    assert names["low"] <= names["covered"](2_000) <= names["high"]
    assert names["covered"](20_000) < names["low"]


def test_every_path_it_names_exists() -> None:
    named = re.findall(r"`((?:causalrec_lab|tests|benchmarks|notebooks|data)/[\w./-]+)`", TEXT)
    assert len(named) > 10
    assert [path for path in named if "NN_" not in path and not (ROOT / path).exists()] == []
