"""Every rule of the contracts: kept by a good table, and named with column, count, row, value when broken."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab import data


def broken(frame: pd.DataFrame, column: str, row: int, value: object) -> pd.DataFrame:
    values = frame[column].astype(object).tolist()
    values[row] = value
    return frame.assign(**{column: pd.Series(values, index=frame.index)})


def test_a_good_table_comes_back_as_it_is(decisions):
    assert data.schema.check(decisions, "decisions") is decisions
    assert data.schema.failures(decisions, "decisions").empty
    data.schema.check(decisions.drop(columns="propensity"), "decisions")


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("propensity", 1.7, "outside (0, 1]"),
        ("propensity", 0.0, "outside (0, 1]"),
        ("propensity", np.nan, "missing"),
        ("treated", 2, "not 0 or 1"),
        ("treated", None, "missing"),
        ("user_id", None, "missing"),
        ("item_id", None, "missing"),
        ("timestamp", None, "missing"),
    ],
)
def test_a_broken_value_is_named_with_its_count_row_and_value(decisions, column, value, problem):
    frame = broken(broken(decisions, column, 41, value), column, 77, value)
    with pytest.raises(data.SchemaError) as caught:
        data.schema.check(frame, "decisions")
    message = str(caught.value)
    assert f"column '{column}'" in message
    assert problem in message
    assert f"in 2 of {len(frame):,} rows, first at row 41" in message


def test_a_single_class_a_repeated_key_and_text_times_are_errors(decisions):
    with pytest.raises(data.SchemaError, match=r"'treated' has a single class.*untreated rows"):
        data.schema.check(decisions.assign(treated=1), "decisions")
    with pytest.raises(data.SchemaError, match=r"repeats a key in 1 of .*first at row 4000"):
        data.schema.check(pd.concat([decisions, decisions.iloc[[9]]], ignore_index=True), "decisions")
    with pytest.raises(data.SchemaError, match="'timestamp' is no time"):
        data.schema.check(decisions.assign(timestamp="yesterday"), "decisions")


def test_a_missing_column_offers_the_nearest_and_an_empty_table_is_an_error(decisions):
    with pytest.raises(data.SchemaError, match=r"'user_id' \(who\) is not there.*did you mean 'userid'"):
        data.schema.check(decisions.rename(columns={"user_id": "userid"}), "decisions")
    with pytest.raises(data.SchemaError, match="no rows"):
        data.schema.check(decisions.iloc[:0], "decisions")
    with pytest.raises(ValueError, match="did you mean 'decisions'"):
        data.schema.check(decisions, "decision")


def test_items_and_users_have_unique_ids_and_possible_values():
    with pytest.raises(data.SchemaError, match=r"'item_id' repeats a key in 1 of 3 rows, first at row 2: 1"):
        data.schema.check(pd.DataFrame({"item_id": [1, 2, 1]}), "items")
    with pytest.raises(data.SchemaError, match=r"'price' is negative in 1 of 2 rows, first at row 1: -2"):
        data.schema.check(pd.DataFrame({"item_id": [1, 2], "price": [1, -2]}), "items")
    with pytest.raises(data.SchemaError, match=r"'age' is outside \[0, 120\]"):
        data.schema.check(pd.DataFrame({"user_id": [1, 2], "age": [30, 300]}), "users")


def test_warn_goes_on(decisions, caplog):
    frame = decisions.assign(propensity=1.5)
    assert data.schema.check(frame, "decisions", errors="warn") is frame
    assert "outside (0, 1]" in caplog.text


@settings(max_examples=25, deadline=None)
@given(rows=st.sets(st.integers(0, 39), min_size=1), value=st.sampled_from([-0.1, 0.0, 1.0001, np.inf]))
def test_count_and_first_row_are_right_wherever_the_rows_are(rows, value):
    n = 40
    frame = pd.DataFrame({"user_id": range(n), "item_id": 1, "timestamp": range(n), "treated": [0, 1] * (n // 2)})
    propensity = np.full(n, 0.5)
    propensity[list(rows)] = value
    found = data.schema.failures(frame.assign(propensity=propensity), "decisions")
    assert found[["column", "rows", "first_row"]].to_numpy().tolist() == [["propensity", len(rows), min(rows)]]


def test_rows_are_named_by_position_whatever_the_index(decisions):
    """An index may repeat, as after a concat: the row in the message is the place in the frame."""
    twice = broken(decisions, "propensity", 7, 1.7).set_index(np.zeros(len(decisions), dtype=int))
    with pytest.raises(data.SchemaError, match=r"'propensity' is outside \(0, 1\] in 1 of .*first at row 7: 1\.7"):
        data.schema.check(twice, "decisions")
    assert data.schema.check(kept := decisions.set_index(twice.index), "decisions") is kept


@pytest.mark.parametrize("name", ["user_id", "x"])
def test_a_column_name_that_stands_twice_is_refused(decisions, name):
    double = pd.concat([decisions, decisions[[name]]], axis=1)
    with pytest.raises(data.SchemaError, match=f"column '{name}' stands 2 times.*drop or rename"):
        data.schema.check(double, "decisions")
