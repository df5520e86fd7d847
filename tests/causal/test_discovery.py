"""Discovery: classes counted by enumeration, searches on tables whose graph is known, knowledge, and refusals."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import CausalGraph, Knowledge, StructuralCausalModel, discover, equivalence_class
from causalrec_lab.causal.discovery import PartialGraph, compare_structures
from causalrec_lab.causal.discovery.orientation import count_members, cpdag, extension, members
from causalrec_lab.causal.discovery.search import pc
from causalrec_lab.causal.discovery.statistics import Discrete, Gaussian
from causalrec_lab.causal.independence import independence_test
from causalrec_lab.world import linear_gaussian

METHODS = ("pc", "ges", "hill_climb")


def dags(p: int) -> Iterator[np.ndarray]:
    pairs = list(itertools.combinations(range(p), 2))
    for ways in itertools.product((0, 1, 2), repeat=len(pairs)):
        dag = np.zeros((p, p), dtype=bool)
        for (i, j), way in zip(pairs, ways, strict=True):
            dag[i, j], dag[j, i] = way == 1, way == 2
        if not np.linalg.matrix_power(dag.astype(int), p).any():
            yield dag


@pytest.fixture(scope="module")
def four() -> list[np.ndarray]:
    return list(dags(4))


def test_classes_of_four_nodes_are_those_of_enumeration(four):
    classes = Counter(cpdag(dag).tobytes() for dag in four)
    assert (len(four), len(classes)) == (543, 185)  # Gillispie & Perlman (2001), table 1
    for key, count in classes.items():
        matrix = np.frombuffer(key, dtype=bool).reshape(4, 4)
        assert count_members(matrix, 1000) == count
        found = {dag.tobytes() for dag in members(matrix, 1000)}
        assert found == {dag.tobytes() for dag in four if cpdag(dag).tobytes() == key}
        dag = extension(matrix)
        assert dag is not None
        assert dag.tobytes() in found


def test_equivalent_graphs_are_those_with_the_same_separations(four):
    rng = np.random.default_rng(0)

    def claims(dag: np.ndarray) -> frozenset[tuple[int, int, frozenset[str]]]:
        graph = CausalGraph(["0", "1", "2", "3", *((str(i), str(j)) for i, j in np.argwhere(dag))])
        out = set()
        for x, y in itertools.combinations("0123", 2):
            rest = [n for n in "0123" if n not in (x, y)]
            for k in range(3):
                for given in itertools.combinations(rest, k):
                    if graph.d_separated(x, y, given):
                        out.add((x, y, frozenset(given)))
        return frozenset(out)

    some = [four[i] for i in rng.choice(len(four), 60, replace=False)]
    for a, b in itertools.combinations([(claims(d), cpdag(d).tobytes()) for d in some], 2):
        assert (a[0] == b[0]) == (a[1] == b[1])


def test_knowledge_orients_the_members_that_respect_it(four):
    known = Knowledge(tiers=[["0"], ["1", "2"]], forbidden="3 -> 2")
    bound = known.bind(["0", "1", "2", "3"])
    by_class: dict[bytes, list[np.ndarray]] = {}
    for dag in four:
        if not (dag & bound.forbidden).any():
            by_class.setdefault(cpdag(dag).tobytes(), []).append(dag)
    for key, allowed in by_class.items():
        oriented, against = bound.orient(np.frombuffer(key, dtype=bool).reshape(4, 4))
        assert against == 0
        assert (oriented == np.logical_or.reduce(allowed)).all()  # an arrow stays where all agree, a line where not


class Oracle:
    """p-values of a graph instead of a table."""

    def __init__(self, graph: CausalGraph) -> None:
        self.graph = graph

    def p_value(self, x: int, y: int, given: Iterable[int]) -> float:
        names = self.graph.nodes
        return float(self.graph.d_separated(names[x], names[y], [names[i] for i in given]))


@pytest.mark.parametrize("knows", ["tiers", "required", "forbidden"])
def test_pc_with_knowledge_is_right_where_every_test_is(four, knows):
    rng = np.random.default_rng(0)
    for dag in [four[i] for i in rng.choice(len(four), 80, replace=False)]:
        graph = CausalGraph(["0", "1", "2", "3", *((str(i), str(j)) for i, j in np.argwhere(dag))])
        names, edges = list(graph.nodes), [e for e in graph.edges if rng.random() < 0.4]
        cut = int(rng.integers(1, 4))
        known = {"tiers": [names[:cut], names[cut:]], "required": edges, "forbidden": [(b, a) for a, b in edges]}
        background = Knowledge(**{knows: known[knows]})
        found = pc(Oracle(graph), background.bind(names), 0.05)
        assert (found == equivalence_class(graph, background).matrix).all()


@pytest.mark.parametrize("method", METHODS)
def test_searches_find_the_class_of_the_linear_platform(method):
    preset = linear_gaussian(1)
    rows, truth = preset.sample(10_000, seed=1), CausalGraph(list(preset.edges))
    found = discover(rows, method)
    assert found.compare(truth)["shd"] == 0
    assert found.graph.size == 8
    tiers = [["affinity"], ["shown"], ["view"], ["cart"], ["purchase"]]
    assert discover(rows, method, background=Knowledge(tiers=tiers)).graph.to_graph().edges == truth.edges


@pytest.mark.parametrize("method", ["pc", "ges"])
def test_asia_is_found_but_for_what_few_rows_cannot_show(method):
    model = StructuralCausalModel.example("asia")
    found = discover(model.sample(5_000, seed=1), method)
    assert found.kind == "discrete"
    assert found.compare(model.graph)["skeleton_f1"] >= 0.8


def test_ges_equals_pgmpy_s_own_on_asia():
    from pgmpy.causal_discovery import GES

    frame = StructuralCausalModel.example("asia").sample(2_000, seed=2)
    peer = GES(scoring_method="bic-d").fit(frame.astype("category")).causal_graph_
    ours = discover(frame, "ges").graph
    number = {name: i for i, name in enumerate(ours.nodes)}
    matrix = np.zeros((8, 8), dtype=bool)
    for a, b in peer.edges:
        matrix[number[a], number[b]] = True
    assert (matrix == ours.matrix).all()


def test_statistics_are_the_single_tests_and_score_equivalent():
    rng = np.random.default_rng(0)
    a = rng.normal(size=300)
    frame = pd.DataFrame({"a": a, "g": np.where(a + rng.normal(size=300) > 0, "u", "v"), "b": a + rng.normal(size=300)})
    table = Gaussian(frame)
    assert table.p_value(1, 2, (0,)) == pytest.approx(independence_test(frame, "g", "b", ("a",))[3], rel=0.05)
    levels = frame.apply(lambda c: pd.qcut(c, 3, labels=False) if c.name != "g" else c)
    codes = Discrete(levels)
    assert codes.p_value(0, 2, (1,)) == pytest.approx(independence_test(levels, "a", "b", ("g",))[3], rel=1e-6)
    for t in (table, codes):
        assert t.score(0, ()) + t.score(2, (0,)) == pytest.approx(t.score(2, ()) + t.score(0, (2,)))


def test_a_hidden_confounder_makes_edges_that_are_not_there():
    rng = np.random.default_rng(3)
    h, e1, e2, z1, z2 = rng.normal(size=(5, 4_000))
    rows = pd.DataFrame({"shown": h + z1 + e1, "view": h + z2 + e2, "lottery": z1, "season": z2})
    truth = CausalGraph("lottery -> shown; season -> view")
    for method in METHODS:
        assert discover(rows, method).compare(truth)["extra"] >= 1
        assert discover(rows.assign(h=h), method).compare(CausalGraph(f"{truth}; h -> shown, view"))["extra"] == 0


def test_stability_counts_what_resamples_find_and_repeats_itself():
    rows = linear_gaussian(1).sample(400, seed=2)
    one, two = (discover(rows, "hill_climb", bootstrap=6, seed=5).stability for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert one["joined"].between(0, 1).all()
    assert one[["a -> b", "b -> a", "a -- b"]].sum(axis=1).to_numpy() == pytest.approx(one["joined"].to_numpy())
    assert one.iloc[0]["joined"] == 1


def test_comparison_counts_a_pair_once():
    found = PartialGraph(("a", "b", "c", "d"), (("a", "b"), ("c", "b")), (("c", "d"),))
    truth = PartialGraph(("d", "c", "b", "a"), (("b", "a"), ("c", "d")), (("a", "c"),))
    counted = compare_structures(found, truth)
    assert counted[["shd", "missing", "extra", "misoriented"]].tolist() == [4, 1, 1, 2]
    assert counted["skeleton_f1"] == pytest.approx(2 / 3)
    assert counted["arrow_f1"] == 0


def test_latent_nodes_have_no_class_here():
    with pytest.raises(ValueError, match="ancestral graphs"):
        equivalence_class(CausalGraph("h -> a, b", latent=["h"]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"required": "a -> b -> c -> a"}, "required arrows: .*cycle"),
        ({"required": "a -> b", "forbidden": "a -> b"}, "both required and forbidden"),
        ({"tiers": [["a"], ["a"]]}, "tiers 1 and 2"),
        ({"tiers": [["a"], ["b"]], "required": "b -> a"}, "against the tiers"),
        ({"tiers": [["a"], ["b"]], "required": "b -> free -> a"}, "from b to a, against the tiers"),
        ({"tiers": 3}, "list of lists"),
        ({"required": "a <-> b"}, "one direction"),
        ({"tiers": ["ab"]}, "list of lists"),
    ],
)
def test_contradicting_knowledge_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Knowledge(**options)


NUMBERS = linear_gaussian(0).sample(100, seed=0)


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (NUMBERS.assign(view=1.0), {}, "'view' is constant"),
        (NUMBERS.assign(view=NUMBERS["view"].where(NUMBERS.index > 3)), {}, "4 missing values of 100"),
        (NUMBERS.head(20), {}, "20 rows are too few"),
        (NUMBERS, {"kind": "discrete"}, "needs categories"),
        (NUMBERS, {"method": "gse"}, "did you mean 'ges'"),
        (NUMBERS, {"columns": ["view", "shwn"]}, "did you mean 'shown'"),
        (NUMBERS, {"background": Knowledge(forbidden="vew -> cart")}, "'vew', which is no column; did you mean 'view'"),
        (NUMBERS, {"columns": ["view", "view"]}, "two different"),
        (NUMBERS, {"columns": "view"}, "two different"),
        (NUMBERS.rename(columns={"view": 3}), {}, "column name 3 is no text"),
        (NUMBERS.assign(again=3 * NUMBERS["view"] - 1), {}, "'again' is a copy of 'view'"),
        (pd.DataFrame({"a": [0, 1, 1] * 20, "b": ["u", "v", "v"] * 20}), {}, "'b' is a copy of 'a'"),
        (NUMBERS.assign(who=[f"u{i}" for i in range(100)]), {}, "100 values in 100 rows"),
        (NUMBERS, {"level": 2.0}, "level in"),
    ],
)
def test_bad_input_is_named(frame, options, message):
    with pytest.raises(ValueError, match=message):
        discover(frame, **options)


def test_wrong_types_are_named():
    with pytest.raises(TypeError, match="background is a str"):
        discover(NUMBERS, background="view -> cart")
    with pytest.raises(TypeError, match="frame is a dict"):
        discover({"view": [1.0]})


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ((("a", "b"), (("a", "c"),), ()), "'c' is no node"),
        ((("a", "b"), (("a", "a"),), ()), "one node"),
        ((("a", "b"), (("a", "b"),), (("b", "a"),)), "joined twice"),
        ((("a", "a"), (), ()), "name one twice"),
    ],
)
def test_a_partial_graph_that_is_none_is_refused(pieces, message):
    with pytest.raises(ValueError, match=message):
        PartialGraph(*pieces)


def test_wrong_knowledge_is_not_taken_for_truth():
    rows = linear_gaussian(1).sample(2_000, seed=1)[["affinity", "shown"]]
    truth, wrong = CausalGraph("affinity -> shown"), Knowledge(required="shown -> affinity")
    assert wrong.contradictions(truth) == ("affinity -> shown is forbidden", "shown -> affinity is required and absent")
    with pytest.raises(ValueError, match="contradicts the background"):
        equivalence_class(truth, wrong)
    found = discover(rows, "pc", background=wrong)
    assert found.graph.directed == (("shown", "affinity"),)
    assert found.compare(truth)["misoriented"] == 1
    assert Knowledge(tiers=[["affinity"], ["shown"]]).contradictions(truth) == ()


def test_any_name_may_stand_in_a_class():
    names = ["a -> b", "x;y", 'with "quotes"', "$t$"]
    rows = linear_gaussian(1).sample(500, seed=2).iloc[:, :4].set_axis(names, axis=1)
    found = discover(rows, "ges")
    assert set(found.graph.to_graph().nodes) == set(names)
    assert found.graph.graphs(1)[0].nodes
    found.plot()


@pytest.mark.parametrize("method", METHODS)
def test_answers_do_not_depend_on_scale_or_on_categories_that_never_occur(method):
    rows = linear_gaussian(1).sample(400, seed=4)
    assert discover(rows * 1e160, method).graph == discover(rows, method).graph
    group = pd.Categorical(np.where(rows["view"] > 0, "high", "low"), categories=["high", "low", "never"])
    mixed = rows.assign(view=np.asarray(group))
    assert discover(rows.assign(view=group), method).graph == discover(mixed, method).graph


@pytest.mark.parametrize("method", ["ges", "hill_climb"])
def test_rounding_errors_decide_nothing(method):
    rng = np.random.default_rng(0)
    weights = np.triu(rng.uniform(0.3, 0.8, (9, 9)) * (rng.random((9, 9)) < 0.5), 1)
    rows = pd.DataFrame(rng.normal(size=(2_000, 9)) @ np.linalg.inv(np.eye(9) - weights)).add_prefix("v")
    first = discover(rows, method).graph
    assert all(discover(rows * scale + 1, method).graph == first for scale in (1 / 3, 0.7, 1.1, 3.3, 7.7))


def test_different_nodes_are_named_by_side():
    with pytest.raises(ValueError, match="only the found one has a, only the true one c"):
        compare_structures(CausalGraph("a -> b"), CausalGraph("b -> c"))


def test_resamples_that_lost_a_category_are_not_counted():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"rare": np.arange(200) < 1, "x": rng.random(200) < 0.5, "y": rng.random(200) < 0.5})
    found = discover(rows, "hill_climb", bootstrap=30, seed=1)
    assert 5 < found.bootstrap < 30
