"""What a graph claims about data, and tests of the claims with Holm's correction."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.adjustment import observed_mask
from causalrec_lab.causal.notation import nearest
from causalrec_lab.causal.separation import bits, minimal_separators

if TYPE_CHECKING:
    from causalrec_lab.causal.graph import CausalGraph

__all__ = ["Independence", "graph_test", "holm", "implied_independencies", "independence_test", "refuse_infinite"]

LEVELS = 12  # an integer column with at most so many values counts as discrete


@dataclass(frozen=True)
class Independence:
    """The claim that x and y are independent given a set."""

    x: str
    y: str
    given: tuple[str, ...] = ()

    def __str__(self) -> str:
        """``x _||_ y | a, b`` with the field's sign."""
        return f"{self.x} \u22a5 {self.y}" + (f" | {', '.join(self.given)}" if self.given else "")


def implied_independencies(graph: CausalGraph) -> tuple[Independence, ...]:
    """One independence for each pair of observed nodes that some observed set separates, with a smallest such set.

    Pairs that no observed set separates are left out. Each claim follows from the graph (Pearl 2009, Theorem 1.2.4);
    small sets are taken because tests with few conditions are strong, so the list is necessary for the graph, not
    sufficient: it is no basis from which every other independence would follow.
    """
    out = []
    observed = observed_mask(graph)
    for x, y in itertools.combinations(bits(observed), 2):
        found = itertools.islice(minimal_separators(graph.dag, x, y, observed & ~(1 << x | 1 << y)), 200)
        if sets := [graph.names(mask) for mask in found]:
            given = min(sets, key=lambda names: (len(names), names))
            out.append(Independence(graph.nodes[x], graph.nodes[y], given))
    return tuple(out)


def graph_test(graph: CausalGraph, frame: pd.DataFrame, *, level: float = 0.05) -> pd.DataFrame:
    """Test every implied independence against data.

    The test suits the columns: see `independence_test`. p-values are corrected together by Holm's step-down procedure,
    so that a true graph loses any test with probability at most `level`. A graph that passes is not proved: graphs with
    the same independencies (Markov equivalent ones) pass alike, and a small sample passes anything.

    Parameters
    ----------
    graph
        The causal graph.
    frame
        One column for each observed node (others are ignored).
    level
        Familywise error rate.

    Returns
    -------
    DataFrame with columns independence, x, y, given, test, statistic, df, p_value, p_holm, rejected, n; smallest
    p-value first.

    Raises
    ------
    ValueError
        If a node has no column, a column is constant or holds missing or infinite values, or there are too few rows.
    """
    columns = _checked(frame, graph.observed)
    rows = []
    for claim in implied_independencies(graph):
        test, statistic, df, p = independence_test(columns, claim.x, claim.y, claim.given)
        rows.append((str(claim), claim.x, claim.y, claim.given, test, statistic, df, p))
    names = ["independence", "x", "y", "given", "test", "statistic", "df", "p_value"]
    table = pd.DataFrame(rows, columns=names)
    table["p_holm"] = holm(table["p_value"].to_numpy(float))
    table["rejected"] = table["p_holm"] < level
    table["n"] = len(columns)
    return table.sort_values(["p_value", "independence"], ignore_index=True)


def _checked(frame: pd.DataFrame, nodes: Sequence[str]) -> pd.DataFrame:
    if absent := [n for n in nodes if n not in frame.columns]:
        raise ValueError(f"node {absent[0]!r} has no column; {nearest(absent[0], frame.columns)} Or declare it latent")
    columns = frame[list(nodes)]
    missing = columns.isna().sum()
    if missing.any():
        name = str(missing.idxmax())
        raise ValueError(
            f"column {name!r} has {missing[name]} missing values of {len(frame)}; drop or impute them first"
        )
    for name in nodes:
        refuse_infinite(columns[name])
        if columns[name].nunique() < 2:
            raise ValueError(
                f"column {name!r} is constant: nothing can be tested with it; leave the node out or declare it latent"
            )
    return columns


def refuse_infinite(column: pd.Series) -> None:
    """Say where a column of numbers is infinite: every moment taken with it would be NaN.

    Raises
    ------
    ValueError
        If it is anywhere.
    """
    if not pd.api.types.is_numeric_dtype(column):
        return
    infinite = np.isinf(column.to_numpy(np.float64))
    if infinite.any():
        row = int(infinite.argmax())
        raise ValueError(
            f"column {column.name!r} has {int(infinite.sum())} infinite values of {len(column)}, first at row {row}: "
            f"{column.iloc[row]}; drop or replace them first"
        )


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's (1979) step-down adjusted p-values, in the order given."""
    order = np.argsort(p_values, kind="stable")
    count = len(p_values)
    stepped = np.maximum.accumulate(p_values[order] * (count - np.arange(count)))
    out = np.empty(count)
    out[order] = np.minimum(stepped, 1.0)
    return out


