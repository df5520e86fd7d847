"""Texts tell as much of the hidden trait as the dial says, and read like a shop's."""

import re

import numpy as np
import pytest

from causalrec_lab.world import Platform
from causalrec_lab.world.scenarios.presets import SCENARIOS
from causalrec_lab.world.writing.lexicon import MOST_PHRASES, STRENGTHS, phrases
from causalrec_lab.world.writing.paraphrases import paraphrases
from causalrec_lab.world.writing.reading import SPREAD, OpinionModel, calibrated

N = 3_000


def make(text_r2, **dials):
    return Platform.make(seed=9, n_users=N, n_items=N, text_r2=text_r2, **dials)


BAND = 4.9  # standard errors: a chance below 1e-6


@pytest.mark.parametrize("target", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
def test_the_dial_is_reached_within_sampling_error_and_stored(target):
    texts = make(target).writing
    assert texts.model.r2 == pytest.approx(target, abs=1e-4)
    hidden = np.concatenate([texts.population.h_user, texts.population.h_item])
    missed = hidden - np.concatenate([texts.user_oracle, texts.item_oracle])
    influence = ((1 - target) * hidden**2 - missed**2) / hidden.var()
    error = influence.std() / np.sqrt(len(hidden))
    assert abs(texts.measured_r2 - target) <= BAND * error + BAND**2 / N  # the last term: the mean of h is not quite 0
    assert error < 0.02


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_log_carries_what_its_texts_tell_whatever_the_words(scenario):
    words = ({}, {"vocabulary": 4_000, "zipf": 0.0}, {"paraphrase": 1.0})
    told = set()
    for dials in words:
        platform = Platform.make(scenario, seed=3, n_users=500, n_items=500, text_r2=0.6, **dials)
        log = platform.log(50, seed=1)
        assert log.extra["text_r2"] == platform.truth.text_r2().value
        assert f"R^2 = {log.extra['text_r2']:.2f}" in log.about.notes
        told.add(log.extra["text_r2"])
    assert len(told) == 1  # words are chosen after the strengths are drawn
    assert told.pop() == pytest.approx(0.6, abs=0.12)


def test_oracle_is_the_posterior_mean_by_bayes_rule():
    model = OpinionModel(6, 0.8)
    strengths = np.array([[-4, -4, -4, -4, -4, -4], [0, 1, -1, 2, 0, 3], [4, 4, 3, 4, 4, 4]])
    grid = np.linspace(-6, 6, 4_001)
    kernel = np.exp(0.8 * grid[:, None] * np.arange(-4, 5) - np.arange(-4, 5) ** 2 / (2 * SPREAD**2))
    chances = kernel / kernel.sum(axis=1, keepdims=True)
    for row, mean in zip(strengths, model.posterior_mean(strengths), strict=True):
        weight = np.exp(-(grid**2)) * np.prod(chances[:, row + 4], axis=1)  # prior N(0, 1/2)
        assert mean == pytest.approx((grid * weight).sum() / weight.sum(), abs=2e-4)


@pytest.mark.parametrize("target", [0.3, 0.9])
def test_oracle_is_calibrated_and_exact_r2_is_what_simulation_gives(target):
    model, rng = calibrated(target), np.random.default_rng(0)
    hidden = np.sqrt(0.5) * rng.standard_normal(100_000)
    oracle = model.posterior_mean(model.draw(hidden, rng))
    slope = (hidden * oracle).mean() / (oracle**2).mean()
    assert slope == pytest.approx(1, abs=0.015)
    assert 1 - ((hidden - oracle) ** 2).mean() / hidden.var() == pytest.approx(model.r2, abs=0.01)


def held_out_r2(features, hidden):
    """R^2 on the second half of a ridge fitted on the first."""
    half = len(hidden) // 2
    centred = features - features[:half].mean(axis=0)
    gram = centred[:half].T @ centred[:half] + 3.0 * np.eye(features.shape[1])
    fitted = centred[half:] @ np.linalg.solve(gram, centred[:half].T @ (hidden[:half] - hidden[:half].mean()))
    return 1 - np.var(hidden[half:] - fitted) / np.var(hidden[half:])


@pytest.mark.parametrize("vocabulary", [60, 3_000])
def test_bag_of_words_reads_much_and_the_oracle_more(vocabulary):
    platform = make(0.9, vocabulary=vocabulary)
    decisions = platform.log(N, seed=1, pairs="once").decisions
    hidden = platform.truth.hidden(decisions)
    read = held_out_r2(platform.text_features(decisions), hidden)
    oracle = 1 - np.var(hidden - platform.truth.text_oracle(decisions)) / np.var(hidden)
    assert (0.75 if vocabulary == 60 else 0.5) < read < oracle


def test_a_large_vocabulary_is_harder_for_a_bag_of_words():
    read = {}
    for vocabulary in (60, 4_000):
        platform = make(0.9, vocabulary=vocabulary)
        decisions = platform.log(1_500, seed=1, pairs="once").decisions
        read[vocabulary] = held_out_r2(platform.text_features(decisions), platform.truth.hidden(decisions))
    assert read[4_000] < read[60] - 0.05


def test_at_dial_zero_text_tells_nothing_of_h_but_still_of_the_item():
    platform = make(0.0)
    decisions = platform.log(N, seed=1, pairs="once").decisions
    np.testing.assert_allclose(platform.truth.text_oracle(decisions), 0, atol=1e-12)
    features = platform.text_features(decisions)
    assert held_out_r2(features, platform.truth.hidden(decisions)) < 0.02
    price = np.log(decisions["price"].to_numpy())
    assert held_out_r2(features, price) > 0.2  # words name the category, and categories have prices


def test_text_dials_move_nothing_but_the_texts():
    plain, turned = make(0.3), make(0.9, vocabulary=500)
    one, other = plain.log(5_000, seed=1), turned.log(5_000, seed=1)
    assert one.decisions.equals(other.decisions)
    assert not plain.items["text"].equals(turned.items["text"])
    assert plain.items["title"].equals(turned.items["title"])


def test_words_of_an_item_fit_its_category_and_reviews_fit_the_taste():
    platform = make(0.7)
    for category in platform.scenario.categories:
        titles = platform.items.loc[platform.items["category"] == category.name, "title"]
        assert titles.map(lambda title, nouns=category.nouns: title.endswith(nouns)).all()
    population = platform.population
    taste = population.theta @ population.centroids.T
    nouns = [re.compile(r"\b(" + "|".join(c.nouns) + r")\b") for c in platform.scenario.categories]
    told = np.array([[len(noun.findall(text)) for noun in nouns] for text in platform.users["text"][:500]])
    assert np.corrcoef(told.ravel(), taste[:500].ravel())[0, 1] > 0.3


def test_texts_read_as_sentences_and_stay_the_same():
    platform = make(0.7, vocabulary=1_000)
    for text in [*platform.items["text"][:300], *platform.users["text"][:300]]:
        assert text[0].isupper()
        assert text.endswith(".")
        assert not re.search(r"  |\{|\}|\.\.|None|nan\b", text)
    assert make(0.7, vocabulary=1_000).users["text"].equals(platform.users["text"])
    decisions = platform.log(10, seed=1).decisions
    user, item = decisions.loc[0, ["user_id", "item_id"]]
    assert platform.texts(decisions)[0] == f"{platform.users['text'][user]} {platform.items['text'][item]}"


def test_the_vocabulary_counts_distinct_phrases_of_every_strength():
    assert MOST_PHRASES >= 4_000
    for vocabulary in (18, 60, 432, 4_000):
        chosen = phrases(vocabulary)
        assert sum(map(len, chosen.values())) == vocabulary
        assert set(chosen) == set(STRENGTHS)
        assert all(chosen.values())
    every = [phrase for some in phrases(4_000).values() for phrase in some]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("dials", [{"vocabulary": 1_000}, {"vocabulary": 60, "paraphrase": 1.0}])
def test_words_tell_nothing_beyond_the_oracle(dials):
    platform = make(0.7, zipf=0.5, **dials)
    decisions = platform.log(N, seed=1, pairs="once").decisions
    hidden, features = platform.truth.hidden(decisions), platform.text_features(decisions)
    assert held_out_r2(features, hidden) > 0.3
    assert held_out_r2(features, hidden - platform.truth.text_oracle(decisions)) < 0.03


@pytest.mark.parametrize("zipf", [0.0, 1.0, 2.0])
def test_phrases_are_as_frequent_as_the_exponent_says(zipf):
    texts = make(0.0, vocabulary=180, zipf=zipf).writing
    words = phrases(180)[0]
    said = texts._phrases(np.zeros((200, 500), dtype=np.int64), np.random.default_rng(5))
    share = np.array([(said == word).mean() for word in words])
    chance = np.arange(1.0, len(words) + 1) ** -zipf
    chance /= chance.sum()
    assert (np.abs(share - chance) < BAND * np.sqrt(chance / said.size) + 1e-9).all()


def test_paraphrases_are_whole_sentences_of_one_strength_and_as_many_as_the_dial_says():
    known = paraphrases()
    every = [sentence for some in known.values() for sentence in some]
    assert set(known) == set(STRENGTHS)
    assert min(map(len, known.values())) >= 50
    assert len(set(every)) == len(every)
    assert not any(re.search(r"[{}|.]|  ", sentence) for sentence in every)
    written = make(0.5, paraphrase=0.4).writing
    told = np.array([sum(f"{sentence}." in text for sentence in every) for text in written.items[:400]])
    opinions = 400 * written.model.length
    assert abs(told.sum() / opinions - 0.4) < BAND * np.sqrt(0.24 / opinions)
    strongest = [i for i in range(N) if (written.item_strengths[i] > 0).all()]
    grim = [sentence for strength, some in known.items() if strength <= 0 for sentence in some]
    assert not any(f"{sentence}." in written.items[i] for i in strongest for sentence in grim)
    assert len(strongest) > 5


def test_by_default_no_opinion_is_paraphrased():
    texts = " ".join(make(0.7).items["text"])
    assert not any(f"{sentence}." in texts for some in paraphrases().values() for sentence in some)
