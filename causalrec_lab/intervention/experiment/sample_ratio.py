"""Sample-ratio mismatch: whether the arms have the sizes that were planned, once, by segment, or at every look."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from causalrec_lab.intervention.experiment.units import Floats

__all__ = ["SampleRatio", "sequential_srm", "srm", "srm_by"]

FEW = 10.0  # expected units of an arm below which chi-square is no guide


@dataclass(frozen=True)
class SampleRatio:
    """Result of the check.

    Parameters
    ----------
    p_value, statistic
        Of Pearson's chi-square test of the planned shares; of the sequential test, its always-valid p and log Bayes
        factor.
    observed, expected
        Arm -> units.
    alpha
        Level below which a mismatch is called.
    where
        Segment or look the check is about; empty for the whole.
    """

    p_value: float
    statistic: float
    observed: Mapping[str, float] = field(hash=False)
    expected: Mapping[str, float] = field(hash=False)
    alpha: float
    where: str = ""

    @property
    def mismatch(self) -> bool:
        """Whether the arms' sizes contradict the plan."""
        return self.p_value < self.alpha

    def __str__(self) -> str:
        """One sentence."""
        where = f" in {self.where}" if self.where else ""
        if not self.mismatch:
            return f"arm sizes agree with the plan{where} (p = {self.p_value:.3g})"
        return (
            f"sample-ratio mismatch{where} (p = {self.p_value:.2g}): units were lost or added unequally, so the arms "
            "no longer differ by treatment alone; find the cause before reading any effect"
        )


def srm(
    counts: Mapping[str, int] | Sequence[int],
    shares: Mapping[str, float] | Sequence[float] | None = None,
    *,
    alpha: float = 0.001,
) -> SampleRatio:
    r"""Test planned against observed arm sizes.

    :math:`\sum (O - E)^2 / E` is chi-square with arms - 1 degrees of freedom. Where fewer than 10 units are expected of
    an arm, p is that of the binomial law of each arm's number (twice the smaller tail, times the arms).

    The remedy of a mismatch is to find its cause, never to reweight it away (Fabijan et al. 2019).

    Parameters
    ----------
    counts
        Units in each arm: arm -> count, or a sequence.
    shares
        Planned shares in the same form, any positive scale; None means equal.
    alpha
        Level of the alarm; small, since every experiment is checked.

    Raises
    ------
    ValueError
        If there are fewer than two arms, counts are negative or empty, shares name other arms or are not positive.
    """
    pairs = counts.items() if isinstance(counts, Mapping) else enumerate(counts)
    observed = {str(k): v for k, v in pairs}
    if len(observed) < 2 or not all(0 <= v < math.inf for v in observed.values()) or sum(observed.values()) == 0:
        raise ValueError(f"srm: counts {observed}; give the units of at least two arms, not all 0")
    planned = _planned(list(observed), shares)
    total, scale = sum(observed.values()), sum(planned.values())
    expected = {arm: total * share / scale for arm, share in planned.items()}
    statistic = sum((observed[arm] - expected[arm]) ** 2 / expected[arm] for arm in observed)
    from scipy.special import chdtrc

    few = min(expected.values()) < FEW
    p = _exact(observed, expected) if few else float(chdtrc(len(observed) - 1, statistic))
    return SampleRatio(p, float(statistic), {k: float(v) for k, v in observed.items()}, expected, alpha)


def _exact(observed: Mapping[str, float], expected: Mapping[str, float]) -> float:
    from scipy.special import bdtr, bdtrc

    n = round(sum(observed.values()))
    tails = []
    for arm, seen in observed.items():
        share, k = expected[arm] / sum(expected.values()), round(seen)
        tails += [float(bdtr(k, n, share)), 1.0 if k == 0 else float(bdtrc(k - 1, n, share))]
    return min(1.0, 2 * min(tails) * (1 if len(observed) == 2 else len(observed)))


