"""The population is what it says: standardised affinities, fixed exposures, hidden traits that no table shows."""

import numpy as np
import pytest

from causalrec_lab.world import Platform


@pytest.fixture(scope="module")
def platform():
    return Platform.make(seed=5, n_users=1_500, n_items=400)


@pytest.fixture(scope="module")
def every_pair(platform):
    return platform.population.block(np.arange(1_500))


def test_affinities_have_mean_zero_and_variance_one_over_all_pairs(every_pair):
    for affinity in (every_pair.affinity, every_pair.affinity_hat):
        assert affinity.mean() == pytest.approx(0, abs=1e-9)
        assert affinity.std() == pytest.approx(1, abs=1e-9)


def test_the_platform_knows_tastes_only_in_part(every_pair):
    known = np.corrcoef(every_pair.affinity.ravel(), every_pair.affinity_hat.ravel())[0, 1]
    assert 0.6 < known < 0.95


def test_a_pair_is_the_same_in_a_log_and_in_a_block(platform, every_pair):
    rng = np.random.default_rng(0)
    users, items = rng.integers(1_500, size=200), rng.integers(400, size=200)
    pairs = platform.population.at(users, items)
    for name in ("affinity", "affinity_hat", "hidden", "exposures", "log_exposures", "cost_pain"):
        block = np.broadcast_to(getattr(every_pair, name), (1_500, 400))
        np.testing.assert_allclose(getattr(pairs, name), block[users, items], rtol=1e-12, atol=1e-12)


def test_hashed_exposures_are_independent_of_their_neighbours(every_pair):
    centred = every_pair.exposures - every_pair.exposures.mean(axis=0)
    neighbours = [np.corrcoef(centred[k], centred[k + 1])[0, 1] for k in range(0, 1_000, 2)]
    assert abs(np.mean(neighbours)) < 5 / np.sqrt(len(neighbours) * 400)
    assert every_pair.exposures.min() == 0
    assert every_pair.exposures.max() <= 20


def test_hidden_trait_is_a_sum_with_variance_one(platform, every_pair):
    population = platform.population
    assert every_pair.hidden.shape == (1_500, 400)
    np.testing.assert_array_equal(every_pair.hidden[3], population.h_user[3] + population.h_item)
    assert population.h_user.var() + population.h_item.var() == pytest.approx(1, abs=0.15)


def test_no_table_shows_the_hidden_trait(platform):
    population = platform.population
    for table, trait in ((platform.users, population.h_user), (platform.items, population.h_item)):
        for name, column in table.select_dtypes("number").items():
            assert abs(np.corrcoef(column, trait)[0, 1]) < 5 / np.sqrt(len(table)), name
    contexts = platform.contexts()
    assert list(contexts["user_id"]) == list(platform.users["user_id"])
    for name, column in contexts.items():
        assert abs(np.corrcoef(column, population.h_user)[0, 1]) < 5 / np.sqrt(len(contexts)), name


def test_popularity_follows_a_power_law(platform):
    popularity = np.sort(platform.items["popularity"].to_numpy())[::-1]
    rank = np.arange(1, len(popularity) + 1) + 2
    slope = np.polyfit(np.log(rank), np.log(popularity), 1)[0]
    assert slope == pytest.approx(-platform.scenario.popularity, abs=0.02)


def test_dials_leave_the_population_alone(platform):
    turned = Platform.make(
        seed=5, n_users=1_500, n_items=400, confounding=1.0, text_r2=0.2, overlap=0.5, effect=0.0, base_rate="common"
    )
    for name in ("theta", "v", "h_user", "h_item", "cost", "key_user", "activity"):
        np.testing.assert_array_equal(getattr(turned.population, name), getattr(platform.population, name))
    other = Platform.make(seed=6, n_users=1_500, n_items=400)
    assert not np.array_equal(other.population.theta, platform.population.theta)
