"""The model language of fit_sem: means, modifiers, constraints, defaults, and what is refused in plain words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import fit_sem
from causalrec_lab.causal.sem import UnderidentifiedError
from causalrec_lab.causal.sem.syntax import Statement, read_model


def factors(n: int = 500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    f = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n)
    return pd.DataFrame({f"x{i}": 2 + i + (0.6 + 0.1 * i) * f[:, i // 3] + rng.normal(size=n) for i in range(6)})


TWO = "f =~ x0 + x1 + x2; g =~ x3 + x4 + x5"


def test_statements_are_read():
    text = """
    # measurement
    f =~ NA*x0 + a*x1 +   ! goes on
         start(0.8)*b*x2
    f ~~ 1*f; x0 + x1 ~ 1
    y ~ label("c")*x + 0.5*w
    y ~ 0*1
    total := c + a^2
    a + b == 1
    """
    assert read_model(text) == (
        Statement("f", "=~", "x0", freed=True),
        Statement("f", "=~", "x1", label="a"),
        Statement("f", "=~", "x2", label="b", start=0.8),
        Statement("f", "~~", "f", fixed=1.0),
        Statement("x0", "~1", ""),
        Statement("x1", "~1", ""),
        Statement("y", "~", "x", label="c"),
        Statement("y", "~", "w", fixed=0.5),
        Statement("y", "~1", "", fixed=0.0),
        Statement("total", ":=", "c + a^2"),
        Statement("a + b", "==", "1"),
    )


def test_a_term_named_twice_carries_both_modifiers():
    assert read_model("y ~ a*x + start(2)*x + w") == (
        Statement("y", "~", "x", label="a", start=2.0),
        Statement("y", "~", "w"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y ~ a*b*x", "has a label value already"),
        ("y ~ x + x", "stated twice"),
        ("y ~ c(1,2)*x", "several groups"),
        ("group: 1\ny ~ x", "several groups or levels"),
        ("f <~ x1 + x2", "formative"),
        ("x1 | t1", "ordered columns"),
        ("y ~ x:z", "make one"),
        ("y ~ b*x; b < 1", "bounds are not kept"),
        ("y ~ start(x)*x", "is not kept here"),
    ],
)
def test_what_is_not_kept_is_said(text, message):
    with pytest.raises(ValueError, match=message):
        read_model(text)


def test_means_equal_the_sample_s_and_change_nothing_else():
    frame = factors()
    plain, meant = fit_sem(TWO, frame), fit_sem(TWO + "; x0 ~ 1", frame)
    table = meant.paths.set_index(["lhs", "op"])
    for name in frame:
        assert table.loc[(name, "~1"), "estimate"].item() == pytest.approx(frame[name].mean())
        error = frame[name].std(ddof=0) / np.sqrt(len(frame))
        assert table.loc[(name, "~1"), "std_error"].item() == pytest.approx(error, rel=0.05)
    for name in ("chi2", "df", "log_likelihood", "CFI"):
        assert meant.fit_indices[name] == pytest.approx(plain.fit_indices[name])
    loadings = [r.paths[r.paths["op"] == "=~"]["std_error"].to_numpy() for r in (plain, meant)]
    assert loadings[0] == pytest.approx(loadings[1])


def test_a_regression_s_intercept_is_that_of_least_squares():
    import statsmodels.api as sm

    frame = factors()
    fit = fit_sem("x5 ~ 1 + x0 + x1", frame)
    peer = sm.OLS(frame["x5"], sm.add_constant(frame[["x0", "x1"]])).fit()
    row = fit.paths[(fit.paths["op"] == "~1") & (fit.paths["lhs"] == "x5")].iloc[0]
    shrink = np.sqrt(peer.df_resid / peer.nobs)
    assert row["estimate"] == pytest.approx(peer.params["const"])
    assert row["std_error"] == pytest.approx(peer.bse["const"] * shrink)


def test_a_fixed_mean_is_tested():
    frame = factors()
    fit = fit_sem("x0 ~ 2*1; x0 ~~ x0", frame)
    gap = frame["x0"].mean() - 2
    statistic = len(frame) * np.log1p(gap**2 / frame["x0"].var(ddof=0))  # likelihood ratio of a normal mean
    assert fit.fit_indices["df"] == 1
    assert fit.fit_indices["chi2"] == pytest.approx(statistic)


def test_unit_latents_and_markers_are_the_same_model():
    frame = factors()
    marker, unit = fit_sem(TWO, frame), fit_sem(TWO, frame, std_lv=True)
    freed = fit_sem("f =~ NA*x0 + x1 + x2; g =~ NA*x3 + x4 + x5; f ~~ 1*f; g ~~ 1*g", frame)
    assert unit.fit_indices["chi2"] == pytest.approx(marker.fit_indices["chi2"])
    assert unit.paths.loc[unit.paths["op"] == "=~", "free"].all()
    ours, theirs = (r.paths.set_index(["lhs", "op", "rhs"])["estimate"] for r in (unit, freed))
    assert ours.loc[theirs.index].to_numpy() == pytest.approx(theirs.to_numpy())
    a, b = marker.standardised(), unit.standardised()
    assert a["estimate"].to_numpy() == pytest.approx(b["estimate"].to_numpy())
    assert a["std_error"].to_numpy() == pytest.approx(b["std_error"].to_numpy(), abs=1e-7)


def test_orthogonal_latents_do_not_covary():
    apart = fit_sem(TWO, factors(), orthogonal=True)
    said = fit_sem(TWO + "; f ~~ 0*g", factors())
    assert apart.fit_indices["df"] == 9
    assert apart.fit_indices["chi2"] == pytest.approx(said.fit_indices["chi2"])


def test_a_linear_constraint_is_kept_and_costs_a_parameter():
    frame = factors()
    free = fit_sem("x5 ~ a*x0 + b*x1", frame)
    bound = fit_sem("x5 ~ a*x0 + b*x1; a + b == 0.5; gap := a - b", frame)
    a, b = bound.parameter("a"), bound.parameter("b")
    assert a.value + b.value == pytest.approx(0.5)
    assert a.std_error == pytest.approx(b.std_error)
    assert bound.parameter("gap").std_error == pytest.approx(2 * a.std_error)
    assert bound.fit_indices["df"] - free.fit_indices["df"] == 1
    y, x = frame["x5"] - frame["x5"].mean(), frame[["x0", "x1"]] - frame[["x0", "x1"]].mean()
    rest, slope = y - 0.5 * x["x1"], x["x0"] - x["x1"]  # the constraint put into the regression by hand
    assert a.value == pytest.approx(float(slope @ rest / (slope @ slope)), rel=1e-6)


def test_a_constraint_can_identify():
    model = "x0 ~ a*x1; x1 ~ b*x0"
    with pytest.raises(UnderidentifiedError, match="data cannot determine a, b"):
        fit_sem(model, factors())
    assert fit_sem(model + "; a == b", factors()).fit_indices["df"] == 0


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ("a*b == 1", "not linear"),
        ("a/b == 1", "not linear"),
        ("a == c", "'c' is no label"),
        ("a == 1; a == 2", "contradict"),
        ("1 == 1", "binds no free parameter"),
    ],
)
def test_constraints_that_cannot_be_kept(constraint, message):
    with pytest.raises(ValueError, match=message):
        fit_sem(f"x5 ~ a*x0 + b*x1; {constraint}", factors())


def test_starting_values_are_used_and_the_end_is_the_same():
    frame = factors()
    near, far = fit_sem(TWO, frame), fit_sem(TWO.replace("x1", "start(5)*x1"), frame)
    assert far.theta == pytest.approx(near.theta, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (TWO, {"estimator": "WLS"}, "unknown estimator 'WLS'"),
        (TWO, {"missing": "pairwise"}, "unknown missing='pairwise'"),
        (TWO, {"estimator": "MLM", "missing": "fiml"}, "needs complete rows"),
        (TWO, {"means": pd.Series({"x0": 1.0})}, "rows bring their own"),
        ("f =~ 1*NA*x0 + x1 + x2", {}, "both fixed"),
        ("f =~ 1*x0 + 1*x1 + 1*x2; f ~~ 1*f; x0 ~~ 1*x0; x1 ~~ 1*x1; x2 ~~ 1*x2", {}, "no free parameter"),
    ],
)
def test_bad_options_say_what_is_wrong(model, options, message):
    with pytest.raises(ValueError, match=message):
        fit_sem(model, factors(), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "MLR"}, "needs rows"),
        ({"missing": "fiml"}, "needs rows"),
        ({"mean_structure": True}, "give means="),
        ({"means": pd.Series({"x0": 1.0})}, "no entry for 'x1'"),
    ],
)
def test_a_covariance_matrix_cannot_give_what_rows_can(options, message):
    with pytest.raises(ValueError, match=message):
        fit_sem(TWO, factors().cov(), n=500, **options)


def test_fewer_rows_than_parameters():
    with pytest.raises(ValueError, match="10 rows are too few for 13 free parameters"):
        fit_sem(TWO, factors(10))


def test_a_matrix_that_is_no_covariance():
    S = pd.DataFrame([[1, 0.9, 0.9], [0.9, 1, -0.9], [0.9, -0.9, 1]], index=list("abc"), columns=list("abc"))
    with pytest.raises(ValueError, match="no covariance: it gives a sum of a, b, c a negative variance"):
        fit_sem("a ~ b + c", S, n=50)
