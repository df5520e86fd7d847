"""The chapter that is running: its parameters, its threads, its quiet."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass, field

from causalrec_lab.lab.project import PROFILES, chapters, nearest, run_names, solutions

__all__ = ["Session", "cores", "current", "headless", "say", "start"]

NOISY = ("pgmpy", "transformers", "huggingface_hub", "httpx", "matplotlib.font_manager", "peft", "accelerate", "torch")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
DATA = ("platform",)


@dataclass
class Session:
    """What a running chapter was started with, and which artefacts it has read."""

    chapter: str
    profile: str
    seed: int
    data: str
    threads: int
    inputs: dict[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, str | int]:
        """Parameters that decide what the chapter's artefacts hold."""
        return {"profile": self.profile, "seed": self.seed, "data": self.data}


_running: list[Session] = []  # at most one: a kernel runs one chapter


def start(name: str, *, profile: str = "smoke", seed: int = 7, data: str = "platform") -> None:
    """Open a chapter: check its parameters, set threads and theme, quiet what is noisy, forget its last findings.

    Parameters
    ----------
    name
        The chapter, "06_treatment_effects", its solutions, "06_treatment_effects_solutions", or a case, "case_music".
    profile
        "smoke" (seconds, one thread) or "full" (what reports show).
    seed
        Seed of everything random in the chapter, >= 0.
    data
        "platform": the simulated platform whose truth is known.

    Raises
    ------
    UnknownNameError
        If the chapter, case, scenario, profile or data is unknown; the nearest valid names are offered.
    ValueError
        If the seed is no whole number >= 0.
    """
    if name not in (*chapters(), *solutions()):
        name = run_names(name)[0]
    if profile not in PROFILES:
        raise nearest("profile", str(profile), PROFILES)
    if data not in DATA:
        raise nearest("data", str(data), DATA)
    if not _is_seed(seed):
        raise ValueError(f"seed={seed!r}: a seed is a whole number >= 0, such as 7")
    threads = 1 if profile == "smoke" else int(os.environ.get("CAUSALREC_THREADS") or cores())
    _running[:] = [Session(name, profile, seed, data, threads)]
    _hush()
    _cap_threads(threads)
    _open(name)


def current() -> Session:
    """Session of the running chapter.

    Raises
    ------
    RuntimeError
        If `lab.start` was not called.
    """
    if not _running:
        raise RuntimeError('no chapter is running; call lab.start("NN_name", profile=profile, seed=seed) first')
    return _running[0]


def headless() -> bool:
    """Tell whether nobody is watching: a run by the command line or by the tests (`CAUSALREC_HEADLESS`)."""
    return os.environ.get("CAUSALREC_HEADLESS", "") not in ("", "0")


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def say(line: str) -> None:
    """Tell the reader one line: as text in a notebook, as a log line elsewhere."""
    if "IPython" in sys.modules:
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:
            display({"text/plain": line}, raw=True)  # type: ignore[no-untyped-call]
            return
    logging.getLogger("causalrec_lab").info(line)


def _is_seed(seed: object) -> bool:
    return isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0


def _open(name: str) -> None:
    from causalrec_lab.lab.findings import forget, watch_sources
    from causalrec_lab.lab.theme import use_theme

    use_theme()
    forget()
    watch_sources(name)


def _errors_only(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _hush() -> None:
    """Quiet loggers by a filter (pgmpy sets its own level back), and progress bars where nobody watches."""
    for name in NOISY:
        logging.getLogger(name).addFilter(_errors_only)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if headless():
        os.environ["TQDM_DISABLE"] = "1"
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"


def _cap_threads(threads: int) -> None:
    """Cap the threads of what is loaded already and of what will be: oversubscription costs ten times."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
    if "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        threadpool_limits(limits=threads)
