"""Too few to tell: rows or events of an arm, clusters, rows of a category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from causalrec_lab.causal.effects.columns import Floats, Integers

if TYPE_CHECKING:
    from causalrec_lab.causal.effects.sample import Sample

__all__ = ["cluster_notes", "few_notes", "rare_notes"]

FEW_ROWS, FEW_EVENTS = 20, 10  # of an arm, below which the normal law is a poor guide to the error
FEW_CLUSTERS = 20
RARE = 5  # rows of a category below which a training set may have none of them


def few_notes(sample: Sample) -> tuple[str, ...]:
    """Whether no outcome varies, or an arm has too few rows, or events of a 0/1 outcome, for its interval."""
    t, y, said = sample.treatment, sample.outcome, []
    if not np.ptp(y):
        said.append("warning: the outcome is the same in every row, so the table cannot tell an effect from none")
    for arm, word in ((1.0, "treated"), (0.0, "untreated")) if np.isin(t, (0.0, 1.0)).all() else ():
        inside = (t == arm) & (sample.weights > 0)
        rows, ones = int(inside.sum()), int((y[inside] == 1).sum())
        rarer = min(ones, rows - ones)
        if rows < FEW_ROWS:
            said.append(f"warning: only {rows} {word} rows; below about {FEW_ROWS} the interval is too short")
        elif sample.binary_outcome and rarer < FEW_EVENTS:
            what = f"have the outcome {int(ones <= rows - ones)}"
            said.append(
                f"warning: only {rarer} of the {rows:,} {word} rows {what}; below about {FEW_EVENTS} the interval "
                "is a poor guide"
            )
    return tuple(said)


def cluster_notes(names: Sequence[str], clusters: Sequence[Integers]) -> tuple[str, ...]:
    """Whether a cluster column has too few clusters for its error."""
    counts = [(name, int(codes.max()) + 1) for name, codes in zip(names, clusters, strict=True)]
    return tuple(
        f"warning: only {count} clusters in {name!r}; cluster-robust errors need about 20 or more, so this "
        "interval is too short"
        for name, count in counts
        if count < FEW_CLUSTERS
    )


def rare_notes(names: Sequence[str], covariates: Floats) -> tuple[str, ...]:
    """Which categories a fold may not have met: there they are read as the first level.

    Parameters
    ----------
    names
        Of the columns; a level of a category is "column=level".
    covariates
        (n, p) columns.
    """
    levels = [k for k, name in enumerate(names) if "=" in str(name) and np.isin(covariates[:, k], (0.0, 1.0)).all()]
    found = [(names[k], int(covariates[:, k].sum())) for k in levels if covariates[:, k].sum() < RARE]
    if not found:
        return ()
    told = ", ".join(f"{name} ({count} row{'s' if count > 1 else ''})" for name, count in found[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    said = (
        f"rare categories: {told}{more}; rows from which a model learned may hold none of them, and it then reads them "
        "as the column's first level: merge them into a level of their kind"
    )
    return (said,)
