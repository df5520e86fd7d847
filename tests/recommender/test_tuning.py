"""The search finds what is better, goes on where it stopped, and listens only to the validation part."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.data.building.splits import Split, split_leave_one_out
from causalrec_lab.recommender import RecommenderConfig, TransformerRecommender, tune
from causalrec_lab.recommender.callbacks import StopAt, TensorBoard

BASE = RecommenderConfig(length=8, dim=16, blocks=1, heads=2, dropout=0.0, tokens=600, epochs=4, precision="fp32")


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    items = [rng.permutation(20)[:8] + 20 * (user % 2) for user in range(100)]
    frame = pd.DataFrame({"user_id": np.repeat(np.arange(100), 8), "item_id": np.concatenate(items)})
    return split_leave_one_out(frame.assign(timestamp=np.tile(np.arange(8), 100)))


def test_it_finds_the_rate_that_learns_and_never_reads_the_test(split):
    blind = Split(split.train, split.validation, split.test.assign(item_id=0))
    space = {"learning_rate": [1e-6, 3e-2]}
    found, other = (tune(one, trials=5, space=space, base=BASE, seed=1) for one in (split, blind))
    assert found.config.learning_rate == 3e-2
    pd.testing.assert_frame_equal(found.trials, other.trials)
    assert found.value == found.trials["value"].max()


def test_a_search_that_was_killed_goes_on(split, tmp_path, monkeypatch):
    space, file = {"learning_rate": (1e-4, 1e-2, "log"), "blocks": (1, 2)}, tmp_path / "new" / "study.db"
    calls = []

    def counting(*given, **named):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*given, **named)

    original = TransformerRecommender.fit
    monkeypatch.setattr(TransformerRecommender, "fit", counting)
    with pytest.raises(KeyboardInterrupt):
        tune(split, trials=4, space=space, base=BASE, study=file)
    found = tune(split, trials=4, space=space, base=BASE, study=file)
    assert found.trials["state"].tolist().count("FAIL") == 1
    assert len(found.trials) == 4
    assert set(found.trials["blocks"].dropna()) <= {1, 2}
    with pytest.raises(ValueError, match="another file"):
        tune(split, trials=4, space={"dropout": (0.1, 0.2)}, base=BASE, study=file)


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ({"learning_rat": (1e-4, 1e-2)}, "try learning_rate"),
        ({"dropout": (0.5, 0.1)}, "low < high"),
        ({"dropout": (0.0, 0.1, "log")}, "0 < low"),
        ({"dim": []}, "nothing to choose from"),
    ],
)
def test_a_space_that_is_none_is_refused(split, space, says):
    with pytest.raises(ValueError, match=says):
        tune(split, trials=1, space=space, base=BASE)


def test_callbacks_stop_and_write(split, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = RecommenderConfig(**(BASE.to_dict() | {"epochs": 30, "patience": 30, "learning_rate": 2e-2}))
    model = TransformerRecommender(config).fit(split, (TensorBoard(tmp_path), StopAt(0.2)))
    assert len(model.history) < 30
    assert model.history["validation"].iloc[-1] >= 0.2
    curves = EventAccumulator(str(tmp_path)).Reload()
    written = [event.value for event in curves.Scalars("loss")]
    np.testing.assert_allclose(written, model.history["loss"], rtol=1e-6)
