"""Slate estimators against every list there is: unbiased where their click model holds, biased where it fails."""

import math
from fractions import Fraction
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import FixedPolicy, UniformPolicy, ope
from causalrec_lab.world import Platform

OLD = [Fraction(k, 10) for k in (4, 3, 2, 1)]  # logging policy, 4 items
NEW = [Fraction(k, 10) for k in (1, 1, 3, 5)]
APPEAL = np.array([0.2, 0.5, 0.4, 0.7])
EXAMINED = np.array([1.0, 0.6, 0.4])
old, new = (np.array(p, dtype=float) for p in (OLD, NEW))


def chance(policy, items):
    found, left = Fraction(1), Fraction(1)
    for item in items:
        found, left = found * policy[item] / left, left - policy[item]
    return found


def position_based(items):
    return [EXAMINED[k] * APPEAL[i] for k, i in enumerate(items)]


def cascade(items):
    reading, found = 1.0, []
    for item in items:
        found.append(reading * APPEAL[item])
        reading *= 1 - 2 * APPEAL[item] ** 2
    return found


def general(items):
    """What stands below matters too: an item looks better above a poor one."""
    return [EXAMINED[k] * APPEAL[i] * (1.5 - APPEAL[items[(k + 1) % len(items)]]) for k, i in enumerate(items)]


def additive(items):
    """Each slot looks at the others, the sum does not."""
    own = position_based(items)
    return [sum(own), *[0.0] * (len(items) - 1)]


def exact_log(rewards, length):
    """Each list as often as its chance says, with its expected rewards: an estimate from it is its expectation."""
    lists = list(permutations(range(4), length))
    shares = [chance(OLD, one) for one in lists]
    whole = math.lcm(*[share.denominator for share in shares])
    copies = [int(share * whole) for share in shares]
    rows = np.repeat(np.arange(len(lists)), copies)
    above = np.array(
        [[float(chance(OLD, one[: k + 1]) / chance(OLD, one[:k])) for k in range(length)] for one in lists]
    )
    return ope.SlateLog(
        np.zeros((len(rows), 0)), np.array(lists)[rows], np.array([rewards(one) for one in lists])[rows], 4, above[rows]
    )


def value(rewards, length, alpha=(1, 1, 1)):
    lists = permutations(range(4), length)
    return sum(float(chance(NEW, one)) * float(np.dot(alpha[:length], rewards(one))) for one in lists)


HOLDS = {
    "standard": (position_based, cascade, general, additive),
    "independent": (position_based,),
    "reward_interaction": (position_based, cascade),
    "cascade_dr": (position_based, cascade),
    "pseudoinverse": (position_based, additive),
}


def model(log):
    """Any fixed prediction of context, position and item."""
    return np.tile(np.random.default_rng(0).normal(size=(log.length, 4)), (len(log), 1, 1))


@pytest.mark.parametrize("length", [2, 3])
@pytest.mark.parametrize("method", ope.SLATE_METHODS)
@pytest.mark.parametrize("rewards", [position_based, cascade, general, additive], ids=lambda f: f.__name__)
def test_unbiased_where_the_click_model_holds_and_biased_where_it_fails(method, rewards, length):
    log, truth = exact_log(rewards, length), value(rewards, length)
    found = ope.slate(
        log, FixedPolicy(new), method, model(log) if method == "cascade_dr" else None, logging=FixedPolicy(old)
    )
    if rewards in HOLDS[method]:
        assert found.value == pytest.approx(truth, abs=1e-12)
    else:
        # a sum over slots comes near to most rewards: what the pseudo-inverse misses is small here
        assert abs(found.value - truth) > (5e-5 if method == "pseudoinverse" else 0.002)
    assert abs(log.reward.sum(axis=1).mean() - truth) > 0.02  # the log's own mean is another policy's value
    assert found.diagnostics["mean_weight"] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("method", ope.SLATE_METHODS)
def test_position_weights_count(method):
    log, alpha = exact_log(position_based, 3), (1.0, 0.63, 0.5)
    predictions = model(log) if method == "cascade_dr" else None
    found = ope.slate(log, FixedPolicy(new), method, predictions, logging=FixedPolicy(old), position_weights=alpha)
    assert found.value == pytest.approx(value(position_based, 3, alpha), abs=1e-12)


