"""The recommender learns what is there to learn, resumes exactly, and keeps nothing in pickles."""

import numpy as np
import pandas as pd
import pytest
import torch

from causalrec_lab.data.building.splits import split_leave_one_out
from causalrec_lab.recommender import Popularity, RecommenderConfig, TransformerRecommender, evaluate
from causalrec_lab.recommender.sequence.network import NetworkShape, SequenceNetwork, causal_attention
from causalrec_lab.recommender.sequence.training import TrainingDiverged

SMALL = {"length": 12, "dim": 16, "blocks": 1, "heads": 2, "dropout": 0.0, "tokens": 600, "precision": "fp32"}


def walkers(n_users=120, n_items=20, length=10, seed=0):
    """Each user walks the ring of items by a step of their own, 1 or 3: only order tells which."""
    rng = np.random.default_rng(seed)
    step = rng.choice([1, 3], n_users)
    start = rng.integers(n_items, size=n_users)
    items = (start[:, None] + step[:, None] * np.arange(length)) % n_items
    return pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(n_users), length),
            "item_id": items.ravel(),
            "timestamp": np.tile(np.arange(length), n_users),
        }
    )


@pytest.fixture(scope="module")
def fitted():
    split = split_leave_one_out(walkers())
    return TransformerRecommender(RecommenderConfig(**SMALL, epochs=25, learning_rate=1e-2)).fit(split, ()), split


def test_it_learns_an_order_that_popularity_cannot(fitted):
    model, split = fitted
    ours = evaluate(model, split, filter_seen=False)
    theirs = evaluate(Popularity().fit(split), split, filter_seen=False)
    assert ours["value"]["HR@5"] > 0.95
    assert ours["low"]["HR@5"] > theirs["high"]["HR@5"]


def test_the_past_never_sees_the_future():
    network = SequenceNetwork(NetworkShape(n_items=9, length=8, dim=8, dropout=0.0)).eval()
    items = torch.tensor([[0, 1, 2, 3, 4], [0, 1, 2, 8, 9]])
    with torch.no_grad():
        states = network(items, network.item_vectors())
    torch.testing.assert_close(states[0, :3], states[1, :3])
    assert not torch.allclose(states[0, 3], states[1, 3])


def test_scoring_computes_the_state_that_training_does():
    network = SequenceNetwork(NetworkShape(n_items=9, length=8, dim=8, dropout=0.0)).eval()
    items, ends = torch.tensor([[0, 1, 2, 3, 4], [0, 7, 2, 0, 0]]), torch.tensor([4, 2])
    with torch.no_grad():
        whole = network(items, network.item_vectors())
        torch.testing.assert_close(network(items, network.item_vectors(), ends=ends), whole[[0, 1], ends])


@pytest.mark.parametrize("length", [1, 64, 65, 200])
def test_attention_in_tiles_is_attention(length):
    query, key, value = torch.randn(3, 2, 2, length, 8, generator=torch.Generator().manual_seed(0)).unbind(0)
    whole = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    torch.testing.assert_close(causal_attention(query, key, value), whole)


def test_padding_changes_nothing(fitted):
    model, _ = fitted
    alone = model.score([3])
    together = model.score([3, 99])
    np.testing.assert_allclose(alone[0], together[0], atol=1e-5)
    longer = model.histories.take(pd.Index([3, 4]))
    shorter = type(longer)(longer.users, longer.items[:-5], np.array([0, 8, 11]))
    np.testing.assert_allclose(model.score_histories(shorter)[0], alone[0], atol=1e-4)


def test_a_killed_run_goes_on_with_the_same_numbers(tmp_path):
    table = walkers(40)
    config = RecommenderConfig(**{**SMALL, "dropout": 0.3}, epochs=4)
    whole = TransformerRecommender(config).fit(table, ())

    def kill(report):
        if report.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TransformerRecommender(config).fit(table, [kill], checkpoint=tmp_path)
    seen = []
    resumed = TransformerRecommender(config).fit(table, [lambda report: seen.append(report.epoch)], checkpoint=tmp_path)
    assert seen == [3, 4]  # two epochs were whole when it died
    pd.testing.assert_frame_equal(resumed.history, whole.history)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_a_checkpoint_of_another_catalogue_is_refused(tmp_path):
    config = RecommenderConfig(**SMALL, epochs=1)
    TransformerRecommender(config).fit(walkers(10), (), checkpoint=tmp_path)
    with pytest.raises(ValueError, match="another catalogue"):
        TransformerRecommender(config).fit(walkers(10, n_items=30), (), checkpoint=tmp_path)


