"""Difference in differences given text: what embeddings tell of the trend no longer biases it."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects

KEYS = {"unit": "unit", "time": "time", "cohort": "cohort"}
EFFECT = 1.0


def draw(n, seed, d=40, moving=False):
    """A hidden trait moves both trends and adoption; 40 columns of text tell of it; the effect is 1 throughout."""
    rng = np.random.default_rng(seed)
    h = rng.normal(size=n)
    takes = rng.uniform(size=n) < 1 / (1 + np.exp(-h))
    start = np.where(takes, rng.choice([2.0, 3.0], n), np.nan)
    loadings = rng.normal(size=d)
    frame = pd.DataFrame({"unit": np.repeat(np.arange(n), 4), "time": np.tile(np.arange(4), n)})
    unit, time = frame["unit"].to_numpy(), frame["time"].to_numpy()
    noise = rng.normal(size=(n, d))[unit] if not moving else rng.normal(size=(4 * n, d))
    E = h[unit, None] * loadings + 1.5 * noise
    treated = time >= np.nan_to_num(start, nan=np.inf)[unit]
    level = rng.normal(size=n)[unit]
    y = level + time + h[unit] * time + EFFECT * treated + rng.normal(size=4 * n)
    return frame.assign(cohort=start[unit], y=y, h=h[unit], place=unit // 5, w=1.0 + unit % 2), E


@pytest.mark.parametrize("moving", [False, True])
def test_text_takes_the_trend_s_bias_away(moving):
    frame, E = draw(900, 0, moving=moving)
    tables = effects.did(frame, "y", **KEYS).average()
    text = effects.did(frame, "y", embeddings=E, **KEYS).average()
    oracle = effects.did(frame, "y", ["h"], **KEYS).average()
    assert abs(oracle.value - EFFECT) < 4 * oracle.std_error
    assert (tables.value - text.value) / (tables.value - oracle.value) > 0.75
    assert 0.7 < text.std_error / oracle.std_error < 1.6


def test_text_is_read_as_it_was_in_the_base_period():
    frame, E = draw(300, 1, moving=True)
    one = effects.did(frame, "y", embeddings=_with_last(E, frame), **KEYS)
    two = effects.did(frame, "y", embeddings=_with_last(E, frame, sign=-1.0), **KEYS)
    np.testing.assert_allclose(one.att()["value"], two.att()["value"], atol=1e-6)


def _with_last(E, frame, sign=1.0):
    """The last period, which is nobody's base, holds values of the same mean and spread in either order."""
    changed, last = E.copy(), (frame["time"] == 3).to_numpy()
    changed[last] = E.mean(axis=0) + sign * (E[last] - E[last].mean(axis=0))
    return changed


def test_noise_for_text_changes_little_and_clusters_and_weights_are_kept():
    frame, _ = draw(600, 2)
    noise = np.random.default_rng(3).normal(size=(len(frame), 30))
    plain = effects.did(frame, "y", ["h"], weights="w", cluster="place", **KEYS).average()
    text = effects.did(frame, "y", ["h"], embeddings=noise, weights="w", cluster="place", **KEYS).average()
    assert abs(text.value - plain.value) < plain.std_error
    assert text.diagnostics["clusters"] == 120
    assert "5-fold cross-fitted" in text.method
    assert any("30 embedding dimensions" in note for note in text.notes)


def test_one_seed_gives_the_same_numbers():
    frame, E = draw(300, 4)
    first, again = (effects.did(frame, "y", embeddings=E, **KEYS).average() for _ in range(2))
    assert first == again


def test_embeddings_that_cannot_be_read_are_refused():
    frame, E = draw(60, 5)
    with pytest.raises(ValueError, match=r"embeddings\[0\] has shape \(7, 40\); the table has 240 rows"):
        effects.did(frame, "y", embeddings=E[:7], **KEYS)
    with pytest.raises(ValueError, match=r"embeddings\[0\] is not finite, first at row 3"):
        effects.did(frame, "y", embeddings=np.where(np.arange(240)[:, None] == 3, np.nan, E), **KEYS)
    never, second = (frame.loc[rows, "unit"].unique()[:3] for rows in (frame["cohort"].isna(), frame["cohort"] == 2))
    few = frame[frame["unit"].isin([*never, *second])]
    with pytest.raises(ValueError, match=r"cohort 2 against its comparison units: .*folds"):
        effects.did(few, "y", embeddings=E[few.index], folds=50, **KEYS)