@pytest.mark.parametrize("method", ope.SLATE_METHODS)
def test_self_normalised_values_shift_with_the_reward_and_stay_within_it(method):
    log = exact_log(cascade, 2).take(np.random.default_rng(1).permutation(2_520)[:60])
    moved = ope.SlateLog(log.contexts, log.action, log.reward + 3, 4, log.propensity)
    zero = np.zeros((60, 2, 4)) if method == "cascade_dr" else None
    plain, found = (
        ope.slate(one, FixedPolicy(new), method, zero, logging=FixedPolicy(old), self_normalised=True)
        for one in (log, moved)
    )
    assert found.value == pytest.approx(plain.value + 6)
    assert found.std_error == pytest.approx(plain.std_error)


@pytest.mark.parametrize("method", ope.SLATE_METHODS)
def test_the_logging_policy_is_worth_what_it_earned(method):
    platform = Platform.make(seed=3, n_users=50, n_items=6)
    policy = platform.logging_policy(1.0)
    log = ope.SlateLog.from_frame(platform.slates(policy, 400, seed=1, length=3), 6, platform.contexts())
    found = ope.slate(log, policy, method, logging=policy)
    near = 1e-9 if method != "cascade_dr" else 2 * found.std_error
    assert found.value == pytest.approx(log.reward.sum(axis=1).mean(), abs=near)


@pytest.mark.parametrize("abandonment", [0.0, 1.0])
@pytest.mark.parametrize("method", ["standard", "independent", "reward_interaction", "cascade_dr"])
def test_intervals_hold_the_platform_s_truth(method, abandonment):
    platform = Platform.make(seed=8, n_users=300, n_items=8, base_rate="common", abandonment=abandonment)
    before, after = platform.logging_policy(2.0), platform.logging_policy(0.8)
    truth = platform.truth.slate_value(after, 3)
    log = ope.SlateLog.from_frame(platform.slates(before, 12_000, seed=2, length=3), 8, platform.contexts())
    found = ope.slate(log, after, method, logging=before)
    off = abs(found.value - truth.value) / found.std_error
    assert off < 4.5 if (method, abandonment) != ("independent", 1.0) else off > 5


def test_lists_of_unequal_length_are_evaluated_at_their_own_length():
    short, long = exact_log(position_based, 2), exact_log(position_based, 3)
    counts = len(short), len(long)
    shown = np.vstack([np.column_stack([short.action, np.full(counts[0], -1)]), long.action])
    rewards = np.vstack([np.column_stack([short.reward, np.zeros(counts[0])]), long.reward])
    log = ope.SlateLog(np.zeros((sum(counts), 0)), shown, rewards, 4)
    truth = np.average([value(position_based, 2), value(position_based, 3)], weights=counts)
    for method in ("standard", "independent", "reward_interaction", "pseudoinverse", "cascade_dr"):
        predictions = model(log) if method == "cascade_dr" else None
        found = ope.slate(log, FixedPolicy(new), method, predictions, logging=FixedPolicy(old))
        assert found.value == pytest.approx(truth, abs=1e-12), method
        normal = ope.slate(log, FixedPolicy(new), method, predictions, logging=FixedPolicy(old), self_normalised=True)
        assert normal.value == pytest.approx(truth, abs=0.02), method


def test_lists_of_one_item_are_single_actions():
    platform = Platform.make(seed=3, n_users=50, n_items=6)
    policy, other = platform.logging_policy(1.0), UniformPolicy(6)
    log = ope.SlateLog.from_frame(platform.slates(policy, 500, seed=1, length=3), 6, platform.contexts())
    first = log.first
    alone = ope.SlateLog(log.contexts, first.action[:, None], first.reward[:, None], 6, first.propensity[:, None])
    single = ope.evaluate(first, other, "ips")
    for method in ("standard", "independent", "reward_interaction", "pseudoinverse"):
        found = ope.slate(alone, other, method, logging=policy)
        assert found.value == pytest.approx(single.value)
        assert found.std_error == pytest.approx(single.std_error, rel=1e-6)


