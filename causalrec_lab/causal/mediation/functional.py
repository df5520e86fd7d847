r"""The mediation functional of binary mediators, by exact summation over their states.

With :math:`t = (t_1, …, t_{K+1})`, one treatment for each mediator and the last for the outcome,

.. math:: \theta(t) = E[Y(t_{K+1}, M_K(t_K, …), …, M_1(t_1))]
    = E_X \sum_{m} E[Y | t_{K+1}, m, X] \prod_k P(m_k | t_k, m_{<k}, X)

(the mediation formula of Pearl 2001 for ordered mediators; Zhou 2022 calls it the generalised mediation
functional). Sums over all :math:`2^K` states take the place of simulation (Imai, Keele and Tingley 2010): the
same number without its Monte-Carlo error.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causalrec_lab.causal.effects.sample import Floats

__all__ = ["Regime", "conditional_means", "contrasts", "reached", "regimes"]

Regime = tuple[int, ...]


def regimes(k: int) -> list[Regime]:
    """Treatments whose means are contrasted: the first j stages treated (j = 0 … k + 1), then the outcome alone."""
    return [*((1,) * j + (0,) * (k + 1 - j) for j in range(k + 2)), (0,) * k + (1,)]


def contrasts(mediators: Sequence[str], outcome: str) -> tuple[list[str], Floats]:
    """Names of effects and their weights on the means of `regimes`, (effects, K + 3).

    The names are those of the platform's `truth.path_effects`.
    """
    k = len(mediators)
    unit = np.eye(k + 3)
    nobody, upto, everybody, alone = unit[0], unit[k], unit[k + 1], unit[k + 2]
    rows = {f"through {name}": unit[j + 1] - unit[j] for j, name in enumerate([*mediators, outcome])}
    rows |= {"NDE": alone - nobody, "NIE": upto - nobody, "interaction": everybody - alone - upto + nobody}
    rows |= {"TIE": everybody - alone, "total": everybody - nobody}
    return list(rows), np.array(list(rows.values()))


def conditional_means(predictions: Sequence[Floats], regime: Regime) -> list[Floats]:
    r"""Means given the first k mediators, k = 0 … K, each (2^k, n): :math:`\mu_K = E[Y | t_{K+1}, m]` and backwards.

    .. math:: \mu_{k-1}(m_{<k}) = \sum_{m_k} P(m_k | t_k, m_{<k}, X) \mu_k(m_{\le k})

    Parameters
    ----------
    predictions
        For each mediator and the outcome, (2, 2^k, n) means by treatment and state.
    """
    mean = predictions[-1][regime[-1]]
    found = [mean]
    for chance, t in zip(predictions[-2::-1], regime[-2::-1], strict=True):
        mean = mean[::2] + chance[t] * (mean[1::2] - mean[::2])
        found.append(mean)
    return found[::-1]


def reached(predictions: Sequence[Floats], regime: Regime) -> list[Floats]:
    """Chance of each state of the first k mediators, k = 0 … K, each (2^k, n)."""
    chance = np.ones((1, predictions[0].shape[2]))
    found = [chance]
    for passed, t in zip(predictions[:-1], regime, strict=False):
        one = chance * passed[t]
        chance = np.stack([chance - one, one], axis=1).reshape(-1, chance.shape[1])
        found.append(chance)
    return found
