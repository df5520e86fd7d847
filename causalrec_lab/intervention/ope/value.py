"""The value of a policy from the logs of others, with an interval: `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.estimate import Estimate, z_value
from causalrec_lab.intervention.ope.diagnosing import assumptions, diagnose, interval_words, remarks
from causalrec_lab.intervention.ope.estimators import Fitted, fitted
from causalrec_lab.intervention.ope.loggers import Logging, Rounds, read_rounds
from causalrec_lab.intervention.ope.reward_model import FittedRewards, cross_fitted_rewards
from causalrec_lab.intervention.ope.round_rewards import METHODS, MODELLED, RoundRewards, checked_method
from causalrec_lab.intervention.ope.tuning import Tuning
from causalrec_lab.intervention.ope.uncertainty import bootstrapped, cluster_codes, standard_error, student_ends
from causalrec_lab.policy import BanditLog, Policy

__all__ = ["METHODS", "evaluate", "tune"]

Floats = npt.NDArray[np.float64]
_FEW = 100.0


def evaluate(
    log: BanditLog | Sequence[BanditLog],
    policy: Policy | npt.NDArray[Any],
    method: str = "dr",
    reward_model: str | FittedRewards | npt.NDArray[Any] | None = None,
    *,
    propensity: str | npt.NDArray[Any] | None = None,
    logging: Logging | Sequence[Logging] | None = None,
    combine: str = "balanced",
    embeddings: Any = None,
    parameter: float | str = "slope",
    candidates: Sequence[float] | None = None,
    interval: str = "normal",
    draws: int = 1_000,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
    folds: int = 5,
    seed: int = 0,
) -> Estimate:
    r"""Estimate a policy's mean reward per round, from rounds of another policy or of several.

    The methods' equations and sources stand in `round_rewards`, those of several loggers in `loggers`. Actions are
    discrete; a continuous one (a price, a dose) is cut into bins first, or its effect estimated by `effects.dml`.
    Rewards may be 0/1 or any number; the reward model is linear, kept within the rewards seen.

    Parameters
    ----------
    log
        Rounds of the logging policy, or a list of logs, one a logging policy.
    policy
        A `Policy`, or the (n, actions) array of its probabilities on the logged contexts (log after log).
    method
        "ips", "clipped", "snips", "dm", "dr", "sndr", "switch", "dros" or "mips".
    reward_model
        For dm, dr, sndr, switch, dros: None or "auto" cross-fits one; else something fitted on **other** data with
        `.predict(contexts)`, or the (n, actions) array of its predictions.
    propensity
        Where the log has none: (n,) array, or "estimate" to fit a multinomial logistic regression on the contexts.
    logging
        The logging policy or its (n, actions) probabilities, for each log where there are several; mips and balanced
        logs need it.
    combine
        Of several logs: "balanced" weighs by the mixture of loggers, "weighted" averages each log's estimate by the
        inverse of its variance, "naive" weighs each round by its own logger.
    embeddings
        For mips: (actions,) labels, a DataFrame of labels, or (actions, d) numbers that are clustered.
    parameter
        Of clipped, dros (lambda), switch (tau), mips (clusters): a number, or the rule that chooses it, "slope",
        "slope++" or "mse" (see `tuning`).
    candidates
        Numbers the rule chooses from; by default quantiles of the weights, or 1, 2, 4, ... clusters.
    interval
        "normal" by the influence of each round (Student's t over clusters), or "bootstrap" by percentiles of `draws`
        resamples.
    draws
        Resamples of the bootstrap.
    cluster
        (n,) labels of rounds that err together (the same user), which cross-fitting keeps in one fold; None takes
        rounds as independent.
    level, folds, seed
        Confidence level; folds and seed of whatever is cross-fitted, clustered or resampled.

    Returns
    -------
    Estimate of the "policy value", with effective sample size, weight tail, support, bias where there is one, and a
    check of the propensities among its diagnostics.

    Raises
    ------
    ValueError
        If a word is unknown, propensities are missing, the policy's probabilities are none or of another shape,
        reward predictions have another shape or are not finite, a cluster label is missing, or mips lacks embeddings
        or the logging policy.
    """
    checked_method(method)
    if interval not in ("normal", "bootstrap"):
        raise ValueError(f"interval={interval!r}; known are 'normal' and 'bootstrap'")
    z_value(level)  # refuses what is no level
    rounds = read_rounds(log, policy, propensity=propensity, logging=logging, combine=combine, needed=method != "dm")
    codes = cluster_codes(cluster, len(rounds.log))
    model = _rewards(rounds.log, reward_model, codes, folds, seed) if method in MODELLED else None
    options = {"parameter": parameter, "candidates": candidates, "embeddings": embeddings, "seed": seed}
    apart = rounds.strata is not None and combine == "weighted"
    found = (_weighted if apart else fitted)(method, rounds, model, codes=codes, **options)
    std_error = standard_error(found.rewards.influence, codes, rounds.strata)
    ends = student_ends(found.rewards.value, std_error, codes, level)
    if interval == "bootstrap":
        std_error, ends = bootstrapped(found.rewards, codes, rounds.strata, level=level, draws=draws, seed=seed)
    figures = diagnose(method, rounds, found, model, codes)
    sure = std_error <= 1e-12 * abs(found.rewards.value)
    said = (*remarks(method, rounds, found, figures), *interval_words(sure, interval, codes, figures))
    return Estimate(
        value=found.rewards.value,
        std_error=std_error,
        interval=ends,
        level=level,
        estimand="policy value",
        method=method if rounds.strata is None else f"{method}, {combine} over {int(rounds.strata.max()) + 1} logs",
        n=len(rounds.log),
        diagnostics=figures,
        assumptions=assumptions(method),
        notes=said,
    )


def tune(
    log: BanditLog | Sequence[BanditLog],
    policy: Policy | npt.NDArray[Any],
    method: str,
    reward_model: str | FittedRewards | npt.NDArray[Any] | None = None,
    *,
    rule: str = "slope",
    candidates: Sequence[float] | None = None,
    embeddings: Any = None,
    propensity: str | npt.NDArray[Any] | None = None,
    logging: Logging | Sequence[Logging] | None = None,
    cluster: npt.NDArray[Any] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Tuning:
    """Choose the number of clipped, switch, dros or mips, and show every candidate; arguments as in `evaluate`.

    Raises
    ------
    ValueError
        If the method has no number, or for the reasons of `evaluate`.
    """
    rounds = read_rounds(log, policy, propensity=propensity, logging=logging, combine="balanced", needed=True)
    codes = cluster_codes(cluster, len(rounds.log))
    model = _rewards(rounds.log, reward_model, codes, folds, seed) if checked_method(method) in MODELLED else None
    found = fitted(method, rounds, model, parameter=rule, candidates=candidates, embeddings=embeddings, codes=codes,
                   seed=seed)  # fmt: skip
    if found.tuning is None:
        raise ValueError(f"tune: method={method!r} has nothing to choose here; clipped, switch, dros and mips have")
    return found.tuning


def _rewards(
    log: BanditLog,
    reward_model: str | FittedRewards | npt.NDArray[Any] | None,
    codes: npt.NDArray[np.int64] | None,
    folds: int,
    seed: int,
) -> npt.NDArray[Any]:
    if reward_model is None or isinstance(reward_model, str):
        if reward_model not in (None, "auto"):
            raise ValueError(
                f"reward_model={reward_model!r}; the only word known is 'auto', else give a fitted model or an array"
            )
        return cross_fitted_rewards(log, folds=folds, seed=seed, groups=codes)
    if not isinstance(reward_model, np.ndarray) and not hasattr(reward_model, "predict"):
        raise ValueError(
            f"reward_model= is a {type(reward_model).__name__}; give something fitted with .predict(contexts), an "
            "(n, actions) array of predictions, or 'auto'"
        )
    found = reward_model if isinstance(reward_model, np.ndarray) else np.asarray(reward_model.predict(log.contexts))
    if found.shape != (len(log), log.n_actions):
        raise ValueError(f"reward predictions have shape {found.shape}; expected ({len(log)}, {log.n_actions})")
    if not (good := np.isfinite(found)).all():
        row, action = np.argwhere(~good)[0]
        raise ValueError(
            f"reward_model gave {int((~good).sum())} values that are not finite, first at row {row}, action {action}: "
            f"{found[row, action]}; give a prediction for every action, or reward_model='auto'"
        )
    return found


def _weighted(
    method: str, rounds: Rounds, model: npt.NDArray[Any] | None, *, codes: npt.NDArray[np.int64] | None, **options: Any
) -> Fitted:
    r"""Each log's own estimate, averaged by :math:`1/\widehat{se}_k^2`, as round rewards over all logs."""
    strata = rounds.strata
    assert strata is not None
    rows = [np.flatnonzero(strata == k) for k in range(int(strata.max()) + 1)]
    within = [_codes_of(codes, own) for own in rows]
    parts = [
        fitted(method, rounds.of(k), None if model is None else model[own], codes=within[k], **options)
        for k, own in enumerate(rows)
    ]
    errors = np.array([standard_error(part.rewards.influence, own) for part, own in zip(parts, within, strict=True)])
    trust = np.where(errors > 0, errors, errors[errors > 0].min() if (errors > 0).any() else 1.0) ** -2.0
    each, weights, plain, residual = (np.zeros(len(strata)) for _ in range(4))
    for own, part, share in zip(rows, parts, trust / trust.sum(), strict=True):
        scale = share * len(strata) / len(own)
        each[own] = scale * (part.rewards.value + part.rewards.influence)
        weights[own], residual[own] = scale * part.rewards.weights, part.rewards.residual
        plain[own] = 0.0 if part.plain is None else scale * part.plain
    shares = ", ".join(f"{share:.1%}" for share in trust / trust.sum())
    said = f"the logs carry {shares} of the estimate, by variances estimated on the same rounds"
    told = [part.tuning.sentence for part in parts if part.tuning is not None]
    used = [part.rewards.weights for part in parts]
    if method != "dm" and (least := min(float(w.sum()) ** 2 / float(w @ w) if w.any() else 0.0 for w in used)) < _FEW:
        told.append(
            f"warning: one log alone has an effective sample size of {least:.0f} rounds, so that its variance, and its "
            "share of the estimate, is not to be trusted: use combine='balanced'"
        )
    linear = RoundRewards(each - weights * residual, weights, residual)
    return replace(parts[0], rewards=linear, parameter=None, tuning=None, words=(*told, said), plain=plain)


def _codes_of(codes: npt.NDArray[np.int64] | None, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int64] | None:
    """Cluster codes within one log; rounds stand for themselves where it holds a single cluster."""
    if codes is None or (codes[rows] == codes[rows[0]]).all():
        return None
    return np.asarray(np.unique(codes[rows], return_inverse=True)[1], dtype=np.int64)
