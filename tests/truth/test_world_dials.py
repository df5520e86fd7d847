"""Each dial does what it says: the back door closes, opens, and text goes through it as far as the dial allows."""

from dataclasses import fields

import numpy as np
import pytest

from causalrec_lab.world import Dials, Platform


def logistic_fit(design, treated):
    beta = np.zeros(design.shape[1])
    for _ in range(12):
        e = 1 / (1 + np.exp(-design @ beta))
        beta += np.linalg.solve((design * (e * (1 - e))[:, None]).T @ design, design.T @ (treated - e))
    return 1 / (1 + np.exp(-design @ beta))


def aipw(decisions, outcome, columns):
    """Doubly robust estimate and standard error with a linear outcome model and a logistic propensity."""
    y, t = decisions[outcome].to_numpy(float), decisions["treated"].to_numpy(float)
    design = np.column_stack([np.ones(len(y)), *columns])
    e = np.clip(logistic_fit(design, t), 0.02, 0.98)
    m1, m0 = (design @ np.linalg.lstsq(design[t == k], y[t == k], rcond=None)[0] for k in (1, 0))
    score = m1 - m0 + t * (y - m1) / e - (1 - t) * (y - m0) / (1 - e)
    return score.mean(), score.std() / np.sqrt(len(y))


def weighted(decisions, outcome, e):
    t, y = decisions["treated"], decisions[outcome]
    score = t * y / e - (1 - t) * y / (1 - e)
    return score.mean(), score.std() / np.sqrt(len(y))


def naive(decisions, outcome):
    groups = decisions.groupby("treated")[outcome]
    mean, error = groups.mean(), groups.sem()
    return mean[1] - mean[0], np.hypot(error[0], error[1])


def columns(platform, decisions):
    return [decisions[name].to_numpy() for name in platform.covariates]


@pytest.mark.parametrize("outcome", ["click", "purchase"])
@pytest.mark.parametrize("base_rate", [None, "common"])
def test_covariates_and_stored_propensities_close_the_back_door_without_confounding(outcome, base_rate):
    platform = Platform.make(seed=1, base_rate=base_rate)
    decisions = platform.log(200_000, seed=2).decisions
    truth = float(platform.truth.ate(outcome))
    value, error = naive(decisions, outcome)
    assert abs(value - truth) > 10 * error
    value, error = aipw(decisions, outcome, columns(platform, decisions))
    assert abs(value - truth) < 4 * error
    value, error = weighted(decisions, outcome, decisions["propensity"])
    assert abs(value - truth) < 4 * error


def test_strata_of_the_true_propensity_hold_no_confounding():
    platform = Platform.make(seed=1, base_rate="common", confounding=1.0)
    decisions = platform.log(200_000, seed=2).decisions
    value, error = weighted(decisions, "purchase", platform.truth.propensity(decisions))
    assert abs(value - float(platform.truth.ate("purchase"))) < 4 * error
    nominal = platform.log(200_000, seed=2, propensity="nominal").decisions
    value, error = weighted(nominal, "purchase", nominal["propensity"])
    assert value - float(platform.truth.ate("purchase")) > 10 * error


def test_confounding_biases_tables_and_text_rescues_up_to_the_oracle():
    bias = {}
    for text_r2 in (0.0, 0.7, 0.9):
        platform = Platform.make(
            seed=1, n_users=20_000, n_items=20_000, base_rate="common", confounding=1.0, text_r2=text_r2
        )
        decisions = platform.log(20_000, seed=2, pairs="once").decisions
        truth, tables = float(platform.truth.ate("purchase", over=decisions)), columns(platform, decisions)
        bias["naive"] = naive(decisions, "purchase")[0] - truth
        bias["tables"], error = np.subtract(aipw(decisions, "purchase", tables), (truth, 0))
        oracle = platform.truth.text_oracle(decisions)
        with_text = tables if text_r2 == 0 else [*tables, oracle]
        bias[text_r2] = aipw(decisions, "purchase", with_text)[0] - truth
        bias["h"] = aipw(decisions, "purchase", [*tables, platform.truth.hidden(decisions)])[0] - truth
    at_3000 = error * np.sqrt(20_000 / 3_000)
    assert bias["naive"] > bias["tables"] > 3 * at_3000  # several standard errors in a sample of 3,000
    assert bias[0.0] == bias["tables"]
    assert bias[0.7] < 0.45 * bias["tables"]
    assert bias[0.9] < 0.25 * bias["tables"]
    assert abs(bias["h"]) < 4 * error


