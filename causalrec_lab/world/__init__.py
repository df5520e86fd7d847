"""The simulated platform whose truth is known: one structural causal model of text, exposure and behaviour.

`Platform.make` takes a scenario and dials, each of which moves one thing (`Dials` names them); its logs hold what a
platform would log, its `truth` what no log tells. `Scenario.from_dataset` makes one like a log of yours, and `likeness`
says how like it is.

>>> from causalrec_lab.world import Platform
>>> calm = Platform.make("video", seed=1, n_users=300, n_items=60)
>>> hidden = Platform.make("video", seed=1, n_users=300, n_items=60, confounding=1.0)
>>> calm.users.equals(hidden.users)
True
>>> hidden.log(2_000, seed=1).decisions[["treated", "play"]].shape
(2000, 2)
>>> 0 < calm.truth.ate("play").value < 1
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.world.alike.comparison import Likeness, likeness
    from causalrec_lab.world.designs.frontdoor import FrontDoor, front_door
    from causalrec_lab.world.designs.linear import LinearGaussian, linear_gaussian
    from causalrec_lab.world.designs.returning import Retention, retention
    from causalrec_lab.world.designs.staggered import Rollout, rollout
    from causalrec_lab.world.dials import Dials
    from causalrec_lab.world.platform import Platform
    from causalrec_lab.world.scenarios.scenario import Scenario
    from causalrec_lab.world.writing.thumbnails import gallery

_HOME = {
    "Dials": "dials",
    "FrontDoor": "designs.frontdoor",
    "Likeness": "alike.comparison",
    "LinearGaussian": "designs.linear",
    "Platform": "platform",
    "Retention": "designs.returning",
    "Rollout": "designs.staggered",
    "Scenario": "scenarios.scenario",
    "front_door": "designs.frontdoor",
    "gallery": "writing.thumbnails",
    "likeness": "alike.comparison",
    "linear_gaussian": "designs.linear",
    "retention": "designs.returning",
    "rollout": "designs.staggered",
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
