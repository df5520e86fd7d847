"""What can be wrong with an off-policy value: actions no log holds, few or false weights, rewards in a tail."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.ope.balance import mean_weight, weight_balance
from causalrec_lab.intervention.ope.estimators import Fitted
from causalrec_lab.intervention.ope.inverse_sums import inverse_sums
from causalrec_lab.intervention.ope.loggers import Rounds
from causalrec_lab.intervention.ope.supporting import support
from causalrec_lab.intervention.ope.tuning import bias_of

__all__ = ["assumptions", "diagnose", "few_clusters", "interval_words", "remarks"]

_SMALL_SAMPLE = 100.0  # effective rounds below which a normal interval is not to be trusted
_FEW_CLUSTERS = 20
_HEAVY = 0.05
_TAIL = 0.2
_WRONG = 4.0  # standard errors by which the mean weight may miss 1
_BIASED = ("clipped", "dm", "switch", "dros", "mips")


def diagnose(
    method: str,
    rounds: Rounds,
    found: Fitted,
    model: npt.NDArray[np.generic] | None,
    codes: npt.NDArray[np.int64] | None = None,
) -> dict[str, float]:
    """Named figures on support, weights, propensities and bias."""
    plain = found.rewards.weights if method == "mips" else rounds.weights
    figures = support(rounds, plain, found.labels, model)
    if found.parameter is not None:
        figures["parameter"] = found.number
    if found.tuning is not None:
        tried = found.tuning.table["parameter"]
        figures |= {"candidates": len(tried), "candidates_low": tried.min(), "candidates_high": tried.max()}
    if plain is None:
        return figures
    assert rounds.propensity is not None
    figures |= _weights(plain if method == "dm" else found.rewards.weights)
    figures |= mean_weight(plain, 1 - figures["unsupported_mass"])
    figures |= inverse_sums(rounds.log, rounds.propensity, rounds.logging).worst
    if method != "mips":
        figures |= weight_balance(rounds.log, rounds.target, plain)
    if method in _BIASED and found.plain is not None:
        figures["bias"], figures["bias_bound"] = bias_of(found.rewards, found.plain, codes, rounds.strata)
    terms = np.abs(found.rewards.weights * found.rewards.residual)
    figures["max_round_share"] = float(terms.max() / terms.sum()) if terms.any() else 0.0
    return figures


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
    where = f" ({found['actions_never_logged']:.0f} of them)" if found["actions_never_logged"] else " in that context"
    said = (
        f"warning: {found['unsupported_mass']:.1%} of the policy's choices are actions the log never took{where}; no "
        f"log can value those: {stake}; explore first, or restrict the policy"
    )
    return [said]


def _chance(z: float) -> str:
    return f"{z:+.1f} standard errors" if abs(z) < 100 else "far beyond chance"


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
            "tail, or few rounds earn at all; the interval is too short: more rounds, or a reward that is capped"
        )
    if abs(found["propensity_check_z"]) > _WRONG:
        notes.append(
            f"warning: weights average {found['mean_weight']:.3g} where right propensities give "
            f"{1 - found['unsupported_mass']:.3g} ({_chance(found['propensity_check_z'])}); the "
            "propensities are not those of the logging policy, or in some contexts the log takes what the policy wants "
            "never, or too rarely for its length: see check_propensities, or pass logging="
        )
    elif found["action_check_alarms"] > 0:
        notes.append(
            f"warning: the propensities of {found['action_check_alarms']:.0f} actions do not fit how often they were "
            f"logged (action {found['action_check_worst']:.0f}: a factor of {found['action_check_factor']:.3g}); see "
            "check_propensities"
        )
    elif found.get("balance_alarms", 0) > 0 and not found["unsupported_mass"] > 0:
        notes.append(
            f"warning: the weights of {found['balance_alarms']:.0f} actions do not add up to what the policy wants of "
            f"them (action {found['balance_worst']:.0f}: to {found['balance_ratio']:.3g} of it); their propensities "
            "are wrong, or the log hardly takes them in some contexts where the policy does: see check_propensities"
        )
    return notes


def interval_words(
    sure: bool, interval: str, codes: npt.NDArray[np.int64] | None, found: Mapping[str, float]
) -> list[str]:
    """What must be said of an interval that looks surer than it is."""
    said = []
    if sure:
        fewest = 3 / max(found.get("effective_sample_size", 0.0), 3.0)
        said.append(
            "warning: no round differs from another in what it says, so the standard error is 0; that is ignorance, "
            f"not certainty: what happens in fewer than about {fewest:.2g} of such rounds may not have happened yet"
        )
    return [*said, *few_clusters(codes, interval)]


def few_clusters(codes: npt.NDArray[np.int64] | None, interval: str = "normal") -> list[str]:
    """What must be said where few clusters carry the standard error."""
    if codes is None or (clusters := int(codes.max()) + 1) >= _FEW_CLUSTERS:
        return []
    cure = "use interval='normal', by Student's t" if interval == "bootstrap" else "its interval is by Student's t"
    said = f"warning: the standard error rests on {clusters} clusters, too few (under {_FEW_CLUSTERS}) to know it well"
    return [f"{said}; {cure}"]


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
