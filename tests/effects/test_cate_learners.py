"""Effects of single rows: learners against known surfaces and the platform's truth, their averages and intervals."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab import world
from causalrec_lab.causal import effects

COLUMNS = ["a", "b", "c", "d"]
LEARNERS = {
    "s": effects.s_learner, "t": effects.t_learner, "x": effects.x_learner, "r": effects.r_learner,
    "dr": effects.dr_learner,
}  # fmt: skip


def draw(n: int, seed: int, *, curved: bool = True, binary: bool = False) -> tuple[pd.DataFrame, np.ndarray]:
    """Confounded rows and their true effects."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    treated = rng.random(n) < 1 / (1 + np.exp(-0.8 * X[:, 0]))
    effect = 0.5 + 0.5 * np.tanh(2 * X[:, 1]) if curved else 0.5 + 0.4 * X[:, 1]
    base = X[:, 0] + 0.5 * X[:, 2] ** 2
    if binary:
        effect = 0.25 * effect
        outcome = (rng.random(n) < 0.2 + 0.3 / (1 + np.exp(-base)) + treated * effect).astype(float)
    else:
        outcome = 5 + base + treated * effect + rng.normal(size=n)
    return pd.DataFrame(X, columns=COLUMNS).assign(t=treated.astype(int), y=outcome), effect


@pytest.mark.parametrize("kind", ["spline", "linear", "boosted"])
@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_finds_who_gains(name: str, kind: str) -> None:
    (rows, _), (new, effect) = draw(5_000, 1), draw(4_000, 2)
    found = LEARNERS[name](rows, "t", "y", COLUMNS, learner=kind, folds=2).effect(new)
    assert np.corrcoef(found, effect)[0, 1] > 0.7
    noisy = (name, kind) == ("t", "boosted")  # two forests of trees apart: no shrinking of their difference
    assert np.sqrt(np.mean((found - effect) ** 2)) < (0.95 if noisy else 0.85) * effect.std()


@pytest.mark.parametrize("name", LEARNERS)
def test_binary_outcomes(name: str) -> None:
    (rows, _), (new, effect) = draw(12_000, 3, binary=True), draw(4_000, 4, binary=True)
    found = LEARNERS[name](rows, "t", "y", COLUMNS).effect(new)
    assert np.corrcoef(found, effect)[0, 1] > 0.7
    assert abs(found.mean() - effect.mean()) < 0.04


def test_the_forest_finds_who_gains_and_its_intervals_cover() -> None:
    (rows, _), (new, effect) = draw(6_000, 1), draw(2_000, 2)
    forest = effects.causal_forest(rows, "t", "y", COLUMNS, trees=100, min_leaf=20)
    assert np.corrcoef(forest.effect(new), effect)[0, 1] > 0.9
    low, high = forest.interval(new).T
    assert np.mean((low <= effect) & (effect <= high)) > 0.85
    assert np.mean(high - low) < 1.2
    narrow = forest.interval(new, level=0.5)
    assert (np.diff(narrow)[:, 0] < high - low).all()


def test_averages_are_aipw_s() -> None:
    rows, _ = draw(1_500, 5)
    wanted = effects.aipw(rows, "t", "y", COLUMNS, seed=3)
    for learner in LEARNERS.values():
        found = learner(rows, "t", "y", COLUMNS, seed=3).average()
        assert found.value == pytest.approx(wanted.value, abs=1e-10)
        assert found.std_error == pytest.approx(wanted.std_error, rel=1e-6)


@pytest.mark.parametrize("learner", [effects.r_learner, effects.dr_learner])
def test_linear_intervals_cover(learner: object) -> None:
    point = pd.DataFrame([[0.0, 1.0, 0.0, 0.0], [0.0, -1.5, 1.0, 0.0]], columns=COLUMNS)
    truth, hits, runs = np.array([0.9, -0.1]), np.zeros(2), 120
    for seed in range(runs):
        rows, _ = draw(600, 100 + seed, curved=False)
        low, high = learner(rows, "t", "y", COLUMNS, learner="linear", folds=2).interval(point).T  # type: ignore[operator]
        hits += (low <= truth) & (truth <= high)
    assert (binom.cdf(hits, runs, 0.93) > 1e-6).all()
    assert (binom.sf(hits - 1, runs, 0.97) > 1e-6).all()


