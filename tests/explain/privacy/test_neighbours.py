"""Neighbouring tables, one user more or less, told apart by nothing but noisy sums that move by one user at most."""

from __future__ import annotations

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.explain import privacy
from causalrec_lab.explain.privacy.contributions import GRID
from causalrec_lab.explain.privacy.noise import Simulation, calibrate, opendp

OTHERS = pd.DataFrame(
    {"user_id": range(30), "y": [0.5, 0.0, 1.0] * 10, "t": [True, False] * 15, "g": ["a", "b"] * 15, "e": 0.5}
)
PLAIN = {"user_id": 99, "y": 1.0, "t": True, "g": "a", "e": 0.5}
ROWS: dict[str, list[dict[str, object]]] = {
    "one row": [{}],
    "many rows": [{"y": float(k), "g": "ab"[k % 2], "t": k % 3 == 0} for k in range(60)],
    "not a number": [{"y": np.nan}],
    "infinite": [{"y": np.inf}, {"y": np.inf}, {"y": -np.inf}],
    "as large as numbers go": [{"y": y} for y in [1e308] * 3 + [-1e308] * 5],
    "minus zero": [{"y": -0.0, "e": -0.0}],
    "a number of 5,000 digits": [{"y": 10**5_000}, {"y": -(10**5_000)}],
    "decimals that signal": [{"y": Decimal("sNaN")}, {"y": Decimal("0.25")}],
    "text for a number": [{"y": "high"}],
    "missing truth": [{"t": None}],
    "an arm of its own": [{"t": 7}],
    "a list for a value": [{"y": [1]}],
    "a list for a user": [{"user_id": [1]}],
    "a set for a group": [{"g": {1}}],
    "a number for a group": [{"g": 5}],
    "a group of its own": [{"g": "z"}] * 9,
    "no group": [{"g": None}],
    "no user": [{"user_id": None}],
    "a large user": [{"user_id": 10**30}, {"user_id": 10**30}],
    "a chance of 0, of none, beyond": [{"e": 0.0}, {"e": np.nan}, {"e": -np.inf}, {"e": 9.0}],
}
RELEASES = {
    "declared": lambda frame, noise: privacy.counts(frame, by={"g": ["a", "b"]}, epsilon=1.0, noise=noise),
    "rows": lambda frame, noise: privacy.counts(frame, epsilon=1.0, rows_per_user=4, noise=noise),
    "found": lambda frame, noise: privacy.counts(frame, by="g", epsilon=1.0, delta=1e-6, noise=noise),
    "histogram": lambda frame, noise: privacy.histogram(frame, "y", edges=[0, 0.5, 1], epsilon=1.0, noise=noise),
    "mean": lambda frame, noise: privacy.mean(frame, "y", bounds=(0, 1), epsilon=1.0, noise=noise),
    "sum": lambda frame, noise: privacy.mean(frame, "y", bounds=(0, 9), epsilon=1.0, per_user="sum", noise=noise),
    "effect": lambda frame, noise: privacy.effect(frame, "t", "y", bounds=(0, 1), epsilon=1.0, noise=noise),
    "strata": lambda frame, noise: privacy.effect(
        frame, "t", "y", bounds=(0, 1), epsilon=1.0, adjust={"g": ["a", "b"]}, noise=noise
    ),
    "weighted": lambda frame, noise: privacy.effect(
        frame, "t", "y", bounds=(0, 1), epsilon=1.0, propensity="e", floor=0.1, noise=noise
    ),
}


class Seen(Simulation):
    """Adds nothing, and keeps the sums that it was given and the law of the noise they should have got."""

    def add(self, sums, mechanism):
        self.sums, self.law = sums.astype(object), mechanism
        return sums + 100 * GRID  # as though there were many: no warning of drowned users


def exact(release, frame: pd.DataFrame) -> tuple[np.ndarray, object]:
    noise = Seen(0)
    release(frame, noise)
    return noise.sums.ravel(), noise.law


@pytest.mark.parametrize("name", RELEASES)
@pytest.mark.parametrize("kind", ROWS)
def test_a_user_of_any_kind_moves_the_sums_by_one_user_and_causes_no_error(name, kind):
    theirs = pd.DataFrame([PLAIN | row for row in ROWS[kind]])
    both = pd.concat([OTHERS, theirs], ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (with_user, law), (without, _) = exact(RELEASES[name], both), exact(RELEASES[name], OTHERS)
    if name == "found":  # a group may be there or not; below the threshold it is not named
        without = np.sort(np.append(without, [0] * (len(with_user) - len(without))))
        with_user = np.sort(with_user)
    assert abs(with_user - without).sum() <= law.sensitivity
    assert (with_user >= without).all()


@pytest.mark.parametrize("noise", [None, privacy.simulate(1)])
def test_the_kind_of_a_column_names_no_group_that_noise_has_not_passed(noise):
    """A categorical column carries the list of all its groups; the released one does not."""
    rare = pd.DataFrame({"user_id": range(2_000), "g": ["a", "b"] * 1_000})
    rare.loc[0, "g"] = "the rare one"
    found = privacy.counts(rare.astype({"g": "category"}), by="g", epsilon=1.0, delta=1e-6, noise=noise)
    assert found.table["g"].tolist() == ["a", "b"]
    assert "rare" not in repr(found.table["g"].dtype) + repr(found)
    assert not isinstance(found.table["g"].dtype, pd.CategoricalDtype)


def test_a_table_without_rows_is_a_neighbour_too():
    """Released without an error, and the sums under the noise are those of nobody."""
    for release in RELEASES.values():
        release(OTHERS[:0], None)
        assert not np.any(exact(release, OTHERS[:0])[0])


def test_outcomes_that_are_all_alike_have_an_interval():
    """Their variance is 0 up to rounding, and was taken to the root below 0."""
    for n in (7, 50, 53, 101):
        alike = pd.DataFrame({"user_id": range(n), "t": np.arange(n) % 2, "y": 0.1})
        found = privacy.effect(alike, "t", "y", bounds=(0, 1), epsilon=1e6)
        assert abs(found.value) < 1e-4
        assert found.std_error < 1e-3
        assert privacy.mean(alike, "y", bounds=(0, 1), epsilon=1e6).std_error < 1e-3


@pytest.mark.parametrize("kind", ["laplace", "gaussian"])
def test_the_promise_is_what_opendp_s_own_map_says(kind):
    dp = opendp()
    numbers = dp.vector_domain(dp.atom_domain(T="i64"))
    for epsilon in (1e-3, 0.1, 1 / 3, 1.0, 10.0):
        for most in (1, 3, GRID):
            if kind == "laplace":
                law = calibrate(kind, most, epsilon)
                assert dp.m.make_laplace(numbers, dp.l1_distance(T="i64"), scale=law.scale).map(most) <= epsilon
            else:
                law = calibrate(kind, most, epsilon, 1e-6)
                noisy = dp.m.make_gaussian(numbers, dp.l2_distance(T="f64"), scale=law.scale)
                assert dp.c.make_zCDP_to_approxDP(noisy).map(float(most)).epsilon(1e-6) <= epsilon
