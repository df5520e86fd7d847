"""Scores are those of the formulas, metrics those of the definitions, and a tie finds nothing."""

import itertools
import math

import numpy as np
import pytest

from causalrec_lab.recommender.text.retrieval import TextMatcher, retrieval_metrics

TEXTS = ["red wool coat", "blue coat coat for rain", "garden spade", "violin"]


def test_bm25_is_the_formula():
    scores = TextMatcher().fit(TEXTS).scores(["coat rain", "violin", "zebra"])
    idf = {"coat": math.log(1 + 2.5 / 2.5), "rain": math.log(1 + 3.5 / 1.5)}
    length = 5 / ((3 + 5 + 2 + 1) / 4)

    def part(count):
        return count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length))

    assert scores[0, 1] == pytest.approx(idf["coat"] * part(2) + idf["rain"] * part(1))
    assert scores[1].argmax() == 3
    assert not scores[2].any()


def test_tfidf_of_a_text_with_itself_is_one():
    np.testing.assert_allclose(np.diag(TextMatcher("tfidf").fit(TEXTS).scores(TEXTS)), 1)


def test_embeddings_find_what_shares_no_word():
    found = TextMatcher("embedding").fit(TEXTS, ids=list("abcd")).best("warm winter jacket", 2)
    assert set(found["id"]) == {"a", "b"}
    words = TextMatcher("bm25").fit(TEXTS).scores(["warm winter jacket"])
    assert not words.any()
    both = TextMatcher("both").fit(TEXTS).scores(["warm winter jacket for rain"])
    assert both.argmax() == 1


def test_metrics_are_the_definitions():
    scores = np.array([[0.9, 0.5, 0.1, 0.0], [0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 0.0, 1.0]])
    relevant = np.array([[0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]])
    table = retrieval_metrics(scores, relevant, k=(1, 2))
    assert table["queries"].tolist() == [2, 2, 2]  # the third wants nothing
    assert table.loc["recall@1", "value"] == 0
    assert table.loc["recall@2", "value"] == pytest.approx((1 / 2 + 1) / 2)
    assert table.loc["MRR", "value"] == pytest.approx(1 / 2)
    assert (table["low"] <= table["value"]).all()


def test_a_place_means_one_relevant_text():
    scores = np.random.default_rng(0).random((5, 4))
    one = retrieval_metrics(scores, [0, 1, 2, 3, 0], k=(2,))
    many = retrieval_metrics(scores, np.eye(4)[[0, 1, 2, 3, 0]], k=(2,))
    np.testing.assert_array_equal(one, many)


def test_ties_find_nothing():
    table = retrieval_metrics(np.zeros((3, 4)), [0, 1, 2], k=(1, 3))
    assert table.loc["recall@3", "value"] == 0
    assert table.loc["MRR", "value"] == pytest.approx(1 / 4)


@pytest.mark.parametrize("relevant", [1, 2, 4])
def test_chance_is_the_mean_over_all_orders(relevant):
    wanted = np.arange(4) < relevant
    orders = [list(order) for order in itertools.permutations(range(4))]
    tables = [retrieval_metrics(np.array([order]), wanted[None], k=(1, 2), replications=2) for order in orders]
    mean = np.mean([table["value"] for table in tables], axis=0)
    np.testing.assert_allclose(tables[0]["chance"], mean)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: TextMatcher("bm52"), "did you mean 'bm25'"),
        (lambda: TextMatcher().fit(["", " "]), "none of the 2 texts"),
        (lambda: TextMatcher().fit(["a b"], ids=[1, 2]), "1 texts but 2 ids"),
        (lambda: TextMatcher().fit(["a b"]), "word of two letters or more"),
        (lambda: TextMatcher().scores(["a"]), "call fit"),
        (lambda: retrieval_metrics([[np.nan, 1]], [0], k=(1,)), "1 NaN"),
        (lambda: retrieval_metrics([[0, 1]], [2], k=(1,)), "outside 0..1"),
        (lambda: retrieval_metrics([[0, 1]], [0], k=(3,)), "there are 2 texts"),
        (lambda: retrieval_metrics([[0, 1]], [[0, 0]], k=(1,)), "none of the 1 queries"),
        (lambda: retrieval_metrics([[0, 1]], [0, 1], k=(1,)), "do not fit"),
    ],
)
def test_bad_asking_is_told(ask, says):
    with pytest.raises(ValueError, match=says):
        ask()
