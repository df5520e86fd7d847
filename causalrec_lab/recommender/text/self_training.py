"""Few labels, many texts: pseudo-labels of the model's own making, and how much a label more is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from causalrec_lab.recommender.evaluation.classification import auc, auc_difference
from causalrec_lab.recommender.text.encoder import checked_texts
from causalrec_lab.recommender.text.labelled import checked_labelled

__all__ = ["SelfTrained", "learning_curve", "self_train"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Reader = Callable[[list[str], Ints, list[str], list[str]], Any]


class Classifier(Protocol):
    """What can be trained on texts: `TextClassifier`, or a scikit-learn pipeline."""

    def fit(self, texts: list[str], labels: Any) -> Any:
        """Train."""

    def predict_proba(self, texts: list[str]) -> Any:
        """(n, 2) probabilities."""


@dataclass(frozen=True)
class SelfTrained:
    """A classifier that was taught by its own confident guesses.

    Parameters
    ----------
    model
        The classifier of the last round.
    rounds
        One row a round: taken (pseudo-labelled texts), ones (share of class 1 among them), changed (of those taken the
        round before: how many fell out or changed sides).
    """

    model: Classifier
    rounds: pd.DataFrame


def self_train(
    make: Callable[[], Classifier],
    texts: Iterable[str],
    labels: Any,
    unlabelled: Iterable[str],
    *,
    confidence: float = 0.9,
    surest: float | None = None,
    rounds: int = 3,
    keep_shares: bool = True,
) -> SelfTrained:
    """Train, label the unlabelled texts the model is sure of, and train again on both (Yarowsky 1995; Lee 2013).

    Pseudo-labels are chosen anew in every round. They add what the model believes already: they can help where the
    classes lie in clusters, and they make a wrong belief firmer where not. Measure before you trust them.

    Parameters
    ----------
    make
        Gives a fresh classifier with fit(texts, labels) and predict_proba(texts).
    texts, labels
        Labelled texts, 0 or 1.
    unlabelled
        Texts without a label; never those you evaluate on.
    confidence
        Least probability of the likelier class, in [0.5, 1).
    surest
        In place of `confidence`: take this share of the pool, of each class the surest, however sure they are, in the
        labelled texts' shares (as co-training does: Blum & Mitchell 1998). For models that are honest about a noisy
        label and therefore never sure.
    rounds
        At most so many times; it ends when nothing changes.
    keep_shares
        With `confidence`: take of each class no more than keeps the labelled texts' shares (the surest first); where
        one class is never sure, that is nothing. Without it a model of imbalanced classes takes the common one only,
        and drifts there.

    Raises
    ------
    ValueError
        If the confidence, the share or the number of rounds is out of range; as `TextClassifier.fit` of the labels.
    """
    if surest is not None and not 0 < surest <= 1:
        raise ValueError(f"self_train(surest={surest}): give a share in (0, 1]")
    if not 0.5 <= confidence < 1:
        raise ValueError(f"self_train(confidence={confidence}): give a probability in [0.5, 1)")
    if rounds < 1:
        raise ValueError(f"self_train(rounds={rounds}): give a positive number")
    (own, y), pool = checked_labelled(texts, labels), checked_texts(unlabelled)
    model = make()
    model.fit(own, y)
    before, rows = np.full(len(pool), -1), []
    for _ in range(rounds if pool else 0):
        p, share = np.asarray(model.predict_proba(pool))[:, 1], float(y.mean())
        if surest is not None:
            guess = _surest(p, surest, share)
        else:
            guess = _guesses(p, confidence, share if keep_shares else None)
        taken = guess >= 0
        changed = int(((before >= 0) & (guess != before)).sum())
        rows.append((int(taken.sum()), float(guess[taken].mean()) if taken.any() else float("nan"), changed))
        if (guess == before).all() or not taken.any():
            break
        model, before = make(), guess
        model.fit(own + [pool[row] for row in np.flatnonzero(taken)], np.concatenate([y, guess[taken]]))
    return SelfTrained(model, pd.DataFrame(rows, columns=["taken", "ones", "changed"]).rename_axis("round"))


def _guesses(p: Floats, confidence: float, share: float | None) -> Ints:
    """1 or 0 where the model is sure, -1 elsewhere."""
    guess = np.where(p >= confidence, 1, np.where(p <= 1 - confidence, 0, -1))
    if share is None:
        return guess
    ones, zeros = np.flatnonzero(guess == 1), np.flatnonzero(guess == 0)
    total = min(len(ones) / share, len(zeros) / (1 - share))
    kept = np.full(len(p), -1)
    kept[ones[np.argsort(-p[ones], kind="stable")][: round(total * share)]] = 1
    kept[zeros[np.argsort(p[zeros], kind="stable")][: round(total * (1 - share))]] = 0
    return kept


def _surest(p: Floats, take: float, share: float) -> Ints:
    """1 for the highest, 0 for the lowest, -1 between; `take` of all, `share` of it ones."""
    order, guess = np.argsort(p, kind="stable"), np.full(len(p), -1)
    ones, zeros = round(take * share * len(p)), round(take * (1 - share) * len(p))
    guess[order[:zeros]] = 0
    guess[order[len(p) - ones :]] = 1
    return guess


def learning_curve(
    readers: Mapping[str, Reader],
    texts: Iterable[str],
    labels: Any,
    sizes: Sequence[int],
    *,
    test: Any,
    repeats: int = 10,
    against: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    r"""AUC on fixed test rows by number of labels, mean over draws of the training texts.

    The variance of a mean over R draws is :math:`\bar v + s^2 / R`, with :math:`\bar v` DeLong's variance of one draw
    (the test rows' chance, which further draws do not take away) and :math:`s^2` the variance between draws. Draws are
    stratified and nested: the smaller set lies in the larger.

    Parameters
    ----------
    readers
        Name -> function of (texts, labels, unlabelled texts, test texts) that gives the test texts' scores. Unlabelled
        are the training rows that were not drawn.
    texts, labels
        All rows.
    sizes
        Numbers of labels.
    test
        (n,) booleans: rows to judge on.
    repeats
        Draws.
    against
        A reader: columns gap, gap_low, gap_high then hold the paired difference to it.
    seed
        Of the draws.

    Returns
    -------
    DataFrame, one row a reader and size: reader, labels, AUC, low, high, and the gap.

    Raises
    ------
    ValueError
        If a size exceeds the training rows or gives a class no text, the test rows lack a class, lengths differ, or
        `against` is no reader.
    """
    known, y = checked_labelled(texts, labels)
    listed, held = np.array(known, dtype=object), _test_rows(test, y)
    if against is not None and against not in readers:
        raise ValueError(f"learning_curve(against={against!r}) is none of the readers {sorted(readers)}")
    unseen, pool = list(listed[held]), np.flatnonzero(~held)
    if (most := max(sizes)) > len(pool):
        raise ValueError(f"learning_curve(sizes=…): {most} labels are asked for, there are {len(pool)} training rows")
    scores: dict[tuple[str, int], list[Floats]] = {}
    for repeat in range(repeats):
        order = _stratified(y[pool], np.random.default_rng([seed, repeat]))
        for size in sizes:
            drawn, rest = pool[order[:size]], pool[order[size:]]
            if len(set(y[drawn].tolist())) < 2:
                raise ValueError(
                    f"learning_curve(sizes=…): {size} of {len(pool)} training texts do not hold both classes; ask for "
                    "more"
                )
            for name, reader in readers.items():
                found = reader(list(listed[drawn]), y[drawn], list(listed[rest]), unseen)
                scores.setdefault((name, size), []).append(np.asarray(found, dtype=np.float64))
    rows = []
    for (name, size), found in scores.items():
        row = {"reader": name, "labels": size} | _mean("AUC", "", [auc(y[held], score) for score in found])
        if against is not None:
            pairs = zip(found, scores[against, size], strict=True)
            row |= _mean("gap", "gap_", [auc_difference(y[held], ours, theirs) for ours, theirs in pairs])
        rows.append(row)
    return pd.DataFrame(rows).sort_values(["labels", "reader"], ignore_index=True)


def _test_rows(test: Any, y: Ints) -> npt.NDArray[np.bool_]:
    """Mask of the rows to judge on, looked at."""
    held = np.asarray(test, dtype=bool)
    if held.shape != y.shape:
        raise ValueError(f"learning_curve(test=…) has shape {held.shape} for {len(y)} texts; give one boolean a text")
    if len(np.unique(y[held])) < 2:
        raise ValueError(f"the {int(held.sum())} test rows do not hold both classes; AUC needs both")
    return held


def _stratified(y: Ints, rng: np.random.Generator) -> Ints:
    """An order in which every beginning holds the classes in about their shares."""
    place = np.empty(len(y))
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        place[rng.permutation(rows)] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.argsort(place, kind="stable")


def _mean(name: str, prefix: str, estimates: list[Any]) -> dict[str, float]:
    values = np.array([one.value for one in estimates])
    between = values.var(ddof=1) / len(values) if len(values) > 1 else 0.0
    error = float(np.sqrt(np.mean([one.std_error**2 for one in estimates]) + between))
    middle = float(values.mean())
    return {name: middle, f"{prefix}low": middle - 1.959964 * error, f"{prefix}high": middle + 1.959964 * error}
