"""Topics are found and named; profiles agree with tastes the platform knows, and not with another user's."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalrec_lab.recommender.text.interests import interest_profile
from causalrec_lab.recommender.text.topics import Topics
from causalrec_lab.world import Platform

WORDS = {"garden": "spade soil seed", "music": "violin concert string", "food": "bread butter oven"}


def planted(n=60, seed=0):
    """Three themes of three words, and a word that stands everywhere."""
    rng = np.random.default_rng(seed)
    kinds = [list(WORDS)[k] for k in rng.integers(3, size=n)]
    return [" ".join(rng.permutation([*WORDS[kind].split(), "thing"])) for kind in kinds], np.array(kinds)


@pytest.mark.parametrize("method", ["nmf", "kmeans"])
def test_planted_themes_are_found_and_named_by_their_words(method):
    texts, kinds = planted()
    topics = Topics.fit(texts, 3, method=method)
    assert {frozenset(label.split(", ")) for label in topics.labels} == {frozenset(w.split()) for w in WORDS.values()}
    shares = topics.shares(texts)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert len({(kind, topic) for kind, topic in zip(kinds, shares.idxmax(axis=1), strict=True)}) == 3


def test_label_weights_are_class_based_tf_idf():
    texts = ["cat cat dog", "cat bird", "fish fish dog", "fish bird"]
    words = Topics.fit(texts, 2, min_texts=1, method="kmeans").words(9).set_index("word")["weight"]
    # one topic holds cat, the other fish; each has 5 words: A = 5, and cat stands 3 times, all in one topic
    assert words["cat"] == pytest.approx(3 * np.log(1 + 5 / 3))


def test_text_without_a_known_word_belongs_to_all_alike():
    topics = Topics.fit(planted()[0], 3)
    np.testing.assert_allclose(topics.shares(["", "zebra"]), 1 / 3)


def items_and_events():
    items = pd.DataFrame({"item_id": [1, 2, 3] * 1, "text": list(WORDS.values())})
    moments = pd.to_datetime(["2025-01-01", "2025-01-11", "2025-01-11"])
    return items, pd.DataFrame({"user_id": [7, 7, 8], "item_id": [1, 2, 2], "timestamp": moments})


def test_an_event_one_half_life_old_counts_half():
    items, events = items_and_events()
    topics = Topics.fit(planted()[0], 3)
    told = interest_profile(events, items, topics=topics, half_life="10D")
    own = topics.shares(items["text"]).to_numpy()
    np.testing.assert_allclose(told.shares.loc[7], (own[0] * 0.5 + own[1]) / 1.5)
    assert told.weight.tolist() == [1.5, 1.0]
    flat = interest_profile(events, items, topics=topics, half_life=None)
    np.testing.assert_allclose(flat.shares.loc[7], (own[0] + own[1]) / 2)
    assert told.of(8)["topic"][0] == topics.labels[int(own[1].argmax())]


def test_reviews_and_kinds_of_events_carry_their_weight():
    items, events = items_and_events()
    topics = Topics.fit(planted()[0], 3)
    reviews = pd.DataFrame({"user_id": [8, 9], "text": [WORDS["food"], WORDS["food"]]})
    told = interest_profile(
        events.assign(event=["view", "buy", "buy"]),
        items,
        topics=topics,
        half_life=None,
        event_weights={"buy": 3.0},
        reviews=reviews,
        review_weight=1.0,
    )
    own = topics.shares(items["text"]).to_numpy()
    np.testing.assert_allclose(told.shares.loc[7], own[1])
    np.testing.assert_allclose(told.shares.loc[8], (3 * own[1] + own[2]) / 4)
    np.testing.assert_allclose(told.shares.loc[9], own[2])


def test_profiles_agree_with_true_tastes_better_than_another_user_s_do():
    platform = Platform.make("ecommerce", seed=3, n_users=400, n_items=200, base_rate="common")
    events = platform.log(12_000, seed=3).events
    told = interest_profile(events[events["event"] == "click"], platform.items, half_life=None)
    users, fit = told.shares.index.to_numpy(), told.scores(platform.items).to_numpy()
    taste = platform.population.theta @ platform.population.v.T  # what no log holds
    own = [np.corrcoef(row, taste[user])[0, 1] for row, user in zip(fit, users, strict=True)]
    other = [np.corrcoef(row, taste[user])[0, 1] for row, user in zip(fit, np.roll(users, 1), strict=True)]
    gain = np.subtract(own, other)
    margin = stats.norm.isf(1e-6) * gain.std(ddof=1) / np.sqrt(len(gain))
    assert gain.mean() > margin
    segment = platform.population.segment[users]
    liked = [set(kind.likes) for kind in platform.scenario.segments.values()]
    kinds = platform.items["category"].to_numpy()[fit.argmax(axis=1)]
    right = np.array([kind in liked[s] for kind, s in zip(kinds, segment, strict=True)])
    shuffled = np.array([kind in liked[s] for kind, s in zip(kinds, np.roll(segment, 1), strict=True)])
    assert stats.binomtest(int(right.sum()), len(right), shuffled.mean(), alternative="greater").pvalue < 1e-6


def test_vectors_are_weighted_means_of_the_texts_vectors():
    class Stub:
        def embed(self, texts):
            return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)

    items, events = items_and_events()
    told = interest_profile(events, items, topics=Topics.fit(planted()[0], 3), half_life=None, encoder=Stub())
    mean = np.array([np.mean([len(t) for t in items["text"][:2]]), 1.0])
    np.testing.assert_allclose(told.vectors[0], mean / np.linalg.norm(mean), rtol=1e-6)


def test_tables_show_text_as_text():
    items = pd.DataFrame({"item_id": range(6), "text": ["<b>alpha</b> beta"] * 3 + ["gamma delta"] * 3})
    events = pd.DataFrame({"user_id": [1], "item_id": [0]})
    told = interest_profile(events, items, topics=2, half_life=None)
    told.shares.columns = ["<script>", told.shares.columns[1]]
    told.baseline.index = told.shares.columns
    assert "<script>" not in told._repr_html_()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"half_life": 0}, "positive time"),
        ({"event_weights": {"buy": 1.0}}, "lacks .'event'."),
        ({"topics": 9}, "give 2 to 3"),
    ],
)
def test_bad_asking_is_told(change, says):
    items, events = items_and_events()
    with pytest.raises(ValueError, match=says):
        interest_profile(events, items, **change)


def test_what_cannot_be_profiled_is_named():
    items, events = items_and_events()
    with pytest.raises(ValueError, match="items does not hold, first 9"):
        interest_profile(events.assign(item_id=9), items)
    with pytest.raises(ValueError, match="1 events or reviews have no user_id"):
        interest_profile(events.assign(user_id=[7, None, 8]), items)
    with pytest.raises(KeyError, match="user 5 has no profile"):
        interest_profile(events, items, topics=Topics.fit(planted()[0], 3)).of(5)
    with pytest.raises(ValueError, match="lower min_texts"):
        Topics.fit(["a", "b", "c"], 2)
