"""Decisions and what was known before them: equal frames wherever the log lives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data

KEYS = ["user_id", "item_id", "timestamp"]


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    n = 900
    items = rng.integers(0, 14, n)
    return pd.DataFrame(
        {
            "user_id": rng.integers(-3, 12, n),
            "item_id": np.where(items % 2, "Item ", "item ") + pd.Series(items).astype(str),
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 20 * 24 * 6, n) * 10, unit="min"),
            "event": rng.choice(["view", "click", "purchase"], n, p=[0.6, 0.3, 0.1]),
        }
    ).drop_duplicates(ignore_index=True)


@pytest.fixture(scope="module")
def impressions(events) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    shown = events[events["event"] == "view"].drop(columns="event").reset_index(drop=True)
    hour = shown["timestamp"].dt.floor("6h")
    page = "p" + (shown["user_id"].astype(str) + hour.astype(str)).factorize()[0].astype(str).astype(object)
    number = shown["item_id"].str[5:].astype(int)
    return shown.assign(page=page, category=np.where(number % 3 == 0, "a", "b"), noise=rng.normal(size=len(shown)))


@pytest.fixture(scope="module")
def eligible(events) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    rows = events[KEYS].sample(300, random_state=1).drop_duplicates()
    return rows.assign(x=rng.normal(size=len(rows)), click=7).reset_index(drop=True)


@pytest.fixture(scope="module")
def tables(backend, events, impressions, eligible) -> dict:
    frames = {"events": events, "impressions": impressions, "eligible": eligible}
    return {name: backend.load(frame, f"decisions_{name}") for name, frame in frames.items()}


WAYS = {
    "eligible": {"eligible": "eligible", "window": "2D"},
    "shown": {"impressions": "impressions", "window": "12h", "period": "3D", "draws": 3, "seed": 4},
    "pages": {"impressions": "impressions", "window": "1D", "request": "page", "comparable": "category", "draws": 4},
    "all": {"impressions": "impressions", "request": "page", "comparable": "available", "draws": None, "window": "2D"},
    "no window": {"impressions": "impressions", "draws": 2},
    "events only": {"window": "1D", "draws": 4, "seed": 2},
}


@pytest.mark.parametrize("way", WAYS)
def test_decisions_are_the_same_rows_wherever_the_log_lives(way, tables, events, impressions, eligible):
    if tables["events"].get_backend().name == "pyspark" and way not in ("eligible", "events only"):
        pytest.skip("Spark takes half a minute a way; the others were compared once and are equal")
    frames = {"events": events, "impressions": impressions, "eligible": eligible}
    options = WAYS[way]
    ours, theirs = (
        data.decisions(given["events"], **{name: given.get(value, value) for name, value in options.items()})
        for given in (frames, tables)
    )
    assert list(theirs.columns) == list(ours.columns) or set(theirs.columns) == set(ours.columns)
    found = theirs.to_pandas()[list(ours.columns)]
    same_rows(found, ours)
    assert 0 < ours["treated"].mean() < 1
    told, expected = data.assumptions(theirs.filter(theirs.treated >= 0)), data.assumptions(ours)
    assert (told.stated, told.warnings) == (expected.stated, expected.warnings)
    assert dict(told.measured) == pytest.approx(dict(expected.measured))


def same_rows(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    left, right = (part.sort_values(KEYS, ignore_index=True) for part in (found, expected))
    pd.testing.assert_frame_equal(left, right, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize(("event", "within"), [(None, None), ("view", "3D"), ("click", "90min")])
def test_what_was_known_before_is_the_plain_count_everywhere(event, within, tables, events, eligible):
    frame = data.as_of(eligible, events, event=event, within=within)
    assert frame[eligible.columns.tolist()].equals(eligible)
    counted = events if event is None else events[events["event"] == event]
    for row in frame.itertuples():
        earlier = counted["timestamp"] < row.timestamp
        if within is not None:
            earlier &= counted["timestamp"] >= row.timestamp - pd.Timedelta(within)
        user, item = counted["user_id"] == row.user_id, counted["item_id"] == row.item_id
        plain = [int((earlier & one).sum()) for one in (user & item, item, user)]
        assert [row.n_before, row.popularity, row.activity] == plain
    found = data.as_of(tables["eligible"], tables["events"], event=event, within=within)
    same_rows(found.to_pandas()[frame.columns], frame)


def test_the_future_and_the_moment_itself_are_not_known():
    log = pd.DataFrame({"user_id": [1, 1, 1], "item_id": [5, 5, 5], "timestamp": [3, 4, 9], "event": "view"})
    asked = pd.DataFrame({"user_id": 1, "item_id": 5, "timestamp": [3, 4, 5, 10]}, index=list("dcba"))
    made = data.as_of(asked, log, ["n_before"])
    assert made["n_before"].to_dict() == {"d": 0, "c": 1, "b": 2, "a": 3}
    assert data.as_of(asked, log, ["activity"], within=1.5)["activity"].tolist() == [0, 1, 1, 1]
    assert data.as_of(asked.assign(user_id=2), log, ["activity", "popularity"])["popularity"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"features": ["n_befor"]}, "did you mean 'n_before'"),
        ({"event": "clik"}, "did you mean 'click'"),
        ({"within": "-2D"}, "'-2D' is not positive"),
        ({"within": 3}, "3 is no duration"),
        ({"features": ["x"]}, "no feature 'x'"),
    ],
)
def test_faults_of_features_are_named(options, words, tables, events, eligible):
    for asked, log in ((eligible, events), (tables["eligible"], tables["events"])):
        with pytest.raises(ValueError, match=words):
            data.as_of(asked, log, **options)


def test_faults_in_databases_are_named(tables, events):
    log, shown, eligible = tables["events"], tables["impressions"], tables["eligible"]
    with pytest.raises(ValueError, match="no event 'buy' in the log"):
        data.decisions(log, impressions=shown, outcomes=["buy"])
    with pytest.raises(data.SchemaError, match="rows repeat a decision"):
        data.decisions(log, eligible.union(eligible), window="1D")
    with pytest.raises(TypeError, match="both as frames, or both as tables"):
        data.decisions(events, impressions=shown)
    with pytest.raises(ValueError, match="kind 'datetime' and those of impressions of kind 'number'"):
        data.decisions(log, impressions=shown.mutate(timestamp=shown.noise))
    with pytest.raises(ValueError, match="'item_id' is text in events and a number in impressions"):
        data.decisions(log, impressions=shown.mutate(item_id=shown.user_id))
    with pytest.raises(ValueError, match="already have a column 'activity'"):
        data.as_of(eligible.mutate(activity=eligible.x), log)
