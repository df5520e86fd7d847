"""Several metrics and segments against textbook procedures and known truth."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.intervention import experiment
from causalrec_lab.intervention.experiment.reporting import CORRECTIONS


def draw(n, seed, effects=(0.2, 0.2, 0.2, 0.2)):
    rng = np.random.default_rng(seed)
    t, segment = rng.integers(0, 2, n), rng.integers(0, 4, n)
    return pd.DataFrame(
        {
            "arm": np.where(t, "new", "control"), "country": np.array(list("abcd"))[segment],
            "sales": rng.normal(size=n) + np.asarray(effects)[segment] * t,
            "latency": rng.normal(size=n) + 0.02 * t, "views": rng.poisson(3, n), "noise": rng.normal(size=n),
        }
    )  # fmt: skip


def test_adjusted_p_values_are_statsmodels_and_tea_tastings():
    multi = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(1).uniform(size=20) ** 3
    for ours, theirs in (("holm", "holm"), ("benjamini-hochberg", "fdr_bh")):
        assert experiment.adjusted_p(p, ours) == pytest.approx(multi.multipletests(p, method=theirs)[1])
    assert experiment.adjusted_p(p, "none") == pytest.approx(p)


def test_guardrails_pass_only_where_harm_is_shown_to_be_small():
    frame = draw(8_000, 2)
    metrics = {
        "sales": "sales",
        "noise": "noise",
        "latency, wide": experiment.Metric("latency", margin=0.2, higher_is_better=False),
        "latency, tight": experiment.Metric("latency", margin=0.01, higher_is_better=False),
        "worse sales": experiment.Metric("sales", margin=0.05, higher_is_better=False),
    }
    found = experiment.report(frame, metrics)
    verdicts = found.table["verdict"].droplevel("arm").to_dict()
    assert verdicts["sales"] == "better"
    assert verdicts["noise"] == "undecided"
    assert verdicts["latency, wide"] == "passed"
    assert verdicts["latency, tight"] == "not shown to pass"
    assert verdicts["worse sales"] == "broken"
    row = found.table.loc[("latency, wide", "new")]
    assert row["high"] < 0.2  # the end of the interval is what is compared with the margin
    assert np.isnan(row["p_adjusted"])
    assert "Guardrails: latency, wide passed" in found.sentence()
    assert "passed" in found._repr_html_()
    assert str(found) == found.sentence()
    assert len(found.plot().get_yticklabels()) == 5


def test_the_family_wise_error_of_goals_is_kept():
    p = np.random.default_rng(6).uniform(size=(2_000, 5))
    wrong = {c: sum((experiment.adjusted_p(row, c) < 0.05).any() for row in p) for c in CORRECTIONS}
    assert wrong["holm"] <= 150  # binomial(2000, .05), p < 1e-6
    assert wrong["benjamini-hochberg"] <= 150
    assert wrong["none"] > 300


def test_segments_with_one_effect_are_pulled_together_and_different_ones_are_not():
    same = experiment.by_segment(draw(8_000, 3), "sales", "country")["new"]
    raw = experiment.analyse(draw(8_000, 3), "sales")["new"]
    assert same.p_value > 0.01
    assert same.mean.value == pytest.approx(raw.value, abs=0.01)
    assert np.ptp(same.table["shrunken"]) <= np.ptp(same.table["value"])
    apart = experiment.by_segment(draw(8_000, 4, (0.0, 0.0, 0.5, 1.0)), "sales", "country")["new"]
    assert apart.p_value < 1e-6
    assert "effects differ" in apart.sentence()
    assert apart.spread == pytest.approx(np.std([0, 0, 0.5, 1.0], ddof=1), rel=0.35)
    assert len(apart.plot(truth=dict(zip("abcd", (0, 0, 0.5, 1.0), strict=True))).get_yticklabels()) == 4


def test_cochran_s_test_keeps_its_level_and_shrinking_pays():
    alarms, error = 0, {"value": 0.0, "shrunken": 0.0}
    for seed in range(200):
        found = experiment.by_segment(draw(800, seed), "sales", "country")["new"]
        alarms += found.p_value < 0.05
        for column in error:
            error[column] += float(((found.table[column] - 0.2) ** 2).sum())
    assert alarms <= 28
    assert error["shrunken"] < 0.6 * error["value"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: experiment.report(f, "sales"), "one string"),
        (lambda f: experiment.report(f, ["sales", "sales"]), "its own name"),
        (lambda f: experiment.report(f, ["sales"], correction="bonf"), "unknown correction"),
        (lambda f: experiment.report(f, ["sales"]).sentence("old"), "name one of"),
        (lambda f: experiment.Metric("sales", margin=-1), "bearable harm"),
        (lambda f: experiment.by_segment(f, "sales", "city"), "no column 'city'"),
        (lambda f: experiment.by_segment(f.assign(country="a"), "sales", "country"), "at least 2"),
        (lambda f: experiment.by_segment(f.assign(country=f["arm"]), "sales", "country"), "segment 'control'"),
    ],
)
def test_wrong_reports(call, message):
    with pytest.raises(ValueError, match=message):
        call(draw(200, 5))
