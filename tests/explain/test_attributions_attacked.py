"""Tables that would be explained wrongly in silence: another order, fewer columns, one row, effects without numbers."""

import warnings
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, RidgeClassifier

from causalrec_lab import Estimate
from causalrec_lab.explain import against_effects, attribute
from causalrec_lab.explain.attributions import (
    interventional_value,
    refitted_attributions,
    shap_attributions,
    shapley_values,
)
from causalrec_lab.recommender import EASE


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(120, 4)), columns=list("abcd"))
    x["b"] = 0.8 * x["a"] + 0.3 * x["b"]
    return x, x["a"] + x["a"] * x["c"] + 0.3 * rng.normal(size=120)


def test_shapley_values_are_means_over_all_orders():
    rng = np.random.default_rng(1)
    worth = rng.normal(size=(2**4, 3))

    def place(mask):
        return int(np.asarray(mask) @ 2 ** np.arange(4))

    found, empty = shapley_values(lambda mask: worth[place(mask)], 4)
    orders = list(permutations(range(4)))
    mean = np.zeros((3, 4))
    for order in orders:
        mask = np.zeros(4, dtype=bool)
        for player in order:
            before = worth[place(mask)]
            mask[player] = True
            mean[:, player] += (worth[place(mask)] - before) / len(orders)
    np.testing.assert_allclose(found, mean, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), worth[-1] - empty)


@pytest.mark.parametrize(
    "model", [LinearRegression(), RandomForestRegressor(5, random_state=0), GradientBoostingRegressor(n_estimators=5)]
)
def test_columns_in_another_order_are_the_same_columns(data, model):
    x, y = data
    model.fit(x, y)
    straight = shap_attributions(model, x.iloc[:20], background=x, resamples=3).importance
    turned = shap_attributions(model, x.iloc[:20][list("dbca")], background=x[list("cadb")], resamples=3).importance
    pd.testing.assert_series_equal(straight, turned[straight.index])
    mixed = interventional_value(
        lambda m: model.predict(pd.DataFrame(m, columns=list("abcd"))),
        x.iloc[:3].to_numpy(),
        x.iloc[:30].to_numpy(),
    )
    exact = shapley_values(mixed, 4)[0]
    found = shap_attributions(model, x.iloc[:3][list("dcba")], background=x.iloc[:30], resamples=3)
    np.testing.assert_allclose(found.by_row[:, [found.data.columns.get_loc(n) for n in "abcd"]], exact, atol=1e-6)


BAD = {
    "fewer columns": (lambda x: x[["a", "b"]], r"frame lacks \['c', 'd'\]"),
    "more columns": (lambda x: x.assign(e=1.0), r"has \['e'\], which the model does not read"),
    "another name": (lambda x: x.rename(columns={"a": "z"}), r"lacks \['a'\]"),
    "texts": (lambda x: x.assign(a="x"), "column 'a' is no number"),
    "an infinity": (lambda x: x.assign(b=np.inf), "column 'b' holds an infinite value"),
    "gaps": (lambda x: x.assign(c=np.nan), "5 missing values"),
    "no rows": (lambda x: x.iloc[:0], "0 rows"),
}


@pytest.mark.parametrize("bad", BAD, ids=str)
@pytest.mark.parametrize(
    "model", [LinearRegression(), RandomForestRegressor(3, random_state=0)], ids=["linear", "trees"]
)
def test_a_table_the_model_does_not_read_is_refused_by_name(data, model, bad):
    """Trees would be read beyond the table's end."""
    x, y = data
    change, words = BAD[bad]
    model.fit(x, y)
    with pytest.raises(ValueError, match=words):
        shap_attributions(model, change(x).iloc[:5])
    beside = change(x).iloc[:5]
    if bad == "more columns":  # a background may have more
        assert shap_attributions(model, x.iloc[:5], background=beside, resamples=2).adds_up
        return
    with pytest.raises(ValueError, match=words.replace("frame", "background")):
        shap_attributions(model, x.iloc[:5], background=beside)


