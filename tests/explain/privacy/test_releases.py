"""Releases tell the truth within their intervals, tell nothing exact, and hide a user with a thousand rows."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab.explain import privacy
from causalrec_lab.explain.privacy.contributions import GRID, moments
from causalrec_lab.explain.privacy.intervals import count_half, mean_of, quantile
from causalrec_lab.explain.privacy.noise import calibrate, epsilon_of, simulate

EFFECT = 0.1


def log(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Some rows a user; x confounds treatment and outcome; the effect is 0.1 for everybody."""
    user = np.repeat(np.arange(n), rng.poisson(1.0, n) + 1)
    x = rng.integers(0, 2, n)[user]
    e = np.where(x == 1, 0.7, 0.3)
    t = (rng.uniform(size=len(user)) < e).astype(int)
    y = (rng.uniform(size=len(user)) < 0.2 + 0.3 * x + EFFECT * t).astype(int)
    return pd.DataFrame({"user_id": user, "x": x, "e": e, "t": t, "y": y, "m0": 0.2 + 0.3 * x, "m1": 0.3 + 0.3 * x})


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return log(1_500, np.random.default_rng(2))


WAYS = {
    "difference in means": ({}, EFFECT + 0.3 * 0.4),
    "strata": ({"adjust": {"x": [0, 1]}}, EFFECT),
    "weighted": ({"propensity": "e", "floor": 0.3}, EFFECT),
    "doubly robust": ({"propensity": "e", "floor": 0.3, "predictions": ["m0", "m1"]}, EFFECT),
}


@pytest.mark.parametrize("mechanism", ["laplace", "gaussian"])
@pytest.mark.parametrize("way", WAYS)
def test_intervals_cover_the_effect(way, mechanism):
    options, truth = WAYS[way]
    rng, runs = np.random.default_rng(7), 40
    cost = {"epsilon": 0.5, "delta": 1e-5 if mechanism == "gaussian" else 0.0, "mechanism": mechanism}
    covered = sum(
        privacy.effect(log(700, rng), "t", "y", bounds=(0, 1), **cost, **options, noise=simulate(run)).covers(truth)
        for run in range(runs)
    )
    assert covered >= binom.ppf(1e-6, runs, 0.95)
    if way == "strata":  # and the unadjusted truth is refused where the noise is small
        clear = privacy.effect(log(9_000, rng), "t", "y", bounds=(0, 1), epsilon=3.0, **options, noise=simulate(1))
        assert not clear.covers(WAYS["difference in means"][1])


@pytest.mark.parametrize("users", [8, 40, 400])
@pytest.mark.parametrize("truth", [0.02, 0.5])
def test_means_cover_also_where_noise_is_as_large_as_the_users(users, truth):
    rng, runs, law = np.random.default_rng(users), 1_500, calibrate("laplace", GRID, 0.3)
    ones = rng.binomial(users, truth, runs)
    exact = np.stack([users - ones, np.zeros(runs, int), ones], axis=1) * GRID
    noisy = simulate(1).add(exact, law) / GRID
    found = [mean_of(sums, law.scale / GRID, "laplace", 0.95) for sums in noisy]
    covered = sum(mean.low <= truth <= mean.high for mean in found)
    least = 0.95 if users * truth > 3 else 0.9  # a score interval of a rare thing, as without noise
    assert covered >= binom.ppf(1e-6, runs, least)
    drowned = sum(mean.drowned for mean in found) / runs
    assert drowned > 0.5 if users == 8 else drowned < 0.2
    assert users < 400 or drowned == 0


def test_the_law_of_the_noise_is_the_one_opendp_draws():
    """Both samplers against the discrete law's own moments: variances within five standard errors."""
    from causalrec_lab.explain.privacy.noise import secure

    draws = np.zeros(4_000, dtype=np.int64)
    for law in (calibrate("laplace", 1, 0.3), calibrate("gaussian", 1, 0.9, 1e-5)):
        support = np.arange(-400, 401)
        power = np.abs(support) / law.scale if law.kind == "laplace" else support**2 / (2 * law.scale**2)
        chances = np.exp(-power) / np.exp(-power).sum()
        variance, fourth = (float(chances @ support**k) for k in (2, 4))
        error = math.sqrt((fourth - variance**2) / len(draws))
        for source in (secure(None), simulate(3)):
            assert abs((source.add(draws, law) ** 2.0).mean() - variance) < 5 * error
        half = count_half(law, 0.95)
        inside = [chances[np.abs(support) <= h].sum() for h in (half - 1, half)]
        assert inside[0] < 0.95 <= inside[1] + 1e-12


