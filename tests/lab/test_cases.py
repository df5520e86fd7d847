"""Cases: one notebook run once a scenario, and notebooks of one's own beside it."""

import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from causalrec_lab.lab.cli import app
from causalrec_lab.lab.project import UnknownNameError, cases, notebook_path, run_names, scenario_of
from causalrec_lab.lab.report.build import build_report
from causalrec_lab.lab.run import known_parameters, run_notebooks
from causalrec_lab.lab.status import ChapterStatus

PARAMETERS = 'profile = "smoke"\nseed = 7\ndata = "platform"'
START = "from causalrec_lab import lab\nlab.start({name}, profile=profile, seed=seed, data=data)"
STUDY = """
assert scenario != "video", "no film today"
lab.headline("gain of a nudge", 0.5, 0.4)
lab.save("verdict", {"scenario": scenario})
lab.decision([{"intervention": f"nudge of {scenario}", "estimate": 0.5, "truth": 0.4, "chosen": True}])
"""
DECIDED = "lab.decision([{'intervention': 'course', 'estimate': 1.0, 'chosen': True}])"


@pytest.fixture
def write_case(project: Path) -> Callable[..., Path]:
    """Write a notebook of `notebooks/cases/`."""

    def write(name: str, *sources: str, start: str = "", parameters: str = "") -> Path:
        cells = [new_markdown_cell(f"# {name}\n\n**Worth it?** See [the course](../01_one.ipynb).")]
        cells.append(new_code_cell(f"{PARAMETERS}\n{parameters}", metadata={"tags": ["parameters"]}))
        cells += [new_code_cell(source) for source in (START.format(name=start or repr(name)), *sources)]
        path = project / "notebooks" / "cases" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(new_notebook(cells=cells), path)
        return path

    return write


@pytest.fixture
def study(write_case: Callable[..., Path], write_chapter: Callable[..., Path]) -> Path:
    """A project with one chapter, the case study and a case of one's own."""
    write_chapter("01_one", DECIDED, text="Then [a case](cases/case_study.ipynb).")
    write_case("our_shop")
    return write_case("case_study", STUDY, start='f"case_{scenario}"', parameters='scenario = "ecommerce"')


def test_cases_are_the_study_s_scenarios_then_the_other_notebooks(study: Path) -> None:
    assert cases() == ("case_ecommerce", "case_music", "case_video", "our_shop")
    assert [scenario_of(name) for name in ("case_news", "our_shop", "01_one")] == ["news", None, None]
    assert {notebook_path(name) for name in ("case_music", "case_study", "cases/case_study.ipynb")} == {study}


def test_without_cases_nothing_changes(write_chapter: Callable[..., Path]) -> None:
    write_chapter("01_one")
    assert cases() == ()
    with pytest.raises(UnknownNameError, match="unknown chapter 'case_music'"):
        run_names("case_music")


@pytest.mark.parametrize(
    ("asked", "scenario", "meant"),
    [
        ("case_music", None, ("case_music",)),
        ("case_music", "music", ("case_music",)),
        ("cases/case_study", "video", ("case_video",)),
        ("notebooks/cases/case_study.ipynb", None, ("case_ecommerce", "case_music", "case_video")),
        ("cases/our_shop", None, ("our_shop",)),
        ("1", None, ("01_one",)),
    ],
)
def test_a_word_names_runs(study: Path, asked: str, scenario: str | None, meant: tuple[str, ...]) -> None:
    assert run_names(asked, scenario) == meant


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cases/case_study", "-p", "scenario=musik"], "unknown scenario 'musik': did you mean 'music'?"),
        (["case_vidoe"], "unknown scenario 'vidoe': did you mean 'video'?"),
        (["case_music", "-p", "scenario=newz"], "unknown scenario 'newz': did you mean 'news'?"),
        (["cases/case_studdy"], "unknown case 'case_studdy': did you mean 'case_study'"),
        (["our_shpo"], "unknown chapter or case 'our_shpo': did you mean 'our_shop'?"),
        (["case_music", "-p", "scenario=video"], "case_music is of scenario 'music', not 'video'; run case_video"),
        (["our_shop", "-p", "scenario=video"], "unknown parameter of case our_shop: 'scenario'"),
    ],
)
def test_wrong_words_are_told_before_anything_runs(
    study: Path, project: Path, arguments: list[str], message: str
) -> None:
    done = CliRunner().invoke(app, ["run", *arguments])
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())
    assert not (project / "build").exists()


def test_parameters_assigned_together_are_parameters(write_case: Callable[..., Path]) -> None:
    write_case("our_shop", parameters="people, (items, [rows]) = 3, (2, [1])\nscale: float = 1.0\nwhole = people")
    assert known_parameters("our_shop") == {
        "profile", "seed", "data", "people", "items", "rows", "scale", "whole"
    }  # fmt: skip


def test_a_failed_case_stops_no_other_and_the_report_shows_all(study: Path, project: Path) -> None:
    statuses = {status.chapter: status for status in run_notebooks(profile="smoke", parameters={"seed": 3})}
    assert [name for name, status in statuses.items() if not status.ok] == ["case_video"]
    assert statuses["case_music"].parameters == {"seed": 3, "scenario": "music"}
    kept = json.loads((project / "artifacts/smoke/case_music.verdict.json").read_text())
    assert kept == {"scenario": "music"}
    folder = build_report("smoke").parent
    assert {path.stem for path in folder.glob("case_*.html")} == {"case_ecommerce", "case_music", "case_video"}
    texts = {path.stem: path.read_text() for path in folder.glob("*.html")}
    assert "<h2>Cases</h2>" in texts["index"]
    assert "case_study: music" in texts["index"]
    assert "scenario music" in texts["case_music"]
    assert "no film today" in texts["index"]
    assert "seed = 3, scenario = music" in texts["manifest"]
    assert '<a href="case_ecommerce.html">a case</a>' in texts["01_one"]
    assert '<a href="01_one.html">the course</a>' in texts["case_music"]
    taken = [texts["decision"].find(f"Take: {what}") for what in ("course", "nudge of ecommerce", "nudge of music")]
    assert 0 < taken[0] < taken[1] < taken[2]


def test_a_further_scenario_gets_a_page_and_is_kept_where_nothing_changed(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from causalrec_lab.world.scenarios import presets

    monkeypatch.setattr(presets, "SCENARIOS", {**presets.SCENARIOS, "radio": None})
    write = study.read_text().replace("case_{scenario}", "case_video").replace('!= \\"video\\"', '!= \\"film\\"')
    study.write_text(write)  # the kernel knows no radio: its artefacts stand under another name
    [status] = run_notebooks(["cases/case_study"], "smoke", {"scenario": "radio"})
    assert (status.chapter, status.ok) == ("case_radio", True)
    assert (build_report("smoke").parent / "case_radio.html").exists()
    assert run_notebooks(["case_radio"], "smoke") == [status]
    assert ChapterStatus.read("smoke", "case_radio") == status
