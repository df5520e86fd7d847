"""Every real data set against published facts about it."""

from __future__ import annotations

import numpy as np
import pytest

from causalrec_lab import data
from causalrec_lab.policy import BanditLog


def test_every_registered_data_set_has_a_loader_and_says_where_it_comes_from():
    from causalrec_lab.data.catalogue import _LOADERS

    assert set(data.names()) == set(_LOADERS)
    assert len(data.names()) == 11
    for name in data.names():
        about = data.about(name)
        assert about.title, name
        assert about.source.startswith("https://"), name
        assert about.licence, name
        assert about.citation, name


def test_ml_1m_keeps_the_papers_sequence_order(real):
    ml = real("ml-1m")
    events = ml.events
    assert (len(events), events["user_id"].nunique(), events["item_id"].nunique()) == (999_611, 6_040, 3_416)
    first = events[events["user_id"] == 1].merge(ml.items, on="item_id")["title"].head(3).tolist()
    assert first == ["Raiders of the Lost Ark (1981)", "Caddyshack (1980)", "Forrest Gump (1994)"]
    assert (events.groupby("user_id")["timestamp"].diff().dropna() == 1).all()
    assert not ml.items.isna().any().any()
    assert ml.items["title"].str.contains("è|é").any(), "titles are latin-1"
    assert "user_id" not in ml.users, "the papers renumbered users: demographics must not be joined by user_id"


def test_ml_100k_has_its_published_size_and_period(real):
    ml = real("ml-100k")
    assert (len(ml.events), ml.events["user_id"].nunique(), ml.events["item_id"].nunique()) == (100_000, 943, 1_682)
    assert ml.events["timestamp"].is_monotonic_increasing
    assert (ml.events["timestamp"].min().year, ml.events["timestamp"].max().year) == (1997, 1998)
    assert set(ml.events["rating"].unique()) == {1, 2, 3, 4, 5}
    data.schema.check(ml.events, "events")
    data.schema.check(ml.users, "users")
    data.schema.check(ml.items, "items")


@pytest.mark.parametrize(("campaign", "items", "clicks"), [("men", 34, (46, 69)), ("women", 46, (46, 46))])
def test_open_bandit_propensities_and_contexts(real, campaign, items, clicks):
    random, bts = (real("open_bandit", campaign=campaign, policy=policy) for policy in ("random", "bts"))
    for dataset, expected in zip((random, bts), clicks, strict=True):
        log = dataset.extra["bandit"]
        assert isinstance(log, BanditLog)
        assert (len(log), log.n_actions, int(log.reward.sum())) == (10_000, items, expected)
        assert set(np.unique(log.position)) == {1, 2, 3}
        assert np.allclose(log.contexts.sum(axis=1), 4), "one category of each of the four features"
    assert np.allclose(random.slates["propensity"], 1 / items)
    assert bts.slates["propensity"].between(0, 1, inclusive="right").all()
    assert list(random.extra["bandit"].contexts) == list(bts.extra["bandit"].contexts)


def test_coat_leak_is_366_pairs_and_is_left_out_of_the_clean_test(real):
    extra = real("coat").extra
    train, test, clean = extra["train"], extra["test"], extra["test_clean"]
    assert train.shape == test.shape == (290, 300)
    assert ((train > 0).sum(), (test > 0).sum(), (clean > 0).sum()) == (6_960, 4_640, 4_640 - 366)
    leaked = (train > 0) & (test > 0)
    assert leaked.sum() == 366
    assert (train[leaked] == test[leaked]).all()
    assert not ((train > 0) & (clean > 0)).any()
    assert extra["user_features"].shape == (290, 14)
    assert extra["item_features"].shape == (300, 33)


def test_lalonde_experiment_and_naive_differences(real):
    """Published: 1794.34 in the experiment; naive -8498 with CPS, -15205 with PSID (Dehejia and Wahba 1999)."""
    expected = {"nsw_dw": 1794.34, "cps": -8498, "psid": -15205}
    for controls, difference in expected.items():
        frame = real("lalonde", controls=controls).decisions
        means = frame.groupby("treated")["re78"].mean()
        assert means[1] - means[0] == pytest.approx(difference, abs=0.6)
        assert frame["treated"].sum() == 185
    assert "re74" not in real("lalonde", treated="nsw", controls="psid").decisions


def test_hillstrom_visit_rates(real):
    rates = real("hillstrom").decisions.groupby("arm")["visit"].mean()
    assert rates.round(3).to_dict() == {"Mens E-Mail": 0.183, "Womens E-Mail": 0.151, "No E-Mail": 0.106}


def test_sachs_graph_has_20_edges_and_no_cycle(real):
    from graphlib import TopologicalSorter

    extra = real("sachs").extra
    assert extra["measurements"].shape == (7_466, 11)
    assert len(extra["edges"]) == len(set(extra["edges"])) == 20
    assert {name for edge in extra["edges"] for name in edge} == set(extra["measurements"])
    TopologicalSorter({effect: [c for c, e in extra["edges"] if e == effect] for _, effect in extra["edges"]}).prepare()


def test_the_small_ones(real):
    assert real("holzinger").extra["scores"].shape == (301, 15)
    experiments = real("asos").extra["experiments"]
    assert experiments["experiment_id"].nunique() == 78
    reviews = real("clothing_reviews").extra["reviews"]
    assert len(reviews) == 1_000
    assert reviews["recommended"].mean() == pytest.approx(0.818)
    assert (reviews["title"] == "").sum() == 190, "missing titles are empty strings"
    assert not reviews.isna().any().any()
    assert len(real("kuairec").events) == 117_113


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("movielens", {}, ValueError, "known are"),
        ("ml1m", {}, ValueError, "did you mean 'ml-1m'"),
        ("open_bandit", {"campagn": "men"}, TypeError, "did you mean 'campaign'"),
        ("open_bandit", {"campaign": "mens"}, ValueError, "did you mean 'men' or 'women'"),
        ("open_bandit", {"policy": "ts"}, ValueError, "did you mean 'bts'"),
        ("lalonde", {"controls": "cps1"}, ValueError, "'cps"),
        ("coat", {"policy": "x"}, TypeError, "it has none"),
    ],
)
def test_wrong_names_offer_the_nearest(name, options, error, words):
    with pytest.raises(error, match=words):
        data.load(name, **options)
