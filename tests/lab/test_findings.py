import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import Estimate, Truth, data
from causalrec_lab.lab import findings
from causalrec_lab.lab.session import Session


def told(project: Path) -> dict[str, Any]:
    return json.loads((project / "artifacts/smoke/01_one.findings.json").read_text())  # type: ignore[no-any-return]


def test_a_headline_keeps_interval_and_truth(chapter: Session, project: Path) -> None:
    findings.headline("effect", Estimate(0.1, 0.01, level=0.9, method="AIPW"), Truth(0.11, 0.002))
    row = told(project)["headline"]
    assert (row["label"], row["value"], row["level"], row["truth"], row["truth_std_error"]) == (
        "effect",
        0.1,
        0.9,
        0.11,
        0.002,
    )
    assert row["low"] == pytest.approx(0.1 - 1.6448536269514722 * 0.01)


def test_a_bare_number_has_no_interval(chapter: Session, project: Path) -> None:
    findings.headline("NDCG@10", 0.17)
    assert told(project)["headline"] == {"label": "NDCG@10", "value": 0.17, "low": None, "high": None, "truth": None}


def test_a_decision_is_taken_from_a_frame_or_from_rows(chapter: Session, project: Path) -> None:
    rows = [
        {"intervention": "none", "estimate": 0.0, "cost": np.float64(0.5)},
        {"intervention": "rank by effect", "estimate": Estimate(0.2, 0.05), "truth": Truth(0.18), "chosen": np.True_},
    ]
    findings.decision(rows)
    from_rows = told(project)["decision"]
    findings.decision(pd.DataFrame(rows).astype(object).where(lambda frame: frame.notna(), None))
    assert from_rows[1]["truth"] == 0.18
    assert from_rows[1]["chosen"] is True
    assert [row["value"] for row in told(project)["decision"]] == [row["value"] for row in from_rows] == [0.0, 0.2]


@pytest.mark.parametrize(
    ("rows", "message"),
    [([], "got no row"), ([{"intervention": "none"}], r"row 0 lacks \['estimate'\]; it has \['intervention'\]")],
)
def test_a_decision_without_its_parts_is_refused(chapter: Session, rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        findings.decision(rows)


def test_missing_real_data_is_told_marked_and_goes_on(
    chapter: Session, project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def absent(name: str, **_: object) -> None:
        raise data.DataUnavailable(
            f"data set {name!r} is unavailable: a/b.csv was not found. Tried: mirror (/home/me/data/x)"
        )

    monkeypatch.setattr(data, "load", absent, raising=False)
    with caplog.at_level("INFO", logger="causalrec_lab"):
        assert findings.real_data("coat") is None
    assert "coat cannot be had here" in caplog.text
    assert "/home/me" not in caplog.text
    monkeypatch.setattr(data, "load", lambda name, **_: name, raising=False)
    assert findings.real_data("sachs") == "sachs"
    assert told(project)["real_data"] == {"coat": False, "sachs": True}


def test_a_misspelt_data_set_is_an_error_not_a_missing_one(chapter: Session) -> None:
    with pytest.raises(ValueError, match="did you mean 'coat'"):
        findings.real_data("caot")


def test_start_forgets_the_last_run(chapter: Session, project: Path) -> None:
    findings.headline("old", 1.0)
    findings.forget()
    assert told(project) == {"parameters": {"profile": "smoke", "seed": 7, "data": "platform"}}
