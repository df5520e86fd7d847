"""Who the users are and what the items are: the draws behind a population, from a scenario's shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from causalrec_lab.world.scenarios.scenario import Scenario

if TYPE_CHECKING:
    from causalrec_lab.world.people.population import Floats, Ints

__all__ = ["HIDDEN_SD", "MOST_ACTIVITY", "draw_centroids", "draw_items", "draw_users", "standardised"]

HIDDEN_SD = 0.5**0.5  # of h_u and of h_i, so that h = h_u + h_i has variance 1
NOISE = 0.6  # share of a taste that no category explains
REGION_TILT = 0.4  # log odds by which each segment's favourite region exceeds the average one
MOST_ACTIVITY = 6.0  # of the typical user's; beyond it one user's logits would run away
MOST_POPULARITY = 10_000.0  # of the most popular item where the scenario gives a curve


def draw_centroids(scenario: Scenario, rng: np.random.Generator) -> Floats:
    """One direction a category, as far apart as the dimension allows."""
    directions = rng.standard_normal((len(scenario.categories), scenario.taste))
    if len(directions) <= scenario.taste:
        directions = np.linalg.qr(directions.T)[0].T
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True))


def draw_users(scenario: Scenario, centroids: Floats, n: int, rng: np.random.Generator) -> dict[str, Any]:
    """Columns of n users: tastes before they are standardised, who they are, the hidden trait, a key."""
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


def draw_items(scenario: Scenario, centroids: Floats, n: int, rng: np.random.Generator) -> dict[str, Any]:
    """Columns of n items: attributes not yet standardised, category, cost, popularity, the hidden trait, a key."""
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


def standardised(theta: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Centre the items and scale both sides so that theta . v has mean 0 and variance 1 over all pairs."""
    v = v - v.mean(axis=0)
    variance = float(np.trace((theta.T @ theta / len(theta)) @ (v.T @ v / len(v))))
    scale = variance**-0.25
    return theta * scale, v * scale
