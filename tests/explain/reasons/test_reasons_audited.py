"""The audit passes what is written and catches every fault that is planted; the door refuses bad questions."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import Estimate
from causalrec_lab.data import Dataset
from causalrec_lab.explain import reasons
from causalrec_lab.recommender import EASE, RecommenderConfig, TransformerRecommender
from causalrec_lab.world import Platform


def planted(told, row=0, **cells):
    """Reasons with some cells of a row changed."""
    table = told.table.copy()
    for name, value in cells.items():
        changed = list(table[name])
        changed[row] = value(changed[row]) if callable(value) else value
        table[name] = pd.Series(changed, index=table.index, dtype=table[name].dtype)
    return replace(told, table=table)


@pytest.fixture
def told(model, log, effects):
    return reasons.write(model, log, [1, 2, 4, 5], effects=effects, cite=3, least=0)


def test_what_is_written_passes(told, log, model, effects):
    for language in ("en", "zh"):
        for k in (1, 3):
            some = reasons.write(model, log, [1, 2, 3, 4, 5], effects=effects, k=k, language=language)
            found = reasons.check(some, log)
            assert found["ok"].all(), found
            assert (found["fault"] == "").all()
    forced = reasons.write(model, log, 1, items=8, force=True, effects=effects)
    assert forced.table["kind"].tolist() == ["forced"]
    assert forced.of(1).startswith("Not recommended: its rank is 5, ranks up to 1 are; what speaks for it is that")
    assert reasons.check(forced, log)["ok"].all()
    for user in (3, 4):
        bare = reasons.write(model, log, user, items=9, force=True, effects=effects)
        assert "nothing single that you did speaks for it" in bare.of(user)
        assert reasons.check(bare, log)["ok"].all()


FAULTS = {
    "an item the user never met": ({"evidence": (9,), "acts": ("click",), "sentence": lambda s: s}, "seen"),
    "a deed the user did not do": ({"acts": ("purchase", "purchase")}, "seen"),
    "an event after the decision": ({"at": pd.Timestamp("2025-03-02")}, "before"),
    "an event at the decision's very time": ({"at": pd.Timestamp("2025-03-03")}, "before"),
    "the recommended item itself": ({"item_id": 0}, "other"),
    "a title of another item": ({"sentence": lambda s: s.replace("Alpha", "Kappa")}, "titles"),
    "titles under each other's verbs": (
        {"sentence": lambda s: s.replace("Alpha", "~").replace("Beta 2", "Alpha").replace("~", "Beta 2")}, "titles"),
    "a title too many": ({"sentence": lambda s: s.replace("“Alpha”", "“Alpha” and “Kappa”")}, "titles"),
    "a liking without ground": ({"liked": "b", "sentence": lambda s: s.replace("like a;", "like b;")}, "liked"),
    "a liking that is not said": ({"sentence": lambda s: s.replace(" and like a;", ";")}, "liked"),
    "the effect of another group": ({"effect": -0.031}, "group"),
    "another group's name": ({"group": "down"}, "group"),
    "a rise called a fall": ({"sentence": lambda s: s.replace("raises", "lowers")}, "hedged"),
    "because without partly": ({"rank_without": 1}, "hedged"),
    "a number made larger": ({"sentence": lambda s: s.replace("by 4 ", "by 5 ")}, "numbers"),
    "an interval made shorter": ({"sentence": lambda s: s.replace("[2, 6]", "[3, 5]")}, "numbers"),
    "an interval left out": ({"sentence": lambda s: s.replace(" [2, 6]", "")}, "numbers"),
    "one number more": ({"sentence": lambda s: s[:-1] + " 7."}, "numbers"),
    "an effect on the person": ({"sentence": lambda s: s[:-1] + ". It will make you buy."}, "impersonal"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_each_planted_fault_is_caught_and_named(told, log, fault):
    cells, column = FAULTS[fault]
    found = reasons.check(planted(told, **cells), log)
    assert not found[column][0]
    assert column in found["fault"][0]
    assert not found["ok"][0]
    assert found["ok"][1:].all()  # and nobody else's


def test_an_effect_whose_interval_covers_zero_is_caught_unless_it_says_so(model, log, effects):
    told = reasons.write(model, log, 3, effects=effects)
    assert reasons.check(told, log)["ok"].all()

    def claimed(text):
        return text.replace("whether showing", "showing").replace("changes", "raises").replace("cannot be told", "")

    found = reasons.check(planted(told, sentence=claimed), log)
    assert {"hedged", "understood"} <= set(found["fault"][0].split(", "))
    wider = replace(effects, estimates={**effects.estimates, "up": Estimate(0.04, 0.03)})
    sure = reasons.write(model, log, 1, effects=effects)
    assert "hedged" in reasons.check(replace(sure, effects=wider), log)["fault"][0]


def test_a_place_among_the_popular_is_checked_against_the_log(model, log):
    told = reasons.write(model, log, 3, items=0, force=True)
    assert reasons.check(told, log)["ok"].all()
    assert not reasons.check(planted(told, sentence=lambda s: s.replace("number 1", "number 2")), log)["ok"].any()


def test_reasons_of_a_platform_agree_with_its_log():
    """20 users, two models, both languages: no fault; and a leak put into the log is found."""
    log = Platform.make("music", seed=5, n_users=150, n_items=30, base_rate="common").log(5_000, 0)
    acts = log.events[log.events["event"] != "view"].drop_duplicates(["user_id", "item_id"])
    effects = reasons.group_effects(log, "segment", outcome="save")
    small = RecommenderConfig(length=12, dim=8, heads=1, epochs=2, tokens=1_000, precision="fp32")
    models = [EASE().fit(acts, items=log.items), TransformerRecommender(small).fit(acts, callbacks=(), items=log.items)]
    at = log.events["timestamp"].quantile(0.7)
    for model in models:
        for options in ({}, {"language": "zh"}, {"at": at, "history": acts}):
            told = reasons.write(model, log, range(20), k=2, effects=effects, **options)
            assert len(told) == 40
            found = reasons.check(told, log)
            assert found["ok"].all(), found[~found["ok"]]
    assert (told.table["kind"] == "history").mean() > 0.5
    early = log.events[log.events["timestamp"] < at]
    held = set(zip(early["user_id"], early["item_id"], strict=True))
    cited = told.table.explode("evidence").dropna(subset=["evidence"])
    assert set(zip(cited["user_id"], cited["evidence"], strict=True)) <= held
    late = replace(log, events=log.events.assign(timestamp=log.events["timestamp"] + pd.Timedelta(days=300)))
    assert not reasons.check(told, late).loc[told.table["evidence"].str.len() > 0, "before"].any()


def test_cited_items_move_the_model_more_than_others():
    log = Platform.make("video", seed=5, n_users=150, n_items=30, base_rate="common").log(5_000, 0)
    acts = log.events[log.events["event"] != "view"].drop_duplicates(["user_id", "item_id"])
    model = EASE().fit(acts, items=log.items)
    told = reasons.write(model, log, range(30))
    found = reasons.faithfulness(model, log, told, draws=10)
    assert found.difference.low > 0
    assert found.share.high < 1
    np.testing.assert_allclose(found.table["drop_cited"], told.table.set_index(["user_id", "item_id"]).loc[
        list(zip(found.table["user_id"], found.table["item_id"], strict=True)), "drop"])  # fmt: skip
    blind = planted_at_random(told, model)
    null = reasons.faithfulness(model, log, blind, draws=10)
    assert null.difference.low < 0.5 * found.difference.value  # what was cited at random does not stand out as much
    assert reasons.faithfulness(model, log, told, draws=10).difference == found.difference
    with pytest.raises(ValueError, match="fewer than two users"):
        reasons.faithfulness(model, log, reasons.write(model, log, [0]))


def planted_at_random(told, model):
    """The same numbers of items, drawn from each user's history."""
    rng = np.random.default_rng(0)
    table = told.table.copy()
    drawn = []
    for row in table.itertuples():
        own = model.catalogue[np.unique(model.histories.take(pd.Index([row.user_id])).items) - 1]
        drawn.append(tuple(rng.permutation(own)[: len(row.evidence)]))
    table["evidence"] = pd.Series(drawn, index=table.index, dtype=object)
    return replace(told, table=table)