def independence_test(
    frame: pd.DataFrame, x: str, y: str, given: Sequence[str] = ()
) -> tuple[str, float, float, float]:
    """Test x independent of y given a set, by a test that suits the columns.

    All columns discrete (text, categories, booleans, integers with at most 12 values): G-test. x and y of one number
    each: partial correlation (t-test; it sees linear dependence only). Otherwise: Wilks' lambda of the residuals with
    Bartlett's chi-square approximation (Anderson 2003, section 8.5), categories as indicators.

    Returns
    -------
    name of the test, statistic, degrees of freedom, p-value.
    """
    if all(_discrete(frame[name]) for name in (x, y, *given)):
        return "G", *g_test(frame, x, y, given)
    left, right = _residuals(frame, (x,), given), _residuals(frame, (y,), given)
    control = 1 + sum(_design(frame[name]).shape[1] for name in given)
    if left.shape[1] == right.shape[1] == 1:
        return "partial correlation", *_partial_correlation(left[:, 0], right[:, 0], control)
    return "Wilks", *_wilks(left, right, control)


def _discrete(column: pd.Series) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(column):
        return True
    if pd.api.types.is_bool_dtype(column):
        return True
    return bool(column.nunique() <= LEVELS and (column == column.round()).all())


def _design(column: pd.Series) -> NDArray[np.float64]:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(float)[:, None]
    return pd.get_dummies(column, drop_first=True).to_numpy(float)


def _residuals(frame: pd.DataFrame, names: Sequence[str], given: Sequence[str]) -> NDArray[np.float64]:
    target = np.hstack([_design(frame[name]) for name in names])
    base = np.hstack([np.ones((len(frame), 1)), *(_design(frame[name]) for name in given)])
    scale = np.linalg.norm(base, axis=0)
    return np.asarray(target - base @ (np.linalg.lstsq(base / scale, target, rcond=None)[0] / scale[:, None]))


def _partial_correlation(
    left: NDArray[np.float64], right: NDArray[np.float64], control: int
) -> tuple[float, float, float]:
    from scipy.stats import t as student

    df = len(left) - control - 1
    if df < 1:
        raise ValueError(f"{len(left)} rows are too few for a test with {control - 1} conditioning columns")
    r = float(left @ right / max(math.sqrt(float(left @ left) * float(right @ right)), 1e-300))
    r = min(max(r, -1.0), 1.0)
    p = 2 * float(student.sf(abs(r) * math.sqrt(df / max(1 - r * r, 1e-300)), df))
    return r, float(df), p


def _wilks(left: NDArray[np.float64], right: NDArray[np.float64], control: int) -> tuple[float, float, float]:
    from scipy.stats import chi2

    n, p, q = len(left), left.shape[1], right.shape[1]
    scale = n - control - (p + q + 1) / 2
    if scale <= 0:
        raise ValueError(
            f"{n} rows are too few for a test of {p} x {q} columns with {control - 1} conditioning columns"
        )
    roots = np.linalg.svd(np.linalg.qr(left)[0].T @ np.linalg.qr(right)[0], compute_uv=False)
    statistic = -scale * float(np.log1p(-np.minimum(roots**2, 1 - 1e-15)).sum())
    return statistic, float(p * q), float(chi2.sf(statistic, p * q))


def g_test(frame: pd.DataFrame, x: str, y: str, given: Sequence[str] = ()) -> tuple[float, float, float]:
    r"""Likelihood-ratio test :math:`G = 2 \sum O \ln(O / E)` of x independent of y, summed over the strata of `given`.

    Degrees of freedom count only rows and columns a stratum holds, so that empty cells do not weaken the test.

    Returns
    -------
    statistic, degrees of freedom, p-value (1 where no stratum can tell).
    """
    from scipy.stats import chi2

    rows, columns = (pd.factorize(frame[name])[0] for name in (x, y))
    strata = frame.groupby(list(given), observed=True).ngroup().to_numpy() if given else np.zeros(len(frame), int)
    shape = strata.max() + 1, rows.max() + 1, columns.max() + 1
    cells = np.bincount(np.ravel_multi_index((strata, rows, columns), shape), minlength=math.prod(shape))
    seen = cells.reshape(shape).astype(float)
    by_row, by_column, total = seen.sum(2), seen.sum(1), seen.sum((1, 2))
    expected = by_row[:, :, None] * by_column[:, None, :] / total[:, None, None]
    positive = seen > 0
    statistic = 2 * float((seen[positive] * np.log(seen[positive] / expected[positive])).sum())
    df = float((((by_row > 0).sum(1) - 1) * ((by_column > 0).sum(1) - 1)).sum())
    return statistic, df, float(chi2.sf(statistic, df)) if df else 1.0
