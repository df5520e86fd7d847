"""One fold of CausalBERT: heads solved, layers trained through them, heads solved again."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from causalrec_lab.causal.effects.nuisances.scale import FLOAT32
from causalrec_lab.causal.effects.sample import Floats, Integers, Sample
from causalrec_lab.causal.effects.text.bert.corpus import Corpus
from causalrec_lab.causal.effects.text.bert.heads import Heads
from causalrec_lab.causal.effects.text.bert.masked_words import MaskedWords
from causalrec_lab.causal.effects.text.bert.network import TextNetwork
from causalrec_lab.recommender.progress import progress

__all__ = ["Fold", "Settings"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How layers are trained: see `estimator.causal_bert`."""

    epochs: int
    learning_rate: float
    batch_size: int
    masked_language_weight: float
    seed: int


class Fold:
    """Training on a fold's rows and prediction of others.

    Parameters
    ----------
    sample, design
        Arrays of the problem, and what the heads see of the tables.
    corpus
        The texts, one a row.
    network
        Layers to train; changed in place.
    words
        Masked-language term, or None.
    settings
        Of the training.
    """

    def __init__(
        self,
        sample: Sample,
        design: Floats,
        corpus: Corpus,
        network: TextNetwork,
        words: MaskedWords | None,
        settings: Settings,
    ) -> None:
        self.sample, self.design, self.corpus = sample, design, corpus
        self.network, self.words, self.settings = network.eval(), words, settings
        start = network.embed(corpus, np.arange(sample.n))
        spread, peak = start.std(axis=0), np.abs(start).max()  # of all: an encoder's dimensions share one unit
        self.centre = start.mean(axis=0)
        self._spread, self._pieces = 1.0, np.arange(corpus.pieces)  # of the rows trained on, see `fit`
        self.scale = np.where(spread > FLOAT32 * peak, spread, np.inf)  # a constant dimension tells nothing

    def fit(self, train: Integers) -> Heads:
        """Train on some rows: heads begin at the frozen solution, and each epoch's layers get heads of their own.

        Hidden words, too, are those of these rows' texts. All that is taken from the others is the scale of their
        frozen vectors, which knows neither treatment nor outcome.

        Raises
        ------
        FloatingPointError
            If a loss is not finite.
        """
        rng = np.random.default_rng(self.settings.seed)
        optimiser, schedule = self._optimiser(len(train))
        self._spread = float(self.sample.outcome[train].var()) or 1.0
        self._pieces = self.corpus.of(train)[0]
        heads = Heads.fit(self.sample, self.design, self.vectors(), train)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed)
            for epoch in range(self.settings.epochs):
                loss = self._epoch(heads, rng.permutation(train), optimiser, schedule, rng)
                _log.info("CausalBERT epoch %d/%d: loss %.4f", epoch + 1, self.settings.epochs, loss)
                heads = Heads.fit(self.sample, self.design, self.vectors(), train)
        return heads

    def vectors(self) -> Floats:
        """(n, d + k) text vectors on the frozen encoder's scale, and the fixed embeddings."""
        text = (self.network.embed(self.corpus, np.arange(self.sample.n)) - self.centre) / self.scale
        return np.column_stack([text, self.sample.embeddings])

    def _epoch(
        self,
        heads: Heads,
        order: Integers,
        optimiser: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        rng: np.random.Generator,
    ) -> float:
        beside = heads.offsets(self.sample, self.design)
        beside += self.sample.embeddings @ heads.text[len(self.centre) :]
        text = torch.from_numpy(heads.text[: len(self.centre)]).float()
        groups = np.array_split(order, math.ceil(len(order) / self.settings.batch_size))
        total = 0.0
        for rows in progress(groups, "CausalBERT", worth=len(order) > 200):
            loss = self._loss(rows, text, torch.from_numpy(beside[rows]).float(), heads.binary, rng)
            if not math.isfinite(value := loss.item()):
                raise FloatingPointError(f"the loss of CausalBERT is {value}; lower learning_rate")
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += value * len(rows)
        return total / len(order)

    def _loss(self, rows: Integers, text: Tensor, beside: Tensor, binary: bool, rng: np.random.Generator) -> Tensor:
        """Cross-entropy of the treatment, loss of the outcome in the arm observed, masked-language term."""
        vectors = self.network.vectors(self.corpus, rows)
        scaled = (vectors - torch.from_numpy(self.centre).float()) / torch.from_numpy(self.scale).float()
        links = beside + scaled @ text
        t, y, w = (torch.from_numpy(a[rows]).float() for a in self._targets())
        of_treatment = functional.binary_cross_entropy_with_logits(links[:, 0], t, weight=w)
        if binary:
            of_outcome = functional.binary_cross_entropy_with_logits(links[:, 1], y, weight=w)
        else:
            of_outcome = (w * (links[:, 1] - y) ** 2).mean() / (2 * self._spread)
        total = of_treatment + of_outcome
        if self.words is None:
            return total
        pieces = rng.choice(self._pieces, min(self.settings.batch_size, len(self._pieces)), False)
        return total + self.settings.masked_language_weight * self.words.loss(self.network, pieces)

    def _targets(self) -> tuple[Floats, Floats, Floats]:
        return self.sample.treatment, self.sample.outcome, self.sample.weights

    def _optimiser(self, rows: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        """AdamW with a warm-up over a tenth of the steps and a line down to 0."""
        settings = self.settings
        groups: list[dict[str, Any]] = [{"params": list(self.network.parameters())}]
        if self.words is not None:  # its transform begins at random: it has much further to go
            groups.append({"params": list(self.words.parameters()), "lr": 1e-3})
        steps = max(1, settings.epochs * math.ceil(rows / settings.batch_size))
        warm = max(1, steps // 10)
        line = lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))  # noqa: E731
        optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=0.01)
        return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, line)
