import numpy as np
import pandas as pd
import pytest

from causalrec_lab import Estimate
from causalrec_lab.causal.trust.candidates import candidates
from causalrec_lab.causal.trust.question import ask
from causalrec_lab.causal.trust.ranking import rank
from causalrec_lab.causal.trust.report import trust
from causalrec_lab.causal.trust.twins import measured, run_once, summarise, twin_of, unit_of
from causalrec_lab.causal.trust.words import sentence


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    n = 400
    x, t = rng.normal(size=n), rng.integers(0, 2, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-0.5 * x - 0.4 * t))).astype(int)
    return pd.DataFrame({"t": t, "y": y, "x": x})


def test_words_for_no_and_yes_are_read_and_told(table):
    words = table.assign(t=np.where(table["t"] == 1, " Yes", "no"), y=np.where(table["y"] == 1, "true", "FALSE"))
    asked = ask(words, "t", "y", ["x"])
    assert (asked.frame[["t", "y"]] == table[["t", "y"]]).all(axis=None)
    assert "'yes' is read as 1" in asked.notes[0]
    with pytest.raises(ValueError, match=r"treatment 't' holds words, first at row 0: '(old|new)'; give numbers, 0"):
        ask(table.assign(t=np.where(table["t"] == 1, "new", "old")), "t", "y", ["x"])


def test_gaps_in_covariates_are_filled_marked_and_told(table):
    gap = np.arange(len(table)) % 7 == 0
    asked = ask(table.assign(x=table["x"].mask(gap), c=pd.Series(["a", "b"] * 200).mask(gap)), "t", "y", ["x", "c"])
    assert asked.covariates == ("x", "c", "x is missing")
    assert (asked.frame["x is missing"] == gap).all()
    assert asked.frame.loc[gap, "x"].eq(table["x"].mask(gap).median()).all()
    assert asked.frame.loc[gap, "c"].eq("missing").all()
    assert "58 of 400 values of 'x' are missing" in asked.notes[0]


def test_columns_that_cannot_be_covariates_are_left_out_with_the_reason(table):
    rows = table.assign(
        customer_id=range(400), number=range(7, 407), copy=table["y"] * 3 + 1, arm_name=np.where(table["t"], "a", "b"),
        when=pd.date_range("2024-01-01", periods=400), note=[f"text {i}" for i in range(400)], cart=table["y"],
    )  # fmt: skip
    asked = ask(rows, "t", "y")
    assert asked.covariates == ("x",)
    reasons = {
        "customer_id": "it tells which row", "number": "it is another whole", "copy": "it tells 'y' exactly",
        "arm_name": "it tells 't' exactly", "when": "it is a time", "note": "it holds 400", "cart": "by its name",
    }  # fmt: skip
    for name, why in reasons.items():
        assert f"{name!r}, {why}" in asked.notes[1]


@pytest.mark.parametrize(
    ("made", "covariates", "said"),
    [
        ({"copy": lambda d: 2 - d["y"]}, ["x", "copy"], "'copy' tells the outcome 'y' exactly"),
        ({"group": lambda d: np.where(d["t"] == 1, "a", "b")}, ["group"], "'group' tells the treatment 't' exactly"),
        ({"gone": lambda d: np.nan}, ["gone"], "'gone' is empty"),
        ({"user_id": lambda d: 7}, ["x"], "'user_id' has 1 different values"),
    ],
)
def test_covariates_that_say_too_much_or_nothing_are_refused(table, made, covariates, said):
    with pytest.raises(ValueError, match=said):
        ask(table.assign(**made), "t", "y", covariates)


def test_columns_that_never_vary_are_left_out_even_if_named(table):
    asked = ask(table.assign(c=3, d="same"), "t", "y", ["c", "x", "d"])
    assert asked.covariates == ("x",)
    assert "do not vary: c, d" in asked.notes[0]


def test_a_treatment_of_three_levels_is_refused_with_the_way_to_two(table):
    with pytest.raises(ValueError, match=r"'t' has 3 levels \(0, 1, 2\).*keep the rows of two levels"):
        ask(table.assign(t=np.arange(400) % 3), "t", "y", ["x"])


def test_a_covariate_called_treated_stands_beside_another_treatment(table):
    from causalrec_lab.causal.trust.report import _quality

    found = _quality(ask(table.rename(columns={"x": "treated"}), "t", "y", ["treated"]))
    assert found.overlap is not None


def test_treatment_and_outcome_are_two_columns(table):
    with pytest.raises(ValueError, match="both 't'"):
        ask(table, "t", "t", ["x"])


@pytest.mark.parametrize(
    ("change", "said"), [({"level": 95}, "level=95"), ({"rows": 3}, "rows=3"), ({"jobs": 0}, "jobs=0")]
)
def test_options_out_of_range_are_refused(table, change, said):
    with pytest.raises(ValueError, match=said):
        trust(table, "t", "y", ["x"], **change)


