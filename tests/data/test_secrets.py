"""A password is used once and shown never: no message, repr, log, variable, manifest or data set holds it."""

from __future__ import annotations

import json
import logging
import secrets
import traceback
from urllib.parse import quote

import pandas as pd
import pytest

from causalrec_lab import data
from causalrec_lab.data.storage.addresses import Address, has_password, redacted
from causalrec_lab.lab.provenance import masked

WORD = "s3ntinel"
HARD = f"{WORD} @:/?#%&+'\"中"


def told(error: BaseException) -> str:
    """All a reader can get to see: every chained error with every variable of the library's and the driver's frames."""
    seen, words = error, ""
    while seen is not None:
        trace = traceback.TracebackException.from_exception(seen, capture_locals=True)
        own = [frame for frame in trace.stack if not frame.filename.endswith("test_secrets.py")]
        words += f"{seen!r} {seen} {[frame.locals for frame in own]}"
        seen = seen.__cause__ or seen.__context__
    return words


@pytest.mark.parametrize(
    "address",
    [
        f"postgres://reader:{WORD}@127.0.0.1:1/shop",
        f"postgres://reader:{WORD}@127.0.0.1:1",
        f"postgres://reader:{quote(HARD, safe='')}@127.0.0.1:1/shop",
        f"postgres://reader:{WORD}/x@127.0.0.1:1/shop",
        f"postgres://reader:a@{WORD}@127.0.0.1:1/shop",
        f"postgres://reader:{WORD}#x@127.0.0.1:1/shop",
        f"postgres://reader:{WORD}@127.0.0.1:port/shop",
        f"postgres://reader:{WORD}@no-such-host.invalid/shop",
        f"postgresql://reader@127.0.0.1:1/shop?password={WORD}",
        f"postgres://reader@127.0.0.1:1/shop?sslpassword={WORD}&sslmode=nonsense",
        f"mysql://reader:{WORD}@127.0.0.1:1/shop",
        f"mysql://reader:{WORD}@127.0.0.1:1/shop?no_such_option=1",
        f"oracle://reader:{WORD}@127.0.0.1:1/shop",
        f"postgres//reader:{WORD}@127.0.0.1:1/shop",
        f"postgres:/reader:{WORD}@127.0.0.1:1/shop",
    ],
)
@pytest.mark.parametrize("way", [data.connect, lambda url: data.read(url, {"user_id": "u"}), repr])
def test_no_error_shows_it(address, way, caplog, capsys):
    pytest.importorskip("MySQLdb" if address.startswith("mysql") else "psycopg")
    if way is repr:
        shown = f"{Address.parse(address)!r} {Address.parse(address)}"
    else:
        with caplog.at_level(logging.DEBUG), pytest.raises((ValueError, OSError)) as caught:
            way(address)
        shown = told(caught.value)
    assert WORD not in shown + caplog.text + "".join(capsys.readouterr())
    assert WORD not in redacted(address)


def test_what_is_no_secret_stays_readable():
    assert (
        redacted("postgres://reader@db:5432/shop?sslmode=require") == "postgres://reader@db:5432/shop?sslmode=require"
    )
    assert redacted("postgres://reader:x@db:5432/shop/s") == "postgres://reader:***@db:5432/shop/s"
    assert redacted("sc://host:15002/;token=abc;user_id=me") == "sc://host:15002/;token=***;user_id=me"
    assert has_password("mysql://u:x@h/d")
    assert not has_password("mysql://u@h/d")
    assert not has_password("the time 10:00 @ noon")


def test_manifests_mask_it():
    secret = {"source": f"postgres://u:{WORD}/x@h/d", "where": [f"mysql://u@h/d?password={WORD}"]}
    assert WORD not in json.dumps(masked(secret))


def test_a_hard_password_works_from_the_address_and_from_the_environment(server, monkeypatch, caplog):
    """Every character that means something in an address, percent-encoded; then no password in the address at all."""
    user = f"reader_{secrets.token_hex(4)}"
    new_user(server, user, HARD)
    host = server.url.rpartition("@")[2]
    try:
        with caplog.at_level(logging.DEBUG):
            by_address = data.connect(f"{server.name}://{user}:{quote(HARD, safe='')}@{host}")
            assert by_address.list_tables() is not None
            monkeypatch.setenv("CAUSALREC_DB_PASSWORD", HARD)
            assert data.connect(f"{server.name}://{user}@{host}").list_tables() is not None
            monkeypatch.delenv("CAUSALREC_DB_PASSWORD")
            monkeypatch.setenv("PGPASSWORD" if server.name == "postgres" else "MYSQL_PWD", HARD)
            assert data.connect(f"{server.name}://{user}@{host}").list_tables() is not None
            monkeypatch.setenv("PGPASSWORD" if server.name == "postgres" else "MYSQL_PWD", f"not {HARD}")
            with pytest.raises(data.DatabaseUnreachable, match="CAUSALREC_DB_PASSWORD") as caught:
                data.connect(f"{server.name}://{user}@{host}")
        state = f"{by_address!r} {vars(by_address)} {by_address.db_identity} {by_address.__getstate__()}"
        assert WORD not in state + told(caught.value) + caplog.text
        by_address.disconnect()
    finally:
        drop_user(server, user)


def test_pgpass_is_read(server, tmp_path, monkeypatch):
    if server.name != "postgres":
        pytest.skip("PostgreSQL's own file")
    user = f"reader_{secrets.token_hex(4)}"
    new_user(server, user, WORD)
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:{user}:{WORD}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    connection = data.connect(f"postgres://{user}@{server.url.rpartition('@')[2]}")
    assert connection.list_tables() is not None
    connection.disconnect()
    drop_user(server, user)


def test_a_data_set_from_a_database_does_not_know_it(server):
    frame = pd.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "timestamp": [1, 2], "event": ["view", "click"]})
    server.load(frame, "events")
    own = data.read(server.url)
    password = server.url.split(":")[2].split("@")[0]
    assert own.about.source == f"{redacted(server.url)}, table events"
    assert password not in f"{own!r} {own._repr_html_()} {own.about!r} {own.about._repr_html_()} {own.name}"


def new_user(server, user: str, password: str) -> None:
    if server.name == "postgres":
        from psycopg import sql

        words = sql.SQL("CREATE USER {} PASSWORD {}").format(sql.Identifier(user), sql.Literal(password))
        server.connection.con.execute(words)
        corner = sql.Identifier(server.url.rpartition("/")[2])
        server.connection.con.execute(sql.SQL("GRANT ALL ON SCHEMA {} TO {}").format(corner, sql.Identifier(user)))
    else:
        with server.connection.con.cursor() as cursor:
            cursor.execute("CREATE USER %s@'127.0.0.1' IDENTIFIED BY %s", (user, password))
            cursor.execute("GRANT ALL ON *.* TO %s@'127.0.0.1'", (user,))


def drop_user(server, user: str) -> None:
    if server.name == "postgres":
        from psycopg import sql

        server.connection.con.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(user)))
        server.connection.con.execute(sql.SQL("DROP USER {}").format(sql.Identifier(user)))
    else:
        with server.connection.con.cursor() as cursor:
            cursor.execute("DROP USER %s@'127.0.0.1'", (user,))
