"""A recommender that learned people gives them away; one that was hardly trained, or counts only, does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab.explain import privacy
from causalrec_lab.explain.privacy.attacks import signals
from causalrec_lab.explain.privacy.inference import _advantage, _caught, _judged
from causalrec_lab.recommender import Popularity, RecommenderConfig, TransformerRecommender

ITEMS = pd.DataFrame({"item_id": np.arange(120)})
SMALL = {"length": 12, "dim": 32, "blocks": 1, "heads": 2, "dropout": 0.0, "tokens": 600, "precision": "fp32"}


def people(n: int, seed: int, length: int = 10) -> pd.DataFrame:
    """Users of six tastes, who draw items by taste alone: only memory tells one from another."""
    rng = np.random.default_rng(seed)
    tastes = np.random.default_rng(99).dirichlet(np.full(len(ITEMS), 0.3), 6).cumsum(axis=1)
    of = tastes[rng.integers(0, 6, n)]
    items = (rng.random((n, length))[:, :, None] > of[:, None, :]).sum(axis=2).clip(0, len(ITEMS) - 1)
    users = np.repeat(np.arange(n) + 10_000 * seed, length)
    return pd.DataFrame({"user_id": users, "item_id": items.ravel(), "timestamp": np.tile(np.arange(length), n)})


MEMBERS, STRANGERS = people(300, 1), people(300, 2)


def trained(epochs: int, events: pd.DataFrame = MEMBERS) -> TransformerRecommender:
    config = RecommenderConfig(**SMALL, epochs=epochs, learning_rate=1e-2)
    return TransformerRecommender(config).fit(events, (), items=ITEMS)


@pytest.fixture(scope="module")
def many() -> TransformerRecommender:
    return trained(30)


def test_what_is_learned_by_heart_is_given_away(many):
    few = privacy.membership(trained(2), MEMBERS, STRANGERS)
    much = privacy.membership(many, MEMBERS, STRANGERS)
    assert much.auc.low > few.auc.high
    assert much.auc.value > 0.95
    assert much.caught.low > few.caught.high
    assert much.advantage.low > few.advantage.high
    assert much.epsilon.epsilon_low > 2
    assert "AUC" in much.table.index
    assert "AUC" in much._repr_html_()
    axes = much.plot()
    few.plot(axes)
    assert [line.get_linestyle() for line in axes.lines].count("--") == 1


def test_likelihood_ratios_find_more_at_few_false_alarms():
    model = trained(9)
    plain = privacy.membership(model, MEMBERS, STRANGERS)
    lira = privacy.membership(model, MEMBERS, STRANGERS, attack="lira", train=lambda events: trained(9, events))
    assert lira.auc.low > plain.auc.high
    assert lira.caught.value > plain.caught.value


def test_counts_alone_give_nobody_away():
    found = privacy.membership(Popularity().fit(MEMBERS, ITEMS), MEMBERS, STRANGERS, attack="rank")
    assert found.auc.value < 0.6
    assert found.epsilon.epsilon_low < 0.5


def test_a_model_trained_on_others_knows_nothing_of_either():
    """The null: three groups alike, and intervals that hold guessing."""
    found = privacy.membership(trained(30, people(300, 3)), MEMBERS, STRANGERS)
    assert found.auc.covers(0.5)
    assert found.advantage.covers(0.0)
    assert found.epsilon.epsilon_low == 0


def test_the_signal_is_the_log_chance_of_what_came(many):
    """Against the model's own scores, one history at a time."""
    user = MEMBERS["user_id"].iloc[0]
    own = MEMBERS[MEMBERS["user_id"] == user]
    told = []
    for cut in (8, 9):
        before = many.read(own.iloc[:cut])
        scores = many.score_histories(before)[0].astype(float)
        told.append((scores - np.log(np.exp(scores).sum()))[own["item_id"].iloc[cut]])
    found = signals(many, MEMBERS, pd.Index([user, -5]), "loss", 2)
    assert found[0] == pytest.approx(np.mean(told), abs=1e-4)
    assert np.isnan(found[1])


def test_measures_on_scores_whose_truth_is_known():
    """Normals one apart: AUC, share above the 99th percentile and best advantage have closed forms."""
    from scipy.stats import norm

    rng, runs = np.random.default_rng(0), 60
    above = norm.sf(norm.isf(0.01) - 1)
    best = 2 * norm.cdf(0.5) - 1
    caught = advantages = 0
    for _ in range(runs):
        ours, others = rng.normal(1, 1, 1_500), rng.normal(0, 1, 1_500)
        caught += _caught(ours, others, 0.01, 0.95, rng).covers(above)
        advantage = _advantage(ours, others, 0.95)
        advantages += advantage.low <= best + 0.005
        assert advantage.value < best + 5 * advantage.std_error
    assert caught >= binom.ppf(1e-6, runs, 0.95)
    assert advantages >= binom.ppf(1e-6, runs, 0.95)


def test_nobody_found_is_no_certainty():
    """An attack that is blind: 0 of 300 found, and the interval holds the 1 % of guessing."""
    rng = np.random.default_rng(0)
    found = _caught(np.zeros(300), np.zeros(300), 0.01, 0.95, rng)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.covers(0.01)
    assert _caught(np.ones(300), np.zeros(300), 0.01, 0.95, rng).low < 1.0


def test_intervals_of_members_found_hold_guessing_where_an_attack_guesses():
    rng, runs = np.random.default_rng(1), 60
    held = sum(_caught(*rng.normal(size=(2, 150)), 0.01, 0.95, rng).covers(0.01) for _ in range(runs))
    assert held >= binom.ppf(1e-6, runs, 0.95)


def test_who_is_called_member_does_not_matter_to_what_is_told():
    rng = np.random.default_rng(2)
    scores, inside = np.round(rng.normal(size=600), 1), np.arange(600) < 300
    one = _judged(scores, inside, 0.01, 0.95, "loss", np.random.default_rng(0))
    other = _judged(-scores, ~inside, 0.01, 0.95, "loss", np.random.default_rng(0))
    assert one.auc.value == pytest.approx(other.auc.value)
    assert one.epsilon.epsilon_low == other.epsilon.epsilon_low == 0
    assert one.auc.covers(0.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"non_members": MEMBERS}, "300 users are in both"),
        ({"members": MEMBERS.head(100)}, "10 users tell too little"),
        ({"members": MEMBERS.drop(columns="item_id")}, "'item_id' is missing"),
        ({"attack": "guess"}, "'lira', 'loss', 'rank'"),
        ({"attack": "lira"}, "give train="),
        ({"attack": "lira", "train": trained, "shadows": 5}, "even number"),
        ({"steps": 0}, "from 1 on"),
        ({"false_alarm": 1.0}, r"\(0, 1\)"),
        ({"level": 2.0}, "confidence level"),
    ],
)
def test_bad_input(many, change, words):
    given = {"members": MEMBERS, "non_members": STRANGERS} | change
    with pytest.raises(ValueError, match=words):
        privacy.membership(many, **given)
