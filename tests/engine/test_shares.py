"""What several processes do without meeting: who is who, whose a share is, what they are told, what is refused."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from desktop_llm.engine import device as devices
from desktop_llm.engine import orders, shards
from desktop_llm.engine.gradient import Gradient
from desktop_llm.engine.ranks import ALONE, Ranks, from_environment
from desktop_llm.engine.spread import Spread
from desktop_llm.errors import UserError
from desktop_llm.jobs import snapshot
from desktop_llm.jobs.recipe import Recipe, changed
from desktop_llm.tasks import TASKS
from tests import run_folders


def test_torchrun_says_who_is_who() -> None:
    assert from_environment({}) == ALONE
    told = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    assert from_environment(told) == Ranks(rank=3, world=4, local=1, near=2)


def test_one_alone_decides_at_once() -> None:
    before = torch.get_rng_state()
    assert ALONE.decided(1, 0) == (1, 0)
    assert ALONE.gathered("all") == ["all"]
    assert ALONE.agreed(lambda: 7) == 7
    ALONE.seed(1, 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_chance_is_another_one_for_each_process_and_step() -> None:
    seen = set()
    for rank, step in itertools.product(range(3), range(1, 4)):
        Ranks(rank=rank, world=3).seed(42, step)
        first = torch.rand(1).item()
        Ranks(rank=rank, world=3).seed(42, step)
        assert torch.rand(1).item() == first
        seen.add(first)
    assert len(seen) == 9


@pytest.mark.parametrize(("most", "places"), [(0, 0), (3, 0), (0, 60)])
def test_the_shares_of_all_slices_are_the_batch(tmp_path: Path, most: int, places: int) -> None:
    folder = run_folders.make(tmp_path)
    job = folder.job()
    rows = list(snapshot.rows(folder.snapshot, "train"))
    learner = TASKS[job.task].open_learn().build(job, lambda _: rows, None, lambda *_: None)
    examples = learner.encode(rows, lambda *_: None)
    cut = []
    for rank in range(3):
        spread = Spread(learner, Ranks(rank=rank, world=3))
        gradient = Gradient(learner, examples, devices.choose(job.recipe), group_by_length=True, spread=spread)
        gradient.most, gradient.places = most, places
        cut.append([spread.ranks.share(one) for one in gradient.slices(np.arange(40))])
    # equally many slices for each: those of a model in parts meet in every one of them
    assert len({len(one) for one in cut}) == 1
    assert sorted(np.concatenate([share for one in cut for share in one]).tolist()) == list(range(40))
    for share in (share for one in cut for share in one if len(share)):
        assert not most or len(share) <= most
        assert not places or len(share) * int(examples.lengths[share].max()) <= places or len(share) == 1


def test_a_plain_tensor_is_its_own_part() -> None:
    plain = torch.arange(4.0)
    assert shards.local(plain) is plain
    assert shards.whole(plain) is plain
    assert shards.part_of(plain, plain) is plain
    assert shards.like(plain, plain) is plain


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"optim": "adafactor"}, "adafactor"),
        ({"torch_compile": True}, "not compiled"),
        ({"fp16": True}, "fp16"),
        ({"model": "/somewhere", "lora_r": 4, "load_in_4bit": True}, "4 bits"),
    ],
)
def test_what_cannot_be_shared_out_is_refused_before_the_start(values: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        changed(Recipe(), {"fsdp": "full_shard", **values})


def test_more_gpus_than_there_are_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="asks for 2 GPUs, this machine has one NVIDIA GPU"):
        devices.choose(Recipe(device="cuda"), Ranks(rank=1, world=2, local=1, near=2))


WAITS = """
import sys, time
from desktop_llm.engine import orders
from desktop_llm.jobs.control import Control

orders.LEAVE_SECONDS = 0.2
control = Control()
assert orders.listen(control)
print(control.wait_while_paused(0.0), flush=True)
while control.wish != "{wish}":
    time.sleep(0.01)
print(control.wish, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("rank", ["0", "1"])
def test_whoever_gave_the_words_is_gone_and_the_process_leaves(rank: str) -> None:
    """The first process hears words; all of them notice the end."""
    told = "pause" if rank == "0" else "leave"
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS.format(wish=told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, orders.VARIABLE: "1", "RANK": rank},
        cwd=Path(__file__).parents[2],
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "run"
        if rank == "0":
            process.stdin.write("pause\n")
            process.stdin.flush()
        else:
            process.stdin.close()
        assert process.stdout.readline().strip() == told
        process.stdin.close()
        assert process.wait(timeout=60) == 0
