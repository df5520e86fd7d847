"""Counterfactual explanations: the smallest change of a history that takes a recommendation away."""

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
