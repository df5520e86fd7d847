r"""Embeddings in the comparison of two groups' changes: cross-fitted ridge inside both nuisances.

The score is Callaway and Sant'Anna's doubly robust one; with nuisances predicted out of fold their own error is of
second order, and the influence is the score itself (Chang 2020, "Double/debiased machine learning for
difference-in-differences models").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.nuisances.blocks import FREE, fit_blocks
from causalrec_lab.causal.effects.nuisances.folds import splits
from causalrec_lab.causal.effects.nuisances.ridge import expit
from causalrec_lab.causal.effects.sample import Floats, Integers

__all__ = ["Told", "UnitText"]

_CLIP = 0.99  # a comparison unit more like the cohort than this speaks for too many


@dataclass(frozen=True)
class UnitText:
    """Embeddings of a panel's units by period.

    Parameters
    ----------
    rows
        (r, d) standardised embeddings of the table's rows.
    place
        (units, P) row of a unit's period; -1 where it was not seen.
    folds, seed
        Of cross-fitting.
    """

    rows: Floats
    place: Integers
    folds: int
    seed: int

    def fixed(self) -> bool:
        """Whether no unit's embedding changes over time."""
        first = self.place[np.arange(len(self.place)), (self.place >= 0).argmax(axis=1)]
        seen = self.place >= 0
        return bool(np.array_equal(self.rows[self.place[seen]], self.rows[np.repeat(first, seen.sum(axis=1))]))

    def before(self, units: Integers, period: int) -> Floats:
        """(k, d) embeddings of some units as they were in a period that all of them were seen in."""
        return np.asarray(self.rows[self.place[units, period]])


@dataclass(frozen=True)
class Told:
    """The units of one comparison with their embeddings and folds.

    Parameters
    ----------
    design, embeddings
        (k, q) intercept and covariates, (k, d) embeddings.
    group, weights
        (k,) whether of the cohort; weights.
    folds
        (train, test) unit numbers.
    labels
        Thirds of the clusters, for the choice of a penalty; empty where units err alone.
    """

    design: Floats
    embeddings: Floats
    group: npt.NDArray[np.bool_]
    weights: Floats
    folds: tuple[tuple[Integers, Integers], ...]
    labels: tuple[Integers, ...]

    @classmethod
    def deal(
        cls, text: UnitText, design: Floats, embeddings: Floats, group: npt.NDArray[np.bool_], weights: Floats,
        clusters: Integers,
    ) -> Told:  # fmt: skip
        """Deal units to folds, clusters whole.

        Raises
        ------
        ValueError
            If there are too few units or clusters for the folds.
        """
        alone = len(np.unique(clusters)) == len(clusters)
        whole = () if alone else (np.unique(clusters, return_inverse=True)[1].reshape(-1),)
        folds = splits(len(group), text.folds, whole, group.astype(np.float64), text.seed)
        return cls(design, embeddings, group, weights, tuple(folds), tuple(codes % 3 for codes in whole))

    def odds(self) -> Floats:
        """(k,) out-of-fold odds of being of the cohort."""
        index = self._predicted(self.group.astype(np.float64), np.ones(len(self.group), dtype=bool), logistic=True)
        e = np.clip(expit(index), 1e-9, _CLIP)
        return np.asarray(e / (1 - e))

    def expected(self, change: Floats) -> Floats:
        """(k,) out-of-fold change that comparison units like a unit had."""
        return self._predicted(change, ~self.group, logistic=False)

    def _predicted(self, target: Floats, among: npt.NDArray[np.bool_], *, logistic: bool) -> Floats:
        found, q = np.empty(len(target)), self.design.shape[1]
        ridge = np.full(q, FREE)
        for train, test in self.folds:
            rows = train[among[train]]
            beta = fit_blocks(
                self.design[rows], self.embeddings[rows], target[rows], self.weights[rows],
                [codes[rows] for codes in self.labels], logistic=logistic, ridge=ridge,
            )  # fmt: skip
            found[test] = self.design[test] @ beta[:q] + self.embeddings[test] @ beta[q:]
        return found
