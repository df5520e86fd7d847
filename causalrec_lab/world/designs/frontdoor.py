r"""The front-door preset: what is shown acts on a purchase only through a view that no hidden trait touches.

.. code-block:: text

    shown -> view -> purchase; shown <-> purchase

The hidden trait h moves what is shown and what is bought, so no covariate closes the back door; the observed mediator
identifies the effect all the same (Pearl 1995, "Causal Diagrams for Empirical Research", Biometrika 82, section 3.2):

.. math:: E[Y | do(t)] = \sum_m P(m | t) \sum_{t'} P(t') E[Y | m, t']

Two laws keep this graph: `binary`, whose truth is a sum over the sixteen cells of (h, shown, view, purchase), and
`linear`, whose truth is a product of coefficients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.estimate import Truth
from causalrec_lab.world.arguments import real, whole
from causalrec_lab.world.people.population import Floats, stream

__all__ = ["FrontDoor", "FrontDoorTruth", "front_door"]

ORDER = ("hidden", "shown", "view", "purchase")
KINDS = ("binary", "linear")


@dataclass(frozen=True)
class FrontDoor:
    r"""A platform whose effect flows through one observed mediator.

    binary: h, shown, view and purchase are 0 or 1, with

    .. math::
        P(h = 1) = 1/2, \quad P(shown | h) = 1/2 + a (h - 1/2), \quad P(view | shown) = m_0 + b\,shown, \quad
        P(purchase | view, h, shown) = y_0 + c\,view + d\,h + k\,shown

    linear: h ~ N(0, 1); shown, view and purchase are the same sums without limits, plus normal noise of sd `noise`.

    Parameters
    ----------
    kind
        "binary" or "linear".
    coefficients
        a, b, c, d, k as above: hidden->shown, shown->view, view->purchase, hidden->purchase, shown->purchase.
    base
        m_0 and y_0 of the binary law.
    noise
        Standard deviation of each variable's own noise in the linear law.
    seed
        The preset's seed.
    """

    kind: str
    coefficients: Mapping[tuple[str, str], float]
    base: tuple[float, float]
    noise: float
    seed: int

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """(cause, effect) pairs, hidden included; shown -> purchase only where `direct` is not 0."""
        return tuple(edge for edge, value in self.coefficients.items() if value)

    @property
    def graph(self) -> str:
        """The graph over what is observed, as `CausalGraph` reads it; the hidden trait is a two-headed arrow."""
        seen = [f"{cause} -> {effect}" for cause, effect in self.edges if cause != "hidden"]
        confounded = {("hidden", "shown"), ("hidden", "purchase")} <= set(self.edges)
        return "; ".join([*seen, *(["shown <-> purchase"] if confounded else [])])

    @property
    def truth(self) -> FrontDoorTruth:
        """Exact effects, and what the formulas of the field converge to."""
        return FrontDoorTruth(self)

    def sample(
        self, n: int, seed: int = 0, *, do: Mapping[str, float] | None = None, hidden: bool = False
    ) -> pd.DataFrame:
        """Draw n rows; with `do`, from the model whose variables are set, with the same noise for the same seed.

        Parameters
        ----------
        n, seed
            Rows, and the sample's own seed.
        do
            Variable -> the value it is set to.
        hidden
            Whether the hidden trait is given too, to judge what an estimator could not see.

        Returns
        -------
        DataFrame with columns shown, view, purchase (0/1 integers in the binary law), and hidden if asked for.

        Raises
        ------
        ValueError
            If n is not positive, or `do` names an unknown variable.
        """
        n = whole("n", n)
        if unknown := sorted(set(do or {}) - set(ORDER)):
            raise ValueError(f"do={unknown}: the variables are {', '.join(ORDER)}")
        rng = stream("front door", self.seed, seed)
        drawn: dict[str, npt.NDArray[np.float64]] = {}
        for name in ORDER:
            drawn[name] = self._own(name, drawn, rng, n)
            if do and name in do:
                drawn[name] = np.full(n, float(do[name]))
        frame = pd.DataFrame({name: drawn[name] for name in (*ORDER[1:], *(["hidden"] if hidden else []))})
        counts = self.kind == "binary" and (frame == frame.round()).all(axis=None)
        return frame.astype(np.int64) if counts else frame

    def location(self, name: str, causes: Mapping[str, Floats | float]) -> Floats | float:
        """Mean of a variable given its causes: its chance of being 1 in the binary law."""
        middle = {"hidden": 0.5, "shown": 0.5, "view": self.base[0], "purchase": self.base[1]}[name]
        total: Floats | float = middle if self.kind == "binary" else 0.0
        for (cause, effect), value in self.coefficients.items():
            if effect == name:
                centre = 0.5 if (cause, effect) == ("hidden", "shown") and self.kind == "binary" else 0.0
                total = total + value * (causes[cause] - centre)
        return total

    def _own(self, name: str, drawn: Mapping[str, Floats], rng: np.random.Generator, n: int) -> Floats:
        """A variable as its causes make it."""
        mean = self.location(name, drawn)
        if self.kind == "binary":
            return (rng.random(n) < mean).astype(np.float64)
        sd = 1.0 if name == "hidden" else self.noise
        return np.asarray(mean + sd * rng.standard_normal(n))


@dataclass(frozen=True)
class FrontDoorTruth:
    """Exact effects of one unit more of `shown`, and the limits of what the field would compute from data."""

    model: FrontDoor

    def ate(self) -> Truth:
        """E[purchase | do(shown = 1)] - E[purchase | do(shown = 0)]."""
        k = self.model.coefficients
        return Truth(k["shown", "view"] * k["view", "purchase"] + k["shown", "purchase"])

    def naive(self) -> Truth:
        """What data without thought converge to: E[Y | shown = 1] - E[Y | shown = 0], or the slope on shown."""
        if self.model.kind == "linear":
            k, noise = self.model.coefficients, self.model.noise
            open_door = k["hidden", "purchase"] * k["hidden", "shown"] / (k["hidden", "shown"] ** 2 + noise**2)
            return Truth(float(self.ate()) + open_door)
        with_it, without = (self._mean("purchase", {"shown": t}) for t in (1, 0))
        return Truth(with_it - without)

    def naive_bias(self) -> Truth:
        """`naive` minus `ate`: what the open back door adds."""
        return Truth(float(self.naive()) - float(self.ate()))

    def front_door(self) -> Truth:
        """What the front-door formula converges to: the ATE, unless `direct` opened a path beside the mediator."""
        k = self.model.coefficients
        if self.model.kind == "linear":
            return Truth(k["shown", "view"] * k["view", "purchase"])
        parts = self.parts()["value"]
        step = parts["P(view=1 | shown=1)"] - parts["P(view=1 | shown=0)"]
        return Truth(float(step * (parts["E[purchase | do(view=1)]"] - parts["E[purchase | do(view=0)]"])))

    def parts(self) -> pd.DataFrame:
        """The two halves of the formula, each a back-door adjustment of its own.

        Returns
        -------
        DataFrame with columns value, std_error (0: exact). binary: P(view=1 | shown=t), and
        E[purchase | do(view=m)] as the formula has it, adjusted for shown. linear: the slopes shown->view and
        view->purchase given shown.
        """
        if self.model.kind == "linear":
            k = self.model.coefficients
            rows = {f"{a}->{b}": k[a, b] for a, b in (("shown", "view"), ("view", "purchase"))}
        else:
            rows = {f"P(view=1 | shown={t})": self._mean("view", {"shown": t}) for t in (0, 1)}
            rows |= {f"E[purchase | do(view={m})]": self._adjusted(m) for m in (0, 1)}
        return pd.DataFrame({"value": pd.Series(rows), "std_error": 0.0})

    def _adjusted(self, view: int) -> float:
        shares = (self._mean("shown", {}) if t else 1 - self._mean("shown", {}) for t in (0, 1))
        return sum(share * self._mean("purchase", {"view": view, "shown": t}) for t, share in enumerate(shares))

    def _mean(self, name: str, given: Mapping[str, int]) -> float:
        """E[name | given], by summing the cells of the binary law."""
        cells = np.array(np.meshgrid(*[[0, 1]] * 4, indexing="ij")).reshape(4, -1)
        values = dict(zip(ORDER, cells, strict=True))
        chance = np.ones(cells.shape[1])
        for variable in ORDER:
            one = self.model.location(variable, values)
            chance = chance * np.where(values[variable] == 1, one, 1.0 - np.asarray(one))
        kept = np.all([values[v] == x for v, x in given.items()], axis=0) if given else np.ones(len(chance), bool)
        return float((chance * values[name])[kept].sum() / chance[kept].sum())


def front_door(
    seed: int = 0, *, kind: str = "binary", confounding: float = 1.0, direct: float = 0.0, noise: float = 0.7
) -> FrontDoor:
    """Make a front-door platform.

    Parameters
    ----------
    seed
        Each coefficient lies within .05 of its centre, uniformly, by this seed.
    kind
        "binary" or "linear".
    confounding
        0 closes the back door, 1 opens it wide; in [0, 1].
    direct
        Effect of shown on purchase beside the mediator, in [0, .2]; 0 keeps the front-door criterion.
    noise
        Standard deviation of each variable's own noise in the linear law.

    Raises
    ------
    ValueError
        If there is no such kind, or a number is out of range.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}: the front-door preset is {' or '.join(map(repr, KINDS))}")
    for name, value, high in (("confounding", confounding, 1.0), ("direct", direct, 0.2)):
        real(name, value, 0.0, high)
    if not real("noise", noise) > 0:
        raise ValueError(f"noise={noise!r}: give a positive standard deviation")
    rng = stream("front door coefficients", seed)
    centres = {
        ("hidden", "shown"): 0.6,
        ("shown", "view"): 0.5,
        ("view", "purchase"): 0.3,
        ("hidden", "purchase"): 0.25,
    }
    drawn = {edge: centre + 0.05 * (2 * rng.random() - 1) for edge, centre in centres.items()}
    drawn["hidden", "shown"] *= confounding
    return FrontDoor(kind, drawn | {("shown", "purchase"): direct}, (0.15, 0.1), noise, whole("seed", seed, least=0))
