"""Uplift: what treating adds, whom to treat first, and how well a score tells.

>>> import numpy as np
>>> import pandas as pd
>>> from causalrec_lab.intervention import uplift
>>> rng = np.random.default_rng(1)
>>> people = pd.DataFrame({"score": rng.random(4_000), "mailed": rng.integers(0, 2, 4_000)})
>>> chance = 0.1 + 0.2 * people["mailed"] * people["score"]
>>> people["bought"] = (rng.random(4_000) < chance).astype(int)
>>> bool(uplift.auuc(people, "mailed", "bought", "score").low > 0)
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.intervention.uplift.areas import auuc, qini
    from causalrec_lab.intervention.uplift.comparing import difference
    from causalrec_lab.intervention.uplift.counting import counts
    from causalrec_lab.intervention.uplift.curves import UpliftCurve, curve
    from causalrec_lab.intervention.uplift.places import shown_by
    from causalrec_lab.intervention.uplift.prediction import predict
    from causalrec_lab.intervention.uplift.top_shares import at_k

_HOME = {
    "UpliftCurve": "curves",
    "at_k": "top_shares",
    "auuc": "areas",
    "counts": "counting",
    "curve": "curves",
    "difference": "comparing",
    "predict": "prediction",
    "qini": "areas",
    "shown_by": "places",
}

__all__ = ["UpliftCurve", "at_k", "auuc", "counts", "curve", "difference", "predict", "qini", "shown_by"]

__getattr__, __dir__ = doors(__name__, _HOME)
