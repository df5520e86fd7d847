"""Left-to-right language models through the same door as the encoders: a folder, or a hub address.

"Causal" in `AutoModelForCausalLM` means that a word depends on the words before it. Nothing about causes is meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from causalrec_lab.recommender.text.embedding_cache import default_cache_dir
from causalrec_lab.recommender.text.encoder import checked_texts, quiet_transformers
from causalrec_lab.recommender.text.pretrained import Weights, find_weights

__all__ = ["TextGenerator"]


class TextGenerator:
    r"""Writes on from a prompt, :math:`p(x_1..x_m) = \prod_j p(x_j \mid x_1..x_{j-1})`.

    Make one by `TextGenerator.load`. `name` says which model was found. What it writes is plausible text, not
    knowledge of any user or item.
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.name = weights.name
        self._loaded: tuple[Any, Any] | None = None

    @classmethod
    def load(
        cls, name: str | Path, *, corpus: Sequence[str] | None = None, seed: int = 0, cache: Path | str | None = None
    ) -> TextGenerator:
        """Find a model; its weights are read when it first writes.

        Parameters
        ----------
        name
            "tiny" (a small one trained on `corpus` in seconds), a folder with config.json, tokenizer and
            model.safetensors, or a hub address ("owner/model"): from the hub cache, else from the network.
        corpus, seed
            For "tiny": the texts to learn from, and the seed.
        cache
            Folder in which "tiny" models are kept; None takes CAUSALREC_CACHE or the user's cache folder.

        Raises
        ------
        EncoderUnavailable
            If the folder has no safetensors, or the hub cannot be reached (the message says what to do).
        ValueError
            If there is no such folder and the name is no hub address, the folder's model does not write text, or "tiny"
            comes without a corpus.
        """
        if name == "tiny":
            from causalrec_lab.recommender.text.tiny_gpt import train_tiny_writer

            root = default_cache_dir() if cache is None else Path(cache)
            return cls(train_tiny_writer(checked_texts(corpus or ()), root, seed=seed))
        given = str(name)
        folder = Path(given)
        if folder.is_dir() and not (folder / "config.json").is_file():
            held = sorted(path.name for path in folder.iterdir())[:5]
            raise ValueError(
                f"{folder} holds no config.json ({held or 'it is empty'}); give the folder of a saved model"
            )
        if not folder.exists() and (folder.is_absolute() or given.startswith((".", "~")) or given.count("/") != 1):
            near = _nearest(folder)
            raise ValueError(
                f"there is no folder {given!r}{f'; did you mean {near!r}?' if near else ''}. Give a folder with "
                "config.json and model.safetensors, or a hub address 'owner/model'"
            )
        weights = find_weights(given, kind="language model")
        _refuse_what_does_not_write(weights.folder)
        return cls(weights)

    def generate(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 40,
        temperature: float = 1.0,
        top_p: float = 0.95,
        n: int = 1,
        seed: int = 0,
    ) -> list[str]:
        """`n` continuations of `prompt`, without it.

        Equal seeds give equal texts on one machine and thread count.

        Parameters
        ----------
        prompt
            Text to go on from; an empty one needs a model with a start token.
        max_new_tokens
            Most tokens written; fewer where the model ends by itself.
        temperature
            0 takes the likeliest token each time (then all n are equal); 1 draws as the model believes.
        top_p
            Draw among the likeliest tokens that together have this probability (Holtzman et al. 2020).
        n
            How many.
        seed
            Of the draws; torch's own random state is left as it was.

        Raises
        ------
        TypeError
            If the prompt is not a string.
        ValueError
            If a number is out of range, or prompt and new tokens are more than the model takes.
        """
        import torch

        (text,) = checked_texts([prompt])
        _check(max_new_tokens, temperature, top_p, n)
        tokenizer, model = self._ready()
        ids = self._start(text, max_new_tokens)
        drawn: dict[str, Any] = {"do_sample": False}
        if temperature > 0:
            drawn = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
        padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        with torch.random.fork_rng(devices=[]), torch.inference_mode(), quiet_transformers():
            torch.manual_seed(seed)
            batch = torch.tensor([ids]).repeat(n, 1)
            found = model.generate(
                batch,
                attention_mask=torch.ones_like(batch),
                max_new_tokens=max_new_tokens,
                pad_token_id=padding if padding is not None else 0,
                **drawn,
            )
        written: list[str] = tokenizer.batch_decode(found[:, len(ids) :], skip_special_tokens=True)
        return written

    def log_probability(self, text: str) -> npt.NDArray[np.float64]:
        """(tokens - 1,) log probability of each token of `text` after the first (all, with a start token), natural log.

        Raises
        ------
        TypeError, ValueError
            As in `generate`.
        """
        import torch

        (checked,) = checked_texts([text])
        _, model = self._ready()
        ids = torch.tensor([self._start(checked, 0)])
        with torch.inference_mode():
            chances = model(ids).logits[0, :-1].float().log_softmax(-1)
        return np.asarray(chances.gather(1, ids[0, 1:, None])[:, 0].numpy(), dtype=np.float64)

    def _start(self, text: str, new: int) -> list[int]:
        """Token ids of a prompt, with the model's start token where it has one."""
        tokenizer, model = self._ready()
        ids = cast(list[int], tokenizer(text, add_special_tokens=False)["input_ids"])
        start = tokenizer.bos_token_id
        ids = ids if start is None or ids[:1] == [start] else [start, *ids]
        if not ids:
            raise ValueError(f"the prompt is empty and {self.name} has no start token; give a word to begin with")
        most = getattr(model.config, "max_position_embeddings", None)
        if most is not None and len(ids) + new > most:
            raise ValueError(
                f"the prompt has {len(ids)} tokens and {new} are to be written, but {self.name} takes {most} in all; "
                "shorten the prompt or lower max_new_tokens"
            )
        return ids

    def _ready(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import AutoModelForCausalLM, AutoTokenizer

            folder = self.weights.folder
            with quiet_transformers():
                tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
                model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, use_safetensors=True)
            self._loaded = tokenizer, model.eval()
        return self._loaded


def _nearest(folder: Path) -> str | None:
    beside = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
    near = difflib.get_close_matches(folder.name, beside, n=1, cutoff=0.5)
    return str(folder.parent / near[0]) if near else None


def _refuse_what_does_not_write(folder: Path) -> None:
    """Encoders (BERT) have no left-to-right head: transformers would draw one at random and write noise."""
    import json

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    made_for = [str(name) for name in config.get("architectures") or []]
    if made_for and not any("CausalLM" in name or "LMHead" in name for name in made_for):
        raise ValueError(
            f"{folder} holds {made_for}, which does not write text; TextGenerator needs a left-to-right language model "
            "(saved from AutoModelForCausalLM). For vectors of texts take TextEncoder.load"
        )


def _check(max_new_tokens: int, temperature: float, top_p: float, n: int) -> None:
    for name, value, right in (
        ("max_new_tokens", max_new_tokens, max_new_tokens >= 1),
        ("temperature", temperature, 0 <= temperature < np.inf),
        ("top_p", top_p, 0 < top_p <= 1),
        ("n", n, n >= 1),
    ):
        if not right:
            raise ValueError(f"generate({name}={value!r}) is out of range; max_new_tokens and n are 1 or more, "
                             "temperature 0 or more, top_p in (0, 1]")  # fmt: skip
