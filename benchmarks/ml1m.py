"""ML-1M, leave one out with the whole catalogue ranked (R1), and the seconds an evaluation of its users takes (R3).

Leave-one-out on the hash-checked sequence file, every one of the 3,416 films ranked for each of 6,040 users, films
already seen left out, histories of up to 200. The settings were chosen on the validation films only.

    python benchmarks/ml1m.py --seeds 0 1 2          # trains, tests, writes results/ml1m.json
    python benchmarks/ml1m.py --epochs 20 --validate # the last film but one only, nothing written: to choose settings
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from recording import clock, record

from causalrec_lab.data import load, split_leave_one_out
from causalrec_lab.recommender import ItemKNN, Popularity, RecommenderConfig, TransformerRecommender, evaluate

KLENITSKIY = {
    "source": "Klenitskiy and Vasilev 2023",
    "where": "table for MovieLens-1m, README of antklen/sasrec-bert4rec-recsys23",
    "seen": "filtered: filter_seen=True in src/modules.py",
    "items": 3_416,
}
GSASREC = {
    "source": "Petrov and Macdonald 2023",
    "where": "table of pre-trained models, README of asash/gSASRec-pytorch",
    "seen": "filtered: filter_rated=True in config.py",
    "items": 3_416,
}
ESASREC = {
    "source": "eSASRec 2025, arXiv:2508.06450",
    "where": "table of MovieLens datasets, README of blondered/transformer_benchmark",
    "seen": "not confirmed",
    "items": 3_706,
}
PUBLISHED = {
    "SASRec, BCE": (0.1341, KLENITSKIY),
    "BERT4Rec": (0.1537, KLENITSKIY),
    "gSASRec": (0.1726, GSASREC),
    "eSASRec": (0.1772, ESASREC),
    "SASRec+, full CE": (0.1821, KLENITSKIY),
    "SASRec+, 3,000 negatives": (0.1857, KLENITSKIY),
}
PROTOCOL = {
    "protocol": "leave one out, 3,416 items ranked, seen items filtered, length 200, ties against the model",
    "chosen_on": "the validation item only",
    "published_ndcg_at_10": {name: value for name, (value, _) in PUBLISHED.items()},
    "published_by": {name: source for name, (_, source) in PUBLISHED.items()},
}
RECIPE = RecommenderConfig(dim=128, blocks=2, heads=2, dropout=0.3, epochs=30, learning_rate=2e-3)


def main() -> None:
    """Train one model a seed; print the table; write it."""
    options = arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    data = load("ml-1m")
    split = split_leave_one_out(data.events)
    part = "validation" if options.validate else "test"
    names = {"epochs": options.epochs, "learning_rate": options.rate, "dropout": options.dropout, "dim": options.dim}
    given = {name: value for name, value in names.items() if value is not None}
    tables, seconds, cpu, evaluation = {}, {}, {}, {}
    for seed in options.seeds:
        model = TransformerRecommender(replace(RECIPE, seed=seed, **given))
        kept = options.checkpoint / f"seed-{seed}" if options.checkpoint else None
        begun = time.process_time()
        with clock() as training:
            model.fit(split, items=data.items, checkpoint=kept)
        cpu[seed], begun = round(time.process_time() - begun, 1), time.process_time()
        tables[f"Transformer, seed {seed}"] = evaluate(model, split, part=part)
        seconds[seed], evaluation[seed] = round(training[0], 1), round(time.process_time() - begun, 2)
        print(tables[f"Transformer, seed {seed}"].round(4).to_string(), seconds, evaluation, sep="\n", flush=True)
    for name, baseline in {"item neighbours": ItemKNN(), "popularity": Popularity()}.items():
        tables[name] = evaluate(baseline.fit(split, items=data.items), split, part=part)
    whole = pd.concat(tables, names=["model"])
    if options.validate:
        print(whole.round(4).to_string())
        return
    facts = {"training_seconds": seconds, "training_cpu_seconds": cpu, "evaluation_cpu_seconds": evaluation}
    facts |= {"config": model.config.to_dict(), "mean_of_seeds": mean_of_seeds(tables, options.seeds)}
    record("ml1m", whole, sum(seconds.values()), commit=commit(), torch=version("torch"), **PROTOCOL, **facts)


def mean_of_seeds(tables: dict[str, pd.DataFrame], seeds: list[int]) -> dict[str, float]:
    """Each metric's mean over the seeds."""
    values = pd.concat([tables[f"Transformer, seed {seed}"]["value"] for seed in seeds], axis=1)
    return values.mean(axis=1).round(4).to_dict()


def commit() -> str:
    """Commit the figures come from, marked where the tree had changes of its own."""
    git = ["git", "-C", str(Path(__file__).parent)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    ours = [*git, "status", "--porcelain", "--", ".", "../causalrec_lab/recommender"]
    changed = subprocess.run(ours, capture_output=True, text=True, check=False)
    return (head.stdout.strip() or "unknown") + ("-dirty" if changed.stdout.strip() else "")


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--dropout", type=float)
    parser.add_argument("--dim", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--checkpoint", type=Path, help="folder: a killed run goes on from it")
    parser.add_argument("--validate", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
