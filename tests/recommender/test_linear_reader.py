"""Words beside vectors: the equation's solution, penalties measured, and all of it comes back from disk."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.feature_extraction.text import TfidfVectorizer

from causalrec_lab.recommender import TextClassifier, word_attributions
from causalrec_lab.recommender.text.linear_reader import LinearReader


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAUSALREC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def corpus(n=120, seed=0):
    """Words carry one half of the label, vectors the other."""
    rng = np.random.default_rng(seed)
    said, seen = rng.integers(2, size=(2, n))
    texts = [
        f"{'good stuff' if one else 'bad stuff'} {rng.choice(['red', 'blue'])} number {k}" for k, one in enumerate(said)
    ]
    vectors = rng.normal(size=(n, 5)) + np.outer(2 * seen - 1, [1, 0, 0, 0, 0])
    return texts, vectors, (rng.random(n) < expit(2 * (said + seen - 1))).astype(np.int64)


@pytest.mark.parametrize("balanced", [None, "balanced"])
def test_the_gradient_of_the_stated_loss_is_zero(balanced):
    texts, vectors, y = corpus()
    reader = LinearReader.fit(vectors, texts, y, class_weight=balanced, seed=1)
    best = reader.tried.iloc[0]
    tfidf = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, vocabulary=reader.vocabulary)
    words = tfidf.fit_transform(texts).toarray()
    np.testing.assert_allclose(words @ reader.words.weights, reader.words.logits(texts), atol=1e-9)
    weight = np.ones(len(y)) if balanced is None else (len(y) / 2 / np.bincount(y))[y]
    slope = weight * (expit(reader.logits(vectors, texts)) - y)
    assert abs(slope.sum()) < 0.02
    np.testing.assert_allclose(vectors.T @ slope + reader.weights / best["vectors"], 0, atol=0.02)
    np.testing.assert_allclose(words.T @ slope + reader.words.weights / best["words"], 0, atol=0.02)


def test_words_and_vectors_tell_more_than_either():
    texts, vectors, y = corpus(600)
    new, seen, truth = corpus(2_000, seed=9)
    both = LinearReader.fit(vectors, texts, y)
    losses = {}
    for name, reader, shown in (
        ("both", both, seen),
        ("vectors", LinearReader.fit(vectors, None, y), seen),
        ("words", LinearReader.fit(np.zeros_like(vectors), texts, y), np.zeros_like(seen)),
    ):
        losses[name] = np.logaddexp(0, -(2 * truth - 1) * reader.logits(shown, new)).mean()
    assert losses["both"] < min(losses["vectors"], losses["words"]) - 0.01


def test_held_out_loss_is_that_of_a_plain_cross_validation():
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    _, vectors, y = corpus()
    tried = LinearReader.fit(vectors, None, y, seed=3).tried.set_index("vectors")["log loss"]
    assert tried.is_monotonic_increasing
    assert len(tried) == 5
    folds = StratifiedKFold(5, shuffle=True, random_state=3)
    for strength, loss in tried.items():
        p = cross_val_predict(LogisticRegression(C=strength), vectors, y, cv=folds, method="predict_proba")
        assert loss == pytest.approx(-np.log(p[np.arange(len(y)), y]).mean(), abs=1e-6)


def test_one_text_of_a_class_is_no_ground_to_choose_from():
    texts, vectors, _ = corpus(6)
    reader = LinearReader.fit(vectors, texts, np.array([1, 0, 0, 0, 0, 0]))
    assert reader.tried.empty
    assert np.isfinite(reader.logits(vectors, ["", "unseen"] * 3)).all()


TEXTS = ["It zips well. Zorbly!", "It zips well. Frumpid!", "Good cloth. Zorbly!", "Good cloth. Frumpid!"] * 4
LABELS = np.array([1, 0, 1, 0] * 4)


@pytest.fixture(scope="module")
def fitted(cache):
    return TextClassifier(words=True, pooling="sentences", precision="fp32").fit(TEXTS, LABELS)


def test_words_and_sentences_come_back_from_disk(fitted, tmp_path):
    asked = ["Zorbly seams", "", "Nothing known"]
    again = TextClassifier.load(fitted.save(tmp_path))
    np.testing.assert_allclose(again.logits(asked), fitted.logits(asked), atol=1e-9)
    np.testing.assert_allclose(fitted.predict_proba(asked)[:, 1], expit(fitted.logits(asked)), atol=1e-12)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_taking_a_word_out_tells_what_it_added(fitted):
    text = "Good cloth. Zorbly!"
    table = word_attributions(fitted, text).set_index("word")["attribution"]
    assert list(table.index) == ["Good", "cloth", "Zorbly"]
    assert table["Zorbly"] == pytest.approx(np.subtract(*fitted.logits([text, "Good cloth. !"])), abs=1e-9)
    assert table.idxmax() == "Zorbly"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"mode": "lora", "words": True}, "words=True is for 'frozen'"),
        ({"mode": "full", "pooling": "sentences"}, "pooling='sentences' is for 'frozen'"),
        ({"pooling": "sentence"}, "did you mean 'sentences'"),
        ({"regularisation": 0.0}, r"regularisation=0.0\): give a positive number"),
        ({"class_weight": "balance"}, "give 'balanced' or None"),
    ],
)
def test_settings_that_do_not_fit(settings, says):
    with pytest.raises(ValueError, match=says):
        TextClassifier(**settings)


def test_gradients_of_counted_words_do_not_exist(fitted):
    with pytest.raises(ValueError, match="method='occlusion'"):
        word_attributions(fitted, "Good cloth.", method="integrated_gradients")


def test_texts_of_single_letters_have_no_words():
    with pytest.raises(ValueError, match="none of the 2 texts has a word of two letters"):
        TextClassifier(words=True).fit(["a", "b"], [0, 1])


def test_no_texts_are_no_rows(fitted):
    assert fitted.predict_proba([]).shape == (0, 2)
