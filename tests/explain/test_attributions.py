"""Attributions against enumeration, closed forms, the network's own arithmetic and the model scored again."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from causalrec_lab.explain import attribute
from causalrec_lab.explain.attributions import (
    attention_rollout,
    attention_weights,
    history_attributions,
    history_methods,
    interventional_value,
    shap_attributions,
    shapley_values,
    text_attributions,
    tower_words,
)
from causalrec_lab.recommender import Popularity, RecommenderConfig, TextClassifier, TransformerRecommender
from causalrec_lab.world import Platform


def table(n=60, d=5, seed=0):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n, d)) @ (np.eye(d) + 0.6 * np.eye(d, k=1))
    return pd.DataFrame(mixed, columns=[f"x{j}" for j in range(d)])


def outcome(frame):
    return frame["x0"] * frame["x1"] - np.maximum(frame["x2"], 0) + 0.3 * frame["x3"]


def test_shapley_values_are_the_mean_over_orders():
    rng = np.random.default_rng(1)
    worth = {frozenset(np.flatnonzero(m)): rng.normal() for m in (np.arange(16)[:, None] >> np.arange(4)) & 1}
    found, empty = shapley_values(lambda mask: np.array([worth[frozenset(np.flatnonzero(mask))]]), 4)
    expected = np.zeros(4)
    for order in permutations(range(4)):
        for place, player in enumerate(order):
            expected[player] += (worth[frozenset(order[: place + 1])] - worth[frozenset(order[:place])]) / 24
    np.testing.assert_allclose(found[0], expected, atol=1e-12)
    assert empty[0] == worth[frozenset()]
    with pytest.raises(ValueError, match="13 features"):
        shapley_values(lambda mask: mask, 13)


def of_trees():
    x = table(200)
    y = outcome(x)
    return [
        (DecisionTreeRegressor(max_depth=5, random_state=0).fit(x, y), lambda m, z: m.predict(z)),
        (RandomForestClassifier(8, max_depth=4, random_state=0).fit(x, y > 0), lambda m, z: m.predict_proba(z)[:, 1]),
        (
            GradientBoostingClassifier(n_estimators=12, random_state=0).fit(x, y > 0),
            lambda m, z: m.decision_function(z),
        ),
        (LinearRegression().fit(x, y), lambda m, z: m.predict(z)),
        (LogisticRegression().fit(x, y > 0), lambda m, z: m.decision_function(z)),
    ]


@pytest.mark.parametrize("which", range(5))
def test_interventional_shap_is_enumeration_over_all_coalitions(which):
    model, output = of_trees()[which]
    rows, background = table(7, seed=2), table(30, seed=3)
    found = shap_attributions(model, rows, background=background, resamples=20)

    def function(z):
        return output(model, pd.DataFrame(z, columns=rows.columns))

    value = interventional_value(function, rows.to_numpy(), background.to_numpy())
    expected, baseline = shapley_values(value, 5)
    np.testing.assert_allclose(found.by_row, expected, atol=1e-6)
    assert found.baseline == pytest.approx(baseline.mean(), abs=1e-6)
    assert abs(found.gap) < 1e-6
    assert found.output == pytest.approx(output(model, rows).mean(), abs=1e-9)
    assert not any(note.startswith("warning") for note in found.notes)


def test_path_dependent_shap_follows_the_training_rows_of_each_leaf():
    x = table(200, 4, seed=5)
    model = DecisionTreeRegressor(max_depth=5, random_state=0).fit(x, outcome(x))
    rows = table(6, 4, seed=6)
    tree = model.tree_

    def expected_at(node, row, mask):
        left, right, feature = tree.children_left[node], tree.children_right[node], tree.feature[node]
        if left < 0:
            return tree.value[node].item()
        if mask[feature]:
            return expected_at(left if np.float32(row[feature]) <= tree.threshold[node] else right, row, mask)
        weights = tree.weighted_n_node_samples[[left, right]]
        return float(weights @ [expected_at(left, row, mask), expected_at(right, row, mask)] / weights.sum())

    expected, _ = shapley_values(lambda mask: np.array([expected_at(0, row, mask) for row in rows.to_numpy()]), 4)
    found = shap_attributions(model, rows, kind="conditional", resamples=20)
    np.testing.assert_allclose(found.by_row, expected, atol=1e-9)


def test_a_feature_the_model_does_not_use_has_credit_only_conditionally():
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=4000), columns=["used", "beside"])
    model = LinearRegression().fit(x, x["used"])
    alone, told = (shap_attributions(model, x, kind=kind, resamples=20) for kind in ("interventional", "conditional"))
    np.testing.assert_allclose(alone.by_row[:, 1], 0, atol=1e-9)
    mean, covariance = x.mean().to_numpy(), np.cov(x.to_numpy(), rowvar=False)
    slope = covariance[0, 1] / covariance[1, 1]
    half = 0.5 * slope * (x["beside"] - mean[1])  # v({2}) - v({}) is all it adds, in one of two orders
    np.testing.assert_allclose(told.by_row[:, 1], half, atol=1e-8)
    assert abs(told.gap) < 1e-8


def test_the_table_has_the_slope_of_a_linear_model_and_an_interval_around_it():
    x = table(400)
    model = LinearRegression().fit(x, 2 * x["x0"] - x["x1"])
    found = shap_attributions(model, x)
    by_name = found.table.set_index("feature")
    expected = model.coef_ * x.std(ddof=0)
    np.testing.assert_allclose(by_name["attribution"][x.columns], expected, atol=1e-9)
    assert (by_name["low"] <= by_name["attribution"]).all()
    assert (by_name["attribution"] <= by_name["high"]).all()
    assert by_name["importance"].is_monotonic_decreasing
    assert by_name.loc["x1", "high"] < 0


def test_values_that_miss_completeness_are_warned_of():
    """Training rows on the very thresholds of the splits, which shap rounds to single precision."""
    x = table(400, 4)
    model = HistGradientBoostingRegressor(max_iter=20).fit(x, outcome(x))
    on_splits = shap_attributions(model, x, resamples=5)
    assert abs(on_splits.gap) > 0.01
    assert any(note.startswith("warning: the values miss completeness") for note in on_splits.notes)
    assert not any(note.startswith("warning") for note in shap_attributions(model, x + 1e-3, resamples=5).notes)


def test_models_and_tables_that_cannot_be_explained_are_named():
    x = table(20)
    with pytest.raises(TypeError, match="KNeighborsRegressor is neither linear"):
        attribute(KNeighborsRegressor().fit(x, outcome(x)), x)
    with pytest.raises(ValueError, match="5 missing values"):
        attribute(LinearRegression().fit(x, outcome(x)), x.mask(np.eye(20, 5) == 1))
    with pytest.raises(ValueError, match="'causal' is unknown"):
        attribute(LinearRegression().fit(x, outcome(x)), x, method="causal")
    with pytest.raises(ValueError, match="tells 3 classes apart"):
        attribute(LogisticRegression().fit(x, np.arange(20) % 3), x)
    with pytest.raises(TypeError, match="reads a table"):
        attribute(LinearRegression().fit(x, outcome(x)), "a text")
    with pytest.raises(ValueError, match="leave item out"):
        attribute(LinearRegression().fit(x, outcome(x)), x, item=3)


@pytest.fixture(scope="module", params=["causal", "bidirectional"])
def model(request):
    events = Platform.make(seed=3, n_users=60, n_items=40).log(4_000, 0).decisions
    shown = events[events["treated"] == 1]
    outcome = "click" if request.param == "causal" else None
    config = RecommenderConfig(
        length=14, dim=16, epochs=4, tokens=1_000, learning_rate=1e-2, outcome=outcome, gaps=True, precision="fp32",
        direction=request.param,
    )  # fmt: skip
    return TransformerRecommender(config).fit(shown, callbacks=())


def test_attention_weights_are_those_of_the_network(model):
    import torch

    history = model.histories.take(pd.Index([3]))
    seen = []
    hooks = [
        b.register_forward_pre_hook(lambda block, given: seen.append((block, given))) for b in model.network.blocks
    ]
    weights, items = attention_weights(model, history)
    for hook in hooks:
        hook.remove()
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    if model.config.direction == "causal":
        assert np.triu(weights, 1).max() == 0
    met = items[items > 0]
    np.testing.assert_array_equal(met, history.items[-len(met) :])
    for own, (block, (x, rotation, visible, *_)) in zip(weights, seen, strict=True):
        normed = block.before_attention(x)
        value = block.query_key_value(normed).split((2 * x.shape[2], x.shape[2]), dim=-1)[1]
        by_head = value.view(x.shape[1], block.heads, -1).transpose(0, 1)
        mixed = (torch.tensor(own, dtype=torch.float32) @ by_head).transpose(0, 1).reshape(1, x.shape[1], -1)
        torch.testing.assert_close(block.mix(mixed), block._attend(normed, rotation, visible), atol=1e-5, rtol=1e-4)


def test_rollout_of_one_and_of_two_blocks():
    first, second = (np.random.default_rng(s).dirichlet(np.ones(4), size=(1, 4)) for s in (0, 1))
    np.testing.assert_allclose(attention_rollout(first[None])[-1], 0.5 * first[0, -1] + 0.5 * np.eye(4)[-1])
    both = attention_rollout(np.stack([first, second]))
    np.testing.assert_allclose(both, 0.25 * (second[0] + np.eye(4)) @ (first[0] + np.eye(4)))
    np.testing.assert_allclose(both.sum(axis=1), 1)


def test_leaving_an_event_out_is_scored_by_the_model(model):
    events = model.histories.take(pd.Index([3]))
    found = history_attributions(model, 3, 7, method="deletion")
    column = model.catalogue.get_loc(7)
    whole = model.score([3])[0, column]
    assert found.output == pytest.approx(whole, abs=1e-5)
    assert len(found.table) < len(events.items)  # only what stands in the window
    last = history_methods(model, 3, 7)
    assert list(last.columns) == ["item_id", "integrated_gradients", "deletion", "attention"]
    assert last["item_id"].tolist() == model.catalogue[events.items[-len(last) :] - 1].tolist()
    gradients = history_attributions(model, 3, 7)
    assert abs(gradients.gap) < 1e-3
    assert gradients.output == pytest.approx(whole, abs=1e-3)


def test_attention_is_the_same_for_every_item_and_says_so(model):
    one, other = (attribute(model, 3, item=item, method="attention") for item in (7, 8))
    pd.testing.assert_frame_equal(one.table, other.table)
    assert (one.table["attribution"] >= 0).all()
    assert "the same for item 7 as for every other" in one.notes[0]
    assert not one.adds_up
    assert np.isnan(one.gap)


def test_recommenders_of_other_kinds_are_explained_by_leaving_out():
    events = Platform.make(seed=3, n_users=30, n_items=20).log(1_000, 0).decisions
    popular = Popularity().fit(events)
    assert (attribute(popular, 3, item=7).table["attribution"] == 0).all()  # reads no history
    with pytest.raises(ValueError, match="by item="):
        attribute(popular, 3)
    with pytest.raises(ValueError, match="'rollout' is unknown"):
        attribute(popular, 3, item=7, method="rollout")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CAUSALREC_CACHE", str(tmp_path))


def test_words_of_a_classifier(cache):
    texts = ["good red shoes", "awful red shoes", "good blue hat", "awful blue hat"] * 8
    classifier = TextClassifier("frozen", precision="fp32").fit(texts, [1, 0, 1, 0] * 8)
    found = attribute(classifier, "good hat")
    words = found.table.set_index("feature")["attribution"]
    assert words["good"] > abs(words["hat"])
    assert found.adds_up
    assert found.output - found.baseline == pytest.approx(words.sum(), abs=0.02 * abs(found.output - found.baseline))
    left_out = text_attributions(classifier, "good hat", method="occlusion")
    assert not left_out.adds_up
    assert np.isnan(left_out.gap)


def test_words_of_the_tower_are_what_the_encoder_reads_without_them(cache):
    platform = Platform.make(seed=3, n_users=40, n_items=20)
    events = platform.log(1_500, 0).decisions
    shown = events[events["treated"] == 1]
    config = RecommenderConfig(length=12, dim=16, epochs=2, tokens=1_000, text="auto", precision="fp32")
    tower = TransformerRecommender(config).fit(shown, callbacks=(), items=platform.items)
    history = tower.histories.take(pd.Index([5])).items
    met, item = int(tower.catalogue[history[-1] - 1]), 4 if history[-1] != 5 else 6
    found = tower_words(tower, 5, item, met, platform.items)
    text = platform.items["text"].iloc[met]
    first = found.table["feature"].iloc[0]
    assert found.table["feature"].tolist() == [w for w in found.table["feature"] if w in text]
    assert found.output == pytest.approx(tower.score([5])[0, item], abs=1e-4)
    # the same by hand: the whole tower with that one text changed, on the corpus' scale
    from causalrec_lab.recommender.text.encoder import TextEncoder

    corpus = platform.items["text"].tolist()
    encoder = TextEncoder.load("auto", corpus=corpus, seed=config.seed)
    known = encoder.embed(corpus)
    less = encoder.embed([text.replace(first, "", 1)])[0]
    centred = (less - known.mean(axis=0)) / np.sqrt(known.var(axis=0).mean())
    import torch

    tower._content.text[met + 1] = torch.from_numpy(centred)
    assert found.output - tower.score([5])[0, item] == pytest.approx(found.table["attribution"].iloc[0], abs=1e-4)
    with pytest.raises(ValueError, match="reads no item"):
        tower_words(tower, 5, item, next(i for i in range(20) if i + 1 not in history), platform.items)
    with pytest.raises(ValueError, match="not the table"):
        tower_words(tower, 5, item, met, platform.items.iloc[::-1])


def test_attributions_show_themselves(model):
    from matplotlib import pyplot as plt

    found = history_attributions(model, 3, 7)
    assert "unexplained" in found._repr_html_()
    assert found._repr_html_() == history_attributions(model, 3, 7)._repr_html_()
    ax = found.plot(most=5)
    assert len(ax.get_yticks()) == 5
    plt.close(ax.figure)
