"""Losses add up, are refused when they would pass the budget, and are never forgotten."""

from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.explain import privacy
from causalrec_lab.explain.privacy import ledger
from causalrec_lab.explain.privacy.noise import calibrate, epsilon_of

FRAME = pd.DataFrame({"user_id": np.arange(50), "y": np.arange(50) % 2})


def release(budget: privacy.Budget, epsilon: float = 0.1, **options):
    return privacy.mean(FRAME, "y", bounds=(0, 1), epsilon=epsilon, budget=budget, **options)


def test_ten_tenths_are_one_and_the_eleventh_is_refused():
    budget = privacy.Budget(1.0, of="a shop")
    for _ in range(10):
        release(budget)
    assert budget.spent == (1.0, 0.0)
    assert budget.left == 0
    with pytest.raises(privacy.BudgetExhausted, match=r"asks epsilon 0.1.*spent are epsilon 1 of 1.*left epsilon 0,"):
        release(budget)
    assert len(budget.table) == 10
    assert budget.table["epsilon_spent"].tolist() == pytest.approx(np.arange(1, 11) / 10)
    assert "a shop" in budget._repr_html_()


def test_two_kinds_of_release_share_a_budget():
    budget = privacy.Budget(1.0, 1e-5)
    release(budget, 0.4)
    privacy.counts(FRAME.assign(g="a"), by="g", epsilon=0.5, delta=1e-6, budget=budget)
    assert budget.spent[0] == pytest.approx(0.9)
    assert 0 < budget.spent[1] <= 1e-6
    with pytest.raises(privacy.BudgetExhausted):
        privacy.histogram(FRAME, "y", edges=[0, 1], epsilon=0.2, budget=budget)


def test_concentrated_accounting_is_cheaper_for_many_releases_and_what_opendp_says():
    delta, cost = 1e-6, {"epsilon": 0.1, "delta": 1e-7, "mechanism": "gaussian"}
    budget = privacy.Budget(2.0, delta, accounting="zcdp")
    for _ in range(30):
        release(budget, **cost)
    rho = 30 * calibrate("gaussian", 1, 0.1, 1e-7).rho
    assert budget.spent[0] == pytest.approx(epsilon_of(rho, delta), rel=1e-6)
    assert budget.spent[0] < 30 * 0.1 / 3
    release(budget, 0.2)  # Laplace noise costs epsilon^2 / 2
    assert budget.spent[0] == pytest.approx(epsilon_of(rho + 0.02, delta), rel=1e-6)


def test_a_restart_remembers(tmp_path):
    path = tmp_path / "shop.json"
    release(privacy.Budget(0.25, ledger=path), 0.2)
    again = privacy.Budget(0.25, ledger=path)
    assert again.spent == (0.2, 0.0)
    with pytest.raises(privacy.BudgetExhausted):
        release(again)
    with pytest.raises(ValueError, match=r"its ledger is of epsilon=0\.25"):
        privacy.Budget(2.0, ledger=path)
    with pytest.raises(ValueError, match="of='shop'"):
        privacy.Budget(0.25, ledger=path, of="shop")


