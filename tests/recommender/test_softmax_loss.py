"""The chunked loss is the plain one: value and gradients."""

import pytest
import torch

from causalrec_lab.recommender.precision import resolve_precision
from causalrec_lab.recommender.sequence.network import Dropout
from causalrec_lab.recommender.sequence.softmax_loss import catalogue_cross_entropy


@pytest.mark.parametrize("weighted", [False, True])
def test_value_and_gradients_equal_torch(weighted):
    torch.manual_seed(0)
    states = torch.randn(37, 8, dtype=torch.float32, requires_grad=True)
    vectors = torch.randn(11, 8, requires_grad=True)
    targets = torch.randint(11, (37,))
    weights = torch.rand(37) if weighted else torch.ones(37)
    ours = catalogue_cross_entropy(states, vectors, targets, weights if weighted else None, chunk=10)
    mine = torch.autograd.grad(3 * ours, (states, vectors))
    plain = torch.nn.functional.cross_entropy(states @ vectors.T, targets, reduction="none")
    theirs = torch.autograd.grad(3 * (plain * weights).sum() / weights.sum(), (states, vectors))
    torch.testing.assert_close(ours, (plain * weights).sum() / weights.sum())
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_bf16_is_near():
    torch.manual_seed(0)
    states, vectors, targets = torch.randn(50, 16), torch.randn(40, 16), torch.randint(40, (50,))
    exact = catalogue_cross_entropy(states, vectors, targets)
    assert float(catalogue_cross_entropy(states.bfloat16(), vectors, targets)) == pytest.approx(float(exact), rel=5e-3)


def test_dropout_keeps_the_mean_and_drops_its_share():
    torch.manual_seed(0)
    drop, x = Dropout(0.3), torch.ones(400, 1000)
    drop.train()
    out = drop(x)
    assert float((out == 0).float().mean()) == pytest.approx(77 / 256, abs=0.004)
    assert float(out.mean()) == pytest.approx(1, abs=0.006)
    drop.eval()
    assert torch.equal(drop(x), x)


def test_unknown_precision():
    with pytest.raises(ValueError, match="bf16"):
        resolve_precision("fp16")
