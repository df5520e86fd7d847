"""Order of sources, checksums, and what is said when nothing is there: files served by a server of our own."""

from __future__ import annotations

import hashlib
import http.server
import threading
from pathlib import Path

import pytest

from causalrec_lab import data
from causalrec_lab.data import sources
from causalrec_lab.data.registry import Entry, RemoteFile

CONTENT = b"user,item\n1,2\n"


@pytest.fixture
def served(tmp_path):
    """Address of a server that holds the right file at toy/log.csv and another at toy/wrong.csv."""
    folder = tmp_path / "upstream" / "toy"
    folder.mkdir(parents=True)
    (folder / "log.csv").write_bytes(CONTENT)
    (folder / "wrong.csv").write_bytes(b"something else")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder.parent)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv(sources.MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(sources, "cache_folders", lambda: (tmp_path / "cache",))
    return tmp_path / "cache"


def toy(url: str) -> Entry:
    file = RemoteFile("toy/log.csv", url, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    return Entry("toy", "a toy", "none", "nobody", "https://example.org/toy", "", (file,))


def put(folder: Path, content: bytes = CONTENT) -> Path:
    (folder / "toy").mkdir(parents=True, exist_ok=True)
    (folder / "toy" / "log.csv").write_bytes(content)
    return folder / "toy" / "log.csv"


def test_root_then_mirror_then_cache_then_download(served, cache, tmp_path, monkeypatch):
    entry = toy(f"{served}/toy/log.csv")
    downloaded = sources.locate(entry, "toy/log.csv")
    assert downloaded == cache / "toy" / "log.csv"
    assert downloaded.read_bytes() == CONTENT
    mirror, root = put(tmp_path / "mirror"), put(tmp_path / "root")
    monkeypatch.setenv(sources.MIRROR_VARIABLE, str(tmp_path / "mirror"))
    assert sources.locate(entry, "toy/log.csv") == mirror
    assert sources.locate(entry, "toy/log.csv", tmp_path / "root") == root
    monkeypatch.delenv(sources.MIRROR_VARIABLE)
    assert sources.locate(toy("http://127.0.0.1:9/none"), "toy/log.csv") == downloaded, "the cache needs no network"


@pytest.mark.parametrize("place", ["root", "mirror", "cache"])
def test_a_wrong_file_is_named_and_not_deleted_whatever_the_source(place, cache, tmp_path, monkeypatch):
    folder = cache if place == "cache" else tmp_path / place
    wrong = put(folder, b"not the right one")
    if place == "mirror":
        monkeypatch.setenv(sources.MIRROR_VARIABLE, str(folder))
    with pytest.raises(data.ChecksumMismatch) as caught:
        sources.locate(toy("http://127.0.0.1:9/none"), "toy/log.csv", folder if place == "root" else None)
    message = str(caught.value)
    for part in (
        str(wrong),
        place,
        hashlib.sha256(CONTENT).hexdigest(),
        hashlib.sha256(b"not the right one").hexdigest(),
    ):
        assert part in message
    assert "Nothing was deleted" in message
    assert wrong.read_bytes() == b"not the right one"


def test_a_wrong_download_never_takes_the_name_of_the_right_file(served, cache):
    entry = toy(f"{served}/toy/wrong.csv")
    with pytest.raises(data.ChecksumMismatch, match="expected SHA-256"):
        sources.locate(entry, "toy/log.csv")
    assert not (cache / "toy" / "log.csv").exists()
    assert (cache / "toy" / "log.csv.unverified").read_bytes() == b"something else"
    (cache / "toy" / "log.csv.unverified").unlink()  # the way out the message gives
    assert sources.locate(toy(f"{served}/toy/log.csv"), "toy/log.csv").read_bytes() == CONTENT


def test_a_file_changed_after_it_was_checked_is_checked_again(cache, tmp_path):
    entry = toy("http://127.0.0.1:9/none")
    path = put(tmp_path / "root")
    assert sources.locate(entry, "toy/log.csv", tmp_path / "root") == path
    path.write_bytes(b"tampered")
    with pytest.raises(data.ChecksumMismatch):
        sources.locate(entry, "toy/log.csv", tmp_path / "root")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/log.csv", "{served}/toy/none.csv"])
def test_unavailable_says_what_was_tried_and_the_way_out(url, served, cache, tmp_path):
    with pytest.raises(data.DataUnavailable) as caught:
        sources.locate(toy(url.format(served=served)), "toy/log.csv", tmp_path / "elsewhere")
    message = str(caught.value)
    for part in (
        "'toy'",
        "root",
        "elsewhere",
        "no such folder",
        "cache",
        "download",
        sources.MIRROR_VARIABLE,
        "Way out",
    ):
        assert part in message
    assert isinstance(caught.value, OSError)
    assert not isinstance(caught.value, data.ChecksumMismatch)
    assert not (cache / "toy" / "log.csv").exists()


def test_a_failed_download_leaves_no_folder_behind_and_takes_nothing_else(cache, tmp_path):
    with pytest.raises(data.DataUnavailable):
        sources.locate(toy("http://127.0.0.1:9/none"), "toy/log.csv")
    assert not cache.exists()
    assert tmp_path.is_dir()
