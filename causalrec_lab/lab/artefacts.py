"""What a chapter hands to the next: tables as parquet, arrays as safetensors, the rest as JSON, each with a sidecar.

A sidecar says who made the file, with which parameters, from which inputs and by which library; a file whose content is
not what its sidecar says (a killed run, a changed library, another seed) is made again rather than believed.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import causalrec_lab
from causalrec_lab.estimate import Estimate, Truth
from causalrec_lab.lab.project import home, nearest
from causalrec_lab.lab.session import Session, current, say

__all__ = ["folder", "library_digest", "load", "save", "write_whole"]


def save(name: str, obj: Any) -> Path:
    """Write an artefact of the running chapter and its sidecar.

    Parameters
    ----------
    name
        Name within the chapter, without a dot: "decisions".
    obj
        A DataFrame or Series (parquet), an array or a mapping of names to arrays (safetensors), or what JSON can hold:
        numbers, text, lists, mappings, and `Estimate` or `Truth` anywhere among them.

    Returns
    -------
    Path of the file.

    Raises
    ------
    TypeError
        If `obj` is of another type: nothing is pickled.
    ValueError
        If `name` holds a dot or a slash.
    """
    if not name or any(mark in name for mark in "./\\"):
        raise ValueError(f"artefact name {name!r}: give a plain name such as 'decisions'; chapter and ending are added")
    session = current()
    kind, ending, content = _encode(obj)
    stem = folder(session.profile) / f"{session.chapter}.{name}"
    path = stem.with_name(f"{stem.name}.{ending}")
    write_whole(path, content)
    sidecar = _sidecar(session, kind, path.name, content)
    write_whole(_sidecar_path(stem), json.dumps(sidecar, indent=1, sort_keys=True).encode())
    for other in {"parquet", "safetensors", "json"} - {ending}:  # the same name saved earlier as another type
        stem.with_name(f"{stem.name}.{other}").unlink(missing_ok=True)
    return path


def load(name: str, make: Callable[[], Any] | None = None) -> Any:
    """Read an artefact of this chapter ("decisions") or of another ("01_data_preparation.decisions").

    Parameters
    ----------
    name
        The artefact; with a chapter before a dot, another chapter's.
    make
        Called without arguments where the artefact is missing, damaged, or was made with other parameters or by another
        version of the library. Its result is saved under this chapter's name and given back, and one line says so.

    Raises
    ------
    FileNotFoundError
        If there is no usable artefact and no `make`.
    """
    session = current()
    owner, _, short = name.rpartition(".")
    faults = []
    for holder in dict.fromkeys((owner or session.chapter, session.chapter)):
        stem = folder(session.profile) / f"{holder}.{short}"
        fault, content, sidecar = _read(stem, session)
        if not fault:
            session.inputs[stem.name] = sidecar["sha256"]
            return _decode(sidecar["kind"], content)
        faults.append(fault)
    if make is None:
        present = sorted(p.name.removesuffix(".meta.json") for p in folder(session.profile).glob("*.meta.json"))
        way_out = "run its chapter at this profile, or give make=…"
        raise FileNotFoundError(f"{nearest('artefact', name, present)} ({faults[0]}; {way_out})")
    say(f"{name}: {faults[0]}, so it is made here.")
    made = make()
    save(short, made)
    return made


def folder(profile: str) -> Path:
    """Folder of a profile's artefacts, made if need be."""
    path = home() / "artifacts" / profile
    path.mkdir(parents=True, exist_ok=True)
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and move it: a reader sees the old content or the new, never half of it."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)  # noqa: PTH105 - atomic on every system, as Path.replace, said by its usual name
    finally:
        partial.unlink(missing_ok=True)


