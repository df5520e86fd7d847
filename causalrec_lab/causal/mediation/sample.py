"""From a table and the roles of its columns to checked arrays: `MediationSample`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.sample import Embeddings, Floats, Integers, Sample, nearest, read_sample
from causalrec_lab.causal.graph.causal_graph import CausalGraph
from causalrec_lab.causal.mediation.assumptions import check_graph

__all__ = ["MediationSample", "read_mediation"]

_MOST = 6  # ordered binary mediators have 2^K states, all of which are summed


@dataclass(frozen=True)
class MediationSample:
    """Arrays of one mediation problem.

    Parameters
    ----------
    base
        Treatment, covariates, embeddings, weights, clusters; its outcome may be shifted, the one below is not.
    outcome
        (n,) in its own unit.
    mediators
        (n, K) in the order in which they happen.
    names
        Treatment, the K mediators, outcome.
    notes
        What the order of the columns made doubtful.
    """

    base: Sample
    outcome: Floats
    mediators: Floats
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.outcome)

    def state(self, place: int) -> Integers:
        """(n,) number of the state of the first `place` mediators, the first one the top bit."""
        bits = self.mediators[:, :place].astype(np.int64)
        return np.asarray(bits @ (1 << np.arange(place - 1, -1, -1, dtype=np.int64)), dtype=np.int64)

    @property
    def targets(self) -> tuple[Floats, ...]:
        """Mediators and outcome, each (n,), in their order."""
        return (*self.mediators.T, self.outcome)


def read_mediation(
    frame: pd.DataFrame,
    treatment: str,
    mediators: str | Sequence[str],
    outcome: str,
    covariates: Sequence[str],
    *,
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    graph: CausalGraph | None = None,
    binary: bool = True,
) -> MediationSample:
    """Check the roles of the columns and give the arrays.

    Parameters
    ----------
    graph
        Where given, roles that contradict it are refused.
    binary
        Whether treatment and mediators must be 0 or 1.

    Raises
    ------
    ValueError
        On the bad input that every effect estimator refuses, and on a mediator that is unknown, constant, missing in a
        row, not 0 or 1 where it must be, or listed in another role.
    """
    chosen = [mediators] if isinstance(mediators, str) else list(mediators)
    _check_roles(frame, treatment, chosen, outcome, covariates)
    if binary and len(chosen) > _MOST:
        raise ValueError(
            f"{len(chosen)} mediators have {2 ** len(chosen):,} states; give at most {_MOST}: the stages in question"
        )
    if graph is not None:
        check_graph(graph, treatment, chosen, outcome, covariates)
    base = read_sample(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, binary=binary,
    )  # fmt: skip
    columns = [_mediator(frame, name, binary) for name in chosen]
    values = _numbers(frame, outcome)
    if values.min() == values.max():
        raise ValueError(f"outcome {outcome!r} is {values[0]:g} in all {len(values):,} rows; nothing can move it")
    notes = _order_notes(chosen, columns) if binary else ()
    return MediationSample(base, values, np.column_stack(columns), (treatment, *chosen, outcome), notes)


def _check_roles(
    frame: pd.DataFrame, treatment: str, mediators: list[str], outcome: str, covariates: Sequence[str]
) -> None:
    if not mediators:
        raise ValueError("no mediators; list the columns that stand between treatment and outcome, in time order")
    for name in mediators:
        if name not in frame.columns:
            raise ValueError(f"mediator {name!r} is no column of the table; {nearest(name, list(frame.columns))}")
        if isinstance(frame[name], pd.DataFrame):
            raise ValueError(f"mediator {name!r} stands {frame[name].shape[1]} times in the table; rename or drop one")
        if name in (treatment, outcome):
            raise ValueError(f"mediator {name!r} is the treatment or the outcome as well; a mediator is neither")
        if name in covariates:
            raise ValueError(
                f"{name!r} is a mediator and a covariate; a covariate stands before the treatment, a mediator after: "
                "take it out of the covariates"
            )
        if mediators.count(name) > 1:
            raise ValueError(f"mediator {name!r} is listed twice")


def _mediator(frame: pd.DataFrame, name: str, binary: bool) -> Floats:
    values = _numbers(frame, name)
    if not np.isfinite(values).all():
        bad = ~np.isfinite(values)
        raise ValueError(
            f"mediator {name!r} has {int(bad.sum()):,} missing or infinite values, first at row {int(np.argmax(bad))}; "
            "in a log of stages a missing one usually is 0 (it was not reached): say so by filling it, or drop the rows"
        )
    if values.min() == values.max():
        raise ValueError(
            f"mediator {name!r} is {values[0]:g} in all {len(values):,} rows; nothing runs through what never changes: "
            "leave it out"
        )
    if binary and not np.isin(values, (0.0, 1.0)).all():
        row = int(np.argmin(np.isin(values, (0.0, 1.0))))
        raise ValueError(
            f"mediator {name!r} is not binary: row {row} has {values[row]:g}; mediation.linear takes numbers, or cut "
            "it at a value that means something and code it 0 / 1"
        )
    return values


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    if frame[name].dtype.kind in "mM":
        raise ValueError(f"column {name!r} holds times ({frame[name].dtype}); say what happened, as 0 or 1")
    try:
        return np.asarray(pd.to_numeric(frame[name]).to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r} holds values that are not numbers: {error}") from error


def _order_notes(names: list[str], columns: list[Floats]) -> tuple[str, ...]:
    """Pairs whose data look like a funnel walked backwards."""
    said = []
    for k in range(1, len(names)):
        before, after = columns[k - 1], columns[k]
        if not before[after == 0].any() and after[before == 0].any():
            said.append(
                f"warning: {names[k - 1]!r} is 1 only where {names[k]!r} is, so the second seems to come first; list "
                "mediators in the order in which they happen"
            )
    return tuple(said)
