"""Decisions are what they claim to be: treated and outcomes as in the log, and what was assumed is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data
from causalrec_lab.causal import effects
from causalrec_lab.world import Platform
from causalrec_lab.world.logging.decisions import draw_randomness
from causalrec_lab.world.logging.logs import decision_table

KEYS = ["user_id", "item_id", "timestamp"]
STAGES = ["view", "click", "cart", "purchase"]
N_ITEMS, REQUESTS = 12, 2_500


@pytest.fixture(scope="module")
def platform():
    return Platform.make("ecommerce", seed=3, n_users=400, n_items=N_ITEMS, base_rate="common")


@pytest.fixture(scope="module")
def whole(platform) -> pd.DataFrame:
    """Every decision, shown or not: each request is one about all items of the catalogue."""
    rng = np.random.default_rng(0)
    users = np.repeat(rng.integers(400, size=REQUESTS), N_ITEMS)
    draw = draw_randomness(platform.law, users, np.tile(np.arange(N_ITEMS), REQUESTS), rng)
    moments = np.sort(rng.integers(365 * 86_400_000, size=REQUESTS))
    table, _ = decision_table(replace(draw, moment=np.repeat(moments, N_ITEMS)), "auto")
    return table


@pytest.fixture(scope="module")
def events(whole) -> pd.DataFrame:
    """What a platform logs of them, without the exposures; each stage 20 seconds after the one before."""
    parts = [
        whole.loc[whole[stage] == 1, [*KEYS, "treated"]].assign(
            event=stage, timestamp=lambda part, k=number: part["timestamp"] + pd.Timedelta(seconds=20 * k)
        )
        for number, stage in enumerate(STAGES)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def shown(whole) -> pd.DataFrame:
    return whole.loc[whole["treated"] == 1, KEYS]


def effect(made: pd.DataFrame, whole: pd.DataFrame, platform: Platform, weights: str | None = "weight"):
    """AIPW of the purchase on the covariates of the exposure rule, which the rebuilt rows get from their pair."""
    names = list(platform.covariates)
    pairs = whole[["user_id", "item_id", *names]].drop_duplicates(["user_id", "item_id"])
    rows = made.drop(columns=names, errors="ignore").merge(pairs, on=["user_id", "item_id"])
    return effects.aipw(rows, "treated", "purchase", names, weights=weights, cluster="user_id")


def distance(estimate, truth) -> float:
    return abs(estimate.value - truth.value) / estimate.std_error


def test_the_platforms_decisions_come_back_from_its_event_log(whole, events, shown):
    log = pd.concat([events, shown.assign(event="shown")])
    made = data.decisions(log, whole[[*KEYS, "price"]], exposure="shown", outcomes=STAGES, window="5min")
    columns = [*KEYS, "price", "treated", *STAGES]
    pd.testing.assert_frame_equal(made[columns], whole[columns], check_dtype=False)
    seen = shown.groupby(["user_id", "item_id"])["timestamp"].apply(np.sort).to_dict()
    some = made.sample(300, random_state=0)
    none = np.array([], dtype="datetime64[ns]")
    before = [int((seen.get((r.user_id, r.item_id), none) < r.timestamp).sum()) for r in some.itertuples()]
    assert some["n_before"].tolist() == before
    assert max(before) > 1


def test_impressions_give_back_every_decision_where_all_comparable_items_are_kept(whole, events, shown):
    made = data.decisions(events, impressions=shown, outcomes=STAGES, window="5min", period="30D", draws=None)
    columns = [*KEYS, "treated", *STAGES]
    asked = whole[whole.groupby(["user_id", "timestamp"])["treated"].transform("max") == 1]  # some showed nothing
    expected = asked.sort_values(["timestamp", "user_id", "item_id"], ignore_index=True)
    assert len(whole) - 100 < len(expected) < len(whole)
    pd.testing.assert_frame_equal(made[columns], expected[columns], check_dtype=False)
    assert (made["weight"] == 1).all()


@pytest.mark.parametrize("draws", [2, 6])
def test_weights_make_a_sample_stand_for_all_that_was_not_shown(draws, whole, events, shown, platform):
    made = data.decisions(events, impressions=shown, outcomes=STAGES, window="5min", period="30D", draws=draws)
    untreated = made[made["treated"] == 0]
    assert set(untreated["weight"].round(12)) == {round(1 / (1 - (1 - 1 / N_ITEMS) ** draws), 12)}
    rows, total = int((whole["treated"] == 0).sum()), untreated["weight"].sum()
    probability = 1 / untreated["weight"].iloc[0]
    assert abs(total - rows) < 5 * np.sqrt(rows * (1 - probability) / probability)  # rows of a request repel each other
    assert made["treated"].mean() > 1.2 * whole["treated"].mean()
    weighted = effect(made, whole, platform)
    assert distance(weighted, platform.truth.ate(outcome="purchase")) < 5
    assert distance(weighted, effect(whole, whole, platform, None)) < 5


def test_unlogged_organic_purchases_break_it_and_are_found(whole, events, shown, platform, caplog):
    logged = events[events["treated"] == 1]
    log = pd.concat([logged, shown.assign(event="shown")])
    routes = {"impressions": shown, "period": "30D", "window": "5min"}, {"window": "1h", "exposure": "shown"}
    for options in routes:
        made = data.decisions(log, outcomes=STAGES, **options)
        assert distance(effect(made, whole, platform), platform.truth.ate(outcome="purchase")) > 20
        (doubt,) = data.assumptions(made).warnings
        assert "hardly any untreated row has a view, click, cart, purchase" in doubt
        assert doubt in caplog.text


def test_events_alone_agree_with_the_truth_where_every_visit_leaves_an_event(whole, events, shown, platform):
    log = pd.concat([events, shown.assign(event="shown")])
    made = data.decisions(log, exposure="shown", outcomes=STAGES, window="1h", draws=6)
    assert distance(effect(made, whole, platform), platform.truth.ate(outcome="purchase")) < 5
    assert "visit" in " ".join(data.assumptions(made).stated)


def test_events_alone_lose_those_whom_nothing_moved(whole, events, shown, platform):
    """Where a visit leaves no event but a purchase or an exposure, the untreated who did nothing are missing."""
    first = shown.drop_duplicates(["user_id", "timestamp"])  # one item shown a request, none other logged
    rare = whole["item_id"].isin([0, 1])
    log = pd.concat([events, first.assign(event="shown")])
    log = log[log["item_id"].isin([0, 1])]
    made = data.decisions(log, exposure="shown", outcomes=STAGES, window="1h", draws=None)
    everyone = whole[rare & (whole["treated"] == 0)]
    assert made.loc[made["treated"] == 0, "view"].mean() > everyone["view"].mean() + 0.05


def test_windows_of_one_pair_that_overlap_are_counted(whole, events, shown, caplog):
    short = data.decisions(events, impressions=shown, outcomes=["click"], window="5min", period="30D")
    assert data.assumptions(short).measured["overlapping windows"] == 0
    long = data.decisions(events, impressions=shown, outcomes=["click"], window="30D")
    times = long.sort_values("timestamp").groupby(["user_id", "item_id"])["timestamp"]
    expected = int((times.diff() < pd.Timedelta("30D")).sum())
    told = data.assumptions(long)
    assert told.measured["overlapping windows"] == expected > 0
    assert f"{expected:,} of {len(long):,} decisions begin before the window" in told.warnings[0]
    assert told.warnings[0] in caplog.text


def test_assumptions_survive_filters_and_files_and_say_when_they_are_lost(events, shown, tmp_path):
    made = data.decisions(events, impressions=shown, outcomes=["click"], window="5min", period="30D")
    told = data.assumptions(made)
    assert (told.route, told.measured["rows"]) == ("impressions", len(made))
    made[made["treated"] == 0].assign(x=1).to_parquet(tmp_path / "made.parquet")
    again = data.assumptions(pd.read_parquet(tmp_path / "made.parquet"))
    assert again.stated == told.stated
    assert "no row is treated" in again.warnings[0]
    assert "<li>impressions are complete" in told._repr_html_()
    assert "- impressions are complete" in str(told)
    with pytest.raises(ValueError, match="carries no assumptions"):
        data.assumptions(made.merge(shown, on=KEYS))


def toy() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two requests of one window, a third in another, by hand."""
    shown = pd.DataFrame(
        {
            "user_id": [1, 1, 2, 3],
            "item_id": [10, 11, 12, 13],
            "timestamp": [0, 2, 5, 100],
            "page": [7, 7, 8, 9],
            "category": ["a", "b", "b", "a"],
        }
    )
    events = pd.DataFrame({"user_id": [1, 2], "item_id": [12, 12], "timestamp": [3, 6], "event": "click"})
    return shown, events


