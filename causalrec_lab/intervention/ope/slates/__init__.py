"""Lists: logs of them, the chances of what they show, and the value of a list policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.ope.slates.log import SlateLog
    from causalrec_lab.intervention.ope.slates.value import SLATE_METHODS, slate

_HOME = {"SLATE_METHODS": "value", "SlateLog": "log", "slate": "value"}

__all__ = ["SLATE_METHODS", "SlateLog", "slate"]

__getattr__, __dir__ = doors(__name__, _HOME)
