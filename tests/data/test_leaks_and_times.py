"""Leaks and contradictions in time, counted by hand on tables of a few rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data


def table(rows: list[tuple[int, int, str]], event: str = "view") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    return frame.assign(timestamp=pd.to_datetime(frame["timestamp"]), event=event)


TRAIN = table([(1, 10, "2025-01-01"), (1, 11, "2025-01-05"), (2, 10, "2025-01-02"), (3, 12, "2025-01-03")])
TEST = table([(1, 10, "2025-01-01"), (1, 12, "2025-01-04"), (2, 10, "2025-01-09"), (4, 10, "2025-01-09")])


def shares(frame: pd.DataFrame) -> dict[str, float]:
    return dict(zip(frame["check"], frame["share"], strict=True))


def test_leaks_are_counted_row_by_row():
    leaks = shares(data.leakage({"train": TRAIN, "test": TEST}))
    assert leaks["same row in two parts"] == 1 / 4, "user 1, item 10, 1 January"
    assert leaks["same pair in two parts"] == 2 / 4, "and user 2 with item 10"
    assert leaks["own future in training"] == 2 / 4, "user 1 on 5 January"
    assert leaks["unseen in training"] == 1 / 4, "user 4"
    assert "others' future in training" not in leaks, "the median test row is on 6 January, training ends on the 5th"
    with pytest.raises(ValueError, match="no part 'test'"):
        data.leakage({"train": TRAIN})


def test_a_leave_one_out_split_has_others_futures_and_no_leak_of_its_own():
    rng = np.random.default_rng(3)
    n = 600
    events = pd.DataFrame({"user_id": rng.integers(0, 30, n), "item_id": rng.integers(0, 40, n)})
    events["timestamp"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.permutation(n), unit="h")
    found = shares(data.leakage(data.split_leave_one_out(events)).query("part == 'test'"))
    assert "own future in training" not in found
    assert "same row in two parts" not in found
    assert found["others' future in training"] > 0
    dated = data.leakage(data.split_temporal(events))
    assert not set(dated["check"]) & {"split breaks its promise", "own future in training", "same row in two parts"}


def test_a_column_that_tells_the_outcome():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    frame = pd.DataFrame({"user_id": 0, "item_id": 0, "click": y, "same": 3 * y - 1, "other": rng.normal(size=400)})
    told = data.target_leakage(frame, "click", ["other"])
    assert told.loc["same", "gini"] == 1
    pairs = np.subtract.outer(frame.loc[y == 1, "other"].to_numpy(), frame.loc[y == 0, "other"].to_numpy())
    assert told.loc["other", "gini"] == pytest.approx(abs(2 * (pairs > 0).mean() - 1)), "AUC by counting pairs"


def events_of(*rows: tuple[int, int, str, str]) -> data.Dataset:
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp", "event"])
    return data.Dataset("few", events=frame.assign(timestamp=pd.to_datetime(frame["timestamp"])))


def test_outcomes_before_and_without_exposure():
    log = events_of(
        (1, 10, "2025-01-01 10:00", "click"),  # its view comes an hour later
        (1, 10, "2025-01-01 11:00", "view"),
        (1, 10, "2025-01-01 12:00", "click"),
        (2, 10, "2025-01-01 12:00", "purchase"),  # never shown
    )
    found = data.time_travel(log, until="2025-02-01").set_index("check")
    assert found.loc["outcome before exposure", ["rows", "first_row"]].tolist() == [1, 0]
    assert found.loc["outcome without exposure", ["rows", "first_row"]].tolist() == [1, 3]
    assert found.loc["outcome before exposure", "share"] == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="did you mean 'view'"):
        data.time_travel(log, exposure="views")


def test_the_limits_of_a_log_and_zones():
    log = events_of((1, 10, "1970-01-01 00:00", "view"), (1, 11, "2025-01-01 23:30", "view"))
    assert shares(data.time_travel(log, until="2025-02-01"))["impossible time"] == 0.5
    assert shares(data.time_travel(log, since="1960-01-01", until="2025-01-01"))["impossible time"] == 0.5
    zoned = log.events.assign(timestamp=log.events["timestamp"].dt.tz_localize("America/New_York")).tail(1)
    late = data.time_travel(data.Dataset("zoned", events=zoned), until="2025-01-02 00:00")
    assert shares(late) == {"impossible time": 1.0}, "half past eleven in New York is the next day in UTC"
    assert data.time_travel(data.Dataset("zoned", events=zoned), until="2025-01-02 05:00").empty


def test_items_have_a_first_day_or_a_first_year():
    log = events_of((1, 10, "2025-03-01", "view"), (1, 11, "2025-03-02", "view"))
    first = pd.DataFrame({"item_id": [10, 11], "first_seen": pd.to_datetime(["2025-03-01", "2025-03-03"])})
    early = data.time_travel(data.Dataset("dated", events=log.events, items=first), until="2025-04-01")
    assert early.loc[0, ["check", "rows", "first_row"]].tolist() == ["before it existed", 1, 1]
    years = pd.DataFrame({"item_id": [10, 11], "year": [2026.0, np.nan]})
    assert shares(data.time_travel(data.Dataset("years", events=log.events, items=years), until="2025-04-01")) == {
        "before it existed": 0.5
    }


def test_scripts_of_texts():
    from causalrec_lab.data.quality.text_coverage import scripts

    texts = pd.Series(
        ["a warm coat", "一件温暖的外套", "暖かいコート", "тёплое пальто", "따뜻한 코트", "123", "déjà vu"]
    )
    assert scripts(texts).tolist() == ["latin", "han", "kana", "cyrillic", "hangul", "none", "latin"]


def test_chosen_rows_beside_randomised_ones():
    rng = np.random.default_rng(2)
    n = 3_000
    drawn = pd.DataFrame({"user_id": rng.integers(0, 100, n), "item_id": rng.integers(0, 30, n), "randomised": 1})
    drawn["value"] = rng.integers(1, 6, n)
    liked = drawn[rng.uniform(size=n) < drawn["value"] / 5].assign(randomised=0)
    events = pd.concat([liked, drawn], ignore_index=True).assign(event="rating")
    seen = data.quality_report(data.Dataset("both", events=events))
    assert seen.selection.loc["chosen", "mean"] == liked["value"].mean()
    assert set(seen.findings["check"]) >= {"self-selection"}
    assert "random in name" not in set(seen.findings["check"])
    assert seen.exposure.counts.sum() == len(liked), "what was drawn is no exposure of the platform"
    uneven = events.assign(item_id=events["item_id"] ** 2 // 60)
    assert "random in name" in set(data.quality_report(data.Dataset("uneven", events=uneven)).findings["check"])


@pytest.mark.parametrize("draw", range(20))
def test_even_draws_are_not_called_uneven(draw):
    rng = np.random.default_rng(draw)
    events = pd.DataFrame({"user_id": 0, "item_id": rng.integers(0, 50, 2_000), "event": "watch", "randomised": 1})
    assert "random in name" not in set(data.quality_report(data.Dataset("even", events=events)).findings["check"])


def test_coat_and_kuairec_as_tables(real):
    coat = real("coat")
    parts = coat.events.groupby("randomised")
    assert parts.size().to_dict() == {0: 6_960, 1: 4_640}
    assert parts["value"].mean().round(4).to_dict() == {0: 2.6115, 1: 2.2289}
    assert coat.items["category"].nunique() == 16
    front = coat.extra["item_features"]["onfrontpage:yes"].to_numpy() == 1
    assert ((coat.items["onfrontpage"] == "yes").to_numpy() == front).all()
    halves = {"train": coat.events.query("randomised == 0"), "test": coat.events.query("randomised == 1")}
    both = data.leakage({name: part.drop(columns="randomised") for name, part in halves.items()}).set_index("check")
    assert both.loc["same row in two parts", "rows"] == 366
    kuai = data.quality_report(real("kuairec"))
    assert "random in name" in set(kuai.findings["check"]), "its videos have 1 to 1,400 rows"


def test_what_real_logs_can_answer(real):
    movies = data.quality_report(real("ml-100k"))
    assert movies.answers.loc["effect of showing", "answer"] == "no"
    assert movies.time_travel.set_index("check").loc["before it existed", "rows"] == 33, "films of 1998 rated in 1997"
    bandit = data.quality_report(real("open_bandit", campaign="women", policy="random"))
    assert bandit.answers.loc["value of another policy", "answer"] == "yes"
    sampled = data.quality_report(real("open_bandit", campaign="women", policy="bts"))
    assert sampled.answers.loc["value of another policy", "answer"] == "with assumptions"
    assert sampled.findings.loc[0, "check"] == "few effective rounds"
