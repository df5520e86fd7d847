"""The page on one's own logs: its code runs, against a server of the tests where it names one."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from causalrec_lab import data

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "data" / "YOUR_LOGS.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
ADDRESS = "postgres://reader@db.example:5432/shop"
SAMPLE = ROOT / "data" / "sample" / "decisions.csv"


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_the_block_runs(block, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(ROOT)
    code = BLOCKS[block]
    names: dict = {}
    if ADDRESS not in code:
        exec(compile(code, "YOUR_LOGS.md", "exec"), names)  # the page's own code, as a reader would run it
    else:
        if not (server := os.environ.get("CAUSALREC_TEST_POSTGRES")):
            pytest.skip("CAUSALREC_TEST_POSTGRES names no server; run it by tests/with_databases.sh make test")
        with_sample(server, lambda url: exec(compile(code.replace(ADDRESS, url), "YOUR_LOGS.md", "exec"), names))
    assert len(names["own"].decisions) == 600
    if "to_memory" in code:
        treated = pd.read_csv(SAMPLE)["shown"].value_counts()
        assert re.findall(r"^\d +(\d) +(\d+)$", capsys.readouterr().out, flags=re.MULTILINE) == [
            ("0", str(treated[0])),
            ("1", str(treated[1])),
        ]


def with_sample(server: str, run) -> None:
    """Run something beside a PostgreSQL schema that holds the sample as shown_items."""
    shop = data.connect(server)
    schema = f"page_{os.getpid()}_{os.urandom(4).hex()}"
    shop.create_database(schema)
    try:
        sample = pd.read_csv(SAMPLE, parse_dates=["decided_at"])
        data.connect(f"{server}/{schema}").create_table("shown_items", sample)
        run(f"{server}/{schema}")
    finally:
        shop.drop_database(schema, cascade=True)


def test_every_block_is_run_and_the_extras_it_names_exist():
    assert len(BLOCKS) == 4
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"'\.\[(\w+)\]'", PAGE)) == {"postgres", "mysql", "spark"} <= set(extras)
