"""What is chosen before training: `RecommenderConfig`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from causalrec_lab.recommender.precision import Precision

__all__ = ["RecommenderConfig"]

Loss = Literal["softmax", "sampled", "bce"]
Direction = Literal["causal", "bidirectional"]
_POSITIVE = ("length", "dim", "blocks", "heads", "epochs", "tokens", "accumulate", "negatives", "learning_rate")


@dataclass(frozen=True)
class RecommenderConfig:
    """Sizes and training of a `TransformerRecommender`.

    Parameters
    ----------
    length
        Longest history read, in items.
    dim, blocks, heads, dropout
        Width, attention blocks, heads a block, share of activations dropped in training.
    epochs, learning_rate, warm_up, weight_decay
        AdamW (Loshchilov & Hutter 2019) with a linear warm-up over the share `warm_up` of the training and a cosine
        down to 0.
    tokens, accumulate
        Positions a batch holds; batches whose gradients make one step (a large batch on a small machine).
    loss, negatives, calibration
        "softmax" over the whole catalogue; or against `negatives` sampled items "sampled" (softmax) or "bce" (logistic,
        with `calibration` t in [0, 1], see `sampled_loss`), for catalogues too large for it.
    direction, masked
        "causal" reads a history from left to right and learns the next item at every place (SASRec). "bidirectional"
        hides the share `masked` of its items and learns them from both sides (Sun et al. 2019, CIKM, BERT4Rec).
    gaps
        Whether the time since the item before is read with each item, in powers of two of a second (of the unit of
        numeric timestamps).
    text
        Name of a `TextEncoder` whose vectors of `items.text` are a second tower, None for identities alone.
    attributes
        Columns of the items (category, genre) whose values are a further tower: the item's edges in a knowledge graph.
    neighbours
        With attributes: so many nearest items of that graph (`ItemGraph`) lend an item never met their identity; 0
        leaves it to its content alone.
    outcome
        Column with 0 or 1 for each row of the events: then the behaviour head learns P(outcome | history, item), the
        outcomes are read with the history, and the interest head learns the next item *with outcome 1*.
    weight
        Column with weights of the rows in the loss (inverse propensities, say).
    behaviour_share
        Weight of the behaviour loss beside the interest loss.
    patience
        Stop after so many epochs without a better validation NDCG@10, keeping the best; None trains all epochs.
    precision
        "auto" takes bf16 where the device multiplies it in hardware; "fp32" is the same on every processor.
    device
        "auto" takes a GPU where there is one, "cpu", or "cuda:N".
    seed
        Of weights, batches and dropout.

    Raises
    ------
    ValueError
        If a size is not positive, `dim` is no multiple of `2 * heads`, or a share lies outside [0, 1).
    """

    length: int = 200
    dim: int = 64
    blocks: int = 2
    heads: int = 2
    dropout: float = 0.3
    epochs: int = 20
    learning_rate: float = 2e-3
    warm_up: float = 0.05
    weight_decay: float = 0.01
    tokens: int = 12_800
    accumulate: int = 1
    loss: Loss = "softmax"
    negatives: int = 256
    calibration: float = 0.0
    direction: Direction = "causal"
    masked: float = 0.2
    gaps: bool = False
    text: str | None = None
    attributes: tuple[str, ...] = ()
    neighbours: int = 0
    outcome: str | None = None
    weight: str | None = None
    behaviour_share: float = 1.0
    patience: int | None = None
    precision: Precision = "auto"
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes that fit nothing."""
        object.__setattr__(self, "attributes", tuple(self.attributes))  # JSON gives a list
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise ValueError(f"RecommenderConfig({name}={getattr(self, name)!r}): give a positive number")
        for name, known in (("loss", get_args(Loss)), ("direction", get_args(Direction))):
            if getattr(self, name) not in known:
                raise ValueError(f"RecommenderConfig({name}={getattr(self, name)!r}): give one of {', '.join(known)}")
        if not 0 <= self.calibration <= 1:
            raise ValueError(f"RecommenderConfig(calibration={self.calibration!r}): give a number in [0, 1]")
        if not 0 < self.masked < 1:
            raise ValueError(f"RecommenderConfig(masked={self.masked!r}): give a share in (0, 1)")
        if self.direction == "bidirectional" and self.outcome is not None:
            raise ValueError(
                "RecommenderConfig(direction='bidirectional', outcome=…): a model that sees both sides of an item sees "
                "what came after its outcome; take direction='causal' for a behaviour head"
            )
        for name in ("dropout", "warm_up"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"RecommenderConfig({name}={getattr(self, name)!r}): give a share in [0, 1)")
        if self.neighbours < 0 or (self.neighbours and not self.attributes):
            raise ValueError(
                f"RecommenderConfig(neighbours={self.neighbours!r}, attributes={self.attributes!r}): give a number "
                ">= 0, and with it the attributes by which items are neighbours"
            )
        if self.dim % (2 * self.heads):
            raise ValueError(f"RecommenderConfig(dim={self.dim}, heads={self.heads}): dim is a multiple of 2 x heads")

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RecommenderConfig:
        """Read what `to_dict` wrote.

        Raises
        ------
        ValueError
            If a name is unknown; the nearest one is offered.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise ValueError(
                    f"RecommenderConfig has no {name!r}; {'try ' + near[0] if near else f'it has {known}'}"
                )
        return cls(**values)
