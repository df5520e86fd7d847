import pandas as pd
import pytest
from typer.testing import CliRunner

from causalrec_lab.lab.cli import app
from causalrec_lab.world import Platform


def run(*words):
    return CliRunner().invoke(app, ["trust", *map(str, words)])


@pytest.fixture
def table(tmp_path):
    platform = Platform.make("ecommerce", seed=5, confounding=0, n_users=300, n_items=100)
    path = tmp_path / "my log.csv"
    platform.log(300, 2).decisions[["treated", "click", "affinity_hat"]].to_csv(path, index=False)
    return path


def test_a_csv_becomes_a_page(table, tmp_path):
    page = tmp_path / "page.html"
    done = run(table, "--treatment", "treated", "--outcome", "click", "--replications", 2, "--jobs", 1, "--out", page)
    assert done.exit_code == 0, done.output
    assert "first: the effect (ATE) of treated on click" in done.output
    assert "causalrec trust" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--treatment", "treted", "--outcome", "click"], "treated"),
        (["--treatment", "treated", "--outcome", "clik"], "click"),
        (["--treatment", "affinity_hat", "--outcome", "click"], "0 and 1"),
    ],
)
def test_a_wrong_column_is_one_line_and_leaves_no_page(table, tmp_path, words, said):
    page = tmp_path / "page.html"
    done = run(table, *words, "--out", page)
    assert done.exit_code == 2
    assert said in done.output
    assert not page.exists()


def test_a_file_that_is_no_table_is_said(tmp_path):
    empty = tmp_path / "empty.csv"
    empty.write_text("", encoding="utf-8")
    words = ["--treatment", "t", "--outcome", "y", "--out", tmp_path / "page.html"]
    assert "cannot be read" in run(empty, *words).output
    assert "is no file" in run(tmp_path / "none.csv", *words).output
    pd.DataFrame({"t": [], "y": []}).to_csv(empty, index=False)
    assert "no rows" in run(empty, *words).output
    assert "folder" in run(empty, *words[:-1], tmp_path).output
