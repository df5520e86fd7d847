"""Several objectives: fronts against enumeration, verdicts against truth, the sentence against its table."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from causalrec_lab import Estimate
from causalrec_lab.intervention import choose, choosing


def by_hand(values):
    """Whether nobody dominates each row, by the definition, one pair at a time."""
    beats = [[all(q >= p) and any(q > p) for q in values] for p in values]
    return [not any(row) for row in beats]


@settings(max_examples=60, deadline=None)
@given(arrays(np.float64, (6, 3), elements=st.sampled_from([0.0, 1.0, 2.0])))
def test_the_front_is_what_the_definition_says(values):
    assert choosing.pareto_front(values).tolist() == by_hand(values)


def policies(values, error):
    return {f"p{k}": {"clicks": Estimate(a, error), "cost": b} for k, (a, b) in enumerate(values)}


def test_without_noise_the_front_is_the_exact_one_and_every_verdict_stands():
    front = choosing.pareto(policies([(3, 2), (2, 1), (2, 2), (1, 3)], 1e-9), better={"cost": "less"})
    assert front.members == ["p0", "p1"]
    assert front.table["p_front"].tolist() == [1, 1, 0, 0]
    assert front.table["verdict"].tolist() == ["on the front", "on the front", "dominated", "dominated"]
    assert front.table.loc["p3", "dominated_by"] in {"p0", "p1", "p2"}


def test_the_chance_of_the_front_is_that_of_the_normal_law():
    """One objective, two policies one standard error of the difference apart: the lesser leads with chance Phi(-1)."""
    two = {"a": {"clicks": Estimate(math.sqrt(2), 1.0)}, "b": {"clicks": Estimate(0.0, 1.0)}}
    front = choosing.pareto(two, draws=40_000)
    assert front.table.loc["b", "p_front"] == pytest.approx(0.1587, abs=0.01)  # five errors of 40,000 draws
    assert front.table.loc["a", "verdict"] == "undecided"
    assert "independent" in front.notes[0]


def test_vectors_of_the_same_rounds_decide_what_single_errors_cannot():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=2_000)
    vectors = {"a": {"clicks": shared + 0.1 * rng.normal(size=2_000) + 0.02}, "b": {"clicks": shared}}
    together = choosing.pareto(vectors).table["verdict"].tolist()
    ends = {
        name: {"clicks": Estimate(v["clicks"].mean(), v["clicks"].std() / math.sqrt(2_000))}
        for name, v in vectors.items()
    }
    assert together == ["on the front", "dominated"]
    assert choosing.pareto(ends).table["verdict"].tolist() == ["undecided", "undecided"]


def test_verdicts_err_no_more_often_than_promised():
    """Two policies alike in everything: whoever is called dominated or safe is called so by mistake."""
    rng, wrong = np.random.default_rng(1), 0
    for _ in range(200):
        a, b, c, d = rng.normal(size=4)
        pair = {"a": {"x": Estimate(a, 1), "y": Estimate(b, 1)}, "b": {"x": Estimate(c, 1), "y": Estimate(d, 1)}}
        wrong += (choosing.pareto(pair, draws=100).table["verdict"] == "dominated").any()
    assert wrong <= 9  # both differences beyond 1.645, either way: binomial(200, .005), P(> 9) < 1e-6


def test_a_band_is_never_shorter_than_its_interval_and_the_picture_names_both_aims():
    front = choosing.pareto(policies([(3, 2), (2, 1)], 0.5), better={"cost": "less"})
    table = front.intervals
    assert (table["band_low"] <= table["low"]).all()
    assert (table["band_high"] >= table["high"]).all()
    ax = front.plot()
    assert ax.get_xlabel() == "clicks (more is better)"
    assert ax.get_ylabel() == "cost (less is better)"
    with pytest.raises(ValueError, match=r"unknown objective 'click'.*clicks"):
        front.plot("click")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({},), "no policy"),
        (({"a": {"x": 1.0}, "b": {"y": 1.0}},), "differ in the objectives"),
        (({"a": {"x": np.zeros(3)}, "b": {"x": np.zeros(4)}},), r"vectors have \[3, 4\] rounds"),
        (({"a": {"x": np.zeros(3)}, "b": {"x": Estimate(1, 1)}},), "mixed"),
        (({"a": {"x": Estimate(1, math.nan, notes=("none",))}},), r"\(a, x\) or its error is nan"),
    ],
)
def test_wrong_objectives(arguments, message):
    with pytest.raises(ValueError, match=message):
        choosing.pareto(*arguments)


def test_wrong_words_and_correlations():
    one = {"a": {"clicks": Estimate(1, 1)}}
    with pytest.raises(ValueError, match=r"unknown objective 'click'.*clicks"):
        choosing.pareto(one, better={"click": "less"})
    with pytest.raises(ValueError, match="better"):
        choosing.pareto(one, better={"clicks": "fewer"})
    with pytest.raises(ValueError, match="no correlation matrix"):
        choosing.pareto(one, correlation=np.array([[2.0]]))
    with pytest.raises(ValueError, match="shape"):
        choosing.pareto(one, correlation=np.eye(3))


def test_rounding_beats_nobody():
    """The same value by another way, the same rounds twice: nobody dominates, in the table and in the draws."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 400))
    for twin in ((x, 0.3), (x + 1e-17, 0.1 + 0.2), (x * 3 / 3, 0.3), (x[::-1][::-1].copy(), 0.1 + 0.2)):
        front = choosing.pareto({"a": {"x": x, "cost": 0.3}, "b": {"x": twin[0], "cost": twin[1]}})
        assert front.table["p_front"].tolist() == [1.0, 1.0]
        assert front.members == ["a", "b"]
        assert "dominated" not in set(front.table["verdict"])
    worse = choosing.pareto(
        {"a": {"x": x, "y": y, "cost": 0.3}, "b": {"x": x, "y": y, "cost": 0.31}}, better={"cost": "less"}
    )
    assert worse.table["verdict"].tolist() == ["on the front", "dominated"]
    assert worse.table["p_front"].tolist() == [1.0, 0.0]


