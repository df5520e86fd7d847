"""The simulated platform whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.world.dials import Dials
    from causalrec_lab.world.linear import LinearGaussian, linear_gaussian
    from causalrec_lab.world.platform import Platform
    from causalrec_lab.world.scenario import Scenario

_HOME = {
    "Dials": "dials",
    "LinearGaussian": "linear",
    "Platform": "platform",
    "Scenario": "scenario",
    "linear_gaussian": "linear",
}

__all__ = ["Dials", "LinearGaussian", "Platform", "Scenario", "linear_gaussian"]

__getattr__, __dir__ = doors(__name__, _HOME)
