"""Two processes by torchrun, against one."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from causalrec_lab.recommender import RecommenderConfig, TransformerRecommender
from causalrec_lab.recommender.sequence.distributed import Team, join

CONFIG = {
    "length": 8, "dim": 16, "blocks": 1, "heads": 2, "dropout": 0.3, "tokens": 200, "epochs": 3, "accumulate": 2,
    "precision": "fp32", "device": "cpu", "learning_rate": 1e-2, "seed": 5,
}  # fmt: skip
SCRIPT = """
import json, sys
import pandas as pd
import torch
from causalrec_lab.recommender import RecommenderConfig, TransformerRecommender

events, config, out = pd.read_csv(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
model = TransformerRecommender(RecommenderConfig(**config)).fit(events, (), checkpoint=out + "/checkpoint")
team = (torch.distributed.get_rank(), torch.distributed.get_world_size())
found = {"losses": model.history["loss"].tolist(), "scores": model.score([3]).tolist(), "team": team}
with open(f"{out}/{team[0]}.json", "w") as file:
    json.dump(found, file)
torch.distributed.destroy_process_group()
"""


def events():
    rng = np.random.default_rng(0)
    items = np.concatenate([rng.permutation(30)[:8] for _ in range(100)])
    return pd.DataFrame({"user_id": np.repeat(np.arange(100), 8), "item_id": items})


def torchrun(folder, config, processes=2):
    folder.joinpath("train.py").write_text(SCRIPT)
    events().to_csv(folder / "events.csv", index=False)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "TQDM_DISABLE": "1"}
    start = ["torch.distributed.run", "--nproc-per-node", str(processes), "--rdzv-backend", "c10d"]
    where = ["--rdzv-endpoint", "127.0.0.1:0", "--local-addr", "127.0.0.1"]
    script = [str(folder / "train.py"), str(folder / "events.csv"), json.dumps(config), str(folder)]
    command = [sys.executable, "-m", *start, *where, *script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two processes need two cores")
def test_two_processes_learn_what_one_learns(tmp_path):
    done = torchrun(tmp_path, CONFIG)
    assert done.returncode == 0, done.stderr[-2_000:]
    found = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert [one["team"] for one in found] == [[0, 2], [1, 2]]
    alone = TransformerRecommender(RecommenderConfig(**CONFIG)).fit(events(), ())
    for one in found:
        np.testing.assert_allclose(one["losses"], alone.history["loss"], rtol=1e-5)
        np.testing.assert_allclose(one["scores"], alone.score([3]), atol=1e-3)
    assert found[0]["scores"] == found[1]["scores"]
    assert (tmp_path / "checkpoint" / "checkpoint.safetensors").is_file()


def test_a_step_of_one_batch_cannot_be_shared(monkeypatch):
    monkeypatch.setattr("causalrec_lab.recommender.sequence.transformer.join", lambda device: Team(0, 2))
    with pytest.raises(ValueError, match=r"take RecommenderConfig\(accumulate=2\)"):
        TransformerRecommender(RecommenderConfig(**CONFIG | {"accumulate": 1})).fit(events(), ())


def test_more_processes_than_cores_are_refused(monkeypatch):
    cores = len(os.sched_getaffinity(0))
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "LOCAL_WORLD_SIZE": str(cores + 1)}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"--nproc-per-node {cores}"):
        join()


def test_alone_a_sum_is_the_value():
    team = Team()
    assert team.sum(2.5, 1.0) == (2.5, 1.0)
    assert list(team.mine(range(3))) == [0, 1, 2]
    assert [list(Team(rank, 2).mine(range(4, 7))) for rank in (0, 1)] == [[4, 6], [5]]
