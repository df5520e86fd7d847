"""A database that goes away in the middle: told in words, nothing half-written, a new connection goes on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import data
from causalrec_lab.data.storage.connections import asked

N = 5_000


@pytest.fixture
def events(server):
    frame = pd.DataFrame({"user_id": np.arange(N), "item_id": 1, "timestamp": np.arange(N), "event": "view"})
    server.load(frame, "events")
    connection = data.connect(server.url)
    yield connection.table("events")
    connection.con.close()


def end(server, table) -> None:
    """Have the server end the connection a table hangs on, as an administrator or a restart does."""
    con = table.get_backend().con
    if server.name == "postgres":
        server.connection.con.execute("SELECT pg_terminate_backend(%s)", (con.info.backend_pid,))
    else:
        with server.connection.con.cursor() as cursor:
            cursor.execute("KILL %s", (con.thread_id(),))


def test_a_lost_database_is_told_and_a_new_connection_goes_on(server, events):
    assert len(data.to_memory(events)) == N
    end(server, events)
    with pytest.raises(data.DatabaseLost, match=r"went away .*nothing was written half.*connect again") as caught:
        data.to_memory(events)
    assert isinstance(caught.value, ConnectionError)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    with pytest.raises(data.DatabaseLost):  # the old connection stays dead
        data.read(events)
    assert len(data.read(server.url, source="events").events) == N


@pytest.mark.parametrize("before", [None, b"what stood there before"])
def test_lost_between_two_batches_leaves_the_file_as_it_was(before, server, events, tmp_path, monkeypatch):
    target = tmp_path / "events.parquet"
    if before:
        target.write_bytes(before)
    import pyarrow.parquet as pq

    written = []

    class Cut(pq.ParquetWriter):
        """A writer during whose first batch the server goes away."""

        def write_batch(self, batch, *rest):
            super().write_batch(batch, *rest)
            written.append(len(batch))
            if len(written) == 1:
                end(server, events)

    monkeypatch.setattr(pq, "ParquetWriter", Cut)
    small = type(events).to_pyarrow_batches
    monkeypatch.setattr(type(events), "to_pyarrow_batches", lambda self, **_: small(self, chunk_size=1_000))
    if server.name == "postgres":
        with pytest.raises(data.DatabaseLost, match=r"to_parquet: the database went away"):
            data.to_parquet(events, target)
        assert [one.read_bytes() for one in tmp_path.iterdir()] == ([before] if before else [])
    else:  # MySQL hands over the whole answer at once: by the first batch everything is here
        assert len(pd.read_parquet(data.to_parquet(events, target))) == N
    assert written[0] == 1_000


def test_a_wrong_question_is_no_loss(server, events):
    server.connection.drop_table("gone", force=True)
    lazy = server.load(pd.DataFrame({"x": [1, 2]}), "gone")
    server.connection.drop_table("gone")
    with pytest.raises(Exception, match="gone") as caught:
        data.to_memory(lazy)
    assert not isinstance(caught.value, data.DatabaseLost)


def test_losses_are_told_by_what_drivers_say():
    def broken():
        raise ConnectionResetError("reset by peer")

    with pytest.raises(data.DatabaseLost, match="reset by peer"):
        asked("here", broken)
