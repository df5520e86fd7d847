"""What a hostile or hurried user gives, what few units tell, and what must not matter: order, names, units."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, ttest_ind

from causalrec_lab.explain import fairness

SLATES = pd.DataFrame(
    {"slate_id": [0, 0, 1, 1], "user_id": [0, 0, 1, 1], "position": [0, 1, 0, 1], "item_id": [0, 1, 1, 2]}
)
ITEMS = pd.DataFrame({"item_id": [0, 1, 2, 3], "provider": ["a", "b", "b", "c"]})
GROUPS = list("aabbbb")


class Even:
    """Each of four items alike."""

    def probabilities(self, contexts: pd.DataFrame) -> np.ndarray:
        return np.full((len(contexts), 4), 0.25)


def log(users: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    lists = 2 * users
    rows = np.argsort(rng.random((lists, 12)), axis=1)[:, :4]
    slates = pd.DataFrame(
        {
            "slate_id": np.repeat(np.arange(lists), 4),
            "user_id": np.repeat(np.arange(lists) % users, 4),
            "position": np.tile(np.arange(4), lists),
            "item_id": rows.ravel(),
        }
    )
    return slates, pd.DataFrame({"item_id": np.arange(12), "provider": list("abcdef") * 2, "kind": list("xxxyyy") * 2})


def test_one_alone_has_no_interval_and_few_have_a_wide_one() -> None:
    found = fairness.outcome_by_group([1.0, 2.0, 3.0, 4.0], list("abbb"))
    assert np.isnan(found.table.loc["a", ["std_error", "low", "high", "gap_low", "gap_high"]].astype(float)).all()
    assert found.table.loc["b", "std_error"] == pytest.approx(1 / np.sqrt(3))  # n - 1 = 2, not 3
    assert any("one alone" in note for note in found.notes)
    assert "no interval is known" in found.sentence()
    assert np.isnan(found.estimates["a"].std_error)


def test_a_group_in_which_nothing_happened_is_not_certain() -> None:
    found = fairness.outcome_by_group(np.r_[np.zeros(40), np.tile([0, 1], 20)], ["a"] * 40 + ["b"] * 40)
    assert np.isnan(found.table.loc["a", ["low", "high", "gap_low"]].astype(float)).all()
    assert found.table.loc["b", "high"] < 0.7


@pytest.mark.parametrize("size", [2, 4, 12])
def test_intervals_of_small_groups_hold_their_mean_as_often_as_they_say(size: int) -> None:
    rng, runs = np.random.default_rng(size), 300
    labels = ["a"] * size + ["b"] * 200
    held = sum(
        abs(row["value"] - 1.0) <= row["high"] - row["value"]
        for row in (
            fairness.outcome_by_group(rng.normal(1.0, 1.0, size + 200), labels).table.loc["a"] for _ in range(runs)
        )
    )
    assert binom.ppf(1e-6, runs, 0.95) <= held <= binom.isf(1e-6, runs, 0.95)


def test_the_error_of_a_gap_is_welch_s() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=7), rng.normal(1, 3, size=30)
    found = fairness.outcome_by_group(np.r_[one, other], ["a"] * 7 + ["b"] * 30).table.loc["a"]
    assert found["gap"] / found["gap_std_error"] == pytest.approx(ttest_ind(one, other, equal_var=False).statistic)


def test_order_of_rows_names_of_ids_and_the_unit_of_attention_do_not_matter() -> None:
    slates, items = log(40, 1)
    plain = fairness.exposure_by_group(fairness.exposure_of_slates(slates, items["item_id"]), items, "kind").table
    mixed = slates.sample(frac=1, random_state=0).assign(
        user_id=lambda f: "u" + f["user_id"].astype(str), item_id=lambda f: "i" + f["item_id"].astype(str)
    )
    catalogue = items.sample(frac=1, random_state=1).assign(item_id=lambda f: "i" + f["item_id"].astype(str))
    weights = 7.0 / np.log2(np.arange(4) + 2)
    exposure = fairness.exposure_of_slates(mixed, catalogue["item_id"], weights=weights)
    other = fairness.exposure_by_group(exposure, catalogue, "kind").table
    pd.testing.assert_frame_equal(plain, other)


def test_attention_of_some_users_follows_their_own_lists() -> None:
    """Lists of users left out stood as lists of the first user, and made an unfairness of nothing."""
    slates = pd.DataFrame(
        {"slate_id": range(6), "user_id": [0, 1, 2, 0, 1, 2], "position": 0, "item_id": [0, 1, 2, 0, 1, 2]}
    )
    exposure = fairness.exposure_of_slates(slates, ITEMS["item_id"])
    merit = np.eye(3, 4)
    found = fairness.amortised(exposure.of_users(np.array([False, True, True])), ITEMS, "provider", merit[1:])
    assert found.table.index[-1] == 4
    assert found.table.to_numpy() == pytest.approx(0.0)


def test_outcomes_of_users_find_their_users() -> None:
    users = pd.DataFrame({"user_id": [3, 1, 2, 0], "gender": list("fmmf")})
    told = pd.Series([10.0, 20.0, 30.0, 50.0], index=pd.Index([0, 1, 2, 3], name="user_id"))
    assert fairness.outcome_by_group(told, users, "gender").table["value"].to_dict() == {"f": 30.0, "m": 25.0}
    with pytest.raises(ValueError, match="no outcome for user '3'"):
        fairness.outcome_by_group(told[:3], users, "gender")
    with pytest.raises(ValueError, match="a user has several"):
        fairness.outcome_by_group(told.rename({1: 0}), users, "gender")


def test_numbers_are_cut_where_they_can_be_told_apart() -> None:
    times = pd.Series(1.7e9 + np.arange(100.0))
    assert fairness.read_groups(times).counts.tolist() == [25, 25, 25, 25]
    rare = pd.Series(np.r_[np.zeros(90), np.arange(1.0, 21.0)])
    assert fairness.read_groups(rare).labels == ("< 1", ">= 1")
    assert fairness.read_groups(rare).counts.tolist() == [90, 20]


@pytest.mark.parametrize(
    ("labels", "options", "said"),
    [
        (np.arange(100.0), {"bins": 1}, "from 2 on"),
        (["unknown", None, "a"], {"missing": "unknown"}, "called 'unknown' already"),
        (pd.concat([ITEMS, ITEMS], axis=1), {"by": "provider"}, "more than once"),
    ],
)
def test_labels_that_are_none(labels: object, options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fairness.read_groups(labels, **options)


@pytest.mark.parametrize(
    ("slates", "options", "said"),
    [
        (SLATES.assign(slate_id=0, position=[0, 1, 2, 3]), {}, "rows of several users"),
        (pd.concat([SLATES, SLATES]), {}, "two rows at position 0"),
        (SLATES.assign(position=np.inf), {}, "counts 0, 1, 2"),
        (SLATES.assign(position=10**13), {}, "counts 0, 1, 2"),
        (SLATES.assign(item_id=[0, 1, np.nan, 2]), {}, "'item_id' is missing in 1"),
        (SLATES.assign(user_id=[0, 0, np.nan, np.nan]), {}, "'user_id' is missing in 2"),
        (SLATES.assign(item_id=[0, "1", 1, 2]), {}, "numbers beside text"),
        (SLATES, {"items": ["0", "1", "2"]}, "one is a number, the other text"),
        (SLATES, {"items": [0, 1, 2, 2]}, "'2' twice"),
        (SLATES, {"users": [0, 0, 1]}, "'0' twice"),
    ],
)
def test_lists_that_are_none(slates: pd.DataFrame, options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fairness.exposure_of_slates(slates, **options)


def test_items_of_another_kind_are_told() -> None:
    exposure = fairness.exposure_of_slates(SLATES, ITEMS["item_id"])
    with pytest.raises(ValueError, match="make them one kind"):
        fairness.exposure_by_group(exposure, ITEMS.astype({"item_id": str}), "provider")
    with pytest.raises(ValueError, match="'word' holds what is no number"):
        fairness.outcome_by_group("word", pd.DataFrame({"word": ["x", "y"], "g": ["a", "b"]}), "g")


@pytest.mark.parametrize(
    ("users", "length", "options", "said"),
    [
        ([1, 1], 2, {}, "2 contexts of 1 users"),
        ([1, 2], 2, {"items": [1, 2]}, "2 ids of items for 4 actions"),
        ([1, 2], 0, {}, "from 1"),
        ([1, 2], 2.5, {}, "from 1"),
        ([], 1, {}, "0 contexts"),
    ],
)
def test_policies_asked_for_nothing(users: list[int], length: int, options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fairness.exposure_of_policy(Even(), pd.DataFrame({"user_id": users}), length, **options)


def test_expected_exposure_of_one_user_says_why_it_has_no_error() -> None:
    exposure = fairness.exposure_of_policy(Even(), pd.DataFrame({"user_id": [1]}), 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fairness.expected_exposure(exposure, [1, 1, 0, 0], 2)["loss"]
    assert np.isnan(found.std_error)
    assert any("one user alone" in note for note in found.notes)


def test_likes_go_by_name() -> None:
    items = ITEMS.assign(kind=[0, 1, 1, 0])
    exposure = fairness.exposure_of_slates(SLATES, items["item_id"])
    liked = pd.DataFrame({0: [1, 1], 1: [2, 0]}, index=[0, 1])
    assert fairness.miscalibration(exposure, items, "kind", liked).notna().all()
    for wrong, said in ((liked.loc[[0, 1, 1]], "stands twice"), (liked.astype(float).replace(2, np.inf), "infinite")):
        with pytest.raises(ValueError, match=said):
            fairness.miscalibration(exposure, items, "kind", wrong)


@pytest.mark.parametrize("method", ["amortised", "lp", "prefix"])
@pytest.mark.parametrize(("scale", "shift"), [(1e300, 0.0), (1e-300, 0.0), (1e-3, 1e6), (1.0, -5.0)])
def test_the_unit_of_scores_does_not_matter(method: str, scale: float, shift: float) -> None:
    scores = np.random.default_rng(0).normal(size=(20, 6))
    plain = fairness.rerank(scores, GROUPS, 3, least_share={"a": 0.6}, method=method)
    other = fairness.rerank(scale * scores + shift, GROUPS, 3, least_share={"a": 0.6}, method=method)
    back = (other.score - shift * other.attention.sum()) / scale
    assert back == pytest.approx(plain.score, abs=1e-5)
    assert other.table["after"].to_numpy() == pytest.approx(plain.table["after"].to_numpy(), abs=1e-6)
    assert other.chance.sum(axis=0) == pytest.approx(1.0)
    chances = other.policy.probabilities(pd.DataFrame({"user_id": np.arange(20)}))
    assert chances.sum(axis=1) == pytest.approx(1.0)


def test_a_loss_of_negative_scores_is_no_gain() -> None:
    found = fairness.rerank(-1 - np.random.default_rng(0).random((20, 6)), GROUPS, 3, least_share={"a": 0.9})
    assert found.score < found.score_before < 0
    assert np.isnan(found.price)
    assert "%" not in str(found)
    assert "less" in str(found)


def test_shares_that_round_beyond_one_are_kept() -> None:
    scores = np.random.default_rng(0).normal(size=(20, 6))
    for asked in ({"target": {"a": 0.5000005, "b": 0.5}}, {"least_share": {"a": 0.5000005, "b": 0.5}}):
        found = fairness.rerank(scores, GROUPS, 3, method="amortised", **asked)
        assert found.table["after"]["a"] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"users": [1, 2]}, "2 ids"),
        ({"users": [1] * 20}, "1 different"),
        ({"k": float("nan")}, "whole number"),
        ({"k": "3"}, "k='3'"),
        ({"least_share": [0.5, 0.5]}, "dictionary"),
    ],
)
def test_demands_that_are_none(options: dict[str, object], said: str) -> None:
    given = {"k": 3, "least_share": {"a": 0.5}} | options
    with pytest.raises(ValueError, match=said):
        fairness.rerank(np.ones((20, 6)), GROUPS, **given)


def test_the_error_of_a_gap_counts_one_less_in_every_cell() -> None:
    """Alike in what takes one value, the gap is that of means, and so is its error; few in a cell lie close to it."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": [0] * 9 + [1] * 5, "z": 0, "y": rng.normal(size=14)})
    one, other = (frame.loc[frame["x"] == x, "y"] for x in (1, 0))
    error = np.sqrt(one.var() / 5 + other.var() / 9)
    for given in ([], ["z"]):
        found = fairness.decompose(frame, "x", "y", [], given, nuisance="cells")
        direct = found["unexplained"]
        assert direct.value == pytest.approx(one.mean() - other.mean())
        assert direct.std_error == pytest.approx(error, rel=0.04)  # of 14 rows, n / (n - 1)


