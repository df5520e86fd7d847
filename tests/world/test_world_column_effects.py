"""True effects of a log's columns against the truth's own numbers and the equations written out again."""

import numpy as np
import pytest

from causalrec_lab.world import Platform
from causalrec_lab.world.law.law import moments_of
from causalrec_lab.world.truths.column_effects import column_effects, last_decision_effect


@pytest.fixture(scope="module")
def shop():
    platform = Platform.make(seed=1, n_users=150, n_items=40)
    return platform, platform.log(1_500, 0).decisions


@pytest.mark.parametrize("outcome", ["purchase", "view", "returned"])
def test_columns_that_act_through_the_treatment_alone_move_its_chance(shop, outcome):
    platform, rows = shop
    found = column_effects(platform, rows, outcome, ["treated", "z", "affinity_hat"])
    effect = platform.truth.cate(rows, outcome)["value"].to_numpy()
    assert found.loc["treated", "value"] == pytest.approx(platform.truth.ate(outcome, over=rows).value)
    chance = [platform.truth.propensity(rows.assign(z=z)) for z in (0, 1)]
    assert found.loc["z", "value"] == pytest.approx(np.mean((chance[1] - chance[0]) * effect))
    now = platform.truth.propensity(rows)
    step = found.loc["affinity_hat", "step"]
    logit = np.log(now / (1 - now)) + platform.rule.affinity_hat * step
    after = np.clip(1 / (1 + np.exp(-logit)), *platform.rule.clip)
    inside = (now > platform.rule.clip[0]) & (now < platform.rule.clip[1])
    assert inside.mean() > 0.97  # where it is clipped the logit cannot be read back
    assert found.loc["affinity_hat", "value"] == pytest.approx(np.mean((after - now) * effect), rel=0.03)


def test_a_place_further_down_is_a_ratio_of_examination(shop):
    platform, rows = shop
    first = rows[rows["position"] == 0]
    curve = platform.truth.examination(2)["value"].to_numpy()
    found = column_effects(platform, first, "purchase", ["position"])
    means = platform.truth.potential_outcomes(first, "purchase")
    chance = platform.truth.propensity(first)
    mean = np.mean(means["y0"] + chance * (means["y1"] - means["y0"]))
    assert found.loc["position", "value"] == pytest.approx(mean * (curve[1] / curve[0] - 1))


def by_hand(platform, rows, last, after=None, **columns):
    """Mean outcome from the scenario's equations, written out again: exposure rule, stages, examination."""
    pairs = platform.law.at(rows["user_id"].to_numpy(), rows["item_id"].to_numpy(), moments_of(rows["timestamp"]))
    own = {name: getattr(pairs, name) for name in (*platform.covariates, "affinity", "hidden", "cost_pain")}
    c = own | {"new": pairs.exposures == 0} | columns
    rule, funnel = platform.rule, platform.funnel
    logit = rule.intercept + rule.affinity_hat * c["affinity_hat"] + rule.log_popularity * c["log_popularity"]
    logit = logit + rule.activity * c["activity"] + rule.log_exposures * c["log_exposures"] + rule.lottery * rows["z"]
    share = np.clip(1 / (1 + np.exp(-(logit + rule.hidden * c["hidden"]).to_numpy())), *rule.clip)
    tau = funnel.effect.base - funnel.effect.tail * c["log_popularity"] - funnel.effect.fatigue * c["log_exposures"]
    tau = tau - funnel.effect.light * (c["activity"] - platform.population.activity.mean())
    season = funnel.season(pairs.node, pairs.category)
    chances = []
    for treated in (0, 1):
        chance = (rows["position"].to_numpy() + 1.0) ** -platform.scenario.examination if after is None else 1.0
        for s in funnel.stages[0 if after is None else funnel.names.index(after) + 1 : funnel.names.index(last) + 1]:
            at = (
                s.intercept
                + s.affinity * c["affinity"]
                + s.hidden * c["hidden"]
                + s.log_popularity * c["log_popularity"]
            )
            at = at + s.activity * c["activity"] - s.cost * c["cost_pain"] + s.season * season
            at = at - s.fatigue * c["log_exposures"] + s.novelty * c["new"] + s.treatment * tau * treated
            chance = chance / (1 + np.exp(-at))
        chances.append(chance)
    return float(np.mean(chances[0] + share * (chances[1] - chances[0])))


@pytest.mark.parametrize("column", ["affinity_hat", "log_popularity", "activity", "log_exposures", "price"])
def test_effects_of_the_inputs_are_those_of_the_equations_written_out_again(shop, column):
    platform, rows = shop
    values, step = rows[column], float(rows[column].std(ddof=0))
    changed = {column: (values + step).to_numpy()}
    if column == "log_exposures":
        changed["new"] = np.zeros(len(rows), dtype=bool)
    if column == "price":
        users, items = rows["user_id"].to_numpy(), rows["item_id"].to_numpy()
        pain = platform.population.at(users, items).cost_pain
        more = platform.population.cost_sensitivity[users] * np.log((values + step) / values).to_numpy()
        changed = {"cost_pain": pain + more}
    expected = by_hand(platform, rows, "purchase", **changed) - by_hand(platform, rows, "purchase")
    found = column_effects(platform, rows, "purchase", [column]).loc[column]
    assert found["step"] == pytest.approx(step, rel=1e-6)
    assert found["value"] == pytest.approx(expected, rel=1e-6)
    assert abs(found["value"]) > 1e-5


