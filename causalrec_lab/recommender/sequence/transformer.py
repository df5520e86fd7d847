"""`TransformerRecommender`: fit, score, recommend, embed, save, load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from causalrec_lab.data.building.splits import Split
from causalrec_lab.data.dataset import Dataset
from causalrec_lab.recommender.catalogue.histories import Histories, last_windows
from causalrec_lab.recommender.catalogue.interactions import (
    CatalogueRecommender,
    Scores,
    Table,
    catalogue_of,
    training_table,
)
from causalrec_lab.recommender.catalogue.item_graph import ItemGraph
from causalrec_lab.recommender.config import RecommenderConfig
from causalrec_lab.recommender.evaluation.ranking import evaluate
from causalrec_lab.recommender.precision import autocast, resolve_device, resolve_precision
from causalrec_lab.recommender.sequence.checkpoint import read_tensors
from causalrec_lab.recommender.sequence.distributed import join
from causalrec_lab.recommender.sequence.network import NetworkShape, SequenceNetwork
from causalrec_lab.recommender.sequence.towers import ItemContent, attribute_matrix, picture_tensor, text_vectors
from causalrec_lab.recommender.sequence.training import Callback, Trainer, log_line
from causalrec_lab.recommender.sequence.transfer import transfer
from causalrec_lab.recommender.text.embedding_cache import write_atomically

__all__ = ["TransformerRecommender"]

FORMAT = 1


class TransformerRecommender(CatalogueRecommender):
    """Self-attention over each user's items, with a head for interest and one for behaviour.

    Parameters
    ----------
    config
        Sizes and training.
    """

    def __init__(self, config: RecommenderConfig | None = None) -> None:
        self.config = config or RecommenderConfig()
        self.history: pd.DataFrame = pd.DataFrame()
        self.encoder_name = ""
        self.attribute_names: tuple[str, ...] = ()

    def fit(
        self,
        data: Table,
        callbacks: Sequence[Callback] = (log_line,),
        *,
        items: pd.DataFrame | None = None,
        pictures: Any = None,
        start: TransformerRecommender | None = None,
        checkpoint: Path | str | None = None,
    ) -> Self:
        """Train on events, one row an item met: user_id, item_id, timestamp and the columns the configuration names.

        Parameters
        ----------
        data
            Table, data set (its events) or split (its training part; validation serves `patience`).
        callbacks
            Called after every epoch with an `EpochReport`; one that returns True ends the training.
        items
            Table with item_id (and text, for a text tower); a data set brings its own.
        pictures
            (n_items, height, width, 3) thumbnails in the order of the items, bytes or numbers in [0, 1]: a third tower.
        start
            Model of another catalogue or domain whose weights this one begins with, but for the items' identities:
            what it learned of sequences, texts and attributes of the same name (transfer).
        checkpoint
            Folder for a checkpoint an epoch. A killed run that is started again goes on from it, with the same numbers.

        Raises
        ------
        TrainingDiverged
            If the loss stops being finite.
        ValueError
            If the table breaks its contract, or the checkpoint belongs to something else.
        """
        table = training_table(data)
        self._catalogue = catalogue_of(data, items)
        config = self.config
        self._histories = Histories.of(
            table, self._catalogue, outcome=config.outcome, weight=config.weight, gaps=config.gaps
        )
        known = data.items if items is None and isinstance(data, Dataset) else items
        text, self.encoder_name = text_vectors(self.config, known)
        device = resolve_device(self.config.device)
        attributes, self.attribute_names = attribute_matrix(self.config, known)
        self._content = ItemContent(text, picture_tensor(pictures, len(self._catalogue)), attributes).to(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            self.network = SequenceNetwork(self._shape()).to(device)
        names = self.attribute_names
        origin = "" if start is None else transfer(start.network, self.network, start.attribute_names, names)
        validate = self._validation(data) if isinstance(data, Split) and self.config.patience else None
        folder = None if checkpoint is None else Path(checkpoint)
        team = join(torch.device(device).type)
        parts = (self.network, config, self._histories, self._content, validate, folder, team, self._catalogue, origin)
        trainer = Trainer(*parts)
        self.history = pd.DataFrame(trainer.run(callbacks).history)
        self._forget_strangers(known)
        return self

    @property
    def outcome(self) -> str | None:
        """Column whose chance the behaviour head tells; None without that head."""
        return self.config.outcome

    def read(self, frame: pd.DataFrame) -> Histories:
        """Histories in a table of events, with the outcomes and times where this model reads them."""
        return Histories.of(frame, self.catalogue, outcome=self.config.outcome, gaps=self.config.gaps)

    def score(self, user_ids: Any, head: Literal["interest", "behaviour"] = "interest") -> Scores:
        """(n, items) scores of the whole catalogue: logits of the next item, or P(outcome) if that item is met.

        Raises
        ------
        ValueError
            If the behaviour head is asked of a model trained without an outcome.
        """
        return self.score_histories(self._of(user_ids), head)

    def score_histories(self, histories: Histories, head: Literal["interest", "behaviour"] = "interest") -> Scores:
        """(n, items) scores for `histories`; an empty one gives what fits everybody."""
        states = torch.from_numpy(self.embed_histories(histories)).to(self.network.device)
        vectors = self._item_vectors()
        if head == "interest":
            interest: Scores = (states @ vectors[1:].T).cpu().numpy()
            return interest
        if head != "behaviour":
            raise ValueError(f"head={head!r} is unknown; give 'interest' or 'behaviour'")
        if self.config.outcome is None:
            raise ValueError("this model has no behaviour head; train it with RecommenderConfig(outcome=column)")
        with torch.inference_mode():
            logits = self.network.behaviour(states) @ vectors[1:].T
            logits += self.network.behaviour_bias.weight[1:, 0] + self.network.base_rate
            chances: Scores = logits.sigmoid().cpu().numpy()
            return chances

    def propensity(self, user_ids: Any) -> Scores:
        """(n, items) chance that each item is the one met next, rows summing to 1: the softmax of the interest.

        Trained on what was shown, it is a model of exposure for the losses of `debias`; it knows only what the history
        tells.
        """
        scores = torch.from_numpy(self.score(user_ids))
        chances: Scores = scores.softmax(-1).numpy()
        return chances

    def embed_users(self, user_ids: Any) -> npt.NDArray[np.float32]:
        """(n, dim) states of the users after their whole history."""
        return self.embed_histories(self._of(user_ids))

    def embed_items(self, item_ids: Any = None) -> npt.NDArray[np.float32]:
        """(n, dim) item vectors, of the whole catalogue unless ids are given.

        Raises
        ------
        KeyError
            If an id is not in the catalogue.
        """
        vectors = self._item_vectors()[1:].cpu().numpy()
        if item_ids is None:
            return vectors
        places = self._catalogue.get_indexer(pd.Index(np.atleast_1d(np.asarray(item_ids))))
        if (places < 0).any():
            strange = np.atleast_1d(item_ids).tolist()[int(np.argmin(places))]
            raise KeyError(f"item {strange!r} is not in the catalogue of {len(self._catalogue)} items")
        return vectors[places]

    def save(self, folder: Path | str) -> Path:
        """Write model.safetensors (weights, histories) and model.json (configuration, ids); nothing is pickled."""
        from safetensors.torch import save

        self._require_fit()
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        tensors = {f"network.{name}": value.cpu().contiguous() for name, value in self.network.state_dict().items()}
        tensors |= {
            "items": torch.from_numpy(self._histories.items),
            "offsets": torch.from_numpy(self._histories.offsets),
        }
        beside = {"outcomes": self._histories.outcomes, "gaps": self._histories.gaps}
        tensors |= {name: torch.from_numpy(values) for name, values in beside.items() if values is not None}
        content = vars(self._content).items()
        tensors |= {name: part.cpu().contiguous() for name, part in content if part is not None}
        head = {
            "format": FORMAT,
            "config": self.config.to_dict(),
            "shape": asdict(self.network.shape),
            "encoder": self.encoder_name,
            "attributes": list(self.attribute_names),
            "catalogue": self._catalogue.tolist(),
            "users": self._histories.users.tolist(),
            "history": self.history.to_dict("records"),
        }
        write_atomically(target / "model.safetensors", save(tensors))
        write_atomically(target / "model.json", json.dumps(head).encode())
        return target

    @classmethod
    def load(cls, folder: Path | str) -> TransformerRecommender:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            If the folder holds no saved model.
        ValueError
            If its weights are missing or broken, or it was written in a format this version does not know.
        """
        source = Path(folder)
        if not (source / "model.json").is_file():
            raise FileNotFoundError(f"{source} holds no model.json; it is no folder a recommender was saved to")
        head = json.loads((source / "model.json").read_text(encoding="utf-8"))
        if head.get("format") != FORMAT:
            raise ValueError(f"{source}: saved in format {head.get('format')!r}, this version reads {FORMAT}")
        _, tensors = read_tensors(source / "model.safetensors", "save the model again")
        model = cls(RecommenderConfig.from_dict(head["config"]))
        device = resolve_device(model.config.device if not model.config.device.startswith("cuda") else "auto")
        model.network = SequenceNetwork(NetworkShape(**head["shape"])).to(device).eval()
        model.network.load_state_dict({n[8:]: v for n, v in tensors.items() if n.startswith("network.")})
        model._catalogue = pd.Index(head["catalogue"], name="item_id")
        users = pd.Index(head["users"], name="user_id")
        outcomes, gaps = (tensors[name].numpy() if name in tensors else None for name in ("outcomes", "gaps"))
        items, offsets = tensors["items"].numpy(), tensors["offsets"].numpy()
        model._histories = Histories(users, items, offsets, outcomes, gaps=gaps)
        content = (tensors.get(name) for name in ("text", "pictures", "attributes"))
        model._content = ItemContent(*content).to(device)
        model.encoder_name, model.attribute_names = head["encoder"], tuple(head.get("attributes", ()))
        model.history = pd.DataFrame(head["history"])
        return model

    def _shape(self) -> NetworkShape:
        sizes = {name: getattr(self.config, name) for name in ("length", "dim", "blocks", "heads", "dropout", "gaps")}
        return NetworkShape(
            len(self._catalogue),
            text_dim=0 if self._content.text is None else self._content.text.shape[1],
            outcome=self.config.outcome is not None,
            pictures=self._content.pictures is not None,
            attributes=len(self.attribute_names),
            bidirectional=self.config.direction == "bidirectional",
            **sizes,
        )

    def _validation(self, split: Split) -> Any:
        def validate() -> float:
            k = min(10, len(self._catalogue))
            table = evaluate(self, split, k=(k,), part="validation", replications=2)
            return float(table["value"][f"NDCG@{k}"])

        return validate

    def _forget_strangers(self, items: pd.DataFrame | None) -> None:
        """With a content tower, items never met speak by their content, and by what their neighbours lend them."""
        if self._content.empty:
            return
        met = np.isin(np.arange(1, len(self._catalogue) + 1), self._histories.items)
        identity = self.network.identity.weight.detach()[1:]
        lent = torch.zeros_like(identity)
        if self.config.neighbours and items is not None:
            graph = ItemGraph.of(items, self.config.attributes)
            lent = torch.from_numpy(graph.spread(identity.cpu().numpy(), met, self.config.neighbours)).to(identity)
        identity[torch.from_numpy(~met)] = lent[torch.from_numpy(~met)]

    def _item_vectors(self) -> Tensor:
        self._require_fit()
        with torch.no_grad():
            return self.network.eval().item_vectors(self._content).detach()

    def embed_histories(self, histories: Histories) -> npt.NDArray[np.float32]:
        """(n, dim) state after each whole history."""
        out = np.zeros((len(histories.users), self.config.dim), dtype=np.float32)
        vectors, device = self._item_vectors(), self.network.device
        with torch.inference_mode(), autocast(resolve_precision(self.config.precision, device.type), device.type):
            for read in last_windows(histories, self.config.length, self.config.tokens):
                batch = read if self.config.direction == "causal" else read.hidden_end()
                parts = (batch.inputs, batch.input_outcomes, batch.input_gaps, batch.ends)
                items, outcomes, gaps, ends = (None if p is None else torch.from_numpy(p).to(device) for p in parts)
                states = self.network(items, vectors, outcomes, gaps, ends=ends)
                out[batch.rows] = states.float().cpu().numpy()
        return out
