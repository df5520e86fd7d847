"""Wrong input gets an error with the way out; weak input gets a warning in the result."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects

ESTIMATORS = ["regression", "ipw", "aipw"]


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    t = (rng.uniform(size=400) < 1 / (1 + np.exp(-x))).astype(int)
    return pd.DataFrame(
        {"treated": t, "purchase": t + x + rng.normal(size=400), "activity": x, "e": 1 / (1 + np.exp(-x))}
    )


def run(name, frame, **changes):
    options = {"treatment": "treated", "outcome": "purchase", "covariates": ["activity"]} | changes
    return getattr(effects, name)(frame, **options)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"treatment": "treatd"}, r"no column 'treatd'.*did you mean 'treated'"),
        ({"outcome": "purchases"}, r"did you mean 'purchase'"),
        ({"covariates": ["activty"]}, r"did you mean 'activity'"),
        ({"covariates": "activity"}, r"give a list of column names"),
        ({"covariates": ["treated"]}, r"which is the treatment or the outcome"),
        ({"estimand": "ATC"}, r"unknown estimand 'ATC'; did you mean"),
        ({"embeddings": np.zeros((7, 3))}, r"embeddings\[0\] has shape \(7, 3\); the table has 400 rows"),
        ({"embeddings": np.full((400, 2), np.nan)}, r"embeddings\[0\] is not finite, first at row 0"),
        ({"nuisance": "forrest"}, r"no nuisance|unknown nuisance"),
        ({"cluster": "shop"}, r"no column 'shop'"),
        ({"level": 95}, r"level=95"),
    ],
)
def test_wrong_arguments(frame, name, changes, message):
    with pytest.raises(ValueError, match=message):
        run(name, frame, **changes)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("treated", 1, r"single class: all 400 rows are treated"),
        ("treated", 2, r"treatments other than 0 and 1, first at row 0: 2"),
        (
            "purchase",
            np.nan,
            r"400 missing or infinite outcomes.*first at row 0: nan; drop rows whose outcome was not observed",
        ),
        ("activity", np.inf, r"400 non-finite values, first at row 0: inf"),
    ],
)
def test_wrong_columns(frame, name, column, value, message):
    with pytest.raises(ValueError, match=message):
        run(name, frame.assign(**{column: value}))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_covariate_that_decides_the_treatment_leaves_no_overlap(frame, name):
    decided = frame.assign(activity=frame["treated"] * 2.0 + np.random.default_rng(1).uniform(size=400))
    with pytest.raises(ValueError, match="overlap"):
        run(name, decided)


@pytest.mark.parametrize("name", ["ipw", "aipw"])
def test_a_logged_propensity_outside_the_unit_interval(frame, name):
    with pytest.raises(ValueError, match=r"column 'e' has 1 values outside \(0, 1\), first at row 5: 1.7"):
        run(name, frame.assign(e=frame["e"].where(frame.index != 5, 1.7)), propensity="e")


@pytest.mark.parametrize("name", ESTIMATORS)
def test_poor_overlap_is_said_and_good_overlap_is_not(name):
    rng = np.random.default_rng(3)
    x = rng.normal(size=4_000)

    def at(strength):
        t = (rng.uniform(size=4_000) < 1 / (1 + np.exp(-strength * x))).astype(int)
        return pd.DataFrame({"treated": t, "purchase": x + rng.normal(size=4_000), "activity": x})

    assert any(note.startswith("warning: overlap is poor") for note in run(name, at(3.0)).notes)
    assert not any("overlap is poor" in note for note in run(name, at(0.4)).notes)


def test_few_clusters_are_said(frame):
    found = run("aipw", frame.assign(region=np.arange(400) % 8), cluster="region")
    assert any("only 8 clusters in 'region'" in note for note in found.notes)


def test_one_cluster_is_refused(frame):
    with pytest.raises(ValueError, match="one cluster"):
        run("regression", frame.assign(region=1), cluster="region")


def test_more_folds_than_groups_are_refused(frame):
    with pytest.raises(ValueError, match="only 3 groups"):
        run("aipw", frame.assign(region=np.arange(400) % 3), groups="region")


def test_an_empty_table_and_a_group_of_one_arm_are_refused(frame):
    with pytest.raises(ValueError, match="no rows"):
        run("ipw", frame.iloc[:0])
    with pytest.raises(ValueError, match="group kind = '0': its"):
        effects.by_group(frame.assign(kind=frame["treated"]), "treated", "purchase", ["activity"], "kind")


def test_missing_categories_are_not_quietly_made_a_level(frame):
    region = pd.Series(["north", None] * 200)
    with pytest.raises(ValueError, match="'region' has 200 missing values"):
        run("aipw", frame.assign(region=region), covariates=["region"])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimate_carries_its_diagnostics(frame, name):
    found = run(name, frame)
    wanted = {
        "share_extreme",
        "propensity_min",
        "propensity_max",
        "effective_sample_size",
        "max_weight_share",
        "max_smd_before",
        "max_smd_after",
        "propensity_auc",
    }
    assert wanted <= set(found.diagnostics)
    assert 0.5 < found.diagnostics["propensity_auc"] < 1
    assert found.diagnostics["effective_sample_size"] <= found.n
