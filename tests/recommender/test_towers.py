"""Attention both ways, times, thumbnails: each reads what it says, and only that."""

import numpy as np
import pandas as pd
import pytest
import torch

from causalrec_lab.data.building.splits import split_leave_one_out
from causalrec_lab.recommender import RecommenderConfig, TransformerRecommender, evaluate
from causalrec_lab.recommender.catalogue.histories import Histories, batches, last_windows
from causalrec_lab.recommender.sequence.network import NetworkShape, SequenceNetwork
from causalrec_lab.recommender.sequence.objective import Objective
from causalrec_lab.recommender.sequence.towers import ItemContent, picture_tensor

SMALL = {"length": 12, "dim": 16, "blocks": 1, "heads": 2, "dropout": 0.0, "tokens": 600, "precision": "fp32"}


def walkers(n_users=120, n_items=20, length=10, seed=0):
    """Each user walks the ring of items by a step of their own, 1 or 3: only order tells which."""
    rng = np.random.default_rng(seed)
    step, start = rng.choice([1, 3], n_users), rng.integers(n_items, size=n_users)
    items = (start[:, None] + step[:, None] * np.arange(length)) % n_items
    frame = {"user_id": np.repeat(np.arange(n_users), length), "item_id": items.ravel()}
    return pd.DataFrame(frame | {"timestamp": np.tile(np.arange(length), n_users)})


def test_both_ways_it_learns_an_order_and_is_saved(tmp_path):
    split = split_leave_one_out(walkers(500))
    config = RecommenderConfig(**SMALL, epochs=40, learning_rate=1e-2, direction="bidirectional", masked=0.3)
    model = TransformerRecommender(config).fit(split, ())
    assert evaluate(model, split, filter_seen=False)["low"]["HR@5"] > 0.7  # 5 of 20 items: .25 by chance
    again = TransformerRecommender.load(model.save(tmp_path))
    np.testing.assert_array_equal(model.score([3, 999]), again.score([3, 999]))


def test_both_ways_a_state_sees_what_follows_and_never_the_padding():
    shape = NetworkShape(n_items=9, length=8, dim=8, dropout=0.0, bidirectional=True)
    network = SequenceNetwork(shape).eval()
    items = torch.tensor([[1, 0, 3, 4, 0], [1, 0, 3, 5, 0], [1, 0, 3, 4, 9]])
    last = torch.tensor([3, 3, 3])
    with torch.no_grad():
        states = network(items, network.item_vectors(), last=last)
        alone = network(items[:, :4], network.item_vectors(), last=last)
        ended = network(items, network.item_vectors(), ends=last)
    assert not torch.allclose(states[0, 1], states[1, 1])  # the fourth item is read at the second place
    torch.testing.assert_close(states[0, :4], states[2, :4])  # the fifth is padding
    torch.testing.assert_close(states[:, :4], alone)
    torch.testing.assert_close(ended, states[:, 3])


def test_a_hidden_item_stands_after_the_last_one():
    catalogue = pd.Index(range(20))
    histories = Histories.of(walkers(3), catalogue)
    (batch,) = [b.hidden_end() for b in last_windows(histories, 12, 600)]
    for row, user in enumerate(batch.rows):
        items = histories.items[histories.offsets[user] : histories.offsets[user + 1]]
        assert batch.inputs[row, :11].tolist() == [*items, 0]
    (cut,) = [b.hidden_end() for b in last_windows(histories, 5, 600)]
    assert cut.inputs[0, :5].tolist() == [*histories.items[histories.offsets[cut.rows[0] + 1] - 4 :][:4], 0]


def test_a_behaviour_head_that_sees_the_future_is_refused():
    with pytest.raises(ValueError, match="what came after its outcome"):
        RecommenderConfig(direction="bidirectional", outcome="bought")
    with pytest.raises(ValueError, match="causal, bidirectional"):
        RecommenderConfig(direction="backwards")


def test_gaps_are_powers_of_two_of_a_second():
    times = pd.to_datetime(["2025-01-01 00:00:00", "2025-01-01 00:00:01", "2025-01-01 00:01:01", "2025-01-02 00:00:00"])
    frame = pd.DataFrame({"user_id": [0, 0, 0, 1], "item_id": [0, 1, 2, 0], "timestamp": times})
    assert Histories.of(frame, pd.Index(range(3)), gaps=True).gaps.tolist() == [0, 2, 6, 0]  # seconds: -, 1, 60, -
    numbers = frame.assign(timestamp=[0, 1, 61, 5])
    assert Histories.of(numbers, pd.Index(range(3)), gaps=True).gaps.tolist() == [0, 2, 6, 0]
    with pytest.raises(ValueError, match="timestamp"):
        Histories.of(frame.drop(columns="timestamp"), pd.Index(range(3)), gaps=True)


