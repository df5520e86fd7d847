r"""A check of propensities that needs nothing but the log: what the logging policy chose must average to one.

For every action, :math:`E[1\{a_i = a\} / p_i]` is the share of rounds in which it was on offer if p are its
propensities, whatever the contexts: 1 where it always was. Propensities half too small give 2, which nothing else can;
twice too large they give 1/2, as an action does that half of the rounds had not on offer.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.policy import BanditLog

__all__ = ["InverseSums", "inverse_sums"]

Floats = npt.NDArray[np.float64]
_ENOUGH = 30.0  # effective rounds of an action below which its sum is no normal variable
_FALSE_ALARMS = 1e-3  # over all actions together


@dataclass(frozen=True)
class InverseSums:
    """Sums of inverse propensities by action.

    Parameters
    ----------
    rounds
        (actions,) how often each was logged.
    mean
        (actions,) mean of 1{a_i = a} / p_i.
    std_error
        (actions,) its standard error.
    z
        (actions,) standard errors by which it misses `offered`; nan where too few rounds tell.
    offered
        (actions,) share of rounds in which each was on offer, None where nobody knows.
    """

    rounds: npt.NDArray[np.int64]
    mean: Floats
    std_error: Floats
    z: Floats
    offered: Floats | None

    @property
    def alarms(self) -> npt.NDArray[np.bool_]:
        """(actions,) too large for chance, over all actions together; too small as well, where `offered` is known."""
        limit = NormalDist().inv_cdf(1 - _FALSE_ALARMS / (2 * max(len(self.z), 1)))
        known = np.nan_to_num(self.z)
        return np.asarray((known if self.offered is None else np.abs(known)) > limit)

    @property
    def worst(self) -> dict[str, float]:
        """Number of alarms, and of the worst action its index and the factor its propensities seem to be off by."""
        place = int(np.argmax(np.where(self.alarms, np.abs(np.nan_to_num(self.z)), -1.0)))
        factor = (1.0 if self.offered is None else self.offered[place]) / self.mean[place] if self.alarms[place] else 1
        return {
            "action_check_alarms": float(self.alarms.sum()),
            "action_check_worst": float(place),
            "action_check_factor": float(factor),
        }


def inverse_sums(log: BanditLog, propensity: Floats, logging: npt.NDArray[Any] | None = None) -> InverseSums:
    """The sums of a log, action by action.

    Parameters
    ----------
    log
        Rounds.
    propensity
        (n,) chance of each logged action.
    logging
        (n, actions) probabilities of the logging policy, which tell what was on offer, or None.
    """
    n, inverse = len(log), 1.0 / propensity
    rounds = np.bincount(log.action, minlength=log.n_actions)
    mean = np.bincount(log.action, weights=inverse, minlength=log.n_actions) / n
    square = np.bincount(log.action, weights=inverse**2, minlength=log.n_actions) / n
    error = np.sqrt(np.maximum(square - mean**2, 1e-12) / n)
    effective = np.divide(n * mean**2, square, out=np.zeros_like(mean), where=square > 0)
    offered = None if logging is None else (logging > 0).mean(axis=0)
    z = np.where(effective >= _ENOUGH, (mean - (1.0 if offered is None else offered)) / error, np.nan)
    return InverseSums(rounds, mean, error, z, offered)
