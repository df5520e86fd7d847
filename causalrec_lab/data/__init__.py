"""Real data sets, table contracts, storage, cleaning, splits and quality: what stands before any estimate.

`read` brings a table of yours, from a file or a database, under the contracts' names and checks it; `load` gives a
public data set; `quality_report` says what threatens an estimate; `clean`, `sessions`, `decisions` and the splits make
tables ready.

>>> import pandas as pd
>>> from causalrec_lab import data
>>> clicks = pd.DataFrame({"user_id": [1, 1, 1, 2, 2], "item_id": [7, 8, 9, 7, 9]})
>>> clicks["event"] = "click"
>>> clicks["timestamp"] = pd.date_range("2025-01-01", periods=5, freq="h")
>>> split = data.split_leave_one_out(clicks)
>>> split.test["item_id"].tolist()
[9]
>>> round(data.gini([40, 30, 20, 10]), 2)
0.25
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.data import schema
    from causalrec_lab.data.building.as_of import as_of
    from causalrec_lab.data.building.assumptions import Assumptions, assumptions
    from causalrec_lab.data.building.decisions import decisions
    from causalrec_lab.data.building.k_core import k_core
    from causalrec_lab.data.building.negatives import negatives
    from causalrec_lab.data.building.sessions import sessions
    from causalrec_lab.data.building.splits import Split, split_leave_one_out, split_temporal
    from causalrec_lab.data.catalogue import load
    from causalrec_lab.data.cleaning.bots import bots
    from causalrec_lab.data.cleaning.clean import clean
    from causalrec_lab.data.cleaning.normalising import Normalisation, normalise
    from causalrec_lab.data.cleaning.outliers import tails
    from causalrec_lab.data.dataset import About, Dataset
    from causalrec_lab.data.quality.anonymity import Anonymity, generalise, k_anonymity
    from causalrec_lab.data.quality.comparison import compare_reports
    from causalrec_lab.data.quality.exposure import ExposureBias, exposure_bias, gini, lorenz, position_curve
    from causalrec_lab.data.quality.leakage import leakage, target_leakage
    from causalrec_lab.data.quality.positivity import Overlap, overlap
    from causalrec_lab.data.quality.report import quality_report
    from causalrec_lab.data.quality.result import QualityReport
    from causalrec_lab.data.quality.rules import quality_rules
    from causalrec_lab.data.quality.selection import selection
    from causalrec_lab.data.quality.time_travel import time_travel
    from causalrec_lab.data.registry import about, names
    from causalrec_lab.data.schema import SchemaError
    from causalrec_lab.data.sources import ChecksumMismatch, DataUnavailable, fetch
    from causalrec_lab.data.storage.connections import DatabaseLost, DatabaseUnreachable, MissingDriver, connect
    from causalrec_lab.data.storage.memory import DoesNotFit, to_memory, to_parquet
    from causalrec_lab.data.storage.reading import read

_CONTENTS = {
    "cleaning.clean": ("clean",),
    "cleaning.normalising": ("Normalisation", "normalise"),
    "cleaning.outliers": ("tails",),
    "cleaning.bots": ("bots",),
    "building.assumptions": ("Assumptions", "assumptions"),
    "building.decisions": ("decisions",),
    "building.sessions": ("sessions",),
    "building.as_of": ("as_of",),
    "building.negatives": ("negatives",),
    "storage.connections": ("DatabaseLost", "DatabaseUnreachable", "MissingDriver", "connect"),
    "storage.memory": ("DoesNotFit", "to_memory", "to_parquet"),
    "dataset": ("About", "Dataset"),
    "quality.exposure": ("ExposureBias", "exposure_bias", "gini", "lorenz", "position_curve"),
    "catalogue": ("load",),
    "quality.anonymity": ("Anonymity", "generalise", "k_anonymity"),
    "quality.positivity": ("Overlap", "overlap"),
    "quality.comparison": ("compare_reports",),
    "quality.leakage": ("leakage", "target_leakage"),
    "quality.report": ("quality_report",),
    "quality.result": ("QualityReport",),
    "quality.rules": ("quality_rules",),
    "quality.selection": ("selection",),
    "quality.time_travel": ("time_travel",),
    "registry": ("about", "names"),
    "schema": ("SchemaError",),
    "sources": ("ChecksumMismatch", "DataUnavailable", "fetch"),
    "building.k_core": ("k_core",),
    "building.splits": ("Split", "split_leave_one_out", "split_temporal"),
    "storage.reading": ("read",),
}
_HOME = {name: module for module, contents in _CONTENTS.items() for name in contents}

__all__ = [
    "About",
    "Anonymity",
    "Assumptions",
    "ChecksumMismatch",
    "DataUnavailable",
    "DatabaseLost",
    "DatabaseUnreachable",
    "Dataset",
    "DoesNotFit",
    "ExposureBias",
    "MissingDriver",
    "Normalisation",
    "Overlap",
    "QualityReport",
    "SchemaError",
    "Split",
    "about",
    "as_of",
    "assumptions",
    "bots",
    "clean",
    "compare_reports",
    "connect",
    "decisions",
    "exposure_bias",
    "fetch",
    "generalise",
    "gini",
    "k_anonymity",
    "k_core",
    "leakage",
    "load",
    "lorenz",
    "names",
    "negatives",
    "normalise",
    "overlap",
    "position_curve",
    "quality_report",
    "quality_rules",
    "read",
    "schema",
    "selection",
    "sessions",
    "split_leave_one_out",
    "split_temporal",
    "tails",
    "target_leakage",
    "time_travel",
    "to_memory",
    "to_parquet",
]

__getattr__, __dir__ = doors(__name__, _HOME, ("schema",))
