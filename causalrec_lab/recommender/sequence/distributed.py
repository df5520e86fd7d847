"""Several processes that train one model: who we are, and sums over all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Team", "join"]


@dataclass(frozen=True)
class Team:
    """The processes of one training, as `torchrun` starts them; alone, every sum is the value itself.

    Parameters
    ----------
    rank, size
        Number of this process, from 0, and how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def mine(self, places: range) -> Iterable[int]:
        """Places of this process: every `size`-th, so that all get batches of like length."""
        return places[self.rank :: self.size]

    def sum(self, *values: float) -> tuple[float, ...]:
        """Sums of some numbers over all processes."""
        if self.size == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64)
        torch.distributed.all_reduce(total)
        return tuple(total.tolist())

    def sum_gradients(self, network: nn.Module) -> None:
        """Replace each gradient by its sum over all processes, in one message; a missing one counts as zeros."""
        if self.size == 1:
            return
        parameters = list(network.parameters())
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients: list[Tensor] = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(flat)
        for gradient, whole in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(whole.view_as(gradient))

    def wait(self) -> None:
        """Go on when every process is here."""
        if self.size > 1:
            torch.distributed.barrier()


def join(device: str = "cpu") -> Team:
    """Join the processes that `torchrun` started, over gloo (nccl on GPUs); alone where it started none.

    Raises
    ------
    ValueError
        If there are more processes here than processor cores: they would wait for each other, many times slower.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ or "RANK" not in os.environ:
        return Team()
    here, cores = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), len(os.sched_getaffinity(0))
    if device == "cpu" and here > cores:
        raise ValueError(
            f"torchrun started {here} processes on {cores} cores; they would slow each other down: "
            f"take --nproc-per-node {cores} or fewer"
        )
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo" if device == "cpu" else "cpu:gloo,cuda:nccl")
    return Team(torch.distributed.get_rank(), torch.distributed.get_world_size())
