"""What every estimator must survive or refuse: descendants, Cauchy tails, unseen categories, few clusters."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects
from causalrec_lab.causal.graph.causal_graph import CausalGraph

ESTIMATORS = {
    "regression": effects.regression,
    "ipw": effects.ipw,
    "aipw": effects.aipw,
    "tmle": effects.tmle,
    "dml": effects.dml,
    "partially linear": lambda *a, **k: effects.dml(*a, model="partially linear", **k),
    "matching": effects.matching,
}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    t = (rng.uniform(size=600) < 1 / (1 + np.exp(-x))).astype(int)
    return pd.DataFrame({"t": t, "y": t + x + rng.normal(size=600), "x": x, "click": t + rng.normal(size=600)})


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_effect_of_the_treatment_is_no_covariate_where_a_graph_says_so(frame, name):
    graph = CausalGraph("x -> t -> click -> y; x -> y; t -> y")
    with pytest.raises(ValueError, match=r"covariate 'click' is an effect of 't' in the graph.*leave out 'click'"):
        ESTIMATORS[name](frame, "t", "y", ["x", "click"], graph=graph)
    assert np.isfinite(ESTIMATORS[name](frame, "t", "y", ["x"], graph=graph).value)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("scale", [1.0, 1e12])
def test_cauchy_outcomes_run_without_failure(frame, name, scale):
    wild = frame.assign(y=scale * np.random.default_rng(1).standard_cauchy(600))
    found = ESTIMATORS[name](wild, "t", "y", ["x"])
    assert np.isfinite([found.value, found.std_error]).all()
    assert found.std_error > 0


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_category_unseen_in_a_fold_does_no_harm(frame, name):
    kinds = frame.assign(kind=np.where(np.arange(600) == 3, "rare", np.where(np.arange(600) % 2, "a", "b")))
    with_it = ESTIMATORS[name](kinds, "t", "y", ["x", "kind"])
    without = ESTIMATORS[name](frame, "t", "y", ["x"])
    assert abs(with_it.value - without.value) < 1.5 * without.std_error


@pytest.mark.parametrize("name", ESTIMATORS)
def test_few_clusters_are_said_and_one_level_refused(frame, name):
    found = ESTIMATORS[name](frame.assign(shop=np.arange(600) % 12), "t", "y", ["x"], cluster="shop")
    assert any("only 12 clusters in 'shop'" in note for note in found.notes)
    with pytest.raises(ValueError, match=r"single class: all 600 rows|is 1 in all 600 rows"):
        ESTIMATORS[name](frame.assign(t=1), "t", "y", ["x"])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_missing_outcomes_and_short_embeddings_are_refused(frame, name):
    with pytest.raises(ValueError, match="1 missing or infinite outcomes, first at row 9"):
        ESTIMATORS[name](frame.assign(y=frame["y"].where(frame.index != 9)), "t", "y", ["x"])
    with pytest.raises(ValueError, match=r"embeddings\[0\] has shape \(7, 2\); the table has 600 rows"):
        ESTIMATORS[name](frame, "t", "y", ["x"], embeddings=np.zeros((7, 2)))


@pytest.mark.parametrize("name", ["aipw", "dml", "ipw", "tmle", "regression", "matching"])
def test_effects_by_group_by_any_estimator(name):
    rng = np.random.default_rng(2)
    n = 4_000
    x, keen = rng.normal(size=n), rng.integers(2, size=n)
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(-x))).astype(int)
    table = pd.DataFrame({"t": t, "y": x + (1 + 2 * keen) * t + rng.normal(size=n), "x": x, "keen": keen})
    found = effects.by_group(table, "t", "y", ["x"], "keen", estimator=name)
    for label, truth in (("0", 1.0), ("1", 3.0)):
        assert abs(found[label].value - truth) < 4 * found[label].std_error
        assert f"keen = {label}" in found[label].method
    with pytest.raises(ValueError, match="did you mean 'tmle'"):
        effects.by_group(table, "t", "y", ["x"], "keen", estimator="tml")
