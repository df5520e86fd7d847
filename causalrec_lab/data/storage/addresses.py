"""Addresses of databases, taken apart so that a password is used once and shown never."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from causalrec_lab.data.registry import nearest

__all__ = ["Address", "has_password", "redacted"]

_SYSTEMS = {
    "duckdb": "duckdb",
    "mariadb": "mysql",
    "mysql": "mysql",
    "postgres": "postgres",
    "postgresql": "postgres",
    "pyspark": "pyspark",
    "sc": "pyspark",
    "spark": "pyspark",
}
_SECRET = r"\w*(?:passw(?:or)?d|passphrase|pwd|token|secret)\w*"
_IN_OPTIONS = re.compile(
    rf"(?i)([?&;](?:{_SECRET}|sslkey)=)[^&;#]*"
    rf"|((?:\s|^)(?:{_SECRET}|sslkey)\s*=\s*)(?:'[^']*'|\S*)"  # libpq's "host=… password=…"
)
_IN_FRONT = re.compile(r"(?i)^(\s*[a-z][\w+.-]*:?/{1,2}[^:@/\s]*:).*@", re.DOTALL)  # :/ and // are :// mistyped
_ENVIRONMENT = {"postgres": ("PGPASSWORD",), "mysql": ("MYSQL_PWD",)}
_STARS = "***"


@dataclass(frozen=True)
class Address:
    """Where a database is and how one gets in.

    Parameters
    ----------
    system
        "duckdb", "postgres", "mysql" (MariaDB too) or "pyspark".
    shown
        The address as it may be printed: the password is ``***``.
    host, port, user, path
        As they stand in the address; `path` is a file, a database (``shop`` or ``shop/schema``) or a Spark master.
    password
        Decoded; never in `repr`. None where the address holds none and the environment neither.
    options
        What follows the question mark.
    """

    system: str
    shown: str
    host: str | None = field(default=None, repr=False)
    port: int | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)
    path: str = field(default="", repr=False)
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    fault: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Address:
        """Take an address apart: ``postgres://user:password@host:port/database/schema?sslmode=require``.

        User, password and database are percent-decoded (RFC 3986, section 2.1): write ``@`` as ``%40``, ``/`` as
        ``%2F``, ``:`` as ``%3A``, ``%`` as ``%25``. Without a password in it, `CAUSALREC_DB_PASSWORD` is used where it
        is set, then the system's own (PGPASSWORD, MYSQL_PWD); PostgreSQL's ~/.pgpass holds where none is.

        One that cannot be taken apart is told by `fault`, for `sound` to raise: so that no frame of the traceback still
        holds the address as it was given.
        """
        shown = redacted(url)
        scheme, separator, rest = url.strip().partition("://")
        scheme = scheme.lower()
        system = _SYSTEMS.get(scheme)
        if not separator or system is None:
            return cls("", shown, fault=f"{nearest(scheme, _SYSTEMS) if separator else 'no scheme'}; {_FORMS}")
        if system == "duckdb":
            fault = "DuckDB takes no options after a ?" if "?" in rest else ""
            return cls(system, shown, path=unquote(rest.removeprefix("/")), fault=fault)
        if system == "pyspark":
            master = f"{scheme}://{rest}" if scheme != "pyspark" else rest.strip("/") or "local[2]"
            known = master.startswith(("local", "yarn", "spark://", "sc://", "k8s://"))
            return cls(system, shown, path=master, fault="" if known else f"that is no Spark master; {_FORMS}")
        return cls._server(system, url.strip(), shown)

    def sound(self) -> Address:
        """Give the address back if it could be taken apart.

        Raises
        ------
        ValueError
            If the scheme is unknown or the address cannot be taken apart; what may be a password is hidden.
        """
        if self.fault:
            raise ValueError(f"connect({self.shown!r}): {self.fault}")
        return self

    @classmethod
    def _server(cls, system: str, url: str, shown: str) -> Address:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return cls(system, shown, fault=_HARD)
        if parts.username is None and "@" in url:
            return cls(system, shown, fault=_HARD)
        user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        named = options.pop("password", None)
        return cls(
            system,
            shown,
            host=parts.hostname,
            port=port,
            user=user,
            path=unquote(parts.path.lstrip("/")),
            password=password or named or _from_environment(system),
            options=options,
        )


_HARD = (
    "it cannot be taken apart; in a user name or password write @ as %40, / as %2F, : as %3A, # as %23, ? as %3F, % as "
    "%25, or leave the password to the environment (CAUSALREC_DB_PASSWORD)"
)
_FORMS = (
    "data.connect takes duckdb:// (in memory), duckdb:///file.duckdb, postgres://user@host:5432/database, "
    "mysql://user@host:3306/database (MariaDB too), pyspark:// (Spark on this machine), spark://host:7077, "
    "sc://host:15002 (Spark Connect)"
)


def redacted(text: str) -> str:
    """Give an address as it may be shown: what stands between user and host, and secret options, become ``***``.

    A password that was not percent-encoded is hidden too: everything up to the last ``@``.
    """
    return _IN_OPTIONS.sub(rf"\g<1>\g<2>{_STARS}", _IN_FRONT.sub(rf"\g<1>{_STARS}@", text))


def has_password(text: str) -> bool:
    """Whether a text is an address, or one mistyped, that holds a password or another secret."""
    return redacted(text) != text


def _from_environment(system: str) -> str | None:
    names = ("CAUSALREC_DB_PASSWORD", *_ENVIRONMENT[system])
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
