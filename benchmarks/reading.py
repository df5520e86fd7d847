"""R7: who reads the hidden trait h from a text best, bag-of-words or a frozen encoder, by labels and by vocabulary.

    python benchmarks/reading.py --seeds 10

Labelled texts: items whose h somebody has told us. A ridge learns h_i from the item's text; its penalty (and, where
both readings are joined, their mix) is chosen by leave-one-out on the labelled texts alone. `share` is R^2 on 1,000
other items over the oracle's R^2, which is all that the words tell; `against_words` is the paired difference to the
words. Where `read` is another writing than `taught`, the words of the other items are new; where it is "negated
phrases", `share` counts those of the 4,000 phrases with a negator ("far from perfect") that are read on their own side
of neutral. Every seed is another platform; intervals are t-intervals over seeds. Nothing was tuned on the items read.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from recording import clock, commit, record
from scipy.sparse import csr_matrix
from scipy.stats import t
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeCV

from causalrec_lab import world
from causalrec_lab.causal import effects
from causalrec_lab.recommender import TextEncoder
from causalrec_lab.world.writing.lexicon import STRENGTHS, phrases

Floats = npt.NDArray[np.float64]
LABELS, TEST, DIAL = (50, 100, 200, 500, 2_000), 1_000, 0.9
WRITINGS: dict[str, dict[str, float]] = {
    "60 phrases": {"vocabulary": 60},
    "60 phrases, equally frequent": {"vocabulary": 60, "zipf": 0.0},
    "1,000 phrases": {"vocabulary": 1_000},
    "1,000 phrases, equally frequent": {"vocabulary": 1_000, "zipf": 0.0},
    "4,000 phrases": {"vocabulary": 4_000},
    "4,000 phrases, equally frequent": {"vocabulary": 4_000, "zipf": 0.0},
    "1,000 phrases, half whole sentences": {"vocabulary": 1_000, "paraphrase": 0.5},
    "whole sentences": {"vocabulary": 1_000, "paraphrase": 1.0},
}
TAUGHT, STRANGE = "60 phrases", ("4,000 phrases, equally frequent", "whole sentences")
NEGATED = "negated phrases"
PENALTIES = np.logspace(-2, 3, 21)
MIXES = (0.2, 0.5, 0.8)  # share of the encoder where both are joined
POLES = ("It is very good.", "It is very bad.")
NEGATORS = ("far from", "not exactly", "anything but", "hardly")


class Corpus:
    """Texts of one platform's items, their trait, and what the encoder makes of them."""

    def __init__(self, writing: Mapping[str, float], seed: int, encoder: TextEncoder) -> None:
        n_items = max(LABELS) + TEST
        platform = world.Platform.make(seed=seed, n_users=2, n_items=n_items, text_r2=DIAL, **writing)
        self.texts = platform.writing.items
        self.hidden = platform.population.h_item
        self.embedded = effects.sentence_embedding(self.texts, encoder.embed)
        self.oracle = r2(self.hidden[-TEST:], platform.writing.item_oracle[-TEST:])

    def share(self, read: Floats) -> float:
        """R^2 of a reading of the last items, over the oracle's."""
        return r2(self.hidden[-TEST:], read) / self.oracle


def r2(truth: Floats, read: Floats) -> float:
    """Share of the variance that a reading explains, 1 - E[(h - read)^2] / Var(h)."""
    return float(1 - ((truth - read) ** 2).mean() / truth.var())


def scaled(learn: Any, others: Any) -> tuple[Any, Any]:
    """Features with mean squared distance 1 from the labelled texts' mean, so that one grid of penalties fits all."""
    size = np.sqrt((learn.multiply(learn) if isinstance(learn, csr_matrix) else learn**2).sum(axis=1).mean())
    spread = np.sqrt(size**2 - (np.asarray(learn.mean(axis=0)) ** 2).sum())
    return learn / spread, others / spread


def counted(learn: Sequence[str], others: Sequence[str], pairs: bool) -> tuple[Any, Any]:
    """TF-IDF of words, with pairs of neighbours or without."""
    reader = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2 if pairs else 1)).fit(learn)
    found = scaled(csr_matrix(reader.transform(learn)), csr_matrix(reader.transform(others)))
    return found if pairs else (found[0].toarray(), found[1].toarray())


def fitted(learn: Any, others: Any, labels: Floats) -> tuple[float, Floats]:
    """Leave-one-out score on the labelled texts, and predictions for the others."""
    ridge = RidgeCV(PENALTIES).fit(learn, labels)
    return float(ridge.best_score_), np.asarray(ridge.predict(others))


