"""T4: the three-factor model of Holzinger & Swineford (1939) as lavaan fits it, to three decimals."""

from __future__ import annotations

import pytest

from causalrec_lab import data
from causalrec_lab.causal import fit_sem

MODEL = """
visual  =~ x1 + x2 + x3
textual =~ x4 + x5 + x6
speed   =~ x7 + x8 + x9
"""


def test_three_factor_model_equals_lavaan():
    try:
        scores = data.load("holzinger").extra["scores"]
    except OSError as error:
        pytest.skip(f"Holzinger-Swineford scores are not to be had: {error}")
    fit = fit_sem(MODEL, scores)
    indices = fit.fit_indices.round(3)
    published = {"chi2": 85.306, "df": 24, "CFI": 0.931, "TLI": 0.896, "RMSEA": 0.092, "SRMR": 0.065}
    assert {name: indices[name] for name in published} == published
    likelihood = {"log_likelihood": -3737.745, "AIC": 7517.490, "BIC": 7595.339}
    assert {name: indices[name] for name in likelihood} == likelihood
    assert (indices["RMSEA_low"], indices["RMSEA_high"]) == (0.071, 0.114)
    loadings = fit.paths[fit.paths["op"] == "=~"].set_index("rhs")[["estimate", "std_error"]].round(3)
    expected = {
        "x2": (0.554, 0.100),
        "x3": (0.729, 0.109),
        "x5": (1.113, 0.065),
        "x6": (0.926, 0.055),
        "x8": (1.180, 0.165),
        "x9": (1.082, 0.151),
    }
    assert {name: tuple(loadings.loc[name]) for name in expected} == expected
