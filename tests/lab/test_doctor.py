from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from causalrec_lab.lab import doctor
from causalrec_lab.lab.cli import app


def test_every_finding_that_fails_says_the_way_out(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    monkeypatch.setattr(doctor.util, "find_spec", lambda _: None)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("CAUSALREC_DATA_MIRROR", str(tmp_path / "nowhere"))
    findings = {finding.what: finding for finding in doctor.examine()}
    assert list(findings) == [
        "python", "make", "disk", "memory", "threads", "bf16", "encoder", "data", "packages", "CJK font",
    ]  # fmt: skip
    assert all(finding.way_out for finding in findings.values() if not finding.ok)
    assert not findings["make"].ok
    assert "apt install make" in findings["make"].way_out
    assert not findings["encoder"].ok
    assert not findings["data"].ok
    assert str(tmp_path) not in findings["data"].found


def test_a_missing_need_is_told_by_the_exit_code(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [doctor.Finding("bf16", ok=False, found="none", way_out="slower", needed=False)]
    monkeypatch.setattr(doctor, "examine", lambda: found)
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 0
    found.append(doctor.Finding("make", ok=False, found="not found", way_out="install make"))
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1
    assert "-> install make" in done.output


def test_a_package_off_the_lock_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"# pins\npandas=={metadata.version('pandas')}\nnumpy==0.1\nnot-installed-here==1.0\n")
    assert doctor.off_the_lock(lock) == [f"numpy {metadata.version('numpy')} (lock: 0.1)"]


def test_it_examines_a_machine_without_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAUSALREC_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    packages = next(finding for finding in doctor.examine() if finding.what == "packages")
    assert packages.ok
    assert "clone" in packages.way_out


def test_a_package_that_is_asked_for_and_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["numpy>=99", "not-installed-here>=1", "absent-too; extra == 'dev'", "pandas"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: asked)
    here = metadata.version("numpy")
    assert doctor.missing_packages() == [f"numpy >=99 (found: {here})", "not-installed-here >=1 (found: none)"]
    finding = next(finding for finding in doctor.examine() if finding.what == "packages")
    assert not finding.ok
    assert finding.needed
