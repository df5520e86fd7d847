"""Items nobody has met: held out whole, found by what is known of them, never by their identity."""

import numpy as np
import pandas as pd
import pytest
import torch

from causalrec_lab.data.building.splits import split_leave_one_out
from causalrec_lab.recommender import (
    ContentPopularity,
    RecommenderConfig,
    TransformerRecommender,
    evaluate,
    split_cold_items,
)
from causalrec_lab.recommender.sequence.towers import attribute_matrix

CONFIG = RecommenderConfig(
    length=10, dim=16, blocks=1, dropout=0.1, tokens=800, epochs=15, learning_rate=1e-2, attributes=("genre",)
)


def genres(n_users=300, n_items=60, length=9, seed=0):
    """Users who like one of four genres; the genre is all there is to know."""
    rng = np.random.default_rng(seed)
    genre = np.arange(n_items) % 4
    items = [rng.choice(np.flatnonzero(genre == user % 4), length, replace=False) for user in range(n_users)]
    frame = pd.DataFrame({"user_id": np.repeat(np.arange(n_users), length), "item_id": np.concatenate(items)})
    table = pd.DataFrame({"item_id": np.arange(n_items), "genre": [f"g{g}" for g in genre]})
    return frame.assign(timestamp=np.tile(np.arange(length), n_users)), table


@pytest.fixture(scope="module")
def cold():
    events, items = genres()
    split, cold = split_cold_items(split_leave_one_out(events), 0.2, seed=1)
    return split, cold, items


def test_cold_items_are_nowhere_but_in_the_test(cold):
    split, ids, _ = cold
    assert len(ids) == 12
    assert not split.train["item_id"].isin(ids).any()
    assert not split.validation["item_id"].isin(ids).any()
    assert split.test["item_id"].isin(ids).all()
    with pytest.raises(ValueError, match="share=1"):
        split_cold_items(split, 1)


def test_attributes_find_cold_items_and_identities_cannot(cold):
    split, ids, items = cold
    known = TransformerRecommender(CONFIG).fit(split, (), items=items)
    blind = TransformerRecommender(RecommenderConfig(**(CONFIG.to_dict() | {"attributes": ()}))).fit(
        split, (), items=items
    )
    k = int(pd.Series(ids % 4).value_counts().max())  # items of one genre tie: all of them must fit into the list
    found, lost = (evaluate(model, split, k=(k,), among=ids)["value"][f"HR@{k}"] for model in (known, blind))
    assert found > 0.95
    assert lost < 0.7


def test_what_was_learned_elsewhere_carries_over(cold):
    split, _, items = cold
    elsewhere, others = genres(seed=5, n_items=40)
    teacher = TransformerRecommender(CONFIG).fit(elsewhere, (), items=others)
    short = RecommenderConfig(**(CONFIG.to_dict() | {"epochs": 1, "learning_rate": 1e-9}))
    renamed = items.assign(genre=items["genre"].replace({"g3": "new"}))
    taught = TransformerRecommender(short).fit(split, (), items=renamed, start=teacher)
    ours, theirs = taught.network.state_dict(), teacher.network.state_dict()
    torch.testing.assert_close(ours["blocks.0.widen.weight"], theirs["blocks.0.widen.weight"])
    torch.testing.assert_close(ours["attributes.weight"][:, :3], theirs["attributes.weight"][:, :3])
    assert taught.attribute_names[3] == "genre=new"
    assert not torch.allclose(ours["attributes.weight"][:, 3], theirs["attributes.weight"][:, 3], atol=1e-3)
    assert ours["identity.weight"].shape == (61, 16)
    with pytest.raises(ValueError, match="the same dim"):
        TransformerRecommender(RecommenderConfig(dim=32)).fit(split, (), items=items, start=teacher)


def test_content_popularity_is_a_ridge_regression_of_log_counts():
    items = pd.DataFrame({"item_id": range(30), "genre": ["hit"] * 15 + ["miss"] * 15})
    counts = np.r_[np.full(12, 9), np.zeros(3, int), np.full(12, 2), np.zeros(3, int)]
    events = pd.DataFrame({"user_id": np.arange(counts.sum()), "item_id": np.repeat(np.arange(30), counts)})
    model = ContentPopularity(("genre",), penalty=1e-6).fit(events, items)
    np.testing.assert_array_equal(model.counts[counts > 0], counts[counts > 0])
    np.testing.assert_allclose(model.counts[12:15], 9, rtol=1e-3)
    np.testing.assert_allclose(model.counts[27:], 2, rtol=1e-3)
    strict = ContentPopularity(("genre",), penalty=1e6).fit(events, items)
    np.testing.assert_allclose(strict.counts[[12, 27]], np.expm1(np.log1p([9, 2]).mean()), rtol=1e-3)
    with pytest.raises(ValueError, match="name attributes"):
        ContentPopularity()


def test_attributes_read_one_or_many_values():
    items = pd.DataFrame({"item_id": range(4), "genre": ["a|b", None, "b", ["c", "a"]], "year": [1990, 1990, None, 7]})
    matrix, names = attribute_matrix(RecommenderConfig(attributes=("genre", "year")), items)
    assert names == ("genre=a", "genre=b", "genre=c", "year=1990.0", "year=7.0")
    np.testing.assert_allclose(matrix[1], np.array([1, 1, 0, 1, 0]) / np.sqrt(3), rtol=1e-6)
    np.testing.assert_allclose(matrix[[0, 2]], [[0] * 5, [0, 0, 0, 1, 0]])
    for frame, says in ((None, "no items table"), (items, "lack \\['maker'\\]")):
        with pytest.raises(ValueError, match=says):
            attribute_matrix(RecommenderConfig(attributes=("maker",)), frame)


def test_a_target_that_cannot_be_found_is_refused(cold):
    split, ids, items = cold
    model = ContentPopularity(("genre",)).fit(split, items)
    with pytest.raises(ValueError, match="could never be found"):
        evaluate(model, split, among=ids[:-1] if split.test["item_id"].eq(ids[-1]).any() else ids[:3])
    with pytest.raises(ValueError, match="'ghost' is not in the catalogue"):
        evaluate(model, split, among=["ghost"])
    assert evaluate(model, split, among=ids)["items"].eq(len(ids)).all()


def test_a_plain_table_of_events_is_no_table_of_items():
    """A frame has a method `items`, which is none."""
    events = pd.DataFrame({"user_id": [0, 0], "item_id": [0, 1]})
    with pytest.raises(ValueError, match="no items table"):
        ContentPopularity(("genre",)).fit(events)
