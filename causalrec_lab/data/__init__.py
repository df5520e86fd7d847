"""Real data sets, table contracts, storage, cleaning, splits and quality: what stands before any estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.data import schema
    from causalrec_lab.data.assumed import Assumptions, assumptions
    from causalrec_lab.data.catalogue import load
    from causalrec_lab.data.cleaning import clean
    from causalrec_lab.data.comparison import compare_reports
    from causalrec_lab.data.connections import DatabaseLost, DatabaseUnreachable, MissingDriver, connect
    from causalrec_lab.data.cores import k_core
    from causalrec_lab.data.dataset import About, Dataset
    from causalrec_lab.data.eligible import decisions
    from causalrec_lab.data.exposure import ExposureBias, exposure_bias, gini, lorenz, position_curve
    from causalrec_lab.data.gaps import sessions
    from causalrec_lab.data.history import as_of
    from causalrec_lab.data.leaks import leakage, target_leakage
    from causalrec_lab.data.memory import DoesNotFit, to_memory, to_parquet
    from causalrec_lab.data.negative_sampling import negatives
    from causalrec_lab.data.normalising import Normalisation, normalise
    from causalrec_lab.data.outliers import tails
    from causalrec_lab.data.positivity import Overlap, overlap
    from causalrec_lab.data.quality import quality_report
    from causalrec_lab.data.quality_result import QualityReport
    from causalrec_lab.data.registry import about, names
    from causalrec_lab.data.robots import bots
    from causalrec_lab.data.rules import quality_rules
    from causalrec_lab.data.schema import SchemaError
    from causalrec_lab.data.self_selection import selection
    from causalrec_lab.data.sources import ChecksumMismatch, DataUnavailable, fetch
    from causalrec_lab.data.splits import Split, split_leave_one_out, split_temporal
    from causalrec_lab.data.storage import read
    from causalrec_lab.data.time_order import time_travel

_CONTENTS = {
    "cleaning": ("clean",),
    "normalising": ("Normalisation", "normalise"),
    "outliers": ("tails",),
    "robots": ("bots",),
    "assumed": ("Assumptions", "assumptions"),
    "eligible": ("decisions",),
    "gaps": ("sessions",),
    "history": ("as_of",),
    "negative_sampling": ("negatives",),
    "connections": ("DatabaseLost", "DatabaseUnreachable", "MissingDriver", "connect"),
    "memory": ("DoesNotFit", "to_memory", "to_parquet"),
    "dataset": ("About", "Dataset"),
    "exposure": ("ExposureBias", "exposure_bias", "gini", "lorenz", "position_curve"),
    "catalogue": ("load",),
    "positivity": ("Overlap", "overlap"),
    "comparison": ("compare_reports",),
    "leaks": ("leakage", "target_leakage"),
    "quality": ("quality_report",),
    "quality_result": ("QualityReport",),
    "rules": ("quality_rules",),
    "self_selection": ("selection",),
    "time_order": ("time_travel",),
    "registry": ("about", "names"),
    "schema": ("SchemaError",),
    "sources": ("ChecksumMismatch", "DataUnavailable", "fetch"),
    "cores": ("k_core",),
    "splits": ("Split", "split_leave_one_out", "split_temporal"),
    "storage": ("read",),
}
_HOME = {name: module for module, contents in _CONTENTS.items() for name in contents}

__all__ = [
    "About",
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
    "gini",
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