def test_quantiles_of_normal_and_laplace_are_those_of_draws():
    assert quantile(0, [2.0], 0.95) == pytest.approx(2 * math.log(20), rel=1e-4)
    assert quantile(4.0, [], 0.95) == pytest.approx(2 * 1.959964, rel=1e-6)
    rng = np.random.default_rng(0)
    drawn = np.abs(rng.normal(size=400_000) + rng.laplace(0, 0.7, 400_000) + rng.laplace(0, 0.3, 400_000))
    assert (drawn <= quantile(1.0, [0.7, 0.3], 0.9)).mean() == pytest.approx(0.9, abs=5 * math.sqrt(0.09 / 400_000))


def test_what_one_user_adds_is_one_whatever_the_rows(frame):
    """A user with 1,000 rows, values far beyond the bounds, every group: the sums move by GRID in L1, never more."""
    rng = np.random.default_rng(0)
    wild = pd.DataFrame({"user_id": -1, "y": rng.normal(0, 1e9, 1_000), "cell": rng.integers(0, 4, 1_000)})
    place = rng.integers(0, 4, len(frame))

    def sums(users, values, cells):
        return moments(users, values, (0.0, 1.0), cells, 4, np.random.default_rng(1))

    for total in (False, True):
        alone = moments(wild["user_id"], wild["y"].to_numpy(), (0.0, 1.0), wild["cell"].to_numpy(), 4, rng, total=total)
        assert alone.sum() == np.abs(alone).sum() == GRID
    without = frame.groupby("user_id").head(1)  # one row each: no draw differs between the two tables
    own = place[: len(without)]
    both = pd.concat([without["user_id"], wild["user_id"]], ignore_index=True)
    with_wild = sums(both, np.r_[without["y"], wild["y"]].astype(float), np.r_[own, wild["cell"]])
    exact = sums(without["user_id"].reset_index(drop=True), without["y"].to_numpy(float), own)
    assert np.abs(with_wild - exact).sum() == GRID


@pytest.mark.parametrize("most", [1, 5])
def test_counts_keep_so_many_rows_of_a_user(most):
    heavy = pd.DataFrame({"user_id": 1, "kind": ["a"] * 600 + ["b"] * 400})
    table = privacy.counts(heavy, by={"kind": ["a", "b", "c"]}, epsilon=1e4, rows_per_user=most).table
    assert table["count"].sum() == most
    assert list(table["kind"]) == ["a", "b", "c"]
    assert privacy.histogram(heavy.assign(z=0.5), "z", edges=[0, 0.5, 1], epsilon=1e4).table["count"].tolist() == [0, 1]


def test_intervals_of_counts_hold_the_counts(frame):
    exact = frame.drop_duplicates("user_id")["x"].value_counts().sort_index().to_numpy()
    one_row = frame.drop_duplicates("user_id")
    hits = 0
    for run in range(200):
        table = privacy.counts(one_row, by={"x": [0, 1]}, epsilon=0.4, noise=simulate(run)).table
        hits += int(((table["low"] <= exact) & (exact <= table["high"])).sum())
    assert binom.ppf(1e-6, 400, 0.95) <= hits <= binom.isf(1e-6, 400, 0.97)


@pytest.mark.parametrize("noise", [None, simulate(4)])
def test_a_group_of_one_user_is_not_named(frame, noise):
    alone = pd.DataFrame({"user_id": [-1] * 50, "x": [9] * 50})
    release = privacy.counts(pd.concat([frame, alone]), by="x", epsilon=1.0, delta=1e-9, noise=noise)
    assert set(release.table["x"]) == {0, 1}
    assert 0 < release.delta <= 1e-9


