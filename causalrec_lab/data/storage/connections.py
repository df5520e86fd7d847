"""One way into every database: DuckDB, PostgreSQL, MySQL and MariaDB, Spark; all through Ibis."""

from __future__ import annotations

import importlib
import re
import socket
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from causalrec_lab.data.storage.addresses import Address, redacted

if TYPE_CHECKING:
    from ibis.backends.sql import SQLBackend

__all__ = ["DatabaseLost", "DatabaseUnreachable", "MissingDriver", "asked", "connect", "table_names"]

_T = TypeVar("_T")
_DRIVERS = {"postgres": ("psycopg", "postgres"), "mysql": ("MySQLdb", "mysql"), "pyspark": ("pyspark", "spark")}
_HERE = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
_LOST_IN_MYSQL = {
    1053,
    1927,
    2006,
    2013,
    2055,
}  # shut down, killed, gone away, lost while asking, lost at a system call
_LOST_IN_SPARK = (
    "Py4JNetworkError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "UNAVAILABLE",
    "SparkContext was",
)


class MissingDriver(ImportError):  # noqa: N818  (it is a state, as the reader meets it)
    """The package that speaks to a database is not installed; the message says how to install it."""


class DatabaseUnreachable(ConnectionError):  # noqa: N818  (it is a state, as the reader meets it)
    """A database that cannot be entered: no server there, no such database, a wrong user or password."""


class DatabaseLost(ConnectionError):  # noqa: N818  (it is a state, as the reader meets it)
    """A database that went away in the middle; nothing was written half."""


def connect(url: str | Address = "duckdb://") -> SQLBackend:
    """Open a database through Ibis; expressions on its tables stay lazy and run where the data lives.

    Parameters
    ----------
    url
        ``duckdb://`` (in memory), ``duckdb:///relative.duckdb``, ``duckdb:////absolute.duckdb`` (``~`` is expanded);
        ``postgres://user@host:5432/database`` or ``…/database/schema`` (``postgresql://`` too);
        ``mysql://user@host:3306/database`` (``mariadb://`` too); ``pyspark://`` (Spark on this machine, two threads),
        ``pyspark://local[8]``, ``spark://host:7077`` (a cluster's master), ``sc://host:15002`` (Spark Connect).
        What follows a ``?`` goes to the driver (``?sslmode=require``), for Spark to its configuration.

    Returns
    -------
    An Ibis backend: ``connect(url).table("events")`` is a lazy table, ``.disconnect()`` closes it.

    Raises
    ------
    ValueError
        If the address names another system, or cannot be taken apart.
    FileNotFoundError
        If the folder of a DuckDB database does not exist.
    MissingDriver
        If the driver is not installed; the message names the extra to install.
    DatabaseUnreachable
        If there is no server, no such database, or the user or password is wrong.

    Notes
    -----
    **Passwords.** Percent-encode a password in the address (``@`` is ``%40``), or better leave it out: it is taken from
    CAUSALREC_DB_PASSWORD, from PGPASSWORD or ~/.pgpass (PostgreSQL) or from MYSQL_PWD (MySQL). The library never
    prints a password and never writes it down, and Ibis is not told it.
    """
    url = Address.parse(url) if isinstance(url, str) else url  # no variable shows the password from here on
    address = url.sound()
    if address.system == "duckdb":
        return _duckdb(address)
    _driver(address)
    import ibis

    opened = {"postgres": _postgres, "mysql": _mysql, "pyspark": _spark}[address.system]
    ibis_backend = getattr(ibis, address.system)
    connection, fault = None, ""
    try:
        connection = opened(address)
    except Exception as error:  # each driver has its own kinds
        fault = _without(address.password, f"{type(error).__name__}: {error}")
    if connection is None:  # raised here, so that no frame of the driver, which knows the password, hangs on the error
        raise DatabaseUnreachable(f"connect({address.shown!r}) failed: {fault}; {_ways_in(address, fault)}")
    with warnings.catch_warnings():  # MariaDB without its table of zones does not know "UTC"; it was told +00:00 above
        warnings.filterwarnings("ignore", "Unable to set session timezone", UserWarning)
        backend: SQLBackend = ibis_backend.from_connection(connection)
    backend._con_kwargs = {"address": address.shown}  # Ibis tells two databases apart by what they were opened with
    return backend


def asked(what: str, question: Callable[[], _T]) -> _T:
    """Ask a database, and tell a lost one from a wrong question.

    Raises
    ------
    DatabaseLost
        If the connection broke meanwhile. The driver's own error is told in words, not chained.
    """
    try:
        return question()
    except Exception as error:  # each driver has its own kinds
        if not _is_loss(error):
            raise
        fault = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    raise DatabaseLost(
        f"{what}: the database went away ({fault}); nothing was written half. See that the server is up, connect again "
        "(data.connect gives a new connection, the old one stays dead) and ask again; if it goes away each time, ask "
        "for less at once (columns=, a filter, a sample)"
    )


