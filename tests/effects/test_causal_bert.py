"""CausalBERT: what it learns of a text, that it learns it from other rows only, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import world
from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.text.confounding import TRAINED
from causalrec_lab.recommender import TextEncoder

pytestmark = pytest.mark.filterwarnings("ignore")
GOOD, BAD, REST = ("lovely", "superb", "fine"), ("poor", "awful", "weak"), ("the", "zip", "on", "blue", "shoe", "strap")


def draw(n, seed=0):
    """A hidden quality h that the words tell of; the effect is 1."""
    rng = np.random.default_rng(seed)
    h, x = rng.normal(size=n), rng.normal(size=n)
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(-(0.5 * x + 1.2 * h)))).astype(int)
    y = t + x + 1.5 * h + rng.normal(size=n)
    kind = rng.uniform(size=(n, 8)) < 1 / (1 + np.exp(-2 * h[:, None]))
    opinion = np.where(kind, rng.choice(GOOD, (n, 8)), rng.choice(BAD, (n, 8)))
    texts = [" ".join(f"{a} {b}." for a, b in zip(rng.choice(REST, 8), row, strict=True)) for row in opinion]
    return pd.DataFrame({"t": t, "y": y, "x": x, "h": h, "text": texts, "who": np.arange(n) // 2})


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    from causalrec_lab.recommender.text.tiny_bert import train_tiny

    weights = train_tiny(list(draw(200).text), tmp_path_factory.mktemp("tiny"), steps=20)
    return TextEncoder(weights, None, "fp32")


def run(frame, encoder, **options):
    return effects.causal_bert(frame, "t", "y", ["x"], text="text", encoder=encoder, nuisance="linear", **options)


def test_it_takes_most_of_the_hidden_bias_away(encoder):
    frame = draw(800)
    tables, oracle = (effects.aipw(frame, "t", "y", c, nuisance="linear") for c in (["x"], ["x", "h"]))
    found = run(frame, encoder)
    assert abs(oracle.value - 1) < 4 * oracle.std_error
    assert (tables.value - found.value) / (tables.value - oracle.value) > 0.6
    assert run(frame, encoder) == found  # the same seed, the same digits


def test_without_training_it_is_aipw_on_frozen_vectors(encoder):
    frame = draw(300)
    vectors = encoder.embed(list(frame.text), pooling="mean")
    frozen = run(frame, encoder, epochs=0, reading="whole")
    usual = effects.aipw(frame, "t", "y", ["x"], embeddings=vectors, folds=2, nuisance="linear")
    assert frozen.value == pytest.approx(usual.value, abs=1e-3)
    assert frozen.std_error == pytest.approx(usual.std_error, rel=1e-2)


def test_heads_of_a_fold_know_nothing_of_the_rows_they_predict(encoder):
    from causalrec_lab.causal.effects.nuisances.cross_fitting import design_matrix
    from causalrec_lab.causal.effects.sample import read_sample
    from causalrec_lab.causal.effects.text.bert.reader import Reader
    from causalrec_lab.causal.effects.text.bert.training import Fold, Settings

    frame, train, test = draw(120), np.arange(80), np.arange(80, 120)
    reader = Reader.open(encoder, list(frame.text), "sentences", 1, True, 0)

    def heads():
        sample = read_sample(frame, "t", "y", ["x"])
        design = design_matrix(sample.covariates, "linear")
        fold = Fold(sample, design, reader.corpus, reader.network(), reader.words(0), Settings(1, 1e-3, 16, 0.5, 0))
        return fold.fit(train), fold.vectors()

    before, vectors = heads()
    apart = frame.loc[test, "y"] - frame.loc[test, "y"].mean()
    frame.loc[test, "y"] += 9 * apart  # their spread is nothing to the loss either; their mean is the origin
    frame.loc[test, "t"] = 1 - frame.loc[test, "t"]
    after, same = heads()
    np.testing.assert_allclose(before.text, after.text, atol=1e-6)
    np.testing.assert_allclose(vectors, same, atol=1e-5)


def test_hidden_words_of_a_fold_are_those_of_its_own_texts(encoder, monkeypatch):
    from causalrec_lab.causal.effects.text.bert.masked_words import MaskedWords
    from causalrec_lab.causal.effects.text.bert.training import Fold

    frame, trained, asked = draw(60), [], []
    fit, loss = Fold.fit, MaskedWords.loss

    def watched_fit(self, train):
        trained.append(set(self.corpus.of(train)[0]))
        return fit(self, train)

    def watched_loss(self, network, pieces):
        asked.append(set(pieces) <= trained[-1])
        return loss(self, network, pieces)

    monkeypatch.setattr(Fold, "fit", watched_fit)
    monkeypatch.setattr(MaskedWords, "loss", watched_loss)
    run(frame, encoder, batch_size=8, reading="whole")
    assert len(trained) == 2
    assert asked
    assert all(asked)


def test_odd_texts_and_outcomes(encoder):
    frame = draw(120)
    plain = effects.aipw(frame, "t", "y", ["x"], folds=2, nuisance="linear")
    for same in ("", "\n \n", "质量很好。推荐!", "🙂\x00"):  # a text that all rows share tells nothing
        found = run(frame.assign(text=same), encoder)
        assert (found.value, found.std_error) == pytest.approx((plain.value, plain.std_error), rel=1e-6)
    chinese = run(frame.assign(text=np.where(frame["h"] > 0, "衣服很好。喜欢", "质量太差！")), encoder, epochs=0)
    assert abs(chinese.value - 1) < abs(plain.value - 1)  # word pieces unknown to the encoder still differ
    constant = run(frame.assign(y=2.0), encoder)
    assert constant.value == pytest.approx(0, abs=1e-6)
    assert "nothing of the outcome's variance" in " ".join(constant.notes)
    few = pd.concat([frame[frame["t"] == arm].head(5) for arm in (0, 1)])
    assert "not to be relied on" in " ".join(run(few, encoder).notes)


def test_training_moves_the_reading_and_masked_words_are_learned(encoder):
    frame = draw(200)
    frozen, tuned = run(frame, encoder, epochs=0), run(frame, encoder, learning_rate=1e-3, masked_language_weight=1.0)
    assert frozen.value != tuned.value
    assert "epochs 1" in tuned.method


def test_a_dimension_that_says_next_to_nothing_stops_no_training():
    encoder, frame = TextEncoder.load("auto"), draw(80)  # two of its dimensions are constant up to denormal numbers
    options = {"reading": "whole", "batch_size": 16}
    tuned, masked = (run(frame, encoder, learning_rate=1e-3, masked_language_weight=w, **options) for w in (0.0, 1.0))
    assert abs(masked.value - tuned.value) > 0.01 * tuned.std_error


def test_att_clusters_and_the_plug_in(encoder):
    frame = draw(200)
    found = run(frame, encoder, epochs=0, cluster="who", estimand="ATT")
    assert found.estimand == "ATT"
    assert "cluster-robust" in found.method
    plug_in = run(frame, encoder, epochs=0, cluster="who", estimand="ATT", score="plug-in")
    assert plug_in.value == pytest.approx(found.diagnostics["plug_in"])
    assert np.isnan(plug_in.std_error)


def test_wrong_calls(encoder):
    frame = draw(60)
    with pytest.raises(ValueError, match="no column 'txt' in the table; did you mean"):
        effects.causal_bert(frame, "t", "y", ["x"], text="txt", encoder=encoder)
    for options, message in (
        ({"reading": "sentence"}, "unknown reading 'sentence'; did you mean 'sentences'"),
        ({"score": "plugin"}, "no score 'plugin'; did you mean 'plug-in'"),
        ({"epochs": -1}, "epochs=-1"),
        ({"epochs": 1.5}, r"epochs=1\.5\): give a whole number"),
        ({"batch_size": "64"}, "batch_size='64'"),
        ({"folds": 61}, "folds=61; give a number between 2 and the 60 rows"),
        ({"layers": 9}, "layers=9: the encoder has 2"),
    ):
        with pytest.raises(ValueError, match=message):
            run(frame, encoder, **options)
    with pytest.raises(TypeError, match="replace missing texts"):
        run(frame.assign(text=[None, *frame.text[1:]]), encoder)


def test_the_table_of_readings_has_rows_for_trained_encoders(encoder):
    platform = world.Platform.make(seed=5, n_users=150, n_items=150, confounding=1.5, text_r2=0.9, base_rate="common")
    options = {"encoder": encoder, "nuisance": "linear"}
    found = effects.text_confounding(platform, 150, 1, outcome="click", nuisance="linear", trained=options)
    assert set(TRAINED) < set(found)
    assert found["+ fine-tuned"].value != found["CausalBERT"].value
