"""Pseudo-labels help where classes are clusters, keep the classes' shares, and curves carry honest intervals."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from causalrec_lab.recommender.text.self_training import _guesses, _surest, learning_curve, self_train


def make():
    return make_pipeline(CountVectorizer(), LogisticRegression(C=10))


def clusters(n, seed):
    """Two vocabularies of twenty words, five words a text: with two labels most words have never been seen."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    y[:2] = 0, 1
    return [" ".join(f"{'ab'[label]}{k}x" for k in rng.integers(20, size=5)) for label in y], y


def test_pseudo_labels_carry_a_label_through_its_cluster():
    texts, y = clusters(400, 0)
    alone = make().fit(texts[:2], y[:2]).predict_proba(texts[2:])[:, 1]
    taught = self_train(make, texts[:2], y[:2], texts[2:200], confidence=0.6, rounds=8)
    later = np.asarray(taught.model.predict_proba(texts[2:]))[:, 1]
    assert ((later > 0.5) == y[2:]).mean() > ((alone > 0.5) == y[2:]).mean() + 0.05
    assert taught.rounds["taken"].iloc[-1] > taught.rounds["taken"].iloc[0]


def test_shares_of_the_labelled_are_kept():
    p = np.array([0.99] * 90 + [0.95] * 5 + [0.01] * 5)
    free, kept = _guesses(p, 0.9, None), _guesses(p, 0.9, 0.5)
    assert (free == 1).sum() == 95
    assert (kept == 1).sum() == (kept == 0).sum() == 5
    assert (kept[:90] == 1).sum() == 5  # the surest


def test_surest_of_each_class_are_taken_however_sure():
    guess = _surest(np.array([0.3, 0.1, 0.2, 0.6, 0.4, 0.5, 0.45, 0.35, 0.25, 0.15]), 0.5, 0.4)
    assert np.flatnonzero(guess == 1).tolist() == [3, 5]
    assert np.flatnonzero(guess == 0).tolist() == [1, 2, 9]
    texts, y = clusters(400, 0)
    taught = self_train(make, texts[:2], y[:2], texts[2:200], surest=0.5, rounds=8)
    alone = make().fit(texts[:2], y[:2]).predict(texts[200:])
    assert taught.rounds["taken"].tolist()[0] == 99 + 1  # halves of 49.5 are rounded, each for itself
    assert (taught.model.predict(texts[200:]) == y[200:]).mean() > (alone == y[200:]).mean()


def test_nothing_sure_leaves_the_model_alone():
    texts, y = clusters(40, 1)
    taught = self_train(make, texts, y, ["zebra"], confidence=0.99)
    assert taught.rounds["taken"].tolist() == [0]
    assert self_train(make, texts, y, []).rounds.empty


@pytest.mark.parametrize(
    ("change", "says"),
    [({"confidence": 1.0}, "confidence=1.0"), ({"rounds": 0}, "rounds=0"), ({"surest": 0.0}, "surest=0.0")],
)
def test_bad_settings_are_told(change, says):
    with pytest.raises(ValueError, match=says):
        self_train(make, ["a", "b"], [0, 1], ["a"], **change)


def words(texts, labels, unlabelled, unseen):
    return make().fit(texts, labels).predict_proba(unseen)[:, 1]


def test_curve_rises_to_the_truth_and_pairs_with_itself_to_nothing():
    rng = np.random.default_rng(2)
    y = (np.arange(600) % 2).astype(int)
    signal = np.where(rng.random(600) < 0.8, y, 1 - y)  # AUC of the one telling word is 0.8
    texts = [f"{'good' if s else 'bad'} {' '.join(f'n{k}' for k in rng.integers(60, size=4))}" for s in signal]
    test = np.arange(600) >= 300
    table = learning_curve(
        {"words": words, "again": words}, texts, y, [10, 200], test=test, repeats=4, against="words"
    ).set_index(["reader", "labels"])
    few, many = table.loc[("words", 10)], table.loc[("words", 200)]
    assert few["AUC"] < many["AUC"]
    assert many["low"] < 0.8 < many["high"]
    np.testing.assert_allclose(table.loc["again", ["gap", "gap_low", "gap_high"]], 0, atol=1e-12)


def test_draws_are_stratified_nested_and_leave_the_test_rows_alone():
    seen = []

    def spy(texts, labels, unlabelled, unseen):
        seen.append((set(texts), labels.mean(), set(unlabelled), set(unseen)))
        return np.arange(len(unseen))

    texts, y = [str(k) for k in range(100)], (np.arange(100) % 5 == 0).astype(int)
    learning_curve({"spy": spy}, texts, y, [10, 20], test=np.arange(100) < 50, repeats=2)
    for (small, share, _, _), (large, _, rest, unseen) in zip(seen[::2], seen[1::2], strict=True):
        assert small < large
        assert share == pytest.approx(0.2)
        assert len(large | rest | unseen) == len(large) + len(rest) + len(unseen) == 100


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": [1, np.nan, 0, 1]}, "row 1: nan; drop rows without a label"),
        ({"test": [True, False, True, False]}, "the 2 test rows do not hold both classes"),
        ({"test": [True, False]}, "one boolean a text"),
        ({"sizes": [20]}, "20 labels are asked for, there are 2 training rows"),
        ({"against": "word"}, r"'word'\) is none of the readers \['words'\]"),
    ],
)
def test_curves_that_cannot_be_drawn(change, says):
    asked = {"labels": [1, 0, 1, 0], "sizes": [2], "test": [False, False, True, True]} | change
    with pytest.raises(ValueError, match=says):
        learning_curve({"words": lambda *texts: np.zeros(len(texts[-1]))}, list("abcd"), **asked)


@pytest.mark.parametrize("labels", [[1, np.nan, 0], [1, 1, 1]])
def test_labels_that_teach_nothing(labels):
    with pytest.raises(ValueError, match="labels"):
        self_train(lambda: None, ["a b", "c d", "e f"], labels, ["g h"])
