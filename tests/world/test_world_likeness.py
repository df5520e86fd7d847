"""A platform like a log: what was logged is matched, what no log tells is said, and wrong input is refused."""

import html

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from causalrec_lab.data import Dataset, DataUnavailable, gini, load
from causalrec_lab.world import Platform, Scenario, likeness
from causalrec_lab.world.alike.statistics import (
    auc,
    auc_error,
    co_lifts,
    cross_fitted,
    deviance_explained,
    rates_behind,
    text_gain,
)

SIZE = {"n_users": 600, "n_items": 200}


def bare(log, name="log"):
    """The decisions of a platform's log without tables of users and items: no text is read."""
    return Dataset(name, decisions=log.decisions, extra=log.extra)


def rates(decisions, outcome):
    """Mean outcome of untreated and treated."""
    return decisions.groupby("treated")[outcome].mean().to_numpy()


# --- the statistics -------------------------------------------------------------------------------------------------


def test_auc_and_deviance_are_those_of_the_field():
    rng = np.random.default_rng(1)
    e = np.round(rng.random(3_000), 2).clip(0.01, 0.99)  # many ties
    t = (rng.random(3_000) < e).astype(float)
    assert auc(e, t, 1 - t) == pytest.approx(roc_auc_score(t, e), abs=1e-12)
    by_hand = 1 - log_loss(t, e) / log_loss(t, np.full(3_000, t.mean()))
    assert deviance_explained(e, t, 1 - t) == pytest.approx(by_hand, abs=1e-12)
    drawn = [auc(e, t := (rng.random(3_000) < e).astype(float), 1 - t) for _ in range(200)]
    assert auc(e, e, 1 - e) == pytest.approx(np.mean(drawn), abs=5 * np.std(drawn) / np.sqrt(200))


def test_the_error_of_an_auc_is_its_spread():
    rng = np.random.default_rng(2)
    areas = [
        roc_auc_score(np.repeat([1, 0], (60, 140)), rng.normal(np.repeat([1.0, 0.0], (60, 140)))) for _ in range(400)
    ]
    assert auc_error(float(np.mean(areas)), 60, 140) == pytest.approx(np.std(areas), rel=0.25)


def test_rates_behind_counts_lose_the_poisson_noise():
    rng = np.random.default_rng(3)
    assert gini(rates_behind(rng.poisson(3.0, 4_000))) < 0.06 < gini(rng.poisson(3.0, 4_000))
    true = rng.gamma(2.0, 1.5, 4_000)
    counts = rng.poisson(true)
    assert rates_behind(counts).mean() == pytest.approx(counts.mean())
    assert rates_behind(counts).var() == pytest.approx(true.var(), rel=0.15)
    assert counts.var() > 1.5 * true.var()
    assert (rates_behind(counts) > 0).all()


def test_lifts_are_zero_by_chance_and_find_what_goes_together():
    rng = np.random.default_rng(4)
    active = rng.lognormal(0, 0.8, 3_000)
    odds = np.outer(active, rng.random(40) * 0.3)  # popular items and busy users, nothing else
    chance = odds / (1 + odds)
    taken = rng.random(chance.shape) < chance
    alone = co_lifts(*np.nonzero(taken), top=40)
    assert abs(alone.mean()) < 0.05
    taken[:, 1] = taken[:, 0] & (rng.random(3_000) < 0.9)  # whoever takes the first takes the second
    together = co_lifts(*np.nonzero(taken), top=40)
    assert together.max() > alone.max() + 1.0


def test_cross_fitting_does_not_know_users_by_heart():
    rng = np.random.default_rng(5)
    user = np.repeat(np.arange(300), 20)
    name = rng.normal(size=300)[user]  # tells users apart and nothing else
    y = (rng.random(6_000) < (0.2 + 0.6 * (rng.random(300) < 0.5))[user]).astype(float)
    fit = cross_fitted(name[:, None], y, user, 0)
    assert abs(auc(fit.chance, y, 1 - y) - 0.5) < 0.08
    leaky = cross_fitted(name[:, None], y, np.arange(6_000), 0)
    assert auc(leaky.chance, y, 1 - y) > 0.6


