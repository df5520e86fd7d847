"""What a reason claims: which arrow of the graph each part is about, how it is verified, what it does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

__all__ = ["claims", "path"]


def path() -> CausalGraph:
    """The graph behind a reason: the history moves the score, the score what is shown, and that the outcome.

    Taste moves both the history and the outcome, so that history and outcome go together without any recommendation:
    a reason claims no arrow between them.
    """
    from causalrec_lab.causal.graph.causal_graph import CausalGraph

    edges = "taste -> history -> score -> shown -> outcome; taste -> outcome; group -> outcome; group -> history"
    return CausalGraph(edges, latent=["taste"], treatment="shown", outcome="outcome")


def claims() -> pd.DataFrame:
    """One row a part of the sentence: arrow, about, verified_by, does_not_say."""
    rows = [
        (
            "because you watched X",
            "history -> score",
            "the model, for this user",
            "the score falls where X is left out of the history, and the item is no longer among the first k",
            "that X changed the user's taste, or that the user would not have found the item",
        ),
        (
            "partly because you watched X",
            "history -> score",
            "the model, for this user",
            "the score falls where X is left out of the history; the item stays among the first k",
            "that X alone carries the recommendation",
        ),
        (
            "and like Y",
            "history -> score",
            "the log and the model, for this user",
            "two items of Y or more, more than indifference makes likely, and the score falls without them",
            "why the user met them: who is shown much of Y meets much of Y",
        ),
        (
            "for viewers like you, being shown a video raises … by 4 points [2, 6] on average",
            "shown -> outcome",
            "the user's group, over the items it was eligible for",
            "an estimate from the log, adjusted for what moves showing and outcome, with its interval",
            "what it does to this user, or that this item does more than another",
        ),
        (
            "… cannot be told",
            "shown -> outcome",
            "the user's group",
            "the interval covers 0",
            "that there is no effect",
        ),
    ]
    columns = ["part", "arrow", "about", "verified_by", "does_not_say"]
    return pd.DataFrame(rows, columns=columns).set_index("part")
