"""Instruments under hostile input: clocks and odd units, gaps a grid overlooks, too few clusters, copies."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.instrumental.anderson_rubin import anderson_rubin, statistic
from causalrec_lab.causal.effects.instrumental.reduced_form import ReducedForm


def lottery(seed=0, n=600):
    rng = np.random.default_rng(seed)
    x, hidden, z2 = rng.standard_normal((3, n))
    z = rng.integers(0, 2, n).astype(float)
    t = (z + 0.5 * z2 + 0.5 * x + hidden + rng.standard_normal(n) > 0.5).astype(float)
    frame = pd.DataFrame({"x": x, "z": z, "z2": z2, "t": t, "y": 2 * t + x + hidden + rng.standard_normal(n)})
    return frame.assign(u=rng.integers(0, 60, n))


@pytest.mark.parametrize("method", ["2sls", "liml"])
@pytest.mark.filterwarnings("error")
def test_units_and_offsets_of_instruments_and_treatment_change_nothing(method):
    frame, names = lottery(), ["z", "z2"]
    plain = effects.iv(frame, "t", "y", ["x"], instrument=names, method=method)
    odd = frame.assign(z=1.7e9 + 86_400 * frame["z"], z2=1e10 * frame["z2"], t=3e8 + frame["t"])
    found = effects.iv(odd, "t", "y", ["x"], instrument=names, method=method)
    assert (found.value, found.std_error) == (pytest.approx(plain.value), pytest.approx(plain.std_error))
    for name in ("effective_f", "effective_f_critical", "anderson_rubin_low", "anderson_rubin_high", "hansen_j"):
        assert found.diagnostics[name] == pytest.approx(plain.diagnostics[name], rel=1e-5), name


def test_the_first_stage_s_effective_f_is_the_published_formula_with_robust_noise():
    """T'Z(Z'Z)^-1 Z'T over the trace of (Z'Z)^-1 times the robust variance of Z'v (Montiel Olea and Pflueger 2013)."""
    frame = lottery(3)
    one = np.column_stack([np.ones(len(frame)), frame["x"]])

    def left(columns):
        return columns - one @ np.linalg.lstsq(one, columns, rcond=None)[0]

    Z, t = left(frame[["z", "z2"]].to_numpy()), left(frame["t"].to_numpy())
    inverse = np.linalg.inv(Z.T @ Z)
    v = t - Z @ inverse @ Z.T @ t
    noise = (Z * v[:, None] ** 2).T @ Z * len(v) / (len(v) - 4)
    wanted = t @ Z @ inverse @ Z.T @ t / np.trace(inverse @ noise)
    found = effects.iv(frame, "t", "y", ["x"], instrument=["z", "z2"]).diagnostics["effective_f"]
    assert found == pytest.approx(wanted, rel=1e-6)


def drawn_form(seed):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 5))
    A = rng.standard_normal((2 * k, 2 * k))
    V = A @ A.T * 0.01 * 10 ** rng.uniform(-1, 1) + 1e-4 * np.eye(2 * k)
    B = rng.standard_normal((k, k))
    pi = rng.standard_normal(k) * 10 ** rng.uniform(-2, 0.5)
    delta = pi * rng.normal() + rng.standard_normal(k) * 10 ** rng.uniform(-3, 0) * 0.3
    return ReducedForm(delta, pi, V, B @ B.T + 0.1 * np.eye(k), math.nan)


@pytest.mark.parametrize(("seed", "refused"), [(18, -0.454), (1034, 0.16)])
def test_a_narrow_gap_in_the_set_is_seen(seed, refused):
    form = drawn_form(seed)
    grid = refused + np.linspace(-0.05, 0.15, 2_001)
    values = np.array([statistic(form, b) for b in grid])
    worst = grid[int(values.argmax())]
    assert values.max() > stats.chi2.ppf(0.95, form.count)
    assert not anderson_rubin(form, 0.95).covers(worst)


def test_a_set_that_is_almost_empty_is_not_called_empty():
    for gap in (1e-2, 1e-4, 1e-7):
        form = ReducedForm(np.array([1.0, -1.0]), np.array([1.0, 1.0]), np.eye(4), np.eye(2), math.nan)
        least = min(statistic(form, b) for b in (-1e-3, 0.0, 1e-3))  # 2 at an effect of 0
        level = float(stats.chi2.cdf(least + gap, 2))
        assert anderson_rubin(form, level).covers(0.0)
        assert not anderson_rubin(form, float(stats.chi2.cdf(least - gap, 2))).pieces


def test_what_cannot_be_answered_is_refused_in_words():
    frame = lottery()
    with pytest.raises(ValueError, match=r"2 clusters for 2 instruments"):
        effects.iv(frame.assign(u=frame["u"] % 2), "t", "y", ["x"], instrument=["z", "z2"], cluster="u")
    with pytest.raises(ValueError, match=r"'z' stands 2 times in the table"):
        effects.iv(pd.concat([frame, frame[["z"]]], axis=1), "t", "y", ["x"], instrument="z")
    with pytest.raises(ValueError, match=r"instrument 'z' is 1 in all \d+ rows of positive weight"):
        effects.iv(frame.assign(w=frame["z"]), "t", "y", ["x"], instrument="z", weights="w")
    with pytest.raises(ValueError, match=r"2 instruments.*give one at a time"):
        effects.exclusion_sensitivity(frame, "t", "y", ["x"], instrument=["z", "z2"], direct=[0.5])
    with pytest.raises(ValueError, match="finite"):
        effects.exclusion_sensitivity(frame, "t", "y", ["x"], instrument="z", direct=[math.inf])


def test_an_outcome_without_error_is_a_point_and_nothing_to_disagree_about():
    frame = lottery()
    for instrument in ("z", ["z", "z2"]):
        for outcome, effect in ((0.3 * frame["t"] + 0.1 * frame["x"], 0.3), (3.3, 0.0)):
            found = effects.iv(
                frame.assign(y=outcome), "t", "y", ["x"], instrument=instrument, interval="anderson-rubin"
            )
            assert found.interval == pytest.approx((effect, effect), abs=1e-9)
            assert not any("disagree" in note for note in found.notes)
