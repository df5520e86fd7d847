"""What may listen to a training: a log line, a stop at a target, curves for TensorBoard."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from causalrec_lab.recommender.sequence.training import EpochReport, log_line

__all__ = ["StopAt", "TensorBoard", "log_line"]


@dataclass(frozen=True)
class StopAt:
    """End the training when the validation NDCG@10 reaches a target.

    Parameters
    ----------
    validation
        The target.
    """

    validation: float

    def __call__(self, report: EpochReport) -> bool:
        """Whether the target is reached."""
        return report.validation >= self.validation


@dataclass
class TensorBoard:
    """Write loss, learning rate and validation NDCG@10 of every epoch: look with ``tensorboard --logdir FOLDER``.

    Parameters
    ----------
    folder
        Where the curves are written; a folder a run.

    Raises
    ------
    ModuleNotFoundError
        If tensorboard is not installed; the message says how to.
    """

    folder: Path | str
    _writer: Any = field(default=None, init=False, repr=False)

    def __call__(self, report: EpochReport) -> None:
        """Write one epoch; what is not a number is left out."""
        if self._writer is None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ModuleNotFoundError as missing:
                raise ModuleNotFoundError(
                    "TensorBoard curves need the package tensorboard: pip install -e '.[tensorboard]'"
                ) from missing
            self._writer = SummaryWriter(str(self.folder))
        for name in ("loss", "learning_rate", "validation"):
            if math.isfinite(value := getattr(report, name)):
                self._writer.add_scalar(name, value, report.epoch)
        self._writer.flush()
