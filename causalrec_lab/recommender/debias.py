r"""Losses that undo selection: what a model loses on all pairs, estimated from the pairs that were seen.

A log holds ratings where users chose to look. With :math:`o \in \{0, 1\}` telling which pairs were seen, :math:`p` the
chance of being seen and :math:`\delta` the loss of a pair, the mean of :math:`\delta` over seen pairs is not the mean
over all pairs; these are, if the propensities are right (doubly robust: or the imputed losses are).

Arguments are arrays or tensors of one shape: what arithmetic applies to, these losses apply to, gradients included.
What a pair not seen has as its loss and propensity (NaN, 0) is not read.
The propensities close the back door only as far as they know what moved exposure: with a hidden confounder none of
these helps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["checked_propensities", "doubly_robust", "ips", "naive", "snips", "weights"]


def naive(loss: Any, observed: Any) -> Any:
    r"""Mean over seen pairs, :math:`\sum o\,\delta / \sum o`: biased unless pairs were seen at random."""
    return (_seen(loss, observed) * observed).sum() / observed.sum()


def ips(loss: Any, observed: Any, propensity: Any) -> Any:
    r"""Inverse propensity scoring, :math:`\frac1N \sum o\,\delta / p` (Schnabel et al. 2016, equation 10).

    Raises
    ------
    ValueError
        If a propensity of a seen pair is not in (0, 1].
    """
    checked_propensities(propensity, observed)
    return (_seen(loss, observed) * observed / _seen(propensity, observed)).sum() / _count(observed)


def snips(loss: Any, observed: Any, propensity: Any) -> Any:
    r"""Self-normalised, :math:`\sum o\,\delta / p \,/ \sum o / p` (Swaminathan & Joachims 2015, section 4).

    Slightly biased, less variable: weights that add up to too much or too little cancel.
    """
    checked_propensities(propensity, observed)
    p = _seen(propensity, observed)
    return (_seen(loss, observed) * observed / p).sum() / (observed / p).sum()


def doubly_robust(loss: Any, observed: Any, propensity: Any, imputed: Any) -> Any:
    r"""Doubly robust, :math:`\frac1N \sum [\hat\delta + o\,(\delta - \hat\delta) / p]` (Wang et al. 2019, equation 5).

    Right in expectation if either the propensities or the imputed losses :math:`\hat\delta` are.

    Parameters
    ----------
    loss
        Losses; those of pairs not seen do not count.
    observed
        1 where seen.
    propensity
        Chance of being seen.
    imputed
        What the loss of each pair is thought to be, for all pairs.
    """
    checked_propensities(propensity, observed)
    gap = _seen(loss, observed) - imputed
    return (imputed + observed * gap / _seen(propensity, observed)).sum() / _count(observed)


def weights(propensity: Any, *, clip: float = 0.0, normalised: bool = True) -> Any:
    r"""Weights :math:`1 / \max(p, \text{clip})` of seen rows; divided by their mean if `normalised`.

    As a column of the events they turn any weighted loss into IPS or, normalised, SNIPS:
    `RecommenderConfig(weight=...)`.

    Raises
    ------
    ValueError
        If a propensity is not in (0, 1], or `clip` not in [0, 1].
    """
    if not 0 <= clip <= 1:
        raise ValueError(f"clip={clip}: give a propensity in [0, 1] below which none is taken")
    checked = np.asarray(checked_propensities(propensity), dtype=np.float64)
    inverse = 1 / np.maximum(checked, clip)
    return inverse / inverse.mean() if normalised else inverse


def checked_propensities(propensity: Any, observed: Any = None) -> Any:
    """Give the propensities back if those that count lie in (0, 1], else name the first that does not.

    Raises
    ------
    ValueError
        With row and value.
    """
    values = np.asarray(propensity.detach() if hasattr(propensity, "detach") else propensity)
    counts = np.ones(values.shape, bool)
    if observed is not None:
        counts = np.broadcast_to(np.asarray(observed) > 0, values.shape)
    bad = counts & ~((values > 0) & (values <= 1))
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        where = place[0] if len(place) == 1 else place
        raise ValueError(
            f"propensity has {int(bad.sum())} values outside (0, 1], first at row {where}: {values[place]}; a pair "
            "that could not be seen has no counterpart in the log: leave it out, and say so"
        )
    return propensity


def _seen(values: Any, observed: Any) -> Any:
    """`values` where observed and 1 elsewhere: 0 times NaN, and 0 / 0, would be NaN."""
    if hasattr(values, "masked_fill"):
        import torch

        return torch.where(torch.as_tensor(observed, device=values.device) > 0, values, 1.0)
    return np.where(np.asarray(observed) > 0, values, 1.0)


def _count(observed: Any) -> int:
    return int(np.prod(np.shape(observed)))
