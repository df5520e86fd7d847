"""Mediation in corners: interactions against enumeration, shifts of the outcome, input that slips through."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import CausalGraph, mediation

ESTIMATORS = (mediation.g_formula, mediation.multiply_robust)


def chances(t_m, t_y, x, m):
    """P(m = 1) and E[y]: treatment and mediator interact, and so do treatment and x."""
    return 0.2 + 0.3 * t_m + 0.2 * x + 0.1 * t_m * x, 1 + t_y - 0.5 * x + 2 * m + 1.5 * t_y * m


def cells() -> pd.DataFrame:
    """Every cell of a world with one mediator, with its chance; the outcome is its mean."""
    rows = []
    for x, t, m in itertools.product((0, 1), repeat=3):
        passed, y = chances(t, t, x, m)
        e = 0.3 + 0.4 * x
        rows.append((x, t, m, y, 0.5 * (e if t else 1 - e) * (passed if m else 1 - passed)))
    return pd.concat([pd.DataFrame(rows, columns=["x", "t", "m", "y", "weight"])] * 400, ignore_index=True)


def mean(t_m, t_y):
    total = 0.0
    for x, m in itertools.product((0, 1), repeat=2):
        passed, y = chances(t_m, t_y, x, m)
        total += 0.5 * (passed if m else 1 - passed) * y
    return total


@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("estimate", ESTIMATORS)
def test_interaction_of_treatment_and_mediator_is_enumerated(estimate, shift):
    frame = cells().assign(y=lambda f: f["y"] + shift)
    found = estimate(frame, "t", "m", "y", ["x"], weights="weight", set_to={"m": 0})
    exact = {
        "NDE": mean(0, 1) - mean(0, 0), "NIE": mean(1, 0) - mean(0, 0), "TIE": mean(1, 1) - mean(0, 1),
        "total": mean(1, 1) - mean(0, 0), "CDE": 1.0,
    }  # fmt: skip
    exact["interaction"] = exact["total"] - exact["NDE"] - exact["NIE"]
    assert exact["interaction"] > 0.1
    for name, value in exact.items():
        assert found[name].value == pytest.approx(value, abs=2e-3), name
    assert found["NDE"].value + found["TIE"].value == pytest.approx(found["total"].value, abs=1e-9 * (1 + shift))


def log(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, u, e = rng.normal(size=(3, n))
    t = (rng.random(n) < 1 / (1 + np.exp(-0.5 * x))).astype(float)
    m = (rng.random(n) < 1 / (1 + np.exp(0.2 - 0.8 * t - 0.5 * x))).astype(float)
    k = m * (rng.random(n) < 1 / (1 + np.exp(-0.3 * t - 0.5 * u)))
    return pd.DataFrame({"t": t, "m": m, "k": k, "y": t + m + k + 0.3 * x + e, "x": x, "u": u})


@pytest.mark.parametrize("estimate", [*ESTIMATORS, mediation.linear])
def test_a_shift_or_another_unit_of_the_outcome_changes_no_effect(estimate):
    frame = log(800, 1)
    text = np.random.default_rng(2).normal(size=(800, 10)) + frame[["u"]].to_numpy()
    plain = estimate(frame, "t", ["m", "k"], "y", ["x"], embeddings=text)
    for factor, shift in ((1.0, 1e6), (1e4, -1e7)):
        moved = estimate(
            frame.assign(y=factor * frame["y"] + shift), "t", ["m", "k"], "y", ["x"], embeddings=text
        )  # fmt: skip
        for name in ("NDE", "TIE", "total", "through m"):
            assert moved[name].value / factor == pytest.approx(plain[name].value, abs=1e-4), name
            assert moved[name].std_error / factor == pytest.approx(plain[name].std_error, rel=1e-3), name


@pytest.mark.parametrize("estimate", ESTIMATORS)
def test_poor_overlap_is_said(estimate):
    frame = log(800, 1).assign(t=lambda f: (f["x"] + 0.1 * f["u"] > 0).astype(float))
    assert "overlap is poor" in estimate(frame, "t", "m", "y", ["x"]).total.notes[0]
    assert not any("overlap" in note for note in estimate(log(800, 1), "t", "m", "y", ["x"]).total.notes)


@pytest.mark.parametrize("estimate", ESTIMATORS)
def test_a_state_that_no_row_is_in_has_no_controlled_effect(estimate):
    with pytest.raises(ValueError, match="no untreated row has m = 0, k = 1"):
        estimate(log(800, 1), "t", ["m", "k"], "y", ["x"], set_to={"m": 0, "k": 1})
    with pytest.raises(ValueError, match="give a state for the mediators"):
        estimate(log(800, 1), "t", ["m", "k"], "y", ["x"], set_to="m")
    assert estimate(log(800, 1), "t", ["m", "k"], "y", ["x"], set_to={"m": 0, "k": 0})["CDE"].value == pytest.approx(
        1, abs=0.5
    )


@pytest.mark.parametrize("estimate", [*ESTIMATORS, mediation.linear])
def test_a_mediator_that_stands_twice_is_refused(estimate):
    frame = log(200, 1)
    with pytest.raises(ValueError, match="mediator 'm' stands 2 times"):
        estimate(pd.concat([frame, frame[["m"]]], axis=1), "t", "m", "y", ["x"])


def test_linear_names_the_columns_that_follow_from_each_other():
    frame = log(200, 1).assign(**{"x again": lambda f: 2 * f["x"], "shop": "a"})
    with pytest.raises(ValueError, match="columns x, x again are collinear"):
        mediation.linear(frame, "t", "m", "y", ["x", "x again"])
    with pytest.raises(ValueError, match="columns m, t are collinear"):
        mediation.linear(frame.assign(m=frame["t"]), "t", "m", "y", ["x"])


def test_rho_takes_one_value_and_refuses_what_has_no_curve():
    frame = log(300, 1)
    one = mediation.rho_curve(frame, "t", "m", "y", ["x"], rho=0.3).table
    several = mediation.rho_curve(frame, "t", "m", "y", ["x"], rho=[0.1, 0.3]).table
    pd.testing.assert_series_equal(one.loc[0.3], several.loc[0.3])
    for rho, message in (([], "holds no value"), ([0.1, np.nan], "rho=nan"), (1.0, "rho=1")):
        with pytest.raises(ValueError, match=message):
            mediation.rho_curve(frame, "t", "m", "y", ["x"], rho=rho)
    with pytest.raises(ValueError, match="'m' follows from treatment and covariates"):
        mediation.rho_curve(frame.assign(m=1 - frame["t"]), "t", "m", "y", ["x"])
    with pytest.raises(ValueError, match="'y' follows from 'm'"):
        mediation.rho_curve(frame.assign(m=3 * frame["y"]), "t", "m", "y", ["x"])


def test_the_bounding_factor_of_an_endless_ratio_is_refused():
    with pytest.raises(ValueError, match="rr_outcome=inf"):
        mediation.bounding_factor(2.0, np.inf)


def test_one_covariate_may_be_named_without_a_list():
    graph = CausalGraph("t -> m -> y; t -> y; age -> m; age -> y")
    assert "m and y stay confounded" in mediation.problem(graph, "t", "m", "y")
    assert mediation.problem(graph, "t", "m", "y", "age") == ""
