"""Sampled losses against their equations, and against the full softmax they stand for."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from causalrec_lab.data.building.splits import split_leave_one_out
from causalrec_lab.recommender import RecommenderConfig, TransformerRecommender, evaluate
from causalrec_lab.recommender.sequence.sampled_loss import binary_cross_entropy, drawn_negatives, sampled_softmax


def parts(n=30, items=12, dim=6):
    torch.manual_seed(1)
    return torch.randn(n, dim), torch.randn(items, dim), torch.randint(items, (n,))


def test_sampling_the_whole_catalogue_is_the_full_softmax():
    states, vectors, targets = parts()
    whole = functional.cross_entropy(states @ vectors.T, targets)
    torch.testing.assert_close(sampled_softmax(states, vectors, targets, 12), whole)
    weights = torch.rand(30)
    losses = functional.cross_entropy(states @ vectors.T, targets, reduction="none")
    weighted = (losses * weights).sum() / weights.sum()
    torch.testing.assert_close(sampled_softmax(states, vectors, targets, 99, weights), weighted)


def test_a_sample_estimates_the_partition_sum_without_bias():
    """exp(loss) e^s_y is the sampled partition sum; its mean over draws is the sum over the catalogue."""
    states, vectors, targets = parts(n=1)
    scores = (states @ vectors.T)[0]
    torch.manual_seed(2)
    drawn = torch.stack([sampled_softmax(states, vectors, targets, 4) for _ in range(4_000)])
    sums = drawn.exp() * scores[targets].exp()
    error = sums.std() / len(sums) ** 0.5
    assert abs(sums.mean() - scores.exp().sum()) < 5 * error


@pytest.mark.parametrize("calibration", [0.0, 0.75, 1.0])
def test_bce_is_its_equation(calibration):
    states, vectors, targets = parts()
    torch.manual_seed(3)
    ours = binary_cross_entropy(states, vectors, targets, 5, calibration)
    torch.manual_seed(3)
    drawn, own = drawn_negatives(12, 5, targets)
    share = 5 / 11
    power = share * (calibration * (1 - 1 / share) + 1 / share)
    shift, total = np.log(5 / power), 0.0
    for row in range(30):
        total -= power * functional.logsigmoid(states[row] @ vectors[targets[row]] - shift)
        for place, item in enumerate(drawn):
            if not own[row, place]:
                total -= functional.logsigmoid(shift - states[row] @ vectors[item])
    torch.testing.assert_close(ours, total / 30 / 6)
    assert power == pytest.approx({0.0: 1.0, 0.75: 0.25 + 0.75 * share, 1.0: share}[calibration])


def clustered(n_users=200, n_items=40, length=8):
    """Users of two kinds, each meeting the items of one half, all the same number of them."""
    rng = np.random.default_rng(0)
    items = [rng.permutation(n_items // 2)[:length] + n_items // 2 * (user % 2) for user in range(n_users)]
    return pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(n_users), length),
            "item_id": np.concatenate(items),
            "timestamp": np.tile(np.arange(length), n_users),
        }
    )


@pytest.mark.parametrize("loss", ["softmax", "sampled", "bce"])
def test_every_loss_finds_the_half_a_user_likes(loss):
    split = split_leave_one_out(clustered())
    config = RecommenderConfig(
        length=8, dim=16, epochs=15, tokens=600, dropout=0.0, loss=loss, negatives=16, learning_rate=2e-2
    )
    model = TransformerRecommender(config).fit(split, callbacks=())
    assert evaluate(model, split, k=(13,))["value"]["HR@13"] > 0.9  # 13 items of the own half are left


def test_accumulated_batches_are_one_large_batch():
    """Batches of as many targets each: the mean of their gradients is the gradient of all."""
    small = RecommenderConfig(
        length=8, dim=16, epochs=2, tokens=400, accumulate=4, dropout=0.0, precision="fp32", loss="softmax"
    )
    large = RecommenderConfig(**(small.to_dict() | {"tokens": 1_600, "accumulate": 1}))
    single = RecommenderConfig(**(small.to_dict() | {"accumulate": 1}))
    weights = [
        TransformerRecommender(config).fit(clustered(), callbacks=()).network.blocks[0].mix.weight
        for config in (small, large, single)
    ]
    torch.testing.assert_close(weights[0], weights[1], atol=1e-4, rtol=0)
    assert (weights[0] - weights[2]).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("bad", "message"),
    [({"loss": "hinge"}, "softmax, sampled, bce"), ({"negatives": 0}, "negatives=0"), ({"accumulate": 0}, "accumulate"),
     ({"calibration": 1.5}, "calibration=1.5")],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        RecommenderConfig(**bad)


@pytest.mark.parametrize("loss", ["softmax", "sampled", "bce"])
def test_where_all_weights_are_zero_there_is_nothing_to_learn(loss):
    frame = clustered(20).assign(w=0.0)
    frame.loc[frame["user_id"] < 3, "w"] = 1.0
    config = RecommenderConfig(length=8, dim=8, blocks=1, epochs=1, tokens=16, loss=loss, weight="w", negatives=5)
    history = TransformerRecommender(config).fit(frame, ()).history
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][0] > 0


def test_a_catalogue_of_one_item_has_a_loss():
    states, vectors, targets = torch.ones(2, 3), torch.ones(1, 3), torch.zeros(2, dtype=torch.long)
    assert torch.isfinite(binary_cross_entropy(states, vectors, targets, 4))


def test_weights_that_are_all_zero_are_refused():
    config = RecommenderConfig(length=8, dim=8, blocks=1, epochs=1, weight="w")
    with pytest.raises(ValueError, match="column 'w': all 160 weights are 0"):
        TransformerRecommender(config).fit(clustered(20).assign(w=0.0), ())
