"""What a bandit leaves behind: rounds, the batch each was in, and the chance every action then had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.policy import BanditLog, checked_probabilities

__all__ = ["AdaptiveLog"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AdaptiveLog:
    """Rounds of a policy that learned between batches.

    Parameters
    ----------
    rounds
        The `BanditLog`, with propensities, in time order: `ope.evaluate(log.rounds, ...)` reads it.
    batch
        (n,) whole numbers that never fall: rounds of one batch had one policy, which had seen the batches before it
        alone.
    chances
        (n, n_actions) chance of every action in each round.

    Raises
    ------
    ValueError
        If lengths differ, batches fall, or a propensity is not the chance of its logged action.
    """

    rounds: BanditLog
    batch: npt.NDArray[np.int64]
    chances: Floats

    def __post_init__(self) -> None:
        """Check that the parts belong together."""
        batch, log = np.asarray(self.batch), self.rounds
        if batch.shape != (len(log),) or batch.dtype.kind not in "iu" or (np.diff(batch) < 0).any():
            raise ValueError(f"batch has shape {batch.shape} for {len(log)} rounds; give whole numbers in time order")
        chances = checked_probabilities(self.chances, n=len(log), n_actions=log.n_actions)
        object.__setattr__(self, "batch", batch.astype(np.int64))
        object.__setattr__(self, "chances", chances)
        if log.propensity is None:
            raise ValueError("an adaptive log needs the propensities of its rounds; no later fit can replace them")
        off = np.abs(chances[np.arange(len(log)), log.action] - log.propensity)
        if len(off) and off.max() > 1e-6:
            row = int(off.argmax())
            raise ValueError(f"round {row}: the propensity differs by {off[row]:.3g} from the chance of its action")

    def __len__(self) -> int:
        """Rounds."""
        return len(self.rounds)

    @classmethod
    def joined(cls, parts: Sequence[AdaptiveLog]) -> AdaptiveLog:
        """Batches one after the other.

        Raises
        ------
        ValueError
            If there are none.
        """
        if not parts:
            raise ValueError("joined: give at least one batch")
        logs = [part.rounds for part in parts]
        frames = [log.contexts for log in logs]
        whole = (
            pd.concat([pd.DataFrame(frame) for frame in frames], ignore_index=True)
            if isinstance(frames[0], pd.DataFrame)
            else np.concatenate([np.asarray(frame) for frame in frames])
        )
        columns = [np.concatenate([np.asarray(getattr(log, name)) for log in logs]) for name in ("action", "reward")]
        known = np.concatenate([np.asarray(log.propensity) for log in logs])
        rounds = BanditLog(whole, columns[0], columns[1], known, logs[0].n_actions)
        return cls(rounds, np.concatenate([p.batch for p in parts]), np.concatenate([p.chances for p in parts]))
