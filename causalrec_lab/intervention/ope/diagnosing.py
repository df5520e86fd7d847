"""What can be wrong with an off-policy value: actions no log holds, few or false weights, rewards in a tail."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.ope.estimators import Fitted
from causalrec_lab.intervention.ope.inverse_sums import inverse_sums
from causalrec_lab.intervention.ope.loggers import Rounds
from causalrec_lab.intervention.ope.tuning import bias_of

__all__ = ["assumptions", "diagnose", "remarks"]

_SMALL_SAMPLE = 100.0  # effective rounds below which a normal interval is not to be trusted
_HEAVY = 0.05
_TAIL = 0.2
_WRONG = 4.0  # standard errors by which the mean weight may miss 1
_BIASED = ("clipped", "dm", "switch", "dros", "mips")


def diagnose(method: str, rounds: Rounds, found: Fitted, model: npt.NDArray[np.generic] | None) -> dict[str, float]:
    """Named figures on support, weights, propensities and bias."""
    figures = _support(rounds, found, model)
    if found.parameter is not None:
        figures["parameter"] = found.number
    if found.tuning is not None:
        tried = found.tuning.table["parameter"]
        figures |= {"candidates": len(tried), "candidates_low": tried.min(), "candidates_high": tried.max()}
    plain = rounds.weights
    if plain is None:
        return figures
    figures |= _weights(plain if method == "dm" else found.rewards.weights)
    spread, figures["mean_weight"] = float(plain.std()), float(plain.mean())
    missed = figures["mean_weight"] - (1 - figures["unsupported_mass"])
    figures["propensity_check_z"] = missed / (spread / math.sqrt(len(plain))) if spread > 0 else 0.0
    assert rounds.propensity is not None
    figures |= inverse_sums(rounds.log, rounds.propensity, rounds.logging).worst
    if method in _BIASED and found.plain is not None:
        figures["bias"], figures["bias_bound"] = bias_of(found.rewards, found.plain, rounds.strata)
    terms = np.abs(found.rewards.weights * found.rewards.residual)
    figures["max_round_share"] = float(terms.max() / terms.sum()) if terms.any() else 0.0
    return figures


def _support(rounds: Rounds, found: Fitted, model: npt.NDArray[np.generic] | None) -> dict[str, float]:
    """What the policy wants and the log never took, and the share of its reward that hangs on it."""
    log, target = rounds.log, rounds.target
    unseen = np.bincount(log.action, minlength=log.n_actions) == 0
    lost = {"unsupported_mass": 0.0, "actions_never_logged": float(unseen.sum()), "reward_at_stake": 0.0}
    if found.labels is not None:  # an action never logged is valued by those of its cluster
        unseen = (np.bincount(found.labels[log.action], minlength=int(found.labels.max()) + 1) == 0)[found.labels]
    if not unseen.any():
        return lost
    mass = target[:, unseen].sum(axis=1, dtype=np.float64)
    lost["unsupported_mass"] = float(mass.mean())
    if rounds.weights is None and model is None:
        return lost
    if model is not None:
        part = float(np.einsum("ij,ij->", target[:, unseen], np.abs(model[:, unseen])))
        whole = float(np.einsum("ij,ij->", target, np.abs(model)))
        return lost | {"reward_at_stake": part / whole if whole > 0 else 0.0}
    assert rounds.weights is not None
    most = lost["unsupported_mass"] * float(np.abs(log.reward).max())
    rest = float((rounds.weights * np.abs(log.reward)).mean())
    return lost | {
        "reward_at_stake": most / (most + rest) if most + rest > 0 else 0.0,
        "value_if_worst": float((rounds.weights * log.reward).mean()) + lost["unsupported_mass"] * log.reward.min(),
        "value_if_best": float((rounds.weights * log.reward).mean()) + lost["unsupported_mass"] * log.reward.max(),
    }


def _weights(weights: npt.NDArray[np.float64]) -> dict[str, float]:
    total = float(weights.sum())
    return {
        "effective_sample_size": total**2 / float(weights @ weights) if total > 0 else 0.0,
        "max_weight": float(weights.max()),
        "max_weight_share": float(weights.max() / total) if total > 0 else 1.0,
    }


def remarks(method: str, rounds: Rounds, found: Fitted, figures: Mapping[str, float]) -> list[str]:
    """Warnings and remarks in plain words."""
    said = [] if found.tuning is None else [found.tuning.sentence]
    said += [*found.words, *_bias_words(method, figures), *_support_words(figures)]
    if method != "dm":
        said += _weight_words(figures)
    if np.bincount(rounds.log.action).max() < 5 and rounds.log.n_actions > 20:
        said.append(
            "warning: no action was logged five times; if actions are numbers (a price, a dose), cut them into a few "
            "bins (pandas.cut) or estimate their effect by effects.dml; if they are items, cluster them: method='mips'"
        )
    return [*said, *rounds.words]


def _bias_words(method: str, found: Mapping[str, float]) -> list[str]:
    if method not in _BIASED:
        return []
    why = {
        "dm": "dm is biased by whatever the reward model gets wrong; its interval is that of the model's mean "
        "prediction, not of the policy's value",
        "mips": "mips is biased by what actions earn beyond their cluster (direct effects)",
    }.get(method, f"{method} is biased by the weight it takes away")
    if "bias_bound" not in found:
        return [why]
    size = f"estimated at {found['bias']:+.3g}, at most {found['bias_bound']:.3g} in size (95 %)"
    return [f"{why}; the bias is {size}, and is not in the interval"]


def _support_words(found: Mapping[str, float]) -> list[str]:
    if not found["unsupported_mass"] > 0:
        return []
    stake = f"by the reward model {found['reward_at_stake']:.1%} of its reward hangs on them"
    if "value_if_best" in found:
        stake = (
            f"up to {found['reward_at_stake']:.1%} of its reward hangs on them, and by rewards of the size logged its "
            f"value may lie anywhere from {found['value_if_worst']:.3g} to {found['value_if_best']:.3g}"
        )
    said = (
        f"warning: {found['unsupported_mass']:.1%} of the policy's choices are actions the log never took "
        f"({found['actions_never_logged']:.0f} of them); no log can value those: {stake}; explore first, or restrict "
        "the policy"
    )
    return [said]


def _weight_words(found: Mapping[str, float]) -> list[str]:
    notes = []
    if found["effective_sample_size"] < _SMALL_SAMPLE or found["max_weight_share"] > _HEAVY:
        notes.append(
            f"warning: the effective sample size is {found['effective_sample_size']:.0f} rounds and one round carries "
            f"{found['max_weight_share']:.1%} of the weight; the interval is too short: evaluate a policy nearer "
            "to the logging one"
        )
    elif found["max_round_share"] > _TAIL:
        notes.append(
            f"warning: one round carries {found['max_round_share']:.1%} of all reward counted: rewards have a heavy "
            "tail; the interval is too short: use interval='bootstrap', or a reward that is capped"
        )
    if abs(found["propensity_check_z"]) > _WRONG:
        notes.append(
            f"warning: weights average {found['mean_weight']:.3g} where right propensities give "
            f"{1 - found['unsupported_mass']:.3g} ({found['propensity_check_z']:+.1f} standard errors); the "
            "propensities are not those of the logging policy, or in some contexts the log takes no action the policy "
            "wants: see check_propensities"
        )
    elif found["action_check_alarms"] > 0:
        notes.append(
            f"warning: the propensities of {found['action_check_alarms']:.0f} actions do not fit how often they were "
            f"logged (action {found['action_check_worst']:.0f}: a factor of {found['action_check_factor']:.3g}); see "
            "check_propensities"
        )
    return notes


def assumptions(method: str) -> tuple[str, ...]:
    """What must hold for the interval to mean what it says."""
    shared: tuple[str, ...] = (
        "rounds are drawn alike and past choices do not change future rewards",
        "the policy wants only what the log took",
    )
    if method == "dm":
        return (*shared, "the reward model is right")
    if method == "mips":
        shared = (*shared, "actions of a cluster earn alike")
    return (*shared, "propensities are those of the logging policy")
