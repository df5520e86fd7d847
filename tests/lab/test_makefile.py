"""The Makefile decides what is run again; the command line is a stub that notes how it was called."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUB = """#!/usr/bin/env bash
echo "$*" >> calls
[ "$1" = run ] && for name in "${@:2}"; do case $name in [0-9]*|case_*|own)
  [ -e "fail-$name" ] || {
  target=build/full/$name.ipynb; touch "$target"
    echo "$target: causalrec_lab/$name.py" > "build/full/$name.d"; };; esac; done
mkdir -p reports && touch reports/index.html
! ls fail-* 2>/dev/null
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for folder in (".venv/bin", "notebooks", "causalrec_lab/lab/report"):
        (tmp_path / folder).mkdir(parents=True)
    for name in (
        "pyproject.toml",
        "requirements.lock",
        "notebooks/00_a.ipynb",
        "notebooks/01_b.ipynb",
        "notebooks/draft.ipynb",
    ):
        (tmp_path / name).touch()
    for name in ("causalrec_lab/00_a.py", "causalrec_lab/01_b.py", "causalrec_lab/lab/report/page.py", ".venv/.ready"):
        (tmp_path / name).touch()
    stub = tmp_path / ".venv/bin/causalrec"
    stub.write_text(STUB)
    stub.chmod(0o755)
    return tmp_path


def clean() -> dict[str, str]:
    """The environment without what a make above this one, or the reader, has set."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "CAUSALREC", "EXTRAS"))}


def make(folder: Path, *arguments: str, **environment: str) -> tuple[int, list[str]]:
    """Exit code of make, and how the command line was called meanwhile."""
    calls = folder / "calls"
    calls.unlink(missing_ok=True)
    done = subprocess.run(
        ["make", "-s", *arguments], cwd=folder, env=clean() | environment, capture_output=True, text=True
    )
    return done.returncode, calls.read_text().splitlines() if calls.exists() else []


def newer(path: Path) -> None:
    """Give a file a time after everything in its checkout, whatever the file system's resolution."""
    later = max(found.stat().st_mtime for found in path.parents[1].rglob("*") if found.is_file()) + 10
    os.utime(path, (later, later))


def with_cases(folder: Path, *names: str) -> None:
    """The case study, further cases, and a library file for each of their runs."""
    (folder / "notebooks/cases").mkdir()
    for name in ("case_study", *names):
        (folder / f"notebooks/cases/{name}.ipynb").touch()
    for name in ("case_ecommerce", "case_music", "case_news", "case_video", *names):
        (folder / f"causalrec_lab/{name}.py").touch()


def test_help_is_the_default_and_names_every_task(checkout: Path) -> None:
    text = subprocess.run(["make"], cwd=checkout, capture_output=True, text=True, check=True).stdout
    for task in ("setup", "lab", "reports", "test", "test-notebooks", "lint", "bench", "data", "clean"):
        assert f"\n  {task} " in text


def test_a_dry_run_tells_what_is_due_and_changes_nothing(checkout: Path) -> None:
    def due(*arguments: str) -> str:
        command = ["make", "-n", "reports", *arguments]
        return subprocess.run(command, cwd=checkout, env=clean(), capture_output=True, text=True, check=True).stdout

    assert "00_a >> build/full/todo" in due()
    assert not (checkout / "build").exists()
    make(checkout, "reports")
    assert "todo" not in due()
    assert "00_a >> build/full/todo" in due("PARAMETERS=-p seed=8")
    assert make(checkout, "reports") == (0, [])
    quoted = 'PARAMETERS=-p name="a b"'
    make(checkout, "reports", quoted)
    assert "todo" not in due(quoted)
    make(checkout, "reports")
    newer(checkout / "notebooks/01_b.ipynb")
    assert "00_a >>" not in due()
    assert "01_b >> build/full/todo" in due()


def test_the_first_call_runs_every_chapter_in_one_process_and_the_second_nothing(checkout: Path) -> None:
    assert make(checkout, "reports") == (0, ["run 00_a 01_b --profile full --force"])
    assert make(checkout, "reports") == (0, [])


