"""The finite population: users, items and what every pair of them carries.

Latent tastes and attributes follow the relevance-times-exposure generators of Saito et al. (2020, "Unbiased Recommender
Learning from Missing-Not-At-Random Implicit Feedback", WSDM) and the inner-product users of Rohde et al. (2018,
"RecoGym", arXiv:1808.00720). Everything is drawn once, from named streams of one seed, so that a dial moves only what
it says.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.world.arguments import whole
from causalrec_lab.world.people.census import (
    HIDDEN_SD,
    MOST_ACTIVITY,
    draw_centroids,
    draw_items,
    draw_users,
    standardised,
)
from causalrec_lab.world.scenarios.scenario import Scenario

__all__ = [
    "HIDDEN_SD",
    "MOST_ACTIVITY",
    "Floats",
    "Ints",
    "Pairs",
    "Population",
    "draw_population",
    "known_ids",
    "stream",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RECOMMENDER_NOISE = 0.5  # of the platform's own estimate of tastes, per coordinate
MEAN_EXPOSURES = 0.8  # earlier exposures of a pair at typical popularity and activity
MAX_EXPOSURES = 20


def stream(name: str, *seeds: int) -> np.random.Generator:
    """Random generator of one named purpose: streams of different names are independent.

    Raises
    ------
    ValueError
        If a seed is no whole number of at least 0.
    """
    return np.random.default_rng([zlib.crc32(name.encode()), *(whole("seed", seed, least=0) for seed in seeds)])


@dataclass(frozen=True, eq=False)
class Population:
    r"""Users and items, drawn once from the seed.

    Affinity is :math:`r_{ui} = \theta_u \cdot v_i`, mean 0 and variance 1 over all pairs; the platform knows only
    :math:`\hat r_{ui} = \hat\theta_u \cdot \hat v_i`, from noisy copies, standardised in the same way. The hidden trait
    is :math:`h_{ui} = h_u + h_i` with both parts N(0, 1/2), independent of everything else.

    Earlier exposures :math:`n_{ui}` are a fixed property of the pair: a hash of two random keys gives a uniform number,
    and :math:`n = \lfloor \lambda_u \lambda_i (-\log U_{ui}) \rfloor`, at most 20. So no users-by-items matrix is
    stored.
    """

    scenario: Scenario
    theta: Floats
    theta_hat: Floats
    segment: Ints
    age: Ints
    gender: Ints
    region: Ints
    activity: Floats
    cost_sensitivity: Floats
    h_user: Floats
    key_user: npt.NDArray[np.uint32]
    v: Floats
    v_hat: Floats
    centroids: Floats
    category: Ints
    cost: Floats
    log_cost_gap: Floats
    popularity: Ints
    log_popularity: Floats
    h_item: Floats
    key_item: npt.NDArray[np.uint32]
    arrival: Ints | None = None  # day on which an item arrives; None where all are there from the start

    @property
    def n_users(self) -> int:
        """Users in the population."""
        return len(self.theta)

    @property
    def n_items(self) -> int:
        """Items in the catalogue."""
        return len(self.v)

    def at(self, users: Ints, items: Ints) -> Pairs:
        """Pairs of a log: one a row, all arrays of shape (n,)."""
        return Pairs(self, users, items)

    def block(self, users: Ints) -> Pairs:
        """All pairs of some users with every item: arrays broadcast to (users, n_items)."""
        return Pairs(self, users[:, None], np.arange(self.n_items)[None, :])


class Pairs:
    """What user-item pairs carry, computed when asked for; all arrays broadcast against each other.

    Parameters
    ----------
    population
        Where the pairs live.
    users, items
        Row numbers; both (n,) for a log, or (m, 1) and (1, n_items) for a block.
    """

    node: Ints | None = None  # season; None where it is averaged over
    demand: Floats | float = 0.0  # logit that the day, or the decision before, adds to the first stage
    shifts: Mapping[str, Floats] = MappingProxyType({})  # logit that a touch adds, by stage and for the return

    def __init__(self, population: Population, users: Ints, items: Ints) -> None:
        self.population = population
        self.users = users
        self.items = items

    def moved(self, demand: Floats | float) -> Pairs:
        """The same pairs with `demand` added to the logit of the first stage."""
        pairs = copy.copy(self)
        pairs.demand = self.demand + demand
        return pairs

    def touched(self, shifts: Mapping[str, Floats]) -> Pairs:
        """The same pairs with what goes beside the item: a logit for some stages and the return."""
        pairs = copy.copy(self)
        pairs.shifts = shifts
        return pairs

    def _dot(self, left: Floats, right: Floats) -> Floats:
        if self.users.ndim == 2:
            product: Floats = left[self.users[:, 0]] @ right[self.items[0]].T
            return product
        return np.asarray(np.einsum("nk,nk->n", left[self.users], right[self.items]))

    @cached_property
    def affinity(self) -> Floats:
        r"""True affinity :math:`r_{ui}`."""
        return self._dot(self.population.theta, self.population.v)

    @cached_property
    def affinity_hat(self) -> Floats:
        r"""The platform's estimate :math:`\hat r_{ui}`, an input of the exposure rule."""
        return self._dot(self.population.theta_hat, self.population.v_hat)

    @cached_property
    def hidden(self) -> Floats:
        """Hidden trait h = h_u + h_i."""
        return self.population.h_user[self.users] + self.population.h_item[self.items]

    @cached_property
    def exposures(self) -> Ints:
        """Earlier exposures of the pair, before the window."""
        population = self.population
        uniform = _hash_uniform(population.key_user[self.users], population.key_item[self.items])
        shown = MEAN_EXPOSURES * np.exp(0.4 * population.log_popularity).astype(np.float32)
        if population.arrival is not None:
            shown[population.arrival > 0] = 0.0
        heavy = shown[self.items]
        rate = heavy * np.sqrt(population.activity).astype(np.float32)[self.users]
        return np.asarray(np.minimum(-np.log(uniform) * rate, MAX_EXPOSURES), dtype=np.int64)

    @cached_property
    def log_exposures(self) -> Floats:
        """log(1 + n), an input of the exposure rule."""
        return _LOG1P[self.exposures]

    @property
    def log_popularity(self) -> Floats:
        """Centred log popularity of the item."""
        return self.population.log_popularity[self.items]

    @property
    def activity(self) -> Floats:
        """Activity of the user, 1 at the median."""
        return self.population.activity[self.users]

    @property
    def category(self) -> Ints:
        """Category number of the item."""
        return self.population.category[self.items]

    @cached_property
    def cost_pain(self) -> Floats:
        """Cost sensitivity times log cost relative to the category's median."""
        return self.population.cost_sensitivity[self.users] * self.population.log_cost_gap[self.items]


