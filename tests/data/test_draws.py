"""Draws by arithmetic: the polynomial as written, in every system, and evenly spread over structured keys."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from scipy import stats

from causalrec_lab.data.building import portable_draws as draws
from causalrec_lab.data.frames_and_tables import collected, lazily

P = 2**31 - 1


def plain(seed: int, *keys: int) -> int:
    """The equations of the module in Python's integers, which never overflow."""
    random = np.random.default_rng([seed, len(keys)])
    (c3, c2, c1, c0), slopes = random.integers(1, P, 4).tolist(), random.integers(1, P, len(keys)).tolist()
    x = sum(a * key for a, key in zip(slopes, keys, strict=True)) % P
    return (c3 * x**3 + c2 * x**2 + c1 * x + c0) % P


def number_of(text: str) -> int:
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return sum(int(digest[place], 16) * 16**place for place in range(7))


def test_keys_and_draws_are_those_of_exact_arithmetic_everywhere(backend):
    ids = [0, 1, -5, 7, P, P + 3, 2**60, -(2**60)]
    names = ["a", "A", "é", "", "user 17", "ß", "漢字", "0"]
    times = pd.to_datetime(["2024-01-01 00:00:00.75", *["1969-12-31 23:59:58"] * 7], format="ISO8601")
    table = backend.load(pd.DataFrame({"id": ids, "name": names, "time": times, "row": range(8)}), "draw_keys")
    one, two, three = (draws.key(table[column]) for column in ("id", "name", "time"))
    found = table.select("row", one=one, two=two, three=three, drawn=draws.scrambled(9, one, two, three))
    found = found.to_pandas().sort_values("row")
    assert found["one"].tolist() == [value % P for value in ids]
    assert found["two"].tolist() == [number_of(name) for name in names]
    assert found["three"].tolist() == [1_704_067_200, *[(-2) % P] * 7]
    keys = found[["one", "two", "three"]].to_numpy().tolist()
    assert found["drawn"].tolist() == [plain(9, *row) for row in keys]


def test_draws_over_a_grid_of_keys_are_even_and_independent():
    grid = pd.DataFrame({"user": np.repeat(np.arange(400), 50), "turn": np.tile(np.arange(50), 400)})
    table = lazily(grid)
    for seed in range(4):
        drawn = table.mutate(place=draws.scrambled(seed, table.user, table.turn) % 10)
        place = collected(drawn.order_by("user", "turn"))["place"].to_numpy().reshape(400, 50)
        counts = np.bincount(place.ravel(), minlength=10)
        assert stats.chisquare(counts).pvalue > 1e-6
        for left, right in ((place[:, :-1], place[:, 1:]), (place[:-1], place[1:])):  # neighbours in turn and in user
            pairs = np.bincount((left * 10 + right).ravel(), minlength=100).reshape(10, 10)
            assert stats.chi2_contingency(pairs).pvalue > 1e-6
