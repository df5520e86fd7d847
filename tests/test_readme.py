"""The README's code runs and says what its prose says."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(block: str, names: dict | None = None) -> dict:
    names = {} if names is None else names
    exec(compile(block, "README.md", "exec"), names)  # the README's own code, as a reader would run it
    return names


def test_neither_estimate_covers_under_a_hidden_confounder(capsys: pytest.CaptureFixture[str]) -> None:
    names = run(BLOCKS[0])
    table = names["compare"]({"n": names["naive"], "t": names["tables"]}, names["shop"].truth.ate("click"))
    assert not table["covered"].any()
    assert "adjusted for the tables" in capsys.readouterr().out


def test_own_log_is_read_and_judged() -> None:
    names = run(BLOCKS[1])
    assert len(names["own"].decisions) > 0
    assert len(names["report"].findings) > 0
    assert set(names["own"].decisions["treated"]) == {0, 1}


def test_the_twin_of_the_own_log_is_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    names = run(BLOCKS[2], run(BLOCKS[1]))
    table = names["likeness"](names["own"], names["twin"], outcome="click").table.set_index("statistic")
    assert table["matched"]["share treated"] == "yes"
    assert table["matched"]["hidden confounding"] == "cannot be known"
    assert "share treated" in capsys.readouterr().out


def test_every_block_is_run_and_every_link_leads_somewhere() -> None:
    assert len(BLOCKS) == 3
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert targets
    assert not [target for target in targets if not (ROOT / target).exists()]


def test_the_validity_table_is_the_stored_one() -> None:
    stored = json.loads((ROOT / "benchmarks" / "results" / "validity.json").read_text(encoding="utf-8"))
    kept = {(row["estimator"], row["condition"]): f"{100 * row['coverage']:.0f} %" for row in stored["rows"]}
    section = README.split("## Which estimator holds where")[1].split("\n## ")[0]
    assert stored["command"] in section
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    _, *conditions = ["", *lines[0]]
    shown = {(name, c): cell for name, *cells in lines[1:] for c, cell in zip(conditions, cells, strict=False) if cell}
    assert len(shown) > 40
    assert {key: kept[key] for key in shown} == shown
