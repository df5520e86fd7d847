"""Search over strategies on one log, by a lower confidence bound; the winner is then valued where it was not chosen."""

from __future__ import annotations

import html
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.sample import nearest
from causalrec_lab.estimate import Estimate
from causalrec_lab.intervention.learning.result import LearnedPolicy, learned
from causalrec_lab.intervention.learning.scores import ActionScores, action_scores, check_log, held_out_rounds
from causalrec_lab.intervention.learning.strategy import Choice, Range
from causalrec_lab.intervention.learning.winners import winner
from causalrec_lab.policy import BanditLog, Policy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SAMPLERS", "Search", "search"]

Floats = npt.NDArray[np.float64]
SAMPLERS = ("tpe", "random")
_CURSE = "warning: the best of {n} on the log that chose it, so it is too good; read `held_out`"


@dataclass(frozen=True, eq=False)
class Search:
    """What a search found.

    Parameters
    ----------
    trials
        One row a strategy tried, in order: its settings, value, std_error, lower (what it was judged by).
    settings
        Of the winner.
    found
        The winner as a `LearnedPolicy`: its training value is what the choosing rounds promise, `held_out` what the
        others say.
    corrected
        Value of the winner from the choosing rounds, corrected for the choice (`winners.winner`); None where the
        strategies tried depended on those rounds ("tpe"), which the correction does not allow, or one of them was
        valued without error; `notes` then says so.
    notes
        What to know.
    """

    trials: pd.DataFrame
    settings: Mapping[str, Any]
    found: LearnedPolicy
    corrected: Estimate | None
    notes: tuple[str, ...] = ()

    @property
    def policy(self) -> Policy:
        """The winner."""
        return self.found.policy

    @property
    def promised(self) -> Estimate:
        """Value of the winner on the rounds that chose it: too good."""
        return self.found.training_value

    @property
    def held_out(self) -> Estimate:
        """Value of the winner on the other rounds."""
        return self.found.held_out

    def probabilities(self, contexts: Any) -> Floats:
        """(n, actions) probabilities of the winner."""
        return self.found.probabilities(contexts)

    def summary(self) -> pd.DataFrame:
        """What was promised, what it is on held-out rounds, and the corrected value: nan where `notes` says why."""
        rows = {"promised (too good)": self.promised, "held out": self.held_out, "corrected": self.corrected}
        columns = ("value", "low", "high")
        told = {name: {c: math.nan if e is None else getattr(e, c) for c in columns} for name, e in rows.items()}
        return pd.DataFrame(told).T

    def plot(self, ax: Axes | None = None, *, truth: Any = None) -> Axes:
        """Every strategy tried by its place in the search, the winner's promise and its held-out value."""
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(6, 3.2))
        at = int(np.argmax(self.trials["lower"].to_numpy()))
        ax.plot(self.trials.index, self.trials["value"], ".", color="0.6", label="tried")
        for k, (name, e) in enumerate({"promised": self.promised, "held out": self.held_out}.items()):
            where, ends = at + 0.01 * k * len(self.trials), [[e.value - e.low], [e.high - e.value]]
            ax.errorbar([where], [e.value], yerr=ends, fmt="o", capsize=3, color=f"C{1 - k}", label=name)
        if truth is not None:
            ax.axhline(float(truth), linestyle="--", color="0.35", label="truth of the winner")
        ax.set(xlabel="strategy, in the order tried", ylabel="policy value")
        ax.legend(loc="best")
        return ax

    def _repr_html_(self) -> str:
        """The summary, the winner's settings, the notes."""
        words = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        settings = pd.DataFrame([dict(self.settings)]).to_html(index=False)
        return f"{self.summary().round(4).to_html()}{settings}<ul>{words}</ul>"


def search(
    log: BanditLog,
    make: Callable[[Mapping[str, Any]], Policy],
    space: Mapping[str, Range | Choice],
    *,
    trials: int = 100,
    sampler: str = "tpe",
    caution: float = 1.645,
    held_out: float = 1 / 3,
    cluster: npt.ArrayLike | None = None,
    folds: int = 5,
    level: float = 0.95,
    seed: int = 0,
) -> Search:
    r"""Try strategies on part of a log, take the best by a lower bound, value it on the rest.

    The bound is :math:`\bar g - c\,\widehat{se}`, with doubly robust round rewards g. It keeps away from strategies
    whose value rests on a few rounds; it does not undo the winner's curse. That is done by the rounds held out, and
    with `sampler="random"`, whose strategies do not depend on the log, also by the correction of `winner`.

    Parameters
    ----------
    log
        Rounds with propensities.
    make
        Settings -> `Policy`; `strategies` gives one.
    space
        Setting -> `Range` or `Choice`.
    trials
        Strategies tried.
    sampler
        "tpe": tree-structured Parzen estimators, which learn where good ones lie (Bergstra, Bardenet, Bengio and Kegl
        2011; by optuna). "random": independent of the log.
    caution
        c >= 0; 1.645 makes a one-sided 95 % bound of each.
    held_out, cluster, folds, level
        As in `softmax_policy`.
    seed
        Of the split, of cross-fitting and of the sampler.

    Raises
    ------
    ValueError
        If the log is too short or has no propensities, the space is empty or holds anything else, trials are no whole
        number from 2 on, the sampler is unknown, caution is negative, or a strategy gives no distributions.
    TypeError
        If `make` is no function, or gives no policy.
    """
    labels = check_log(log, cluster)
    _check(make, space, trials, sampler, caution)
    kept = held_out_rounds(len(log), held_out, seed, labels)
    own, other = (None, None) if labels is None else (labels[~kept], labels[kept])
    scores = action_scores(log.take(~kept), cluster=own, folds=folds, seed=seed)
    settings, rounds = _tried(scores, make, space, trials, sampler, caution, seed)
    covariance = _covariance(rounds, own)
    value, error = rounds.mean(axis=0), np.sqrt(np.diag(covariance))
    lower = value - caution * error
    best = int(np.argmax(lower))
    table = pd.DataFrame(settings).assign(value=value, std_error=error, lower=lower)
    found = learned(
        _made(make, settings[best]), scores, log.take(kept), other,
        features=tuple(space), level=level, seed=seed, diagnostics={"trials": float(trials), "winner": float(best)},
        notes=(_CURSE.format(n=trials),),
    )  # fmt: skip
    why = _uncorrectable(sampler, error)
    corrected = None if why else winner(value, covariance, handicap=caution * error, level=level, n=len(rounds))
    return Search(table.rename_axis("trial"), settings[best], found, corrected, why)


