"""Policies by action values and by effects for cost, as words and arrays: what `saving` puts on disk of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.causal.effects.cate.basis import Basis
from causalrec_lab.causal.effects.cate.coding import Coding
from causalrec_lab.causal.effects.cate.learning import Ridge
from causalrec_lab.intervention.learning.action_values import Regression
from causalrec_lab.intervention.learning.budget import BudgetPolicy
from causalrec_lab.intervention.learning.budget_rule import BudgetRule, Effects
from causalrec_lab.intervention.learning.sequential import QPolicy
from causalrec_lab.intervention.learning.stored_values import CellValues, TreeValues, values_of

__all__ = ["RidgeEffects", "Told", "read_budget", "read_q", "told_budget", "told_q"]

Floats = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]
Told = tuple[dict[str, Any], Arrays]


@dataclass(frozen=True, eq=False)
class RidgeEffects:
    """Effects that are a ridge regression on a basis of covariates, without the rows they were learned from.

    Parameters
    ----------
    modifiers
        How a table becomes numbers.
    ridge
        Of the numbers.
    """

    modifiers: Coding
    ridge: Ridge

    def effect(self, frame: pd.DataFrame) -> Floats:
        """(n,) effects of the rows of a table.

        Raises
        ------
        ValueError
            If a covariate is missing, not finite, or has a level not met when learning.
        """
        return self.ridge.predict(self.modifiers.matrix(frame), np.empty((len(frame), 0)))


def told_q(policy: QPolicy) -> Told:
    """Words and arrays of a policy by action values.

    Raises
    ------
    ValueError
        If its values are functions that were not learned here.
    """
    functions = tuple(policy.values)
    distinct = list({id(each): each for each in functions}.values())
    model = policy.model
    words = {
        "kind": "q", "columns": list(policy.columns), "temperature": policy.temperature, "model": model.kind,
        "n_actions": model.n_actions, "seed": model.seed, "cuts": len(model.cuts),
    }  # fmt: skip
    days = [[each is one for one in distinct].index(True) for each in functions]
    arrays: Arrays = {"allowed": policy.allowed, "met": model.met, "days": np.array(days, dtype=np.int64)}
    arrays |= {f"cut_{k}": cut for k, cut in enumerate(model.cuts)}
    for k, each in enumerate(distinct):
        if not isinstance(each, CellValues | TreeValues):
            raise ValueError(f"cannot save action values that are a {type(each).__name__}; fitted_q gives what can be")
        arrays |= {f"values_{k}.{name}": array for name, array in each.arrays().items()}
    return words, arrays


def read_q(words: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> QPolicy:
    """Read what `told_q` told."""
    cuts = tuple(arrays[f"cut_{k}"] for k in range(words["cuts"]))
    model = Regression(words["model"], cuts, words["n_actions"], words["seed"], arrays["met"])
    parts: dict[int, Arrays] = {}
    for name, array in arrays.items():
        if name.startswith("values_"):
            place, part = name.removeprefix("values_").split(".", 1)
            parts.setdefault(int(place), {})[part] = array
    distinct = {k: values_of(found, model) for k, found in parts.items()}
    values = [distinct[int(k)] for k in arrays["days"]]
    return QPolicy(values, tuple(words["columns"]), arrays["allowed"], model, words["temperature"])


def told_budget(policy: BudgetPolicy | BudgetRule) -> Told:
    """Words and arrays of a rule under a budget; effects only where they are a ridge regression on covariates."""
    words: dict[str, Any] = {
        "kind": "budget", "costs": policy.costs, "shadow_price": policy.shadow_price, "margin": policy.margin,
        "worth": policy.worth, "own_effects": False,
    }  # fmt: skip
    if (effects := _plain(policy.effects)) is None:
        return words, {}
    basis = effects.ridge.basis
    words |= {
        "own_effects": True, "columns": list(effects.modifiers.columns), "crossed": basis.crossed,
        "levels": {name: list(levels) for name, levels in effects.modifiers.levels.items()},
    }  # fmt: skip
    arrays: Arrays = {name: getattr(basis, name) for name in ("centre", "spread", "bent_centre", "bent_spread")}
    arrays |= {"coefficients": effects.ridge.coefficients}
    return words, arrays | {f"knots_{k}": found for k, found in enumerate(basis.knots)}


def read_budget(
    words: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], effects: Effects | None
) -> BudgetRule:
    """Read what `told_budget` told.

    Raises
    ------
    ValueError
        If the effects are not among it and were not given.
    """
    if effects is None:
        if not words["own_effects"]:
            raise ValueError(
                "the effects this rule was learned from are of a kind that is not written (dr_learner and r_learner on "
                "columns are); pass them: load(folder, effects=...)"
            )
        knots = tuple(arrays[f"knots_{k}"] for k in range(len(arrays["centre"])))
        basis = Basis(
            arrays["centre"], arrays["spread"], knots, words["crossed"], arrays["bent_centre"], arrays["bent_spread"]
        )
        levels = {name: tuple(found) for name, found in words["levels"].items()}
        effects = RidgeEffects(Coding(tuple(words["columns"]), levels), Ridge(basis, arrays["coefficients"], False))
    return BudgetRule(effects, words["costs"], words["shadow_price"], words["margin"], words["worth"])


def _plain(effects: Any) -> RidgeEffects | None:
    """Effects without the rows they were learned from, where they are a ridge regression on covariates."""
    if isinstance(effects, RidgeEffects):
        return effects
    ridge, scaling = getattr(getattr(effects, "model", None), "regression", None), getattr(effects, "scaling", None)
    if not isinstance(ridge, Ridge) or scaling is None or scaling.means:
        return None
    return RidgeEffects(effects.modifiers, ridge)