def test_text_gain_is_zero_for_noise_and_grows_with_what_is_said():
    rng = np.random.default_rng(6)
    mood = rng.normal(size=3_000)
    y = (rng.random(3_000) < 1 / (1 + np.exp(-mood))).astype(float)
    base, rows = rng.normal(size=(3_000, 2)), np.arange(3_000)

    def written(clear):
        good = rng.random((3_000, 6)) < 1 / (1 + np.exp(-clear * mood))[:, None]
        return [" ".join([*np.where(row, "good", "bad").tolist(), "thing", f"w{k % 50}"]) for k, row in enumerate(good)]

    noise, some, much = (text_gain(written(clear), base, y, rows, 0) for clear in (0.0, 0.4, 2.0))
    assert noise.value < 3 * max(noise.std_error, 1e-3)
    assert noise.value < some.value < much.value
    assert much.value > 0.08


# --- round trips: a platform's own log --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dials",
    [{}, {"overlap": 0.5}, {"base_rate": "common"}, {"overlap": 0.7, "base_rate": "common", "effect": 2.0}],
    ids=str,
)
def test_a_platforms_log_gives_its_platform_back(dials):
    platform = Platform.make(seed=1, **SIZE, **dials)
    log = platform.log(40_000, seed=2)
    scenario = Scenario.from_dataset(bare(log), outcome="click")
    again = Platform.make(scenario, seed=1, **SIZE)
    there = again.log(40_000, seed=3).decisions
    here = log.decisions
    assert there["treated"].mean() == pytest.approx(here["treated"].mean(), abs=0.02)
    areas = [auc(d["propensity"], d["propensity"], 1 - d["propensity"]) for d in (here, there)]
    assert areas[1] == pytest.approx(areas[0], abs=0.02)
    assert rates(there, "click") == pytest.approx(rates(here, "click"), rel=0.08, abs=0.006)
    for stage in ("view", "cart", "purchase"):
        assert rates(there, stage)[0] == pytest.approx(rates(here, stage)[0], rel=0.1, abs=0.006)
    noise = 4 * np.sqrt((here.groupby("treated")["click"].var() / here.groupby("treated").size()).sum())
    assert float(again.truth.att("click")) == pytest.approx(float(platform.truth.att("click")), abs=0.01 + noise)


def test_the_columns_that_were_logged_select_as_much():
    platform = Platform.make(seed=2, base_rate="common", **SIZE)
    log = bare(platform.log(40_000, seed=1))
    found = likeness(log, outcome="purchase", covariates=platform.covariates)
    table = found.table.set_index("statistic")
    for line in ("share treated", "exposure: AUC", "selection on logged columns", "purchase: rate where treated"):
        assert table.loc[line, "matched"] == "yes", line
    assert table.loc["selection on logged columns", "log"] > 0.02
    assert set(table.loc[["hidden confounding", "average effect on the outcome's rate"], "matched"]) == {
        "cannot be known"
    }
    assert table.loc[["hidden confounding", "average effect on the outcome's rate"], "log"].isna().all()


def test_several_worlds_write_the_same_log_and_differ_in_their_truth():
    platform = Platform.make(seed=3, base_rate="common", confounding=1.0, n_users=1_500, n_items=400)
    log = bare(platform.log(40_000, seed=1))
    effects, logged = {}, {}
    for strength in (0.0, 1.0, 2.0):
        scenario = Scenario.from_dataset(log, outcome="purchase", covariates=platform.covariates, confounding=strength)
        world = Platform.make(scenario, seed=5, n_users=1_500, n_items=400)
        assert world.dials.confounding == strength
        effects[strength] = float(world.truth.ate("purchase"))
        logged[strength] = rates(world.log(40_000, seed=2).decisions, "purchase")
    for strength in effects:
        assert logged[strength] == pytest.approx(rates(log.decisions, "purchase"), abs=0.02)
    assert effects[0.0] > effects[1.0] + 0.03 > effects[2.0] + 0.05
    assert effects[1.0] == pytest.approx(float(platform.truth.ate("purchase")), abs=0.02)
    assert any("cannot be learned" in note for note in scenario.notes)


def test_another_platform_is_not_alike():
    log = bare(Platform.make(seed=1, **SIZE).log(10_000, seed=2))
    other = Platform.make(seed=1, base_rate="common", overlap=0.3, **SIZE)
    table = likeness(log, other, outcome="click").table.set_index("statistic")
    assert table.loc["share treated", "matched"] == "no"
    assert table.loc["click: rate where untreated", "matched"] == "no"


