"""How much of an estimate hangs on single rows or clusters."""

from __future__ import annotations

import numpy as np

from causalrec_lab.causal.effects.sample import Floats, Integers

__all__ = ["influence_diagnostics", "influence_notes"]

_TOP = 10
_LARGE = 0.30  # one unit with more of the variance than this speaks for everybody


def influence_diagnostics(value: float, influence: Floats, codes: Integers | None = None) -> dict[str, float]:
    r"""What leaving out single units would do, from the influence function alone.

    To first order an estimate without the units in S is :math:`\hat\theta - \frac1n \sum_{i \in S} \psi_i`.

    Parameters
    ----------
    value
        The estimate.
    influence
        (n,) influence values.
    codes
        (n,) cluster codes; units are then clusters, with the sums of their rows.

    Returns
    -------
    `largest_influence_share`: the largest :math:`\psi_i^2 / \sum \psi^2`, one unit's share of the variance.
    `without_top_10`: the estimate without the ten units that push it hardest away from 0.
    `share_to_flip_sign`: the least share of units whose removal turns its sign (Broderick, Giordano and Meager 2020,
    "An automatic finite-sample robustness metric", whose approximation this is); 1 where none does.
    """
    sums = influence if codes is None else np.bincount(codes, weights=influence)
    pushes = np.sort(np.sign(value or 1.0) * sums)[::-1] / len(influence)
    total = float(sums @ sums)
    gained = np.cumsum(np.maximum(pushes, 0.0))
    flips = int(np.searchsorted(gained, abs(value), side="right")) + 1
    return {
        "largest_influence_share": float((sums**2).max() / total) if total > 0 else 0.0,
        "without_top_10": value - float(np.sign(value or 1.0) * gained[:_TOP][-1]),
        "share_to_flip_sign": min(1.0, flips / len(sums)) if gained[-1] > abs(value) else 1.0,
    }


def influence_notes(found: dict[str, float], units: int, word: str = "row") -> tuple[str, ...]:
    """Warn where one of `units` units makes the estimate (few clusters are warned of elsewhere)."""
    share = found["largest_influence_share"]
    if share <= max(_LARGE, 5 / units):
        return ()
    said = (
        f"warning: one {word} makes {share:.0%} of the estimate's variance; without the ten {word}s that push it "
        f"hardest it would be about {found['without_top_10']:.3g}: look at them before anything else"
    )
    return (said,)