BAD = {
    "an item not recommended": ({"items": 9}, ValueError, r"item 9 was not recommended to user 1: .*rank .*force=True"),
    "an item the user has": ({"items": 0}, ValueError, "in the history of user 1 already"),
    "an unknown item": ({"items": 99}, KeyError, "item 99 is not in the catalogue of 20"),
    "an item for somebody else": ({"items": {2: 8}}, ValueError, "names user 2"),
    "too many ranks": ({"k": 21}, ValueError, r"k=21.*has 20 items"),
    "no rank": ({"k": 0}, ValueError, "k=0"),
    "nothing cited": ({"cite": 0}, ValueError, "cite=0"),
    "a share of all": ({"least": 1.0}, ValueError, "least=1.0"),
    "another language": ({"language": "de"}, ValueError, "'en', 'zh'"),
    "another way": ({"by": "attention"}, ValueError, "by='attention'"),
    "another doubt": ({"unsure": "hide"}, ValueError, "unsure='hide'"),
    "a moment without a history": ({"at": pd.Timestamp("2025-03-04")}, ValueError, "needs history="),
}


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_questions_are_refused_with_the_way_out(model, log, bad):
    options, kind, words = BAD[bad]
    with pytest.raises(kind, match=words):
        reasons.write(model, log, 1, **options)


