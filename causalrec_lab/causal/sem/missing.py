"""Rows with missing values: their patterns, and the unrestricted moments by the EM algorithm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causalrec_lab.causal.sem.sample import Block, Sample

__all__ = ["patterned_sample", "patterns"]

Array = NDArray[np.float64]
ROUNDS = 5_000
TOLERANCE = 1e-10


def patterns(values: Array) -> tuple[Block, ...]:
    """Group rows by which columns are seen."""
    seen, which = np.unique(~np.isnan(values), axis=0, return_inverse=True)
    blocks = []
    for k, mask in enumerate(seen):
        rows = np.flatnonzero(which.ravel() == k)
        part = values[np.ix_(rows, np.flatnonzero(mask))]
        centred = part - part.mean(axis=0)
        covariance = centred.T @ centred / len(part)
        blocks.append(Block(np.flatnonzero(mask), len(rows) / len(values), part.mean(axis=0), covariance, rows))
    return tuple(blocks)


def patterned_sample(values: Array) -> Sample:
    r"""Sample for full-information maximum likelihood (Arbuckle 1996).

    Its mean and covariance are those of the unrestricted normal model, by EM (Dempster, Laird & Rubin 1977); right
    where values are missing at random given what is seen.

    Raises
    ------
    ValueError
        If EM does not settle: two columns that are never seen together, say.
    """
    blocks = patterns(values)
    mean, covariance = np.nanmean(values, axis=0), np.diag(np.nanvar(values, axis=0))
    unit = np.sqrt(np.diag(covariance))
    for _ in range(ROUNDS):
        new_mean, new_covariance = _round(blocks, mean, covariance)
        moved = max(
            np.abs((new_mean - mean) / unit).max(), np.abs((new_covariance - covariance) / np.outer(unit, unit)).max()
        )
        mean, covariance = new_mean, new_covariance
        if moved < TOLERANCE:
            return Sample(len(values), mean, covariance, _constant(blocks, mean, covariance), blocks, values)
    raise ValueError(
        "the moments of rows with missing values did not settle; are there columns that are hardly ever seen together? "
        "Leave one out, or use missing='listwise'"
    )


def _round(blocks: tuple[Block, ...], mean: Array, covariance: Array) -> tuple[Array, Array]:
    """One round of EM: expected first and second moments given what is seen."""
    p = len(mean)
    first, second = np.zeros(p), np.zeros((p, p))
    for block in blocks:
        inner = covariance[np.ix_(block.seen, block.seen)]
        slope = np.linalg.solve(inner, covariance[block.seen]).T  # (p, seen): the identity where it is seen
        filled = mean + slope @ (block.mean - mean[block.seen])
        first += block.share * filled
        left = covariance - slope @ covariance[block.seen]
        second += block.share * (np.outer(filled, filled) + slope @ block.covariance @ slope.T + left)
    return first, second - np.outer(first, first)


def _constant(blocks: tuple[Block, ...], mean: Array, covariance: Array) -> float:
    """Discrepancy of the unrestricted model before it is set to 0."""
    whole = 0.0
    for block in blocks:
        inner = covariance[np.ix_(block.seen, block.seen)]
        gap = block.mean - mean[block.seen]
        spread = np.trace(np.linalg.solve(inner, block.covariance + np.outer(gap, gap)))
        whole += block.share * (float(np.linalg.slogdet(inner)[1]) + float(spread))
    return whole