def test_more_confounding_more_bias():
    biases = []
    for confounding in (0.0, 0.5, 1.0, 2.0):
        platform = Platform.make(seed=1, base_rate="common", confounding=confounding)
        decisions = platform.log(60_000, seed=2).decisions
        value, _ = aipw(decisions, "purchase", columns(platform, decisions))
        biases.append(value - float(platform.truth.ate("purchase")))
    assert np.all(np.diff(biases) > 0.01)


@pytest.mark.parametrize("confounding", [0.0, 1.0])
def test_the_lottery_is_a_valid_instrument(confounding):
    platform = Platform.make(seed=1, base_rate="common", confounding=confounding)
    decisions = platform.log(400_000, seed=2).decisions
    value, error = wald(decisions)
    assert abs(value - float(platform.truth.late("click"))) < 4 * error
    lucky, without = (platform.truth.propensity(decisions.assign(z=z)) for z in (1, 0))
    assert (lucky >= without).all()  # no defiers


def wald(decisions):
    """Instrumental-variable ratio of the lottery and its delta-method error."""
    z, t, y = (decisions[name].to_numpy(float) for name in ("z", "treated", "click"))
    z = z - z.mean()
    value = (z @ y) / (z @ t)
    residual = (y - y.mean()) - value * (t - t.mean())
    return value, np.std(z * residual) * np.sqrt(len(z)) / (z @ t)


def test_broken_exclusion_misleads_the_instrument_and_a_weak_one_is_noisy():
    broken = Platform.make(seed=1, base_rate="common", exclusion=0.3)
    value, error = wald(broken.log(200_000, seed=2).decisions)
    assert value - float(broken.truth.late("click")) > 5 * error
    weak = Platform.make(seed=1, base_rate="common", instrument=0.1)
    assert wald(weak.log(200_000, seed=2).decisions)[1] > 5 * error


def test_broken_exclusion_is_part_of_the_truth():
    platform = Platform.make(seed=1, n_users=300, n_items=100, exclusion=1.0, confounding=0.5)
    drawn = platform.truth.coupled_outcomes(300_000, 1, "click")
    effect = (drawn["y1"] - drawn["y0"]).to_numpy(float)
    assert abs(effect.mean() - float(platform.truth.ate("click"))) < 4 * effect.std() / np.sqrt(len(effect))
    treated = effect[drawn["treated"] == 1]
    assert abs(treated.mean() - float(platform.truth.att("click"))) < 4 * treated.std() / np.sqrt(len(treated))


@pytest.mark.parametrize("outcome", ["view", "purchase", "dwell", "revenue", "returned"])
def test_no_effect_means_none(outcome):
    platform = Platform.make(seed=1, effect=0.0, n_users=200, n_items=100)
    assert float(platform.truth.ate(outcome)) == 0
    assert platform.truth.coupled_outcomes(20_000, 1, outcome).eval("y1 == y0").all()


def test_overlap_dial_pushes_propensities_apart():
    extremes = []
    for overlap in (1.0, 0.5, 0.2):
        decisions = Platform.make(seed=1, overlap=overlap).log(50_000, seed=2).decisions
        extremes.append(1 - decisions["propensity"].between(0.05, 0.95).mean())
    assert extremes[0] < 0.03
    assert extremes[0] < extremes[1] < extremes[2]
    assert extremes[2] > 0.3


