"""What is measured in a log, and by the same code in a platform's own: exposure, selection, and what the text says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalrec_lab.data.registry import nearest
from causalrec_lab.world.alike.rows import Rows
from causalrec_lab.world.alike.statistics import (
    TextGain,
    auc,
    auc_error,
    cross_fits,
    cross_fitted,
    deviance_explained,
    text_gain,
)
from causalrec_lab.world.people.population import Floats, Ints, stream

__all__ = ["Exposed", "Selected", "exposure_of", "row_texts", "sampled", "selection_of", "text_of"]

MODEL_ROWS = 12_000  # rows on which models are fitted
TEXT_ROWS = 8_000


@dataclass(frozen=True, eq=False)
class Exposed:
    """How exposure can be foretold.

    Parameters
    ----------
    share
        Of decisions that are treated.
    auc, deviance
        Of the chances below; nan where no column foretells exposure.
    std_error
        Of the AUC.
    score, positive, negative
        (m,) chances, and the weights of treated and untreated rows with each.
    source
        How they were had.
    """

    share: float
    auc: float
    deviance: float
    std_error: float
    score: Floats
    positive: Floats
    negative: Floats
    source: str


def exposure_of(rows: Rows, seed: int) -> Exposed | None:
    """Exposure of a log: from stored propensities, else from a model of the treatment; None for a log of events."""
    if rows.kind == "slates":
        if rows.propensity is None:
            return None
        e, source = rows.propensity, "stored, over all pairs of round and item: 1 / propensity of them for each shown"
        return _exposed(e, np.ones(len(e)), 1 / e - 1, source)
    if rows.treated is None:
        return None
    if rows.propensity is not None:
        e = rows.propensity
        return _exposed(e, e, 1 - e, "stored propensities", float(rows.treated.mean()))
    share, nothing = float(rows.treated.mean()), np.empty(0)
    if not rows.covariates:
        source = "no propensity is stored and no covariates are named"
        return Exposed(share, np.nan, np.nan, np.nan, nothing, nothing, nothing, source)
    chosen = sampled(len(rows.frame), MODEL_ROWS, seed)
    t = rows.treated[chosen]
    fit = cross_fitted(rows.features(chosen), t, groups_of(rows, chosen), seed)
    source = f"{fit.model} on {len(rows.covariates)} columns, cross-fitted on {len(chosen):,} rows"
    return _exposed(fit.chance, t, 1 - t, source, share)


def _exposed(e: Floats, positive: Floats, negative: Floats, source: str, share: float | None = None) -> Exposed:
    area, ones = auc(e, positive, negative), positive.sum()
    share = float(ones / (ones + negative.sum())) if share is None else share
    error = auc_error(area, share * len(e), (1 - share) * len(e))
    return Exposed(share, area, deviance_explained(e, positive, negative), error, e, positive, negative, source)


@dataclass(frozen=True)
class Selected:
    r"""What logged columns say the treated would have done anyway, :math:`E[\mu_0(x)|T=1] - E[\mu_0(x)|T=0]`.

    It is the part of the naive contrast that is no effect, as far as the logged columns tell; with an AUC of the
    outcome's model among untreated rows. It is the mean of the two models', and how far they are apart is part of its
    error: where treated and untreated are unlike each other, it rests on their extrapolation.
    """

    value: float
    std_error: float
    auc: float


def selection_of(rows: Rows, seed: int) -> Selected | None:
    """Selection on the logged columns; None where they, the untreated, or their outcomes are missing."""
    if rows.kind != "decisions" or rows.treated is None or rows.outcome is None or not rows.covariates:
        return None
    chosen = sampled(len(rows.frame), MODEL_ROWS, seed)
    chosen = chosen[~np.isnan(rows.outcome.reached[chosen])]
    t, y = rows.treated[chosen], rows.outcome.reached[chosen]
    zero, one = chosen[t == 0], chosen[t == 1]
    if min(y[t == 0].sum(), (1 - y[t == 0]).sum()) < 30 or len(one) < 30:
        return None
    y0 = rows.outcome.reached[zero]
    fits = cross_fits(rows.features(zero), y0, groups_of(rows, zero), seed, rows.features(one))
    found = np.array([fit.everywhere.mean() - fit.chance.mean() for fit in fits])
    best = fits[0]
    error = np.sqrt(best.everywhere.var() / len(one) + best.chance.var() / len(zero) + found.var())
    return Selected(float(found.mean()), float(error), auc(best.chance, y0, 1 - y0))


def row_texts(rows: Rows, text: str | None) -> tuple[pd.Series, Ints] | None:
    """Text of each row, and the group whose rows share it; None where the log has no text.

    Raises
    ------
    ValueError
        If the named column is in no table, or holds no text.
    """
    parts, groups = [], np.arange(len(rows.frame))
    for key, table in (("user_id", rows.users), ("item_id", rows.items)):
        name = text or "text"
        if table is not None and {key, name} <= set(table) and key in rows.frame:
            words = table.drop_duplicates(key).set_index(key)[name]
            parts.append(rows.frame[key].map(words).fillna("").astype("str"))
            groups = np.asarray(rows.codes(key), dtype=np.int64)
    own = text or next((name for name in ("text", "review", "title") if name in rows.frame), None)
    if own is not None and own in rows.frame and (text or not parts):
        parts.append(rows.frame[own].fillna("").astype("str"))
        groups = np.arange(len(rows.frame))
        rows.notes.append(
            f"the text {own!r} stands in the row of its outcome: if it was written after it, what it tells is told by "
            "the outcome, and is no confounder"
        )
    if not parts:
        if text:
            known = {column for table in (rows.frame, rows.items, rows.users) if table is not None for column in table}
            raise ValueError(
                f"from_dataset: text {text!r} is no column of {rows.name!r}: {nearest(text, map(str, known))}"
            )
        return None
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.str.cat(part, sep=" ")
    return (joined, groups) if joined.str.strip().astype(bool).any() else None


def text_of(rows: Rows, y: Floats, text: str | None, seed: int, most: int = TEXT_ROWS) -> TextGain | None:
    """Share of the deviance of a 0/1 column that the rows' text explains beyond their covariates; None without text."""
    if (found := row_texts(rows, text)) is None:
        return None
    known = np.flatnonzero(~np.isnan(y))
    chosen = known[sampled(len(known), most, seed)]
    if min(y[chosen].sum(), (1 - y[chosen]).sum()) < 30:
        return None
    texts, groups = found
    return text_gain(texts.iloc[chosen].tolist(), rows.features(chosen), y[chosen], groups[chosen], seed)


def groups_of(rows: Rows, chosen: Ints) -> Ints:
    """Group of some rows in cross-fitting: the user, so that no model knows one by heart."""
    users = rows.codes("user_id")
    return chosen if users is None else users[chosen]


def sampled(n: int, most: int, seed: int) -> Ints:
    """All row numbers, or a random part of them in their order."""
    if n <= most:
        return np.arange(n)
    return np.sort(stream("likeness rows", seed).choice(n, size=most, replace=False))
