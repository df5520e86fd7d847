"""What a training step minimises: the interest and behaviour losses of one batch, and how a batch is masked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from causalrec_lab.recommender.catalogue.histories import Batch
from causalrec_lab.recommender.config import RecommenderConfig
from causalrec_lab.recommender.precision import autocast, resolve_precision
from causalrec_lab.recommender.sequence.network import SequenceNetwork
from causalrec_lab.recommender.sequence.sampled_loss import binary_cross_entropy, sampled_softmax
from causalrec_lab.recommender.sequence.softmax_loss import catalogue_cross_entropy
from causalrec_lab.recommender.sequence.towers import ItemContent

__all__ = ["Objective"]

LAST_ALONE = 0.3  # share of sequences of which only the last item is masked, as in use (Sun et al. 2019, section 3.6)


@dataclass(frozen=True, eq=False)
class Objective:
    """Loss of a batch.

    Parameters
    ----------
    network, config
        What is trained, and how.
    content
        What is known of the items beside their identity.
    met
        Numbers of the items that training histories hold.
    """

    network: SequenceNetwork
    config: RecommenderConfig
    content: ItemContent
    met: npt.NDArray[np.int64]

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.network.device

    @cached_property
    def precision(self) -> Any:
        """How matrix products are computed."""
        return resolve_precision(self.config.precision, self.device.type)

    def __call__(self, batch: Batch) -> Tensor:
        """Interest: softmax or sampled loss at real targets. Behaviour: logistic loss of the outcome of what is met."""
        inputs, targets, last = self._places(batch)
        seen = targets > 0
        weights = None if batch.weights is None else self._tensor(batch.weights)[seen]
        with autocast(self.precision, self.device.type):
            vectors = self.network.item_vectors(self.content)
            outcomes, gaps = self._tensor(batch.input_outcomes), self._tensor(batch.input_gaps)
            if self.config.direction == "bidirectional" and gaps is not None:  # in use, too, a hidden item has none
                gaps = self._tensor(batch.target_gaps).masked_fill(seen, 0)
            states = self.network(inputs, vectors, outcomes, gaps, last=last)[seen]
            targets = targets[seen]
            if batch.target_outcomes is None:
                return self._interest(states, vectors, targets, weights)
            happened = self._tensor(batch.target_outcomes)[seen].bool()
            logits = self.network.behaviour_logits(states, vectors, targets).float()
        behaviour = _weighted_mean(_logistic(logits, happened.float()), weights)
        if not happened.any():
            return self.config.behaviour_share * behaviour
        chosen = None if weights is None else weights[happened]
        interest = self._interest(states[happened], vectors, targets[happened], chosen)
        return interest + self.config.behaviour_share * behaviour

    def _places(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
        """Inputs, targets and, where the network looks both ways, each row's last real place."""
        items = self._tensor(batch.targets)
        if self.config.direction == "causal":
            return self._tensor(batch.inputs), items, None
        real = items > 0
        last = real.sum(1) - 1
        hidden = (torch.rand(items.shape, device=self.device) < self.config.masked) & real
        alone = (torch.rand(len(items), device=self.device) < LAST_ALONE) | ~hidden.any(1)
        hidden[alone] = False
        hidden[torch.arange(len(items), device=self.device)[alone], last[alone]] = True
        return items.masked_fill(hidden, 0), items.masked_fill(~hidden, 0), last

    def _interest(self, states: Tensor, vectors: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        """With a content tower only items met in training compete: the others must not learn that they never come."""
        if not self.content.empty:
            met = self._tensor(self.met)
            vectors, targets = vectors[met], torch.searchsorted(met, targets)
        if self.config.loss == "softmax":
            kind = torch.bfloat16 if self.precision == "bf16" else torch.float32
            return catalogue_cross_entropy(states.to(kind), vectors.float(), targets, weights)
        if self.config.loss == "sampled":
            return sampled_softmax(states, vectors, targets, self.config.negatives, weights)
        return binary_cross_entropy(states, vectors, targets, self.config.negatives, self.config.calibration, weights)

    def _tensor(self, array: npt.NDArray[Any] | None) -> Any:
        return None if array is None else torch.from_numpy(array).to(self.device)


def _logistic(logits: Tensor, outcomes: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, outcomes, reduction="none")


def _weighted_mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    return losses.mean() if weights is None else (losses * weights).sum() / weights.sum().clamp(min=1e-12)
