"""`Identification`: the answer to "does this effect follow from what is observed?"."""

from __future__ import annotations

from dataclasses import dataclass

from causalrec_lab.causal.graph.notation import markdown_text
from causalrec_lab.causal.identification.formulas import MANY

__all__ = ["TRIED", "Identification", "braces"]

TRIED = ("adjustment", "front-door", "front-door with covariates", "instrument")


@dataclass(frozen=True)
class Identification:
    """The answer to "does this effect follow from what is observed?".

    Parameters
    ----------
    treatment, outcome
        The effect asked for.
    identified
        True only where the interventional distribution follows from the observed one without further assumptions.
    method
        "no directed path", "back-door adjustment", "front-door adjustment", "front-door adjustment with covariates",
        "adjustment in selected rows", "instrument", or "" where none applies.
    estimand
        The formula as LaTeX maths, without dollar signs; more than two covariates stand in it as **x**, mediators as
        **m**. Empty where there is none.
    covariates
        The columns the formula uses beside treatment and outcome: adjustment set, mediators, or what the instrument
        is conditioned on.
    mediators
        Those of them the front-door formula goes through.
    instrument
        The instrument's column, where `method` is "instrument".
    open_path
        A path that stays open, where adjustment fails.
    needs
        What else would have to hold or be measured.
    tried
        Methods that were tried.
    efficient
        The adjustment set of least asymptotic variance, where `method` is "back-door adjustment" and the graph alone
        tells which that is; see `optimal.optimal_adjustment_set`.
    """

    treatment: str
    outcome: str
    identified: bool
    method: str
    estimand: str = ""
    covariates: tuple[str, ...] = ()
    instrument: str | None = None
    open_path: str = ""
    needs: str = ""
    tried: tuple[str, ...] = TRIED
    mediators: tuple[str, ...] = ()
    efficient: tuple[str, ...] | None = None

    def __bool__(self) -> bool:
        """Tell whether the effect is identified."""
        return self.identified

    def __str__(self) -> str:
        """Give the answer as a sentence."""
        what = f"The effect of {self.treatment} on {self.outcome} is"
        if self.method == "no directed path":
            return f"{what} zero: no directed path leads from {self.treatment} to {self.outcome}."
        if self.identified:
            return f"{what} identified by {self.method}{self._using()}."
        if self.method == "instrument":
            given = f" given {braces(self.covariates)}" if self.covariates else ""
            return (
                f"{what} identified by the instrument {self.instrument}{given} only under linearity or, as LATE, "
                f"monotonicity; not by adjustment, because this path stays open: {self.open_path}."
            )
        path = f", because this path stays open: {self.open_path}" if self.open_path else ""
        return f"{what} not identified by these methods ({', '.join(self.tried)}){path}. You would need {self.needs}."

    def _using(self) -> str:
        if not self.mediators:
            return f" with {braces(self.covariates)}" if self.covariates else " with the empty set"
        others = [name for name in self.covariates if name not in self.mediators]
        through = braces(self.mediators, "m" if len(self.mediators) > MANY else "")
        return f" with {through}" + (f", within strata of {braces(others)}" if others else "")

    def _repr_markdown_(self) -> str:
        """Sentence and formula, names from data escaped."""
        formula = f"\n\n$${self.estimand}$$" if self.estimand else ""
        best = ""
        if self.efficient is not None and set(self.efficient) != set(self.covariates):
            best = markdown_text(f"\n\nLeast asymptotic variance: adjust for {braces(self.efficient, '')}.")
        return markdown_text(str(self)) + formula + best


def braces(names: tuple[str, ...] | list[str], letter: str = "x") -> str:
    """``{a, b}``, and ``x = {a, b, c}`` where the formula stands with one bold letter."""
    return f"{f'{letter} = ' if letter and len(names) > MANY else ''}{{{', '.join(names)}}}"
