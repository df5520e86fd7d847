"""A recommender shown as a policy is a distribution over its catalogue, and the platform can value it."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.policy import checked_probabilities
from causalrec_lab.recommender import Popularity, RecommenderPolicy
from causalrec_lab.recommender.catalogue.histories import Histories

EVENTS = pd.DataFrame({"user_id": [0, 0, 1, 2], "item_id": [0, 1, 1, 2]})
USERS = pd.DataFrame({"user_id": [0, 1, 2]})


@pytest.fixture
def model():
    return Popularity().fit(EVENTS)


def test_the_best_item_is_shown(model):
    np.testing.assert_array_equal(RecommenderPolicy(model).probabilities(USERS), [[0, 1, 0]] * 3)


def test_what_was_met_is_not_shown(model):
    chances = RecommenderPolicy(model, filter_seen=True).probabilities(USERS)
    np.testing.assert_array_equal(chances, [[0, 0, 1], [0.5, 0, 0.5], [0, 1, 0]])


def test_a_softmax_has_the_ratio_of_its_scores(model):
    chances = checked_probabilities(RecommenderPolicy(model, temperature=2.0).probabilities(USERS))
    assert chances[0, 1] / chances[0, 0] == pytest.approx(np.exp(0.5))


def test_a_mask_holds(model):
    chances = RecommenderPolicy(model, among=np.array([True, False, False])).probabilities(USERS)
    np.testing.assert_array_equal(chances, [[1, 0, 0]] * 3)


def test_nothing_left_to_show(model):
    with pytest.raises(ValueError, match="2 users"):
        RecommenderPolicy(model, filter_seen=True, among=np.array([False, True, False])).probabilities(USERS)


def test_the_platform_values_it():
    from causalrec_lab.world import Platform

    platform = Platform.make("ecommerce", seed=1, n_users=60, n_items=20, base_rate="common")
    clicks = platform.events(4_000, seed=1).query("event == 'click'")
    policy = RecommenderPolicy(Popularity().fit(clicks, items=platform.items))
    value = platform.truth.policy_value(policy, "click").value
    shown = policy.model.counts.argmax()
    alone = np.zeros((60, 20))
    alone[:, shown] = 1

    class Fixed:
        def probabilities(self, contexts):
            return alone[: len(contexts)]

    assert value == pytest.approx(platform.truth.policy_value(Fixed(), "click").value)


def test_a_score_that_is_nan_is_told():
    class Lost:
        catalogue = pd.Index([0, 1])
        histories = Histories.of(pd.DataFrame({"user_id": [1], "item_id": [0]}), catalogue)

        def score_histories(self, histories):
            return np.array([[np.nan, 1.0]])

    with pytest.raises(ValueError, match="1 of 1 users with NaN, first user 1"):
        RecommenderPolicy(Lost()).probabilities(pd.DataFrame({"user_id": [1]}))
