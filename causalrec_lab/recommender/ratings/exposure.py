r"""Models of exposure: the chance that an eligible pair is shown, which the losses of `debias` divide by.

All learn from a table of decisions (one row an eligible pair, shown or not) by `fit(decisions)` and tell a chance a row
by `predict(pairs)`. They differ in what they read: the item alone, logged columns and vectors of texts, or the
sequence of what each user was shown. None knows more than it reads: what moves exposure *and* outcome and stands in
none of these stays a hidden confounder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.config import RecommenderConfig

__all__ = ["ExposureModel", "LogisticExposure", "PopularityExposure", "TransformerExposure"]

Floats = npt.NDArray[np.float64]
LEAST = 1e-3  # no chance is told below it: a weight is at most a thousand


class ExposureModel(Protocol):
    """What every model of exposure does."""

    def fit(self, decisions: pd.DataFrame, treatment: str = "treated") -> Self:
        """Learn from eligible decisions, shown (1) or not (0)."""

    def predict(self, pairs: pd.DataFrame) -> Floats:
        """(n,) chance that each row is shown, in (0, 1)."""


class PopularityExposure:
    r"""How often the item is shown when it is eligible, :math:`(s_i + k \bar p) / (n_i + k)`: the same for all users.

    Parameters
    ----------
    prior
        k, decisions that the mean counts for beside the item's own.

    Raises
    ------
    ValueError
        If `prior` is not positive.
    """

    def __init__(self, prior: float = 10.0) -> None:
        if not prior > 0:
            raise ValueError(f"PopularityExposure(prior={prior!r}): give a positive number of decisions")
        self.prior = prior

    def fit(self, decisions: pd.DataFrame, treatment: str = "treated") -> Self:
        """Count; see `ExposureModel`."""
        shown = _shown(decisions, treatment)
        self.mean = float(shown.mean())
        self.share = _shrunken(decisions["item_id"], shown, self.mean, self.prior)
        return self

    def predict(self, pairs: pd.DataFrame) -> Floats:
        """(n,) shares of the rows' items; an item never met has the mean."""
        return _chance(pairs["item_id"].map(self.share).fillna(self.mean))


class LogisticExposure:
    r"""Logistic regression, :math:`\sigma(\mu + x_{ui}'\beta + e_u'\gamma + f_i'\delta + \alpha_u + \beta_i)`.

    Parameters
    ----------
    columns
        Numeric columns of the decisions, x.
    user_vectors, item_vectors
        Tables indexed by user_id and item_id (embeddings of texts, say), e and f; a row without a vector has their
        mean.
    identities
        Whether each user and item has an intercept of its own. They hold all of a confounder that is a sum of a user's
        and an item's part, text or no text.
    penalty
        Squared-norm penalty of the coefficients of standardised inputs, in units of a decision's loss.

    Raises
    ------
    ValueError
        If there is nothing to read, or the penalty is not positive.
    """

    def __init__(
        self,
        columns: Sequence[str] = (),
        *,
        user_vectors: pd.DataFrame | None = None,
        item_vectors: pd.DataFrame | None = None,
        identities: bool = False,
        penalty: float = 1.0,
    ) -> None:
        if not columns and user_vectors is None and item_vectors is None and not identities:
            raise ValueError(
                "LogisticExposure reads nothing; give columns=, user_vectors=, item_vectors= or identities"
            )
        if not penalty > 0:
            raise ValueError(f"LogisticExposure(penalty={penalty!r}): give a positive number")
        self.columns, self.penalty, self.identities = tuple(columns), penalty, identities
        self.vectors = {"user_id": user_vectors, "item_id": item_vectors}

    def fit(self, decisions: pd.DataFrame, treatment: str = "treated") -> Self:
        """Maximise the penalised likelihood; see `ExposureModel`.

        Raises
        ------
        ValueError
            If a column is missing or all decisions are of one kind.
        """
        from sklearn.linear_model import LogisticRegression

        shown = _shown(decisions, treatment)
        if missing := [name for name in self.columns if name not in decisions]:
            raise ValueError(f"LogisticExposure: the decisions lack {missing}; they have {list(decisions)}")
        if shown.min() == shown.max():
            raise ValueError(f"all {len(shown):,} decisions have {treatment}={shown[0]:g}; there is nothing to learn")
        read = self._read(decisions)
        self.centre, self.spread = read.mean(axis=0), read.std(axis=0)
        self.known = {name: pd.Index(decisions[name].unique()) for name in ("user_id", "item_id") if self.identities}
        self.model = LogisticRegression(C=1 / self.penalty, max_iter=500)
        self.model.fit(self._design(decisions), shown)
        return self

    def predict(self, pairs: pd.DataFrame) -> Floats:
        """(n,) chances; a user or item never met has no intercept of its own."""
        return _chance(self.model.predict_proba(self._design(pairs))[:, 1])

    def _read(self, rows: pd.DataFrame) -> Floats:
        parts = [rows[list(self.columns)].to_numpy(np.float64)]
        for name, vectors in self.vectors.items():
            if vectors is not None:
                found = vectors.reindex(rows[name]).to_numpy(np.float64)
                parts.append(np.where(np.isnan(found), vectors.to_numpy(np.float64).mean(axis=0), found))
        return np.column_stack(parts)

    def _design(self, rows: pd.DataFrame) -> Any:
        from scipy import sparse

        read = (self._read(rows) - self.centre) / np.where(self.spread > 0, self.spread, 1.0)
        if not self.identities:
            return read
        parts = [sparse.csr_array(read)]
        for name, known in self.known.items():
            place = known.get_indexer(rows[name])
            met = place >= 0
            cells = (np.ones(met.sum()), (np.flatnonzero(met), place[met]))
            parts.append(sparse.csr_array(cells, shape=(len(rows), len(known))))
        return sparse.hstack(parts, format="csr")


