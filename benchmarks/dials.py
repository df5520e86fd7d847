"""What each dial of the platform moves, and what it does not (claim T0).

Each dial is turned alone, on platforms of one seed, and every figure is taken before and after, with the same random
numbers. A figure has moved where the difference exceeds five of its standard errors (sums have none: any difference
counts). What is expected to move is declared in EXPECTED; the script fails where something else did, or something did
not.

    python benchmarks/dials.py
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from recording import clock, record

from causalrec_lab.world import Platform

BASE: Mapping[str, Any] = {"seed": 1, "n_users": 500, "n_items": 100, "base_rate": "common"}
ROWS = 200_000
OUTCOME = "purchase"
SURE = 5.0  # standard errors

Figure = tuple[float, float]  # value and standard error
Floats = npt.NDArray[np.float64]

WORDS = {"words of the texts"}
RULE = {"exposure AUC", "overlap ESS", "complier share", "LATE, click"}
RATES = {"outcome rate", "E[Y(0)]"}
EFFECTS = {"ATE", "LATE, click"}
DAYS = {"policy value, day 0", "policy value, day 185"}
# dial -> (turned to, figures that move); the LATE moves with the exposure rule because the compliers do
EXPECTED: dict[str, tuple[Any, set[str]]] = {
    "confounding": (1.0, RULE | {"naive bias", "IPW bias, logged columns"}),
    "text_r2": (0.3, WORDS | {"text R2"}),
    "vocabulary": (600, WORDS),
    "zipf": (0.3, WORDS),
    "paraphrase": (0.5, WORDS),
    "overlap": (0.3, RULE | {"exposure rate", "naive bias"}),
    "effect": (0.4, EFFECTS | DAYS | {"outcome rate"}),
    "instrument": (0.3, RULE | {"exposure rate"}),
    "exclusion": (0.8, RATES | EFFECTS | DAYS | {"IV bias, click"}),
    "base_rate": ("realistic", RULE | RATES | EFFECTS | DAYS | {"exposure rate", "naive bias"}),
    "drift": (0.1, EFFECTS | {"naive bias", "policy value, day 185"}),  # what is known of tastes goes stale
    "cold": (0.4, EFFECTS | DAYS | {"items' table", "popularity Gini", "exposure rate"}),
    "shock": (1.5, EFFECTS | {"policy value, day 185"}),  # two weeks of the year
    "shock_day": (20, set()),  # without a shock there is no day of it
    "carry_over": (1.0, RATES | EFFECTS | DAYS | {"global - direct"}),
    "interference": (0.6, RATES | {"ATE", "global - direct", "naive bias"}),  # a click takes nothing off the shelf
    "abandonment": (1.0, set()),  # it ends the reading of lists, and none of these figures is of lists
}


def figures(platform: Platform) -> dict[str, Figure]:
    """Each figure with its standard error: 0 where it is a sum, or a property of the population."""
    truth, log = platform.truth, platform.log(ROWS, seed=1, propensity="nominal").decisions
    direct, overall = (f(OUTCOME, ROWS) for f in (truth.direct_effect, truth.global_effect))
    e = truth.propensity(log)
    lucky, without = (truth.propensity(log.assign(z=z)) for z in (1, 0))
    treated = log["treated"].to_numpy()
    weight = np.where(treated == 1, 1 / e, 1 / (1 - e))
    return {
        **tables(platform),
        "text R2": (float(truth.text_r2()), 0.0),
        "exposure rate": mean(e),
        "exposure AUC": area(e, treated),
        "overlap ESS": (float(weight.sum() ** 2 / (ROWS * (weight**2).sum())), 0.002),
        "complier share": mean(lucky - without),
        "outcome rate": mean(log[OUTCOME]),
        "E[Y(0)]": mean(truth.coupled_outcomes(ROWS, 1, OUTCOME)["y0"]),
        "ATE": (direct.value, direct.std_error),
        "global - direct": (overall.value - direct.value, float(np.hypot(overall.std_error, direct.std_error))),
        "naive bias": less(naive(log), direct.value),
        "IPW bias, logged columns": less(weighted(log, log["propensity"].to_numpy()), direct.value),
        "IPW bias, true propensity": less(weighted(log, e), direct.value),
        "LATE, click": (float(truth.late("click")), truth.late("click").std_error),
        "IV bias, click": less(wald(log), float(truth.late("click"))),
        "policy value, day 0": value_on(platform, 0),
        "policy value, day 185": value_on(platform, 185),
    }


def tables(platform: Platform) -> dict[str, Figure]:
    """Checksums of what the platform is made of, and how unequal popularity is."""
    users, items = platform.users, platform.items
    popularity = np.sort(items["popularity"].to_numpy(float))
    rank = np.arange(1, len(popularity) + 1)
    gini = 2 * (rank @ popularity) / (len(rank) * popularity.sum()) - (len(rank) + 1) / len(rank)
    return {
        "users' table": (checksum(users.drop(columns="text")), 0.0),
        "items' table": (checksum(items.drop(columns=["title", "text"])), 0.0),
        "words of the texts": (checksum(users[["text"]]), 0.0),
        "popularity Gini": (float(gini), 0.0),
    }


def checksum(table: pd.DataFrame) -> float:
    """A number that tells two tables apart."""
    return float(pd.util.hash_pandas_object(table, index=False).sum() % 1_000_003)


def mean(column: npt.ArrayLike) -> Figure:
    """Mean and its standard error."""
    values = np.asarray(column, dtype=np.float64)
    return float(values.mean()), float(values.std() / np.sqrt(len(values)))


def area(score: Floats, treated: npt.NDArray[np.int64]) -> Figure:
    """Area under the ROC curve of the true propensity, and an upper bound of its standard error."""
    ones = int(treated.sum())
    ranks = pd.Series(score).rank().to_numpy()[treated == 1]
    found = (ranks.sum() - ones * (ones + 1) / 2) / (ones * (len(treated) - ones))
    return float(found), float(np.sqrt(1 / (4 * min(ones, len(treated) - ones))))


def naive(log: pd.DataFrame) -> Figure:
    """Difference in means."""
    groups = log.groupby("treated")[OUTCOME]
    return float(groups.mean().diff()[1]), float(np.hypot(*groups.sem()))


def weighted(log: pd.DataFrame, e: Floats) -> Figure:
    """Inverse propensity weighting (Horvitz-Thompson)."""
    t, y = log["treated"].to_numpy(), log[OUTCOME].to_numpy()
    return mean(t * y / e - (1 - t) * y / (1 - e))


def wald(log: pd.DataFrame) -> Figure:
    """Instrumental-variable ratio of the lottery for a click, and its delta-method error."""
    z, t, y = (log[name].to_numpy(float) for name in ("z", "treated", "click"))
    z = z - z.mean()
    found = (z @ y) / (z @ t)
    residual = (y - y.mean()) - found * (t - t.mean())
    return float(found), float(np.std(z * residual) * np.sqrt(len(z)) / (z @ t))


def less(figure: Figure, truth: float) -> Figure:
    """An estimate's distance from the truth."""
    return figure[0] - truth, figure[1]


