"""Probabilities of causation from an experiment, a log, or both: needed, enough, or neither."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.estimate import z_value

__all__ = ["causation_bounds", "probabilities_of_causation"]

Floats = NDArray[np.float64]
NAMES = ("PN", "PS", "PNS")
RARE = 1e-3  # a number that is the largest in a smaller share of draws plays no part


def probabilities_of_causation(
    treatment: str,
    outcome: str,
    *,
    experiment: pd.DataFrame | None = None,
    observed: pd.DataFrame | None = None,
    exogenous: bool = False,
    monotone: bool = False,
    level: float = 0.95,
    draws: int = 2_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Bound how often the treatment was necessary (PN), sufficient (PS), or both (PNS), without a model.

    For treatment x, its absence x', outcome y (Tian & Pearl 2000, section 4):
    :math:`PN = P(y'_{x'} \mid x, y)`: of those treated who bought, the share who would not have bought otherwise;
    :math:`PS = P(y_x \mid x', y')`: of those untreated who did not, the share the treatment would have moved;
    :math:`PNS = P(y_x, y'_{x'})`: the share of all whom the treatment makes buy.

    Parameters
    ----------
    treatment, outcome
        Columns of 0 and 1 (or booleans).
    experiment
        Rows of a randomised experiment. Alone, PN and PS are those among its own units.
    observed
        Rows of a log of the same population, in which the treatment followed what people chose.
    exogenous
        The log's treatment is as good as random (no confounding).
    monotone
        The treatment prevents nobody from buying; then the three are points where the effect is known.
    level, draws, seed
        Interval around the bounds from `draws` of the Dirichlet posterior of the frequencies (Jeffreys' prior). An end
        that is the largest of several noisy numbers (PNS has up to four) is biased inwards, as is its posterior; so the
        probability of missing it is shared out among the numbers that may be the largest, each has its own limit, and
        the outermost counts (Bonferroni; the bias is that of Chernozhukov, Lee and Rosen 2013, "Intersection bounds:
        estimation and inference", Econometrica 81).

    Returns
    -------
    DataFrame with rows PN, PS, PNS; lower and upper bound at the observed frequencies, and low and high, the ends of an
    interval that contains the whole bound, from lower to upper, with about the given probability or more.

    Warns
    -----
    UserWarning
        If experiment and log contradict each other, or the effect contradicts monotonicity.

    Raises
    ------
    ValueError
        If no table is given, a column is missing or not 0 and 1, or an arm is empty.
    """
    if experiment is None and observed is None:
        raise ValueError("probabilities_of_causation needs an experiment=, an observed= log, or both")
    z_value(level)
    if draws < 1:
        raise ValueError(f"draws={draws}: intervals need at least one draw, usually 2,000")
    if treatment == outcome:
        raise ValueError(f"{treatment!r} is both treatment and outcome; name two columns")
    tables = [None if t is None else _counts(t, treatment, outcome) for t in (experiment, observed)]
    rng = np.random.default_rng(seed)
    drawn = [None if c is None else rng.dirichlet(c.ravel() + 0.5, draws).reshape(-1, 2, 2) for c in tables]
    shares = [None if c is None else c / c.sum() for c in tables]
    pieces = _pieces(drawn[0], drawn[1], exogenous, monotone)
    point, spread = _extremes(_pieces(shares[0], shares[1], exogenous, monotone)), _extremes(pieces)
    _warn(point, spread, level, monotone)
    rows = {}
    for name in NAMES:
        (lower, upper), (lows, highs) = point[name], pieces[name]
        ends = _outermost(lows, (1 - level) / 2), -_outermost([-high for high in highs], (1 - level) / 2)
        low, high = np.clip([min(ends[0], lower), max(ends[1], upper)], 0.0, 1.0)
        rows[name] = dict(zip(("lower", "upper"), np.clip([lower, upper], 0.0, 1.0), strict=True))
        rows[name] |= {"low": low, "high": high}
    return pd.DataFrame.from_dict(rows, orient="index")


def causation_bounds(
    effects: tuple[ArrayLike, ArrayLike] | None = None, joint: ArrayLike | None = None, monotone: bool = False
) -> dict[str, tuple[Floats, Floats]]:
    r"""Sharp bounds of Tian & Pearl (2000), equations 22-25, 36-38 and, under monotonicity, Theorem 3.

    Parameters
    ----------
    effects
        :math:`P(y_x)` and :math:`P(y_{x'})`, numbers or arrays of one shape.
    joint
        :math:`P(x, y)` as an array of shape (…, 2, 2): rows untreated and treated, columns not y and y.
    monotone
        :math:`y_x \ge y_{x'}` for everybody.

    Returns
    -------
    PN, PS, PNS -> lower and upper bound. A lower bound above its upper one says that the two sources disagree.
    """
    return _extremes(causation_pieces(effects, joint, monotone))


