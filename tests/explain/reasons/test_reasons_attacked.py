"""A hostile reader of reasons: sentences that are false in ways an audit by parts would miss."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import Estimate
from causalrec_lab.data import Dataset
from causalrec_lab.explain import reasons
from causalrec_lab.explain.reasons.figures import decimals, number_text
from causalrec_lab.explain.reasons.titles import shown_title
from causalrec_lab.world import Platform


@pytest.fixture
def told(model, log, effects):
    return reasons.write(model, log, [1, 2, 4, 5], effects=effects, cite=3, least=0)


def changed(told, change, row=0, **cells):
    table = told.table.copy()
    sentences = list(table["sentence"])
    sentences[row] = change(sentences[row])
    for name, value in cells.items():
        table[name] = pd.Series([value if n == row else v for n, v in enumerate(table[name])], dtype=table[name].dtype)
    return replace(told, table=table.assign(sentence=sentences))


UNDER = "“Alpha” and looked at “Beta 2”"
FALSE = {
    "another group is named": (lambda s: s.replace("segment: up", "segment: down"), "group"),
    "no group is named": (lambda s: s.replace(" (segment: up)", ""), "group"),
    "another outcome": (lambda s: s.replace("the chance of buying it", "the chance of loving it"), "understood"),
    "a negation before the verb": (lambda s: s.replace("raises", "never raises"), "understood"),
    "a negation before the history": (lambda s: s.replace("Because you", "Not because you"), "understood"),
    "a liking that is in no column": (
        lambda s: s.replace("like a;", "like a and like horror;"), "understood"),
    "a liking that begins like another": (lambda s: s.replace("like a;", "like apples;"), "understood"),
    "an item without quotes": (lambda s: s.replace(UNDER, UNDER + " and Kappa"), "understood"),
    "an item in straight quotes": (lambda s: s.replace(UNDER, UNDER + ' and "Kappa"'), "understood"),
    "praise": (lambda s: s[:-1] + ", and it is the best there is.", "understood"),
    "a causal claim without a number": (lambda s: s[:-1] + ", because Alpha changed your taste.", "understood"),
    "the clauses joined as cause and effect": (lambda s: s.replace("; for shoppers", ", for shoppers"), "understood"),
    "an interval's ends exchanged": (lambda s: s.replace("[2, 6]", "[6, 2]"), "numbers"),
    "the estimate and an end exchanged": (lambda s: s.replace("4 percentage points [2, 6]",
                                                              "2 percentage points [4, 6]"), "numbers"),
    "percent for points": (lambda s: s.replace("percentage points", "percent"), "understood"),
    "on average is gone": (lambda s: s.replace(" on average", ""), "understood"),
    "the effect is gone": (lambda s: s[: s.index("; for")] + ".", "understood"),
    "nothing but a promise": (lambda s: "This product suits everybody.", "understood"),
    "empty": (lambda s: "", "understood"),
    "a hidden character": (lambda s: s.replace("raises", "rai\u200bses"), "understood"),
    "a letter of another alphabet": (lambda s: s.replace("raises", "r\u0430ises"), "understood"),
    "struck through": (lambda s: s.replace("Because", "B\u0336ecause"), "understood"),
    "a number in words": (lambda s: s.replace("by 4 ", "by four "), "numbers"),
    "markup": (lambda s: s.replace("raises", "<b>raises</b>"), "understood"),
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE, ids=str)
def test_the_audit_reads_the_sentence_whole(told, log, name):
    change, column = FALSE[name]
    text = told.table["sentence"][0]
    assert change(text) != text
    found = reasons.check(changed(told, change), log)
    assert column in found["fault"][0].split(", ")
    assert found["ok"][1:].all()


def test_to_have_been_shown_an_item_is_no_act_even_where_the_sentence_says_chose(told, log):
    """User 1 was shown item 3 and did nothing with it."""

    def chose(text):
        return text.replace("bought “Alpha” and looked at “Beta 2” and like a", "chose “Δέλτα & ‘sons’”")

    shown = changed(told, chose, evidence=(3,), acts=("view",), liked="")
    assert "you chose “Δέλτα & ‘sons’”; for" in shown.of(1)
    found = reasons.check(shown, log)
    assert not found["seen"][0]


def test_no_history_is_said_only_of_somebody_without_one(model, log, effects):
    """The model has not read user 3; the log has: what the user did since the training is a history."""
    late = pd.DataFrame([(3, 9, "click", pd.Timestamp("2025-03-05"))],
                        columns=["user_id", "item_id", "event", "timestamp"])  # fmt: skip
    longer = replace(log, events=pd.concat([log.events, late], ignore_index=True))
    told = reasons.write(model, longer, 3, effects=effects)
    assert told.table["kind"].tolist() == ["lone"]
    assert "no history" not in told.of(3)
    assert reasons.check(told, longer)["ok"].all()
    cold = reasons.write(model, log, 3, effects=effects)
    assert "no history" in cold.of(3)
    assert "opening" in reasons.check(cold, longer)["fault"][0]


def test_an_item_of_the_history_is_not_said_to_be_recommended(model, log):
    """Forced: item 0 stands first by its score and was met, so that it is in no list."""
    weights = np.zeros((20, 20))
    weights[1, 0] = 5.0
    told = reasons.write(type(model)(weights, log.events), log, 1, items=0, force=True)
    assert told.table["kind"].tolist() == ["forced"]
    assert told.of(1).startswith(
        "Not recommended: it is in your history already; what speaks for it is that you looked"
    )
    assert reasons.check(told, log)["ok"].all()
    zh = reasons.write(type(model)(weights, log.events), log, 1, items=0, force=True, language="zh")
    assert "已在您的历史记录中" in zh.of(1)
    assert reasons.check(zh, log)["ok"].all()


def test_shares_stand_beside_their_own_titles(model, log):
    """Three cited items whose verbs alternate: the sentence groups titles by verb, and the small print follows it."""
    bought = log.events.assign(event=["view", "purchase", "click", "purchase", *log.events["event"][4:]])
    weights = np.zeros((20, 20))
    weights[0, 7], weights[1, 7], weights[2, 7] = 2.5, 3.0, 2.0
    table = reasons.write(type(model)(weights, log.events), replace(log, events=bought), 1, cite=3)
    row = table.table.iloc[0]
    assert row["evidence"] == (0, 1, 2)
    assert "bought “Alpha” and “The" in row["sentence"]
    share = dict(zip(row["evidence"], row["shares"], strict=True))
    assert f"Beta 2: {share[1]:.0%}" in table.html()
    assert f"Alpha: {share[0]:.0%}" in table.html()


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (Estimate(0.01, 0.006, (0.006, 0.03)), "by 1 percentage point [1, 3]"),
        (Estimate(-0.01, 0.001, (-0.012, -0.008)), "by 1.0 percentage points [0.8, 1.2]"),
        (Estimate(3e-11, 1e-11), "by 0.000000003 percentage points [0.000000001, 0.000000005]"),
        (Estimate(0.9, 0.0, (0.9, 0.9)), "by 90.00 percentage points [90.00, 90.00]"),
    ],
)
def test_figures_of_every_size_are_true_and_pass_their_own_audit(model, log, effects, estimate, said):
    one = replace(effects, estimates={"up": estimate})
    for language in ("en", "zh"):
        told = reasons.write(model, log, 1, effects=one, language=language)
        assert reasons.check(told, log)["ok"].all(), told.of(1)
    assert said in reasons.write(model, log, 1, effects=one).of(1)


def test_what_is_too_small_to_be_written_is_left_out(model, log, effects):
    tiny = replace(effects, estimates={"up": Estimate(3e-30, 1e-30)})
    told = reasons.write(model, log, 1, effects=tiny)
    assert "too small" in told.table["note"][0]
    assert "raises" not in told.of(1)
    assert reasons.check(told, log)["ok"].all()


def test_decimals_never_round_an_end_to_zero():
    for value, low, high in ((1.0, 1e-9, 2.0), (3e-9, 1e-9, 5e-9), (-1e-8, -2.0, 2e-12)):
        places = decimals(value, low, high)
        assert all(float(number_text(x, places)) * x > 0 for x in (value, low, high))


def test_a_unit_is_singular_beside_one(model, log, effects):
    one = replace(effects, estimates={"up": Estimate(1.0, 0.6, (0.6, 3.0))}, unit="minutes", outcome="dwell")
    assert "by 1 minute [1, 3]" in reasons.write(model, log, 1, effects=one).of(1)


def test_an_amount_is_no_chance(effects, log):
    with pytest.raises(ValueError, match=r"chance.*unit="):
        replace(effects, estimates={"up": Estimate(3.4, 0.5)})
    platform = Platform.make("video", seed=3, n_users=60, n_items=10, base_rate="common").log(1_500, 0)
    with pytest.raises(ValueError, match=r"watch_minutes.*unit="):
        reasons.group_effects(platform, "segment", outcome="watch_minutes", fewest=5)


def test_groups_are_found_by_the_users_own_key_only(effects):
    strings = reasons.GroupEffects({1: Estimate(0.1, 0.01)}, pd.Series([1.0], index=["a"]), "purchase", "age")
    assert strings.of(0) == ("", None)
    whole = reasons.GroupEffects({1: Estimate(0.1, 0.01)}, pd.Series([1], index=["a"]), "purchase", "age")
    assert whole.of("a")[1] == Estimate(0.1, 0.01)


def test_a_third_is_a_third():
    """Six in ten users have the same activity: no group is called a third of the users."""
    platform = Platform.make("video", seed=3, n_users=200, n_items=30, base_rate="common").log(6_000, 0)
    rng = np.random.default_rng(0)
    times = np.where(rng.random(200) < 0.6, 2.0, rng.uniform(3, 9, 200).round(1))
    tied = replace(platform, users=platform.users.assign(visits=times))
    found = reasons.group_effects(tied, "visits", outcome="finish", fewest=20)
    names = found.groups.unique()
    assert not any("of 3" in name for name in names)
    for name in names:
        held = times[(found.groups == name).to_numpy()]
        for limit in name.split(", "):
            mark, edge = limit.split()
            assert (held < float(edge)).all() if mark == "<" else (held >= float(edge)).all()


@pytest.mark.parametrize("mark", ["\u00ad", "\u061c", "\u180e", "\U000e0041", "\ue000", "\u2062", "\ufff9"])
def test_hidden_marks_leave_a_title(mark):
    assert shown_title(f"a{mark}b", 3) == "ab"
    assert shown_title(mark, 3) == "item 3"


def test_joiners_of_real_scripts_stay_and_a_title_of_nothing_else_is_none():
    assert shown_title("می\u200cخواهم", 3) == "\u2068می\u200cخواهم\u2069"
    assert shown_title("\u200d\u200c", 3) == "item 3"
    assert shown_title("\u0301", 3) == "item 3"


def test_missing_categories_make_nobody_like_anything_more(model, log):
    """The audit counts as the writer does where some items have no category."""
    items = log.items.assign(category=[*"aa", None, None, *log.items["category"][4:]])
    sparse = replace(log, items=items)
    told = reasons.write(model, sparse, [1, 2])
    assert reasons.check(told, sparse)["ok"].all()


def test_places_among_the_popular_are_counted_alike_whatever_the_model_knows(model, log):
    """A model that knows more items than the table: the number of items said is that of the table."""
    fewer = Dataset("ecommerce", events=log.events, items=log.items.iloc[:15], users=log.users)
    told = reasons.write(type(model)(np.zeros((20, 20)), log.events), fewer, 3, items=0, force=True)
    assert "number 1 of 15 products" in told.of(3)
    assert reasons.check(told, fewer)["ok"].all()


ATTACKS = {
    "somebody else's history": lambda s: s.replace("Because you bought", "Because they bought"),
    "the history's absence": lambda s: s.replace("Because you bought", "Because you bought what is on"),
    "the clauses as cause and effect": lambda s: s.replace("; for", ", for"),
    "the effect as the cause of the history": lambda s: "; ".join(
        [s[:-1].split("; ")[1].capitalize(), "so " + s[:-1].split("; ")[0].lower()]),
    "the effect as the ground of the recommendation": lambda s: s[:-1] + ", which is why we recommend it to you.",
    "before for because": lambda s: s.replace("Because you", "Before you"),
    "a question": lambda s: s[:-1] + "?",
    "a cross before it": lambda s: "❌ " + s,
    "struck through": lambda s: s[:-1] + "\u0336.",
    "a minus before it": lambda s: s.replace("by 4", "by ‑4"),
    "an entity": lambda s: s.replace("Alpha", "&#65;lpha"),
    "a markdown link": lambda s: s.replace("“Alpha”", "[“Alpha”](x)"),
    "you have met it": lambda s: "You have seen this, because" + s[7:],
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS, ids=str)
def test_joining_words_cannot_be_put_together_to_a_lie(model, log, effects, name):
    def lie(prompt):
        return ATTACKS[name](prompt.split("\n\n")[1])

    row = reasons.write(model, log, 1, effects=effects, generator=lie).table.iloc[0]
    assert row["sentence"] == row["template"]
    assert not row["rewritten"]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.replace("“Beta 2”", "“Beta 2”以外的"),
        lambda s: "在这之前，" + s,
        lambda s: s.replace("；", "，因此"),
        lambda s: s.replace("因为您", "因为您被"),
        lambda s: s[:-1] + "，由此推荐给您。",
    ],
)
def test_chinese_joining_words_cannot_either(model, log, effects, change):
    def lie(prompt):
        return change(prompt.split("\n\n")[1])

    row = reasons.write(model, log, 1, effects=effects, generator=lie, language="zh").table.iloc[0]
    assert row["sentence"] == row["template"]


def test_what_was_not_recommended_is_not_rewritten_as_recommended(model, log, effects):
    def warm(prompt):
        return "We recommend this to you: " + prompt.split("\n\n")[1].replace("Not rec", "not rec")

    told = reasons.write(model, log, 1, items=8, force=True, effects=effects, generator=warm)
    assert not told.table["rewritten"].any()
    plain = reasons.write(model, log, 1, effects=effects, generator=lambda p: "We recommend this to you, because"
                          + p.split("\n\n")[1][7:])  # fmt: skip
    assert plain.table["rewritten"].all()
    assert reasons.check(plain, log)["ok"].all()


def test_allowed_words_are_known_to_the_audit(model, log, effects):
    told = reasons.write(model, log, 1, effects=effects, allow=["gladly"],
                         generator=lambda p: "Gladly, because" + p.split("\n\n")[1][7:])  # fmt: skip
    assert told.table["rewritten"].all()
    assert reasons.check(told, log)["ok"].all()
    assert not reasons.check(replace(told, allow=()), log)["ok"].any()


def test_the_audit_of_many_reasons_passes_what_is_written(model, log):
    """Hundreds of reasons in a log of fifty thousand events."""
    rng = np.random.default_rng(0)
    users = np.arange(5_000)
    events = pd.DataFrame({"user_id": rng.integers(0, 5_000, 50_000), "item_id": rng.integers(0, 20, 50_000)})
    moments = pd.Timestamp("2025-03-01") + pd.to_timedelta(rng.integers(0, 9_999, 50_000), unit="min")
    events = events.assign(event="click", timestamp=moments)
    many = Dataset("ecommerce", events=events, items=log.items, users=pd.DataFrame({"user_id": users}))
    weights = rng.random((20, 20))
    told = reasons.write(type(model)(weights, events), many, users[:500], k=1)
    assert reasons.check(told, many)["ok"].all()
