"""CausalGraph: reading, roles, d-separation against networkx, identification on textbook graphs."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalrec_lab.causal import CausalGraph, NotIdentifiedError


def random_dag(seed: int, nodes: int, density: float) -> CausalGraph:
    rng = np.random.default_rng(seed)
    names = [f"v{i}" for i in range(nodes)]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if rng.random() < density]
    return CausalGraph([*names, *pairs])


def test_text_form_reads_chains_lists_and_both_arrows():
    graph = CausalGraph("a, b -> c -> d; e <- c  # a remark\n a <-> d; alone")
    assert set(graph.edges) == {("a", "c"), ("b", "c"), ("c", "d"), ("c", "e")}
    assert graph.bidirected == (("a", "d"),)
    assert set(graph.nodes) == {"a", "b", "c", "d", "e", "alone"}
    again = CausalGraph(str(graph))
    assert (set(again.edges), again.bidirected, set(again.nodes)) == (
        set(graph.edges),
        graph.bidirected,
        set(graph.nodes),
    )


@pytest.mark.parametrize(
    ("edges", "options", "message"),
    [
        ("a -> b -> c -> a", {}, "a -> b -> c -> a"),
        ("a -> a", {}, "to itself"),
        ("a -> ; b", {}, "cannot read"),
        ("a -- b", {}, "cannot read"),
        ("shown -> bought", {"treatment": "show"}, "did you mean 'shown'"),
        ("shown -> bought", {"latent": ["taste"]}, "taste"),
        ("h -> shown", {"latent": ["h"], "treatment": "h"}, "declared latent"),
        ("a -> b", {"treatment": "a", "outcome": "a"}, "treatment and outcome at once"),
        ([("a", "b", "c")], {}, "no \\(cause, effect\\) pair"),
    ],
)
def test_bad_graphs_say_what_is_wrong(edges, options, message):
    with pytest.raises(ValueError, match=message):
        CausalGraph(edges, **options)


def test_latent_covariate_is_refused_and_named():
    graph = CausalGraph("h -> t -> y; h -> y", latent=["h"], treatment="t", outcome="y")
    with pytest.raises(ValueError, match="covariate 'h' is latent"):
        graph.adjustment_problem(["h"])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), density=st.floats(0.1, 0.7))
def test_d_separation_agrees_with_networkx(seed, density):
    graph = random_dag(seed, 8, density)
    peer = nx.DiGraph(list(graph.edges))
    peer.add_nodes_from(graph.nodes)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        kinds = rng.integers(0, 4, size=len(graph.nodes))
        x, y, z = ([n for n, k in zip(graph.nodes, kinds, strict=True) if k == kind] for kind in (1, 2, 3))
        if x and y:
            assert graph.d_separated(x, y, z) == nx.is_d_separator(peer, set(x), set(y), set(z))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_open_path_exists_exactly_where_not_separated(seed):
    graph = random_dag(seed, 7, 0.4)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        x, y, *rest = rng.permutation(list(graph.nodes)).tolist()
        given_set = rest[: rng.integers(0, 4)]
        path = graph.open_path(x, y, given_set)
        assert bool(path) == (not graph.d_separated(x, y, given_set))
        if path:
            steps = path.split(" ")
            assert (steps[0], steps[-1]) == (x, y)
            for a, arrow, b in zip(steps[::2], steps[1::2], steps[2::2], strict=False):
                assert ((a, b) if arrow == "->" else (b, a)) in graph.edges


def test_m_bias_leaves_the_collider_alone():
    graph = CausalGraph("t -> y; u -> t; u -> m; w -> m; w -> y", latent=["u", "w"], treatment="t", outcome="y")
    assert graph.adjustment_sets() == [frozenset()]
    assert "t <- u -> m <- w -> y" in graph.adjustment_problem(["m"])


def test_mediator_and_its_descendant_are_refused_as_covariates():
    graph = CausalGraph("t -> m -> y; m -> d", treatment="t", outcome="y")
    assert "m lies on a causal path" in graph.adjustment_problem(["m"])
    assert graph.adjustment_problem(["d"]).startswith("d follows from a causal path")
    assert graph.adjustment_problem([]) == ""


def test_all_minimal_adjustment_sets_of_pearls_example():
    """Pearl (2009), Figure 3.4: {X3, X4} and {X4, X5} are sufficient, {X4} alone is not."""
    edges = "X1 -> X3 -> Xi; X1 -> X4; X2 -> X4; X2 -> X5 -> Xj; X4 -> Xi; X4 -> Xj; Xi -> X6 -> Xj"
    graph = CausalGraph(edges, treatment="Xi", outcome="Xj")
    found = set(graph.adjustment_sets())
    assert {frozenset({"X3", "X4"}), frozenset({"X4", "X5"})} <= found
    assert found == {frozenset({"X4", other}) for other in ("X1", "X2", "X3", "X5")}
    assert "stays open" in graph.adjustment_problem(["X4"])


def test_front_door_of_smoking_and_cancer():
    graph = CausalGraph("smoke -> tar -> cancer; smoke <-> cancer", treatment="smoke", outcome="cancer")
    answer = graph.identify()
    assert answer.identified
    assert answer.method == "front-door adjustment"
    assert answer.covariates == ("tar",)
    assert graph.adjustment_sets() == []


def test_instrument_is_never_plainly_identified():
    graph = CausalGraph("z -> t -> y; t <-> y", treatment="t", outcome="y")
    answer = graph.identify()
    assert not answer
    assert answer.method == "instrument"
    assert answer.instrument == "z"
    assert "linearity or, as LATE, monotonicity" in str(answer)
    assert "t <-> y" in answer.open_path


def test_conditional_instrument_carries_its_condition():
    graph = CausalGraph("w -> z -> t -> y; w -> y; t <-> y", treatment="t", outcome="y")
    assert [str(found) for found in graph.instruments()] == ["z | w"]


def test_effects_of_the_treatment_are_no_instruments():
    graph = CausalGraph("t -> y; t -> d; t <-> y", treatment="t", outcome="y")
    assert graph.instruments() == []


def test_unidentified_says_which_path_and_what_is_needed():
    answer = CausalGraph("h -> t -> y; h -> y", latent=["h"], treatment="t", outcome="y").identify()
    assert not answer.identified
    assert answer.open_path == "t <- h -> y"
    assert "to measure h" in answer.needs
    assert "not identified by these methods" in str(answer)


def test_adjustment_set_is_the_smallest_or_an_error_with_the_way_out():
    graph = CausalGraph("a -> t -> y; a -> b -> y; c -> t; c -> y", treatment="t", outcome="y")
    assert graph.adjustment_set() == ["a", "c"]
    hidden = CausalGraph("h -> t -> y; h -> y; z -> t", latent=["h"], treatment="t", outcome="y")
    with pytest.raises(NotIdentifiedError, match="t <- h -> y") as caught:
        hidden.adjustment_set()
    assert "instrument z" in str(caught.value)


def test_no_directed_path_means_no_effect():
    answer = CausalGraph("y -> t", treatment="t", outcome="y").identify()
    assert answer.identified
    assert answer.method == "no directed path"


def test_what_is_shown_is_escaped_and_deterministic():
    names = {"treatment": "t", "outcome": r"y\text{<script>}"}
    graph = CausalGraph([("<b>x", "t"), ("t", names["outcome"])], **names)
    page, text = graph._repr_html_(), graph.identify()._repr_markdown_()
    assert "&lt;b&gt;x" in page
    assert "<b>" not in page
    assert r"\<script\>" in text
    assert r"\text" not in graph.identify().estimand
    assert (page, text) == (graph._repr_html_(), graph.identify()._repr_markdown_())


def test_formula_is_mathml_without_leftover_commands():
    from latex2mathml.converter import convert

    for edges in ("a, b, c_d -> t -> y; a, b, c_d -> y", "t -> m -> y; t <-> y", "z -> t -> y; t <-> y", "y -> t"):
        answer = CausalGraph(edges, treatment="t", outcome="y").identify()
        assert answer.estimand
        assert "\\" not in convert(answer.estimand)


def test_pgmpy_and_networkx_forms_carry_the_graph():
    graph = CausalGraph("a -> b -> c; a <-> c; h -> b", latent=["h"])
    peer = graph.to_pgmpy()
    assert set(graph.edges) <= set(peer.edges)
    assert "h" in peer.latents
    again = CausalGraph.from_networkx(peer)
    assert again.d_separated("a", "c", "b") == graph.d_separated("a", "c", "b")
    with pytest.raises(ValueError, match="undirected"):
        CausalGraph.from_networkx(nx.Graph([("a", "b")]))


def test_plot_holds_every_node_and_marks_failures():
    import matplotlib as mpl

    mpl.use("Agg")
    graph = CausalGraph("h -> t -> m -> y; h -> y; t <-> y; z", latent=["h"], treatment="t", outcome="y")
    ax = graph.plot(failing=[("z", "y"), ("t", "m")])
    arrows = [text for text in ax.texts if not text.get_text()]
    assert {text.get_text() for text in ax.texts} - {""} == set(graph.nodes)
    assert len(arrows) == len(graph.edges) + 1 + 1  # one bidirected, one failing missing edge
    places = [text.get_position() for text in ax.texts if text.get_text()]
    assert len(set(places)) == len(places)
    legend = {patch.get_label(): patch for patch in ax.get_legend().get_patches()}
    boxes = {text.get_text(): text.get_bbox_patch() for text in ax.texts if text.get_text()}
    for role, node in (("latent", "h"), ("treatment", "t"), ("mediator", "m")):
        assert legend[role].get_facecolor() == boxes[node].get_facecolor(), role