def test_clusters_widen_linear_intervals_and_close_the_forest_s() -> None:
    rows, _ = draw(600, 7, curved=False)
    twice = pd.concat([rows] * 4, ignore_index=True).assign(who=np.tile(np.arange(600), 4))
    plain = effects.dr_learner(twice, "t", "y", COLUMNS, learner="linear").interval(rows)
    aware = effects.dr_learner(twice, "t", "y", COLUMNS, learner="linear", cluster="who").interval(rows)
    assert np.median(np.diff(aware) / np.diff(plain)) > 1.6
    forest = effects.causal_forest(twice, "t", "y", COLUMNS, cluster="who", trees=20)
    with pytest.raises(ValueError, match="draws single rows"):
        forest.interval(rows)


def test_modifiers_are_all_that_the_effect_depends_on() -> None:
    rows, _ = draw(3_000, 8)
    for name in ("s", "x", "r", "dr"):
        found = LEARNERS[name](rows, "t", "y", COLUMNS, modifiers=["b"])
        moved = rows.assign(a=0.0, c=0.0, d=0.0)
        if name != "x":  # its weights are propensities
            assert np.allclose(found.effect(rows), found.effect(moved))
    with pytest.raises(ValueError, match=r"did you mean 'b'|known are"):
        effects.r_learner(rows, "t", "y", COLUMNS, modifiers=["bb"])
    with pytest.raises(ValueError, match="dr_learner"):
        effects.t_learner(rows, "t", "y", COLUMNS, modifiers=["b"])


def test_weights_count_rows() -> None:
    rows, _ = draw(500, 9, curved=False)
    rows = rows.assign(w=np.random.default_rng(0).integers(1, 4, 500))
    weighted = effects.dr_learner(rows, "t", "y", COLUMNS, learner="linear", weights="w", nuisance="linear")
    flat = effects.dr_learner(rows, "t", "y", COLUMNS, learner="linear", nuisance="linear")
    sample, scores = weighted.scores.sample, weighted.scores.row_scores
    design = np.column_stack([np.ones(500), rows[COLUMNS]])
    by_hand = np.linalg.lstsq(design * np.sqrt(sample.weights)[:, None], scores * np.sqrt(sample.weights), rcond=None)[
        0
    ]
    assert np.allclose(weighted.effect(rows), design @ by_hand, atol=1e-8)
    assert not np.allclose(weighted.effect(rows), flat.effect(rows))