def test_a_model_fitted_to_an_array_is_held_to_its_width(data):
    x, y = data
    model = LinearRegression().fit(x.to_numpy(), y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert shap_attributions(model, x, resamples=3).adds_up
    with pytest.raises(ValueError, match="2 columns and the model was fitted to 4"):
        shap_attributions(RandomForestRegressor(3, random_state=0).fit(x.to_numpy(), y), x[["a", "b"]])


def test_units_are_those_of_what_is_explained(data):
    x, y = data
    some = x.iloc[:30]
    assert shap_attributions(LinearRegression().fit(x, y), some, resamples=2).unit == "output"
    assert "before the link" in shap_attributions(PoissonRegressor().fit(x, np.exp(y)), some, resamples=2).unit
    assert shap_attributions(LogisticRegression().fit(x, y > 0), some, resamples=2).unit == "log-odds"
    assert shap_attributions(RidgeClassifier().fit(x, y > 0), some, resamples=2).unit == "decision score"
    boosted = HistGradientBoostingClassifier(max_iter=5).fit(x, y > 0)
    assert shap_attributions(boosted, some, resamples=2).unit == "log-odds"


def test_one_row_has_its_values_and_no_interval(data):
    x, y = data
    model = LinearRegression().fit(x, y)
    with pytest.raises(ValueError, match="background="):
        shap_attributions(model, x.iloc[:1])
    found = shap_attributions(model, x.iloc[:1], background=x)
    expected = model.coef_ * (x.iloc[0] - x.mean())
    table = found.table.set_index("feature")
    np.testing.assert_allclose(table.loc[list("abcd"), "attribution"], expected)
    assert table[["low", "high"]].isna().all().all()
    assert "no interval" in found.notes[1]
    with pytest.raises(ValueError, match="explain one output"):
        against_effects(found, {"a": 1.0, "b": 0.0})


def test_effects_that_are_no_number_are_left_out_and_said(data):
    x, y = data
    found = shap_attributions(LinearRegression().fit(x, y), x, resamples=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        some = against_effects(found, {"a": 1.0, "b": np.nan, "c": 0.2, "d": 0.0}, resamples=20)
    assert list(some.table.index) == [n for n in found.features if n != "b"]
    assert np.isfinite(some.agreement.value)
    assert any("no number: b" in note for note in some.notes)
    with pytest.raises(ValueError, match="1 of the features"):
        against_effects(found, {"a": 1.0, "b": np.nan})
    bare = Estimate(0.1, np.nan, notes=("no valid error",))
    told = against_effects(found, {"a": 1.0, "c": 0.5}, estimates={"a": bare, "c": 0.4}, resamples=20)
    assert any(note.startswith("warning: taken for exact") and note.endswith(": a") for note in told.notes)


def test_all_effects_nothing_have_no_agreement_rather_than_a_perfect_one(data):
    x, y = data
    found = shap_attributions(LinearRegression().fit(x, y), x, resamples=3)
    none = against_effects(found, dict.fromkeys("abcd", 0.0), resamples=20)
    assert np.isnan(none.agreement.value)
    assert none.opposite == ()


def test_the_page_shows_an_estimate_with_its_interval_in_one_cell(data):
    x, y = data
    found = shap_attributions(LinearRegression().fit(x, y), x, resamples=3)
    page = against_effects(found, {"a": 1.0, "c": 0.5}, estimates={"a": Estimate(2.0, 0.1), "c": 0.4}, resamples=20)
    shown = page._repr_html_()
    assert "estimated_low" not in shown
    spread = float(x["a"].std(ddof=0))
    assert f"{2 * spread:.3g} [" in shown
    assert ">yes<" in shown or ">no<" in shown


def test_a_recommender_without_gradients_is_asked_for_deletion_in_its_own_unit():
    rows = pd.DataFrame({"user_id": [0, 0, 1, 1, 2, 2], "item_id": [0, 1, 1, 2, 0, 2]})
    model = EASE().fit(rows)
    found = attribute(model, 0, item=2)
    assert found.unit == "score"
    assert found.method == "leaving out"
    for options in ({"method": "integrated_gradients"}, {"method": "attention"}, {"head": "behaviour"}):
        with pytest.raises(ValueError, match=r"EASE has neither.*deletion"):
            attribute(model, 0, item=2, **options)
    with pytest.raises(ValueError, match="head='taste'"):
        attribute(model, 0, item=2, head="taste")


def test_draws_and_levels_out_of_range_are_named(data):
    x, y = data
    model = LinearRegression().fit(x, y)
    found = shap_attributions(model, x, resamples=2)
    for options, words in (({"level": 2.0}, "level=2.0"), ({"resamples": -1}, "resamples=-1")):
        with pytest.raises(ValueError, match=words):
            shap_attributions(model, x, **options)
        with pytest.raises(ValueError, match=words):
            against_effects(found, {"a": 1.0, "b": 0.5}, **options)
    with pytest.raises(ValueError, match=r"repeats=2.5"):
        refitted_attributions(model, x, y, repeats=2.5)


def test_outcomes_without_an_index_are_taken_by_their_place(data):
    x, y = data
    model = LinearRegression()
    series, array = (refitted_attributions(model, x, some, repeats=2, explained=20) for some in (y, y.to_numpy()))
    for one, other in zip(series, array, strict=True):
        np.testing.assert_array_equal(one.by_row, other.by_row)
