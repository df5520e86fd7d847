"""From the means of the mediation functional to effects: contrasts, words and figures that both estimators share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from causalrec_lab.causal.effects.sample import Floats, nearest
from causalrec_lab.causal.mediation.functional import contrasts
from causalrec_lab.causal.mediation.result import PathEffects, path_effects
from causalrec_lab.causal.mediation.sample import MediationSample
from causalrec_lab.causal.mediation.stages import Stage

__all__ = ["Mean", "assembled", "counts", "overlap_notes", "set_state", "stage_notes"]

Mean = tuple[float, Floats]  # a mean and its (n,) influence function
_LOW, _HIGH, _POOR = 0.05, 0.95, 0.10  # as in `effects.diagnostics`
_FEW = 10  # rows of the rarer kind a coefficient, below which a logistic fit is unsteady (Peduzzi et al. 1996)


def assembled(
    sample: MediationSample,
    means: Sequence[Mean],
    controlled: Mean | None,
    *,
    level: float,
    method: str,
    assumptions: Sequence[str],
    notes: Sequence[str],
    diagnostics: Mapping[str, float],
) -> PathEffects:
    """Effects from the means of `functional.regimes`, and the controlled effect where it was asked for."""
    values, influence = np.array([mean for mean, _ in means]), np.column_stack([psi for _, psi in means])
    labels, rows = contrasts(sample.names[1:-1], sample.names[-1])
    effects, errors = rows @ values, influence @ rows.T
    if controlled is not None:
        labels = [*labels, "CDE"]
        effects, errors = np.append(effects, controlled[0]), np.column_stack([errors, controlled[1]])
    ends = [0, len(means) - 1, len(means) - 2]  # nobody; the outcome alone; everybody
    return path_effects(
        sample.names, labels, effects, errors, sample.base.clusters,
        (("Y(0)", "Y(1, M(0))", "Y(1)"), values[ends], influence[:, ends]),
        level=level, method=method, assumptions=assumptions, diagnostics=diagnostics,
        notes=(*notes, *sample.notes, *sample.base.notes),
    )  # fmt: skip


def set_state(sample: MediationSample, set_to: Mapping[str, int] | None) -> int | None:
    """Number of the state that mediators are set to; None where none was asked for.

    Raises
    ------
    ValueError
        If a name is no mediator, a value is not 0 or 1, or an arm has no row in that state.
    """
    if set_to is None:
        return None
    if not isinstance(set_to, Mapping):
        raise ValueError(f"set_to={set_to!r}: give a state for the mediators, as {{{sample.names[1]!r}: 1}}")
    mediators = sample.names[1:-1]
    for name, value in set_to.items():
        if name not in mediators:
            raise ValueError(f"set_to names {name!r}, which is no mediator; {nearest(name, mediators)}")
        if value not in (0, 1):
            raise ValueError(f"set_to={{{name!r}: {value!r}}}: a binary mediator is set to 0 or 1")
    state = sum(int(set_to.get(name, 1)) << (len(mediators) - 1 - k) for k, name in enumerate(mediators))
    there = sample.base.treatment[sample.state(len(mediators)) == state]
    for arm, word in ((0, "untreated"), (1, "treated")):
        if not (there == arm).any():
            wanted = ", ".join(f"{name} = {int(set_to.get(name, 1))}" for name in mediators)
            raise ValueError(
                f"no {word} row has {wanted}: what it would do there is not in the data; set another state"
            )
    return state


def counts(sample: MediationSample, stages: Sequence[Stage]) -> dict[str, float]:
    """Rows at risk of each stage and the share that passed, and the fewest rows of a kind in an arm."""
    found: dict[str, float] = {}
    for stage in stages:
        found[f"at_risk_{stage.name}"] = float(stage.at_risk.sum())
        if stage.binary:
            found[f"passed_{stage.name}"] = float(stage.target[stage.at_risk].mean())
    rare = [_rarest(sample, stage) for stage in stages if stage.binary]
    return found | ({"fewest_in_a_cell": float(min(rare))} if rare else {})


def stage_notes(sample: MediationSample, stages: Sequence[Stage]) -> tuple[str, ...]:
    """What a careful reader must know about the stages."""
    said = [
        f"no row has {stage.name} without {sample.names[stage.place]}: its chance is taken to be 0 there, so the only "
        "path onward is through it"
        for stage in stages
        if stage.nested
    ]
    terms = sample.base.covariates.shape[1] + 1
    thin = [stage.name for stage in stages if stage.binary and _rarest(sample, stage) < _FEW * terms]
    if thin:
        said.append(
            f"warning: {', '.join(thin)}: an arm has fewer than {_FEW} rows of the rarer kind for each of "
            f"{terms} terms; the models there are unsteady and intervals may be too short"
        )
    return tuple(said)


def overlap_notes(propensity: Floats) -> tuple[str, ...]:
    """A warning where many rows could hardly have had the other treatment."""
    share = float(np.mean((propensity < _LOW) | (propensity > _HIGH)))
    if share <= _POOR:
        return ()
    said = (
        f"warning: overlap is poor: {share:.0%} of propensities lie outside [{_LOW}, {_HIGH}]; there the effects are "
    )
    return (said + "extrapolated, not observed: restrict the population",)


def _rarest(sample: MediationSample, stage: Stage) -> int:
    cells = [stage.target[stage.at_risk & (sample.base.treatment == arm)] for arm in (0, 1)]
    return int(min(min(cell.sum(), len(cell) - cell.sum()) for cell in cells))
