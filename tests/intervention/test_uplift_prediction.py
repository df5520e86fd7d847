"""Ranking by what showing adds against ranking by what is bought, both valued by the truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalrec_lab.intervention.uplift import predict, shown_by
from causalrec_lab.world import Platform

SEEDS, PLACES = 8, 5


def values(seed):
    """Incremental and raw purchases a place, by what the candidates are ranked by."""
    platform = Platform.make(seed=100 + seed, n_users=400, n_items=100, base_rate="common")
    log = platform.log(20_000, seed).decisions
    found = predict(log, "treated", "purchase", [*platform.covariates, "price"], groups="user_id", seed=seed)
    means = platform.truth.potential_outcomes(log, "purchase")
    adds = means["y1"] - means["y0"]
    shown = {name: shown_by(log, found[name], PLACES) for name in ("effect", "y1")}
    return {
        (name, what): part[rows].mean()
        for name, rows in shown.items()
        for what, part in (("adds", adds), ("raw", means["y1"]))
    }


@pytest.fixture(scope="module")
def table():
    return pd.DataFrame([values(seed) for seed in range(SEEDS)])


def interval(difference):
    half = stats.t.ppf(1 - 5e-4, SEEDS - 1) * difference.std(ddof=1) / np.sqrt(SEEDS)
    return difference.mean() - half, difference.mean() + half


def test_ranking_by_effect_sells_more_than_would_have_been_sold(table):
    assert interval(table["effect", "adds"] - table["y1", "adds"])[0] > 0


def test_ranking_by_purchase_sees_more_purchases(table):
    assert interval(table["effect", "raw"] - table["y1", "raw"])[1] < 0


def test_predictions_are_of_rows_not_seen():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"user": np.arange(3_000) % 60, "t": rng.integers(2, size=3_000), "x": rng.normal(size=3_000)})
    frame["y"] = rng.integers(2, size=3_000)  # nothing to learn: out of sample no prediction can agree with y

    class Memory:
        def fit(self, x, y):
            self.known = dict(zip(x[:, 0], y, strict=True))
            return self

        def predict_proba(self, x):
            chance = np.array([self.known.get(value, 0.5) for value in x[:, 0]])
            return np.column_stack([1 - chance, chance])

    found = predict(frame, "t", "y", ["x"], learner=Memory)
    assert (found == [0.5, 0.5, 0.0]).all(axis=None)
    by_user = frame.assign(x=frame["user"] / 60)
    assert (predict(by_user, "t", "y", ["x"], groups="user", learner=Memory)[["y0", "y1"]] == 0.5).all(axis=None)


def test_effects_are_those_of_the_law():
    rng = np.random.default_rng(1)
    x, t = rng.normal(size=20_000), rng.integers(2, size=20_000)
    chance = [1 / (1 + np.exp(-(-0.5 + 0.5 * x + arm * (1 - x)))) for arm in (0, 1)]
    frame = pd.DataFrame({"x": x, "t": t, "y": rng.random(20_000) < np.choose(t, chance)})
    found = predict(frame.astype({"y": int}), "t", "y", ["x"])
    assert np.sqrt(((found["effect"] - (chance[1] - chance[0])) ** 2).mean()) < 0.03


def test_shrunken_effects_are_those_of_the_law_or_of_one_odds_ratio():
    rng = np.random.default_rng(1)
    x, t = rng.normal(size=20_000), rng.integers(2, size=20_000)
    chance = [1 / (1 + np.exp(-(-0.5 + 0.5 * x + arm * (1 - x)))) for arm in (0, 1)]
    frame = pd.DataFrame({"x": x, "t": t, "y": rng.random(20_000) < np.choose(t, chance)}).astype({"y": int})
    little = predict(frame, "t", "y", ["x"], shrinkage=1.0)
    assert np.sqrt(((little["effect"] - (chance[1] - chance[0])) ** 2).mean()) < 0.03
    much = predict(frame, "t", "y", ["x"], shrinkage=1e9)
    ratio = np.log(much["y1"] / (1 - much["y1"])) - np.log(much["y0"] / (1 - much["y0"]))
    assert np.ptp(ratio) < 0.1  # one odds ratio a fold, though the law's run over several
    with pytest.raises(ValueError, match="shrinkage"):
        predict(frame, "t", "y", ["x"], shrinkage=0.0)


def test_each_user_gets_its_places():
    frame = pd.DataFrame({"user_id": list("aaabbc")})
    shown = shown_by(frame, [1, 3, 3, 5, 4, 0], 1)
    assert shown.tolist() == [False, True, False, True, False, True]  # of a tie the first
    assert shown_by(frame, [1, 3, 3, 5, 4, 0], 9).all()


def test_bad_input_is_named():
    frame = pd.DataFrame({"user_id": [0, 1, 2, 3], "t": [0, 1, 0, 1], "y": [0, 1, 1, 1], "x": [0.0, 1, 2, 3]})
    with pytest.raises(ValueError, match=r"lacks \['mood'\]"):
        predict(frame, "t", "y", ["mood"])
    with pytest.raises(ValueError, match="single 'y'"):
        predict(frame, "t", "y", ["x"])
    with pytest.raises(ValueError, match="folds=9"):
        predict(frame, "t", "y", ["x"], folds=9)
    with pytest.raises(ValueError, match="'x' must hold 0 or 1"):
        predict(frame, "t", "x", ["x"])
    with pytest.raises(ValueError, match="k=0"):
        shown_by(frame, frame["x"], 0)
    with pytest.raises(ValueError, match="not all finite"):
        shown_by(frame, [0, 1, np.nan, 2], 1)
