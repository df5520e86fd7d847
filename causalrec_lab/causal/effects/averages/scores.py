"""Cross-fitted nuisances and the doubly robust scores made of them: what `aipw`, `tmle`, `dml` and `by_group` share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from causalrec_lab.causal.effects.averages.trimming import Kept, Trim, keep
from causalrec_lab.causal.effects.columns import Floats, nearest
from causalrec_lab.causal.effects.diagnostics import check_overlap, overlap_diagnostics, overlap_notes, r_squared
from causalrec_lab.causal.effects.inference import IGNORABILITY, OVERLAP, SUTVA, report
from causalrec_lab.causal.effects.nuisances.cross_fitting import NUISANCES, Nuisances, cross_fit
from causalrec_lab.causal.effects.sample import Sample
from causalrec_lab.estimate import Estimate

__all__ = ["Fitted", "check_arms", "doubly_robust_notes", "fit", "terms", "to_estimate"]


@dataclass(frozen=True)
class Fitted:
    """A sample with its out-of-fold nuisances, after trimming."""

    sample: Sample
    nuisances: Nuisances
    kept: Kept

    def take(self, rows: npt.NDArray[np.bool_]) -> Fitted:
        """The rows of a mask."""
        return replace(self, sample=self.sample.take(rows), nuisances=_part(self.nuisances, rows))


def fit(
    sample: Sample, *, nuisance: str, folds: int, seed: int, clip: float, estimand: str, trim: Trim = None
) -> Fitted:
    """Cross-fit the nuisances, refuse empty overlap, trim.

    Raises
    ------
    ValueError
        If the nuisance is unknown, the arms share no propensity, or trimming leaves one arm only.
    """
    if nuisance not in NUISANCES:
        raise ValueError(f"unknown nuisance {nuisance!r}; {nearest(nuisance, NUISANCES)}")
    found = cross_fit(sample, nuisance=nuisance, folds=folds, seed=seed, clip=clip, estimand=estimand)
    check_overlap(sample, found.propensity)
    kept = keep(found.propensity, trim)
    whole = Fitted(sample, found, kept)
    if kept.rows.all():
        return whole
    check_arms(sample.treatment[kept.rows], f"trim={trim!r} leaves {int(kept.rows.sum()):,} rows, which")
    return whole.take(kept.rows)


def check_arms(treatment: Floats, what: str) -> None:
    """Refuse rows of one arm.

    Raises
    ------
    ValueError
        If no treated or no untreated row is among them.
    """
    if treatment.min() == treatment.max():
        raise ValueError(f"{what} are of a single treatment class")


def terms(fitted: Fitted, estimand: str) -> tuple[Floats, Floats]:
    """Numerator and denominator of the doubly robust estimate, a term a row, (n,) each; see `aipw`."""
    sample, found = fitted.sample, fitted.nuisances
    t, y, w, e = sample.treatment, sample.outcome, sample.weights, found.propensity
    if estimand == "ATE":
        corrections = t * (y - found.treated) / e - (1 - t) * (y - found.control) / (1 - e)
        return w * (found.treated - found.control + corrections), w
    if estimand == "ATT":
        return w * (t - (1 - t) * e / (1 - e)) * (y - found.control), w * t
    return w * (t - e) * (y - e * found.treated - (1 - e) * found.control), w * (t - e) ** 2


def to_estimate(
    fitted: Fitted,
    value: float,
    influence: Floats,
    *,
    estimand: str,
    level: float,
    method: str,
    notes: Sequence[str] = (),
    std_error: float | None = None,
) -> Estimate:
    """Value and influence with the diagnostics of both nuisances and what they say."""
    sample, found = fitted.sample, fitted.nuisances
    diagnostics = overlap_diagnostics(sample, found.propensity, estimand)
    prediction = np.where(sample.treated, found.treated, found.control)
    diagnostics["outcome_r2"] = r_squared(sample.outcome, prediction, sample.weights)
    return report(
        sample, value, influence, std_error=std_error,
        level=level, estimand=fitted.kept.estimand(estimand), method=method, diagnostics=diagnostics,
        notes=(*doubly_robust_notes(sample, diagnostics, estimand), *fitted.kept.notes, *notes),
        assumptions=(IGNORABILITY, OVERLAP, "the propensity or the outcome model is right", SUTVA),
    )  # fmt: skip


def doubly_robust_notes(sample: Sample, found: dict[str, float], estimand: str) -> tuple[str, ...]:
    """Overlap, a logged propensity and embeddings, in words."""
    said = list(overlap_notes(found, estimand))
    if sample.propensity is not None:
        said.append(
            "the logged propensity is taken as known: if it is nominal, it knows nothing of what was not logged"
        )
    if sample.embeddings.shape[1]:
        said.append(f"{sample.embeddings.shape[1]} embedding dimensions enter both nuisances by cross-fitted ridge")
    return tuple(said)


def _part(found: Nuisances, rows: npt.NDArray[np.bool_]) -> Nuisances:
    return Nuisances(found.propensity[rows], found.control[rows], found.treated[rows])
