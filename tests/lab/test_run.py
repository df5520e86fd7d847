"""Runs: a failure stops nothing, a killed run goes on where it stopped, nothing finished is run again."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from causalrec_lab.lab.cli import app
from causalrec_lab.lab.run import known_parameters, run_notebooks
from causalrec_lab.lab.status import ChapterStatus, build_folder, fingerprint, make_rule, plain_error

WAIT = "from pathlib import Path\nimport time\nwhile not Path('go').exists():\n    time.sleep(0.05)"


def test_a_failed_chapter_stops_no_other_and_is_told(write_chapter: Callable[..., Path], project: Path) -> None:
    write_chapter("00_bad", "raise ValueError('overlap is empty <b>')")
    write_chapter(
        "01_good", "lab.headline('effect', 0.5, 0.4)", "from pathlib import Path\nassert Path('00_bad.ipynb').exists()"
    )
    here = Path.cwd()
    done = CliRunner().invoke(app, ["run", "--profile", "smoke", "-p", "seed=11"])
    assert done.exit_code == 1
    assert "failed: 00_bad" in done.output
    assert Path.cwd() == here
    bad, good = (ChapterStatus.read("smoke", name) for name in ("00_bad", "01_good"))
    assert bad is not None
    assert not bad.ok
    assert (bad.error["name"], bad.error["value"]) == ("ValueError", "overlap is empty <b>")
    assert good is not None
    assert good.ok
    assert good.findings["headline"]["truth"] == 0.4
    assert good.findings["parameters"]["seed"] == 11
    assert "causalrec_lab/lab/findings.py" in good.sources
    assert "overlap is empty &lt;b&gt;" in (project / "reports/smoke/index.html").read_text()
    assert {path.name for path in build_folder("smoke").glob("*.ipynb")} == {"00_bad.failed.ipynb", "01_good.ipynb"}


def test_a_killed_run_goes_on_after_the_last_finished_chapter(
    write_chapter: Callable[..., Path], project: Path
) -> None:
    write_chapter("00_first")
    write_chapter("01_second", WAIT)
    command = [sys.executable, "-c", "from causalrec_lab.lab.cli import app; app()"]
    command += ["run", "--profile", "smoke", "--jobs", "1"]
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL) as running:
        while running.poll() is None and not (build_folder("smoke") / "01_second.partial.ipynb").exists():
            time.sleep(0.05)
        running.kill()
    first = ChapterStatus.read("smoke", "00_first")
    assert first is not None
    assert ChapterStatus.read("smoke", "01_second") is None
    assert not (build_folder("smoke") / "01_second.ipynb").exists()
    executed = first.notebook.read_bytes()
    (project / "notebooks" / "go").touch()
    again = run_notebooks(profile="smoke")
    assert [status.ok for status in again] == [True, True]
    assert again[0] == first
    assert first.notebook.read_bytes() == executed
    assert not list(build_folder("smoke").glob("*.partial.ipynb"))


def test_parameters_are_those_of_the_tagged_cell(write_chapter: Callable[..., Path]) -> None:
    write_chapter("00_first", "other = 1")
    assert known_parameters("00_first") == {"profile", "seed", "data"}


def test_an_unknown_parameter_is_an_error_before_anything_runs(write_chapter: Callable[..., Path]) -> None:
    write_chapter("00_first")
    done = CliRunner().invoke(app, ["run", "00", "-p", "sede=3"])
    assert done.exit_code == 2
    assert "unknown parameter of chapter 00_first: 'sede': did you mean 'seed'?" in done.output
    assert not build_folder("full").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "0_fist"], "unknown chapter '0_fist': did you mean '00_first'?"),
        (["run", "--profile", "smoek"], "unknown profile 'smoek': did you mean 'smoke'?"),
        (["run", "-p", "seed"], "'seed' is not of the form name=value"),
        (["data", "where", "caot"], "did you mean 'coat'"),
        (["bench", "speed"], "unknown benchmark 'speed'"),
        (["run", "00", "-p", "data=postgres://u:s3ntinel@h/d"], "keep (postgres://u:***@h/d); leave it out"),
        (["data", "check", "nowhere.csv"], "there is no such file"),
        (["data", "check", "log.csv", "-m", "user_id"], "'user_id' is not of the form name=column"),
    ],
)
def test_wrong_words_are_told_in_one_line(
    write_chapter: Callable[..., Path], arguments: list[str], message: str
) -> None:
    write_chapter("00_first")
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())
    assert "Traceback" not in done.output


def test_a_status_is_current_until_something_it_depends_on_changes(
    write_chapter: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_chapter("00_first")
    sources = ("causalrec_lab/estimate.py",)
    build_folder("smoke").mkdir(parents=True)
    (build_folder("smoke") / "00_first.ipynb").write_text("{}")
    mark = fingerprint("00_first", {"seed": 1}, sources)
    blank = {"parameters": {}, "seconds": 1.0, "begun": "", "git": {}, "error": {}}
    status = ChapterStatus(chapter="00_first", profile="smoke", ok=True, sources=sources, fingerprint=mark, **blank)  # type: ignore[arg-type]
    assert status.is_current({"seed": 1})
    assert not status.is_current({"seed": 2})
    monkeypatch.setenv("CAUSALREC_DATA_MIRROR", "elsewhere")
    assert not status.is_current({"seed": 1})
    monkeypatch.delenv("CAUSALREC_DATA_MIRROR")
    path.write_text(path.read_text() + " ")
    assert not status.is_current({"seed": 1})


def test_a_status_comes_back_and_a_damaged_one_counts_as_none(write_chapter: Callable[..., Path]) -> None:
    write_chapter("00_first")
    build_folder("smoke").mkdir(parents=True)
    blank = {"parameters": {"seed": 1}, "seconds": 1.5, "begun": "b", "git": {"dirty": None}, "error": {}}
    status = ChapterStatus(chapter="00_first", profile="smoke", ok=True, sources=("a.py",), **blank)  # type: ignore[arg-type]
    status.write()
    assert ChapterStatus.read("smoke", "00_first") == status
    path = build_folder("smoke") / "00_first.status.json"
    path.write_text(path.read_text()[:40])
    assert ChapterStatus.read("smoke", "00_first") is None


def test_make_s_rule_names_every_source_and_forgives_deleted_ones(project: Path) -> None:
    build_folder("smoke").mkdir(parents=True)
    make_rule("smoke", "00_first", ["causalrec_lab/a.py", "causalrec_lab/b.py"])
    lines = (build_folder("smoke") / "00_first.d").read_text().splitlines()
    assert lines[0] == "build/smoke/00_first.ipynb: causalrec_lab/a.py causalrec_lab/b.py"
    assert set(lines[1:]) == {"causalrec_lab/a.py:", "causalrec_lab/b.py:"}


def test_an_error_is_kept_as_plain_text_without_folders(project: Path) -> None:
    text = f"\x1b[31mValueError\x1b[0m in {project}/notebooks/x.ipynb and /home/me/venv/lib/y.py"
    error = plain_error("ValueError", "bad", [text], "x")
    assert error["traceback"] == "ValueError in notebooks/x.ipynb and (a folder)"
    assert json.dumps(error)


def test_a_table_of_one_s_own_is_judged_in_the_terminal(tmp_path: Path) -> None:
    rows = ["customer,item_id,timestamp,event"] + [f"{i % 7},{i % 5},{i},view" for i in range(40)]
    rows[9] = ",1,8,view"
    (tmp_path / "log.csv").write_text("\n".join(rows))
    command = ["data", "check", str(tmp_path / "log.csv"), "-m", "user_id=customer"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    assert "40 rows read as events, 39 keep the contract" in done.output
    assert "1 x user_id is missing (first at row 8)" in done.output
    assert " threatens " in done.output
    del rows[9]
    (tmp_path / "log.csv").write_text("\n".join(rows))
    assert (
        CliRunner().invoke(app, ["data", "check", str(tmp_path / "log.csv"), "-m", "user_id=customer"]).exit_code == 0
    )
