r"""The value of single items at one position, from clicks at all positions.

Under the position-based model a click at k on item a has chance :math:`\theta_k \gamma(x, a)`, and a policy that shows
one item at position p is worth
:math:`V = \theta_p E \sum_a \pi(a|x) \gamma(x, a)`. What divides a click is the chance
that its item was looked at, wherever it stood (Joachims, Swaminathan and Schnabel 2017, WSDM, with the chance of
standing there made part of it):

.. math:: \hat V = \frac{1}{n} \sum_i \sum_k
          \frac{\theta_p \, \pi(a_{ik}|x_i)}{\sum_j P(a_{ik} \text{ at } j | x_i) \, \theta_j} \, r_{ik}.

Where single rounds are logged with their position, a round counts
:math:`r_i \, \theta_p / \theta_{k_i} \cdot \pi(a_i|x_i) / p_i`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.ope.diagnosing import few_clusters
from causalrec_lab.intervention.ope.positions.curve import Examination
from causalrec_lab.intervention.ope.slates.log import SlateLog
from causalrec_lab.intervention.ope.slates.weights import logged_chances
from causalrec_lab.intervention.ope.uncertainty import cluster_codes, standard_error
from causalrec_lab.policy import BanditLog, Policy, checked_probabilities
from causalrec_lab.world.lists.rankings import item_at_position

__all__ = ["position_corrected"]

Floats = npt.NDArray[np.float64]
_SMALL = 1e-5  # step of the derivative by log examination
_ASSUMES = (
    "a click is examination of the position times relevance of the item: no position's clicks change another's",
    "logged chances are those of the logging policy",
    "the policy wants only what the log took",
    "the examination was found on another log than this one; on the same log their errors are related",
)


def position_corrected(
    log: BanditLog | SlateLog,
    policy: Policy | npt.NDArray[Any],
    examination: Examination | npt.ArrayLike,
    *,
    position: int = 0,
    logging: Policy | npt.NDArray[Any] | None = None,
    self_normalised: bool = False,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
) -> Estimate:
    """Estimate what a policy earns that shows one item at one position, from what all positions earned.

    Parameters
    ----------
    log
        Rounds with their position and propensity (of the item at it), or lists.
    policy
        The policy of single items, or its (n, n_actions) probabilities on the logged contexts.
    examination
        From `examination`, whose error joins the interval, or (positions,) known values.
    position
        Where the policy's item will stand.
    logging
        For lists: the policy that wrote them, or its (n, n_actions) probabilities.
    self_normalised
        Divide by the mean weight, which counts each slot by how far it is looked at.
    cluster
        (n,) labels of rounds or lists that err together.
    level
        Confidence level.

    Raises
    ------
    ValueError
        If positions or propensities are missing, there is no examination of a logged position, or what is given is no
        policy.
    """
    theta, covariance = _curve(examination)
    places = _logged_positions(log)
    if not 0 <= position < len(theta) or places.max() >= len(theta):
        raise ValueError(
            f"examination has {len(theta)} positions; position={position} is asked for and the log has up to "
            f"{int(places.max())}"
        )
    found = policy if isinstance(policy, np.ndarray) else policy.probabilities(log.contexts)
    target = checked_probabilities(found, n=len(log), n_actions=log.n_actions)
    chances = logged_chances(log, logging) if isinstance(log, SlateLog) else None
    parts = _parts(log, target, chances)

    def evaluated(theta: Floats) -> tuple[float, Floats, Floats]:
        weights = parts.weights(theta, position)
        earned = (weights * parts.reward).sum(axis=1)
        if not self_normalised:
            return float(earned.mean()), earned - earned.mean(), weights
        mass = (weights * theta[parts.position] / theta[position]).sum(axis=1)
        value = float(earned.sum() / mass.sum())
        return value, (earned - value * mass) / mass.mean(), weights

    value, influence, weights = evaluated(theta)
    slope = np.array(
        [evaluated(theta * np.exp(_SMALL * step))[0] - value for step in np.eye(len(theta))[1:]]
    ).reshape(-1) / _SMALL  # fmt: skip
    codes = cluster_codes(cluster, len(log))
    error = standard_error(influence, codes)
    whole = math.hypot(error, math.sqrt(max(float(slope @ covariance @ slope), 0.0)))
    total = weights.sum(axis=1)
    effective = float(total.sum() ** 2 / (total @ total)) if total.any() else 0.0
    name = "position-corrected snips" if self_normalised else "position-corrected ips"
    return Estimate(
        value=value,
        std_error=whole,
        interval=_ends(value, whole, error, codes, level),
        level=level,
        estimand="policy value",
        method=name,
        n=len(log),
        diagnostics={"effective_sample_size": effective, "std_error_given_examination": error},
        assumptions=_ASSUMES,
        notes=(*_notes(effective), *few_clusters(codes)),
    )


def _ends(
    value: float, whole: float, clustered: float, codes: npt.NDArray[np.int64] | None, level: float
) -> tuple[float, float] | None:
    """Student's interval where a part of the error is told by clusters; None where there are none."""
    if codes is None or not clustered > 0:
        return None
    from scipy.special import stdtrit

    half = float(stdtrit(float(codes.max()) * (whole / clustered) ** 4, (1 + level) / 2)) * whole
    return value - half, value + half


