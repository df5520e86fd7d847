"""The finite population: users, items and what every pair of them carries.

Latent tastes and attributes follow the relevance-times-exposure generators of Saito et al. (2020, "Unbiased Recommender
Learning from Missing-Not-At-Random Implicit Feedback", WSDM) and the inner-product users of Rohde et al. (2018,
"RecoGym", arXiv:1808.00720). Everything is drawn once, from named streams of one seed, so that a dial moves only what
it says.
"""

from __future__ import annotations

import copy
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.world.scenario import Scenario

__all__ = ["Floats", "Ints", "Pairs", "Population", "draw_population", "known_ids", "stream"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HIDDEN_SD = 0.5**0.5  # of h_u and of h_i, so that h = h_u + h_i has variance 1
NOISE = 0.6  # share of a taste that no category explains
RECOMMENDER_NOISE = 0.5  # of the platform's own estimate of tastes, per coordinate
MEAN_EXPOSURES = 0.8  # earlier exposures of a pair at typical popularity and activity
MAX_EXPOSURES = 20
REGION_TILT = 0.4  # log odds by which each segment's favourite region exceeds the average one
MOST_ACTIVITY = 6.0  # of the typical user's; beyond it one user's logits would run away
MOST_POPULARITY = 10_000.0  # of the most popular item where the scenario gives a curve


def stream(name: str, *seeds: int) -> np.random.Generator:
    """Random generator of one named purpose: streams of different names are independent."""
    return np.random.default_rng([zlib.crc32(name.encode()), *seeds])


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

    def __init__(self, population: Population, users: Ints, items: Ints) -> None:
        self.population = population
        self.users = users
        self.items = items

    def moved(self, demand: Floats | float) -> Pairs:
        """The same pairs with `demand` added to the logit of the first stage."""
        pairs = copy.copy(self)
        pairs.demand = self.demand + demand
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
    centroids = _centroids(scenario, seed)
    users = _draw_users(scenario, centroids, n_users, stream("users", seed))
    items = _draw_items(scenario, centroids, n_items, stream("items", seed))
    theta, v = _standardised(users.pop("theta"), items.pop("v"))
    noise = stream("recommender", seed)
    theta_hat, v_hat = _standardised(
        theta + RECOMMENDER_NOISE * theta.std() * noise.standard_normal(theta.shape),
        v + RECOMMENDER_NOISE * v.std() * noise.standard_normal(v.shape),
    )
    return Population(scenario, theta, theta_hat, v=v, v_hat=v_hat, centroids=centroids, **users, **items)


def _centroids(scenario: Scenario, seed: int) -> Floats:
    """One direction a category, as far apart as the dimension allows."""
    directions = stream("centroids", seed).standard_normal((len(scenario.categories), scenario.taste))
    if len(directions) <= scenario.taste:
        directions = np.linalg.qr(directions.T)[0].T
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True))


def _draw_users(scenario: Scenario, centroids: Floats, n: int, rng: np.random.Generator) -> dict[str, Any]:
    people = _draw_people(scenario, n, rng)
    segment, names = people["segment"], [category.name for category in scenario.categories]
    liked = np.array([[name in group.likes for name in names] for group in scenario.segments.values()], dtype=float)
    leaning = (
        rng.dirichlet(np.full(len(names), 0.5), size=n)
        + rng.random((n, 1)) * (liked / liked.sum(1, keepdims=True))[segment]
    )
    leaning /= leaning.sum(axis=1, keepdims=True)
    theta = 2.0 * leaning @ centroids + NOISE * rng.standard_normal((n, scenario.taste)) / np.sqrt(scenario.taste)
    return people | {
        "theta": theta,
        "h_user": HIDDEN_SD * rng.standard_normal(n),
        "key_user": rng.integers(2**32, size=n, dtype=np.uint32),
    }


def _draw_items(scenario: Scenario, centroids: Floats, n: int, rng: np.random.Generator) -> dict[str, Any]:
    category = rng.permutation(_category_mix(scenario, n))
    v = centroids[category] + NOISE * rng.standard_normal((n, scenario.taste)) / np.sqrt(scenario.taste)
    gap = 0.45 * rng.standard_normal(n)
    typical = np.array([c.cost for c in scenario.categories])[category]
    popularity = _popularity(scenario, rng.permutation(n))
    return {
        "v": v,
        "category": category,
        "cost": np.round(typical * np.exp(gap), 2),
        "log_cost_gap": gap,
        "popularity": np.maximum(np.rint(popularity), 1).astype(np.int64),
        "log_popularity": np.log(popularity) - np.log(popularity).mean(),
        "h_item": HIDDEN_SD * rng.standard_normal(n),
        "key_item": rng.integers(2**32, size=n, dtype=np.uint32),
    }