def test_what_the_text_says_moves_the_text_dial():
    dials = []
    for said in (0.0, 0.9):
        log = Platform.make(seed=4, base_rate="common", text_r2=said, n_users=900, n_items=500).log(8_000, seed=1)
        scenario = Scenario.from_dataset(log, outcome="purchase")
        dials.append(scenario.defaults["text_r2"])
    assert dials[0] < 0.4
    assert dials[1] > dials[0] + 0.2


def test_logs_of_slates_tell_every_pairs_propensity():
    platform = Platform.make(seed=1, n_users=200, n_items=30)
    policy = platform.logging_policy(0.7)
    bandit = platform.slates(policy, 20_000, seed=2)
    slates = pd.DataFrame({"item_id": bandit.action, "reward": bandit.reward, "propensity": bandit.propensity})
    exposed = likeness(Dataset("slates", slates=slates), outcome="reward").log.exposed
    every = policy.probabilities(platform.contexts()).ravel()  # all pairs, each equally often
    assert exposed.share == pytest.approx(1 / 30, rel=0.05)
    assert exposed.auc == pytest.approx(auc(every, every, 1 - every), abs=0.02)


# --- shapes ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ratings():
    """Ratings of films: popular and rare ones, busy and idle users, four genres; ids are text."""
    rng = np.random.default_rng(7)
    weight, busy = 1 / (np.arange(300) + 2.0) ** 1.1, rng.lognormal(0, 0.5, 500)
    n = 60_000
    user = rng.choice(500, size=n, p=busy / busy.sum())
    item = rng.choice(300, size=n, p=weight / weight.sum())
    genre = rng.choice(["Drama", "Comedy", "Film-Noir", "War"], size=300, p=[0.5, 0.3, 0.15, 0.05])
    events = pd.DataFrame({
        "user_id": [f"u{k}" for k in user], "item_id": [f"i{k}" for k in item], "timestamp": np.arange(n),
        "event": "rating", "rating": rng.choice([1, 2, 3, 4, 5], size=n, p=[0.05, 0.1, 0.25, 0.4, 0.2]),
    })  # fmt: skip
    items = pd.DataFrame({"item_id": [f"i{k}" for k in range(300)], "genres": [f"{g}|Other" for g in genre]})
    return Dataset("films", events=events, items=items)


def test_popularity_activity_and_categories_are_the_logs(ratings):
    scenario = Scenario.from_dataset(ratings)
    platform = Platform.make(scenario, seed=3)
    assert (platform.population.n_users, platform.population.n_items) == (500, 300)
    for key, column in (("item_id", platform.population.popularity), ("user_id", platform.population.activity)):
        counts = ratings.events[key].value_counts().to_numpy(float)
        if key == "item_id":
            counts = np.pad(counts, (0, 300 - len(counts)))
        assert gini(column) == pytest.approx(gini(counts), abs=0.02)
        quantiles = np.linspace(0.05, 0.95, 10)
        here, there = (np.quantile(v / v.mean(), quantiles) for v in (counts, np.asarray(column, float)))
        assert there == pytest.approx(here, rel=0.08, abs=0.02)
    mix = ratings.items["genres"].str.split("|").str[0].value_counts(normalize=True)
    assert platform.items["category"].value_counts(normalize=True).sub(mix).abs().max() < 0.01
    assert list(scenario.stages) == ["view", "purchase"]  # a rating is given to what was seen


def test_a_rating_counts_from_four_of_five(ratings):
    platform = Platform.make(Scenario.from_dataset(ratings), seed=3)
    decisions = platform.log(60_000, seed=1).decisions
    liked = decisions["purchase"][decisions["view"] == 1].mean()
    assert liked == pytest.approx((ratings.events["rating"] >= 4).mean(), abs=0.02)


def test_kinds_of_events_convert_as_often(ratings):
    rng = np.random.default_rng(8)
    events = ratings.events.drop(columns="rating")
    kinds = rng.choice(["view", "click", "purchase"], size=len(events), p=[0.75, 0.2, 0.05])
    scenario = Scenario.from_dataset(Dataset("shop", events=events.assign(event=kinds)))
    assert list(scenario.stages) == ["view", "click", "purchase"]
    decisions = Platform.make(scenario, seed=1).log(60_000, seed=1).decisions
    assert decisions["click"].sum() / decisions["view"].sum() == pytest.approx(0.2 / 0.75, rel=0.06)
    assert decisions["purchase"].sum() / decisions["view"].sum() == pytest.approx(0.05 / 0.75, rel=0.1)


