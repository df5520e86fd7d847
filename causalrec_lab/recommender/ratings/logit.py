"""A logistic model of pairs, with any of the debiased losses; and the chance that a pair is seen."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from causalrec_lab.recommender import debias

__all__ = ["RatingLogit", "exposure_propensity"]

Floats = npt.NDArray[np.float64]
Loss = Literal["naive", "ips", "snips", "dr", "dr_jl", "mrdr"]
JOINT = ("dr_jl", "mrdr")


class RatingLogit:
    r"""Chance that a user likes an item, :math:`\sigma(\mu + \alpha_u + \beta_i + x_u' M x_i + p_u' q_i)`.

    Trained on the pairs seen, with a loss that undoes their selection or ("naive") does not:

    ========  ========================================================================================================
    "ips"     inverse propensities (Schnabel et al. 2016, ICML); with `clip`, none below it
    "snips"   the same, self-normalised
    "dr"      doubly robust; losses of unseen pairs are imputed from a naive model fitted first
    "dr_jl"   doubly robust with joint learning: a second model of the same form gives pseudo-labels, and is trained,
              step by step with the first, to impute the losses seen, :math:`\sum o (\delta - \hat\delta)^2 / p` (Wang
              et al. 2019, ICML)
    "mrdr"    the same with weights :math:`o (1 - p) / p^2`, which aim at the variance of the doubly robust loss (Guo
              et al. 2021, SIGIR)
    ========  ========================================================================================================

    Parameters
    ----------
    loss
        Which of them.
    factors
        Length of p and q.
    penalty
        Squared-norm penalty of all coefficients but :math:`\mu`, in units of a pair's loss.
    clip
        Propensities below are lifted to it: a little bias against a large variance.
    steps, learning_rate
        Of Adam on all pairs at once.
    seed
        Of p and q.

    Raises
    ------
    ValueError
        If the loss is unknown, or `clip` not in [0, 1).
    """

    def __init__(
        self,
        loss: Loss = "naive",
        *,
        factors: int = 8,
        penalty: float = 1.0,
        clip: float = 0.0,
        steps: int = 200,
        learning_rate: float = 0.05,
        seed: int = 0,
    ) -> None:
        if loss not in get_args(Loss):
            raise ValueError(f"loss={loss!r} is unknown; give one of {', '.join(get_args(Loss))}")
        if not 0 <= clip < 1:
            raise ValueError(f"clip={clip!r}: give a propensity in [0, 1) below which none is taken")
        self.loss, self.factors, self.penalty, self.clip = loss, factors, penalty, clip
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
            If shapes differ, no pair is observed, `liked` is not in [0, 1] where observed, the propensity is missing,
            or one of an observed pair is not in (0, 1].
        """
        import torch

        if self.loss != "naive" and propensity is None:
            raise ValueError(f"loss={self.loss!r} needs propensity=; exposure_propensity(observed, ...) estimates one")
        y, o = (torch.as_tensor(np.asarray(part), dtype=torch.float32) for part in (liked, observed))
        if y.shape != o.shape or y.shape != (len(user_features), len(item_features)):
            raise ValueError(f"liked is {tuple(y.shape)}, observed {tuple(o.shape)}; both are (users, items)")
        y = _liked(y, o)
        features = [_standardised(part) for part in (user_features, item_features)]
        p = None
        if propensity is not None:
            debias.checked_propensities(propensity, observed)
            p = torch.as_tensor(np.asarray(propensity), dtype=torch.float32).clamp(min=self.clip)
            p = torch.where(o > 0, p, 1.0)  # of pairs not seen it is not read: 0 / 0 would be NaN
        imputed = self._imputed(y, o, user_features, item_features) if self.loss == "dr" else None
        self._surface = _Surface(features, self.factors, self.seed)
        self._train(y, o, p, imputed, _Surface(features, self.factors, self.seed + 1) if self.loss in JOINT else None)
        return self

    def predict(self) -> Floats:
        """(users, items) chances."""
        import torch

        with torch.no_grad():
            return np.asarray(self._surface.logits().sigmoid().numpy(), dtype=np.float64)

    def _train(self, y: Any, o: Any, p: Any, imputed: Any, teacher: _Surface | None) -> None:
        import torch

        optimiser = torch.optim.Adam(self._surface.parameters(), lr=self.learning_rate)
        second = None if teacher is None else torch.optim.Adam(teacher.parameters(), lr=self.learning_rate)
        for _ in range(self.steps):
            if teacher is not None and second is not None:
                self._teach(teacher, second, y, o, p)
                imputed = teacher.logits().sigmoid().detach()
            logits = self._surface.logits()
            losses = _logistic(logits, y)
            guess = None if imputed is None else _logistic(logits, imputed)
            objective = self._objective(losses, o, p, guess) + self.penalty * self._surface.norm() / o.sum()
            optimiser.zero_grad()
            objective.backward()
            optimiser.step()

    def _teach(self, teacher: _Surface, optimiser: Any, y: Any, o: Any, p: Any) -> None:
        """One step of the imputation model towards the losses that the prediction has where pairs were seen."""
        logits = self._surface.logits().detach()
        weight = o / p if self.loss == "dr_jl" else o * (1 - p) / p**2
        apart = (_logistic(logits, y) - _logistic(logits, teacher.logits().sigmoid())) ** 2
        objective = (weight * apart).sum() / o.numel() + self.penalty * teacher.norm() / o.sum()
        optimiser.zero_grad()
        objective.backward()
        optimiser.step()

    def _objective(self, losses: Any, o: Any, p: Any, guess: Any) -> Any:
        if self.loss == "naive":
            return debias.naive(losses, o)
        if self.loss in ("ips", "snips"):
            return (debias.ips if self.loss == "ips" else debias.snips)(losses, o, p)
        return debias.doubly_robust(losses, o, p, guess)

    def _imputed(self, y: Any, o: Any, user_features: Any, item_features: Any) -> Any:
        import torch

        first = RatingLogit("naive", factors=self.factors, penalty=self.penalty, steps=self.steps, seed=self.seed + 1)
        return torch.as_tensor(first.fit(y, o, user_features, item_features).predict(), dtype=torch.float32)


