"""The front-door preset: exact truth, a naive comparison that is off, and a formula that is right from data alone."""

import numpy as np
import pytest

from causalrec_lab.causal import CausalGraph
from causalrec_lab.world import front_door

N = 400_000


def formula(data):
    """Front-door adjustment from the table alone (Pearl 1995)."""
    shown, view, bought = (data[name].to_numpy() for name in ("shown", "view", "purchase"))
    share = shown.mean()
    means = {(m, t): bought[(view == m) & (shown == t)].mean() for m in (0, 1) for t in (0, 1)}
    inner = [means[m, 1] * share + means[m, 0] * (1 - share) for m in (0, 1)]
    return (view[shown == 1].mean() - view[shown == 0].mean()) * (inner[1] - inner[0])


@pytest.mark.parametrize("seed", [0, 1])
def test_setting_what_is_shown_does_what_the_truth_says(seed):
    for kind in ("binary", "linear"):
        model = front_door(seed, kind=kind)
        with_it, without = (model.sample(N, 3, do={"shown": t})["purchase"] for t in (1, 0))
        effect = (with_it - without).to_numpy(float)
        assert abs(effect.mean() - float(model.truth.ate())) < 5 * effect.std() / np.sqrt(N) + 1e-12


def test_the_naive_comparison_converges_to_its_own_limit_and_not_to_the_effect():
    model = front_door(2)
    groups = model.sample(N, 4).groupby("shown")["purchase"]
    naive, error = groups.mean().diff()[1], np.hypot(*groups.sem())
    assert abs(naive - float(model.truth.naive())) < 5 * error
    assert float(model.truth.naive_bias()) > 10 * error
    linear = front_door(2, kind="linear")
    data = linear.sample(N, 4)
    slope = np.polyfit(data["shown"], data["purchase"], 1)[0]
    assert slope == pytest.approx(float(linear.truth.naive()), abs=0.01)
    assert float(linear.truth.naive_bias()) > 0.1


def test_the_formula_recovers_the_effect_from_the_table():
    model = front_door(2)
    data = model.sample(N, 4)
    parts = [formula(data.iloc[start::20]) for start in range(20)]
    assert abs(np.mean(parts) - float(model.truth.ate())) < 5 * np.std(parts) / np.sqrt(20)
    assert float(model.truth.front_door()) == pytest.approx(float(model.truth.ate()), abs=1e-12)


def test_the_parts_of_the_formula_are_what_interventions_on_the_mediator_do():
    model = front_door(1)
    parts = model.truth.parts()["value"]
    for m in (0, 1):
        set_to = model.sample(N, 5, do={"view": m})["purchase"]
        assert abs(set_to.mean() - parts[f"E[purchase | do(view={m})]"]) < 5 * 0.5 / np.sqrt(N)


def test_linear_parts_are_the_two_regressions():
    model = front_door(1, kind="linear")
    data = model.sample(N, 5)
    design = np.column_stack([np.ones(N), data["view"], data["shown"]])
    given_shown = np.linalg.lstsq(design, data["purchase"], rcond=None)[0][1]
    assert given_shown == pytest.approx(model.truth.parts()["value"]["view->purchase"], abs=0.01)


def test_a_path_beside_the_mediator_breaks_the_formula_and_the_graph_says_so():
    for kind in ("binary", "linear"):
        model = front_door(0, kind=kind, direct=0.15)
        assert float(model.truth.ate()) - float(model.truth.front_door()) == pytest.approx(0.15, abs=1e-9)
        graph = CausalGraph(model.graph, treatment="shown", outcome="purchase")
        assert graph.frontdoor_sets() == []
    graph = CausalGraph(front_door(0).graph, treatment="shown", outcome="purchase")
    assert graph.frontdoor_sets() == [frozenset({"view"})]


def test_without_confounding_the_naive_comparison_is_right():
    for kind in ("binary", "linear"):
        assert float(front_door(0, kind=kind, confounding=0).truth.naive_bias()) == pytest.approx(0, abs=1e-12)
    assert front_door(0, confounding=0).graph == "shown -> view; view -> purchase"


def test_the_hidden_trait_is_given_only_when_asked_for():
    assert list(front_door(0).sample(5).columns) == ["shown", "view", "purchase"]
    assert "hidden" in front_door(0).sample(5, hidden=True)
    assert front_door(0).sample(5).equals(front_door(0).sample(5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: front_door(kind="logit"), "kind='logit'.*'binary' or 'linear'"),
        (lambda: front_door(confounding=2), r"confounding=2 is outside \[0, 1\]"),
        (lambda: front_door(direct=0.5), r"direct=0.5 is outside"),
        (lambda: front_door(noise=0), "noise=0"),
        (lambda: front_door().sample(0), "n=0"),
        (lambda: front_door().sample(5, do={"h": 1}), "'h'.*hidden, shown"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