@dataclass(frozen=True, eq=False)
class _Parts:
    """What does not hang on the examination: rewards, positions, target chances and logged chances of each slot."""

    reward: Floats
    position: npt.NDArray[np.int64]
    target: Floats
    logged: Floats

    def weights(self, theta: Floats, position: int) -> Floats:
        """(n, slots) weights; `logged` is (n, slots, positions) for lists, (n, 1) for rounds."""
        if self.logged.ndim == 3:
            looked = self.logged @ theta[: self.logged.shape[2]]
        else:
            looked = self.logged * theta[self.position]
        return np.asarray(theta[position] * self.target / looked)


def _parts(log: BanditLog | SlateLog, target: Floats, chances: Floats | None) -> _Parts:
    if isinstance(log, BanditLog):
        if log.propensity is None:
            raise ValueError("the log holds no propensities; they are needed, of the item at its position")
        rows = np.arange(len(log))
        picked = target[rows, log.action]
        return _Parts(log.reward[:, None], _logged_positions(log), picked[:, None], log.propensity[:, None])
    if chances is None:
        raise ValueError("lists need logging=, the policy that wrote them: an item may have stood elsewhere")
    if not log.shown.all():
        raise ValueError("lists differ in length; take those of one length")
    at = item_at_position(chances, log.length)
    index = np.broadcast_to(log.action[:, None, :], (*at.shape[:2], log.length))
    logged = np.take_along_axis(at, index, axis=2).transpose(0, 2, 1)
    return _Parts(log.reward, _logged_positions(log), np.take_along_axis(target, log.action, axis=1), logged)


def _logged_positions(log: BanditLog | SlateLog) -> npt.NDArray[np.int64]:
    if isinstance(log, SlateLog):
        return np.broadcast_to(np.arange(log.length), log.action.shape)
    if log.position is None:
        raise ValueError("the log holds no positions; without them there is nothing to correct")
    if log.position.min() < 0:
        raise ValueError(f"position {int(log.position.min())}: positions are counted from 0")
    return log.position[:, None]


def _curve(examination: Examination | npt.ArrayLike) -> tuple[Floats, Floats]:
    if isinstance(examination, Examination):
        return examination.relative, examination.covariance
    theta = np.asarray(examination, dtype=np.float64)
    if theta.ndim != 1 or not (np.isfinite(theta) & (theta > 0)).all():
        raise ValueError(
            f"examination={examination!r}: give one positive number a position, or what examination() gave"
        )
    return theta, np.zeros((len(theta) - 1, len(theta) - 1))


def _notes(effective: float) -> tuple[str, ...]:
    if effective >= 100:
        return ()
    return (f"warning: the effective sample size is {effective:.0f}; the interval is too short",)
