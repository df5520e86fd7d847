"""fit_sem: against regression, published fits, numerical derivatives and its own intervals; bad input."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import CausalGraph, fit_sem
from causalrec_lab.causal.sem import ConvergenceError, UnderidentifiedError
from causalrec_lab.causal.sem.expression import evaluate
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.causal.sem.sample import sample_of
from causalrec_lab.causal.sem.specification import specify
from causalrec_lab.causal.sem.syntax import read_model

MEDIATION = "m ~ a*x + w; y ~ b*m + c*x; indirect := a*b; total := c + a*b; share := indirect/total"


def mediation(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, w, e, u = rng.normal(size=(4, n))
    m = 0.5 * x - 0.4 * w + e
    return pd.DataFrame({"x": x, "w": w, "m": m, "y": 0.7 * m + 0.2 * x + u})


def factors(n: int = 500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    f = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n)
    columns = {f"x{i}": (0.6 + 0.1 * i) * f[:, i // 3] + rng.normal(size=n) for i in range(6)}
    return pd.DataFrame(columns)


def test_path_model_equals_least_squares():
    import statsmodels.api as sm

    frame = mediation()
    fit = fit_sem(MEDIATION, frame)
    for outcome, causes in {"m": ["x", "w"], "y": ["m", "x"]}.items():
        peer = sm.OLS(frame[outcome], sm.add_constant(frame[causes])).fit()
        ours = fit.paths[(fit.paths["lhs"] == outcome) & (fit.paths["op"] == "~")].set_index("rhs")
        assert ours.loc[causes, "estimate"].to_numpy() == pytest.approx(peer.params[causes].to_numpy())
        shrink = np.sqrt(peer.df_resid / peer.nobs)  # maximum likelihood divides by n
        assert ours.loc[causes, "std_error"].to_numpy() == pytest.approx(peer.bse[causes].to_numpy() * shrink)
        assert fit.r2[outcome] == pytest.approx(peer.rsquared)
    assert fit.fit_indices["df"] == 1


def test_likelihood_is_that_of_the_two_regressions():
    import statsmodels.api as sm

    frame = mediation()
    peers = [sm.OLS(frame[y], sm.add_constant(frame[xs])).fit() for y, xs in (("m", ["x", "w"]), ("y", ["m", "x"]))]
    fit = fit_sem(MEDIATION, frame).fit_indices
    assert fit["log_likelihood"] == pytest.approx(sum(peer.llf for peer in peers))
    assert fit["AIC"] == pytest.approx(2 * fit["free_parameters"] - 2 * fit["log_likelihood"])


def test_indirect_effect_has_sobels_standard_error():
    fit = fit_sem(MEDIATION, mediation())
    table = fit.paths.set_index("label")
    a, b = table.loc["a"], table.loc["b"]
    sobel = np.hypot(a["estimate"] * b["std_error"], b["estimate"] * a["std_error"])  # Sobel 1982
    ours = fit.indirect("x", "y")
    assert (ours.value, ours.std_error) == pytest.approx((a["estimate"] * b["estimate"], sobel))
    assert (table.loc["indirect", "estimate"], table.loc["indirect", "std_error"]) == pytest.approx(
        (ours.value, ours.std_error)
    )


def test_total_is_direct_plus_indirect_and_paths_are_named():
    fit = fit_sem("v ~ s; c ~ v + s; p ~ c + v + s", mediation().set_axis(["s", "v", "c", "p"], axis=1))
    effects = fit.path_effects("s", "p")
    assert set(effects) == {"s->p", "s->v->p", "s->c->p", "s->v->c->p", "total"}
    parts = [e.value for name, e in effects.items() if name != "total"]
    assert effects["total"].value == pytest.approx(sum(parts))
    assert fit.total("s", "p").value == pytest.approx(fit.direct("s", "p").value + fit.indirect("s", "p").value)
    through = fit.indirect("s", "p", through="c").value
    assert through == pytest.approx(effects["s->c->p"].value + effects["s->v->c->p"].value)


def test_gradient_and_jacobian_equal_differences():
    frame = factors()
    spec = specify(read_model("f =~ x0 + l*x1 + x2; g =~ x3 + l*x4 + x5; g ~ f; x0 ~~ x3"), frame.columns)
    moments = Moments(spec, sample_of(len(frame), frame.to_numpy().mean(axis=0), np.cov(frame.to_numpy().T, bias=True)))
    theta = np.random.default_rng(1).uniform(0.4, 1.2, len(spec.free))
    gradient, _ = moments.gradient_and_information(theta)
    jacobian = moments.jacobians(theta)[0]
    for k in range(len(theta)):
        step = np.eye(len(theta))[k] * 1e-6
        slope = (moments.discrepancy(theta + step) - moments.discrepancy(theta - step)) / 2e-6
        assert gradient[k] == pytest.approx(slope, abs=1e-6)
        change = (moments.implied(theta + step) - moments.implied(theta - step)) / 2e-6
        assert np.abs(jacobian[k] - change).max() < 1e-6


def test_expected_information_is_the_curvature_at_a_perfect_fit():
    frame = factors()
    spec = specify(read_model("f =~ x0 + x1 + x2; g =~ x3 + x4 + x5"), frame.columns)
    theta = fit_sem("f =~ x0 + x1 + x2; g =~ x3 + x4 + x5", frame).theta
    zero = np.zeros(6)
    moments = Moments(spec, sample_of(500, zero, Moments(spec, sample_of(500, zero, np.eye(6))).implied(theta)))
    information = moments.gradient_and_information(theta)[1]
    for k in range(len(theta)):
        step = np.eye(len(theta))[k] * 1e-5
        ahead, behind = (moments.gradient_and_information(theta + s)[0] for s in (step, -step))
        assert (ahead - behind) / 2e-5 == pytest.approx(information[k], abs=1e-5)


def test_labels_shared_are_one_parameter_and_fixed_ones_stay():
    fit = fit_sem("f =~ x0 + l*x1 + l*x2; g =~ NA*x3 + x4 + x5; g ~~ 1*g; f ~~ 0*g", factors())
    table = fit.paths.set_index(["lhs", "op", "rhs"])
    assert table.loc[("f", "=~", "x1"), "estimate"] == table.loc[("f", "=~", "x2"), "estimate"]
    assert table.loc[("g", "~~", "g"), "estimate"] == 1
    assert table.loc[("f", "~~", "g"), "estimate"] == 0
    assert not table.loc[("f", "~~", "g"), "free"]
    assert table.loc[("g", "=~", "x3"), "std_error"] > 0


@pytest.mark.parametrize("seed", range(12))
def test_optimum_is_no_worse_than_a_general_optimiser_finds_in_any_units(seed):
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    units = 10.0 ** rng.integers(-3, 4, size=6)
    frame = factors(200, seed) * units
    fit = fit_sem("f =~ x0 + x1 + x2; g =~ x3 + x4 + x5; g ~ f", frame)
    moments = Moments(fit.specification, fit.sample)
    best, scale = moments.discrepancy(fit.theta), moments.units(fit.theta)
    for _ in range(2):
        start = fit.theta / scale * rng.uniform(0.7, 1.3, len(scale))
        found = minimize(lambda z: min(moments.discrepancy(z * scale), 1e6), start, method="BFGS")
        assert best <= found.fun + 1e-8
    plain = fit_sem("f =~ x0 + x1 + x2; g =~ x3 + x4 + x5; g ~ f", frame / units)
    assert fit.fit_indices["chi2"] == pytest.approx(plain.fit_indices["chi2"], rel=1e-6)
    assert fit.paths["standardised"].to_numpy() == pytest.approx(plain.paths["standardised"].to_numpy(), rel=1e-5)


def test_slow_problem_converges_by_newton():
    rng = np.random.default_rng(36)  # weak indicators: scoring alone needs hundreds of rounds
    f = rng.normal(size=(200, 2)) @ np.array([[1, 0.4], [0, 0.9]])
    frame = pd.DataFrame({f"x{i}": 0.35 * f[:, i // 3] + rng.normal(size=200) for i in range(6)})
    fit = fit_sem("f =~ x0 + x1 + x2; g =~ x3 + x4 + x5", frame)
    gradient, information = Moments(fit.specification, fit.sample).gradient_and_information(fit.theta)
    assert np.abs(gradient / np.sqrt(np.diag(information))).max() < 1e-6


def test_covariance_and_n_equal_rows():
    frame = factors()
    model = "f =~ x0 + x1 + x2; g =~ x3 + x4 + x5"
    rows, matrix = fit_sem(model, frame), fit_sem(model, frame.cov(), n=len(frame))
    pd.testing.assert_frame_equal(rows.paths, matrix.paths)
    plain = fit_sem(model, frame.cov(ddof=0), n=len(frame), rescale=False)
    assert plain.fit_indices.to_numpy() == pytest.approx(rows.fit_indices.to_numpy())


def test_graph_and_text_are_the_same_model():
    graph = CausalGraph("x -> m -> y; w -> m; h -> m; h -> y; x <-> w", latent=["h"])
    ours = fit_sem(graph, mediation()).paths.set_index(["lhs", "op", "rhs"])["estimate"]
    text = fit_sem("m ~ x + w; y ~ m; m ~~ y; x ~~ w", mediation()).paths.set_index(["lhs", "op", "rhs"])["estimate"]
    assert ours[("y", "~", "m")] == pytest.approx(text[("y", "~", "m")])
    assert ours[("m", "~~", "y")] == pytest.approx(text[("m", "~~", "y")])
    assert len(ours) == len(text)


def test_graph_with_measured_latent_is_a_factor_model():
    graph = CausalGraph("f -> x0, x1, x2; g -> x3, x4, x5; f -> g", latent=["f", "g"])
    text = "f =~ x0 + x1 + x2; g =~ x3 + x4 + x5; g ~ f"
    assert fit_sem(graph, factors()).fit_indices["chi2"] == pytest.approx(fit_sem(text, factors()).fit_indices["chi2"])


def test_instrument_as_a_residual_covariance_recovers_the_effect():
    rng = np.random.default_rng(0)
    h, z, e, u = rng.normal(size=(4, 20_000))
    t = z + h + e
    frame = pd.DataFrame({"z": z, "t": t, "y": 0.5 * t + h + u})
    fit = fit_sem(CausalGraph("z -> t -> y; t <-> y"), frame)
    wald = np.cov(frame["z"], frame["y"])[0, 1] / np.cov(frame["z"], frame["t"])[0, 1]
    assert fit.direct("t", "y").value == pytest.approx(wald)
    assert fit.direct("t", "y").covers(0.5)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("f =~ x0 + x1", ["x0 ~~ x0", "x1 ~~ x1", "f ~~ f", "f =~ x1"]),
        ("x0 ~ x1; x1 ~ x0", ["x0 ~ x1", "x1 ~ x0"]),
        ("x1 ~ x0; x0 ~~ x1", ["x1 ~ x0", "x0 ~~ x1"]),
    ],
)
def test_underidentified_models_name_the_parameters(model, names):
    with pytest.raises(UnderidentifiedError) as caught:
        fit_sem(model, factors())
    assert all(name in str(caught.value) for name in names)


def test_identified_parts_are_not_blamed():
    with pytest.raises(UnderidentifiedError) as caught:
        fit_sem("f =~ x0 + x1; y1 =~ x2 + x3 + x4; f ~~ 0*y1", factors())
    assert "f =~ x1" in str(caught.value)
    assert "y1 =~ x3" not in str(caught.value)


def test_heywood_case_is_said():
    S = pd.DataFrame([[1, 0.8, 0.8], [0.8, 1, 0.5], [0.8, 0.5, 1]], index=list("abc"), columns=list("abc"))
    with pytest.warns(UserWarning, match="residual variance of 'a'"):
        fit = fit_sem("f =~ a + b + c", S, n=100)
    assert "Heywood" in fit.notes[0]
    assert fit.paths.set_index(["lhs", "op", "rhs"]).loc[("a", "~~", "a"), "estimate"] == pytest.approx(
        (1 - 0.64 / 0.5) * 0.99
    )


def test_good_fit_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit_sem("f =~ x0 + x1 + x2; g =~ x3 + x4 + x5", factors()).notes == ()


@pytest.mark.parametrize(
    ("model", "frame", "message"),
    [
        ("y ~ mm", mediation(), "did you mean 'm'"),
        ("y ~ m; y ~ m", mediation(), "stated twice"),
        ("y ~ f", mediation(), "f =~ …"),
        ("y ~ m", pd.concat([mediation(), mediation()], axis=1), "column 'x' stands in the data more than once"),
        ("y ~ y", mediation(), "its own cause"),
        ("y ? m", mediation(), "cannot read 'y \\? m'"),
        ("y ~ log(1)*m", mediation(), "not kept here"),
        ("y ~ b*m; ab := a*b", mediation(), "'a' is no label"),
        ("y ~ b*m; z := __import__('os')", mediation(), "no label|no arithmetic"),
        ("y ~ b*m; b > 0", mediation(), "bounds are not kept"),
        ("m =~ x + w + y", mediation(), "also a column"),
        ("y ~ m", mediation().assign(m=1.0), "column 'm' is constant"),
        ("y ~ m + x + z", mediation().assign(z=lambda f: f["m"] - f["x"]), "collinear"),
        ("y ~ m", mediation().assign(m=np.nan), "no value"),
        ("y ~ m", mediation().astype({"m": str}), "holds no numbers"),
        ("y ~ m + x + w", mediation().head(4), "4 rows are too few for 4 variables"),
        ("y ~ m", mediation().cov(), "looks like a covariance"),
        ("", mediation(), "the model is empty"),
    ],
)
def test_bad_input_says_what_is_wrong(model, frame, message):
    with pytest.raises(ValueError, match=message):
        fit_sem(model, frame)


def test_unknown_path_and_variable_are_errors():
    fit = fit_sem(MEDIATION, mediation())
    with pytest.raises(ValueError, match="no arrow y -> x"):
        fit.path("y -> x")
    with pytest.raises(ValueError, match="no indirect path"):
        fit.indirect("m", "y")
    with pytest.raises(ValueError, match="no variable of the model"):
        fit.total("xx", "y")


def test_what_cannot_converge_is_an_error_with_a_way_out(monkeypatch):
    monkeypatch.setattr("causalrec_lab.causal.sem.search.ROUNDS", 1)
    with pytest.raises(ConvergenceError, match="three indicators that correlate"):
        fit_sem("f =~ x0 + x1 + x2; g =~ x3 + x4 + x5", factors())


def test_expressions_reckon_and_refuse():
    assert evaluate("2*a^2 - (b + 1)/4 + exp(log(a))", {"a": 3, "b": 7}) == pytest.approx(19)
    for text in ("a.real", "[1]", "a if b else 1", "open(a)", "'x'", "a(1)", "True"):
        with pytest.raises(ValueError, match=r"no arithmetic|cannot read|no label"):
            evaluate(text, {"a": 1, "b": 2})


def test_html_and_estimates_are_deterministic():
    one, two = fit_sem(MEDIATION, mediation()), fit_sem(MEDIATION, mediation())
    assert one._repr_html_() == two._repr_html_()
    assert one.indirect("x", "y") == two.indirect("x", "y")