def _draw_people(scenario: Scenario, n: int, rng: np.random.Generator) -> dict[str, Any]:
    """Who the users are: segments lean with age and gender, activity and sensitivity with age, regions with segments.

    Ages are 18 plus a gamma number of shape 4 and mean 24, made from a standard normal g by the cube of Wilson and
    Hilferty (1931, "The Distribution of Chi-Square", PNAS 17), so that what leans with age leans with g.
    """
    g = rng.standard_normal(n)
    gender = rng.choice(3, size=n, p=[0.55, 0.42, 0.03])
    groups = scenario.segments.values()
    lean = np.outer(g, [group.age for group in groups]) + np.outer(gender == 0, [group.female for group in groups])
    segment = np.argmax(lean + rng.gumbel(size=lean.shape), axis=1)
    angle = np.arange(len(scenario.regions)) / len(scenario.regions) - segment[:, None] / len(groups)
    region = np.argmax(REGION_TILT * np.cos(2 * np.pi * angle) + rng.gumbel(size=angle.shape), axis=1)
    return {
        "segment": segment,
        "age": np.clip(np.rint(18 + 24 * (1 - 1 / 36 + g / 6) ** 3), 18, 85).astype(np.int64),
        "gender": gender,
        "region": region,
        "activity": _activity(scenario, _correlated(g, scenario.age_activity, rng)),
        "cost_sensitivity": np.exp(-0.1 + 0.4 * _correlated(g, scenario.age_sensitivity, rng)),
    }


def _correlated(latent: Floats, correlation: float, rng: np.random.Generator) -> Floats:
    """Standard normal numbers with this correlation to others."""
    own = rng.standard_normal(len(latent))
    return np.asarray(correlation * latent + np.sqrt(1.0 - correlation**2) * own)


def _activity(scenario: Scenario, latent: Floats) -> Floats:
    """Activity of users from a standard normal latent: log-normal, or the scenario's curve read at its quantiles."""
    if not isinstance(scenario.activity, tuple):
        return np.minimum(np.exp(scenario.activity * latent), MOST_ACTIVITY)
    quantile = (np.argsort(np.argsort(latent)) + 0.5) / len(latent)
    curve = np.asarray(scenario.activity, dtype=np.float64)
    grid = np.linspace(0.0, 1.0, len(curve))
    drawn = np.interp(quantile, grid, curve) / np.interp(0.5, grid, curve)
    return np.asarray(np.minimum(drawn, MOST_ACTIVITY))


def _popularity(scenario: Scenario, rank: Ints) -> Floats:
    """Popularity by rank (0 first): a power law, or the scenario's curve read between its points on the log scale."""
    if not isinstance(scenario.popularity, tuple):
        return np.asarray(20_000.0 / (rank + 3.0) ** scenario.popularity)
    curve = np.log(scenario.popularity)
    place = rank / (len(rank) - 1)
    read = np.interp(place, np.linspace(0.0, 1.0, len(curve)), curve)
    return np.asarray(MOST_POPULARITY * np.exp(read - curve[0]))


def _category_mix(scenario: Scenario, n: int) -> Ints:
    """Category numbers of n items in the scenario's shares, as exact as whole items allow (largest remainders)."""
    if scenario.shares is None:
        return np.arange(n) % len(scenario.categories)
    wanted = n * np.array([scenario.shares[category.name] for category in scenario.categories], dtype=np.float64)
    counts = np.floor(wanted).astype(np.int64)
    counts[np.argsort(counts - wanted, kind="stable")[: n - counts.sum()]] += 1
    return np.repeat(np.arange(len(counts)), counts)


def _standardised(theta: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Centre the items and scale both sides so that theta . v has mean 0 and variance 1 over all pairs."""
    v = v - v.mean(axis=0)
    variance = float(np.trace((theta.T @ theta / len(theta)) @ (v.T @ v / len(v))))
    scale = variance**-0.25
    return theta * scale, v * scale


def known_ids(frame: pd.DataFrame, column: str, count: int) -> Ints:
    """Ids of a column as row numbers of the population.

    Raises
    ------
    ValueError
        If the column is missing or holds an id the platform does not have.
    """
    if column not in frame:
        raise ValueError(f"column {column!r} is missing; the platform finds its latents by user_id and item_id")
    ids = frame[column].to_numpy()
    bad = ~((ids >= 0) & (ids < count))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"column {column!r} has {int(bad.sum())} ids this platform does not have, first at row {row}: {ids[row]}; "
            f"its ids are 0 to {count - 1}: was the log made by another platform?"
        )
    return np.asarray(ids, dtype=np.int64)
