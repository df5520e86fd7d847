"""Targeted maximum likelihood: its equations hold, it respects bounds, it is doubly robust, it meets the truth."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.averages.scores import Fitted, fit
from causalrec_lab.causal.effects.averages.targeted import target
from causalrec_lab.causal.effects.averages.trimming import keep
from causalrec_lab.causal.effects.nuisances.cross_fitting import Nuisances
from causalrec_lab.causal.effects.sample import read_sample


def draw(n, seed, kind="continuous"):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    e = np.clip(1 / (1 + np.exp(-(0.8 * x[:, 0] - 0.5 * x[:, 1]))), 0.1, 0.9)
    t = (rng.uniform(size=n) < e).astype(int)
    if kind == "binary":
        p0, p1 = (1 / (1 + np.exp(-eta)) for eta in (-0.6 + 0.8 * x[:, 0], 0.2 + 0.8 * x[:, 0] + 0.3 * x[:, 2]))
        y, tau = (rng.uniform(size=n) < np.where(t == 1, p1, p0)).astype(float), p1 - p0
    else:
        tau = 1 + 0.5 * x[:, 0]
        y = 2 * x[:, 0] + x[:, 2] ** 2 + tau * t + rng.normal(size=n)
    return pd.DataFrame(x, columns=["a", "b", "c"]).assign(t=t, y=y, e=e), tau, e


@pytest.mark.parametrize("kind", ["continuous", "binary"])
@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
@pytest.mark.parametrize("known", [None, "e"])
def test_it_meets_the_truth_and_stands_close_to_aipw(kind, estimand, known):
    frame, tau, e = draw(8_000, 1, kind)
    found = effects.tmle(frame, "t", "y", ["a", "b", "c"], estimand=estimand, propensity=known)
    other = effects.aipw(frame, "t", "y", ["a", "b", "c"], estimand=estimand, propensity=known)
    truth = np.average(tau, weights=e if estimand == "ATT" else None)
    assert abs(found.value - truth) < 4 * found.std_error
    assert abs(found.value - other.value) < 0.3 * other.std_error
    assert found.std_error == pytest.approx(other.std_error, rel=0.05)


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_the_influence_of_the_targeted_surfaces_has_mean_zero(estimand):
    frame, _, _ = draw(500, 2)
    sample = read_sample(frame, "t", "y", ["a"])
    rng = np.random.default_rng(3)
    low, high = sample.outcome.min(), sample.outcome.max()
    wild = Nuisances(frame["e"].to_numpy(), rng.uniform(low, high, 500), rng.uniform(low, high, 500))
    fitted = Fitted(sample, wild, keep(wild.propensity, None))
    value, influence = target(fitted, estimand, (low, high))
    assert abs(influence.mean()) < 1e-9
    assert -(high - low) <= value <= high - low


def test_it_never_leaves_the_range_where_aipw_does():
    n = 40
    t, y = np.r_[np.ones(20), np.zeros(20)], np.r_[np.ones(19), 0, np.zeros(20)]
    e = np.where(np.arange(n) < 2, 0.02, 0.5)
    frame = pd.DataFrame({"t": t, "y": y, "e": e, "x": np.linspace(-1, 1, n) * np.tile([1, -1], 20)})
    options = {"propensity": "e", "nuisance": "linear"}
    assert effects.aipw(frame, "t", "y", ["x"], **options).value != pytest.approx(0.95, abs=1e-3)
    assert -1 <= effects.tmle(frame, "t", "y", ["x"], **options).value <= 1


def test_either_nuisance_may_be_wrong():
    frame, tau, _ = draw(10_000, 4)
    noise = frame.assign(noise=np.random.default_rng(0).normal(size=len(frame)), half=0.5)
    by_propensity = effects.tmle(noise, "t", "y", ["noise"], propensity="e")
    by_outcome = effects.tmle(noise, "t", "y", ["a", "b", "c"], propensity="half")
    for found in (by_propensity, by_outcome):
        assert abs(found.value - tau.mean()) < 4 * found.std_error


def test_known_bounds_are_kept_and_wrong_ones_refused():
    frame, _, _ = draw(400, 5, "binary")
    with pytest.raises(ValueError, match=r"bounds=\(0, 0.5\), but outcomes run from 0 to 1"):
        effects.tmle(frame, "t", "y", ["a"], bounds=(0, 0.5))
    with pytest.raises(ValueError, match="no estimand 'ATO'"):
        effects.tmle(frame, "t", "y", ["a"], estimand="ATO")


def test_a_shift_and_a_unit_of_the_outcome_pass_through():
    frame, _, _ = draw(1_000, 6)
    plain = effects.tmle(frame, "t", "y", ["a", "b"])
    moved = effects.tmle(frame.assign(y=1e6 + 10 * frame["y"]), "t", "y", ["a", "b"])
    assert (moved.value, moved.std_error) == pytest.approx((10 * plain.value, 10 * plain.std_error), rel=1e-5)


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_on_the_same_nuisances_it_is_the_textbook_s_logistic_fluctuation(estimand):
    glm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(6)
    x = rng.normal(size=500)
    t = (rng.uniform(size=500) < 1 / (1 + np.exp(-x))).astype(int)
    table = pd.DataFrame({"t": t, "y": t + x + rng.normal(size=500), "x": x})
    sample = read_sample(table, "t", "y", ["x"])
    found = fit(sample, nuisance="spline", folds=5, seed=0, clip=0.01, estimand=estimand).nuisances
    low, width, e = sample.outcome.min(), np.ptp(sample.outcome), found.propensity
    y = (sample.outcome - low) / width

    def tilted(surface, inside, weights):
        scaled = np.clip((surface - low) / width, 5e-4, 1 - 5e-4)
        offset = np.log(scaled / (1 - scaled))
        model = glm.GLM(
            y[inside], np.ones((inside.sum(), 1)), family=glm.families.Binomial(), offset=offset[inside],
            freq_weights=weights[inside],
        )  # fmt: skip
        return 1 / (1 + np.exp(-offset - model.fit(tol=1e-13).params[0]))

    one, zero = (1 / e, 1 / (1 - e)) if estimand == "ATE" else (np.ones(500), e / (1 - e))
    treated, control = tilted(found.treated, t == 1, one), tilted(found.control, t == 0, zero)
    share = np.ones(500) if estimand == "ATE" else t
    effect = width * (treated - control)
    value = share @ effect / share.sum()
    residual = width * (t * one * (y - treated) - (1 - t) * zero * (y - control))
    error = (share * (effect - value) + residual).std(ddof=1) / share.mean() / np.sqrt(500)
    ours = effects.tmle(table, "t", "y", ["x"], estimand=estimand)
    assert (ours.value, ours.std_error) == pytest.approx((value, error), rel=1e-8)