def test_events_hold_no_exposure_and_that_is_said(ratings):
    scenario = Scenario.from_dataset(ratings)
    kept = Platform.make().scenario.coefficients["realistic"].exposure
    assert scenario.coefficients["realistic"].exposure == kept
    assert any("passed over is nowhere" in note for note in scenario.notes)
    table = likeness(ratings, scenario).table.set_index("statistic")
    assert table.loc["share treated", "matched"] == "not in the log"


def test_decisions_without_users_or_items_are_a_user_each():
    rng = np.random.default_rng(9)
    x = rng.normal(size=(6_000, 2))
    t = (rng.random(6_000) < 1 / (1 + np.exp(-1.5 * x[:, 0]))).astype(int)
    pay = np.where(rng.random(6_000) < 0.3 - 0.1 * (x[:, 0] > 0) + 0.2 * t, np.exp(7 + rng.normal(size=6_000)), 0.0)
    decisions = pd.DataFrame({"treated": t, "pay": pay, "age": x[:, 0], "education": x[:, 1]})
    scenario = Scenario.from_dataset(
        Dataset("jobs", decisions=decisions), outcome="pay", covariates=["age", "education"]
    )
    assert (scenario.outcome, scenario.stages, scenario.defaults["n_users"]) == ("pay", ("any_pay",), 6_000)
    logged = Platform.make(scenario, seed=1).log(40_000, seed=1).decisions
    for arm in (0, 1):
        here, there = pay[t == arm], logged["pay"].to_numpy()[logged["treated"] == arm]
        assert (there > 0).mean() == pytest.approx((here > 0).mean(), abs=0.02)
    assert np.log(logged["pay"][logged["pay"] > 0]).mean() == pytest.approx(np.log(pay[pay > 0]).mean(), abs=0.05)
    naive = (pay[t == 1] > 0).mean() - (pay[t == 0] > 0).mean()
    effect = float(Platform.make(scenario, seed=1, n_users=1_000).truth.att("any_pay"))
    assert effect > naive + 0.02  # the treated would have been paid less often: the columns say so
    assert effect == pytest.approx(0.2, abs=0.05)


def test_randomised_treatment_stays_so():
    rng = np.random.default_rng(10)
    x = rng.normal(size=(5_000, 3))
    decisions = pd.DataFrame(x, columns=list("abc")).assign(treated=rng.integers(2, size=5_000))
    decisions["visit"] = (rng.random(5_000) < 0.1 + 0.05 * decisions["treated"]).astype(int)
    scenario = Scenario.from_dataset(Dataset("mail", decisions=decisions), outcome="visit", covariates=list("abc"))
    logged = Platform.make(scenario, seed=1).log(40_000, seed=1).decisions
    columns = ["affinity_hat", "log_popularity", "activity", "log_exposures"]
    assert logged[columns].corrwith(logged["treated"]).abs().max() < 0.1
    assert rates(logged, "visit") == pytest.approx(rates(decisions, "visit"), abs=0.012)


# --- what it looks like -----------------------------------------------------------------------------------------------


def test_a_likeness_escapes_what_comes_from_the_log(ratings):
    table = ratings.events.assign(event="<i>rating</i>")
    found = likeness(Dataset("<script>films</script>", events=table, items=ratings.items))
    shown = found._repr_html_()
    assert "<script>" not in shown
    assert html.escape("<script>films</script>") in shown
    assert shown == likeness(Dataset("<script>films</script>", events=table, items=ratings.items))._repr_html_()
    assert [ax.get_title().split(":")[0] for ax in found.plot().axes] == [
        "Popularity", "Activity", "Overlap", "Co-occurrence",
    ]  # fmt: skip
    assert len(found.plot("popularity").axes) == 1
    with pytest.raises(ValueError, match="did you mean 'overlap'"):
        found.plot("overlaps")
    assert abs(found.lifts["independence"].mean()) < 0.1
    assert found.lifts["platform"].std() > found.lifts["independence"].std()  # tastes differ there, not in this log


# --- wrong input ------------------------------------------------------------------------------------------------------

