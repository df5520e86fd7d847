"""Trimming by Crump, Hotz, Imbens and Mitnik, and the weights of `ipw` in every form."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.averages.trimming import crump_threshold, keep


def draw(n, seed, strength=2.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    e = 1 / (1 + np.exp(-strength * x))
    t = (rng.uniform(size=n) < e).astype(int)
    tau = 1 + x
    return pd.DataFrame({"x": x, "t": t, "y": x + tau * t + rng.normal(size=n), "e": e}), tau, e


def test_the_cut_minimises_the_variance_bound_of_the_kept_rows():
    e = np.random.default_rng(0).beta(0.6, 0.6, 20_000).clip(1e-3, 1 - 1e-3)

    def bound(a):
        inside = (e >= a) & (e <= 1 - a)
        return np.mean(inside / (e * (1 - e))) / inside.mean() ** 2

    grid = np.linspace(0.001, 0.4, 400)
    best = grid[np.argmin([bound(a) for a in grid])]
    assert crump_threshold(e) == pytest.approx(best, abs=0.004)


def test_where_overlap_is_good_nobody_is_trimmed():
    assert crump_threshold(np.random.default_rng(1).uniform(0.3, 0.7, 500)) == 0.0
    assert keep(np.full(5, 0.5), "optimal").rows.all()


@pytest.mark.parametrize("name", ["ipw", "aipw", "tmle"])
@pytest.mark.parametrize("trim", [0.1, "optimal"])
def test_the_effect_is_that_of_the_rows_kept_and_says_so(name, trim):
    frame, tau, e = draw(20_000, 2)
    frame = frame.assign(y=frame["y"] + 2 * frame["t"] * (e > 0.9))  # the rows cut away have another effect
    found = getattr(effects, name)(frame, "t", "y", ["x"], trim=trim, propensity="e")
    a = crump_threshold(e) if trim == "optimal" else trim
    assert 0.05 < a < 0.15
    inside = (e >= a) & (e <= 1 - a)
    truth = (tau + 2 * (e > 0.9))[inside].mean()
    assert abs(found.value - truth) < 4 * found.std_error
    assert found.n == inside.sum()
    assert found.estimand.startswith("ATE where ")
    assert any(note.startswith("trimmed") for note in found.notes)


@pytest.mark.parametrize("trim", [0.5, -1, "best"])
def test_what_is_no_cut_is_refused(trim):
    frame, _, _ = draw(300, 3)
    with pytest.raises(ValueError, match="give a propensity in"):
        effects.ipw(frame, "t", "y", ["x"], trim=trim)


def test_a_cut_that_leaves_nobody_is_refused():
    frame, _, _ = draw(300, 4)
    frame["e"] = np.where(np.arange(300) % 2, 0.6, 0.4)
    with pytest.raises(ValueError, match="leaves no row"):
        effects.aipw(frame, "t", "y", ["x"], trim=0.49, propensity="e")


def test_stabilised_weights_give_the_same_estimate():
    frame, _, _ = draw(500, 5, 1.0)
    found = effects.ipw(frame, "t", "y", ["x"], propensity="e", clip=0.0)
    share = frame["t"].mean()
    weight = np.where(frame["t"] == 1, share / frame["e"], (1 - share) / (1 - frame["e"]))
    means = [np.average(frame["y"][frame["t"] == arm], weights=weight[frame["t"] == arm]) for arm in (1, 0)]
    assert found.value == pytest.approx(means[0] - means[1], rel=1e-9)


def test_estimating_the_propensity_shortens_the_interval_as_the_spread_of_estimates_says():
    fitted, known = [], []
    for seed in range(150):
        frame, _, _ = draw(500, 100 + seed, 1.0)
        fitted.append(effects.ipw(frame, "t", "y", ["x"], nuisance="linear"))
        if seed < 40:  # a mean of errors needs fewer tables than their spread does
            known.append(effects.ipw(frame, "t", "y", ["x"], propensity="e"))
    spread, error = ([f.value for f in fitted], [f.std_error for f in fitted])
    assert np.mean(error) / np.std(spread, ddof=1) == pytest.approx(1, abs=0.2)
    assert np.mean(error) < 0.9 * np.mean([k.std_error for k in known])
