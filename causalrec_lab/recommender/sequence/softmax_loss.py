"""Cross-entropy over the whole catalogue, a chunk of rows at a time, gradient computed on the way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["catalogue_cross_entropy"]


def catalogue_cross_entropy(
    states: Tensor, vectors: Tensor, targets: Tensor, weights: Tensor | None = None, chunk: int = 512
) -> Tensor:
    r"""Weighted full-softmax loss :math:`\sum_n w_n \, [\log \sum_i \exp(h_n' e_i) - h_n' e_{y_n}] \,/\, \sum_n w_n`.

    The logits of a chunk live only while its loss and gradient are computed, so that memory stays flat and the chunk
    stays near the processor.

    Parameters
    ----------
    states
        (n, dim) states at real tokens; their type (fp32 or bf16) is that of the matrix products.
    vectors
        (items, dim) item vectors.
    targets
        (n,) indices of the items that came next.
    weights
        (n,) weights (inverse propensities, say); None for ones. Where all are 0, so is the loss.
    chunk
        Rows at a time.
    """
    ones = torch.ones(len(targets), device=states.device) if weights is None else weights.float()
    loss: Tensor = _Chunked.apply(states, vectors, targets, ones / ones.sum().clamp(min=1e-12), chunk)  # type: ignore[no-untyped-call]
    return loss


class _Chunked(torch.autograd.Function):
    r"""Loss and gradients in one pass over the logits :math:`l`.

    With :math:`p_{ni} = e^{l_{ni} - \max_i l_{ni}}`, its row sum :math:`s_n` and :math:`c_n = w_n / s_n` the gradient
    is :math:`c_n \sum_i p_{ni} e_i - w_n e_{y_n}` for a state and
    :math:`\sum_n c_n p_{ni} h_n - \sum_{n: y_n = i} w_n h_n` for an item: scaling the small matrices instead of the big
    one spares two passes over it.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor, vectors: Tensor, targets: Tensor, weights: Tensor, chunk: int) -> Tensor:
        items = vectors.to(states.dtype)
        state_grad = -weights[:, None] * vectors[targets]
        item_grad = torch.zeros_like(vectors).index_add_(0, targets, -weights[:, None] * states.to(vectors.dtype))
        logits = states.new_empty(min(chunk, len(targets)), len(items))
        loss = torch.zeros((), device=states.device)
        for start in range(0, len(targets), chunk):
            rows = slice(start, start + chunk)
            weight = weights[rows, None]
            raised = torch.mm(states[rows], items.T, out=logits[: len(weight)])
            top, target = raised.amax(1, keepdim=True), raised.gather(1, targets[rows, None])
            total = raised.sub_(top).exp_().sum(1, keepdim=True, dtype=torch.float32)
            loss += ((total.log() + top - target) * weight).sum()
            scale = weight / total
            state_grad[rows] += (raised @ items) * scale
            item_grad += raised.T @ (states[rows] * scale).to(states.dtype)
        ctx.save_for_backward(state_grad.to(states.dtype), item_grad)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Scale what the forward pass kept."""
        state_grad, item_grad = ctx.saved_tensors
        return state_grad * grads[0].to(state_grad.dtype), item_grad * grads[0], None, None, None
