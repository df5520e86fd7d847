import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def validity():
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module("validity")
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture
def small(validity, tmp_path, monkeypatch):
    monkeypatch.setattr(validity, "KEPT", tmp_path)
    condition = validity.Condition("tiny", {"confounding": 0.0}, rows=300)
    ways = (validity.Method("naive", "naive"), validity.Method("regression", "regression", most=20))
    return validity, condition, ways


def test_what_was_done_is_not_done_again(small, monkeypatch):
    validity, condition, ways = small
    first = validity.chunk(condition, ways, range(3))
    calls = []
    monkeypatch.setattr(validity, "once", lambda *given: calls.append(given) or [])
    (first.parent / f"{first.stem}.1.part").write_bytes(b"half a file of a run that was killed")
    assert validity.chunk(condition, ways, range(3)) == first
    assert not calls
    assert validity.kept(condition, ways, range(3, 6)) != first
    assert validity.kept(condition, ways[:1], range(3)) != first


def test_the_same_seed_gives_the_same_rows(small):
    validity, condition, ways = small
    first, again = (validity.once(condition, ways, 4) for _ in range(2))
    assert [row["value"] for row in first] == [row["value"] for row in again]


def test_slow_methods_and_readers_of_text_run_only_where_they_should(small):
    validity, condition, ways = small
    text = validity.Method("regression + text", "regression", text=True)
    planned = validity.tasks([condition], [*ways, text], 50)
    assert [[m.label for m in methods] for _, methods, _ in planned] == [["naive", "regression"], ["naive"], ["naive"]]
    assert sum(len(seeds) for _, _, seeds in planned) == 50


def test_a_failure_is_a_row_with_its_reason(small):
    validity, condition, _ = small
    broken = validity.Method("no such column", "iv", {"instrument": "zz"}, estimand="LATE")
    row = validity.once(condition, [broken], 1)[0]
    assert "zz" in row["problem"]
    assert np.isnan(row["value"])


def test_the_table_counts_what_covered(small):
    validity, condition, ways = small
    import pandas as pd

    runs = pd.read_parquet(validity.chunk(condition, ways, range(6)))
    table = validity.summary(runs, [condition], ways)
    truth = condition.truth("ATE").value
    mine = runs[runs["estimator"] == "naive"]
    assert table.loc[("tiny", "naive"), "bias"] == pytest.approx(mine["value"].mean() - truth)
    assert table.loc[("tiny", "naive"), "coverage"] == ((mine["low"] <= truth) & (truth <= mine["high"])).mean()
    assert table.loc[("tiny", "naive"), "replications"] == 6


def test_every_condition_and_method_has_a_name_of_its_own(validity):
    for rows in (validity.CONDITIONS, validity.METHODS):
        labels = [row.label for row in rows]
        assert len(set(labels)) == len(labels)


def test_other_code_is_done_anew(small, monkeypatch):
    """Rows of an estimator that was mended since must not stand beside new ones."""
    validity, condition, ways = small
    first = validity.kept(condition, ways, range(3))
    monkeypatch.setattr(validity, "code", lambda: "another version")
    assert validity.kept(condition, ways, range(3)) != first


def test_a_shared_stock_judges_only_what_it_has_a_truth_for(validity):
    shared = next(c for c in validity.CONDITIONS if "interference" in c.dials)
    judged = {m.estimand for m in validity.METHODS if shared.judges(m)}
    assert judged == {"ATE"}


def test_a_part_of_the_table_is_not_recorded_as_the_whole(small, monkeypatch, capsys):
    validity, condition, ways = small
    monkeypatch.setattr(validity, "CONDITIONS", (condition,))
    monkeypatch.setattr(validity, "METHODS", ways)
    monkeypatch.setattr(validity, "record", lambda *given, **facts: pytest.fail("a part was recorded"))
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setattr(sys, "argv", ["validity.py", "--replications", "3", "--jobs", "1", "--methods", "naive"])
    validity.main()
    assert "bias_error" in capsys.readouterr().out
    assert validity.os.environ["PYTHONPATH"].endswith("elsewhere")  # a clone's workers must find the clone


def test_two_processes_do_what_one_does(tmp_path):
    """Run as a script: what lies in a script reaches its workers by value, and what a cache holds does not."""
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    for file in (*BENCHMARKS.glob("validity*.py"), BENCHMARKS / "recording.py", BENCHMARKS / "wilson.py"):
        (folder / file.name).write_bytes(file.read_bytes())
    command = [sys.executable, folder / "validity.py", "--replications", "2", "--conditions", "500", "--jobs"]
    run = [subprocess.run([*command, n, "--methods", "naive"], capture_output=True, text=True) for n in ("2", "1")]
    assert [one.returncode for one in run] == [0, 0], run[0].stderr
    assert run[0].stdout.split()[-2] == run[1].stdout.split()[-2]
    assert len(list((tmp_path / "build" / "validity").glob("*.parquet"))) == 1
