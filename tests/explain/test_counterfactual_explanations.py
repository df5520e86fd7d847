"""Counterfactual explanations against enumeration, closed forms, and the model scored again."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.explain import counterfactual
from causalrec_lab.explain.counterfactuals import events_of
from causalrec_lab.explain.counterfactuals.changes import scorer_of
from causalrec_lab.recommender import RecommenderConfig, TransformerRecommender
from causalrec_lab.recommender.catalogue.histories import Histories
from causalrec_lab.world import Platform

ITEMS = 9


class Additive:
    """Scores are sums of what each event lends each item: the smallest change is a knapsack that can be enumerated."""

    def __init__(self, seed):
        self.weights = np.random.default_rng(seed).normal(size=(ITEMS, ITEMS)) + 0.5 * np.arange(ITEMS) / ITEMS

    def __call__(self, histories):
        rows, numbers = histories.pairs()
        scores = np.zeros((len(histories.users), ITEMS))
        np.add.at(scores, rows, self.weights[numbers - 1])
        return scores


def ids():
    return pd.Index([f"i{n}" for n in range(ITEMS)])


def order(model, history, seen):
    """Numbers of items, best first, one history at a time and by plain Python."""
    score = [sum(model.weights[n, item] for n in history) for item in range(ITEMS)]
    return sorted((item for item in range(ITEMS) if item not in seen), key=lambda item: (-score[item], item))


def smallest(model, history, k, most, replacements=()):
    """Size of the smallest change that takes the first item out of the first k, None where no change does."""
    first = order(model, history, set(history))[0]
    for size in range(1, most + 1):
        for places in combinations(range(len(history)), size):
            for new in product([None, *replacements], repeat=size):
                changed = list(history)
                for place, number in zip(places, new, strict=True):
                    changed[place] = number
                changed = [number for number in changed if number is not None]
                if first not in order(model, changed, set(history) | set(changed))[:k]:
                    return size
    return None


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("seed", range(12))
def test_the_smallest_removal_is_that_of_enumeration(seed, k):
    model, rng = Additive(seed), np.random.default_rng(100 + seed)
    history = rng.choice(ITEMS, size=5, replace=False).tolist()
    first = order(model, history, set(history))[0]
    found = counterfactual(model, ids()[history], f"i{first}", k=k, max_changes=4, catalogue=ids())
    expected = smallest(model, history, k, 4)
    assert found.proven
    assert (found.size if found.found else None) == expected
    if found.found:
        kept = [number for place, number in enumerate(history) if place not in found.changes["place"].tolist()]
        after = order(model, kept, set(history))
        assert first not in after[:k]
        assert found.new_item in {f"i{n}" for n in after[:k]}
        assert found.scores.loc[f"i{first}", "score_after"] == pytest.approx(model.weights[kept, first].sum())
        assert found.scores.loc[f"i{first}", "rank_after"] == after.index(first) + 1


@pytest.mark.parametrize("seed", range(6))
def test_replacing_an_event_may_do_with_fewer(seed):
    model, history = Additive(seed), [0, 1, 2, 3]
    first = order(model, history, set(history))[0]
    other = [number for number in range(4, ITEMS) if number != first][:2]
    settings = {"max_changes": 3, "catalogue": ids()}
    left_out = counterfactual(model, ids()[history], f"i{first}", **settings)
    swapped = counterfactual(model, ids()[history], f"i{first}", replacements=[f"i{n}" for n in other], **settings)
    assert swapped.size == (smallest(model, history, 1, 3, other) or 0)
    assert swapped.proven
    assert not left_out.found or swapped.size <= left_out.size
    assert swapped.new_item not in {f"i{n}" for n in history}


@pytest.mark.parametrize("seed", range(12))
def test_a_small_budget_is_never_called_proof_and_never_wrong(seed):
    model, history = Additive(seed), np.random.default_rng(seed).integers(0, 6, size=8).tolist()
    first = order(model, history, set(history))[0]
    found = counterfactual(model, ids()[history], f"i{first}", max_changes=6, budget=9, catalogue=ids())
    best = smallest(model, history, 1, 6)
    assert not found.proven or found.size == (best or 0)
    if found.found:
        assert found.size >= best
        kept = [number for place, number in enumerate(history) if place not in found.changes["place"].tolist()]
        assert order(model, kept, set(history))[0] != first
        for part in combinations(found.changes["place"], found.size - 1):  # nothing of it may be put back
            less = [number for place, number in enumerate(history) if place not in part]
            assert order(model, less, set(history))[0] == first
    if not found.proven:
        assert any(note.startswith("warning: not proven smallest") for note in found.notes)


def test_a_model_that_reads_no_history_has_no_counterfactual():
    found = counterfactual(
        lambda h: np.tile(np.arange(5.0), (len(h.users), 1)), [0, 1], 4, max_changes=2, catalogue=range(5)
    )
    assert not found.found
    assert found.proven
    assert found.new_item is None
    assert "No change" in found.sentence
    assert "does not hang on any" in found.notes[0]


@pytest.fixture(scope="module")
def trained():
    events = Platform.make(seed=3, n_users=60, n_items=40).log(4_000, 0).decisions
    shown = events[events["treated"] == 1]
    config = RecommenderConfig(length=20, dim=16, epochs=12, tokens=1_000, outcome="click", gaps=True, precision="fp32")
    return TransformerRecommender(config).fit(shown, callbacks=()), shown


def test_the_transformer_really_scores_the_history_without_the_events(trained):
    model, shown = trained
    for user in range(8):
        first = int(model.recommend([user], 1)["item_id"][0])
        mine = shown[shown["user_id"] == user].sort_values("timestamp", kind="stable")
        found = counterfactual(model, mine, first)
        assert found.proven
        if found.found:
            kept = mine.drop(mine.index[found.changes["place"]])
            scores = model.score_histories(model.read(kept))[0]  # times as they stand: gaps are made anew
            scores[model.catalogue.get_indexer(mine["item_id"].unique())] = -np.inf
            assert model.catalogue[scores.argmax()] == found.new_item
            assert mine["item_id"].iloc[found.changes["place"]].tolist() == found.changes["item_id"].tolist()
            after = model.catalogue.get_loc(first)
            assert found.scores.loc[first, "score_after"] == pytest.approx(scores[after], abs=1e-4)


def test_stored_histories_keep_their_gaps_where_nothing_changes(trained):
    model, _ = trained
    stored = model.histories.take(pd.Index([4]))
    events = events_of(scorer_of(model), 4)
    nothing = np.empty((1, 0), dtype=np.int64)
    same = events.changed(nothing, nothing)
    np.testing.assert_array_equal(same.gaps, stored.gaps)
    np.testing.assert_array_equal(same.outcomes, stored.outcomes)


def test_both_heads_can_be_asked(trained):
    model, _ = trained
    scores = model.score([2], head="behaviour")[0]
    met = model.histories.take(pd.Index([2])).items - 1
    scores[met] = -np.inf
    first = int(model.catalogue[scores.argmax()])
    assert counterfactual(model, 2, first, head="behaviour", max_changes=1).scores.loc[first, "rank_before"] == 1


def test_what_cannot_be_explained_is_named(trained):
    model, _ = trained
    ranked = model.recommend([1], 3)["item_id"].tolist()
    with pytest.raises(KeyError, match="'nothing' is not in the catalogue of 40 items"):
        counterfactual(model, 1, "nothing")
    with pytest.raises(ValueError, match="not recommended: it has rank 3 and k=1"):
        counterfactual(model, 1, ranked[2])
    with pytest.raises(ValueError, match="history of user 'nobody' is empty"):
        counterfactual(model, "nobody", ranked[0])
    with pytest.raises(ValueError, match="in the history already"):
        counterfactual(model, 1, int(model.catalogue[model.histories.take(pd.Index([1])).items[0] - 1]))
    with pytest.raises(ValueError, match="holds 60 users"):
        counterfactual(model, model.histories, ranked[0])
    with pytest.raises(ValueError, match="max_changes=0"):
        counterfactual(model, 1, ranked[0], max_changes=0)
    with pytest.raises(ValueError, match="itself"):
        counterfactual(model, 1, ranked[0], replacements=ranked[:1])
    with pytest.raises(ValueError, match="needs catalogue="):
        counterfactual(Additive(0), ["i0"], "i1")
    with pytest.raises(ValueError, match="keeps no histories"):
        counterfactual(Additive(0), "u", "i1", catalogue=ids())
    with pytest.raises(ValueError, match="one score only"):
        counterfactual(_Flat(), ["i0"], "i1", head="behaviour")


class _Flat:
    """A recommender with one score."""

    catalogue, histories = ids(), None

    def read(self, frame):
        return Histories.of(frame, self.catalogue)

    def score_histories(self, histories):
        return np.zeros((len(histories.users), ITEMS))


def test_the_result_shows_itself(trained):
    from matplotlib import pyplot as plt

    model, _ = trained
    first = int(model.recommend([0], 1)["item_id"][0])
    found = counterfactual(model, 0, first)
    shown = found._repr_html_()
    assert shown == counterfactual(model, 0, first)._repr_html_()
    assert f"item {first}" in shown
    assert "np.int" not in shown
    ax = found.plot()
    assert ax.get_ylabel() == "score"
    plt.close(ax.figure)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_history_that_does_not_matter_is_not_sent_for_more_changes(length):
    """All events were left out, and the item still stands: a larger max_changes would try nothing new."""
    found = counterfactual(
        lambda h: np.ones((len(h.users), 6)), [3] * length, 0, max_changes=9, catalogue=range(6)
    )  # all scores equal: the first of the catalogue stands first
    assert not found.found
    assert found.proven
    assert found.ruled_out == length
    assert "does not hang on any of its events" in found.notes[0]
    assert not any("larger max_changes" in note for note in found.notes)


@pytest.mark.parametrize(
    "option", [{"max_changes": 1.5}, {"k": True}, {"budget": float("nan")}, {"k": "2"}, {"max_changes": None}]
)
def test_numbers_that_are_no_counts_are_refused_by_name(option):
    name = next(iter(option))
    with pytest.raises(ValueError, match=rf"counterfactual\({name}=.*whole number"):
        counterfactual(lambda h: np.ones((len(h.users), 4)), [1], 0, catalogue=range(4), **option)


def test_a_replacement_named_twice_is_tried_once():
    once, twice = (
        counterfactual(lambda h: np.ones((len(h.users), 5)), [3, 4], 0, replacements=some, catalogue=range(5))
        for some in ([1, 2], [1, 2, 1, 2])
    )
    assert once.tried == twice.tried
    assert once.notes == twice.notes


def test_scores_computed_in_parts_give_the_same_answer(monkeypatch):
    from causalrec_lab.explain.counterfactuals import explaining

    model, history = Additive(3), [0, 1, 2, 3, 4]
    first = order(model, history, set(history))[0]
    whole = counterfactual(model, ids()[history], f"i{first}", max_changes=4, catalogue=ids())
    monkeypatch.setattr(explaining, "CELLS", ITEMS)
    parts = counterfactual(model, ids()[history], f"i{first}", max_changes=4, catalogue=ids())
    pd.testing.assert_frame_equal(whole.changes, parts.changes)
    pd.testing.assert_frame_equal(whole.scores, parts.scores)
    assert (whole.tried, whole.new_item) == (parts.tried, parts.new_item)
