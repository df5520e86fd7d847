"""True effects of the features of a log, on each of the simulated platforms that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from causalrec_lab.recommender.sequence.transformer import TransformerRecommender
    from causalrec_lab.world.designs.linear import LinearGaussian
    from causalrec_lab.world.platform import Platform

__all__ = ["history_against_effects", "true_effects"]


def true_effects(
    world: Platform | LinearGaussian, decisions: pd.DataFrame | None = None, outcome: str | None = None
) -> pd.DataFrame:
    """True total effects of a log's features on an outcome, exact.

    Parameters
    ----------
    world
        A `Platform`, or the linear-Gaussian preset.
    decisions
        Rows of the platform's log; the linear-Gaussian preset needs none.
    outcome
        The scenario's main one, "purchase" for the linear-Gaussian preset, by default.

    Returns
    -------
    DataFrame indexed by feature: step, value (effect of the step), per_unit, std_error. See
    `causalrec_lab.world.truths.column_effects` for what each step is.

    Raises
    ------
    ValueError
        If a platform comes without decisions, or the outcome is unknown.
    """
    from causalrec_lab.world.designs.linear import LinearGaussian

    if isinstance(world, LinearGaussian):
        effect = outcome or "purchase"
        causes = [name for name in world.covariance.columns if name != effect]
        truth = {
            name: world.truth.path_effects(name, effect).loc[f"total {name}=>{effect}", "value"] for name in causes
        }
        table = pd.DataFrame({"step": 1.0, "value": pd.Series(truth, dtype=float)})
        return table.assign(per_unit=table["value"], std_error=0.0)
    if decisions is None:
        raise ValueError("the effects of a platform's columns are means over rows; give decisions=, rows of its log")
    from causalrec_lab.world.truths.column_effects import column_effects

    return column_effects(world, decisions, outcome)


def history_against_effects(
    model: TransformerRecommender,
    platform: Platform,
    user_id: Any,
    item_id: Any,
    *,
    head: Any = "interest",
    outcome: str | None = None,
) -> pd.DataFrame:
    """What each event of a history does to the model's score, beside what it does to the user.

    Parameters
    ----------
    model
        Trained on the platform's log.
    platform
        The platform, which knows what a history does to a user: nothing, but for the last event under `carry_over`.
    user_id, item_id, head
        As in `history_methods`.
    outcome
        What the effect on the user is on, if the item were shown now; the scenario's main one by default.

    Returns
    -------
    DataFrame, one row an event the model reads: item_id, integrated_gradients, deletion (effect on the model's score),
    attention, effect_on_user (true change of the outcome's chance, had the user not been shown this event).
    """
    from causalrec_lab.explain.attributions.history import history_methods
    from causalrec_lab.world.truths.column_effects import last_decision_effect

    table = history_methods(model, user_id, item_id, head=head)
    effect = pd.Series(0.0, index=table.index)
    effect.iloc[-1] = last_decision_effect(platform, user_id, item_id, outcome)
    return table.assign(effect_on_user=effect)
