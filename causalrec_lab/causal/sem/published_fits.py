"""Published structural equation models with their data and figures, to check a fit against.

Every figure was compared with a printed output of lavaan: its tutorial (https://lavaan.ugent.be/tutorial; kept with
outputs at https://github.com/yrosseel/lavaan.org.old, folder tutorial.src), and pages that `source` names. The works
the data come from (Holzinger and Swineford 1939, Wheaton et al. 1977, Bollen 1989) were not opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalrec_lab.causal.graph.notation import nearest

if TYPE_CHECKING:
    from causalrec_lab.causal.sem.result import SemResult

__all__ = ["PublishedFit", "names", "published"]

DECIMALS = 3  # as the sources print them
Relation = tuple[str, str, str]


@dataclass(frozen=True)
class PublishedFit:
    """A model, its data where they may be printed here, and the figures its source prints.

    Parameters
    ----------
    name, source
        What it is called and where it was published.
    model
        Text for `fit_sem`.
    n
        Rows.
    indices
        Fit index -> published value.
    parameters
        (lhs, op, rhs) -> published estimate and standard error.
    covariance
        Covariance matrix (divisor n - 1) as DataFrame; None where the rows are a data set of the registry.
    """

    name: str
    source: str
    model: str
    n: int
    indices: Mapping[str, float]
    parameters: Mapping[Relation, tuple[float, float]]
    covariance: pd.DataFrame | None = None

    def beside(self, fit: SemResult) -> pd.DataFrame:
        """Table of every published figure: measured, published, equal (to the three decimals that are printed)."""
        rows: dict[str, tuple[float, float]] = {k: (float(fit.fit_indices[k]), v) for k, v in self.indices.items()}
        places = {(p.lhs, p.op, p.rhs): k for k, p in enumerate(fit.specification.parameters)}
        for relation, (value, error) in self.parameters.items():
            row = fit.paths.iloc[places[relation]]
            rows[" ".join(relation)] = float(row["estimate"]), value
            rows["error of " + " ".join(relation)] = float(row["std_error"]), error
        out = pd.DataFrame.from_dict(rows, orient="index", columns=["measured", "published"])
        return out.assign(equal=out["measured"].round(DECIMALS).eq(out["published"])).rename_axis("figure")


def names() -> tuple[str, ...]:
    """Names of the published fits."""
    return tuple(_FITS)


def published(name: str) -> PublishedFit:
    """One published fit.

    Parameters
    ----------
    name
        "holzinger" (rows: the data set of that name), "democracy" or "alienation".

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in _FITS:
        raise ValueError(f"no published fit {name!r}; {nearest(name, _FITS)}")
    return _FITS[name]


def _matrix(variables: str, lower: str) -> pd.DataFrame:
    """Covariance matrix from its lower triangle, row by row."""
    order = variables.split()
    matrix = np.zeros((len(order), len(order)))
    matrix[np.tril_indices(len(order))] = np.array(lower.split(), float)
    return pd.DataFrame(matrix + np.tril(matrix, -1).T, index=order, columns=order)


_HOLZINGER = PublishedFit(
    "holzinger",
    "Holzinger & Swineford (1939), A study in factor analysis; figures: lavaan 0.5-18, as printed at "
    "https://stats.stackexchange.com/questions/157962 (the tutorial's CFA example)",
    "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9",
    301,
    MappingProxyType(
        {
            "chi2": 85.306, "df": 24, "baseline_chi2": 918.852, "CFI": 0.931, "TLI": 0.896, "RMSEA": 0.092,
            "RMSEA_low": 0.071, "RMSEA_high": 0.114, "p_close": 0.001, "SRMR": 0.065, "log_likelihood": -3737.745,
            "log_likelihood_unrestricted": -3695.092, "AIC": 7517.490, "BIC": 7595.339,
        }
    ),
    MappingProxyType(
        {
            ("visual", "=~", "x2"): (0.554, 0.100), ("visual", "=~", "x3"): (0.729, 0.109),
            ("textual", "=~", "x5"): (1.113, 0.065), ("textual", "=~", "x6"): (0.926, 0.055),
            ("speed", "=~", "x8"): (1.180, 0.165), ("speed", "=~", "x9"): (1.082, 0.151),
            ("visual", "~~", "textual"): (0.408, 0.074), ("visual", "~~", "speed"): (0.262, 0.056),
            ("textual", "~~", "speed"): (0.173, 0.049), ("visual", "~~", "visual"): (0.809, 0.145),
            ("x1", "~~", "x1"): (0.549, 0.114), ("x9", "~~", "x9"): (0.566, 0.071),
        }
    ),
)  # fmt: skip

