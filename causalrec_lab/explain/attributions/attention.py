r"""Attention weights of the recommender, and their rollout over the blocks.

Heads are averaged, the skip connection counts for half, and blocks are multiplied,

.. math:: R_b = \left(\tfrac12 A_b + \tfrac12 I\right) R_{b-1}, \qquad R_0 = I

(Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", ACL, section 3). The row of the last position tells
how it is mixed from the history. Attention is no explanation (Jain & Wallace 2019, "Attention is not Explanation",
NAACL): it leaves out what is done with the values it mixes, and has no sign. In a recommender it also does not know of
the item: it makes the user's state, and all items are scored from the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from causalrec_lab.recommender.catalogue.histories import Histories
    from causalrec_lab.recommender.sequence.transformer import TransformerRecommender

__all__ = ["attention_rollout", "attention_weights"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def attention_weights(model: TransformerRecommender, history: Histories) -> tuple[Floats, Ints]:
    """Attention of every block over one user's history.

    Parameters
    ----------
    model
        Fitted.
    history
        Of one user, as `model.read` or `model.histories.take` gives it.

    Returns
    -------
    (blocks, heads, length, length) weights, rows sum to 1, and (length,) numbers of the items at these places; 0 is the
    start of the history, or the hidden place a two-sided model fills in.

    Raises
    ------
    ValueError
        If the history is not of one user.
    """
    if len(history.users) != 1:
        raise ValueError(f"the history holds {len(history.users)} users; give one")
    import torch

    from causalrec_lab.recommender.catalogue.histories import last_windows

    read = next(iter(last_windows(history, model.config.length, model.config.tokens)))
    batch = read if model.config.direction == "causal" else read.hidden_end()
    end = int(batch.ends[0])
    parts = (batch.inputs, batch.input_outcomes, batch.input_gaps)
    network = model.network.eval()
    items, outcomes, gaps = (None if p is None else torch.from_numpy(p[:, : end + 1]).to(network.device) for p in parts)
    found: list[Floats] = []
    hooks = [
        block.register_forward_pre_hook(lambda block, given: found.append(_shares(block, *given)))
        for block in network.blocks
    ]
    try:
        with torch.no_grad():
            vectors = network.item_vectors(model._content)
            network(items, vectors, outcomes, gaps, last=torch.tensor([end], device=network.device))
    finally:
        for hook in hooks:
            hook.remove()
    return np.stack(found), np.asarray(batch.inputs[0, : end + 1])


def attention_rollout(weights: Floats) -> Floats:
    """(length, length) share of each place in each state after all blocks, from (blocks, heads, length, length)."""
    length = weights.shape[-1]
    rolled = np.eye(length)
    for block in weights.mean(axis=1):
        rolled = 0.5 * (block + np.eye(length)) @ rolled
    return np.asarray(rolled)


def _shares(block: Any, x: Any, rotation: tuple[Any, Any], visible: Any = None, _ends: Any = None) -> Floats:
    """(heads, length, length) attention of a block on its input x."""
    import torch

    from causalrec_lab.recommender.sequence.network import rotate

    _, length, dim = x.shape
    both = block.query_key_value(block.before_attention(x)).split((2 * dim, dim), dim=-1)[0]
    both = rotate(both.reshape(1, length, 2 * block.heads, -1), rotation)
    query, key = (part.transpose(1, 2) for part in both.chunk(2, dim=2))
    match = (query @ key.transpose(-1, -2)) * query.shape[-1] ** -0.5
    seen = torch.ones(length, length, dtype=torch.bool, device=x.device).tril() if visible is None else visible[0, 0]
    share: Floats = match.masked_fill(~seen, float("-inf")).softmax(-1)[0].cpu().numpy().astype(np.float64)
    return share
