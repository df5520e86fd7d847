"""Odd names, roles and sizes: what a column may be called, and what a graph must refuse rather than misread."""

from __future__ import annotations

import itertools

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab.causal import CausalGraph

NAMES = (
    "age, group",
    "a;b",
    "t#1",
    "a -> b",
    " padded ",
    "two\nlines",
    'say "so"',
    "a↔b",
    "カテゴリ",
    "<b>",
    "x - y",
    "{z}",
)
LETTERS = st.text(alphabet='ab ,;#<>-"→←↔{}\n\r\x85\x1c\\$', min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(names=st.lists(LETTERS, min_size=3, max_size=5, unique=True))
def test_any_name_comes_back_through_text_pairs_and_networkx(names):
    pairs = list(itertools.pairwise(names[:-1]))
    graph = CausalGraph.from_networkx(nx.DiGraph([*pairs, (names[0], names[-1])]))
    assert set(graph.nodes) == set(names)
    for again in (CausalGraph(str(graph)), CausalGraph.from_networkx(graph.to_networkx())):
        assert set(again.edges) == set(graph.edges)
        assert set(again.nodes) == set(names)


def test_a_latent_common_cause_never_takes_the_name_of_a_node():
    pairs = [("a↔b", "a"), ("a", "c"), ("b", "c")]
    graph = CausalGraph([*pairs, "a <-> b"], treatment="a", outcome="c")
    assert graph.adjustment_sets() == [frozenset({"b"})]
    assert len(graph.to_networkx()) == 5
    twice = CausalGraph([("x", "y"), '"a↔b" <-> c; a <-> "b↔c"'])
    assert len(twice.to_networkx()) == 8
    blocked = CausalGraph(['t -> y; t <-> "y↔z"; "y↔z" -> y'], ["y↔z"], "t", "y")
    assert "the common cause of t and y↔z" in blocked.identify().needs


@pytest.mark.parametrize("text", ["a - b", "dag { a -> b }", 'a" -> b', "a -- b", 'a -> ""', "a > b"])
def test_text_of_another_program_is_refused_and_not_read_as_a_name(text):
    with pytest.raises(ValueError, match="cannot read"):
        CausalGraph(text)


def test_arrow_signs_are_arrows():
    assert CausalGraph("a → b ← c; a ↔ c").edges == (("a", "b"), ("c", "b"))
    assert CausalGraph("a ↔ c").bidirected == (("a", "c"),)


def test_several_treatments_are_refused_and_never_cut_down_to_one():
    graph = CausalGraph("a -> y; b -> y; u -> a; u -> y")
    for ask in (
        lambda: graph.identify(["a", "b"], "y"),
        lambda: graph.parents(["a", "y"]),
        lambda: CausalGraph(str(graph), treatment=["a", "b"], outcome="y"),
    ):
        with pytest.raises(ValueError, match="must be one name"):
            ask()


def test_pgmpy_with_two_exposures_must_say_which():
    from pgmpy.base import DAG

    dag = DAG([("a", "y"), ("b", "y")]).with_role("exposures", ["a", "b"]).with_role("outcomes", "y")
    with pytest.raises(ValueError, match=r"several exposures \(a, b\)"):
        CausalGraph.from_pgmpy(dag)
    assert CausalGraph.from_pgmpy(dag, "b").outcome == "y"


def test_open_path_needs_two_free_ends():
    graph = CausalGraph("a -> b")
    for x, y, held in (("a", "a", ()), ("a", "b", ["a"])):
        with pytest.raises(ValueError, match="no node in common"):
            graph.open_path(x, y, held)


def test_names_of_every_script_stand_in_the_formula():
    from latex2mathml.converter import convert

    estimands = {}
    for name in (*NAMES, "🎬", "a&b", "50%", "a_b", "ab", "price ($)"):
        graph = CausalGraph([(name, "t"), (name, "y"), ("t", "y")], treatment="t", outcome="y")
        estimands[name] = graph.identify().estimand
        assert r"\mathrm{}" not in estimands[name]
        assert "\\" not in convert(estimands[name])
    assert len(set(estimands.values())) == len(estimands)


def test_a_path_that_turns_at_a_mediator_held_fixed_is_listed():
    graph = CausalGraph("t -> m -> y; u -> m; u -> y", ["u"], "t", "y")
    assert graph.open_paths() == []
    assert graph.open_paths(["m"]) == ["t -> m <- u -> y"]
    below = CausalGraph("t -> m -> y; u -> m; u -> y; m -> d", ["u"], "t", "y", selected=["d"])
    assert "t -> m <- u -> y" in below.open_paths()


@pytest.mark.parametrize(
    ("edges", "failing", "message"),
    [("", (), "no node"), ("a -> b", [("a", "z")], "'z' is no node"), ("a -> b", [("a", "a")], "no pair of two")],
)
def test_what_cannot_be_drawn_says_why(edges, failing, message):
    with pytest.raises(ValueError, match=message):
        CausalGraph(edges).plot(failing=failing)


def test_large_graphs_answer_without_walking_every_path(recwarn):
    """Chains of mediators, twelve pairs of confounders, and a thicket that leads nowhere: each had hung or warned."""
    chains = "; ".join("t -> " + " -> ".join(f"m{i}{j}" for j in range(8)) + " -> y" for i in range(3))
    assert len(CausalGraph(f"{chains}; t <-> y", treatment="t", outcome="y").frontdoor_sets()) == 8**3
    pairs = "; ".join(f"t <- a{i} <- b{i} -> y" for i in range(12))
    answer = CausalGraph(f"{pairs}; t -> y", treatment="t", outcome="y").identify()
    assert len(answer.covariates) == 12
    thicket = [f"u{i} -> u{j}" for i, j in itertools.combinations(range(14), 2)] + [f"u{i} -> t" for i in range(14)]
    assert CausalGraph([*thicket, "t -> y"], treatment="t", outcome="y").open_paths() == []
    assert not recwarn.list


def test_long_names_do_not_cover_their_neighbours():
    import matplotlib as mpl

    mpl.use("Agg")
    long = "a_very_long_column_name_of_somebody"
    ax = CausalGraph(f"{long} -> shown -> bought; another_long_name_of_a_column -> bought").plot()
    ax.figure.canvas.draw()
    texts = [text for text in ax.texts if text.get_text()]
    assert {text.get_text().replace("\n", "") for text in texts} == {
        long,
        "shown",
        "bought",
        "another_long_name_of_a_column",
    }
    boxes = [text.get_window_extent() for text in texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