def test_strangers_empty_logs_and_odd_logs(model, log, effects):
    with pytest.raises(KeyError, match="'nobody' stands in no table"):
        reasons.write(model, log, "nobody")
    with pytest.raises(ValueError, match="no user was named"):
        reasons.write(model, log, [])
    with pytest.raises(ValueError, match="has no events"):
        reasons.write(model, Dataset("x", items=log.items), 1)
    with pytest.raises(ValueError, match="no events, so nothing"):
        reasons.write(model, replace(log, events=log.events.iloc[:0]), 1)
    with pytest.raises(ValueError, match=r"no kind of event.*'Kauf'.*having"):
        reasons.write(model, replace(log, events=log.events.assign(event="Kauf")), 1)
    own = reasons.words("ecommerce").having(acts={"Kauf": "kaufte {}"})
    bought = reasons.write(model, replace(log, events=log.events.assign(event="Kauf")), 1, scenario=own)
    assert "kaufte “Alpha”" in bought.of(1)
    plain = reasons.write(model, replace(log, name="mine", events=log.events.drop(columns="event")), 1)
    assert plain.of(1).startswith("Because you chose “Alpha”")
    assert reasons.check(plain, replace(log, events=log.events.drop(columns="event")))["ok"].all()
    with pytest.raises(ValueError, match="set beside the timestamps"):
        reasons.write(model, log, 1, at="yesterday", history=log.events)
    with pytest.raises(ValueError, match="no moment for user 1"):
        reasons.write(model, log, 1, at={2: pd.Timestamp("2025-03-04")}, history=log.events)


def test_users_without_an_estimate_are_told_nothing_of_effects(model, log, effects):
    table = reasons.write(model, log, [4, 5], effects=effects).table
    assert "group 'none' has no estimate" in table["note"][0]
    assert "no group by segment" in table["note"][1]
    assert table["told"].isna().all()
    assert not table["sentence"].str.contains("shoppers like you").any()
    no_interval = Estimate(0.04, np.nan, notes=("no valid error",))
    odd = reasons.GroupEffects({"up": no_interval}, effects.groups, "purchase", "segment")
    row = reasons.write(model, log, 1, effects=odd).table.iloc[0]
    assert "no valid interval" in row["note"]
    assert "raises" not in row["sentence"]


def test_groups_that_cannot_be_are_refused(log, effects):
    with pytest.raises(ValueError, match="more than once"):
        reasons.GroupEffects({}, pd.Series(["a", "b"], index=[1, 1]), "purchase", "segment")
    platform = Platform.make("video", seed=3, n_users=40, n_items=10, base_rate="common").log(800, 0)
    with pytest.raises(ValueError, match="activity"):
        reasons.group_effects(platform, "activty", outcome="finish")
    with pytest.raises(ValueError, match="finish"):
        reasons.group_effects(platform, outcome="finsh")
    with pytest.raises(ValueError, match="no group"):
        reasons.group_effects(platform, "segment", outcome="finish", fewest=5_000)
    with pytest.raises(ValueError, match="give covariates="):
        reasons.group_effects(replace(platform, extra={}), outcome="finish")
    some = reasons.group_effects(platform, "segment", outcome="finish", fewest=60)
    assert 0 < len(some.estimates) < 4
    assert any("too few decisions" in note for note in some.notes)


def test_results_show_themselves_and_find_a_reason(told, model, log, effects):
    from matplotlib import pyplot as plt

    assert told.of(1, 7) == told.of(1)
    with pytest.raises(KeyError, match="no reason for user 99"):
        told.of(99)
    with pytest.raises(KeyError, match="name one of them"):
        reasons.write(model, log, 1, k=2).of(1)
    facts = told.summary()
    assert facts["reasons"] == 4
    assert facts["effect told"] == 2
    assert facts["no effect"] == 2
    for part in (told, effects):
        assert part._repr_html_() == part._repr_html_()
        part.plot()
        plt.close("all")
