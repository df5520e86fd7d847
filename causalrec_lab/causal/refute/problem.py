"""An estimator with its arguments, to be run again on changed data: `Problem`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, propensity_scores
from causalrec_lab.causal.effects.sample import Floats, Integers
from causalrec_lab.estimate import Estimate

__all__ = ["Estimator", "Problem", "whole_repetitions"]

Estimator = Callable[..., Any]


@dataclass(frozen=True)
class Problem:
    """What an estimator was asked, so that it can be asked the same of other rows, columns or treatments.

    Parameters
    ----------
    estimator
        Any of `effects.*`: f(frame, treatment, outcome, covariates, **options) -> Estimate, or a result with
        `.average()`.
    frame, treatment, outcome, covariates, options
        Its arguments.
    """

    estimator: Estimator
    frame: pd.DataFrame
    treatment: str
    outcome: str
    covariates: Sequence[str]
    options: Mapping[str, Any] = field(default_factory=dict)

    def estimate(self) -> Estimate:
        """Ask it.

        Raises
        ------
        ValueError
            Whatever the estimator refuses.
        """
        given = [self.treatment, self.outcome]
        wanted = inspect.signature(self.estimator).parameters
        if "covariates" in wanted or any(p.kind is p.VAR_POSITIONAL for p in wanted.values()):
            found = self.estimator(self.frame, *given, list(self.covariates), **self.options)
        else:  # the naive contrast adjusts for nothing
            found = self.estimator(self.frame, *given, **self.options)
        return found if isinstance(found, Estimate) else found.average()

    def on(self, **columns: Any) -> Problem:
        """The same question of a table with other columns."""
        return replace(self, frame=self.frame.assign(**columns))

    def take(self, rows: Integers) -> Problem:
        """The same question of some rows, with their embeddings."""
        options = dict(self.options)
        blocks = options.get("embeddings")
        if blocks is not None:
            several = [blocks] if isinstance(blocks, np.ndarray) else list(blocks)
            options["embeddings"] = [block[rows] for block in several]
        return replace(self, frame=self.frame.iloc[rows].reset_index(drop=True), options=options)

    def units(self) -> Integers | None:
        """(n,) codes of the first cluster column, None where there is none."""
        cluster = self.options.get("cluster")
        name = cluster if isinstance(cluster, str) or cluster is None else next(iter(cluster))
        return None if name is None else np.asarray(pd.factorize(self.frame[name])[0], dtype=np.int64)

    def law(self) -> Floats:
        """(n,) P(treated = 1): the logged propensity where the estimator was given one, else a cross-fitted one."""
        if (logged := self.options.get("propensity")) is not None:
            return np.asarray(self.frame[logged].to_numpy(dtype=np.float64))
        nuisance = self.options.get("nuisance", "spline")
        return propensity_scores(
            self.frame, self.treatment, list(self.covariates),
            embeddings=self.options.get("embeddings"),
            groups=self.options.get("groups") or self.options.get("cluster"),
            nuisance=nuisance if nuisance in NUISANCES else "spline", seed=int(self.options.get("seed", 0)),
        )  # fmt: skip


def whole_repetitions(repetitions: int, least: int = 10) -> int:
    """Refuse too few repetitions to say anything.

    Raises
    ------
    ValueError
        If there are fewer than `least`.
    """
    if repetitions < least:
        raise ValueError(f"repetitions={repetitions}; {least} or more are needed to tell anything")
    return int(repetitions)
