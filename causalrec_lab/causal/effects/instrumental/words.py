"""What an instrumental-variables estimate says of itself: diagnostics, assumptions and notes."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from causalrec_lab.causal.effects.instrumental.anderson_rubin import ConfidenceSet, smallest
from causalrec_lab.causal.effects.instrumental.reading import InstrumentSample
from causalrec_lab.causal.effects.instrumental.reduced_form import ReducedForm

__all__ = ["assumptions", "diagnose", "notes"]

_REFUSED = 0.05


def diagnose(read: InstrumentSample, form: ReducedForm, region: ConfidenceSet) -> dict[str, float]:
    """Strength of the first stage, the Anderson-Rubin set, share of compliers, and J where it exists."""
    found = {
        "effective_f": form.effective_f,
        "effective_f_critical": form.critical_f,
        "first_stage_f": form.conventional_f,
        "anderson_rubin_low": region.hull[0],
        "anderson_rubin_high": region.hull[1],
        "anderson_rubin_pieces": float(len(region.pieces)),
    }
    if len(region.pieces) == 2:  # two rays: the effects between them are refused
        found["anderson_rubin_gap_low"], found["anderson_rubin_gap_high"] = region.pieces[0][1], region.pieces[1][0]
    if read.binary:
        found["complier_share"] = float(form.treatment[0])
    if form.count > 1:
        found["hansen_j"] = smallest(form)[1]
        found["hansen_j_p"] = float(stats.chi2.sf(found["hansen_j"], form.count - 1))
    return found


def assumptions(read: InstrumentSample, words: str) -> tuple[str, ...]:
    """What must hold for the estimate to be the effect on compliers."""
    linear = not words.startswith("doubly robust") and read.controls.shape[1] > 1
    return (
        "relevance: the instrument moves the treatment (the first stage shows it)",
        "independence: given the covariates the instrument is as good as random",
        "exclusion: the instrument reaches the outcome by the treatment alone",
        "monotonicity: it moves nobody's treatment the other way",
        *(("the instrument's mean is linear in the covariates",) if linear else ()),
    )


def notes(
    read: InstrumentSample,
    form: ReducedForm,
    region: ConfidenceSet,
    usual: ConfidenceSet,
    robust: bool,
    found: dict[str, float],
) -> tuple[str, ...]:
    """Warnings first, then what the estimate is an estimate of."""
    said = [*_on_weakness(form, region, usual, robust), *_on_agreement(form, found)]
    if form.count == 1:
        said.append(
            "exclusion and independence cannot be seen in the data with one instrument; only reasons support them"
        )
    share = found.get("complier_share", math.nan)
    if math.isfinite(share):
        moved = f"{abs(share):.1%} of rows are moved by the instrument" + (
            " (away from treatment)" if share < 0 else ""
        )
        said.append(f"the effect is that of compliers alone: {moved}")
    elif not np.isin(read.sample.treatment, (0.0, 1.0)).all():
        said.append("treatment takes more than two values: this is an average of effects of one unit more, weighted by "
                    "how far the instrument moves each row (Angrist and Imbens 1995)")  # fmt: skip
    if form.count > 1:
        said.append("each instrument moves its own compliers; several together weigh their effects by their strength")
    if read.dropped:
        said.append(f"left out, since other covariates determine them: {', '.join(read.dropped)}")
    if width := read.sample.embeddings.shape[1]:
        said.append(f"{width} embedding dimensions are read by cross-fitted ridge")
    return tuple(said)


def _on_weakness(form: ReducedForm, region: ConfidenceSet, usual: ConfidenceSet, robust: bool) -> list[str]:
    if form.effective_f >= form.critical_f:
        return [f"the other interval: {usual} (Wald)" if robust else f"the other interval: {region} (Anderson-Rubin)"]
    said = [
        f"warning: weak instrument: effective first-stage F {form.effective_f:.1f} is below {form.critical_f:.1f}, so "
        "the estimate may lean towards plain regression by more than a tenth of the worst case and the usual interval "
        f"{usual} cannot be trusted; " + ("the Anderson-Rubin interval stands" if robust else "use interval='auto'")
    ]
    if not region.pieces:
        return [*said, "warning: no effect at all fits every instrument: the Anderson-Rubin set is empty"]
    if not region.bounded:
        said.append(f"warning: the Anderson-Rubin set is {region}: these data put no bound on the effect")
    return said


def _on_agreement(form: ReducedForm, found: dict[str, float]) -> list[str]:
    if form.count == 1 or found["hansen_j_p"] >= _REFUSED:
        return []
    test = f"J = {found['hansen_j']:.1f}, p = {found['hansen_j_p']:.2g}"
    why = "one breaks exclusion, or they move people whose effects differ; the data cannot say which"
    return [f"warning: the instruments disagree ({test}): {why}"]
