"""Real data sets, table contracts, storage, cleaning, splits and quality: what stands before any estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalrec_lab.doors import doors

if TYPE_CHECKING:
    from causalrec_lab.data import schema
    from causalrec_lab.data.catalogue import load
    from causalrec_lab.data.cleaning import clean
    from causalrec_lab.data.dataset import About, Dataset
    from causalrec_lab.data.eligible import decisions
    from causalrec_lab.data.exposure import ExposureBias, exposure_bias, gini, lorenz, position_curve
    from causalrec_lab.data.positivity import Overlap, overlap
    from causalrec_lab.data.quality import QualityReport, quality_report
    from causalrec_lab.data.registry import about, names
    from causalrec_lab.data.schema import SchemaError
    from causalrec_lab.data.sources import ChecksumMismatch, DataUnavailable, fetch
    from causalrec_lab.data.splits import Split, k_core, split_leave_one_out, split_temporal
    from causalrec_lab.data.storage import connect, read

_CONTENTS = {
    "cleaning": ("clean",),
    "eligible": ("decisions",),
    "dataset": ("About", "Dataset"),
    "exposure": ("ExposureBias", "exposure_bias", "gini", "lorenz", "position_curve"),
    "catalogue": ("load",),
    "positivity": ("Overlap", "overlap"),
    "quality": ("QualityReport", "quality_report"),
    "registry": ("about", "names"),
    "schema": ("SchemaError",),
    "sources": ("ChecksumMismatch", "DataUnavailable", "fetch"),
    "splits": ("Split", "k_core", "split_leave_one_out", "split_temporal"),
    "storage": ("connect", "read"),
}
_HOME = {name: module for module, contents in _CONTENTS.items() for name in contents}

__all__ = [
    "About",
    "ChecksumMismatch",
    "DataUnavailable",
    "Dataset",
    "ExposureBias",
    "Overlap",
    "QualityReport",
    "SchemaError",
    "Split",
    "about",
    "clean",
    "connect",
    "decisions",
    "exposure_bias",
    "fetch",
    "gini",
    "k_core",
    "load",
    "lorenz",
    "names",
    "overlap",
    "position_curve",
    "quality_report",
    "read",
    "schema",
    "split_leave_one_out",
    "split_temporal",
]

__getattr__, __dir__ = doors(__name__, _HOME, ("schema",))
