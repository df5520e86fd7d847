"""The estimators that are set beside each other: `candidates` for a question."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.sample import Embeddings, nearest
from causalrec_lab.estimate import Estimate

__all__ = ["Candidate", "candidates"]

_TABLES: Mapping[str, tuple[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "naive": ("naive", {}),
        "regression": ("regression", {}),
        "matching": ("matching", {}),
        "IPW": ("ipw", {}),
        "AIPW": ("aipw", {}),
        "AIPW, boosted": ("aipw", {"nuisance": "boosted"}),
        "TMLE": ("tmle", {}),
        "DML": ("dml", {}),
    }
)
_READS_TEXT = ("regression", "IPW", "AIPW", "DML")


@dataclass(frozen=True)
class Candidate:
    """One way to estimate: a function of `causal.effects`, its options, and whether it reads the text.

    Parameters
    ----------
    label
        What it is called in tables.
    function
        Name in `causal.effects`.
    options
        Options beyond the shared signature.
    reads_text
        Whether it takes the texts' embeddings.
    """

    label: str
    function: str
    options: Mapping[str, Any]
    reads_text: bool = False

    def __call__(
        self,
        frame: pd.DataFrame,
        treatment: str,
        outcome: str,
        covariates: Sequence[str],
        *,
        embeddings: Embeddings | None,
        cluster: Sequence[str],
        estimand: str,
        level: float,
        seed: int,
    ) -> Estimate:
        """Estimate; options that the function does not have are left out."""
        estimator: Callable[..., Estimate] = getattr(effects, self.function)
        known = inspect.signature(estimator).parameters
        shared: dict[str, Any] = {"level": level, "seed": seed, "estimand": estimand} | dict(self.options)
        if cluster:
            shared["cluster"] = list(cluster)
        if self.reads_text:
            shared["embeddings"] = embeddings
        given = {name: value for name, value in shared.items() if name in known}
        columns = [covariates] if "covariates" in known else []
        return estimator(frame, treatment, outcome, *columns, **given)


def candidates(names: Sequence[str] | None = None, *, text: bool = False) -> tuple[Candidate, ...]:
    """The estimators to compare.

    Parameters
    ----------
    names
        Labels of those wanted; None: all.
    text
        Whether there are texts: some estimators then stand a second time, reading them ("AIPW + text").

    Raises
    ------
    ValueError
        If a label is unknown; the nearest is offered.
    """
    found = {label: Candidate(label, function, options) for label, (function, options) in _TABLES.items()}
    if text:
        for label in _READS_TEXT:
            found[f"{label} + text"] = Candidate(f"{label} + text", *_TABLES[label], reads_text=True)
    if names is None:
        return tuple(found.values())
    if unknown := [name for name in names if name not in found]:
        raise ValueError(f"trust: no estimator {unknown[0]!r}; {nearest(unknown[0], list(found))}")
    return tuple(found[name] for name in names)
