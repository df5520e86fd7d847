"""The linear-Gaussian preset: exact covariance, exact path effects."""

import numpy as np
import pytest

from causalrec_lab.world import linear_gaussian


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sample_covariance_is_the_exact_one(seed):
    model = linear_gaussian(seed)
    n = 200_000
    sample, exact = model.sample(n, seed=3).cov().to_numpy(), model.covariance.to_numpy()
    error = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / n)
    assert (abs(sample - exact) < 5 * error).all()


def test_total_effect_is_what_setting_the_cause_does():
    model = linear_gaussian(5)
    for cause, effect in (("shown", "purchase"), ("affinity", "cart"), ("view", "purchase")):
        high, low = (model.sample(1_000, seed=1, do={cause: value})[effect] for value in (1.0, 0.0))
        total = model.truth.path_effects(cause, effect).loc[f"total {cause}=>{effect}", "value"]
        np.testing.assert_allclose(high - low, total, atol=1e-12)  # same noise, linear: the same for everyone


def test_paths_multiply_and_add_up():
    model = linear_gaussian(2)
    effects = model.truth.path_effects()["value"]
    edge = model.coefficients
    product = edge["shown", "view"] * edge["view", "cart"] * edge["cart", "purchase"]
    assert effects["shown->view->cart->purchase"] == pytest.approx(product)
    direct = effects["shown->purchase"]
    assert effects["total shown=>purchase"] == pytest.approx(effects["indirect shown=>purchase"] + direct)
    through_view = effects[["shown->view->cart->purchase", "shown->view->purchase"]].sum()
    assert effects["indirect shown=>purchase"] == pytest.approx(through_view)
    assert (model.truth.path_effects()["std_error"] == 0).all()


def test_no_arrow_vanishes_and_seeds_differ():
    for seed in range(20):
        assert min(linear_gaussian(seed, spread=0.14).coefficients.values()) > 0
    assert linear_gaussian(0).coefficients != linear_gaussian(1).coefficients
    assert linear_gaussian(0).sample(10, 1).equals(linear_gaussian(0).sample(10, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear_gaussian(0, spread=0.5), r"spread=0.5"),
        (lambda: linear_gaussian(0, noise=0), r"noise=0"),
        (lambda: linear_gaussian(0).sample(0), r"n=0"),
        (lambda: linear_gaussian(0).sample(5, do={"price": 1.0}), r"price.*affinity, shown"),
        (lambda: linear_gaussian(0).truth.path_effects("price"), r"'price' is unknown"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
