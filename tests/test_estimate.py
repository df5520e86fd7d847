"""Estimate, Truth and compare: what every chapter leans on."""

import copy
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from causalrec_lab import Estimate, Truth, compare

finite = st.floats(-1e6, 1e6)
positive = st.floats(1e-6, 1e6)


@given(value=finite, std_error=positive, level=st.floats(0.5, 0.999))
def test_interval_is_wald(value: float, std_error: float, level: float) -> None:
    estimate = Estimate(value, std_error, level=level)
    expected = stats.norm.interval(level, loc=value, scale=std_error)
    np.testing.assert_allclose((estimate.low, estimate.high), expected, rtol=1e-9, atol=1e-9)
    assert estimate.covers(value)
    assert not estimate.covers(estimate.high + 0.01 * std_error)


def test_covers_95_percent_of_normal_draws() -> None:
    draws = np.random.default_rng(0).normal(size=4_000)
    covered = sum(Estimate(x, 1.0).covers(0.0) for x in draws)
    assert stats.binomtest(covered, len(draws), 0.95).pvalue > 1e-6


def test_truth_error_widens_in_quadrature() -> None:
    estimate = Estimate(0.0, 3.0)
    z = stats.norm.ppf(0.975)
    edge = 5.0 * z  # hypot(3, 4) = 5
    assert estimate.covers(Truth(edge - 1e-6, std_error=4.0))
    assert not estimate.covers(Truth(edge + 1e-6, std_error=4.0))
    assert not estimate.covers(edge - 1e-6)


def test_asymmetric_interval_widens_each_half() -> None:
    estimate = Estimate(0.0, 1.0, interval=(-3.0, 0.0))
    assert not estimate.covers(0.5)
    assert estimate.covers(Truth(0.5, std_error=1.0))
    assert not estimate.covers(Truth(2.5, std_error=1.0))


def test_nan_interval_covers_nothing() -> None:
    estimate = Estimate(1.0, math.nan, notes=("no valid standard error: matching on an estimated score",))
    assert not estimate.covers(1.0)
    assert not estimate.covers(Truth(1.0, std_error=1.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"std_error": -1.0}, "standard error is >= 0"),
        ({"std_error": math.nan}, "needs a note that says why"),
        ({"std_error": 1.0, "interval": (2.0, 1.0)}, "lower end lies above"),
        ({"std_error": 1.0, "level": 95}, r"level=95 .* \(0, 1\)"),
        ({"std_error": 1.0, "interval": (0.0, 2.0), "level": 0.0}, "level=0"),
    ],
)
def test_bad_estimates_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Estimate(1.0, **arguments)


def test_truth_refuses_a_negative_error() -> None:
    with pytest.raises(ValueError, match=r"std_error=-0.1"):
        Truth(1.0, -0.1)


@given(value=finite, std_error=positive, gain=finite)
def test_json_round_trip(value: float, std_error: float, gain: float) -> None:
    estimate = Estimate(value, std_error, diagnostics={"gain": gain}, assumptions=("overlap",), notes=("a", "b"), n=7)
    again = Estimate.from_dict(json.loads(json.dumps(estimate.to_dict())))
    assert again == estimate
    assert again.diagnostics["gain"] == gain


def test_unknown_key_is_named() -> None:
    with pytest.raises(ValueError, match="sterror"):
        Estimate.from_dict({"value": 1.0, "std_error": 1.0, "sterror": 2.0})
    with pytest.raises(ValueError, match="'std_error'"):
        Estimate.from_dict({"value": 1.0})


def test_frozen_and_copied_by_value() -> None:
    estimate = Estimate(1.0, 0.5, diagnostics={"ess": 10.0})
    with pytest.raises(TypeError):
        estimate.diagnostics["ess"] = 1.0  # type: ignore[index]
    with pytest.raises(AttributeError):
        estimate.value = 2.0  # type: ignore[misc]
    assert copy.deepcopy(estimate) == estimate
    assert len({estimate, copy.copy(estimate)}) == 1
    assert pickle.loads(pickle.dumps(estimate)) == estimate  # joblib sends estimates between processes


def test_html_is_deterministic_and_escaped() -> None:
    estimate = Estimate(1.0, 0.5, method="<script>alert(1)</script>", notes=("a & b",))
    page = estimate._repr_html_()
    assert page == copy.copy(estimate)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "a &amp; b" in page


def test_compare_sets_estimates_beside_truth() -> None:
    table = compare({"naive": Estimate(2.0, 0.1), "adjusted": Estimate(1.01, 0.1)}, Truth(1.0))
    assert table["covered"].tolist() == [False, True]
    np.testing.assert_allclose(table["error"], [1.0, 0.01])
    own = compare({"naive": Estimate(2.0, 0.1), "adjusted": Estimate(1.01, 0.1)}, {"naive": 2.0, "adjusted": 1.0})
    assert own["covered"].all()
    with pytest.raises(ValueError, match="adjusted"):
        compare({"adjusted": Estimate(1.0, 0.1)}, {"naive": 1.0})


def test_plot_draws_interval_and_truth() -> None:
    ax = Estimate(1.0, 0.5, method="AIPW").plot(truth=Truth(0.9))
    assert any(np.allclose(line.get_xdata(), 0.9) for line in ax.lines if line.get_linestyle() == "--")
    (container,) = ax.containers
    ends = container[2][0].get_segments()[0][:, 0]
    np.testing.assert_allclose(sorted(ends), [1 - 1.95996 * 0.5, 1 + 1.95996 * 0.5], atol=1e-4)
