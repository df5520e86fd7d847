"""Losses that compare the next item with sampled others: for catalogues whose full softmax is too large."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["binary_cross_entropy", "drawn_negatives", "sampled_softmax"]


def drawn_negatives(n_items: int, count: int, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Items drawn uniformly without replacement, shared by all rows, and where one is a row's own target.

    One draw for all rows makes their scores one matrix product (Jean et al. 2015, section 3).

    Parameters
    ----------
    n_items, count
        Items to draw from, numbered from 0; how many, at most all of them.
    targets
        (n,) item that came next.

    Returns
    -------
    (count,) items, and (n, count) True where the item is the row's target.
    """
    negatives = torch.randperm(n_items, device=targets.device)[: min(count, n_items)]
    return negatives, negatives == targets[:, None]


def sampled_softmax(
    states: Tensor, vectors: Tensor, targets: Tensor, negatives: int, weights: Tensor | None = None
) -> Tensor:
    r"""Softmax over the target and sampled items, corrected for the sampling.

    With m of N items drawn uniformly, each negative stands for :math:`(N - 1) / m'` others, m' those drawn that are not
    the target: :math:`-\log \frac{e^{s_y}}{e^{s_y} + \frac{N - 1}{m'} \sum_j e^{s_j}}` (Bengio & Senécal 2008, IEEE
    Transactions on Neural Networks 19). With m = N it is the full softmax.

    Parameters
    ----------
    states, vectors, targets, weights
        As in `softmax_loss.catalogue_cross_entropy`.
    negatives
        m.
    """
    drawn, own = drawn_negatives(len(vectors), negatives, targets)
    left = (~own).sum(1).clamp(min=1)
    logits = (states @ vectors[drawn].to(states.dtype).T).float().masked_fill(own, float("-inf"))
    logits = logits + torch.log((len(vectors) - 1) / left)[:, None]
    target = _own_scores(states, vectors, targets)
    losses = torch.logsumexp(torch.cat((target[:, None], logits), dim=1), dim=1) - target
    return _weighted(losses, weights)


def binary_cross_entropy(
    states: Tensor,
    vectors: Tensor,
    targets: Tensor,
    negatives: int,
    calibration: float = 0.0,
    weights: Tensor | None = None,
) -> Tensor:
    r"""Logistic loss of the target against sampled items (Kang & McAuley 2018), or its calibrated form gBCE.

    :math:`-\frac{1}{m + 1} [\beta \log \sigma(s_y) + \sum_j \log(1 - \sigma(s_j))]` over m uniformly drawn items other
    than the target, :math:`\beta = \alpha (t (1 - 1/\alpha) + 1/\alpha)`, :math:`\alpha = m / (N - 1)` (Petrov &
    Macdonald 2023, RecSys). t = 0 is the plain loss, which learns to be overconfident where negatives are few; t = 1
    undoes it. Scores enter as :math:`s - \log (m / \beta)`, so that items start as likely as they are drawn: without it
    all item vectors first learn one common direction, in which small models stay. Rankings do not see the shift.

    Parameters
    ----------
    states, vectors, targets, weights
        As in `softmax_loss.catalogue_cross_entropy`.
    negatives
        m.
    calibration
        t in [0, 1].
    """
    drawn, own = drawn_negatives(len(vectors), negatives, targets)
    share = min(1.0, len(drawn) / max(len(vectors) - 1, 1))
    power = share * (calibration * (1 - 1 / share) + 1 / share)
    shift = math.log(len(drawn) / power)
    others = (states @ vectors[drawn].to(states.dtype).T).float() - shift
    against = functional.softplus(others).masked_fill(own, 0.0).sum(1)
    losses = power * functional.softplus(shift - _own_scores(states, vectors, targets)) + against
    return _weighted(losses / (len(drawn) + 1), weights)


def _own_scores(states: Tensor, vectors: Tensor, targets: Tensor) -> Tensor:
    return (states.float() * vectors[targets].float()).sum(-1)


def _weighted(losses: Tensor, weights: Tensor | None) -> Tensor:
    return losses.mean() if weights is None else (losses * weights).sum() / weights.sum().clamp(min=1e-12)
