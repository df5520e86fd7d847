"""The README's code runs and says what its prose says; its Chinese twin says the same."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from causalrec_lab.lab.cli import app
from causalrec_lab.lab.course import reading_minutes

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(block: str, names: dict | None = None) -> dict:
    names = {} if names is None else names
    exec(compile(block, "README.md", "exec"), names)  # the README's own code, as a reader would run it
    return names


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def code(text: str) -> list[str]:
    """Blocks of code, without what a comment or the right column of the folders says."""
    blocks = re.findall(r"^```\w*\n.*?^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(r"(  +#.*|(?<=/)  +.*)$", "", block, flags=re.MULTILINE) for block in blocks]


def targets(text: str) -> list[str]:
    return [t for t in re.findall(r"\]\(([^)]+)\)", text) if not t.startswith(("#", "README"))]


def cells(text: str) -> list[list[str]]:
    """Cells of table rows, a row a list."""
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]


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


def test_each_student_gets_a_log_and_the_teacher_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run(BLOCKS[3])
    assert len({path.read_bytes() for path in tmp_path.glob("student_*.csv")}) == 3
    assert len(set(re.findall(r"value=(0\.\d+)", capsys.readouterr().out))) == 3


def test_every_block_is_run_and_every_link_leads_somewhere() -> None:
    assert len(BLOCKS) == 4
    local = [target.partition("#")[0] for target in targets(README) if not target.startswith("http")]
    assert len(local) > 15
    assert not [target for target in local if not (ROOT / target).exists()]


def test_every_chapter_stands_in_the_table_with_its_minutes() -> None:
    named = dict(re.findall(r"^\| \[[^]]+\]\((notebooks/[^)]+)\) .* (\d+) \|$", README, flags=re.MULTILINE))
    cases = [ROOT / "notebooks" / "cases" / f"{name}.ipynb" for name in ("case_study", "my_case")]
    notebooks = [*(ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"), *cases]
    minutes = {str(path.relative_to(ROOT)): reading_minutes(path) for path in notebooks}
    assert set(named) == set(minutes)
    assert {name: told for name, told in named.items() if abs(int(told) - minutes[name]) > 10} == {}  # "about"


def test_every_command_it_names_exists() -> None:
    typed = "\n".join([*code(README), *re.findall(r"`[^`]+`", prose(README))])
    commands = set(re.findall(r"causalrec ((?:data )?[a-z]+)", typed))
    assert {"run", "trust", "tune", "doctor", "data list", "data where", "data check"} <= commands
    for command in commands:
        assert CliRunner().invoke(app, [*command.split(), "--help"]).exit_code == 0, command
    tasks = set(re.findall(r"^`?make ([a-z]+)", typed, flags=re.MULTILINE))
    assert {"reports", "lab", "test", "docs", "wheel", "doctor"} <= tasks
    for task in tasks:
        assert subprocess.run(["make", "-n", task], cwd=ROOT, capture_output=True).returncode == 0, task


def test_the_validity_table_is_the_stored_one() -> None:
    stored = json.loads((ROOT / "benchmarks" / "results" / "validity.json").read_text(encoding="utf-8"))
    kept = {(row["estimator"], row["condition"]): f"{100 * row['coverage']:.0f} %" for row in stored["rows"]}
    section = README.split("## Which estimator holds where")[1].split("\n## ")[0]
    assert stored["command"] in section
    lines = cells(section)
    _, *conditions = ["", *lines[0]]
    shown = {(name, c): cell for name, *row in lines[1:] for c, cell in zip(conditions, row, strict=False) if cell}
    assert len(shown) > 40
    assert {key: kept[key] for key in shown} == shown


def test_the_chinese_readme_has_the_same_headings_code_commands_and_links() -> None:
    headings = [re.findall(r"^(#+) ", prose(text), flags=re.MULTILINE) for text in (README, CHINESE)]
    assert headings[0] == headings[1]
    assert code(CHINESE) == code(README)
    assert targets(CHINESE) == targets(README)
    spans = [sorted(re.sub(r"\s+", " ", one) for one in re.findall(r"`([^`]+)`", prose(t))) for t in (README, CHINESE)]
    assert spans[0] == spans[1]
    own = [f"(#{title})" for title in re.findall(r"^## (.+)$", CHINESE, flags=re.MULTILINE)]
    assert set(re.findall(r"\(#[^)]+\)", CHINESE)) <= set(own)


def test_the_chinese_readme_has_the_same_tables() -> None:
    english, chinese = cells(README), cells(CHINESE)
    assert [len(row) for row in chinese] == [len(row) for row in english]
    assert [re.findall(r"\b\d+ %|^\d+$|^M\d+$", " \n ".join(row), flags=re.MULTILINE) for row in chinese] == [
        re.findall(r"\b\d+ %|^\d+$|^M\d+$", " \n ".join(row), flags=re.MULTILINE) for row in english
    ]
