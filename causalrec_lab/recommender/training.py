"""The training loop: batches in, weights out; progress, checkpoints and early stopping hook in without it knowing."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from causalrec_lab.recommender.checkpoint import Progress, read_checkpoint, write_checkpoint
from causalrec_lab.recommender.config import RecommenderConfig
from causalrec_lab.recommender.histories import Batch, Histories, batches
from causalrec_lab.recommender.network import SequenceNetwork
from causalrec_lab.recommender.precision import autocast, resolve_precision
from causalrec_lab.recommender.progress import progress
from causalrec_lab.recommender.sampled_loss import binary_cross_entropy, sampled_softmax
from causalrec_lab.recommender.softmax_loss import catalogue_cross_entropy

__all__ = ["Callback", "EpochReport", "Trainer", "TrainingDiverged", "log_line"]

_log = logging.getLogger(__name__)


class TrainingDiverged(FloatingPointError):  # noqa: N818 - an event, named as one
    """The loss stopped being a number."""


@dataclass(frozen=True)
class EpochReport:
    """What callbacks are told after an epoch.

    Parameters
    ----------
    epoch, epochs
        Epochs done and planned.
    loss
        Mean training loss of the epoch, in nats a target.
    learning_rate
        At the epoch's end.
    validation
        NDCG@10 on the validation part, nan without one.
    """

    epoch: int
    epochs: int
    loss: float
    learning_rate: float
    validation: float


Callback = Callable[[EpochReport], bool | None]
"""Called after every epoch; True ends the training."""


def log_line(report: EpochReport) -> None:
    """Write one log line an epoch: what a headless run shows."""
    tail = "" if math.isnan(report.validation) else f", validation NDCG@10 {report.validation:.4f}"
    _log.info("epoch %d/%d: loss %.4f%s", report.epoch, report.epochs, report.loss, tail)


@dataclass(frozen=True, eq=False)
class Trainer:
    """Everything one training needs.

    Parameters
    ----------
    network, config
        What is trained, and how.
    histories
        What it is trained on.
    text
        (n_items + 1, text_dim) text vectors of the items, or None.
    validate
        Gives the validation NDCG@10 of the network as it stands, or None.
    checkpoint
        Folder of the checkpoint, or None.
    """

    network: SequenceNetwork
    config: RecommenderConfig
    histories: Histories
    text: Tensor | None = None
    validate: Callable[[], float] | None = None
    checkpoint: Path | None = None

    def run(self, callbacks: Sequence[Callback] = ()) -> Progress:
        """Train; a run that was killed goes on after its last whole epoch with the numbers of an unbroken one.

        Batches and dropout of an epoch depend on (seed, epoch) alone, so that no random state needs keeping.

        Raises
        ------
        TrainingDiverged
            If a loss is not finite; the message names epoch and batch, the last checkpoint stays.
        ValueError
            If the checkpoint found belongs to something else.
        """
        optimiser = _optimiser(self.network, self.config)
        mark = self._fingerprint()
        kept = read_checkpoint(self.checkpoint, self.network, optimiser, mark) if self.checkpoint else None
        progress = kept or Progress()
        while progress.epoch < self.config.epochs and not progress.stopped:
            loss = self._epoch(progress.epoch, optimiser)
            report = self._account(progress, loss, optimiser)
            progress.stopped |= any([call(report) for call in callbacks])  # noqa: C419 - every callback hears every epoch
            if self.checkpoint:
                write_checkpoint(self.checkpoint, self.network, optimiser, progress, mark)
        if progress.best:
            self.network.load_state_dict(progress.best)
        return progress

    def _epoch(self, epoch: int, optimiser: torch.optim.Optimizer) -> float:
        rng = np.random.default_rng([self.config.seed, epoch])
        total, count = 0.0, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**62)))
            self.network.train()
            optimiser.zero_grad()
            listed = batches(self.histories, self.config.length, self.config.tokens, rng)
            for place, batch in enumerate(progress(listed, f"epoch {epoch + 1}/{self.config.epochs}")):
                first = place - place % self.config.accumulate  # batches of one step share its rate
                done = (epoch + first / len(listed)) / self.config.epochs
                _set_rate(optimiser, self.config.learning_rate * rate_share(done, self.config.warm_up))
                size = min(self.config.accumulate, len(listed) - first)
                loss = self._step(batch, optimiser, 1 / size, step=place + 1 == first + size)
                if not math.isfinite(loss):
                    raise TrainingDiverged(self._diverged(epoch, place, batch, loss))
                targets = int((batch.targets > 0).sum())
                total, count = total + loss * targets, count + targets
        self.network.eval()
        return total / max(count, 1)

    def _step(self, batch: Batch, optimiser: torch.optim.Optimizer, share: float, *, step: bool) -> float:
        """Add a batch's share of the gradient; where its group of batches ends, make the step."""
        loss = self._loss(batch)
        (share * loss).backward()
        if math.isfinite(value := loss.item()) and step:
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
        return value

    def _loss(self, batch: Batch) -> Tensor:
        """Interest: full softmax at real targets. Behaviour: logistic loss of the outcome of what was met next."""
        targets, seen = torch.from_numpy(batch.targets), torch.from_numpy(batch.targets > 0)
        outcomes = None if batch.input_outcomes is None else torch.from_numpy(batch.input_outcomes)
        weights = None if batch.weights is None else torch.from_numpy(batch.weights)[seen]
        precision = resolve_precision(self.config.precision)
        with autocast(precision):
            vectors = self.network.item_vectors(self.text)
            states = self.network(torch.from_numpy(batch.inputs), vectors, outcomes)[seen]
            targets = targets[seen]
            if batch.target_outcomes is None:
                return self._interest(states, vectors, targets, weights)
            happened = torch.from_numpy(batch.target_outcomes)[seen].bool()
            logits = self.network.behaviour_logits(states, vectors, targets).float()
        behaviour = _weighted_mean(_logistic(logits, happened.float()), weights)
        if not happened.any():
            return self.config.behaviour_share * behaviour
        chosen = None if weights is None else weights[happened]
        interest = self._interest(states[happened], vectors, targets[happened], chosen)
        return interest + self.config.behaviour_share * behaviour

    def _interest(self, states: Tensor, vectors: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        """With a text tower only items met in training compete: the others must not learn that they never come."""
        kind = torch.bfloat16 if resolve_precision(self.config.precision) == "bf16" else torch.float32
        if self.text is not None:
            met = torch.from_numpy(np.unique(self.histories.items))
            vectors, targets = vectors[met], torch.searchsorted(met, targets)
        if self.config.loss == "softmax":
            return catalogue_cross_entropy(states.to(kind), vectors.float(), targets, weights)
        if self.config.loss == "sampled":
            return sampled_softmax(states, vectors, targets, self.config.negatives, weights)
        return binary_cross_entropy(states, vectors, targets, self.config.negatives, self.config.calibration, weights)

    def _account(self, progress: Progress, loss: float, optimiser: torch.optim.Optimizer) -> EpochReport:
        metric = float("nan") if self.validate is None else self.validate()
        progress.epoch += 1
        rate = float(optimiser.param_groups[0]["lr"])
        progress.history.append({"epoch": progress.epoch, "loss": loss, "learning_rate": rate, "validation": metric})
        if self.config.patience is not None and self.validate is not None:
            if metric > progress.best_metric:
                progress.best_metric = metric
                progress.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
            best_epoch = max(progress.history, key=lambda row: row["validation"])["epoch"]
            progress.stopped = progress.epoch - best_epoch >= self.config.patience
        return EpochReport(progress.epoch, self.config.epochs, loss, rate, metric)

    def _fingerprint(self) -> str:
        parts = [repr(self.config), repr(self.network.shape)]
        arrays = (self.histories.items, self.histories.offsets, self.histories.outcomes, self.histories.weights)
        digest = hashlib.sha256("|".join(parts).encode())
        for array in arrays:
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def _diverged(self, epoch: int, place: int, batch: Batch, loss: float) -> str:
        users = self.histories.users[batch.rows[:3]].tolist()
        return (
            f"the loss is {loss} in epoch {epoch + 1}, batch {place + 1} (users {users}, …); "
            "training stopped before that step. Way out: a lower learning_rate than "
            f"{self.config.learning_rate}, a longer warm_up, or precision='fp32'"
            f"{'; the last checkpoint is kept' if self.checkpoint else ''}"
        )


def rate_share(done: float, warm_up: float) -> float:
    """Share of the full learning rate after the share `done` of training: linear up, then half a cosine down to 0."""
    if done < warm_up:
        return max(done / warm_up, 0.01)
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def _optimiser(network: SequenceNetwork, config: RecommenderConfig) -> torch.optim.Optimizer:
    """AdamW; only matrices decay, not item identities, norms and biases."""
    decayed = [p for name, p in network.named_parameters() if p.dim() > 1 and "identity" not in name]
    kept = [p for name, p in network.named_parameters() if p.dim() <= 1 or "identity" in name]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)


def _logistic(logits: Tensor, outcomes: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, outcomes, reduction="none")


def _weighted_mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    return losses.mean() if weights is None else (losses * weights).sum() / weights.sum()