GOOD = pd.DataFrame({
    "user_id": np.arange(200), "item_id": np.arange(200) % 7, "timestamp": np.arange(200),
    "treated": np.arange(200) % 2,
    "click": (np.arange(200) % 3 == 0).astype(int), "age": np.arange(200.0), "kind": "a", "gain": np.arange(200) - 5.0,
})  # fmt: skip


@pytest.mark.parametrize(
    ("tables", "options", "message"),
    [
        ({}, {}, "has no events, decisions or slates"),
        ({"events": GOOD.drop(columns="item_id")}, {}, "have no column 'item_id'"),
        ({"events": GOOD.iloc[:0]}, {}, "the events of 'mine' have no rows"),
        ({"decisions": GOOD}, {"outcome": "clik"}, "outcome 'clik' is no column.*did you mean 'click'"),
        ({"decisions": GOOD.assign(click=1)}, {"outcome": "click"}, "outcome 'click' of 'mine' is constant, 1 in"),
        ({"decisions": GOOD}, {"outcome": "kind"}, "holds no number"),
        ({"decisions": GOOD}, {"outcome": "gain"}, "has negative values, down to -5"),
        ({"decisions": GOOD.assign(treated=1)}, {}, "has a single class, 1 in all 200 rows"),
        ({"decisions": GOOD.assign(treated=2)}, {}, "is not 0 or 1 in 200 of 200 rows, first at row 0: 2"),
        ({"decisions": GOOD}, {"treatment": "shown"}, "treatment 'shown' is no column"),
        ({"decisions": GOOD}, {"covariates": ["agee"]}, "covariate 'agee' is no column.*did you mean 'age'"),
        ({"decisions": GOOD}, {"covariates": ["kind"]}, "no numbers; make 0/1 columns"),
        ({"decisions": GOOD}, {"covariates": ["treated"]}, "'treated' is the treatment"),
        ({"decisions": GOOD.assign(propensity=1.7)}, {}, "propensity of 'mine' is outside .* in 200 of 200"),
        ({"decisions": GOOD}, {"outcome": "click", "text": "reviews"}, "text 'reviews' is no column"),
        ({"decisions": GOOD}, {"base": "ecomerce"}, "ecommerce"),
        ({"events": GOOD.assign(event=np.where(GOOD.click, "view", "click"))}, {"outcome": "sale"}, "no kind of event"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_with_the_way_out(tables, options, message):
    with pytest.raises(ValueError, match=message):
        Scenario.from_dataset(Dataset("mine", **tables), **options)


def test_an_empty_category_is_no_category():
    items = pd.DataFrame({"item_id": np.arange(7), "category": [None] * 7})
    scenario = Scenario.from_dataset(Dataset("mine", decisions=GOOD, items=items), outcome="click")
    assert any("no category mix" in note for note in scenario.notes)
    assert scenario.shares is None


def test_no_covariates_match_the_share_and_say_so():
    scenario = Scenario.from_dataset(Dataset("mine", decisions=GOOD.drop(columns="click")))
    assert any("name covariates" in note for note in scenario.notes)
    assert any("no outcome is named" in note for note in scenario.notes)
    assert Platform.make(scenario, seed=1, **SIZE).log(20_000).decisions["treated"].mean() == pytest.approx(
        0.5, abs=0.02
    )


# --- real logs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "lines"),
    [
        ("ml-100k", {}, ["popularity: Gini", "activity: Gini", "purchase: rate where seen"]),
        ("open_bandit", {}, ["share treated", "exposure: AUC", "purchase: rate where treated"]),
        ("coat", {}, ["share treated", "exposure: AUC", "popularity: Gini", "rating: rate where treated"]),
        ("kuairec", {}, ["popularity: Gini", "dwell: mean log"]),
        ("lalonde", {"outcome": "re78", "covariates": ["age", "education", "black", "re75"]},
         ["share treated", "any_re78: rate where untreated", "any_re78: rate where treated", "re78: mean log"]),
    ],
)  # fmt: skip
def test_real_logs_are_matched(name, options, lines):
    try:
        dataset = load(name)
    except DataUnavailable as missing:
        pytest.skip(str(missing).split(":")[0])
    table = likeness(dataset, **options).table.set_index("statistic")
    assert (table.loc[lines, "matched"] == "yes").all(), table.loc[lines]
