"""Pooling against numerical Bayes, a peer and an independent derivation; intervals that cover; bad segments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.meta import choose_for_segment, meta_effects

SETS = {
    "schools": ([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18]),
    "one hardly seen": ([0.1, 0.12, 0.11, 0.09, 0.1, 5.0], [0.01, 0.012, 0.01, 0.011, 0.01, 50.0]),
    "four": ([0.1, 0.3, 0.2, 0.6], [0.05, 0.04, 0.05, 0.06]),
    "far from 0": ([1e4 + 1, 1e4 + 3, 1e4 + 2, 1e4 - 1, 1e4], [1.0, 0.5, 2.0, 1.0, 1.0]),
}


def estimates(y: list[float], s: list[float]) -> dict[int, Estimate]:
    return {k: Estimate(a, b, n=10) for k, (a, b) in enumerate(zip(y, s, strict=True))}


def integrated(y: np.ndarray, s: np.ndarray) -> dict[str, Any]:
    """Posterior by brute force on 20,000 values of tau."""
    from scipy.special import ndtr

    tau = np.append(0.0, np.geomspace(1e-5 * s.min(), 1e4 * np.sqrt(y.var() + s.max() ** 2), 20_000))
    total = s**2 + tau[:, None] ** 2
    precision = (1 / total).sum(axis=1)
    mu = (y / total).sum(axis=1) / precision
    log = -0.5 * (np.log(precision) + np.log(total).sum(axis=1) + ((y - mu[:, None]) ** 2 / total).sum(axis=1))
    weight = np.exp(log - log.max()) * np.gradient(tau)
    weight /= weight.sum()
    B = s**2 / total
    mean, var = (1 - B) * y + B * mu[:, None], s**2 * (1 - B) + B**2 / precision[:, None]
    centre = weight @ mean
    return {
        "shrunk": centre,
        "shrunk_se": np.sqrt(weight @ (var + (mean - centre) ** 2)),
        "below": lambda c: weight @ ndtr((c - mean) / np.sqrt(var)),
        "new_below": lambda c: weight @ ndtr((c - mu) / np.sqrt(tau**2 + 1 / precision)),
        "tau_below": lambda t: weight[tau <= t].sum(),
    }


@pytest.mark.parametrize("name", SETS)
def test_bayes_is_numerical_bayes(name: str) -> None:
    y, s = (np.array(v, dtype=float) for v in SETS[name])
    meta, exact = meta_effects(estimates(*SETS[name])), integrated(y, s)
    unit = s.min()
    assert np.abs(meta.table["shrunk"] - exact["shrunk"]).max() < 2e-3 * unit
    assert np.abs(meta.table["shrunk_se"] / exact["shrunk_se"] - 1).max() < 2e-3
    assert exact["below"](meta.table["low"].to_numpy()) == pytest.approx(0.025, abs=2e-4)
    assert exact["below"](meta.table["high"].to_numpy()) == pytest.approx(0.975, abs=2e-4)
    found = meta.predict()
    assert [exact["new_below"](c) for c in found.interval] == pytest.approx([0.025, 0.975], abs=5e-4)
    assert exact["tau_below"](meta.tau) == pytest.approx(0.5, abs=5e-3)


def test_three_segments_have_quantiles_and_no_variance() -> None:
    meta = meta_effects(estimates([0.1, 0.3, 0.2], [0.05] * 3))
    found = meta.predict()
    assert math.isnan(found.std_error)
    assert "so few segments" in found.notes[0]
    assert found.low < 0.2 - 1.0 < 0.2 + 1.0 < found.high
    told = meta.update(Estimate(0.25, 0.02, n=50))
    assert 0 < told.std_error <= 0.02
    assert math.isnan(meta.coefficients["std_error"].iloc[0])


def test_an_update_is_bayes_rule() -> None:
    """Pooling a ninth segment at once, and updating the prediction with it, are two roads to one posterior."""
    y, s = SETS["schools"]
    for few in (Estimate(30.0, 10.0, n=9), Estimate(-40.0, 8.0, n=9)):
        at_once = meta_effects(estimates([*y, few.value], [*s, few.std_error])).table.loc[8]
        updated = meta_effects(estimates(y, s)).update(few)
        assert updated.value == pytest.approx(at_once["shrunk"], abs=0.01)
        assert updated.interval == pytest.approx((at_once["low"], at_once["high"]), abs=0.05)


def test_moments_are_statsmodels_s() -> None:
    from statsmodels.stats.meta_analysis import combine_effects

    for y, s in SETS.values():
        peer = combine_effects(
            np.array(y, dtype=float), np.array(s, dtype=float) ** 2, method_re="iterated", atol=1e-12
        )
        found = meta_effects(estimates(y, s), method="pm")
        assert found.tau**2 == pytest.approx(max(float(peer.tau2), 0.0), rel=1e-4, abs=1e-8)
        assert found.coefficients["value"].iloc[0] == pytest.approx(float(peer.mean_effect_re), rel=1e-6)


def test_reml_solves_its_equation() -> None:
    """The score of the restricted likelihood, y'PPy - tr P, is 0 at the estimate: derived apart from it."""
    for name in ("four", "far from 0"):
        y, s = (np.array(v, dtype=float) for v in SETS[name])
        tau2 = meta_effects(estimates(*SETS[name]), method="reml").tau ** 2
        inverse, one = np.diag(1 / (s**2 + tau2)), np.ones((len(y), 1))
        P = inverse - inverse @ one @ np.linalg.inv(one.T @ inverse @ one) @ one.T @ inverse
        assert tau2 > 0
        assert y @ P @ P @ y == pytest.approx(np.trace(P), rel=1e-4)


