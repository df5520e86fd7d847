"""The case study runs for every scenario, and reads right in each; a log of one's own is read or refused in words."""

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from causalrec_lab.world.scenarios.presets import SCENARIOS

ROOT = Path(__file__).parents[2]
CASES = ROOT / "notebooks" / "cases"
TINY = {"n_users": 300, "n_items": 30, "n_log": 9_000, "n_effect": 3_000, "n_rounds": 2_000, "n_touches": 4_000}
FOREIGN = {"shop": "ecommerce", "song": "music", "film": "video", "listener": "music", "viewer": "video"}


def cells(path: Path, kind: str) -> list[Any]:
    notebook: Any = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What cells show as text, with a project of their own around them."""
    import IPython.display
    import matplotlib as mpl

    mpl.use("Agg")
    shutil.copytree(CASES, tmp_path / "notebooks" / "cases")
    shutil.copytree(ROOT / "data" / "sample", tmp_path / "data" / "sample")
    monkeypatch.setenv("CAUSALREC_HOME", str(tmp_path))
    shown: list[str] = []
    monkeypatch.setattr(IPython.display, "display", lambda *given: shown.extend(getattr(g, "data", "") for g in given))
    return shown


def run(path: Path, **parameters: Any) -> dict[str, Any]:
    """Run a notebook's cells in this process; what they assigned."""
    names: dict[str, Any] = {}
    for cell in cells(path, "code"):
        exec(compile(cell.source, cell.id, "exec"), names)
        if "parameters" in cell.metadata.get("tags", []):
            names.update(parameters)
    return names


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_case_study_runs_for_every_scenario(told: list[str], tmp_path: Path, scenario: str) -> None:
    names = run(CASES / "case_study.ipynb", scenario=scenario, visits=5, **TINY)
    world, final = SCENARIOS[scenario], names["final"]
    assert list(names["verdict"].index.sort_values()) == ["nudge", "ranking", "reason"]
    assert final["truth"].notna().all()
    assert (final["low"] < final["high"]).all()
    unknown = final.index.str.contains("by the experiment")
    reach = 1.6 * (final["high"] - final["low"])  # the half width is 1.96 errors: 6.3 of them
    assert (final["error"].abs() < reach)[unknown].all()
    text = "\n".join(told)
    assert world.case is not None
    assert world.case.goal in text
    assert f"with 300 {world.case.people} and 30 {world.case.items}." in text
    assert re.findall(r"-\d+%|\d{4,}%|[+-]0%", text) == []  # shares of noise, signs of nought
    assert not re.search(r"\bnan\b|None\b|\{\w", text)
    alien = [word for word, home in FOREIGN.items() if home != scenario and re.search(rf"\b{word}s?\b", text)]
    assert [word for word in alien if word not in str(world)] == []
    findings = (tmp_path / "artifacts/smoke" / f"case_{scenario}.findings.json").read_text()
    assert '"intervention": "today (change nothing)"' in findings


def test_the_prose_itself_names_no_domain() -> None:
    prose = "\n".join(cell.source for cell in cells(CASES / "case_study.ipynb", "markdown"))
    assert not re.search(r"\b(shops?|songs?|films?|listeners?|viewers?|buyers?|clicks?|purchases?)\b", prose)


def test_one_s_own_case_decides_no_more_than_it_knows(told: list[str], tmp_path: Path) -> None:
    names = run(CASES / "my_case.ipynb", replications=2)
    assert names["report"].best in names["report"].estimates
    assert "holds only if nothing that matters is missing" in "\n".join(told)
    findings = (tmp_path / "artifacts/smoke/my_case.findings.json").read_text()
    assert '"truth": null' in findings


def test_a_missing_column_is_told_with_the_way_out(told: list[str]) -> None:
    with pytest.raises(
        ValueError, match=r"unknown column 'clik': did you mean 'click'.*the parameter 'outcome' names it"
    ):
        run(CASES / "my_case.ipynb", outcome="clik")
