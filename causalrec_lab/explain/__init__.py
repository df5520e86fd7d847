"""May we trust it and show it: attributions beside effects, reasons, counterfactuals, fairness, privacy."""

from __future__ import annotations

from causalrec_lab.doors import doors

_HOME: dict[str, str] = {}
_ROOMS: tuple[str, ...] = ()

__all__: list[str] = []

__getattr__, __dir__ = doors(__name__, _HOME, _ROOMS)
