"""Intervals of effects along paths cover the platform's truth as often as they say: exact binomial band, p < 1e-6."""

import numpy as np
import pytest
from scipy.stats import binom

from causalrec_lab.causal import mediation
from causalrec_lab.world import Platform, linear_gaussian

STAGES = ["view", "click", "cart"]


def band(runs):
    return binom.ppf([5e-7, 1 - 5e-7], runs, 0.95)


def test_linear_intervals_cover_every_path_of_the_linear_preset():
    preset, runs = linear_gaussian(3), 100
    truth = preset.truth.path_effects()["value"]
    covered = {}
    for seed in range(runs):
        found = mediation.linear(preset.sample(300, seed), "shown", ["view", "cart"], "purchase", ["affinity"])
        for name, exact in {
            "NDE": truth["shown->purchase"], "TIE": truth["indirect shown=>purchase"],
            "total": truth["total shown=>purchase"], "shown->view->purchase": truth["shown->view->purchase"],
            "shown->view->cart->purchase": truth["shown->view->cart->purchase"], "shown->cart->purchase": 0.0,
        }.items():  # fmt: skip
            covered[name] = covered.get(name, 0) + found[name].covers(exact)
    low, high = band(runs)
    assert all(low <= count <= high for count in covered.values()), covered


@pytest.fixture(scope="module")
def runs():
    """Estimates of tables only and of an oracle in 80 logs of a platform with a hidden confounder, and the truth."""
    platform = Platform.make(seed=11, n_users=2_000, n_items=2_000, base_rate="common", confounding=1.0)
    found = {"tables": [], "oracle": []}
    for seed in range(80):
        log = platform.log(2_000, seed, pairs="once").decisions
        pairs = platform.population.at(log["user_id"].to_numpy(), log["item_id"].to_numpy())
        seen = log.assign(h=pairs.hidden, affinity=pairs.affinity, cost=pairs.cost_pain)
        for name, extra in (("tables", []), ("oracle", ["h", "affinity", "cost"])):
            columns = [*platform.covariates, *extra]
            found[name].append(mediation.multiply_robust(seen, "treated", STAGES, "purchase", columns))
    return found, platform.truth.path_effects("purchase", STAGES)["value"]


def test_with_all_common_causes_the_intervals_cover(runs):
    low, high = band(80)
    for name in ("through view", "through click", "NDE", "TIE", "total", "proportion mediated"):
        count = sum(run[name].covers(runs[1][name]) for run in runs[0]["oracle"])
        assert low <= count <= high, name
        if name != "proportion mediated":  # a ratio has no mean
            values = np.array([run[name].value for run in runs[0]["oracle"]])
            assert abs(values.mean() - runs[1][name]) < 5 * values.std() / np.sqrt(80), name


def test_an_affinity_behind_several_stages_biases_every_path_and_no_interval_says_so(runs):
    for name in ("through view", "TIE", "total"):
        assert sum(run[name].covers(runs[1][name]) for run in runs[0]["tables"]) < 40
        assert np.mean([run[name].value for run in runs[0]["tables"]]) > 1.5 * runs[1][name]
