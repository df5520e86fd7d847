"""Matching against a brute-force reading of Abadie and Imbens, on continuous, tied, weighted and clustered data."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.averages.neighbours import nearest_rows


def draw(n, seed, covariates=2, levels=None):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, covariates)) if levels is None else rng.integers(levels, size=(n, covariates)).astype(float)
    e = np.clip(1 / (1 + np.exp(-0.8 * x[:, 0])), 0.1, 0.9)
    t = (rng.uniform(size=n) < e).astype(int)
    tau = 1 + 0.5 * x[:, 0]
    y = x.sum(axis=1) + tau * t + rng.normal(size=n)
    names = [f"x{k}" for k in range(covariates)]
    return pd.DataFrame(x, columns=names).assign(t=t, y=y, w=rng.uniform(0.5, 2, n)), names, tau, e


def by_hand(frame, names, matches, estimand, weights=None):
    """Value and error of plain matching on standardised covariates, row by row."""
    x = frame[names].to_numpy(float)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    t, y, n = frame["t"].to_numpy(), frame["y"].to_numpy(float), len(frame)
    w = np.ones(n) if weights is None else frame[weights].to_numpy() / frame[weights].mean()
    share = w if estimand == "ATE" else w * t
    used, squares, sigma, effect = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)

    def neighbours(i, among, count):
        squared = ((x[among] - x[i]) ** 2).sum(axis=1)
        return among[squared <= np.sort(squared)[count - 1] + 1e-10]

    for i in range(n):
        own = np.flatnonzero((t == t[i]) & (np.arange(n) != i))
        like = neighbours(i, own, max(matches, 2))
        sigma[i] = len(like) / (len(like) + 1) * (y[i] - y[like].mean()) ** 2
        if share[i] > 0:
            chosen = neighbours(i, np.flatnonzero(t != t[i]), matches)
            shares = w[chosen] / w[chosen].sum()
            effect[i] = (y[i] - shares @ y[chosen]) * (1 if t[i] else -1)
            used[chosen] += w[i] * shares
            squares[chosen] += (w[i] * shares) ** 2
    value = share @ effect / share.sum()
    variance = share**2 @ (effect - value) ** 2 + ((share + used) ** 2 - share**2 - squares) @ sigma
    return value, np.sqrt(variance) / share.sum()


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
@pytest.mark.parametrize(
    ("matches", "covariates", "levels", "weights"),
    [
        (1, 2, None, None),
        (4, 3, None, None),
        (3, 9, None, None),
        (2, 2, 3, None),
        (2, 9, 2, None),
        (2, 2, None, "w"),
        (1, 2, 3, "w"),
        (1, 1, None, None),
    ],
)
def test_plain_matching_equals_brute_force(estimand, matches, covariates, levels, weights):
    frame, names, _, _ = draw(300, 1, covariates, levels)
    found = effects.matching(
        frame, "t", "y", names, estimand=estimand, matches=matches, distance="standardised", bias_corrected=False,
        weights=weights,
    )  # fmt: skip
    assert (found.value, found.std_error) == pytest.approx(by_hand(frame, names, matches, estimand, weights), rel=1e-9)


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
@pytest.mark.parametrize("levels", [None, 4])
def test_a_row_of_weight_k_is_k_rows_and_one_of_weight_zero_is_none(levels, estimand, corrected):
    frame, names, _, _ = draw(300, 7, levels=levels)
    frame = frame.assign(w=np.random.default_rng(8).integers(4, size=300), row=np.arange(300))
    repeated = frame.loc[frame.index.repeat(frame["w"])]
    ways = {"cluster": "row", "estimand": estimand, "bias_corrected": corrected, "nuisance": "linear"}
    found = effects.matching(frame, "t", "y", names, weights="w", **ways)
    plain = effects.matching(repeated, "t", "y", names, **ways)
    assert (found.value, found.std_error) == pytest.approx((plain.value, plain.std_error), rel=1e-5)
    moved = effects.matching(frame.assign(y=frame["y"] + 1e3), "t", "y", names, weights="w", **ways)
    assert moved.std_error == pytest.approx(found.std_error, rel=1e-6)


def test_the_bias_correction_equals_its_formula_and_mahalanobis_ignores_linear_recoding():
    frame, names, _, _ = draw(400, 2)
    recoded = frame.assign(x1=3 * frame["x0"] - 2 * frame["x1"])
    found = [effects.matching(table, "t", "y", names, nuisance="linear") for table in (frame, recoded)]
    assert found[0].value == pytest.approx(found[1].value, abs=1e-6)
    z = np.linalg.solve(np.linalg.cholesky(np.cov(frame[names].T)), frame[names].to_numpy().T).T
    t, y = frame["t"].to_numpy() == 1, frame["y"].to_numpy()
    D = np.column_stack([np.ones(400), z])
    beta = {arm: np.linalg.lstsq(D[t == arm], y[t == arm], rcond=None)[0] for arm in (True, False)}
    effect = np.empty(400)
    for i in range(400):
        others = np.flatnonzero(t != t[i])
        j = others[np.argmin(((z[others] - z[i]) ** 2).sum(axis=1))]
        imputed = y[j] + (D[i] - D[j]) @ beta[not t[i]]
        effect[i] = (y[i] - imputed) * (1 if t[i] else -1)
    assert found[0].value == pytest.approx(effect.mean(), abs=1e-4)  # the library's regression has a slight ridge


@pytest.mark.parametrize("dimensions", [2, 11])
def test_tree_and_product_find_the_same_neighbours_with_all_ties(dimensions):
    rng = np.random.default_rng(3)
    donors = rng.integers(3, size=(200, dimensions)).astype(float)
    targets = donors[:50] + np.where(np.arange(50)[:, None] % 2, 0.0, 1e-3 * rng.normal(size=(50, dimensions)))
    averages = np.zeros((50, 200))
    for near in nearest_rows(targets, donors, 3):
        averages[near.rows] = near.mean(np.eye(200), np.ones(200))
        assert ((averages[near.rows] > 0).sum(axis=1) == near.total(np.ones(200))).all()
    squared = ((targets[:, None] - donors[None]) ** 2).sum(axis=2)
    wanted = squared <= np.sort(squared, axis=1)[:, [2]] + 1e-10
    assert ((averages > 0) == wanted).all()


@pytest.mark.parametrize("distance", ["mahalanobis", "standardised", "propensity"])
@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_each_distance_finds_the_effect(distance, estimand):
    frame, names, tau, e = draw(6_000, 4, 3)
    found = effects.matching(frame, "t", "y", names, distance=distance, estimand=estimand, matches=2)
    truth = np.average(tau, weights=np.ones_like(e) if estimand == "ATE" else e)
    assert abs(found.value - truth) < 4 * found.std_error


def test_clustered_rows_widen_the_error_as_much_as_they_should():
    frame, names, _, _ = draw(800, 5)
    alone = effects.matching(frame, "t", "y", names)
    five = pd.concat([frame] * 5, ignore_index=True).assign(user=np.tile(np.arange(800), 5))
    copies = effects.matching(five, "t", "y", names, cluster="user")
    assert copies.value == pytest.approx(alone.value, rel=1e-3)
    assert copies.std_error == pytest.approx(alone.std_error, rel=0.1)


def test_embeddings_join_the_distance():
    rng = np.random.default_rng(6)
    h = rng.normal(size=4_000)
    t = (rng.uniform(size=4_000) < 1 / (1 + np.exp(-h))).astype(int)
    frame = pd.DataFrame({"t": t, "y": 1.0 * t + h + rng.normal(size=4_000), "x": rng.normal(size=4_000)})
    text = h[:, None] * rng.normal(size=20) + rng.normal(size=(4_000, 20))
    blind, read = (effects.matching(frame, "t", "y", ["x"], embeddings=block) for block in (None, text))
    assert abs(blind.value - 1) > 0.6
    assert abs(read.value - 1) < 0.15


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"estimand": "ATO"}, "no estimand 'ATO'"),
        ({"distance": "mahalanobi"}, "did you mean 'mahalanobis'"),
        ({"matches": 0}, "matches=0; the smaller arm has"),
        ({"matches": 10_000}, "the smaller arm has"),
        ({"covariates": []}, "needs covariates"),
        ({"nuisance": "boosted"}, "matching has no nuisance 'boosted'"),
    ],
)
def test_what_cannot_be_matched_is_refused(changes, message):
    frame, names, _, _ = draw(200, 7)
    with pytest.raises(ValueError, match=message):
        effects.matching(frame, "t", "y", changes.pop("covariates", names), **changes)


def test_without_a_correction_the_bias_is_said():
    frame, names, _, _ = draw(200, 8)
    assert any("bias" in note for note in effects.matching(frame, "t", "y", names, bias_corrected=False).notes)


def test_a_bias_correction_with_few_rows_a_term_is_said():
    frame, names, _, _ = draw(150, 12)
    curved, straight = (effects.matching(frame, "t", "y", names, nuisance=way) for way in ("spline", "linear"))
    assert any(note.startswith("warning: the bias correction fits 8 terms to") for note in curved.notes)
    assert not any("bias correction fits" in note for note in straight.notes)


@pytest.mark.parametrize("distance", ["mahalanobis", "propensity"])
def test_a_hundred_thousand_rows_in_thirty_two_places_need_no_more_memory_than_the_rows(distance):
    """Ties are counted by place: exact stratification, whose value and error are known in closed form."""
    rng = np.random.default_rng(8)
    n = 100_000
    x = rng.integers(2, size=(n, 5))
    t = (rng.uniform(size=n) < np.where(x[:, 0] == 1, 0.6, 0.4)).astype(int)
    names = list("abcde")
    frame = pd.DataFrame(x, columns=names).assign(t=t, y=x.sum(axis=1) + t + rng.normal(size=n))
    tracemalloc.start()
    found = effects.matching(frame, "t", "y", names, distance=distance, bias_corrected=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400e6  # a matrix of rows by rows would be 80e9
    if distance == "mahalanobis":
        cell = x @ (1 << np.arange(5))
        means = [frame["y"][t == arm].groupby(cell[t == arm]).mean() for arm in (0, 1)]
        share = np.bincount(cell) / n
        assert found.value == pytest.approx(float(share @ (means[1] - means[0])), rel=1e-9)
    assert abs(found.value - 1) < 4 * found.std_error
    assert found.std_error == pytest.approx(2 / np.sqrt(n), rel=0.1)


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
@pytest.mark.parametrize("matches", [1, 7])
def test_places_that_some_rows_share_and_some_do_not(matches, estimand):
    frame, names, _, _ = draw(240, 9, 2, 3)
    alone = np.random.default_rng(1).normal(size=240)
    frame["x0"] = np.where(np.arange(240) % 3 == 0, alone, frame["x0"])
    found = effects.matching(
        frame, "t", "y", names, estimand=estimand, matches=matches, distance="standardised", bias_corrected=False,
        weights="w",
    )  # fmt: skip
    assert (found.value, found.std_error) == pytest.approx(by_hand(frame, names, matches, estimand, "w"), rel=1e-9)
