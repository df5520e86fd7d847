"""Progress bars: where somebody watches, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

__all__ = ["progress"]

T = TypeVar("T")


def progress(batches: Iterable[T], description: str, *, worth: bool = True) -> Iterable[T]:
    """Give `batches` with a bar that goes when it is done; none if TQDM_DISABLE is set, or if it is not `worth` one."""
    from tqdm.auto import tqdm

    silent = not worth or os.environ.get("TQDM_DISABLE", "") not in ("", "0")
    return tqdm(batches, desc=description, unit="batch", leave=False, disable=True if silent else None)
