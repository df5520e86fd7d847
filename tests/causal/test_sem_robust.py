"""fit_sem where rows are not normal or not complete: sandwiches, scaled tests, bootstrap, full information."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab.causal import fit_sem
from causalrec_lab.causal.sem.constraints import constrained
from causalrec_lab.causal.sem.missing import patterned_sample
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.robust import parameter_covariance
from causalrec_lab.causal.sem.sample import sample_of
from causalrec_lab.causal.sem.specification import specify
from causalrec_lab.causal.sem.syntax import read_model

TWO = "f =~ x0 + x1 + x2; g =~ x3 + x4 + x5; g ~ f"
MEDIATION = "m ~ a*x; y ~ b*m + c*x; ab := a*b"


def factors(n: int = 400, seed: int = 0, heavy: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    f = rng.normal(size=(n, 2)) @ np.array([[1, 0.5], [0, 0.9]])
    noise = rng.normal(size=(n, 6))
    rows = np.column_stack([0.9 * f[:, i // 3] for i in range(6)]) + noise
    scale = rng.chisquare(5, size=(n, 1)) / 5 if heavy else np.ones((n, 1))
    return pd.DataFrame(1 + rows / np.sqrt(scale), columns=[f"x{i}" for i in range(6)])


def uneven(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Mediation whose errors grow with x: the expected information is wrong about it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    m = 0.5 * x + (0.3 + x**2) * rng.normal(size=n)
    return pd.DataFrame({"x": x, "m": m, "y": 0.5 * m + 0.2 * x + rng.normal(size=n)})


@pytest.mark.parametrize("gaps", [False, True])
def test_scores_are_the_derivatives_of_each_row_s_likelihood(gaps):
    frame = factors(60)
    values = frame.to_numpy()
    if gaps:
        values = np.where(np.random.default_rng(1).random(values.shape) < 0.2, np.nan, values)
    spec = specify(read_model(TWO), frame.columns, means=True)
    sample = patterned_sample(values) if gaps else sample_of(60, values.mean(0), np.cov(values.T, bias=True), values)
    moments = Moments(spec, sample)
    theta = np.random.default_rng(2).uniform(0.5, 1.0, len(spec.free))

    def likelihood(at: np.ndarray) -> np.ndarray:
        sigma, mu, out = moments.implied(at), moments.implied_mean(at), []
        for row in values:
            seen = ~np.isnan(row)
            part, gap = sigma[np.ix_(seen, seen)], (row - mu)[seen]
            out.append(-0.5 * (np.linalg.slogdet(part)[1] + gap @ np.linalg.solve(part, gap)))
        return np.array(out)

    scores = moments.scores(theta)
    for k in range(len(theta)):
        step = np.eye(len(theta))[k] * 1e-6
        assert scores[:, k] == pytest.approx((likelihood(theta + step) - likelihood(theta - step)) / 2e-6, abs=1e-5)
    gradient = moments.gradient_and_information(theta)[0]
    assert -sample.n / 2 * gradient == pytest.approx(scores.sum(axis=0), abs=1e-8)


def test_robust_errors_of_a_path_model_are_white_s():
    import statsmodels.api as sm

    frame = uneven()
    fit = fit_sem(MEDIATION, frame, estimator="MLR")
    plain = fit_sem(MEDIATION, frame)
    for outcome, causes in {"m": ["x"], "y": ["m", "x"]}.items():
        peer = sm.OLS(frame[outcome], sm.add_constant(frame[causes])).fit(cov_type="HC0")
        ours = fit.paths[(fit.paths["lhs"] == outcome) & (fit.paths["op"] == "~")].set_index("rhs")
        assert ours.loc[causes, "std_error"].to_numpy() == pytest.approx(peer.bse[causes].to_numpy(), rel=1e-5)
    assert fit.parameter("a").std_error > 1.5 * plain.parameter("a").std_error
    assert fit.theta[:3] == pytest.approx(plain.theta[:3])


def test_bootstrap_and_sandwich_agree_where_the_expected_information_is_wrong():
    frame = uneven(800, 3)
    boot = fit_sem(MEDIATION, frame).bootstrap(400, seed=1)
    robust = fit_sem(MEDIATION, frame, estimator="MLR")
    for name in ("a", "b", "ab"):
        assert boot.parameter(name).std_error == pytest.approx(robust.parameter(name).std_error, rel=0.2)
    assert boot.parameter("a").std_error > 1.4 * fit_sem(MEDIATION, frame).parameter("a").std_error


def test_bootstrap_intervals_are_quantiles_and_repeat():
    fit = fit_sem(MEDIATION, uneven(150))
    one, two = fit.bootstrap(200, seed=5), fit.bootstrap(200, seed=5)
    effect = one.indirect("x", "y")
    drawn = one.draws[:, 0] * one.draws[:, 1]
    assert (effect.low, effect.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
    assert effect == two.indirect("x", "y")
    assert one.parameter("ab").interval == effect.interval
    corrected = fit.bootstrap(200, seed=5, interval="bias-corrected").indirect("x", "y")
    assert corrected.low != effect.low
    assert corrected.value == effect.value
    with pytest.raises(ValueError, match="unknown interval 'bca'"):
        fit.bootstrap(200, interval="bca")
    with pytest.raises(ValueError, match="give the rows"):
        fit_sem(MEDIATION, uneven().cov(), n=400).bootstrap()


def test_scaled_chi_square_keeps_its_level_where_the_plain_one_does_not():
    runs, plain, scaled = 80, 0, 0
    for seed in range(runs):
        found = fit_sem(TWO, factors(400, seed, heavy=True), estimator="MLM").fit_indices
        plain += found["p_value"] < 0.05
        scaled += found["p_value_scaled"] < 0.05
    assert scaled <= binom.ppf(1 - 5e-7, runs, 0.05)
    assert plain > scaled


def test_scaling_is_about_one_for_normal_rows():
    fits = [fit_sem(TWO, factors(4_000, 5), estimator=e).fit_indices for e in ("MLM", "MLR")]
    assert [f["scaling_factor"] for f in fits] == pytest.approx([1, 1], abs=0.06)
    for f in fits:
        assert f["CFI_robust"] == pytest.approx(f["CFI"], abs=0.01)
        assert f["RMSEA_robust"] == pytest.approx(f["RMSEA"], abs=0.01)


def test_full_information_of_complete_rows_is_maximum_likelihood():
    frame = factors()
    full, plain = fit_sem(TWO, frame, missing="fiml"), fit_sem(TWO, frame, mean_structure=True)
    assert full.paths["estimate"].to_numpy() == pytest.approx(plain.paths["estimate"].to_numpy())
    assert full.fit_indices["chi2"] == pytest.approx(plain.fit_indices["chi2"])
    observed = parameter_covariance(plain.moments, plain.theta, constrained(plain.specification), "MLR")
    assert np.isfinite(observed).all()


def test_full_information_of_a_monotone_pattern_is_the_closed_form():
    """y seen only where x is large: its mean and slope follow from the regression (Anderson 1957)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    y = 1 + 0.8 * x + rng.normal(size=600)
    seen = x > -0.3
    frame = pd.DataFrame({"x": x, "y": np.where(seen, y, np.nan)})
    fit = fit_sem("x ~~ y", frame, missing="fiml")
    slope = np.cov(x[seen], y[seen])[0, 1] / x[seen].var(ddof=1)
    mean = y[seen].mean() + slope * (x.mean() - x[seen].mean())
    assert fit.parameter("y ~ 1").value == pytest.approx(mean, abs=1e-6)
    assert fit.parameter("x ~~ y").value == pytest.approx(slope * x.var(), abs=1e-6)
    assert abs(y[seen].mean() - 1) > 0.3 > abs(mean - 1)
    assert fit.fit_indices["chi2"] == pytest.approx(0, abs=1e-6)