def test_effects_that_only_the_embeddings_tell() -> None:
    def read(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        E = rng.normal(size=(n, 20))
        X, treated, effect = rng.normal(size=n), rng.random(n) < 0.5, 0.5 + E[:, :4].sum(axis=1) / 2
        y = X + treated * effect + rng.normal(size=n)
        return pd.DataFrame({"a": X, "t": treated.astype(int), "y": y}), E, effect

    (rows, E, _), (new, F, effect) = read(3_000, 1), read(2_000, 2)
    for learner in LEARNERS.values():
        found = learner(rows, "t", "y", ["a"], embeddings=E).effect(new, embeddings=F)
        assert np.corrcoef(found, effect)[0, 1] > 0.7, learner
    forest = effects.causal_forest(rows, "t", "y", ["a"], embeddings=E, trees=40, min_leaf=25)
    assert np.corrcoef(forest.effect(new, embeddings=F), effect)[0, 1] > 0.5
    with pytest.raises(ValueError, match="1 embedding block"):
        effects.r_learner(rows, "t", "y", ["a"], embeddings=E).effect(new)
    with pytest.raises(ValueError, match="name modifiers="):
        effects.dr_learner(rows, "t", "y", ["a"], embeddings=E, learner="linear").interval(new, embeddings=F)
    kept = effects.dr_learner(rows, "t", "y", ["a"], embeddings=E, learner="linear", modifiers=["a"])
    assert np.isfinite(kept.interval(new, embeddings=F)).all()


def test_the_platform_s_individual_effects() -> None:
    platform = world.Platform.make(seed=5, n_users=3_000, n_items=500, base_rate="common", confounding=0.0)
    log, new = platform.log(20_000, 1).decisions, platform.log(4_000, 2).decisions
    truth = platform.truth.cate(new, "click")["value"].to_numpy()
    told = platform.truth.potential_outcomes(new, "click")
    assert np.allclose(told["y1"] - told["y0"], truth)
    for learner in (effects.r_learner, effects.s_learner, effects.x_learner):
        found = learner(log, "treated", "click", platform.covariates, cluster="user_id")
        assert np.corrcoef(found.effect(new), truth)[0, 1] > 0.5
        assert found.average().covers(platform.truth.ate("click"))


def test_what_no_learner_takes() -> None:
    rows, _ = draw(300, 1)
    with pytest.raises(ValueError, match="no valid interval for single rows"):
        effects.t_learner(rows, "t", "y", COLUMNS).interval(rows)
    for bad, words in (
        ({"learner": "splines"}, "did you mean 'spline'"),
        ({"modifiers": "b"}, "list of covariates"),
        ({"folds": 1}, "folds=1"),
        ({"level": 1.5}, "level=1.5"),
    ):
        with pytest.raises(ValueError, match=words):
            effects.dr_learner(rows, "t", "y", COLUMNS, **bad)
    with pytest.raises(ValueError, match="nothing to depend on"):
        effects.dr_learner(rows, "t", "y", [])
    with pytest.raises(ValueError, match="single class"):
        effects.r_learner(rows.assign(t=1), "t", "y", COLUMNS)
    with pytest.raises(ValueError, match="multiple of 4"):
        effects.causal_forest(rows, "t", "y", COLUMNS, trees=10)


def test_new_rows_must_be_like_the_old() -> None:
    rows, _ = draw(400, 1)
    rows = rows.assign(shop=np.where(rows["c"] > 0, "north", "south"))
    found = effects.r_learner(rows, "t", "y", [*COLUMNS, "shop"])
    assert found.effect(rows.head(3)).shape == (3,)
    with pytest.raises(ValueError, match=r"level 'nort'.*did you mean 'north'"):
        found.effect(rows.assign(shop="nort"))
    with pytest.raises(ValueError, match="no column 'shop'"):
        found.effect(rows.drop(columns="shop"))
    with pytest.raises(ValueError, match="not finite, first at row 0"):
        found.effect(rows.assign(a=np.nan))


@pytest.mark.parametrize("name", LEARNERS)
def test_odd_columns_and_heavy_tails_run(name: str) -> None:
    rows, _ = draw(400, 1)
    rng = np.random.default_rng(0)
    rows["y"] += rng.standard_t(1.1, 400)
    rows = rows.assign(k=1.0, shop=pd.Categorical(rng.choice(list("uvw"), 400)), flag=rng.random(400) < 0.5)
    rows.index = rng.permutation(400) + 7
    for columns in (["k"], ["a", "b", "k", "shop", "flag"]):
        found = LEARNERS[name](rows, "t", "y", columns)
        assert np.isfinite(found.effect(rows)).all()
        if columns == ["k"]:
            assert np.ptp(found.effect(rows)) < 1e-6 * (1 + abs(found.average().value))


@pytest.mark.parametrize("name", LEARNERS)
def test_an_outcome_s_unit_and_offset_change_nothing(name: str) -> None:
    rows, _ = draw(600, 2)
    plain = LEARNERS[name](rows, "t", "y", COLUMNS).effect(rows)
    moved = LEARNERS[name](rows.assign(y=1e3 * rows["y"] + 1e7), "t", "y", COLUMNS).effect(rows)
    assert np.allclose(moved, 1e3 * plain, rtol=1e-4, atol=1e-2)


def test_summary_and_figures() -> None:
    rows, effect = draw(400, 1)
    found = effects.dr_learner(rows, "t", "y", COLUMNS, learner="linear")
    row = found.summary().iloc[0]
    assert row["average"] == found.average().value
    assert row["effect_sd"] == pytest.approx(found.effect(rows).std())
    assert "best linear projection" in found.words
    assert "DR-learner" in found._repr_html_()
    assert found.plot().get_xlabel().startswith("predicted effect")
    assert found.plot(truth=effect).get_xlabel() == "true effect"
