"""Settings of a `TextClassifier`, looked at when they are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from causalrec_lab.recommender.precision import Precision
from causalrec_lab.recommender.text.pooling import Pooling, checked_pooling

__all__ = ["RATES", "ClassifierConfig", "Mode"]

Mode = Literal["frozen", "lora", "full"]
RATES: dict[str, float] = {"frozen": float("nan"), "lora": 2e-4, "full": 2e-5}


@dataclass(frozen=True)
class ClassifierConfig:
    """Settings of a `TextClassifier`, see there.

    Raises
    ------
    ValueError
        If the mode or pooling is unknown, a number is not positive, or words or sentences are asked for in another mode
        than "frozen".
    """

    mode: Mode = "frozen"
    encoder: str = "auto"
    epochs: int = 5
    batch_size: int = 16
    learning_rate: float | None = None
    accumulate: int = 1
    class_weight: Literal["balanced"] | None = None
    max_tokens: int = 128
    lora_rank: int = 8
    pooling: Pooling = "mean"
    words: bool = False
    regularisation: float | None = None
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in RATES:
            raise ValueError(f"mode={self.mode!r} is unknown; give 'frozen', 'lora' or 'full'")
        if self.class_weight not in (None, "balanced"):
            raise ValueError(f"TextClassifier(class_weight={self.class_weight!r}): give 'balanced' or None")
        for name in (
            "epochs",
            "batch_size",
            "accumulate",
            "max_tokens",
            "lora_rank",
            "learning_rate",
            "regularisation",
        ):
            if (value := getattr(self, name)) is not None and not value > 0:
                raise ValueError(f"TextClassifier({name}={value!r}): give a positive number")
        if checked_pooling(self.pooling) == "sentences" and self.mode != "frozen":
            raise ValueError(f"TextClassifier({self.mode!r}) trains token states: pooling='sentences' is for 'frozen'")
        if self.words and self.mode != "frozen":
            raise ValueError(f"TextClassifier({self.mode!r}) trains the encoder alone: words=True is for 'frozen'")