def test_errors_are_told_in_the_unit_of_the_log(table):
    dollars = table.assign(y=1_000.0 * np.random.default_rng(1).integers(1, 6, 400))
    asked = ask(dollars, "t", "y", ["x"])
    unit, told = unit_of(measured(asked, 0), asked)
    high = (dollars["y"] > 3_000).std(ddof=0)  # of five stars, four and more count
    assert unit == pytest.approx(dollars["y"].std(ddof=0) / high)
    assert "by standard deviations" in told


def test_an_outcome_with_negative_values_has_twins(table):
    asked = ask(table.assign(y=-5 + table["y"] + np.random.default_rng(2).normal(size=400)), "t", "y", ["x"])
    log = measured(asked, 0)
    assert unit_of(log, asked)[0] == pytest.approx(2 * asked.frame["y"].std(ddof=0))
    assert twin_of(asked, 0.0, 0, log).truth.value < 1


def test_words_as_covariates_are_what_a_twin_is_made_like(table):
    """They were left out of the likeness, and adjusted for all the same."""
    asked = ask(table.assign(c=np.where(table["x"] > 0, "high", "low")), "t", "y", ["c"])
    assert list(asked.features) == ["c=low"]
    assert (asked.dataset.decisions["c=low"] == (table["x"] <= 0)).all()


def test_a_log_without_covariates_has_twins_without(table):
    asked = ask(table, "t", "y", [])
    twin = twin_of(asked, 0.0, 0)
    rows = run_once(twin, candidates(["naive", "regression"]), asked, 2_000, 0.95, 1)
    assert np.ptp(rows["value"]) < 1e-9
    log = twin.platform.log(60_000, 5).decisions
    e = log["treated"].groupby(pd.qcut(log["affinity_hat"], 4)).mean()
    assert e.max() - e.min() < 0.03  # where nothing is seen and nothing hidden, chance alone decides


def _runs(hits, n, error=0.0, spread=1.0):
    errors = error + spread * np.linspace(-1, 1, n)
    rows = {"estimator": "a", "strength": 0.0, "value": errors, "std_error": 1.0, "low": errors - 2, "high": errors + 2}
    return pd.DataFrame(rows | {"covered": np.arange(n) < hits, "warned": False, "problem": ""})


@pytest.mark.parametrize(("hits", "n", "standing"), [(2, 2, "undecided"), (57, 60, "holds"), (53, 60, "undecided")])
def test_few_logs_do_not_show_that_an_interval_holds(hits, n, standing):
    measured = summarise(_runs(hits, n), {0.0: 0.0})
    assert rank(measured, {"a": Estimate(0.0, 0.5)}, 0.95).loc["a", "standing"] == standing


def test_a_longer_log_is_ranked_by_bias_and_a_short_one_by_spread():
    biased, wide = _runs(57, 60, 0.5, 0.1), _runs(57, 60, 0.0, 2.0).assign(estimator="b")
    measured = summarise(pd.concat([biased, wide]), {0.0: 0.0})
    there = {"a": Estimate(0.0, 0.5), "b": Estimate(0.0, 0.5)}
    assert list(rank(measured, there, 0.95).index) == ["a", "b"]
    assert list(rank(measured, there, 0.95, shrink=0.01).index) == ["b", "a"]


def test_summary_in_another_unit_leaves_shares_as_they_are():
    plain, dear = (summarise(_runs(57, 60), {0.0: 0.5}, unit).iloc[0] for unit in (1.0, 100.0))
    assert dear["coverage"] == plain["coverage"]
    for name in ("truth", "bias", "bias_low", "sd", "rmse", "length"):
        assert dear[name] == pytest.approx(100 * plain[name])


@pytest.mark.parametrize(("bias", "said"), [(5.0, "could be all of the effect"), (0.5, "one of another kind")])
@pytest.mark.parametrize("value", [2.0, -2.0])
def test_a_bias_beyond_the_interval_overturns_it_in_either_direction(table, value, bias, said):
    """A bias larger than the interval's far end overturns an estimate all the more."""
    from types import SimpleNamespace

    clear, hidden = _runs(57, 60), _runs(57, 60, bias).assign(strength=1.0)
    measured = summarise(pd.concat([clear, hidden]), {0.0: 0.0, 1.0: 0.0})
    estimates = {"a": Estimate(value, 0.5)}
    report = SimpleNamespace(
        question=ask(table, "t", "y", ["x"]), ranking=rank(measured, estimates, 0.95), measured=measured,
        estimates=estimates, problems={}, best="a", level=0.95, replications=60, rows=400, twins=(1, 2), unlike={},
    )  # fmt: skip
    assert said in sentence(report)
