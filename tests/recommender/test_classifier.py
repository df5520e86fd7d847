"""The classifier reads, trains in three ways, and comes back from disk the same."""

import numpy as np
import pytest

from causalrec_lab.recommender import TextClassifier


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAUSALREC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def reviews(n=48, seed=0):
    """Praise ends in a purchase, complaint does not; one in ten labels is wrong."""
    rng = np.random.default_rng(seed)
    good, bad = ["lovely", "wonderful", "perfect", "great"], ["awful", "broken", "ugly", "poor"]
    y = rng.integers(2, size=n)
    texts = [f"the {rng.choice(['coat', 'shoe', 'bag'])} is {rng.choice(good if label else bad)}" for label in y]
    return texts, np.where(rng.random(n) < 0.1, 1 - y, y), y


@pytest.mark.parametrize("mode", ["frozen", "lora", "full"])
def test_each_mode_learns_praise_from_complaint(mode, tmp_path):
    texts, labels, _ = reviews()
    model = TextClassifier(mode, epochs=2, precision="fp32").fit(texts, labels)
    unseen, _, truth = reviews(40, seed=1)
    probabilities = model.predict_proba(unseen)
    assert probabilities.shape == (40, 2)  # one row a text, one column a class
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    assert (model.predict(unseen) == truth).mean() > 0.9
    model.save(tmp_path)
    np.testing.assert_allclose(TextClassifier.load(tmp_path).predict_proba(unseen), probabilities, atol=1e-6)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_fine_tuning_begins_at_the_frozen_solution():
    from causalrec_lab.recommender.text.finetuning import FineTuned

    texts, labels, _ = reviews()
    frozen = TextClassifier("frozen", precision="fp32").fit(texts, labels)
    for mode in ("lora", "full"):
        config = TextClassifier(mode, precision="fp32").config
        tuned = FineTuned.start(frozen._encoder, config, frozen._reader.weights, frozen._reader.bias)
        np.testing.assert_allclose(np.diff(tuned.logits(texts))[:, 0], frozen.logits(texts), atol=1e-3)


def test_adapters_leave_the_encoder_alone():
    from causalrec_lab.recommender.text.finetuning import FineTuned

    texts, labels, _ = reviews(16)
    frozen = TextClassifier("frozen", precision="fp32").fit(texts, labels)
    config = TextClassifier("lora", epochs=1, precision="fp32").config
    tuned = FineTuned.start(frozen._encoder, config, frozen._reader.weights, frozen._reader.bias)
    before = {n: p.clone() for n, p in tuned.backbone.named_parameters() if "lora" not in n}
    tuned.train(texts, labels)
    after = dict(tuned.backbone.named_parameters())
    assert all((after[name] == value).all() for name, value in before.items())
    assert sum(v.size for v in tuned.state().values()) < 0.01 * sum(v.numel() for v in before.values())


def test_accumulated_batches_make_the_step_of_one_big_batch():
    texts, labels, _ = reviews(16)
    once = {"epochs": 1, "precision": "fp32", "learning_rate": 1e-4}
    big = TextClassifier("lora", batch_size=16, **once).fit(texts, labels)
    small = TextClassifier("lora", batch_size=4, accumulate=4, **once).fit(texts, labels)
    # dropout is drawn in another order, so the two agree but for its noise
    assert small.losses[0] == pytest.approx(big.losses[0], rel=0.2)
    assert len(big.losses) == len(small.losses) == 1


def test_balanced_weights_lift_the_rare_class():
    texts, labels, truth = reviews(200)
    rare = np.flatnonzero((truth == 0) | (np.arange(200) % 10 == 0))
    few = [texts[row] for row in rare]
    plain = TextClassifier().fit(few, labels[rare]).predict_proba(few)[:, 1].mean()
    balanced = TextClassifier(class_weight="balanced").fit(few, labels[rare]).predict_proba(few)[:, 1].mean()
    assert plain == pytest.approx(labels[rare].mean(), abs=0.02)
    assert balanced > plain + 0.05


def test_callbacks_hear_every_epoch():
    texts, labels, _ = reviews(8)
    heard = []
    TextClassifier("lora", epochs=2).fit(texts, labels, [lambda epoch, loss: heard.append((epoch, loss))])
    assert [epoch for epoch, _ in heard] == [1, 2]


