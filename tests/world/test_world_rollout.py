"""The rollout preset: group-time effects by hand, two-way fixed effects off, and each fault where it can be seen."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.world import Platform, front_door, rollout


def by_hand(panel, cohort, time, base=None):
    """Difference in differences of one cohort against never-adopters, and its standard error over units."""
    wide = panel.pivot_table(index="unit", columns="time", values="outcome")
    change = wide[time] - wide[cohort - 1 if base is None else base]
    of = panel.drop_duplicates("unit").set_index("unit")["cohort"]
    ours, theirs = change[of == cohort], change[of == 0]
    return ours.mean() - theirs.mean(), np.hypot(ours.sem(), theirs.sem())


def fixed_effects(panel):
    """Coefficient of `treated` in a regression with unit and time effects, on a balanced panel."""
    within = panel[["treated", "outcome"]].astype(float)
    for key in ("unit", "time"):
        within -= panel.groupby(key)[["treated", "outcome"]].transform("mean")
    within += panel[["treated", "outcome"]].mean()
    return (within["treated"] @ within["outcome"]) / (within["treated"] @ within["treated"])


def test_a_difference_in_differences_by_hand_recovers_every_group_time_effect():
    model = rollout(1)
    panel, truth = model.panel(2), model.truth.att_gt()
    for (cohort, time), row in truth.iterrows():
        if time == cohort - 1:
            continue
        value, error = by_hand(panel, cohort, time)
        assert abs(value - row["value"]) < 5 * error, (cohort, time)
    assert (truth.loc[[(g, t) for g, t in truth.index if t < g], "value"] == 0).all()


def test_two_way_fixed_effects_are_off_where_effects_grow_and_right_where_they_are_constant():
    growing = rollout(1, n_units=4_000, noise=0.2)
    assert float(growing.truth.att()) - fixed_effects(growing.panel(2)) > 0.3
    panel = growing.panel(2)
    hand = [by_hand(panel, g, t) for g in growing.cohorts for t in range(g, 13)]
    sizes = [np.sum(growing.unit_cohort == g) for g in growing.cohorts for t in range(g, 13)]
    error = max(e for _, e in hand)
    assert abs(np.average([v for v, _ in hand], weights=sizes) - float(growing.truth.att())) < 5 * error
    one = rollout(1, n_units=4_000, noise=0.2, growth=0.0, adopt=(6,))
    assert fixed_effects(one.panel(2)) == pytest.approx(float(one.truth.att()), abs=0.03)


def test_aggregations_equal_the_formulas_written_out():
    model = rollout(3, n_regions=30, adopt=(3, 5, 9), periods=10)
    att = model.truth.att_gt()["value"]
    share = {g: np.mean(model.unit_cohort == g) for g in (3, 5, 9)}
    cells = [(g, t) for g in share for t in range(g, 11)]
    simple = sum(share[g] * att[g, t] for g, t in cells) / sum(share[g] for g, _ in cells)
    group = {g: np.mean([att[g, t] for t in range(g, 11)]) for g in share}
    event = {
        e: np.average([att[g, g + e] for g in share if g + e <= 10], weights=[share[g] for g in share if g + e <= 10])
        for e in range(8)
    }
    day = {
        t: np.average([att[g, t] for g in share if g <= t], weights=[share[g] for g in share if g <= t])
        for t in range(3, 11)
    }
    truth = model.truth
    assert float(truth.att()) == pytest.approx(simple)
    assert float(truth.att("group")) == pytest.approx(np.average(list(group.values()), weights=list(share.values())))
    assert float(truth.att("dynamic")) == pytest.approx(np.mean(list(event.values())))
    assert float(truth.att("calendar")) == pytest.approx(np.mean(list(day.values())))
    for name, expected in (("group", group), ("calendar", day)):
        pd.testing.assert_series_equal(truth.att_by(name)["value"], pd.Series(expected), check_names=False)
    dynamic = truth.att_by("dynamic")["value"]
    assert dynamic[[0, 7]].tolist() == pytest.approx([event[0], event[7]])
    assert (dynamic[dynamic.index < 0] == 0).all()


def test_broken_trends_show_before_adoption_and_bias_what_comes_after():
    model = rollout(1, broken_trends=0.3, noise=0.3)
    panel = model.panel(2)
    value, error = by_hand(panel, 7, 2, base=6)
    assert value < -5 * error  # the pre-trend is there to be seen
    value, error = by_hand(panel, 4, 12)
    assert value - model.truth.att_gt().loc[(4, 12), "value"] > 5 * error
    sound = rollout(1, noise=0.3)
    value, error = by_hand(sound.panel(2), 7, 2, base=6)
    assert abs(value) < 5 * error
    pd.testing.assert_frame_equal(sound.truth.att_gt(), model.truth.att_gt())  # the dial moves trends, not effects


def test_anticipation_spoils_the_last_day_before_as_a_base_and_not_an_earlier_one():
    model = rollout(1, anticipation=1.0, noise=0.3)
    truth, panel = model.truth.att_gt()["value"], model.panel(2)
    assert truth[7, 6] == 1.0
    assert truth[7, 5] == 0.0
    value, error = by_hand(panel, 7, 8)
    assert abs(value - (truth[7, 8] - 1.0)) < 5 * error
    value, error = by_hand(panel, 7, 8, base=5)
    assert abs(value - truth[7, 8]) < 5 * error


def test_covariate_trends_are_parallel_only_given_x():
    model = rollout(1, n_units=8_000, covariate_trends=0.5, noise=0.3)
    panel, truth = model.panel(2), model.truth.att_gt()["value"]
    value, error = by_hand(panel, 4, 12)
    assert value - truth[4, 12] > 5 * error
    wide = panel.pivot_table(index="unit", columns="time", values="outcome")
    units = panel.drop_duplicates("unit").set_index("unit")
    change, never = wide[12] - wide[3], units["cohort"] == 0
    fit = np.polyfit(units.loc[never, "x"], change[never], 1)
    ours = units["cohort"] == 4
    adjusted = (change - np.polyval(fit, units["x"]))[ours]
    assert abs(adjusted.mean() - truth[4, 12]) < 5 * np.hypot(adjusted.sem(), 0.05)


def test_the_panel_is_balanced_and_whole_regions_adopt():
    panel = rollout(0, n_units=200, n_regions=20).panel()
    assert list(panel.columns) == ["unit", "region", "time", "cohort", "treated", "outcome", "x"]
    assert len(panel) == 200 * 12
    assert panel.groupby("region")["cohort"].nunique().eq(1).all()
    assert panel["treated"].equals(((panel["cohort"] > 0) & (panel["time"] >= panel["cohort"])).astype("int64"))
    assert set(panel["cohort"]) == {0, 4, 7, 10}
    assert rollout(0).panel(1).equals(rollout(0).panel(1))
    assert not rollout(0).panel(1).equals(rollout(0).panel(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rollout(never=0), r"never=0 is outside \(0, 1\)"),
        (lambda: rollout(adopt=(1, 5)), r"adopt=\(1, 5\).*2 to periods=12"),
        (lambda: rollout(adopt=(5, 13)), "2 to periods=12"),
        (lambda: rollout(n_units=10), "n_units=10 do not fill n_regions=40"),
        (lambda: rollout(n_regions=3, n_units=9), "too few for 3 cohorts"),
        (lambda: rollout(noise=-1), "noise=-1"),
        (lambda: rollout().truth.att("event"), "aggregation='event'"),
        (lambda: rollout().truth.att_by("simple"), "aggregation='simple'.*'group' or 'dynamic' or 'calendar'"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_platform_offers_its_presets():
    assert Platform.rollout(3, n_units=80).panel(1).equals(rollout(3, n_units=80).panel(1))
    assert Platform.front_door(3, kind="linear").sample(9).equals(front_door(3, kind="linear").sample(9))
