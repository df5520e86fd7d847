"""Where and how finely is computed: the processor or a GPU; bf16 where it is multiplied in hardware, fp32 elsewhere."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

__all__ = ["Precision", "autocast", "resolve_device", "resolve_precision"]

Precision = Literal["auto", "bf16", "fp32"]


def resolve_device(device: str = "auto") -> str:
    """Settle "auto": a GPU where torch sees one (that of this process under `torchrun`), else the processor.

    Raises
    ------
    ValueError
        If a GPU is asked for and there is none, or the name is none of "auto", "cpu", "cuda", "cuda:N".
    """
    import torch

    found = torch.cuda.is_available()
    if device == "auto":
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if found else "cpu"
    if device != "cpu" and device.partition(":")[0] != "cuda":
        raise ValueError(f"device={device!r} is unknown; give 'auto', 'cpu', 'cuda' or 'cuda:1'")
    if device != "cpu" and not found:
        raise ValueError(f"device={device!r}: torch sees no GPU here; give 'auto' or 'cpu'")
    return device


def resolve_precision(precision: Precision = "auto", device: str = "cpu") -> Literal["bf16", "fp32"]:
    """Settle "auto": bf16 where the device multiplies it in hardware, else fp32 (there bf16 is emulated, slower).

    On processors that is avx512_bf16 or AMX tiles.

    Raises
    ------
    ValueError
        If `precision` is none of "auto", "bf16", "fp32".
    """
    if precision not in ("auto", "bf16", "fp32"):
        raise ValueError(f"precision={precision!r} is unknown; give 'auto', 'bf16' or 'fp32'")
    if precision != "auto":
        return precision
    import torch

    if device != "cpu":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return "bf16" if any(getattr(torch.cpu, name, lambda: False)() for name in names) else "fp32"


def autocast(precision: Literal["bf16", "fp32"], device: str = "cpu") -> AbstractContextManager[object]:
    """Context in which matrix products run in `precision`; weights and sums stay fp32."""
    import torch

    kind = device.partition(":")[0]
    return torch.autocast(kind, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()