def test_lists_of_one_user_err_together():
    log = exact_log(cascade, 2).take(np.arange(0, 2_520, 20))
    rows = np.repeat(np.arange(len(log)), 4)
    again = ope.SlateLog(log.contexts[rows], log.action[rows], log.reward[rows], 4, log.propensity[rows], user=rows)
    plain = ope.slate(log, FixedPolicy(new)).std_error
    assert ope.slate(again, FixedPolicy(new), cluster="user").std_error == pytest.approx(plain)
    assert ope.slate(again, FixedPolicy(new)).std_error < 0.6 * plain


def test_propensities_wrong_by_a_factor_are_noticed_and_right_ones_are_not():
    log = exact_log(position_based, 2)
    half = ope.SlateLog(log.contexts, log.action, log.reward, 4, log.propensity / 2)
    assert any("weights average 4" in note for note in ope.slate(half, FixedPolicy(new)).notes)
    assert not any("warning" in note for note in ope.slate(log, FixedPolicy(new), logging=FixedPolicy(old)).notes)
    told = ope.slate(half, FixedPolicy(new), "independent", logging=FixedPolicy(old)).notes
    assert any("are not those of logging=" in note for note in told)


@pytest.mark.parametrize("method", ope.SLATE_METHODS)
def test_a_policy_without_a_logged_item_is_valued_all_the_same(method):
    log, kept = exact_log(position_based, 2), [Fraction(0), Fraction(1, 5), Fraction(3, 10), Fraction(1, 2)]
    truth = sum(float(chance(kept, one)) * sum(position_based(one)) for one in permutations(range(1, 4), 2))
    predictions = model(log) if method == "cascade_dr" else None
    found = ope.slate(log, FixedPolicy(np.array(kept, dtype=float)), method, predictions, logging=FixedPolicy(old))
    assert found.value == pytest.approx(truth, abs=1e-12)


def test_a_log_without_a_click_has_no_standard_error():
    log = exact_log(position_based, 2)
    found = ope.slate(ope.SlateLog(log.contexts, log.action, 0 * log.reward, 4, log.propensity), FixedPolicy(new))
    assert np.isnan(found.std_error)
    assert any("nothing tells how the value varies" in note for note in found.notes)