def test_full_information_fits_no_worse_than_a_general_optimiser():
    from scipy.optimize import minimize

    values = factors(200).to_numpy()
    frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(6)]).mask(
        np.random.default_rng(4).random(values.shape) < 0.15
    )
    fit = fit_sem(TWO, frame, missing="fiml")
    start = fit.theta * np.random.default_rng(0).uniform(0.8, 1.2, len(fit.theta))
    found = minimize(lambda t: min(fit.moments.discrepancy(t), 1e6), start, method="BFGS")
    assert fit.moments.discrepancy(fit.theta) <= found.fun + 1e-8
    assert fit.fit_indices["chi2"] > 0
    robust = fit_sem(TWO, frame, missing="fiml", estimator="MLR")
    assert robust.fit_indices["scaling_factor"] == pytest.approx(1, abs=0.35)


def test_rows_left_out_are_counted_and_said():
    frame = factors(100)
    frame.loc[:9, "x0"] = np.nan
    frame.loc[5:14, "x3"] = np.nan
    with pytest.warns(UserWarning, match=r"15 of 100 rows have missing values and are left out \(x0 10, x3 10\)"):
        fit = fit_sem(TWO, frame)
    assert fit.n == 85
    assert fit.theta == pytest.approx(fit_sem(TWO, frame.dropna()).theta)
    with pytest.raises(ValueError, match="15 of 100 rows have missing values"):
        fit_sem(TWO, frame, missing="refuse")


def test_full_information_drops_only_rows_without_covariates():
    frame = uneven(100)
    frame.loc[:4, "x"] = np.nan
    frame.loc[10:29, "y"] = np.nan
    with pytest.warns(UserWarning, match="5 of 100 rows"):
        fit = fit_sem(MEDIATION, frame, missing="fiml")
    assert fit.n == 95


def test_a_modification_index_foretells_the_fall_of_chi_square():
    rng = np.random.default_rng(0)
    frame = factors(2_000)
    shared = 0.3 * rng.normal(size=2_000)
    frame["x0"] += shared
    frame["x4"] += shared
    fit = fit_sem(TWO, frame)
    first = fit.modification_indices().iloc[0]
    assert (first["lhs"], first["op"], first["rhs"]) == ("x0", "~~", "x4")
    freed = fit_sem(TWO + "; x0 ~~ x4", frame)
    fall = fit.fit_indices["chi2"] - freed.fit_indices["chi2"]
    assert first["index"] == pytest.approx(fall, rel=0.1)
    assert first["change"] == pytest.approx(freed.parameter("x0 ~~ x4").value, rel=0.1)


def test_residuals_in_standard_errors_are_standard_normal_under_the_model():
    corner = np.tril_indices(6, -1)
    found = [fit_sem(TWO, factors(500, seed)).normalised_residuals.to_numpy()[corner] for seed in range(20)]
    assert np.abs(np.concatenate(found)).max() < 5
    assert np.concatenate(found).std() < 1.2
