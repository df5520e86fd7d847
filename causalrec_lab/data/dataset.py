"""What every loader and the platform return: `Dataset`, with `About` for its source, licence and citation."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pandas as pd

__all__ = ["TABLES", "About", "Dataset"]

TABLES = ("events", "decisions", "slates", "items", "users")


@dataclass(frozen=True)
class About:
    """Where data comes from and what one may do with it.

    Parameters
    ----------
    title
        One line that says what the rows are.
    source
        Address or origin ("simulated platform, seed 7").
    licence
        Terms of use, as far as they are known.
    citation
        Who to cite.
    notes
        Traps a user of the data should know.
    """

    title: str = ""
    source: str = ""
    licence: str = ""
    citation: str = ""
    notes: str = ""

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in self.__dict__.items() if text
        )
        return f'<table class="about"><tbody>{rows}</tbody></table>'


@dataclass(frozen=True, eq=False)
class Dataset:
    """Tables of one data set; a table it does not have is None.

    Parameters
    ----------
    name
        Short name, as `load` takes it.
    events
        What happened: user_id, item_id, timestamp, event, …; only what was shown or done stands here.
    decisions
        One row an eligible decision, treated or not: what causal questions need.
    slates
        Ranked lists or bandit rounds, with propensities of the logged action.
    items, users
        One row an item, one row a user.
    extra
        Whatever does not fit a table (matrices, graphs, a `BanditLog`), by name.
    about
        Source, licence, citation, notes.
    """

    name: str
    events: pd.DataFrame | None = None
    decisions: pd.DataFrame | None = None
    slates: pd.DataFrame | None = None
    items: pd.DataFrame | None = None
    users: pd.DataFrame | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    about: About = field(default_factory=About)

    def __post_init__(self) -> None:
        """Close the mapping, so that a frozen data set stays what it is."""
        object.__setattr__(self, "extra", MappingProxyType(dict(self.extra)))

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables that exist, by name, in a fixed order."""
        return {name: table for name in TABLES if (table := getattr(self, name)) is not None}

    def table(self, name: str) -> pd.DataFrame:
        """Give one table.

        Raises
        ------
        KeyError
            If this data set has no such table; the message lists those it has.
        """
        if name not in self.tables:
            raise KeyError(f"data set {self.name!r} has no table {name!r}; it has {', '.join(self.tables) or 'none'}")
        return self.tables[name]

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(table):,} x {table.shape[1]}" for name, table in self.tables.items())
        return (
            f"Dataset({self.name!r}: {sizes or 'no tables'}{'; extra: ' + ', '.join(self.extra) if self.extra else ''})"
        )

    def _repr_html_(self) -> str:
        columns = {name: html.escape(", ".join(map(str, table.columns))) for name, table in self.tables.items()}
        rows = "".join(
            f"<tr><th>{name}</th><td>{len(table):,}&nbsp;rows</td><td>{columns[name]}</td></tr>"
            for name, table in self.tables.items()
        )
        extra = f"<p>extra: {html.escape(', '.join(self.extra))}</p>" if self.extra else ""
        about = html.escape(" · ".join(t for t in (self.about.title, self.about.licence, self.about.citation) if t))
        head = f"<p><b>{html.escape(self.name)}</b> {about}</p>"
        return f'<div class="dataset">{head}<table><tbody>{rows}</tbody></table>{extra}</div>'
