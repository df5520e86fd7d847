"""Positions: how much each is looked at, and values corrected for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.ope.positions.corrected import position_corrected
    from causalrec_lab.intervention.ope.positions.curve import Examination
    from causalrec_lab.intervention.ope.positions.examining import examination

_HOME = {"Examination": "curve", "examination": "examining", "position_corrected": "corrected"}

__all__ = ["Examination", "examination", "position_corrected"]

__getattr__, __dir__ = doors(__name__, _HOME)
