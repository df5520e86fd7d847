"""Ranking metrics against hand-computed and brute-force values."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.data.building.splits import Split, split_leave_one_out
from causalrec_lab.recommender import ItemKNN, Popularity, evaluate
from causalrec_lab.recommender.catalogue.histories import Histories, batches, last_windows
from causalrec_lab.recommender.catalogue.interactions import recommend
from causalrec_lab.recommender.evaluation.ranking import user_bootstrap


class Table:
    """A recommender whose scores are given."""

    def __init__(self, scores, histories, catalogue):
        self.scores, self.histories, self.catalogue = scores, histories, catalogue

    def read(self, frame):
        return Histories.of(frame, self.catalogue)

    def score_histories(self, histories):
        return self.scores[np.asarray(histories.users)].copy()


def make(n_users=50, n_items=30, length=6, seed=0):
    rng = np.random.default_rng(seed)
    items = np.concatenate([rng.permutation(n_items)[:length] for _ in range(n_users)])
    events = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(n_users), length),
            "item_id": items,
            "timestamp": np.tile(np.arange(length), n_users),
        }
    )
    split = split_leave_one_out(events)
    catalogue = pd.Index(range(n_items))
    scores = rng.normal(size=(n_users, n_items)).astype(np.float32)
    return Table(scores, Histories.of(split.train, catalogue), catalogue), split, events


@pytest.mark.parametrize("filter_seen", [True, False])
def test_metrics_equal_a_loop_over_users(filter_seen):
    model, split, events = make()
    table = evaluate(model, split, k=(3, 10), filter_seen=filter_seen)
    hits, gains, reciprocal, shown = [], [], [], set()
    for row in split.test.itertuples():
        known = set(events.query("user_id == @row.user_id and timestamp < 5")["item_id"]) if filter_seen else set()
        order = [i for i in np.argsort(-model.scores[row.user_id]) if i not in known]
        rank = order.index(row.item_id) + 1
        hits.append(rank <= 3)
        gains.append((rank <= 10) / np.log2(rank + 1))
        reciprocal.append(1 / rank)
        shown |= set(order[:3])
    assert table["value"]["HR@3"] == pytest.approx(np.mean(hits))
    assert table["value"]["NDCG@10"] == pytest.approx(np.mean(gains))
    assert table["value"]["MRR"] == pytest.approx(np.mean(reciprocal))
    assert table["value"]["Coverage@3"] == pytest.approx(len(shown) / 30)
    assert set(table["seen"]) == {"filtered" if filter_seen else "kept"}


def test_several_targets_are_divided_by_the_best_order():
    catalogue = pd.Index(range(5))
    frame = lambda items: pd.DataFrame({"user_id": 0, "item_id": items, "timestamp": range(len(items))})  # noqa: E731
    split = Split(frame([0]), frame([1]), frame([2, 4]))
    model = Table(np.array([[9, 8, 3, 2, 1]], np.float32), Histories.of(split.train, catalogue), catalogue)
    table = evaluate(model, split, k=(2,))
    assert table["value"]["NDCG@2"] == pytest.approx(1 / (1 + 1 / np.log2(3)))
    assert table["value"]["MRR"] == 1


def test_ties_count_against_the_model():
    model, split, _ = make()
    model.scores[:] = 0.0
    assert evaluate(model, split, k=(10,))["value"]["HR@10"] == 0


def test_scores_that_are_nan_are_refused_and_do_not_rank_first():
    model, split, _ = make()
    model.scores[3:5] = np.nan
    with pytest.raises(ValueError, match=r"scored 2 of 50 users with NaN, first user 3; was it trained"):
        evaluate(model, split, k=(10,))
    with pytest.raises(ValueError, match="scored 1 of 2 users with NaN, first user 4"):
        recommend(model, [0, 4], 3)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["9", "10", "11"], r"'timestamp' has 3 bad values, first at row 0: '9'; text has no time order"),
        (pd.Series([2, "1", 3], dtype=object), "'timestamp' has 1 bad values, first at row 1: '1'"),
        ([1.0, np.nan, 0.0], "'timestamp' has 1 bad values, first at row 1: .*nan.*; fill it in or drop"),
        (pd.to_datetime(["2026-01-01", None, None]), "'timestamp' has 2 bad values, first at row 1: NaT"),
    ],
)
def test_times_that_have_no_order_are_refused(times, message):
    frame = pd.DataFrame({"user_id": 0, "item_id": [0, 1, 2], "timestamp": times})
    with pytest.raises(ValueError, match=message):
        Histories.of(frame, pd.Index(range(3)))


@pytest.mark.parametrize("clock", [lambda t: t, lambda t: pd.to_datetime(t, unit="s", utc=True)])
def test_histories_follow_the_clock(clock):
    frame = pd.DataFrame({"user_id": 0, "item_id": [0, 1, 2], "timestamp": clock(pd.Series([11, 9, 10]))})
    assert Histories.of(frame, pd.Index(range(3))).items.tolist() == [2, 3, 1]


def test_popularity_scores_counts():
    events = pd.DataFrame({"user_id": [1, 1, 2, 3], "item_id": ["a", "b", "a", "a"]})
    model = Popularity().fit(events)
    np.testing.assert_array_equal(model.score([1, 9]), [[3, 1], [3, 1]])
    assert model.recommend([1], 1, filter_seen=False)["item_id"].tolist() == ["a"]
    assert model.recommend([2], 2)["item_id"].tolist() == ["b"]


def test_item_neighbours_equal_the_formula():
    events = pd.DataFrame({"user_id": [1, 1, 2, 2, 3], "item_id": [0, 1, 0, 1, 2]})
    model = ItemKNN(neighbours=3, shrinkage=1.0).fit(events)
    np.testing.assert_allclose(model.similarity, [[0, 2 / 3, 0], [2 / 3, 0, 0], [0, 0, 0]], rtol=1e-6)
    np.testing.assert_allclose(model.score([3, 1]), [[0, 0, 0], [2 / 3, 2 / 3, 0]], rtol=1e-6)


def test_bootstrap_interval_is_that_of_a_mean():
    values = np.random.default_rng(0).normal(3, 2, size=(4_000, 1))
    low, high = user_bootstrap(values, replications=4_000)
    assert (high - low)[0] == pytest.approx(2 * 1.96 * values.std() / np.sqrt(4_000), rel=0.06)


def test_every_target_is_met_once_an_epoch_with_what_came_before_it():
    rng = np.random.default_rng(3)
    lengths = [1, 2, 7, 30, 0, 13]
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    items = rng.integers(1, 1000, offsets[-1])
    histories = Histories(pd.Index(range(6)), items, offsets)
    met = np.zeros(len(items), int)
    for batch in batches(histories, length=5, tokens=24, rng=rng):
        assert batch.inputs.shape == batch.targets.shape
        assert batch.inputs.size <= 24 or len(batch.rows) == 1
        for row, inputs, targets in zip(batch.rows, batch.inputs, batch.targets, strict=True):
            story = np.concatenate(([0], items[offsets[row] : offsets[row + 1]]))
            n = (targets > 0).sum()
            at = next(
                s
                for s in range(len(story) - n)
                if (story[s : s + n] == inputs[:n]).all() and (story[s + 1 : s + n + 1] == targets[:n]).all()
            )
            met[offsets[row] + at : offsets[row] + at + n] += 1
    assert (met == 1).all()


def test_reading_takes_the_last_items():
    offsets = np.array([0, 3, 11, 11])
    histories = Histories(pd.Index(range(3)), np.arange(1, 12), offsets)
    read = {}
    for batch in last_windows(histories, length=4, tokens=100):
        for row, inputs, end in zip(batch.rows, batch.inputs, batch.ends, strict=True):
            read[row] = inputs[: end + 1].tolist()
    assert read == {0: [0, 1, 2, 3], 1: [8, 9, 10, 11], 2: [0]}


def test_cut_off_beyond_the_catalogue():
    model, split, _ = make()
    with pytest.raises(ValueError, match="30 items"):
        evaluate(model, split, k=(99,))


@pytest.mark.parametrize("kind", [Popularity, ItemKNN])
def test_a_baseline_that_was_not_fitted_says_what_to_do(kind):
    for ask in (lambda model: model.catalogue, lambda model: model.score([1]), lambda model: model.recommend([1], 3)):
        with pytest.raises(ValueError, match=rf"this {kind.__name__} was not fitted; call fit\(events\) first"):
            ask(kind())


def test_groups_are_ranked_by_themselves():
    model, split, _ = make()
    groups = pd.Series(["odd" if user % 2 else "even" for user in range(49)], index=range(49))
    table = evaluate(model, split, k=(5,), groups=groups)
    whole, odd, even = (table["value"][name, "MRR"] for name in ("all", "odd", "even"))
    assert table["users"]["odd", "MRR"] == 24
    assert table["users"]["even", "MRR"] == 25  # the last user has no group
    alone = Split(split.train, split.validation, split.test[split.test["user_id"] % 2 == 1])
    alone_odd = evaluate(model, Split(alone.train, alone.validation, alone.test.query("user_id < 49")), k=(5,))
    assert odd == pytest.approx(alone_odd["value"]["MRR"])
    assert min(odd, even) <= whole <= max(odd, even) + 0.02
    with pytest.raises(ValueError, match="none of the 50 users has a group"):
        evaluate(model, split, groups=pd.Series(["x"], index=["nobody"]))
    with pytest.raises(ValueError, match="more than one group"):
        evaluate(model, split, groups=pd.Series(["x", "y"], index=[0, 0]))


def test_sampled_metrics_are_those_of_a_random_rank():
    """With scores at random a target is the best of itself and m others with probability 1 / (m + 1)."""
    model, split, _ = make(n_users=4_000)
    hit = evaluate(model, split, k=(1,), sampled=4, filter_seen=False)["value"]["HR@1"]
    assert abs(hit - 1 / 5) < 5 * np.sqrt(0.2 * 0.8 / 4_000)
    assert (evaluate(model, split, k=(1,), sampled=4)["items"] == 5).all()
    with pytest.raises(ValueError, match="sampled=30"):
        evaluate(model, split, sampled=30)


def test_sampling_all_others_is_the_whole_catalogue():
    model, split, _ = make()
    whole = evaluate(model, split, k=(5,), filter_seen=False)
    every = evaluate(model, split, k=(5,), filter_seen=False, sampled=29)
    pd.testing.assert_series_equal(whole["value"], every["value"])
    filtered, sampled = evaluate(model, split, k=(5,)), evaluate(model, split, k=(5,), sampled=29)
    pd.testing.assert_series_equal(filtered["value"], sampled["value"])


def test_a_target_met_twice_is_one_target():
    model, split, _ = make()
    rows, places = split.test["user_id"].to_numpy(), split.test["item_id"].to_numpy()
    model.scores[rows, places] = 9.0  # a perfect model
    twice = Split(split.train, split.validation, pd.concat([split.test, split.test]))
    value = evaluate(model, twice, k=(1, 5))["value"]
    assert value["NDCG@5"] == value["HR@1"] == value["MRR"] == 1.0


def test_what_is_not_ranked_is_not_shown():
    model, split, _ = make()
    shelf = list(range(4))
    few = Split(split.train, split.validation, split.test[split.test["item_id"].isin(shelf)])
    assert evaluate(model, few, k=(10,), among=shelf)["value"]["Coverage@10"] <= 4 / 30


def test_a_group_named_all_hides_nobody():
    model, split, _ = make()
    with pytest.raises(ValueError, match="a group is named 'all'"):
        evaluate(model, split, groups=pd.Series(["all", "b"] * 25))


def test_a_large_catalogue_is_scored_a_few_users_at_a_time(monkeypatch):
    model, split, _ = make()
    asked, whole = [], (evaluate(model, split), recommend(model, range(50), 4))
    plain = model.score_histories
    model.score_histories = lambda histories: asked.append(len(histories.users)) or plain(histories)
    for module in ("evaluation.ranking", "catalogue.interactions"):
        monkeypatch.setattr(f"causalrec_lab.recommender.{module}.CELLS", 30 * 7)
    again = (evaluate(model, split), recommend(model, range(50), 4))
    for first, second in zip(whole, again, strict=True):
        pd.testing.assert_frame_equal(first, second)
    assert max(asked) == 7


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_item_is_no_item(missing):
    events = pd.DataFrame({"user_id": [1, 1, 2], "item_id": pd.Series([7, missing, 8], dtype=object)})
    with pytest.raises(ValueError, match="'item_id' of the events is missing in 1 rows, first at row 1"):
        Popularity().fit(events)
    with pytest.raises(ValueError, match="'item_id' of items is missing"):
        Popularity().fit(events.dropna(), items=events)
