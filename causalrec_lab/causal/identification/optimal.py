"""The adjustment set of least asymptotic variance."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causalrec_lab.causal.graph.separation import Dag, bits, separator_nearest_y, union
from causalrec_lab.causal.identification.adjustment import (
    NotIdentifiedError,
    causal_nodes,
    observed_mask,
    proper_backdoor,
    usable_covariates,
)

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["OptimalAdjustment", "optimal_adjustment_set"]

MANY = 10  # usable covariates above which not all valid sets are compared


@dataclass(frozen=True)
class OptimalAdjustment:
    """The adjustment set whose estimate varies least, and among which sets that is so.

    Parameters
    ----------
    covariates
        Its columns.
    among
        "all valid sets", or "minimal sets" where latent nodes leave no set that is best whatever the numbers (or more
        than ten candidates leave that undecided).
    why
        The reason in words, with the source.
    """

    covariates: tuple[str, ...]
    among: str
    why: str

    def __str__(self) -> str:
        """Give the answer as a sentence."""
        return f"{{{', '.join(self.covariates)}}} has the least asymptotic variance among {self.among}: {self.why}."


def optimal_adjustment_set(
    graph: CausalGraph, treatment: str | None = None, outcome: str | None = None
) -> OptimalAdjustment:
    r"""The valid adjustment set whose estimate has the least asymptotic variance.

    With cn the nodes on causal paths (outcome included) and forb their descendants and the treatment,

    .. math:: O = \mathrm{pa}(\mathrm{cn}) \setminus \mathrm{forb}

    is best for linear models (Henckel, Perkovic & Maathuis 2022, Theorem 3) and for regular semiparametric estimators
    such as AIPW (Rotnitzky & Smucler 2020). If a node of O is latent, a best set need not exist. Then valid sets are
    compared in pairs by the criterion of both papers (Z is no worse than B if T is independent of Z \\ B given B, and Y
    of B \\ Z given Z and T). If no set is shown to beat all, the best *minimal* set is given, which always exists: the
    separator nearest to the outcome (Smucler, Sapienza & Rotnitzky 2022).

    Raises
    ------
    NotIdentifiedError
        If no valid set exists.
    ValueError
        If rows were selected, where this theory does not reach.
    """
    t, y = graph.effect(treatment, outcome)
    if graph.selected:
        raise ValueError("optimal_adjustment_set: which set is best in selected rows is not known; see adjustment_sets")
    usable = usable_covariates(graph, t, y)
    nearest = separator_nearest_y(proper_backdoor(graph.dag, t, y), t, y, usable)
    if nearest is None:
        raise NotIdentifiedError(str(graph.identify(graph.nodes[t], graph.nodes[y])))
    wanted = _parents_of_causal(graph.dag, t, y)
    if causal_nodes(graph.dag, t, y) and not wanted & ~observed_mask(graph):
        return OptimalAdjustment(
            graph.names(wanted),
            "all valid sets",
            "these are the other causes of the nodes on causal paths (Henckel, Perkovic & Maathuis 2022)",
        )
    hidden = "a cause in the optimal set is latent" if causal_nodes(graph.dag, t, y) else "no directed path is there"
    if usable.bit_count() > MANY:
        why = f"{hidden}, and {usable.bit_count()} candidates are too many to compare"
        return OptimalAdjustment(graph.names(nearest), "minimal sets", why)
    best = _undefeated(graph.dag, t, y, usable)
    if best is not None:
        return OptimalAdjustment(graph.names(best), "all valid sets", "it is no worse than each other valid set")
    why = f"{hidden}, and no valid set is shown to beat all others whatever the numbers"
    return OptimalAdjustment(graph.names(nearest), "minimal sets", why)


def _parents_of_causal(dag: Dag, t: int, y: int) -> int:
    causal = causal_nodes(dag, t, y)
    return union(dag.parents, causal) & ~(dag.descendants(causal) | 1 << t)


def _undefeated(dag: Dag, t: int, y: int, usable: int) -> int | None:
    """Set that beats every other one, where one does: beating is transitive, so one pass finds it and one checks it."""
    proper, nodes = proper_backdoor(dag, t, y), list(bits(usable))
    subsets = (sum(1 << i for i in some) for k in range(len(nodes) + 1) for some in itertools.combinations(nodes, k))
    valid = [chosen for chosen in subsets if proper.separated(1 << t, 1 << y, chosen)]
    best = valid[0]
    for other in valid:
        if not no_worse(dag, t, y, best, other) and no_worse(dag, t, y, other, best):
            best = other
    return best if all(no_worse(dag, t, y, best, other) for other in valid) else None


def no_worse(dag: Dag, t: int, y: int, chosen: int, other: int) -> bool:
    """Tell whether valid set `chosen` has no larger asymptotic variance than `other`, whatever the numbers."""
    more, less = chosen & ~other, other & ~chosen
    return dag.separated(1 << t, more, other) and dag.separated(1 << y, less, chosen | 1 << t)
