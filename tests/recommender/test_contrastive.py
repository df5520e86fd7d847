"""The loss is the sum it says, and an encoder warmed on pairs brings unseen pairs together."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.recommender import TextClassifier, TextEncoder
from causalrec_lab.recommender.text.contrastive import co_bought_pairs, contrastive_warm_up, info_nce


def test_loss_is_the_sum_over_the_batch_without_equal_texts():
    import torch

    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    same = np.eye(3, dtype=bool)
    same[0, 2] = True
    weight = np.exp(left @ right.T / 0.5) * ~(same & ~np.eye(3, dtype=bool))
    each = [-np.log(weight[i, i] / weight[i].sum()) - np.log(weight[i, i] / weight[:, i].sum()) for i in range(3)]
    found = info_nce(torch.tensor(left), torch.tensor(right), torch.tensor(same), 0.5)
    assert found.item() == pytest.approx(np.mean(each) / 2)


def test_co_bought_are_neighbours_in_a_user_s_purchases():
    events = pd.DataFrame(
        {
            "user_id": [1, 1, 1, 2, 1, 3],
            "item_id": [10, 11, 11, 12, 12, 10],
            "timestamp": [3, 1, 2, 1, 4, 1],
            "event": ["purchase"] * 4 + ["view", "purchase"],
        }
    )
    items = pd.DataFrame({"item_id": [10, 11, 12], "text": ["ten", "eleven", "twelve"]})
    pairs = co_bought_pairs(events, items)
    assert pairs.to_numpy().tolist() == [["eleven", "ten"]]
    with pytest.raises(ValueError, match="no user has two different items"):
        co_bought_pairs(events, items, event="view")


def pairs_of(n, seed):
    """Colours belong with sounds by a rule no encoder knows: red with drum, blue with flute, green with horn."""
    rng = np.random.default_rng(seed)
    rule, fill = {"red": "drum", "blue": "flute", "green": "horn"}, ["one", "two", "three", "four"]
    colours = rng.choice(list(rule), size=n)
    return [f"{c} {rng.choice(fill)} {rng.choice(fill)}" for c in colours], [
        f"{rng.choice(fill)} {rule[c]} {rng.choice(fill)}" for c in colours
    ]


def test_warm_up_brings_what_belongs_together_together(tmp_path):
    left, right = pairs_of(160, 0)
    encoder = TextEncoder.load("tiny", corpus=left + right, cache=tmp_path, precision="fp32")
    settings = {"epochs": 6, "learning_rate": 2e-3, "batch_size": 16, "temperature": 0.1, "cache": tmp_path}
    warm = contrastive_warm_up(encoder, left, right, **settings)
    assert warm.losses[-1] < warm.losses[0]

    def own_above_others(model):
        a, b = (model.embed([t.replace("one", "two") for t in side]) for side in pairs_of(60, 1))
        near = a @ b.T
        rule = np.array([t.split()[0] for t in pairs_of(60, 1)[0]])
        return near[rule[:, None] == rule].mean() - near[rule[:, None] != rule].mean()

    assert own_above_others(warm.encoder) > own_above_others(encoder) + 0.3
    again = contrastive_warm_up(encoder, left, right, **settings)
    assert again.folder == warm.folder
    assert {p.suffix for p in warm.folder.iterdir()} == {".json", ".safetensors"}
    goes_on = TextClassifier(encoder=str(warm.folder)).fit(left[:20] + right[:20], [0] * 20 + [1] * 20)
    assert warm.folder.name in goes_on.encoder_name
    top = contrastive_warm_up(encoder, left[:16], right[:16], **settings | {"epochs": 1, "layers": 1})
    before, after = dict(encoder.backbone()[1].named_parameters()), dict(top.encoder.backbone()[1].named_parameters())
    moved = {name for name in before if not np.array_equal(before[name].detach(), after[name].detach())}
    moved = {name for name in moved if "pooler" not in name}  # not in the folder: drawn on loading, not used
    assert moved
    assert all("layer.1." in name for name in moved)
    with pytest.raises(ValueError, match="has 2 layers"):
        contrastive_warm_up(encoder, left, right, layers=3, cache=tmp_path)


@pytest.mark.parametrize(("left", "right"), [(["a"], ["b", "c"]), (["a", "a"], ["b", "b"])])
def test_too_few_pairs_are_told(left, right, tmp_path):
    encoder = TextEncoder.load("auto", cache=tmp_path)
    with pytest.raises(ValueError, match="two different pairs or more"):
        contrastive_warm_up(encoder, left, right, cache=tmp_path)
