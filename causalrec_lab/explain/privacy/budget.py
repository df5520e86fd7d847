"""`Budget`: what may be lost in all, what each release cost, what is left."""

from __future__ import annotations

import html
import os
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import pandas as pd

from causalrec_lab.explain.privacy.ledger import checked_loss, held, read_ledger, write_ledger
from causalrec_lab.explain.privacy.noise import Mechanism, check_loss, epsilon_of

__all__ = ["Budget", "BudgetExhausted"]

Accounting = Literal["basic", "zcdp"]
COLUMNS = ["release", "mechanism", "epsilon", "delta", "rho", "private"]


class BudgetExhausted(ValueError):  # noqa: N818  (it is a state, as the reader meets it)
    """A release that would cost more than is left; the message says what was spent, what is left, what was asked."""


class Budget:
    r"""Privacy loss that one data set may suffer over all its releases.

    Losses add up, however later releases were chosen by earlier ones. Basic: :math:`\sum_i \epsilon_i \le \epsilon`
    and :math:`\sum_i \delta_i \le \delta` (Dwork & Roth 2014, section 3.5). zCDP: :math:`\rho = \sum_i \rho_i`, turned
    into epsilon at the budget's delta by OpenDP (Bun & Steinke 2016); for many releases with Gaussian noise it is far
    less; where found groups take thresholds beside, how delta is parted between them and the conversion is to be
    settled beforehand, not by earlier answers. A release is written down *before* its noise is drawn: a crash may waste
    a spending, never forget one.

    Parameters
    ----------
    epsilon, delta
        Most that may be lost in all.
    accounting
        "basic", or "zcdp", which needs delta > 0. Chosen once: it may not follow the data.
    ledger
        JSON file of what was spent. One that exists is resumed, and every process that spends from it sees what the
        others spent. None: this object alone remembers, in the process that made it.
    of
        What data it guards, to tell ledgers apart.

    Raises
    ------
    ValueError
        If epsilon or delta is none, or the ledger is another budget's.
    FileNotFoundError
        If the ledger's folder does not exist.
    """

    def __init__(
        self,
        epsilon: float,
        delta: float = 0.0,
        *,
        accounting: Accounting = "basic",
        ledger: str | Path | None = None,
        of: str = "",
    ) -> None:
        check_loss(epsilon, delta, "Budget")
        if accounting not in ("basic", "zcdp"):
            raise ValueError(f"Budget(accounting={accounting!r}): known are 'basic' and 'zcdp'")
        if accounting == "zcdp" and delta == 0:
            raise ValueError("Budget(accounting='zcdp') needs delta > 0, at which rho becomes epsilon")
        self._terms = {"epsilon": float(epsilon), "delta": float(delta), "accounting": accounting, "of": of}
        self._path = None if ledger is None else Path(ledger).expanduser().resolve()  # one file, by whatever name
        self._process = os.getpid()
        self._releases: list[dict[str, Any]] = []
        self._turn = Lock()
        if self._path is not None and not self._path.parent.is_dir():
            raise FileNotFoundError(f"Budget(ledger={str(ledger)!r}): its folder does not exist; make it")
        with held(self._path):
            self._look()
            self._keep(self._releases)

    @property
    def epsilon(self) -> float:
        """Most that may be lost in all."""
        return float(self._terms["epsilon"])

    @property
    def delta(self) -> float:
        """Most chance of a loss beyond it."""
        return float(self._terms["delta"])

    @property
    def accounting(self) -> str:
        """How losses add up."""
        return str(self._terms["accounting"])

    @property
    def of(self) -> str:
        """What data it guards."""
        return str(self._terms["of"])

    @property
    def spent(self) -> tuple[float, float]:
        """(epsilon, delta) lost so far."""
        self._look()
        return self._total(self._releases)

    @property
    def left(self) -> float:
        """Epsilon that is left."""
        return max(0.0, float(Decimal(str(self.epsilon)) - Decimal(str(self.spent[0]))))

    @property
    def table(self) -> pd.DataFrame:
        """One row a release: release, mechanism, epsilon, delta, rho, private, and epsilon_spent after it."""
        self._look()
        told = [self._total(self._releases[: k + 1])[0] for k in range(len(self._releases))]
        return pd.DataFrame(self._releases, columns=COLUMNS).assign(epsilon_spent=told)

    def spend(self, release: str, mechanism: Mechanism, *, delta: float = 0.0, private: bool = True) -> None:
        """Write a release down, or refuse it.

        Parameters
        ----------
        release
            What is released, in words that tell nothing of the rows.
        mechanism
            Its noise.
        delta
            What the release costs beside the noise (a threshold).
        private
            False for a simulation, which spends alike, so that a study shows what a release would.

        Raises
        ------
        BudgetExhausted
            If less is left.
        ValueError
            If the loss is negative or no number, or a budget without a ledger is spent from in another process.
        """
        if self._path is None and os.getpid() != self._process:
            raise ValueError("a budget without ledger= is one process's own; give it a file, which all of them see")
        row = checked_loss(
            {
                "release": str(release),
                "mechanism": mechanism.kind,
                "epsilon": float(mechanism.epsilon),
                "delta": float(mechanism.delta + delta),
                "rho": float(mechanism.rho),
                "private": bool(private),
            }
        )
        with self._turn, held(self._path):
            self._look()
            after = self._total([*self._releases, row])
            if not (after[0] <= self.epsilon and after[1] <= self.delta):
                raise BudgetExhausted(self._refusal(row, after))
            self._keep([*self._releases, row])

    def __copy__(self) -> Budget:
        """Give the same budget: a copy that forgets what the other spends would be a second one."""
        return self

    def __deepcopy__(self, memo: Any) -> Budget:
        """Give the same budget."""
        return self

    def __repr__(self) -> str:
        spent = self.spent
        name = f" of {self.of}" if self.of else ""
        return (
            f"Budget{name}: epsilon {spent[0]:.4g} of {self.epsilon:g} and delta {spent[1]:.3g} of {self.delta:g} spent"
        )

    def _repr_html_(self) -> str:
        """The sentence and the table."""
        return f"<p>{html.escape(repr(self))}</p>{self.table.to_html(index=False, float_format='{:.4g}'.format)}"

    def _total(self, rows: list[dict[str, Any]]) -> tuple[float, float]:
        """(epsilon, delta) of these releases; decimals add up exactly, so that ten times 0.1 is 1."""
        if self.accounting == "basic":
            return _sum(rows, "epsilon"), _sum(rows, "delta")
        thresholds = _sum([row for row in rows if row["mechanism"] == "laplace"], "delta")
        share = self.delta - thresholds
        rho = sum(row["rho"] for row in rows)
        if share <= 0:
            return (float("inf"), thresholds)
        return epsilon_of(rho, share), self.delta if rho else 0.0

    def _refusal(self, row: dict[str, Any], after: tuple[float, float]) -> str:
        spent = self._total(self._releases)
        return (
            f"Budget: {row['release']!r} asks epsilon {row['epsilon']:g}, delta {row['delta']:g}; spent are epsilon "
            f"{spent[0]:.6g} of {self.epsilon:g}, delta {spent[1]:.3g} of {self.delta:g}, left epsilon "
            f"{max(0.0, self.epsilon - spent[0]):.6g}, and with it {after[0]:.6g}, {after[1]:.3g} would be spent; ask "
            "less, or take what was released: no new budget makes the old loss undone"
        )

    def _look(self) -> None:
        """See what other processes have spent."""
        body = None if self._path is None else read_ledger(self._path)
        if body is None:
            if self._releases:
                self._gone()
            return
        for name, value in self._terms.items():
            if body[name] != value:
                raise ValueError(f"Budget({name}={value!r}): its ledger is of {name}={body[name]!r}; a budget is kept")
        if body["releases"][: len(self._releases)] != self._releases:
            raise ValueError("a ledger lacks releases that stood in it: an older file was put in its place; restore it")
        self._releases = body["releases"]

    def _gone(self) -> None:
        if self._path is not None:
            raise ValueError(f"{self._path.name} is gone: {len(self._releases)} releases stood in it; restore the file")

    def _keep(self, releases: list[dict[str, Any]]) -> None:
        if self._path is not None:
            write_ledger(self._path, {**self._terms, "releases": releases})
        self._releases = releases


def _sum(rows: list[dict[str, Any]], name: str) -> float:
    return float(sum((Decimal(str(row[name])) for row in rows), Decimal(0)))
