"""The population is what it says: standardised affinities, fixed exposures, hidden traits that no table shows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from causalrec_lab.world import Platform
from causalrec_lab.world.people.tables import GENDERS
from causalrec_lab.world.scenarios.presets import scenario

SHOP = scenario("ecommerce")


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


def people(platform):
    """Users without their texts, which take long to write."""
    p, scenario = platform.population, platform.scenario
    columns = {name: getattr(p, name) for name in ("age", "activity")} | {"price_sensitivity": p.cost_sensitivity}
    names = {"segment": list(scenario.segments), "gender": GENDERS, "region": scenario.regions}
    return pd.DataFrame(columns | {name: np.array(words)[getattr(p, name)] for name, words in names.items()})


def test_segments_lean_with_age_and_gender_and_regions_with_segments():
    users = people(Platform.make(seed=5, n_users=40_000, n_items=20))
    ages = users.groupby("segment")["age"].agg(["mean", "sem"])
    young, old = ages.loc["occasion shoppers"], ages.loc["nesters"]
    assert 4 < old["mean"] - young["mean"] < 14
    female = (users["gender"] == "female").groupby(users["segment"]).mean()
    assert 0.1 < female["occasion shoppers"] - female["commuters"] < 0.25
    regions = pd.crosstab(users["segment"], users["region"], normalize="index")
    assert 0.05 < (regions.max() - regions.min()).max() < 0.2
    assert regions.mean().between(0.15, 0.25).all()


def test_activity_and_sensitivity_lean_with_age_as_the_scenario_says():
    platform = Platform.make(seed=5, n_users=40_000, n_items=20)
    users, scenario = people(platform), platform.scenario
    assert users["age"].between(18, 85).all()
    assert users["age"].mean() == pytest.approx(42, abs=0.4)
    assert users["age"].std() == pytest.approx(12, abs=0.4)
    age = users["age"].rank()
    for column, rho in (("activity", scenario.age_activity), ("price_sensitivity", scenario.age_sensitivity)):
        rank = 6 / np.pi * np.arcsin(rho / 2)  # Spearman's correlation of two normals with this correlation
        assert np.corrcoef(age, users[column].rank())[0, 1] == pytest.approx(rank, abs=0.025), column


def test_without_slopes_who_people_are_says_nothing():
    plain = {name: replace(group, age=0.0, female=0.0) for name, group in SHOP.segments.items()}
    even = replace(SHOP, segments=plain, age_activity=0.0, age_sensitivity=0.0)
    users = people(Platform.make(even, seed=5, n_users=40_000, n_items=20))
    for column in ("activity", "price_sensitivity"):
        assert abs(np.corrcoef(users["age"], users[column])[0, 1]) < 5 / np.sqrt(len(users))
    table = pd.crosstab(users["segment"], users["gender"])
    assert chi2_contingency(table).pvalue > 1e-6
    assert chi2_contingency(pd.crosstab(users["segment"], users["age"] > 40)).pvalue > 1e-6


def test_popularity_follows_a_power_law(platform):
    popularity = np.sort(platform.items["popularity"].to_numpy())[::-1]
    rank = np.arange(1, len(popularity) + 1) + 2
    slope = np.polyfit(np.log(rank), np.log(popularity), 1)[0]
    assert slope == pytest.approx(-platform.scenario.popularity, abs=0.02)


def test_curves_of_a_log_are_those_of_the_population():
    activity, popularity = (1.0, 2.0, 4.0, 6.0, 20.0), (900.0, 100.0, 30.0, 8.0, 1.0)
    like = replace(SHOP, activity=activity, popularity=popularity)
    platform = Platform.make(like, seed=5, n_users=5_000, n_items=401)
    reached = np.quantile(platform.population.activity, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(reached, np.array(activity) / 4.0, rtol=5e-3)
    ranked = np.sort(platform.population.log_popularity)[::-1]
    np.testing.assert_allclose(ranked[::100] - ranked[0], np.log(popularity) - np.log(900), atol=1e-9)
    assert platform.items["popularity"].max() == 10_000
    assert ranked.mean() == pytest.approx(0, abs=1e-9)


def test_items_have_the_categories_in_the_scenario_s_shares():
    shares = dict.fromkeys((c.name for c in SHOP.categories), 0.0) | {"home": 0.301, "shoes": 0.45, "bags": 0.249}
    counts = Platform.make(replace(SHOP, shares=shares), seed=5, n_users=10, n_items=100).items["category"]
    assert counts.value_counts().to_dict() == {"shoes": 45, "home": 30, "bags": 25}


def test_dials_leave_the_population_alone(platform):
    turned = Platform.make(
        seed=5, n_users=1_500, n_items=400, confounding=1.0, text_r2=0.2, overlap=0.5, effect=0.0, base_rate="common"
    )
    for name in ("theta", "v", "h_user", "h_item", "cost", "key_user", "activity"):
        np.testing.assert_array_equal(getattr(turned.population, name), getattr(platform.population, name))
    other = Platform.make(seed=6, n_users=1_500, n_items=400)
    assert not np.array_equal(other.population.theta, platform.population.theta)
