"""What a fitted model's answers owe to chance in the data: the same question asked of draws of its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalrec_lab.causal.scm.counterfactual import causation
from causalrec_lab.causal.scm.couplings import Coupling
from causalrec_lab.causal.scm.discrete import DiscreteNetwork
from causalrec_lab.causal.scm.gaussian import GaussianSystem
from causalrec_lab.causal.scm.inference import posterior
from causalrec_lab.estimate import Estimate, z_value

__all__ = ["Question", "answers", "causation_intervals", "contrast_of", "effect", "interval", "scores"]

Floats = NDArray[np.float64]
Question = tuple[Sequence[str], Mapping[str, Any], Mapping[str, Any]]  # target, do, given
BLOCK = 250  # parameter draws in one contraction


def answers(
    mechanisms: DiscreteNetwork | GaussianSystem, questions: Sequence[Question], draws: int, seed: int
) -> list[Floats]:
    """Ask several questions of the same draws of the parameters.

    Parameters
    ----------
    mechanisms
        Fitted tables or equations.
    questions
        Each target, do and given.
    draws
        Draws from the posterior of the parameters (`DiscreteNetwork.drawn`, `GaussianSystem.drawn`).
    seed
        Random seed.

    Returns
    -------
    One array a question. Discrete: (draws, states of the target…). Gaussian: (draws, targets, 2), mean and variance.

    Raises
    ------
    ValueError
        If the mechanisms were given, not estimated, or `draws` is below 1.
    """
    if draws < 1:
        raise ValueError(f"draws={draws}: intervals need at least one draw of the parameters, usually 1,000")
    rng = np.random.default_rng(seed)
    if isinstance(mechanisms, GaussianSystem):
        systems = mechanisms.drawn(draws, rng)
        return [systems.query(*question) for question in questions]
    found: list[list[Floats]] = [[] for _ in questions]
    for start in range(0, draws, BLOCK):
        count = min(BLOCK, draws - start)
        tables = mechanisms.drawn(count, rng)
        for out, (target, do, given) in zip(found, questions, strict=True):
            codes = mechanisms.codes(do, "do"), mechanisms.codes(given, "given")
            joint = posterior(mechanisms.parents, tables, target, *codes, draws=count)
            out.append(joint / joint.sum(tuple(range(1, joint.ndim)), keepdims=True))
    return [np.concatenate(out) for out in found]


def interval(
    mechanisms: DiscreteNetwork | GaussianSystem, question: Question, level: float, draws: int, seed: int
) -> pd.DataFrame:
    """Answer to one question with a credible interval for each number in it.

    Returns
    -------
    DataFrame with columns value, std_error, low, high; a row a state (discrete), or mean and variance a target.
    """
    z_value(level)
    point = mechanisms.query(*question)
    drawn = answers(mechanisms, [question], draws, seed)[0].reshape(draws, -1)
    if isinstance(point, pd.DataFrame):
        point = point.stack()  # noqa: PD013 (rows targets, columns mean and variance: stacked is meant)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    columns = {"value": point.to_numpy(), "std_error": drawn.std(0), "low": low, "high": high}
    return pd.DataFrame(columns, index=point.index)


def effect(
    mechanisms: DiscreteNetwork | GaussianSystem,
    treatment: str,
    outcome: str,
    contrast: tuple[Any, Any],
    state: Any,
    given: Mapping[str, Any],
    *,
    level: float,
    draws: int,
    seed: int,
) -> Estimate:
    r"""Give :math:`E[f(Y) \mid do(t_1), given] - E[f(Y) \mid do(t_0), given]` with its posterior interval.

    f is 1 at `state`, or the outcome's own number. Given mechanisms are exact: standard error 0.
    """
    scale = scores(mechanisms, outcome, state)
    questions: list[Question] = [([outcome], {treatment: t}, given) for t in contrast]
    points = [scale(np.atleast_2d(mechanisms.query(*q).to_numpy()))[0] for q in questions]
    kind = "a linear-Gaussian model" if isinstance(mechanisms, GaussianSystem) else "a Bayesian network"
    about: dict[str, Any] = {
        "estimand": f"E[{outcome} | do({treatment} = {contrast[1]})] - E[{outcome} | do({treatment} = {contrast[0]})]",
        "method": f"do-query of {kind}",
        "assumptions": ("the graph holds every common cause", "the mechanisms have the model's form"),
    }
    if not mechanisms.estimated:
        return Estimate(points[1] - points[0], 0.0, notes=("mechanisms are given, not estimated",), **about)
    low, high = (scale(a) for a in answers(mechanisms, questions, draws, seed))
    ends = np.quantile(high - low, [(1 - level) / 2, (1 + level) / 2])
    value = points[1] - points[0]
    span = (min(float(ends[0]), value), max(float(ends[1]), value))  # a smoothed draw may miss a value at the edge
    notes = ("interval from the posterior of the parameters", *_filled(mechanisms))
    return Estimate(value, float((high - low).std()), span, level, n=mechanisms.rows, notes=notes, **about)


def causation_intervals(
    network: DiscreteNetwork,
    treatment: str,
    outcome: str,
    contrast: tuple[Any, Any],
    given: Mapping[str, Any],
    coupling: str | Coupling | Mapping[str, str | Coupling] | None,
    *,
    level: float,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    r"""`counterfactual.causation` with an interval around its bounds, from draws of the tables.

    A bound is an extreme, so its draws lie inwards of it as it lies inwards of the truth. With :math:`q_p` the
    quantiles of the drawn lower bounds and :math:`\hat L` the estimated one, the lower end is the smaller of
    :math:`q_{\alpha/2}` and :math:`2 \hat L - q_{1-\alpha/2}` (the basic interval, which turns that shift round); the
    upper end likewise. Where the treatment does nothing in several strata at once (many ties) it still covers too
    seldom.

    Returns
    -------
    As `causation`, and columns low and high.

    Raises
    ------
    ValueError
        If the tables were given, not estimated, or `level` is no level.
    """
    z_value(level)
    out = causation(network, treatment, outcome, contrast, given, coupling)
    tables = network.drawn(draws, np.random.default_rng(seed))
    drawn = [
        causation(
            replace(network, tables={n: t[i] for n, t in tables.items()}), treatment, outcome, contrast, given, coupling
        )
        for i in range(draws)
    ]
    ends = ("lower", "upper") if coupling is None else ("probability", "probability")
    spread = [np.array([one[end].to_numpy(float) for one in drawn]) for end in ends]
    tails = [(1 - level) / 2, (1 + level) / 2]
    (inner, top), (bottom, outer) = (np.nanquantile(one, tails, axis=0) for one in spread)
    low = np.fmin(inner, 2 * out[ends[0]] - top).fillna(0.0)
    high = np.fmax(outer, 2 * out[ends[1]] - bottom).fillna(1.0)
    return out.assign(low=low.clip(0.0, 1.0), high=high.clip(0.0, 1.0))


def scores(mechanisms: DiscreteNetwork | GaussianSystem, outcome: str, state: Any = None) -> Any:
    """Turn answers about the outcome, (draws, …), into its expected number or the probability of one state, (draws,).

    Raises
    ------
    ValueError
        If the outcome's states are no numbers, more than two, and no `state` is named.
    """
    if isinstance(mechanisms, GaussianSystem):
        return lambda a: a.reshape(len(a), -1)[:, 0]
    states = mechanisms.states[outcome]
    if state is not None:
        weights = np.eye(len(states))[mechanisms.codes({outcome: state}, "state")[outcome]]
    elif all(isinstance(s, (int, float, np.number)) for s in states):
        weights = np.array(states, float)
    elif len(states) == 2:
        weights = np.array([0.0, 1.0])
    else:
        raise ValueError(f"{outcome!r} has the states {', '.join(map(repr, states))}; say which one counts: state=…")
    return lambda a: a @ weights


def contrast_of(mechanisms: DiscreteNetwork | GaussianSystem, treatment: str, contrast: Any = None) -> tuple[Any, Any]:
    """Untreated and treated value: those given, a binary node's two states in order, or 0 and 1.

    Raises
    ------
    ValueError
        If the treatment has more than two states and no pair is given.
    """
    if contrast is not None:
        if isinstance(contrast, str) or len(contrast) != 2 or contrast[0] == contrast[1]:
            raise ValueError(f"contrast={contrast!r}: give two different values of {treatment!r}, (from, to)")
        return contrast[0], contrast[1]
    if isinstance(mechanisms, GaussianSystem):
        return 0.0, 1.0
    states = mechanisms.states[treatment]
    if len(states) != 2:
        known = ", ".join(map(repr, states))
        raise ValueError(f"{treatment!r} has the states {known}; say which two to compare: contrast=(from, to)")
    return states[0], states[1]


def _filled(mechanisms: DiscreteNetwork | GaussianSystem) -> tuple[str, ...]:
    if not mechanisms.filled:
        return ()
    return (f"{mechanisms.filled:.0%} of the values were filled by EM and count as seen: the interval is too narrow",)
