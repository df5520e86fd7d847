"""Roles, other forms, optimal sets, selected rows, transport and open paths on graphs whose answers are published."""

from __future__ import annotations

import warnings

import networkx as nx
import pytest

from causalrec_lab.causal import CausalGraph, NotIdentifiedError

ENDS = {"treatment": "t", "outcome": "y"}


def test_an_edge_written_twice_is_said_and_counts_once():
    with pytest.warns(UserWarning, match="written twice, counted once: a -> b"):
        graph = CausalGraph("a -> b -> c; a -> b")
    assert graph.edges == (("a", "b"), ("b", "c"))
    with pytest.warns(UserWarning, match="a <-> b"):
        CausalGraph("a <-> b; b <-> a")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"selected": "clicks"}, "did you mean 'click'"),
        ({"selected": "t", **ENDS}, "never varies"),
        ({"selected": "click", "latent": "click"}, "latent and selected at once"),
    ],
)
def test_bad_selected_roles_say_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        CausalGraph("t -> y -> click", **options)


def test_networkx_pgmpy_and_bif_forms_come_back_as_they_went(tmp_path):
    graph = CausalGraph("a -> t -> y; h -> t; h -> y; alone; lone", latent=["h", "lone"], **ENDS)
    for again in (CausalGraph.from_networkx(graph.to_networkx()), CausalGraph.from_pgmpy(graph.to_pgmpy())):
        assert set(again.edges) == set(graph.edges)
        assert set(again.nodes) == set(graph.nodes)
        assert set(again.latent) == set(graph.latent)
    bif = "network x { } variable a { type discrete [ 2 ] { n, y }; } variable b { type discrete [ 2 ] { n, y }; } "
    bif += "probability ( a ) { table 0.2, 0.8; } probability ( b | a ) { (n) 0.1, 0.9; (y) 0.5, 0.5; }"
    (tmp_path / "net.bif").write_text(bif)
    assert CausalGraph.from_bif(tmp_path / "net.bif").edges == (("a", "b"),)


def test_pgmpy_roles_are_kept_and_undirected_edges_refused():
    from pgmpy.base import DAG, PDAG

    dag = DAG([("x", "t"), ("t", "y"), ("x", "y")], roles={"exposures": "t", "outcomes": "y"})
    assert (CausalGraph.from_pgmpy(dag).treatment, CausalGraph.from_pgmpy(dag).outcome) == ("t", "y")
    with pytest.raises(ValueError, match="has no direction"):
        CausalGraph.from_pgmpy(PDAG(undirected_ebunch=[("a", "b")]))


def test_two_nodes_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two nodes are called '1'"):
        CausalGraph.from_networkx(nx.DiGraph([(1, "1")]))


def test_optimal_set_holds_the_outcomes_other_causes_and_not_the_treatments():
    graph = CausalGraph("i -> a -> t -> m -> y; a -> b -> y; p -> m; r -> y", **ENDS)
    best = graph.optimal_adjustment_set()
    assert set(best.covariates) == {"b", "p", "r"}
    assert best.among == "all valid sets"
    answer = graph.identify()
    assert answer.covariates in {("a",), ("b",)}
    assert set(answer.efficient or ()) == {"b", "p", "r"}
    assert "Least asymptotic variance" in answer._repr_markdown_()


def test_no_optimal_set_where_a_latent_cause_leaves_the_choice_to_the_numbers():
    """The M-graph of Smucler, Sapienza & Rotnitzky (2022): either of two sets may win."""
    graph = CausalGraph("w -> t; w -> m; h -> m; h -> y; t -> y", latent=["h"], **ENDS)
    best = graph.optimal_adjustment_set()
    assert (best.covariates, best.among) == ((), "minimal sets")
    assert graph.identify().efficient is None
    with pytest.raises(NotIdentifiedError, match="stays open"):
        CausalGraph("t -> y; t <-> y", **ENDS).optimal_adjustment_set()


