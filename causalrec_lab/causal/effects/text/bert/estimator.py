"""`causal_bert`: the effect where a text confounds, the text read by an encoder that learns what matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.causal.effects.averages.scores import Fitted, terms, to_estimate
from causalrec_lab.causal.effects.averages.trimming import keep
from causalrec_lab.causal.effects.diagnostics import check_overlap
from causalrec_lab.causal.effects.inference import ratio
from causalrec_lab.causal.effects.nuisances.cross_fitting import Nuisances, clipped, design_matrix
from causalrec_lab.causal.effects.nuisances.folds import splits
from causalrec_lab.causal.effects.nuisances.ridge import one_thread
from causalrec_lab.causal.effects.sample import Embeddings, Sample, nearest, read_sample
from causalrec_lab.estimate import Estimate

if TYPE_CHECKING:
    from causalrec_lab.causal.graph.causal_graph import CausalGraph
    from causalrec_lab.recommender.text.encoder import TextEncoder

__all__ = ["SCORES", "causal_bert"]

SCORES = ("aipw", "plug-in")


@one_thread()
def causal_bert(
    frame: pd.DataFrame,
    treatment: str,
    outcome: str,
    covariates: Sequence[str],
    *,
    text: str,
    encoder: str | TextEncoder = "auto",
    embeddings: Embeddings | None = None,
    cluster: str | Sequence[str] | None = None,
    weights: str | None = None,
    estimand: str = "ATE",
    level: float = 0.95,
    seed: int = 0,
    folds: int = 2,
    groups: str | Sequence[str] | None = None,
    epochs: int = 1,
    layers: int | None = 1,
    learning_rate: float = 5e-5,
    batch_size: int = 64,
    masked_language_weight: float = 0.1,
    reading: str = "sentences",
    score: str = "aipw",
    nuisance: str = "spline",
    clip: float = 0.01,
    graph: CausalGraph | None = None,
) -> Estimate:
    r"""Effect with a text as confounder: one encoder, a propensity head, two outcome heads, a masked-language term.

    Source: Veitch, Sridhar and Blei (2020, "Adapting Text Embeddings for Causal Inference", UAI, section 4).

    .. math:: L = \mathrm{CE}\bigl(T, g(Z)\bigr) + \ell\bigl(Y, Q(T, Z)\bigr) + \lambda\, L_{\text{masked words}},
        \qquad Z = Z_\theta(\text{text})

    :math:`\ell` is cross-entropy for an outcome of 0 and 1, squared error over twice the variance else. The effect is
    the AIPW score (see `aipw`) or the plug-in mean of :math:`Q(1, Z) - Q(0, Z)`, on predictions for rows whose fold
    trained neither encoder nor heads. What differs from the paper: tabular terms join the heads; the heads begin at the
    ridge solution on the frozen encoder (probing before tuning: Kumar et al. 2022) and are solved anew after each
    epoch, their penalty chosen on the training rows, so that epochs=0 is AIPW on frozen vectors and epochs=1 departs
    from it no further than the learning rate allows; only the uppermost layers are trained, so the layers below read
    each different sentence once for all folds and epochs.

    Parameters
    ----------
    frame, treatment, outcome, covariates, cluster, weights, level, groups, clip, graph
        As in `aipw`.
    text
        Column of texts written before the treatment.
    encoder
        A `TextEncoder`, or a name as `TextEncoder.load` takes it; "tiny" trains a small BERT on these texts.
    embeddings
        (n, d) array or several that stand beside the text's vector unchanged (an item's, a user's state).
    estimand
        "ATE", "ATT" or "ATO".
    seed, folds
        Of folds, batches and hidden words. The same seed gives the same digits on one machine and thread count.
    epochs, learning_rate, batch_size
        Of AdamW, in texts; 0 epochs leave the encoder frozen.
    layers
        Uppermost layers to train; None: all (word vectors stay).
    masked_language_weight
        :math:`\lambda`; 0 leaves the term out, which halves the time of reading.
    reading
        "sentences": a text's vector is the mean of its sentences'; "whole": of its words, cut at the encoder's length.
    score
        "aipw", or "plug-in", which has no standard error.
    nuisance
        Terms of the tables in the heads, "spline" or "linear".

    Raises
    ------
    ValueError
        On the bad input that `aipw` refuses, an unknown text column, reading or score, numbers out of range, or an
        encoder without layers of BERT's kind.
    TypeError
        If a text is missing or no string.
    FloatingPointError
        If the training diverges.
    """
    _check(frame, text, score, nuisance, epochs=epochs, masked_language_weight=masked_language_weight,
           learning_rate=learning_rate, batch_size=batch_size)  # fmt: skip
    sample = read_sample(
        frame, treatment, outcome, covariates,
        embeddings=embeddings, cluster=cluster, weights=weights, estimand=estimand, groups=groups, graph=graph,
    )  # fmt: skip
    from causalrec_lab.causal.effects.text.bert.training import Settings

    settings = Settings(int(epochs), learning_rate, int(batch_size), masked_language_weight if epochs else 0.0, seed)
    found, name = _cross_fit(sample, list(frame[text]), encoder, settings, folds, layers, reading, nuisance)
    nuisances = Nuisances(clipped(found.propensity, clip, estimand), found.control, found.treated)
    check_overlap(sample, nuisances.propensity)
    fitted = Fitted(sample, nuisances, keep(nuisances.propensity, None))
    trained = "all layers" if layers is None else f"top layer x {layers}"
    how = f"{name}, {trained}, epochs {epochs}, {folds}-fold cross-fitted"
    return _estimate(fitted, estimand, level, score, f"CausalBERT ({how})")


def _cross_fit(
    sample: Sample,
    texts: list[Any],
    encoder: str | TextEncoder,
    settings: Any,
    folds: int,
    layers: int | None,
    reading: str,
    nuisance: str,
) -> tuple[Nuisances, str]:
    from causalrec_lab.causal.effects.text.bert.reader import Reader
    from causalrec_lab.causal.effects.text.bert.training import Fold

    reader = Reader.open(encoder, texts, reading, layers, settings.masked_language_weight > 0, settings.seed)
    design, found = design_matrix(sample.covariates, nuisance), np.empty((3, sample.n))
    for train, test in splits(sample.n, folds, sample.groups, sample.treatment, settings.seed):
        fold = Fold(sample, design, reader.corpus, reader.network(), reader.words(settings.seed), settings)
        heads = fold.fit(train)
        found[:, test] = heads.predict(design[test], fold.vectors()[test])
    return Nuisances(*found), reader.name


def _estimate(fitted: Fitted, estimand: str, level: float, score: str, method: str) -> Estimate:
    value, influence = ratio(*terms(fitted, estimand))
    made = to_estimate(fitted, value, influence, estimand=estimand, level=level, method=method)
    plug_in = _plug_in(fitted.sample, fitted.nuisances, estimand)
    made = replace(made, diagnostics={**made.diagnostics, "plug_in": plug_in}, notes=(*made.notes, _words(made)))
    if score == "aipw":
        return made
    why = "the plug-in has no standard error: its bias is that of the outcome heads; score='aipw' corrects it"
    return replace(made, value=plug_in, std_error=float("nan"), interval=None, notes=(*made.notes, why))


def _plug_in(sample: Sample, found: Nuisances, estimand: str) -> float:
    e, w = found.propensity, sample.weights
    shares = {"ATE": w, "ATT": w * sample.treatment, "ATO": w * e * (1 - e)}[estimand]
    return float(np.average(found.treated - found.control, weights=shares))


def _words(made: Estimate) -> str:
    share = made.diagnostics["outcome_r2"]
    told = f"{share:.0%}" if share > 0 else "nothing"  # worse than the mean, or no variance
    return (
        f"the text is read by a trained encoder; out of fold it tells the treatment with AUC "
        f"{made.diagnostics['propensity_auc']:.2f} and {told} of the outcome's variance, "
        "tables included: what it did not learn to read is not adjusted for"
    )


def _check(frame: pd.DataFrame, text: str, score: str, nuisance: str, **numbers: Any) -> None:
    if text not in frame.columns:
        raise ValueError(f"no column {text!r} in the table; {nearest(text, list(frame.columns))}")
    for name, value, known in (("score", score, SCORES), ("nuisance", nuisance, ("spline", "linear"))):
        if value not in known:
            raise ValueError(f"causal_bert has no {name} {value!r}; {nearest(value, known)}")
    for name, number in numbers.items():
        least = 0 if name in ("epochs", "masked_language_weight") else None
        if isinstance(number, str) or not np.isfinite(number) or (number < 0 if least == 0 else number <= 0):
            raise ValueError(
                f"causal_bert({name}={number!r}): give a {'number >= 0' if least == 0 else 'positive number'}"
            )
        if name in ("epochs", "batch_size") and number != int(number):
            raise ValueError(f"causal_bert({name}={number!r}): give a whole number")
