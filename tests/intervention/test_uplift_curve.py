"""Uplift curves, areas and uplift at k against enumeration, closed forms, published formulas and simulated truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from causalrec_lab.causal import effects
from causalrec_lab.intervention import uplift
from causalrec_lab.world import Platform


def experiment(n, seed, *, share=0.5, ties=False):
    """Effect x on (0, 1): G(u) = u - u^2/2, so AUUC = 1/3, Qini = 1/12, uplift at k = 1 - k/2."""
    rng = np.random.default_rng(seed)
    x, t = rng.uniform(size=n), (rng.random(n) < share).astype(int)
    y = x * t + rng.normal(size=n) + x
    return pd.DataFrame({"x": np.floor(4 * x) if ties else x, "effect": x, "t": t, "y": y})


TRUTH = {"AUUC": 1 / 3, "Qini": 1 / 12, "top": 0.9}


def test_the_curve_is_the_mean_of_scores_among_the_first():
    frame = experiment(500, 0)
    found = uplift.curve(frame, "t", "y", "x", truth="effect")
    order = frame["effect"].sort_values(ascending=False)
    assert found.table.loc[0.2, "truth"] == pytest.approx(order.iloc[:100].sum() / 500)
    gamma = found.scores.row_scores[order.index]
    assert found.table.loc[0.2, "gain"] == pytest.approx(gamma[:100].sum() / 500)
    assert found.at_k(0.2).value == pytest.approx(gamma[:100].mean())
    assert (found.table["best"] == found.table["truth"]).all()  # the score is the true effect


def test_areas_are_integrals_of_the_curve_and_ties_are_straight_lines():
    frame = experiment(60, 1, ties=True)
    found = uplift.curve(frame, "t", "y", "x")
    fine = np.linspace(0, 1, 200_001)
    heights = found.ranking.gain(found.scores.row_scores, fine)
    assert found.auuc.value == pytest.approx(integrate.trapezoid(heights, fine), abs=1e-8)
    assert found.qini.value == pytest.approx(integrate.trapezoid(heights - fine * heights[-1], fine), abs=1e-8)
    # a tie is the mean over all its orders: random tie-breaking agrees on average
    rng = np.random.default_rng(0)
    broken = [uplift.qini(frame, "t", "y", frame["x"] + 1e-6 * rng.random(60)).value for _ in range(400)]
    assert np.mean(broken) == pytest.approx(found.qini.value, abs=5 * np.std(broken) / 20)


def test_row_order_and_monotone_maps_of_the_score_change_nothing():
    frame = experiment(400, 2, ties=True)
    base = uplift.curve(frame, "t", "y", "x").qini.value
    assert uplift.qini(frame, "t", "y", np.exp(3 * frame["x"])).value == base
    scores = uplift.curve(frame, "t", "y", "x")
    turned = scores.ranking.of(frame["x"].to_numpy()[::-1], np.ones(400))
    assert turned.area(scores.scores.row_scores[::-1])[0] == pytest.approx(scores.auuc.value)
    assert uplift.qini(frame, "t", "y", np.ones(400)).value == pytest.approx(0, abs=1e-15)


def test_the_qini_is_that_of_rate():
    frame = experiment(800, 3)
    scores = effects.effect_scores(frame, "t", "y", [])
    rate = effects.rate(scores, frame["x"], kind="qini", resamples=400).estimate
    mine = uplift.qini(frame, "t", "y", "x")
    assert mine.value == pytest.approx(rate.value, abs=2e-3)  # a sum over places against the exact integral
    assert mine.std_error == pytest.approx(rate.std_error, rel=0.15)  # influence function against half-samples


def test_counts_are_those_of_the_papers():
    frame = pd.DataFrame({"t": [1, 0, 1, 0, 1, 0, 1], "y": [1, 0, 1, 1, 0, 0, 1], "s": [7, 6, 5, 5, 5, 2, 1]})
    found = uplift.counts(frame, "t", "y", "s")
    assert found["rows"].tolist() == [0, 1, 2, 5, 6, 7]
    # by hand after five rows: three treated with two events, two untreated with one
    assert found.loc[3, "qini"] == pytest.approx(2 - 1 * 3 / 2)
    assert found.loc[3, "uplift"] == pytest.approx((2 / 3 - 1 / 2) * 5)
    assert found.loc[1, "qini"] == 0  # no untreated row yet


def replicate(n, seeds, **options):
    rows = []
    for seed in range(seeds):
        frame = experiment(n, 1_000 + seed, **options)
        curve = uplift.curve(frame, "t", "y", "x", resamples=60, seed=seed)
        rows.append({"AUUC": curve.auuc, "Qini": curve.qini, "top": curve.at_k(0.2)})
    return rows


@pytest.fixture(scope="module")
def replications():
    return replicate(400, 150, share=0.3)


@pytest.mark.parametrize("what", ["AUUC", "Qini", "top"])
def test_intervals_cover_and_errors_are_those_of_repetition(replications, what):
    found = [row[what] for row in replications]
    covered = sum(e.covers(TRUTH[what]) for e in found)
    low, high = stats.binom.ppf([1e-6, 1 - 1e-6], len(found), 0.94)
    assert low <= covered <= high
    spread = np.std([e.value for e in found], ddof=1)
    assert np.mean([e.std_error for e in found]) == pytest.approx(spread, rel=0.25)
    assert abs(np.mean([e.value for e in found]) - TRUTH[what]) < 5 * spread / np.sqrt(len(found))


def test_a_confounded_treatment_needs_covariates():
    rng = np.random.default_rng(5)
    n = 4_000
    x = rng.uniform(size=n)
    t = (rng.random(n) < 0.2 + 0.6 * x).astype(int)
    frame = pd.DataFrame({"x": x, "t": t, "y": x * t + 3 * x + rng.normal(size=n)})
    adjusted = uplift.auuc(frame, "t", "y", "x", covariates=["x"])
    assert adjusted.covers(1 / 3) or abs(adjusted.value - 1 / 3) < 4 * adjusted.std_error
    assert uplift.auuc(frame, "t", "y", "x").low > 1 / 3  # what confounds is taken for an effect
    known = uplift.auuc(frame.assign(e=0.2 + 0.6 * x), "t", "y", "x", propensity="e")
    assert abs(known.value - 1 / 3) < 4 * known.std_error


def test_weights_stand_for_rows():
    frame = experiment(300, 6, ties=True).assign(w=np.random.default_rng(0).integers(1, 4, size=300))
    repeated = frame.loc[frame.index.repeat(frame["w"])]
    options = {"propensity": 0.5, "folds": 2}
    one = uplift.curve(frame, "t", "y", "x", weights="w", **options)
    ranking = one.ranking.of(repeated["x"].to_numpy(), np.ones(len(repeated)))
    gamma = np.repeat(one.scores.row_scores, frame["w"])
    assert one.auuc.value == pytest.approx(ranking.area(gamma)[0])
    shares = one.table.index.to_numpy()
    np.testing.assert_allclose(one.table["gain"], ranking.gain(gamma, shares))


def test_clusters_widen_the_interval():
    frame = experiment(300, 7).assign(user=np.arange(300))
    copies = pd.concat([frame] * 4, ignore_index=True)
    alone = uplift.curve(frame, "t", "y", "x", cluster="user").qini
    naive = uplift.qini(copies, "t", "y", "x")
    honest = uplift.qini(copies, "t", "y", "x", cluster="user")
    assert honest.std_error == pytest.approx(alone.std_error, rel=0.05)
    assert naive.std_error == pytest.approx(alone.std_error / 2, rel=0.05)


def test_two_scores_are_compared_on_the_same_rows():
    wins, apart = [], []
    for seed in range(60):
        frame = experiment(400, 50 + seed)
        noise = np.random.default_rng(seed).normal(size=400)
        scores = {"right": "x", "wrong": noise, "same": frame["x"] * 2}
        found = uplift.difference(frame, "t", "y", scores)
        assert found["same"].value == 0
        assert found["same"].std_error == 0
        wins.append(found["wrong"].covers(-1 / 12))
        top = uplift.difference(frame, "t", "y", scores, by=0.2, resamples=40)["wrong"]
        apart.append(top.covers(0.5 - 0.9))
    for covered in (wins, apart):
        assert sum(covered) >= stats.binom.ppf(1e-6, 60, 0.94)


def test_the_true_effect_ranks_best_on_the_platform():
    platform = Platform.make(seed=3, n_users=300, n_items=60, base_rate="common")
    log = platform.log(6_000, seed=3).decisions
    means = platform.truth.potential_outcomes(log, "click")
    log = log.assign(adds=means["y1"] - means["y0"])
    found = uplift.curve(
        log, "treated", "click", "adds", covariates=platform.covariates, truth="adds", cluster="user_id"
    )
    inside = found.table["truth"].between(found.table["low"], found.table["high"])
    assert inside.mean() >= 0.5
    assert (found.table["best"] >= found.table["truth"] - 1e-12).all()
    assert found.table.loc[1.0, "truth"] == pytest.approx(float(platform.truth.ate("click", over=log)))
    ax = found.plot()
    assert {"at random", "by the score, truth"} <= {line.get_label() for line in ax.get_lines()}
    assert found._repr_html_() == found._repr_html_()


def test_bad_input_is_named():
    frame = experiment(100, 8).assign(hole=np.nan, one=1)
    for score, said in (("hole", "missing or infinite in 100 rows"), ("y1", "no column 'y1'"), ([1.0], "shape")):
        with pytest.raises(ValueError, match=said):
            uplift.curve(frame, "t", "y", score)
    with pytest.raises(ValueError, match="single class"):
        uplift.qini(frame, "one", "y", "x")
    for k in (0, 1.5, True, -0.1):
        with pytest.raises(ValueError, match="share of rows"):
            uplift.at_k(frame, "t", "y", "x", k)
    with pytest.raises(ValueError, match="20 half-samples"):
        uplift.curve(frame, "t", "y", "x", resamples=3)
    with pytest.raises(ValueError, match="at least two"):
        uplift.difference(frame, "t", "y", {"x": "x"})
    with pytest.raises(ValueError, match="'Qini'"):
        uplift.difference(frame, "t", "y", {"x": "x", "y": "y"}, by="Quini")
    with pytest.raises(ValueError, match="strictly between"):
        uplift.auuc(frame, "t", "y", "x", propensity=1.0)
    constant = uplift.qini(frame, "t", "y", "one")
    assert any("no order to judge" in note for note in constant.notes)


def test_a_randomised_table_is_read_whole():
    frame = experiment(301, 40, ties=True).assign(w=np.random.default_rng(1).integers(1, 4, 301))
    rows = frame.loc[frame.index.repeat(frame["w"])].reset_index(drop=True)
    shuffled = frame.sample(frac=1.0, random_state=1)
    gap = frame.loc[frame["t"] == 1, "y"].mean() - frame.loc[frame["t"] == 0, "y"].mean()
    assert uplift.auuc(frame, "t", "y", np.ones(301)).value == pytest.approx(gap / 2)
    for read in (uplift.qini, uplift.auuc, lambda *a, **how: uplift.at_k(*a, 0.2, **how)):
        assert read(shuffled, "t", "y", "x").value == pytest.approx(read(frame, "t", "y", "x").value)
        assert read(frame, "t", "y", "x", weights="w").value == pytest.approx(read(rows, "t", "y", "x").value)


def test_a_small_arm_is_not_clipped_but_said():
    frame = experiment(60_000, 41, share=0.005)
    known = uplift.qini(frame, "t", "y", "x", propensity=0.005)
    assert abs(known.value - 1 / 12) < 4 * known.std_error
    assert known.std_error < 0.03
    values = [uplift.qini(experiment(8_000, seed, share=0.005), "t", "y", "x").value for seed in range(40)]
    assert np.mean(values) == pytest.approx(1 / 12, abs=4 * np.std(values) / np.sqrt(40))  # a clip at .01 halves it
    tiny = frame.iloc[:400].assign(t=[1] * 4 + [0] * 396)
    assert any("only 4 treated rows in the table" in note for note in uplift.qini(tiny, "t", "y", "x").notes)


def test_a_top_of_few_is_said_and_of_none_refused():
    frame = experiment(1_000, 42, share=0.1)
    assert any("treated rows among the first 0.1" in n for n in uplift.at_k(frame, "t", "y", "x", 0.1).notes)
    assert not any("among the first" in n for n in uplift.at_k(frame, "t", "y", "x", 0.9).notes)
    rare = frame.assign(t=np.arange(1_000) % 2, y=(np.arange(1_000) % 100 < 2).astype(int))
    assert any("of the rarer outcome" in n for n in uplift.at_k(rare, "t", "y", "x", 0.3).notes)
    with pytest.raises(ValueError, match="less than one"):
        uplift.at_k(frame, "t", "y", "x", 1e-9)
