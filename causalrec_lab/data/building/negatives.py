r"""Negatives: items a user did not choose, drawn by a stated law, with the probability of each draw.

Draws are made in memory, on ids alone, from sorted codes and a seeded generator: whichever table the events lie in, the
same rows come out. For a positive of user u, each of k draws takes item i with

.. math:: p(i \mid u) = \frac{w_i}{\sum_{j \in C \setminus S_u} w_j}, \qquad i \in C \setminus S_u,

independently, where S_u is what the user has seen, C the catalogue (or the positive's category), and w is 1 or the
number of the item's events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.data.building.negative_draws import Ints, Unseen
from causalrec_lab.data.building.splits import Split
from causalrec_lab.data.frames_and_tables import in_database, need_columns, of_one_kind, same_ids
from causalrec_lab.data.registry import nearest
from causalrec_lab.data.storage.memory import to_memory

if TYPE_CHECKING:
    from ibis.expr.types.relations import Table  # type: ignore[attr-defined]

__all__ = ["negatives"]

LAWS = ("uniform", "popularity", "in-category")
_PAIR = ["user_id", "item_id"]


def negatives(
    events: pd.DataFrame | Table | Split,
    k: int,
    *,
    law: str = "uniform",
    seed: int = 0,
    exclude_seen: bool = True,
    items: pd.DataFrame | Table | None = None,
    part: str = "test",
) -> Any:
    """Draw k negatives for each event, with the probability of each draw.

    Parameters
    ----------
    events
        Columns user_id, item_id: the positives, and what users have seen. Or a `Split`: its `part` holds the positives,
        popularity is that of the training part alone, and seen is what stands in any part.
    k
        Draws for each positive, with replacement; `item_id` may repeat among them.
    law
        "uniform" over the catalogue, "popularity" (in proportion to an item's events), or "in-category" (uniform over
        the items of the positive's category).
    seed
        Of the draws.
    exclude_seen
        Whether an item that the user has an event with is never drawn; if not, positives may be among the negatives.
    items
        The catalogue: item_id, and category for "in-category". None: the items of the events (with their column
        category), so that an item nobody touched is never a negative.
    part
        Part of a `Split` that holds the positives: "train", "validation" or "test".

    Returns
    -------
    One row a positive and draw, sorted by user_id, positive and draw, of the kind that was given (for an Ibis table one
    made from memory): user_id, positive, draw (0 to k - 1), item_id, probability of that draw. Sampled losses and
    metrics are corrected by it: Bengio and Senécal (2008), "Adaptive importance sampling to accelerate training of a
    neural probabilistic language model", IEEE Transactions on Neural Networks 19(4). Metrics on uniform negatives
    without correction can rank models wrongly: Krichene and Rendle (2020), "On sampled metrics for item
    recommendation", KDD.

    Raises
    ------
    ValueError
        If k is no positive number, the law or part unknown, a column missing (also in single rows), there are no
        events, an item is not in the catalogue or in two categories, or a user has seen so much that fewer than k items
        are left to draw from.
    DoesNotFit
        If ids in a database are too many for memory.
    """
    if k != int(k) or k < 1:
        raise ValueError(f"negatives(k={k!r}): give a whole number of draws a positive, at least 1")
    if law not in LAWS:
        raise ValueError(f"negatives(law={law!r}): {nearest(law, LAWS)}")
    parts = _parts(events, part)
    lazy = in_database(parts["positives"], "negatives")
    shelf = _catalogue(parts, items, law)
    same_ids("negatives", events=parts["positives"], items=shelf)
    positives = _whole(_ids(parts["positives"]))
    seen = [_ids(parts[name]) for name in ("seen", "positives")] if exclude_seen else []
    drawn = _draw(positives, _weights(shelf, parts["counted"], law), seen, int(k), seed)
    if not lazy:
        return drawn
    import ibis

    return ibis.memtable(drawn)


def _parts(events: Any, part: str) -> dict[str, Any]:
    """Tables of the positives, of what was seen, and of what popularity is counted in."""
    if not isinstance(events, Split):
        need_columns(events, _PAIR, "negatives")
        return {"positives": events, "seen": events, "counted": events}
    if part not in ("train", "validation", "test"):
        raise ValueError(f"negatives(part={part!r}): {nearest(part, ('train', 'validation', 'test'))}")
    tables = [events.train, events.validation, events.test]
    for table in tables:
        need_columns(table, _PAIR, "negatives")
    names = [*_PAIR, *(["category"] if all("category" in table.columns for table in tables) else [])]
    if in_database(events.train, "negatives"):
        seen = events.train.select(*names).union(*(table.select(*names) for table in tables[1:]))
    else:
        seen = pd.concat([table[names] for table in tables], ignore_index=True)
    return {"positives": getattr(events, part), "seen": seen, "counted": events.train}


def _ids(table: Any) -> pd.DataFrame:
    if not isinstance(table, pd.DataFrame):
        return to_memory(table.select(*_PAIR))
    pairs = table[_PAIR].reset_index(drop=True)
    for name in _PAIR:
        of_one_kind(pairs[name])
    return pairs.astype({n: pairs[n].cat.categories.dtype for n in _PAIR if _categorical(pairs[n])})


def _whole(positives: pd.DataFrame) -> pd.DataFrame:
    """Refuse positives without a user or an item, and none at all."""
    for name in _PAIR:
        if bad := int(positives[name].isna().sum()):
            raise ValueError(f"negatives: column {name!r} is missing in {bad:,} rows; data.clean drops them")
    if positives.empty:
        raise ValueError("negatives: there are no events to draw for")
    return positives


def _categorical(column: pd.Series[Any]) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype)


def _catalogue(parts: dict[str, Any], items: Any, law: str) -> pd.DataFrame:
    """Items and, where the law asks for it, their one category, sorted by item."""
    source, who = (parts["seen"], "events") if items is None else (items, "items")
    names = ["item_id", *(["category"] if law == "in-category" else [])]
    need_columns(source, names, f"negatives(law={law!r}): {who}")
    lazy = in_database(source, "negatives")
    found = to_memory(source.select(*names).distinct()) if lazy else source[names].drop_duplicates(ignore_index=True)
    for name in names:
        of_one_kind(found[name])
        if bad := int(found[name].isna().sum()):
            raise ValueError(f"negatives: column {name!r} of {who} is missing for {bad:,} items; fill it, or drop them")
    twice = found["item_id"].duplicated(keep=False).to_numpy()
    if twice.any():
        one = found.loc[twice, "item_id"].min()
        raise ValueError(
            f"negatives: item {_plain(one)!r} has {int((found['item_id'] == one).sum())} categories in {who}; "
            "give items= with one row an item"
        )
    return found.sort_values("item_id", ignore_index=True)


def _weights(shelf: pd.DataFrame, counted: Any, law: str) -> pd.DataFrame:
    """Add columns weight (1, or the events of the item) and stratum (code of the category, 0 where there is none)."""
    if law == "popularity":
        if in_database(counted, "negatives"):
            table = to_memory(counted.group_by("item_id").agg(n=lambda t: t.count())).set_index("item_id")["n"]
        else:
            table = counted["item_id"].value_counts()
        weight = shelf["item_id"].map(table).fillna(0).astype("int64")
    else:
        weight = pd.Series(1, index=shelf.index, dtype="int64")
    stratum = pd.factorize(shelf["category"], sort=True)[0] if law == "in-category" else 0
    return shelf.assign(weight=weight, stratum=stratum)


def _draw(
    positives: pd.DataFrame, catalogue: pd.DataFrame, seen: Sequence[pd.DataFrame], k: int, seed: int
) -> pd.DataFrame:
    rows = positives.sort_values(_PAIR, ignore_index=True)
    users, user_names = pd.factorize(rows["user_id"])
    names = pd.Index(catalogue["item_id"])
    weights, strata = (catalogue[name].to_numpy().astype(np.int64) for name in ("weight", "stratum"))
    law = Unseen.of(weights, strata, _seen_pairs(seen, pd.Index(user_names), names))
    stratum = strata[_known(rows["item_id"], names)]
    _enough(rows["user_id"], law.kinds_left(users, stratum), law.kinds(stratum), k if seen else 1)
    item = law.draw(np.repeat(users, k), np.repeat(stratum, k), np.random.default_rng(seed))
    return pd.DataFrame(
        {
            "user_id": rows["user_id"].repeat(k).to_numpy(),
            "positive": rows["item_id"].repeat(k).to_numpy(),
            "draw": np.tile(np.arange(k), len(rows)),
            "item_id": names[item].to_numpy(),
            "probability": weights[item] / np.repeat(law.weight_left(users, stratum), k),
        }
    )


def _known(items: pd.Series[Any], names: pd.Index[Any]) -> Ints:
    codes = names.get_indexer(pd.Index(items)).astype(np.int64)
    if (codes < 0).any():
        missing = items[codes < 0]
        raise ValueError(
            f"negatives: {missing.nunique():,} items of the events are not in items=, the first is "
            f"{_plain(missing.iloc[0])!r}; give the whole catalogue, or drop their events"
        )
    return codes


def _seen_pairs(seen: Sequence[pd.DataFrame], users: pd.Index[Any], names: pd.Index[Any]) -> Ints:
    """Pairs as sorted numbers user * items + item; pairs of other users or items are of no interest."""
    codes = [np.empty(0, dtype=np.int64)]
    for table in seen:
        user, item = users.get_indexer(pd.Index(table["user_id"])), names.get_indexer(pd.Index(table["item_id"]))
        inside = (user >= 0) & (item >= 0)
        codes.append(user[inside].astype(np.int64) * len(names) + item[inside])
    return np.unique(np.concatenate(codes))


def _enough(users: pd.Series[Any], left: Ints, whole: Ints, k: int) -> None:
    short = left < k
    if short.any():
        first = int(short.argmax())
        raise ValueError(
            f"negatives: user {_plain(users.iloc[first])!r} has seen {whole[first] - left[first]:,} of the "
            f"{whole[first]:,} items to draw from, which leaves {left[first]:,} for k={k}; {users[short].nunique():,} "
            "users have too few: take a smaller k, a wider law or items=, or exclude_seen=False"
        )


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
