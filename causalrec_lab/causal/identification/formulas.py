"""Estimands as LaTeX maths, without dollar signs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from causalrec_lab.causal.graph.notation import latex_name

__all__ = ["adjustment", "do", "frontdoor", "no_effect", "ratio", "selected_adjustment", "transported"]

MANY = 2  # more names than these stand as one bold letter


def named(names: Collection[str], letter: str = "x") -> str:
    """Names joined, or a bold letter for more than two."""
    return ", ".join(map(latex_name, names)) if len(names) <= MANY else rf"\mathbf{{{letter}}}"


def do(treatment: str, outcome: str) -> str:
    """:math:`P(y | do(t))`."""
    return rf"P({latex_name(outcome)} \mid do({latex_name(treatment)}))"


def no_effect(treatment: str, outcome: str) -> str:
    """The outcome's own distribution: nothing the treatment does reaches it."""
    return f"{do(treatment, outcome)} = P({latex_name(outcome)})"


def adjustment(treatment: str, outcome: str, covariates: Sequence[str]) -> str:
    """Sum over the adjustment set."""
    t, y, z = latex_name(treatment), latex_name(outcome), named(covariates)
    if not z:
        return rf"{do(treatment, outcome)} = P({y} \mid {t})"
    return rf"{do(treatment, outcome)} = \sum_{{{z}}} P({y} \mid {t}, {z})\, P({z})"


def frontdoor(treatment: str, outcome: str, mediators: Sequence[str], covariates: Sequence[str] = ()) -> str:
    """Pearl's (1995) front-door formula, within strata of covariates where there are any."""
    t, y = latex_name(treatment), latex_name(outcome)
    m, w = named(mediators, "m"), named(covariates)
    given = f", {w}" if w else ""
    outer = rf"\sum_{{{w}}} P({w}) " if w else ""
    treated = rf"P({t}' \mid {w})" if w else f"P({t}')"
    inner = rf"\sum_{{{t}'}} P({y} \mid {t}', {m}{given})\, {treated}"
    return rf"{do(treatment, outcome)} = {outer}\sum_{{{m}}} P({m} \mid {t}{given}) {inner}"


def ratio(treatment: str, outcome: str, instrument: str, covariates: Sequence[str]) -> str:
    """Ratio of two covariances with an instrument."""
    t, y, w, z = latex_name(treatment), latex_name(outcome), latex_name(instrument), named(covariates)
    given = rf" \mid {z}" if z else ""
    return rf"\frac{{\mathrm{{Cov}}({y}, {w}{given})}}{{\mathrm{{Cov}}({t}, {w}{given})}}"


def selected_adjustment(
    treatment: str, outcome: str, covariates: Sequence[str], selected: Sequence[str], external: Sequence[str]
) -> str:
    """Adjustment in selected rows, `external` from outside (Correa, Tian & Bareinboim 2018, Definition 4)."""
    t, y, s = latex_name(treatment), latex_name(outcome), named(selected, "s")
    within, outside = [z for z in covariates if z not in external], [z for z in covariates if z in external]
    z, v, e = named(covariates), named(within, "v"), named(outside, "e")
    if not z:
        return rf"{do(treatment, outcome)} = P({y} \mid {t}, {s})"
    if not outside:
        share = rf"P({z} \mid {s})"
    elif not within:
        share = f"P({z})"
    else:
        share = rf"P({v} \mid {e}, {s})\, P({e})"
    return rf"{do(treatment, outcome)} = \sum_{{{z}}} P({y} \mid {t}, {z}, {s})\, {share}"


def transported(treatment: str, outcome: str, weights: Sequence[str], covariates: Sequence[str], source: str) -> str:
    """Effect on the other platform (star), from the first one's experiment or log."""
    t, y, z, w = latex_name(treatment), latex_name(outcome), named(weights, "z"), named(covariates, "w")
    left = rf"P^{{*}}({y} \mid do({t})) ="
    z_comma, z_bar = (f", {z}", rf" \mid {z}") if z else ("", "")
    inside = rf"P({y} \mid do({t}){z_comma})"
    if source == "log":
        inside = rf"P({y} \mid {t}{z_comma})"
        if w:
            inside = rf"\sum_{{{w}}} P({y} \mid {t}{z_comma}, {w})\, P({w}{z_bar})"
    return rf"{left} \sum_{{{z}}} {inside}\, P^{{*}}({z})" if z else f"{left} {inside}"
