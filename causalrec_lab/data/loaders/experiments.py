"""Experiments: Hillstrom's e-mails, ASOS' A/B tests over time, LaLonde's job training and its comparisons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from causalrec_lab.data.dataset import About, Dataset
from causalrec_lab.data.registry import nearest

__all__ = ["asos", "hillstrom", "lalonde"]

Locate = Callable[[str], Path]

_LALONDE = ["treated", "re78", "age", "education", "black", "hispanic", "married", "nodegree", "re74", "re75"]
_SAMPLES = {"nsw": "nsw", "nsw_dw": "nsw_dw"}
_COMPARISONS = {f"{who}{k}": f"{who}_controls{k}" for who in ("cps", "psid") for k in ("", 2, 3)}


def hillstrom(about: About, file: Locate) -> Dataset:
    """Hillstrom's e-mail experiment: `decisions` with arm, treated (any e-mail), visit, conversion, spend, covariates.

    Arms are "Mens E-Mail", "Womens E-Mail" and "No E-Mail", a third of 64,000 customers each. Hillstrom (2008), The
    MineThatData E-Mail Analytics And Data Mining Challenge.
    """
    raw = pd.read_csv(file("hillstrom/hillstrom_email_data.csv")).rename(columns={"segment": "arm"})
    raw.insert(0, "user_id", range(len(raw)))
    return Dataset("hillstrom", decisions=raw.assign(treated=(raw["arm"] != "No E-Mail").astype("int64")), about=about)


def asos(about: About, file: Locate) -> Dataset:
    """ASOS digital experiments: ``extra["experiments"]``, one row a peek (cumulative count, mean, variance by arm).

    Suffix ``_c`` is control, ``_t`` treatment; `time_since_start` is in days. Liu, Cardoso, Couturier and McCoy (2021),
    Datasets for Online Controlled Experiments, NeurIPS Datasets and Benchmarks.
    """
    experiments = pd.read_csv(file("asos/asos_digital_experiments_dataset.csv"), dtype={"experiment_id": "str"})
    keys = ["experiment_id", "variant_id", "metric_id", "time_since_start"]
    ordered = experiments.sort_values(keys, ignore_index=True)
    return Dataset("asos", extra={"experiments": ordered}, about=about)


def lalonde(about: About, file: Locate, treated: str = "nsw_dw", controls: str = "nsw_dw") -> Dataset:
    """Job training and earnings: `decisions` with treated, re78 (earnings afterwards, dollars) and covariates.

    Parameters
    ----------
    about, file
        Given by `load`.
    treated
        Whose treated rows: "nsw_dw" (Dehejia and Wahba's subsample) or "nsw" (LaLonde's, which has no re74).
    controls
        Whose untreated rows: the same names give the experiment's own controls, "cps", "cps2", "cps3", "psid", "psid2",
        "psid3" the observational comparison groups.

    Returns
    -------
    `Dataset` with treated rows first; without the column re74 where one of the two samples lacks it (`about.notes`
    says so then).

    Raises
    ------
    ValueError
        If a sample is unknown.

    Notes
    -----
    LaLonde (1986), American Economic Review 76(4); Dehejia and Wahba (1999), JASA 94(448).
    """
    known = _SAMPLES | _COMPARISONS
    for option, value, allowed in (("treated", treated, _SAMPLES), ("controls", controls, known)):
        if value not in allowed:
            raise ValueError(f"load('lalonde', {option}={value!r}): {nearest(value, allowed)}")
    parts = [_sample(file, known[name]).query("treated == @arm") for name, arm in ((treated, 1), (controls, 0))]
    shared = [column for column in _LALONDE if all(column in part for part in parts)]
    decisions = pd.concat([part[shared] for part in parts], ignore_index=True)
    if "re74" not in shared:
        about = replace(about, notes=f"{about.notes} Here re74 is left out: one of {treated}, {controls} lacks it.")
    return Dataset(f"lalonde/{treated}/{controls}", decisions=decisions, about=about)


def _sample(file: Locate, name: str) -> pd.DataFrame:
    raw = pd.read_stata(file(f"lalonde/{name}.dta")).rename(columns={"treat": "treated"})
    numbers = raw.drop(columns="data_id").astype("float64")
    whole = [column for column in numbers if column not in ("re74", "re75", "re78")]
    return numbers.astype(dict.fromkeys(whole, "int64"))