@pytest.mark.parametrize("stage", ["view", "click", "cart"])
def test_a_stage_that_is_set_lets_the_later_ones_follow(shop, stage):
    platform, rows = shop
    found = column_effects(platform, rows, "purchase", [stage])
    assert found.loc[stage, "value"] == pytest.approx(by_hand(platform, rows, "purchase", after=stage))


def test_questions_without_an_answer_are_named(shop):
    platform, rows = shop
    with pytest.raises(ValueError, match=r"column 'prize' has no effect.*price"):
        column_effects(platform, rows, columns=["prize"])
    with pytest.raises(ValueError, match="'dwell' is an amount"):
        column_effects(platform, rows, "dwell")
    with pytest.raises(ValueError, match=r"lack \['z'\]"):
        column_effects(platform, rows.drop(columns="z"))
    with pytest.raises(ValueError, match="no decisions"):
        column_effects(platform, rows.iloc[:0])
    with pytest.raises(ValueError, match="lack 'position'"):
        column_effects(platform, rows.drop(columns="position"), columns=["position"])
    for spoilt in (rows.drop(columns="price"), rows.assign(price=np.nan), rows.assign(price=0.0)):
        with pytest.raises(ValueError, match="'price', above 0"):
            column_effects(platform, spoilt, columns=["price"])
    with pytest.raises(ValueError, match="999"):
        last_decision_effect(platform, 999, 0)
    with pytest.raises(ValueError, match="999"):
        last_decision_effect(platform, 0, 999)


def test_one_name_is_one_column_and_no_variation_is_no_step(shop):
    platform, rows = shop
    alone = column_effects(platform, rows, columns="treated")
    assert alone.equals(column_effects(platform, rows, columns=["treated"]))
    still = column_effects(platform, rows.iloc[:1]).loc[list(platform.covariates)]
    assert (still[["step", "value"]] == 0).all().all()
    assert still["per_unit"].isna().all()


def drawn(platform, rows, rng, treated=None, z=None):
    """Rows whose last stage is reached, each stage drawn; the lottery also opens the first door (exclusion)."""
    pairs = platform.law.at(rows["user_id"].to_numpy(), rows["item_id"].to_numpy(), moments_of(rows["timestamp"]))
    rule, funnel = platform.rule, platform.funnel
    lottery = rows["z"].to_numpy() if z is None else np.full(len(rows), z)
    logit = rule.intercept + sum(getattr(rule, name) * getattr(pairs, name) for name in platform.covariates)
    share = 1 / (1 + np.exp(-(logit + rule.lottery * lottery + rule.hidden * pairs.hidden)))
    shown = rng.random(len(rows)) < np.clip(share, *rule.clip) if treated is None else np.full(len(rows), treated)
    seen = (rows["position"].to_numpy() + 1.0) ** -platform.scenario.examination
    tau = funnel.effect.base - funnel.effect.tail * pairs.log_popularity - funnel.effect.fatigue * pairs.log_exposures
    tau = tau - funnel.effect.light * (pairs.activity - platform.population.activity.mean())
    alive = rng.random(len(rows)) < seen
    for place, s in enumerate(funnel.stages):
        at = s.intercept + s.affinity * pairs.affinity + s.hidden * pairs.hidden + s.activity * pairs.activity
        at = at + s.log_popularity * pairs.log_popularity + s.season * funnel.season(pairs.node, pairs.category)
        at = at - s.cost * pairs.cost_pain - s.fatigue * pairs.log_exposures + s.novelty * (pairs.exposures == 0)
        at = at + s.treatment * tau * shown + (platform.dials.exclusion * lottery if place == 0 else 0.0)
        alive = alive & (rng.random(len(rows)) < 1 / (1 + np.exp(-at)))
    return alive


@pytest.mark.parametrize("column", ["treated", "z"])
def test_effects_are_those_of_draws_where_the_lottery_has_a_way_of_its_own(column):
    platform = Platform.make(
        "video", seed=2, n_users=150, n_items=30, base_rate="common", exclusion=1.0, confounding=1.0
    )
    rows = platform.log(1_500, 0).decisions
    rng = np.random.default_rng(0)
    share = [np.mean([drawn(platform, rows, rng, **{column: side}) for _ in range(60)], axis=0) for side in (1, 0)]
    noise = np.sqrt(sum((p * (1 - p)).sum() for p in share) / 60) / len(rows)
    last = platform.funnel.names[-1]
    found = column_effects(platform, rows, last, [column]).loc[column, "value"]
    assert abs(found - (share[0] - share[1]).mean()) < 5.5 * noise
    assert found > 8 * noise


def test_a_history_does_nothing_to_the_user_but_by_carry_over():
    still = Platform.make(seed=1, n_users=50, n_items=20)
    carried = Platform.make(seed=1, n_users=50, n_items=20, carry_over=0.7)
    assert last_decision_effect(still, 3, 4, "view") == 0
    effect = last_decision_effect(carried, 3, 4, "view")
    law = carried.law
    pairs = law.within(np.array([3]), np.array([4]), law.spans[0])
    after, before = law.reached(pairs, "view", (1,), carried=1)[0], law.reached(pairs, "view", (1,), carried=0)[0]
    assert effect == pytest.approx(float(np.mean(after - before)))
    assert effect > 0
