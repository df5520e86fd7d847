"""Noise that buys privacy: calibrated by OpenDP, drawn by OpenDP's secure sampler or, for study only, from a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Kind", "Mechanism", "Noise", "Simulation", "calibrate", "epsilon_of", "noise_in_words", "opendp", "secure"]
__all__ += ["simulate"]

Ints = npt.NDArray[np.int64]
Kind = Literal["laplace", "gaussian"]
KINDS = ("laplace", "gaussian")
NOT_PRIVATE = "warning: not private: the noise came from a seed, for study only; leave noise= out for a release"


@dataclass(frozen=True)
class Mechanism:
    r"""Noise on whole numbers whose sums one user moves by at most `sensitivity`.

    Parameters
    ----------
    kind
        "laplace": discrete Laplace, :math:`P(x) \propto e^{-|x|/s}`; "gaussian": discrete Gaussian,
        :math:`P(x) \propto e^{-x^2/2s^2}` (Canonne, Kamath & Steinke 2020).
    scale
        :math:`s`, in the unit of the sums.
    sensitivity
        Largest norm of one user's numbers: L1 for Laplace, L2 for Gaussian noise.
    epsilon, delta
        What the release costs.
    rho
        The same in zero-concentrated privacy (Bun & Steinke 2016): :math:`\epsilon^2 / 2` for Laplace (proposition
        1.4), :math:`\Delta^2 / 2 s^2` for Gaussian noise (proposition 1.6).
    """

    kind: Kind
    scale: float
    sensitivity: int
    epsilon: float
    delta: float
    rho: float

    @property
    def std(self) -> float:
        """Standard deviation of the noise, in the unit of the sums (that of the continuous law)."""
        return self.scale * (math.sqrt(2) if self.kind == "laplace" else 1.0)


class Noise(Protocol):
    """Where noise comes from."""

    private: bool

    def add(self, sums: Ints, mechanism: Mechanism) -> Ints:
        """Sums with noise."""
        ...

    def chooser(self) -> np.random.Generator:
        """Generator that chooses which rows of a user count; privacy does not rest on it."""
        ...


def noise_in_words(mechanism: Mechanism, private: bool) -> str:
    """Name the noise in a result; what a seed made is called so wherever the result goes."""
    return f"{mechanism.kind} noise" if private else f"simulated {mechanism.kind} noise, not private"


class _Secure:
    """OpenDP's sampler, fed by the operating system; it has no seed, and must have none."""

    private = True

    def add(self, sums: Ints, mechanism: Mechanism) -> Ints:
        """Sums with noise of OpenDP."""
        drawn = _measurement(mechanism.kind, mechanism.scale)([int(one) for one in sums.ravel()])
        return np.asarray(drawn, dtype=np.int64).reshape(sums.shape)

    def chooser(self) -> np.random.Generator:
        """A generator fed by the operating system."""
        return np.random.default_rng()


class Simulation:
    """Noise of the same law and scale from a seed: it can be repeated, and so it protects nobody."""

    private = False

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 0])
        self._chooser = np.random.default_rng([seed, 1])

    def __repr__(self) -> str:
        return "Simulation(not private)"

    def add(self, sums: Ints, mechanism: Mechanism) -> Ints:
        """Sums with noise of numpy."""
        scale, size = mechanism.scale, sums.shape
        if mechanism.kind == "laplace":
            chance = -math.expm1(-1 / scale)
            down, up = (self._rng.geometric(chance, size) for _ in range(2))
            return sums + up - down
        if scale > 1_000:  # a rounded normal is no further from it than 1e-6
            return sums + np.rint(self._rng.normal(0, scale, size)).astype(np.int64)
        support = np.arange(-math.ceil(12 * scale) - 1, math.ceil(12 * scale) + 2)
        chances = np.exp(-(support**2) / (2 * scale**2))
        drawn: Ints = self._rng.choice(support, size, p=chances / chances.sum())
        return sums + drawn

    def chooser(self) -> np.random.Generator:
        """A generator of the same seed."""
        return self._chooser


