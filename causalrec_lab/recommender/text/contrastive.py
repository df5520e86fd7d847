"""Contrastive warm-up: an encoder learns, before any label, which texts belong together."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.text.embedding_cache import default_cache_dir, write_atomically
from causalrec_lab.recommender.text.encoder import TextEncoder, checked_texts, quiet_transformers
from causalrec_lab.recommender.text.legibility import warn_of_illegible
from causalrec_lab.recommender.text.pooling import pool

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["WarmUp", "co_bought_pairs", "contrastive_warm_up", "info_nce"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WarmUp:
    """A warmed encoder.

    Parameters
    ----------
    encoder
        Ready to embed.
    folder
        Where it stands, as safetensors: `TextClassifier(encoder=str(folder))` goes on from it.
    losses
        Mean loss of each epoch.
    """

    encoder: TextEncoder
    folder: Path
    losses: tuple[float, ...]


def co_bought_pairs(events: pd.DataFrame, items: pd.DataFrame, *, event: str = "purchase") -> pd.DataFrame:
    """Texts of items the same user bought one after the other: columns left, right; each pair of items once.

    Parameters
    ----------
    events
        Columns user_id, item_id, timestamp, event.
    items
        Columns item_id and text.
    event
        Which events count.

    Raises
    ------
    ValueError
        If a column is missing, or no user has two different items.
    """
    for name, frame, wanted in (
        ("events", events, ("user_id", "item_id", "timestamp", "event")),
        ("items", items, ("item_id", "text")),
    ):
        if missing := [column for column in wanted if column not in frame]:
            raise ValueError(f"{name} lacks {missing}; it has {list(frame.columns)}")
    bought = events[events["event"] == event].sort_values(["user_id", "timestamp"], kind="stable")
    after = bought.groupby("user_id")["item_id"].shift(-1)
    pairs = pd.DataFrame({"left": bought["item_id"], "right": after}).dropna()
    pairs = pairs[pairs["left"] != pairs["right"]]
    known = set(items["item_id"])
    pairs = pairs[pairs["left"].isin(known) & pairs["right"].isin(known)].drop_duplicates()
    if pairs.empty:
        raise ValueError(f"no user has two different items with event={event!r}; there are no pairs to learn from")
    texts = items.set_index("item_id")["text"].fillna("")
    return pd.DataFrame({side: texts.loc[pairs[side]].to_numpy() for side in pairs}).reset_index(drop=True)


def info_nce(left: Tensor, right: Tensor, same: Tensor, temperature: float) -> Tensor:
    r"""InfoNCE with the batch's other pairs as negatives, both ways.

    .. math:: -\frac{1}{2n} \sum_i \Bigl[\log \frac{e^{l_i \cdot r_i / \tau}}{\sum_j e^{l_i \cdot r_j / \tau}}
        + \log \frac{e^{l_i \cdot r_i / \tau}}{\sum_j e^{l_j \cdot r_i / \tau}}\Bigr]

    van den Oord et al. (2018, "Representation Learning with Contrastive Predictive Coding", equation 4); negatives of
    the same batch: Henderson et al. (2017, arXiv:1705.00652).

    Parameters
    ----------
    left, right
        (n, d), rows of length one.
    same
        (n, n) booleans: pairs i, j that are no negatives of each other (the same text), left out of the sums.
    temperature
        tau > 0.
    """
    import torch

    logits = (left @ right.T / temperature).masked_fill(same & ~torch.eye(len(left), dtype=torch.bool), -torch.inf)
    target = torch.arange(len(left))
    cross = torch.nn.functional.cross_entropy
    return (cross(logits, target) + cross(logits.T, target)) / 2


def contrastive_warm_up(
    encoder: TextEncoder,
    left: Sequence[str],
    right: Sequence[str],
    *,
    cache: Path | str | None = None,
    epochs: int = 1,
    batch_size: int = 32,
    learning_rate: float = 2e-5,
    temperature: float = 0.05,
    layers: int | None = None,
    max_tokens: int = 128,
    seed: int = 0,
) -> WarmUp:
    """Train an encoder on pairs of texts that belong together; no label is used. See `info_nce`.

    What pairs share is kept and what tells pairs apart is sharpened: pairs of co-bought items teach who buys what
    together, and may well blur what all bought items have in common.

    Parameters
    ----------
    encoder
        Where to begin.
    left, right
        (n,) texts; left[i] belongs with right[i] (an item and one bought with it, a review's title and its text).
    cache
        Folder for the warmed model, kept by the hash of pairs and settings; None: CAUSALREC_CACHE or the user's.
    epochs, batch_size, learning_rate
        Of AdamW, with a warm-up over a tenth of the steps and a line down to 0.
    temperature
        Of the loss; small ones mind the hardest negatives.
    layers
        Train only so many uppermost layers (cheaper); None: all.
    max_tokens
        Longer texts are cut.
    seed
        Of batches and dropout.

    Raises
    ------
    ValueError
        If lengths differ, or there are fewer than two different pairs.
    FloatingPointError
        If the loss is not finite.
    """
    import torch

    pairs = list(zip(checked_texts(left), checked_texts(right), strict=False))
    if len(left) != len(right) or len(set(pairs)) < 2 or batch_size < 2:
        raise ValueError(
            f"{len(left)} left and {len(right)} right texts, {len(set(pairs))} different pairs, batches of "
            f"{batch_size}: give as many of both, two different pairs or more, and batches of two or more"
        )
    settings = [epochs, batch_size, learning_rate, temperature, layers, max_tokens, seed, encoder.precision]
    key = hashlib.sha256(json.dumps([encoder.weights.fingerprint, pairs, settings]).encode()).hexdigest()
    root = default_cache_dir() if cache is None else Path(cache)
    folder = root / "warmed" / key[:24]
    if not (folder / "model.safetensors").is_file():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # weights a folder lacks (the pooler, unused here) are drawn on loading
            tokenizer, model = encoder.backbone()
        warn_of_illegible(tokenizer, [text for pair in pairs for text in pair], max_tokens, "contrastive warm-up")
        _freeze_below(model, layers)
        training = _Training(tokenizer, model, pairs, batch_size, temperature, max_tokens, encoder.precision)
        _keep(folder, tokenizer, model, training.run(epochs, learning_rate, seed))
    losses = json.loads((folder / "warm_up.json").read_text(encoding="utf-8"))["losses"]
    warmed = TextEncoder.load(str(folder), root, precision=encoder.precision)
    return WarmUp(warmed, folder, tuple(losses))


@dataclass
class _Training:
    tokenizer: Any
    model: nn.Module
    pairs: list[tuple[str, str]]
    batch_size: int
    temperature: float
    max_tokens: int
    precision: Any

    def run(self, epochs: int, rate: float, seed: int) -> list[float]:
        """Mean loss of each epoch; an incomplete last batch of one pair is left out (it has no negative)."""
        import torch

        rng, moved = np.random.default_rng(seed), [p for p in self.model.parameters() if p.requires_grad]
        steps = epochs * math.ceil(len(self.pairs) / self.batch_size)
        warm = max(1, steps // 10)
        optimiser = torch.optim.AdamW(moved, lr=rate, weight_decay=0.01)
        line = lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))  # noqa: E731
        schedule, losses = torch.optim.lr_scheduler.LambdaLR(optimiser, line), []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model.train()
            for epoch in range(epochs):
                order = rng.permutation(len(self.pairs))
                batches = [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
                found = [self._step(rows, optimiser, schedule, moved) for rows in batches if len(rows) > 1]
                losses.append(float(np.mean(found)))
                _log.info("contrastive warm-up epoch %d/%d: loss %.4f", epoch + 1, epochs, losses[-1])
        self.model.eval()
        return losses

    def _step(self, rows: npt.NDArray[np.int64], optimiser: Any, schedule: Any, moved: list[Any]) -> float:
        import torch

        left, right = zip(*(self.pairs[row] for row in rows), strict=True)
        together = [{a, b} for a, b in zip(left, right, strict=True)]
        same = torch.tensor([[bool(one & other) for other in together] for one in together])
        loss = info_nce(self._vectors(left), self._vectors(right), same, self.temperature)
        if not math.isfinite(value := loss.item()):
            raise FloatingPointError(f"the contrastive loss is {value}; lower learning_rate or raise temperature")
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(moved, 1.0)
        optimiser.step()
        schedule.step()
        return value

    def _vectors(self, texts: Sequence[str]) -> Tensor:
        from causalrec_lab.recommender.precision import autocast

        batch = self.tokenizer(
            list(texts), truncation=True, max_length=self.max_tokens, padding=True, return_tensors="pt"
        )
        with autocast(self.precision):
            states = self.model(**batch).last_hidden_state
        return pool(states, batch["attention_mask"])


def _freeze_below(model: nn.Module, layers: int | None) -> None:
    """Leave only the uppermost layers to train."""
    if layers is None:
        return
    numbers = {name: int(m[1]) for name, _ in model.named_parameters() if (m := re.search(r"\blayer\.(\d+)\.", name))}
    top = max(numbers.values(), default=-1)
    if not 1 <= layers <= top + 1:
        raise ValueError(f"contrastive_warm_up(layers={layers}): the encoder has {top + 1} layers; give 1 to that")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(numbers.get(name, -1) > top - layers)


def _keep(folder: Path, tokenizer: Any, model: Any, losses: list[float]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".partial-"))
    with quiet_transformers():
        tokenizer.save_pretrained(partial)
        model.save_pretrained(partial)
    write_atomically(partial / "warm_up.json", json.dumps({"losses": losses}).encode())
    if not folder.exists():
        partial.replace(folder)
