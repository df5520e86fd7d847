"""A small T1 for matching, TMLE, DML and contrasts, on the platform's clicks and a heavy-tailed surface.

The bands are exact binomial: a right 95 % interval leaves them by chance less than once in a million runs.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab.causal import effects

REPLICATIONS, ROWS = 100, 1_000
LOW, HIGH = binom.ppf([5e-7, 1 - 5e-7], REPLICATIONS, 0.95)


def draw(seed):
    """Student-t noise with 3 degrees of freedom, effects that differ: ATE 1, ATO lower or higher by what tilts it."""
    rng = np.random.default_rng([3, seed])
    x = rng.uniform(-1, 1, (ROWS, 2))
    e = 1 / (1 + np.exp(-1.5 * x[:, 0]))
    t = (rng.uniform(size=ROWS) < e).astype(int)
    y = 2 * x[:, 0] + x[:, 1] ** 2 + (1 + x[:, 0]) * t + rng.standard_t(3, ROWS)
    return pd.DataFrame(x, columns=["a", "b"]).assign(t=t, y=y)


def truth(estimand):
    nodes, weights = np.polynomial.legendre.leggauss(60)
    e = 1 / (1 + np.exp(-1.5 * nodes))
    tilt = weights * {"ATE": 1.0, "ATT": e, "ATO": e * (1 - e)}[estimand]
    return float((tilt * (1 + nodes)).sum() / tilt.sum())


@pytest.fixture(scope="module")
def logs():
    return [draw(seed) for seed in range(REPLICATIONS)]


@pytest.mark.parametrize(
    ("name", "estimand", "options"),
    [
        ("matching", "ATE", {}),
        ("matching", "ATT", {"matches": 2}),
        ("tmle", "ATE", {}),
        ("tmle", "ATT", {}),
        ("dml", "ATO", {"model": "partially linear"}),
        ("ipw", "ATO", {}),
    ],
)
def test_intervals_cover_their_own_estimand_under_heavy_tails(logs, name, estimand, options):
    found = [getattr(effects, name)(log, "t", "y", ["a", "b"], estimand=estimand, **options) for log in logs]
    assert LOW <= sum(one.covers(truth(estimand)) for one in found) <= HIGH
    values = np.array([one.value for one in found])
    assert abs(values.mean() - truth(estimand)) < (0.15 + 5 / np.sqrt(REPLICATIONS)) * values.std(ddof=1)


def test_the_att_is_another_number_than_the_ate(logs):
    values = np.array([effects.tmle(log, "t", "y", ["a", "b"], estimand="ATT").value for log in logs[:30]])
    assert values.mean() - truth("ATE") > 5 * values.std(ddof=1) / np.sqrt(30)
