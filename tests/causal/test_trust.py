import html

import numpy as np
import pandas as pd
import pytest

from causalrec_lab import Estimate
from causalrec_lab.causal.trust import trust
from causalrec_lab.causal.trust.candidates import candidates
from causalrec_lab.causal.trust.question import ask
from causalrec_lab.causal.trust.ranking import coverage_at, rank
from causalrec_lab.causal.trust.twins import summarise
from causalrec_lab.causal.trust.words import sentences
from causalrec_lab.data.dataset import Dataset
from causalrec_lab.lab.report.trust_page import _plain, trust_page
from causalrec_lab.world import Platform

COVARIATES = ("affinity_hat", "log_popularity", "activity", "log_exposures")


@pytest.fixture(scope="module")
def confounded():
    platform = Platform.make("ecommerce", seed=5, confounding=0, base_rate="common", n_users=900, n_items=200)
    return platform, platform.log(1_500, 2)


@pytest.fixture(scope="module")
def report(confounded):
    log = confounded[1].decisions.rename(columns={"purchase": "buys <b>now</b>"})
    names = ["naive", "regression", "AIPW"]
    return trust(log, "treated", "buys <b>now</b>", COVARIATES, estimators=names, replications=12, strengths=(1, 0))


def test_what_is_confounded_by_columns_puts_the_naive_difference_last(report, confounded):
    assert report.ranking.index[-1] == "naive"
    assert report.ranking.loc["naive", "standing"] == "biased"
    truth = confounded[0].truth.ate("purchase")
    assert report.estimates[report.best].covers(truth)
    error = {label: abs(found.value - truth.value) for label, found in report.estimates.items()}
    assert error["naive"] > 2 * error[report.best]


def test_a_hidden_trait_costs_those_who_read_only_columns_their_coverage(report):
    bias = report.measured["bias"].xs("regression")
    assert bias[1.0] > bias[0.0]
    assert report.measured.loc[("regression", 1.0), "truth"] < report.measured.loc[("regression", 0.0), "truth"]


def test_every_estimator_stands_once_with_its_estimate_on_the_log(report):
    assert sorted(report.ranking.index) == ["AIPW", "naive", "regression"]
    for label, estimate in report.estimates.items():
        assert report.ranking.loc[label, "value"] == estimate.value
    assert set(report.measured["runs"]) == {12.0}


def test_the_same_seed_gives_the_same_report(confounded):
    log = confounded[1].decisions.head(400)
    first, again = (
        trust(log, "treated", "purchase", COVARIATES, estimators=["regression"], replications=2, strengths=(0,), seed=3)
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first.measured, again.measured)
    pd.testing.assert_frame_equal(first.ranking, again.ranking)


def test_the_page_stands_alone_and_escapes_the_log(report):
    page = trust_page(report, "causalrec trust <my log>.csv")
    assert "<b>now</b>" not in page
    assert html.escape("buys <b>now</b>") in page
    assert html.escape("causalrec trust <my log>.csv") in page
    assert 'href="index.html"' not in page
    assert page.count("<svg") + page.count("<img") >= 4
    assert all(html.escape(one) in page for one in sentences(report))


def test_a_dollar_sign_in_a_name_is_no_formula_and_ticks_stay_numbers():
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    ax.plot([0, 1], label="pay $^ $")
    ax.set_xlabel("price $x_{1$")
    ax.legend()
    _plain(ax.figure)
    ax.figure.canvas.draw()
    assert not ax.xaxis.label.get_parse_math()
    assert all(tick.get_parse_math() for tick in ax.get_xticklabels())


def test_the_page_says_how_it_read_the_log_once_and_how_like_it_the_platforms_are(confounded):
    log = confounded[1].decisions.head(600)[["treated", "purchase", "affinity_hat"]]
    found = trust(log, "treated", "purchase", estimators=["naive", "regression"], replications=2, strengths=(0, 1))
    page = trust_page(found)
    assert page.count(html.escape(found.question.notes[0])) == 1
    assert "statistics that were to be matched are within tolerance" in page
    assert "2 logs cannot tell one of 100% from 95%" in page
    assert "the naive difference, which reads no column" in page or found.best == "naive"
    assert set(found.ranking["standing"]) <= {"undecided", "too short", "biased"}  # two logs show that nothing holds


