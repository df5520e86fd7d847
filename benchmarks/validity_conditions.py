"""What the validity table crosses: conditions of the platform, and estimators with what each reads."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from causalrec_lab import Estimate, Truth
from causalrec_lab.causal import effects
from causalrec_lab.world import Platform

__all__ = ["CONDITIONS", "METHODS", "Condition", "Method", "code"]

_COMMON = {"base_rate": "common", "confounding": 0.0, "text_r2": 0.0}
DIMENSIONS = 100
LIBRARY = Path(__file__).resolve().parent.parent / "causalrec_lab"


@dataclass(frozen=True)
class Condition:
    """A platform, an outcome and a number of decisions.

    Parameters
    ----------
    label
        Row of the table.
    dials
        Of the platform, over those of `_COMMON`.
    outcome
        Column.
    rows
        Decisions a log.
    text
        Whether users and items stand once and their texts may be read.
    """

    label: str
    dials: Mapping[str, Any] = field(hash=False)
    outcome: str = "click"
    rows: int = 2_000
    text: bool = False

    @property
    def platform(self) -> Platform:
        """The platform, seed 11."""
        return _platform(tuple(sorted((_COMMON | dict(self.dials)).items())), self.rows if self.text else 0)

    def draw(self, seed: int) -> pd.DataFrame:
        """One log."""
        frame = self.platform.log(self.rows, seed, pairs="once" if self.text else "iid").decisions
        assert frame is not None
        return frame

    def judges(self, method: Method) -> bool:
        """Whether a method can be judged here: text only where there is some, a shared stock only by its one truth."""
        return (self.text or not method.text) and ("interference" not in self.dials or method.estimand == "ATE")

    def truth(self, estimand: str) -> Truth:
        """The platform's own ATE, ATT, ATO or LATE; where decisions share a stock, the direct effect."""
        if "interference" in self.dials and estimand == "ATE":
            return self.platform.truth.direct_effect(self.outcome, self.rows, repeats=200)
        truths: Callable[[str], Truth] = getattr(self.platform.truth, estimand.lower())
        return truths(self.outcome)


@dataclass(frozen=True)
class Method:
    """An estimator as the table runs it.

    Parameters
    ----------
    label
        Column of the table.
    function
        Name in `causal.effects`.
    options
        Beyond table, treatment, outcome, covariates.
    estimand
        What it is held against.
    text
        Whether it reads the texts; such a method runs only where there are some.
    average
        Whether it gives effects by row, of which the average is judged.
    most
        Replications at most.
    """

    label: str
    function: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    estimand: str = "ATE"
    text: bool = False
    average: bool = False
    most: int = 2_000

    def __call__(self, log: pd.DataFrame, condition: Condition, seed: int) -> Estimate:
        """Estimate on one log."""
        estimator = getattr(effects, self.function)
        known = inspect.signature(estimator).parameters
        given: dict[str, Any] = {"seed": seed} | dict(self.options)
        if self.text:
            given["embeddings"] = effects.tfidf_embedding(condition.platform.texts(log), DIMENSIONS)
        given = {name: value for name, value in given.items() if name in known}
        columns = [condition.platform.covariates] if "covariates" in known else []
        found = estimator(log, "treated", condition.outcome, *columns, **given)
        return found.average() if self.average else found


@cache
def _platform(dials: tuple[tuple[str, Any], ...], once: int) -> Platform:
    sizes = {"n_users": once, "n_items": once} if once else {"n_users": 2_000, "n_items": 400}
    return Platform.make(seed=11, **sizes, **dict(dials))


CONDITIONS = (
    Condition("nothing hidden", {}),
    Condition("500 rows", {}, rows=500),
    Condition("10,000 rows", {}, rows=10_000),
    Condition("rare outcome", {"base_rate": "realistic"}, outcome="purchase"),
    Condition("heavy tail: dwell", {}, outcome="dwell"),
    Condition("little overlap", {"overlap": 0.3}),
    Condition("no effect", {"effect": 0.0}),
    Condition("weak lottery", {"instrument": 0.1}),
    Condition("lottery enters the outcome", {"exclusion": 0.8}),
    Condition("hidden trait .5", {"confounding": 0.5}),
    Condition("hidden trait 1", {"confounding": 1.0}),
    Condition("hidden trait 1, text tells .9 of it", {"confounding": 1.0, "text_r2": 0.9}, text=True),
    Condition("decisions share a stock", {"interference": 0.6}, outcome="purchase"),
    Condition("drift", {"drift": 0.1}),
)
METHODS = (
    Method("naive", "naive"),
    Method("regression", "regression"),
    Method("matching", "matching"),
    Method("IPW", "ipw"),
    Method("IPW, overlap weights", "ipw", {"estimand": "ATO"}, estimand="ATO"),
    Method("AIPW", "aipw"),
    Method("AIPW, boosted", "aipw", {"nuisance": "boosted"}, most=60),
    Method("AIPW, ATT", "aipw", {"estimand": "ATT"}, estimand="ATT"),
    Method("TMLE", "tmle"),
    Method("DML", "dml"),
    Method("T-learner, average", "t_learner", average=True, most=100),
    Method("DR-learner, average", "dr_learner", average=True, most=100),
    Method("causal forest, average", "causal_forest", average=True, most=40),
    Method("IV (2SLS)", "iv", {"instrument": "z"}, estimand="LATE"),
    Method("regression + text", "regression", text=True),
    Method("AIPW + text", "aipw", text=True),
    Method("DML + text", "dml", text=True),
)


@cache
def code() -> str:
    """What the library's code is: estimators, platform and what they stand on."""
    files = sorted(file for part in ("causal/effects", "world", ".") for file in _sources(LIBRARY / part, part != "."))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _sources(folder: Path, deep: bool) -> Iterator[Path]:
    return folder.rglob("*.py") if deep else folder.glob("*.py")