_LOG1P = np.log1p(np.arange(MAX_EXPOSURES + 1, dtype=np.float64))


def _hash_uniform(left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]:
    """Uniform numbers in (0, 1) from two 32-bit keys: MurmurHash3's finaliser (Appleby 2011) on their exclusive or."""
    mixed = left ^ right
    mixed ^= mixed >> np.uint32(16)
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return ((mixed >> np.uint32(8)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-24)


def draw_population(scenario: Scenario, n_users: int, n_items: int, seed: int) -> Population:
    """Draw users and items of a scenario.

    Parameters
    ----------
    scenario
        Words, segments and shapes.
    n_users, n_items
        Sizes, at least 2 each.
    seed
        The population's own seed.
    """
    centroids = draw_centroids(scenario, stream("centroids", seed))
    users = draw_users(scenario, centroids, n_users, stream("users", seed))
    items = draw_items(scenario, centroids, n_items, stream("items", seed))
    theta, v = standardised(users.pop("theta"), items.pop("v"))
    noise = stream("recommender", seed)
    theta_hat, v_hat = standardised(
        theta + RECOMMENDER_NOISE * theta.std() * noise.standard_normal(theta.shape),
        v + RECOMMENDER_NOISE * v.std() * noise.standard_normal(v.shape),
    )
    return Population(scenario, theta, theta_hat, v=v, v_hat=v_hat, centroids=centroids, **users, **items)


def known_ids(frame: pd.DataFrame, column: str, count: int) -> Ints:
    """Ids of a column as row numbers of the population.

    Raises
    ------
    ValueError
        If the column is missing or holds an id the platform does not have.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"a {type(frame).__name__} is no DataFrame; a Dataset has one in `decisions`")
    if column not in frame:
        raise ValueError(f"column {column!r} is missing; the platform finds its latents by user_id and item_id")
    ids = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~((ids >= 0) & (ids < count) & (ids == np.floor(ids)))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"column {column!r} has {int(bad.sum())} ids this platform does not have, first at row {row}: "
            f"{frame[column].iloc[row]}; "
            f"its ids are 0 to {count - 1}: was the log made by another platform?"
        )
    return np.asarray(ids, dtype=np.int64)
