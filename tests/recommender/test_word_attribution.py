"""Attributions add up to the logit, find the telling word, and are shown as text."""

import numpy as np
import pytest

from causalrec_lab.lab.report.outputs import clean_html
from causalrec_lab.recommender import TextClassifier
from causalrec_lab.recommender.text.word_attribution import attribution_html, word_attributions

PRAISE, BLAME = ["lovely", "wonderful", "perfect", "great"], ["awful", "broken", "ugly", "poor"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAUSALREC_CACHE", str(tmp_path_factory.mktemp("cache")))
        rng = np.random.default_rng(0)
        y = np.arange(48) % 2
        texts = [f"the {rng.choice(['coat', 'shoe', 'bag'])} is {rng.choice(PRAISE if k else BLAME)}" for k in y]
        yield {
            mode: TextClassifier(mode, epochs=1, precision="fp32").fit(texts, y) for mode in ("frozen", "lora", "full")
        }


@pytest.mark.parametrize("mode", ["frozen", "lora", "full"])
def test_attributions_add_up_to_the_logit(models, mode):
    model, text = models[mode], "the coat is lovely, but overpricedish"
    table = model.word_attributions(text, steps=128)
    p = model.predict_proba([text])[0]
    assert table.attrs["logit"] == pytest.approx(np.log(p[1] / p[0]), abs=2e-3)
    scale = abs(table.attrs["logit"] - table.attrs["baseline"])
    assert table["attribution"].sum() == pytest.approx(table.attrs["logit"] - table.attrs["baseline"], abs=0.02 * scale)
    assert [text[row.start : row.end] for row in table.itertuples()] == table["word"].tolist()
    assert table["word"].tolist() == ["the", "coat", "is", "lovely", ",", "but", "overpricedish"]


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_the_telling_word_weighs_most_and_in_its_direction(models, method):
    for word, sign in (("wonderful", 1), ("ugly", -1)):
        table = word_attributions(models["frozen"], f"the shoe is {word}", method=method).set_index("word")
        assert table["attribution"].abs().idxmax() == word
        assert np.sign(table.loc[word, "attribution"]) == sign


def test_html_shows_text_as_text(models):
    text = 'the <script>alert("x")</script> is lovely & good'
    shown = attribution_html(models["frozen"].word_attributions(text))
    assert "<script" not in shown
    assert "&lt;" in shown
    assert "&amp;" in shown
    assert 'title="+' in shown


def test_a_report_keeps_the_colours(models):
    shown = clean_html(attribution_html(models["frozen"].word_attributions("the coat is lovely and warm")))
    assert shown.count("background-color:rgba(") == 6


def test_an_empty_text_has_no_words(models):
    table = models["frozen"].word_attributions("")
    assert table.empty
    assert table.attrs["logit"] == pytest.approx(table.attrs["baseline"])
    assert "word-attributions" in attribution_html(table)


def test_bad_asking_is_told(models):
    with pytest.raises(ValueError, match="'occlusion'"):
        models["frozen"].word_attributions("a", method="gradient")
    with pytest.raises(TypeError, match="row 0: None"):
        models["frozen"].word_attributions(None)
    with pytest.raises(ValueError, match="not fitted"):
        TextClassifier().word_attributions("a")
