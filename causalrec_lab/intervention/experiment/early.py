"""Early looks: few units, an arm without an event, a small arm of skewed outcomes, where the normal law is no guide."""

from __future__ import annotations

import numpy as np

from causalrec_lab.intervention.experiment.arm_means import ArmMeans
from causalrec_lab.intervention.experiment.units import Floats

__all__ = ["STEADY", "as_normal", "as_student", "freedoms", "steadied", "steady_means", "worth"]

STEADY = 25.0  # units that the arms' common variance counts for in the variance of each


def steadied(variance: Floats, count: Floats) -> Floats:
    r"""(..., arms) variances of one unit, drawn to the arms' common one as if by 25 further units.

    .. math:: \tilde s_a^2 = \frac{(n_a - 1) s_a^2 + 25 s^2}{n_a - 1 + 25}, \qquad
        s^2 = \frac{\sum_a (n_a - 1) s_a^2}{\sum_a (n_a - 1)}

    An arm of twenty without an event has :math:`s_a = 0` and would make any difference certain; looked at after every
    unit, some such moment nearly always comes. In large arms nothing changes.

    Parameters
    ----------
    variance, count
        (..., arms) variances of a unit; units.
    """
    freedom = count - 1
    common = (freedom * variance).sum(axis=-1, keepdims=True) / freedom.sum(axis=-1, keepdims=True)
    return np.asarray((freedom * variance + STEADY * common) / (freedom + STEADY))


def steady_means(found: ArmMeans) -> ArmMeans:
    """Arm means whose variances are `steadied`."""
    own, covariance = found.covariance.diagonal(), found.covariance.copy()
    np.fill_diagonal(covariance, steadied(own * found.units, found.units) / found.units)
    return ArmMeans(found.means, covariance, found.units, found.largest)


def freedoms(errors: Floats, count: Floats) -> Floats:
    """Welch's (1947) degrees of freedom of a difference.

    Parameters
    ----------
    errors, count
        (..., 2) squared errors of the two means; units.
    """
    below = (errors**2 / (count - 1)).sum(axis=-1)
    return np.asarray(np.divide(errors.sum(axis=-1) ** 2, below, out=count.sum(axis=-1) - 2.0, where=below > 0))


def worth(count: Floats) -> Floats:
    r"""Units of an even split that tell as much: :math:`4 n_0 n_1 / (n_0 + n_1)`.

    Parameters
    ----------
    count
        (..., 2) units of the two arms.
    """
    return np.asarray(4 * count.prod(axis=-1) / count.sum(axis=-1))


def as_normal(t: Floats | float, freedom: Floats | float) -> Floats:
    r"""Normal distance as improbable as |t| of Student's law.

    .. math:: z = \frac{8 f + 1}{8 f + 3} \sqrt{f \log(1 + t^2 / f)}

    Source: Wallace (1959), "Bounds on normal approximations to Student's and the chi-square distributions".

    Parameters
    ----------
    t, freedom
        Distance in standard errors; degrees of freedom f.
    """
    f = np.asarray(freedom, dtype=np.float64)
    return np.asarray((8 * f + 1) / (8 * f + 3) * np.sqrt(f * np.log1p(np.square(t) / f)))


def as_student(z: Floats | float, freedom: Floats | float) -> Floats:
    """Distance in Student's law as improbable as the normal distance z: the inverse of `as_normal`.

    Parameters
    ----------
    z, freedom
        Normal distance; degrees of freedom.
    """
    f = np.asarray(freedom, dtype=np.float64)
    with np.errstate(over="ignore"):
        return np.asarray(np.sqrt(f * np.expm1(np.square(np.asarray(z) * (8 * f + 3) / (8 * f + 1)) / f)))
