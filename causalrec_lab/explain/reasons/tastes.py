"""What a user likes, as far as a log can say it: kinds of item they came back to more than others do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.text.interests import InterestProfiles

__all__ = ["liked_categories", "liked_topics", "more_than_chance"]

FEWEST = 2  # different items of a kind before a user is said to like it
CHANCE = 0.1  # largest chance of as many by indifference


def liked_categories(pairs: pd.DataFrame, acts: pd.DataFrame, category: pd.Series) -> list[str]:
    r"""Category of each recommended item where the log bears out that its user likes it, else an empty text.

    Of the n items a user did something with, K are of the category, whose share of the catalogue is q. It is called
    liked where K is at least 2 and more than indifference makes likely (binomial, one-sided):

    .. math:: P(B \ge K) \le 0.1, \qquad B \sim \text{Bin}(n, q).

    That is a count, no state of mind: who was shown much of a kind meets much of it.

    Parameters
    ----------
    pairs
        Columns user_id, item_id.
    acts
        Columns user_id, item_id.
    category
        Of each item, indexed by id.
    """
    own = acts.assign(category=category.reindex(acts["item_id"]).to_numpy()).dropna(subset=["category"])
    own = own[["user_id", "item_id", "category"]].drop_duplicates()
    count = own.groupby(["user_id", "category"], observed=True).size()
    of = own.groupby("user_id").size().reindex(count.index.get_level_values(0)).to_numpy()
    usual = category.value_counts(normalize=True).reindex(count.index.get_level_values(1)).to_numpy()
    liked = set(count.index[more_than_chance(count.to_numpy(), of, usual)])
    asked = zip(pairs["user_id"], category.reindex(pairs["item_id"]), strict=True)
    return [str(kind) if (user, kind) in liked else "" for user, kind in asked]


def more_than_chance(count: npt.ArrayLike, of: npt.ArrayLike, usual: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether so many items of a kind are more than indifference makes likely.

    Parameters
    ----------
    count
        (n,) items of the kind.
    of
        (n,) items in all.
    usual
        (n,) share of the kind in the catalogue.
    """
    from scipy.stats import binom

    tail = binom.sf(np.asarray(count) - 1, np.asarray(of), np.asarray(usual))
    return np.asarray((np.asarray(count) >= FEWEST) & (tail <= CHANCE))


def liked_topics(pairs: pd.DataFrame, items: pd.DataFrame, interests: InterestProfiles) -> list[str]:
    """Topic on which each recommended item and its user's interests meet, else an empty text.

    The topic of largest :math:`s_{uk} t_{ik}` among those on which both lie above the catalogue's mean: the user's
    share s and the share t of the item's text.

    Parameters
    ----------
    pairs
        Columns user_id, item_id.
    items
        Columns item_id, text.
    interests
        As `recommender.interest_profile` gives them.
    """
    texts = items.drop_duplicates("item_id").set_index("item_id")["text"].reindex(pairs["item_id"]).fillna("")
    usual = interests.baseline.to_numpy()
    told = interests.topics.shares(texts).to_numpy()
    own = interests.shares.reindex(pairs["user_id"]).fillna(0.0).to_numpy()
    met = own * told * (own > usual) * (told > usual)
    best = met.argmax(axis=1)
    labels = list(interests.shares.columns)
    return [labels[place] if row[place] > 0 else "" for place, row in zip(best.tolist(), met, strict=True)]
