"""text_readings: repeated measurements of what a text says, and the latent interest behind them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import fit_sem
from causalrec_lab.causal.sem import text_readings
from causalrec_lab.causal.sem.readings import split_texts

GOOD, BAD = ("superb", "great", "lovely", "solid"), ("weak", "flimsy", "poor", "dull")


def written(n: int, seed: int = 0) -> tuple[pd.DataFrame, list[str]]:
    """A hidden interest drives what is written, what is shown (t) and what is bought (y); the effect is 0.3."""
    rng = np.random.default_rng(seed)
    h = rng.normal(size=n)
    good = rng.random((n, 12)) < 1 / (1 + np.exp(-1.5 * h[:, None]))
    words = np.where(good, np.array(GOOD)[rng.integers(0, 4, (n, 12))], np.array(BAD)[rng.integers(0, 4, (n, 12))])
    texts = [" ".join(f"The {w} one." for w in row) for row in words]
    t = 0.8 * h + rng.normal(size=n)
    return pd.DataFrame({"t": t, "y": 0.3 * t + 0.8 * h + rng.normal(size=n), "h": h}), texts


def test_sentences_are_dealt_and_none_is_lost():
    texts = ["One. Two! Three? Four.", "A b. C d. E f."]
    parts = split_texts(texts, 3)
    assert [len(part) for part in parts] == [2, 2, 2]
    for i, text in enumerate(texts):
        assert sorted(" ".join(p[i] for p in parts).split()) == sorted(text.split())
    assert parts == split_texts(texts, 3)


def test_readings_measure_the_hidden_interest_and_err_independently():
    frame, texts = written(1_500)
    readings = text_readings(texts, frame["t"])
    assert list(readings) == ["reading1", "reading2", "reading3"]
    for name in readings:
        assert np.corrcoef(readings[name], frame["h"])[0, 1] > 0.6
    errors = readings.apply(lambda r: r - np.polyval(np.polyfit(frame["h"], r, 1), frame["h"]))
    corner = errors.corr().to_numpy()[np.tril_indices(3, -1)]
    assert np.abs(corner).max() < 5 / np.sqrt(len(frame))


def test_a_latent_interest_removes_what_noisy_controls_leave():
    frame, texts = written(1_500)
    frame = pd.concat([frame, text_readings(texts, frame["t"])], axis=1)
    naive = fit_sem("y ~ t", frame).direct("t", "y")
    controls = fit_sem("y ~ t + reading1 + reading2 + reading3", frame).direct("t", "y")
    latent = fit_sem("interest =~ reading1 + reading2 + reading3; t ~ interest; y ~ t + interest", frame)
    assert naive.value > 0.55
    assert naive.value > controls.value > 0.36
    assert abs(latent.direct("t", "y").value - 0.3) < 5 * latent.direct("t", "y").std_error
    assert abs(latent.direct("t", "y").value - 0.3) < abs(controls.value - 0.3)


def test_readings_of_noise_foretell_nothing():
    _, texts = written(800)
    noise = np.random.default_rng(9).normal(size=800)
    readings = text_readings(texts, noise)
    assert all(abs(np.corrcoef(readings[name], noise)[0, 1]) < 5 / np.sqrt(800) for name in readings)


def test_an_encoder_may_read():
    _, texts = written(200)
    target = np.random.default_rng(0).normal(size=200)
    rng = np.random.default_rng(0)
    table = {w: rng.normal(size=4) for w in (*GOOD, *BAD)}

    def embed(sentences):
        return np.array([sum((table[w] for w in s.split() if w in table), np.zeros(4)) for s in sentences])

    assert text_readings(texts, target, embed=embed, parts=2).shape == (200, 2)


@pytest.mark.parametrize(
    ("texts", "target", "options", "message"),
    [
        (["A. B. C."] * 10, np.ones(10), {}, "target is constant"),
        (["A. B. C."] * 10, np.arange(9), {}, "10 texts but 9 targets"),
        (["A."] * 10, np.arange(10), {}, "10 of 10 texts have fewer than 3 sentences"),
        (["A. B. C."] * 10, np.arange(10), {"parts": 1}, "parts=1"),
        (["A. B. C."] * 10, np.arange(10), {"folds": 1}, "folds=1"),
    ],
)
def test_bad_input_says_what_is_wrong(texts, target, options, message):
    with pytest.raises(ValueError, match=message):
        text_readings(texts, target, **options)
