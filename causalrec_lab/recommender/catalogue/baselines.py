"""What a Transformer must beat: popularity, item neighbours, linear and factor models, with its face."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import pandas as pd

from causalrec_lab.recommender.catalogue.histories import Histories
from causalrec_lab.recommender.catalogue.interactions import (
    CatalogueRecommender,
    Scores,
    Table,
    catalogue_of,
    training_table,
)

__all__ = ["EASE", "Baseline", "ItemKNN", "MatrixFactorisation", "Popularity", "met_matrix"]


class Baseline(CatalogueRecommender):
    """Catalogue and histories; a subclass learns from them and scores."""

    def fit(self, data: Table, items: pd.DataFrame | None = None) -> Self:
        """Learn from events (user_id, item_id, timestamp) of a table, a data set or a split's training part."""
        self._catalogue = catalogue_of(data, items)
        self._histories = Histories.of(training_table(data), self._catalogue)
        self._learn()
        return self

    @abstractmethod
    def _learn(self) -> None:
        """Learn from the histories just read."""


class Popularity(Baseline):
    """Score of an item: how often it stands in the training events. The same for everybody."""

    def score_histories(self, histories: Histories) -> Scores:
        """(n, items) counts, each row the same."""
        return np.tile(self.counts, (len(histories.users), 1))

    def _learn(self) -> None:
        numbers = self._histories.items - 1
        self.counts: Scores = np.bincount(numbers, minlength=len(self._catalogue)).astype(np.float32)


class ItemKNN(Baseline):
    r"""Score of an item: its similarity to the items of the history (Sarwar et al. 2001, section 3.1).

    :math:`s_{ij} = |U_i \cap U_j| / (\sqrt{|U_i| |U_j|} + c)` over users' sets, the shrinkage c taking from pairs
    that few users share; only the `neighbours` nearest of each item count.
    """

    def __init__(self, neighbours: int = 100, shrinkage: float = 10.0) -> None:
        self.neighbours = neighbours
        self.shrinkage = shrinkage

    def score_histories(self, histories: Histories) -> Scores:
        """(n, items) summed similarities."""
        met = met_matrix(histories, len(self._catalogue))
        return np.asarray((met @ self.similarity), dtype=np.float32)

    def _learn(self) -> None:
        met = met_matrix(self._histories, len(self._catalogue))
        together = (met.T @ met).toarray().astype(np.float32)
        size = np.sqrt(np.diag(together))
        similarity = together / (np.outer(size, size) + self.shrinkage)
        np.fill_diagonal(similarity, 0.0)
        if self.neighbours < len(similarity):
            least = np.partition(similarity, -self.neighbours, axis=0)[-self.neighbours]
            similarity[similarity < least] = 0.0
        self.similarity: Scores = similarity


class EASE(Baseline):
    r"""Linear-Gaussian model of a user's items given the others (Steck 2019, WWW, section 3.1).

    With X the users-by-items 0/1 matrix, :math:`x_{uj} = \sum_{i \ne j} x_{ui} B_{ij} + \epsilon`, and a Gaussian
    prior on B, the posterior mean is a ridge regression of every item on all others at once,

    .. math:: B_{ij} = -P_{ij} / P_{jj} \;(i \ne j), \quad B_{jj} = 0, \quad P = (X'X + \lambda I)^{-1}

    Parameters
    ----------
    penalty
        :math:`\lambda`, the noise variance over the prior variance.

    Raises
    ------
    ValueError
        If the penalty is not positive.
    """

    def __init__(self, penalty: float = 300.0) -> None:
        if not penalty > 0:
            raise ValueError(f"EASE(penalty={penalty!r}): give a positive number, such as 300")
        self.penalty = penalty

    def score_histories(self, histories: Histories) -> Scores:
        """(n, items) expected values of the entries."""
        return np.asarray(met_matrix(histories, len(self._catalogue)) @ self.coefficients, dtype=np.float32)

    def _learn(self) -> None:
        from scipy.linalg import cho_factor, cho_solve

        met = met_matrix(self._histories, len(self._catalogue))
        gram = (met.T @ met).toarray().astype(np.float64)
        gram[np.diag_indices(len(gram))] += self.penalty
        precision = cho_solve(cho_factor(gram, overwrite_a=True, check_finite=False), np.eye(len(gram)))
        coefficients = -precision / np.diag(precision)
        np.fill_diagonal(coefficients, 0.0)
        self.coefficients: Scores = coefficients.astype(np.float32)


class MatrixFactorisation(Baseline):
    r"""Weighted matrix factorisation by alternating least squares (Hu, Koren & Volinsky 2008, ICDM), by `implicit`.

    It minimises :math:`\sum_{ui} c_{ui} (x_{ui} - p_u' q_i)^2 + \lambda (\|P\|^2 + \|Q\|^2)` with confidence
    :math:`c_{ui} = \alpha` where the item was met and 1 elsewhere. A history is scored by its least-squares
    :math:`p_u` given Q, so that users who were not in the training can be scored.

    Parameters
    ----------
    factors
        Length of p and q.
    regularisation, confidence
        :math:`\lambda` and :math:`\alpha`.
    iterations
        Sweeps over users and items.
    seed
        Of the starting values.
    """

    def __init__(
        self,
        factors: int = 64,
        regularisation: float = 1.0,
        confidence: float = 10.0,
        iterations: int = 15,
        seed: int = 0,
    ) -> None:
        self.factors, self.regularisation, self.confidence = factors, regularisation, confidence
        self.iterations, self.seed = iterations, seed

    def score_histories(self, histories: Histories) -> Scores:
        """(n, items) inner products."""
        met = met_matrix(histories, len(self._catalogue))
        users = self._model.recalculate_user(np.arange(len(histories.users)), met * self.confidence)
        return np.asarray(users @ np.asarray(self._model.item_factors).T, dtype=np.float32)

    def _learn(self) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        self._model = AlternatingLeastSquares(
            factors=self.factors,
            regularization=self.regularisation,
            iterations=self.iterations,
            num_threads=1,  # sums in a fixed order: the same seed gives the same factors
            random_state=self.seed,
        )
        self._model.fit(met_matrix(self._histories, len(self._catalogue)) * self.confidence, show_progress=False)


def met_matrix(histories: Histories, n_items: int) -> Any:
    """Users x items, sparse, 1 where met."""
    from scipy import sparse

    rows, numbers = histories.pairs()
    shape = (len(histories.users), n_items)
    met = sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, numbers - 1)), shape=shape)
    met.data[:] = 1.0
    return met