@pytest.mark.parametrize(
    ("texts", "labels", "says"),
    [(["a", "b"], [1, 1], "the same"), (["a"], [0, 1], "one label a text"), (["a", "b"], [0, 2], "row 1: 2")],
)
def test_labels_that_cannot_be_learned(texts, labels, says):
    with pytest.raises(ValueError, match=says):
        TextClassifier().fit(texts, labels)


@pytest.mark.parametrize("ask", [lambda m: m.predict(["a"]), lambda m: m.encoder_name, lambda m: m.save("unused")])
def test_before_fit_it_says_so(ask):
    with pytest.raises(ValueError, match=r"TextClassifier was not fitted; call fit\(texts, labels\) first"):
        ask(TextClassifier())


def test_unknown_mode():
    with pytest.raises(ValueError, match="'lora'"):
        TextClassifier("adapters")


def test_balanced_and_calibrated_gives_the_share_back_and_comes_back_from_disk(tmp_path):
    texts, labels, truth = reviews(400)
    rare = np.flatnonzero((truth == 0) | (np.arange(400) % 8 == 0))
    few, y = [texts[row] for row in rare], labels[rare]
    model = TextClassifier(class_weight="balanced").fit(few[::2], y[::2])
    bent = model.predict_proba(few)[:, 1]
    right = model.calibrate(few[1::2], y[1::2]).predict_proba(few)[:, 1]
    assert bent[1::2].mean() > y[1::2].mean() + 0.05
    assert right[1::2].mean() == pytest.approx(y[1::2].mean(), abs=0.02)
    assert (np.argsort(right, kind="stable") == np.argsort(bent, kind="stable")).all()
    np.testing.assert_allclose(TextClassifier.load(model.save(tmp_path)).predict_proba(few)[:, 1], right, atol=1e-9)


def test_costs_move_the_decision():
    texts, labels, _ = reviews()
    model = TextClassifier().fit(texts, labels)
    one = model.predict_proba(texts)[:, 1]
    np.testing.assert_array_equal(model.predict(texts), one > 0.5)
    np.testing.assert_array_equal(model.predict(texts, false_negative=9.0), one >= 0.1)


@pytest.mark.parametrize(
    ("texts", "labels", "says"),
    [
        (["", " "], [0, 1], "none of the 2 texts has a word"),
        (["a", "b"], [0, np.nan], "row 1: nan"),
        (["a", "b"], [None, 1], "row 0: None"),
        (["a"], [1], "all 1 labels are the same"),
        ([], [], "there are no labels"),
        (["a", "b"], [[1, 0], [0, 1]], r"labels has shape \(2, 2\); one label a text"),
    ],
)
def test_bad_input_is_named(texts, labels, says):
    with pytest.raises(ValueError, match=says):
        TextClassifier().fit(texts, labels)


def test_missing_texts_are_named():
    with pytest.raises(TypeError, match=r"row 1: None; replace missing texts by ''"):
        TextClassifier().fit(["a", None], [0, 1])


def test_texts_cut_in_fine_tuning_are_told():
    texts, labels, _ = reviews(8)
    with pytest.warns(UserWarning, match="8 of 8 texts are longer than 4 tokens"):
        TextClassifier("lora", epochs=1, max_tokens=4).fit(texts, labels)


def test_another_fit_forgets_the_calibration():
    texts, labels, _ = reviews()
    fresh = TextClassifier().fit(texts, labels).predict_proba(texts)
    again = TextClassifier().fit(texts, labels).calibrate(texts[:20], 1 - labels[:20]).fit(texts, labels)
    np.testing.assert_array_equal(again.predict_proba(texts), fresh)


def test_a_calibration_that_fails_leaves_the_one_before():
    texts, labels, _ = reviews()
    model = TextClassifier(class_weight="balanced").fit(texts, labels).calibrate(texts[:30], labels[:30])
    before = model.scaling
    with pytest.raises(ValueError, match="same"):
        model.calibrate(texts, np.ones(len(texts), int))
    assert model.scaling == before
