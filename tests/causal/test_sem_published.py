"""fit_sem beside figures others printed: lavaan's fits, scaled statistics, modification indices, a growth curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data
from causalrec_lab.causal import fit_sem
from causalrec_lab.causal.sem import nested_test
from causalrec_lab.causal.sem.published_fits import names, published

HOLZINGER = published("holzinger").model


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    try:
        return data.load("holzinger").extra["scores"]
    except OSError as error:
        pytest.skip(f"Holzinger-Swineford scores are not to be had: {error}")


@pytest.mark.parametrize("name", [n for n in names() if published(n).covariance is not None])
def test_published_fits_to_three_decimals(name):
    case = published(name)
    table = case.beside(fit_sem(case.model, case.covariance, n=case.n))
    assert len(table) > 15
    assert table["equal"].all(), table[~table["equal"]]


def test_holzinger_to_three_decimals(scores):
    table = published("holzinger").beside(fit_sem(HOLZINGER, scores))
    assert table["equal"].all(), table[~table["equal"]]


def test_unknown_published_fit():
    with pytest.raises(ValueError, match="alienation"):
        published("aliens")


def test_standardised_solution_of_democracy():
    """std.all as lavaan's tutorial, "A SEM example", prints it: residual covariances become residual correlations."""
    case = published("democracy")
    fit = fit_sem(case.model, case.covariance, n=case.n)
    table = fit.paths.set_index(["lhs", "op", "rhs"])["standardised"].round(3)
    expected = {
        ("ind60", "=~", "x2"): 0.973, ("dem60", "=~", "y4"): 0.846, ("dem60", "~", "ind60"): 0.447,
        ("dem65", "~", "ind60"): 0.182, ("dem65", "~", "dem60"): 0.885, ("y1", "~~", "y5"): 0.296,
        ("y2", "~~", "y4"): 0.273, ("y6", "~~", "y8"): 0.338, ("dem65", "~~", "dem65"): 0.039,
    }  # fmt: skip
    assert {key: table[key] for key in expected} == expected
    latents = fit.standardised(latents_only=True).set_index(["lhs", "op", "rhs"])["estimate"].round(3)
    assert latents[("dem60", "=~", "y1")] == 2.223


def test_equal_loadings_by_label_and_by_constraint():
    """The example on lavaan's help page of sem(); its chi-square is recomputed, no printed source opened."""
    case = published("democracy")
    labels = case.model.replace("y2 + y3 + y4", "a*y2 + b*y3 + c*y4").replace("y6 + y7 + y8", "{}*y6 + {}*y7 + {}*y8")
    shared = fit_sem(labels.format("a", "b", "c"), case.covariance, n=case.n)
    bound = fit_sem(labels.format("d", "e", "f") + "\na == d; b == e; c == f", case.covariance, n=case.n)
    assert shared.fit_indices["df"] == bound.fit_indices["df"] == 38
    assert round(shared.fit_indices["chi2"], 3) == 40.179
    assert bound.fit_indices["chi2"] == pytest.approx(shared.fit_indices["chi2"], rel=1e-8)
    assert bound.paths["std_error"].to_numpy() == pytest.approx(shared.paths["std_error"].to_numpy(), rel=1e-6)


def test_mlr_fit_of_holzinger_equals_lavaan(scores):
    """Printed by lavaan 0.6-20 in the reference of lavaanExtra (rempsyc/lavaanExtra, reference/cfa_fit_plot.md)."""
    fit = fit_sem(HOLZINGER, scores, estimator="MLR")
    printed = {
        "chi2_scaled": 87.132, "scaling_factor": 0.979, "baseline_chi2_scaled": 880.082, "CFI_scaled": 0.925,
        "TLI_scaled": 0.888, "CFI_robust": 0.930, "TLI_robust": 0.895, "RMSEA_scaled": 0.093, "RMSEA_low_scaled": 0.073,
        "RMSEA_high_scaled": 0.115, "RMSEA_robust": 0.092, "SRMR": 0.065, "AIC": 7517.490, "BIC": 7595.339,
        "free_parameters": 21,
    }  # fmt: skip
    assert {name: round(fit.fit_indices[name], 3) for name in printed} == printed
    errors = [0.0, 0.132, 0.141, 0.0, 0.066, 0.061, 0.0, 0.130, 0.266, 0.156, 0.112, 0.100, 0.050, 0.057, 0.047, 0.097]
    errors += [0.120, 0.119, 0.180, 0.121, 0.107, 0.099, 0.060, 0.056]
    assert fit.paths["std_error"].round(3).tolist() == errors
    assert fit.r2.round(3).tolist() == [0.596, 0.179, 0.338, 0.725, 0.731, 0.702, 0.324, 0.523, 0.442]


def test_mlm_fit_of_holzinger(scores):
    """Figures as lavaan is known to give them; recomputed, no printed source opened."""
    fit = fit_sem(HOLZINGER, scores, estimator="MLM")
    assert (round(fit.fit_indices["chi2_scaled"], 3), round(fit.fit_indices["scaling_factor"], 3)) == (80.872, 1.055)
    table = fit.paths[(fit.paths["op"] == "=~") & fit.paths["free"]]
    assert table["std_error"].round(3).tolist() == [0.103, 0.115, 0.066, 0.060, 0.152, 0.132]


