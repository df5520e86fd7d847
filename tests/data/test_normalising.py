"""Scales fitted on training rows alone: equal to scikit-learn's, blind to the test rows, the same in every database."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

from causalrec_lab import data

METHODS = ["standard", "robust", "minmax", "log1p", "rank"]
NAMES = ["price", "stock", "fixed"]


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    rng = np.random.default_rng(9)
    n = 3_000
    price = rng.lognormal(2, 1, n)
    price[rng.uniform(size=n) < 0.05] = np.nan
    return pd.DataFrame({"price": price, "stock": rng.integers(0, 12, n), "fixed": 2.5, "row": np.arange(n)})


@pytest.fixture(scope="module")
def parts(shop) -> tuple[pd.DataFrame, pd.DataFrame]:
    return shop.head(2_000), shop.tail(1_000)


@pytest.mark.parametrize(
    ("method", "peer"), [("standard", StandardScaler), ("minmax", MinMaxScaler)], ids=["standard", "minmax"]
)
def test_scikit_learn_agrees(method, peer, parts):
    train, test = parts
    new, scale = data.normalise(train, NAMES, method)
    reference = peer().fit(train[NAMES])
    varying = ["price", "stock"]
    for frame, found in ((train, new), (test, scale.apply(test))):
        wanted = pd.DataFrame(reference.transform(frame[NAMES]), columns=NAMES, index=frame.index)
        assert_frame_equal(found[varying], wanted[varying], rtol=1e-9)


def test_ranks_are_shares_below_and_near_scikit_learns(parts):
    train, test = parts
    new, scale = data.normalise(train, ["price", "stock"], "rank")
    values = train["stock"].to_numpy()
    for value, rank in new["stock"].groupby(values).first().items():
        assert rank == pytest.approx((values < value).mean() + (values == value).mean() / 2)
    reference = QuantileTransformer(n_quantiles=101).fit(train[["price"]].dropna())
    found = scale.apply(test)["price"]
    wanted = reference.transform(test[["price"]].dropna())[:, 0]
    assert np.abs(found.dropna().to_numpy() - wanted).max() < 0.011  # both between the same hundredths
    assert found.isna().equals(test["price"].isna())
    assert found.min() >= 0
    assert found.max() <= 1


def test_a_robust_scale_is_not_moved_by_a_few_outliers(parts):
    train, _ = parts
    dirty = train.assign(price=train["price"].where(train["row"] > 20, 1e9))
    clean, robust = (data.normalise(frame, "price", "robust")[1].parameters["price"] for frame in (train, dirty))
    assert clean == pytest.approx(robust, rel=0.1)
    values = train["price"].dropna().to_numpy()
    lower, middle, upper = np.quantile(values, [0.25, 0.5, 0.75], method="inverted_cdf")
    assert clean == (middle, upper - lower)
    with pytest.raises(ValueError, match="both quartiles of column 'price' are 0, though its values differ"):
        data.normalise(train.assign(price=(train["row"] < 9) * 1.0), "price", "robust")


@pytest.mark.parametrize("method", METHODS)
def test_nothing_of_the_test_rows_leaks(method, parts):
    train, test = parts
    other = test.assign(price=test["price"] * 1_000 + 7)
    one, scale = data.normalise(train, NAMES, method)
    both, again = data.normalise(pd.concat([train, other]), NAMES, method, fit_on=train)
    assert_frame_equal(both.head(2_000), one)
    assert dict(scale.parameters) == dict(again.parameters)
    if method != "log1p":
        leaked = data.normalise(pd.concat([train, other]), NAMES, method)[1]
        assert leaked.parameters["price"] != scale.parameters["price"]
    assert_frame_equal(both.tail(1_000), scale.apply(other))


def test_what_was_fitted_cannot_be_changed_and_can_be_read(parts, caplog):
    new, scale = data.normalise(parts[0], NAMES)
    with pytest.raises(dataclasses.FrozenInstanceError):
        scale.method = "rank"
    with pytest.raises(TypeError):
        scale.parameters["price"] = (0, 1)
    assert scale.constant == ("fixed",)
    assert (new["fixed"] == 0).all()
    assert "constant where fitted, so 0 everywhere else too: fixed" in caplog.text
    assert repr(scale) == "Normalisation(standard of price, stock, fixed; fitted on 2,000 rows; constant: fixed)"
    figures = scale.to_frame().set_index(["column", "figure"])["value"]
    assert figures["price", "centre"] == pytest.approx(parts[0]["price"].mean())
    assert (scale.apply(parts[1].assign(fixed=9.0))["fixed"] == 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_table_is_scaled_where_it_lives(method, database, parts):
    train, test = parts
    stored = [database.load(part, f"scaling_{name}") for part, name in zip(parts, ("train", "test"), strict=True)]
    new, scale = data.normalise(stored[0], NAMES, method)
    assert type(new).__module__.startswith("ibis")
    wanted, ours = data.normalise(train, NAMES, method)
    assert scale.to_frame()["value"].to_numpy() == pytest.approx(ours.to_frame()["value"].to_numpy(), rel=1e-9)
    for found, known in ((new, wanted), (scale.apply(stored[1]), ours.apply(test))):
        frame = data.to_memory(found).sort_values("row", ignore_index=True)
        assert_frame_equal(frame, known.reset_index(drop=True), check_dtype=False, rtol=1e-9, atol=1e-12)


def test_what_has_no_scale_is_refused(parts):
    train, _ = parts
    for frame, method, words in [
        (train, "standart", "did you mean 'standard'"),
        (train.assign(price="a"), "standard", "column 'price' is str, and only numbers"),
        (train.assign(price=np.nan), "standard", "holds no value where it is fitted"),
        (train.assign(price=np.inf), "rank", "holds infinite values"),
        (train.assign(price=-2.0), "log1p", "goes down to -2; log1p needs values >= 0"),
        (train.drop(columns="price"), "minmax", "needs the columns"),
    ]:
        with pytest.raises(ValueError, match=words):
            data.normalise(frame, "price", method)
    scale = data.normalise(train, "price", "log1p")[1]
    with pytest.raises(ValueError, match="goes down to -1"):
        scale.apply(train.assign(price=-1.0))
