r"""The gap between two groups once something is made alike: :math:`E\{E[Y | x_1, V] | x_0\} - E[Y | x_0]`.

Every part of a causal decomposition is a difference of such gaps (see `parting`). For a yes-or-no contrast the mean
is estimated doubly robustly, from its efficient influence function (Hahn 1998, "On the Role of the Propensity Score",
Econometrica 66, for the effect on the treated),

.. math:: P(x_0)\, \phi = 1\{x_1\} \frac{1 - e(V)}{e(V)} (Y - \mu_1(V)) + 1\{x_0\} (\mu_1(V) - \theta),

with :math:`e(V) = P(x_1 | V)`: by cells where V takes few values, else by cross-fitted regressions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.columns import covariate_matrix
from causalrec_lab.causal.effects.nuisances.cross_fitting import cross_fit
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import read_sample
from causalrec_lab.data.registry import nearest
from causalrec_lab.explain.fairness.groups import Floats, Ints

__all__ = ["NUISANCES", "linear_gap", "mean_if_alike", "of_mean"]

NUISANCES = ("auto", "cells", "linear", "spline", "boosted")
_ROWS_A_CELL = 20
_LEVELS = 12
_CLIP = 0.01
_GROUP, _OUTCOME = "group one of two", "outcome of it"  # columns beside the caller's

Mean = tuple[float, Floats, str]  # value, influence, how


@one_thread()
def mean_if_alike(
    frame: pd.DataFrame, x: Floats, y: Floats, alike: Sequence[str], *, nuisance: str, folds: int, seed: int
) -> Mean:
    """Mean outcome of group 1 if its `alike` columns were distributed as in group 0.

    Parameters
    ----------
    frame
        Columns `alike`.
    x, y
        (n,) group 0 or 1; outcome.
    nuisance
        "cells", "linear", "spline", "boosted", or "auto": cells where each has 20 rows on average and no number has
        more than 12 values, else splines.

    Raises
    ------
    ValueError
        If a kind of row is seen in group 0 alone (nothing tells what group 1 would have there), or the word is unknown.
    """
    if nuisance not in NUISANCES:
        raise ValueError(f"nuisance={nuisance!r}; {nearest(nuisance, NUISANCES)}")
    if not alike:
        value = float(y[x == 1].mean())
        return value, of_mean(x, y), "means"
    cells = np.asarray(frame.groupby(list(alike), sort=False, observed=True, dropna=False).ngroup(), dtype=np.int64)
    few = (cells.max() + 1) * _ROWS_A_CELL <= len(x) and not _graded(frame, alike)
    if nuisance == "cells" or (nuisance == "auto" and few):
        e, mu, wider = _by_cell(frame, x, y, cells, alike)
        return (*_assembled(x, y, e, mu, wider), "cells")
    kind = "spline" if nuisance == "auto" else nuisance
    e, mu = _regressed(frame, x, y, alike, kind, folds, seed)
    return (*_assembled(x, y, e, mu), f"{kind}, {folds}-fold cross-fitted")


def of_mean(members: Floats, y: Floats) -> Floats:
    """Influence of each row on the mean of the members (0 or 1), with n - 1 of them, as in a variance."""
    n = members.sum()
    return np.asarray(members / members.mean() * np.sqrt(n / max(n - 1, 1)) * (y - y @ members / n))


def linear_gap(frame: pd.DataFrame, x: Floats, y: Floats, alike: Sequence[str]) -> tuple[float, Floats]:
    """Slope of y in x, least squares given the columns `alike`, and its influence function.

    Raises
    ------
    ValueError
        If x is a linear function of the columns.
    """
    columns, _ = covariate_matrix(frame, alike)
    rest = np.column_stack([np.ones(len(x)), columns])
    own = x - rest @ np.linalg.lstsq(rest, x, rcond=None)[0]
    if own @ own < 1e-9 * ((x - x.mean()) @ (x - x.mean())):
        raise ValueError(f"the protected attribute follows exactly from {', '.join(alike)}; leave out what repeats it")
    slope = float(own @ y / (own @ own))
    both = np.column_stack([rest, x])
    error = y - both @ np.linalg.lstsq(both, y, rcond=None)[0]
    return slope, own * error / (own @ own / len(x))


def _graded(frame: pd.DataFrame, alike: Sequence[str]) -> bool:
    """Whether a column is a number of many values, near which others tell something too."""
    return any(pd.api.types.is_numeric_dtype(frame[name]) and frame[name].nunique() > _LEVELS for name in alike)


def _assembled(x: Floats, y: Floats, e: Floats, mu: Floats, wider: Floats | float = 1.0) -> tuple[float, Floats]:
    share = float((1 - x).mean())
    score = (x * (1 - e) / e * wider * (y - mu) + (1 - x) * mu) / share
    value = float(score.mean())
    return value, score - (1 - x) / share * value


def _by_cell(
    frame: pd.DataFrame, x: Floats, y: Floats, cells: Ints, alike: Sequence[str]
) -> tuple[Floats, Floats, Floats]:
    """Each row's share and mean of group 1 in its cell, and what makes up for a mean of few lying close to them."""
    rows = np.bincount(cells)
    ones = np.bincount(cells, x)
    if (alone := (ones == 0)).any():
        row = int(np.argmax(alone[cells]))
        where = ", ".join(f"{name}={frame[name].iloc[row]}" for name in alike)
        raise ValueError(
            f"{int(rows[alone].sum()):,} rows are of kinds that only one of the two groups has, such as {where}; no "
            "data say what the other group would have there: merge such kinds, or leave rows out, and say so"
        )
    mu = np.bincount(cells, x * y) / ones
    wider = np.sqrt(ones / np.maximum(ones - 1, 1))
    return (ones / rows)[cells], mu[cells], wider[cells]


def _regressed(
    frame: pd.DataFrame, x: Floats, y: Floats, alike: Sequence[str], kind: str, folds: int, seed: int
) -> tuple[Floats, Floats]:
    """Cross-fitted chance of group 1 and its mean outcome, each row's by models that did not see it."""
    columns = frame[list(alike)].assign(**{_GROUP: x, _OUTCOME: y})
    sample = read_sample(columns, _GROUP, _OUTCOME, list(alike))
    shift = 0.0 if sample.binary_outcome else float(y.mean())
    fitted = cross_fit(sample, nuisance=kind, folds=folds, seed=seed, clip=_CLIP)
    return fitted.propensity, fitted.treated + shift