def test_a_catalogue_of_the_same_size_is_another(tmp_path):
    config = RecommenderConfig(**SMALL, epochs=1)
    TransformerRecommender(config).fit(walkers(10), (), checkpoint=tmp_path)
    renamed = walkers(10).assign(item_id=lambda t: "item " + t["item_id"].astype(str).str.zfill(2))
    with pytest.raises(ValueError, match="another catalogue"):
        TransformerRecommender(config).fit(renamed, (), checkpoint=tmp_path)


def test_a_broken_file_is_named(fitted, tmp_path):
    fitted[0].save(tmp_path)
    for name in ("checkpoint", "model"):
        (tmp_path / f"{name}.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match=r"model\.safetensors is missing or broken"):
        TransformerRecommender.load(tmp_path)
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors is missing or broken .* begin anew"):
        TransformerRecommender(RecommenderConfig(**SMALL, epochs=1)).fit(walkers(10), (), checkpoint=tmp_path)


def test_a_gradient_that_is_no_number_spoils_nothing(tmp_path):
    config = RecommenderConfig(**SMALL, epochs=3)
    model = TransformerRecommender(config)

    def spoil(report):
        if report.epoch == 2:
            model.network.identity.weight.register_hook(lambda gradient: gradient * float("inf"))

    with pytest.raises(TrainingDiverged, match=r"gradient's length is .* in epoch 3, step 1, batch 1"):
        model.fit(walkers(20), [spoil], checkpoint=tmp_path)
    assert all(torch.isfinite(p).all() for p in model.network.parameters())
    epochs = []
    again = TransformerRecommender(config).fit(walkers(20), [lambda r: epochs.append(r.epoch)], checkpoint=tmp_path)
    assert epochs == [3]
    assert np.isfinite(again.score([0])).all()


def test_saved_and_loaded_it_says_the_same(fitted, tmp_path):
    model, _ = fitted
    model.save(tmp_path)
    again = TransformerRecommender.load(tmp_path)
    np.testing.assert_array_equal(again.score([0, 5, 77]), model.score([0, 5, 77]))
    pd.testing.assert_frame_equal(again.recommend([0, 5], 3), model.recommend([0, 5], 3))
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_recommend_leaves_out_what_was_met(fitted):
    model, split = fitted
    top = model.recommend([0, 1, 2], 6)
    met = split.train.groupby("user_id")["item_id"].agg(set)
    assert len(top) == 18
    assert not any(row.item_id in met[row.user_id] for row in top.itertuples())
    assert top.groupby("user_id")["score"].apply(lambda s: s.is_monotonic_decreasing).all()


def test_propensities_are_what_comes_next():
    """Everybody meets item 0, then 1 three times in four, else 2."""
    rows = [(u, i, t) for u in range(80) for t, i in enumerate([0, 2 if u % 4 == 0 else 1])]
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    config = RecommenderConfig(**{**SMALL, "tokens": 2_000}, epochs=150, learning_rate=1e-2)  # one batch an epoch
    model = TransformerRecommender(config).fit(table, ())
    begun = model.read(pd.DataFrame({"user_id": [0], "item_id": [0]}))
    model._histories = begun
    chance = model.propensity([0])[0]
    assert chance.sum() == pytest.approx(1, abs=1e-5)
    assert chance[1] == pytest.approx(0.75, abs=0.05)


def test_a_user_never_met_gets_a_recommendation(fitted):
    model, _ = fitted
    assert len(model.recommend(["nobody"], 4)) == 4


def test_both_heads_learn_their_own_question():
    """Everybody is shown everything; even users take items below 10: interest and behaviour follow."""
    rng = np.random.default_rng(1)
    users, items = np.repeat(np.arange(60), 30), rng.integers(20, size=1800)
    bought = ((items < 10) == (users % 2 == 0)).astype(int)
    shown = pd.DataFrame(
        {"user_id": users, "item_id": items, "timestamp": np.tile(np.arange(30), 60), "bought": bought}
    )
    config = RecommenderConfig(
        **{**SMALL, "length": 30, "tokens": 200}, outcome="bought", epochs=20, learning_rate=1e-2
    )
    model = TransformerRecommender(config).fit(shown, ())
    chance = model.score([0, 1], head="behaviour")
    low = np.asarray(model.catalogue) < 10
    assert chance[0, low].min() > 0.7 > 0.3 > chance[0, ~low].max()
    assert chance[1, ~low].min() > 0.7 > 0.3 > chance[1, low].max()
    assert set(model.recommend([0], 5, filter_seen=False)["item_id"]) <= set(range(10))


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.recommend([0], 3),
        lambda model: model.score([0]),
        lambda model: model.read(walkers(5)),
        lambda model: model.embed_users([0]),
        lambda model: model.embed_items(),
        lambda model: model.save("unused"),
    ],
)
def test_before_fit_it_says_so(ask):
    with pytest.raises(ValueError, match=r"TransformerRecommender was not fitted; call fit\(events\) first"):
        ask(TransformerRecommender(RecommenderConfig(**SMALL)))