@pytest.mark.parametrize("method", ["bayes", "reml", "pm"])
def test_units_order_and_names_change_nothing_else(method: str) -> None:
    y, s = SETS["schools"]
    features = pd.DataFrame({"x": np.arange(8.0) ** 2}, index=range(8))
    plain = meta_effects(estimates(y, s), features, method=method).table
    moved = meta_effects(estimates([1e-4 * v + 3 for v in y], [1e-4 * v for v in s]), 1e9 * features, method=method)
    columns = ["shrunk", "low", "high"]
    assert np.allclose((moved.table[columns] - 3) / 1e-4, plain[columns], atol=2e-3)
    back = dict(reversed(estimates(y, s).items()))
    assert np.allclose(meta_effects(back, features, method=method).table.loc[plain.index, columns], plain[columns])


@pytest.mark.parametrize(("k", "tau"), [(3, 0.0), (3, 1.0), (5, 0.3), (20, 0.0), (20, 1.0)])
def test_posterior_intervals_cover_for_few_and_many_segments(k: int, tau: float) -> None:
    """Unequal errors; the band is that of seeds, the level 95 %."""
    from scipy.stats import binom

    runs, inside, new = 60, np.zeros(60), 0
    for seed in range(runs):
        rng = np.random.default_rng([k, seed])
        error = np.exp(rng.normal(0, 0.7, k))
        effect = 2.0 + tau * rng.normal(size=k)
        meta = meta_effects({j: Estimate(effect[j] + error[j] * rng.normal(), error[j]) for j in range(k)})
        inside[seed] = ((meta.table["low"] <= effect) & (effect <= meta.table["high"])).mean()
        new += meta.predict().covers(2.0 + tau * rng.normal())
    assert inside.mean() >= 0.95 - 5 * max(inside.std(ddof=1), 0.03) / math.sqrt(runs)
    assert new >= binom.ppf(1e-6, runs, 0.95)


def test_robust_intervals_are_centred_as_they_are_sized() -> None:
    """Where segments hardly differ the centre is not the bare line: the same tau makes centre and length."""
    found = meta_effects(estimates(*SETS["schools"]), method="reml", interval="robust")
    variance = np.array(SETS["schools"][1], dtype=float) ** 2
    least = 2 * (variance**2).sum() / (8 * variance.sum())
    assert found.tau**2 == pytest.approx(least)
    assert found.table["weight"].to_numpy() == pytest.approx(least / (least + variance))
    own = found.table["weight"] * found.table["estimate"] + (1 - found.table["weight"]) * found.table["shrunk"].mean()
    assert np.corrcoef(own, found.table["shrunk"])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (pd.DataFrame({"x": range(8), "y": [2 * v + 1 for v in range(8)]}), "follows from the others"),
        (pd.DataFrame({"x": [3.0] * 8}), "is constant or follows"),
        (pd.DataFrame({"x": list("aabbaabb")}), "are no numbers; give a column of 0 and 1"),
        (pd.DataFrame({"x": range(9)}, index=[0, 0, 1, 2, 3, 4, 5, 6, 7]), "9 rows for 8 segments"),
        (pd.DataFrame({"x": [np.inf, *range(7)]}), "not finite"),
    ],
)
def test_features_that_say_nothing_of_their_own_are_refused(features: pd.DataFrame, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        meta_effects(estimates(*SETS["schools"]), features)


def test_segments_without_a_finite_error_are_refused() -> None:
    bare = Estimate(1.0, math.nan, interval=(0.0, 2.0), notes=("no error",))
    for bad in (Estimate(1.0, math.inf, interval=(0.0, 2.0)), bare):
        with pytest.raises(ValueError, match="segment 'b'"):
            meta_effects({"a": Estimate(1.0, 1.0), "b": bad, "c": Estimate(2.0, 1.0)})
    with pytest.raises(ValueError, match="features are finite numbers"):
        meta_effects(estimates(*SETS["schools"]), pd.DataFrame({"x": range(8)})).predict({"x": math.nan})


def test_chances_and_intervals_of_a_choice_are_of_one_law() -> None:
    effects = {
        1: meta_effects(estimates([0.5, 0.7, 0.6], [0.1] * 3)),
        2: meta_effects(estimates([0.1, 0.3, 0.2], [0.1] * 3)),
    }
    chosen = choose_for_segment(effects, costs={1: 0.1, 2: 0.1})  # type: ignore[arg-type, dict-item]
    assert chosen.best == 1
    assert "expected gain" in str(chosen)
    row = chosen.table.loc[1]
    assert row["low"] < row["cost"]  # three segments: the interval holds a loss, and so must its chance
    assert row["chance_loss"] > 0.025
    exact = effects[1].distribution().quantile(row["chance_loss"])[0]
    assert exact == pytest.approx(0.1, abs=0.05)
    paid = choose_for_segment(effects, costs={1: 0.1, 2: -1.0})  # type: ignore[arg-type, dict-item]
    assert paid.best == 2  # a negative cost is a saving
    with pytest.raises(ValueError, match="the cost of 1 is nan"):
        choose_for_segment(effects, costs=math.nan)  # type: ignore[arg-type]
