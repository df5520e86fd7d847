"""LaLonde (T2): the experimental effect to the cent, and a placebo that observational contrasts fail."""

import pytest

from causalrec_lab import data
from causalrec_lab.causal import effects

COVARIATES = ["age", "education", "black", "hispanic", "married", "nodegree", "re74", "re75"]


def lalonde(controls):
    try:
        return data.load("lalonde", treated="nsw_dw", controls=controls).decisions
    except data.DataUnavailable as error:
        pytest.skip(f"LaLonde's data are neither in a mirror nor to be downloaded: {error}")


def test_the_experimental_effect_is_dehejia_and_wahbas_to_the_cent():
    found = effects.regression(lalonde("nsw_dw"), "treated", "re78", [], estimand="ATT")
    assert round(found.value, 2) == 1794.34
    assert round(found.std_error, 1) == 670.8


@pytest.mark.parametrize("controls", ["cps", "psid"])
def test_the_naive_observational_contrast_has_the_wrong_sign_and_adjustment_says_where_it_lacks_overlap(controls):
    frame = lalonde(controls)
    naive = effects.naive(frame, "treated", "re78")
    assert naive.high < 0  # the programme raised earnings, the contrast says it ruined them
    adjusted = effects.aipw(frame, "treated", "re78", COVARIATES, estimand="ATT")
    assert any("overlap is poor" in note for note in adjusted.notes)


@pytest.mark.parametrize("controls", ["cps", "psid"])
def test_the_placebo_on_earnings_before_the_programme_fails_without_adjustment(controls):
    frame = lalonde(controls)
    before = [c for c in COVARIATES if c != "re75"]
    assert effects.naive(frame, "treated", "re75").high < 0
    assert not effects.regression(frame, "treated", "re75", before, estimand="ATT").covers(0.0)