def test_text_estimators_join_where_there_is_text(confounded):
    platform, log = confounded
    decisions = log.decisions.head(500).copy()
    decisions["words"] = platform.texts(decisions)
    found = trust(
        Dataset("shop", decisions=decisions), "treated", "purchase", COVARIATES, text="words",
        estimators=["AIPW", "AIPW + text"], replications=2, strengths=(0,),
    )  # fmt: skip
    assert set(found.estimates) == {"AIPW", "AIPW + text"}
    assert found.estimates["AIPW"].value != found.estimates["AIPW + text"].value
    assert found.question.cluster == ("user_id", "item_id")


def _runs(errors, covered, problem=""):
    n = len(errors)
    ends = {"low": np.array(errors) - 1, "high": np.array(errors) + 1}
    common = {
        "estimator": "a",
        "strength": 0.0,
        "replication": range(n),
        "value": np.array(errors) + 5,
        "std_error": 0.5,
    }
    return pd.DataFrame(common | ends | {"covered": covered, "warned": False, "problem": problem})


def test_summary_is_the_mean_error_its_spread_and_the_share_covered():
    found = summarise(_runs([1.0, -1.0, 3.0], [True, True, False]), {0.0: 5.0}).loc[("a", 0.0)]
    assert found["bias"] == pytest.approx(1)
    assert found["sd"] == pytest.approx(2)
    assert found["rmse"] == pytest.approx(np.sqrt(11 / 3))
    assert found["coverage"] == pytest.approx(2 / 3)
    assert found["length"] == pytest.approx(2)
    assert found["failed"] == 0


@pytest.mark.parametrize(
    ("errors", "covered", "standing"),
    [
        (np.linspace(-1, 1, 60), [True] * 57 + [False] * 3, "holds"),
        (np.linspace(-1, 1, 60), [True] * 40 + [False] * 20, "too short"),
        (np.linspace(0, 2, 60), [True] * 40 + [False] * 20, "biased"),
    ],
)
def test_standings(errors, covered, standing):
    measured = summarise(_runs(errors, covered), {0.0: 5.0})
    assert rank(measured, {"a": Estimate(5.0, 0.5)}, 0.95).loc["a", "standing"] == standing


def test_what_fails_on_the_log_stands_last():
    good = _runs(np.linspace(-2, 2, 60), [True] * 57 + [False] * 3)
    measured = summarise(pd.concat([good.assign(value=5.0 + 0.1), good.assign(estimator="b")]), {0.0: 5.0})
    assert list(rank(measured, {"b": Estimate(5.0, 0.5)}, 0.95).index) == ["b", "a"]
    assert rank(measured, {"b": Estimate(5.0, 0.5)}, 0.95).loc["a", "standing"] == "fails"


def test_coverage_left_by_a_bias():
    estimate = Estimate(0.0, 2.0)
    assert coverage_at(estimate, 0.0) == pytest.approx(0.95)
    assert coverage_at(estimate, 2 * 1.959964) == pytest.approx(0.5, abs=1e-4)
    assert np.isnan(coverage_at(None, 1.0))


def test_covariates_that_are_guessed_are_told(confounded):
    asked = ask(confounded[1].decisions, "treated", "purchase")
    assert "user_id" not in asked.covariates
    assert set(COVARIATES) <= set(asked.covariates)
    assert "affinity_hat" in asked.notes[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"treatment": "treatd"}, "treated"),
        ({"outcome": "purchas"}, "purchase"),
        ({"text": "txt"}, "txt"),
        ({"estimand": "AT"}, "ATT"),
        ({"estimators": ["AIWP"]}, "AIPW"),
        ({"strengths": (0.5,)}, "0 among them"),
        ({"replications": 1}, "two logs"),
        ({"covariates": ["affinty_hat"]}, "affinity_hat"),
    ],
)
def test_bad_questions_are_refused_by_name(confounded, change, said):
    given = {"treatment": "treated", "outcome": "purchase", "covariates": COVARIATES} | change
    with pytest.raises(ValueError, match=said):
        trust(confounded[1].decisions, **given)


def test_unknown_candidates_offer_the_nearest():
    with pytest.raises(ValueError, match="AIPW"):
        candidates(["AIPW + txt"], text=True)
