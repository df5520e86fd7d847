"""Which words a text classifier's answer rests on: integrated gradients, or leaving words out.

An attribution explains the model, not the world: a word that moves the prediction need not move a buyer.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.text.encoder import checked_texts

if TYPE_CHECKING:
    from torch import Tensor

    from causalrec_lab.recommender.text.classifier import TextClassifier

__all__ = ["attribution_html", "word_attributions"]

Floats = npt.NDArray[np.float64]


def word_attributions(
    classifier: TextClassifier,
    text: str,
    *,
    method: Literal["integrated_gradients", "occlusion"] | None = None,
    steps: int = 64,
) -> pd.DataFrame:
    r"""What each word adds to the logit of class 1, :math:`z = \log p_1 - \log p_0` before calibration.

    "integrated_gradients" (Sundararajan et al. 2017, equation 1): with token embeddings x and the baseline x' that has
    the padding token in place of every word,

    .. math:: A_j = (x_j - x'_j) \cdot \int_0^1 \nabla_{x_j} z\bigl(x' + \alpha (x - x')\bigr)\, d\alpha,
        \qquad \sum_j A_j = z(x) - z(x') \text{ (completeness)}

    by Gauss-Legendre quadrature (captum), summed over a word's pieces. "occlusion": z minus z with the word replaced by
    the unknown token; such differences do not add up. A classifier that counts words or pools by sentences has no
    gradients to integrate: there occlusion takes the word out of the text.

    Parameters
    ----------
    classifier
        Fitted.
    text
        One text; what is cut has no row.
    method
        Which of the two; None: integrated gradients where the classifier has them, else occlusion.
    steps
        Points of the quadrature.

    Returns
    -------
    DataFrame, one row a word in reading order: word, attribution, start, end (places in the text). In `attrs`: text,
    logit, baseline (its logit; occlusion: the text's own), gap (logit - baseline - sum of attributions).

    Raises
    ------
    TypeError
        If the text is not a string.
    ValueError
        If the classifier was not fitted, the method is unknown, or the tokenizer cannot tell places in the text.
    """
    method = method or ("integrated_gradients" if classifier.has_gradients else "occlusion")
    if method not in ("integrated_gradients", "occlusion"):
        raise ValueError(f"method={method!r} is unknown; give 'integrated_gradients' or 'occlusion'")
    (text,) = checked_texts([text])
    if method == "occlusion" and not classifier.has_gradients:
        return _without_each_word(classifier, text)
    reader = _Reader(classifier, text)
    if method == "occlusion":
        tokens, logit, baseline = reader.occluded()
    else:
        tokens, logit, baseline = reader.integrated(steps)
    table = reader.words(tokens)
    gap = logit - baseline - float(table["attribution"].sum())
    table.attrs = {"text": text, "method": method, "logit": logit, "baseline": baseline, "gap": gap}
    return table


def _without_each_word(classifier: TextClassifier, text: str) -> pd.DataFrame:
    """Occlusion in the text itself: the logit minus that of the text without the word."""
    places = [found.span() for found in re.finditer(r"\w+(?:'\w+)*", text)]
    logits = classifier.logits([text, *(text[:start] + text[end:] for start, end in places)])
    table = pd.DataFrame(
        {
            "word": [text[start:end] for start, end in places],
            "attribution": logits[0] - logits[1:],
            "start": [start for start, _ in places],
            "end": [end for _, end in places],
        }
    ).astype({"attribution": float, "start": int, "end": int})
    gap = -float(table["attribution"].sum())
    logit = float(logits[0])
    table.attrs = {"text": text, "method": "occlusion", "logit": logit, "baseline": logit, "gap": gap}
    return table


def attribution_html(table: pd.DataFrame) -> str:
    """The text with its words on orange (against class 1) or blue (for it), the stronger the deeper; safe to show.

    Every word carries its figure as a title. The text is escaped.
    """
    text, most = str(table.attrs["text"]), float(table["attribution"].abs().max()) if len(table) else 0.0
    parts, place = [], 0
    for row in table.itertuples():
        start, end, value = int(str(row.start)), int(str(row.end)), float(str(row.attribution))
        depth, colour = (abs(value) / most if most else 0.0), "0,114,178" if value >= 0 else "213,94,0"
        parts.append(html.escape(text[place:start]))
        parts.append(
            f'<span style="background-color:rgba({colour},{0.7 * depth:.2f})" title="{value:+.3f}">'
            f"{html.escape(text[start:end])}</span>"
        )
        place = end
    parts.append(html.escape(text[place:]))
    figures = f"logit {table.attrs['logit']:+.2f}, of an empty text {table.attrs['baseline']:+.2f}"
    told = f"<small>{figures}</small>" if table.attrs["method"] == "integrated_gradients" else ""
    return f'<p class="word-attributions" style="line-height:1.9">{"".join(parts)}</p>{told}'


class _Reader:
    """One text in front of one classifier, in fp32."""

    def __init__(self, classifier: TextClassifier, text: str) -> None:
        import torch

        self.tokenizer, self.model, self.head, limit = classifier.differentiable()
        if not self.tokenizer.is_fast:
            raise ValueError("this encoder's tokenizer cannot tell where its tokens stand in the text; take a fast one")
        found = self.tokenizer(text, truncation=True, max_length=limit, return_offsets_mapping=True)
        self.text = text
        self.ids = torch.tensor([found["input_ids"]])
        self.offsets: list[tuple[int, int]] = found["offset_mapping"]
        self.of_word: list[int | None] = found.word_ids()

    def logit(self, embedded: Tensor) -> Tensor:
        """(n,) z of embedded tokens (n, length, d)."""
        import torch

        mask = torch.ones(embedded.shape[:2], dtype=torch.long)
        states = self.model(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        out: Tensor = self.head(states, mask)
        return out

    def integrated(self, steps: int) -> tuple[Floats, float, float]:
        """Attribution of each token, z of the text, z of the baseline."""
        import torch
        from captum.attr import IntegratedGradients

        embed, base = self.model.get_input_embeddings(), self.ids.clone()
        padding = self.tokenizer.pad_token_id or 0
        for place, word in enumerate(self.of_word):
            if word is not None:
                base[0, place] = padding
        with torch.no_grad():
            here, there = embed(self.ids), embed(base)
            logit, baseline = float(self.logit(here)), float(self.logit(there))
        method: Any = IntegratedGradients(self.logit)
        found = method.attribute(here, there, n_steps=steps, method="gausslegendre", internal_batch_size=32)
        return found.sum(-1)[0].detach().numpy().astype(np.float64), logit, baseline

    def occluded(self) -> tuple[Floats, float, float]:
        """As `integrated`: each word's difference stands at its first token."""
        import torch

        words = [word for word in dict.fromkeys(self.of_word) if word is not None]
        unknown = self.tokenizer.unk_token_id
        if unknown is None:
            raise ValueError("this tokenizer has no unknown token to put in place of a word; take integrated_gradients")
        tokens, where = np.zeros(len(self.of_word)), np.array([-1 if w is None else w for w in self.of_word])
        with torch.no_grad():
            embed = self.model.get_input_embeddings()
            logit = float(self.logit(embed(self.ids)))
            for word in words:
                without = self.ids.clone()
                without[0, where == word] = unknown
                tokens[int((where == word).argmax())] = logit - float(self.logit(embed(without)))
        return tokens, logit, logit

    def words(self, tokens: Floats) -> pd.DataFrame:
        """Tokens added up to words; what the marks at both ends carry (almost nothing) is no word's."""
        rows: dict[int, list[float]] = {}
        for value, word, (start, end) in zip(tokens, self.of_word, self.offsets, strict=True):
            if word is None:
                continue
            if word not in rows:
                rows[word] = [0.0, start, end]
            rows[word][0] += float(value)
            rows[word][2] = end
        table = pd.DataFrame(
            {
                "word": [self.text[int(start) : int(end)] for _, start, end in rows.values()],
                "attribution": [value for value, _, _ in rows.values()],
                "start": [int(start) for _, start, _ in rows.values()],
                "end": [int(end) for _, _, end in rows.values()],
            }
        )
        return table.astype({"attribution": float, "start": int, "end": int})