class TransformerExposure:
    r"""A Transformer that reads the sequence of what each user was shown, and tells what is shown next.

    With :math:`\pi(i | u)` the chance that the next item shown is i, :math:`d_i` the item's share of the decisions and
    :math:`\bar e_u` the user's share of decisions shown, Bayes' rule gives

    .. math:: P(\text{shown} \mid u, i) = \bar e_u \, \pi(i | u) / d_i .

    Parameters
    ----------
    config
        Sizes and training, without an outcome.
    prior
        Decisions that the mean counts for beside a user's or item's own.

    Raises
    ------
    ValueError
        If the configuration has an outcome: then the interest head learns what is liked, not what is shown.
    """

    def __init__(self, config: RecommenderConfig, *, prior: float = 10.0) -> None:
        if config.outcome is not None:
            raise ValueError(
                f"TransformerExposure: config.outcome={config.outcome!r} makes the interest head learn what comes with "
                "that outcome; leave it None"
            )
        self.config, self.prior = config, prior

    def fit(self, decisions: pd.DataFrame, treatment: str = "treated") -> Self:
        """Train on the shown rows in time order; see `ExposureModel`."""
        from causalrec_lab.recommender.sequence.transformer import TransformerRecommender

        shown = _shown(decisions, treatment)
        items = pd.DataFrame({"item_id": np.unique(decisions["item_id"])})
        met = decisions.loc[shown == 1, ["user_id", "item_id", "timestamp"]]
        self.model = TransformerRecommender(self.config).fit(met, callbacks=(), items=items)
        self.mean = float(shown.mean())
        self.rate = _shrunken(decisions["user_id"], shown, self.mean, self.prior)
        counts = decisions["item_id"].value_counts() + self.prior
        self.share = counts / counts.sum()
        return self

    def predict(self, pairs: pd.DataFrame) -> Floats:
        """(n,) chances.

        Raises
        ------
        KeyError
            If an item is in no decision it was fitted on.
        """
        users, row = np.unique(pairs["user_id"], return_inverse=True)
        place = self.model.catalogue.get_indexer(pd.Index(pairs["item_id"]))
        if (place < 0).any():
            raise KeyError(f"item {pairs['item_id'].iloc[int(np.argmin(place))]!r} is in no decision of the training")
        following = self.model.propensity(users)[row, place].astype(np.float64)
        rate = pairs["user_id"].map(self.rate).fillna(self.mean).to_numpy(np.float64)
        return _chance(rate * following / pairs["item_id"].map(self.share).to_numpy(np.float64))


def _shown(decisions: pd.DataFrame, treatment: str) -> Floats:
    if missing := [name for name in ("user_id", "item_id", treatment) if name not in decisions]:
        raise ValueError(f"a model of exposure needs the columns {missing}; the decisions have {list(decisions)}")
    shown = decisions[treatment].to_numpy(np.float64)
    if not len(shown) or not np.isin(shown, (0.0, 1.0)).all():
        raise ValueError(f"column {treatment!r} must hold 0 or 1 for each of at least one decision")
    return shown


def _shrunken(ids: pd.Series[Any], shown: Floats, mean: float, prior: float) -> pd.Series[Any]:
    """Share shown of each id, drawn towards the mean."""
    by_id = pd.Series(shown).groupby(ids.to_numpy())
    return (by_id.sum() + prior * mean) / (by_id.count() + prior)


def _chance(values: Any) -> Floats:
    return np.clip(np.asarray(values, dtype=np.float64), LEAST, 1 - LEAST)
