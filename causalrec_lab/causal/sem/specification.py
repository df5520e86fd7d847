"""A model's variables and parameters, completed by lavaan's default rules, as positions in the model's matrices."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from causalrec_lab.causal.graph.notation import nearest
from causalrec_lab.causal.sem.syntax import Statement

__all__ = ["Parameter", "Specification", "specify"]


@dataclass(frozen=True)
class Parameter:
    """One entry of the model.

    `index` numbers free parameters (equal labels share one) and is -1 where the value is fixed; `exogenous` marks the
    means, variances and covariances of observed covariates, which stay at their sample values; `start` is a starting
    value of the user's.
    """

    lhs: str
    op: str
    rhs: str
    label: str = ""
    fixed: float | None = None
    index: int = -1
    exogenous: bool = False
    start: float | None = None

    @property
    def relation(self) -> str:
        """``lhs op rhs``."""
        return f"{self.lhs} ~ 1" if self.op == "~1" else f"{self.lhs} {self.op} {self.rhs}"

    @property
    def name(self) -> str:
        """The label, or ``lhs op rhs``."""
        return self.label or self.relation


@dataclass(frozen=True)
class Specification:
    """Variables, parameters, defined parameters ``(name, expression)`` and constraints ``(left, right)``."""

    observed: tuple[str, ...]
    latent: tuple[str, ...]
    covariates: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    defined: tuple[tuple[str, str], ...] = ()
    constraints: tuple[tuple[str, str], ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """Observed first, then latent: the order of every matrix."""
        return self.observed + self.latent

    @property
    def has_means(self) -> bool:
        """Whether intercepts are part of the model."""
        return any(p.op == "~1" for p in self.parameters)

    @property
    def free(self) -> tuple[Parameter, ...]:
        """First parameter of each free index, in order."""
        seen: dict[int, Parameter] = {}
        for p in self.parameters:
            if p.index >= 0:
                seen.setdefault(p.index, p)
        return tuple(seen[i] for i in sorted(seen))

    def edges(self) -> list[tuple[str, str, Parameter]]:
        """Every arrow of the path diagram as (cause, effect, parameter), loadings included."""
        arrows = {"~": lambda p: (p.rhs, p.lhs, p), "=~": lambda p: (p.lhs, p.rhs, p)}
        return [arrows[p.op](p) for p in self.parameters if p.op in arrows]

    def released(self) -> Specification:
        """The same model with the moments of the covariates among its free parameters, after the others."""
        count = itertools.count(len(self.free))
        rows = tuple(replace(p, exogenous=False, index=next(count)) if p.exogenous else p for p in self.parameters)
        return replace(self, covariates=(), parameters=rows, defined=(), constraints=())


def specify(
    statements: Sequence[Statement],
    columns: Iterable[str],
    *,
    means: bool = False,
    unit_latents: bool = False,
    orthogonal: bool = False,
) -> Specification:
    """Complete a model by the defaults of lavaan's ``sem()`` (Rosseel 2012).

    The first loading of a latent variable is 1; every endogenous variable has a free residual variance, every latent
    variable a free variance; exogenous latent variables covary, and so do the residuals of outcomes that cause nothing;
    observed covariates keep their sample moments. With means (asked for, or ``~ 1`` stated), intercepts of observed
    variables are free and those of latent ones 0.

    Parameters
    ----------
    statements, columns
        The model and the names of the data's columns.
    means
        Whether intercepts are part of the model even if none is stated.
    unit_latents
        Latent variances 1 and first loadings free (``std.lv``).
    orthogonal
        Exogenous latent variables do not covary.

    Raises
    ------
    ValueError
        If a variable is neither latent nor a column, a relation is stated twice, or a latent is also a column.
    """
    columns = [str(c) for c in columns]
    latent = tuple(dict.fromkeys(s.lhs for s in statements if s.op == "=~"))
    relations = [s for s in statements if s.op not in (":=", "==")]
    observed = _observed(relations, latent, columns)
    _refuse_twice(relations)
    outcomes = {s.lhs for s in relations if s.op == "~"} | {s.rhs for s in relations if s.op == "=~"}
    touched = {n for s in relations if s.op in ("~~", "~1") for n in (s.lhs, s.rhs)}
    covariates = tuple(n for n in observed if n not in outcomes and n not in touched)
    rows = [*_stated(relations, unit_latents), *_defaults(relations, observed, latent, unit_latents, orthogonal)]
    if means or any(s.op == "~1" for s in relations):
        rows += _intercepts(relations, observed, latent, covariates)
    rows += [Parameter(a, "~~", b, exogenous=True) for a, b in itertools.combinations_with_replacement(covariates, 2)]
    defined = tuple((s.lhs, s.rhs) for s in statements if s.op == ":=")
    constraints = tuple((s.lhs, s.rhs) for s in statements if s.op == "==")
    return Specification(observed, latent, covariates, _numbered(rows), defined, constraints)


def _observed(relations: Sequence[Statement], latent: Sequence[str], columns: list[str]) -> tuple[str, ...]:
    ends = (((s.rhs,) if s.op == "=~" else (s.lhs, s.rhs)) for s in relations)
    observed = tuple(n for n in dict.fromkeys(itertools.chain.from_iterable(ends)) if n and n not in latent)
    if both := [n for n in latent if n in columns]:
        raise ValueError(f"latent variable {both[0]!r} is also a column of the data; rename one")
    if not observed:
        raise ValueError("the model has no observed variable: nothing measures it; say which columns do, f =~ x1 + x2")
    if absent := [n for n in observed if n not in columns]:
        raise ValueError(
            f"{absent[0]!r} is neither a latent variable nor a column; {nearest(absent[0], columns)}, or if it is "
            f"latent say what measures it: {absent[0]} =~ …"
        )
    return observed


def _refuse_twice(relations: Sequence[Statement]) -> None:
    seen: set[tuple[str, str, str]] = set()
    for s in relations:
        first, second = sorted((s.lhs, s.rhs)) if s.op == "~~" else (s.lhs, s.rhs)
        key = s.op, first, second
        if key in seen:
            raise ValueError(f"{s.lhs} {s.op} {s.rhs} is stated twice; state it once")
        seen.add(key)
        if s.op != "~~" and s.lhs == s.rhs:
            raise ValueError(f"{s.lhs} {s.op} {s.rhs}: a variable cannot be its own cause; for a variance write ~~")


def _stated(relations: Sequence[Statement], unit_latents: bool) -> list[Parameter]:
    rows, begun = [], set()
    for s in relations:
        fixed = s.fixed
        if s.op == "=~" and s.lhs not in begun:
            begun.add(s.lhs)
            if fixed is None and not s.freed and not s.label and not unit_latents:
                fixed = 1.0
        if fixed is not None and s.op == "~~" and s.lhs == s.rhs and fixed < 0:
            raise ValueError(f"{s.lhs} ~~ {fixed:g}*{s.rhs}: a variance is 0 or more")
        if s.freed and fixed is not None:
            raise ValueError(f"{s.lhs} {s.op} {s.rhs} is both fixed ({fixed:g}) and freed (NA); choose one")
        rows.append(Parameter(s.lhs, s.op, s.rhs, s.label, fixed, start=s.start))
    return rows


def _defaults(
    relations: Sequence[Statement],
    observed: Sequence[str],
    latent: Sequence[str],
    unit_latents: bool,
    orthogonal: bool,
) -> list[Parameter]:
    stated = {frozenset((s.lhs, s.rhs)) for s in relations if s.op == "~~"}
    touched = {n for pair in stated for n in pair} | {s.lhs for s in relations if s.op == "~1"}
    caused = {s.lhs for s in relations if s.op == "~"}
    causes = {s.rhs for s in relations if s.op == "~"}
    measured = {s.rhs for s in relations if s.op == "=~"}
    with_variance = [n for n in observed if n in caused | measured or n in touched] + list(latent)
    pairs = [(n, n) for n in with_variance]
    if not orthogonal:
        pairs += itertools.combinations([n for n in latent if n not in caused | measured], 2)
    ends = [n for n in (*latent, *observed) if n in caused and n not in causes | measured]
    pairs += itertools.combinations(ends, 2)
    free_covariates = [n for n in observed if n not in caused | measured]
    pairs += [
        pair for pair in itertools.combinations(free_covariates, 2) if any(n in touched for n in pair)
    ]  # a covariate with a stated covariance is no longer fixed, and stays correlated with the others
    unit = set(latent) if unit_latents else set()
    return [
        Parameter(a, "~~", b, fixed=1.0 if a == b and a in unit else None)
        for a, b in pairs
        if frozenset((a, b)) not in stated
    ]


def _intercepts(
    relations: Sequence[Statement], observed: Sequence[str], latent: Sequence[str], covariates: Sequence[str]
) -> list[Parameter]:
    stated = {s.lhs for s in relations if s.op == "~1"}
    rows = [Parameter(n, "~1", "", exogenous=n in covariates) for n in observed if n not in stated]
    return rows + [Parameter(n, "~1", "", fixed=0.0) for n in latent if n not in stated]


def _numbered(rows: Sequence[Parameter]) -> tuple[Parameter, ...]:
    number: dict[str, int] = {}
    out = []
    _refuse_mixed_labels(rows)
    for row in rows:
        if row.fixed is not None or row.exogenous:
            out.append(row)
        else:
            out.append(replace(row, index=number.setdefault(row.name, len(number))))
    return tuple(out)


def _refuse_mixed_labels(rows: Sequence[Parameter]) -> None:
    """Equal labels are one parameter, which cannot be fixed here and free, or fixed elsewhere, there."""
    first: dict[str, Parameter] = {}
    for row in rows:
        one = first.setdefault(row.label, row) if row.label else row
        if one.fixed != row.fixed:
            states = [f"{p.relation} ({'free' if p.fixed is None else f'fixed at {p.fixed:g}'})" for p in (one, row)]
            raise ValueError(
                f"label {row.label!r} stands on {' and '.join(states)}; equal labels are one parameter: fix both at "
                "one value, or rename one"
            )
