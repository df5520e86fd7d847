"""What a run was made of: code, parameters, machine, packages, data; never a password or a folder of the machine."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import causalrec_lab
from causalrec_lab.data.storage.addresses import redacted
from causalrec_lab.lab.project import home
from causalrec_lab.lab.session import cores

__all__ = ["data_hashes", "git_state", "manifest", "masked"]

_SECRET = re.compile(r"pass(word|wd)?|secret|token|credential|api_?key|^key$", re.IGNORECASE)
_USER_IN_URL = re.compile(r"(?<=://)[^/\s@]*@")
_FOLDER = re.compile(r"(?<![\w:/.])(?:~|[A-Za-z]:)?[/\\](?:[^/\\\s]+[/\\])+[^/\\\s]*")


def manifest(profile: str = "full", parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe the code, the machine and the packages of a run, as JSON can hold it.

    Parameters
    ----------
    profile
        "smoke" or "full": it decides the number of threads.
    parameters
        What the chapters are run with; secrets in it are masked and folders of this machine left out.
    """
    return {
        "library": causalrec_lab.__version__,
        "git": git_state(),
        "profile": profile,
        "parameters": masked(parameters or {}),
        "threads": 1 if profile == "smoke" else cores(),
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "cores": cores(),
            "python": platform.python_version(),
        },
        "packages": _packages(),
    }


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Copy of `values` without secrets: by their name, as user and password in an address, and without folders."""
    clean: dict[str, Any] = {}
    for name, value in values.items():
        if _SECRET.search(str(name)):
            clean[str(name)] = "***"
        elif isinstance(value, Mapping):
            clean[str(name)] = masked(value)
        elif isinstance(value, (list, tuple)):
            clean[str(name)] = [masked({"item": item})["item"] for item in value]
        else:
            clean[str(name)] = _without_folders(value) if isinstance(value, str) else value
    return clean


def git_state() -> dict[str, Any]:
    """Commit of the project and whether anything was changed since; both None outside a git checkout."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}


def data_hashes(names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """SHA-256 of the files of data sets, by data set and file name, as the registry says and every load checks."""
    from causalrec_lab.data.registry import entry

    return {name: {file.path: file.sha256 for file in entry(name).files} for name in names}


def _without_folders(text: str) -> str:
    return _FOLDER.sub("(a folder)", _USER_IN_URL.sub("***@", redacted(text)))


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=home(), capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@cache
def _processor() -> str:
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@cache
def _packages() -> dict[str, str]:
    """Versions of the packages the project asks for by name."""
    try:
        wanted = metadata.requires("causalrec_lab") or []
    except metadata.PackageNotFoundError:
        return {}
    names = {re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in wanted if "extra ==" not in line}
    return {name: version for name in sorted(names) if (version := _version(name))}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
