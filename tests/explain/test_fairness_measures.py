"""Exposure and outcome by group against counting by hand, truth, and coverage over populations of users."""

import math
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.data.quality.exposure import gini
from causalrec_lab.explain import fairness
from causalrec_lab.explain.fairness.ratios import critical_value
from causalrec_lab.intervention.ope import Examination, SlateLog
from causalrec_lab.policy import UniformPolicy
from causalrec_lab.world import Platform
from causalrec_lab.world.truths.policies import SoftmaxPolicy

V = [1.0, 1 / math.log2(3), 0.5]
SLATES = pd.DataFrame(
    {
        "slate_id": [0, 0, 0, 1, 1, 1, 2, 2, 2],
        "user_id": [7, 7, 7, 7, 7, 7, 9, 9, 9],
        "position": [0, 1, 2] * 3,
        "item_id": [0, 1, 2, 1, 0, 3, 2, 3, 0],
        "reward": [0.0] * 9,
    }
)
ITEMS = pd.DataFrame({"item_id": [0, 1, 2, 3, 4], "provider": ["a", "a", "b", "b", "b"], "popularity": [9, 5, 4, 3, 1]})
A = V[0] + V[1] + V[0] + V[1] + V[2]  # what items 0 and 1 get, by hand
B = 3 * sum(V) - A


@pytest.fixture
def exposure() -> fairness.Exposure:
    return fairness.exposure_of_slates(SLATES, ITEMS["item_id"])


def test_exposure_of_items_is_the_sum_of_their_places(exposure: fairness.Exposure) -> None:
    by_hand = [V[0] + V[1] + V[2], V[1] + V[0], V[2] + V[0], V[2] + V[1], 0.0]
    assert exposure.by_item.tolist() == pytest.approx(by_hand)
    assert exposure.matrix().sum(axis=1) == pytest.approx([2 * sum(V), sum(V)])
    assert exposure.lists.tolist() == [2, 1]


def test_parity_share_and_merit_are_what_a_hand_counts(exposure: fairness.Exposure) -> None:
    per_item = fairness.exposure_by_group(exposure, ITEMS, "provider")
    assert per_item.table["value"].tolist() == pytest.approx([A / (3 * 2), B / (3 * 3)])
    assert per_item.gaps["a"].value == pytest.approx((A / 2) / (B / 3))
    assert per_item.gaps["b"].value == pytest.approx((B / 3) / (A / 2))
    share = fairness.exposure_by_group(
        exposure, ITEMS, "provider", measure="share", against="catalogue", scale="difference"
    )
    assert share.table["gap"].tolist() == pytest.approx([A / (A + B) - 0.4, B / (A + B) - 0.6])
    merit = [0.5, 0.5, 0.2, 0.2, 0.1]
    per_merit = fairness.exposure_by_group(exposure, ITEMS, "provider", measure="per merit", merit=merit)
    assert per_merit.table["value"].tolist() == pytest.approx([A / 3, B / 1.5])
    assert any("merit is estimated" in note for note in per_merit.notes)
    every = fairness.exposure_by_group(exposure, ITEMS, "provider", against="all", scale="difference")
    assert every.table["reference"].tolist() == pytest.approx([(A + B) / 15] * 2)


def test_attention_can_be_what_clicks_say_of_places() -> None:
    measured = Examination(np.log([0.5, 0.2]), np.eye(2) * 0.01, "random", 100)
    found = fairness.exposure_of_slates(SLATES, ITEMS["item_id"], weights=measured)
    assert found.by_item.tolist() == pytest.approx([1 + 0.5 + 0.2, 0.5 + 1, 0.2 + 1, 0.2 + 0.5, 0])
    assert "estimated from clicks" in found.notes[0]


def test_a_slate_log_and_a_table_give_the_same(exposure: fairness.Exposure) -> None:
    log = SlateLog.from_frame(SLATES, items=5)
    assert fairness.exposure_of_slates(log).by_item.tolist() == pytest.approx(exposure.by_item.tolist())


def test_a_policy_s_exposure_is_that_of_all_its_lists_enumerated() -> None:
    class Fixed:
        def probabilities(self, contexts: pd.DataFrame) -> np.ndarray:
            return np.tile([0.5, 0.3, 0.15, 0.05], (len(contexts), 1))

    found = fairness.exposure_of_policy(Fixed(), pd.DataFrame({"user_id": [3, 5]}), 2).matrix()[1]
    p, expected = [0.5, 0.3, 0.15, 0.05], np.zeros(4)
    for first, second in permutations(range(4), 2):
        chance = p[first] * p[second] / (1 - p[first])
        expected[first] += chance * V[0]
        expected[second] += chance * V[1]
    assert found == pytest.approx(expected)


def test_intervals_over_users_hold_the_policy_s_own_exposure() -> None:
    """95 % intervals of a log's share hold the expected one; 120 logs, band of exact binomial 1e-6."""
    platform = Platform.make("ecommerce", seed=3, n_users=300, n_items=40)
    policy = SoftmaxPolicy(platform.population, temperature=0.7)
    true = fairness.exposure_of_policy(policy, platform.contexts(), 3)
    truth = fairness.exposure_by_group(true, platform.items, "tail", measure="share", against="catalogue")
    held = 0
    for seed in range(120):
        slates = platform.slates(policy, 400, seed=seed, length=3)
        log = fairness.exposure_of_slates(slates, platform.items["item_id"])
        found = fairness.exposure_by_group(log, platform.items, "tail", measure="share", against="catalogue")
        held += found.estimates["tail"].covers(float(truth.table.loc["tail", "value"]))
    assert 98 <= held <= 120  # P(X < 98) < 1e-6 at 0.95


