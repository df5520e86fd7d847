"""The text-confounding table: what each reading of the text takes away of a hidden confounder's bias (T7, small)."""

import numpy as np
import pytest

from causalrec_lab import world
from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.text.confounding import ROWS

SIZE = 2_000


def platform(text_r2, confounding=1.5):
    return world.Platform.make(
        seed=5, n_users=SIZE, n_items=SIZE, confounding=confounding, text_r2=text_r2, base_rate="common"
    )


def words(texts):
    """A stand-in for an encoder: counts of hashed words, deterministic and without a model."""
    found = np.zeros((len(texts), 128))
    for row, text in enumerate(texts):
        for word in text.lower().split():
            found[row, sum(map(ord, word)) % 128] += 1
    return found


def test_text_that_tells_nothing_changes_nothing():
    found = effects.text_confounding(platform(0.0), SIZE, 1, embed=words, outcome="click")
    tables = found["tables only"]
    assert tuple(found) == ROWS
    for row in ("+ TF-IDF", "+ text embeddings", "oracle"):
        assert abs(found[row].value - tables.value) < 0.5 * tables.std_error


def test_text_that_tells_takes_most_of_the_bias_away_but_not_more_than_the_oracle():
    shares, truth = [], platform(0.9).truth.ate("click")
    for seed in range(3):
        found = effects.text_confounding(platform(0.9), SIZE, seed, embed=words, outcome="click")
        assert not found["tables only"].covers(truth)
        shares.append(effects.share_of_removal(found, truth))
    assert 0.6 < np.mean([share["+ TF-IDF"] for share in shares]) < 1.2
    assert 0.4 < np.mean([share["+ text embeddings"] for share in shares]) < 1.2
    assert all(share["tables only"] == 0 and share["oracle"] == 1 for share in shares)


def test_without_an_encoder_its_row_is_left_out():
    found = effects.text_confounding(platform(0.7), 600, 1, outcome="click", estimator="ipw")
    assert list(found) == [row for row in ROWS if row != "+ text embeddings"]


def test_a_text_is_the_mean_of_its_sentences_whatever_their_order():
    one, two = effects.sentence_embedding(["The fit is fine. Texture: good!", "Texture: good! The fit is fine."], words)
    np.testing.assert_allclose(one, two)
    np.testing.assert_allclose(effects.sentence_embedding(["The fit is fine."], words), words(["The fit is fine."]))


def test_tfidf_keeps_few_words_as_they_are_and_reduces_many():
    texts = [f"word{k} word{k + 1} word{k + 2}" for k in range(40)]
    assert effects.tfidf_embedding(texts).shape[0] == 40
    assert effects.tfidf_embedding(texts, 5).shape == (40, 5)


def test_wrong_calls():
    with pytest.raises(ValueError, match="unknown estimator 'aipww'; did you mean 'aipw'"):
        effects.text_confounding(platform(0.7), 100, estimator="aipww")
    with pytest.raises(ValueError, match="no word stands in two"):
        effects.tfidf_embedding(["", ""])
    with pytest.raises(ValueError, match="no texts"):
        effects.sentence_embedding([], words)


def test_odd_texts_are_read_or_named():
    lengths = lambda texts: np.array([[len(text)] for text in texts], dtype=float)  # noqa: E731
    assert effects.sentence_embedding(["好。差！不好", "好"], lengths).ravel().tolist() == [2.0, 1.0]
    for call, words in (
        (lambda: effects.tfidf_embedding(["这件衣服很好", "质量太差"]), "written without spaces"),
        (lambda: effects.tfidf_embedding(["a shoe", "a shoe"], 0), r"dimensions=0\): give 1 or more"),
        (lambda: effects.sentence_embedding(["a. b.", "c"], lambda _: np.ones((1, 2))), r"shape \(1, 2\) for 3"),
        (lambda: effects.share_of_removal({}, 1.0), "no row 'tables only'"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    for read in (effects.tfidf_embedding, lambda texts: effects.sentence_embedding(texts, lengths)):
        with pytest.raises(TypeError, match="first at row 1: None; replace missing texts"):
            read(["good shoe", None, "good hat"])
