"""What is shown, against loops over users."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.data.building.splits import split_leave_one_out
from causalrec_lab.data.quality.exposure import gini
from causalrec_lab.recommender import ItemKNN, Popularity, shown_metrics


def world(n_users=80, n_items=25, seed=0):
    rng = np.random.default_rng(seed)
    chance = 1.0 / np.arange(1, n_items + 1)
    items = [rng.choice(n_items, size=6, replace=False, p=chance / chance.sum()) for _ in range(n_users)]
    events = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(n_users), 6),
            "item_id": np.concatenate(items),
            "timestamp": np.tile(np.arange(6), n_users),
        }
    )
    return events, split_leave_one_out(events), pd.DataFrame({"item_id": range(n_items)})


def test_every_figure_equals_a_loop_over_users():
    events, split, items = world()
    model = ItemKNN().fit(split, items=items)
    categories = pd.Series(np.arange(25) % 3, index=range(25)).map({0: "a", 1: "b", 2: None})
    table = shown_metrics(model, split, k=4, categories=categories)["value"]
    popularity = split.train["item_id"].value_counts().reindex(range(25), fill_value=0)
    lifts, novelties, apart, times = [], [], [], np.zeros(25)
    for user in range(80):
        seen = events.query("user_id == @user and timestamp < 5")["item_id"]
        scores = model.score_histories(model.read(events[events["user_id"].eq(user) & (events["timestamp"] < 5)]))[0]
        scores[seen] = -np.inf
        shown = np.argpartition(-scores, 3)[:4]
        times[shown] += 1
        lifts.append(popularity[shown].mean() / popularity[seen].mean() - 1)
        novelties.append(-np.log2(popularity[shown].clip(lower=1) / popularity.sum()).mean())
        h = categories[seen].value_counts(normalize=True).reindex(["a", "b"], fill_value=0)
        s = categories[shown].value_counts(normalize=True).reindex(["a", "b"], fill_value=0)
        if categories[seen].notna().any() and categories[shown].notna().any():
            apart.append(sum(h[c] * np.log(h[c] / (0.99 * s[c] + 0.01 * h[c])) for c in "ab" if h[c] > 0))
    assert table["popularity lift"] == pytest.approx(np.mean(lifts))
    assert table["novelty"] == pytest.approx(np.mean(novelties))
    assert table["miscalibration"] == pytest.approx(np.mean(apart))
    assert table["Gini"] == pytest.approx(gini(times))
    assert table["coverage"] == pytest.approx((times > 0).mean())


def test_no_model_lifts_popularity_more_than_popularity_itself():
    _, split, items = world(n_users=300)
    popular = shown_metrics(Popularity().fit(split, items=items), split, k=4)["value"]
    personal = shown_metrics(ItemKNN().fit(split, items=items), split, k=4)["value"]
    assert popular["popularity lift"] > personal["popularity lift"]
    assert popular["Gini"] > personal["Gini"]


def test_wrong_input_is_named():
    _, split, items = world()
    model = Popularity().fit(split, items=items)
    with pytest.raises(ValueError, match="k=26"):
        shown_metrics(model, split, k=26)
    with pytest.raises(ValueError, match="no item of the catalogue has a category"):
        shown_metrics(model, split, categories=pd.Series(["a"], index=["none"]))
    with pytest.raises(ValueError, match="item 0 has more than one category"):
        shown_metrics(model, split, categories=pd.Series(["a", "b"], index=[0, 0]))