def test_simultaneous_intervals_lie_between_single_and_bonferroni() -> None:
    independent = np.eye(6)
    found = critical_value(independent, 0.95, simultaneous=True)
    sidak = 2.6310  # normal quantile of (1 + 0.95 ** (1 / 6)) / 2
    assert found == pytest.approx(sidak, abs=0.04)
    assert critical_value(np.ones((6, 6)), 0.95, simultaneous=True) == pytest.approx(1.96, abs=0.04)
    assert critical_value(independent, 0.95, simultaneous=False) == pytest.approx(1.96, abs=1e-3)


def test_outcome_by_group_is_the_difference_of_means_with_its_error() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"gender": rng.choice(["f", "m"], 400), "reward": rng.normal(size=400)})
    found = fairness.outcome_by_group("reward", frame, "gender", against="f")
    f, m = (frame.loc[frame["gender"] == g, "reward"] for g in "fm")
    assert found.gaps["m"].value == pytest.approx(m.mean() - f.mean())
    assert found.gaps["m"].std_error == pytest.approx(math.sqrt(f.var() / len(f) + m.var() / len(m)), rel=0.01)
    twice = pd.concat([frame.assign(user=np.arange(400))] * 3)
    again = fairness.outcome_by_group("reward", twice, "gender", against="f", cluster="user")
    assert again.gaps["m"].std_error == pytest.approx(found.gaps["m"].std_error)


def test_calibration_is_zero_where_lists_follow_taste_and_grows_with_the_distance(exposure: fairness.Exposure) -> None:
    shown = fairness.shown_shares(exposure, ITEMS, "provider")
    assert fairness.miscalibration(exposure, ITEMS, "provider", shown).tolist() == pytest.approx([0, 0], abs=1e-12)
    liked = pd.DataFrame({"a": [1.0, 1.0], "b": [0.0, 0.0]}, index=shown.index)
    found = fairness.miscalibration(exposure, ITEMS, "provider", liked, alpha=0.01)
    assert found.tolist() == pytest.approx([-math.log(0.99 * a + 0.01) for a in shown["a"]])


def test_amortised_unfairness_is_counted_by_hand(exposure: fairness.Exposure) -> None:
    merit = np.array([0.3, 0.3, 0.2, 0.1, 0.1])
    table = fairness.amortised(exposure, ITEMS, "provider", merit).table
    share = exposure.by_item.to_numpy() / (3 * sum(V))
    assert table.loc[3, "unfairness"] == pytest.approx(np.abs(share - merit).sum())
    assert table.loc[3, "a"] == pytest.approx(A / (A + B) - 0.6)
    assert table.loc[1, "a"] == pytest.approx((V[0] + V[1]) / sum(V) - 0.6)


def test_expected_exposure_of_a_ranker_that_shuffles_equals_has_no_loss() -> None:
    contexts = pd.DataFrame({"user_id": np.arange(6)})
    shuffled = fairness.exposure_of_policy(UniformPolicy(5), contexts, 3)
    found = fairness.expected_exposure(shuffled, np.ones(5), 3)
    assert found["loss"].value == pytest.approx(0, abs=1e-12)
    grade = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
    worse = fairness.expected_exposure(shuffled, grade, 3)
    ideal = np.array([(V[0] + V[1]) / 2] * 2 + [V[2] / 3] * 3)
    mean = sum(V) / 5
    assert worse["loss"].value == pytest.approx(((mean - ideal) ** 2).sum())
    parts = worse["disparity"].value - 2 * worse["relevance"].value + (ideal**2).sum()
    assert worse["loss"].value == pytest.approx(parts)


def test_gini_and_its_error_agree_with_resampled_users() -> None:
    platform = Platform.make("ecommerce", seed=1, n_users=400, n_items=30)
    slates = platform.slates(SoftmaxPolicy(platform.population, temperature=1.0), 600, seed=1, length=3)
    log = fairness.exposure_of_slates(slates, platform.items["item_id"])
    found, matrix = fairness.concentration(log), log.matrix()
    rng = np.random.default_rng(0)
    n = len(matrix)
    again = [gini(matrix[rng.integers(n, size=n)].sum(axis=0)) for _ in range(300)]
    assert found.value == pytest.approx(gini(matrix.sum(axis=0)))
    assert found.std_error == pytest.approx(np.std(again), rel=0.25)


def test_intervals_over_providers_differ_from_those_over_users(exposure: fairness.Exposure) -> None:
    items = ITEMS.assign(category=["x", "y", "x", "y", "x"])
    found = fairness.exposure_by_group(exposure, items, "category", provider="provider")
    over_users = fairness.exposure_by_group(exposure, items, "category")
    assert found.table["value"].tolist() == pytest.approx(over_users.table["value"].tolist())
    assert "provider" in found.method
    assert found.table["std_error"].tolist() != pytest.approx(over_users.table["std_error"].tolist())


def test_results_draw_and_write_themselves_alike_each_time(exposure: fairness.Exposure) -> None:
    found = fairness.exposure_by_group(exposure, ITEMS, "provider")
    assert found._repr_html_() == fairness.exposure_by_group(exposure, ITEMS, "provider")._repr_html_()
    assert len(found.plot(truth={"a": 0.5, "b": 0.2}).get_yticks()) == 2
    assert "rest" in str(found)
    assert fairness.amortised(exposure, ITEMS, "provider", np.ones(5)).plot().lines
