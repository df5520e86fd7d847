"""A known effect over real reviews: exact truth, a biased difference, and text that mends most of it."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data
from causalrec_lab.causal import effects


def test_the_truth_is_the_mean_over_rows_and_the_oracle_finds_it():
    frame = pd.DataFrame({"rating": np.random.default_rng(0).integers(1, 6, 20_000)})
    made = effects.semi_synthetic(frame, "rating", seed=1)
    found = effects.aipw(made.frame, "treated", "outcome", ["rating"])
    att = effects.aipw(made.frame, "treated", "outcome", ["rating"], estimand="ATT")
    assert abs(found.value - made.ate.value) < 5 * found.std_error
    assert abs(att.value - made.att.value) < 5 * att.std_error
    assert effects.naive(made.frame, "treated", "outcome").value - made.ate.value > 10 * found.std_error
    assert np.mean(made.frame.treated - made.propensity) == pytest.approx(0, abs=0.02)


def test_without_confounding_the_difference_is_right():
    frame = pd.DataFrame({"rating": np.random.default_rng(0).integers(1, 6, 20_000)})
    made = effects.semi_synthetic(frame, "rating", confounding=0.0)
    found = effects.naive(made.frame, "treated", "outcome")
    assert abs(found.value - made.ate.value) < 5 * found.std_error


def test_on_the_clothing_reviews_words_take_much_of_the_bias_away():
    try:
        reviews = data.load("clothing_reviews").extra["reviews"]
    except data.DataUnavailable as unavailable:
        pytest.skip(str(unavailable))
    words = effects.tfidf_embedding(list(reviews.title + ". " + reviews.text), 100)
    removed = []
    for seed in range(3):
        made = effects.semi_synthetic(reviews, "rating", seed=seed)
        tables, text, oracle = (
            effects.aipw(made.frame, "treated", "outcome", columns, embeddings=given, nuisance="linear")
            for columns, given in ((["age"], None), (["age"], words), (["age", "rating"], None))
        )
        removed.append([tables.value - text.value, tables.value - oracle.value, tables.value - made.ate.value])
    by_text, by_oracle, bias = np.mean(removed, axis=0)
    assert bias > 0.1
    assert by_text / by_oracle > 0.3


def test_wrong_calls():
    frame = pd.DataFrame({"rating": [1, 2, 3], "text": ["a", "b", "c"], "flat": 1.0})
    for column, message in (
        ("ratng", "did you mean 'rating'"),
        ("text", "must hold a number"),
        ("flat", "must be"),
    ):
        with pytest.raises(ValueError, match=message):
            effects.semi_synthetic(frame, column)


def test_the_truth_is_what_drawing_both_outcomes_again_and_again_gives():
    frame = pd.DataFrame({"z": np.random.default_rng(0).exponential(size=300)})
    made, draws, rng = effects.semi_synthetic(frame, "z"), 4_000, np.random.default_rng(1)
    z = ((frame["z"] - frame["z"].mean()) / frame["z"].std(ddof=0)).to_numpy()
    chance = lambda eta: rng.random((draws, 300)) < 1 / (1 + np.exp(-eta))  # noqa: E731
    treated, gain = chance(z), chance(-0.3 + 1.5 * z + 0.6) * 1.0 - chance(-0.3 + 1.5 * z)
    assert abs(gain.mean() - made.ate.value) < 5 * gain.mean(axis=1).std() / np.sqrt(draws)
    assert abs(gain[treated].mean() - made.att.value) < 5 * gain[treated].std() / np.sqrt(treated.sum())


def test_what_would_be_overwritten_or_is_no_number_is_refused():
    frame = pd.DataFrame({"z": [0.0, 1.0, 2.0]})
    with pytest.raises(ValueError, match="confounder='outcome': that column is written anew"):
        effects.semi_synthetic(frame.rename(columns={"z": "outcome"}), "outcome")
    with pytest.raises(ValueError, match="effect=nan"):
        effects.semi_synthetic(frame, "z", effect=float("nan"))
