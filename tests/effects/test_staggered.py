"""Difference in differences with staggered adoption: by hand, by regression, by truth, and what is refused."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import world
from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.panel.pretrends import freedom_of

KEYS = {"unit": "unit", "time": "time", "cohort": "cohort"}


def tiny(seed=0, units=24, periods=5, never=True):
    """Small integers, cohorts 2, 4 and never (or 5), drawn without any structure."""
    rng = np.random.default_rng(seed)
    start = np.resize([2.0, 4.0, math.nan if never else 5.0], units)
    frame = pd.DataFrame(list(itertools.product(range(units), range(1, periods + 1))), columns=["unit", "time"])
    return frame.assign(cohort=start[frame["unit"]], y=rng.integers(0, 20, len(frame)).astype(float))


def by_hand(frame, g, t, before, controls):
    """Mean change of a cohort less that of the comparison units, unit by unit."""
    changes = {True: [], False: []}
    for _, rows in frame.groupby("unit"):
        start, seen = rows["cohort"].iloc[0], rows.set_index("time")["y"]
        if t in seen and before in seen and (start == g or controls(start)):
            changes[start == g].append(seen[t] - seen[before])
    return np.mean(changes[True]) - np.mean(changes[False])


@pytest.mark.parametrize("base", ["universal", "varying"])
@pytest.mark.parametrize("control", ["never", "not yet"])
def test_every_group_time_effect_is_the_one_counted_by_hand(control, base):
    frame = tiny().drop(index=[3, 17, 40])  # three unit-periods were not seen
    table = effects.did(frame, "y", control=control, base=base, **KEYS).att()
    for (g, t), row in table.iterrows():
        before = t - 1 if base == "varying" and t < g else g - 1
        rule = max(t, before)

        def fits(start, rule=rule):
            return math.isnan(start) or (control == "not yet" and start > rule)

        assert row["value"] == pytest.approx(by_hand(frame, g, t, before, fits)), (g, t)
    assert set(table.index) >= {(2, t) for t in range(2, 6)} | {(4, 4), (4, 5)}


def test_aggregations_are_the_means_they_say_they_are():
    frame = tiny(1).query("unit != 0 and unit != 3")  # cohorts of unequal size
    found = effects.did(frame, "y", **KEYS)
    att, size = found.att()["value"], frame.drop_duplicates("unit")["cohort"].value_counts()
    after = [(g, t) for g, t in att.index if t >= g]
    weights = [size[g] for g, _ in after]
    assert found.average().value == pytest.approx(np.average([att[cell] for cell in after], weights=weights))
    group = {g: np.mean([att[cell] for cell in after if cell[0] == g]) for g in (2, 4)}
    assert found.by("group")["value"].to_dict() == pytest.approx(group)
    assert found.average("group").value == pytest.approx(np.average([group[2], group[4]], weights=[size[2], size[4]]))
    one = (size[2] * att[2, 3] + size[4] * att[4, 5]) / (size[2] + size[4])
    assert found.event_study().loc[1, "value"] == pytest.approx(one)
    late = (size[2] * att[2, 4] + size[4] * att[4, 4]) / (size[2] + size[4])
    assert found.by("calendar").loc[4, "value"] == pytest.approx(late)
    assert found.average("calendar").value == pytest.approx(found.by("calendar")["value"].mean())
    study = found.event_study()["value"]
    assert found.average("dynamic").value == pytest.approx(study[study.index >= 0].mean())


def test_two_periods_and_two_groups_are_the_interaction_of_a_regression():
    import statsmodels.formula.api as smf

    frame = tiny(2, units=60, periods=2).assign(cohort=lambda f: np.where(f["unit"] % 2, 2.0, math.nan))
    found = effects.did(frame, "y", **KEYS).average()
    both = frame.assign(d=frame["cohort"].notna().astype(int), after=(frame["time"] == 2).astype(int))
    peer = smf.ols("y ~ d * after", both).fit(cov_type="cluster", cov_kwds={"groups": both["unit"]})
    assert found.value == pytest.approx(peer.params["d:after"])
    assert found.std_error == pytest.approx(peer.bse["d:after"], rel=0.02)
    assert effects.two_way(frame, "y", **KEYS).value == pytest.approx(found.value)


@pytest.fixture(scope="module")
def platform():
    return world.rollout(1, n_units=3_000)


def test_the_rollout_s_truth_is_inside_the_simultaneous_bands(platform):
    found = effects.did(platform.panel(2), "outcome", **KEYS)
    table = found.att().join(platform.truth.att_gt()["value"].rename("truth"))
    assert ((table["band_low"] <= table["truth"]) & (table["truth"] <= table["band_high"])).all()
    assert (table["band_low"] < table["low"]).all()
    for kind in ("simple", "group", "dynamic", "calendar"):
        assert found.average(kind).covers(platform.truth.att(kind))
    for kind in ("group", "dynamic", "calendar"):
        study = found.by(kind).join(platform.truth.att_by(kind)["value"].rename("truth"))
        assert (study["value"] - study["truth"]).abs().max() < 5 * study["std_error"].max()
    assert found.att(4, 6).value == pytest.approx(table.loc[(4, 6), "value"])


def test_two_way_fixed_effects_are_wrong_where_effects_grow_and_say_why(platform):
    panel, truth = platform.panel(2), platform.truth
    found = effects.two_way(panel, "outcome", **KEYS)
    assert float(truth.att()) - found.value > 0.5
    assert not found.covers(truth.att())
    assert found.diagnostics["negative_weight_sum"] > 0.05
    assert found.notes[0].startswith("warning: adoption is staggered")
    weights = effects.two_way_weights(panel, **KEYS)
    assert weights["weight"].sum() == pytest.approx(1.0)
    assert weights["share"].sum() == pytest.approx(1.0)
    gathered = float((weights["weight"] * truth.att_gt()["value"]).sum())
    assert found.value == pytest.approx(gathered, abs=5 * found.std_error)


def test_two_way_equals_panel_ols_balanced_and_not(platform):
    from linearmodels.panel import PanelOLS

    rng = np.random.default_rng(0)
    panel = platform.panel(3).query("unit < 400").assign(moving=lambda f: rng.standard_normal(len(f)))
    for frame in (panel, panel.sample(frac=0.8, random_state=0)):
        wide = frame.set_index(["unit", "time"])
        model = PanelOLS(wide["outcome"], wide[["treated", "moving"]], entity_effects=True, time_effects=True)
        peer = model.fit(cov_type="clustered", cluster_entity=True, auto_df=False, count_effects=False)
        found = effects.two_way(frame, "outcome", ["moving"], **KEYS)
        assert found.value == pytest.approx(peer.params["treated"], rel=1e-6)
        assert found.std_error == pytest.approx(peer.std_errors["treated"], rel=0.01)


def test_trends_that_follow_a_covariate_need_it():
    model = world.rollout(1, n_units=3_000, covariate_trends=0.3)
    panel, truth = model.panel(2), model.truth.att()
    plain = effects.did(panel, "outcome", **KEYS)
    assert not plain.average().covers(truth)
    assert plain.pretrend().p_value < 1e-6
    for control in ("never", "not yet"):
        found = effects.did(panel, "outcome", ["x"], control=control, **KEYS)
        assert abs(found.average().value - float(truth)) < 4 * found.average().std_error
        assert found.pretrend().p_value > 1e-4


@pytest.mark.parametrize("wrong", ["line", "odds"])
def test_one_right_model_of_two_is_enough(wrong):
    """The change is square in x where the line is wrong; cohorts follow the square where the odds are."""
    rng = np.random.default_rng(3)
    n = 40_000
    x = rng.standard_normal(n)
    pull = x if wrong == "line" else x**2 - 1
    treated = rng.uniform(size=n) < 1 / (1 + np.exp(-0.7 * pull))
    drift = x + x**2 if wrong == "line" else 2 * x
    change = drift + treated * 1.0 + rng.standard_normal(n)
    frame = pd.DataFrame({"unit": np.tile(np.arange(n), 2), "time": np.repeat([1, 2], n), "x": np.tile(x, 2)})
    frame = frame.assign(cohort=np.tile(np.where(treated, 2.0, np.nan), 2), y=np.concatenate([np.zeros(n), change]))
    assert abs(effects.did(frame, "y", **KEYS).average().value - 1.0) > 0.1 or wrong == "odds"
    found = effects.did(frame, "y", ["x"], **KEYS).average()
    assert abs(found.value - 1.0) < 4 * found.std_error
    assert found.std_error < 0.05


def test_broken_trends_are_seen_and_the_bounds_that_allow_them_hold_the_truth():
    model = world.rollout(1, n_units=3_000, broken_trends=0.2)
    found = effects.did(model.panel(2), "outcome", **KEYS)
    test, truth = found.pretrend(), float(model.truth.att())
    assert test.p_value < 1e-6
    assert test.notes[0].startswith("warning")
    assert not found.average().covers(truth)
    table = found.sensitivity((0.0, 0.5, 1.0))
    assert table.loc[0.0, "low"] == pytest.approx(found.average().low)
    assert table.loc[1.0, "low"] <= truth <= table.loc[1.0, "high"]
    edge = found.breakdown()
    around = found.sensitivity((0.99 * edge, 1.01 * edge))["excludes_zero"]
    assert around.tolist() == [True, False]


def test_the_slope_said_to_be_detectable_is_detected_that_often():
    quiet = effects.did(world.rollout(1, n_units=600, n_regions=30).panel(0), "outcome", **KEYS).pretrend()
    hits = 0
    for seed in range(60):
        model = world.rollout(1, n_units=600, n_regions=30)
        panel = model.panel(100 + seed)
        panel["outcome"] += quiet.detectable_slope * panel["time"] * (panel["cohort"] > 0)
        hits += effects.did(panel, "outcome", **KEYS).pretrend().p_value < 0.05
    assert 33 <= hits <= 58  # binomial(60, .8) leaves this less than once in a million


def test_anticipation_is_a_base_further_back():
    model = world.rollout(1, n_units=3_000, anticipation=1.0)
    panel, truth = model.panel(2), model.truth.att()
    assert not effects.did(panel, "outcome", **KEYS).average().covers(truth)
    found = effects.did(panel, "outcome", anticipation=1, **KEYS)
    assert abs(found.average().value - float(truth)) < 4 * found.average().std_error
    assert found.event_study().loc[-1, "value"] == pytest.approx(1.0, abs=0.3)
    assert found.pretrend().p_value > 1e-4


def test_clusters_above_the_unit_widen_the_error_where_they_share_shocks(platform):
    rng = np.random.default_rng(4)
    panel = platform.panel(5)
    shock = rng.standard_normal((panel["region"].max() + 1, panel["time"].max() + 1))
    panel["outcome"] += shock[panel["region"], panel["time"]]
    alone = effects.did(panel, "outcome", **KEYS).average()
    region = effects.did(panel, "outcome", cluster="region", **KEYS).average()
    assert region.value == pytest.approx(alone.value)
    assert region.std_error > 2 * alone.std_error
    assert region.diagnostics["clusters"] == 40


def test_a_weight_of_two_is_the_unit_twice_and_dates_are_periods():
    frame = tiny(6).assign(w=lambda f: 1.0 + (f["unit"] % 2))
    double = frame[frame["unit"] % 2 == 1].assign(unit=lambda f: f["unit"] + 100)
    heavy = effects.did(frame, "y", weights="w", **KEYS)
    twice = effects.did(pd.concat([frame, double]), "y", **KEYS)
    for kind in ("simple", "group", "dynamic", "calendar"):
        assert heavy.average(kind).value == pytest.approx(twice.average(kind).value)
    start = pd.Timestamp("2025-01-01")
    days = frame.assign(
        time=start + pd.to_timedelta(frame["time"], "D"), cohort=start + pd.to_timedelta(frame["cohort"], "D")
    )
    dated = effects.did(days, "y", weights="w", **KEYS)
    assert dated.average().value == pytest.approx(heavy.average().value)
    assert dated.event_study()["value"].to_list() == pytest.approx(heavy.event_study()["value"].to_list())


def test_neither_row_order_nor_the_sentinel_of_never_matters():
    frame = tiny(7)
    plain = effects.did(frame, "y", **KEYS)
    for other in (
        frame.sample(frac=1.0, random_state=0),
        frame.assign(cohort=frame["cohort"].fillna(math.inf)),
        frame.assign(cohort=frame["cohort"].fillna(0)),
        frame.assign(cohort=frame["cohort"].astype("Int64")),
        frame.assign(cohort=frame["cohort"].fillna(99)),
    ):
        pd.testing.assert_frame_equal(effects.did(other, "y", **KEYS).att(), plain.att())


def test_units_treated_from_the_start_are_left_out_and_gaps_are_said():
    frame = tiny(8)
    early = frame.query("unit == 0").assign(unit=77, cohort=1.0)
    found = effects.did(pd.concat([early, frame]), "y", **KEYS)
    assert found.average().value == pytest.approx(effects.did(frame, "y", **KEYS).average().value)
    assert any("no before" in note for note in found.notes)
    gap = effects.did(frame.query("time != 3"), "y", **KEYS)
    assert any("unevenly spaced" in note for note in gap.notes)
    value = by_hand(frame, 4, 5, 2, math.isnan)  # the last period seen before 4 is 2
    assert gap.att(4, 5).value == pytest.approx(value)
    between = effects.did(frame.query("time != 4"), "y", **KEYS)
    assert any("between periods" in note for note in between.notes)
    assert between.att(5, 5).value == pytest.approx(by_hand(frame, 4, 5, 3, math.isnan))


def test_without_never_treated_the_last_cohort_serves_until_its_turn():
    frame = tiny(9, never=False)
    with pytest.raises(ValueError, match=r"no unit is never treated.*use control='not yet'"):
        effects.did(frame, "y", **KEYS)
    found = effects.did(frame, "y", control="not yet", **KEYS)
    assert max(t for _, t in found.att().index) == 4
    assert any("cohorts 5" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda f: f, {"cohort": "chort"}, "no column 'chort'.*did you mean 'cohort'"),
        (lambda f: f, {"control": "none"}, "unknown control 'none'"),
        (lambda f: f, {"base": "fixed"}, "unknown base 'fixed'"),
        (lambda f: f, {"anticipation": -1}, "anticipation=-1"),
        (lambda f: f, {"level": 95}, "level=95"),
        (lambda f: pd.concat([f, f.iloc[[6]]]), {}, "1 rows repeat a unit's period, first 'unit' = 1, 'time' = 2"),
        (lambda f: f.assign(cohort=f["cohort"] + (f["time"] == 5)), {}, "'cohort' changes within .* units"),
        (lambda f: f.assign(cohort=math.nan), {}, "no unit first treated"),
        (lambda f: f.assign(cohort=1.0), {}, "no unit first treated"),
        (lambda f: f.assign(cohort="a"), {}, "'cohort' holds"),
        (lambda f: f.query("time == 1"), {}, "has 1 period"),
        (lambda f: f.assign(time="monday"), {}, "numbers or dates"),
        (lambda f: f.assign(y=f["y"].where(f["unit"] > 0)), {}, "5 missing or infinite outcomes"),
        (lambda f: f.assign(w=f["time"]), {"weights": "w"}, "'w' changes within"),
        (lambda f: f.assign(r=f["time"]), {"cluster": "r"}, "'r' changes within"),
        (lambda f: f.assign(time=f["time"].where(f["unit"] > 0)), {}, "5 missing values"),
    ],
)  # fmt: skip
def test_bad_panels_are_refused_with_a_way_out(change, options, words):
    with pytest.raises(ValueError, match=words):
        effects.did(change(tiny()), "y", **{**KEYS, **options})


def test_covariates_that_decide_the_cohort_or_outnumber_it_are_refused():
    frame = tiny(10).assign(x=lambda f: f["cohort"].fillna(0.0))
    with pytest.raises(ValueError, match="cohort 2 has no overlap"):
        effects.did(frame, "y", ["x"], **KEYS)
    rng = np.random.default_rng(0)
    many = {f"x{k}": rng.standard_normal(24)[frame["unit"]] for k in range(9)}
    with pytest.raises(ValueError, match="fewer than the 10 terms"):
        effects.did(frame.assign(**many), "y", list(many), **KEYS)


def test_the_result_shows_itself(platform):
    from matplotlib import pyplot as plt

    found = effects.did(platform.panel(2), "outcome", **KEYS)
    ax = found.plot(truth=platform.truth.att_by("dynamic"))
    assert ax.get_xlabel() == "periods since treatment"
    assert len(found.summary()) == 4
    assert "parallel" in found._repr_html_() or "passing proves nothing" in found._repr_html_()
    assert found.average().estimand == "ATT"
    with pytest.raises(ValueError, match="no ATT"):
        found.att(4, 99)
    with pytest.raises(ValueError, match=r"unknown aggregation 'dynamics'.*'dynamic'"):
        found.by("dynamics")
    plt.close("all")


def test_doubly_robust_cells_equal_statsmodels_and_their_errors_the_jackknife():
    import statsmodels.api as sm

    model = world.rollout(1, n_units=300, n_regions=20, periods=4, adopt=(2, 3), covariate_trends=0.3)
    panel = model.panel(2)
    found = effects.did(panel, "outcome", ["x"], **KEYS).att(3, 4)
    wide = panel.pivot_table(index="unit", columns="time", values="outcome")
    ones = panel.drop_duplicates("unit").set_index("unit")
    kept = ones[ones["cohort"].isin([0, 3])].index
    mine, change = (ones.loc[kept, "cohort"] == 3).to_numpy(), (wide[4] - wide[2])[kept].to_numpy()
    X = sm.add_constant(ones.loc[kept, "x"].to_numpy())

    def by_hand(rows):
        e = sm.Logit(mine[rows], X[rows]).fit(disp=0).predict(X[rows])
        line = sm.OLS(change[rows & ~mine], X[rows & ~mine]).fit()
        left, odds = change[rows] - line.predict(X[rows]), e / (1 - e)
        return left[mine[rows]].mean() - np.average(left[~mine[rows]], weights=odds[~mine[rows]])

    everyone = np.ones(len(kept), dtype=bool)
    assert found.value == pytest.approx(by_hand(everyone), abs=1e-6)
    without = np.array([by_hand(np.arange(len(kept)) != i) for i in range(len(kept))])
    jackknife = math.sqrt((len(kept) - 1) * without.var())
    assert found.std_error == pytest.approx(jackknife, rel=0.05)


def test_an_outcome_that_never_moves_and_a_lone_unit_are_told_apart_from_an_answer():
    flat = effects.did(tiny(11).assign(y=3.0), "y", **KEYS)
    assert flat.average().value == 0.0
    assert any("cannot be tested" in note for note in flat.average().notes)
    with pytest.raises(ValueError, match="single treated unit"):
        effects.did(tiny(12).query("unit in (0, 2, 5, 8)"), "y", **KEYS)


def test_with_one_effect_the_freedom_of_the_pretrend_test_is_welchs() -> None:
    rng = np.random.default_rng(3)
    few, many = rng.normal(scale=3, size=6), rng.normal(size=40)
    parts = few.var(ddof=1) * 6, many.var(ddof=1) * 40  # sums of influence values: variances of sums
    welch = sum(parts) ** 2 / (parts[0] ** 2 / 5 + parts[1] ** 2 / 39)
    influence = np.concatenate([few - few.mean(), many - many.mean()])[:, None]
    inverse = np.array([[1 / sum(parts)]])
    assert freedom_of(influence, np.repeat([0, 1], [6, 40]), inverse, 1) == pytest.approx(welch)
