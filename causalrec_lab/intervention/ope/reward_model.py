r"""A fast model of the reward of every action in every context: :math:`\hat q(x, a)`.

One ridge regression shared by all actions, and around it a deviation for each action, shrunk the more the fewer rounds
the action has: :math:`\hat q(x, a) = z'\beta + z'\delta_a`, z = (1, standardised context).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.policy import BanditLog

__all__ = ["ContextEncoding", "FittedRewards", "RewardModel", "context_features", "cross_fitted_rewards", "fold_labels"]

Floats = npt.NDArray[np.float64]
_MAX_LEVELS = 50
_PENALTIES = np.logspace(-1, 4, 11)
_TUNING_SHARE = 0.2
_FEWEST = 10


@runtime_checkable
class FittedRewards(Protocol):
    """Anything fitted that predicts the reward of every action."""

    def predict(self, contexts: Any) -> npt.NDArray[Any]:
        """(n, actions) expected rewards."""


@dataclass(frozen=True)
class ContextEncoding:
    """How contexts become numbers, settled once, so that a column means the same in every table read later.

    Parameters
    ----------
    columns
        Column read -> None for numbers, or the sorted levels of a category, the first of which is the base; None where
        contexts are an array.
    """

    columns: Mapping[Any, tuple[str, ...] | None] | None

    @classmethod
    def of(cls, contexts: Any) -> ContextEncoding:
        """Settle it: of a DataFrame the numbers and the small categories, an array as it is.

        Columns ending in "_id" and text with more than 50 levels are left out: they name a row, describing nothing.
        """
        if not isinstance(contexts, pd.DataFrame):
            return cls(None)
        columns: dict[Any, tuple[str, ...] | None] = {}
        for name, values in contexts.items():
            if str(name).endswith("_id"):
                continue
            if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
                columns[name] = None
            elif values.nunique() <= _MAX_LEVELS:
                columns[name] = tuple(pd.Categorical(values.astype(str)).categories)
        return cls(columns)

    def features(self, contexts: Any) -> Floats:
        """(n, d) numbers; a level not met when the encoding was settled gets zeros, like the base level.

        Raises
        ------
        ValueError
            If a column settled on is missing, a value is not finite, or an array has not two dimensions.
        """
        if self.columns is not None and isinstance(contexts, pd.DataFrame):
            return _finite(self._of_frame(contexts, self.columns))
        if self.columns is not None or isinstance(contexts, pd.DataFrame):
            kinds = ("an array", "a DataFrame") if self.columns is None else ("a DataFrame", "an array")
            raise ValueError(f"contexts were {kinds[0]} in fitting and are {kinds[1]} now; give the same kind")
        matrix = np.asarray(contexts, dtype=np.float64)
        return _finite(matrix[:, None] if matrix.ndim == 1 else matrix)

    def _of_frame(self, frame: pd.DataFrame, settled: Mapping[Any, tuple[str, ...] | None]) -> Floats:
        if missing := [name for name in settled if name not in frame.columns]:
            raise ValueError(f"contexts lack the columns {missing} that the model was fitted with; add them")
        columns = [np.empty((len(frame), 0))]
        for name, levels in settled.items():
            if levels is None:
                columns.append(frame[name].to_numpy(dtype=np.float64)[:, None])
            else:
                place = pd.Categorical(frame[name].astype(str), categories=levels).codes
                columns.append((place[:, None] == np.arange(1, len(levels))).astype(np.float64))
        return np.column_stack(columns)


def context_features(contexts: Any) -> Floats:
    """(n, d) numbers from contexts that are read only once: see `ContextEncoding`."""
    return ContextEncoding.of(contexts).features(contexts)


def _finite(matrix: Floats) -> Floats:
    if matrix.ndim != 2:
        raise ValueError(f"contexts have shape {matrix.shape}; give (n, d) numbers or a DataFrame")
    if not np.isfinite(matrix).all():
        row = int(np.argmin(np.isfinite(matrix).all(axis=1)))
        raise ValueError(f"contexts are not finite, first at row {row}; impute them and say so")
    return matrix


@dataclass(frozen=True)
class RewardModel:
    """A fitted reward model.

    Parameters
    ----------
    centre, scale
        (d,) standardisation of the context, learned on the training rounds.
    coefficients
        (actions, d + 1), the shared part included.
    bounds
        Smallest and largest training reward; predictions stay within.
    encoding
        How the training contexts became numbers; those to predict become numbers in the same way.
    """

    centre: Floats
    scale: Floats
    coefficients: Floats
    bounds: tuple[float, float]
    encoding: ContextEncoding

    @classmethod
    @one_thread()
    def fit(cls, log: BanditLog, seed: int = 0) -> RewardModel:
        """Fit on a log; how strongly actions are shrunk is tuned on a fifth of it held out.

        Raises
        ------
        ValueError
            If the log has fewer than 10 rounds.
        """
        if len(log) < _FEWEST:
            raise ValueError(f"a reward model needs at least {_FEWEST} rounds; the log has {len(log)}")
        encoding = ContextEncoding.of(log.contexts)
        X = encoding.features(log.contexts)
        centre, scale = X.mean(axis=0), X.std(axis=0)
        scale = np.where(scale > 1e-12, scale, np.inf)  # a constant column tells nothing: it becomes 0
        Z = _with_one(X, centre, scale)
        level = float(log.reward.mean())  # taken off first, so that a shift of all rewards shifts all predictions
        log = replace(log, reward=log.reward - level)
        penalty = _tuned(Z, log, np.random.default_rng(seed))
        coefficients = _coefficients(Z, log.action, log.reward, log.n_actions, penalty)
        coefficients[:, 0] += level
        bounds = (level + float(log.reward.min()), level + float(log.reward.max()))
        return cls(centre, scale, coefficients, bounds, encoding)

    def predict(self, contexts: Any) -> Floats:
        """(n, actions) expected rewards; a category's level that was not met in fitting is read as its first level.

        Raises
        ------
        ValueError
            If the contexts lack a column the model was fitted with, have another width, or are not finite.
        """
        X = self.encoding.features(contexts)
        if X.shape[1] != len(self.centre):
            raise ValueError(f"contexts have {X.shape[1]} columns; the model was fitted with {len(self.centre)}")
        found = _with_one(X, self.centre, self.scale) @ self.coefficients.T
        return np.asarray(np.clip(found, *self.bounds, out=found))


def fold_labels(n: int, folds: int, seed: int, groups: npt.NDArray[Any] | None = None) -> npt.NDArray[np.int64]:
    """(n,) fold of each round, drawn at random; rounds of a group (a user) share one.

    Raises
    ------
    ValueError
        If there are not between 2 and as many folds as there are rounds, or groups.
    """
    units = n if groups is None else int(groups.max()) + 1
    if not 2 <= folds <= units:
        kind = "rounds" if groups is None else "clusters"
        raise ValueError(f"folds={folds}; give a number between 2 and the {units:,} {kind}")
    labels = np.random.default_rng(seed).permutation(np.arange(units) % folds)
    return np.asarray(labels if groups is None else labels[groups])


def cross_fitted_rewards(
    log: BanditLog, *, folds: int = 5, seed: int = 0, groups: npt.NDArray[np.int64] | None = None
) -> Floats:
    """(n, actions) predictions for every round by a model that did not see it, nor any other round of its group.

    Parameters
    ----------
    log
        Rounds.
    folds, seed
        Number of folds, and the seed that draws them.
    groups
        (n,) codes 0, 1, ... of rounds that err together (the same user), or None.

    Raises
    ------
    ValueError
        If `folds` is not between 2 and the number of rounds (or groups), or fewer than 10 rounds are left to fit on.
    """
    labels = fold_labels(len(log), folds, seed, groups)
    if (left := len(log) - int(np.bincount(labels).max())) < _FEWEST:
        raise ValueError(
            f"{folds} folds of {len(log)} rounds leave {left} to fit a reward model on, which needs {_FEWEST}; give "
            "more rounds, more folds, predictions of your own as reward_model=, or method='snips', which needs none"
        )
    log = replace(log, contexts=context_features(log.contexts))  # once: a fold may lack a rare level
    rewards = np.empty((len(log), log.n_actions))
    for fold in range(folds):
        test = labels == fold
        rewards[test] = RewardModel.fit(log.take(~test), seed).predict(log.take(test).contexts)
    return rewards


def _with_one(X: Floats, centre: Floats, scale: Floats) -> Floats:
    return np.column_stack([np.ones(len(X)), (X - centre) / scale])


def _coefficients(Z: Floats, action: npt.NDArray[np.int64], reward: Floats, n_actions: int, penalty: float) -> Floats:
    width = Z.shape[1]
    shared = np.linalg.solve(Z.T @ Z + 1e-6 * len(Z) * np.eye(width), Z.T @ reward)
    residual = reward - Z @ shared
    grams, moments = np.zeros((n_actions, width, width)), np.zeros((n_actions, width))
    order = np.argsort(action, kind="stable")
    ends = np.searchsorted(action[order], np.arange(n_actions + 1))
    for a in range(n_actions):
        rows = order[ends[a] : ends[a + 1]]
        grams[a], moments[a] = Z[rows].T @ Z[rows], Z[rows].T @ residual[rows]
    deviations = np.linalg.solve(grams + penalty * np.eye(width), moments[:, :, None])[:, :, 0]
    return np.asarray(shared + deviations)


def _tuned(Z: Floats, log: BanditLog, rng: np.random.Generator) -> float:
    held = rng.uniform(size=len(log)) < _TUNING_SHARE
    if held.all() or not held.any():
        return float(_PENALTIES[-1])
    errors = []
    for penalty in _PENALTIES:
        beta = _coefficients(Z[~held], log.action[~held], log.reward[~held], log.n_actions, float(penalty))
        fitted = np.einsum("ij,ij->i", Z[held], beta[log.action[held]])
        errors.append(float(np.mean((log.reward[held] - fitted) ** 2)))
    return float(_PENALTIES[int(np.argmin(errors))])
