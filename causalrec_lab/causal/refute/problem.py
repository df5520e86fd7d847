"""An estimator with its arguments, to be run again on changed data: `Problem`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import as_list
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, propensity_scores
from causalrec_lab.causal.effects.sample import Floats, Integers
from causalrec_lab.estimate import Estimate

__all__ = ["Estimator", "Problem", "whole_repetitions"]

Estimator = Callable[..., Any]
_FOLDS = 5  # of the propensity that placebos are dealt by; fewer where fewer groups must stay whole


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

    def observed(self) -> Estimate:
        """Ask it for the first time, and refuse what leaves nothing to refute.

        Raises
        ------
        TypeError
            If the estimator is no function.
        ValueError
            Whatever the estimator refuses, one string for the covariates, or an estimate without spread.
        """
        if not callable(self.estimator):
            raise TypeError(f"estimator={self.estimator!r} is no function; give one, such as effects.aipw")
        if isinstance(self.covariates, str):
            raise ValueError(f"covariates={self.covariates!r} is one string; give a list of column names")
        found = self.estimate()
        if found.std_error == 0:
            raise ValueError(
                f"the estimate of {found.value:.3g} has standard error 0: {self.outcome!r} does not vary beyond what "
                "the estimator explains, so nothing could be found or refuted; give an outcome that varies"
            )
        return found

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
        names = as_list(self.options.get("cluster"))
        return np.asarray(pd.factorize(self.frame[names[0]])[0], dtype=np.int64) if names else None

    def law(self) -> Floats:
        """(n,) P(treated = 1): the logged propensity where the estimator was given one, else a cross-fitted one."""
        if (logged := self.options.get("propensity")) is not None:
            return np.asarray(self.frame[logged].to_numpy(dtype=np.float64))
        nuisance = self.options.get("nuisance", "spline")
        whole = as_list(self.options.get("groups")) or as_list(self.options.get("cluster"))
        fewest = min((self.frame[name].nunique() for name in whole), default=_FOLDS)
        return propensity_scores(
            self.frame, self.treatment, list(self.covariates),
            embeddings=self.options.get("embeddings"),
            groups=whole or None,
            folds=min(_FOLDS, int(fewest)),
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
