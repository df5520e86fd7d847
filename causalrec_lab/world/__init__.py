"""The simulated platform whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.world.alike.comparison import Likeness, likeness
    from causalrec_lab.world.dials import Dials
    from causalrec_lab.world.frontdoor import FrontDoor, front_door
    from causalrec_lab.world.linear import LinearGaussian, linear_gaussian
    from causalrec_lab.world.platform import Platform
    from causalrec_lab.world.returning import Retention, retention
    from causalrec_lab.world.scenario import Scenario
    from causalrec_lab.world.staggered import Rollout, rollout
    from causalrec_lab.world.thumbnails import gallery

_HOME = {
    "Dials": "dials",
    "FrontDoor": "frontdoor",
    "Likeness": "alike.comparison",
    "LinearGaussian": "linear",
    "Platform": "platform",
    "Retention": "returning",
    "Rollout": "staggered",
    "Scenario": "scenario",
    "front_door": "frontdoor",
    "gallery": "thumbnails",
    "likeness": "alike.comparison",
    "linear_gaussian": "linear",
    "retention": "returning",
    "rollout": "staggered",
}

__all__ = [
    "Dials",
    "FrontDoor",
    "Likeness",
    "LinearGaussian",
    "Platform",
    "Retention",
    "Rollout",
    "Scenario",
    "front_door",
    "gallery",
    "likeness",
    "linear_gaussian",
    "retention",
    "rollout",
]

__getattr__, __dir__ = doors(__name__, _HOME)
