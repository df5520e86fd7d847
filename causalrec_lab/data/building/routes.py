"""In words, what each way from a log to decisions takes for true."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["COMPARABLE", "sentences"]

#: Which items not shown could have been.
COMPARABLE = {
    "shown": "an item shown to anybody in {one} could have been shown in each request there",
    "category": "an item shown to anybody in {one} could have been shown in each request there that shows its "
    "category, and in no other",
    "available": "an item could be shown to anybody from the first {block} in which it is seen to the last",
}
_LOGGED = (
    "outcomes are logged whether or not the item was shown (purchases by search, say); where they are not, the effect "
    "is overstated"
)
_EARLIER = "features were known before the decision; n_before counts exposures of the pair strictly before it"


def sentences(
    route: str, exposure: str, length: Any, period: Any, comparable: str, draws: int | None, request: str | None
) -> list[str]:
    """What must be true for the table of this route to mean what it says."""
    window = "from the decision to the end of the log" if length is None else f"within {_words(length)} of the decision"
    if route == "eligible table":
        return [
            "the eligible table is complete: no decision is missing because the item was not shown",
            f"a row is treated where its pair has an event {exposure!r} {window}, whichever decision caused it",
            f"outcomes are counted {window}, those before the exposure too",
            _LOGGED,
            _EARLIER,
        ]
    one, block = ("the log", "moment") if period is None else ("the same {}", f"block of {_words(period)}")
    chosen = [COMPARABLE[comparable].format(one=one.format(block), block=block), _sampled(draws)]
    if route == "impressions":
        together = "at one time" if request is None else f"of one {request}"
        return [
            "impressions are complete: what is not among them was not shown",
            "a request that showed nothing leaves no impression, and is missing",
            f"a request is what a user was shown {together}; a row is treated if shown in its own request",
            "an untreated item may still be shown in a later request: the effect is that of being shown in this one",
            f"outcomes are counted {window}",
            *chosen,
            _LOGGED,
            _EARLIER,
        ]
    return [
        f"the log has every event {exposure!r}: what has none was not shown",
        f"a user's first event in a block of {_words(length)} is a visit that would have been made whatever was shown",
        "a visit across the edge of two blocks counts as two",
        "every visit left an event: where visits without one are missing, those whom exposure made act are selected",
        f"outcomes are counted from the visit to the end of its block, also those before the event {exposure!r}",
        *chosen,
        _LOGGED,
        _EARLIER,
    ]


def _sampled(draws: int | None) -> str:
    if draws is None:
        return "every comparable item not shown is a row"
    return (
        f"of the comparable items not shown, those met in {draws} draws with replacement are rows; column weight "
        "(1 / probability of being met) makes weighted estimates those of all"
    )


def _words(length: Any) -> str:
    """A length of time in words: "5 minutes", "1 day 12 hours"; a number as it is."""
    if not isinstance(length, pd.Timedelta):
        return str(length)
    parts = {unit: number for unit, number in length.components._asdict().items() if number}
    return " ".join(f"{number} {unit if number > 1 else unit.removesuffix('s')}" for unit, number in parts.items())
