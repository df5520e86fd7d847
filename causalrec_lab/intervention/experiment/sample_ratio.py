"""Sample-ratio mismatch: whether the arms have the sizes that were planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["SampleRatio", "srm"]


@dataclass(frozen=True)
class SampleRatio:
    """Result of the check.

    Parameters
    ----------
    p_value, statistic
        Of Pearson's chi-square test of the planned shares.
    observed, expected
        Arm -> units.
    alpha
        Level below which a mismatch is called.
    """

    p_value: float
    statistic: float
    observed: Mapping[str, float]
    expected: Mapping[str, float]
    alpha: float

    @property
    def mismatch(self) -> bool:
        """Whether the arms' sizes contradict the plan."""
        return self.p_value < self.alpha

    def __str__(self) -> str:
        """One sentence."""
        if not self.mismatch:
            return f"arm sizes agree with the plan (p = {self.p_value:.3g})"
        return (
            f"sample-ratio mismatch (p = {self.p_value:.2g}): units were lost or added unequally, so the arms no "
            "longer differ by "
            "treatment alone; find the cause before reading any effect"
        )


def srm(
    counts: Mapping[str, int] | Sequence[int],
    shares: Mapping[str, float] | Sequence[float] | None = None,
    *,
    alpha: float = 0.001,
) -> SampleRatio:
    r"""Test planned against observed arm sizes.

    :math:`\sum (O - E)^2 / E` is chi-square with arms - 1 degrees of freedom.

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
    observed = dict(counts) if isinstance(counts, Mapping) else {str(k): v for k, v in enumerate(counts)}
    if len(observed) < 2 or min(observed.values()) < 0 or sum(observed.values()) == 0:
        raise ValueError(f"srm: counts {observed}; give the units of at least two arms, not all 0")
    planned = _planned(list(observed), shares)
    total, scale = sum(observed.values()), sum(planned.values())
    expected = {arm: total * share / scale for arm, share in planned.items()}
    statistic = sum((observed[arm] - expected[arm]) ** 2 / expected[arm] for arm in observed)
    from scipy.stats import chi2

    p = float(chi2.sf(statistic, len(observed) - 1))
    return SampleRatio(p, float(statistic), {k: float(v) for k, v in observed.items()}, expected, alpha)


def _planned(arms: list[str], shares: Mapping[str, float] | Sequence[float] | None) -> dict[str, float]:
    if shares is None:
        return dict.fromkeys(arms, 1.0)
    planned = dict(shares) if isinstance(shares, Mapping) else dict(zip(arms, shares, strict=False))
    if set(planned) != set(arms) or (not isinstance(shares, Mapping) and len(shares) != len(arms)):
        raise ValueError(f"srm: shares are for {sorted(planned)}, counts for {sorted(arms)}; name the same arms")
    if not np.all(np.array(list(planned.values())) > 0):
        raise ValueError(f"srm: shares {planned}; every planned share is positive")
    return {arm: float(planned[arm]) for arm in arms}
