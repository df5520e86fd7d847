r"""Ratios of click rates between positions, free of how relevant each stratum is.

Slots of a stratum s (the same item for the same user, or a list whose order was drawn at random) share a relevance, so
that position k of it is clicked :math:`N_{sk} \theta_k \gamma_s` times. Given the stratum's clicks, where they fell is
multinomial with shares :math:`p_{sk} = N_{sk} \theta_k / \sum_j N_{sj} \theta_j`: the relevances are gone, however many
there are (Hausman, Hall and Griliches 1984, Econometrica 52, section 2). The score

.. math:: \sum_s \sum_{i \in s} c_i (1\{k_i = k\} - p_{sk})

has mean 0 wherever the means are right, whatever the clicks' distribution (Wooldridge 1999, J. Econometrics 90), and a
sandwich over clusters gives the errors. Over items that stand at several positions this is the harvesting of Agarwal,
Zaitsev, Wang, Li, Najork and Joachims (2019, WSDM), all pairs of positions at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["linked", "position_rates"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def linked(counts: Floats) -> npt.NDArray[np.bool_]:
    """(positions,) whether a chain of strata, each seen at two positions, joins a position with the first."""
    meets = (counts > 0).T.astype(np.float64) @ (counts > 0).astype(np.float64) > 0
    joined = np.zeros(counts.shape[1], dtype=bool)
    joined[0] = True
    for _ in range(counts.shape[1]):
        joined = joined | (meets[joined].any(axis=0))
    return joined


def position_rates(
    strata: Ints, position: Ints, clicks: Floats, cluster: Ints, positions: int
) -> tuple[Floats, Floats, float]:
    """Logarithms of the ratios to the first position, their covariance, and the clicks that told them.

    Parameters
    ----------
    strata, position, clicks, cluster
        (slots,) stratum, position, reward (>= 0) and cluster of each slot, codes from 0.
    positions
        How many there are.

    Raises
    ------
    ValueError
        If a position gets no click where it can be compared: its ratio has no logarithm.
    """
    counts, clicked = (_table(strata, position, values, positions) for values in (None, clicks))
    useful = ((counts > 0).sum(axis=1) > 1) & (clicked.sum(axis=1) > 0)
    at = clicked[useful].sum(axis=0)
    if (none := at == 0).any():
        raise ValueError(
            f"position {int(np.argmax(none))} has no click in any stratum that is also seen elsewhere, so nothing "
            "tells how much it is examined; log more lists, or leave the position out"
        )
    if not (joined := linked(counts[useful])).all():
        raise ValueError(
            f"too few clicks: position {int(np.argmin(joined))} shares no clicked stratum with those that lead to the "
            "first; log more lists, or leave the position out"
        )
    log_ratio = np.log(at / counts[useful].sum(axis=0))
    log_ratio -= log_ratio[0]
    N, C = counts[useful], clicked[useful].sum(axis=1)
    for _ in range(100):
        share = N * np.exp(log_ratio)
        share /= share.sum(axis=1, keepdims=True)
        score = at - C @ share
        information = np.diag(C @ share) - share.T @ (C[:, None] * share)
        step = np.linalg.solve(information[1:, 1:], score[1:])
        log_ratio[1:] += np.clip(step, -1.0, 1.0)
        if np.abs(step).max(initial=0.0) < 1e-10:
            break
    places = np.cumsum(useful) - 1
    rows = useful[strata]
    which, where = places[strata[rows]], position[rows]
    expected = (C / (N * np.exp(log_ratio)).sum(axis=1))[which] * np.exp(log_ratio)[where]
    pull = (np.eye(positions)[where] - share[which]) * (clicks[rows] - expected)[:, None]
    sums = np.stack([np.bincount(cluster[rows], weights=column) for column in pull.T[1:]], axis=1)
    groups = int((np.bincount(cluster[rows]) > 0).sum())
    bread = np.linalg.inv(information[1:, 1:])
    return log_ratio[1:], bread @ (sums.T @ sums) @ bread * groups / max(groups - 1, 1), float(C.sum())


def _table(strata: Ints, position: Ints, values: Floats | None, positions: int) -> Floats:
    """(strata, positions) sums."""
    cells = np.bincount(strata * positions + position, weights=values, minlength=(int(strata.max()) + 1) * positions)
    return cells.reshape(-1, positions).astype(np.float64)