def test_items_the_log_never_showed_are_said_with_their_share():
    log = exact_log(position_based, 2)
    wider = ope.SlateLog(log.contexts, log.action, log.reward, 5, log.propensity)
    found = ope.slate(wider, UniformPolicy(5))
    assert found.diagnostics["unsupported_mass"] == pytest.approx(0.2)
    assert any("20.0% of the policy's first choices are items the log never showed" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "standart"}, "unknown method 'standart'; did you mean 'standard'"),
        ({"method": "independent"}, "needs the chance of each item at its position"),
        ({"method": "pseudoinverse"}, "pass logging="),
        ({"policy": np.full((2_520, 3), 1 / 3)}, r"shape \(2520, 3\); expected \(2520, 4\)"),
        ({"policy": FixedPolicy(np.array([1.0, 0, 0, 0]))}, "a chance to 1 items where list 0 has 2 positions"),
        ({"logging": FixedPolicy(np.array([0.5, 0.5, 0, 0]))}, "no chance to .* logged items, first in list"),
        ({"position_weights": [1.0]}, "one finite number for each of the 2 positions"),
        ({"cluster": "user"}, "does not say whose lists"),
        ({"cluster": "item"}, "the only word known is 'user'"),
        ({"method": "cascade_dr", "reward_model": "forest"}, "give 'auto', or finite predictions of shape"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        ope.slate(exact_log(cascade, 2), **({"policy": FixedPolicy(new)} | change))


def table():
    return pd.DataFrame(
        {
            "slate_id": [7, 7, 9, 9, 9],
            "user_id": [1, 1, 0, 0, 0],
            "position": [0, 1, 0, 1, 2],
            "item_id": [2, 0, 1, 3, 2],
            "propensity": [0.2, 0.5, 0.3, 0.25, 0.5],
            "slate_propensity": [0.1, 0.1, 0.0375, 0.0375, 0.0375],
            "reward": [1.0, 0, 0, 1, 0],
            "timestamp": ["late", None, "early", "", "?"],
        }
    )


def test_a_table_in_any_order_becomes_lists_and_a_table_again():
    log = ope.SlateLog.from_frame(
        table().sample(frac=1, random_state=0), 4, pd.DataFrame({"user_id": [0, 1], "x": [5, 6]})
    )
    assert log.action.tolist() == [[2, 0, -1], [1, 3, 2]]
    assert log.contexts["x"].tolist() == [6, 5]
    assert log.first.action.tolist() == [2, 1]
    again = ope.SlateLog.from_frame(log.to_frame(), 4)
    for name in ("action", "reward", "propensity", "slate_propensity", "user"):
        np.testing.assert_array_equal(getattr(again, name), getattr(log, name))
    named = ope.SlateLog.from_frame(table().assign(item_id=list("cabdc")), list("abcd"))
    np.testing.assert_array_equal(named.action, log.action)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"position": [0, 2, 0, 1, 2]}, r"1 slates lacks a position, first slate 7 with positions \[0, 2\]"),
        ({"position": [1, 2, 1, 2, 3]}, "count them from 0"),
        ({"position": [0, 0, 0, 1, 2]}, "1 slates has a position twice, first slate 7"),
        ({"position": [0, 0.5, 0, 1, 2]}, "'position' has 1 values that are no position, first at row 1: 0.5"),
        ({"item_id": [2, 2, 1, 3, 2]}, "1 lists show an item twice, first list 0: item 2"),
        ({"item_id": [2, 0, 1, 8, 2]}, "1 items outside the catalogue of 4, first in slate 9: 8"),
        ({"item_id": list("cabdc")}, "give items=, the ids in the order"),
        ({"propensity": [0.2, np.nan, 0.3, 0.25, 0.5]},
         r"'propensity' has 1 values that are missing .* slate 7 at position 1"),
        ({"propensity": [0.2, 0.5, 0.3, 0.25, 1.5]}, r"1 values outside \(0, 1\], first in list 1 at position 2: 1.5"),
        ({"slate_propensity": [0.2, 0.2, 0.0375, 0.0375, 0.0375]},
         "not the product of their items' propensities, first list 0: 0.2 beside 0.1"),
        ({"slate_propensity": [0.1, 0.2, 0.0375, 0.0375, 0.0375]},
         "'slate_propensity' differs within 1 slates, first slate 7"),
        ({"item_id": [2, 0, None, 3, 2]}, "'item_id' is missing in 1 slots, first in slate 9 at position 0"),
        ({"reward": [1, 0, 0, None, 0]}, "'reward' has 1 values that are missing"),
        ({"user_id": [1, 2, 0, 0, 0]}, "'user_id' differs within 1 slates"),
    ],
)  # fmt: skip
def test_a_broken_table_is_named(broken, message):
    with pytest.raises(ValueError, match=message):
        ope.SlateLog.from_frame(table().assign(**broken), 4)


def test_missing_columns_users_and_contexts_are_named():
    with pytest.raises(ValueError, match=r"lacks 'slate_id' \(did you mean 'slateid'\?\)"):
        ope.SlateLog.from_frame(table().rename(columns={"slate_id": "slateid"}), 4)
    with pytest.raises(ValueError, match="contexts lack 1 lists' users, first 0"):
        ope.SlateLog.from_frame(table(), 4, pd.DataFrame({"user_id": [1]}))
    with pytest.raises(ValueError, match=r"list 1 is .*items fill positions from the first without a gap"):
        ope.SlateLog(np.zeros((2, 0)), [[1, 2], [-1, 0]], np.zeros((2, 2)), 3)
    bare = ope.SlateLog(np.zeros((2, 0)), [[1, 2], [2, 0]], np.zeros((2, 2)), 3, slate_propensity=[0.2, 0.2])
    with pytest.raises(ValueError, match="method='standard' needs only the slate_propensity"):
        ope.slate(bare, UniformPolicy(3), "reward_interaction")