def test_requests_by_hand():
    shown, events = toy()
    rows = [(1, 10, 0), (1, 11, 0), (1, 12, 0), (2, 10, 5), (2, 11, 5), (2, 12, 5), (3, 13, 100)]
    options = {"impressions": shown, "outcomes": ["click"], "window": 10, "draws": None}
    made = data.decisions(events, request="page", **options)
    assert list(made[KEYS].itertuples(index=False, name=None)) == rows
    assert made["treated"].tolist() == [1, 1, 0, 0, 0, 1, 1]
    assert made["click"].tolist() == [0, 0, 1, 0, 0, 1, 0]
    made = data.decisions(events, request="page", comparable="category", **options)
    assert list(made.loc[made["treated"] == 0, KEYS].itertuples(index=False, name=None)) == [(1, 12, 0), (2, 11, 5)]
    made = data.decisions(events, **options)  # without a page, what was shown at 0 and at 2 are two requests
    assert len(made) == 10
    made = data.decisions(events, request="page", **(options | {"comparable": "available", "window": 1_000}))
    assert len(made) == 12  # one block: all four items for each of three requests


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"outcomes": ["clik"]}, "no event 'clik' in the log: did you mean 'click'"),
        ({"window": -3}, "-3 is no positive number"),
        ({"window": "1D"}, "'1D' is no positive number, and the timestamps are numbers"),
        ({"comparable": "showed"}, "did you mean 'shown'"),
        ({"draws": 0}, r"draws=0\): give a whole number"),
        ({"request": "slate"}, r"\['slate'\] not there"),
        ({"eligible": toy()[0]}, "give one of them"),
        (
            {"comparable": "category", "impressions": toy()[0].drop(columns="category")},
            "needs impressions with a column",
        ),
        ({"impressions": toy()[0].drop(columns="item_id")}, r"\['item_id'\] not there"),
        ({"impressions": toy()[0].astype({"item_id": str})}, "'item_id' is a number in events and text in impressions"),
        ({"impressions": toy()[0].assign(timestamp=pd.Timestamp("2024-01-01"))}, "kind 'number'.*kind 'datetime'"),
        (
            {"impressions": toy()[0].assign(item_id=[10, 11, None, 13])},
            "'item_id' is missing in 1 rows, first at row 2",
        ),
        ({"impressions": toy()[0].head(0)}, "the table has no rows"),
        ({"impressions": toy()[0].assign(timestamp="soon")}, "'timestamp' is neither numeric nor datetime"),
        ({"impressions": None}, "from events alone.*window="),
        ({"impressions": None, "exposure": "click", "window": 5, "period": 3}, "only with impressions="),
    ],
)
def test_what_cannot_be_built_is_named(options, words):
    shown, events = toy()
    with pytest.raises(ValueError, match=words):
        data.decisions(events, **({"impressions": shown, "outcomes": ["click"], "exposure": "click"} | options))


