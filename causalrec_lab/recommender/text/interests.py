"""What users are interested in, read from the texts of what they met and of what they wrote."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.text.encoder import TextEncoder
from causalrec_lab.recommender.text.topics import Topics

__all__ = ["InterestProfiles", "interest_profile"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InterestProfiles:
    """Interests of users, as shares of readable topics and, where an encoder was given, as vectors.

    Parameters
    ----------
    shares
        Share of each topic (columns, by label) in each user's (index user_id) weighted history; rows sum to one.
    baseline
        Mean share of each topic over all items: what a user without taste would have.
    weight
        Total weight behind each user's profile: how many events and reviews of today it is worth.
    topics
        The topics.
    vectors
        (users, dimension) weighted mean of the texts' vectors, scaled to length one; None without an encoder.
    """

    shares: pd.DataFrame
    baseline: pd.Series[float]
    weight: pd.Series[float]
    topics: Topics
    vectors: npt.NDArray[np.float32] | None = field(default=None, repr=False)

    def of(self, user: Any) -> pd.DataFrame:
        """One user's topics, largest share first: columns topic, share, baseline, lift (share / baseline).

        Raises
        ------
        KeyError
            If the user has no profile.
        """
        if user not in self.shares.index:
            raise KeyError(
                f"user {user!r} has no profile: no event and no review of theirs was given; there are "
                f"{len(self.shares):,} users with one"
            )
        own = self.shares.loc[user]
        frame = pd.DataFrame({"share": own, "baseline": self.baseline, "lift": own / self.baseline})
        ordered = frame.sort_values("share", ascending=False, kind="stable")
        return ordered.rename_axis("topic").reset_index()

    def scores(self, items: pd.DataFrame) -> pd.DataFrame:
        r"""How well items fit users, (users, items): :math:`\sum_k s_{uk} (t_{ik} - \bar t_k)`.

        With the user's shares s, the item text's shares t and the baseline :math:`\bar t`.

        Parameters
        ----------
        items
            Columns item_id and text.
        """
        held = self.topics.shares(items["text"].fillna("")).to_numpy() - self.baseline.to_numpy()
        return pd.DataFrame(self.shares.to_numpy() @ held.T, index=self.shares.index, columns=items["item_id"])

    def _repr_html_(self) -> str:
        """Topics with their baseline, and the share of users to whom each is the first."""
        first = pd.Series(self.shares.idxmax(axis=1)).value_counts(normalize=True)
        cells = [(html.escape(name), self.baseline[name], first.get(name, 0.0)) for name in self.shares.columns]
        rows = "".join(f"<tr><td>{name}</td><td>{of:.1%}</td><td>{top:.1%}</td></tr>" for name, of, top in cells)
        head = "<tr><th>topic</th><th>of items</th><th>first of users</th></tr>"
        return f'<table class="interests"><thead>{head}</thead><tbody>{rows}</tbody></table>'


def interest_profile(
    events: pd.DataFrame,
    items: pd.DataFrame,
    *,
    topics: int | Topics = 8,
    half_life: float | str | pd.Timedelta | None = "90D",
    event_weights: dict[str, float] | None = None,
    reviews: pd.DataFrame | None = None,
    review_weight: float = 1.0,
    encoder: TextEncoder | None = None,
    seed: int = 0,
) -> InterestProfiles:
    r"""Interests of every user from the items they met and the reviews they wrote.

    .. math:: s_u = \frac{\sum_j w_j\, t(x_j)}{\sum_j w_j}, \qquad w_j = a_j\, 2^{-(\tau - \tau_j)/\text{half life}}

    over the user's texts :math:`x_j` (of items met, and own reviews), with :math:`t(x)` a text's topic shares,
    :math:`\tau` the last moment of the table and :math:`a_j` the weight of the kind of event. Exponential forgetting:
    Koychev & Schwab (2000, "Adaptation to Drifting User's Interests", ECML workshop) argue for gradual forgetting; the
    half life is a choice, not an estimate. A profile describes what was *met*: where exposure was selective, so is it.

    Parameters
    ----------
    events
        Columns user_id, item_id, and timestamp unless `half_life` is None; event where `event_weights` is given.
    items
        Columns item_id and text.
    topics
        How many to find in the items' texts, or topics found before.
    half_life
        After which time an event counts half ("90D", a Timedelta, or days); None: all count alike.
    event_weights
        Weight of each kind of event, {"purchase": 3.0, "click": 1.0}; kinds not named are left out. None: all count 1.
    reviews
        Columns user_id and text, and timestamp where `half_life` is given and they are to fade.
    review_weight
        Weight of a review.
    encoder
        Gives the profiles' vectors, too.
    seed
        Of the topics.

    Raises
    ------
    ValueError
        If a column is missing, an event's item has no row in items, a user_id is missing, no event is left, or the half
        life is not positive.
    """
    _require(events, ["user_id", "item_id", *(["timestamp"] if half_life is not None else [])], "events")
    _require(items, ["item_id", "text"], "items")
    written = _texts_of(events, items, event_weights)
    if reviews is not None:
        _require(reviews, ["user_id", "text"], "reviews")
        written = pd.concat([written, reviews.assign(weight=review_weight)], ignore_index=True)
    if (lost := written["user_id"].isna()).any():
        raise ValueError(
            f"{int(lost.sum()):,} events or reviews have no user_id; drop them, they are nobody's interest"
        )
    if written.empty:
        raise ValueError("no event and no review is left to read an interest from; check event_weights")
    written = written.assign(text=written["text"].fillna(""), weight=_faded(written, half_life))
    found = topics if isinstance(topics, Topics) else Topics.fit(items["text"].fillna(""), topics, seed=seed)
    unique = pd.Index(written["text"].unique())
    place, held = unique.get_indexer(written["text"]), found.shares(unique)
    codes, users = pd.factorize(written["user_id"], sort=True)
    weight = written["weight"].to_numpy(np.float64)
    total = np.bincount(codes, weight)
    shares = _sums(held.to_numpy()[place], codes, weight) / total[:, None]
    index = pd.Index(users, name="user_id")
    return InterestProfiles(
        pd.DataFrame(shares, index=index, columns=found.labels),
        found.shares(items["text"].fillna("")).mean(),
        pd.Series(total, index=index, name="weight"),
        found,
        None if encoder is None else _directions(_sums(encoder.embed(unique)[place].astype(float), codes, weight)),
    )


def _texts_of(events: pd.DataFrame, items: pd.DataFrame, weights: dict[str, float] | None) -> pd.DataFrame:
    """One row an event that counts: user, text, weight, moment."""
    if weights is not None:
        _require(events, ["event"], "events (event_weights=…)")
        if unknown := sorted(set(weights) - set(events["event"])):
            raise ValueError(f"event_weights names {unknown}; events holds {sorted(events['event'].unique())}")
        events = events[events["event"].isin(list(weights))]
    if not items["item_id"].is_unique:
        raise ValueError("items has an item_id twice; give one row an item")
    texts = items.set_index("item_id")["text"]
    lost = ~events["item_id"].isin(texts.index)
    if lost.any():
        first = events.loc[lost, "item_id"].tolist()[0]
        raise ValueError(f"{int(lost.sum()):,} events are of items that items does not hold, first {first!r}")
    amount = 1.0 if weights is None else events["event"].map(weights).astype(float)
    return events.assign(text=events["item_id"].map(texts), weight=amount)


def _faded(written: pd.DataFrame, half_life: float | str | pd.Timedelta | None) -> pd.Series[float]:
    """Weights after forgetting; a row without a moment counts as of the last one."""
    if half_life is None or "timestamp" not in written:
        return written["weight"].astype(float)
    half = pd.Timedelta(days=half_life) if isinstance(half_life, (int, float)) else pd.Timedelta(half_life)
    if not half > pd.Timedelta(0):
        raise ValueError(f"half_life={half_life!r}: give a positive time, such as '90D', or None for no forgetting")
    moments = pd.to_datetime(written["timestamp"])
    age = ((moments.max() - moments) / half).fillna(0.0)
    return written["weight"].astype(float) * 0.5**age


def _sums(rows: Floats, codes: npt.NDArray[np.int64], weight: Floats) -> Floats:
    """Weighted sum of the rows of each code."""
    from scipy.sparse import csr_array

    picker = csr_array((weight, (codes, np.arange(len(codes)))), shape=(int(codes.max()) + 1, len(codes)))
    return np.asarray(picker @ rows)


def _directions(sums: Floats) -> npt.NDArray[np.float32]:
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _require(frame: pd.DataFrame, columns: list[str], name: str) -> None:
    if missing := [column for column in columns if column not in frame]:
        raise ValueError(f"{name} lacks {missing}; it has {list(frame.columns)}")
