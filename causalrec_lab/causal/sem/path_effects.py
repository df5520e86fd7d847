"""Effects along the paths of a fitted structural equation model: direct, indirect, total, and each path by itself."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod

import numpy as np

from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.sem import functions
from causalrec_lab.causal.sem.moments import Moments
from causalrec_lab.estimate import Estimate

__all__ = ["PathEffects"]


class PathEffects(ABC):
    """What a fitted model says along its paths; `SemResult` brings the fit."""

    moments: Moments

    @abstractmethod
    def _estimate(self, function: functions.Function, estimand: str, how: str) -> Estimate:
        """Estimate of a function of the parameters."""

    def parameter(self, name: str) -> Estimate:
        """Estimate of a labelled or defined parameter, or of a relation written out, ``"y ~ x"``.

        Raises
        ------
        ValueError
            If the model has none of that name.
        """
        spec = self.moments.specification
        written = {p.relation: k for k, p in enumerate(spec.parameters)}
        labels = [p.label for p in spec.parameters if p.label] + [n for n, _ in spec.defined]
        if name in labels:
            return self._estimate(lambda theta: np.array([functions.labelled(self.moments, theta)[name]]), name, "")
        if name in written:
            at = written[name]
            return self._estimate(lambda theta: functions.entries(self.moments, theta)[[at]], name, "")
        raise ValueError(f"{name!r} is no parameter; {nearest(name, [*labels, *written])}")

    def path(self, text: str) -> Estimate:
        """Effect along one path, ``"shown -> view -> purchase"``: the product of its coefficients.

        Raises
        ------
        ValueError
            If an arrow is not in the model.
        """
        names = [name.strip() for name in text.split("->")]
        if len(names) < 2:
            raise ValueError(f"path {text!r}: write at least two names with an arrow, 'shown -> view'")
        self._known(names)
        arrows = {(cause, effect) for cause, effect, _ in self.moments.specification.edges()}
        if missing := [f"{a} -> {b}" for a, b in itertools.pairwise(names) if (a, b) not in arrows]:
            raise ValueError(f"the model has no arrow {missing[0]}; path_effects(source, target) lists its paths")
        effect = functions.along(self.moments, [names])
        return self._estimate(effect, "->".join(names), ", product of path coefficients")

    def direct(self, source: str, target: str) -> Estimate:
        """Effect of `source` on `target` along the single arrow between them."""
        return self.path(f"{source} -> {target}")

    def indirect(self, source: str, target: str, through: str | None = None) -> Estimate:
        """Effect of `source` on `target` along all paths with something between, or those through one variable.

        Raises
        ------
        ValueError
            If a name is unknown or there is no such path.
        """
        self._known([source, target] + ([through] if through else []))
        what = f"indirect effect {source}->{target}" + (f" through {through}" if through else "")
        effect = self._around(source, target, through)
        if effect is None:
            via = f" through {through!r}" if through else ""
            raise ValueError(f"no indirect path leads from {source!r} to {target!r}{via}")
        return self._estimate(effect, what, ", sum of products of path coefficients")

    def _around(self, source: str, target: str, through: str | None) -> functions.Function | None:
        """Effect along the paths with something between; None where there are none."""
        edges = self.moments.specification.edges()
        leads = functions.onward(edges)
        if any(name in further for name, further in leads.items()):  # a loop: powers of A count more than paths
            every = functions.routes(edges, source, target)
            found = [r for r in every if len(r) > 2 and (through is None or through in r[1:-1])]
            return functions.along(self.moments, found) if found else None
        between = [through] if through else [effect for cause, effect, _ in edges if cause == source]
        some = any(k in leads.get(source, ()) and target in leads.get(k, ()) for k in between)
        return functions.around(self.moments, source, target, through) if some else None

    def total(self, source: str, target: str) -> Estimate:
        """Effect of `source` on `target` along all paths, an entry of :math:`(I - A)^{-1}` (Bollen 1989, chapter 8)."""
        self._known([source, target])
        return self._estimate(functions.total(self.moments, source, target), f"total effect {source}->{target}", "")

    def path_effects(self, source: str, target: str) -> dict[str, Estimate]:
        """Effects along every path, ``"shown->view->purchase"`` -> estimate, and the ``"total"`` of them."""
        self._known([source, target])
        every = functions.routes(self.moments.specification.edges(), source, target)
        found = {"->".join(route): self.path("->".join(route)) for route in every}
        return found | {"total": self.total(source, target)}

    def _known(self, names: list[str]) -> None:
        for name in names:
            if name not in self.moments.specification.variables:
                raise ValueError(
                    f"{name!r} is no variable of the model; {nearest(name, self.moments.specification.variables)}"
                )
