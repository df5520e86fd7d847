"""Debiased losses against the loss on all pairs, in expectation over what was seen."""

import numpy as np
import pytest
import torch

from causalrec_lab.recommender import debias


@pytest.fixture(scope="module")
def world():
    """Losses of 300 pairs, seen the likelier the smaller they are."""
    rng = np.random.default_rng(0)
    loss = rng.gamma(2.0, 1.0, 300)
    return loss, 1 / (1 + np.exp(loss - 1.5))


def means(world, estimate, runs=4000):
    loss, p = world
    rng = np.random.default_rng(1)
    draws = [estimate(loss, (rng.random(len(p)) < p).astype(float), p) for _ in range(runs)]
    return np.mean(draws), np.std(draws) / np.sqrt(runs)


def test_naive_is_biased_and_ips_is_not(world):
    loss, _ = world
    naive, error = means(world, lambda d, o, p: debias.naive(d, o))
    assert naive < loss.mean() - 20 * error
    found, error = means(world, debias.ips)
    assert abs(found - loss.mean()) < 5 * error


def test_snips_is_nearly_right_and_less_variable(world):
    loss, _ = world
    snips, error = means(world, debias.snips)
    _, of_ips = means(world, debias.ips)
    assert abs(snips - loss.mean()) < 0.05 * loss.mean()
    assert error < of_ips


@pytest.mark.parametrize("broken", ["propensity", "imputation"])
def test_doubly_robust_survives_one_wrong_half(world, broken):
    loss, _ = world
    imputed = loss if broken == "propensity" else np.zeros_like(loss)

    def estimate(d, o, p):
        return debias.doubly_robust(d, o, np.full_like(p, 0.3) if broken == "propensity" else p, imputed)

    found, error = means(world, estimate)
    assert abs(found - loss.mean()) < 5 * error + 1e-9


def test_gradients_pass_through(world):
    loss, p = (torch.from_numpy(part) for part in world)
    scale = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    observed = torch.ones_like(p)
    debias.ips(loss * scale, observed, p).backward()
    assert float(scale.grad) == pytest.approx(float((loss / p).mean()))


def test_weights_are_inverse_and_clipped():
    np.testing.assert_allclose(debias.weights([0.5, 0.01], clip=0.1, normalised=False), [2, 10])
    assert debias.weights([0.5, 0.01]).mean() == pytest.approx(1)


def test_a_propensity_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"row 1: 1\.7"):
        debias.weights([0.5, 1.7])
    with pytest.raises(ValueError, match="row 0: 0"):
        debias.ips(np.ones(2), np.ones(2), np.array([0.0, 0.5]))
    assert debias.ips(np.ones(2), np.array([0, 1.0]), np.array([0.1, 0.5])) == 1.0


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_what_was_not_seen_is_not_read(kind):
    loss, seen, p = kind([[1.0, np.nan], [0.5, 2.0]]), kind([[1, 0], [1, 1]]), kind([[0.5, 0.0], [0.4, 0.2]])
    known, inverse = np.array([1.0, 0.5, 2.0]), 1 / np.array([0.5, 0.4, 0.2])
    assert float(debias.naive(loss, seen)) == pytest.approx(known.mean())
    assert float(debias.ips(loss, seen, p)) == pytest.approx((known * inverse).sum() / 4)
    assert float(debias.snips(loss, seen, p)) == pytest.approx((known * inverse).sum() / inverse.sum())
    imputed = kind([[0.3, 0.3], [0.3, 0.3]])
    by_hand = (4 * 0.3 + ((known - 0.3) * inverse).sum()) / 4
    assert float(debias.doubly_robust(loss, seen, p, imputed)) == pytest.approx(by_hand)
