"""Effects across segments: what pooling must give, and intervals that cover on the platform's own truth."""

import math

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.meta import choose_for_segment, critical_value, meta_effects

# Rubin (1981, Journal of Educational Statistics 6): effects of coaching in eight schools
SCHOOLS = dict(
    zip(
        "ABCDEFGH",
        [Estimate(y, s) for y, s in zip([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18], strict=True)],
        strict=True,
    )
)


def drawn(seed: int, k: int, tau: float, slope: float = 0.0) -> tuple[dict[int, Estimate], np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    x, error = rng.normal(size=k), rng.uniform(0.5, 1.5, k)
    effect = 1.0 + slope * x + tau * rng.normal(size=k)
    found = {j: Estimate(effect[j] + error[j] * rng.normal(), error[j]) for j in range(k)}
    return found, effect, pd.DataFrame({"x": x})


def test_eight_schools_are_rubin_s() -> None:
    """Posterior means and deviations of Gelman et al. (2013, Bayesian Data Analysis, section 5.5)."""
    found = meta_effects(SCHOOLS)
    published = pd.Series([11.0, 8.0, 6.0, 8.0, 5.0, 6.0, 10.0, 8.0], index=list("ABCDEFGH"))
    assert np.abs(found.table["shrunk"] - published).max() < 0.9
    assert found.table["shrunk_se"].between(5.5, 8.5).all()


def test_eight_schools_do_not_differ_by_moments() -> None:
    for method in ("reml", "pm"):
        found = meta_effects(SCHOOLS, method=method)
        assert found.tau == pytest.approx(0.0, abs=1e-6)
        assert np.ptp(found.table["shrunk"]) == pytest.approx(0.0, abs=1e-4)
        assert found.table["shrunk"].iloc[0] == pytest.approx(7.686, abs=1e-3)  # the precision-weighted mean


def test_reml_is_the_closed_form_where_errors_are_equal() -> None:
    y = np.array([1.0, 4.0, 2.0, 7.0, 6.0])
    found = {k: Estimate(v, 0.5) for k, v in enumerate(y)}
    for method in ("reml", "pm"):
        assert meta_effects(found, method=method).tau == pytest.approx(math.sqrt(y.var(ddof=1) - 0.25), rel=1e-5)


def test_a_feature_explains_what_it_explains() -> None:
    found, _, features = drawn(1, 40, 0.2, slope=3.0)
    plain, told = meta_effects(found), meta_effects(found, features)
    assert told.tau < 0.3 * plain.tau
    slope = told.coefficients.loc["x"]
    assert abs(slope["value"] - 3.0) < 4 * slope["std_error"]
    assert told.predict({"x": 2.0}).std_error < 0.3 * plain.predict().std_error
    with pytest.raises(ValueError, match=r"described by \['x'\]"):
        told.predict({"z": 1.0})


@pytest.mark.parametrize(("method", "tau"), [("bayes", 0.3), ("bayes", 1.0), ("reml", 1.0), ("pm", 1.0)])
def test_pooled_intervals_cover_and_pooling_pays(method: str, tau: float) -> None:
    inside, own, pooled, predicted, k, runs = 0, 0.0, 0.0, 0, 10, 60
    for seed in range(runs):
        found, effect, _ = drawn(seed, k, tau)
        meta = meta_effects(found, method=method)
        table = meta.table
        inside += int(((table["low"] <= effect) & (effect <= table["high"])).sum())
        own += float(((table["estimate"] - effect) ** 2).sum())
        pooled += float(((table["shrunk"] - effect) ** 2).sum())
        new = 1.0 + tau * np.random.default_rng([9, seed]).normal()
        predicted += meta.predict().covers(new)
    assert pooled < 0.8 * own
    assert inside / (k * runs) > 0.9
    assert predicted / runs > 0.8 or method != "bayes"


def test_naive_intervals_do_not_cover() -> None:
    inside = []
    for seed in range(60):
        found, effect, _ = drawn(seed, 10, 0.3)
        table = meta_effects(found, method="reml", interval="naive").table
        inside.append(((table["low"] <= effect) & (effect <= table["high"])).mean())
    assert np.mean(inside) < 0.85


def test_the_robust_value_is_the_worst_law_s() -> None:
    """Against a search over laws of the squared bias with two points and the given mean."""
    assert critical_value(0.0) == pytest.approx(1.959964, abs=1e-5)
    for m in (0.3, 1.0, 4.0):
        value = critical_value(m)
        low, high = np.meshgrid(np.linspace(0, m, 200), m + np.geomspace(1e-3, 200, 2_000))
        share = (m - low) / (high - low)
        erfc = np.vectorize(math.erfc)
        miss = [0.5 * (erfc((value - np.sqrt(t)) / 2**0.5) + erfc((value + np.sqrt(t)) / 2**0.5)) for t in (low, high)]
        assert ((1 - share) * miss[0] + share * miss[1]).max() == pytest.approx(0.05, abs=2e-4)


def test_robust_intervals_hold_where_few_segments_are_far_off() -> None:
    plain, robust = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        effect = np.where(np.arange(100) < 10, 2.5, 0.0)
        found = {k: Estimate(effect[k] + rng.normal(), 1.0) for k in range(100)}
        for interval, kept in (("naive", plain), ("robust", robust)):
            table = meta_effects(found, interval=interval, method="pm").table
            kept.append(((table["low"] <= effect) & (effect <= table["high"])).mean())
    assert np.mean(robust) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 1_200)
    assert np.mean(plain) < 0.93