def test_what_is_spent_is_written_before_the_noise_is_drawn(tmp_path, monkeypatch):
    budget = privacy.Budget(1.0, ledger=tmp_path / "shop.json")
    broken = privacy.simulate(0)
    monkeypatch.setattr(broken, "add", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        release(budget, 0.3, noise=broken)
    assert privacy.Budget(1.0, ledger=tmp_path / "shop.json").spent[0] == 0.3


def test_a_kill_while_writing_leaves_the_old_ledger_and_draws_no_noise(tmp_path, monkeypatch):
    path = tmp_path / "shop.json"
    budget = privacy.Budget(1.0, ledger=path)
    release(budget)
    drawn = []
    noise = privacy.simulate(0)
    monkeypatch.setattr(noise, "add", lambda *given: drawn.append(given))
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        release(budget, noise=noise)
    assert drawn == []
    assert len(json.loads(path.read_text())["releases"]) == 1


def test_a_ledger_that_is_broken_or_gone_stops_everything(tmp_path):
    path = tmp_path / "shop.json"
    budget = privacy.Budget(1.0, ledger=path)
    release(budget)
    path.write_text(path.read_text()[:40])
    for ask in (lambda: release(budget), lambda: privacy.Budget(1.0, ledger=path)):
        with pytest.raises(ValueError, match="no ledger"):
            ask()
    path.unlink()
    with pytest.raises(ValueError, match="is gone"):
        release(budget)
    with pytest.raises(FileNotFoundError, match="folder"):
        privacy.Budget(1.0, ledger=tmp_path / "no" / "shop.json")


def refund(body):
    body["releases"].append(body["releases"][0] | {"epsilon": -5.0})


def unknown(body):
    body["releases"][0]["epsilon"] = float("nan")


CHANGES = {
    "a refund": refund,
    "a loss that is no number": unknown,
    "a release without its loss": lambda body: body["releases"][0].pop("epsilon"),
    "a release that is none": lambda body: body["releases"].append(3),
    "a release left out": lambda body: body["releases"].clear(),
    "a smaller loss": lambda body: body["releases"][0].update(epsilon=0.1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_ledger_that_was_changed_by_hand_is_not_resumed(tmp_path, change):
    path = tmp_path / "shop.json"
    budget = privacy.Budget(1.0, ledger=path)
    release(budget, 0.9)
    body = json.loads(path.read_text())
    change(body)
    path.write_text(json.dumps(body))
    for ask in (lambda: release(budget), lambda: privacy.Budget(1.0, ledger=path)):
        with pytest.raises(ValueError, match=r"no ledger|was changed"):
            ask()


def test_an_older_ledger_put_in_place_is_seen_by_who_spent_since(tmp_path):
    path = tmp_path / "shop.json"
    budget = privacy.Budget(1.0, ledger=path)
    old = path.read_bytes()
    release(budget, 0.9)
    path.write_bytes(old)
    with pytest.raises(ValueError, match="lacks releases"):
        release(budget, 0.9)


def test_a_ledger_by_another_name_is_the_same_ledger(tmp_path, monkeypatch):
    path, link = tmp_path / "shop.json", tmp_path / "link.json"
    monkeypatch.chdir(tmp_path)
    budget = privacy.Budget(1.0, ledger="shop.json")
    link.symlink_to(path)
    release(privacy.Budget(1.0, ledger=link), 0.9)
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(privacy.BudgetExhausted):
        release(budget, 0.9)


@pytest.mark.parametrize("change", [{"epsilon": -5.0}, {"epsilon": math.nan}, {"rho": -1.0}, {"delta": math.nan}])
def test_a_loss_that_is_none_is_refused(change):
    budget = privacy.Budget(1.0)
    with pytest.raises(ValueError, match="is no loss"):
        budget.spend("a refund", replace(calibrate("laplace", 1, 0.5), **change))
    with pytest.raises(AttributeError):
        budget.epsilon = 100.0  # type: ignore[misc]
    assert budget.spent == (0.0, 0.0)


def test_what_no_file_remembers_is_not_spent_in_two_processes(monkeypatch):
    budget = privacy.Budget(1.0)
    monkeypatch.setattr("os.getpid", lambda: -1)  # as after a fork, where each would have the whole of it
    with pytest.raises(ValueError, match="one process's own"):
        release(budget)


def test_many_who_spend_at_once_spend_no_more_than_there_is(tmp_path):
    path = tmp_path / "shop.json"

    def spend(_: int) -> int:
        try:
            release(privacy.Budget(1.0, ledger=path), noise=privacy.simulate(0))
        except privacy.BudgetExhausted:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(16))) == 10
    code = f"from causalrec_lab.explain.privacy import Budget; print(Budget(1.0, ledger={str(path)!r}).spent[0])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1.0"


def test_threads_and_copies_share_what_there_is():
    budget = privacy.Budget(1.0)

    def spend(_: int) -> int:
        try:
            release(copy.deepcopy(budget), noise=privacy.simulate(0))
        except privacy.BudgetExhausted:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(16))) == 10


def test_a_ledger_holds_no_row(tmp_path):
    path = tmp_path / "shop.json"
    release(privacy.Budget(1.0, ledger=path))
    body = ledger.read_ledger(Path(path))
    assert body is not None
    assert set(body) == {"epsilon", "delta", "accounting", "of", "releases"}
    assert set(body["releases"][0]) == {"release", "mechanism", "epsilon", "delta", "rho", "private"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"epsilon": 0}, "above 0"),
        ({"epsilon": float("nan")}, "finite"),
        ({"epsilon": 1, "delta": 1}, r"\[0, 1\)"),
        ({"epsilon": 1, "accounting": "renyi"}, "'basic' and 'zcdp'"),
        ({"epsilon": 1, "accounting": "zcdp"}, "delta > 0"),
    ],
)
def test_a_budget_that_is_none_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        privacy.Budget(**given)
