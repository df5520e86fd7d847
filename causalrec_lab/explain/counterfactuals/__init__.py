"""Counterfactual explanations: the smallest change of a history that takes a recommendation away.

>>> from causalrec_lab.explain import counterfactual
>>> from causalrec_lab.recommender import ItemKNN
>>> from causalrec_lab.world import Platform
>>> events = Platform.make(seed=1, n_users=200, n_items=40).events(8_000, seed=1)
>>> model = ItemKNN().fit(events[events["event"] == "click"])
>>> first = int(model.recommend(3, 1)["item_id"].iloc[0])
>>> change = counterfactual(model, 3, first)
>>> change.found, change.proven, len(change.changes)
(True, True, 3)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.explain.counterfactuals.changes import Events, events_of
    from causalrec_lab.explain.counterfactuals.explaining import counterfactual
    from causalrec_lab.explain.counterfactuals.result import Counterfactual

_HOME = {
    "Counterfactual": "result",
    "Events": "changes",
    "counterfactual": "explaining",
    "events_of": "changes",
}

__all__ = ["Counterfactual", "Events", "counterfactual", "events_of"]

__getattr__, __dir__ = doors(__name__, _HOME)
