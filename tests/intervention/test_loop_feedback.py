"""The feedback loop: a recommender that believes its own log narrows; propensities cure it."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import loop
from causalrec_lab.intervention.loop.own_log import ImplicitModel
from causalrec_lab.world import Platform


@pytest.fixture(scope="module")
def lived() -> loop.FeedbackResult:
    platform = Platform.make(seed=1, n_users=300, n_items=30, base_rate="common")
    return loop.feedback(platform, generations=8, per_generation=3_000, seeds=(0, 1, 2))


def by_generation(lived: loop.FeedbackResult, measure: str) -> pd.DataFrame:
    return lived.table.pivot_table(index="generation", columns="arm", values=measure)


def test_naive_training_narrows_and_loses_what_it_had(lived: loop.FeedbackResult) -> None:
    gini, value = by_generation(lived, "gini")["naive"], by_generation(lived, "value")["naive"]
    assert gini.iloc[-1] > gini.iloc[1]
    assert value.iloc[-1] < value.iloc[1] - 0.01


def test_propensities_and_exploration_cure_it(lived: loop.FeedbackResult) -> None:
    for arm in ("propensities", "explored"):
        assert lived.difference(arm).value > 0.01
        value = by_generation(lived, "value")[arm]
        assert value.iloc[-1] > value.iloc[1]
    summary = lived.summary()
    assert summary.loc["propensities", "gini"] < summary.loc["naive", "gini"] - 0.1
    assert (lived.table["value"] <= lived.table["best"]).all()


def test_weighted_regression_is_least_squares_and_learns_what_the_unweighted_does_not() -> None:
    rng, n = np.random.default_rng(0), 40_000
    x = rng.normal(size=(n, 1))
    chances = np.tile([0.7, 0.2, 0.1], (n, 1))
    action = (rng.random(n)[:, None] > np.cumsum(chances, axis=1)).sum(axis=1)
    truth = np.array([0.3, 0.5, 0.7]) + np.array([0.1, -0.1, 0.0]) * x
    reward = (rng.random(n) < truth[np.arange(n), action]).astype(float)
    contexts = pd.DataFrame({"user_id": 0, "x": [-1.0, 0.0, 1.0]})
    wanted = np.array([0.3, 0.5, 0.7]) + np.array([0.1, -0.1, 0.0]) * np.array([[-1.0], [0.0], [1.0]])
    weighted = ImplicitModel.fit(x, action, reward / chances[np.arange(n), action], 3).predict(contexts)
    assert np.abs(weighted - wanted).max() < 0.1
    blind = ImplicitModel.fit(x, action, reward, 3).predict(contexts)
    assert np.abs(blind - wanted * [0.7, 0.2, 0.1]).max() < 0.02  # exposure times reward: the order is turned round
    assert list(np.argsort(blind[1])) == [2, 1, 0]


def test_feedback_says_what_it_cannot_do(lived: loop.FeedbackResult) -> None:
    with pytest.raises(ValueError, match="unknown arms"):
        loop.feedback(Platform.make(n_users=50, n_items=10), arms=("blind",))
    with pytest.raises(ValueError, match="the platform moves"):
        loop.feedback(Platform.make(n_users=50, n_items=10, drift=0.1))
    with pytest.raises(ValueError, match="unknown arms"):
        lived.difference("blind")
    assert lived.plot().get_xlabel() == "times retrained"
    assert "naive" in lived._repr_html_()
    assert len(lived.to_dict()["rows"]) == len(lived.table)