def test_parts_are_those_of_an_enumerated_world_in_any_order_names_and_units() -> None:
    """Counterfactual means summed by hand over z and w: x moves w and y, z moves all."""
    of_x, of_w = (lambda z: 0.3 + 0.4 * z), (lambda x, z: 0.2 + 0.4 * x + 0.2 * z)

    def mean(group: int, x: int, through: int) -> float:
        """Of y under x, with w as under `through`, in a group."""
        weight = np.array([of_x(z) if group else 1 - of_x(z) for z in (0, 1)])
        cells = [(w, z) for z in (0, 1) for w in (0, 1)]
        chance = [weight[z] / weight.sum() * (of_w(through, z) if w else 1 - of_w(through, z)) for w, z in cells]
        return float(sum(p * (x + 2 * w + z + 0.5 * x * w) for p, (w, z) in zip(chance, cells, strict=True)))

    rng, n = np.random.default_rng(0), 20_000
    z = rng.integers(0, 2, n)
    x = (rng.random(n) < of_x(z)).astype(int)
    w = (rng.random(n) < of_w(x, z)).astype(int)
    frame = pd.DataFrame({"x": x, "z": z, "w": w, "y": x + 2 * w + z + 0.5 * x * w + rng.normal(size=n)})
    found = fairness.decompose(frame, "x", "y", ["w"], ["z"])
    truth = {
        "direct": mean(0, 1, 0) - mean(0, 0, 0),
        "indirect": mean(0, 1, 1) - mean(0, 1, 0),
        "spurious": mean(1, 1, 1) - mean(0, 1, 1),
    }
    for name, value in truth.items():
        assert abs(found[name].value - value) < 5 * found[name].std_error < 0.2
    renamed = frame.sample(frac=1, random_state=1).assign(
        x=lambda f: f["x"].map({0: "p", 1: "q"}), w=lambda f: f["w"].map({0: "b", 1: "a"}), y=lambda f: 10 * f["y"] + 5
    )
    other = fairness.decompose(renamed, "x", "y", ["w"], ["z"]).table
    np.testing.assert_allclose(other / 10, found.table, atol=1e-9)


def test_a_contrast_of_numbers_goes_up_and_one_of_words_has_a_slope() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"sex": ["f", "m"] * 50, "n": [2, 10] * 50, "y": rng.normal(size=100)})
    frame["y"] += 5 * (frame["n"] == 10)
    up = fairness.decompose(frame, "n", "y", [], [])
    assert up.contrast == (2, 10)
    assert up["total variation"].value > 4
    words = fairness.decompose(frame, "sex", "y", [], [], method="linear")
    assert words["total variation"].value == pytest.approx(up["total variation"].value)
    with pytest.raises(ValueError, match="cluster: there is no column"):
        fairness.decompose(frame, "sex", "y", [], [], cluster="person")
    with pytest.raises(ValueError, match="single row"):
        fairness.decompose(frame[:2], "sex", "y", [], [])
