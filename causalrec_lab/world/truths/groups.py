"""Groups of pairs by a column that users, items or decisions have: what conditional average effects are given by."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from causalrec_lab.world.arguments import whole
from causalrec_lab.world.people.population import Floats, Ints, Pairs, Population, stream
from causalrec_lab.world.people.tables import GENDERS

__all__ = ["grouping"]

SAMPLE = 100_000  # pairs from which quantiles of a pair's column are taken
MOST = 3  # earlier exposures that are told apart; more are one group

Codes = Callable[[Pairs], Ints]


def grouping(population: Population, by: str, bins: int = 4) -> tuple[list[Any], Codes]:
    """Labels of the groups of a column, and the group number of each pair.

    Parameters
    ----------
    by
        segment, gender, region, age, activity, category, popularity, log_popularity, affinity_hat, log_exposures; the
        scenario's cost and the users' sensitivity to it (price, price_sensitivity).
    bins
        Groups of a numeric column, cut at its quantiles over users, items or pairs.

    Raises
    ------
    ValueError
        If there is no such column, or fewer than one bin is asked for.
    """
    named, numeric = _named(population), _numeric(population)
    known = (*named, *numeric, "affinity_hat", "log_exposures")
    if by not in known:
        near = difflib.get_close_matches(str(by), known, n=3) or known
        raise ValueError(f"there is no column {by!r} to group effects by; did you mean {', '.join(near)}?")
    bins = whole("bins", bins)
    if by in named:
        labels, codes, side = named[by]
        return list(labels), lambda pairs: codes[getattr(pairs, side)]
    if by in numeric:
        column, side = numeric[by]
        edges = _edges(column, bins)
        cut = np.searchsorted(edges, column, side="right")
        return _interval_labels(edges), lambda pairs: cut[getattr(pairs, side)]
    if by == "log_exposures":
        labels = [*(f"n = {n}" for n in range(MOST)), f"n >= {MOST}"]
        return labels, lambda pairs: np.minimum(pairs.exposures, MOST)
    return _by_affinity(population, bins)


def _named(population: Population) -> Mapping[str, tuple[Any, Ints, str]]:
    scenario = population.scenario
    return {
        "segment": (tuple(scenario.segments), population.segment, "users"),
        "gender": (GENDERS, population.gender, "users"),
        "region": (scenario.regions, population.region, "users"),
        "category": (tuple(c.name for c in scenario.categories), population.category, "items"),
    }


def _numeric(population: Population) -> Mapping[str, tuple[npt.NDArray[Any], str]]:
    cost = population.scenario.cost
    return {
        "age": (population.age, "users"),
        "activity": (population.activity, "users"),
        cost.sensitivity: (population.cost_sensitivity, "users"),
        cost.name: (population.cost, "items"),
        "popularity": (population.popularity, "items"),
        "log_popularity": (population.log_popularity, "items"),
    }


def _by_affinity(population: Population, bins: int) -> tuple[list[Any], Codes]:
    rng = stream("groups")
    users = rng.integers(population.n_users, size=SAMPLE)
    edges = _edges(population.at(users, rng.integers(population.n_items, size=SAMPLE)).affinity_hat, bins)
    return _interval_labels(edges), lambda pairs: np.searchsorted(edges, pairs.affinity_hat, side="right")


def _edges(column: npt.NDArray[Any], bins: int) -> Floats:
    return np.unique(np.quantile(column, np.linspace(0, 1, bins + 1)[1:-1]))


def _interval_labels(edges: Floats) -> list[Any]:
    if not len(edges):
        return ["all"]
    inner = [f"[{low:.3g}, {high:.3g})" for low, high in pairwise(edges)]
    return [f"< {edges[0]:.3g}", *inner, f">= {edges[-1]:.3g}"]
