"""Data nobody changes: frozen records whose mappings are closed, and that travel to another process all the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

__all__ = ["Closed"]


class Closed:
    """A frozen dataclass with its mappings closed."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __post_init__(self) -> None:
        """Close the mappings."""
        for name, value in self._held().items():
            if isinstance(value, Mapping):
                object.__setattr__(self, name, MappingProxyType(dict(value)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process: closed mappings cannot, the dictionaries in them can."""
        opened: dict[str, Any] = {k: dict(v) if isinstance(v, Mapping) else v for k, v in self._held().items()}
        return partial(type(self), **opened), ()

    def _held(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}
