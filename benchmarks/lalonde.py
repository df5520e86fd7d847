"""T2: LaLonde's experiment to the cent, and what every estimator makes of it from observational controls.

The 185 treated of Dehejia and Wahba's sample, with the experiment's own controls or with those of two surveys (CPS,
PSID). Every estimator of `effects` that answers for the treated stands here, with covariates, nuisances and trimming
fixed before any was run: Dehejia and Wahba's eight columns and two indicators of no earnings, nuisances linear, spline
and boosted, all rows or those with a propensity of at most 0.9. Nothing was tuned on the answer and nothing is left
out. The placebo is the effect on earnings of 1975, before the programme, given the covariates that come before them.

    python benchmarks/lalonde.py
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab import Estimate, data
from causalrec_lab.causal import effects, refute

COVARIATES = ["age", "education", "black", "hispanic", "married", "nodegree", "re74", "re75", "no74", "no75"]
BEFORE = [name for name in COVARIATES if not name.endswith("75")]
NUISANCES = ("linear", "spline", "boosted")
PUBLISHED = 1794.34  # Dehejia and Wahba (1999), table 1 with HC1 670.8


def table(controls: str) -> pd.DataFrame:
    """The treated beside one set of controls."""
    frame = data.load("lalonde", treated="nsw_dw", controls=controls).decisions
    return frame.assign(no74=(frame["re74"] == 0).astype(float), no75=(frame["re75"] == 0).astype(float))


def estimators() -> dict[str, Callable[..., Any]]:
    """Every estimator of `effects` that takes (frame, treatment, outcome, covariates) and answers for the treated."""
    found = {}
    for name in sorted(effects.__all__):
        function = getattr(effects, name)
        parameters = inspect.signature(function).parameters if inspect.isfunction(function) else {}
        required = [p for p in parameters.values() if p.default is p.empty]
        answers = "estimand" in parameters or "modifiers" in parameters  # learners of effects by row
        if [p.name for p in required] == ["frame", "treatment", "outcome", "covariates"] and answers:
            found[name] = function
    return found


def variants(function: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Options of the grid that an estimator knows."""
    known = inspect.signature(function).parameters
    which = next((name for name in ("learner", "nuisance") if name in known), None)
    for nuisance in NUISANCES if which else (None,):
        for trim in (None, 0.1) if "trim" in known else (None,):
            yield {name: value for name, value in {which: nuisance, "trim": trim}.items() if name and value is not None}


def ask(function: Callable[..., Any], frame: pd.DataFrame, outcome: str, covariates: list[str], **options: Any) -> Any:
    """The estimate, or the words with which the estimator refuses."""
    try:
        if "estimand" in inspect.signature(function).parameters:
            return function(frame, "treated", outcome, covariates, estimand="ATT", **options)
        rows = function(frame, "treated", outcome, covariates, **options).effect(frame[frame["treated"] == 1])
        said = ("the mean of predicted effects on the treated has no valid standard error",)
        return Estimate(float(np.mean(rows)), float("nan"), estimand="ATT", n=len(frame), notes=said)
    except ValueError as error:
        return str(error).split(";")[0]


def line(found: Any, placebo: Any) -> dict[str, Any]:
    """One row of the grid."""
    if not isinstance(found, Estimate):
        return {"said": found}
    known = found.diagnostics
    cells: dict[str, Any] = {
        "att": found.value, "std_error": found.std_error, "low": found.low, "high": found.high,
        "error": found.value - PUBLISHED, "covers_experiment": found.covers(PUBLISHED),
        "share_extreme": known.get("share_extreme", np.nan), "ess_control": known.get("ess_control", np.nan),
        "max_smd_after": known.get("max_smd_after", np.nan), "n": found.n,
        "warnings": sum(note.startswith("warning") for note in found.notes), "said": found.notes[-1].split(":")[0],
    }  # fmt: skip
    if isinstance(placebo, Estimate):
        control = refute.NegativeControl(placebo, "outcome", "re75")
        cells |= {"placebo": placebo.value, "placebo_p": control.p_value}
        cells |= {} if np.isnan(placebo.std_error) else {"placebo_fails": control.failed}
    return cells


def grid(controls: str) -> dict[str, dict[str, Any]]:
    """Every estimator with every option it knows, on one set of controls."""
    frame = table(controls)
    rows = {f"{controls}, naive": line(*(effects.naive(frame, "treated", y) for y in ("re78", "re75")))}
    for name, function in estimators().items():
        for options in variants(function):
            start = time.process_time()
            found = ask(function, frame, "re78", COVARIATES, **options)
            if isinstance(found, str) and "has no nuisance" in found:
                continue  # not a refusal of the data
            placebo = ask(function, frame, "re75", BEFORE, **options)
            label = ", ".join([controls, name, *(f"trim {v}" if k == "trim" else str(v) for k, v in options.items())])
            rows[label] = line(found, placebo) | {"cpu_seconds": time.process_time() - start}
    return rows


def experiment() -> dict[str, dict[str, Any]]:
    """The experiment's own answer, which must be the published one to the cent."""
    frame = table("nsw_dw")
    found = effects.regression(frame, "treated", "re78", [], estimand="ATT")
    if round(found.value, 2) != PUBLISHED:
        raise RuntimeError(f"the experimental effect is {found.value:.2f}, published is {PUBLISHED}")
    placebo = effects.regression(frame, "treated", "re75", [], estimand="ATT")
    return {"experiment, difference in means": line(found, placebo)}


def sensitivity(controls: str) -> dict[str, Any]:
    """How strong a hidden confounder has to be on these controls (a linear regression's answer)."""
    found = refute.robustness_value(table(controls), "treated", "re78", COVARIATES, benchmarks=["re75"], multiples=[1])
    return {"estimate": found.estimate, "robustness_value": found.value, "at_level": found.at_level}


def main() -> None:
    """Run and write `results/lalonde.json`."""
    with clock() as seconds:
        rows = experiment() | grid("nsw_dw") | grid("cps") | grid("psid")
        strengths = {controls: sensitivity(controls) for controls in ("cps", "psid")}
    found = pd.DataFrame.from_dict(rows, orient="index").rename_axis("estimate")
    observational = found[found.index.str.startswith(("cps", "psid"))]
    record(
        "lalonde", found, seconds[0], published=PUBLISHED, covariates=COVARIATES, placebo_covariates=BEFORE,
        robustness=strengths,
        placebos_failed=f"{int((observational['placebo_fails'] == True).sum())} of "  # noqa: E712
        f"{int(observational['placebo_fails'].notna().sum())} observational ones",
    )  # fmt: skip


if __name__ == "__main__":
    main()