def test_exposure_dials_leave_potential_outcomes_alone():
    plain = Platform.make(seed=1).truth.coupled_outcomes(5_000, 1, "purchase")
    for dials in ({"confounding": 1.0}, {"overlap": 0.3}, {"instrument": 0.2}):
        turned = Platform.make(seed=1, **dials).truth.coupled_outcomes(5_000, 1, "purchase")
        assert turned[["y0", "y1"]].equals(plain[["y0", "y1"]])
        assert not turned["treated"].equals(plain["treated"])


def test_taste_shows_in_clicks_so_that_a_recommender_can_learn():
    platform = Platform.make(seed=7)
    clicks = platform.events(200_000, seed=1).query("event == 'click'").drop_duplicates(["user_id", "item_id"])
    last = clicks.groupby("user_id").tail(1)
    past = clicks.drop(last.index)
    seen = np.zeros((2_000, 500))
    seen[past["user_id"], past["item_id"]] = 1
    popularity = seen.sum(axis=0)
    together = (seen.T @ seen) / np.sqrt(np.outer(popularity + 5, popularity + 5))
    np.fill_diagonal(together, 0)
    hits = {}
    for name, scores in (("popularity", np.tile(popularity, (2_000, 1))), ("neighbours", seen @ together)):
        scores = np.where(seen > 0, -np.inf, scores + 1e-9 * np.random.default_rng(0).random(scores.shape))
        user, item = last["user_id"].to_numpy(), last["item_id"].to_numpy()
        hits[name] = np.mean((scores[user] > scores[user, item][:, None]).sum(axis=1) < 10)
    assert hits["neighbours"] > 1.4 * hits["popularity"]


def parts(platform):
    """What a platform is made of, part by part; each is compared number by number."""
    drawn = platform.truth.coupled_outcomes(30_000, 1, "click")
    decisions = platform.log(30_000, seed=1, propensity=None).decisions
    return {
        "users": platform.users.drop(columns="text"),
        "items": platform.items.drop(columns=["text", "title", "arrival_day"], errors="ignore"),
        "texts": platform.users["text"],
        "told": platform.truth.text_r2(),
        "pairs": decisions[["user_id", "item_id"]],
        "chance": decisions[["z", "timestamp", "position"]],
        "treated": drawn["treated"],
        "y0": drawn["y0"],
        "y1": drawn["y1"],
        "bought": decisions["purchase"],
    }


OUTCOMES = {"y0", "y1", "bought"}
MOVES = {
    "confounding": (1.0, {"treated", "bought"}),
    "text_r2": (0.3, {"texts", "told"}),
    "vocabulary": (600, {"texts"}),
    "zipf": (0.3, {"texts"}),
    "paraphrase": (0.5, {"texts"}),
    "overlap": (0.4, {"treated", "bought"}),
    "effect": (0.4, {"y1", "bought"}),
    "instrument": (0.2, {"treated", "bought"}),
    "exclusion": (0.8, OUTCOMES),
    "base_rate": ("common", {"treated", *OUTCOMES}),
    "drift": (0.1, OUTCOMES),
    "cold": (0.4, {"items", "pairs", "treated", *OUTCOMES}),
    "shock": (1.5, OUTCOMES),
    "shock_day": (20, set()),
    "carry_over": (1.0, OUTCOMES),
    "interference": (0.6, {"bought"}),
    "abandonment": (1.0, set()),  # it ends the reading of lists: see test_world_slate_values.py
}


@pytest.mark.parametrize("dial", MOVES)
def test_each_dial_moves_what_it_says_and_nothing_else(dial):
    size = {"seed": 1, "n_users": 300, "n_items": 60}
    value, expected = MOVES[dial]
    still, turned = parts(Platform.make(**size)), parts(Platform.make(**size, **{dial: value}))
    same = {name: part == turned[name] if name == "told" else part.equals(turned[name]) for name, part in still.items()}
    assert {name for name, unmoved in same.items() if not unmoved} == expected


def test_every_dial_but_the_sizes_is_in_that_table():
    assert set(MOVES) == {f.name for f in fields(Dials)} - {"n_users", "n_items"}