def test_modification_indices_of_holzinger(scores):
    """Printed in lavaan's tutorial, "Modification indices": https://lavaan.ugent.be/tutorial/modindices.html."""
    found = fit_sem(HOLZINGER, scores).modification_indices(10).round(3)
    rows = found[["lhs", "op", "rhs", "index", "change", "standardised_change"]].to_numpy().tolist()
    assert rows == [
        ["visual", "=~", "x9", 36.411, 0.577, 0.515],
        ["x7", "~~", "x8", 34.145, 0.536, 0.859],
        ["visual", "=~", "x7", 18.631, -0.422, -0.349],
        ["x8", "~~", "x9", 14.946, -0.423, -0.805],
    ]


def test_linear_growth_curve_from_covariances_and_means():
    """Air-traffic controllers' learning, n = 140; chi2, CFI and TLI as lavaan's growth() prints them.

    Moments and figures: https://yifengedms.github.io/LSEM/nonlinear-lgm.html
    """
    lower = """93.650 79.637 93.564 72.890 87.718 95.732 62.623 76.941 81.886 86.054 53.342 63.803 69.612 70.611 73.666
    43.820 50.644 54.443 56.446 58.353 59.154 35.183 41.099 46.016 45.494 49.900 46.163 54.169 39.839 44.099 46.105
    44.074 48.345 45.847 49.329 60.528 35.497 39.169 42.262 39.429 42.954 42.950 47.120 54.570 66.183"""
    order = [f"V{k}" for k in range(1, 10)]
    S = np.zeros((9, 9))
    S[np.tril_indices(9)] = np.array(lower.split(), float)
    S = pd.DataFrame(S + np.tril(S, -1).T, index=order, columns=order)
    means = pd.Series([20.121, 25.521, 29.321, 32.400, 34.186, 35.600, 37.729, 39.029, 38.786], index=order)
    model = "level =~ " + " + ".join(f"1*{v}" for v in order) + "\nslope =~ "
    model += " + ".join(f"{k}*{v}" for k, v in enumerate(order)) + "\nlevel ~ 1; slope ~ 1\n"
    fit = fit_sem(model + "\n".join(f"{v} ~ 0*1" for v in order), S, n=140, means=means)
    f = fit.fit_indices
    assert [round(f[k], 3) for k in ("chi2", "df", "baseline_chi2", "CFI", "TLI")] == [
        413.528,
        40,
        1702.962,
        0.776,
        0.798,
    ]
    assert f["free_parameters"] == 14


def test_published_mediation_example():
    """lavaan's tutorial, "Mediation" (n = 100): its coefficients rebuild the moments, and give its standard errors.

    Printed in yrosseel/lavaan.org.old, tutorial.src/mediation.tex.
    """
    a, b, c, residual_m, residual_y = 0.474, 0.788, 0.036, 1.054, 0.898
    x = residual_m / (100 * 0.103**2)
    m = a * a * x + residual_m
    xm, my, xy = a * x, b * m + c * a * x, c * x + a * b * x
    y = c * xy + b * my + residual_y
    S = pd.DataFrame([[x, xm, xy], [xm, m, my], [xy, my, y]], index=list("XMY"), columns=list("XMY"))
    fit = fit_sem("Y ~ c*X; M ~ a*X; Y ~ b*M; ab := a*b; total := c + (a*b)", S, n=100, rescale=False)
    table = fit.paths.set_index("label")
    assert table.loc[["a", "b", "c"], "std_error"].to_numpy() == pytest.approx([0.103, 0.092, 0.104], abs=1.1e-3)
    assert table.loc[["ab", "total"], "estimate"].to_numpy() == pytest.approx([0.374, 0.410], abs=1.1e-3)
    assert table.loc[["ab", "total"], "std_error"].to_numpy() == pytest.approx([0.092, 0.125], abs=1.1e-3)
    assert fit.fit_indices["df"] == 0


def test_nested_models_differ_by_their_chi_squares(scores):
    """The example on lavaan's help page of lavTestLRT(); the difference is recomputed, no printed source opened."""
    free = fit_sem(HOLZINGER, scores)
    apart = fit_sem(HOLZINGER, scores, orthogonal=True)
    cost = nested_test(apart, free)
    assert (round(cost["chi2"], 3), cost["df"]) == (68.222, 3)
    robust = [fit_sem(HOLZINGER, scores, estimator="MLM", orthogonal=o) for o in (True, False)]
    scaled = nested_test(*robust)
    weights = [f.fit_indices["df"] * f.fit_indices["scaling_factor"] for f in robust]
    assert scaled["chi2"] == pytest.approx(cost["chi2"] * 3 / (weights[0] - weights[1]))
    with pytest.raises(ValueError, match="narrower"):
        nested_test(free, apart)
    with pytest.raises(ValueError, match="differ in variables"):
        nested_test(fit_sem("visual =~ x1 + x2 + x3", scores), free)
    with pytest.raises(ValueError, match="estimators 'MLM' and 'ML'"):
        nested_test(robust[0], free)
