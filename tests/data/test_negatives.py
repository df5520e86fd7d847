"""Negatives follow the law that their probability states, and are never what the user has seen."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data

LAWS = ("uniform", "popularity", "in-category")


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 240
    items = np.minimum(rng.geometric(0.12, n), 20)
    return pd.DataFrame(
        {
            "user_id": pd.Series(rng.integers(0, 25, n)).map("u{}".format),
            "item_id": items,
            "timestamp": np.arange(n),
            "category": np.where(items % 2, "odd", "even"),
        }
    )


def chances(log: pd.DataFrame, law: str, exclude_seen: bool) -> dict[tuple, dict]:
    """The law by enumeration: (user, positive) -> item -> probability."""
    count, category = log["item_id"].value_counts(), log.set_index("item_id")["category"].to_dict()
    seen = log.groupby("user_id")["item_id"].agg(set)
    found = {}
    for user, positive in log[["user_id", "item_id"]].drop_duplicates().itertuples(index=False):
        free = [i for i in count.index if not (exclude_seen and i in seen[user])]
        if law == "in-category":
            free = [i for i in free if category[i] == category[positive]]
        weight = {i: int(count[i]) if law == "popularity" else 1 for i in free}
        found[user, positive] = {i: w / sum(weight.values()) for i, w in weight.items()}
    return found


@pytest.mark.parametrize(("law", "exclude_seen"), product(LAWS, [True, False]))
def test_draws_follow_the_law_they_state(law, exclude_seen, log):
    k = 2 if exclude_seen else 60
    options = {"law": law, "exclude_seen": exclude_seen}
    made = pd.concat([data.negatives(log, k, seed=s, **options) for s in range(60 // k)], ignore_index=True)
    stated = chances(log, law, exclude_seen)
    for row in made.drop_duplicates(["user_id", "positive", "item_id"]).itertuples():
        assert row.probability == pytest.approx(stated[row.user_id, row.positive][row.item_id])
    # the counts of each item, over all positives, lie where the sum of their probabilities says
    asked = made.drop_duplicates(["user_id", "positive"]).assign(
        n=made.groupby(["user_id", "positive"]).size().to_numpy()
    )
    expected, variance = pd.Series(0.0, range(1, 21)), pd.Series(0.0, range(1, 21))
    for row in asked.itertuples():
        p = pd.Series(stated[row.user_id, row.positive])
        expected = expected.add(row.n * p, fill_value=0)
        variance = variance.add(row.n * p * (1 - p), fill_value=0)
    drawn = made["item_id"].value_counts().reindex(expected.index, fill_value=0)
    assert ((drawn - expected).abs() <= 5.5 * np.sqrt(variance) + 1e-9).all()


@pytest.mark.parametrize("law", LAWS)
def test_the_same_seed_gives_the_same_rows_wherever_the_log_lives(law, log, backend):
    table = backend.load(log, "negative_events")
    ours, theirs = data.negatives(log.sample(frac=1, random_state=0), 2, law=law), data.negatives(table, 2, law=law)
    pd.testing.assert_frame_equal(theirs.to_pandas(), ours, check_dtype=False)
    assert not ours.equals(data.negatives(log, 2, law=law, seed=1))
    split, whole = data.split_temporal(table, (0.6, 0.2, 0.2)), data.split_temporal(log, (0.6, 0.2, 0.2))
    ours, theirs = (data.negatives(one, 1, law=law) for one in (whole, split))
    pd.testing.assert_frame_equal(theirs.to_pandas(), ours, check_dtype=False)


def test_negatives_of_a_split_know_training_popularity_and_nothing_seen_in_any_part(log):
    split = data.split_temporal(log, (0.5, 0.2, 0.3))
    made = data.negatives(split, 4, law="popularity")
    assert len(made) == 4 * len(split.test)
    seen = log[["user_id", "item_id"]].drop_duplicates()
    assert made.merge(seen, on=["user_id", "item_id"]).empty
    count = split.train["item_id"].value_counts()
    assert set(made["item_id"]) <= set(count.index)
    row = made.iloc[0]
    mine = seen.loc[seen["user_id"] == row["user_id"], "item_id"]
    left = len(split.train) - count.reindex(mine).sum()
    assert row["probability"] == pytest.approx(count[row["item_id"]] / left)
    assert len(data.negatives(split, 4, part="train")) == 4 * len(split.train)


def test_users_who_have_seen_nearly_all_are_drawn_for_exactly_or_refused():
    seen = pd.DataFrame({"user_id": 1, "item_id": range(5_000)})
    items = pd.DataFrame({"item_id": range(5_002)})
    made = data.negatives(seen, 2, items=items)
    assert set(made["item_id"]) == {5_000, 5_001}
    assert (made["probability"] == 0.5).all()
    assert abs(made["item_id"].eq(5_000).mean() - 0.5) < 5.5 * 0.5 / np.sqrt(len(made))
    words = r"user 1 has seen 5,000 of the 5,002 items to draw from, which leaves 2 for k=3; 1 users"
    with pytest.raises(ValueError, match=words):
        data.negatives(seen, 3, items=items)
    assert len(data.negatives(seen, 3, items=items, exclude_seen=False)) == 15_000


def test_faults_are_named(log):
    items = pd.DataFrame({"item_id": range(1, 20)})
    for arguments, options, words in [
        ((log, 0), {}, r"k=0\): give a whole number"),
        ((log, 2), {"law": "popular"}, "did you mean 'popularity'"),
        ((log.drop(columns="category"), 2), {"law": "in-category"}, r"\['category'\] not there"),
        ((log, 2), {"items": items}, "1 items of the events are not in items=, the first is 20"),
        ((log, 2), {"items": items.astype(str)}, "'item_id' is a number in events and text in items"),
        ((log.assign(category=log["timestamp"]), 2), {"law": "in-category"}, "item 1 has .* categories in events"),
        ((data.split_temporal(log), 2), {"part": "tests"}, "did you mean 'test'"),
    ]:
        with pytest.raises(ValueError, match=words):
            data.negatives(*arguments, **options)
