"""What loaders and the platform return says what it is, and does not let data into its HTML."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pandas as pd
import pytest

from causalrec_lab import data


def test_a_dataset_is_frozen_lists_its_tables_and_escapes_its_names():
    about = data.About(title="<script>x</script>", licence="CC0")
    toy = data.Dataset("toy", items=pd.DataFrame({"<i>": [1]}), extra={"edges": []}, about=about)
    assert list(toy.tables) == ["items"]
    assert repr(toy) == "Dataset('toy': items 1 x 1; extra: edges)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        toy.items = None
    with pytest.raises(TypeError):
        toy.extra["edges"] = [1]
    for text in (toy._repr_html_(), about._repr_html_()):
        assert "<script>" not in text
    assert "&lt;i&gt;" in toy._repr_html_()


def test_unknown_names_of_the_room_are_attribute_errors_that_list_what_there_is():
    with pytest.raises(AttributeError, match="quality_report"):
        data.qualityreport  # noqa: B018
    assert all(hasattr(data, name) for name in data.__all__)


def test_the_room_opens_without_heavy_imports():
    code = (
        "import sys; from causalrec_lab import data; [getattr(data, name) for name in data.__all__]; "
        "heavy = {'ibis', 'duckdb', 'pandera', 'sklearn', 'scipy', 'matplotlib', 'pooch', 'torch'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
