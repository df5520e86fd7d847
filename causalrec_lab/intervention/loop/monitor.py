r"""What watches a deployed policy: its reward, the model's calibration, the propensities, and who comes.

======================== ====================================================== ======================================
monitor                  number of each round                                   null
======================== ====================================================== ======================================
reward                   reward                                                 rounds since deployment exchangeable
calibration              reward minus predicted reward, in groups of actions    the same
propensity               where the action lies in the stated distribution, and  actions follow the stated propensities
                         the weight of a policy uniform on the support
features                 every numeric column of the contexts                   rounds since deployment exchangeable
======================== ====================================================== ======================================

Each is a bet (`betting`); reward, calibration and features bet on ranks among earlier rounds **of the same season**
(`conformal`), so a known season never alarms; a day within which the season changes is not bet on. Columns are bet on
one by one and the loudest counts, its wealth divided by their number: each is a fair game against its own ranks alone,
and a mean over games of different pasts need not be one (Choe and Ramdas 2024, arXiv:2402.09698). With M monitors and
level a, an alarm is a wealth of M / a, so that P(any false alarm, ever) <= a (Ville 1939; Bonferroni over monitors),
however often one looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.intervention.loop.betting import MeanBets, ShiftBets, log_mean_exp
from causalrec_lab.intervention.loop.conformal import OnlineRanks
from causalrec_lab.policy import BanditLog

__all__ = ["MONITORS", "Monitor", "Reading", "Rounds"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MONITORS = ("reward", "calibration", "propensity", "features")


@dataclass(frozen=True)
class Rounds:
    """A day's rounds as monitors read them.

    Parameters
    ----------
    log
        What was shown and earned, with propensities.
    chances
        (n, actions) what the deployed policy states for each round.
    predicted
        (n, actions) rewards its model predicts; None where it predicts none.
    season
        Number of the known season the day is in; None for a day within which it changes.
    """

    log: BanditLog
    chances: Floats
    predicted: Floats | None = None
    season: int | None = 0


@dataclass(frozen=True)
class Reading:
    """What the monitors say at the end of a day.

    Parameters
    ----------
    evidence
        Monitor -> logarithm of its wealth.
    threshold
        Logarithm of the wealth that is an alarm.
    since
        Monitor -> days since deployment on which a change most likely began.
    """

    evidence: dict[str, float]
    threshold: float
    since: dict[str, int]

    @property
    def alarm(self) -> str | None:
        """The loudest monitor beyond the threshold; None if none is."""
        loudest = max(self.evidence, key=lambda name: self.evidence[name])
        return loudest if self.evidence[loudest] >= self.threshold else None


class Monitor:
    """Watches one deployment.

    Parameters
    ----------
    level
        Chance of any false alarm while this deployment lasts, in (0, 1).
    horizon
        Days it may last.
    groups
        (actions,) group of each action, within which calibration is judged; None for one group.
    names
        Which of `MONITORS`.

    Raises
    ------
    ValueError
        If the level is no chance, the horizon no number of days, or a name unknown, doubled or not there.
    """

    def __init__(
        self,
        level: float,
        horizon: int,
        groups: Ints | None = None,
        names: tuple[str, ...] = MONITORS,
    ) -> None:
        if not 0 < level < 1 or horizon < 1:
            raise ValueError(f"Monitor(level={level}, horizon={horizon}): a chance in (0, 1), and a day at least")
        if unknown := [name for name in names if name not in MONITORS]:
            raise ValueError(f"unknown monitors {unknown}; known are {', '.join(MONITORS)}")
        if not names or len(set(names)) < len(names):
            raise ValueError(f"Monitor(names={names!r}): name at least one monitor, and each once")
        self.level, self.horizon, self.names = level, horizon, names
        self.groups = groups
        count = 1 if groups is None else int(groups.max()) + 1
        self._reward, self._calibration = ShiftBets(horizon), ShiftBets(horizon, count)
        self._shares, self._weights = ShiftBets(horizon), (MeanBets(1.0, above=True), MeanBets(1.0, above=False))
        self._columns: dict[Any, ShiftBets] = {}
        self._ranks: dict[Any, OnlineRanks] = {}

    def read(self, rounds: Rounds, rng: np.random.Generator) -> Reading:
        """Bet on a day's rounds and say where the monitors stand.

        Parameters
        ----------
        rounds
            The day.
        rng
            Breaks ties; derived from the day, so that a day read again says the same.

        Raises
        ------
        ValueError
            If the log has no propensities, or its shapes differ from the policy's.
        """
        if rounds.log.propensity is None:
            raise ValueError("the day's log holds no propensities; a loop serves with known ones and stores them")
        log, n = rounds.log, len(rounds.log)
        if rounds.chances.shape != (n, log.n_actions):
            raise ValueError(f"chances have shape {rounds.chances.shape}; the log says ({n}, {log.n_actions})")
        for name in MONITORS:  # all of them, in this order: ties do not depend on which are asked
            getattr(self, f"_read_{name}")(rounds, rng)
        return self.reading

    @property
    def reading(self) -> Reading:
        """Where the monitors stand."""
        stand = {
            "reward": (self._reward.evidence, self._reward.since),
            "calibration": (self._calibration.evidence, self._calibration.since),
            "propensity": (self._propensity_evidence, self._shares.since),
            "features": self._features_stand,
        }
        chosen = {name: stand[name] for name in self.names}
        return Reading(
            {name: value for name, (value, _) in chosen.items()},
            math.log(len(self.names) / self.level),
            {name: day for name, (_, day) in chosen.items()},
        )

    @property
    def _propensity_evidence(self) -> float:
        bets = [self._shares.evidence, *(bet.evidence for bet in self._weights)]
        return float(log_mean_exp(np.array([bets[0], float(log_mean_exp(np.array(bets[1:])))])))

    @property
    def _features_stand(self) -> tuple[float, int]:
        if not self._columns:
            return 0.0, 0
        bets = list(self._columns.values())
        loudest = max(bets, key=lambda bet: bet.evidence)
        return loudest.evidence - math.log(len(bets)), loudest.since

    def _read_reward(self, rounds: Rounds, rng: np.random.Generator) -> None:
        self._reward.read(self._ranked("reward", rounds.log.reward, rounds.season, rng))

    def _read_calibration(self, rounds: Rounds, rng: np.random.Generator) -> None:
        ties = rng.random(len(rounds.log))
        if rounds.predicted is None:
            return
        if rounds.season is None:
            self._calibration.read(np.empty(0))
            return
        log = rounds.log
        residual = log.reward - rounds.predicted[np.arange(len(log)), log.action]
        group = np.zeros(len(log), dtype=np.int64) if self.groups is None else self.groups[log.action]
        category = rounds.season * (1 if self.groups is None else int(self.groups.max()) + 1) + group
        ranks = self._ranks.setdefault("calibration", OnlineRanks()).read(residual, ties, category)
        self._calibration.read(ranks, group)

    def _read_propensity(self, rounds: Rounds, rng: np.random.Generator) -> None:
        log, chances = rounds.log, rounds.chances
        rows = np.arange(len(log))
        order = np.argsort(-chances, axis=1, kind="stable")
        place = np.argmax(order == log.action[:, None], axis=1)
        sorted_chances = np.take_along_axis(chances, order, axis=1)
        upper = np.cumsum(sorted_chances, axis=1)[rows, place]
        self._shares.read(np.clip(upper - rng.random(len(log)) * chances[rows, log.action], 0.0, 1.0))
        support = chances > 0
        count = support.sum(axis=1)
        high = 1.0 / (count * np.where(support, chances, np.inf).min(axis=1))
        assert log.propensity is not None  # read() has refused a log without
        for bet in self._weights:
            bet.read(1.0 / (count * log.propensity), 0.0, high)

    def _read_features(self, rounds: Rounds, rng: np.random.Generator) -> None:
        for name, values in _columns(rounds.log.contexts):
            uniforms = self._ranked(("feature", name), values, rounds.season, rng)
            self._columns.setdefault(name, ShiftBets(self.horizon)).read(uniforms)

    def _ranked(self, key: Any, scores: Floats, season: int | None, rng: np.random.Generator) -> Floats:
        ties = rng.random(len(scores))
        if season is None:
            return np.empty(0)
        return self._ranks.setdefault(key, OnlineRanks()).read(scores, ties, season)


def _columns(contexts: Any) -> list[tuple[Any, Floats]]:
    """Numeric columns by name; ids and the day name a row and describe nobody."""
    if not isinstance(contexts, pd.DataFrame):
        matrix = np.asarray(contexts, dtype=np.float64).reshape(len(contexts), -1)
        return [(j, matrix[:, j]) for j in range(matrix.shape[1])]
    named = [name for name in contexts.columns if name != "day" and not str(name).endswith("_id")]
    found = []
    for name in named:
        column = contexts[name]
        numeric = pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)
        if numeric:
            found.append((name, column.to_numpy(dtype=np.float64, na_value=np.nan)))
    return found
