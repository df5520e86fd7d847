"""The training loop: batches in, weights out; progress, checkpoints and early stopping hook in without it knowing."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from causalrec_lab.recommender.catalogue.histories import Batch, Histories, batches
from causalrec_lab.recommender.config import RecommenderConfig
from causalrec_lab.recommender.progress import progress
from causalrec_lab.recommender.sequence.checkpoint import Progress, read_checkpoint, write_checkpoint
from causalrec_lab.recommender.sequence.distributed import Team
from causalrec_lab.recommender.sequence.network import SequenceNetwork
from causalrec_lab.recommender.sequence.objective import Objective
from causalrec_lab.recommender.sequence.towers import ItemContent

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
    content
        What is known of the items beside their identity.
    validate
        Gives the validation NDCG@10 of the network as it stands, or None.
    checkpoint
        Folder of the checkpoint, or None.
    team
        Processes that share the batches of each step.
    catalogue
        Ids of the items, by which a checkpoint knows its own.
    origin
        Mark of the model whose weights it begins with, likewise; empty without one.
    """

    network: SequenceNetwork
    config: RecommenderConfig
    histories: Histories
    content: ItemContent = field(default_factory=ItemContent)
    validate: Callable[[], float] | None = None
    checkpoint: Path | None = None
    team: Team = field(default_factory=Team)
    catalogue: pd.Index = field(default_factory=lambda: pd.Index([]))
    origin: str = ""

    def run(self, callbacks: Sequence[Callback] = ()) -> Progress:
        """Train; a run that was killed goes on after its last whole epoch with the numbers of an unbroken one.

        Batches depend on (seed, epoch) alone and dropout on (seed, epoch, batch), so that no random state needs keeping
        and it does not matter which process computes a batch.

        Raises
        ------
        TrainingDiverged
            If a loss or gradient is not finite; the message names epoch, step and batch, the last checkpoint stays.
        ValueError
            If the checkpoint found belongs to something else, or there are more processes than batches in a step.
        """
        if self.config.accumulate < self.team.size:
            raise ValueError(
                f"{self.team.size} processes share the batches of a step, and accumulate={self.config.accumulate}; "
                f"take RecommenderConfig(accumulate={self.team.size}) or a multiple, with smaller `tokens`"
            )
        optimiser = _optimiser(self.network, self.config)
        mark = self._fingerprint()
        kept = read_checkpoint(self.checkpoint, self.network, optimiser, mark) if self.checkpoint else None
        self.team.wait()
        progress = kept or Progress()
        while progress.epoch < self.config.epochs and not progress.stopped:
            loss = self._epoch(progress.epoch, optimiser)
            report = self._account(progress, loss, optimiser)
            asked = [call(report) for call in callbacks if self.team.leads]  # every callback hears every epoch
            progress.stopped |= bool(self.team.sum(float(any(asked)))[0])
            if self.checkpoint and self.team.leads:
                write_checkpoint(self.checkpoint, self.network, optimiser, progress, mark)
        if progress.best:
            self.network.load_state_dict(progress.best)
        return progress

    def _epoch(self, epoch: int, optimiser: torch.optim.Optimizer) -> float:
        """One pass over the batches, in steps of `accumulate` of them; mean loss a target, over all processes."""
        rng = np.random.default_rng([self.config.seed, epoch])
        total, count, size = 0.0, 0.0, self.config.accumulate
        objective = Objective(self.network, self.config, self.content, np.unique(self.histories.items))
        listed = batches(self.histories, self.config.length, self.config.tokens, rng)
        starts = range(0, len(listed), size)
        self.network.train()
        with torch.random.fork_rng(devices=[self.network.device] if self.network.device.type == "cuda" else []):
            for first in progress(starts, f"epoch {epoch + 1}/{self.config.epochs}", worth=self.team.leads):
                done = (epoch + first / len(listed)) / self.config.epochs
                _set_rate(optimiser, self.config.learning_rate * rate_share(done, self.config.warm_up))
                places = range(first, min(first + size, len(listed)))
                optimiser.zero_grad()
                for place in self.team.mine(places):
                    torch.manual_seed(int(np.random.default_rng([self.config.seed, epoch, place]).integers(2**62)))
                    loss = objective(listed[place])
                    (loss / len(places)).backward()
                    self._refuse(loss.item(), epoch, place, listed[place])
                    targets = int((listed[place].targets > 0).sum())
                    total, count = total + loss.item() * targets, count + targets
                self.team.sum_gradients(self.network)
                length = nn.utils.clip_grad_norm_(self.network.parameters(), 1.0).item()
                self._refuse(length, epoch, places[-1], listed[places[-1]], "gradient's length")
                optimiser.step()
        self.network.eval()
        total, count = self.team.sum(total, count)
        return total / max(count, 1)

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
        h = self.histories
        content = (None if part is None else part.cpu().numpy() for part in vars(self.content).values())
        digest = hashlib.sha256("|".join(parts).encode())
        for array in (h.items, h.offsets, h.outcomes, h.weights, h.gaps, *content):
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        digest.update(repr(self.catalogue.tolist()).encode() + self.origin.encode())
        return digest.hexdigest()

    def _refuse(self, found: float, epoch: int, place: int, batch: Batch, what: str = "loss") -> None:
        """Stop before a step that would spoil the weights: a finite loss can still have a gradient that is not."""
        if math.isfinite(found):
            return
        users = self.histories.users[batch.rows[:3]].tolist()
        raise TrainingDiverged(
            f"the {what} is {found} in epoch {epoch + 1}, step {place // self.config.accumulate + 1}, "
            f"batch {place + 1} (users {users}, …); "
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