def test_front_door_within_strata_names_both_parts():
    answer = CausalGraph("w -> t -> m -> y; w -> m, y; t <-> y", **ENDS).identify()
    assert answer.identified
    assert (answer.mediators, answer.covariates) == (("m",), ("w", "m"))
    assert "within strata of {w}" in str(answer)
    assert r"\sum_{\mathrm{w}} P(\mathrm{w})" in answer.estimand


def test_selection_by_an_effect_of_the_outcome_is_not_recovered():
    graph = CausalGraph("x -> t -> y -> s; x -> y", selected="s", **ENDS)
    answer = graph.identify()
    assert not answer
    assert answer.open_path == "s <- y"
    assert "not selected by s" in answer.needs
    assert graph.adjustment_sets() == []
    assert "rows are selected by s" in graph.adjustment_problem(["x"])


def test_selection_by_a_covariate_needs_its_distribution_from_outside():
    """Bareinboim, Tian & Pearl (2014): the selection back-door, with external data on the covariate."""
    graph = CausalGraph("x -> t -> y; x -> y; x -> s; t -> s", selected="s", **ENDS)
    assert "external={x}" in graph.identify().needs
    known = graph.identify(external=["x"])
    assert known.identified
    assert known.estimand.endswith(r"\mathrm{s})\, P(\mathrm{x})")
    assert "another distribution of x" in graph.adjustment_problem(["x"])
    with pytest.raises(ValueError, match="no selected="):
        CausalGraph("x -> t -> y; x -> y", **ENDS).identify(external=["x"])
    with pytest.raises(ValueError, match="'s' is selected: the same in every row"):
        graph.adjustment_problem(["s"])


def test_transport_re_weights_by_what_differs_and_stops_at_the_outcome():
    """Pearl & Bareinboim (2014), Figure 3: age differs between the cities, then the outcome's own mechanism."""
    graph = CausalGraph("age -> t -> y; age -> y", **ENDS)
    carried = graph.transport(["age"])
    assert carried
    assert carried.weights == ("age",)
    assert r"P^{*}(\mathrm{age})" in carried.estimand
    assert graph.transport(["t"]).weights == ()
    refused = graph.transport("y")
    assert not refused
    assert "own mechanism differs" in refused.needs
    hidden = CausalGraph("h -> y; t -> y", latent=["h"], **ENDS).transport("h")
    assert hidden.open_path == "S -> h -> y"
    with pytest.raises(ValueError, match="did you mean 'age'"):
        graph.transport("ages")
    with pytest.raises(ValueError, match="'experiment'"):
        graph.transport("age", source="trial")


def test_an_effect_of_the_treatment_never_re_weights():
    graph = CausalGraph("t -> m -> y", **ENDS)
    assert not graph.transport("m")


def test_open_paths_are_all_listed_and_drawn_red():
    import matplotlib as mpl

    mpl.use("Agg")
    graph = CausalGraph("a -> t -> y; a -> y; h -> t; h -> y; t <-> y; c -> y", latent=["h"], **ENDS)
    assert set(graph.open_paths(["a"])) == {"t <- h -> y", "t <-> y"}
    from causalrec_lab.causal.graph.drawing import RED

    ax = graph.plot(given=["a"])
    red = [
        text
        for text in ax.texts
        if not text.get_text() and mpl.colors.same_color(text.arrow_patch.get_edgecolor(), RED)
    ]
    assert len(red) == 3
    with warnings.catch_warnings(action="error"):
        assert CausalGraph("a -> t -> y; a -> y", **ENDS).open_paths("a") == []
    by_review = CausalGraph("t -> y -> s; a -> s", selected="s", **ENDS)
    assert by_review.open_paths() == ["s <- y"]


def test_selected_rows_claim_less_than_all_rows():
    """Two causes of a selection are independent in the world and not among the selected (Berkson 1946)."""
    edges = "a -> s; b -> s; c"
    assert "a ⊥ b" in {str(claim) for claim in CausalGraph(edges).implied_independencies()}
    claims = {str(claim) for claim in CausalGraph(edges, selected="s").implied_independencies()}
    assert "a ⊥ b" not in claims
    assert "a ⊥ c" in claims or "c ⊥ a" in claims
