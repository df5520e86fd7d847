"""A logistic model of pairs, with any of the debiased losses; and the chance that a pair is seen."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from causalrec_lab.recommender import debias

__all__ = ["RatingLogit", "exposure_propensity"]

Floats = npt.NDArray[np.float64]
Loss = Literal["naive", "ips", "snips", "dr"]


class RatingLogit:
    r"""Chance that a user likes an item, :math:`\sigma(\mu + \alpha_u + \beta_i + x_u' M x_i + p_u' q_i)`.

    Trained on the pairs seen with a loss that undoes their selection ("ips", "snips", "dr") or does not ("naive"); "dr"
    imputes the losses of unseen pairs from a naive model fitted first.

    Parameters
    ----------
    loss
        Which of them.
    factors
        Length of p and q.
    penalty
        Squared-norm penalty of all coefficients but :math:`\mu`, in units of a pair's loss.
    steps, learning_rate
        Of Adam on all pairs at once.
    seed
        Of p and q.
    """

    def __init__(
        self,
        loss: Loss = "naive",
        *,
        factors: int = 8,
        penalty: float = 1.0,
        steps: int = 200,
        learning_rate: float = 0.05,
        seed: int = 0,
    ) -> None:
        if loss not in ("naive", "ips", "snips", "dr"):
            raise ValueError(f"loss={loss!r} is unknown; give 'naive', 'ips', 'snips' or 'dr'")
        self.loss, self.factors, self.penalty = loss, factors, penalty
        self.steps, self.learning_rate, self.seed = steps, learning_rate, seed

    def fit(self, liked: Any, observed: Any, user_features: Any, item_features: Any, propensity: Any = None) -> Self:
        """Learn from what was liked where it was observed.

        Parameters
        ----------
        liked, observed
            (users, items) 0 or 1; `liked` counts where `observed`.
        user_features, item_features
            (users, p), (items, q).
        propensity
            (users, items) chance of being observed; needed but for "naive".

        Raises
        ------
        ValueError
            If shapes differ, the propensity is missing, or one is not in (0, 1].
        """
        import torch

        if self.loss != "naive" and propensity is None:
            raise ValueError(f"loss={self.loss!r} needs propensity=; exposure_propensity(observed, ...) estimates one")
        y, o = (torch.as_tensor(np.asarray(part), dtype=torch.float32) for part in (liked, observed))
        if y.shape != o.shape or y.shape != (len(user_features), len(item_features)):
            raise ValueError(f"liked is {tuple(y.shape)}, observed {tuple(o.shape)}; both are (users, items)")
        self._x = [_standardised(part) for part in (user_features, item_features)]
        p = None if propensity is None else torch.as_tensor(np.asarray(propensity), dtype=torch.float32)
        imputed = self._imputed(y, o, user_features, item_features) if self.loss == "dr" else None
        self._train(y, o, p, imputed)
        return self

    def predict(self) -> Floats:
        """(users, items) chances."""
        import torch

        with torch.no_grad():
            return np.asarray(self._logits().sigmoid().numpy(), dtype=np.float64)

    def _train(self, y: Any, o: Any, p: Any, imputed: Any) -> None:
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits

        draw = torch.Generator().manual_seed(self.seed)
        (n, k), (m, q) = (part.shape for part in self._x)
        shapes = [(n, 1), (1, m), (k, q), (n, self.factors), (m, self.factors)]
        self._parts = [torch.randn(shape, generator=draw) * (0.1 if i > 2 else 0.0) for i, shape in enumerate(shapes)]
        self._level = torch.zeros(())
        for part in (self._level, *self._parts):
            part.requires_grad_()
        optimiser = torch.optim.Adam([self._level, *self._parts], lr=self.learning_rate)
        for _ in range(self.steps):
            logits = self._logits()
            losses = binary_cross_entropy_with_logits(logits, y, reduction="none")
            guess = None if imputed is None else binary_cross_entropy_with_logits(logits, imputed, reduction="none")
            norm = sum((part**2).sum() for part in self._parts)
            objective = self._objective(losses, o, p, guess) + self.penalty * norm / o.sum()
            optimiser.zero_grad()
            objective.backward()
            optimiser.step()

    def _objective(self, losses: Any, o: Any, p: Any, guess: Any) -> Any:
        if self.loss == "naive":
            return debias.naive(losses, o)
        if self.loss == "dr":
            return debias.doubly_robust(losses, o, p, guess)
        return (debias.ips if self.loss == "ips" else debias.snips)(losses, o, p)

    def _logits(self) -> Any:
        users, items, cross, p, q = self._parts
        return self._level + users + items + self._x[0] @ cross @ self._x[1].T + p @ q.T

    def _imputed(self, y: Any, o: Any, user_features: Any, item_features: Any) -> Any:
        import torch

        first = RatingLogit("naive", factors=self.factors, penalty=self.penalty, steps=self.steps, seed=self.seed + 1)
        return torch.as_tensor(first.fit(y, o, user_features, item_features).predict(), dtype=torch.float32)


def exposure_propensity(observed: Any, user_features: Any, item_features: Any, *, least: float = 0.005) -> Floats:
    """Chance that each pair is seen, (users, items), from the same features: a naive logistic model of being seen.

    Parameters
    ----------
    observed
        (users, items) 0 or 1.
    least
        Propensities below are lifted to it: a little bias against weights without bound.
    """
    everything = np.ones_like(np.asarray(observed))
    model = RatingLogit("naive", factors=0, penalty=1.0).fit(observed, everything, user_features, item_features)
    return np.asarray(np.maximum(model.predict(), least))


def _standardised(features: Any) -> Any:
    import torch

    x = np.asarray(features, dtype=np.float64)
    spread = x.std(axis=0)
    return torch.as_tensor((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0), dtype=torch.float32)
