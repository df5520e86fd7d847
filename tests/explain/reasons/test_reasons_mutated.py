"""Sentences changed at random are caught; sentences from hostile data pass their own audit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import Estimate
from causalrec_lab.data import Dataset
from causalrec_lab.explain import reasons

INSERTED = {
    "en": ["not", "never", "you", "because", "best", "for", "4", "“X”", "may", "people", "so", "which", "by", "0"],
    "zh": ["不", "因", "为", "和", "您", "也", "被", "最", "高", "低", "0", "因此", "喜欢"],
}  # fmt: skip
PIECES = [
    *map(chr, (0x22, 0x27, 0x3C, 0x3E, 0x26, 0x0A, 0x2028, 0x202E, 0x200B, 0x200D, 0x5D0, 0x4E2D, 0x1F600, 0x301)),
    *map(chr, (0x201C, 0x201D, 0x300C, 0x7B, 0x7D, 0x25, 0x3B, 0x2E, 0x3002, 0xFF1B, 0x5B, 0x5D, 0x31, 0x2212)),
    "a", " ", "c", "12", "raises", "not ", "for people like you", "cannot be told", "{0}", "提高", "&amp;",
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_word_can_be_changed(model, log, effects, language):
    """Every word left out, exchanged with the next, replaced, or another put in: nothing of it is understood."""
    told = reasons.write(model, log, [1, 2, 3], effects=effects, language=language)
    rng = np.random.default_rng(0)
    joint = " " if language == "en" else ""
    for row, text in enumerate(told.table["sentence"]):
        words = text.split(" ") if language == "en" else list(text)
        mutants = []
        for place in range(1, len(words) - 1):
            before, word, after = words[:place], words[place], words[place + 1 :]
            new = str(rng.choice([other for other in INSERTED[language] if other not in (word, words[place - 1])]))
            mutants += [[*before, *after], [*before, new, *after], [*before, new, word, *after]]
            mutants.append([*before, after[0], word, *after[1:]] if after[0] != word else [*before, *after])
        found = [joint.join(mutant) for mutant in mutants if joint.join(mutant) != text]
        many = pd.concat([told.table.iloc[[row]]] * len(found), ignore_index=True).assign(sentence=found)
        passed = reasons.check(replace(told, table=many), log)["ok"]
        assert not passed.any(), [sentence for sentence, ok in zip(found, passed, strict=True) if ok][:3]


@pytest.mark.parametrize("seed", range(8))
def test_hostile_titles_categories_and_groups_pass_their_own_audit(model, seed):
    rng = np.random.default_rng(seed)

    def some(most):
        return "".join(rng.choice(PIECES, rng.integers(0, most)))

    events = pd.DataFrame({
        "user_id": rng.integers(0, 7, 60), "item_id": rng.integers(0, 12, 60),
        "event": rng.choice(["view", "click", "cart", "purchase"], 60),
        "timestamp": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 40, 60), unit="D"),
    })  # fmt: skip
    items = pd.DataFrame({"item_id": range(12), "title": [some(12) for _ in range(12)]})
    items["category"] = rng.choice([some(4) for _ in range(3)], 12)
    items.loc[rng.choice(12, 2, replace=False), ["title", "category"]] = None
    data = Dataset("ecommerce", events=events, items=items, users=pd.DataFrame({"user_id": range(8)}))
    recommender = type(model)(np.round(rng.normal(size=(12, 12)), 1), events[events["event"] != "view"])
    value, names = float(rng.normal() * 10.0 ** rng.integers(-9, -1)), [some(5) + "1", some(5) + "2"]
    estimates = {names[0]: Estimate(value, abs(value) * rng.uniform(0, 1)), names[1]: Estimate(0.0, 0.0)}
    groups = pd.Series([names[user % 2] for user in range(6)], index=range(6))
    effects = reasons.GroupEffects(estimates, groups, "purchase", some(3) + "b")
    for language in ("en", "zh"):
        told = reasons.write(recommender, data, range(8), k=2, effects=effects, language=language, cite=3, least=0)
        found = reasons.check(told, data)
        assert found["ok"].all(), told.table.loc[~found["ok"], "sentence"].tolist()
        assert "<b" not in told.html().replace("<br>", "")


def test_questions_about_nothing_and_of_another_kind_are_refused(model, log, effects):
    for nothing in ([], {}):
        with pytest.raises(ValueError, match="no item is named"):
            reasons.write(model, log, 1, items=nothing)
    with pytest.raises(TypeError, match="effects= is a dict; give GroupEffects"):
        reasons.write(model, log, 1, effects=dict(effects.estimates))
    with pytest.raises(ValueError, match="cite='a'"):
        reasons.write(model, log, 1, cite="a")


def test_one_allowed_phrase_is_a_phrase_and_not_its_letters(model, log):
    told = reasons.write(model, log, 1, allow="gladly", generator=lambda p: "Gladly, b" + p.split("\n\n")[1][1:])
    assert told.table["rewritten"].all()
    assert reasons.check(told, log)["ok"].all()


def test_a_missing_sentence_is_a_fault_and_no_crash(model, log, effects):
    told = reasons.write(model, log, 1, effects=effects)
    for nothing in (None, np.nan, ""):
        empty = replace(told, table=told.table.assign(sentence=pd.Series([nothing], dtype=object)))
        assert "understood" in reasons.check(empty, log)["fault"][0]
