"""Measurements with a structure in them: Sachs' proteins with their graph, Holzinger and Swineford's tests."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from causalrec_lab.data.dataset import About, Dataset

__all__ = ["holzinger", "sachs"]

Locate = Callable[[str], Path]

_EDGE = re.compile(r"^\s*(\w+)\s*->\s*(\w+)\s*$", flags=re.MULTILINE)


def sachs(about: About, file: Locate) -> Dataset:
    """Protein signalling: ``extra["measurements"]`` (7,466 cells x 11 proteins), ``extra["edges"]`` (20 pairs).

    The edges are read from the text of the consensus graph, ``cause -> effect`` a line. Sachs, Perez, Pe'er,
    Lauffenburger and Nolan (2005), Causal Protein-Signaling Networks, Science 308.
    """
    measurements = pd.read_csv(file("sachs/sachs.2005.continuous.txt"), sep="\t")
    edges = _EDGE.findall(file("sachs/ground_truth.txt").read_text(encoding="utf-8"))
    return Dataset("sachs", extra={"measurements": measurements, "edges": edges}, about=about)


def holzinger(about: About, file: Locate) -> Dataset:
    """Nine ability tests x1 … x9 of 301 pupils: ``extra["scores"]``, with sex, age, school and grade.

    Holzinger and Swineford (1939); as distributed with lavaan, Rosseel (2012), Journal of Statistical Software 48(2).
    """
    scores = pd.read_csv(file("holzinger/HolzingerSwineford1939.csv"))
    return Dataset("holzinger", extra={"scores": scores}, about=about)
