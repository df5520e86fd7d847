r"""How much a text tells of the hidden trait, exactly: calibration of the text dial, and the oracle that reads it.

A text of m opinions draws each one's strength :math:`s \in \{-4, …, 4\}` independently from

.. math:: p(s | h) \propto \exp(-s^2 / 2\omega^2 + b\, s\, h)

an exponential family, so :math:`S = \sum s` is sufficient for h. With the prior h ~ N(0, 1/2) the posterior mean
:math:`E[h | S]` is a sum over a fine grid, and the :math:`R^2` of h given the text is
:math:`Var(E[h | S]) / Var(h)`. The dial's target is met by choosing m, then solving for b.

Text that carries a confounder which tables do not hold follows Veitch, Sridhar & Blei (2020, "Adapting Text Embeddings
for Causal Inference", UAI).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from causalrec_lab.world.people.population import HIDDEN_SD, Floats, Ints
from causalrec_lab.world.writing.lexicon import STRENGTHS

__all__ = ["OpinionModel", "calibrated"]

SPREAD = 1.6  # omega: how far opinions stray from neutral when the trait is 0
LENGTHS = (6, 8, 10, 12, 16)  # opinions a text, tried in this order
MOST_TILT = 1.15  # beyond it strong opinions pile up at the ends and words stop telling more

_S = np.array(STRENGTHS, dtype=np.float64)
_GRID = HIDDEN_SD * np.linspace(-7.0, 7.0, 281)
_PRIOR = np.exp(-(_GRID**2) / (2 * HIDDEN_SD**2))
_PRIOR /= _PRIOR.sum()


@dataclass(frozen=True)
class OpinionModel:
    """Law of the opinions in a text.

    Parameters
    ----------
    length
        Opinions a text, m.
    tilt
        b: 0 tells nothing of the trait.
    """

    length: int
    tilt: float

    def strength_chances(self, hidden: Floats) -> Floats:
        """P(strength | h), shape (n, 9)."""
        logits = self.tilt * hidden[:, None] * _S - _S**2 / (2 * SPREAD**2)
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))

    def draw(self, hidden: Floats, rng: np.random.Generator) -> Ints:
        """Strengths of each text's opinions, shape (n, m), from -4 to 4."""
        edges = np.cumsum(self.strength_chances(hidden), axis=1)[:, :-1]
        uniform = rng.random((len(hidden), self.length))
        strengths = np.full(uniform.shape, STRENGTHS[0], dtype=np.int64)
        for edge in edges.T:
            strengths += uniform > edge[:, None]
        return strengths

    @cached_property
    def _sums(self) -> Floats:
        """P(S | h) on the grid, shape (grid, 8 m + 1): the m-fold convolution of P(strength | h)."""
        size = 8 * self.length + 1
        spectrum = np.fft.rfft(self.strength_chances(_GRID), n=size, axis=1)
        return np.clip(np.fft.irfft(spectrum**self.length, n=size, axis=1), 0.0, None)

    def posterior_mean(self, strengths: Ints) -> Floats:
        """E[h | text] of texts with these strengths, shape (n,)."""
        joint = _PRIOR[:, None] * self._likelihood()
        table = (_GRID[:, None] * joint).sum(axis=0) / joint.sum(axis=0)
        return np.asarray(table[strengths.sum(axis=1) + 4 * self.length])

    def _likelihood(self) -> Floats:
        """P(S | h) up to a factor without h: exact in the tails, where the convolution has rounded to 0."""
        total = np.arange(-4 * self.length, 4 * self.length + 1)
        log_normaliser = np.log(np.exp(self.tilt * _GRID[:, None] * _S - _S**2 / (2 * SPREAD**2)).sum(axis=1))
        logits = self.tilt * _GRID[:, None] * total - self.length * log_normaliser[:, None]
        return np.asarray(np.exp(logits - logits.max(axis=0)))

    @property
    def r2(self) -> float:
        """R^2 of the trait given the text, under its prior."""
        joint = _PRIOR[:, None] * self._sums
        mass = joint.sum(axis=0)
        mean = (_GRID[:, None] * joint).sum(axis=0) / np.maximum(mass, 1e-300)
        return float((mass * mean**2).sum() / (_PRIOR * _GRID**2).sum())


@lru_cache(maxsize=64)
def calibrated(target: float) -> OpinionModel:
    """Shortest text that can tell the share `target` of the trait's variance, and its tilt, by bisection."""
    if target == 0:
        return OpinionModel(LENGTHS[0], 0.0)
    length = next((m for m in LENGTHS if OpinionModel(m, MOST_TILT).r2 >= target), LENGTHS[-1])
    low, high = 0.0, MOST_TILT
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if OpinionModel(length, middle).r2 < target else (low, middle)
    return OpinionModel(length, (low + high) / 2)
