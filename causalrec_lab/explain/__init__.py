"""May we trust it and show it: attributions beside effects, reasons, counterfactuals, fairness, privacy.

An attribution explains a model, an effect the world; they part where a column is read and causes nothing:

>>> from sklearn.linear_model import LinearRegression
>>> from causalrec_lab import explain
>>> from causalrec_lab.explain import attributions
>>> from causalrec_lab.world import Platform
>>> line = Platform.linear_gaussian(seed=1)
>>> rows = line.sample(2_000, 1)
>>> columns = ["affinity", "shown", "view", "cart"]
>>> model = LinearRegression().fit(rows[columns], rows["purchase"])
>>> shares = explain.attribute(model, rows[columns])
>>> beside = explain.against_effects(shares, attributions.true_effects(line)).table
>>> beside["attribution"].idxmax(), beside["effect"].idxmax()
('cart', 'affinity')
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.explain import attributions, counterfactuals, fairness, privacy, reasons
    from causalrec_lab.explain.attributions.effects import against_effects
    from causalrec_lab.explain.attributions.face import attribute
    from causalrec_lab.explain.counterfactuals.explaining import counterfactual

_HOME: dict[str, str] = {
    "against_effects": "attributions.effects",
    "attribute": "attributions.face",
    "counterfactual": "counterfactuals.explaining",
}
_ROOMS: tuple[str, ...] = ("attributions", "counterfactuals", "fairness", "privacy", "reasons")

__all__: list[str] = [
    "against_effects",
    "attribute",
    "attributions",
    "counterfactual",
    "counterfactuals",
    "fairness",
    "privacy",
    "reasons",
]

__getattr__, __dir__ = doors(__name__, _HOME, _ROOMS)