def causation_pieces(
    effects: tuple[ArrayLike, ArrayLike] | None = None, joint: ArrayLike | None = None, monotone: bool = False
) -> dict[str, tuple[list[Floats], list[Floats]]]:
    """The numbers whose largest is the lower bound and whose smallest is the upper one; see `causation_bounds`."""
    P = np.asarray(joint, float) if joint is not None else None
    if effects is None:
        assert P is not None
        top = P[..., 1, 1] + P[..., 0, 0]
        zero, one = np.zeros_like(top), np.ones_like(top)
        return {"PN": ([zero], [one]), "PS": ([zero], [one]), "PNS": ([zero], [top])}
    p1, p0 = (np.asarray(e, float) for e in effects)
    if P is None:
        raise ValueError("causation_bounds needs the joint table P(x, y) beside the effects")
    y = P[..., 0, 1] + P[..., 1, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        pn = (y - p0) / P[..., 1, 1], (1 - p0 - P[..., 0, 0]) / P[..., 1, 1]
        ps = (p1 - y) / P[..., 0, 0], (p1 - P[..., 1, 1]) / P[..., 0, 0]
    pn, ps = (  # shares of nobody may be anything
        (np.where(mass > 0, low, 0.0), np.where(mass > 0, high, 1.0))
        for (low, high), mass in ((pn, P[..., 1, 1]), (ps, P[..., 0, 0]))
    )
    if monotone:
        ends = {"PN": (pn, P[..., 1, 1]), "PS": (ps, P[..., 0, 0])}
        points = {k: ([v[0]], [np.where(mass > 0, v[0], 1.0)]) for k, (v, mass) in ends.items()}
        return points | {"PNS": ([p1 - p0], [p1 - p0])}
    zero, one = np.zeros_like(p1), np.ones_like(p1)
    low = [zero, p1 - p0, y - p0, p1 - y]
    high = [p1, 1 - p0, P[..., 1, 1] + P[..., 0, 0], p1 - p0 + P[..., 1, 0] + P[..., 0, 1]]
    pairs = {"PN": pn, "PS": ps}
    return {k: ([zero, v[0]], [one, v[1]]) for k, v in pairs.items()} | {"PNS": (low, high)}


def _extremes(pieces: dict[str, tuple[list[Floats], list[Floats]]]) -> dict[str, tuple[Floats, Floats]]:
    return {name: (np.max(low, 0), np.min(high, 0)) for name, (low, high) in pieces.items()}


def _outermost(pieces: list[Floats], tail: float) -> float:
    """Largest of the lower limits of several drawn numbers: below the largest of their true values but for `tail`."""
    drawn = np.array(pieces)
    noisy = np.ptp(drawn, axis=1) > 0
    rival = (drawn >= drawn.max(0)).mean(1) >= RARE
    share = tail / max(int((noisy & rival).sum()), 1)
    return float(np.quantile(drawn[rival | ~noisy], share, axis=1).max())


def _pieces(
    experiment: Floats | None, observed: Floats | None, exogenous: bool, monotone: bool
) -> dict[str, tuple[list[Floats], list[Floats]]]:
    """What bounds come from, by whichever tables of shape (…, 2, 2) there are."""
    if experiment is None and not exogenous:
        return causation_pieces(None, observed, monotone)
    source = experiment if experiment is not None else observed
    assert source is not None
    chance = source[..., 1] / source.sum(-1)
    return causation_pieces((chance[..., 1], chance[..., 0]), source if observed is None else observed, monotone)


def _counts(frame: pd.DataFrame, treatment: str, outcome: str) -> Floats:
    if frame.empty:
        raise ValueError("a table without rows bounds nothing; give experiment= or observed= with rows")
    for name in (treatment, outcome):
        if name not in frame.columns:
            raise ValueError(f"no column {name!r}; {nearest(name, frame.columns)}")
        values = frame[name]
        if values.isna().any() or not values.isin([0, 1]).all():
            odd = values[values.isna() | ~values.isin([0, 1])].tolist()[0]
            raise ValueError(f"column {name!r} holds {odd!r}; necessity and sufficiency need 0 and 1")
    counts = np.zeros((2, 2))
    np.add.at(counts, (frame[treatment].to_numpy(int), frame[outcome].to_numpy(int)), 1.0)
    if (counts.sum(1) == 0).any():
        raise ValueError(f"column {treatment!r} is {int(counts[1].sum() > 0)} in every row: one arm is empty")
    return counts


def _warn(
    point: dict[str, tuple[Floats, Floats]], spread: dict[str, tuple[Floats, Floats]], level: float, monotone: bool
) -> None:
    apart = [n for n in NAMES if np.quantile(spread[n][0] - spread[n][1], (1 - level) / 2) > 0]
    if apart:
        warnings.warn(
            f"experiment and log contradict each other ({', '.join(apart)}: lower bound above upper bound): they are "
            "not the same population, or one is not what it says",
            stacklevel=3,
        )
    if monotone and (float(point["PNS"][0]) < 0 or any(not -1e-9 <= float(point[n][0]) <= 1 for n in ("PN", "PS"))):
        warnings.warn(
            "the frequencies contradict monotonicity (a probability fell outside 0 to 1): drop monotone=True",
            stacklevel=3,
        )
