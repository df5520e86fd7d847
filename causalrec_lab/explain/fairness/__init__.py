"""Fairness: who is shown what, why groups differ, and what it costs to promise them a share.

`exposure_of_slates` and `exposure_of_policy` measure attention, `exposure_by_group` and `outcome_by_group` set groups
beside each other, `decompose` parts a gap into what the attribute causes and what it does not, `rerank` keeps a promise
and `price_of_fairness` says what it costs.

>>> from causalrec_lab.explain import fairness
>>> scores = [[0.9, 0.8, 0.7, 0.2, 0.1], [0.6, 0.9, 0.8, 0.3, 0.4]]
>>> makers = ["large", "large", "large", "small", "small"]
>>> promised = fairness.rerank(scores, makers, k=3, least_share={"small": 0.4})
>>> promised.draw(seed=1).tolist()
[[0, 1, 3], [1, 2, 4]]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.explain.fairness.calibration import miscalibration, shown_shares
    from causalrec_lab.explain.fairness.decomposition import Decomposition
    from causalrec_lab.explain.fairness.doubly_stochastic import birkhoff
    from causalrec_lab.explain.fairness.exact import decompose_exactly
    from causalrec_lab.explain.fairness.exposure import (
        Exposure,
        exposure_of_policy,
        exposure_of_slates,
        position_weights,
    )
    from causalrec_lab.explain.fairness.group_measure import GroupMeasure
    from causalrec_lab.explain.fairness.groups import Groups, read_groups, tail_groups
    from causalrec_lab.explain.fairness.measuring import exposure_by_group, outcome_by_group
    from causalrec_lab.explain.fairness.over_rounds import Amortised, amortised, concentration, expected_exposure
    from causalrec_lab.explain.fairness.parting import decompose
    from causalrec_lab.explain.fairness.pricing import Case, PriceCurve, price_of_fairness
    from causalrec_lab.explain.fairness.quotas import fair_star_minimums
    from causalrec_lab.explain.fairness.reranked import RankedPolicy, Reranked
    from causalrec_lab.explain.fairness.reranking import RERANK_METHODS, rerank

_HOME = {
    "Amortised": "over_rounds",
    "Case": "pricing",
    "Decomposition": "decomposition",
    "Exposure": "exposure",
    "GroupMeasure": "group_measure",
    "Groups": "groups",
    "PriceCurve": "pricing",
    "RERANK_METHODS": "reranking",
    "RankedPolicy": "reranked",
    "Reranked": "reranked",
    "amortised": "over_rounds",
    "birkhoff": "doubly_stochastic",
    "concentration": "over_rounds",
    "decompose": "parting",
    "decompose_exactly": "exact",
    "expected_exposure": "over_rounds",
    "exposure_by_group": "measuring",
    "exposure_of_policy": "exposure",
    "exposure_of_slates": "exposure",
    "fair_star_minimums": "quotas",
    "miscalibration": "calibration",
    "outcome_by_group": "measuring",
    "position_weights": "exposure",
    "price_of_fairness": "pricing",
    "read_groups": "groups",
    "rerank": "reranking",
    "shown_shares": "calibration",
    "tail_groups": "groups",
}

__all__ = [
    "RERANK_METHODS",
    "Amortised",
    "Case",
    "Decomposition",
    "Exposure",
    "GroupMeasure",
    "Groups",
    "PriceCurve",
    "RankedPolicy",
    "Reranked",
    "amortised",
    "birkhoff",
    "concentration",
    "decompose",
    "decompose_exactly",
    "expected_exposure",
    "exposure_by_group",
    "exposure_of_policy",
    "exposure_of_slates",
    "fair_star_minimums",
    "miscalibration",
    "outcome_by_group",
    "position_weights",
    "price_of_fairness",
    "read_groups",
    "rerank",
    "shown_shares",
    "tail_groups",
]

__getattr__, __dir__ = doors(__name__, _HOME)
