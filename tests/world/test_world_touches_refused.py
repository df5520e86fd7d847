"""Touches, cases and policies over touches that do not fit are refused, with the way out."""

from dataclasses import replace

import numpy as np
import pytest

from causalrec_lab.policy import UniformPolicy
from causalrec_lab.world import Platform
from causalrec_lab.world.scenarios.presets import scenario


@pytest.fixture(scope="module")
def shop():
    return Platform.make(seed=4, n_users=600, n_items=80, base_rate="common")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: p.touches("nugde", 10), "touch 'nugde' is unknown to 'ecommerce'; did you mean nudge"),
        (lambda p: p.truth.touch_effect("raeson"), "did you mean reason"),
        (lambda p: p.truth.policy_value(p.logging_policy(), touch="mail"), "did you mean none, reason, nudge"),
        (lambda p: p.touches("nudge", 10, reward="purchases"), "'purchases' is unknown.*did you mean purchase"),
        (lambda p: p.truth.touch_effect("nudge", "bought"), "outcome 'bought' is unknown"),
        (lambda p: p.truth.touch_effect("nudge", by="segmen"), "no column 'segmen'.*did you mean segment"),
        (lambda p: p.truth.touch_effect("nudge", by=[1, 2]), r"labels of shape \(2,\); give one a user, \(600,\)"),
        (lambda p: p.truth.touch_effect("nudge", by=["a"] * 599 + [None]), "no label for 1 users, first for user 599"),
        (lambda p: p.truth.touch_effect("nudge", by=[np.nan] * 600), "no label for 600 users, first for user 0"),
        (lambda p: p.touches(UniformPolicy(2), 10), "gave probabilities of shape"),
        (lambda p: p.touches("nudge", 0), "n=0: give a whole number of at least 1"),
        (lambda p: p.touch_policy(0.0), "what is never tried cannot be valued"),
        (lambda p: p.touch_policy(1.5), r"explore=1.5 is outside \[0, 1\]"),
        (
            lambda p: p.experiment(dict.fromkeys("ab", p.logging_policy()), 10, touches={"c": "nudge"}),
            "touches names the arm 'c', which no policy has; did you mean a, b",
        ),
    ],
)
def test_what_is_unknown_is_named_with_the_way_out(shop, call, message):
    with pytest.raises(ValueError, match=message):
        call(shop)


def test_a_touch_is_a_name_or_a_policy(shop):
    with pytest.raises(TypeError, match=r"touch=3 is no policy over .'none', 'reason', 'nudge'.; give one of those"):
        shop.truth.policy_value(shop.logging_policy(), touch=3)


def test_arms_are_touched_by_name(shop):
    with pytest.raises(TypeError, match=r"touches=\['a'\]: give each arm's name and touch, as in {'new': 'reason'}"):
        shop.experiment(dict.fromkeys("ab", shop.logging_policy()), 10, touches=["a"])


def test_a_scenario_without_touches_says_so():
    bare = Platform.make(replace(scenario("ecommerce"), touches=()), n_users=50, n_items=20)
    for call in (lambda: bare.touches("nudge", 5), bare.touch_policy, lambda: bare.truth.touch_effect("reason")):
        with pytest.raises(ValueError, match="scenario 'ecommerce' has no touches"):
            call()


NUDGE, REASON = scenario("ecommerce").touches[1], scenario("ecommerce").touches[0]
CASE = scenario("ecommerce").case


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"touches": (NUDGE, NUDGE)}, "touch 'nudge' stands twice"),
        ({"touches": (replace(NUDGE, name="none"),)}, "touch 'none' stands twice, or is what 0 is called"),
        ({"touches": (replace(NUDGE, stages={"veiw": 1.0}),)}, "moves 'veiw', which is no stage; did you mean view"),
        ({"touches": (replace(NUDGE, cost=-1.0),)}, "cost=-1.0; give a number of EUR"),
        ({"touches": (NUDGE, replace(REASON, unit="USD"))}, "costs in several units"),
        ({"touches": (replace(NUDGE, unit="USD"),)}, "touches cost USD and case.worth is in EUR"),
        ({"case": replace(CASE, outcome="order")}, "case.outcome='order' is no outcome"),
        ({"case": replace(CASE, worth={"purchase": 1.0})}, "case.worth leaves out 'returned'"),
        ({"touches": [NUDGE]}, "touches=.* is no tuple; give one"),
        ({"touches": ("nudge",)}, r"touches holds 'nudge'; give each as Touch\("),
        ({"touches": (replace(NUDGE, name=""),)}, "a touch is called ''; give it a word"),
        ({"touches": (replace(NUDGE, stages=("view",)),)}, r"stages=\('view',\); give a mapping"),
        ({"touches": (replace(NUDGE, stages={"view": np.nan}),)}, "'nudge' has view=nan, a coefficient; give a finite"),
        ({"touches": (replace(NUDGE, stages={"view": "0.8"}),)}, "'nudge' has view='0.8', a coefficient"),
        (
            {"touches": (replace(NUDGE, fatigue=np.inf),)},
            "'nudge' has fatigue=inf, a coefficient; give a finite number",
        ),
        ({"touches": (replace(NUDGE, cost="1"),)}, "cost='1'; give a number of EUR of at least 0"),
        ({"touches": (replace(NUDGE, cost=True),)}, "cost=True; give a number of EUR of at least 0"),
        (
            {"touches": (replace(NUDGE, says="Look: {titel}"),)},
            "which cannot be filled in; write {title} where the item",
        ),
        ({"touches": (replace(NUDGE, says="Look: {"),)}, "which cannot be filled in"),
        ({"case": {"outcome": "purchase"}}, "give a Case, or None"),
        ({"case": replace(CASE, long_term="purchase")}, "are both 'purchase'; the second guards the first"),
        (
            {"case": replace(CASE, worth={**CASE.worth, "viwe": 1.0})},
            "prices 'viwe', which is no outcome; did you mean",
        ),
        ({"case": replace(CASE, worth={**CASE.worth, "view": 1.0})}, "case.units leaves out 'view', which case.worth"),
        (
            {"case": replace(CASE, worth={**CASE.worth, "purchase": np.nan})},
            r"\['purchase'\]=nan; give a finite number",
        ),
    ],
)
def test_touches_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=f"scenario 'ecommerce': .*{message}"):
        replace(scenario("ecommerce"), **change)
