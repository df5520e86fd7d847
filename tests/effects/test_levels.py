"""Treatments of several levels: the truth, the binary special case, a peer for the multinomial fit."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.averages.multinomial import fit_multinomial, probabilities

NAMES = np.array(["none", "banner", "mail"])


def draw(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    index = np.column_stack([np.zeros(n), 0.7 * x[:, 0], -0.5 * x[:, 0] + 0.5 * x[:, 1]])
    e = np.exp(index) / np.exp(index).sum(axis=1, keepdims=True)
    codes = (rng.uniform(size=(n, 1)) > e.cumsum(axis=1)).sum(axis=1)
    tau = np.column_stack([np.zeros(n), 1 + 0.5 * x[:, 0], 2 - 0.5 * x[:, 0]])
    y = x.sum(axis=1) + tau[np.arange(n), codes] + rng.normal(size=n)
    return pd.DataFrame(x, columns=["a", "b"]).assign(t=NAMES[codes], y=y, e0=e[:, 0]), tau, e, codes


@pytest.mark.parametrize(("estimand", "nuisance"), [("ATE", "spline"), ("ATT", "spline"), ("ATE", "boosted")])
def test_each_level_meets_its_own_effect(estimand, nuisance):
    frame, tau, e, _ = draw(8_000 if nuisance == "spline" else 2_000, 1)
    found = effects.contrasts(frame, "t", "y", ["a", "b"], reference="none", estimand=estimand, nuisance=nuisance)
    assert list(found) == ["banner vs none", "mail vs none"]
    assert all(one.diagnostics["max_smd_after"] < one.diagnostics["max_smd_before"] for one in found.values())
    for k, estimate in zip((1, 2), found.values(), strict=True):
        truth = np.average(tau[:, k], weights=e[:, k] if estimand == "ATT" else None)
        assert abs(estimate.value - truth) < 4 * estimate.std_error


def test_two_levels_are_aipw_but_for_their_folds():
    frame, _, _, _ = draw(4_000, 2)
    two = frame[frame["t"] != "mail"].assign(shown=lambda table: (table["t"] == "banner").astype(int))
    found = effects.contrasts(two, "t", "y", ["a", "b"], reference="none")["banner vs none"]
    other = effects.aipw(two, "shown", "y", ["a", "b"])
    assert abs(found.value - other.value) < 0.2 * other.std_error
    assert found.std_error == pytest.approx(other.std_error, rel=0.03)


def test_the_multinomial_fit_equals_statsmodels():
    statsmodels = pytest.importorskip("statsmodels.api")
    frame, _, _, codes = draw(600, 3)
    design = statsmodels.add_constant(frame[["a", "b"]].to_numpy())
    peer = statsmodels.MNLogit(codes, design).fit(disp=0)
    ours = fit_multinomial(design, codes, np.ones(600), np.full(3, 1e-9), 3)
    np.testing.assert_allclose(ours, peer.params, atol=1e-5)
    np.testing.assert_allclose(probabilities(design, ours).sum(axis=1), 1)


def test_numbers_sort_as_numbers_and_clusters_stay_whole():
    frame, _, _, codes = draw(2_000, 4)
    table = frame.assign(dose=codes * 5, user=np.arange(2_000) // 4)
    found = effects.contrasts(table, "dose", "y", ["a", "b"], cluster="user")
    assert list(found) == ["5 vs 0", "10 vs 0"]
    assert all("cluster-robust" in estimate.method for estimate in found.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "nobody"}, "no level 'nobody' in 't'"),
        ({"treatment": "one"}, "is 1 in all 300 rows; an effect needs two levels"),
        ({"estimand": "ATO"}, "no estimand 'ATO'"),
        ({"treatment": "gap"}, "1 missing values, first at row 5"),
        ({"nuisance": "forest"}, "unknown nuisance"),
        ({"folds": 1}, "folds=1; a level has"),
    ],
)
def test_wrong_levels_are_refused(changes, message):
    frame, _, _, _ = draw(300, 5)
    frame = frame.assign(one=1, gap=frame["t"].where(frame.index != 5))
    named = {"treatment": "t", "outcome": "y", "covariates": ["a", "b"]} | changes
    with pytest.raises(ValueError, match=message):
        effects.contrasts(frame, **named)