def table_names(database: Any) -> list[str]:
    """Names of the tables and views of a database, or of the schema it was opened with."""
    if database.name != "duckdb":
        return sorted(database.list_tables())
    return sorted(
        str(row[0]) for row in database.con.execute("SHOW TABLES").fetchall()
    )  # list_tables fails on duckdb 2


def _duckdb(address: Address) -> SQLBackend:
    import ibis

    path = Path(address.path).expanduser()
    if address.path and not path.parent.is_dir():
        raise FileNotFoundError(
            f"connect({address.shown!r}): folder {path.parent} does not exist; make it, or correct the address"
        )
    opened = ibis.duckdb.connect(path if address.path else ":memory:")
    opened.settings["enable_progress_bar"] = False  # in a notebook DuckDB draws one by itself
    database: SQLBackend = opened
    return database


def _driver(address: Address) -> None:
    package, extra = _DRIVERS[address.system]
    try:
        importlib.import_module(package)
    except ImportError as missing:
        raise MissingDriver(
            f"connect({address.shown!r}) needs the package {package} ({missing}); install it by "
            f"pip install -e '.[{extra}]' (data/YOUR_LOGS.md says what else it needs)"
        ) from None


def _postgres(address: Address) -> Any:
    import psycopg

    database, _, schema = address.path.partition("/")
    options: dict[str, Any] = {"connect_timeout": 10, "application_name": "causalrec_lab", **address.options}
    if schema:
        named = schema.replace('"', '""').replace("\\", "\\\\").replace(" ", "\\ ")
        options["options"] = f'{options.get("options", "")} -c search_path="{named}"'.strip()
    options |= {"host": address.host, "port": address.port, "user": address.user, "dbname": database or None}
    return psycopg.connect(password=address.password, autocommit=True, **options)


def _mysql(address: Address) -> Any:
    import MySQLdb

    options: dict[str, Any] = {"connect_timeout": 10, "charset": "utf8mb4", "init_command": "SET time_zone = '+00:00'"}
    place = {"host": "127.0.0.1" if address.host in (None, "localhost") else address.host, "port": address.port or 3306}
    login = {"user": address.user, "password": address.password, "database": address.path or None}
    given = {name: value for name, value in (place | login).items() if value is not None}
    return MySQLdb.connect(**given, autocommit=True, **options | dict(address.options))


def _spark(address: Address) -> Any:
    from pyspark.sql import SparkSession

    master, _, settings = address.path.partition("?")
    _answers(master)
    own = _HERE if master.startswith("local") else {}
    given = dict(pair.partition("=")[::2] for pair in settings.split("&") if pair)
    builder = SparkSession.builder
    builder = builder.remote(master) if master.startswith("sc://") else builder.master(master)
    for name, value in {"spark.app.name": "causalrec_lab", **own, **given}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _answers(master: str) -> None:
    """Knock first: Spark itself tries for minutes."""
    place = re.match(r"(sc|spark)://([^:/;,]+)(?::(\d+))?(?=[/;]|$)", master)
    if place is not None:
        port = int(place[3] or {"sc": 15002, "spark": 7077}[place[1]])
        socket.create_connection((place[2], port), timeout=10).close()


def _is_loss(error: BaseException) -> bool:
    kind, home = type(error).__name__, type(error).__module__.partition(".")[0]
    if home == "psycopg":
        import psycopg

        state = getattr(error, "sqlstate", None) or ""
        broken = state.startswith(("08", "57P")) or "connection" in str(error)
        return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) and broken
    if home == "MySQLdb":
        return bool(error.args) and error.args[0] in _LOST_IN_MYSQL
    if home in ("py4j", "pyspark", "grpc"):
        return any(sign in f"{kind}: {error}" for sign in _LOST_IN_SPARK)
    return isinstance(error, ConnectionError) and not isinstance(error, (DatabaseLost, DatabaseUnreachable))


def _without(password: str | None, text: str) -> str:
    """Words of a driver, or nothing of them where they hold the password."""
    hidden = redacted(" ".join(text.split()))
    return "the driver's words hold the password and are left out" if password and password in hidden else hidden


def _ways_in(address: Address, fault: str) -> str:
    if address.system == "pyspark":
        return (
            "see that the master's address is right and answers; on this machine, that Java 17 or newer is there "
            "(java -version)"
        )
    if any(sign in fault.lower() for sign in ("password", "access denied", "authentication")):
        return (
            "correct the user or password; in an address a password is percent-encoded (@ is %40), and without one it "
            "is taken from CAUSALREC_DB_PASSWORD"
            + (", PGPASSWORD or ~/.pgpass" if address.system == "postgres" else " or MYSQL_PWD")
        )
    return "see that the server runs there, that the port is open to this machine, and that the database has that name"