class _Surface:
    """Logits of all pairs and the coefficients behind them."""

    def __init__(self, features: list[Any], factors: int, seed: int) -> None:
        import torch

        self.features = features
        draw = torch.Generator().manual_seed(seed)
        (n, k), (m, q) = (part.shape for part in features)
        shapes = [(n, 1), (1, m), (k, q), (n, factors), (m, factors)]
        self.parts = [torch.randn(shape, generator=draw) * (0.1 if i > 2 else 0.0) for i, shape in enumerate(shapes)]
        self.level = torch.zeros(())
        for part in self.parameters():
            part.requires_grad_()

    def parameters(self) -> list[Any]:
        """Everything that is learned."""
        return [self.level, *self.parts]

    def norm(self) -> Any:
        """Squared norm of what the penalty holds small."""
        return sum((part**2).sum() for part in self.parts)

    def logits(self) -> Any:
        """(users, items) logits."""
        users, items, cross, p, q = self.parts
        return self.level + users + items + self.features[0] @ cross @ self.features[1].T + p @ q.T


def _liked(y: Any, o: Any) -> Any:
    """Labels of the pairs observed, 0 elsewhere, whatever stands there."""
    if not o.any():
        raise ValueError(f"none of the {o.numel():,} pairs is observed; there is nothing to learn from")
    if (bad := (o > 0) & ~((y >= 0) & (y <= 1))).any():
        raise ValueError(
            f"liked has {int(bad.sum())} observed values outside [0, 1], first {float(y[bad][0])!r}; give 1 for liked "
            "and 0 for not, such as ratings >= 3"
        )
    return y.masked_fill(o <= 0, 0.0)


def _logistic(logits: Any, labels: Any) -> Any:
    from torch.nn.functional import binary_cross_entropy_with_logits

    return binary_cross_entropy_with_logits(logits, labels, reduction="none")


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