def test_durations_and_repeated_decisions():
    shown, events = toy()
    dated = {name: pd.Timestamp("2024-01-01") + pd.to_timedelta(part["timestamp"], unit="h") for name, part in
             (("shown", shown), ("events", events))}  # fmt: skip
    shown, events = shown.assign(timestamp=dated["shown"]), events.assign(timestamp=dated["events"])
    for window, words in ((5, "5 is no duration"), ("soon", "'soon' is no duration"), ("-1D", "'-1D' is not positive")):
        with pytest.raises(ValueError, match=words):
            data.decisions(events, impressions=shown, outcomes=["click"], window=window)
    twice = pd.concat([shown, shown.iloc[[2]]])
    with pytest.raises(data.SchemaError, match=r"1 rows repeat a decision.*first at row 4"):
        data.decisions(events, twice, exposure="click", outcomes=[])


def test_decisions_from_events_are_the_plain_definition():
    rng = np.random.default_rng(3)
    n = 400
    events = pd.DataFrame(
        {
            "user_id": rng.integers(0, 10, n),
            "item_id": rng.integers(0, 8, n),
            "timestamp": rng.permutation(n) / 4,
            "event": rng.choice(["view", "click", "purchase"], n, p=[0.6, 0.3, 0.1]),
        }
    )
    eligible = pd.DataFrame({"user_id": rng.integers(0, 10, 90), "item_id": rng.integers(0, 8, 90)})
    eligible["timestamp"] = rng.permutation(90)
    made = data.decisions(events, eligible, window=20)
    for row in made.itertuples():
        after = events["timestamp"].between(row.timestamp, row.timestamp + 20, inclusive="left")
        mine = events[after & (events["user_id"] == row.user_id) & (events["item_id"] == row.item_id)]
        seen = [int((mine["event"] == name).any()) for name in ("view", "click", "purchase")]
        assert seen == [row.treated, row.click, row.purchase]
    assert 0 < made["treated"].mean() < 1


def test_decisions_of_shown_rows_alone_are_refused():
    events = pd.DataFrame({"user_id": [1, 2], "item_id": [1, 1], "timestamp": [1, 2], "event": ["view", "view"]})
    with pytest.raises(data.SchemaError, match="single class"):
        data.decisions(events, events[["user_id", "item_id", "timestamp"]], outcomes=())
    with pytest.raises(ValueError, match="no event 'click'"):
        data.decisions(events, events[["user_id", "item_id", "timestamp"]])
