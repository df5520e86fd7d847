"""Attributions against completeness, closed forms and the known truth of what causes what."""

import numpy as np
import pandas as pd
import pytest
import torch

from causalrec_lab.recommender import (
    RecommenderConfig,
    TransformerRecommender,
    column_importance,
    history_attribution,
    integrated_gradients,
)
from causalrec_lab.world import Platform


@pytest.fixture(scope="module")
def model():
    events = Platform.make(seed=3, n_users=60, n_items=20).log(3_000, 0).decisions
    shown = events[events["treated"] == 1]
    config = RecommenderConfig(length=12, dim=16, epochs=2, tokens=1_000, outcome="click", gaps=True, precision="fp32")
    return TransformerRecommender(config).fit(shown, callbacks=())


def test_a_linear_model_has_its_closed_form():
    rng = np.random.default_rng(0)
    x, baseline, beta = rng.normal(size=(5, 3)), rng.normal(size=3), np.array([1.0, -2.0, 0.5])
    found, gap = integrated_gradients(lambda z: z @ torch.tensor(beta, dtype=torch.float32), x, baseline)
    np.testing.assert_allclose(found, (x - baseline) * beta, atol=1e-5)
    np.testing.assert_allclose(gap, 0, atol=1e-5)


def test_a_product_is_shared_equally_from_zero():
    found, _ = integrated_gradients(lambda z: z[:, 0] * z[:, 1], [[2.0, 3.0]])
    np.testing.assert_allclose(found, [[3.0, 3.0]], atol=1e-5)  # the diagonal path halves 6


def test_bad_steps_and_baselines_are_named():
    with pytest.raises(ValueError, match="steps=0"):
        integrated_gradients(lambda z: z.sum(-1), [[1.0]], steps=0)
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        integrated_gradients(lambda z: z.sum(-1), [[1.0, 2.0]], [0.0, 0.0, 0.0])


@pytest.mark.parametrize("head", ["behaviour", "interest"])
def test_the_items_of_a_history_account_for_the_whole_logit(model, head):
    found = history_attribution(model, 7, 4, head)
    score = model.score([7], head=head)[0, model.catalogue.get_loc(4)]
    logit = np.log(score / (1 - score)) if head == "behaviour" else score
    assert found.output == pytest.approx(logit, abs=1e-3)
    assert abs(found.output - found.baseline) > 10 * abs(found.gap)
    assert abs(found.gap) < 1e-3
    history = model.histories.take(pd.Index([7]))
    read = history.items[-(model.config.length - 1) :]
    assert found.table["item_id"].tolist() == model.catalogue[read - 1].tolist()


def test_what_cannot_be_attributed_is_refused(model):
    with pytest.raises(KeyError, match="999"):
        history_attribution(model, 7, 999)
    with pytest.raises(ValueError, match="no history"):
        history_attribution(model, "nobody", 4)
    with pytest.raises(ValueError, match="unknown"):
        history_attribution(model, 7, 4, "mood")


def test_importance_ranks_the_last_step_first_and_the_first_cause_late():
    """All effect of affinity and of being shown flows on through view and cart, which the model reads instead."""
    world = Platform.linear_gaussian(seed=1)
    rows = world.sample(20_000, 2)
    columns = ["affinity", "shown", "view", "cart"]
    beta, *_ = np.linalg.lstsq(rows[columns].to_numpy(), rows["purchase"].to_numpy(), rcond=None)
    found = column_importance(lambda z: z @ torch.tensor(beta, dtype=torch.float32), rows[columns].head(2_000))
    spread = np.sqrt(np.diag(world.covariance.loc[columns, columns]))
    total = [world.truth.path_effects(name).loc[f"total {name}=>purchase", "value"] for name in columns]
    caused = pd.Series(np.abs(total) * spread, index=columns)
    assert found.index[0] == "cart"
    assert caused.idxmax() == "affinity"
    direct = pd.Series({name: world.coefficients[name, "purchase"] for name in columns}) * spread
    mean = np.sqrt(2 / np.pi)  # of |x| at standard deviation 1
    np.testing.assert_allclose(found["importance"][columns], direct * mean, atol=0.05)
