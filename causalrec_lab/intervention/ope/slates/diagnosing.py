"""What an estimate from lists rests on: effective sample size, support, propensities, and the click model assumed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.ope.slates.log import SlateLog
from causalrec_lab.world.lists.rankings import propensities_given_above

__all__ = ["ASSUMPTIONS", "diagnosed", "notes_on"]

Floats = npt.NDArray[np.float64]
_SMALL_SAMPLE = 100.0  # effective lists below which a normal interval is not to be trusted
_HEAVY = 0.05
_WRONG = 4.0  # standard errors by which a mean weight may miss 1
_APART = 1e-4  # relative difference of a logged propensity from the logging policy's

_SHARED = (
    "lists are drawn alike and past ones do not change future rewards",
    "the policy shows only what the log could show",
    "both policies draw lists without replacement from their probabilities",
)
_CLICKS = {
    "standard": "nothing of clicks: a slot's reward may hang on the whole list",
    "independent": "a slot's reward hangs on its own item and position alone (position-based model)",
    "reward_interaction": "a slot's reward hangs on its own item and those above it (cascade)",
    "cascade_dr": "a slot's reward hangs on its own item and those above it (cascade)",
    "pseudoinverse": "the list's expected reward is a sum of one term a slot, each of its own item and position",
}
_BIASED = {
    "independent": "items above change what is clicked below",
    "pseudoinverse": "the list's expected reward is no sum over its slots",
}
ASSUMPTIONS = {
    method: (words, *_SHARED, "propensities are those of the logging policy") for method, words in _CLICKS.items()
}


def diagnosed(
    log: SlateLog, target: Floats, logging: Floats | None, weights: Floats, shown: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """Figures of the column of weights that is worst: smallest effective sample, farthest mean from 1."""
    seen = np.zeros(log.n_actions, dtype=bool)
    seen[log.action[log.shown]] = True
    possible = seen if logging is None else logging > 0
    found = {"unsupported_mass": float(np.where(possible, 0.0, target).sum(axis=1).mean())}
    found["items_never_logged"] = float((~seen).sum())
    kept = np.where(shown, weights, 0.0)
    counts, total, square = shown.sum(axis=0), kept.sum(axis=0), (kept**2).sum(axis=0)
    effective = np.divide(total**2, square, out=np.zeros_like(total), where=square > 0)
    largest = np.abs(kept).max(axis=0)
    found["effective_sample_size"] = float(effective.min())
    found["max_weight"] = float(largest.max())
    found["max_weight_share"] = float(np.divide(largest, total, out=np.ones_like(total), where=total > 0).max())
    mean = total / counts
    spread = np.sqrt(np.maximum(square / counts - mean**2, 0.0) / counts)
    z = np.divide(mean - 1.0, spread, out=np.zeros_like(mean), where=spread > 1e-12 * np.maximum(mean, 1.0))
    off = ~(spread > 1e-12 * np.maximum(mean, 1.0)) & (np.abs(mean - 1.0) > 1e-6)
    z[off] = np.sign(mean[off] - 1.0) * 100.0  # equal weights that are not 1
    worst = int(np.argmax(np.abs(z)))
    return found | {"mean_weight": float(mean[worst]), "propensity_check_z": float(z[worst])}


def notes_on(log: SlateLog, logging: Floats | None, method: str, found: dict[str, float]) -> tuple[str, ...]:
    """What a reader must know, in words."""
    notes = []
    if found["unsupported_mass"] > 0:
        notes.append(
            f"warning: {found['unsupported_mass']:.1%} of the policy's first choices are items the log never showed; "
            "no log can value those: explore first, or restrict the policy"
        )
    if found["effective_sample_size"] < _SMALL_SAMPLE or found["max_weight_share"] > _HEAVY:
        notes.append(
            f"warning: the effective sample size is {found['effective_sample_size']:.0f} lists and one list carries "
            f"{found['max_weight_share']:.1%} of the weight; the interval is too short: evaluate a policy nearer to "
            "the logging one, shorter lists, or a method that assumes more of clicks"
        )
    if abs(found["propensity_check_z"]) > _WRONG and found["unsupported_mass"] == 0:
        notes.append(
            f"warning: weights average {found['mean_weight']:.3g} where right propensities give 1 "
            f"({found['propensity_check_z']:+.1f} standard errors); the propensities are not those of the logging "
            "policy"
        )
    if method in _BIASED:
        notes.append(f"where {_BIASED[method]}, this is biased and its interval does not say so")
    return (*notes, *_disagreement(log, logging))


def _disagreement(log: SlateLog, logging: Floats | None) -> list[str]:
    """The logged propensities beside the logging policy's, where both are there."""
    if logging is None or log.propensity is None:
        return []
    expected = propensities_given_above(logging, log.action)
    apart = np.abs(log.propensity / expected - 1.0) > _APART
    if not apart.any():
        return []
    row, position = np.argwhere(apart)[0]
    logged, right = log.propensity[row, position], expected[row, position]
    words = f"{apart[log.shown].mean():.1%} of the logged propensities are not those of logging="
    return [f"warning: {words}, first in list {row} at position {position}: {logged:.4g} beside {right:.4g}"]
