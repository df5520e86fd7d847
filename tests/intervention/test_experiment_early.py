"""Early and uneven looks: small samples, arms without an event, ramps, looks that crowd."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import experiment
from causalrec_lab.intervention.experiment.early import as_normal, as_student, steadied, worth
from causalrec_lab.intervention.experiment.looks import spending_boundary

COLUMNS = ["count_control", "mean_control", "variance_control", "count_treated", "mean_treated", "variance_treated"]


def totals_after_each(y, t):
    """Counts, means and variances after every unit, from the first look with two units in each arm."""
    parts = []
    for arm in (0, 1):
        n, s, q = (np.cumsum(part) for part in (t == arm, y * (t == arm), y**2 * (t == arm)))
        with np.errstate(all="ignore"):
            parts += [n, s / n, np.maximum(q - s**2 / n, 0) / (n - 1)]
    table = pd.DataFrame(dict(zip(COLUMNS, parts, strict=True)))
    return table[(table["count_control"] >= 2) & (table["count_treated"] >= 2)]


@pytest.mark.parametrize(("share", "rate"), [(0.5, 0.5), (0.9, 0.1), (0.9, 0.02)])
@pytest.mark.parametrize("method", ["asymptotic", "mixture", "pocock"])
def test_looking_after_every_unit_keeps_the_error(share, rate, method):
    rng, called, runs = np.random.default_rng(1), 0, 120
    for _ in range(runs):
        t = (rng.uniform(size=400) < share).astype(int)
        table = totals_after_each((rng.uniform(size=400) < rate).astype(float), t)
        if method == "pocock":
            table = table.iloc[::90]
        seen = experiment.follow(table, method=method, horizon=400, effect_scale=0.1)
        called += seen.called is not None
    assert called <= 19  # binomial(120, .05), p < 1e-5; a plain z calls 30 to 40 of 120 with an arm of a tenth


def test_an_arm_without_an_event_is_no_certainty():
    frame = pd.DataFrame({"arm": ["control", "new"] * 50, "y": [0, 1] * 2 + [0, 1, 1, 0] * 24})
    frame["day"] = np.repeat(np.arange(50), 2)
    seen = experiment.monitor(frame, "y", horizon=100)
    assert seen.called is None
    assert np.isinf(seen.table["low"].iloc[0])  # 0, 0 against 1, 1: nothing tells the spread
    early = experiment.analyse(frame.iloc[:4], "y", sequential="asymptotic", horizon=100)["new"]
    assert early.interval == (-np.inf, np.inf)
    assert early.diagnostics["p_value"] == 1.0


def test_the_sequence_of_a_large_sample_is_the_plain_one():
    variance, count = np.array([[2.0, 3.0]]), np.array([[1e6, 2e6]])
    assert steadied(variance, count) == pytest.approx(variance, rel=1e-4)
    assert steadied(np.array([0.0, 0.2]), np.array([11.0, 31.0])) == pytest.approx([0.15 * 25 / 35, 9.75 / 55])
    assert worth(np.array([[50.0, 50.0], [10.0, 90.0]])) == pytest.approx([100, 36])


def test_student_s_distance_is_the_normal_s():
    special = pytest.importorskip("scipy.special")
    for freedom in (3.0, 10.0, 200.0):
        t = np.array([0.5, 2.0, 4.0])
        exact = -special.ndtri(special.stdtr(freedom, -t))
        assert as_normal(t, freedom) == pytest.approx(exact, rel=0.01)
        assert as_student(as_normal(t, freedom), freedom) == pytest.approx(t)


def test_monitor_and_analyse_agree():
    rng = np.random.default_rng(3)
    arm = rng.choice(["control", "new"], 60, p=[0.3, 0.7])
    frame = pd.DataFrame({"arm": arm, "y": rng.gamma(1.0, size=60), "day": 0})
    seen = experiment.monitor(frame, "y", horizon=500)
    once = experiment.analyse(frame, "y", sequential="asymptotic", horizon=500)["new"]
    assert once.interval == pytest.approx(tuple(seen.table[["low", "high"]].iloc[0]))
    assert once.diagnostics["p_value"] == pytest.approx(seen.table["p_value"].iloc[0])


def test_looks_depend_by_what_arms_are_worth():
    ramp = pd.DataFrame([[1_980.0, 0, 1, 20.0, 0, 1], [2_980.0, 0, 1, 1_020.0, 0, 1]], columns=COLUMNS, index=[1, 2])
    information = worth(ramp[["count_control", "count_treated"]].to_numpy())
    found = spending_boundary(information.tolist(), [0.5, 1.0], "pocock", 0.95)
    alone = experiment.group_sequential([0.5, 1.0], "pocock").critical
    assert found.critical[1] > alone[1] + 0.03  # the first look tells a fortieth: the two hardly depend on each other
    assert experiment.crossing(information, found.critical)[-1] == pytest.approx(0.05, abs=1e-6)
    assert experiment.crossing(information, alone)[-1] > 0.052
    seen = experiment.follow(ramp, method="pocock", horizon=4_000).table
    wide = ((seen["high"] - seen["difference"]) / seen["std_error"]).iloc[1]
    assert wide == pytest.approx(found.critical[1], rel=0.01)


def test_looks_that_crowd_are_refused_or_left_out():
    with pytest.raises(ValueError, match=r"look 2 at 0\.50001"):
        experiment.group_sequential([0.5, 0.50001, 1.0])
    frame = pd.DataFrame({"arm": ["control", "new"] * 3_000, "y": np.random.default_rng(4).normal(size=6_000)})
    frame["day"] = np.maximum(np.arange(6_000) // 2 - 2_800, 0)
    seen = experiment.monitor(frame, "y", horizon=6_000, method="obrien-fleming")
    assert any("hardly anything was new" in note for note in seen.notes)
    with pytest.raises(ValueError, match=r"at least [0-9]+%"):
        experiment.monitor(frame, "y", method="fixed")


def test_shares_that_move_are_said_and_days_in_text_refused():
    rng = np.random.default_rng(5)
    day = np.repeat([0, 1], 500)
    ramp = pd.DataFrame({"day": day, "arm": np.where(rng.uniform(size=1_000) < 0.1 + 0.4 * day, "new", "control")})
    ramp["y"] = rng.normal(size=1_000) + day  # a season, no effect
    seen = experiment.monitor(ramp, "y", horizon=1_000)
    assert seen.called is not None
    assert any("shares moved over the days" in note for note in seen.notes)
    even = ramp.assign(arm=rng.choice(["control", "new"], 1_000))
    assert not experiment.monitor(even, "y", horizon=1_000).notes
    with pytest.raises(ValueError, match="holds days as"):
        experiment.monitor(even.assign(day=even["day"].astype(str)), "y", horizon=1_000)
