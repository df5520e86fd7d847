"""Sequential tests against published boundaries, simulated peeking and enumeration."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import experiment
from causalrec_lab.intervention.experiment.laws import always_valid_p, best_ratio, mixture_critical
from causalrec_lab.intervention.experiment.sequences import binomial_sequence, exact_p


def stream(n, days, seed, effect=0.0):
    rng = np.random.default_rng(seed)
    arm = np.where(rng.uniform(size=n) < 0.5, "control", "new")
    before = rng.normal(size=n)
    y = before + rng.normal(size=n) + effect * (arm == "new")
    return pd.DataFrame(
        {"arm": arm, "day": np.arange(n) * days // n, "before": before, "y": y, "click": (y > 1).astype(int)}
    )


def test_boundaries_are_the_published_ones():
    obf = (4.8769, 3.3569, 2.6803, 2.2898, 2.0310)  # five looks, two-sided 5 %, as ldbounds prints them
    pocock = (2.4380, 2.4268, 2.4101, 2.3966, 2.3859)
    assert experiment.group_sequential(5).critical == pytest.approx(obf, abs=5e-4)
    assert experiment.group_sequential(5, "pocock").critical == pytest.approx(pocock, abs=5e-4)
    assert experiment.group_sequential(1).critical == pytest.approx([1.959964], abs=1e-4)


def test_peeking_costs_what_armitage_mcpherson_and_rowe_found():
    for looks, wrong in ((1, 0.05), (2, 0.083), (5, 0.142), (10, 0.193), (20, 0.248)):
        assert experiment.peeking_error(looks) == pytest.approx(wrong, abs=6e-4)


def test_crossing_is_what_walks_do():
    rng = np.random.default_rng(1)
    plan = experiment.group_sequential([0.2, 0.5, 0.7, 1.0], "pocock")
    t = np.array(plan.information)
    steps = rng.normal(size=(200_000, 4)) * np.sqrt(np.diff(t, prepend=0))
    for drift in (0.0, 2.5):
        z = (steps.cumsum(axis=1) + drift * t) / np.sqrt(t)
        crossed = np.maximum.accumulate(np.abs(z) > plan.critical, axis=1).mean(axis=0)
        assert experiment.crossing(plan.information, plan.critical, drift) == pytest.approx(crossed, abs=0.005)
    assert plan.spent[-1] == pytest.approx(0.05)
    assert plan.power(2.5) == pytest.approx(experiment.crossing(plan.information, plan.critical, 2.5)[-1])


def test_dunnetts_values_are_those_of_his_table():
    assert experiment.dunnett([1, 1]) == pytest.approx(1.959964, abs=1e-5)
    assert experiment.dunnett([1, 1, 1]) == pytest.approx(2.212, abs=1e-3)
    assert experiment.dunnett([1, 1, 1, 1]) == pytest.approx(2.349, abs=1e-3)
    rng = np.random.default_rng(2)
    z = rng.normal(size=(400_000, 4)) / np.sqrt([2, 1, 1, 0.5])
    contrast = (z[:, 1:] - z[:, :1]) / np.sqrt(0.5 + 1 / np.array([1, 1, 0.5]))
    assert np.quantile(np.abs(contrast).max(axis=1), 0.95) == pytest.approx(
        experiment.dunnett([2, 1, 1, 0.5]), abs=0.01
    )


def test_the_mixture_s_interval_and_p_agree_and_it_is_tightest_where_it_is_tuned():
    r = np.array([0.01, 1.0, 30.0])
    assert always_valid_p(mixture_critical(r, 0.9), r) == pytest.approx([0.1] * 3)
    n = np.arange(1, 400)
    width = mixture_critical(best_ratio(0.95) * n / 100, 0.95)[99] / 10
    others = [float(mixture_critical(best_ratio(0.95) * 100 / h, 0.95)) / 10 for h in (20, 50, 200, 500)]
    assert width < min(others)


def test_daily_peeking_keeps_the_error_of_sequential_tests():
    rng = np.random.default_rng(3)
    runs, days, per = 2_000, 30, 100
    arms = rng.normal(size=(runs, days, 2)) * np.sqrt(per)
    n = per * np.arange(1, days + 1)
    mean = arms.cumsum(axis=1) / n[:, None]
    z = np.abs(mean[..., 1] - mean[..., 0]) / np.sqrt(2 / n)
    ratio = best_ratio(0.95) * n / n[-1]
    wrong = (z > mixture_critical(ratio, 0.95)).any(axis=1).sum()
    spent = (z > experiment.group_sequential(days).critical).any(axis=1).sum()
    fixed = (z > 1.96).any(axis=1).mean()
    assert wrong <= 150  # binomial(2000, .05) exceeds 150 with p < 1e-6
    assert 58 <= spent <= 150
    assert fixed > 0.2


def test_the_binomial_sequence_is_the_likelihood_ratio_s_and_holds_at_all_times():
    low, high = binomial_sequence(np.array([3.0, 0.0, 50.0]), np.array([10.0, 20.0, 50.0]), 0.95)
    from scipy.special import beta

    for k, n, ends in ((3, 10, (low[0], high[0])), (0, 20, (None, high[1])), (50, 50, (low[2], None))):
        for p in ends:
            if p is not None:
                assert p**k * (1 - p) ** (n - k) == pytest.approx(0.05 * beta(1 + k, 1 + n - k), rel=1e-6)
    assert (low[1], high[2]) == pytest.approx((0, 1), abs=1e-12)
    rng = np.random.default_rng(4)
    ones = (rng.uniform(size=(2_000, 300)) < 0.1).cumsum(axis=1)
    low, high = binomial_sequence(ones, np.broadcast_to(np.arange(1, 301), ones.shape), 0.95)
    assert ((low > 0.1) | (high < 0.1)).any(axis=1).sum() <= 150
    assert exact_p(np.array([10.0, 10.0]), np.array([100.0, 100.0])) == pytest.approx(1)


def test_monitor_s_last_look_is_analyse_s():
    frame = stream(3_000, 10, 5, effect=0.3)
    for options in ({"method": "asymptotic", "horizon": 3_000}, {"method": "mixture", "effect_scale": 0.2}):
        for cuped in (None, "before"):
            seen = experiment.monitor(frame, "y", cuped=cuped, **options)
            kind = options["method"]
            tuned = {k: v for k, v in options.items() if k != "method"}
            once = experiment.analyse(frame, "y", cuped=cuped, sequential=kind, **tuned)["new"]
            assert seen.estimate.value == pytest.approx(once.value)
            assert seen.estimate.interval == pytest.approx(once.interval, rel=1e-6)
    exact = experiment.monitor(frame, "click", method="exact")
    once = experiment.analyse(frame, "click", sequential="exact")["new"]
    assert exact.estimate.interval == pytest.approx(once.interval)
    assert exact.table["p_value"].iloc[-1] <= once.diagnostics["p_value"] + 1e-9
    assert (once.low > 0) == (once.diagnostics["p_value"] < 0.05)


def test_monitor_counts_up_to_each_day():
    frame = stream(2_000, 8, 6, effect=0.3)
    seen = experiment.monitor(frame, "y", method="obrien-fleming", horizon=2_000)
    part = experiment.analyse(frame[frame["day"] <= 3], "y")["new"]
    row = seen.table.loc[3]
    assert (row["difference"], row["std_error"]) == pytest.approx((part.value, part.std_error))
    c = experiment.group_sequential(8).critical[3]
    assert row["high"] == pytest.approx(part.value + c * part.std_error, rel=3e-3)  # ours has Student's law
    assert seen.called is not None
    assert seen.table["called"].is_monotonic_increasing
    assert f"day {seen.called}" in seen.sentence()
    assert "called" in seen._repr_html_()
    totals = pd.DataFrame(
        {
            f"{what}_{word}": [
                getattr(f.loc[f["arm"] == arm, "y"], how)() for f in (frame[frame["day"] <= d] for d in range(8))
            ]
            for arm, word in (("control", "control"), ("new", "treated"))
            for what, how in (("count", "count"), ("mean", "mean"), ("variance", "var"))
        }
    )
    again = experiment.follow(totals, method="obrien-fleming", horizon=2_000)
    assert again.table["low"].to_numpy() == pytest.approx(seen.table["low"].to_numpy())


def test_peeking_with_a_fixed_horizon_is_refused_with_the_figure():
    frame = stream(2_000, 20, 7)  # twenty even looks: 24.8 % in Armitage, McPherson and Rowe's table
    with pytest.raises(ValueError, match=r"20 looks.*in 25% of such experiments.*look once"):
        experiment.monitor(frame, "y", method="fixed")


def test_units_with_rows_on_several_days_count_once_when_complete():
    rng = np.random.default_rng(8)
    users = pd.DataFrame({"user_id": np.arange(300), "arm": np.where(np.arange(300) % 2, "control", "new")})
    users["first"] = rng.integers(0, 10, 300)
    rows = users.loc[users.index.repeat(3)].assign(y=1.0)
    rows["day"] = rows["first"] + np.tile([0, 1, 5], 300)
    seen = experiment.monitor(rows, "y", unit="user_id", window=3, method="bonferroni")
    complete = int((users["first"] + 2 <= rows["day"].max()).sum())
    assert seen.estimate.n == complete
    assert seen.table["difference"].iloc[-1] == 0.0  # two rows of each fall inside its three days
    dated = rows.assign(day=pd.Timestamp("2025-03-01 07:00") + pd.to_timedelta(rows["day"], unit="D"))
    again = experiment.monitor(dated, "y", unit="user_id", window=3, method="bonferroni")
    assert again.estimate.n == complete
    with pytest.raises(ValueError, match="rows on several days: give window="):
        experiment.monitor(rows, "y", unit="user_id", method="bonferroni")


def followed(seed=8, n=200):
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(n), 3)
    day = rng.integers(0, 10, n)[user] + np.tile([0, 1, 2], n)
    arm = np.where(user % 2, "control", "new")
    return pd.DataFrame({"event": np.arange(3 * n), "user": user, "arm": arm, "day": day, "y": rng.normal(size=3 * n)})


def test_an_event_that_comes_twice_counts_once():
    rows = followed()
    twice = pd.concat([rows, rows.iloc[::4]]).sample(frac=1.0, random_state=0)
    options = {"unit": "user", "window": 3, "horizon": 200}
    plain = experiment.monitor(rows, "y", event="event", **options)
    again = experiment.monitor(twice, "y", event="event", **options)
    pd.testing.assert_frame_equal(plain.table, again.table)
    assert plain.notes == again.notes == ()
    unnamed = experiment.monitor(twice, "y", **options)
    assert unnamed.estimate.value != pytest.approx(plain.estimate.value)
    assert "150 rows repeat another in every column" in unnamed.notes[-1]
    late = twice.assign(received=np.arange(len(twice)))  # what the event does not say itself may differ
    assert experiment.monitor(late, "y", event="event", **options).estimate.value == pytest.approx(plain.estimate.value)
    single = rows.drop_duplicates("user")
    once = experiment.monitor(pd.concat([single, single]), "y", event="event", horizon=200)
    assert once.estimate.n == len(single)


@pytest.mark.parametrize(
    ("broken", "options", "message"),
    [
        (
            lambda f: pd.concat([f, f.iloc[[7]].assign(y=9.0)]),
            {"event": "event"},
            "1 events .* other contents, first 7",
        ),
        (lambda f: f.assign(event=np.nan), {"event": "event"}, "'event' has 600 missing values"),
        (lambda f: f, {"event": "evnt"}, "no column 'evnt'.*'event'"),
        (lambda f: f, {"cluster": "arm"}, "unit='user' and cluster='arm'"),
    ],
)
def test_events_that_contradict_themselves(broken, options, message):
    with pytest.raises(ValueError, match=message):
        experiment.monitor(broken(followed()), "y", unit="user", window=3, horizon=200, **options)


def test_clusters_count_once_by_their_mean():
    """Thirty shops, each with a level of its own and no effect: their visitors one by one call one nearly always."""
    alone = together = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        shop = np.repeat(np.arange(30), 40)
        frame = pd.DataFrame({"shop": shop, "arm": np.where(shop % 2, "control", "new"), "day": shop // 6 * 2})
        frame["y"] = rng.normal(size=30)[shop] + rng.normal(size=len(shop))
        alone += experiment.monitor(frame, "y", method="obrien-fleming", horizon=1_200).called is not None
        seen = experiment.monitor(frame, "y", cluster="shop", method="obrien-fleming", horizon=30)
        together += seen.called is not None
    assert alone > 20
    assert together <= 11  # binomial(40, .05): P(> 11) < 1e-6
    assert seen.estimate.n == 30
    assert "mean of each shop" in seen.contrast
    means = frame.groupby(["arm", "shop"])["y"].mean().groupby("arm").mean()
    assert seen.estimate.value == pytest.approx(means["new"] - means["control"])
    with pytest.raises(ValueError, match="rows on several days: give window="):
        experiment.monitor(frame.assign(day=np.tile(np.arange(40), 30)), "y", cluster="shop", horizon=30)


def test_sequential_srm_is_the_ratio_of_the_two_probabilities():
    from math import lgamma, log

    table = experiment.sequential_srm(pd.DataFrame({"a": [3, 2], "b": [1, 0]}), {"a": 3, "b": 1}, concentration=4.0)
    k, s = np.array([3.0, 1.0]), np.array([5.0, 1.0])
    marginal = sum(lgamma(a + b) - lgamma(a) for a, b in zip(k, s, strict=True)) + lgamma(4) - lgamma(10)
    assert table["log_bayes_factor"].iloc[-1] == pytest.approx(marginal - 5 * log(0.75) - log(0.25))
    rng = np.random.default_rng(9)
    alarms = 0
    for _ in range(1_000):
        a = rng.binomial(50, 0.5, size=40)
        alarms += experiment.sequential_srm(
            pd.DataFrame({"a": a, "b": 50 - a}), alpha=0.05, concentration=100
        ).mismatch.any()
    assert alarms <= 88  # binomial(1000, .05), p < 1e-6
    lost = pd.DataFrame({"a": [500] * 20, "b": [440] * 20})
    assert experiment.sequential_srm(lost)["mismatch"].iloc[-1]


def test_srm_by_segment_points_at_the_broken_one():
    rng = np.random.default_rng(10)
    frame = pd.DataFrame({"arm": rng.choice(["control", "new"], 8_000), "browser": rng.choice(["a", "b", "c"], 8_000)})
    lost = frame[~((frame["browser"] == "b") & (frame["arm"] == "new") & (rng.uniform(size=8_000) < 0.3))]
    found = experiment.srm_by(lost, "browser")
    assert [name for name, check in found.items() if check.mismatch] == ["b"]
    assert "browser b" in str(found["b"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: experiment.monitor(f, "y"), "horizon=None"),
        (lambda f: experiment.monitor(f, "y", method="mixture"), "effect_scale=None"),
        (lambda f: experiment.monitor(f, "y", method="pocock"), "planned units"),
        (lambda f: experiment.monitor(f, "y", method="daily"), "unknown method"),
        (lambda f: experiment.monitor(f.assign(day=f["day"] - 1), "y", horizon=9), "is negative"),
        (lambda f: experiment.monitor(f, "y", method="exact"), "0 and 1"),
        (lambda f: experiment.monitor(f, "y", treated="other", horizon=9), "no arm 'other'"),
        (lambda f: experiment.monitor(f.assign(u=1), "y", unit="u", horizon=9), "more than one arm"),
        (lambda f: experiment.monitor(f.assign(u=np.nan), "y", unit="u", horizon=9), "missing values"),
        (lambda f: experiment.follow(pd.DataFrame({"count_control": [1]})), "no column 'mean_control'"),
        (lambda f: experiment.group_sequential([0.5, 0.4]), "that rise"),
        (lambda f: experiment.group_sequential(3, "haybittle"), "unknown spending"),
        (lambda f: experiment.dunnett([1]), "positive share"),
        (lambda f: experiment.sequential_srm(pd.DataFrame({"a": [1]})), "at least two arms"),
        (lambda f: experiment.srm_by(f, "browser"), "no column 'browser'"),
    ],
)
def test_wrong_looks(call, message):
    with pytest.raises(ValueError, match=message):
        call(stream(400, 4, 11))
