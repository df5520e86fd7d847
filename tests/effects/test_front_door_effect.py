"""The front-door estimator: the discrete formula where that is exact, known truths, its errors, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalrec_lab.causal import effects
from causalrec_lab.world import front_door


def formula(cells: np.ndarray) -> np.ndarray:
    """Pearl's (1995) sum from P(shown, view, purchase) in the last three axes."""
    shown, buys = cells.sum((-2, -1)), cells[..., 1] / cells.sum(-1)
    view = cells.sum(-1)[..., 1] / shown
    adjusted = (shown[..., None] * buys).sum(-2)
    return (view[..., 1] - view[..., 0]) * (adjusted[..., 1] - adjusted[..., 0])


def corridor(n: int, seed: int) -> pd.DataFrame:
    """A continuous mediator whose square counts, two covariates, a hidden u; the effect is 0.8 + 0.3 (0.64 + 0.03)."""
    rng = np.random.default_rng(seed)
    u, w = rng.integers(0, 2, n), rng.uniform(-1, 1, (n, 2))
    t = (rng.random(n) < 1 / (1 + np.exp(-(0.5 * w[:, 0] - 0.4 * w[:, 1] + 1.2 * (u - 0.5))))).astype(int)
    m = 0.5 * w[:, 0] + (0.8 + 0.3 * w[:, 1]) * t + rng.normal(size=n)
    y = m + 0.3 * m**2 + u + 0.5 * w[:, 1] + rng.normal(size=n)
    return pd.DataFrame({"w0": w[:, 0], "w1": w[:, 1], "t": t, "m": m, "y": y})


TRUTH = 0.8 + 0.3 * (0.64 + 0.03)


def test_on_a_table_of_eight_cells_it_is_the_formula_with_the_bootstrap_s_error():
    rows = front_door(3).sample(4_000, seed=1)
    share = rows.value_counts(normalize=True).sort_index().to_numpy()
    again = np.random.default_rng(0).multinomial(len(rows), share, size=4_000) / len(rows)
    found = effects.front_door(rows, "shown", "purchase", "view")
    assert found.value == pytest.approx(float(formula(share.reshape(2, 2, 2))), abs=0.1 * found.std_error)
    assert found.std_error == pytest.approx(formula(again.reshape(-1, 2, 2, 2)).std(), rel=0.06)


@pytest.mark.parametrize("direct", [0.0, 0.1])
def test_intervals_cover_the_platform_s_truth_or_the_mediator_s_part_of_it(direct):
    door = front_door(0, direct=direct)
    truth = door.truth.front_door()
    assert float(door.truth.ate()) == pytest.approx(float(truth) + direct)
    hits = sum(
        effects.front_door(door.sample(1_000, seed), "shown", "purchase", ["view"], seed=seed).covers(truth)
        for seed in range(120)
    )
    assert binom.cdf(hits, 120, 0.95) > 1e-6
    assert binom.sf(hits - 1, 120, 0.95) > 1e-6 or hits == 120


def test_a_continuous_mediator_within_strata_of_covariates():
    runs = [effects.front_door(corridor(2_000, seed), "t", "y", ["m"], ["w0", "w1"], seed=seed) for seed in range(80)]
    hits = sum(run.low <= TRUTH <= run.high for run in runs)
    assert binom.cdf(hits, 80, 0.95) > 1e-6
    values, errors = (np.array([getattr(run, name) for run in runs]) for name in ("value", "std_error"))
    assert abs(values.mean() - TRUTH) < 5 * values.std() / np.sqrt(80)
    assert errors.mean() == pytest.approx(values.std(), rel=0.4)
    naive = effects.aipw(corridor(20_000, 0), "t", "y", ["w0", "w1"])
    assert naive.low > TRUTH + 0.1


