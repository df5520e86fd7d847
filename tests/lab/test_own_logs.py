"""A log of one's own is read under the lab's names, and what it cannot be used for is said."""

from pathlib import Path

import pandas as pd
import pytest

from causalrec_lab.lab.own_logs import own_log

NAMES = {"user_id": "who", "item_id": "what", "timestamp": "when", "treated": "shown"}
ASKED = {"treatment": "shown", "outcome": "bought", "covariates": ["score"]}


@pytest.fixture
def log(project: Path) -> pd.DataFrame:
    """Ten decisions, written into the project's folder."""
    frame = pd.DataFrame({"who": range(10), "what": [1, 2] * 5, "when": range(10), "shown": [0, 1] * 5})
    frame = frame.assign(bought=[0, 0, 1, 1, 0] * 2, score=[0.5, 1.5] * 5, said="fine", same=1, gone=[None, *range(9)])
    frame = frame.assign(endless=[0, 1, 2, float("inf"), *range(6)], empty=None, half=["good", *[None] * 9])
    frame["when"] = pd.date_range("2026-01-01", periods=10)
    frame.to_csv(project / "log.csv", index=False)
    return frame


def test_columns_are_found_under_either_name(log: pd.DataFrame) -> None:
    own = own_log("log.csv", NAMES, **ASKED, text="said")  # type: ignore[arg-type]
    assert (own.treatment, own.outcome, own.covariates, own.text) == ("treated", "bought", ("score",), "said")
    assert own.decisions["treated"].tolist() == log["shown"].tolist()
    assert own.cluster == ["item_id"]
    assert own_log("log.csv", NAMES, "treated", "bought", ["score"]).treatment == "treated"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"outcome": "bougt"}, r"unknown column 'bougt': did you mean 'bought'.*parameter 'outcome'.*`mapping`"),
        ({"covariates": ["scores"]}, r"did you mean 'score'.*parameter 'covariates'"),
        ({"text": "sad"}, r"did you mean 'said'.*parameter 'text'"),
        ({"treatment": "score"}, r"treatment 'score' holds \['0.5', '1.5'\]; it must be 0 and 1"),
        ({"treatment": "same"}, r"holds \['1'\]; it must be 0 and 1 with rows of both"),
        ({"outcome": "said"}, r"outcome 'said' holds 'fine', no numbers"),
        ({"outcome": "same"}, r"outcome 'same' is .* in every row"),
        ({"covariates": ["gone"]}, r"covariate 'gone' has 1 gap in 10 rows"),
        ({"covariates": []}, r"covariates=\[\]: name the columns that decided what was shown"),
        ({"covariates": ["bought"]}, r"'bought' is the treatment or the outcome"),
        ({"covariates": "score"}, r"covariates='score' is one word; give a list of columns: \['score'\]"),
        ({"covariates": ["score", "score"]}, r"'score' stands twice"),
        ({"covariates": ["score", "who"]}, r"'user_id' is a name or a time, no quantity"),
        (
            {"covariates": ["endless"]},
            r"covariate 'endless' has 1 value beyond all finite numbers, first at row 3: inf",
        ),
        ({"outcome": "endless"}, r"outcome 'endless' has 1 value beyond all finite numbers.*cap it"),
        ({"outcome": "shown"}, r"outcome 'treated' is the treatment; name what came of showing"),
        ({"outcome": "gone"}, r"outcome 'gone' has 1 gap in 10 rows"),
        ({"outcome": "empty"}, r"outcome 'empty' has 10 gaps in 10 rows"),
        ({"outcome": "same"}, r"outcome 'same' is 1 in every row"),
        ({"worth": 0.0}, r"worth=0.0: give what one unit more of the outcome is worth, a positive number"),
        ({"worth": float("nan")}, r"worth=nan: give a finite number"),
        ({"cost": -1}, r"cost=-1 is outside \[0, inf\]"),
        ({"base": "ecomerce"}, r"scenario 'ecomerce' is unknown; did you mean ecommerce"),
        ({"text": "score"}, r"text 'score' holds 0.5, no text; name another column, or text=None"),
        ({"text": "half"}, r"text 'half' has 9 gaps in 10 rows; write '' where nothing was said"),
    ],
)
def test_what_cannot_be_used_is_said(log: pd.DataFrame, changed: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        own_log("log.csv", NAMES, **{**ASKED, **changed})  # type: ignore[arg-type]


def test_a_file_that_is_not_there_is_told_by_its_parameter(project: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"path='nowhere.csv': the project's folder holds no such file"):
        own_log("nowhere.csv", NAMES, **ASKED)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [None, "", 3])
def test_a_path_is_text(project: Path, path: object) -> None:
    with pytest.raises(ValueError, match="give a file's path as text"):
        own_log(path, NAMES, **ASKED)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["the log of may.csv", "log [1].csv", "日志.csv"])
def test_a_file_s_name_may_be_any(log: pd.DataFrame, project: Path, name: str) -> None:
    folder = project / "my logs"
    folder.mkdir()
    log.to_csv(folder / name, index=False)
    assert len(own_log(f"my logs/{name}", NAMES, **ASKED).decisions) == 10  # type: ignore[arg-type]


def test_an_arm_of_a_few_rows_is_told(log: pd.DataFrame, project: Path) -> None:
    log.assign(shown=[1] * 4 + [0] * 6).to_csv(project / "log.csv", index=False)
    with pytest.raises(ValueError, match="'treated' is 1 in 4 of 10 rows; nothing is learnt from so few: bring 5 at"):
        own_log("log.csv", NAMES, **ASKED)  # type: ignore[arg-type]
