"""Mixed precision where it pays: bf16 on processors that multiply it in hardware, fp32 elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

__all__ = ["Precision", "autocast", "resolve_precision"]

Precision = Literal["auto", "bf16", "fp32"]


def resolve_precision(precision: Precision = "auto") -> Literal["bf16", "fp32"]:
    """Settle "auto": bf16 where the processor has avx512_bf16 or AMX tiles, else fp32 (there bf16 is emulated, slower).

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

    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return "bf16" if any(getattr(torch.cpu, name, lambda: False)() for name in names) else "fp32"


def autocast(precision: Literal["bf16", "fp32"]) -> AbstractContextManager[object]:
    """Context in which matrix products run in `precision`; weights and sums stay fp32."""
    import torch

    return torch.autocast("cpu", dtype=torch.bfloat16) if precision == "bf16" else nullcontext()
