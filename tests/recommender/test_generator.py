"""A tiny language model made on the spot writes what it learned, the same each time, and bad folders are named."""

import json

import numpy as np
import pytest

from causalrec_lab.recommender.text.generator import TextGenerator
from causalrec_lab.recommender.text.pretrained import EncoderUnavailable

SONG = "the sun is warm and the sea is blue and the"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two layers, a tokenizer of the song's own words, trained until it knows the song."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    words = ["<s>", "<unk>", *dict.fromkeys(SONG.split())]
    inner = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="<s>", unk_token="<unk>", pad_token="<s>"
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=len(words),
                n_positions=32,
                n_embd=32,
                n_layer=2,
                n_head=2,
                bos_token_id=0,
                eos_token_id=0,
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
            ),
        )
        ids = torch.tensor([[0, *tokenizer(SONG)["input_ids"]]])
        optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
        for _ in range(60):
            loss = model(ids, labels=ids).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    where = tmp_path_factory.mktemp("models") / "singer"
    model.save_pretrained(where)
    tokenizer.save_pretrained(where)
    return where


@pytest.fixture(scope="module")
def singer(folder):
    return TextGenerator.load(folder)


def test_it_writes_on_as_it_learned(singer):
    assert singer.generate("the sun is", max_new_tokens=3, temperature=0) == ["warm and the"]
    assert "singer" in singer.name


def test_equal_seeds_write_equal_texts_and_leave_torch_alone(singer):
    import torch

    state = torch.random.get_rng_state()
    ask = {"max_new_tokens": 8, "temperature": 3.0, "top_p": 1.0, "n": 3}
    first, again, other = (singer.generate("the", seed=seed, **ask) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(set(first)) > 1
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_song_is_likelier_than_its_words_shuffled_and_chances_sum_to_one(singer):
    told, shuffled = singer.log_probability("the sun is warm"), singer.log_probability("warm is sun the")
    assert len(told) == 4  # the start token stands before the first
    assert (told <= 0).all()
    assert told.sum() > shuffled.sum() + 3
    everything = [
        np.exp(singer.log_probability(f"the {w}")[1]) for w in ["sun", "sea", "is", "warm", "and", "blue", "the"]
    ]
    assert 0.95 < sum(everything) <= 1 + 1e-6


@pytest.mark.parametrize("change", [{"n": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"max_new_tokens": 0}])
def test_numbers_out_of_range(singer, change):
    with pytest.raises(ValueError, match=next(iter(change))):
        singer.generate("the", **change)


def test_prompts_that_cannot_be_taken(singer):
    with pytest.raises(ValueError, match="takes 32 in all"):
        singer.generate("sun " * 30, max_new_tokens=10)
    with pytest.raises(TypeError, match="row 0: None"):
        singer.generate(None)
    assert isinstance(singer.generate("", max_new_tokens=2)[0], str)  # begins at the start token


def test_no_such_folder_offers_the_nearest(folder):
    with pytest.raises(ValueError, match=r"did you mean '.*singer'"):
        TextGenerator.load(folder.parent / "singre")
    with pytest.raises(ValueError, match="hub address 'owner/model'"):
        TextGenerator.load("singer")


def test_folder_without_a_model_or_without_safetensors(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ValueError, match=r"holds no config.json \(\['notes.txt'\]\)"):
        TextGenerator.load(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(EncoderUnavailable, match="safetensors only, never from a pickle"):
        TextGenerator.load(tmp_path)


def test_an_encoder_does_not_write(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="does not write text"):
        TextGenerator.load(tmp_path)


def test_no_network_is_told(monkeypatch):
    import huggingface_hub

    def offline(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(EncoderUnavailable, match=r"language model 'nobody/nothing' .* \(ConnectionError\)"):
        TextGenerator.load("nobody/nothing")


def test_a_tiny_one_learns_the_corpus_at_hand_and_is_kept(tmp_path):
    corpus = [f"a {colour} {thing} of wool." for colour in ("red", "blue", "grey") for thing in ("coat", "scarf")]
    writer = TextGenerator.load("tiny", corpus=corpus, cache=tmp_path)
    assert "trained on 6 texts (seed 0)" in writer.name
    assert writer.generate("a red coat", max_new_tokens=4, temperature=0) == ["of wool."]
    told, shuffled = writer.log_probability("a blue scarf of wool."), writer.log_probability("wool scarf a of blue.")
    assert told.sum() > shuffled.sum() + 5
    assert told.sum() == pytest.approx(-np.log(6), abs=0.3)  # six texts, all alike in chance
    kept = sorted(tmp_path.rglob("model.safetensors"))
    assert len(kept) == 1
    before = kept[0].stat().st_mtime_ns
    again = TextGenerator.load("tiny", corpus=corpus, cache=tmp_path)
    np.testing.assert_array_equal(again.log_probability("a red coat"), writer.log_probability("a red coat"))
    assert kept[0].stat().st_mtime_ns == before


def test_tiny_needs_texts(tmp_path):
    with pytest.raises(ValueError, match=r"got 0 different texts with words.*corpus=texts"):
        TextGenerator.load("tiny", corpus=["", " "], cache=tmp_path)
