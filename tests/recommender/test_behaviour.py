"""Calibration of the behaviour head: against formulas, a fitted regression and a known truth."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.data.building.splits import Split
from causalrec_lab.recommender import RecommenderConfig, TransformerRecommender, classification_metrics, evaluate
from causalrec_lab.recommender.evaluation.behaviour import calibration, calibration_slope


def drawn(n=4_000, stretch=1.0, seed=0):
    """Labels from probabilities p, and predictions whose logits are `stretch` times the true ones."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-0.5, 1.2, n)
    y = rng.random(n) < 1 / (1 + np.exp(-logits))
    return rng.integers(n // 4, size=n), y, 1 / (1 + np.exp(-stretch * logits))


def test_the_slope_is_that_of_a_logistic_regression():
    import statsmodels.api as sm

    _, y, p = drawn(1_500, 1.7)
    weights = np.vstack([np.ones(len(y)), np.random.default_rng(1).standard_exponential(len(y))])
    design = sm.add_constant(np.log(p / (1 - p)))
    expected = [sm.GLM(y, design, sm.families.Binomial(), freq_weights=w).fit().params[1] for w in weights]
    np.testing.assert_allclose(calibration_slope(y, p, weights), expected, rtol=1e-6)


@pytest.mark.parametrize("stretch", [0.5, 1.0, 2.0])
def test_stretched_logits_have_the_inverse_slope(stretch):
    users, y, p = drawn(12_000, stretch)
    table = calibration(users, y, p, level=1 - 1e-6, replications=400)
    half = 2.7 * (table["high"] - table["low"]) / 2  # of 400 draws the range; widened to p < 1e-6
    assert abs(table["value"]["calibration slope"] - 1 / stretch) < half["calibration slope"]
    assert table["value"]["ECE"] == pytest.approx(classification_metrics(y, p)["ECE"], abs=1e-12)
    assert (table["value"]["ECE"] < 0.02) == (stretch == 1.0)


def test_one_class_has_no_slope():
    table = calibration([0, 0, 1], [1, 1, 1], [0.9, 0.5, 0.7])
    assert np.isnan(table["value"]["calibration slope"])
    assert table["value"]["ECE"] == pytest.approx((0.1 + 0.5 + 0.3) / 3)


def test_the_table_tells_of_a_behaviour_head_where_outcomes_are_known():
    rng = np.random.default_rng(1)
    users, items = np.repeat(np.arange(60), 12), rng.integers(8, size=720)
    bought = (rng.random(720) < np.where(items < 4, 0.8, 0.2)).astype(int)
    events = pd.DataFrame({"user_id": users, "item_id": items, "timestamp": np.tile(np.arange(12), 60)})
    events["bought"] = bought
    time = events["timestamp"]
    split = Split(events[time < 9], events[time == 9], events[time > 9])
    config = RecommenderConfig(
        length=12, dim=8, blocks=1, dropout=0.0, tokens=400, epochs=8, learning_rate=1e-2, precision="fp32"
    )
    aware = TransformerRecommender(RecommenderConfig(**config.to_dict() | {"outcome": "bought"})).fit(split, ())
    table = evaluate(aware, split, filter_seen=False, k=(3,), replications=50)
    before = aware.read(pd.concat([split.train, split.validation])).take(pd.Index(range(60)))
    chance = aware.score_histories(before, head="behaviour")
    last = split.test.sort_values(["user_id", "timestamp"])
    by_hand = chance[last["user_id"], aware.catalogue.get_indexer(last["item_id"])]
    assert table["value"]["ECE"] == pytest.approx(classification_metrics(last["bought"], by_hand)["ECE"], abs=1e-6)
    assert table["low"]["calibration slope"] < table["value"]["calibration slope"] < table["high"]["calibration slope"]
    assert table["users"]["ECE"] == 60
    bare = Split(split.train, split.validation, split.test.drop(columns="bought"))
    assert "ECE" not in evaluate(aware, bare, filter_seen=False, k=(3,), replications=2).index
    assert "ECE" not in evaluate(TransformerRecommender(config).fit(split, ()), split, k=(3,), replications=2).index


def test_labels_that_a_cut_parts_have_no_slope():
    assert np.isnan(calibration_slope([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8], np.ones((1, 4))))[0]


def test_replications_in_blocks_are_the_same(monkeypatch):
    users, y, p = drawn(400)
    whole = calibration(users, y, p, replications=50)
    monkeypatch.setattr("causalrec_lab.recommender.evaluation.behaviour.CELLS", 400 * 7)
    pd.testing.assert_frame_equal(calibration(users, y, p, replications=50), whole, rtol=1e-9)