def _uncorrectable(sampler: str, error: Floats) -> tuple[str, ...]:
    """Why the winner's value on the choosing rounds cannot be corrected, if it cannot."""
    if sampler != "random":
        told = (
            f"no corrected value: {sampler!r} let the choosing rounds decide which strategies were tried, and what "
            'that adds to the luck of the best is not known; read `held_out`, or search with sampler="random"'
        )
        return (told,)
    if sure := int((error <= 0).sum()):
        return (
            f"no corrected value: {sure} strategies are worth the same in every round, without error; read `held_out`",
        )
    return ()


def _made(make: Callable[[Mapping[str, Any]], Policy], settings: Mapping[str, Any]) -> Policy:
    """The strategy of some settings.

    Raises
    ------
    TypeError
        If it is no policy.
    """
    found = make(settings)
    if not callable(getattr(found, "probabilities", None)):
        raise TypeError(
            f"search: make({dict(settings)}) gave a {type(found).__name__}; return a policy, with "
            ".probabilities(contexts) of shape (n, actions)"
        )
    return found


def _tried(
    scores: ActionScores, make: Callable[[Mapping[str, Any]], Policy], space: Mapping[str, Range | Choice],
    trials: int, sampler: str, caution: float, seed: int,
) -> tuple[list[dict[str, Any]], Floats]:  # fmt: skip
    """Settings in the order tried, and (n, trials) round rewards."""
    import optuna

    chosen = optuna.samplers.TPESampler(seed=seed) if sampler == "tpe" else optuna.samplers.RandomSampler(seed=seed)
    loud, settings, rounds = optuna.logging.get_verbosity(), [], []
    optuna.logging.set_verbosity(max(loud, optuna.logging.WARNING))
    try:
        study = optuna.create_study(direction="maximize", sampler=chosen)
    finally:
        optuna.logging.set_verbosity(loud)  # one for the whole process, and not ours
    for _ in range(trials):
        trial = study.ask()
        settings.append({name: _suggested(trial, name, room) for name, room in space.items()})
        rounds.append(scores.rounds(_made(make, settings[-1])))
        error = float(np.sqrt(_covariance(rounds[-1][:, None], scores.cluster)[0, 0]))
        study.tell(trial, float(rounds[-1].mean()) - caution * error)
    return settings, np.column_stack(rounds)


def _suggested(trial: Any, name: str, room: Range | Choice) -> Any:
    if isinstance(room, Range):
        return trial.suggest_float(name, room.low, room.high, log=room.log)
    return room.options[trial.suggest_categorical(name, list(range(len(room.options))))]


def _covariance(rounds: Floats, cluster: npt.NDArray[Any] | None) -> Floats:
    """(trials, trials) covariance of the means, rounds of a cluster summed first."""
    n, off = len(rounds), rounds - rounds.mean(axis=0)
    if cluster is not None:
        codes = pd.factorize(cluster)[0]
        sums = np.zeros((int(codes.max()) + 1, off.shape[1]))
        np.add.at(sums, codes, off)
        off = sums
    return np.asarray(off.T @ off * len(off) / (len(off) - 1) / n**2)


def _check(make: Any, space: Mapping[str, Any], trials: Any, sampler: str, caution: float) -> None:
    if not callable(make):
        raise TypeError(f"search: make is a {type(make).__name__}; give a function settings -> policy")
    if not space:
        raise ValueError("search: the space is empty; give setting -> Range(low, high) or Choice(options)")
    for name, room in space.items():
        if not isinstance(room, Range | Choice):
            raise ValueError(f"search: setting {name!r} is a {type(room).__name__}; give a Range or a Choice")
    if isinstance(trials, bool) or not isinstance(trials, numbers.Integral) or trials < 2:
        raise ValueError(f"trials={trials!r}: a search tries a whole number of strategies, at least 2")
    if sampler not in SAMPLERS:
        raise ValueError(f"unknown sampler {sampler!r}; {nearest(sampler, SAMPLERS)}")
    if not 0 <= caution < np.inf:
        raise ValueError(f"caution={caution}: give a finite number of at least 0")
