"""The heads of CausalBERT: propensity and two outcome surfaces over tabular terms and a text vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalrec_lab.causal.effects.nuisances.blocks import fit_blocks, thirds
from causalrec_lab.causal.effects.nuisances.cross_fitting import by_arm, ridge_of_design
from causalrec_lab.causal.effects.nuisances.ridge import expit
from causalrec_lab.causal.effects.sample import Floats, Integers, Sample

__all__ = ["Heads"]


@dataclass(frozen=True)
class Heads:
    r"""Links :math:`D\alpha + Z a` (propensity) and :math:`D\beta_t + Z b` (outcome in arm t).

    The tabular terms have coefficients of their own in each arm, the reading of the text is shared by both.

    Parameters
    ----------
    tables
        (m, 3) coefficients of the design: propensity, outcome under control, outcome under treatment.
    text
        (d, 2) coefficients of the text vector: propensity, outcome.
    binary
        Whether the outcome is 0 or 1, so that its link is logistic.
    """

    tables: Floats
    text: Floats
    binary: bool

    @classmethod
    def fit(cls, sample: Sample, design: Floats, vectors: Floats, train: Integers) -> Heads:
        """Ridge solutions on some rows; the text's penalty is chosen there, and lowered (see `cross_fit`)."""
        t, w, m = sample.treatment[train], sample.weights[train], design.shape[1]
        D, Z, labels, outcome = design[train], vectors[train], thirds(sample, train), sample.outcome
        ridge = ridge_of_design(sample, design, train, sample.treatment, logistic=True)
        e = fit_blocks(D, Z, t, w, labels, logistic=True, ridge=ridge)
        binary = sample.binary_outcome and bool(np.ptp(sample.outcome[train]))  # all alike: no log-odds to tell
        ridge = ridge_of_design(sample, design, train, outcome, logistic=binary, arms=True)
        y = fit_blocks(by_arm(D, t), Z, outcome[train], w, labels, logistic=binary, ridge=ridge)
        tables = np.column_stack([e[:m], y[:m], y[m : 2 * m]])
        return cls(tables, np.column_stack([e[m:], y[2 * m :]]), binary)

    def predict(self, design: Floats, vectors: Floats) -> tuple[Floats, Floats, Floats]:
        """Propensity, outcome under control, outcome under treatment, (n,) each."""
        read, links = vectors @ self.text, design @ self.tables
        control, treated = links[:, 1] + read[:, 1], links[:, 2] + read[:, 1]
        if self.binary:
            control, treated = expit(control), expit(treated)
        return expit(links[:, 0] + read[:, 0]), control, treated

    def offsets(self, sample: Sample, design: Floats) -> Floats:
        """(n, 2) what the tables alone say: link of the propensity, link of the outcome in the arm observed."""
        links = design @ self.tables
        return np.column_stack([links[:, 0], np.where(sample.treated, links[:, 2], links[:, 1])])
