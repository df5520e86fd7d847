"""Search of settings on the validation part: `tune`, with a study on disk that goes on where it stopped."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalrec_lab.data.building.splits import Split
from causalrec_lab.recommender.config import RecommenderConfig

if TYPE_CHECKING:
    from causalrec_lab.recommender.sequence.training import EpochReport

__all__ = ["SPACE", "Tuned", "tune"]

_log = logging.getLogger(__name__)
Choices = tuple[float, float] | tuple[float, float, str] | Sequence[Any]

#: What is searched unless told otherwise: (low, high), (low, high, "log") or a list of choices.
SPACE: Mapping[str, Choices] = {
    "learning_rate": (5e-4, 5e-3, "log"),
    "dropout": (0.1, 0.5),
    "dim": [32, 64, 128],
    "blocks": [1, 2, 3],
}


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a search found.

    Parameters
    ----------
    config
        The best settings.
    value
        Their NDCG@10 on the validation part: chosen as the largest of many, so higher than it will be on the test.
    trials
        One row a trial: number, value, state ("COMPLETE", "PRUNED", "FAIL"), the settings.
    """

    config: RecommenderConfig
    value: float
    trials: pd.DataFrame


def tune(
    split: Split,
    *,
    trials: int = 20,
    space: Mapping[str, Choices] | None = None,
    base: RecommenderConfig | None = None,
    items: pd.DataFrame | None = None,
    study: Path | str | None = None,
    seed: int = 0,
) -> Tuned:
    """Search settings by NDCG@10 on the validation part; the test part is never looked at.

    Settings are proposed by a tree-structured Parzen estimator (Bergstra et al. 2011, NeurIPS) through Optuna; a trial
    below the median of the others after the same epoch is given up.

    Parameters
    ----------
    split
        Trains on its training part, chooses on its validation part.
    trials
        How many in all: a study that already holds some goes on to this number.
    space
        Setting -> (low, high), (low, high, "log") for its logarithm, or a list of choices; `SPACE` by default.
    base
        What is not searched.
    items
        As in `TransformerRecommender.fit`.
    study
        SQLite file of the study, made if it is not there; None keeps it in memory. A search that was killed goes on
        from it, its unfinished trial counted as failed.
    seed
        Of the proposals.

    Raises
    ------
    ValueError
        If a setting is unknown or its range is none, no trial was finished, or the study on disk is of another search.
    """
    import optuna

    space, base = dict(space or SPACE), base or RecommenderConfig()
    _checked(space, base)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = None if study is None else f"sqlite:///{_folder_of(study)}"
    found = optuna.create_study(
        storage=storage,
        study_name="causalrec",
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2),
    )
    _same_search(found, space, base, study)
    for trial in found.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        found.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    done = len(found.get_trials(deepcopy=False))
    found.optimize(lambda trial: _run(trial, split, space, base, items), n_trials=max(0, trials - done))
    if not found.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)):
        raise ValueError(f"tune: none of {trials} trials was finished; look at the log, or allow more of them")
    rows = [
        {"number": t.number, "value": t.value, "state": t.state.name} | t.params
        for t in found.get_trials(deepcopy=False)
    ]
    best = replace(base, **found.best_params)
    return Tuned(best, float(found.best_value), pd.DataFrame(rows).set_index("number"))


def _run(
    trial: Any, split: Split, space: Mapping[str, Choices], base: RecommenderConfig, items: pd.DataFrame | None
) -> float:
    import optuna

    from causalrec_lab.recommender.sequence.transformer import TransformerRecommender

    config = replace(base, **{name: _proposed(trial, name, choices) for name, choices in space.items()})
    if config.patience is None:
        config = replace(config, patience=config.epochs)  # keeps the best epoch, stops none
    given_up = False

    def prune(report: EpochReport) -> bool:
        nonlocal given_up
        trial.report(report.validation, report.epoch)
        given_up = bool(trial.should_prune())
        return given_up

    model = TransformerRecommender(config).fit(split, (prune,), items=items)
    if given_up:
        raise optuna.TrialPruned
    value = float(model.history["validation"].max())
    _log.info("trial %d: validation NDCG@10 %.4f with %s", trial.number, value, trial.params)
    return value


def _proposed(trial: Any, name: str, choices: Choices) -> Any:
    if isinstance(choices, list):
        return trial.suggest_categorical(name, choices)
    low, high, *scale = choices
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=bool(scale))
    return trial.suggest_float(name, low, high, log=bool(scale))


def _checked(space: Mapping[str, Choices], base: RecommenderConfig) -> None:
    """Refuse a setting that does not exist, and a range that is none."""
    for name, choices in space.items():
        RecommenderConfig.from_dict(base.to_dict() | {name: getattr(base, name, None)})
        if isinstance(choices, list):
            if not choices:
                raise ValueError(f"tune(space={{{name!r}: []}}): there is nothing to choose from")
            continue
        low, high, *scale = choices
        if not low < high or scale not in ([], ["log"]) or (scale and low <= 0):
            raise ValueError(
                f"tune(space={{{name!r}: {choices!r}}}): give (low, high) with low < high, (low, high, 'log') with "
                "0 < low, or a list of choices"
            )


def _same_search(found: Any, space: Mapping[str, Choices], base: RecommenderConfig, study: Path | str | None) -> None:
    """Refuse to go on with a study of other settings: its values could not be compared."""
    mark = json.loads(json.dumps({"space": dict(space), "base": base.to_dict()}))  # as the study keeps it
    known = found.user_attrs.get("search")
    if known is None:
        found.set_user_attr("search", mark)
    elif known != mark:
        raise ValueError(f"{study} holds a search of other settings; name another file, or remove it to begin anew")


def _folder_of(study: Path | str) -> Path:
    path = Path(study).expanduser().absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
