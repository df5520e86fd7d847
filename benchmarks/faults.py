"""T8: faults put into data on purpose; those that can be detected must raise their diagnostic, and only they.

Detectable, at a fixed severity, each run beside a sound twin: no overlap, a weak instrument, wrong logged propensities,
trends that are not parallel, arms of the wrong size. The diagnostic should warn in 90 of 100 faulty runs and in at most
7 of 100 sound ones. Undetectable (a hidden confounder, a lottery with a path of its own, shared stock in a plain A/B):
the table says how far off the estimate is, that nothing warns, whether bounds at the fault's true strength hold the
truth, and what a negative control shows.

    python benchmarks/faults.py --replications 2000 --undetectable 200
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable

import numpy as np
import pandas as pd
from recording import clock, record

from causalrec_lab import Estimate, world
from causalrec_lab.causal import effects, refute
from causalrec_lab.intervention import experiment

ROWS, SEED, OUTCOME = 2_000, 11, "click"
TREND = 0.3  # minutes a day by which the earliest cohort would have grown more
Warned = dict[str, tuple[bool, bool]]  # fault -> whether the faulty and the sound run warned


@functools.cache
def platform(**dials: float) -> world.Platform:
    """A platform with dials turned; the same seed gives the same users and items."""
    return world.Platform.make(seed=SEED, n_users=ROWS, n_items=ROWS, base_rate="common", **dials)


def says(estimate: Estimate, words: str) -> bool:
    """Whether a warning of an estimate has these words."""
    return any(note.startswith("warning") and words in note for note in estimate.notes)


def no_overlap(log: pd.DataFrame) -> bool:
    """Inverse weighting warns of poor overlap."""
    found = effects.ipw(log, "treated", OUTCOME, platform().covariates, nuisance="linear")
    return says(found, "overlap is poor")


def weak_instrument(log: pd.DataFrame) -> bool:
    """Two-stage least squares warns of a weak first stage."""
    return says(effects.iv(log, "treated", OUTCOME, platform().covariates, instrument="z"), "weak instrument")


def wrong_propensities(log: pd.DataFrame) -> bool:
    """Inverse weighting by the logged propensity warns that the log contradicts it."""
    found = effects.ipw(log, "treated", OUTCOME, platform().covariates, propensity="propensity")
    return says(found, "contradicts its propensities")


def broken_trends(slope: float, seed: int) -> bool:
    """The joint test of trends before treatment rejects at 5 %."""
    panel = world.rollout(seed, n_units=400, broken_trends=slope).panel(seed)
    found = effects.did(panel, "outcome", unit="unit", time="time", cohort="cohort", cluster="region")
    return found.pretrend().p_value < 0.05


def sample_ratio(lost: float, rng: np.random.Generator) -> bool:
    """The sample-ratio check alarms; 10,000 users, of the treated a share is lost to a slow page."""
    treated = int(rng.binomial(10_000, 0.5))
    return experiment.srm({"control": 10_000 - treated, "treated": int(rng.binomial(treated, 1 - lost))}).mismatch


def replicate(seed: int) -> Warned:
    """One faulty and one sound run of each detectable fault."""
    sound = platform().log(ROWS, seed).decisions
    stretched = np.log(sound["propensity"] / (1 - sound["propensity"])) * 0.5  # half the log-odds: another temperature
    misread = sound.assign(propensity=1 / (1 + np.exp(-stretched)))
    rng = np.random.default_rng([8, seed])
    return {
        "no overlap (exposure rule ten times as steep)": (
            no_overlap(platform(overlap=0.1).log(ROWS, seed).decisions), no_overlap(sound)),
        "weak instrument (lottery a seventh as strong)": (
            weak_instrument(platform(instrument=0.15).log(ROWS, seed).decisions), weak_instrument(sound)),
        "wrong propensities (half the log-odds)": (wrong_propensities(misread), wrong_propensities(sound)),
        "trends not parallel (0.3 minutes a day)": (broken_trends(TREND, seed), broken_trends(0.0, seed)),
        "sample ratio (10 % of the treated lost)": (sample_ratio(0.10, rng), sample_ratio(0.0, rng)),
    }  # fmt: skip


def detectable(replications: int, jobs: int = 1) -> pd.DataFrame:
    """Power and false alarms of each diagnostic, with Wilson intervals."""
    if jobs == 1:
        runs = [replicate(seed) for seed in range(replications)]
    else:
        from joblib import Parallel, delayed

        runs = Parallel(jobs)(delayed(replicate)(seed) for seed in range(replications))
    rows = {}
    for fault in runs[0]:
        faulty, sound = (np.array([run[fault][k] for run in runs]) for k in (0, 1))
        rows[fault] = {
            "power": faulty.mean(), "power_low": wilson(int(faulty.sum()), replications)[0],
            "false_alarms": sound.mean(), "false_alarms_high": wilson(int(sound.sum()), replications)[1],
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("fault")


def hidden_confounder(replications: int, gamma: float = 1.0) -> dict[str, float]:
    """AIPW without the hidden trait; bounds at the strength that the trait has in 100,000 rows."""
    faulty, twin = platform(confounding=gamma), platform(confounding=gamma, effect=0.0)
    truth, strength = faulty.truth.ate(OUTCOME).value, true_strength(faulty)
    found, bounds, worst, controls = [], [], [], []
    for seed in range(replications):
        log = faulty.log(ROWS, seed).decisions
        arguments = log, "treated", OUTCOME, faulty.covariates
        found.append(effects.aipw(*arguments))
        bounds.append(refute.bias_bounds(*arguments, **strength).contains(truth))
        worst.append(refute.bias_bounds(*arguments, **{**strength, "rho": 1.0}).contains(truth))
        earlier = log.assign(earlier=same_rows(twin, log, seed))  # the same decisions with all effects taken out
        controls.append(refute.placebo_outcome(effects.aipw, earlier, "treated", "earlier", faulty.covariates).failed)
    return row(found, truth, np.mean(bounds), np.mean(controls)) | {"bounds_worst_rho": float(np.mean(worst))} | {
        f"true_{name}": value for name, value in strength.items()}  # fmt: skip


def true_strength(faulty: world.Platform) -> dict[str, float]:
    """Strength of the hidden trait beyond the columns, by putting it in."""
    log = faulty.log(100_000, 10_000_019).decisions
    pairs = faulty.population.at(log["user_id"].to_numpy(), log["item_id"].to_numpy())
    log = log.assign(h=pairs.hidden)
    parts = [
        refute.bias_bounds(log, "treated", OUTCOME, columns).short
        for columns in (faulty.covariates, [*faulty.covariates, "h"])
    ]
    found = refute.confounder_strength(*parts)
    return {name: found[name] for name in ("r2_treatment", "r2_outcome", "rho")}


def same_rows(twin: world.Platform, log: pd.DataFrame, seed: int) -> np.ndarray:
    """Outcome of the same decisions on a platform without any effect."""
    other = twin.log(ROWS, seed).decisions
    if not (other["treated"].to_numpy() == log["treated"].to_numpy()).all():
        raise RuntimeError("the twin's decisions are others; it would be no negative control")
    return other[OUTCOME].to_numpy()


def broken_exclusion(replications: int, direct: float = 1.0) -> dict[str, float]:
    """Two-stage least squares with a lottery that also moves the outcome by itself (Conley et al. 2012 as bound)."""
    faulty, twin = platform(exclusion=direct), platform(exclusion=direct, effect=0.0)
    truth = faulty.truth.late(OUTCOME).value
    many = twin.log(200_000, 10_000_019).decisions  # without effects the lottery moves the outcome by its own path only
    own_path = float(np.polyfit(many["z"], many[OUTCOME], 1)[0])  # the lottery is drawn apart from everything else
    found, bounds, controls = [], [], []
    for seed in range(replications):
        log = faulty.log(ROWS, seed).decisions
        found.append(effects.iv(log, "treated", OUTCOME, faulty.covariates, instrument="z"))
        mended = log.assign(mended=log[OUTCOME] - own_path * log["z"])
        bounds.append(effects.iv(mended, "treated", "mended", faulty.covariates, instrument="z").covers(truth))
        earlier = log.assign(earlier=same_rows(twin, log, seed))
        controls.append(not effects.iv(earlier, "treated", "earlier", faulty.covariates, instrument="z").covers(0.0))
    return row(found, truth, np.mean(bounds), np.mean(controls))


def interference(replications: int, scarce: float = 0.6) -> dict[str, float]:
    """A plain A/B over users where both arms share one stock, judged by the effect of treating everybody."""
    rows, faulty = 6_000, platform(interference=scarce)
    truth = faulty.truth.global_effect("purchase", rows, repeats=40).value
    found, weekly = [], []
    for seed in range(replications):
        users = faulty.trial(rows, seed, unit="user").decisions
        found.append(effects.naive(users, "treated", "purchase", cluster="user_id"))
        weeks = faulty.trial(rows, seed, unit="week").decisions.assign(
            week=lambda table: table["timestamp"].dt.isocalendar().week
        )
        weekly.append(effects.naive(weeks, "treated", "purchase", cluster="week").value)
    return row(found, truth, float("nan"), float("nan")) | {"switchback_bias": float(np.mean(weekly)) - truth}


def row(found: list[Estimate], truth: float, bounds: float, controls: float) -> dict[str, float]:
    """Bias, coverage, warnings, share of bounds that hold the truth, share of negative controls that fail."""
    values = np.array([estimate.value for estimate in found])
    return {
        "truth": truth,
        "bias": float(np.median(values)) - truth,
        "bias_in_se": float(np.median([(e.value - truth) / e.std_error for e in found])),
        "coverage": float(np.mean([estimate.covers(truth) for estimate in found])),
        "warned": float(np.mean([any(n.startswith("warning") for n in estimate.notes) for estimate in found])),
        "bounds_hold_truth": float(bounds),
        "negative_control_fails": float(controls),
    }


def undetectable(replications: int) -> pd.DataFrame:
    """What each undetectable fault does, and what is left to say about it."""
    cases: dict[str, Callable[[int], dict[str, float]]] = {
        "hidden confounder (gamma 1), AIPW": hidden_confounder,
        "lottery with a path of its own, 2SLS": broken_exclusion,
        "shared stock, A/B over users": interference,
    }
    rows = {name: case(replications) for name, case in cases.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("fault")


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % Wilson interval of a share."""
    z, p = 1.959964, hits / n
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return float((centre - half) / (1 + z**2 / n)), float((centre + half) / (1 + z**2 / n))


def main() -> None:
    """Run and write `results/faults.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=2_000)
    parser.add_argument("--undetectable", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    with clock() as seconds:
        seen = detectable(options.replications, options.jobs)
        unseen = undetectable(options.undetectable)
    record(
        "faults", pd.concat([seen, unseen]), seconds[0],
        replications=options.replications, replications_undetectable=options.undetectable, n=ROWS, outcome=OUTCOME,
    )  # fmt: skip


if __name__ == "__main__":
    main()
