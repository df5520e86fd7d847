"""The equations of a platform: who is shown what, what that does and what follows; a scenario sets the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from causalrec_lab.world.scenarios.closed import Closed

__all__ = ["Amount", "Coefficients", "Effect", "Exposure", "Retention", "Stage", "Touch"]


@dataclass(frozen=True)
class Stage:
    r"""One stage of the funnel: a logit, given that the stage before was reached.

    .. math:: \eta = c_0 + c_r r_{ui} + c_h h_{ui} + c_p \log pop_i + c_a a_u - c_m s_u \log(cost_i / typical)
              + c_s season - c_f \log(1 + n_{ui}) + c_n 1\{n_{ui} = 0\} + c_\tau \tau_{ui} T

    Parameters
    ----------
    name
        Column of the log: 1 where this stage and all before it were passed.
    intercept, affinity, hidden, log_popularity, activity, cost, season, fatigue, novelty, treatment
        The coefficients above, in that order; all on the logit scale.
    """

    name: str
    intercept: float
    affinity: float = 0.0
    hidden: float = 0.0
    log_popularity: float = 0.0
    activity: float = 0.0
    cost: float = 0.0
    season: float = 0.0
    fatigue: float = 0.0
    novelty: float = 0.0
    treatment: float = 0.0


@dataclass(frozen=True)
class Exposure:
    r"""The platform's exposure rule, clipped to `clip`; :math:`\gamma` is the dial `confounding` times `hidden`.

    .. math:: e = \sigma(a_0 + a_1 \hat r + a_2 \log pop + a_3 a_u + a_5 \log(1 + n) + a_4 z + \gamma h)
    """

    intercept: float
    affinity_hat: float
    log_popularity: float
    activity: float
    log_exposures: float
    lottery: float
    hidden: float = 1.0
    clip: tuple[float, float] = (0.01, 0.99)


@dataclass(frozen=True)
class Effect:
    r"""Heterogeneous effect on the logit.

    .. math:: \tau_{ui} = b_0 - b_1 \log pop_i - b_2 (a_u - \bar a) - b_3 \log(1 + n_{ui})

    With positive `tail` and `light` it is larger for the long tail and for light users; with positive `fatigue` it
    turns negative for a pair that was shown often.
    """

    base: float
    tail: float
    light: float
    fatigue: float


@dataclass(frozen=True)
class Amount:
    r"""Hurdle log-normal amount in `unit`: 0, or more where stage `after` was passed.

    .. math:: \exp(c_0 + c_r r_{ui} + c_h h_{ui} + c_m \log cost_i + \sigma\epsilon), \quad \epsilon \sim N(0, 1)

    With a `curve` it stands for exp: amounts at scores evenly spaced from -4 to 4, rising, linear between, constant
    beyond; a log's own quantiles then take the place of the log-normal's (`causalrec_lab.world.law.amounts`).
    """

    name: str
    after: str
    unit: str
    intercept: float
    affinity: float
    hidden: float
    sigma: float
    cost: float = 0.0
    curve: tuple[float, ...] = ()


@dataclass(frozen=True)
class Retention:
    r"""Return after `days` days, :math:`\sigma(c_0 + c_a a_u + c_y Y_{after})`: treatment acts only through `after`."""

    name: str
    after: str
    intercept: float
    activity: float
    reached: float
    days: int = 1


@dataclass(frozen=True)
class Coefficients:
    """Everything that decides exposure and outcomes; a scenario holds one set for each base rate."""

    exposure: Exposure
    effect: Effect
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Touch(Closed):
    r"""What may go with a recommendation: a reason that is written beside the item, a reminder that brings people back.

    It moves the logits of some stages and of the return,

    .. math:: \eta_s \to \eta_s + c_s \tau_{ui}, \quad
              \tau_{ui} = 1 + b_r r_{ui} - b_a (a_u - \bar a) - b_n \log(1 + n_{ui})

    with the affinity, the user's activity and the pair's earlier exposures, as in `Effect`; it acts on items that are
    shown only, and the dial `effect` multiplies it. With positive `affinity` it helps where it is true of the user and
    harms where it is not; with positive `light` it is larger for light users; with positive `fatigue` it turns negative
    where the item was shown often: people tire.

    Parameters
    ----------
    name
        Of the action.
    says
        What its reader sees, in the scenario's words; {title} is the item.
    cost, unit
        Of one touch, and what it is counted in: money.
    stages
        Stage -> :math:`c_s`, the logit that it adds for a typical user who is shown an item for the first time.
    retention
        The same for the return, beside what the stages do to it.
    affinity, light, fatigue
        The coefficients :math:`b_r, b_a, b_n` above.
    """

    name: str
    says: str
    cost: float
    unit: str
    stages: Mapping[str, float]
    retention: float = 0.0
    affinity: float = 0.0
    light: float = 0.0
    fatigue: float = 0.0