_DEMOCRACY = PublishedFit(
    "democracy",
    "Bollen (1989), Structural Equations with Latent Variables: industrialisation and political democracy in 75 "
    "developing countries; figures: lavaan's tutorial, A SEM example (lavaan.org.old, tutorial.src/sem.tex); "
    "covariances: computed from the rows that semopy ships (examples.political_democracy)",
    """ind60 =~ x1 + x2 + x3
dem60 =~ y1 + y2 + y3 + y4
dem65 =~ y5 + y6 + y7 + y8
dem60 ~ ind60
dem65 ~ ind60 + dem60
y1 ~~ y5
y2 ~~ y4 + y6
y3 ~~ y7
y4 ~~ y8
y6 ~~ y8""",
    75,
    MappingProxyType({"chi2": 38.125, "df": 35, "p_value": 0.329}),
    MappingProxyType(
        {
            ("ind60", "=~", "x2"): (2.180, 0.139), ("ind60", "=~", "x3"): (1.819, 0.152),
            ("dem60", "=~", "y2"): (1.257, 0.182), ("dem60", "=~", "y3"): (1.058, 0.151),
            ("dem60", "=~", "y4"): (1.265, 0.145), ("dem65", "=~", "y6"): (1.186, 0.169),
            ("dem65", "=~", "y7"): (1.280, 0.160), ("dem65", "=~", "y8"): (1.266, 0.158),
            ("dem60", "~", "ind60"): (1.483, 0.399), ("dem65", "~", "ind60"): (0.572, 0.221),
            ("dem65", "~", "dem60"): (0.837, 0.098), ("y1", "~~", "y5"): (0.624, 0.358),
            ("y2", "~~", "y4"): (1.313, 0.702), ("y2", "~~", "y6"): (2.153, 0.734),
            ("y3", "~~", "y7"): (0.795, 0.608), ("y4", "~~", "y8"): (0.348, 0.442),
            ("y6", "~~", "y8"): (1.356, 0.568), ("dem65", "~~", "dem65"): (0.172, 0.215),
        }
    ),
    _matrix(
        "y1 y2 y3 y4 y5 y6 y7 y8 x1 x2 x3",
        """6.878566
        6.251366 15.579816
        5.838835 5.838626 10.764247
        6.088643 9.508553 6.687937 11.218932
        5.063811 5.603072 4.939027 5.702059 6.825690
        5.745826 9.386289 4.727396 7.442182 4.976805 11.375325
        5.811943 7.535462 7.006435 7.487999 5.821366 6.748119 10.799372
        5.671058 7.758213 5.639139 8.012646 5.339386 8.246830 7.592433 10.533872
        0.734393 0.619496 0.786879 1.150461 1.081626 0.852789 0.936837 1.102881 0.537149
        1.273394 1.491273 1.551935 2.240957 2.063733 1.805486 1.995595 2.234237 0.990361 2.282107
        0.911455 1.169813 1.039080 1.838023 1.583465 1.572066 1.625954 1.692157 0.823424 1.806091 1.976024""",
    ),
)  # fmt: skip

_ALIENATION = PublishedFit(
    "alienation",
    "Wheaton, Muthén, Alwin & Summers (1977), Assessing reliability and stability in panel models, Sociological "
    "Methodology 8; covariances and figures: lavaan's tutorial, Using a covariance matrix as input (lavaan.org.old, "
    "tutorial.src/cov.tex); baseline: https://tvpollet.github.io/PY_0794/Lecture_9/Wheaton_Exercise.html",
    """ses =~ education + sei
alien67 =~ anomia67 + powerless67
alien71 =~ anomia71 + powerless71
alien71 ~ alien67 + ses
alien67 ~ ses
anomia67 ~~ anomia71
powerless67 ~~ powerless71""",
    932,
    MappingProxyType({"chi2": 4.735, "df": 4, "p_value": 0.316, "baseline_chi2": 2133.722}),
    MappingProxyType(
        {
            ("ses", "=~", "sei"): (5.219, 0.422), ("alien67", "=~", "powerless67"): (0.979, 0.062),
            ("alien71", "=~", "powerless71"): (0.922, 0.059), ("alien71", "~", "alien67"): (0.607, 0.051),
            ("alien71", "~", "ses"): (-0.227, 0.052), ("alien67", "~", "ses"): (-0.575, 0.056),
            ("anomia67", "~~", "anomia71"): (1.623, 0.314), ("powerless67", "~~", "powerless71"): (0.339, 0.261),
        }
    ),
    _matrix(
        "anomia67 powerless67 anomia71 powerless71 education sei",
        """11.834 6.947 9.364 6.819 5.091 12.532 4.783 5.028 7.495 9.986 -3.839 -3.889 -3.841 -3.625 9.610
        -21.899 -18.831 -21.748 -18.775 35.522 450.288""",
    ),
)  # fmt: skip

_FITS = {fit.name: fit for fit in (_HOLZINGER, _DEMOCRACY, _ALIENATION)}
