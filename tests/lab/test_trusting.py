import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from causalrec_lab.causal.trust import Question
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


def test_names_and_texts_of_any_script_stand_on_the_page_as_they_are(tmp_path):
    rng = np.random.default_rng(1)
    n = 240
    t = rng.integers(0, 2, n)
    said = np.where(rng.random(n) < 0.5, "<script>alert(1)</script> 很好", "一般 & <b>还行</b>")
    rows = {"推荐": np.where(t == 1, "是", "否"), "<img src=x>": rng.integers(0, 2, n), "价格 $^ $": rng.normal(size=n)}
    path, page = tmp_path / "日志.csv", tmp_path / "page.html"
    pd.DataFrame(rows | {"评论": said}).to_csv(path, index=False, encoding="utf-8-sig")
    words = ["--treatment", "推荐", "--outcome", "<img src=x>", "--text", "评论", "--rows", 100]
    done = run(path, *words, "--replications", 2, "--jobs", 1, "--no-progress", "--out", page)
    assert done.exit_code == 0, done.output
    html = page.read_text(encoding="utf-8")
    assert "&lt;img src=x&gt; by 推荐" in html
    assert "价格 $^ $" in html
    assert "<img src=x>" not in html
    assert "<script>alert" not in html
    assert "within tolerance" in done.output or "Warning: the platforms are not like this log" in done.output


def test_stopping_says_how_far_it_was_and_leaves_no_page(table, tmp_path, monkeypatch):
    from causalrec_lab.causal.trust import measuring

    calls = []

    def stopped_by_hand(*asked):
        calls.append(asked)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return run_once(*asked)

    run_once = measuring.run_once
    monkeypatch.setattr(measuring, "run_once", stopped_by_hand)
    page = tmp_path / "page.html"
    words = ["--treatment", "treated", "--outcome", "click", "--replications", 2, "--rows", 60, "--jobs", 1]
    done = run(table, *words, "--out", page)
    assert done.exit_code == 130
    assert "stopped after 3 of 6 logs of the platforms; no page was written" in done.output
    assert list(tmp_path.glob("*.html")) == []


@pytest.mark.parametrize(("switch", "given"), [("--progress", True), ("--no-progress", False), (None, None)])
def test_the_bar_has_a_switch(table, tmp_path, monkeypatch, switch, given):
    seen = {}

    def trust(*asked, **options):
        seen.update(options)
        raise ValueError("enough")

    monkeypatch.setattr("causalrec_lab.causal.trust.report.trust", trust)
    words = ["--treatment", "treated", "--outcome", "click", *([switch] if switch else [])]
    assert "enough" in run(table, *words, "--out", tmp_path / "page.html").output
    assert seen["progress"] is given


@pytest.mark.parametrize(("progress", "bar"), [(True, True), (False, False), (None, False)])
def test_a_bar_is_shown_where_it_is_asked_for_or_on_terminals(monkeypatch, capsys, progress, bar):
    from causalrec_lab.causal.trust import measuring

    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(measuring, "run_once", lambda *_: pd.DataFrame({"a": [1]}))
    asked = Question("log", pd.DataFrame({"t": [0, 1]}), "t", "y", ())
    found = measuring.measure(["a twin"], [], asked, 60, 0.95, range(7), 1, progress)
    assert len(found) == 7
    assert ("logs of the twins" in capsys.readouterr().err) == bar
