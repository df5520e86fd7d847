"""What the case study says holds whatever was found: each cell of words is run on findings made up for it."""

from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest

from causalrec_lab import Estimate, compare
from causalrec_lab.estimate import Truth
from causalrec_lab.intervention import choose, choosing
from causalrec_lab.world.scenarios.presets import scenario

CASE = Path(__file__).parents[2] / "notebooks" / "cases" / "case_study.ipynb"
SHOP = scenario("ecommerce")
PER = "EUR per 1,000 recommendations"


def words(cell: str, **names: Any) -> tuple[str, dict[str, Any]]:
    """What a cell displays, and what it assigned."""
    notebook: Any = nbformat.read(CASE, as_version=4)
    source = next(one.source for one in notebook.cells if one.id == cell)
    said: list[str] = []
    given = {**names, "Markdown": str, "display": lambda *shown: said.extend(map(str, shown)), "np": np, "pd": pd}
    exec(compile(source, cell, "exec"), given)
    return "\n".join(said), given


def near(value: float, error: float) -> Estimate:
    return Estimate(value, error, estimand="effect", method="made up", n=100)


@pytest.mark.parametrize("tables", [0.1249, 0.125, 0.3])
def test_no_share_is_taken_of_an_error_that_may_be_chance(tables: float) -> None:
    found = {"naive": near(0.5, 0.02), "tables": near(tables, 0.05)}
    found |= {"tables and text": near(-0.05, 0.05), "oracle": near(0.1, 0.05)}
    said, _ = words("case-effect-words", found=found, effect=Truth(0.125), sample=range(3_000))
    assert "%" not in said
    missed = [name for name, one in found.items() if not one.covers(0.125)]
    assert f"misses the truth: **{', '.join(missed)}**" in said
    assert "-0.1750" in said
    found = dict.fromkeys(found, near(9.0, 0.1))
    said, _ = words("case-effect-words", found=found, effect=Truth(0.125), sample=range(3_000))
    assert "the others" not in said  # there are none


@pytest.mark.parametrize(("caused", "selected", "share"), [(1.0, 3.0, "**75%**"), (1.0, -3.0, None), (-1.0, 3.0, None)])
def test_a_share_is_one_of_parts_that_add_up(caused: float, selected: float, share: str | None) -> None:
    notebook: Any = nbformat.read(CASE, as_version=4)
    source = next(one.source for one in notebook.cells if one.id == "case-split").split("share = ")[1]
    said: list[str] = []
    names = {"caused": caused, "selected": selected, "Markdown": str, "display": said.append}
    exec("share = " + source, names)
    assert ("%" in said[0]) == (share is not None)
    assert share is None or share in said[0]


def decided(gains: dict[str, float], unclear: list[str], error: float = 1.0) -> tuple[str, dict[str, Any]]:
    """Both cells of the decision, for gains by the experiment and in truth, and guardrails that do not hold."""
    order = dict.fromkeys(("ranking", "reason", "nudge"))
    cuped = {name: near(gains[name], error) for name in order}
    spent = pd.DataFrame({"arm": list(order), "touch_cost": [0.0, 0.0001, 0.002]})
    names = {"order": order, "cuped": cuped, "tested": spent, "serving": 0.2, "unclear": unclear, "later": "returned"}
    names |= {"choose": choose, "choosing": choosing, "money": "EUR", "per": PER, "digits": 1}
    first, after = words("case-choose", **names)
    truth = {name: value + 1.0 for name, value in gains.items()}
    truly = {name: truth[name] - after["costs"][name] for name in order}
    more = {"truth": truth, "truly": truly, "runs": 100.0, "worth": lambda *_: 104.0}
    then, last = words("case-decision-words", **(after | more))
    return f"{first}\n{then}", last


def test_the_best_that_is_safe_is_taken_and_the_sentence_is_about_it() -> None:
    said, names = decided({"ranking": 90.0, "reason": 50.0, "nudge": -50.0}, unclear=["ranking"])
    assert names["winner"] == "reason"
    assert "> Adopt 'reason'" in said
    assert "The guardrail stops ranking" in said
    assert names["last"].to_dict() == {"ranking": "stopped", "reason": "adopt", "nudge": "reject"}
    assert "**Decision: reason**. In truth the largest gain is that of **ranking**" in said
    assert "gives away 39.9" in said


