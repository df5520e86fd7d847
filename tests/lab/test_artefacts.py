import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import Estimate, Truth
from causalrec_lab.lab import artefacts
from causalrec_lab.lab.artefacts import load, save, write_whole
from causalrec_lab.lab.session import Session


def test_a_frame_comes_back_as_it_was(chapter: Session) -> None:
    frame = pd.DataFrame(
        {"user": [1, 2], "text": ["a", None], "seen": pd.to_datetime(["2026-01-01", None])}, index=["x", "y"]
    )
    save("decisions", frame)
    pd.testing.assert_frame_equal(load("decisions"), frame)


def test_a_series_comes_back_as_it_was(chapter: Session) -> None:
    series = pd.Series([0.5, 1.5], index=[3, 4], name="effect")
    save("effects", series)
    pd.testing.assert_series_equal(load("effects"), series)


def test_arrays_come_back_with_type_and_shape(chapter: Session) -> None:
    arrays = {"embeddings": np.arange(6, dtype=np.float32).reshape(2, 3).T, "ids": np.array([3, 1, 2])}
    assert save("vectors", arrays).suffix == ".safetensors"
    found = load("vectors")
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    save("one", np.eye(2))
    np.testing.assert_array_equal(load("one"), np.eye(2))


def test_estimates_come_back_from_within_plain_values(chapter: Session) -> None:
    estimate = Estimate(0.1, 0.02, method="AIPW", n=9, diagnostics={"ess": 4.0}, notes=("a note",))
    nothing = Estimate(0.1, float("nan"), notes=("no standard error: one cluster",))
    save("results", {"all": [estimate, nothing], "truth": Truth(0.11, 0.001), "n": np.int64(3), "name": "推荐"})
    found = load("results")
    assert found["all"][0] == estimate
    assert np.isnan(found["all"][1].std_error)
    assert (found["truth"], found["n"], found["name"]) == (Truth(0.11, 0.001), 3, "推荐")


def test_what_would_need_pickle_is_refused(chapter: Session) -> None:
    with pytest.raises(TypeError, match="cannot save a set; give a DataFrame"):
        save("thing", {"a": {1, 2}})


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "..\\b"])
def test_a_name_is_a_plain_word(chapter: Session, name: str) -> None:
    with pytest.raises(ValueError, match="give a plain name"):
        save(name, 1)


def test_the_sidecar_says_who_from_what(chapter: Session, project: Path) -> None:
    save("first", [1])
    load("first")
    save("second", [2])
    sidecar = json.loads((project / "artifacts/smoke/01_one.second.meta.json").read_text())
    assert sidecar["producer"] == "01_one"
    assert sidecar["parameters"] == {"profile": "smoke", "seed": 7, "data": "platform"}
    first = json.loads((project / "artifacts/smoke/01_one.first.meta.json").read_text())
    assert sidecar["inputs"] == {"01_one.first": first["sha256"]}
    assert sidecar["library_digest"] == artefacts.library_digest()


def test_another_chapter_s_artefact_is_found_by_its_name(chapter: Session) -> None:
    save("decisions", [1, 2])
    chapter.chapter = "02_two"
    assert load("01_one.decisions") == [1, 2]


def test_a_missing_artefact_is_made_saved_and_told(chapter: Session, caplog: pytest.LogCaptureFixture) -> None:
    chapter.chapter = "02_two"
    with caplog.at_level("INFO", logger="causalrec_lab"):
        assert load("01_one.decisions", make=lambda: [5]) == [5]
    assert "01_one.decisions: not there yet, so it is made here." in caplog.text
    assert load("01_one.decisions", make=lambda: pytest.fail("made twice")) == [5]


def test_a_missing_artefact_without_a_way_to_make_it_offers_names(chapter: Session) -> None:
    save("decisions", [1])
    with pytest.raises(FileNotFoundError, match=r"did you mean '01_one\.decisions'.*not there yet; run its chapter"):
        load("01_one.decision")


def test_a_cut_off_file_is_not_believed(chapter: Session) -> None:
    path = save("decisions", pd.DataFrame({"a": range(100)}))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(FileNotFoundError, match="its content is not what its sidecar says"):
        load("decisions")
    assert load("decisions", make=lambda: "made again") == "made again"


def test_a_damaged_sidecar_is_not_believed(chapter: Session, project: Path) -> None:
    save("decisions", [1])
    (project / "artifacts/smoke/01_one.decisions.meta.json").write_text('{"file": ')
    assert load("decisions", make=lambda: [2]) == [2]


def test_other_parameters_make_it_anew(chapter: Session) -> None:
    save("decisions", [7])
    chapter.seed = 8
    assert load("decisions", make=lambda: [8]) == [8]


def test_another_state_of_the_library_makes_it_anew(chapter: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    save("decisions", ["old"])
    monkeypatch.setattr(artefacts, "library_digest", lambda: "another")
    assert load("decisions", make=lambda: ["new"]) == ["new"]


def test_saving_as_another_type_leaves_no_old_file(chapter: Session, project: Path) -> None:
    save("thing", [1])
    save("thing", np.eye(1))
    assert not (project / "artifacts/smoke/01_one.thing.json").exists()


def test_a_write_that_fails_leaves_the_old_content_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert path.read_bytes() == b"old"