def test_what_only_the_time_tells_is_learned_with_gaps_alone():
    """After a short pause the next item is the one above, after a long one the one below."""
    rng = np.random.default_rng(0)
    pause = rng.choice([1, 1_000], size=(150, 10))
    place = np.zeros((150, 10), dtype=int)
    for t in range(1, 10):
        place[:, t] = (place[:, t - 1] + np.where(pause[:, t - 1] == 1, 1, -1)) % 20
    frame = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(150), 10),
            "item_id": place.ravel(),
            "timestamp": pause.cumsum(axis=1).ravel(),
        }
    )
    split = split_leave_one_out(frame)
    found = {}
    for gaps in (False, True):
        config = RecommenderConfig(**SMALL, epochs=40, learning_rate=3e-2, gaps=gaps)
        found[gaps] = evaluate(TransformerRecommender(config).fit(split, ()), split, k=(1,), filter_seen=False)["value"]
    assert found[False]["HR@1"] < 0.7
    assert found[True]["HR@1"] > 0.9


def pictured(n_items=40):
    """Items of two looks; users meet items of one look."""
    look = np.arange(n_items) % 2
    pixels = np.full((n_items, 16, 16, 3), 40, dtype=np.uint8)
    pixels[look == 1, 4:12, 4:12] = 220
    return look, pixels


def test_a_thumbnail_speaks_for_an_item_never_met(tmp_path):
    look, pixels = pictured()
    rng = np.random.default_rng(0)
    met = [rng.choice(np.flatnonzero(look[:30] == user % 2), 8, replace=False) for user in range(150)]
    frame = pd.DataFrame({"user_id": np.repeat(np.arange(150), 8), "item_id": np.concatenate(met)})
    items = pd.DataFrame({"item_id": np.arange(40)})
    config = RecommenderConfig(**SMALL, epochs=30, learning_rate=1e-2)
    model = TransformerRecommender(config).fit(frame, (), items=items, pictures=pixels)
    new = model.score(np.arange(150))[:, 30:]
    own, other = (new[:, look[30:] == side] for side in (0, 1))
    right = np.where(np.arange(150) % 2 == 0, own.mean(1) - other.mean(1), other.mean(1) - own.mean(1))
    assert (right > 0).mean() > 0.9
    again = TransformerRecommender.load(model.save(tmp_path))
    np.testing.assert_array_equal(model.score([0]), again.score([0]))


@pytest.mark.parametrize(
    ("pictures", "says"),
    [
        (np.zeros((3, 16, 16, 3)), r"\(3, 16, 16, 3\); give \(4, height, width, 3\)"),
        (np.zeros((4, 16, 16)), "one an item"),
        (np.full((4, 16, 16, 3), 2.0), "item 0 has values outside"),
        (np.full((4, 16, 16, 3), np.nan), "outside"),
    ],
)
def test_pictures_that_are_none_are_refused(pictures, says):
    with pytest.raises(ValueError, match=says):
        picture_tensor(pictures, 4)


def test_a_checkpoint_that_began_elsewhere_is_refused(tmp_path):
    frame = pd.DataFrame({"user_id": np.repeat(np.arange(20), 5), "item_id": np.tile(np.arange(10), 10)})
    one, other = (TransformerRecommender(RecommenderConfig(**SMALL, epochs=1, seed=s)).fit(frame, ()) for s in (1, 2))
    config = RecommenderConfig(**SMALL, epochs=1)
    begun = TransformerRecommender(config).fit(frame, (), start=one, checkpoint=tmp_path)
    again = TransformerRecommender(config).fit(frame, (), start=one, checkpoint=tmp_path)
    np.testing.assert_array_equal(begun.score([0]), again.score([0]))
    for start in (other, None):
        with pytest.raises(ValueError, match="another start"):
            TransformerRecommender(config).fit(frame, (), start=start, checkpoint=tmp_path)


def test_a_hidden_item_has_no_time_in_training_as_in_use():
    rows = pd.DataFrame({"user_id": [1] * 6, "item_id": range(6), "timestamp": [0, 1, 5, 9, 90, 900]})
    histories = Histories.of(rows, pd.Index(range(6)), gaps=True)
    config = RecommenderConfig(**SMALL, direction="bidirectional", gaps=True)
    network = SequenceNetwork(NetworkShape(6, 8, 16, 1, 2, 0.0, gaps=True, bidirectional=True)).train()
    read = []
    network.register_forward_pre_hook(lambda _, given: read.append(given))
    batch = batches(histories, 8, 100, np.random.default_rng(0))[0]
    objective = Objective(network, config, ItemContent(), np.arange(1, 7))
    torch.manual_seed(0)
    for _ in range(10):
        objective(batch)
    for items, _, _, gaps in read:
        assert (gaps[:, :6][items[:, :6] == 0] == 0).all()
        assert (gaps[:, 1:6][items[:, 1:6] > 0] > 0).all()
