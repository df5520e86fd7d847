"""Where a training stands, in one safetensors file: weights, optimiser, best weights, epoch and history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from causalrec_lab.recommender.text.embedding_cache import write_atomically

__all__ = ["Progress", "read_checkpoint", "read_tensors", "write_checkpoint"]

FILE = "checkpoint.safetensors"


@dataclass
class Progress:
    """How far a training has come.

    Parameters
    ----------
    epoch
        Epochs done.
    history
        One mapping an epoch: loss, learning rate, validation metric.
    best
        Best validation metric so far and the weights that gave it.
    stopped
        Whether early stopping has ended the training.
    """

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_metric: float = float("-inf")
    best: dict[str, Tensor] = field(default_factory=dict)
    stopped: bool = False


def write_checkpoint(
    folder: Path, network: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress, fingerprint: str
) -> None:
    """Write under a temporary name, then move: a kill at any moment leaves the last whole checkpoint."""
    from safetensors.torch import save

    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in progress.best.items()}
    for place, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{name}": torch.as_tensor(value) for name, value in state.items()}
    head = {
        "epoch": progress.epoch,
        "history": progress.history,
        "best_metric": None if progress.best_metric == float("-inf") else progress.best_metric,
        "stopped": progress.stopped,
        "fingerprint": fingerprint,
    }
    folder.mkdir(parents=True, exist_ok=True)
    whole = {name: value.detach().contiguous().clone() for name, value in tensors.items()}
    write_atomically(folder / FILE, save(whole, metadata={"head": json.dumps(head)}))


def read_checkpoint(
    folder: Path, network: nn.Module, optimiser: torch.optim.Optimizer, fingerprint: str
) -> Progress | None:
    """Put weights and optimiser back where they were; None if there is no checkpoint.

    Raises
    ------
    ValueError
        If the file is broken, or the checkpoint belongs to other data, items or another configuration.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    about, tensors = read_tensors(path, "remove it to begin anew")
    head = json.loads(about.get("head", '{"fingerprint": ""}'))
    if head["fingerprint"] != fingerprint:
        raise ValueError(
            f"{path} belongs to other data, another catalogue, another start or another configuration; "
            "give fit(checkpoint=) another folder, or remove this one to begin anew"
        )
    network.load_state_dict(_part(tensors, "network."))
    _restore(optimiser, _part(tensors, "optimiser."))
    best = float("-inf") if head["best_metric"] is None else float(head["best_metric"])
    return Progress(int(head["epoch"]), head["history"], best, _part(tensors, "best."), bool(head["stopped"]))


def read_tensors(path: Path, way_out: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What a safetensors file says of itself, and its tensors.

    Raises
    ------
    ValueError
        If it is missing or broken.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return file.metadata() or {}, tensors
    except (FileNotFoundError, SafetensorError) as broken:
        raise ValueError(f"{path} is missing or broken ({broken}); {way_out}") from broken


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _restore(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        place, _, key = name.partition(".")
        state.setdefault(int(place), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