def test_only_the_chapter_whose_source_changed_is_run(checkout: Path) -> None:
    make(checkout, "reports")
    newer(checkout / "causalrec_lab" / "01_b.py")
    assert make(checkout, "reports") == (0, ["run 01_b --profile full --force"])


def test_the_notebooks_of_solutions_are_compared_too(checkout: Path) -> None:
    solutions = checkout / "notebooks" / "solutions"
    solutions.mkdir()
    for name in ("00_a_solutions.ipynb", "draft.ipynb"):
        (solutions / name).touch()
    done = subprocess.run(["make", "-n", "test-notebooks"], cwd=checkout, capture_output=True, text=True, check=True)
    words = [word for word in done.stdout.split() if word.endswith(".ipynb")]
    assert words == ["notebooks/00_a.ipynb", "notebooks/01_b.ipynb", "notebooks/solutions/00_a_solutions.ipynb"]


def test_a_changed_notebook_is_run(checkout: Path) -> None:
    make(checkout, "reports")
    newer(checkout / "notebooks" / "00_a.ipynb")
    assert make(checkout, "reports") == (0, ["run 00_a --profile full --force"])


def test_a_deleted_source_is_no_error(checkout: Path) -> None:
    make(checkout, "reports")
    with (checkout / "build/full/00_a.d").open("a") as rules:
        rules.write("causalrec_lab/00_a.py:\n")
    (checkout / "causalrec_lab/00_a.py").unlink()
    assert make(checkout, "reports") == (0, ["run 00_a --profile full --force"])


def test_a_changed_page_only_builds_the_report(checkout: Path) -> None:
    make(checkout, "reports")
    newer(checkout / "causalrec_lab/lab/report/page.py")
    assert make(checkout, "reports") == (0, ["report --profile full"])


def test_other_parameters_and_another_mirror_run_everything(checkout: Path) -> None:
    make(checkout, "reports")
    ran = "run 00_a 01_b --profile full --force"
    assert make(checkout, "reports", "PARAMETERS=-p seed=8") == (0, [f"{ran} -p seed=8"])
    assert make(checkout, "reports", CAUSALREC_DATA_MIRROR="mirror") == (0, [ran])
    assert make(checkout, "reports", CAUSALREC_DATA_MIRROR=str(checkout / "mirror")) == (
        0,
        [],
    )  # the same, made absolute


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("notebooks/cases/own.ipynb", "own"),
        ("notebooks/cases/case_study.ipynb", "case_ecommerce case_music case_video"),
        ("causalrec_lab/case_music.py", "case_music"),
    ],
)
def test_cases_follow_the_chapters_and_only_what_changed_is_run(checkout: Path, changed: str, again: str) -> None:
    with_cases(checkout, "own")
    ran = "run 00_a 01_b case_ecommerce case_music case_video own --profile full --force"
    assert make(checkout, "reports") == (0, [ran])
    assert make(checkout, "reports") == (0, [])
    newer(checkout / changed)
    assert make(checkout, "reports") == (0, [f"run {again} --profile full --force"])


def test_a_further_scenario_that_was_run_stays_in_the_report(checkout: Path) -> None:
    with_cases(checkout)
    make(checkout, "reports")
    for end in ("status.json", "ipynb"):
        (checkout / f"build/full/case_news.{end}").touch()
    newer(checkout / "notebooks/cases/case_study.ipynb")
    ran = "run case_ecommerce case_music case_news case_video --profile full --force"
    assert make(checkout, "reports") == (0, [ran])


def test_a_failed_chapter_fails_the_call_and_is_run_again(checkout: Path) -> None:
    (checkout / "fail-01_b").touch()
    code, calls = make(checkout, "reports")
    assert code != 0
    assert calls == ["run 00_a 01_b --profile full --force"]
    (checkout / "fail-01_b").unlink()
    assert make(checkout, "reports") == (0, ["run 01_b --profile full --force"])
