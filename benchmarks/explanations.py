"""Explanations against truth, over seeds: attribution beside effect, attention beside gradients, counterfactuals.

* `linear`: least squares on every column of the linear-Gaussian preset; SHAP's ranking beside exact total and direct
  effects, and beside total effects estimated with each column's own parents as covariates.
* `shop`: boosted trees of a click, with the view among the columns and without; SHAP beside the true effects of the
  columns; the treatment's attribution and its AIPW estimate over its true effect.
* `history`: a small Transformer; agreement of gradients, leaving out and rolled-out attention; how often taking out the
  event that each calls most important takes the item out of the first place; the smallest change that does.

    python benchmarks/explanations.py --seeds 20
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from recording import clock, record
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from causalrec_lab.causal import CausalGraph
from causalrec_lab.causal.effects import aipw
from causalrec_lab.explain import against_effects, attribute, counterfactual
from causalrec_lab.explain.attributions import history_methods, kendall, true_effects
from causalrec_lab.recommender import RecommenderConfig, TransformerRecommender
from causalrec_lab.world import Platform

COLUMNS = ["treated", "z", "position", "affinity_hat", "log_popularity", "activity", "log_exposures", "price"]
Figures = dict[str, float]


def linear(seed: int, n: int) -> Figures:
    """One draw of the linear-Gaussian preset."""
    world = Platform.linear_gaussian(seed=seed)
    rows = world.sample(n, seed)
    causes = ["affinity", "shown", "view", "cart"]
    model = LinearRegression().fit(rows[causes], rows["purchase"])
    spread = rows[causes].std(ddof=0)
    total = (true_effects(world)["per_unit"][causes] * spread).to_numpy()
    direct = np.array([world.coefficients[name, "purchase"] for name in causes]) * spread.to_numpy()
    found: Figures = {}
    for kind in ("interventional", "conditional"):
        told = attribute(model, rows[causes], method=kind, resamples=2).importance[causes].to_numpy()
        found[f"tau, SHAP {kind} and total effect"] = kendall(told, np.abs(total))
        found[f"tau, SHAP {kind} and direct effect"] = kendall(told, np.abs(direct))
    graph = CausalGraph(list(world.edges))
    guess = [LinearRegression().fit(rows[[c, *graph.parents(c)]], rows["purchase"]).coef_[0] for c in causes]
    found["tau, estimated and true total effect"] = kendall(np.abs(guess * spread.to_numpy()), np.abs(total))
    return found


def shop(seed: int, n: int) -> Figures:
    """One platform and log: what boosted trees read, beside what acts."""
    platform = Platform.make(seed=seed, n_users=500, n_items=100)
    rows = platform.log(n, seed).decisions
    truth = true_effects(platform, rows, "click")
    found: Figures = {}
    for label, columns in (("with the view", [*COLUMNS, "view"]), ("columns of the decision", COLUMNS)):
        model = GradientBoostingRegressor(n_estimators=80, max_depth=3, subsample=0.5, random_state=seed)
        model.fit(rows[columns], rows["click"])
        told = attribute(model, rows[columns].sample(500, random_state=seed), resamples=2)
        beside = against_effects(told, truth, resamples=2)
        table = beside.table.loc[COLUMNS]
        found[f"tau, {label}"] = kendall(table["importance"].to_numpy(), table["effect"].abs().to_numpy())
        found[f"features of opposite sign, {label}"] = float(len(beside.opposite))
        found[f"attribution / effect of the treatment, {label}"] = _ratio(table, "treated")
        found[f"attribution / effect of affinity_hat, {label}"] = _ratio(table, "affinity_hat")
        found[f"|gap| / spread of output, {label}"] = abs(told.gap) / float(np.std(model.predict(rows[columns])))
    estimate = aipw(rows, "treated", "click", list(platform.covariates), nuisance="linear", seed=seed)
    found["AIPW / effect of the treatment"] = estimate.value / truth.loc["treated", "value"]
    return found


def _ratio(table: pd.DataFrame, name: str) -> float:
    return float(table.loc[name, "attribution"] / table.loc[name, "effect"])


def history(seed: int, users: int) -> Figures:
    """One trained model: do three attributions of an event agree, and is what they point at what carries the item."""
    events = Platform.make(seed=seed, n_users=200, n_items=60).log(12_000, 0).decisions
    config = RecommenderConfig(
        length=24, dim=32, epochs=40, tokens=2_000, learning_rate=5e-3, precision="fp32", seed=seed
    )
    model = TransformerRecommender(config).fit(events[events["view"] == 1], callbacks=())
    rng = np.random.default_rng(seed)
    long = model.histories.users[model.histories.lengths >= 6][:users]
    return pd.DataFrame([_user(model, user, rng) for user in long]).mean().to_dict()


def _user(model: TransformerRecommender, user: int, rng: np.random.Generator) -> Figures:
    item = int(model.recommend([user], 1)["item_id"][0])
    told = history_methods(model, user, item)
    sizes = {name: told[name].abs().to_numpy() for name in ("integrated_gradients", "deletion", "attention")}
    first = {name: told[name].to_numpy().argmax() for name in sizes} | {"chance": rng.integers(len(told))}
    found = {
        "tau, gradients and leaving out": kendall(sizes["integrated_gradients"], sizes["deletion"]),
        "tau, attention and leaving out": kendall(sizes["attention"], sizes["deletion"]),
        "tau, attention and gradients": kendall(sizes["attention"], sizes["integrated_gradients"]),
    }
    before = len(model.histories.take(pd.Index([user])).items) - len(told)
    start = time.process_time()
    smallest = counterfactual(model, user, item)
    found["CPU seconds of the exact search"] = time.process_time() - start
    alone = _alone(model, user, item)
    for name, place in first.items():
        found[f"first place lost without the event of {name}"] = float(before + place in alone)
    quick = counterfactual(model, user, item, budget=len(told) + 1)
    found["counterfactual of <= 3 events found"] = float(smallest.found)
    found["its events, where found"] = float(smallest.size) if smallest.found else float("nan")
    found["proven smallest, or that there is none"] = float(smallest.proven)
    found["one event is enough"] = float(len(alone) > 0)
    found["beam of one: found where there is one"] = float(quick.found) if smallest.found else float("nan")
    both = smallest.found and quick.found
    found["beam of one: events more than the smallest"] = float(quick.size - smallest.size) if both else float("nan")
    return found


def _alone(model: TransformerRecommender, user: int, item: int) -> set[int]:
    """Events without each of which, alone, the item loses the first place."""
    from causalrec_lab.explain.counterfactuals.changes import events_of, scorer_of

    scorer = scorer_of(model)
    events = events_of(scorer, user)
    places = np.arange(len(events))[:, None]
    scores = np.array(scorer.score(events.changed(places, np.zeros_like(places))))
    scores[:, events.items - 1] = -np.inf
    return set(np.flatnonzero(scores.argmax(axis=1) != scorer.number(item) - 1).tolist())


def over_seeds(part: str, run: Callable[[int, int], Figures], seeds: int, n: int) -> pd.DataFrame:
    """Mean of every figure over seeds, and its 95 % interval."""
    drawn = pd.DataFrame([run(seed, n) for seed in range(seeds)])
    half = 1.96 * drawn.std(ddof=1) / np.sqrt(drawn.notna().sum())
    mean = drawn.mean()
    table = pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half, "seeds": drawn.notna().sum()})
    return table.assign(part=part).rename_axis("figure").reset_index().set_index(["part", "figure"])


def main() -> None:
    """Run the three parts and record their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=20_000, help="decisions of each shop")
    parser.add_argument("--users", type=int, default=25, help="users explained of each model")
    arguments = parser.parse_args()
    parts = (("linear", linear, 4_000), ("shop", shop, arguments.rows), ("history", history, arguments.users))
    with clock() as took:
        table = pd.concat([over_seeds(name, run, arguments.seeds, n) for name, run, n in parts])
    record("explanations", table, took[0], seeds=arguments.seeds, rows_of_a_shop=arguments.rows)


if __name__ == "__main__":
    main()