def test_nothing_exact_is_told(frame):
    """The exact numbers of users, rows and outcomes stand in no result; n is the noisy one."""
    users = frame["user_id"].nunique()
    found = privacy.mean(frame, "y", bounds=(0, 1), epsilon=0.01, noise=simulate(0))
    told = json.dumps(found.to_dict())
    assert found.n != users
    for exact in (users, len(frame), int(frame["y"].sum()), frame.groupby("user_id")["y"].mean().mean()):
        assert not re.search(rf"\b{re.escape(str(exact))}\b", told)


def test_an_epsilon_without_noise_to_speak_of_gives_the_plain_answer(frame):
    mine = frame.groupby("user_id")["y"].mean()
    found = privacy.mean(frame, "y", bounds=(0, 1), epsilon=1e5)
    assert found.value == pytest.approx(mean := mine.mean(), abs=2e-4)
    assert found.std_error == pytest.approx(mine.std() / math.sqrt(len(mine)), rel=0.01)
    total = privacy.mean(frame, "y", bounds=(0, 50), epsilon=1e5, per_user="sum")
    assert total.value == pytest.approx(frame.groupby("user_id")["y"].sum().mean(), abs=2e-3)
    assert mean != total.value


def test_a_secure_release_takes_no_seed_and_a_simulation_says_what_it_is(frame):
    def told(noise=None):
        return privacy.mean(frame, "y", bounds=(0, 1), epsilon=1.0, noise=noise)

    assert told().value != told().value
    assert told(simulate(5)) == told(simulate(5))
    study, table = told(simulate(5)), privacy.counts(frame, epsilon=1.0, noise=simulate(5))
    assert any(note.startswith("warning: not private") for note in study.notes)
    for shown in (str(study), study._repr_html_(), study.to_csv(), str(table), table._repr_html_()):
        assert "simulated laplace noise, not private" in shown
    assert "not private" in table.plot().get_title()
    real = privacy.counts(frame, epsilon=1.0)
    assert "not private" not in str(real) + real._repr_html_() + real.plot().get_title()
    assert not any("not private" in note for note in told().notes)


def test_the_price_is_the_length_that_releases_have():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"user_id": np.arange(4_000), "y": rng.integers(0, 2, 4_000), "t": rng.integers(0, 2, 4_000)})
    one, two = (privacy.price(4_000, 0.5, (0, 1), arms=arms, epsilons=[0.1, 1]).table for arms in (1, 2))
    for place, epsilon in enumerate((0.1, 1.0)):
        mean = privacy.mean(frame, "y", bounds=(0, 1), epsilon=epsilon, noise=simulate(1))
        effect = privacy.effect(frame, "t", "y", bounds=(0, 1), epsilon=epsilon, noise=simulate(1))
        assert mean.high - mean.low == pytest.approx(one["length"][place], rel=0.05)
        assert effect.high - effect.low == pytest.approx(two["length"][place], rel=0.05)
    assert (one["times"] > 1).all()


def test_epsilon_of_gaussian_noise_is_within_what_was_asked():
    law = calibrate("gaussian", GRID, 0.7, 1e-6)
    assert 0.69 < epsilon_of(law.rho, 1e-6) <= 0.7
    assert law.scale == pytest.approx(GRID / math.sqrt(2 * law.rho))
    classic = GRID * math.sqrt(2 * math.log(1.25 / 1e-6)) / 0.7  # Dwork & Roth 2014, theorem A.1, valid below 1
    assert law.scale < classic


BAD = [
    ({"epsilon": 0}, "must be above 0"),
    ({"epsilon": -1}, "must be above 0"),
    ({"epsilon": math.inf}, "finite"),
    ({"epsilon": math.nan}, "finite"),
    ({"epsilon": True}, "finite number"),
    ({"epsilon": "1"}, "finite number"),
    ({"delta": 1.0, "mechanism": "gaussian"}, r"\[0, 1\)"),
    ({"delta": -0.1, "mechanism": "gaussian"}, r"\[0, 1\)"),
    ({"delta": 0.1}, "Laplace noise costs no delta"),
    ({"mechanism": "gaussian"}, "needs delta > 0"),
    ({"mechanism": "gauss"}, "known are"),
    ({"bounds": (1, 0)}, "the lower first"),
    ({"bounds": (0, math.inf)}, "finite"),
    ({"bounds": None}, "somebody's own"),
    ({"bounds": 3}, "two numbers"),
    ({"bounds": (-1e308, 1e308)}, "finite"),
    ({"epsilon": 1e-300}, "1e-9 to 1e9"),
    ({"epsilon": 1e300}, "1e-9 to 1e9"),
    ({"user": "customer"}, "no column 'customer'"),
    ({"column": "z"}, "no column 'z'"),
    ({"column": "word"}, "kind str|kind object"),
    ({"column": "day"}, "not of numbers"),
    ({"per_user": "max"}, "'mean' and 'sum'"),
    ({"level": 1.0}, "confidence level"),
]


