"""Training an encoder's weights, or adapters beside them, together with a linear head."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from causalrec_lab.recommender.precision import autocast, resolve_precision
from causalrec_lab.recommender.progress import progress
from causalrec_lab.recommender.text.classifier_config import RATES, ClassifierConfig
from causalrec_lab.recommender.text.encoder import TextEncoder
from causalrec_lab.recommender.text.legibility import warn_of_illegible
from causalrec_lab.recommender.text.pooling import pool

__all__ = ["FineTuned"]

Floats = npt.NDArray[np.float64]
_log = logging.getLogger(__name__)


class FineTuned:
    """An encoder with a two-class head that is trained on top of it and with it."""

    def __init__(self, tokenizer: Any, backbone: nn.Module, head: nn.Linear, config: ClassifierConfig) -> None:
        self.tokenizer = tokenizer
        self.backbone = backbone
        self.head = head
        self.config = config
        self.precision = resolve_precision(config.precision)

    @classmethod
    def start(cls, encoder: TextEncoder, config: ClassifierConfig, weights: Floats, bias: float) -> FineTuned:
        """Begin at the frozen solution: class 1 has logit +z/2, class 0 has -z/2."""
        tokenizer, backbone = encoder.backbone()
        head = nn.Linear(len(weights), 2)
        half = torch.from_numpy(np.asarray(weights, dtype=np.float32)) / 2
        with torch.no_grad():
            head.weight.copy_(torch.stack([-half, half]))
            head.bias.copy_(torch.tensor([-bias / 2, bias / 2]))
        if config.mode == "lora":
            backbone = _with_adapters(backbone, config)
        return cls(tokenizer, backbone, head, config)

    def train(
        self, texts: list[str], labels: npt.NDArray[np.int64], callbacks: Sequence[Callable[[int, float], Any]] = ()
    ) -> list[float]:
        """AdamW with a warm-up over a tenth of the steps and a line down to 0; mean loss of each epoch.

        Raises
        ------
        FloatingPointError
            If a loss is not finite; the message names epoch and batch.
        """
        warn_of_illegible(self.tokenizer, texts, self.config.max_tokens, f"fine-tuning ({self.config.mode})", level=4)
        tokens = self._tokens(texts)
        y = torch.from_numpy(labels)
        per_epoch = math.ceil(len(texts) / self.config.batch_size / self.config.accumulate)
        optimiser, schedule = self._optimiser(per_epoch * self.config.epochs)
        rng, losses = np.random.default_rng(self.config.seed), []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            for epoch in range(self.config.epochs):
                losses.append(self._epoch(tokens, y, rng.permutation(len(texts)), optimiser, schedule, epoch))
                _log.info("fine-tuning epoch %d/%d: loss %.4f", epoch + 1, self.config.epochs, losses[-1])
                for call in callbacks:
                    call(epoch + 1, losses[-1])
        return losses

    def logits(self, texts: list[str], batch_size: int = 64) -> Floats:
        """(n, 2) logits."""
        tokens = self._tokens(texts)
        order = np.argsort([-len(ids) for ids in tokens], kind="stable")
        out = np.empty((len(texts), 2))
        self.backbone.eval()
        with torch.inference_mode():
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                out[rows] = self._logits([tokens[row] for row in rows]).numpy()
        return out

    def state(self) -> dict[str, npt.NDArray[np.float32]]:
        """What training changed: the head, and adapters or all weights."""
        moved = {f"backbone.{name}": p for name, p in self.backbone.named_parameters() if p.requires_grad}
        moved |= {f"head.{name}": p for name, p in self.head.named_parameters()}
        return {name: np.ascontiguousarray(value.detach().numpy()) for name, value in moved.items()}

    def restore(self, state: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Put back what `state` gave."""
        parameters = {f"backbone.{n}": p for n, p in self.backbone.named_parameters()}
        parameters |= {f"head.{n}": p for n, p in self.head.named_parameters()}
        with torch.no_grad():
            for name, value in state.items():
                parameters[name].copy_(torch.from_numpy(np.array(value)))

    def _epoch(
        self,
        tokens: list[list[int]],
        y: Tensor,
        order: npt.NDArray[np.int64],
        optimiser: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LambdaLR,
        epoch: int,
    ) -> float:
        self.backbone.train()
        size, every = self.config.batch_size, self.config.accumulate
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        total, weights = 0.0, self._class_weights(y)
        for place, rows in enumerate(progress(groups, f"epoch {epoch + 1}/{self.config.epochs}")):
            loss = functional.cross_entropy(self._logits([tokens[row] for row in rows]), y[rows], weight=weights)
            if not math.isfinite(value := loss.item()):
                raise FloatingPointError(
                    f"the loss is {value} in epoch {epoch + 1}, batch {place + 1}; lower learning_rate"
                )
            (loss / every).backward()
            total += value * len(rows)
            if (place + 1) % every == 0 or place + 1 == len(groups):
                nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], 1.0)
                optimiser.step()
                optimiser.zero_grad()
                schedule.step()
        self.backbone.eval()
        return total / len(order)

    def _logits(self, tokens: list[list[int]]) -> Tensor:
        """(batch, 2): one row a text, one column a class."""
        batch = self.tokenizer.pad({"input_ids": tokens}, return_tensors="pt")
        with autocast(self.precision):
            states = self.backbone(**batch).last_hidden_state
        return cast(Tensor, self.head(pool(states, batch["attention_mask"], self.config.pooling)))

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        return cast(
            list[list[int]], self.tokenizer(texts, truncation=True, max_length=self.config.max_tokens)["input_ids"]
        )

    def _optimiser(self, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
        rate = RATES[self.config.mode] if self.config.learning_rate is None else self.config.learning_rate
        moved = [p for p in (*self.backbone.parameters(), *self.head.parameters()) if p.requires_grad]
        optimiser = torch.optim.AdamW(moved, lr=rate, weight_decay=0.01, fused=True)
        warm = max(1, steps // 10)
        share = lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))  # noqa: E731
        return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, share)

    def _class_weights(self, y: Tensor) -> Tensor | None:
        if self.config.class_weight is None:
            return None
        return len(y) / (2 * torch.bincount(y, minlength=2).float())


def _with_adapters(backbone: nn.Module, config: ClassifierConfig) -> nn.Module:
    """Low-rank adapters beside queries and values (Hu et al. 2022, LoRA, section 4.2); all else stands still."""
    from peft import LoraConfig, get_peft_model

    adapters = LoraConfig(
        r=config.lora_rank, lora_alpha=2 * config.lora_rank, lora_dropout=0.0, target_modules=["query", "value"]
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that will go
        torch.manual_seed(config.seed)
        return cast(nn.Module, get_peft_model(cast(Any, backbone), adapters))
