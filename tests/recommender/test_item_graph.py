"""The item graph: who is like whom and through what, and what its neighbours lend an item nobody has met."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.data.building.splits import split_leave_one_out
from causalrec_lab.recommender import (
    GraphNeighbours,
    ItemGraph,
    RecommenderConfig,
    TransformerRecommender,
    evaluate,
    split_cold_items,
)

FILMS = pd.DataFrame(
    {
        "item_id": ["heat", "casino", "airplane", "alien", "blank"],
        "genre": ["crime|drama", ["crime", "drama"], "comedy", "horror|drama", None],
        "year": [1995, 1995, 1980, 1979, None],
    }
)


def test_similarity_is_the_angle_between_weighted_attributes():
    graph = ItemGraph.of(FILMS, ("genre", "year"))
    held = [{"crime", "drama", 1995}, {"crime", "drama", 1995}, {"comedy", 1980}, {"horror", "drama", 1979}, set()]
    weight = {name: np.log(5 / sum(name in h for h in held)) for h in held for name in h}
    rows = [{name: weight[name] for name in h} for h in held]
    similar = graph.similarity()
    for i in range(5):
        for j in range(5):
            dot = sum(rows[i][name] * rows[j].get(name, 0.0) for name in rows[i])
            norms = np.sqrt(sum(w**2 for w in rows[i].values()) * sum(w**2 for w in rows[j].values()))
            assert similar[i, j] == pytest.approx(0.0 if i == j or norms == 0 else dot / norms)
    assert similar[0, 1] == pytest.approx(1.0)
    assert len(graph.edges) == 3 + 3 + 2 + 3


def test_neighbours_tell_the_path():
    near = ItemGraph.of(FILMS, ("genre", "year")).neighbours("heat", k=4)
    assert near["item_id"].tolist() == ["casino", "alien"]  # the others share nothing
    assert near["through"].tolist() == [["genre=crime", "genre=drama", "year=1995.0"], ["genre=drama"]]
    with pytest.raises(KeyError, match="'ran' is not in the graph of 5 items"):
        ItemGraph.of(FILMS, ("genre",)).neighbours("ran")


def test_spread_is_the_weighted_mean_of_the_nearest_known():
    graph = ItemGraph.of(FILMS, ("genre", "year"))
    values, known = np.array([1.0, 99.0, 3.0, 5.0, 99.0]), np.array([True, False, True, True, False])
    s = graph.similarity()[1]
    spread = graph.spread(values, known, k=2)
    np.testing.assert_allclose(spread[known], values[known])
    assert spread[1] == pytest.approx((s[0] * 1 + s[3] * 5) / (s[0] + s[3]))
    assert spread[4] == pytest.approx(3.0)  # no link: the mean of all known
    assert graph.spread(values, known, k=1)[1] == pytest.approx(1.0)
    np.testing.assert_allclose(graph.spread(np.c_[values, -values], known, k=2)[:, 1], -spread)
    for broken in (values[:3], values):
        with pytest.raises(ValueError, match="some of them known"):
            graph.spread(broken, np.zeros(5, bool))


def test_columns_that_are_not_there_are_named():
    with pytest.raises(ValueError, match=r"the items lack \['maker'\]"):
        ItemGraph.of(FILMS, ("maker",))
    with pytest.raises(ValueError, match="no item has any"):
        ItemGraph.of(FILMS.assign(genre=None), ("genre",))
    with pytest.raises(ValueError, match="no items table"):
        GraphNeighbours(("genre",)).fit(pd.DataFrame({"user_id": [0], "item_id": ["heat"]}))
    with pytest.raises(ValueError, match="give a number >= 0"):
        RecommenderConfig(neighbours=5)


@pytest.fixture(scope="module")
def cold():
    """Users who like one of four genres, items that have one each, a fifth of them cold."""
    rng = np.random.default_rng(0)
    genre = np.arange(60) % 4
    liked = [rng.choice(np.flatnonzero(genre == user % 4), 9, replace=False) for user in range(300)]
    events = pd.DataFrame({"user_id": np.repeat(np.arange(300), 9), "item_id": np.concatenate(liked)})
    events["timestamp"] = np.tile(np.arange(9), 300)
    items = pd.DataFrame({"item_id": np.arange(60), "genre": [f"g{g}" for g in genre]})
    split, ids = split_cold_items(split_leave_one_out(events), 0.2, seed=1)
    return split, ids, items


def test_graph_neighbours_find_cold_items(cold):
    split, ids, items = cold
    k = int(pd.Series(ids % 4).value_counts().max())  # items of one genre tie: all of them must fit into the list
    found = evaluate(GraphNeighbours(("genre",)).fit(split, items), split, k=(k,), among=ids)
    assert found["value"][f"HR@{k}"] == 1.0


def test_an_item_never_met_takes_what_its_neighbours_lend(cold):
    split, ids, items = cold
    config = RecommenderConfig(
        length=10, dim=16, blocks=1, epochs=1, tokens=800, attributes=("genre",), neighbours=4, precision="fp32"
    )
    model = TransformerRecommender(config).fit(split, (), items=items)
    identity = model.network.identity.weight.detach().numpy()[1:]
    strange = ~np.isin(items["item_id"], np.unique(split.train["item_id"]))
    assert strange[ids].all()
    lent = ItemGraph.of(items, ("genre",)).spread(identity, ~strange, 4)
    np.testing.assert_allclose(identity[strange], lent[strange], rtol=1e-5, atol=1e-7)
    assert np.abs(identity[strange]).min() > 0
    alone = TransformerRecommender(RecommenderConfig(**config.to_dict() | {"neighbours": 0})).fit(
        split, (), items=items
    )
    assert (alone.network.identity.weight.detach().numpy()[1:][strange] == 0).all()


def test_a_large_graph_spreads_a_few_items_at_a_time(monkeypatch):
    graph, values, known = ItemGraph.of(FILMS, ("genre", "year")), np.arange(5.0), np.array([1, 0, 1, 0, 0], bool)
    whole = graph.spread(values, known, k=2)
    monkeypatch.setattr("causalrec_lab.recommender.catalogue.item_graph.CELLS", 5)
    monkeypatch.setattr(ItemGraph, "similarity", None)
    np.testing.assert_allclose(graph.spread(values, known, k=2), whole)
