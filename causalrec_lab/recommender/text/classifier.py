"""`TextClassifier`: will this text end in a purchase? Frozen encoder, low-rank adapters, or all weights trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from causalrec_lab.recommender.text.classifier_config import ClassifierConfig, Mode
from causalrec_lab.recommender.text.embedding_cache import write_atomically
from causalrec_lab.recommender.text.encoder import TextEncoder, checked_texts
from causalrec_lab.recommender.text.labelled import checked_labelled
from causalrec_lab.recommender.text.linear_reader import LinearReader
from causalrec_lab.recommender.text.thresholds import PlattScaling, cost_threshold

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TextClassifier"]

Floats = npt.NDArray[np.float64]


class TextClassifier:
    r"""Two classes from a text: :math:`P(y \mid \text{text}) = \mathrm{softmax}(W v + b)`, logits of shape (batch, 2).

    One label a text; the class said is `argmax(-1)` over the two logits. With `words`, the text's TF-IDF weights stand
    beside its vector v, each with a penalty of its own (`linear_reader.LinearReader`): an encoder brings what words
    mean elsewhere, counted words what they mean here.

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
    pooling
        From token states to the vector, see `TextEncoder.embed`. "sentences" reads long texts best (each sentence has a
        say of its own) and is for "frozen".
    words
        Read the words, too; for "frozen".
    regularisation
        Inverse strength C of the logistic regression; None: the one of least log loss in a five-fold cross-validation
        of the training texts (with words: two, one for them and one for the vectors), see `cross_validation`.
    precision
        "auto" takes bf16 where the processor multiplies it in hardware.
    seed
        Of batches, dropout and adapters.

    Raises
    ------
    ValueError
        If the mode or pooling is unknown, a number is not positive, or words or sentences are asked for in another mode
        than "frozen".
    """

    def __init__(self, mode: Mode = "frozen", encoder: str = "auto", **settings: Any) -> None:
        self.config = ClassifierConfig(mode=mode, encoder=encoder, **settings)
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

    @property
    def cross_validation(self) -> pd.DataFrame:
        """Log loss on held-out training texts by inverse strength: columns vectors, words, log loss; the best first.

        Raises
        ------
        ValueError
            If the classifier was not fitted.
        """
        self._require_fit()
        return self._reader.tried

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
        listed, y = checked_labelled(texts, labels)
        self.scaling, self.losses = PlattScaling(), []  # those of an earlier fit are of another model
        corpus = listed if self.config.encoder == "tiny" else None
        self._encoder = TextEncoder.load(self.config.encoder, corpus=corpus, precision=self.config.precision)
        self._reader = LinearReader.fit(
            self._embed(listed),
            listed if self.config.words else None,
            y,
            strength=self.config.regularisation,
            class_weight=self.config.class_weight,
            seed=self.config.seed,
        )
        if self.config.mode != "frozen":
            from causalrec_lab.recommender.text.finetuning import FineTuned

            self._tuned = FineTuned.start(self._encoder, self.config, self._reader.weights, self._reader.bias)
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
        listed, y = checked_labelled(texts, labels)
        one = 1 / (1 + np.exp(-self.logits(listed)))
        self.scaling = PlattScaling.fit(y, one)
        return self

    def predict_proba(self, texts: Iterable[str]) -> Floats:
        """(n, 2) probabilities of class 0 and class 1, as calibrated by `calibrate`, if it was called.

        Raises
        ------
        ValueError
            If the classifier was not fitted.
        """
        one = 1 / (1 + np.exp(-self.logits(texts)))
        found = np.column_stack([1 - one, one])
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

    @property
    def has_gradients(self) -> bool:
        """Whether its logit is a function of one row of token states: not with words, not by sentences."""
        return not self.config.words and self.config.pooling != "sentences"

    def differentiable(self) -> tuple[Any, Any, Callable[[Any, Any], Any], int]:
        """Tokenizer, model, function of (token states, mask) to the logit of class 1, most tokens: for gradients.

        Raises
        ------
        ValueError
            If the classifier was not fitted, reads words, or pools by sentences.
        """
        import torch

        from causalrec_lab.recommender.text.pooling import pool

        self._require_fit()
        if not self.has_gradients:
            raise ValueError(
                "a classifier with words=True or pooling='sentences' is no function of one row of token states; take "
                "method='occlusion'"
            )
        if self._tuned is not None:
            tuned = self._tuned
            contrast = torch.tensor([-1.0, 1.0])
            return (
                tuned.tokenizer,
                tuned.backbone,
                lambda s, m: tuned.head(pool(s, m, self.config.pooling)) @ contrast,
                tuned.config.max_tokens,
            )
        tokenizer, model = self._encoder.backbone()
        weights, bias, pooling = torch.from_numpy(self._reader.weights).float(), self._reader.bias, self.config.pooling
        return tokenizer, model, lambda s, m: pool(s, m, pooling) @ weights + bias, self._encoder.max_tokens

    def logits(self, texts: Iterable[str]) -> Floats:
        """(n,) log odds of class 1 before calibration.

        Raises
        ------
        ValueError
            If the classifier was not fitted.
        """
        self._require_fit()
        listed = checked_texts(texts)
        if self._tuned is None:
            return self._reader.logits(self._embed(listed), listed)
        both = np.asarray(self._tuned.logits(listed), dtype=np.float64)
        return np.asarray(both[:, 1] - both[:, 0])

    def save(self, folder: Path | str) -> Path:
        """Write classifier.json and classifier.safetensors: the head and whatever was trained, not the encoder."""
        from safetensors.numpy import save

        self._require_fit()
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        tensors = self._reader.tensors()
        if self._tuned is not None:
            tensors |= {f"tuned.{name}": value for name, value in self._tuned.state().items()}
        head: dict[str, Any] = {
            "config": asdict(self.config),
            "fingerprint": self._encoder.weights.fingerprint,
            "losses": self.losses,
        }
        head |= {"scaling": asdict(self.scaling), "vocabulary": self._reader.vocabulary}
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
        model._reader = LinearReader.restored(tensors, head.get("vocabulary"))
        model.losses, model.scaling = head["losses"], PlattScaling(**head.get("scaling", {}))
        if model.config.mode != "frozen":
            from causalrec_lab.recommender.text.finetuning import FineTuned

            model._tuned = FineTuned.start(model._encoder, model.config, model._reader.weights, model._reader.bias)
            model._tuned.restore({n[6:]: v for n, v in tensors.items() if n.startswith("tuned.")})
        return model

    def _require_fit(self) -> None:
        if not hasattr(self, "_reader"):
            raise ValueError("this TextClassifier was not fitted; call fit(texts, labels) first, or load a saved one")

    def _embed(self, texts: list[str]) -> Floats:
        return self._encoder.embed(texts, pooling=self.config.pooling).astype(np.float64)
