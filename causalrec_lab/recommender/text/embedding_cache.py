"""Embeddings already computed, kept on disk by the text's hash.

A cache is a folder per model. Each write adds one file (hashes beside vectors), under a temporary name and then moved:
a killed run leaves nothing half-written, and several processes may write at once.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["EmbeddingCache", "default_cache_dir", "text_key"]

Vectors = npt.NDArray[np.float32]
_log = logging.getLogger(__name__)


def default_cache_dir() -> Path:
    """Folder given by CAUSALREC_CACHE, else the user's cache folder of this project."""
    if given := os.environ.get("CAUSALREC_CACHE"):
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("causalrec_lab"))


def text_key(text: str) -> bytes:
    """SHA-256 of the text's UTF-8 bytes (lone surrogates kept)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class EmbeddingCache:
    """Vectors of texts for one model.

    Parameters
    ----------
    folder
        Where the files stand; made when first written to. None keeps nothing.
    dimension
        Length of a vector; files of another length are passed over.
    """

    def __init__(self, folder: Path | None, dimension: int) -> None:
        self.folder = folder
        self.dimension = dimension
        self._known: dict[bytes, tuple[Vectors, int]] = {}
        self._read: set[str] = set()

    def get(self, keys: Sequence[bytes]) -> tuple[Vectors, npt.NDArray[np.bool_]]:
        """Vectors of `keys`, shape (n, dimension), and a mask of those that were found; the others' rows are 0."""
        self._refresh()
        out = np.zeros((len(keys), self.dimension), dtype=np.float32)
        found = np.zeros(len(keys), dtype=bool)
        for row, key in enumerate(keys):
            if hit := self._known.get(key):
                out[row], found[row] = hit[0][hit[1]], True
        return out, found

    def put(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep `vectors` (n, dimension) under `keys`, in one new file."""
        if self.folder is None or not len(keys):
            return
        from safetensors.numpy import save

        table = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), -1)
        name = f"{hashlib.sha256(table.tobytes()).hexdigest()[:32]}.safetensors"
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / name, save({"keys": table, "vectors": np.ascontiguousarray(vectors)}))

    def _refresh(self) -> None:
        if self.folder is None or not self.folder.is_dir():
            return
        for path in sorted(self.folder.glob("*.safetensors")):
            if path.name not in self._read:
                self._read.add(path.name)
                self._take(path)

    def _take(self, path: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            held = load_file(path)
            keys, vectors = held["keys"], held["vectors"]
        except (OSError, SafetensorError, KeyError) as error:
            _log.warning("embedding cache file %s cannot be read (%s); its texts are embedded again", path.name, error)
            return
        if vectors.shape == (len(keys), self.dimension):
            self._known.update({key.tobytes(): (vectors, row) for row, key in enumerate(keys)})


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name beside `path`, then move it there."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
