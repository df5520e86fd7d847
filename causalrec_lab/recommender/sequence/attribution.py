r"""Attributions: how much of a model's output each input accounts for. They explain the model, not the world.

Integrated gradients (Sundararajan, Taly & Yan 2017, ICML, equation 1) of a model F between a baseline :math:`x'` and an
input x, one number an input:

.. math:: a_j = (x_j - x'_j) \int_0^1 \frac{\partial F(x' + s (x - x'))}{\partial x_j} \, ds, \qquad
    \sum_j a_j = F(x) - F(x') \quad \text{(completeness)}

A column can account for much of a prediction and cause nothing (a proxy of a cause), or cause much and account for
little (what it does is read from a later column): importance is not causality.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from causalrec_lab.recommender.sequence.transformer import TransformerRecommender

__all__ = ["Attribution", "column_importance", "history_attribution", "integrated_gradients", "logit_of_history"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Attribution:
    """Attributions of one output.

    Parameters
    ----------
    table
        One row an input, column attribution, in units of the output.
    output, baseline
        The model's output for the input and for the baseline.
    """

    table: pd.DataFrame
    output: float
    baseline: float

    @property
    def gap(self) -> float:
        """What completeness leaves unexplained: output less baseline less the sum of the attributions."""
        return self.output - self.baseline - float(self.table["attribution"].sum())


def integrated_gradients(
    function: Callable[[Any], Any], inputs: Any, baseline: Any = None, *, steps: int = 64
) -> tuple[Floats, Floats]:
    """Attributions of each row's inputs, and how far each row is from completeness.

    Parameters
    ----------
    function
        Differentiable in torch: (n, ...) to (n,).
    inputs
        (n, ...) numbers.
    baseline
        What they are compared with, of the same shape or of one row; zeros by default.
    steps
        Points of Gauss-Legendre quadrature on the straight line between them.

    Returns
    -------
    (n, ...) attributions and (n,) gaps, output less baseline less their sum.

    Raises
    ------
    ValueError
        If steps is not positive, or the baseline has another shape.
    """
    import torch
    from captum.attr import IntegratedGradients

    if steps < 1:
        raise ValueError(f"integrated_gradients(steps={steps}): give at least 1; 64 is enough for smooth models")
    x = torch.as_tensor(np.array(inputs, dtype=np.float32))
    start = np.zeros(x.shape) if baseline is None else np.asarray(baseline)
    if start.shape not in (tuple(x.shape), tuple(x.shape[1:])):
        raise ValueError(f"baseline has shape {start.shape}; give {tuple(x.shape)} or one row, {tuple(x.shape[1:])}")
    origin = torch.as_tensor(np.array(np.broadcast_to(start, x.shape), dtype=np.float32))
    method: Any = IntegratedGradients(function)
    found, left = method.attribute(x, origin, n_steps=steps, return_convergence_delta=True)
    return found.detach().numpy().astype(np.float64), -left.detach().numpy().astype(np.float64)


def column_importance(
    function: Callable[[Any], Any], frame: pd.DataFrame, baseline: pd.Series[float] | None = None, *, steps: int = 64
) -> pd.DataFrame:
    """How much each column of a table accounts for in a model's outputs.

    Parameters
    ----------
    function
        Differentiable in torch: (n, columns) to (n,).
    frame
        Numeric inputs, one row a case.
    baseline
        What each column is compared with; the columns' means by default.
    steps
        As in `integrated_gradients`.

    Returns
    -------
    DataFrame indexed by column, the most important first: importance (mean absolute attribution), rank (1 the most
    important).
    """
    values = frame.to_numpy(np.float64)
    start = frame.mean() if baseline is None else baseline.reindex(frame.columns)
    found, _ = integrated_gradients(function, values, start.to_numpy(np.float64), steps=steps)
    table = pd.DataFrame({"importance": np.abs(found).mean(axis=0)}, index=pd.Index(frame.columns, name="column"))
    table = table.sort_values("importance", ascending=False, kind="stable")
    return table.assign(rank=np.arange(1, len(table) + 1))


def history_attribution(
    model: TransformerRecommender,
    user_id: Any,
    item_id: Any,
    head: Literal["interest", "behaviour"] = "behaviour",
    *,
    steps: int = 64,
) -> Attribution:
    """How much each item of a user's history accounts for in the logit of one item.

    The baseline is a history as long, with the same outcomes and gaps, of blank items: item vectors of zeros.

    Parameters
    ----------
    model
        Fitted.
    user_id, item_id
        Whose logit, of which item.
    head
        "behaviour" (of a model trained with an outcome) or "interest".
    steps
        As in `integrated_gradients`.

    Returns
    -------
    Attribution whose table has item_id and attribution, in time order: what the model reads of the history.

    Raises
    ------
    KeyError
        If the item is not in the catalogue.
    ValueError
        If the user has no history, or the model no such head.
    """
    if head not in ("interest", "behaviour"):
        raise ValueError(f"head={head!r} is unknown; give 'interest' or 'behaviour'")
    if head == "behaviour" and model.config.outcome is None:
        raise ValueError("this model has no behaviour head; train it with RecommenderConfig(outcome=column)")
    place = int(model.catalogue.get_indexer(pd.Index([item_id]))[0])
    if place < 0:
        raise KeyError(f"item {item_id!r} is not in the catalogue")
    logit, vectors, met = logit_of_history(model, user_id, place + 1, head)
    if not len(met):
        raise ValueError(f"user {user_id!r} has no history to attribute to; the logit is what fits everybody")
    found, _ = integrated_gradients(logit, vectors[None], steps=steps)
    table = pd.DataFrame({"item_id": model.catalogue[met - 1], "attribution": found[0].sum(axis=1)})
    output, baseline = (float(logit(part).detach()[0]) for part in (vectors[None], vectors[None] * 0))
    return Attribution(table, output, baseline)


def logit_of_history(
    model: TransformerRecommender, user_id: Any, number: int, head: str
) -> tuple[Callable[[Any], Any], Any, npt.NDArray[np.int64]]:
    """A function of the vectors (n, met, dim) of the items met, these vectors, and the items' numbers.

    Parameters
    ----------
    model
        Fitted.
    user_id
        Whose history.
    number
        Of the item whose logit it is, 1 the first of the catalogue.
    head
        "interest" or "behaviour".
    """
    import torch

    from causalrec_lab.recommender.catalogue.histories import last_windows

    histories = model.histories.take(pd.Index([user_id]))
    read = next(iter(last_windows(histories, model.config.length, model.config.tokens)))
    batch = read if model.config.direction == "causal" else read.hidden_end()
    end = int(batch.ends[0])
    items = batch.inputs[0, : end + 1]
    places = np.flatnonzero(items)
    with torch.no_grad():
        network = model.network.eval()
        known = network.item_vectors(model._content).detach()
    beside = [
        None if part is None else torch.as_tensor(part[:, : end + 1])
        for part in (batch.input_outcomes, batch.input_gaps)
    ]

    def logit(vectors: Any) -> Any:
        n = len(vectors)
        numbers = torch.zeros((n, end + 1), dtype=torch.long)
        numbers[:, places] = 1 + torch.arange(n * len(places)).reshape(n, -1)
        table = torch.cat([known[:1], vectors.reshape(-1, vectors.shape[-1])])
        outcomes, gaps = (None if part is None else part.expand(n, -1) for part in beside)
        states = network(numbers, table, outcomes, gaps, ends=torch.full((n,), end))
        wanted = torch.full((n,), number)
        return (
            (states * known[wanted]).sum(-1) if head == "interest" else network.behaviour_logits(states, known, wanted)
        )

    return logit, known[torch.as_tensor(items[places])], items[places]