def test_lists_and_columns_are_vectors():
    x = np.random.default_rng(0).normal(size=50)
    tables = [choosing.pareto({"a": {"x": kind(x)}, "b": {"x": kind(x + 1)}}).table for kind in (np.array, list)]
    assert tables[0].equals(tables[1])
    assert tables[0]["verdict"].tolist() == ["dominated", "on the front"]
    with pytest.raises(ValueError, match="shape"):
        choosing.pareto({"a": {"x": np.ones((3, 2))}})


def test_an_effect_that_is_no_number_decides_nothing():
    for found in (math.nan, math.inf):
        with pytest.raises(ValueError, match="the effect of 'a' is"):
            choose({"a": Estimate(found, 0.0, (0.0, 1.0))})


AIMS = {"new": {"clicks": Estimate(0.10, 0.01), "churn": Estimate(0.02, 0.005)}}


def test_several_objectives_add_up_at_their_worth():
    row = choose(AIMS, 0.1, {"clicks": 2.0, "churn": -5.0}).iloc[0]
    assert row["gain"] == pytest.approx(2 * 0.10 - 5 * 0.02 - 0.1)
    assert row["effect_high"] - row["effect"] == pytest.approx(1.959964 * (2 * 0.01 + 5 * 0.005))
    assert row["churn"] == 0.02
    for objectives, message in [
        (None, "objectives="), ({}, "worth of one"), ({"click": 1.0}, "clicks"),
        ({"clicks": 1.0}, r"no worth for \['churn'\]"), ({"clicks": math.inf, "churn": 1.0}, "worth inf"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            choose(AIMS, 0.1, objectives)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 1)), min_size=2, max_size=8))
def test_the_correction_keeps_every_column_in_step(found):
    table = choose({f"p{k}": Estimate(*each) for k, each in enumerate(found)}, correction="bonferroni")
    assert ((table["gain_low"] > 0) == (table["p_harm"] < 0.025)).all()
    plain = choose({f"p{k}": Estimate(*each) for k, each in enumerate(found)})
    assert (table["gain_low"] <= plain["gain_low"] + 1e-12).all()


def test_the_corrected_winner_of_many_equals_is_seldom_adopted():
    """Forty interventions that do nothing: the best of them looks like a gain, unless it is told that it was chosen."""
    rng, fooled = np.random.default_rng(2), {"none": 0, "bonferroni": 0}
    for _ in range(150):
        nothing = {f"p{k}": Estimate(x, 1.0) for k, x in enumerate(rng.normal(size=40))}
        for correction in fooled:
            fooled[correction] += choose(nothing, correction=correction)["decision"].iloc[0] == "adopt"
    assert fooled["bonferroni"] <= 15  # binomial(150, .025): P(> 15) < 1e-6
    assert fooled["none"] > 60
    with pytest.raises(ValueError, match="unknown correction"):
        choose({"a": Estimate(1, 1)}, correction="bonferoni")


def test_the_sentence_says_what_the_table_says():
    table = choose({"a": Estimate(0.1, 0.01), "b": Estimate(0.3, 0.2)}, 0.05)
    said = choosing.sentence(table, "a", outcome="clicks", money="dollars", per="visit")
    assert said.startswith("Adopt 'a': it changes clicks by +0.1 a visit (95% interval +0.0804 to +0.1196)")
    assert "gains +0.05 dollars a visit" in said
    assert "below 0.001" in said
    assert "one of 2" in said
    assert choosing.sentence(table).startswith("Test further 'b'")
    unknown = choose({"a": Estimate(0.1, math.nan, notes=("none",))})
    assert "no valid interval" in choosing.sentence(unknown)
    table.loc["a", "gain"] = -0.0
    assert "gains +0 (" in choosing.sentence(table, "a")
    narrow = choose({"a": Estimate(0.1, 0.01), "b": Estimate(0.3, 0.2)}, level=0.995)
    assert "(99.5% interval" in choosing.sentence(narrow, "a")
    turned = narrow.sort_values("gain")
    assert "it is the best of 2" in choosing.sentence(turned, "b")
    assert choosing.sentence(turned) == choosing.sentence(narrow)
    turned.attrs = {}  # pandas lost them: no level is better than a wrong one
    assert "(interval " in choosing.sentence(turned)
    assert choosing.sentence(turned).endswith("it is the best of 2.")
    with pytest.raises(ValueError, match="no intervention 'c'"):
        choosing.sentence(table, "c")
    with pytest.raises(ValueError, match="lacks"):
        choosing.sentence(table[["gain"]])
    with pytest.raises(ValueError, match="no row"):
        choosing.sentence(table.iloc[:0])


def test_names_beside_near_points_do_not_run_into_each_other():
    from matplotlib import pyplot as plt

    from causalrec_lab.intervention.choosing.drawing import _name_points

    fig, ax = plt.subplots(figsize=(5.4, 3.6))
    points = np.array([[1.0, 1.0], [1.01, 1.01], [1.02, 1.0], [0.9, 1.02], [1.2, 0.8]])
    ax.scatter(*points.T)
    _name_points(
        ax, points, ["predicted clicks (40%)", "what showing helps (50%)", "popular (2%)", "today (3%)", "x (1%)"]
    )
    fig.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    plt.close(fig)
    assert len(boxes) == 5
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[k + 1 :])
