"""Average effects where a table is nearly too small, too decided or oddly typed: the truth, a refusal, or a word."""

import warnings

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.causal import effects

ESTIMATORS = {
    "naive": lambda frame, t, y, _x, **k: effects.naive(frame, t, y, **k),
    "regression": effects.regression,
    "ipw": effects.ipw,
    "aipw": effects.aipw,
    "tmle": effects.tmle,
    "dml": effects.dml,
    "partially linear": lambda *a, **k: effects.dml(*a, model="partially linear", **k),
    "matching": effects.matching,
    "contrasts": lambda *a, **k: next(iter(effects.contrasts(*a, **k).values())),
    "by_group": lambda *a, **k: effects.by_group(*a, "half", **k)["0"],
    "front_door": lambda frame, t, y, x, **k: effects.front_door(frame, t, y, "m", x, **k),
}
BINARY = [name for name in ESTIMATORS if name not in ("contrasts", "partially linear")]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    n = 240
    x, z, kind = rng.normal(size=n), rng.normal(size=n), rng.choice(list("abc"), n)
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(-x))).astype(int)
    m = t + rng.normal(size=n)
    y = t + x + z + m + rng.normal(size=n)
    return pd.DataFrame({"t": t, "y": y, "x": x, "z": z, "kind": kind, "m": m, "half": np.arange(n) % 2})


def few(frame, treated):
    """The table with that many treated rows, spread over x."""
    rows = np.argsort(frame["x"].to_numpy())[np.linspace(20, len(frame) - 21, treated).astype(int)]
    return frame.assign(t=np.isin(np.arange(len(frame)), rows).astype(int))


@pytest.mark.parametrize("name", BINARY)
def test_one_row_in_an_arm_is_refused(frame, name):
    with pytest.raises(ValueError, match="has one treated row among 240"):
        ESTIMATORS[name](few(frame, 1).assign(half=0), "t", "y", ["x", "z"])


