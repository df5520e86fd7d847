"""User states before a decision: the past only, in the order of the decisions, and of use to an estimator."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import world
from causalrec_lab.causal import effects
from causalrec_lab.causal.effects.text.histories import _counts
from causalrec_lab.recommender import RecommenderConfig

pytestmark = pytest.mark.filterwarnings("ignore")
SMALL = RecommenderConfig(length=20, dim=16, blocks=1, heads=2, epochs=6, outcome="click")
LONGER = RecommenderConfig(length=20, dim=16, blocks=1, heads=2, epochs=15, tokens=1_000)


@pytest.fixture(scope="module")
def log():
    platform = world.Platform.make(seed=3, n_users=150, n_items=80, confounding=1.5, base_rate="common")
    frame = platform.log(4_000, 0).decisions.sort_values("timestamp", ignore_index=True)
    return frame[["user_id", "item_id", "timestamp", "treated", "click"]], 2_600


def test_a_state_does_not_move_with_what_came_at_or_after_the_decision(log):
    frame, cut = log
    later = frame.iloc[cut : cut + 40]
    before = effects.user_states(later, frame, config=SMALL)
    changed = frame.copy()
    changed.loc[changed.index >= cut, "click"] = 1 - changed.loc[changed.index >= cut, "click"]
    first = later.iloc[[0]]  # nothing of the changed part lies before it
    np.testing.assert_allclose(effects.user_states(later, changed, config=SMALL)[0], before[0], atol=1e-6)
    np.testing.assert_allclose(effects.user_states(first, changed, config=SMALL)[0], before[0], atol=1e-6)
    assert before.shape == (40, 17)


def test_rows_are_counted_as_a_loop_counts_them_in_any_order(log):
    frame, _ = log
    some = frame.sample(60, random_state=1)
    wanted = [((frame.user_id == r.user_id) & (frame.timestamp < r.timestamp)).sum() for r in some.itertuples()]
    assert _counts(some, frame).tolist() == wanted


def test_a_taste_that_only_the_past_tells_is_adjusted_for():
    rng, users, past = np.random.default_rng(0), 500, 12
    taste = rng.choice([-1.0, 1.0], users)
    liked = rng.random((users, past)) < 0.5 + 0.4 * taste[:, None]
    items = np.where(liked, rng.integers(0, 10, (users, past)), rng.integers(10, 20, (users, past)))
    times = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.tile(np.arange(past), users), "h")
    events = pd.DataFrame({"user_id": np.repeat(np.arange(users), past), "item_id": items.ravel(), "timestamp": times})
    t = (rng.random(users) < 1 / (1 + np.exp(-1.2 * taste))).astype(int)
    frame = pd.DataFrame({"user_id": np.arange(users), "timestamp": pd.Timestamp("2025-02-01"), "t": t, "taste": taste})
    frame["y"] = t + 1.5 * taste + rng.normal(size=users)
    states = effects.user_states(frame, events, config=LONGER, interest=False)
    text, oracle = (
        effects.aipw(frame, "t", "y", c, embeddings=e, nuisance="linear") for c, e in (([], states), (["taste"], None))
    )
    naive = effects.naive(frame, "t", "y").value
    assert naive - 1 > 1
    assert (naive - text.value) / (naive - oracle.value) > 0.8


def test_wrong_calls(log):
    frame, _ = log
    with pytest.raises(ValueError, match="no event lies before the first decision"):
        effects.user_states(frame, frame)
    with pytest.raises(ValueError, match="decisions has no column 'timestamp'; did you mean"):
        effects.user_states(frame.rename(columns={"timestamp": "timestamps"}), frame)
    with pytest.raises(ValueError, match="1 missing timestamps"):
        effects.user_states(frame, pd.concat([frame, frame.iloc[[0]].assign(timestamp=pd.NaT)]))


def test_tables_that_do_not_meet_are_told_apart(log):
    frame, cut = log
    later = frame.iloc[cut : cut + 20]
    for decisions, events, words in (
        (later.assign(user_id="u" + later["user_id"].astype(str)), frame, "no user_id of decisions"),
        (later.assign(timestamp=later["timestamp"].astype(str)), frame, "cannot be compared; give both as numbers"),
        (later.head(0), frame, "decisions has no rows"),
        (later, frame.head(0), "events has no rows"),
    ):
        with pytest.raises(ValueError, match=words):
            effects.user_states(decisions, events, config=SMALL)
