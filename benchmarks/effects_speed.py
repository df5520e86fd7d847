"""S3: processor seconds of cross-fitted AIPW and DML beside EconML's LinearDML and DoubleML, in one run.

n = 20,000 rows, p = 20 covariates, five folds, linear and boosted nuisances; a million rows with linear ones. Every
library gets the same table; value and interval stand beside the true effect. `--defaults` adds EconML's LinearDML as
it comes, which searches for its nuisances by cross-validation and takes minutes.

    python benchmarks/effects_speed.py --defaults
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab.causal import effects

COLUMNS = [f"x{k}" for k in range(20)]
Answer = tuple[float, float, float]  # value and interval
TREES: dict[str, Any] = {"max_iter": 100, "learning_rate": 0.08, "max_leaf_nodes": 8, "min_samples_leaf": 30}


def draw(n: int, seed: int = 0) -> pd.DataFrame:
    """A table whose ATE and ATO are both 1: the effect grows with a covariate that moves neither arm nor outcome."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 20))
    t = (rng.uniform(size=n) < 1 / (1 + np.exp(-0.6 * x[:, 0] + 0.4 * x[:, 1]))).astype(int)
    y = x[:, 0] + 0.5 * x[:, 1] + (1 + 0.5 * x[:, 2]) * t + rng.normal(size=n)
    return pd.DataFrame(x, columns=COLUMNS).assign(t=t, y=y)


def ours(name: str, frame: pd.DataFrame, **options: Any) -> Callable[[], Answer]:
    """One of this library's estimators."""

    def run() -> Answer:
        found = getattr(effects, name)(frame, "t", "y", COLUMNS, **options)
        return found.value, found.low, found.high

    return run


def econml(frame: pd.DataFrame, nuisance: str) -> Callable[[], Answer]:
    """LinearDML with five folds: linear, boosted or its default nuisances; no effect modifiers, so one number."""

    def run() -> Answer:
        from econml.dml import LinearDML

        nuisances = {} if nuisance == "defaults" else dict(zip(("model_y", "model_t"), models(nuisance), strict=True))
        model = LinearDML(discrete_treatment=True, cv=5, random_state=0, **nuisances)
        model.fit(frame["y"].to_numpy(), frame["t"].to_numpy(), W=frame[COLUMNS].to_numpy())
        low, high = model.intercept__interval(alpha=0.05)
        return float(np.ravel(model.intercept_)[0]), float(np.ravel(low)[0]), float(np.ravel(high)[0])

    return run


def doubleml(frame: pd.DataFrame, nuisance: str, kind: str) -> Callable[[], Answer]:
    """DoubleML's interactive (IRM) or partially linear (PLR) model with five folds."""

    def run() -> Answer:
        import doubleml as dml

        data = dml.DoubleMLData(frame, y_col="y", d_cols="t", x_cols=COLUMNS)
        outcome, treatment = models(nuisance)
        if kind == "IRM":
            model = dml.DoubleMLIRM(data, ml_g=outcome, ml_m=treatment, n_folds=5)
        else:
            model = dml.DoubleMLPLR(data, ml_l=outcome, ml_m=treatment, n_folds=5)
        model.fit()
        low, high = model.confint().to_numpy()[0]
        return float(model.coef[0]), float(low), float(high)

    return run


def models(nuisance: str) -> tuple[Any, Any]:
    """Outcome and treatment models of scikit-learn, the same that this library fits."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LinearRegression, LogisticRegression

    if nuisance == "linear":
        return LinearRegression(), LogisticRegression(C=1e3)
    return HistGradientBoostingRegressor(**TREES), HistGradientBoostingClassifier(**TREES)


def contenders(frame: pd.DataFrame, defaults: bool) -> dict[str, Callable[[], Answer]]:
    """Label -> run."""
    rows: dict[str, Callable[[], Answer]] = {}
    for nuisance in ("linear", "boosted"):
        rows[f"aipw, {nuisance}"] = ours("aipw", frame, nuisance=nuisance)
        rows[f"tmle, {nuisance}"] = ours("tmle", frame, nuisance=nuisance)
        rows[f"dml partially linear, {nuisance}"] = ours("dml", frame, nuisance=nuisance, model="partially linear")
        rows[f"EconML LinearDML, {nuisance}"] = econml(frame, nuisance)
        rows[f"DoubleML IRM, {nuisance}"] = doubleml(frame, nuisance, "IRM")
        rows[f"DoubleML PLR, {nuisance}"] = doubleml(frame, nuisance, "PLR")
    rows["matching"] = ours("matching", frame)
    return rows | ({"EconML LinearDML, its defaults": econml(frame, "defaults")} if defaults else {})


def measure(run: Callable[[], Answer], repeats: int) -> dict[str, float]:
    """Answer and the least processor seconds of some repeats."""
    seconds = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(repeats):
            start = time.process_time()
            value, low, high = run()
            seconds.append(time.process_time() - start)
    return {"truth": 1.0, "value": value, "low": low, "high": high, "cpu_seconds": min(seconds)}


def main() -> None:
    """Run and write `results/effects_speed.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--many", type=int, default=1_000_000, help="rows of the large table; 0 leaves it out")
    parser.add_argument("--defaults", action="store_true", help="EconML's default nuisances too: minutes")
    options = parser.parse_args()
    with clock() as seconds:
        for run in contenders(draw(500), defaults=False).values():
            measure(run, 1)  # imports and warming up are not what is compared
        rows = {
            f"{label}, n = {options.rows:,}": measure(run, 1 if "defaults" in label else 3)
            for label, run in contenders(draw(options.rows), options.defaults).items()
        }
        if options.many:
            large = draw(options.many)
            for label, run in {
                "aipw, linear": ours("aipw", large, nuisance="linear"),
                "dml partially linear, linear": ours("dml", large, nuisance="linear", model="partially linear"),
            }.items():
                rows[f"{label}, n = {options.many:,}"] = measure(run, 2)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("estimator")
    peers = {name: version(name) for name in ("econml", "doubleml")}
    record("effects_speed", table, seconds[0], covariates=20, folds=5, peers=peers)


if __name__ == "__main__":
    main()
