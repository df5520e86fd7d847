"""Seconds a training epoch takes (R2), ours beside a plain padded fp32 SASRec; and the evaluation of all users (R3).

The plain model is timed with torch's fused attention and, as published, with dropout inside attention, which leaves
that kernel; the ratio is to the first.

ML-1M, the last 200 training events of each user, length 200, d = 64, 2 blocks, 2 heads, full softmax over 3,416 films;
all see the same targets once an epoch. Steps take turns, so that whoever else uses the machine slows all alike; CPU
seconds a real target, times the targets of an epoch, are the seconds of an epoch.

    python benchmarks/training_speed.py --steps 12 --threads 1
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
from plain_sasrec import PlainSASRec, padded
from recording import clock, commit, record

from causalrec_lab.data import load, split_leave_one_out
from causalrec_lab.data.building.splits import Split
from causalrec_lab.recommender import RecommenderConfig, TransformerRecommender, evaluate
from causalrec_lab.recommender.catalogue.histories import Histories, batches
from causalrec_lab.recommender.precision import resolve_precision
from causalrec_lab.recommender.sequence.network import NetworkShape, SequenceNetwork
from causalrec_lab.recommender.sequence.objective import Objective
from causalrec_lab.recommender.sequence.towers import ItemContent

CONFIG = RecommenderConfig(length=200, dim=64, blocks=2, heads=2, dropout=0.3)
USERS_A_BATCH = 64  # 64 x 200 = 12,800 places: what our batches hold
Step = Callable[[], int]


def plain(histories: Histories, n_items: int, *, fused: bool) -> Iterator[Step]:
    """Training steps of the plain model, each giving the targets it covered."""
    stories = np.split(histories.items, histories.offsets[1:-1])
    torch.manual_seed(0)
    sizes = (CONFIG.length, CONFIG.dim, CONFIG.blocks, CONFIG.heads, CONFIG.dropout)
    model = PlainSASRec(n_items, *sizes, fused=fused).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    order = np.random.default_rng(0).permutation(len(stories))
    for start in range(0, len(order), USERS_A_BATCH):
        chosen = [stories[row].tolist() for row in order[start : start + USERS_A_BATCH]]

        def step(chosen: list[list[int]] = chosen) -> int:
            inputs, targets = padded(chosen, CONFIG.length)
            optimiser.zero_grad()
            model.loss(inputs, targets).backward()
            optimiser.step()
            return int((targets > 0).sum())

        yield step


def ours(histories: Histories, n_items: int) -> Iterator[Step]:
    """Training steps of the library."""
    torch.manual_seed(0)
    sizes = {name: getattr(CONFIG, name) for name in ("length", "dim", "blocks", "heads", "dropout")}
    network = SequenceNetwork(NetworkShape(n_items, **sizes)).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=CONFIG.learning_rate, fused=True)
    objective = Objective(network, CONFIG, ItemContent(), np.unique(histories.items))
    for batch in batches(histories, CONFIG.length, CONFIG.tokens, np.random.default_rng(0)):

        def step(batch=batch) -> int:
            optimiser.zero_grad()
            objective(batch).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            return int((batch.targets > 0).sum())

        yield step


def training(split: Split, items: pd.DataFrame, steps: int) -> pd.DataFrame:
    """CPU seconds of both, step by step in turns; a row a model."""
    recent = split.train[split.train.groupby("user_id").cumcount(ascending=False) < CONFIG.length]
    histories = Histories.of(recent, pd.Index(items["item_id"]))
    sources = {
        "plain, padded, fp32": plain(histories, len(items), fused=True),
        "plain, dropout in attention": plain(histories, len(items), fused=False),
        "ours": ours(histories, len(items)),
    }
    spent = {name: [0.0, 0] for name in sources}
    for turn in range(steps + 1):
        for name, source in sources.items():
            begun = time.process_time()
            covered = next(source)()
            if turn:  # the first step prepares kernels
                spent[name][0] += time.process_time() - begun
                spent[name][1] += covered
    targets = len(histories.items)
    rows = {
        name: {"cpu_seconds": cpu, "share_of_epoch": covered / targets, "cpu_seconds_an_epoch": cpu * targets / covered}
        for name, (cpu, covered) in spent.items()
    }
    table = pd.DataFrame(rows).T
    return table.assign(times_plain=table["cpu_seconds_an_epoch"].iloc[0] / table["cpu_seconds_an_epoch"])


def evaluation(split: Split, items: pd.DataFrame, repeats: int) -> pd.DataFrame:
    """CPU seconds of the whole-catalogue evaluation of all users, by width; the least of some repeats."""
    some = split.train[split.train["user_id"] <= split.train["user_id"].min() + 60]
    rows = {}
    for dim in (64, 128):
        config = RecommenderConfig(dim=dim, epochs=1)
        model = TransformerRecommender(config).fit(some, (), items=items)  # the time does not depend on what it knows
        found = []
        for _ in range(repeats):
            begun = time.process_time()
            evaluate(model, split)
            found.append(time.process_time() - begun)
        rows[f"evaluation of {split.test['user_id'].nunique()} users, d = {dim}"] = {"cpu_seconds": min(found)}
    return pd.DataFrame(rows).T


def main() -> None:
    """Time both, print and write `results/training_speed.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12, help="steps of each model")
    parser.add_argument("--repeats", type=int, default=3, help="evaluations of each width")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = load("ml-1m")
    split = split_leave_one_out(data.events)
    with clock() as seconds:
        table = pd.concat([training(split, data.items, options.steps), evaluation(split, data.items, options.repeats)])
    facts = {"steps": options.steps, "torch_threads": options.threads, "torch": torch.__version__}
    facts |= {"precision": resolve_precision("auto", "cpu"), "config": CONFIG.to_dict()}
    record("training_speed", table.rename_axis("what"), seconds[0], commit=commit("recommender"), **facts)


if __name__ == "__main__":
    main()
