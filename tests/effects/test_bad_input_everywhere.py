"""The bad input a log really holds, tried on every estimator: a clear refusal, or a warning in the result."""

import inspect

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects
from causalrec_lab.causal.graph.causal_graph import CausalGraph

AVERAGES = ["regression", "matching", "ipw", "aipw", "tmle", "dml"]
LEARNERS = ["causal_forest", "s_learner", "t_learner", "x_learner", "r_learner", "dr_learner"]
ROWS = [*AVERAGES, *LEARNERS, "iv", "front_door", "by_group", "contrasts"]
PANELS = ["did", "two_way"]
KEYS = {"unit": "unit", "time": "time", "cohort": "cohort"}
N = 240


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=N), rng.integers(2, size=N)
    t = (rng.uniform(size=N) < 1 / (1 + np.exp(-(0.5 * x + 3 * z - 1.5)))).astype(int)
    m = t + rng.normal(size=N)
    kind = np.where(np.arange(N) == 7, "rare", np.where(rng.uniform(size=N) < 0.5, "a", "b"))
    return pd.DataFrame(
        {"t": t, "y": m + x + rng.normal(size=N), "x": x, "z": z, "m": m, "dose": rng.integers(3, size=N)}
    ).assign(kind=kind, city=np.arange(N) % 8)


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(1)
    units = N // 4
    table = pd.DataFrame({"unit": np.repeat(np.arange(units), 4), "time": np.tile(np.arange(4), units)})
    unit = table["unit"].to_numpy()
    start = np.resize([2.0, 3.0, np.nan, np.nan], units)[unit]
    table = table.assign(cohort=start, y=rng.normal(size=N), x=rng.normal(size=units)[unit], city=unit % 8)
    return table.assign(kind=np.where(unit == 2, "rare", np.where(unit % 3 == 0, "a", "b")))


def ask(name, table, covariates=("x",), **options):
    """One estimate, of whatever kind of result."""
    estimator, columns = getattr(effects, name), list(covariates)
    if name in PANELS:
        found = estimator(table, "y", columns, **KEYS, **options)
    elif name == "iv":
        found = estimator(table, "t", "y", columns, instrument="z", **options)
    elif name == "front_door":
        found = estimator(table, "t", "y", "m", columns, **options)
    elif name == "by_group":
        found = estimator(table.assign(half=np.arange(len(table)) % 2), "t", "y", columns, "half", **options)
    else:
        small = {"trees": 40} if name == "causal_forest" else {}
        found = estimator(table, "dose" if name == "contrasts" else "t", "y", columns, **small, **options)
    found = next(iter(found.values())) if isinstance(found, dict) else found
    return found.average() if hasattr(found, "average") else found


@pytest.mark.parametrize("name", [*ROWS, *PANELS])
def test_a_treatment_with_one_level(name, frame, panel):
    alike = panel.assign(cohort=np.nan) if name in PANELS else frame.assign(t=1, dose=1)
    with pytest.raises(ValueError, match=r"single class|is 1 in all|two levels|no unit first treated"):
        ask(name, alike)


@pytest.mark.parametrize("name", [*ROWS, *PANELS])
def test_a_missing_outcome(name, frame, panel):
    table = panel if name in PANELS else frame
    with pytest.raises(ValueError, match=r"column 'y' has 1 missing or infinite outcomes, first at row 3: nan; drop"):
        ask(name, table.assign(y=table["y"].where(table.index != 3)))


@pytest.mark.parametrize("name", [*(name for name in ROWS if name != "iv"), "did"])
def test_no_overlap(name, frame, panel):
    decided = {
        "did": panel.assign(x=panel["cohort"].notna() + 0.1 * panel["x"]),
        "contrasts": frame.assign(x=frame["dose"] + 0.01 * frame["x"]),
    }.get(name, frame.assign(x=frame["t"] + 0.01 * frame["x"]))
    with pytest.raises(ValueError, match=r"no overlap|empty overlap"):
        ask(name, decided)


def test_an_instrument_without_overlap(frame):
    with pytest.raises(ValueError, match="covariates determine instrument 'z'"):
        ask("iv", frame.assign(x=2.0 * frame["z"]))
    with pytest.raises(ValueError, match="overlap"):
        ask("iv", frame.assign(x=frame["z"] + 0.01 * frame["x"]), method="doubly-robust")


def test_trends_that_a_two_way_covariate_decides(panel):
    taken = panel["time"] >= panel["cohort"].fillna(np.inf)
    with pytest.raises(ValueError, match="covariates determine the treatment"):
        ask("two_way", panel.assign(x=taken.astype(float)))


@pytest.mark.parametrize("name", ROWS)
def test_a_covariate_that_the_treatment_moves(name, frame):
    treatment = "dose" if name == "contrasts" else "t"
    graph = CausalGraph([("x", treatment), (treatment, "late"), ("late", "y"), ("x", "y")])
    table = frame.assign(late=frame["m"])
    with pytest.raises(ValueError, match=r"covariate 'late' is an effect of '(t|dose)' in the graph.*leave out 'late'"):
        ask(name, table, ("x", "late"), graph=graph)
    assert np.isfinite(ask(name, table, graph=graph).value)


def test_every_estimator_of_rows_takes_a_graph():
    for name in [*ROWS, "causal_bert"]:
        assert "graph" in inspect.signature(getattr(effects, name)).parameters, name


@pytest.mark.parametrize("name", [*ROWS, *PANELS])
def test_fewer_clusters_than_twenty(name, frame, panel):
    found = ask(name, panel if name in PANELS else frame, cluster="city")
    count = 4 if name == "by_group" else 8  # every half of the table holds half of the cities
    assert any(note.startswith(f"warning: only {count} clusters in 'city'") for note in found.notes)


@pytest.mark.parametrize("name", [*ROWS, "did"])
def test_embeddings_of_another_length(name, frame, panel):
    with pytest.raises(ValueError, match=r"embeddings\[0\] has shape \(7, 5\); the table has 240 rows, so give an"):
        ask(name, panel if name == "did" else frame, embeddings=np.zeros((7, 5)))


@pytest.mark.parametrize("name", [*ROWS, *PANELS])
def test_a_category_that_a_fold_does_not_meet(name, frame, panel):
    found = ask(name, panel if name in PANELS else frame, ("x", "kind"))
    assert np.isfinite([found.value, found.std_error]).all()
    assert abs(found.value) < 5
    rare = [note for note in found.notes if note.startswith("rare categories: kind=rare (")]
    assert len(rare) == 1
    plain = ask(name, panel if name in PANELS else frame)
    assert not any("rare categories" in note for note in plain.notes)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_category_that_training_did_not_meet(name, frame):
    small = {"trees": 40} if name == "causal_forest" else {}
    found = getattr(effects, name)(frame.drop(index=7), "t", "y", ["x", "kind"], **small)
    with pytest.raises(ValueError, match="rare"):
        found.effect(frame)


@pytest.mark.parametrize("method", ["2sls", "liml", "doubly-robust"])
def test_a_weak_instrument(method, frame):
    noise = frame.assign(z=np.random.default_rng(5).integers(2, size=N))
    found = ask("iv", noise, method=method)
    assert any(note.startswith("warning: weak instrument") for note in found.notes)
    assert "Anderson-Rubin interval" in found.method
