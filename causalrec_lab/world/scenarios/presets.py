"""The scenarios that ship with the platform; `scenario(name)` finds one and offers the nearest names otherwise.

A new domain is one more file in `scenarios` and one more name here, or a `Scenario` of your own given to
`Platform.make`.
"""

from __future__ import annotations

import difflib
from types import MappingProxyType

from causalrec_lab.world.scenarios.ecommerce import ECOMMERCE
from causalrec_lab.world.scenarios.education import EDUCATION
from causalrec_lab.world.scenarios.finance import FINANCE
from causalrec_lab.world.scenarios.health import HEALTH
from causalrec_lab.world.scenarios.music import MUSIC
from causalrec_lab.world.scenarios.news import NEWS
from causalrec_lab.world.scenarios.scenario import Scenario
from causalrec_lab.world.scenarios.video import VIDEO

__all__ = ["SCENARIOS", "scenario"]

SCENARIOS = MappingProxyType(
    {preset.name: preset for preset in (ECOMMERCE, MUSIC, VIDEO, NEWS, FINANCE, HEALTH, EDUCATION)}
)


def scenario(name: str | Scenario) -> Scenario:
    """Find a scenario by name; a `Scenario` is given back as it is.

    Raises
    ------
    ValueError
        If there is no such scenario; the message offers the nearest.
    """
    if isinstance(name, Scenario):
        return name
    if name not in SCENARIOS:
        near = difflib.get_close_matches(str(name), SCENARIOS, n=3) or list(SCENARIOS)
        raise ValueError(
            f"scenario {name!r} is unknown; did you mean {', '.join(near)}? Or give a Scenario of your own"
        )
    return SCENARIOS[name]