def test_nothing_is_taken_without_a_reason_why() -> None:
    said, names = decided({"ranking": 90.0, "reason": 1.0, "nudge": 2.0}, unclear=["ranking"])
    assert names["winner"] == "today"
    assert "**Decision: today**, since the guardrail stops ranking: not *no*, but *not yet*" in said
    said, _ = decided({"ranking": 1.0, "reason": 1.0, "nudge": 2.0}, unclear=[])
    assert "since no gain is clear with so few people" in said
    said, names = decided({"ranking": -90.0, "reason": -80.0, "nudge": -70.0}, unclear=[])
    assert "Reject" in said
    assert "**Decision: today**, since all of them lose. In truth the largest gain is that of **today** (+0.0" in said
    assert "the decision is right" in said


@pytest.mark.parametrize(
    ("often", "told"),
    [
        (0, "where the two had never met"),
        (1, "met once at most"),
        (2, "met twice at most"),
        (3, "nudge**: beside every"),
    ],
)
def test_whom_the_nudge_is_for_is_said_in_words(often: int, told: str) -> None:
    names = {"often": often, "strength": 0.0, "leant": {0.0: None}, "today": None, "world": SHOP, "names": list("abc")}
    groups = pd.DataFrame({"up to here": [-1.0, 2.0, 3.0, 4.0]})
    platform = type("P", (), {"items": pd.DataFrame({"title": list("wxyz")})})
    said, _ = words("case-designs", groups=groups, platform=platform, GreedyPolicy=lambda _: None, **names)
    assert told in said
    assert ("the log promises no gain" in said) == (often == 0)
    assert "as today: no other keeps the promises" in said


@pytest.mark.parametrize(("log", "apart"), [(50.0, ""), (20.0, "differ by more than chance explains in: **ranking**")])
def test_log_and_experiment_are_held_side_by_side(log: float, apart: str) -> None:
    from causalrec_lab.intervention import experiment

    arms = pd.DataFrame({"arm": np.repeat(["control", "ranking", "reason", "nudge"], 50), "benefit": 0.0})
    order = dict.fromkeys(("ranking", "reason", "nudge"))
    found = {"ranking": near(52.0, 3.0), "reason": near(1.0, 3.0), "nudge": near(-1.0, 3.0)}
    world = type("P", (), {"experiment": staticmethod(lambda *_, **__: arms)})
    fake = type("E", (), {"srm": staticmethod(experiment.srm), "analyse": staticmethod(lambda *_, **__: found)})
    promised = {"ranking": near(log, 3.0), "reason": near(1.5, 3.0), "nudge": near(0.0, 3.0)}
    names = {
        "order": order,
        "platform": world,
        "experiment": fake,
        "promised": promised,
        "today": None,
        "first": "nudge",
    }
    names |= {"visits": 1, "beside": {}, "n_users": 200, "seed": 1, "before": "x", "truth": dict.fromkeys(order, 0.0)}
    said, _ = words("case-test", benefit=lambda frame: frame["benefit"], compare=compare, digits=1, **names)
    assert (apart or "agree within their errors") in said
    assert "by the experiment: ranking" in said
    assert "%" not in said.split("CUPED")[1].split(".")[0]  # nothing gained, no percentage of it


def test_the_true_gain_pays_what_touches_cost_in_truth_not_in_the_sample() -> None:
    _, names = decided({"ranking": 1.0, "reason": 2.0, "nudge": 3.0}, unclear=[])
    truth = type("T", (), {"policy_value": staticmethod(lambda *_, touch: Truth({"nudge": 0.5}.get(touch, 0.0)))})
    names |= {"platform": type("P", (), {"truth": truth}), "beside": {"ranking": "none", "reason": "reason"}}
    names["beside"]["nudge"] = "nudge"
    _, then = words("case-choose-truth", **names)
    assert then["truly"] == pytest.approx({"ranking": 2.0 - 0.2, "reason": 3.0, "nudge": 4.0 - 500.0})