@cache
def library_digest() -> str:
    """Hash of the library's source without the bench itself: what decides the content of an artefact."""
    root = Path(causalrec_lab.__file__).parent
    files = [path for path in sorted(root.rglob("*.py")) if path.relative_to(root).parts[0] != "lab"]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _sidecar_path(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.meta.json")


def _sidecar(session: Session, kind: str, file: str, content: bytes) -> dict[str, Any]:
    return {
        "file": file,
        "kind": kind,
        "sha256": hashlib.sha256(content).hexdigest(),
        "producer": session.chapter,
        "parameters": session.parameters,
        "inputs": dict(session.inputs),
        "library": causalrec_lab.__version__,
        "library_digest": library_digest(),
    }


def _read(stem: Path, session: Session) -> tuple[str, bytes, dict[str, Any]]:
    """Fault ("" if none), content and sidecar of an artefact."""
    try:
        sidecar = json.loads(_sidecar_path(stem).read_text())
        content = (stem.parent / sidecar["file"]).read_bytes()
    except FileNotFoundError:
        return "not there yet", b"", {}
    except (json.JSONDecodeError, KeyError):
        return "its sidecar is damaged", b"", {}
    if hashlib.sha256(content).hexdigest() != sidecar["sha256"]:
        return "its content is not what its sidecar says", b"", {}
    if sidecar["parameters"] != session.parameters:
        return f"made with {sidecar['parameters']}, while this run has {session.parameters}", b"", {}
    if sidecar["library_digest"] != library_digest():
        return "made by another state of the library", b"", {}
    return "", content, sidecar


def _encode(obj: Any) -> tuple[str, str, bytes]:
    """(kind, file ending, content) of an object."""
    if isinstance(obj, pd.DataFrame):
        return "frame", "parquet", obj.to_parquet()
    if isinstance(obj, pd.Series):
        return "series", "parquet", obj.to_frame().to_parquet()
    if arrays := _arrays(obj):
        from safetensors.numpy import save as pack

        return ("array" if isinstance(obj, np.ndarray) else "arrays"), "safetensors", pack(arrays)
    return "json", "json", json.dumps(obj, default=_tag, indent=1, ensure_ascii=False).encode()


def _decode(kind: str, content: bytes) -> Any:
    import io

    if kind in ("frame", "series"):
        frame = pd.read_parquet(io.BytesIO(content))
        return frame if kind == "frame" else frame.iloc[:, 0]
    if kind in ("array", "arrays"):
        from safetensors.numpy import load as unpack

        arrays = unpack(content)
        return arrays["array"] if kind == "array" else arrays
    return json.loads(content, object_hook=_untag)


def _arrays(obj: Any) -> dict[str, np.ndarray[Any, Any]] | None:
    """Arrays by name if `obj` is an array or a mapping of nothing but arrays (torch tensors count), else None."""
    named = {"array": obj} if isinstance(obj, np.ndarray) else obj
    if not isinstance(named, Mapping) or not named:
        return None
    if not all(isinstance(k, str) and (isinstance(v, np.ndarray) or hasattr(v, "detach")) for k, v in named.items()):
        return None
    return {k: np.ascontiguousarray(v.detach().cpu().numpy() if hasattr(v, "detach") else v) for k, v in named.items()}


def _tag(obj: Any) -> Any:
    """Give JSON a form for what it does not know."""
    if isinstance(obj, Estimate):
        return {"$estimate": obj.to_dict()}
    if isinstance(obj, Truth):
        return {"$truth": [obj.value, obj.std_error]}
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, np.ndarray):
        return obj.tolist()
    if isinstance(obj, Mapping):
        return dict(obj)
    raise TypeError(
        f"cannot save a {type(obj).__name__}; give a DataFrame, arrays by name, an Estimate, or what JSON can hold "
        "(nothing is pickled)"
    )


def _untag(values: dict[str, Any]) -> Any:
    if set(values) == {"$estimate"}:
        return Estimate.from_dict(values["$estimate"])
    if set(values) == {"$truth"}:
        return Truth(*values["$truth"])
    return values