def test_a_wrong_outcome_surface_is_mended_by_the_ratio():
    """Linear surfaces miss a step far out; the ratio of densities, linear on the logit scale here, finds it."""
    rows = corridor(40_000, 5)
    rows["y"] -= rows["m"] + 0.3 * rows["m"] ** 2
    rows["m"] += rows["t"]
    rows["y"] += 4 * (rows["m"] > 3)
    rng = np.random.default_rng(0)
    w, noise = rng.uniform(-1, 1, (1_000_000, 2)), rng.normal(size=1_000_000)
    before, lift = 0.5 * w[:, 0] + noise, 1.8 + 0.3 * w[:, 1]
    truth = 4 * ((before + lift > 3).mean() - (before > 3).mean())
    found = effects.front_door(rows, "t", "y", ["m"], ["w0", "w1"], nuisance="linear")

    def slope(columns: list[str], outcome: str) -> float:
        design = np.column_stack([np.ones(len(rows)), rows[columns]])
        return float(np.linalg.lstsq(design, rows[outcome], rcond=None)[0][1])

    product = slope(["t", "w0", "w1"], "m") * slope(["m", "t", "w0", "w1"], "y")
    assert abs(found.value - truth) < 4 * found.std_error
    assert abs(product - truth) > 4 * found.std_error


def test_a_mediator_of_three_values_is_a_category_and_order_of_columns_is_nothing():
    rng = np.random.default_rng(0)
    rows = front_door(1).sample(3_000, seed=2).assign(extra=rng.integers(0, 3, 3_000))
    as_text = rows.assign(extra=rows["extra"].astype(str))
    one = effects.front_door(rows, "shown", "purchase", ["view", "extra"])
    two = effects.front_door(as_text, "shown", "purchase", ["extra", "view"])
    assert one.value == pytest.approx(two.value, abs=1e-9)
    with_noise = effects.front_door(rows, "shown", "purchase", ["view"])
    assert one.value == pytest.approx(with_noise.value, abs=0.5 * one.std_error)


def test_clusters_weights_and_the_outcome_s_zero():
    rows = corridor(800, 1)
    thrice = pd.concat([rows.assign(user=np.arange(800))] * 3, ignore_index=True)
    ask = {"treatment": "t", "outcome": "y", "mediators": "m", "covariates": ["w0", "w1"]}
    alone = effects.front_door(rows, **ask)
    clustered, blind = effects.front_door(thrice, **ask, cluster="user"), effects.front_door(thrice, **ask)
    assert clustered.std_error == pytest.approx(alone.std_error, rel=0.15)
    assert blind.std_error == pytest.approx(clustered.std_error / np.sqrt(3), rel=0.15)
    assert effects.front_door(rows.assign(w=3.0), **ask, weights="w").value == pytest.approx(alone.value)
    assert effects.front_door(rows.assign(y=rows["y"] + 1e4), **ask).value == pytest.approx(alone.value, abs=1e-6)
    embedded = effects.front_door(rows, **{**ask, "covariates": []}, embeddings=rows[["w0", "w1"]].to_numpy())
    assert embedded.value == pytest.approx(alone.value, abs=alone.std_error)


def test_mediators_that_tell_the_treatment_are_said():
    rows = corridor(2_000, 2)
    found = effects.front_door(rows.assign(m=rows["m"] + 6 * rows["t"]), "t", "y", "m", ["w0", "w1"])
    assert any("nearly tell the treatment" in note for note in found.notes)
    assert found.diagnostics["mediator_auc"] > 0.99


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mediators": []}, "needs mediators"),
        ({"mediators": "t"}, "'t' is also treatment"),
        ({"mediators": ["m"], "covariates": ["m"]}, "'m' is also"),
        ({"mediators": "mm"}, "no column 'mm'"),
        ({"nuisance": "splin"}, "unknown nuisance 'splin'; did you mean 'spline'"),
        ({"treatment": "w0"}, "treatments other than 0 and 1"),
    ],
)
def test_bad_input_says_what_is_wrong(changes, message):
    ask = {"treatment": "t", "outcome": "y", "mediators": "m", "covariates": ["w1"]}
    with pytest.raises(ValueError, match=message):
        effects.front_door(corridor(200, 0), **{**ask, **changes})
