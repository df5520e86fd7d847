"""More embedding dimensions than rows: the rows' side answers what the columns' side would, and in reasonable time."""

import numpy as np
import pandas as pd
import pytest
from scipy import linalg

from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.nuisances import ridge, wide


def draw(n, d, seed):
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    E = rng.normal(size=(n, d))
    y = design @ [1.0, 0.5, 0.0, -1.0] + E[:, :20].sum(axis=1) / 4 + rng.normal(size=n)
    return design, E, y, rng.uniform(0.5, 2, size=n)


def no_rows_side(monkeypatch):
    """The columns' side alone, whatever the shape."""

    def columns(E, y):
        values, vectors = linalg.eigh(E.T @ E)
        return np.maximum(values, 0.0), vectors.T @ (E.T @ y), lambda found: vectors @ found

    monkeypatch.setattr(ridge, "folded", lambda design, penalty: None)
    monkeypatch.setattr(ridge, "spectrum", columns)


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("fit", [ridge.fit_linear, ridge.fit_logistic])
def test_both_sides_give_the_same_coefficients(monkeypatch, fit, repeated):
    design, E, y, w = draw(90, 200, 1)
    E = E[np.arange(90) // 2] if repeated else E
    target = (y > y.mean()).astype(float) if fit is ridge.fit_logistic else y
    D, penalty = np.column_stack([design, E]), np.concatenate([np.full(4, 1e-3), np.full(200, 25.0)])
    rows = fit(D, target, w, penalty)
    monkeypatch.setattr(ridge, "SLIGHT", 0.0)
    exact = fit(D, target, w, penalty)
    no_rows_side(monkeypatch)
    columns = fit(D, target, w, penalty)
    np.testing.assert_allclose(exact, columns, atol=1e-8)
    np.testing.assert_allclose(rows, columns, atol=1e-7)  # the ridge of 1e-9 that keeps a copy of a column solvable


def test_both_sides_choose_the_same_penalty(monkeypatch):
    design, E, y, w = draw(120, 300, 2)
    labels = [np.arange(120) // 2 % 3]
    rows = ridge.choose_penalty(design, E, y, w), ridge.choose_penalty_by_group(design, E, y, w, labels)
    no_rows_side(monkeypatch)
    columns = ridge.choose_penalty(design, E, y, w), ridge.choose_penalty_by_group(design, E, y, w, labels)
    assert rows == pytest.approx(columns, rel=1e-8)


def test_the_spectrum_is_the_same_from_either_side():
    _, E, y, _ = draw(60, 150, 3)
    values, projected, turned = wide.spectrum(E, y)
    beta = turned((projected / (values + 2.0))[:, None])[:, 0]
    np.testing.assert_allclose(beta, linalg.solve(E.T @ E + 2 * np.eye(150), E.T @ y), atol=1e-10)


def test_text_of_more_dimensions_than_rows_takes_hidden_bias_away_and_leaves_an_interval():
    """Fits that meet every row must not look free of error to cross-validation."""
    rng = np.random.default_rng(4)
    n, h = 500, rng.normal(size=500)
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(-h))).astype(int)
    frame = pd.DataFrame({"t": t, "y": t + h + rng.normal(size=n), "x": rng.normal(size=n)})
    E = h[:, None] * rng.normal(size=900) * 0.2 + rng.normal(size=(n, 900))
    tables, text = (effects.aipw(frame, "t", "y", ["x"], embeddings=given) for given in (None, E))
    assert abs(text.value - 1) < 0.4 * abs(tables.value - 1)
    assert text.std_error < 2 * tables.std_error