def test_behaviour_needs_an_outcome(fitted):
    with pytest.raises(ValueError, match="outcome=column"):
        fitted[0].score([0], head="behaviour")


def test_text_speaks_for_an_item_never_met(tmp_path, monkeypatch):
    """Half the users take woollen things, half silken ones; a woollen newcomer belongs to the first."""
    monkeypatch.setenv("CAUSALREC_CACHE", str(tmp_path))
    names = [f"warm woollen {w}" for w in ("coat", "scarf", "glove", "cap", "sock", "vest")]
    names += [f"light silken {w}" for w in ("coat", "scarf", "glove", "cap", "sock", "vest")]
    items = pd.DataFrame({"item_id": range(12), "text": names})
    rng = np.random.default_rng(0)
    rows = [(u, (u % 2) * 6 + i, t) for u in range(60) for t, i in enumerate(rng.permutation(5))]
    events = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    config = RecommenderConfig(**SMALL, text="auto", epochs=15, learning_rate=5e-3)
    model = TransformerRecommender(config).fit(events, (), items=items)
    woollen, silken = model.score([0, 1])
    assert woollen[5] > woollen[11]
    assert silken[11] > silken[5]
    assert "MiniLM" in model.encoder_name


def test_a_loss_that_is_no_number_stops_and_says_where(tmp_path, monkeypatch):
    table = walkers(20).assign(weight=1.0)
    config = RecommenderConfig(**SMALL, weight="weight", epochs=2, learning_rate=1e-3)
    lost = lambda self, batch: self.network.identity.weight.sum() * float("nan")  # noqa: E731
    monkeypatch.setattr("causalrec_lab.recommender.sequence.objective.Objective.__call__", lost)
    with pytest.raises(TrainingDiverged, match="the loss is nan in epoch 1, step 1, batch 1"):
        TransformerRecommender(config).fit(table, (), checkpoint=tmp_path)


def test_early_stopping_keeps_the_best():
    split = split_leave_one_out(walkers(60))
    config = RecommenderConfig(**SMALL, epochs=30, learning_rate=3e-2, patience=2)
    model = TransformerRecommender(config).fit(split, ())
    best = model.history["validation"].max()
    now = evaluate(model, split, k=(10,), part="validation")["value"]["NDCG@10"]
    assert now == pytest.approx(best, abs=1e-6)


def test_weights_move_the_loss():
    """Two endings of the same story: weights decide which is believed."""
    rows = [
        (u, i, t, 1.0 if (t < 2 or (i == 3)) else 0.01)
        for u in range(60)
        for t, i in enumerate([1, 2, 3 if u % 2 else 4])
    ]
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp", "w"])
    prefix = pd.DataFrame({"user_id": [0, 0], "item_id": [1, 2], "timestamp": [0, 1]})
    gaps = {}
    for weight in (None, "w"):
        model = TransformerRecommender(RecommenderConfig(**SMALL, weight=weight, epochs=120, learning_rate=2e-2)).fit(
            table, ()
        )
        scores = model.score_histories(model.read(prefix))[0]
        gaps[weight] = scores[2] - scores[3]
    assert abs(gaps[None]) < 0.3
    assert gaps["w"] == pytest.approx(np.log(100), rel=0.25)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"dim": 10, "heads": 4}, "multiple"), ({"epochs": 0}, "epochs=0"), ({"dropout": 1.5}, r"share in \[0, 1\)")],
)
def test_sizes_that_fit_nothing(change, says):
    with pytest.raises(ValueError, match=says):
        RecommenderConfig(**change)


def test_unknown_setting_offers_the_nearest():
    with pytest.raises(ValueError, match="epochs"):
        RecommenderConfig.from_dict({"epoch": 3})


def test_an_item_outside_the_catalogue_is_named():
    items = pd.DataFrame({"item_id": range(5)})
    with pytest.raises(ValueError, match="'item_id' has"):
        TransformerRecommender(RecommenderConfig(**SMALL)).fit(walkers(5), (), items=items)


def test_early_stopping_of_a_small_catalogue():
    split = split_leave_one_out(walkers(30, n_items=4, length=5))
    model = TransformerRecommender(RecommenderConfig(**SMALL, epochs=1, patience=1)).fit(split, ())
    assert np.isfinite(model.history["validation"]).all()
