r"""What a list will still earn from a position on: the reward model of cascade doubly robust estimates.

:math:`\hat Q_k(x, a)` predicts :math:`\alpha_k r_k + \hat V_{k+1}`, where
:math:`\hat V_{k+1} = \sum_a \pi(a | a_{\le k}) \hat Q_{k+1}(x, a)` is what the target policy is expected to earn
below; fitted from the last position up (Kiyohara, Saito, Matsuhiro, Narita, Shimizu and Yamamoto 2022, WSDM). A wrong
one costs precision, never the truth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.intervention.ope.reward_model import RewardModel, context_features
from causalrec_lab.intervention.ope.slates.log import SlateLog
from causalrec_lab.policy import BanditLog
from causalrec_lab.world.lists.rankings import remaining_chances

__all__ = ["rewards_to_go"]

Floats = npt.NDArray[np.float64]


def rewards_to_go(
    log: SlateLog, target: Floats, earned: Floats, model: npt.NDArray[Any] | str | None, folds: int, seed: int
) -> tuple[Floats, Floats]:
    """Predicted rewards from each position on: of the logged item, and on average over the target's next item.

    Parameters
    ----------
    target
        (n, n_actions) probabilities of the target policy.
    earned
        (n, length) weighted rewards of the slots.
    model
        (n, length, n_actions) predictions from other data; None or "auto" cross-fits them.
    folds, seed
        Of the cross-fitting, by user where the log names users.

    Returns
    -------
    Two (n, length) arrays, 0 beyond a list's end.

    Raises
    ------
    ValueError
        If predictions have another shape or are not finite, or there are fewer lists than folds.
    """
    if model is None or (isinstance(model, str) and model == "auto"):
        return _cross_fitted(log, target, earned, folds, seed)
    table, shape = np.asarray(model), (len(log), log.length, log.n_actions)
    if table.dtype.kind not in "fiub" or table.shape != shape or not np.isfinite(table).all():
        raise ValueError(
            f"reward_model: give 'auto', or finite predictions of shape {shape} (lists, positions, items) of what is "
            f"earned from a position on; it has shape {table.shape}"
        )
    chosen, expected = np.zeros(log.action.shape), np.zeros(log.action.shape)
    for position in range(log.length):
        rows = np.flatnonzero(log.shown[:, position])
        chosen[rows, position], expected[rows, position] = _read(log, target, table[rows, position], rows, position)
    return chosen, expected


def _cross_fitted(log: SlateLog, target: Floats, earned: Floats, folds: int, seed: int) -> tuple[Floats, Floats]:
    units = np.arange(len(log)) if log.user is None else np.unique(log.user, return_inverse=True)[1]
    count = int(units.max()) + 1
    if not 2 <= folds <= count:
        raise ValueError(f"folds={folds}; give a number between 2 and the {count:,} users (lists where none is named)")
    labels = np.random.default_rng(seed).permutation(np.arange(count) % folds)[units]
    contexts = context_features(log.contexts)
    chosen, expected = np.zeros(log.action.shape), np.zeros(log.action.shape)
    for fold in range(folds):
        later = np.zeros(len(log))
        for position in range(log.length - 1, -1, -1):
            rows = np.flatnonzero(log.shown[:, position])
            train = rows[labels[rows] != fold]
            goal = earned[train, position] + later[train]
            part = BanditLog(contexts[train], log.action[train, position], goal, None, log.n_actions)
            table = RewardModel.fit(part, seed).predict(contexts[rows])
            seen, mean = _read(log, target, table, rows, position)
            later[rows] = mean
            test = labels[rows] == fold
            chosen[rows[test], position], expected[rows[test], position] = seen[test], mean[test]
    return chosen, expected


def _read(
    log: SlateLog, target: Floats, table: npt.NDArray[Any], rows: npt.NDArray[np.int64], position: int
) -> tuple[Floats, Floats]:
    """Prediction of the logged item, and mean over the target's choice given the items above."""
    left = remaining_chances(target[rows], log.action[rows, :position])
    total = left.sum(axis=1)
    mean = np.einsum("ij,ij->i", left, table)
    mean = np.divide(mean, total, out=np.zeros_like(mean), where=total > 0)
    return np.asarray(table[np.arange(len(rows)), log.action[rows, position]], dtype=np.float64), mean
