"""Can this encoder read these texts? Tokens it does not know, and texts longer than it takes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["legibility", "warn_of_illegible"]

UNKNOWN_SHARE = 0.1  # of a corpus, above which it is told
_TAKE = 1_000  # texts tokenized at once


def legibility(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> pd.DataFrame:
    """What a tokenizer makes of texts, one row a text.

    Parameters
    ----------
    tokenizer
        Tokenizer of the model that is to read them.
    texts
        (n,) texts.
    max_tokens
        Most tokens the model is given, its start and end marks among them.

    Returns
    -------
    DataFrame with tokens (whole text, start and end marks included), unknown (share of its own tokens that are the
    tokenizer's unknown mark; 0 for a text without words) and cut (True: what stands after `max_tokens` is not read).
    """
    from causalrec_lab.recommender.text.encoder import quiet_transformers

    counts, unknown = np.empty(len(texts), np.int64), np.zeros(len(texts))
    marks = tokenizer.num_special_tokens_to_add()
    with quiet_transformers():  # it warns of every text longer than the model: this table is about that
        for start in range(0, len(texts), _TAKE):
            found = tokenizer(list(texts[start : start + _TAKE]), add_special_tokens=False, truncation=False)
            for row, ids in enumerate(found["input_ids"], start):
                counts[row] = len(ids) + marks
                if ids and tokenizer.unk_token_id is not None:
                    unknown[row] = ids.count(tokenizer.unk_token_id) / len(ids)
    return pd.DataFrame({"tokens": counts, "unknown": unknown, "cut": counts > max_tokens})


def warn_of_illegible(tokenizer: Any, texts: Sequence[str], max_tokens: int, reader: str, *, level: int = 3) -> None:
    """Warn, once a call, of texts the reader's tokenizer does not know, and of texts that are cut.

    A text in a language the model was not trained on is unknown tokens where its characters are missing from the
    vocabulary; where they are there one by one (some Chinese characters in an English vocabulary), they are known
    tokens that mean little to the model. So a low share is no proof that a text is understood.
    """
    table = legibility(tokenizer, texts, max_tokens)
    own = table["tokens"] - tokenizer.num_special_tokens_to_add()
    share = float((table["unknown"] * own).sum() / max(1, int(own.sum())))
    foreign = table["unknown"] > UNKNOWN_SHARE
    if share > UNKNOWN_SHARE:
        first = int(foreign.to_numpy().argmax())
        warnings.warn(
            f"{reader}: {share:.0%} of the tokens of {len(texts):,} texts are unknown to its tokenizer (text {first}: "
            f"{texts[first][:40]!r}); their vectors say little. Take a multilingual encoder (a folder or a hub address)"
            ", or TextEncoder.load('tiny', corpus=texts)",
            stacklevel=level,
        )
    if table["cut"].any():
        warnings.warn(
            f"{reader}: {int(table['cut'].sum()):,} of {len(texts):,} texts are longer than {max_tokens} tokens "
            f"(longest {int(table['tokens'].max()):,}); the rest of them is not read. Raise max_tokens where the model "
            "allows it, or pool by sentences (embed(texts, pooling='sentences'))",
            stacklevel=level,
        )
