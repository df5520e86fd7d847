"""Effects of single rows: every learner's error against the true effect, beside EconML's learners, in one run.

PEHE is the root of the mean squared error of predicted effects on 2,000 new rows, learned from 2,000. Peers have
EconML's defaults, and gradient boosting (scikit-learn's defaults) where EconML asks for models. Processor seconds are
those of learning.

    python benchmarks/cate.py --replications 4
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from coverage_cases.heterogeneous import constant
from coverage_cases.populations import platform_clicks, surface
from recording import clock, record

from causalrec_lab.causal import effects

ROWS, SEED = 2_000, 50_000  # new rows come from seeds far from the learned ones
Floats = npt.NDArray[np.float64]
Log = tuple[pd.DataFrame, Floats]


def scenarios() -> dict[str, tuple[Callable[[int], Log], str, str, list[str]]]:
    """Label -> (draw: seed -> rows and their true effects), treatment, outcome, covariates."""
    columns = ["x0", "x1", "x2", "x3"]
    found: dict[str, tuple[Callable[[int], Log], str, str, list[str]]] = {
        noise: (partial(curved, noise), "t", "y", columns) for noise in ("normal", "heavy")
    }
    found["constant effect"] = (lambda seed: (constant(seed), np.ones(ROWS)), "t", "y", columns)
    found["one in ten treated"] = (rare, "t", "y", columns)
    return found | {"platform clicks": (clicks, "treated", "click", platform_clicks().covariates)}


def curved(noise: str, seed: int) -> Log:
    """A surface with a curved effect."""
    log = surface(noise).draw(seed)
    return log, surface(noise).effect(log["x0"].to_numpy())


def rare(seed: int) -> Log:
    """A wavy outcome, a straight effect, and few treated rows."""
    rng = np.random.default_rng([17, seed])
    x = rng.uniform(-1, 1, (ROWS, 4))
    t = (rng.uniform(size=ROWS) < 0.1).astype(int)
    effect = 1 + x[:, 0]
    y = np.sin(3 * x[:, 1]) + 2 * x[:, 2] ** 2 + effect * t + rng.normal(size=ROWS)
    return pd.DataFrame(x, columns=["x0", "x1", "x2", "x3"]).assign(t=t, y=y), effect


def clicks(seed: int) -> Log:
    """The platform's clicks and the effect of each decision."""
    log = platform_clicks().draw(seed)
    return log, platform_clicks().platform.truth.cate(log, "click")["value"].to_numpy()


def ours() -> dict[str, Callable[..., effects.CateEstimate]]:
    """Label -> our learner."""
    meta = {"S": effects.s_learner, "T": effects.t_learner, "X": effects.x_learner}
    learners = meta | {"R": effects.r_learner, "DR": effects.dr_learner}
    found: dict[str, Callable[..., effects.CateEstimate]] = {}
    for kind in ("spline", "linear", "boosted"):
        some = learners if kind != "boosted" else {name: learners[name] for name in ("X", "R")}
        found |= {f"{name}-learner, {kind}": partial(learner, learner=kind) for name, learner in some.items()}
    return found | {"causal forest": effects.causal_forest}


@cache
def peers() -> dict[str, Callable[[int], Any]]:
    """Label -> seed -> EconML's estimator."""
    from econml.dml import CausalForestDML, LinearDML
    from econml.dr import DRLearner
    from econml.metalearners import SLearner, TLearner, XLearner
    from sklearn.ensemble import GradientBoostingRegressor

    def boosting(seed: int) -> Any:
        return GradientBoostingRegressor(random_state=seed)

    return {
        "EconML SLearner, boosting": lambda seed: SLearner(overall_model=boosting(seed)),
        "EconML TLearner, boosting": lambda seed: TLearner(models=boosting(seed)),
        "EconML XLearner, boosting": lambda seed: XLearner(models=boosting(seed)),
        "EconML LinearDML": lambda seed: LinearDML(discrete_treatment=True, random_state=seed),
        "EconML DRLearner": lambda seed: DRLearner(random_state=seed),
        "EconML CausalForestDML": lambda seed: CausalForestDML(discrete_treatment=True, random_state=seed, n_jobs=1),
    }


def one(name: str, seed: int, *, with_peers: bool) -> list[dict[str, Any]]:
    """One log of a scenario: every learner's error on new rows, average with its interval, seconds."""
    draw, treatment, outcome, columns = scenarios()[name]
    (log, own), (new, effect) = draw(seed), draw(SEED + seed)
    rows = []
    for label, learner in ours().items():
        start = time.process_time()
        found = learner(log, treatment, outcome, columns, seed=seed)
        seconds, average = time.process_time() - start, found.average()
        rows.append(judged(label, found.effect(new), effect, (average.value, average.low, average.high), own, seconds))
    for label, make in peers().items() if with_peers else ():
        start = time.process_time()
        X = log[columns].to_numpy(float)
        peer = make(seed).fit(log[outcome].to_numpy(float), log[treatment].to_numpy(), X=X)
        seconds = time.process_time() - start
        rows.append(judged(label, peer.effect(new[columns].to_numpy(float)), effect, interval(peer, X), own, seconds))
    return [{"scenario": name} | row for row in rows]


def interval(peer: Any, X: Floats) -> tuple[float, float, float]:
    """A peer's average effect, with its interval where it has one without a bootstrap."""
    value = float(peer.ate(X))
    try:
        low, high = peer.ate_interval(X, alpha=0.05)
        return value, float(low), float(high)
    except (NotImplementedError, AttributeError, ValueError):
        return value, float("nan"), float("nan")


def judged(
    label: str, found: Floats, effect: Floats, average: tuple[float, float, float], own: Floats, seconds: float
) -> dict[str, Any]:
    """Figures of one learner on one log; the average is judged against that of the rows learned from."""
    error, flat = np.ravel(found) - effect, np.ptp(effect) == 0
    value, low, high = average
    return {
        "learner": label,
        "pehe": float(np.sqrt(np.mean(error**2))),
        "correlation": float("nan")
        if flat or np.ptp(found) == 0
        else float(np.corrcoef(np.ravel(found), effect)[0, 1]),
        "average_error": value - float(own.mean()),
        "average_length": high - low,
        "cpu_seconds": seconds,
    }


def main() -> None:
    """Run and write `results/cate.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=4)
    parser.add_argument("--peers", type=int, default=4, help="replications in which EconML's learners run too")
    options = parser.parse_args()
    with clock() as seconds, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runs = [
            row
            for name in scenarios()
            for seed in range(options.replications)
            for row in one(name, seed, with_peers=seed < options.peers)
        ]
    table = pd.DataFrame(runs).groupby(["scenario", "learner"], sort=False)
    found = table.mean().assign(pehe_error=table["pehe"].std() / np.sqrt(table.size()), replications=table.size())
    record("cate", found, seconds[0], n=ROWS)


if __name__ == "__main__":
    main()
