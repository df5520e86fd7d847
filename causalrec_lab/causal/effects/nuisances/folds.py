"""Folds for cross-fitting that keep users, items or clusters whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from causalrec_lab.causal.effects.sample import Floats, Integers

__all__ = ["check_groups", "splits"]


def splits(
    n: int, folds: int, groups: Sequence[Integers], treatment: Floats, seed: int
) -> Iterator[tuple[Integers, Integers]]:
    """(train, test) row numbers; a group never stands in both.

    One group column: its groups are dealt to folds. Two (user and item): each is dealt, a test set is one cell of the
    grid, and its training set shares neither user nor item with it (Chiang, Kato, Ma and Sasaki 2022).

    Raises
    ------
    ValueError
        If there are fewer groups than folds, or a training set would be empty or of one class.
    """
    rng = np.random.default_rng(seed)
    if not 2 <= folds <= n:
        raise ValueError(f"folds={folds}; give a number between 2 and the {n:,} rows")
    labels = [_deal(codes, folds, rng) for codes in groups] or [_deal_stratified(treatment, folds, rng)]
    cells = np.unique(np.column_stack(labels), axis=0)
    for cell in cells:
        same = np.column_stack([label == value for label, value in zip(labels, cell, strict=True)])
        train = np.flatnonzero(~same.any(axis=1))
        if len(train) == 0 or treatment[train].min() == treatment[train].max():
            raise ValueError(
                f"a fold's training set has {len(train):,} rows of one treatment class after groups are kept whole; "
                "use fewer folds or larger data"
            )
        yield train, np.flatnonzero(same.all(axis=1))


def check_groups(count: int, folds: int) -> None:
    """Refuse fewer groups than folds.

    Raises
    ------
    ValueError
        If there are, with what to do about it.
    """
    if count < folds:
        what = "one group holds every row" if count == 1 else f"only {count} groups to deal to them"
        way_out = f"use {count} folds" if count == 2 else f"use 2 to {count} folds"
        if count == 1:
            way_out = "folds keep groups whole and need two or more: name a column of more groups in groups="
        raise ValueError(f"folds={folds} but {what}; {way_out}")


def _deal(codes: Integers, folds: int, rng: np.random.Generator) -> Integers:
    count = int(codes.max()) + 1
    check_groups(count, folds)
    return np.asarray(rng.permutation(np.arange(count) % folds)[codes])


def _deal_stratified(treatment: Floats, folds: int, rng: np.random.Generator) -> Integers:
    labels = np.empty(len(treatment), dtype=np.int64)
    for arm in (0, 1):
        rows = np.flatnonzero(treatment == arm)
        labels[rows] = rng.permutation(np.arange(len(rows)) % folds)
    return labels
