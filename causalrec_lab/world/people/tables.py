"""The tables of users, items and contexts: what a platform observes of its population."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.world.people.population import Population

if TYPE_CHECKING:
    from causalrec_lab.world.writing.text import Texts

__all__ = ["GENDERS", "context_table", "item_table", "user_table"]

GENDERS = ("female", "male", "other")


def user_table(population: Population, texts: Texts) -> pd.DataFrame:
    """Observed columns of the users; taste and hidden trait are not among them."""
    scenario = population.scenario
    return pd.DataFrame(
        {
            "user_id": np.arange(population.n_users),
            "age": population.age,
            "gender": np.array(GENDERS)[population.gender],
            "region": np.array(scenario.regions)[population.region],
            "segment": np.array(list(scenario.segments))[population.segment],
            "activity": population.activity,
            population.scenario.cost.sensitivity: population.cost_sensitivity,
            "text": texts.users,
        }
    )


def item_table(population: Population, texts: Texts) -> pd.DataFrame:
    """Observed columns of the items; attributes and hidden trait are not among them."""
    names = np.array([category.name for category in population.scenario.categories])
    return pd.DataFrame(
        {
            "item_id": np.arange(population.n_items),
            "title": texts.titles,
            "text": texts.items,
            "category": names[population.category],
            population.scenario.cost.name: population.cost,
            "popularity": population.popularity,
        }
    )


def context_table(population: Population) -> pd.DataFrame:
    """What policies see of each user, as numbers; taste_1 … taste_K is the platform's own estimate of the taste."""
    taste = {f"taste_{k + 1}": population.theta_hat[:, k] for k in range(population.theta_hat.shape[1])}
    return pd.DataFrame(
        {
            "user_id": np.arange(population.n_users),
            "age": population.age,
            "female": (population.gender == 0).astype(np.int64),
            "activity": population.activity,
            population.scenario.cost.sensitivity: population.cost_sensitivity,
        }
        | taste
    )