@pytest.mark.parametrize(("change", "words"), BAD, ids=[str(change) for change, _ in BAD])
def test_bad_input_is_named_and_costs_nothing(frame, change, words):
    given = {"column": "y", "bounds": (0, 1), "epsilon": 1.0} | change
    budget = privacy.Budget(10, 0.5)
    with pytest.raises(ValueError, match=words):
        privacy.mean(frame.assign(word="a", day=pd.Timestamp(2024, 1, 1)), budget=budget, **given)
    assert budget.spent == (0.0, 0.0)


def test_other_bad_input(frame):
    with pytest.raises(TypeError, match="pandas frame"):
        privacy.counts([1], epsilon=1)
    with pytest.raises(TypeError, match="simulate"):
        privacy.counts(frame, epsilon=1, noise=np.random.default_rng(0))
    with pytest.raises(TypeError, match="Budget"):
        privacy.counts(frame, epsilon=1, budget=3.0)
    with pytest.raises(ValueError, match="declare them"):
        privacy.counts(frame, by="x", epsilon=1)
    with pytest.raises(ValueError, match="names each once"):
        privacy.counts(frame, by={"x": [0, 0]}, epsilon=1)
    with pytest.raises(ValueError, match=r"groups of 'x' are \['0', '1'\], the column is of kind int64"):
        privacy.counts(frame, by={"x": ["0", "1"]}, epsilon=1)
    with pytest.raises(TypeError, match="its groups"):
        privacy.counts(frame, by=3, epsilon=1)
    with pytest.raises(ValueError, match="from 1 on"):
        privacy.counts(frame, epsilon=1, rows_per_user=0)
    with pytest.raises(ValueError, match="each above the one before"):
        privacy.histogram(frame, "e", edges=[0, 0], epsilon=1)
    with pytest.raises(ValueError, match="least propensity"):
        privacy.effect(frame, "t", "y", bounds=(0, 1), epsilon=1, propensity="e")
    with pytest.raises(ValueError, match="least propensity"):
        privacy.effect(frame, "t", "y", bounds=(0, 1), epsilon=1, propensity="e", floor=5e-324)
    with pytest.raises(ValueError, match="not both"):
        privacy.effect(frame, "t", "y", bounds=(0, 1), epsilon=1, propensity="e", floor=0.1, adjust={"x": [0]})
    with pytest.raises(ValueError, match="go with propensity"):
        privacy.effect(frame, "t", "y", bounds=(0, 1), epsilon=1, floor=0.1)
    with pytest.raises(ValueError, match="half of their range"):
        privacy.price(100, 3.0, (0, 1))


def test_true_and_false_are_numbers_and_missing_rows_do_not_count(frame):
    holes = frame.assign(y=frame["y"].astype(bool).astype("boolean").mask(frame.index < 100), t=frame["t"].astype(bool))
    kept = frame[100:]
    mine = privacy.effect(holes, "t", "y", bounds=(0, 1), epsilon=1e6).n
    assert mine == kept["user_id"].nunique()
    nobody = frame.assign(user_id=frame["user_id"].astype("Int64").mask(frame["user_id"] > 3))
    assert privacy.mean(nobody, "y", bounds=(0, 1), epsilon=1e6).n == 4


def test_an_arm_with_nobody_says_that_it_tells_nothing(frame):
    for options in ({}, {"adjust": {"x": [0, 1]}}):
        none = privacy.effect(frame.assign(t=1), "t", "y", bounds=(0, 1), epsilon=1, noise=simulate(2), **options)
        assert math.isnan(none.std_error)
        assert any("drowns" in note for note in none.notes)
        assert none.covers(0.1)