def srm_by(
    frame: pd.DataFrame,
    segment: str,
    arm: str = "arm",
    shares: Mapping[str, float] | None = None,
    *,
    alpha: float = 0.001,
) -> dict[str, SampleRatio]:
    """Check the arms' sizes in every segment: where a mismatch sits often says what caused it.

    The level is shared out among the segments (Bonferroni), so that together they alarm no oftener than `alpha`.

    Parameters
    ----------
    frame
        One row a unit.
    segment, arm
        Columns of what units were before the assignment (browser, country, day); of arms.
    shares, alpha
        As in `srm`.

    Returns
    -------
    Segment -> check, the smallest p first.

    Raises
    ------
    ValueError
        If a column is unknown, or as `srm` does.
    """
    if missing := [name for name in (segment, arm) if name not in frame.columns]:
        raise ValueError(f"no column {missing[0]!r} in the experiment; it has {list(frame.columns)}")
    if frame[segment].isna().any():
        raise ValueError(f"column {segment!r} has missing values; give them a segment of their own")
    counts = pd.crosstab(frame[segment], frame[arm].astype(str))
    found = {
        str(name): srm({str(a): int(v) for a, v in row.items()}, shares, alpha=alpha / len(counts))
        for name, row in counts.iterrows()
    }
    placed = {
        name: SampleRatio(f.p_value, f.statistic, f.observed, f.expected, f.alpha, f"{segment} {name}")
        for name, f in found.items()
    }
    return dict(sorted(placed.items(), key=lambda pair: pair[1].p_value))


def sequential_srm(
    counts: pd.DataFrame,
    shares: Mapping[str, float] | None = None,
    *,
    alpha: float = 0.001,
    concentration: float = 10_000.0,
) -> pd.DataFrame:
    r"""Check the arms' sizes at every look, with one false alarm in 1 / alpha experiments however often one looks.

    The Bayes factor of a Dirichlet law of the shares, centred on the plan, against the plan itself:

    .. math:: \log O_n = \log\frac{B(\kappa\theta_0 + S_n)}{B(\kappa\theta_0)} - \sum_j S_{n,j} \log \theta_{0,j}

    is a martingale under the plan, so :math:`\min_{m \le n} 1 / O_m` is a p-value at all times (Lindon and Malek 2022,
    section 2).

    Parameters
    ----------
    counts
        One row a look, in time order; one column an arm; units that came since the look before.
    shares
        Arm -> planned share; None means equal.
    alpha
        Level of the alarm.
    concentration
        :math:`\kappa`: how near the plan the shares of a broken experiment are thought to be; large finds small
        mismatches, small finds large ones early.

    Returns
    -------
    DataFrame with one row a look: units of each arm so far, log_bayes_factor, p_value, mismatch.

    Raises
    ------
    ValueError
        If counts are negative or missing, there are fewer than two arms, or shares name other arms.
    """
    new = counts.to_numpy(dtype=np.float64)
    if counts.shape[1] < 2 or not (new >= 0).all():
        raise ValueError("sequential_srm: give new units by look and arm, all >= 0, of at least two arms")
    if not concentration > 0:
        raise ValueError(f"sequential_srm(concentration={concentration}): it is positive")
    arms = [str(c) for c in counts.columns]
    planned = _planned(arms, shares)
    theta = np.array([planned[arm] for arm in arms]) / sum(planned.values())
    total = new.cumsum(axis=0)
    factor = log_bayes_factor(total, theta, concentration)
    p = np.minimum(1.0, np.exp(-np.maximum.accumulate(factor)))
    table = pd.DataFrame(total.astype(np.int64), index=counts.index, columns=arms)
    return table.assign(log_bayes_factor=factor, p_value=p, mismatch=p < alpha)


def log_bayes_factor(counts: Floats, shares: Floats, concentration: float) -> Floats:
    """Log Bayes factor of `sequential_srm`.

    Parameters
    ----------
    counts
        (..., arms) units so far.
    shares
        (arms,) planned, summing to 1.
    concentration
        Of the Dirichlet law.
    """
    from scipy.special import gammaln

    prior = concentration * shares
    n = counts.sum(axis=-1)
    rising = math.lgamma(concentration) - gammaln(concentration + n)
    return np.asarray(rising + (gammaln(prior + counts) - gammaln(prior) - counts * np.log(shares)).sum(axis=-1))


def _planned(arms: list[str], shares: Mapping[str, float] | Sequence[float] | None) -> dict[str, float]:
    if shares is None:
        return dict.fromkeys(arms, 1.0)
    pairs = shares.items() if isinstance(shares, Mapping) else zip(arms, shares, strict=False)
    planned = {str(arm): share for arm, share in pairs}
    if set(planned) != set(arms) or (not isinstance(shares, Mapping) and len(shares) != len(arms)):
        raise ValueError(f"srm: shares are for {sorted(planned)}, counts for {sorted(arms)}; name the same arms")
    if not np.all(np.array(list(planned.values())) > 0):
        raise ValueError(f"srm: shares {planned}; every planned share is positive")
    return {arm: float(planned[arm]) for arm in arms}
