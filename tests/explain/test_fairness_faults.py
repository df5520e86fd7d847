"""Bad input of every kind: the message names the thing and the way out."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.explain import fairness

SLATES = pd.DataFrame(
    {"slate_id": [0, 0, 1, 1], "user_id": [0, 0, 1, 1], "position": [0, 1, 0, 1], "item_id": [0, 1, 1, 2]}
)
ITEMS = pd.DataFrame({"item_id": [0, 1, 2, 3], "provider": ["a", "b", "b", "c"], "one": ["x"] * 4})
USERS = pd.DataFrame({"user_id": [0, 1], "gender": ["f", "m"], "clicks": [1.0, 2.0]})
SCORES = np.arange(12.0).reshape(3, 4)


@pytest.fixture
def exposure() -> fairness.Exposure:
    return fairness.exposure_of_slates(SLATES, ITEMS["item_id"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "provder"}, "'provider'"),
        ({"by": "one"}, "one level, 'x'"),
        ({"by": None}, "by which column"),
        ({"by": "tail"}, "popularity"),
        ({"by": "provider", "measure": "parity"}, "measure='parity'"),
        ({"by": "provider", "scale": "odds"}, "scale='odds'"),
        ({"by": "provider", "against": "d"}, "against='d'"),
        ({"by": "provider", "small": "hide"}, "small='hide'"),
        ({"by": "provider", "missing": "drop"}, "missing='drop'"),
        ({"by": "provider", "measure": "per merit"}, "needs merit="),
        ({"by": "provider", "measure": "per merit", "merit": [1.0, 2.0]}, "shape"),
        ({"by": "provider", "measure": "per merit", "merit": [1, 1, np.nan, 1]}, "not finite"),
        ({"by": "provider", "measure": "per merit", "merit": [0, 1, 1, 1]}, "merit of group 'a' is 0"),
        ({"by": "provider", "measure": "share", "against": {"a": 0.5, "b": 0.4, "c": 0.2}}, "sum to 1.1"),
        ({"by": "provider", "measure": "share", "against": {"a": 0.5, "b": 0.5}}, r"no share for \['c'\]"),
        ({"by": "provider", "against": {"a": 0.5, "b": 0.5, "c": 0.0}}, "measure='share'"),
    ],
)
def test_groups_of_items(exposure: fairness.Exposure, options: dict[str, object], said: str) -> None:
    by = options.pop("by")
    with pytest.raises(ValueError, match=said):
        fairness.exposure_by_group(exposure, ITEMS, by, **options)


def test_groups_of_users_are_no_groups_of_items(exposure: fairness.Exposure) -> None:
    with pytest.raises(ValueError, match="outcome_by_group"):
        fairness.exposure_by_group(exposure, USERS, "gender")
    with pytest.raises(ValueError, match="labels of users"):
        fairness.rerank(SCORES, ["f", "m", "f"], 2, target={"f": 0.5, "m": 0.5})


def test_missing_values_are_an_error_or_a_group_of_their_own(exposure: fairness.Exposure) -> None:
    items = ITEMS.assign(provider=["a", None, "b", "b"])
    with pytest.raises(ValueError, match='missing="unknown"'):
        fairness.exposure_by_group(exposure, items, "provider")
    found = fairness.exposure_by_group(exposure, items, "provider", missing="unknown")
    assert found.table.index.tolist() == ["a", "b", "unknown"]
    with pytest.raises(ValueError, match="missing in all"):
        fairness.read_groups(pd.Series([None, None]))
    with pytest.raises(ValueError, match="ids or texts"):
        fairness.read_groups(pd.Series([f"text {i}" for i in range(20)]))


def test_numbers_are_cut_and_missing_ones_kept() -> None:
    ages = pd.Series([*range(20, 60), np.nan], name="age")
    found = fairness.read_groups(ages, missing="unknown", bins=2)
    assert found.labels[-1] == "unknown"
    assert found.counts.tolist() == [20, 20, 1]
    assert fairness.read_groups(pd.Series([1, 0, 1])).labels == ("0", "1")


def test_a_group_that_gets_nothing_and_a_small_one_are_said(exposure: fairness.Exposure) -> None:
    found = fairness.exposure_by_group(exposure, ITEMS, "provider")
    assert any("nothing at all for c" in note for note in found.notes)
    assert any("fewer than 30" in note for note in found.notes)
    assert np.isnan(found.gaps["c"].value)
    hidden = fairness.exposure_by_group(exposure, ITEMS, "provider", small="suppress")
    assert hidden.table["value"].isna().all()
    assert any("are not shown" in note for note in hidden.notes)
    with pytest.raises(ValueError, match="no gap"):
        _ = hidden.widest


@pytest.mark.parametrize(
    ("slates", "options", "said"),
    [
        (SLATES.drop(columns="position"), {}, "'position'"),
        (SLATES.iloc[:0], {}, "no row"),
        (SLATES.assign(position=-1), {}, "counts 0, 1, 2"),
        (SLATES, {"items": [0, 1]}, "item '2'"),
        (SLATES, {"weights": "lg2"}, "'log2'"),
        (SLATES, {"weights": [1.0]}, "1 numbers for lists of 2"),
        (SLATES, {"weights": [0.0, 1.0]}, "first position > 0"),
    ],
)
def test_lists(slates: pd.DataFrame, options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fairness.exposure_of_slates(slates, **options)


@pytest.mark.parametrize(
    ("outcome", "options", "said"),
    [
        ("click", {}, "'clicks'"),
        ([1.0], {}, "shape"),
        ([1.0, np.nan], {}, "row 1"),
        ("clicks", {"cluster": "usr"}, "'user_id'"),
    ],
)
def test_outcomes(outcome: object, options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fairness.outcome_by_group(outcome, USERS, "gender", **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": {"a": 0.5, "b": 0.4, "c": 0.2}}, "sum to 1.1"),
        ({"target": {"a": 1.5, "b": 0.4, "c": 0.2}}, r"lies in \[0, 1\]"),
        ({"least_share": {"z": 0.1}}, "no group 'z'"),
        ({"least_share": {"a": 0.7, "b": 0.7}}, "more than there is"),
        ({"least_share": {"a": 1.0}, "k": 2}, "'a' should have 2 of 2 places and has 1"),
        ({"least_share": {"a": 0.9}, "k": 2, "method": "amortised"}, "at most 0.6131"),
        ({"target": {"a": 0.6, "b": 0.0, "c": 0.4}, "k": 3}, "at most"),
        ({"least_share": {"a": 0.1}, "k": 5}, "k=5"),
        ({"least_share": {"a": 0.1}, "method": "fair"}, "method='fair'"),
        ({}, "one thing"),
        ({"merit": [1, 1, 1, 1], "method": "prefix"}, "keeps least shares"),
        ({"least_share": {"a": 0.1}, "method": "controller"}, "steers"),
        ({"least_share": {"a": 0.1, "b": 0.1}, "method": "fair_star"}, "one protected group"),
        ({"merit": [1, 1, 1, 0], "method": "controller"}, "'c' is due no"),
        ({"merit": [1, -1, 1, 0]}, ">= 0"),
        ({"least_share": {"a": 0.1}, "weights": [0.1, 1.0]}, "rise"),
    ],
)
def test_demands(options: dict[str, object], said: str) -> None:
    k = options.pop("k", 2)
    with pytest.raises(ValueError, match=said):
        fairness.rerank(SCORES, ["a", "b", "b", "c"], k, **options)


def test_scores_that_are_none() -> None:
    scores = SCORES.copy()
    scores[1, 2] = np.nan
    with pytest.raises(ValueError, match="user 1, item 2"):
        fairness.rerank(scores, ["a", "b", "b", "c"], 2, least_share={"a": 0.1})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"protected": "gendr"}, "'gender'"),
        ({"outcome": "click"}, "'clicks'"),
        ({"mediators": ["tast"]}, "'taste'"),
        ({"mediators": ["taste"], "allowed": ["age"]}, "allowed='age' is no mediator"),
        ({"mediators": ["taste"], "confounders": ["taste"]}, "two roles"),
        ({"mediators": None}, "name the mediators"),
        ({"protected": "region"}, "3 levels"),
        ({"protected": "region", "contrast": ("a", "z")}, "no level 'z'"),
        ({"protected": "constant"}, "one level"),
        ({"protected": "gaps"}, "missing in 1"),
        ({"method": "robst"}, "'robust'"),
        ({"nuisance": "cell", "mediators": ["taste"]}, "'cells'"),
        ({"mediators": ["copy"]}, "only one of the two groups has"),
    ],
)
def test_decompositions(options: dict[str, object], said: str) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"gender": ["f", "m"] * 60, "region": ["a", "b", "c"] * 40, "constant": 1})
    frame["taste"], frame["clicks"], frame["copy"] = rng.integers(0, 2, 120), rng.normal(size=120), frame["gender"]
    frame["gaps"] = [None, *["x", "y"] * 59, "x"]
    asked = {"protected": "gender", "outcome": "clicks", "mediators": []} | options
    with pytest.raises(ValueError, match=said):
        fairness.decompose(frame, **asked)