def value_on(platform: Platform, day: int) -> Figure:
    """Value of the logging policy, sharpened, on one day."""
    snapshot = platform.on(day)
    found = snapshot.truth.policy_value(snapshot.logging_policy(0.3))
    return found.value, found.std_error


def turned(dial: str, to: Any, before: Mapping[str, Figure]) -> list[dict[str, Any]]:
    """Every figure before and after, and whether it moved as declared."""
    after, expected = figures(Platform.make(**{**BASE, dial: to})), EXPECTED[dial][1]
    rows = []
    for name, (value, error) in after.items():
        noise = float(np.hypot(error, before[name][1]))
        moved = abs(value - before[name][0]) > max(SURE * noise, 1e-9)
        rows.append(
            {
                "dial": dial,
                "to": to,
                "figure": name,
                "before": before[name][0],
                "after": value,
                "noise": noise,
                "moved": moved,
                "expected": name in expected,
            }
        )
    return rows


def main() -> None:
    """Turn every dial, print what moved, write the JSON; end with an error where something moved unasked."""
    with clock() as seconds:
        before = figures(Platform.make(**BASE))
        rows = pd.DataFrame([row for dial, (to, _) in EXPECTED.items() for row in turned(dial, to, before)])
    grouped = rows.groupby(["dial", "to"], sort=False)
    table = pd.DataFrame(
        {
            "moved": grouped.apply(lambda part: ", ".join(part.loc[part["moved"], "figure"]) or "nothing"),
            "did not": grouped.apply(lambda part: ", ".join(part.loc[~part["moved"], "figure"]) or "nothing"),
            "as declared": grouped.apply(lambda part: bool((part["moved"] == part["expected"]).all())),
        }
    )
    facts = {"base": dict(BASE), "outcome": OUTCOME, "rows_of_a_log": ROWS, "figures": rows.to_dict(orient="records")}
    record("dials", table, sum(seconds), **facts)
    if wrong := rows[rows["moved"] != rows["expected"]].to_dict(orient="records"):
        sys.exit("\n".join(f"{r['dial']}: {r['figure']} {r['before']:.4g} -> {r['after']:.4g}" for r in wrong))


if __name__ == "__main__":
    main()