def test_a_group_with_one_row_in_an_arm_is_named_with_a_way_out(frame):
    table = few(frame, 40)
    lone = table[(table["half"] == 1) | (table["t"] == 0) | (table.index == table.index[table["t"] == 1][0])]
    lone = lone.assign(half=np.where(lone["t"] == 0, lone["half"], (np.arange(len(lone)) > lone["t"].argmax()) * 1))
    with pytest.raises(ValueError, match=r"group half = '0': .*; merge it with another, or leave it out"):
        effects.by_group(lone, "t", "y", ["x"], "half", estimator="regression", nuisance="linear")


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "by_group"])
def test_few_rows_of_an_arm_and_few_events_are_said(frame, name):
    def said(table, words):
        return any(note.startswith(words) for note in ESTIMATORS[name](table, "t", "y", ["x"], **linear).notes)

    linear = {} if name == "naive" else {"nuisance": "linear"}
    assert said(few(frame, 19), "warning: only 19 treated rows")
    assert said(few(frame, 19).assign(t=lambda table: 1 - table["t"]), "warning: only 19 untreated rows")
    assert not said(few(frame, 20), "warning: only")
    rare = frame.assign(y=(np.arange(240) % 30 == 0).astype(int))
    assert said(rare, "warning: only")
    assert not said(frame.assign(y=np.arange(240) % 3 // 2), "warning: only")


def test_few_rows_undercover_by_what_student_s_law_says():
    from scipy.stats import t as student

    def covered(rows):  # the error is s sqrt((n - 1) / n) / sqrt(n), the interval the normal law's
        return 1 - 2 * student.sf(1.96 * np.sqrt((rows - 1) / rows), rows - 1)

    assert covered(10) < 0.91
    assert covered(20) == pytest.approx(0.93, abs=0.005)


@pytest.mark.parametrize("errors", ["HC1", "HC3"])
@pytest.mark.parametrize("interactions", [True, False])
def test_a_regression_with_as_many_terms_as_rows_is_refused(errors, interactions):
    rng = np.random.default_rng(1)
    names = [f"c{k}" for k in range(25)]
    rows = 40 if interactions else 26
    table = pd.DataFrame(rng.normal(size=(rows, 25)), columns=names).assign(
        t=np.arange(rows) % 2, y=rng.normal(size=rows)
    )
    with pytest.raises(ValueError, match=r"regression terms fit all \d+ (treated )?rows without error"):
        effects.regression(table, "t", "y", names, errors=errors, interactions=interactions)
    copies = table.assign(**dict.fromkeys(names[2:], table["c0"]))  # many columns, few terms
    assert effects.regression(copies, "t", "y", names, errors=errors, interactions=interactions).std_error > 0.1


def test_a_dose_that_the_covariates_decide_is_refused_and_one_they_nearly_decide_is_said(frame):
    with pytest.raises(ValueError, match="covariates tell the treatment without error"):
        effects.dml(frame.assign(t=2 * frame["x"] + 1), "t", "y", ["x"], model="partially linear")
    nearly = frame.assign(t=frame["x"] + 0.05 * frame["m"])
    found = effects.dml(nearly, "t", "y", ["x"], model="partially linear")
    assert any(note.startswith("warning: the covariates tell 99.") for note in found.notes)
    varied = effects.dml(frame.assign(t=frame["x"] + frame["m"]), "t", "y", ["x"], model="partially linear")
    assert not any("covariates tell" in note for note in varied.notes)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"q": "one"}, {}, "empty overlap"),
        ({}, {"clip": 0.4}, r"clip=0.4; give a small probability such as 0.01, in \[0, 1/3\)"),
        ({}, {"clip": -1}, "clip=-1"),
        ({"user": "rare"}, {"cluster": "user"}, "level 'rare' stands in so few groups"),
        ({"arm": "alike"}, {}, "two levels that both read '1'"),
    ],
)
def test_levels_without_a_comparison_are_refused(frame, change, options, message):
    arm = np.where(frame["t"] == 1, "one", np.where(frame["half"] == 1, "two", "zero"))
    user = np.arange(240) % 30
    if change.get("user"):
        arm = np.where(user == 0, "rare", arm)
    if change.get("arm"):
        arm = np.where(arm == "one", 1, np.where(arm == "two", "1", "zero").astype(object))
    table = frame.assign(arm=arm, user=user, q=(arm == "one") * 1.0 if change.get("q") else frame["z"])
    for nuisance in ("linear", "boosted") if change.get("user") else ("linear",):
        with pytest.raises(ValueError, match=message):
            effects.contrasts(table, "arm", "y", ["q"], nuisance=nuisance, **options)


def test_options_that_by_group_does_not_have_are_named_and_a_wrong_one_blames_no_group(frame):
    with pytest.raises(ValueError, match=r"by_group by AIPW takes no trim=0.1"):
        effects.by_group(frame, "t", "y", ["x"], "half", trim=0.1)
    with pytest.raises(ValueError, match="unknown nuisance 'splin'; did you mean 'spline'") as caught:
        effects.by_group(frame, "t", "y", ["x"], "half", estimator="ipw", nuisance="splin")
    assert "merge it" not in str(caught.value)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_types_labels_and_order_of_columns_change_nothing(frame, name):
    whole = ESTIMATORS[name](frame, "t", "y", ["x", "z", "kind"])
    tables = {
        "nullable": frame.astype({"t": "boolean", "y": "Float64", "x": "Float64", "half": "Int64"}),
        "text": frame.astype({"t": str, "kind": "category"}),
        "objects": frame.astype(object),
        "one label for all rows": frame.set_index(np.zeros(len(frame), dtype=int)),
        "other order": frame[frame.columns[::-1]],
        "numbers for names": frame.rename(columns={"t": 0, "y": 1, "x": 2}),
    }
    for what, table in tables.items():
        named = (0, 1, [2, "z", "kind"]) if what == "numbers for names" else ("t", "y", ["z", "x", "kind"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = ESTIMATORS[name](table, *named)
        assert (found.value, found.std_error) == pytest.approx((whole.value, whole.std_error), rel=1e-6), what
    with pytest.raises(ValueError, match=r"column 'z' holds complex numbers|did you mean"):
        effects.aipw(frame.assign(z=frame["z"] + 1j), "t", "y", ["x", "z"])
