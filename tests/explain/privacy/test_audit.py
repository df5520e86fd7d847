"""An audit passes the mechanisms and catches the broken ones: on neighbouring tables, at p < 1e-6."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.explain import privacy
from causalrec_lab.explain.privacy.contributions import GRID
from causalrec_lab.explain.privacy.noise import calibrate, secure, simulate

SURE = 1 - 1e-6
OTHERS = pd.DataFrame({"user_id": np.arange(12), "y": 0.0, "g": "a"})
HEAVY = pd.DataFrame({"user_id": -1, "y": 1e6, "g": ["a"] * 500 + ["b"] * 500})  # one user, a thousand rows
RUNS = 200


def outputs(release, frame: pd.DataFrame, source) -> np.ndarray:
    return np.array([release(frame, source) for _ in range(RUNS)])


RELEASES = {
    "group": lambda frame, source: privacy.counts(frame, by={"g": ["a"]}, epsilon=1.0, noise=source).table["count"][0],
    "rows": lambda frame, source: privacy.counts(frame, epsilon=1.0, rows_per_user=4, noise=source).table["count"][0],
    "mean": lambda frame, source: privacy.mean(frame, "y", bounds=(0, 1), epsilon=1.0, noise=source).value,
}  # fmt: skip


@pytest.mark.parametrize("sampler", ["opendp", "simulated"])
@pytest.mark.parametrize("name", RELEASES)
def test_a_heavy_user_moves_a_release_no_more_than_declared(name, sampler):
    source = None if sampler == "opendp" else simulate(1)
    both = pd.concat([OTHERS, HEAVY], ignore_index=True)
    found = privacy.audit(*(outputs(RELEASES[name], frame, source) for frame in (both, OTHERS)), confidence=SURE)
    assert found.epsilon_low <= 1.0


@pytest.mark.parametrize("kind", ["laplace", "gaussian"])
def test_the_audit_is_tight_enough_to_tell_epsilon(kind):
    """Many draws of the mechanism itself, at its full sensitivity: the bound lies under epsilon, and not far under."""
    law = calibrate(kind, GRID, 1.0, 1e-6 if kind == "gaussian" else 0.0)
    n = 60_000
    one, other = (secure(None).add(np.full(n, exact, dtype=np.int64), law) for exact in (GRID, 0))
    found = privacy.audit(one, other, delta=law.delta, confidence=SURE)
    assert (0.75 if kind == "laplace" else 0.05) < found.epsilon_low <= 1.0


def test_a_mechanism_that_does_not_cut_is_caught():
    """The same noise, but a sum of all rows: the heavy user stands out."""
    law = calibrate("laplace", 1, 1.0)

    def unclipped(frame: pd.DataFrame, source) -> int:
        return int(source.add(np.array([len(frame)]), law)[0])

    both = pd.concat([OTHERS, HEAVY.head(6)], ignore_index=True)  # six rows are enough
    found = privacy.audit(*(outputs(unclipped, frame, secure(None)) for frame in (both, OTHERS)), confidence=SURE)
    assert found.epsilon_low > 1.0
    assert found.share != found.other_share


def test_noise_of_half_the_scale_is_caught():
    law = calibrate("laplace", 1, 1.0)
    half = calibrate("laplace", 1, 2.0)
    n = 40_000
    one, other = (secure(None).add(np.full(n, exact, dtype=np.int64), half) for exact in (1, 0))
    assert privacy.audit(one, other, confidence=SURE).epsilon_low > law.epsilon


def test_the_bound_is_right_as_often_as_it_says():
    """Randomised response with epsilon log 3: the bound passes it in at most 10 % of audits (99.9999 % band)."""
    rng, runs = np.random.default_rng(0), 400
    over = sum(
        privacy.audit(rng.random(200) < 0.75, rng.random(200) < 0.25, confidence=0.9).epsilon_low > math.log(3)
        for _ in range(runs)
    )
    from scipy.stats import binom

    assert over <= binom.isf(1e-6, runs, 0.1)


def test_outputs_without_end_are_outputs():
    """A mechanism that crashes to infinity on one table alone gives that table away; no warning is in the way."""
    one = np.r_[np.zeros(250), np.full(50, np.inf)][np.random.default_rng(0).permutation(300)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = privacy.audit(one, np.zeros(300))
    assert found.epsilon_low > 1


def test_bad_input():
    with pytest.raises(ValueError, match="at least 40"):
        privacy.audit(np.zeros(10), np.zeros(50))
    with pytest.raises(ValueError, match="none missing"):
        privacy.audit(np.full(50, np.nan), np.zeros(50))
    with pytest.raises(ValueError, match="shares"):
        privacy.audit(np.zeros(50), np.zeros(50), confidence=1.0)