def simulate(seed: Any) -> Simulation:
    """Noise that can be repeated, for notebooks, tests and benchmarks: *not private*, and every result says so.

    A real release draws from OpenDP's cryptographic sampler, which takes no seed: who can repeat the noise can take it
    off. So figures that must come out alike twice are simulations, and real releases are stored, not repeated.

    Parameters
    ----------
    seed
        A whole number >= 0; one object gives fresh noise to each release made with it.

    Raises
    ------
    ValueError
        If the seed is none.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"simulate(seed={seed!r}): give a whole number >= 0")
    return Simulation(int(seed))


def secure(noise: Noise | None) -> Noise:
    """Give the noise that was asked for; None: OpenDP's.

    Raises
    ------
    TypeError
        If it is no noise.
    """
    if noise is None:
        return _Secure()
    if not isinstance(noise, Simulation | _Secure):
        raise TypeError(f"noise={noise!r}: leave it out for a private release, or give privacy.simulate(seed)")
    return noise


def calibrate(kind: Kind, sensitivity: int, epsilon: float, delta: float = 0.0) -> Mechanism:
    """Least noise that keeps the promise, as OpenDP's own map counts it.

    Raises
    ------
    ValueError
        If epsilon, delta or the kind is none, or Gaussian noise is asked for without a delta.
    """
    check_loss(epsilon, delta)
    if kind not in KINDS:
        raise ValueError(f"mechanism={kind!r}: known are 'laplace' and 'gaussian'")
    if kind == "gaussian":
        if delta == 0:
            raise ValueError("mechanism='gaussian' needs delta > 0 (such as 1e-6); 'laplace' does with delta=0")
        rho = _rho_within(epsilon, delta)
        scale = sensitivity / math.sqrt(2 * rho)
        return Mechanism("gaussian", scale, sensitivity, float(epsilon), float(delta), rho)
    scale = sensitivity / epsilon
    while _measurement("laplace", scale).map(sensitivity) > epsilon:  # OpenDP rounds against us
        scale = scale * (1 + 1e-12)
    return Mechanism("laplace", scale, sensitivity, float(epsilon), 0.0, epsilon**2 / 2)


def check_loss(epsilon: Any, delta: Any = 0.0, who: str = "a release") -> None:
    """Refuse what is no privacy loss.

    Raises
    ------
    ValueError
        If epsilon is not above 0 or beyond 1e-9 to 1e9, where noise is no noise, or delta not in [0, 1).
    """
    for name, given in (("epsilon", epsilon), ("delta", delta)):
        if isinstance(given, bool) or not isinstance(given, int | float | np.number) or not math.isfinite(given):
            raise ValueError(f"{who} ({name}={given!r}): {name} is a finite number")
    if not epsilon > 0:
        raise ValueError(f"{who} (epsilon={epsilon}): epsilon must be above 0 (0.1 is strict, 1 usual, 10 weak)")
    if not 1e-9 <= epsilon <= 1e9:
        raise ValueError(f"{who} (epsilon={epsilon}): epsilon lies from 1e-9 to 1e9; 0.1 is strict, 1 usual, 10 weak")
    if not 0 <= delta < 1:
        raise ValueError(f"{who} (delta={delta}): delta is a chance in [0, 1), far below 1 / users")


def epsilon_of(rho: float, delta: float) -> float:
    """Epsilon at `delta` of a loss of `rho` in zero-concentrated privacy, converted by OpenDP.

    Bun & Steinke (2016), proposition 1.3, tightened by Canonne, Kamath & Steinke (2020).
    """
    if rho == 0:
        return 0.0
    dp = opendp()
    plain = dp.m.make_gaussian(dp.atom_domain(T="i64"), dp.absolute_distance(T="f64"), scale=1.0)
    return float(dp.c.make_zCDP_to_approxDP(plain).map(math.sqrt(2 * rho) * (1 + 1e-12)).epsilon(delta))


@cache
def _rho_within(epsilon: float, delta: float) -> float:
    low, high = 0.0, max(epsilon, 1.0)
    while epsilon_of(high, delta) <= epsilon:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if epsilon_of(middle, delta) <= epsilon else (low, middle)
        if high - low < 1e-9 * high:
            break
    return low


def _measurement(kind: Kind, scale: float) -> Any:
    dp = opendp()
    numbers = dp.vector_domain(dp.atom_domain(T="i64"))
    if kind == "laplace":
        return dp.m.make_laplace(numbers, dp.l1_distance(T="i64"), scale=scale)
    return dp.m.make_gaussian(numbers, dp.l2_distance(T="f64"), scale=scale)


def opendp() -> Any:
    """OpenDP with its feature "contrib": mechanisms whose written proofs have not all been vetted by others yet."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    return dp