def readings(
    learn: Sequence[str], labels: Floats, learn_vectors: Floats, others: Sequence[str], vectors: Floats, axis: Floats
) -> dict[str, Floats]:
    """What each reader makes of the other texts."""
    words, told = counted(learn, others, pairs=False), scaled(learn_vectors, vectors)
    found = {"words": fitted(*words, labels), "words and pairs": fitted(*counted(learn, others, pairs=True), labels)}
    found["encoder"] = fitted(*told, labels)
    joined = []
    for mix in MIXES:
        learn_both, others_both = (
            np.hstack([(1 - mix) ** 0.5 * w, mix**0.5 * e]) for w, e in zip(words, told, strict=True)
        )
        joined.append(fitted(learn_both, others_both, labels))
    found["both"] = max([*joined, found["words"], found["encoder"]], key=lambda one: one[0])
    line = np.polyfit(learn_vectors @ axis, labels, 1)
    return {name: read for name, (_, read) in found.items()} | {"good - bad axis": np.polyval(line, vectors @ axis)}


def negated() -> tuple[list[str], Floats]:
    """Plain sentences with a negator and the sign of what they say."""
    found = [(p, s) for s, some in phrases(4_000).items() for p in some if p.startswith(NEGATORS) and s]
    return [f"The fit is {phrase}." for phrase, _ in found], np.sign([float(s) for _, s in found])


def neutral() -> list[str]:
    """Plain sentences that say nothing either way: where a reading changes sides."""
    return [f"The fit is {phrase}." for phrase in phrases(432)[STRENGTHS[4]]]


def one_seed(seed: int, encoder: TextEncoder) -> pd.DataFrame:
    """Every writing, number of labels and reader, on one platform a writing."""
    corpora = {name: Corpus(writing, seed, encoder) for name, writing in WRITINGS.items()}
    poles = encoder.embed(POLES).astype(float)
    traps, sides = negated()
    probes = [*traps, *neutral()]
    probed = effects.sentence_embedding(probes, encoder.embed)
    rows: list[dict[str, Any]] = []
    for taught, own in corpora.items():
        shown = {taught: own} | {name: corpora[name] for name in STRANGE if taught == TAUGHT}
        texts = [text for corpus in shown.values() for text in corpus.texts[-TEST:]] + probes
        vectors = np.vstack([*(corpus.embedded[-TEST:] for corpus in shown.values()), probed])
        for labels in LABELS:
            learn = own.texts[:labels], own.hidden[:labels], own.embedded[:labels]
            for reader, said in readings(*learn, texts, vectors, poles[0] - poles[1]).items():
                *parts, last = np.split(said, TEST * np.arange(1, len(shown) + 1))
                share = {name: corpus.share(part) for (name, corpus), part in zip(shown.items(), parts, strict=True)}
                side = np.sign(last[: len(traps)] - np.median(last[len(traps) :]))
                share[NEGATED] = float((side == sides).mean())
                rows += [
                    {"taught": taught, "read": read, "labels": labels, "reader": reader, "share": value}
                    for read, value in share.items()
                ]
    return pd.DataFrame(rows).assign(seed=seed)


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds with its t-interval, and the same of the paired difference to the words."""
    paired = ["taught", "read", "labels", "seed"]
    words = runs[runs["reader"] == "words"].set_index(paired)["share"]
    runs = runs.assign(against_words=runs["share"] - words.loc[pd.MultiIndex.from_frame(runs[paired])].to_numpy())
    grouped = runs.groupby(["taught", "read", "labels", "reader"], sort=False)[["share", "against_words"]]
    seeds = runs["seed"].nunique()
    mean, half = grouped.mean(), t.ppf(0.975, seeds - 1) * grouped.std(ddof=1) / np.sqrt(seeds)
    ends = {f"{c}_{end}": mean[c] + sign * half[c] for c in mean for end, sign in (("low", -1), ("high", 1))}
    return pd.concat([mean, pd.DataFrame(ends)], axis=1)


def main() -> None:
    """Run and write `results/reading.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    encoder = TextEncoder.load("auto", cache=False)
    with clock() as seconds:
        runs = pd.concat([one_seed(seed, encoder) for seed in range(1, options.seeds + 1)])
    facts = {
        "seeds": options.seeds,
        "text_r2": DIAL,
        "test_items": TEST,
        "encoder": encoder.name,
        "poles": POLES,
        "writings": WRITINGS,
    }
    code = commit("world", "recommender", "causal")
    record("reading", summary(runs), seconds[0], commit=code, **facts)


if __name__ == "__main__":
    main()
