"""Several logs in one table: the figures of their quality reports, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalrec_lab.data.dataset import Dataset
from causalrec_lab.data.quality.exposure import ExposureBias
from causalrec_lab.data.quality.positivity import Overlap, effective_sample_size

if TYPE_CHECKING:
    from causalrec_lab.data.quality.result import QualityReport

__all__ = ["compare_reports", "key_figures"]


def compare_reports(reports: Mapping[str, QualityReport]) -> pd.DataFrame:
    """Key figures of several reports, one column a data set.

    Rows: rows, users, items, pairs (different user-item pairs), density (pairs / (users x items)), exposure_gini,
    top_tenth (share of exposures of the most shown tenth of items), never_shown, propensity ("stored", "estimated",
    "none"), positions (how many, 0: not stored), effective (share of rows that inverse-propensity weighting leaves: of
    the worse arm in decisions, for a uniform policy in rounds), untreated (share of rows), randomised (share of rows),
    text (share of items with text), then findings by grade, and the answers to the first questions.

    Raises
    ------
    ValueError
        If there is no report.
    """
    if not reports:
        raise ValueError("compare_reports: give at least one report, by name: {'mine': data.quality_report(dataset)}")
    columns = {}
    for name, report in reports.items():
        grades = report.findings["severity"].value_counts()
        counts = {grade: int(grades.get(grade, 0)) for grade in ("high", "medium", "low")}
        columns[name] = pd.Series({**report.figures, **counts, **report.answers["answer"]}, dtype=object)
    return pd.DataFrame(columns).rename_axis("figure")


def key_figures(
    dataset: Dataset, exposure: ExposureBias | None, overlap: Overlap | None, text: pd.DataFrame
) -> dict[str, Any]:
    """Figures of one data set; nan where its tables cannot say."""
    table = next(t for t in (dataset.decisions, dataset.slates, *dataset.tables.values()) if t is not None)
    items = text[(text["table"] == "items") & (text["column"] == "text")]["covered"]
    top = math.nan if exposure is None else float(exposure.popularity["share_of_exposures"].iloc[-1])
    return {
        **_sizes(dataset, table),
        "exposure_gini": math.nan if exposure is None else exposure.gini,
        "top_tenth": top,
        "never_shown": math.nan if exposure is None else exposure.never_shown,
        "propensity": "stored" if "propensity" in table else "estimated" if overlap is not None else "none",
        "positions": int(table["position"].nunique()) if "position" in table else 0,
        "effective": _effective(dataset, overlap),
        "untreated": float((table["treated"] == 0).mean()) if "treated" in table else 0.0,
        "randomised": float((table["randomised"] == 1).mean()) if "randomised" in table else math.nan,
        "text": float(items.iloc[0]) if len(items) else 0.0,
    }


def _sizes(dataset: Dataset, table: pd.DataFrame) -> dict[str, Any]:
    users = int(table["user_id"].nunique()) if "user_id" in table else math.nan
    listed = None if dataset.items is None or "item_id" not in dataset.items else dataset.items["item_id"]
    seen = table["item_id"] if "item_id" in table else pd.Series(dtype=object)
    items = int((seen if listed is None else pd.concat([seen, listed])).nunique())
    pairs = len(table[["user_id", "item_id"]].drop_duplicates()) if {"user_id", "item_id"} <= set(table) else math.nan
    density = pairs / (users * items) if users and items else math.nan
    return {"rows": len(table), "users": users, "items": items, "pairs": pairs, "density": density}


def _effective(dataset: Dataset, overlap: Overlap | None) -> float:
    if overlap is not None:
        return float(overlap.arms["share"].min())
    if dataset.slates is not None and "propensity" in dataset.slates:
        weights = 1 / dataset.slates["propensity"].to_numpy(dtype=np.float64)
        return effective_sample_size(weights) / len(weights)
    return math.nan
