"""Real experiments: Hillstrom's mails and ASOS's daily totals (skipped where the data cannot be had)."""

import numpy as np
import pytest

from causalrec_lab import data
from causalrec_lab.intervention import experiment


@pytest.fixture
def load():
    def one(name):
        try:
            return data.load(name)
        except data.DataUnavailable as unavailable:
            pytest.skip(str(unavailable))

    return one


def test_hillstrom_s_mails(load):
    frame = load("hillstrom").decisions
    visits = experiment.analyse(frame, "visit", control="No E-Mail")
    assert {k: round(e.value, 3) for k, e in visits.items()} == {"Mens E-Mail": 0.077, "Womens E-Mail": 0.045}
    assert round(visits["Mens E-Mail"].diagnostics["control_mean"], 3) == 0.106
    assert not any(e.notes for e in visits.values())  # arms as planned, thirds
    spend = experiment.analyse(frame, "spend", control="No E-Mail")
    adjusted = experiment.analyse(frame, "spend", control="No E-Mail", covariates=["history", "recency", "channel"])
    for name, e in spend.items():
        assert e.low > 0
        assert adjusted[name].value == pytest.approx(e.value, abs=0.2 * e.std_error)
        assert 0.99 < adjusted[name].diagnostics["variance_left"] < 1.01
    found = experiment.report(frame, ["visit", "conversion", "spend"], control="No E-Mail")
    assert set(found.table["verdict"]) == {"better"}


def test_peeking_at_asos_calls_more_than_a_confidence_sequence(load):
    table = load("asos").extra["experiments"]
    table = table[(table["metric_id"] == 1) & (table["time_since_start"] % 1 == 0)].dropna()
    table = table[
        (table[["variance_c", "variance_t"]] > 0).all(axis=1) & (table[["count_c", "count_t"]] > 1).all(axis=1)
    ]
    names = {
        f"{w}_{k}": f"{w}_{a}" for w in ("count", "mean", "variance") for k, a in (("c", "control"), ("t", "treated"))
    }
    calls, tried = np.zeros(3, dtype=int), 0
    for _, part in table.groupby(["experiment_id", "variant_id"]):
        if (part[["count_c", "count_t"]].diff() < 0).any(axis=None):
            continue
        totals = part.set_index("time_since_start").rename(columns=names)
        seen = experiment.follow(totals, horizon=totals["count_control"].iloc[-1] + totals["count_treated"].iloc[-1])
        z = (seen.table["difference"] / seen.table["std_error"]).abs()
        calls += [(z > 1.96).any(), z.iloc[-1] > 1.96, seen.called is not None]
        tried += 1
    assert tried > 50
    any_look, at_the_end, sequence = calls
    assert any_look > 1.3 * at_the_end
    assert sequence <= at_the_end
