"""Missing and late outcomes against known truth, a peer and enumeration."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import experiment

EFFECT = 0.3


def lossy(n, seed, *, loss=0.8):
    """Outcomes lost by a covariate, the other way round in the two arms."""
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=n), rng.integers(0, 2, n)
    y = x + EFFECT * t + rng.normal(size=n)
    seen = rng.uniform(size=n) < 1 / (1 + np.exp(-(1 + loss * x * (1 - 2 * t))))
    return pd.DataFrame({"arm": np.where(t, "new", "control"), "x": x, "y": np.where(seen, y, np.nan)})


def test_weighting_by_the_chance_to_be_observed_undoes_what_loss_did():
    covered, off, naive = 0, [], []
    for seed in range(60):
        found = experiment.attrition(lossy(1_500, seed), "y", ["x"], nuisance="linear")["new"]
        covered += found.covers(EFFECT)
        off.append((found.value - EFFECT) / found.std_error)
        naive.append(found.diagnostics["contrast_of_observed"])
    assert covered >= 46  # binomial(60, .95), p < 1e-6
    assert abs(np.mean(off)) < 5 / np.sqrt(60)
    assert np.mean(naive) < EFFECT - 0.3
    assert any("who is missing" in words for words in found.assumptions)


def test_without_losses_it_is_the_plain_contrast_and_text_can_stand_in_for_covariates():
    frame = lossy(3_000, 1)
    whole = frame.assign(y=frame["y"].fillna(0.0))
    assert experiment.attrition(whole, "y", ["x"])["new"].value == pytest.approx(
        experiment.analyse(whole, "y")["new"].value
    )
    rng = np.random.default_rng(2)
    text = np.column_stack([frame["x"], rng.normal(size=(len(frame), 5))]) @ rng.normal(size=(6, 6))
    read = experiment.attrition(frame, "y", [], embeddings=text)["new"]
    assert abs(read.value - EFFECT) < 4 * read.std_error
    ones = frame.assign(y=(frame["y"] > 0).astype(float).where(frame["y"].notna()))
    share = experiment.attrition(ones, "y", ["x"])["new"]
    assert abs(share.value - 0.084) < 4 * share.std_error  # P(N(.3, 2) > 0) - 1/2


def test_lee_trims_the_arm_that_saw_more():
    y = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    frame = pd.DataFrame({"arm": ["new"] * 10 + ["control"] * 10, "y": [*y, *y[:8], np.nan, np.nan]})
    found = experiment.lee_bounds(frame, "y")["new"]
    assert found.diagnostics["trimmed"] == pytest.approx(0.2)
    assert found.diagnostics["lower"] == pytest.approx(np.mean(y[:8]) - np.mean(y[:8]))
    assert found.diagnostics["upper"] == pytest.approx(np.mean(y[2:]) - np.mean(y[:8]))
    swapped = frame.assign(arm=frame["arm"].map({"new": "control", "control": "new"}))
    back = experiment.lee_bounds(swapped, "y")["new"]
    assert (back.diagnostics["lower"], back.diagnostics["upper"]) == pytest.approx((-2.0, 0.0))
    assert np.isnan(found.std_error)


def test_lee_s_interval_covers_where_observation_moves_one_way():
    covered, errors, lowers = 0, [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        always, t = rng.uniform(size=800) < 0.7, rng.integers(0, 2, 800)
        more = rng.uniform(size=800) < 0.3
        y = rng.normal(size=800) + EFFECT * t
        frame = pd.DataFrame(
            {"arm": np.where(t, "new", "control"), "y": np.where(always | (more & (t == 1)), y, np.nan)}
        )
        found = experiment.lee_bounds(frame, "y")["new"]
        covered += found.covers(EFFECT)
        lowers.append(found.diagnostics["lower"])
        errors.append(found.diagnostics["lower_error"])
    assert covered >= 268
    assert np.std(lowers) == pytest.approx(np.mean(errors), rel=0.2)


def late(n, seed):
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 2, n)
    delay = np.where(rng.uniform(size=n) < 0.3 + 0.1 * t, np.ceil(rng.exponential(10, n)), np.inf)
    seen = np.floor(rng.uniform(0, 30, n))
    return pd.DataFrame(
        {"arm": np.where(t, "new", "control"), "delay": np.where(delay <= seen, delay, np.nan), "seen": seen}
    )


def test_late_conversions_are_kaplan_meier_s():
    survival = pytest.importorskip("statsmodels.duration.survfunc")
    frame = late(1_000, 1)
    found = experiment.delayed(frame, "delay", "seen", 14)["new"]
    for arm, name in (("control", "control_mean"), ("new", "treated_mean")):
        part = frame[frame["arm"] == arm]
        time = part["delay"].fillna(part["seen"])
        peer = survival.SurvfuncRight(time.to_numpy(), part["delay"].notna().to_numpy().astype(int))
        at = int(np.searchsorted(peer.surv_times, 14, side="right")) - 1
        assert found.diagnostics[name] == pytest.approx(1 - peer.surv_prob[at])
        curve = experiment.conversion_curve(frame, "delay", "seen")
        row = curve[(curve["arm"] == arm) & (curve["day"] <= 14)].iloc[-1]
        assert (row["high"] - row["low"]) / 2 == pytest.approx(1.959964 * peer.surv_prob_se[at], rel=1e-5)


def test_late_conversions_are_not_counted_as_none():
    truth = 0.1 * (1 - np.exp(-1.4))
    covered, counted = 0, []
    for seed in range(300):
        found = experiment.delayed(late(1_000, seed), "delay", "seen", 14)["new"]
        covered += found.covers(truth)
        counted.append(found.diagnostics["counted_as_complete"])
    assert covered >= 264
    assert np.mean(counted) < truth - 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: experiment.attrition(f, "y", []), "what tells who goes missing"),
        (lambda f: experiment.attrition(f, "z", ["x"]), "no column 'z'"),
        (
            lambda f: experiment.attrition(f.assign(y=f["y"].where(f["arm"] == "new")), "y", ["x"]),
            "0 outcomes observed",
        ),
        (lambda f: experiment.analyse(f, "y"), "attrition\\(\\)"),
        (lambda f: experiment.delayed(late(50, 1).assign(seen=-1.0), "delay", "seen", 3), "days are negative"),
        (lambda f: experiment.delayed(late(50, 1).assign(delay=40.0), "delay", "seen", 3), "one clock is wrong"),
        (lambda f: experiment.delayed(late(50, 1), "delay", "seen", 99), "nobody of arm"),
    ],
)
def test_wrong_missing(call, message):
    with pytest.raises(ValueError, match=message):
        call(lossy(200, 3))


def test_few_late_conversions_are_said():
    frame = late(1_000, 9)
    assert not experiment.delayed(frame, "delay", "seen", 14)["new"].notes
    short = experiment.delayed(late(40, 9), "delay", "seen", 14)["new"]
    assert any("followed to the window's end" in note for note in short.notes)