def test_a_new_segment_begins_with_the_others_and_ends_with_itself() -> None:
    meta = meta_effects(SCHOOLS)
    prior = meta.predict()
    weak, strong = meta.update(Estimate(30.0, 50.0, n=10)), meta.update(Estimate(30.0, 0.1, n=10_000))
    assert abs(weak.value - prior.value) < 2.0
    assert strong.value == pytest.approx(30.0, abs=0.05)
    assert weak.std_error < prior.std_error
    with pytest.raises(ValueError, match="the error positive"):
        meta.update(Estimate(1.0, 0.0))


def test_the_choice_for_a_new_segment_weighs_cost_and_first_data() -> None:
    good, bad = ({k: Estimate(m + 0.1 * k, 0.3) for k in range(6)} for m in (1.0, 0.5))
    effects = {"banner": meta_effects(good), "coupon": meta_effects(bad)}
    assert choose_for_segment(effects).best == "banner"
    dear = choose_for_segment(effects, costs={"banner": 1.0, "coupon": 0.0})
    assert dear.best == "coupon"
    assert dear.table["chance_best"].sum() <= 1.0
    assert choose_for_segment(effects, costs=5.0).best is None
    first = {"coupon": Estimate(4.0, 0.2, n=50)}
    assert choose_for_segment(effects, first).best == "coupon"
    assert "chance of a loss" in str(choose_for_segment(effects))
    with pytest.raises(ValueError, match="no cost for"):
        choose_for_segment(effects, costs={"banner": 1.0})
    with pytest.raises(ValueError, match="unknown"):
        choose_for_segment(effects, {"poster": Estimate(1.0, 1.0)})


def test_what_cannot_be_pooled_is_refused() -> None:
    with pytest.raises(ValueError, match="segments cannot tell"):
        meta_effects({"a": Estimate(1.0, 1.0), "b": Estimate(1.0, 1.0)})
    with pytest.raises(ValueError, match="error positive"):
        meta_effects({**SCHOOLS, "Z": Estimate(1.0, 0.0)})
    with pytest.raises(ValueError, match="features lack"):
        meta_effects(SCHOOLS, pd.DataFrame({"x": [1.0]}, index=["A"]))
    with pytest.raises(ValueError, match="methods are"):
        meta_effects(SCHOOLS, method="dl")


def test_tables_and_figures() -> None:
    meta = meta_effects(SCHOOLS)
    assert set(meta.shrunk) == set(SCHOOLS)
    assert meta.shrunk["A"].value == meta.table.loc["A", "shrunk"]
    assert "effect" in meta.plot(truth=dict.fromkeys(SCHOOLS, 8.0)).get_xlabel() or meta.estimand
    assert meta._repr_html_() == meta_effects(SCHOOLS)._repr_html_()
    assert len(meta.to_dict()["segments"]) == 8
