"""Models of exposure against the platform's true propensity, and their calibration on a log they did not see."""

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.recommender import RecommenderConfig
from causalrec_lab.recommender.ratings.exposure import LogisticExposure, PopularityExposure, TransformerExposure
from causalrec_lab.world import Platform

CONFIG = RecommenderConfig(length=64, dim=16, blocks=1, epochs=6, learning_rate=1e-2, tokens=4_000, precision="fp32")


def make(confounding):
    return Platform.make(seed=5, n_users=100, n_items=40, confounding=confounding, text_r2=0.9)


@pytest.fixture(scope="module")
def logs():
    platform = make(0.0)
    return platform, *(platform.log(8_000, seed, propensity=None).decisions for seed in (0, 1))


def logit_correlation(first, second):
    return np.corrcoef(*(np.log(p / (1 - p)) for p in (first, second)))[0, 1]


@pytest.mark.parametrize("kind", ["popularity", "logged", "Transformer"])
def test_chances_are_calibrated_on_a_fresh_log(logs, kind):
    platform, log, fresh = logs
    made = {"popularity": PopularityExposure(), "Transformer": TransformerExposure(CONFIG)}
    model = (made.get(kind) or LogisticExposure(platform.covariates)).fit(log)
    chance = model.predict(fresh)
    assert ((chance > 0) & (chance < 1)).all()
    bins = pd.qcut(chance, 4, labels=False, duplicates="drop")
    table = pd.DataFrame({"bin": bins, "said": chance, "was": fresh["treated"]}).groupby("bin").agg(["mean", "size"])
    error = np.sqrt(0.25 / table["said"]["size"])
    off = (table["said"]["mean"] - table["was"]["mean"]).abs()
    assert (off < 5 * error + 0.03).all(), off  # what was learned from 8,000 decisions is itself a little off
    assert table["was"]["mean"].iloc[-1] > table["was"]["mean"].iloc[0] + 0.1  # and it tells something


def test_the_logged_columns_are_the_whole_rule_where_nothing_is_hidden(logs):
    platform, log, _ = logs
    truth = platform.truth.propensity(log[["user_id", "item_id"]])
    assert logit_correlation(LogisticExposure(platform.covariates).fit(log).predict(log), truth) > 0.98
    assert logit_correlation(PopularityExposure().fit(log).predict(log), truth) < 0.8


def test_text_or_identities_tell_what_columns_do_not_where_something_is_hidden():
    platform = make(1.0)
    log = platform.log(8_000, 0).decisions
    truth = platform.truth.propensity(log[["user_id", "item_id"]])
    text = [
        pd.DataFrame({"told": oracle}, index=range(len(oracle)))
        for oracle in (platform.writing.user_oracle, platform.writing.item_oracle)
    ]
    columns = LogisticExposure(platform.covariates).fit(log).predict(log)
    read = LogisticExposure(platform.covariates, user_vectors=text[0], item_vectors=text[1]).fit(log).predict(log)
    met = LogisticExposure(platform.covariates, identities=True).fit(log).predict(log)
    told = logit_correlation(columns, truth)
    assert logit_correlation(read, truth) > told + 0.1
    assert logit_correlation(met, truth) > told + 0.1


def test_strangers_get_the_mean(logs):
    _, log, _ = logs
    stranger = log.head(1).assign(item_id=10_000, user_id=10_000)
    popularity = PopularityExposure().fit(log)
    assert popularity.predict(stranger)[0] == pytest.approx(log["treated"].mean())
    vectors = pd.DataFrame({"x": np.arange(40.0)})
    model = LogisticExposure(item_vectors=vectors, identities=True).fit(log)
    assert 0 < model.predict(stranger)[0] < 1
    with pytest.raises(KeyError, match="10000"):
        TransformerExposure(RecommenderConfig(dim=8, epochs=1, blocks=1)).fit(log.head(200)).predict(stranger)


def test_bad_input_is_named(logs):
    _, log, _ = logs
    with pytest.raises(ValueError, match="reads nothing"):
        LogisticExposure()
    with pytest.raises(ValueError, match="prior=0"):
        PopularityExposure(0)
    with pytest.raises(ValueError, match=r"lack \['mood'\]"):
        LogisticExposure(["mood"]).fit(log)
    with pytest.raises(ValueError, match="nothing to learn"):
        LogisticExposure(["price"]).fit(log[log["treated"] == 1])
    with pytest.raises(ValueError, match=r"needs the columns \['treated'\]"):
        PopularityExposure().fit(log.drop(columns="treated"))
    with pytest.raises(ValueError, match="outcome='click'"):
        TransformerExposure(RecommenderConfig(outcome="click"))
