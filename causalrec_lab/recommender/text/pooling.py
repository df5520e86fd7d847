"""From token states to one vector a text: mean, first token, maximum, or the mean of its sentences."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Literal, cast, get_args

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["POOLINGS", "Pooling", "checked_pooling", "pool", "sentences"]

Pooling = Literal["mean", "cls", "max", "sentences"]
POOLINGS: tuple[str, ...] = get_args(Pooling)
_END = re.compile(r"(?<=[.!?…。！？])[\s]+|(?<=[。！？])|\n+")


def pool(states: Tensor, mask: Tensor, pooling: Pooling = "mean") -> Tensor:
    r"""One vector a row, in fp32, scaled to length one; (n, d).

    With token states :math:`s_1..s_m` of the real tokens: "mean" :math:`\frac1m \sum_j s_j`, "cls" :math:`s_1`, "max"
    :math:`\max_j s_j` in each dimension (Reimers & Gurevych 2019, Sentence-BERT, section 3, compare the three).
    "sentences" pools rows as "mean" does: its rows are sentences, see `TextEncoder.embed`.

    Parameters
    ----------
    states
        (n, length, d) token states.
    mask
        (n, length) 1 for a real token.
    pooling
        Which of them.
    """
    import torch

    states, real = states.float(), mask.unsqueeze(-1).bool()
    if pooling == "cls":
        pooled = states[:, 0]
    elif pooling == "max":
        pooled = states.masked_fill(~real, -torch.inf).amax(1).masked_fill(~real.any(1), 0.0)
    else:
        pooled = (states * real).sum(1) / real.sum(1).clamp(min=1)
    return torch.nn.functional.normalize(pooled, dim=-1)


def sentences(text: str) -> list[str]:
    """Sentences of a text: cut after . ! ? with a space, after 。！？, and at line ends; never empty.

    A rule, not a parser: "approx. 3 cm" is cut in two.
    """
    found = [part.strip() for part in _END.split(text)]
    return [part for part in found if part] or [text]


def checked_pooling(pooling: str) -> Pooling:
    """Give the pooling back.

    Raises
    ------
    ValueError
        If there is no such pooling; the nearest is offered.
    """
    if pooling not in POOLINGS:
        near = difflib.get_close_matches(str(pooling), POOLINGS, n=1, cutoff=0.4)
        raise ValueError(
            f"pooling={pooling!r} is unknown{f'; did you mean {near[0]!r}?' if near else '.'} Known: "
            f"{', '.join(map(repr, POOLINGS))}"
        )
    return cast(Pooling, pooling)
