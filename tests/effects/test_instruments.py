"""Instrumental variables: closed forms, linearmodels' answers, weak instruments, and what is refused."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.instrumental.anderson_rubin import _cut, anderson_rubin, smallest, statistic
from causalrec_lab.causal.effects.instrumental.reduced_form import ReducedForm


def lottery(seed=0, n=2_000, strength=1.0, effect=2.0, instruments=1, one_sided=False):
    """Compliers, always- and never-takers by a hidden trait that the outcome shares."""
    rng = np.random.default_rng(seed)
    x, hidden = rng.standard_normal((2, n))
    z = rng.integers(0, 2, (n, instruments)).astype(float)
    pull = strength * z.sum(axis=1) + 0.5 * x + hidden - 0.5 + rng.standard_normal(n)
    treated = (pull > 0).astype(float) * (z[:, 0] if one_sided else 1.0)
    outcome = effect * treated + x + 1.5 * hidden + rng.standard_normal(n)
    names = [f"z{k}" for k in range(instruments)]
    frame = pd.DataFrame(z, columns=names).assign(x=x, t=treated, y=outcome)
    return frame.assign(user=rng.integers(0, 200, n), item=rng.integers(0, 60, n), w=rng.uniform(0.5, 2.0, n))


def by_matrices(frame, names, covariates, weights=None):
    """2SLS and its HC1 error, written out."""
    w = np.ones(len(frame)) if weights is None else frame[weights].to_numpy() / frame[weights].mean()
    root = np.sqrt(w)[:, None]
    X = np.column_stack([np.ones(len(frame)), frame[covariates], frame["t"]]) * root
    Z = np.column_stack([np.ones(len(frame)), frame[covariates], frame[names]]) * root
    y = frame["y"].to_numpy() * root[:, 0]
    projected = Z @ np.linalg.solve(Z.T @ Z, Z.T @ X)
    beta = np.linalg.solve(projected.T @ X, projected.T @ y)
    bread = np.linalg.inv(projected.T @ projected)
    meat = (projected * (y - X @ beta)[:, None] ** 2).T @ projected
    return beta[-1], math.sqrt((bread @ meat @ bread)[-1, -1] * len(y) / (len(y) - X.shape[1]))


def test_one_binary_instrument_without_covariates_is_wald_s_ratio():
    frame = lottery()
    on, off = frame[frame["z0"] == 1], frame[frame["z0"] == 0]
    ratio = (on["y"].mean() - off["y"].mean()) / (on["t"].mean() - off["t"].mean())
    found = effects.iv(frame, "t", "y", [], instrument="z0")
    assert found.value == pytest.approx(ratio, rel=1e-9)
    assert found.diagnostics["complier_share"] == pytest.approx(on["t"].mean() - off["t"].mean(), rel=1e-9)
    known = effects.iv(frame.assign(p=0.5), "t", "y", [], instrument="z0", method="doubly-robust", propensity="p")
    assert known.value == pytest.approx(ratio, rel=0.05)


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("instruments", [1, 3])
def test_two_stage_least_squares_equals_its_matrices(instruments, weights):
    frame = lottery(1, instruments=instruments)
    names = [f"z{k}" for k in range(instruments)]
    found = effects.iv(frame, "t", "y", ["x"], instrument=names, weights=weights, interval="wald")
    value, error = by_matrices(frame, names, ["x"], weights)
    assert (found.value, found.std_error) == (pytest.approx(value, rel=1e-9), pytest.approx(error, rel=1e-9))


def test_clusters_count_once():
    frame = lottery(2, n=400)
    twice = pd.concat([frame.assign(of=range(400))] * 2, ignore_index=True)
    once = effects.iv(frame, "t", "y", ["x"], instrument="z0")
    found = effects.iv(twice, "t", "y", ["x"], instrument="z0", cluster="of")
    assert found.value == pytest.approx(once.value, rel=1e-9)
    assert found.std_error == pytest.approx(once.std_error, rel=0.01)
    assert found.diagnostics["effective_f"] == pytest.approx(once.diagnostics["effective_f"], rel=0.02)
    assert found.diagnostics["anderson_rubin_high"] == pytest.approx(once.diagnostics["anderson_rubin_high"], rel=0.01)
    both = effects.iv(frame, "t", "y", ["x"], instrument="z0", cluster=["user", "item"])
    assert both.std_error == pytest.approx(once.std_error, rel=0.3)  # nothing is shared in these clusters


def test_effective_f_of_one_instrument_is_the_robust_f():
    from linearmodels.iv import IV2SLS

    frame = lottery(3)
    first = IV2SLS(frame["t"], frame[["x", "z0"]].assign(one=1.0), None, None).fit(cov_type="robust", debiased=True)
    found = effects.iv(frame, "t", "y", ["x"], instrument="z0").diagnostics
    assert found["effective_f"] == pytest.approx(first.tstats["z0"] ** 2, rel=1e-6)
    plain = IV2SLS(frame["t"], frame[["x", "z0"]].assign(one=1.0), None, None).fit(cov_type="unadjusted", debiased=True)
    assert found["first_stage_f"] == pytest.approx(plain.tstats["z0"] ** 2, rel=1e-6)
    assert found["effective_f_critical"] == pytest.approx(23.11, abs=0.01)  # Montiel Olea and Pflueger 2013


def test_the_effective_f_of_several_instruments_under_constant_variance_is_the_plain_f():
    k = 4
    pi = np.array([0.3, 0.1, 0.2, 0.4])
    form = ReducedForm(pi, pi, np.eye(2 * k) * 0.01, np.eye(k), math.nan)
    assert form.effective_f == pytest.approx((pi**2).sum() / (k * 0.01))
    assert 10 < form.critical_f < 23.11  # more instruments of equal strength: less is asked of each


@pytest.mark.parametrize(("pi", "shape"), [(1.0, "interval"), (0.15, "rays"), (0.02, "line")])
def test_the_anderson_rubin_set_takes_every_shape_and_its_ends_are_where_the_test_turns(pi, shape):
    form = ReducedForm(np.array([0.5]), np.array([pi]), np.diag([0.01, 0.01]), np.eye(1), math.nan)
    if shape == "line":
        form = ReducedForm(np.array([0.1]), np.array([pi]), np.diag([0.01, 0.01]), np.eye(1), math.nan)
    region, critical = anderson_rubin(form, 0.95), stats.chi2.ppf(0.95, 1)
    assert len(region.pieces) == (2 if shape == "rays" else 1)
    assert region.bounded == (shape == "interval")
    ends = [end for piece in region.pieces for end in piece if math.isfinite(end)]
    assert len(ends) == (0 if shape == "line" else 2)
    assert [statistic(form, end) for end in ends] == pytest.approx([critical] * len(ends))
    grid = np.linspace(-40, 40, 4_001)
    assert all(region.covers(b) == (statistic(form, b) <= critical) for b in grid)
    walked = _cut(form, critical)  # the way that several instruments need finds the same
    assert np.ravel(walked.pieces) == pytest.approx(np.ravel(region.pieces))


def test_instruments_that_contradict_one_another_leave_an_empty_set_and_a_warning():
    rng = np.random.default_rng(5)
    n = 4_000
    frame = lottery(5, n=n, instruments=2).assign(y=lambda f: f["y"] + 1.5 * f["z1"] + 0 * rng.standard_normal(n))
    found = effects.iv(frame, "t", "y", ["x"], instrument=["z0", "z1"], interval="anderson-rubin")
    assert found.diagnostics["anderson_rubin_pieces"] == 0
    assert all(math.isnan(end) for end in found.interval)
    assert found.diagnostics["hansen_j_p"] < 1e-6
    assert not found.covers(2.0)
    assert any("disagree" in note for note in found.notes)


def test_j_is_that_of_continuously_updated_gmm():
    from linearmodels.iv import IVGMMCUE

    frame = lottery(6, n=5_000, instruments=3)
    exogenous = frame[["x"]].assign(one=1.0)
    peer = IVGMMCUE(frame["y"], exogenous, frame["t"], frame[["z0", "z1", "z2"]]).fit(cov_type="robust")
    found = effects.iv(frame, "t", "y", ["x"], instrument=["z0", "z1", "z2"])
    assert found.diagnostics["hansen_j"] == pytest.approx(peer.j_stat.stat, rel=0.03)
    assert found.diagnostics["hansen_j_p"] > 0.001


def test_the_smallest_statistic_is_zero_where_one_instrument_fits_exactly():
    form = ReducedForm(np.array([0.6]), np.array([0.3]), np.diag([0.01, 0.02]), np.eye(1), math.nan)
    assert smallest(form) == (pytest.approx(2.0, abs=1e-4), pytest.approx(0.0, abs=1e-6))


def test_a_weak_instrument_warns_and_its_interval_is_anderson_rubin_s():
    found = effects.iv(lottery(7, strength=0.05), "t", "y", ["x"], instrument="z0")
    assert found.notes[0].startswith("warning: weak instrument")
    assert "Anderson-Rubin interval" in found.method
    assert found.interval == (found.diagnostics["anderson_rubin_low"], found.diagnostics["anderson_rubin_high"])
    strong = effects.iv(lottery(7, n=20_000), "t", "y", ["x"], instrument="z0")
    assert not any("warning" in note for note in strong.notes)
    assert strong.diagnostics["anderson_rubin_low"] == pytest.approx(strong.low, abs=0.1 * strong.std_error)


@pytest.mark.parametrize("method", ["2sls", "doubly-robust"])
def test_scale_of_the_outcome_only_scales_the_answer_and_text_in_covariates_is_coded(method):
    frame = lottery(8).assign(group=lambda f: np.where(f["x"] > 0, "up", "down"))
    one = effects.iv(frame, "t", "y", ["x", "group"], instrument="z0", method=method)
    ten = effects.iv(frame.assign(y=10 * frame["y"] + 3), "t", "y", ["x", "group"], instrument="z0", method=method)
    assert ten.value == pytest.approx(10 * one.value, rel=1e-6)
    assert ten.std_error == pytest.approx(10 * one.std_error, rel=1e-6)
    assert ten.diagnostics["effective_f"] == pytest.approx(one.diagnostics["effective_f"], rel=1e-6)


def test_the_scale_of_the_instrument_changes_nothing_and_its_sign_only_the_words():
    frame = lottery(9)
    one = effects.iv(frame, "t", "y", ["x"], instrument="z0")
    other = effects.iv(frame.assign(z0=7 - 100 * frame["z0"]), "t", "y", ["x"], instrument="z0")
    assert (other.value, other.std_error) == (pytest.approx(one.value), pytest.approx(one.std_error))
    turned = effects.iv(frame.assign(z0=1 - frame["z0"]), "t", "y", ["x"], instrument="z0", method="doubly-robust")
    assert any("away from treatment" in note for note in turned.notes)


def test_where_nobody_is_treated_without_the_instrument_compliers_are_the_treated():
    frame = lottery(10, n=4_000, one_sided=True)
    found = effects.iv(frame, "t", "y", ["x"], instrument="z0", method="doubly-robust")
    assert found.covers(2.0)
    assert found.std_error < 0.5
    assert found.diagnostics["complier_share"] == pytest.approx(frame.loc[frame["z0"] == 1, "t"].mean(), abs=0.03)


def test_embeddings_that_hold_the_shared_cause_of_instrument_and_outcome_make_it_valid():
    rng = np.random.default_rng(11)
    n, d = 3_000, 20
    text = rng.standard_normal((n, d))
    cause, hidden = text @ rng.standard_normal(d) / math.sqrt(d), rng.standard_normal(n)
    z = (rng.uniform(size=n) < 1 / (1 + np.exp(-1.5 * cause))).astype(float)
    t = (1.5 * z + hidden + rng.standard_normal(n) > 0.7).astype(float)
    frame = pd.DataFrame({"z": z, "t": t, "y": t + 2 * cause + hidden + rng.standard_normal(n)})
    for method in ("2sls", "doubly-robust"):
        assert not effects.iv(frame, "t", "y", [], instrument="z", method=method).covers(1.0)
        read = effects.iv(frame, "t", "y", [], instrument="z", method=method, embeddings=text)
        assert abs(read.value - 1.0) < 4 * read.std_error
        assert read.std_error < 0.25


def test_a_dose_is_no_share_of_compliers():
    frame = lottery(12).assign(t=lambda f: f["t"] * 1.5 + f["z0"])
    found = effects.iv(frame, "t", "y", ["x"], instrument="z0")
    assert "complier_share" not in found.diagnostics
    assert any("more than two values" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"z0": 1.0}, {}, "'z0' is 1 in all 2,000 rows"),
        ({}, {"instrument": "t"}, "'t' is the treatment"),
        ({}, {"instrument": "y"}, "'y' is the outcome"),
        ({}, {"instrument": "x"}, "'x' stands among the covariates"),
        ({}, {"instrument": "z9"}, "no instrument 'z9'.*did you mean 'z0'"),
        ({}, {"instrument": []}, "is empty"),
        ({}, {"instrument": ["z0", "z0"]}, "names a column twice"),
        ({}, {"estimand": "ATE"}, "only 'LATE' is identified"),
        ({}, {"method": "gmm"}, "unknown method 'gmm'"),
        ({}, {"interval": "bootstrap"}, "unknown interval 'bootstrap'"),
        ({}, {"propensity": "w"}, "doubly-robust' only"),
        ({"z0": "a"}, {}, "code it as numbers"),
        ({"z0": math.nan}, {}, "2,000 non-finite values, first at row 0"),
    ],
)  # fmt: skip
def test_bad_instruments_are_refused_by_name(change, options, words):
    with pytest.raises(ValueError, match=words):
        effects.iv(lottery().assign(**change), "t", "y", ["x"], **{"instrument": "z0", **options})


def test_copies_are_refused_and_collinear_covariates_left_out():
    frame = lottery()
    with pytest.raises(ValueError, match="instrument is the treatment 't' itself"):
        effects.iv(frame.assign(z0=1 - frame["t"]), "t", "y", ["x"], instrument="z0")
    with pytest.raises(ValueError, match="covariates determine instrument 'z0'"):
        effects.iv(frame.assign(c=3 * frame["z0"] - 1), "t", "y", ["x", "c"], instrument="z0")
    with pytest.raises(ValueError, match="covariates determine treatment 't'"):
        effects.iv(frame.assign(c=3 * frame["t"] - 1), "t", "y", ["x", "c"], instrument="z0")
    with pytest.raises(ValueError, match="'z1' is determined by the other instruments"):
        effects.iv(frame.assign(z1=2 * frame["z0"] + frame["x"]), "t", "y", ["x"], instrument=["z0", "z1"])
    with pytest.raises(ValueError, match="needs one instrument and a treatment that are 0 or 1"):
        effects.iv(frame.assign(z0=frame["z0"] * 2), "t", "y", ["x"], instrument="z0", method="doubly-robust")
    plain = effects.iv(frame, "t", "y", ["x"], instrument="z0")
    doubled = effects.iv(frame.assign(c=5 * frame["x"] + 1), "t", "y", ["x", "c"], instrument="z0")
    assert doubled.value == pytest.approx(plain.value)
    assert any("determine them: c" in note for note in doubled.notes)


def test_the_result_draws_and_travels_even_when_unbounded():
    from matplotlib import pyplot as plt

    found = effects.iv(lottery(13, strength=0.0, n=300), "t", "y", [], instrument="z0")
    assert not math.isfinite(found.low)
    assert any("no bound" in note for note in found.notes)
    assert type(found).from_dict(found.to_dict()) == found
    found.plot()
    assert "inf" in found._repr_html_()
    plt.close("all")


def test_the_effects_that_two_rays_refuse_are_named():
    for seed in range(60):
        found = effects.iv(lottery(seed, strength=0.1, n=300), "t", "y", [], instrument="z0").diagnostics
        if found["anderson_rubin_pieces"] == 2:
            assert found["anderson_rubin_gap_low"] < found["anderson_rubin_gap_high"]
            assert found["anderson_rubin_low"] == -math.inf
            return
    raise AssertionError("no draw gave two rays; the instrument of this test is too strong")


def test_bounds_on_a_direct_effect_hold_the_truth_that_iv_misses():
    frame = lottery(14, n=5_000).assign(y=lambda f: f["y"] + 0.5 * f["z0"])  # exclusion broken by .5
    plain = effects.iv(frame, "t", "y", ["x"], instrument="z0")
    assert not plain.covers(2.0)
    table = effects.exclusion_sensitivity(frame, "t", "y", ["x"], instrument="z0", direct=(0.0, 0.25, 0.5, 2.0))
    ends = (plain.diagnostics["anderson_rubin_low"], plain.diagnostics["anderson_rubin_high"])
    assert table.loc[0.0, ["low", "high"]].tolist() == pytest.approx(ends)
    assert table.loc[0.5, "low"] <= 2.0 <= table.loc[0.5, "high"]
    assert table["low"].is_monotonic_decreasing
    assert table["high"].is_monotonic_increasing
    assert not table.loc[2.0, "excludes_zero"]
    shifted = effects.iv(frame.assign(y=frame["y"] - 0.5 * frame["z0"]), "t", "y", ["x"], instrument="z0")
    assert table.loc[0.5, "low"] == pytest.approx(shifted.diagnostics["anderson_rubin_low"])
    with pytest.raises(ValueError, match="both signs are tried"):
        effects.exclusion_sensitivity(frame, "t", "y", ["x"], instrument="z0", direct=[-1.0])


def test_a_set_that_leaves_out_the_point_estimate_can_be_drawn():
    from matplotlib import pyplot as plt

    from causalrec_lab import Estimate

    ax = Estimate(2.0, 0.1, interval=(0.5, 1.0)).plot()
    assert ax.get_xlim()[1] > 2.0
    plt.close("all")


def test_rows_of_weight_zero_are_no_rows_and_an_instrument_that_moves_nobody_is_refused():
    frame = lottery(15).assign(w=lambda f: (f["user"] % 2).astype(float))
    for method in ("2sls", "liml", "doubly-robust"):
        found = effects.iv(frame, "t", "y", ["x"], instrument="z0", weights="w", method=method)
        kept = effects.iv(frame[frame["w"] > 0], "t", "y", ["x"], instrument="z0", method=method)
        assert found.value == pytest.approx(kept.value)
        assert found.n == kept.n
        still = frame.assign(z0=np.arange(2_000) % 2, t=(np.arange(2_000) // 2) % 2)
        with pytest.raises(ValueError, match="does not move the treatment"):
            effects.iv(still, "t", "y", [], instrument="z0", method=method)
