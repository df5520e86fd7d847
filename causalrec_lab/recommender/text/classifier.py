"""`TextClassifier`: will this text end in a purchase? Frozen encoder, low-rank adapters, or all weights trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from causalrec_lab.recommender.precision import Precision
from causalrec_lab.recommender.text.embedding_cache import write_atomically
from causalrec_lab.recommender.text.encoder import TextEncoder, checked_texts
from causalrec_lab.recommender.text.thresholds import PlattScaling, cost_threshold

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ClassifierConfig", "TextClassifier"]

Floats = npt.NDArray[np.float64]
Mode = Literal["frozen", "lora", "full"]
RATES: dict[str, float] = {"frozen": float("nan"), "lora": 2e-4, "full": 2e-5}


@dataclass(frozen=True)
class ClassifierConfig:
    """Settings of a `TextClassifier`, see there."""

    mode: Mode = "frozen"
    encoder: str = "auto"
    epochs: int = 5
    batch_size: int = 16
    learning_rate: float | None = None
    accumulate: int = 1
    class_weight: Literal["balanced"] | None = None
    max_tokens: int = 128
    lora_rank: int = 8
    regularisation: float = 10.0
    precision: Precision = "auto"
    seed: int = 0


class TextClassifier:
    r"""Two classes from a text: :math:`P(y \mid \text{text}) = \mathrm{softmax}(W v + b)`, logits of shape (batch, 2).

    One label a text; the class said is `argmax(-1)` over the two logits.

    Parameters
    ----------
    mode
        "frozen": logistic regression on the encoder's vectors. "lora": low-rank adapters on queries and values (Hu et
        al. 2022). "full": every weight. The last two begin at the frozen solution (linear probing, then fine-tuning:
        Kumar et al. 2022), so that a small learning rate suffices.
    encoder
        As `TextEncoder.load` takes it.
    epochs, batch_size, learning_rate
        Of AdamW; None is 2e-5 for "full" and 2e-4 for "lora", whose adapters begin at zero.
    accumulate
        Batches whose gradients are added up before a step.
    class_weight
        "balanced" weighs classes by their rarity.
    max_tokens
        Longer texts are cut in fine-tuning.
    lora_rank
        Rank of the adapters.
    regularisation
        Inverse strength C of the logistic regression.
    precision
        "auto" takes bf16 where the processor multiplies it in hardware.
    seed
        Of batches, dropout and adapters.

    Raises
    ------
    ValueError
        If the mode is unknown or a number is not positive.
    """

    def __init__(self, mode: Mode = "frozen", encoder: str = "auto", **settings: Any) -> None:
        if mode not in RATES:
            raise ValueError(f"mode={mode!r} is unknown; give 'frozen', 'lora' or 'full'")
        self.config = ClassifierConfig(mode=mode, encoder=encoder, **settings)
        for name in ("epochs", "batch_size", "accumulate", "max_tokens", "lora_rank", "regularisation"):
            if not getattr(self.config, name) > 0:
                raise ValueError(f"TextClassifier({name}={getattr(self.config, name)!r}): give a positive number")
        self.losses: list[float] = []
        self.scaling = PlattScaling()
        self._tuned: Any = None

    @property
    def encoder_name(self) -> str:
        """Which encoder was found.

        Raises
        ------
        ValueError
            If the classifier was not fitted.
        """
        self._require_fit()
        return self._encoder.name

    def fit(self, texts: Iterable[str], labels: Any, callbacks: Sequence[Callable[[int, float], Any]] = ()) -> Self:
        """Train on texts and their labels (0 or 1).

        Parameters
        ----------
        callbacks
            Called with (epoch, mean loss) after every epoch of fine-tuning.

        Raises
        ------
        ValueError
            If lengths differ, a label is neither 0 nor 1, or only one class is there.
        """
        listed, y = _labelled(texts, labels)
        corpus = listed if self.config.encoder == "tiny" else None
        self._encoder = TextEncoder.load(self.config.encoder, corpus=corpus, precision=self.config.precision)
        self._weights, self._bias = self._probe(listed, y)
        if self.config.mode != "frozen":
            from causalrec_lab.recommender.text.finetuning import FineTuned

            self._tuned = FineTuned.start(self._encoder, self.config, self._weights, self._bias)
            self.losses = self._tuned.train(listed, y, callbacks)
        return self

    def calibrate(self, texts: Iterable[str], labels: Any) -> Self:
        """Make the probabilities right on texts that were not trained on; the ranking stays.

        See `thresholds.PlattScaling`. Needed where classes were weighted, or a model was fine-tuned for long.

        Raises
        ------
        ValueError
            As in `fit`, or if the classifier was not fitted.
        """
        listed, y = _labelled(texts, labels)
        self.scaling = PlattScaling()
        self.scaling = PlattScaling.fit(y, self.predict_proba(listed))
        return self

    def predict_proba(self, texts: Iterable[str]) -> Floats:
        """(n, 2) probabilities of class 0 and class 1, as calibrated by `calibrate`, if it was called.

        Raises
        ------
        ValueError
            If the classifier was not fitted.
        """
        self._require_fit()
        listed = checked_texts(texts)
        found = self._plain(listed)
        return found if self.scaling == PlattScaling() else self.scaling(found)

    def predict(
        self, texts: Iterable[str], *, false_positive: float = 1.0, false_negative: float = 1.0
    ) -> npt.NDArray[np.int64]:
        """(n,) cheaper class: 1 from the probability c_FP / (c_FP + c_FN) on; with equal costs the likelier class.

        Raises
        ------
        ValueError
            If the classifier was not fitted, or a cost is not positive.
        """
        probabilities = self.predict_proba(texts)
        if false_positive == false_negative:
            return np.asarray(probabilities.argmax(-1))
        return (probabilities[:, 1] >= cost_threshold(false_positive, false_negative)).astype(np.int64)

    def word_attributions(self, text: str, **settings: Any) -> pd.DataFrame:
        """What each word adds to the logit of class 1; see `word_attribution.word_attributions`."""
        from causalrec_lab.recommender.text.word_attribution import word_attributions

        return word_attributions(self, text, **settings)

    def differentiable(self) -> tuple[Any, Any, Callable[[Any, Any], Any], int]:
        """Tokenizer, model, function of (token states, mask) to the logit of class 1, most tokens: for gradients.

        Raises
        ------
        ValueError
            If the classifier was not fitted.
        """
        import torch

        from causalrec_lab.recommender.text.pooling import pool

        self._require_fit()
        if self._tuned is not None:
            tuned = self._tuned
            contrast = torch.tensor([-1.0, 1.0])
            return (
                tuned.tokenizer,
                tuned.backbone,
                lambda s, m: tuned.head(pool(s, m)) @ contrast,
                tuned.config.max_tokens,
            )
        tokenizer, model = self._encoder.backbone()
        weights = torch.from_numpy(self._weights).float()
        return tokenizer, model, lambda s, m: pool(s, m) @ weights + self._bias, self._encoder.max_tokens

    def _plain(self, listed: list[str]) -> Floats:
        """(n, 2) probabilities before calibration."""
        if self._tuned is not None:
            return np.asarray(self._tuned.predict(listed))
        logit = self._encoder.embed(listed).astype(np.float64) @ self._weights + self._bias
        one = 1 / (1 + np.exp(-logit))
        return np.column_stack([1 - one, one])

    def save(self, folder: Path | str) -> Path:
        """Write classifier.json and classifier.safetensors: the head and whatever was trained, not the encoder."""
        from safetensors.numpy import save

        self._require_fit()
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        tensors = {"head.weight": self._weights, "head.bias": np.atleast_1d(self._bias)}
        if self._tuned is not None:
            tensors |= {f"tuned.{name}": value for name, value in self._tuned.state().items()}
        head = {"config": asdict(self.config), "fingerprint": self._encoder.weights.fingerprint, "losses": self.losses}
        head["scaling"] = asdict(self.scaling)
        write_atomically(target / "classifier.safetensors", save(tensors))
        write_atomically(target / "classifier.json", json.dumps(head).encode())
        return target

    @classmethod
    def load(cls, folder: Path | str, *, corpus: Sequence[str] | None = None) -> TextClassifier:
        """Read what `save` wrote; a "tiny" encoder needs the corpus it was trained on.

        Raises
        ------
        ValueError
            If the encoder found here is another one than it was trained with.
        """
        from safetensors.numpy import load_file

        source = Path(folder)
        head = json.loads((source / "classifier.json").read_text(encoding="utf-8"))
        tensors = load_file(source / "classifier.safetensors")
        model = cls(**head["config"])
        model._encoder = TextEncoder.load(model.config.encoder, corpus=corpus, precision=model.config.precision)
        if model._encoder.weights.fingerprint != head["fingerprint"]:
            raise ValueError(f"{source} was trained with another encoder than the {model._encoder.name} found here")
        model._weights, model._bias = tensors["head.weight"], float(tensors["head.bias"][0])
        model.losses, model.scaling = head["losses"], PlattScaling(**head.get("scaling", {}))
        if model.config.mode != "frozen":
            from causalrec_lab.recommender.text.finetuning import FineTuned

            model._tuned = FineTuned.start(model._encoder, model.config, model._weights, model._bias)
            model._tuned.restore({n[6:]: v for n, v in tensors.items() if n.startswith("tuned.")})
        return model

    def _require_fit(self) -> None:
        if not hasattr(self, "_weights"):
            raise ValueError("this TextClassifier was not fitted; call fit(texts, labels) first, or load a saved one")

    def _probe(self, texts: list[str], y: npt.NDArray[np.int64]) -> tuple[Floats, float]:
        """Logistic regression on the frozen vectors."""
        from sklearn.linear_model import LogisticRegression

        probe = LogisticRegression(C=self.config.regularisation, class_weight=self.config.class_weight, max_iter=1_000)
        probe.fit(self._encoder.embed(texts).astype(np.float64), y)
        return np.asarray(probe.coef_[0], dtype=np.float64), float(probe.intercept_[0])


def _labelled(texts: Iterable[str], labels: Any) -> tuple[list[str], npt.NDArray[np.int64]]:
    listed, y = checked_texts(texts), _both_classes(labels)
    if len(listed) != len(y):
        raise ValueError(f"{len(listed)} texts but {len(y)} labels; one label a text")
    if not any(text.strip() for text in listed):
        raise ValueError(f"none of the {len(listed)} texts has a word; there is nothing to learn from")
    return listed, y


def _both_classes(labels: Any) -> npt.NDArray[np.int64]:
    y = np.asarray(labels)
    bad = ~np.isin(y, (0, 1))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"labels has {int(bad.sum())} values that are neither 0 nor 1, first at row {row}: {y[row]}")
    if len(np.unique(y)) < 2:
        raise ValueError(f"all {len(y)} labels are the same; a classifier needs texts of both classes")
    return y.astype(np.int64)
