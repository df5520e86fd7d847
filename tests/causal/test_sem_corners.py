"""fit_sem in corners: against a likelihood written down anew, under rescaling, and on input that slips through."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from causalrec_lab.causal import CausalGraph, fit_sem
from causalrec_lab.causal.sem import ConvergenceError
from causalrec_lab.causal.sem.expression import evaluate

FACTORS = "f =~ x0 + x1 + x2\ng =~ x3 + x4 + x5\nx0 ~~ x3"
CAUSES = "f =~ x1 + x2 + x3\nf ~ z1 + z2\ny ~ f + z1"
LOOP = "y1 ~ y2 + z1\ny2 ~ y1 + z2\ny1 ~~ y2"


def drawn(kind: str, seed: int, n: int = 300) -> pd.DataFrame:
    """Rows of the model `kind`."""
    rng = np.random.default_rng(seed)
    if kind == FACTORS:
        f = rng.multivariate_normal([0, 0], [[1, 0.4], [0.4, 1]], n)
        X = np.repeat(f, 3, axis=1) * rng.uniform(0.5, 1.2, 6) + rng.normal(size=(n, 6))
        return pd.DataFrame(X, columns=[f"x{k}" for k in range(6)])
    z, e = rng.normal(size=(n, 2)), rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], n)
    if kind == CAUSES:
        f = z @ [0.5, -0.3] + e[:, 0]
        x = np.outer(f, [1, 0.8, 0.6]) + 0.7 * rng.normal(size=(n, 3))
        return pd.DataFrame(
            np.column_stack([z, x, 0.5 * f + 0.4 * z[:, 0] + e[:, 1]]), columns=["z1", "z2", "x1", "x2", "x3", "y"]
        )
    y = (z * [0.8, 0.7] + e) @ np.linalg.inv(np.eye(2) - [[0, 0.4], [-0.3, 0]]).T
    return pd.DataFrame(np.column_stack([z, y]), columns=["z1", "z2", "y1", "y2"])


def minus_log_likelihood(fit, frame):
    """-log L of the rows as a function of the free parameters, by the textbook and not by the library."""
    spec, S, n = fit.specification, frame[list(fit.specification.observed)].cov(ddof=0).to_numpy(), len(frame)
    at = {name: k for k, name in enumerate([*spec.observed, *spec.latent])}

    def value(theta):
        A, P = np.zeros((2, len(at), len(at)))
        for p in spec.parameters:
            i, j = at[p.lhs], at[p.rhs]
            number = theta[p.index] if p.index >= 0 else S[i, j] if p.exogenous else p.fixed
            if p.op == "~~":
                P[i, j] = P[j, i] = number
            else:
                A[(i, j) if p.op == "~" else (j, i)] = number
        through = np.linalg.inv(np.eye(len(at)) - A)
        sigma = (through @ P @ through.T)[: len(S), : len(S)]
        sign, log_det = np.linalg.slogdet(sigma)
        if sign <= 0:
            return 1e10
        return n / 2 * (log_det + np.trace(np.linalg.solve(sigma, S)) + len(S) * np.log(2 * np.pi))

    return value


@pytest.mark.parametrize("model", [FACTORS, CAUSES, LOOP], ids=["factors", "causes", "loop"])
def test_estimates_errors_and_chi_square_are_those_of_the_likelihood(model):
    frame = drawn(model, 3, 4_000)
    fit = fit_sem(model, frame)
    value = minus_log_likelihood(fit, frame)
    error = np.sqrt(np.diag(fit.covariance))
    away = minimize(value, fit.theta + 0.5 * error, method="BFGS", options={"maxiter": 60})
    assert value(fit.theta) <= away.fun + 1e-8
    assert (fit.theta - away.x) / error == pytest.approx(0, abs=0.05)
    steps = np.diag(error * 1e-2)
    curvature = [[value(fit.theta + s + t) - value(fit.theta + s - t) for t in steps] for s in steps]
    curvature = np.array(curvature) - [
        [value(fit.theta - s + t) - value(fit.theta - s - t) for t in steps] for s in steps
    ]
    observed = np.linalg.inv(curvature / (4e-4 * np.outer(error, error)))
    assert np.sqrt(np.diag(observed)) / error == pytest.approx(1, abs=0.05)  # observed against expected information
    p = len(fit.specification.observed)
    best = len(frame) / 2 * (np.linalg.slogdet(frame.cov(ddof=0))[1] + p + p * np.log(2 * np.pi))
    assert fit.fit_indices["chi2"] == pytest.approx(2 * (value(fit.theta) - best), abs=1e-7)


@pytest.mark.parametrize("model", [FACTORS, CAUSES, LOOP], ids=["factors", "causes", "loop"])
@pytest.mark.parametrize("estimator", ["ML", "MLR"])
def test_units_from_millionths_to_millions_change_nothing_that_has_no_unit(model, estimator):
    frame = drawn(model, 5)
    units = 10.0 ** np.linspace(-6, 6, frame.shape[1])
    plain, scaled = (fit_sem(model, rows, estimator=estimator) for rows in (frame, frame * units))
    assert scaled.fit_indices[["chi2", "CFI", "RMSEA", "SRMR"]].to_numpy() == pytest.approx(
        plain.fit_indices[["chi2", "CFI", "RMSEA", "SRMR"]].to_numpy(), abs=1e-6
    )
    for column in ("standardised", "z", "p_value"):
        ours, theirs = (fit.paths[column].dropna().to_numpy() for fit in (scaled, plain))
        assert ours == pytest.approx(theirs, abs=1e-5), column
    free = scaled.standardised()["std_error"].to_numpy()
    assert free == pytest.approx(plain.standardised()["std_error"].to_numpy(), abs=1e-6)


def test_the_scaled_chi_square_is_the_same_with_and_without_means():
    frame = drawn(FACTORS, 6) ** 3
    for estimator in ("MLM", "MLR"):
        bare, means = (
            fit_sem(FACTORS, frame, estimator=estimator, mean_structure=m).fit_indices for m in (False, True)
        )
        assert bare["scaling_factor"] == pytest.approx(means["scaling_factor"], rel=1e-6)
        assert bare["CFI_scaled"] == pytest.approx(means["CFI_scaled"], rel=1e-6)
        assert means["free_parameters"] == bare["free_parameters"] + 6


@pytest.mark.parametrize(
    "expression", ["(a - 5)^2", "(a - 5)^3", "(a - 5)^151", "2^a", "log((a - 5)^2)", "exp(a*b)/b", "b^a"]
)
def test_errors_of_defined_parameters_follow_differences(expression):
    fit = fit_sem(f"y ~ a*z1 + b*x1; r := {expression}", drawn(CAUSES, 1))
    estimate, names = fit.parameter("r"), ("a", "b")
    at = {name: fit.parameter(name).value for name in names}
    h = 1e-6
    slope = np.array([
        (evaluate(expression, at | {k: at[k] + h}) - evaluate(expression, at | {k: at[k] - h})).real for k in names
    ]) / (2 * h)  # fmt: skip
    inner = fit.covariance[:2, :2]
    assert estimate.value == pytest.approx(evaluate(expression, at).real)
    assert estimate.std_error == pytest.approx(float(np.sqrt(slope @ inner @ slope)), rel=1e-5)


@pytest.mark.parametrize(
    "expression", ["log(a - 5)", "sqrt(a - 5)", "(a - 5)^0.5", "1/(a - a)", "1/0", "exp(1000)", "0^(0-1)"]
)
def test_a_defined_parameter_without_a_value_is_refused(expression):
    with pytest.raises(ValueError, match="no finite real number at the estimates"):
        fit_sem(f"y ~ a*z1; r := {expression}", drawn(CAUSES, 1))


def test_bootstrap_samples_without_a_value_are_left_out_and_said():
    frame = drawn(CAUSES, 1)
    slope = fit_sem("y ~ a*z1", frame).parameter("a")
    fit = fit_sem(f"y ~ a*z1; r := log(a - {slope.value - slope.std_error})", frame).bootstrap(40, seed=1)
    assert "gave a := no real value" in fit.notes[-1]
    assert np.isfinite([fit.parameter("r").low, fit.parameter("r").high]).all()
    assert len(fit.draws) < 40
    with pytest.raises(ConvergenceError, match="gave no estimate"):
        fit_sem(f"y ~ a*z1; r := (1e-12 + {slope.value} - a)^0.5/(a - {slope.value} + 1e-12)^0.5", frame).bootstrap(20)


def test_labels_may_have_dots_and_be_words_of_python():
    fit = fit_sem("y ~ a.b*z1 + lambda*x1; r := a.b*lambda; a.b == 2*lambda", drawn(CAUSES, 1))
    assert fit.parameter("r").value == pytest.approx(2 * fit.parameter("lambda").value ** 2)


def test_a_defined_parameter_is_standardised_from_standardised_ones():
    table = fit_sem("x1 ~ a*z1; y ~ b*x1 + z1; ab := a*b; twice := c + c; x2 ~ c*z1; x3 ~ c*z2", drawn(CAUSES, 1)).paths
    standard = table.set_index("label")["standardised"]
    assert standard["ab"] == pytest.approx(standard["a"] * standard["b"])
    assert np.isnan(standard["twice"])  # one label, two standardised values


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("y ~ x1\n# remark\n\ny ~ x1 $ x2", "line 4: 'x1 \\$ x2'"),
        ("f =~ x1 +\n  x2 + x3\nf ~ 2z", "line 3: '2z'"),
        ("f =~ x1\n + x2; y ~\n x2; y ~ :", "line 3: ':'"),
        ("f =~ g; g =~ f", "no observed variable"),
        ("y ~ 0.3*a*x1 + a*x2", "'a' stands on y ~ x1 \\(fixed at 0.3\\) and y ~ x2 \\(free\\)"),
        ("y ~ 0.3*a*x1 + 0.2*a*x2", "fixed at 0.2"),
        ("y ~ 1e400*x1", "too large a number"),
        ("y ~ x1; y ~~ -1*y", "a variance is 0 or more"),
        ("y ~ a*x1; log(a) == 0", "not linear"),
        ("y ~ a*x1; 1/a == 2", "not linear"),
    ],
)
def test_models_that_cannot_be_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        fit_sem(model, drawn(CAUSES, 1))


def test_lines_that_go_on_belong_together():
    frame = drawn(CAUSES, 1)
    spread = fit_sem("f =~ x1 +  # first\n\n x2\n + x3; f ~\n z1 + z2 ! causes\ny ~ f + z1", frame)
    assert spread.fit_indices["chi2"] == pytest.approx(fit_sem(CAUSES, frame).fit_indices["chi2"])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda d: fit_sem("y ~ x1", d.cov().to_numpy(), n=300), TypeError, "data is a ndarray"),
        (lambda d: fit_sem(["y ~ x1"], d), TypeError, "model is a list"),
        (lambda d: fit_sem("y ~ x1", d.cov(), n=300, means={"y": 0.0}), TypeError, "means is a dict"),
        (lambda d: fit_sem("y ~ x1", d.cov(), n=300, means=d.mean() * np.nan), ValueError, "means= of 'y' is missing"),
        (lambda d: fit_sem("y ~ x1", d.cov(), n="300"), ValueError, "n='300'"),
        (lambda d: fit_sem("y ~ x1", d.cov(), n=300.5), ValueError, "a whole number"),
        (lambda d: fit_sem("y ~ x1", d.head(1)), ValueError, "the data has 1 rows"),
        (lambda d: fit_sem("y ~ x1", d.head(0)), ValueError, "the data has 0 rows"),
        (lambda d: fit_sem("y ~ x1", d.assign(x1=np.nan)), ValueError, "column 'x1' has no value in any of 300 rows"),
        (lambda d: fit_sem("y ~ x1", d, missing="fiml", mean_structure=False), ValueError, "means and covariances"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(drawn(CAUSES, 1))


def test_full_information_says_which_rows_it_cannot_use():
    frame = drawn(CAUSES, 1)[["z1", "y"]].copy()
    frame.loc[:9, "z1"] = frame.loc[5:19, "y"] = np.nan
    with pytest.warns(UserWarning, match=r"10 of 300 rows lack a covariate \(z1\)"):
        assert fit_sem("y ~ z1", frame, missing="fiml").n == 290
    with pytest.warns(UserWarning, match="5 of 300 rows have no value at all"):
        assert fit_sem("y ~ z1; z1 ~~ z1", frame, missing="fiml").n == 295


def test_a_saturated_model_misses_nothing():
    independent = pd.DataFrame(np.eye(2), index=list("ab"), columns=list("ab"))
    for fit in (fit_sem("a ~~ b", independent, n=300), fit_sem("a ~~ a", independent, n=300)):
        f = fit.fit_indices
        assert (f["CFI"], f["TLI"], f["RMSEA"], f["RMSEA_low"], f["RMSEA_high"]) == (1, 1, 0, 0, 0)
        assert f["chi2"] >= 0
        assert np.isnan(f["p_value"])
    assert fit_sem("y ~ x1", drawn(CAUSES, 1)).modification_indices().empty


def test_several_hidden_causes_of_two_variables_are_one_covariance():
    frame = drawn(CAUSES, 1)
    one = CausalGraph("x1 -> y; x1 <-> y; z1 -> x1")
    several = CausalGraph("x1 -> y; u -> x1; u -> y; v -> x1; v -> y; z1 -> x1; x1 <-> y", latent=["u", "v"])
    assert fit_sem(several, frame).path("x1 -> y").value == pytest.approx(fit_sem(one, frame).path("x1 -> y").value)


def test_latent_covariances_that_cannot_be_together_are_said():
    among = np.array([[1, 0.9, 0.9], [0.9, 1, 0.2], [0.9, 0.2, 1]])  # each a correlation, no correlation matrix
    load, names = np.kron(np.eye(3), np.ones((3, 1))), [f"q{k}" for k in range(9)]
    S = pd.DataFrame(load @ among @ load.T + 2 * np.eye(9), index=names, columns=names)
    with pytest.warns(UserWarning, match="latent variables f, g, h cannot be together"):
        fit_sem("f =~ q0 + q1 + q2; g =~ q3 + q4 + q5; h =~ q6 + q7 + q8", S, n=300)


def test_feedback_that_does_not_settle_is_said():
    rng = np.random.default_rng(0)
    z, e = rng.normal(size=(2, 2_000, 2))
    y = (z + e) @ np.linalg.inv(np.eye(2) - [[0, 1.5], [1.2, 0]]).T
    frame = pd.DataFrame(np.column_stack([z, y]), columns=["z1", "z2", "y1", "y2"])
    loop = "y1 ~ {}y2 + z1; y2 ~ {}y1 + z2"
    with pytest.warns(UserWarning, match="feedback does not settle: .* size 1.3"):
        assert fit_sem(loop.format("start(1.4)*", "start(1.1)*"), frame).path("y2 -> y1").value == pytest.approx(
            1.5, abs=0.1
        )
    with pytest.raises(ConvergenceError, match="in a loop above all"):
        fit_sem(loop.format("", ""), frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_sem(LOOP, drawn(LOOP, 1))


def test_indirect_effects_are_sums_over_paths_and_need_no_list_of_them():
    rng = np.random.default_rng(0)
    A = np.tril(rng.normal(0, 0.2, (14, 14)), -1)
    frame = pd.DataFrame(rng.normal(size=(1_000, 14)) @ np.linalg.inv(np.eye(14) - A).T).add_prefix("v")
    text = "\n".join(f"v{i} ~ " + " + ".join(f"v{j}" for j in range(i)) for i in range(1, 14))
    many = fit_sem(text.replace("v13 ~ v0 + ", "v13 ~ "), frame)  # 4,095 paths from v0 to v13
    assert many.indirect("v0", "v13").value == pytest.approx(many.total("v0", "v13").value)
    assert many.modification_indices()[["lhs", "op", "rhs"]].to_numpy().tolist() == [["v13", "~", "v0"]]
    few = fit_sem("\n".join(text.splitlines()[:5]), frame)
    for through in (None, "v3"):
        paths = [name for name in few.path_effects("v0", "v5") if name.count("->") > 1]
        paths = [name for name in paths if through is None or f"->{through}->" in name]
        listed = sum(few.path(name).value for name in paths)
        found = few.indirect("v0", "v5", through)
        assert (len(paths), found.value) == ({None: 15, "v3": 8}[through], pytest.approx(listed))
    for source, target, through in (("v5", "v0", None), ("v4", "v5", None), ("v0", "v5", "v5"), ("v3", "v5", "v1")):
        with pytest.raises(ValueError, match="no indirect path"):
            few.indirect(source, target, through)
